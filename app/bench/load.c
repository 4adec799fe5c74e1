/* SPDX-License-Identifier: BSD-3-Clause */
#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_pause.h>

#include "bindbox.h"
#include "frame.h"

#define MBUFS 32767
#define SESSIONS (1u << 21) /* as in mode forward */
#define FLOWS_PER_ADDRESS 32768
#define SESSION_IFACE 2
#define CLIENT pst_ipv4(192, 168, 1, 7)
#define OUTSIDE pst_ipv4(198, 51, 100, 2)
#define BURSTS 128 /* packets of a loop at the full rate: a burst from each port */
#define FULL 0.9   /* a slice with less of that is none of the full rate */
#define SLICE_MS 10
#define MOST_A_SECOND 400000
#define WAIT_US 100
#define LATENCIES 100000 /* kept for each n, of each second */

static const uint32_t sizes[] = { 0, 1, 2, 64 }; /* 0: no calls, to compare with */

/* What was seen in the slices of one n. */
struct sums {
	uint64_t calls, ticks, slices;
	uint64_t received, requests, timed_loops;
	uint64_t stages[PST_STAGES];
	uint32_t *latencies, n_latencies, room;
};

struct load {
	struct pst_bindbox box;
	const volatile sig_atomic_t *stop;
	volatile bool done; /* the worker's lcore may stop: all is answered */
	uint32_t flows;
	uint32_t slices; /* all, also those that are left out */
	struct sums sums[RTE_DIM(sizes)];
};

static void
idle(void *ctx)
{
	(void)ctx;
	rte_pause();
}

static int
work(void *arg)
{
	struct load *l = arg;

	pst_lcore_set_role(PST_ROLE_WORKER, 0);
	while (!l->done)
		pst_worker_poll(l->box.a->workers[0], pst_bindbox_now(NULL));
	return 0;
}

/* Main's part, and the editor lcore's, in turn on one thread. */
static void
look_after(struct load *l)
{
	pst_lcore_set_role(PST_ROLE_MAIN, 0);
	pst_appliance_poll(l->box.a, pst_bindbox_now(NULL));
	pst_lcore_set_role(PST_ROLE_EDITOR, 0);
	pst_runtime_poll(l->box.a->runtimes[0], pst_bindbox_now(NULL));
}

static int
make_box(struct load *l)
{
	struct pst_config *c = &l->box.config;
	struct pst_bindbox *box = &l->box;
	int ret = pst_bindbox_init(box, MBUFS);

	c->nat.sessions = RTE_MAX(SESSIONS, 2 * l->flows);
	c->nat.pool[0].first = pst_ipv4(192, 0, 2, 0);
	c->nat.pool[0].last = c->nat.pool[0].first + l->flows / FLOWS_PER_ADDRESS;
	c->nat.n_pool = 1;
	/* no block of 64 is left between the flows' ports */
	c->nat.pools[0] = (struct pst_config_pool){ .clients = { { CLIENT, CLIENT } },
		.n_clients = 1,
		.addresses = { { OUTSIDE, OUTSIDE } },
		.n_addresses = 1 };
	c->nat.n_pools = 1;
	c->routes[0] = (struct pst_config_route){ { pst_ipv4(10, 0, 0, 0), 8 },
		pst_ipv4(172, 16, 0, 2) };
	c->routes[1] = (struct pst_config_route){ { 0, 0 }, pst_ipv4(198, 51, 100, 254) };
	c->n_routes = 2;
	if (ret == 0)
		ret = pst_bindbox_add_port(box, 0, PST_ZONE_INTERNAL, pst_ipv4(172, 16, 0, 1));
	if (ret == 0)
		ret = pst_bindbox_add_port(box, 1, PST_ZONE_EXTERNAL, pst_ipv4(198, 51, 100, 1));
	if (ret == 0)
		ret = pst_bindbox_add_port(box, PST_BINDBOX_RING, PST_ZONE_INTERNAL,
			pst_ipv4(192, 168, 1, 254));
	return ret == 0 ? pst_bindbox_start(box, idle) : ret;
}

/* Until the flows are there, and a session. */
static int
settle(struct load *l)
{
	const struct pst_worker_stats *s = pst_worker_stats(l->box.a->workers[0]);

	while (*l->stop == 0 && __atomic_load_n(&s->connections, __ATOMIC_RELAXED) < l->flows) {
		look_after(l);
		rte_delay_us_sleep(WAIT_US);
	}
	if (*l->stop != 0)
		return 0; /* the traffic maker's report says why */
	return pst_bindbox_open_session(&l->box, SESSION_IFACE, CLIENT);
}

