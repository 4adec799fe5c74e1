/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"
#include "traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

struct totals {
	uint64_t made, seen, checked, untranslated, foreign, arp_requests, arp_replies, bad;
	uint64_t faults[PST_FAULTS];
	const uint8_t *sample;
};

static void
add_queue(struct totals *all, const struct pst_maker *maker, const struct pst_checker *checker)
{
	const volatile uint64_t *made = &maker->made, *seen = &checker->seen;

	all->made += *made;
	all->seen += *seen;
	all->checked += checker->checked;
	all->untranslated += checker->untranslated;
	all->foreign += checker->foreign;
	all->arp_requests += checker->arp_requests;
	all->arp_replies += maker->arp_replies;
	for (uint32_t i = 0; i < PST_FAULTS; i++) {
		all->faults[i] += checker->faults[i];
		all->bad += checker->faults[i];
	}
	if (checker->has_sample)
		all->sample = checker->sample;
}

static struct totals
add_up(void)
{
	struct totals all = { 0 };

	for (uint16_t port = 0; port < PST_TRAFFIC_PORTS; port++)
		for (uint16_t q = 0; q < pst_traffic.queues; q++)
			add_queue(&all, &pst_traffic.makers[port][q],
				&pst_traffic.checkers[port][q]);
	return all;
}

uint64_t
pst_report_made(void)
{
	return add_up().made;
}

uint64_t
pst_report_seen(void)
{
	return add_up().seen;
}

static uint32_t
count_learnt(void)
{
	uint32_t n = 0;

	if (pst_traffic_is_setup())
		return 0; /* of what is under way only */
	for (uint32_t f = 0; pst_traffic.learnt != NULL && f < pst_traffic.params.plan.flows; f++)
		n += pst_traffic.learnt[f].port != 0;
	return n;
}

static void
write_summary(FILE *to, const struct pst_summary *sum)
{
	fprintf(to,
		"\"windows\":%u,\"kept\":%u,\"probe_quiet_ns\":%u,"
		"\"ns\":{\"min\":%.3f,\"median\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f},"
		"\"tsc\":%.2f,\"tsc_hz\":%" PRIu64 ",\"mpps\":%.3f,",
		sum->windows, sum->kept, sum->probe_quiet_ns, sum->ns_min, sum->ns_median,
		sum->ns_p99, sum->ns_p999, sum->ns_max, sum->tsc_median, rte_get_tsc_hz(),
		sum->ns_median > 0 ? 1000 / sum->ns_median : 0);
}

/* Null where the CPU does not count. */
static void
write_counts(FILE *to, const struct pst_summary *sum)
{
	if (sum->counted)
		fprintf(to,
			"\"counts\":{\"cycles\":%.1f,\"instructions\":%.1f,"
			"\"llc_misses\":%.3f},",
			sum->counts[PST_COUNT_CYCLES], sum->counts[PST_COUNT_INSTRUCTIONS],
			sum->counts[PST_COUNT_MISSES]);
	else
		fprintf(to, "\"counts\":null,");
}

static double
us_of(uint32_t ticks)
{
	return ticks * 1e6 / rte_get_tsc_hz();
}

static void
write_rounds(FILE *to, const char *what, const struct pst_rounds *rounds)
{
	fprintf(to,
		"\"%ss\":%u,\"%s_p50_us\":%.2f,\"%s_p99_us\":%.2f,\"%s_p999_us\":%.2f,"
		"\"%s_p9999_us\":%.2f,\"%s_max_us\":%.2f,",
		what, rounds->n, what, us_of(rounds->p50), what, us_of(rounds->p99), what,
		us_of(rounds->p999), what, us_of(rounds->p9999), what, us_of(rounds->max));
}

static void
write_connections(FILE *to, const struct pst_summary *sum)
{
	const struct pst_traffic_params *params = &pst_traffic.params;
	double ns = sum->ns_median * pst_steady_packets(params->tcp);

	if (pst_traffic_is_setup())
		fprintf(to, "\"packets_per_connection\":%u,\"connections_per_s\":%.0f,",
			pst_steady_packets(params->tcp), ns > 0 ? 1e9 / ns : 0);
}

static void
write_sample(FILE *to, const uint8_t *sample)
{
	fprintf(to, ",\"bad_frame\":\"");
	for (uint32_t i = 0; i < PST_FRAME_LINE; i++)
		fprintf(to, "%02x", sample[i]);
	fprintf(to, "\"");
}

static void
write_totals(FILE *to, const struct totals *all)
{
	uint64_t sent = all->made - pst_traffic.made_before;
	uint64_t seen = all->seen - pst_traffic.seen_before;

	fprintf(to,
		"\"sent\":%" PRIu64 ",\"seen\":%" PRIu64 ",\"lost\":%" PRId64
		",\"checked\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"untranslated\":%" PRIu64
		",\"foreign\":%" PRIu64 ",\"arp_requests\":%" PRIu64
		",\"arp_replies\":%" PRIu64 ",\"faults\":{",
		sent, seen, (int64_t)(sent - seen), all->checked, all->bad,
		all->untranslated, all->foreign, all->arp_requests, all->arp_replies);
	for (uint32_t i = 1; i < PST_FAULTS; i++)
		fprintf(to, "%s\"%s\":%" PRIu64, i == 1 ? "" : ",", pst_fault_name(i),
			all->faults[i]);
	fprintf(to, "}");
	if (all->sample != NULL)
		write_sample(to, all->sample);
}

/* All windows as [ns per packet, probe ns]: runs are compared under one quiet probe. */
static void
write_windows(FILE *to)
{
	const char *comma = "";

	fprintf(to, ",\"raw\":[");
	for (uint32_t lcore = 0; lcore < RTE_MAX_LCORE; lcore++) {
		const struct pst_meter *meter = pst_traffic.meters[lcore];

		for (uint32_t w = 0; meter != NULL && w < meter->count; w++) {
			const struct pst_window *win = &meter->windows[w];

			fprintf(to, "%s[%.3f,%u]", comma, (double)win->cpu_ns / win->packets,
				win->probe_ns);
			comma = ",";
		}
	}
	fprintf(to, "]");
}

int
pst_report_write(const char *failure)
{
	const struct pst_traffic_params *params = &pst_traffic.params;
	struct totals all = add_up();
	struct pst_summary sum;
	FILE *to = stderr;

	if (params->report != NULL)
		to = fopen(params->report, "w");
	if (to == NULL || pst_meter_sum(pst_traffic.meters, RTE_MAX_LCORE, &sum) != 0)
		return -1;
	fprintf(to, "{\"mode\":\"%s\",\"flows\":%u,\"sizes\":%u,\"queues\":%u,\"learnt\":%u,",
		pst_traffic_is_setup() ? "setup" : "forward", params->plan.flows,
		params->plan.n_sizes, pst_traffic.queues, count_learnt());
	if (failure != NULL)
		fprintf(to, "\"failure\":\"%s\",", failure);
	write_summary(to, &sum);
	write_counts(to, &sum);
	write_rounds(to, "loop", &sum.loop);
	write_rounds(to, "idle", &sum.idle);
	write_rounds(to, "every", &sum.every);
	fprintf(to, "\"stretches\":%u,\"left_alone\":%u,", sum.stretches, sum.left);
	write_connections(to, &sum);
	write_totals(to, &all);
	write_windows(to);
	fprintf(to, "}\n");
	return to == stderr ? fflush(to) : fclose(to);
}
