/* SPDX-License-Identifier: BSD-3-Clause */
#include "meter.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROBE_ROUNDS 10000
#define PROBE_SLACK 1.06 /* slower than a quiet probe by more: disturbed */
#define PROBE_QUIET 0.005 /* the quantile that is quiet: the very fastest are flukes */

static uint64_t
cpu_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Six adds that do not wait for each other: as many as the core can do when it is alone. */
static uint32_t
probe(void)
{
	uint64_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0;
	uint64_t start = cpu_time_ns();

	for (uint32_t i = 0; i < PROBE_ROUNDS; i++)
		__asm__ volatile("add $1, %0; add $1, %1; add $1, %2;"
				 "add $1, %3; add $1, %4; add $1, %5"
				 : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
	return cpu_time_ns() - start;
}

/* Written to, so that no page is missing in the measurement. */
struct pst_meter *
pst_meter_create(void)
{
	struct pst_meter *meter = malloc(sizeof(*meter));

	if (meter == NULL)
		return NULL;
	memset(meter, 0xff, sizeof(*meter));
	memset(meter, 0, offsetof(struct pst_meter, windows));
	memset(&meter->rounds, 0, offsetof(struct pst_round_log, stretches));
	meter->rounds.stretch_ticks = rte_get_tsc_hz() / PST_ROUNDS_STRETCHES_A_SECOND;
	return meter;
}

static void
close_window(struct pst_meter *meter, const struct pst_window *window)
{
	if (!meter->open || meter->count == PST_METER_WINDOWS)
		return;
	meter->windows[meter->count] = *window;
	pst_rounds_wait(&meter->rounds, meter->count);
	meter->count++;
}

static struct pst_counts
since(const struct pst_counts *now, const struct pst_counts *start)
{
	struct pst_counts counts;

	for (int i = 0; i < PST_COUNTS; i++)
		counts.of[i] = now->of[i] - start->of[i];
	return counts;
}

void
pst_meter_turn(struct pst_meter *meter)
{
	uint64_t tsc = rte_rdtsc();
	uint64_t cpu = cpu_time_ns();
	struct pst_counts counts;
	bool counted = pst_counts_read(meter->open ? meter->counts_fd : -1, &counts);
	uint32_t after;

	if (meter->open)
		pst_rounds_end(&meter->rounds, meter->count, false);
	else
		meter->counts_fd = pst_counts_open();
	after = probe();
	close_window(meter, &(struct pst_window){
		.cpu_ns = cpu - meter->cpu_start,
		.tsc = tsc - meter->tsc_start,
		.packets = meter->packets,
		.probe_ns = RTE_MAX(meter->probe_ns, after),
		.counted = counted,
		.counts = since(&counts, &meter->counts_start),
	});
	meter->open = true;
	meter->packets = 0;
	meter->probe_ns = after;
	pst_rounds_begin(&meter->rounds);
	pst_counts_read(meter->counts_fd, &meter->counts_start);
	meter->cpu_start = cpu_time_ns();
	meter->tsc_start = rte_rdtsc();
}

void
pst_meter_rest(struct pst_meter *meter)
{
	uint64_t tsc = rte_rdtsc();
	uint64_t cpu = cpu_time_ns();
	struct pst_counts before, after;

	pst_counts_read(meter->counts_fd, &before);
	pst_rounds_end(&meter->rounds, meter->count, false);
	pst_rounds_wait(&meter->rounds, meter->count);
	pst_rounds_begin(&meter->rounds);
	pst_counts_read(meter->counts_fd, &after);
	for (int i = 0; i < PST_COUNTS; i++)
		meter->counts_start.of[i] += after.of[i] - before.of[i];
	meter->cpu_start += cpu_time_ns() - cpu;
	meter->tsc_start += rte_rdtsc() - tsc;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
quantile(const double *sorted, uint32_t n, double q)
{
	return sorted[(uint32_t)(q * (n - 1) + 0.5)];
}

static void
count_windows(struct pst_meter *const *meters, uint32_t n, struct pst_summary *sum)
{
	for (uint32_t m = 0; m < n; m++)
		for (uint32_t w = 0; meters[m] != NULL && w < meters[m]->count; w++) {
			sum->packets += meters[m]->windows[w].packets;
			sum->windows++;
		}
}

static void
find_quiet(struct pst_meter *const *meters, uint32_t n, double *probes, struct pst_summary *sum)
{
	uint32_t count = 0;

	for (uint32_t m = 0; m < n; m++)
		for (uint32_t w = 0; meters[m] != NULL && w < meters[m]->count; w++)
			probes[count++] = meters[m]->windows[w].probe_ns;
	qsort(probes, count, sizeof(*probes), by_value);
	sum->probe_quiet_ns = quantile(probes, count, PROBE_QUIET);
}

/* Quiet with the windows around it: a probe alone may fall into a short lull. */
static bool
is_quiet(const struct pst_meter *meter, uint32_t w, double limit)
{
	uint32_t from = w == 0 ? 0 : w - 1, to = RTE_MIN(w + 2, meter->count);

	for (uint32_t i = from; i < to; i++)
		if (meter->windows[i].probe_ns > limit)
			return false;
	return true;
}

/* Gather ns and ticks per packet of the windows that were left alone. */
static uint32_t
gather(struct pst_meter *const *meters, uint32_t n, double limit, double *ns, double *tsc)
{
	uint32_t kept = 0;

	for (uint32_t m = 0; m < n; m++)
		for (uint32_t w = 0; meters[m] != NULL && w < meters[m]->count; w++) {
			const struct pst_window *win = &meters[m]->windows[w];

			if (!is_quiet(meters[m], w, limit))
				continue;
			ns[kept] = (double)win->cpu_ns / win->packets;
			tsc[kept++] = (double)win->tsc / win->packets;
		}
	qsort(ns, kept, sizeof(*ns), by_value);
	qsort(tsc, kept, sizeof(*tsc), by_value);
	return kept;
}

/* Medians of what the CPU counted, when it did in all windows that were left alone. */
static void
sum_counts(struct pst_meter *const *meters, uint32_t n, double limit, double *values,
	struct pst_summary *sum)
{
	uint32_t used = 0;

	sum->counted = true;
	for (enum pst_count c = 0; c < PST_COUNTS; c++) {
		used = 0;
		for (uint32_t m = 0; m < n; m++)
			for (uint32_t w = 0; meters[m] != NULL && w < meters[m]->count; w++) {
				const struct pst_window *win = &meters[m]->windows[w];

				if (!is_quiet(meters[m], w, limit))
					continue;
				sum->counted &= win->counted;
				values[used++] = (double)win->counts.of[c] / win->packets;
			}
		qsort(values, used, sizeof(*values), by_value);
		sum->counts[c] = quantile(values, used, 0.5);
	}
}

/* The rounds of one kind, of all meters. Returns how many. */
static uint32_t
gather_rounds(struct pst_meter *const *meters, uint32_t n, double limit,
	enum pst_rounds_kind kind, uint32_t *all, struct pst_summary *sum)
{
	static bool quiet[PST_METER_WINDOWS];
	uint32_t count = 0;

	for (uint32_t m = 0; m < n; m++) {
		if (meters[m] == NULL)
			continue;
		for (uint32_t w = 0; w < meters[m]->count; w++)
			quiet[w] = is_quiet(meters[m], w, limit);
		count += pst_rounds_gather(
			&meters[m]->rounds, kind, quiet, meters[m]->count, &all[count]);
		if (kind == PST_ROUNDS_LOOP)
			pst_rounds_count(&meters[m]->rounds, quiet, meters[m]->count,
				&sum->stretches, &sum->left);
	}
	return count;
}

static int
sum_rounds(struct pst_meter *const *meters, uint32_t n, double limit, struct pst_summary *sum)
{
	struct pst_rounds *const sums[] = { &sum->loop, &sum->idle, &sum->every };
	uint32_t most = 0, *all;

	for (uint32_t m = 0; m < n; m++)
		most += meters[m] == NULL ? 0 : meters[m]->rounds.n;
	all = calloc(most + 1, sizeof(*all));
	if (all == NULL)
		return -ENOMEM;
	for (enum pst_rounds_kind kind = 0; kind < RTE_DIM(sums); kind++)
		pst_rounds_sum(all, gather_rounds(meters, n, limit, kind, all, sum), sums[kind]);
	free(all);
	return 0;
}

int
pst_meter_sum(struct pst_meter *const *meters, uint32_t n, struct pst_summary *sum)
{
	double *ns, *tsc, limit;
	uint32_t used;

	memset(sum, 0, sizeof(*sum));
	count_windows(meters, n, sum);
	if (sum->windows == 0)
		return 0;
	ns = calloc(2 * (size_t)sum->windows, sizeof(*ns));
	if (ns == NULL)
		return -ENOMEM;
	tsc = ns + sum->windows;
	find_quiet(meters, n, ns, sum);
	limit = sum->probe_quiet_ns * PROBE_SLACK;
	used = sum->kept = gather(meters, n, limit, ns, tsc);
	if (used == 0) {
		limit = UINT32_MAX;
		used = gather(meters, n, limit, ns, tsc);
	}
	sum->ns_min = ns[0];
	sum->ns_median = quantile(ns, used, 0.5);
	sum->ns_p99 = quantile(ns, used, 0.99);
	sum->ns_p999 = quantile(ns, used, 0.999);
	sum->ns_max = ns[used - 1];
	sum->tsc_median = quantile(tsc, used, 0.5);
	sum_counts(meters, n, limit, ns, sum);
	free(ns);
	return sum_rounds(meters, n, limit, sum);
}