/* A bind and its kill; the kill is answered with the next call. */
static int
call(struct load *l, uint32_t n, struct sums *sums)
{
	static struct pst_connection *handles[PST_BIND_MAX];
	uint64_t start = rte_rdtsc();
	int ret = n > 0 ? pst_bindbox_bind(OUTSIDE, n, handles) : 0;

	if (ret < 0 || n == 0)
		return ret;
	sums->calls++;
	if (sums->n_latencies < sums->room)
		sums->latencies[sums->n_latencies++] = rte_rdtsc() - start;
	pst_bindbox_kill(n, handles);
	pst_runtime_poll(l->box.a->runtimes[0], pst_bindbox_now(NULL));
	while (rte_rdtsc() - start < rte_get_tsc_hz() / MOST_A_SECOND)
		rte_pause();
	return 0;
}

static int
run_calls(struct load *l, uint32_t n, struct sums *sums)
{
	uint64_t start = rte_rdtsc(), slice = rte_get_tsc_hz() / 1000 * SLICE_MS;
	int ret = 0;

	while (ret == 0 && rte_rdtsc() - start < slice)
		ret = call(l, n, sums);
	sums->ticks += rte_rdtsc() - start;
	return ret;
}

/* Word by word, as main reads any worker's. */
static void
read_stats(const struct load *l, struct pst_worker_stats *to)
{
	const struct pst_worker_stats *s = pst_worker_stats(l->box.a->workers[0]);

	to->account.received = __atomic_load_n(&s->account.received, __ATOMIC_RELAXED);
	to->requests = __atomic_load_n(&s->requests, __ATOMIC_RELAXED);
	to->loops = __atomic_load_n(&s->loops, __ATOMIC_RELAXED);
	to->timed_loops = __atomic_load_n(&s->timed_loops, __ATOMIC_RELAXED);
	for (int i = 0; i < PST_STAGES; i++)
		to->stage_ticks[i] = __atomic_load_n(&s->stage_ticks[i], __ATOMIC_RELAXED);
}

static void
add_stats(struct sums *sums, const struct pst_worker_stats *before,
	const struct pst_worker_stats *after)
{
	sums->slices++;
	sums->received += after->account.received - before->account.received;
	sums->requests += after->requests - before->requests;
	sums->timed_loops += after->timed_loops - before->timed_loops;
	for (int i = 0; i < PST_STAGES; i++)
		sums->stages[i] += after->stage_ticks[i] - before->stage_ticks[i];
}

static int
run_slice(struct load *l, size_t k)
{
	struct pst_worker_stats before, after;
	struct sums sums = l->sums[k];
	uint64_t packets, loops;
	int ret;

	read_stats(l, &before);
	ret = run_calls(l, sizes[k], &sums);
	read_stats(l, &after);
	packets = after.account.received - before.account.received;
	loops = after.loops - before.loops;
	l->slices++;
	if (packets >= FULL * BURSTS * loops && loops > 0) {
		add_stats(&sums, &before, &after);
		l->sums[k] = sums;
	}
	return ret;
}

static int
measure(struct load *l)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && *l->stop == 0; i++) {
		ret = run_slice(l, i % RTE_DIM(sizes));
		look_after(l);
	}
	pst_bindbox_settle(&l->box);
	return ret;
}

/* What is printed. */

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

struct row {
	double calls, requests, packets; /* a second */
	double p50, p99;		 /* us */
	double shares[PST_STAGES];
};

static void
sum_up(const struct sums *s, struct row *row)
{
	double hz = rte_get_tsc_hz(), seconds = s->ticks / hz, all = 0;

	memset(row, 0, sizeof(*row));
	if (s->timed_loops == 0)
		return;
	qsort(s->latencies, s->n_latencies, sizeof(*s->latencies), compare);
	if (s->n_latencies > 0) {
		row->p50 = s->latencies[s->n_latencies / 2] * 1e6 / hz;
		row->p99 = s->latencies[s->n_latencies * 99ul / 100] * 1e6 / hz;
	}
	row->calls = s->calls / seconds;
	row->requests = s->requests / seconds;
	row->packets = s->received / seconds;
	for (int i = 0; i < PST_STAGES; i++)
		all += s->stages[i];
	for (int i = 0; i < PST_STAGES; i++)
		row->shares[i] = s->stages[i] / all;
}

