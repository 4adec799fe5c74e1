/* SPDX-License-Identifier: BSD-3-Clause */
#include "bind.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_pause.h>

#include "bindbox.h"
#include "options.h"

#define CLIENT 0x0a010107 /* 10.1.1.7 */
#define OUTSIDE 0xc6120001
#define POOL 64512u
#define BLOCKS 5u /* of 64 ports, left whole in a full pool */
#define BLOCK 64u
#define ROUNDS 20000
#define ROUNDS_OF_MANY 2000
#define MBUFS 4095
#define SESSIONS 4096
#define CPUS 2
#define MEGABYTES 768

static bool share; /* one CPU for both lcores */
static volatile bool stop;

struct bench {
	struct pst_bindbox box;
	bool has_session;
	struct pst_connection **held; /* what fills the pool */
	uint64_t *ticks;
};

/* Lcores. */

static void
idle(void *ctx)
{
	(void)ctx;
	if (share)
		sched_yield();
	else
		rte_pause();
}

static void
run_on(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static int
work(void *ctx)
{
	struct bench *b = ctx;

	run_on(share ? 0 : 1);
	pst_lcore_set_role(PST_ROLE_WORKER, 0);
	while (!stop) {
		if (pst_worker_poll(b->box.a->workers[0], pst_bindbox_now(NULL)) == 0)
			idle(NULL);
	}
	return 0;
}

/* The appliance: nobody sends on its ports but this. */

static int
create(struct bench *b)
{
	struct pst_config *c = &b->box.config;
	int ret = pst_bindbox_init(&b->box, MBUFS);

	b->held = calloc(POOL, sizeof(*b->held));
	b->ticks = calloc(ROUNDS, sizeof(*b->ticks));
	if (ret < 0 || b->held == NULL || b->ticks == NULL)
		return -ENOMEM;
	c->nat.pool[0] = (struct pst_range){ OUTSIDE, OUTSIDE };
	c->nat.n_pool = 1;
	c->nat.sessions = SESSIONS;
	b->box.params.handles = b->box.params.listeners = POOL + 1024;
	ret = pst_bindbox_add_port(&b->box, PST_BINDBOX_RING, PST_ZONE_INTERNAL, 0x0a0101fe);
	if (ret == 0)
		ret = pst_bindbox_add_port(&b->box, PST_BINDBOX_RING, PST_ZONE_EXTERNAL, OUTSIDE);
	return ret == 0 ? pst_bindbox_start(&b->box, idle) : ret;
}

/* Calls. */

static void
kill_ports(struct bench *b, uint32_t n, struct pst_connection **handles)
{
	pst_bindbox_kill(n, handles);
	pst_bindbox_settle(&b->box);
}

static uint32_t
ports_of(uint32_t percent)
{
	return POOL * percent / 100;
}

/* From one share of the pool to a larger one, with some blocks left whole. */
static int
fill(struct bench *b, uint32_t from, uint32_t to)
{
	struct pst_connection *blocks[BLOCKS * BLOCK];
	int ret = 0;

	if (from == to)
		return 0;
	for (uint32_t i = 0; ret == 0 && i < BLOCKS; i++)
		ret = pst_bindbox_bind(OUTSIDE, BLOCK, blocks + i * BLOCK);
	for (uint32_t i = ports_of(from); ret == 0 && i < ports_of(to); i++)
		ret = pst_bindbox_bind(OUTSIDE, 1, b->held + i);
	if (ret == 0)
		kill_ports(b, BLOCKS * BLOCK, blocks);
	return ret;
}

/* Kills in pieces: a request has no more. */
static void
empty_pool(struct bench *b, uint32_t from)
{
	for (uint32_t i = 0; i < ports_of(from); i += BLOCK)
		kill_ports(b, RTE_MIN(BLOCK, ports_of(from) - i), b->held + i);
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct result {
	double p50, p99, p999, max, rate;
};

static double
micros(uint64_t ticks)
{
	return ticks * 1e6 / rte_get_tsc_hz();
}

static int
measure(struct bench *b, uint32_t n, struct result *r)
{
	static struct pst_connection *handles[PST_BIND_MAX];
	uint32_t rounds = n >= BLOCK ? ROUNDS_OF_MANY : ROUNDS;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < rounds; i++) {
		uint64_t start = rte_rdtsc();
		int ret = pst_bindbox_bind(OUTSIDE, n, handles);

		if (ret < 0)
			return ret;
		b->ticks[i] = rte_rdtsc() - start;
		sum += b->ticks[i];
		kill_ports(b, n, handles);
	}
	qsort(b->ticks, rounds, sizeof(*b->ticks), compare);
	*r = (struct result){ .p50 = micros(b->ticks[rounds / 2]),
		.p99 = micros(b->ticks[rounds * 99 / 100]),
		.p999 = micros(b->ticks[rounds * 999ul / 1000]),
		.max = micros(b->ticks[rounds - 1]),
		.rate = 1e6 * rounds / micros(sum) };
	return 0;
}

static void
print(bool json, bool first, uint32_t fill_percent, uint32_t n, const struct result *r,
	const struct result *empty)
{
	const char *cpus = share ? "shared" : "dedicated";

	if (json)
		printf("%s\n  {\"cpus\": \"%s\", \"fill_percent\": %u, \"n\": %u, \"p50_us\": %.2f, "
		       "\"p99_us\": %.2f, \"p999_us\": %.2f, \"max_us\": %.2f, "
		       "\"calls_per_s\": %.0f, \"to_empty\": %.2f}",
			first ? "" : ",", cpus, fill_percent, n, r->p50, r->p99, r->p999, r->max,
			r->rate, r->p50 / empty->p50);
	else
		printf("%-10s %4u %% %5u %9.2f %9.2f %9.2f %9.1f %11.0f %9.2f\n", cpus,
			fill_percent, n, r->p50, r->p99, r->p999, r->max, r->rate,
			r->p50 / empty->p50);
}

static int
measure_all(struct bench *b, bool json, bool first)
{
	static const uint32_t sizes[] = { 1, 2, BLOCK };
	static const uint32_t fills[] = { 0, 25, 50, 75, 90, 99 }; /* per cent of the pool */
	struct result empty[RTE_DIM(sizes)], r;
	uint32_t before = 0;
	int ret = 0;

	for (size_t f = 0; ret == 0 && f < RTE_DIM(fills); f++) {
		ret = fill(b, before, fills[f]);
		before = fills[f];
		for (size_t k = 0; ret == 0 && k < RTE_DIM(sizes); k++) {
			ret = measure(b, sizes[k], &r);
			if (f == 0)
				empty[k] = r;
			if (ret == 0)
				print(json, first && f == 0 && k == 0, fills[f], sizes[k], &r,
					&empty[k]);
		}
	}
	if (ret == 0)
		empty_pool(b, before);
	return ret;
}

static int
run(struct bench *b, bool json, bool first)
{
	int ret;

	stop = false;
	run_on(0);
	rte_eal_remote_launch(work, b, 1);
	ret = b->has_session ? 0 : pst_bindbox_open_session(&b->box, 0, CLIENT);
	b->has_session = ret == 0;
	if (ret == 0)
		ret = measure_all(b, json, first);
	stop = true;
	rte_eal_wait_lcore(1);
	return ret;
}

static int
start(const char *program)
{
	static const char *const args[] = { "--no-pci", "--no-telemetry", "--log-level=error",
		"--lcores=0@0,1@0" };
	struct pst_bench_eal eal = { 0 };
	char *argv[PST_BENCH_EAL_MAX + 1];
	int ret = pst_bench_eal_add(&eal, "%s", program);

	if (ret == 0)
		ret = pst_bench_eal_add_memory(&eal, MEGABYTES);
	for (size_t i = 0; ret == 0 && i < RTE_DIM(args); i++)
		ret = pst_bench_eal_add(&eal, "%s", args[i]);
	memcpy(argv, eal.argv, sizeof(argv)); /* the EAL reorders its copy */
	if (ret == 0 && rte_eal_init(eal.argc, argv) < 0)
		ret = -rte_errno;
	pst_bench_eal_fini(&eal);
	return ret;
}

int
pst_bench_bind(bool json, const char *program)
{
	static struct bench b;
	bool two = sysconf(_SC_NPROCESSORS_ONLN) >= CPUS;
	int ret = start(program);

	if (ret == 0) {
		pst_lcore_set_role(PST_ROLE_EDITOR, 0);
		ret = create(&b);
	}
	if (ret == 0 && !json)
		printf("%-10s %6s %5s %9s %9s %9s %9s %11s %9s\n", "CPUs", "full", "n", "p50 us",
			"p99 us", "p99.9 us", "max us", "calls/s", "to empty");
	if (json)
		printf("[");
	if (ret == 0 && two)
		ret = run(&b, json, true);
	else if (ret == 0 && !json)
		printf("dedicated: there is one CPU\n");
	share = true;
	if (ret == 0)
		ret = run(&b, json, !two);
	if (json)
		printf("\n]\n");
	if (ret < 0)
		fprintf(stderr, "postern-bench: binds can't be measured: %s\n", strerror(-ret));
	pst_bindbox_fini(&b.box);
	free(b.held);
	free(b.ticks);
	return ret;
}
