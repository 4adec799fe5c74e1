/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attach the traffic maker to a program that does not know it, and run the measurement.
 *
 * An object loaded with -d gets no arguments and no call after the ports are there: parameters
 * come from the environment, and a thread made by the constructor watches for the ports. It
 * adds the callbacks when the links are up; a program that polls before gets empty frames. At
 * the end the thread writes a line of JSON and asks the process to stop with SIGTERM, as an
 * operator would.
 */
#include "params.h"
#include "report.h"
#include "traffic.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_malloc.h>

#define ATTACH_MS 60000
#define SETTLE_MS 20
#define DRAIN_MS 100

static void
sleep_ms(uint32_t ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l }, NULL);
}

/* Run beside the main lcore, never beside the lcore that is measured. */
static void
stay_beside_main(void)
{
	cpu_set_t cpus = rte_lcore_cpuset(rte_get_main_lcore());

	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

/* What begins or ends a TCP connection is of the smallest size. */
static bool
is_of_any_size(enum pst_frame_part part)
{
	return part == PST_FRAME_UDP || part == PST_FRAME_TO_SERVER || part == PST_FRAME_TO_CLIENT;
}

static void
init_base(struct pst_maker *maker, const struct rte_ether_addr *mac, enum pst_frame_part part,
	uint32_t i)
{
	const struct pst_plan *plan = &pst_traffic.params.plan;
	uint32_t number = is_of_any_size(part) ? i : 0;
	struct pst_frame_shape shape = {
		.part = part,
		.size = plan->sizes[number],
		.number = number,
		.tagged = plan->tagged[maker->port],
	};

	pst_frame_base_init(&maker->bases[part][i], &pst_traffic.mac[maker->port], mac, &shape);
}

static void
init_bases(struct pst_maker *maker, const struct rte_ether_addr *mac)
{
	for (int part = PST_FRAME_UDP; part < PST_FRAME_PARTS; part++)
		for (uint32_t i = 0; i < pst_traffic.params.plan.n_sizes; i++)
			init_base(maker, mac, part, i);
	maker->use = maker->bases[PST_FRAME_UDP];
}

static void
prepare_queue(uint16_t port, uint16_t queue, uint16_t queues, const struct rte_ether_addr *mac)
{
	struct pst_maker *maker = &pst_traffic.makers[port][queue];
	struct pst_checker *checker = &pst_traffic.checkers[port][queue];

	maker->port = port;
	maker->first = queue;
	maker->cursor = queue;
	maker->step = queues;
	maker->random = port * PST_TRAFFIC_QUEUES + queue;
	init_bases(maker, mac);
	checker->port = port;
	checker->tagged = pst_plan_sends_tagged(&pst_traffic.params.plan, port);
	checker->random = port * PST_TRAFFIC_QUEUES + queue;
}

static int
attach_port(uint16_t port, uint16_t queues)
{
	static const struct rte_ether_addr base = { { 0x02, 0x50, 0x53, 0x54, 0x00, 0x00 } };
	struct rte_ether_addr mac;
	int ret = rte_eth_macaddr_get(port, &mac);

	pst_traffic.mac[port] = base;
	pst_traffic.mac[port].addr_bytes[5] = port;
	for (uint16_t q = 0; ret == 0 && q < queues; q++) {
		prepare_queue(port, q, queues, &mac);
		if (rte_eth_add_tx_callback(port, q, pst_traffic_tx,
			    &pst_traffic.checkers[port][q]) == NULL ||
			rte_eth_add_rx_callback(port, q, pst_traffic_rx,
				&pst_traffic.makers[port][q]) == NULL)
			ret = -rte_errno;
	}
	return ret;
}

/* How many queues a port has; 0 until it is started: the number may still change. */
static uint16_t
count_queues(uint16_t port)
{
	struct rte_eth_dev_info info;
	struct rte_eth_link link;

	if (!rte_eth_dev_is_valid_port(port) || rte_eth_link_get_nowait(port, &link) != 0 ||
		link.link_status != RTE_ETH_LINK_UP || rte_eth_dev_info_get(port, &info) != 0)
		return 0;
	return RTE_MIN(info.nb_rx_queues, info.nb_tx_queues);
}

static int
attach(void)
{
	uint16_t queues = 0;
	int ret = 0;

	for (uint32_t ms = 0; queues == 0; ms++) {
		if (ms == ATTACH_MS)
			return -ETIMEDOUT;
		sleep_ms(1);
		queues = RTE_MIN(count_queues(0), count_queues(1));
	}
	if (queues > (pst_traffic_is_setup() ? 1 : PST_TRAFFIC_QUEUES))
		return -E2BIG;
	pst_traffic.queues = queues;
	for (uint16_t port = 0; ret == 0 && port < PST_TRAFFIC_PORTS; port++)
		ret = attach_port(port, queues);
	return ret;
}

/* One more than the flows: the greeting. In mode setup only what is under way is known. */
static int
prepare_memory(void)
{
	size_t flows = pst_traffic_is_setup() ? PST_STEADY_UNDER_WAY :
						pst_traffic.params.plan.flows + 1;
	unsigned int lcore;

	pst_steady_init(&pst_traffic.steady, pst_traffic.params.plan.flows, pst_traffic.params.tcp);
	pst_traffic.learnt_mask = pst_traffic_is_setup() ? PST_STEADY_UNDER_WAY - 1 : UINT32_MAX;
	pst_traffic.learnt = rte_zmalloc("pst_learnt", flows * sizeof(*pst_traffic.learnt),
		RTE_CACHE_LINE_SIZE);
	pst_traffic.answered = rte_zmalloc("pst_answered", flows, RTE_CACHE_LINE_SIZE);
	if (pst_traffic.learnt == NULL || pst_traffic.answered == NULL)
		return -ENOMEM;
	RTE_LCORE_FOREACH(lcore) {
		pst_traffic.meters[lcore] = pst_meter_create();
		if (pst_traffic.meters[lcore] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void
set_phase(uint32_t phase)
{
	atomic_store_explicit(&pst_traffic.phase, phase, memory_order_release);
}

static bool
all_greeted(void)
{
	bool both = !pst_traffic_is_setup() || pst_traffic.params.tcp;

	return atomic_load(&pst_traffic.greeted[1]) &&
	       (!both || atomic_load(&pst_traffic.greeted[0]));
}

static bool
all_learnt(void)
{
	static uint32_t known;
	const volatile struct pst_endpoint4 *learnt = pst_traffic.learnt;

	while (known < pst_traffic.params.plan.flows && learnt[known].port != 0)
		known++;
	return known == pst_traffic.params.plan.flows;
}

static bool
all_answered(void)
{
	static uint32_t known;
	const volatile bool *answered = pst_traffic.answered;

	while (known < pst_traffic.params.plan.flows && answered[known])
		known++;
	return known == pst_traffic.params.plan.flows;
}

static bool
all_begun(void)
{
	const volatile uint64_t *begun = &pst_traffic.steady.done[0];

	return *begun >= pst_traffic.params.plan.flows;
}

/* Every queue has handed out its share of one round since it was warm. */
static bool
all_warm(void)
{
	return pst_report_made() >= pst_traffic.warm_goal;
}

static int
wait_for(bool (*is_done)(void))
{
	for (uint32_t ms = 0; ms < pst_traffic.params.settle_ms; ms++) {
		if (is_done())
			return 0;
		sleep_ms(1);
	}
	return -ETIMEDOUT;
}

static const char *
fill(void)
{
	set_phase(PST_PHASE_FILL);
	return wait_for(all_begun) == 0 ? NULL : "not all connections could begin in time";
}

static const char *
establish(void)
{
	set_phase(PST_PHASE_LEARN);
	if (wait_for(all_learnt) != 0)
		return "not all flows were let through";
	if (pst_traffic.params.tcp) {
		set_phase(PST_PHASE_ANSWER);
		if (wait_for(all_answered) != 0)
			return "not all answers were let through";
	}
	pst_traffic.warm_goal = pst_report_made() + 2ull * pst_traffic.params.plan.flows;
	set_phase(PST_PHASE_WARM);
	if (wait_for(all_warm) != 0)
		return "the program came to a halt";
	return NULL;
}

static void
measure(void)
{
	set_phase(PST_PHASE_SETTLE);
	sleep_ms(SETTLE_MS);
	pst_traffic.made_before = pst_report_made();
	pst_traffic.seen_before = pst_report_seen();
	set_phase(PST_PHASE_MEASURE);
	sleep_ms(pst_traffic.params.seconds * 1000);
	set_phase(PST_PHASE_DRAIN);
	sleep_ms(DRAIN_MS);
}

static const char *
run(void)
{
	const char *failure;

	if (attach() != 0)
		return "the ports were not started in time, or have too many queues";
	stay_beside_main();
	if (prepare_memory() != 0)
		return "out of memory";
	set_phase(PST_PHASE_GREET);
	if (wait_for(all_greeted) != 0)
		return "no packet came through";
	failure = pst_traffic_is_setup() ? fill() : establish();
	if (failure == NULL)
		measure();
	return failure;
}

static void *
control(void *arg __rte_unused)
{
	const char *failure = run();

	set_phase(PST_PHASE_DONE);
	if (pst_report_write(failure) != 0)
		fprintf(stderr, "traffic: cannot write the report: %s\n", strerror(errno));
	kill(getpid(), SIGTERM);
	return NULL;
}

__attribute__((constructor)) static void
start_control(void)
{
	sigset_t all, old;
	pthread_t thread;
	int ret;

	if (pst_params_read(&pst_traffic.params) != 0)
		exit(2);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, NULL, control, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret != 0) {
		fprintf(stderr, "traffic: no thread: %s\n", strerror(ret));
		exit(2);
	}
	pthread_detach(thread);
}