static json_t *
row_json(uint32_t n, const struct row *row)
{
	return json_pack("{s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "n", (int)n,
		"p50_us", row->p50, "p99_us", row->p99, "calls_per_s", row->calls,
		"requests_per_s", row->requests, "forward_pps", row->packets, "serve_share",
		row->shares[PST_STAGE_SERVE], "forward_share", row->shares[PST_STAGE_FORWARD],
		"expire_share", row->shares[PST_STAGE_EXPIRE], "rest_share",
		row->shares[PST_STAGE_REST]);
}

static double
number(const json_t *report, const char *key)
{
	return json_number_value(json_object_get(report, key));
}

static void
print_table(const struct load *l, const struct row *rows, const json_t *report)
{
	uint64_t kept = 0;

	printf("%5s %9s %9s %9s %11s %9s %8s %8s %8s %8s\n", "n", "p50 us", "p99 us", "calls/s",
		"requests/s", "Mpps", "serve", "forward", "expire", "rest");
	for (size_t k = 0; k < RTE_DIM(sizes); k++) {
		const struct row *r = &rows[k];

		kept += l->sums[k].slices;
		printf("%5u %9.2f %9.2f %9.0f %11.0f %9.2f %6.2f %% %6.2f %% %6.2f %% %6.2f %%\n",
			sizes[k], r->p50, r->p99, r->calls, r->requests, r->packets / 1e6,
			100 * r->shares[PST_STAGE_SERVE], 100 * r->shares[PST_STAGE_FORWARD],
			100 * r->shares[PST_STAGE_EXPIRE], 100 * r->shares[PST_STAGE_REST]);
	}
	printf("%.0f flows; %" PRIu64 " of %u slices were of the full rate; %.0f packets checked, %.0f "
	       "bad, %.0f lost\n",
		number(report, "flows"), kept, l->slices, number(report, "checked"),
		number(report, "bad"), number(report, "lost"));
}

static void
print_json(const struct row *rows, const json_t *report)
{
	json_t *all = json_pack("{s:O, s:O, s:O, s:O, s:[]}", "flows",
		json_object_get(report, "flows"), "checked", json_object_get(report, "checked"),
		"bad", json_object_get(report, "bad"), "lost", json_object_get(report, "lost"),
		"loaded");

	for (size_t k = 0; k < RTE_DIM(sizes); k++)
		json_array_append_new(
			json_object_get(all, "loaded"), row_json(sizes[k], &rows[k]));
	json_dumpf(all, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(all);
}

/* -EIO when the maker says that packets were lost or came out wrong. */
static int
print(struct load *l, const char *path, bool json)
{
	struct row rows[RTE_DIM(sizes)];
	json_error_t error;
	json_t *report = json_load_file(path, 0, &error);
	const char *failure = json_string_value(json_object_get(report, "failure"));
	bool good = report != NULL && failure == NULL && number(report, "lost") == 0 &&
		number(report, "bad") == 0 && number(report, "untranslated") == 0;

	for (size_t k = 0; k < RTE_DIM(sizes); k++)
		sum_up(&l->sums[k], &rows[k]);
	if (report == NULL || failure != NULL)
		fprintf(stderr, "postern-bench: %s\n", report == NULL ? error.text : failure);
	else if (json)
		print_json(rows, report);
	else
		print_table(l, rows, report);
	json_decref(report);
	return good ? 0 : -EIO;
}

static int
run(struct load *l)
{
	int ret;

	rte_delay_us_sleep(50000); /* for the traffic maker to find the ports */
	rte_eal_remote_launch(work, l, 1);
	ret = settle(l);
	if (ret == 0)
		ret = measure(l);
	return ret;
}

int
pst_bench_load(const struct pst_bench_options *options, const char *report,
	const volatile sig_atomic_t *stop)
{
	static struct load l;
	int ret;

	l.stop = stop;
	l.flows = rte_align32pow2(options->flows);
	for (size_t k = 0; k < RTE_DIM(sizes); k++) {
		l.sums[k].room = LATENCIES * options->seconds;
		l.sums[k].latencies = calloc(l.sums[k].room, sizeof(*l.sums[k].latencies));
		if (l.sums[k].latencies == NULL)
			return -ENOMEM;
	}
	pst_lcore_set_role(PST_ROLE_EDITOR, 0);
	ret = make_box(&l);
	if (ret == 0)
		ret = run(&l);
	l.done = true;
	rte_eal_mp_wait_lcore();
	if (ret == 0)
		ret = print(&l, report, options->json);
	pst_bindbox_fini(&l.box);
	for (size_t k = 0; k < RTE_DIM(sizes); k++)
		free(l.sums[k].latencies);
	return ret;
}
