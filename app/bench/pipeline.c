/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_malloc.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/lcore.h"
#include "base/log.h"
#include "frame.h"
#include "lists.h"
#include "steady.h"
#include "worker/worker.h"

#define PORTS 2
#define INSIDE 0
#define OUTSIDE 1
#define DESCRIPTORS 512
#define MBUFS 32768
#define MBUF_CACHE 256
#define SESSIONS (1u << 21) /* at the least, of all workers together */
#define LISTENERS 4096
#define RING_SIZE 1024
#define FLOWS_PER_ADDRESS 32768
#define POLICY_SEED 0x2545f4914f6cdd1d
#define ATTACH_US 50000 /* for the traffic maker to find the ports */

struct pst_pipeline {
	struct pst_pipeline_params params;
	struct pst_clock clock;
	struct pst_net *net;
	struct pst_steer steer;
	struct pst_nat_params nat;
	struct pst_packet_filters *filters;
	struct pst_ruleset *rules;
	struct rte_mempool *mbufs;
	struct pst_worker *workers[PST_WORKERS_MAX];
	struct pst_chan *chans[PST_WORKERS_MAX];
	struct rte_ring *rings[PST_WORKERS_MAX][PST_WORKERS_MAX]; /* from, to */
	struct pst_account main;
	struct pst_pipeline_memory memory;
	uint64_t full_begun, full_live; /* of a steady state, when the tables were full */
	const volatile sig_atomic_t *stop;
};

/* What an lcore is launched with. */
struct post {
	struct pst_pipeline *pipeline;
	uint32_t worker;
};

static int
open_port(struct pst_pipeline *p, uint16_t port)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t queues = p->params.workers;
	int ret = rte_eth_dev_configure(port, queues, queues, &conf);

	for (uint16_t q = 0; ret == 0 && q < queues; q++) {
		ret = rte_eth_rx_queue_setup(port, q, DESCRIPTORS, SOCKET_ID_ANY, NULL, p->mbufs);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(port, q, DESCRIPTORS, SOCKET_ID_ANY, NULL);
	}
	return ret == 0 ? rte_eth_dev_start(port) : ret;
}

static int
add_iface(struct pst_pipeline *p, const char *name, uint16_t port, uint8_t zone, uint32_t ip)
{
	struct pst_iface iface = {
		.port = port,
		.vlan = p->params.vlans[port],
		.zone = zone,
		.prefix_len = 24,
		.mtu = p->params.mtu,
		.ip = rte_cpu_to_be_32(ip),
	};
	int ret = rte_eth_macaddr_get(port, &iface.mac);

	snprintf(iface.name, sizeof(iface.name), "%s", name);
	if (ret == 0)
		ret = pst_net_add_iface(p->net, &iface);
	return RTE_MIN(ret, 0);
}

static int
make_net(struct pst_pipeline *p)
{
	int ret;

	p->net = calloc(1, sizeof(*p->net));
	if (p->net == NULL)
		return -ENOMEM;
	pst_net_init(p->net);
	p->net->neigh = pst_neigh_create(SOCKET_ID_ANY);
	if (p->net->neigh == NULL)
		return -ENOMEM;
	p->net->nat_addresses = p->nat.addresses;
	p->net->n_nat_addresses = p->nat.n_addresses;
	ret = add_iface(p, "inside", INSIDE, PST_NET_INTERNAL, pst_ipv4(172, 16, 0, 1));
	if (ret == 0)
		ret = add_iface(p, "outside", OUTSIDE, PST_NET_EXTERNAL, pst_ipv4(198, 51, 100, 1));
	if (ret == 0)
		ret = pst_net_add_route(p->net, pst_ipv4(10, 0, 0, 0), 8, pst_ipv4(172, 16, 0, 2));
	if (ret == 0)
		ret = pst_net_add_route(p->net, 0, 0, pst_ipv4(198, 51, 100, 254));
	return ret;
}

static uint64_t
heap_used(void)
{
	struct rte_malloc_socket_stats stats;
	uint64_t used = 0;

	for (unsigned int s = 0; s < rte_socket_count(); s++)
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(s), &stats) == 0)
			used += stats.heap_allocsz_bytes;
	return used;
}

static int
set_nat_params(struct pst_pipeline *p)
{
	static const uint32_t seconds[PST_TIMEOUTS] = {
		[PST_TIMEOUT_TCP_OPENING] = 240,
		[PST_TIMEOUT_TCP_ESTABLISHED] = 7440,
		[PST_TIMEOUT_TCP_CLOSING] = PST_STEADY_TCP_S,
		[PST_TIMEOUT_UDP] = PST_STEADY_UDP_S,
		[PST_TIMEOUT_ICMP] = 60,
		[PST_TIMEOUT_BIND_ACCEPT] = 60,
		[PST_TIMEOUT_BIND_UDP_IDLE] = 300,
		[PST_TIMEOUT_SYN_HOLD] = 6,
	};
	struct pst_nat_params *nat = &p->nat;
	uint32_t n_addresses;
	int ret;

	nat->mapping = PST_NAT_ENDPOINT_INDEPENDENT;
	nat->filtering = PST_NAT_ADDRESS_DEPENDENT;
	n_addresses = RTE_MIN(p->params.flows / FLOWS_PER_ADDRESS + 1,
		(uint32_t)PST_NAT_ADDRESSES_MAX);
	if (p->params.steady)
		n_addresses = RTE_MAX(p->params.flows / PST_STEADY_FLOWS_PER_ADDRESS, 1u);
	for (uint32_t i = 0; i < n_addresses; i++)
		pst_nat_add_address(nat, rte_cpu_to_be_32(pst_ipv4(192, 0, 2, 0) + i));
	nat->port_first = 1024;
	nat->port_last = 65535;
	nat->ports_per_client = 2048;
	nat->sessions_per_client = 4096;
	nat->quarantine_ms = 120 * PST_MS_PER_S;
	for (int i = 0; i < PST_TIMEOUTS; i++)
		nat->timeouts_ms[i] = seconds[i] * PST_MS_PER_S;
	p->memory.rests = heap_used();
	ret = pst_nat_rests_create(nat, SOCKET_ID_ANY);
	p->memory.rests = heap_used() - p->memory.rests;
	return ret;
}

/* Policy that connections meet when they begin. */
static int
make_policy(struct pst_pipeline *p)
{
	struct pst_list list;
	int ret = 0;

	if (p->params.filters > 0) {
		ret = pst_list_make(&list, PST_LIST_MIXED, p->params.filters, POLICY_SEED);
		if (ret == 0)
			p->filters = pst_packet_filters_create(list.filters, list.n);
		pst_list_fini(&list);
		if (p->filters == NULL)
			return ret != 0 ? ret : -rte_errno;
	}
	if (p->params.rules > 0) {
		p->rules = pst_list_rules(p->params.rules, POLICY_SEED);
		if (p->rules == NULL)
			return -rte_errno;
	}
	p->nat.filters = p->filters;
	p->nat.rules = p->rules;
	return 0;
}

static int
make_rings(struct pst_pipeline *p)
{
	char name[32];

	for (uint32_t from = 0; from < p->params.workers; from++)
		for (uint32_t to = 0; to < p->params.workers; to++) {
			if (from == to)
				continue;
			snprintf(name, sizeof(name), "bench_%u_%u", from, to);
			p->rings[from][to] = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY,
				RING_F_SP_ENQ | RING_F_SC_DEQ);
			if (p->rings[from][to] == NULL)
				return -rte_errno;
		}
	return 0;
}

static struct pst_nat *
make_nat(struct pst_pipeline *p, uint32_t worker)
{
	uint32_t sessions = p->params.connections != 0 ?
		p->params.connections :
		RTE_MAX(SESSIONS, 2 * p->params.flows);
	struct pst_nat_share share = {
		.worker = worker,
		.connections = sessions / p->params.workers,
		.listeners = LISTENERS,
		.seed = rte_rdtsc() + worker,
		.now_ms = PST_MS_PER_S,
		.socket = SOCKET_ID_ANY,
	};

	uint64_t before = heap_used();
	struct pst_nat *nat;

	share.runs = pst_steer_runs(&p->steer, worker);
	nat = pst_nat_create(&p->nat, &share);
	p->memory.bytes += heap_used() - before;
	p->memory.connections += share.connections;
	return nat;
}

static struct pst_chan *
make_chan(uint32_t worker)
{
	char name[16];
	struct pst_chan_params params = {
		.name = name,
		.records = 8,
		.packets = RING_SIZE,
		.socket = SOCKET_ID_ANY,
	};

	snprintf(name, sizeof(name), "bench%u", worker);
	return pst_chan_create(&params);
}

static int
make_worker(struct pst_pipeline *p, uint32_t worker)
{
	struct pst_worker_params params = {
		.index = worker,
		.net = p->net,
		.steer = &p->steer,
		.n_workers = p->params.workers,
		.port_ids = { INSIDE, OUTSIDE },
		.n_ports = PORTS,
		.mbufs = p->mbufs,
		.socket = SOCKET_ID_ANY,
	};

	for (uint16_t port = 0; port < PORTS; port++)
		params.ports[port] = (struct pst_worker_port){ worker, worker, worker };
	for (uint32_t other = 0; other < p->params.workers; other++) {
		params.from[other] = p->rings[other][worker];
		params.to[other] = p->rings[worker][other];
	}
	p->chans[worker] = params.main = make_chan(worker);
	if (params.main == NULL)
		return -rte_errno;
	params.nat = make_nat(p, worker);
	if (params.nat == NULL)
		return -rte_errno;
	p->workers[worker] = pst_worker_create(&params);
	if (p->workers[worker] == NULL) {
		pst_nat_destroy(params.nat);
		return -rte_errno;
	}
	return 0;
}

static int
wire(struct pst_pipeline *p)
{
	int ret = pst_steer_init(&p->steer, p->params.workers);

	if (ret == 0)
		ret = set_nat_params(p);
	if (ret == 0)
		ret = make_policy(p);
	p->mbufs = rte_pktmbuf_pool_create("bench", MBUFS, MBUF_CACHE, PST_MBUF_PRIV,
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (p->mbufs == NULL)
		return -rte_errno;
	if (ret == 0)
		ret = make_net(p);
	if (ret == 0)
		ret = make_rings(p);
	for (uint32_t w = 0; ret == 0 && w < p->params.workers; w++)
		ret = make_worker(p, w);
	for (uint16_t port = 0; ret == 0 && port < PORTS; port++)
		ret = open_port(p, port);
	return ret;
}

struct pst_pipeline *
pst_pipeline_create(const struct pst_pipeline_params *params)
{
	struct pst_pipeline *p;
	int ret;

	if (rte_eth_dev_count_avail() != PORTS || rte_lcore_count() != params->workers + 1) {
		fprintf(stderr, "postern-bench: want 2 ports and %u lcores, have %u and %u\n",
			params->workers + 1, rte_eth_dev_count_avail(), rte_lcore_count());
		return pst_null(EINVAL);
	}
	p = rte_zmalloc("bench", sizeof(*p), RTE_CACHE_LINE_SIZE);
	if (p == NULL)
		return pst_null(ENOMEM);
	p->params = *params;
	pst_log_init(RTE_LOG_INFO);
	pst_clock_init(&p->clock);
	pst_lcore_set_role(PST_ROLE_MAIN, 0);
	ret = wire(p);
	if (ret != 0) {
		pst_pipeline_destroy(p);
		return pst_null(-ret);
	}
	return p;
}

static void
send_by_worker(void *ctx, struct rte_mbuf *m, uint16_t iface)
{
	struct pst_pipeline *p = ctx;

	pst_tag(m)->kind = PST_TAG_SEND;
	pst_tag(m)->iface = iface;
	if (rte_ring_sp_enqueue(p->chans[0]->to_worker, m) != 0) {
		p->main.dropped[PST_DROP_MAIN_RING]++;
		rte_pktmbuf_free(m);
	}
}

static void
drop_one(void *ctx, struct rte_mbuf *m, enum pst_drop why)
{
	struct pst_pipeline *p = ctx;

	p->main.dropped[why]++;
	rte_pktmbuf_free(m);
}

static struct rte_mbuf *
alloc_one(void *ctx)
{
	struct pst_pipeline *p = ctx;

	return rte_pktmbuf_alloc(p->mbufs);
}

/* Resolve next hops, learn from ARP replies; there is nobody else to talk to. */
static void
look_after(struct pst_pipeline *p, uint64_t now_ms)
{
	const struct pst_neigh_ops ops = { send_by_worker, drop_one, alloc_one, p };
	struct rte_mbuf *m;

	for (uint32_t w = 0; w < p->params.workers; w++)
		while (rte_ring_sc_dequeue(p->chans[w]->to_asker, (void **)&m) == 0) {
			const struct pst_tag *tag = pst_tag(m);

			if (tag->kind == PST_TAG_RESOLVE) {
				pst_neigh_hold(p->net->neigh, p->net, &ops, m, tag->iface,
					tag->next_hop, now_ms);
				continue;
			}
			pst_neigh_input(p->net->neigh, p->net, &ops, m, tag->iface, now_ms);
			rte_pktmbuf_free(m);
		}
	pst_neigh_timer(p->net->neigh, p->net, &ops, now_ms);
}

/* What a worker takes for the time. */
static uint64_t
now_of(const struct pst_pipeline *p, const struct pst_worker *worker)
{
	if (!p->params.steady)
		return pst_clock_now(&p->clock);
	return PST_MS_PER_S + pst_steady_ms(p->params.flows, p->params.tcp,
		pst_worker_stats(worker)->connections_total);
}

static int
run_worker(void *arg)
{
	const struct post *post = arg;
	struct pst_pipeline *p = post->pipeline;
	struct pst_worker *worker = p->workers[post->worker];

	pst_lcore_set_role(PST_ROLE_WORKER, post->worker);
	while (*p->stop == 0)
		pst_worker_poll(worker, now_of(p, worker));
	return 0;
}

/* All flows have begun, and the greeting: there is a pause now. */
static void
watch_turnover(struct pst_pipeline *p)
{
	const volatile struct pst_worker_stats *stats = pst_worker_stats(p->workers[0]);

	if (!p->params.steady || stats->connections_total != (uint64_t)p->params.flows + 1)
		return;
	p->full_begun = p->params.flows + 1;
	p->full_live = stats->connections;
}

int
pst_pipeline_run(struct pst_pipeline *p, const volatile sig_atomic_t *stop)
{
	struct post posts[PST_WORKERS_MAX];
	unsigned int lcore;
	uint32_t w = 0;
	int ret = 0;

	p->stop = stop;
	rte_delay_us_sleep(ATTACH_US);
	RTE_LCORE_FOREACH_WORKER(lcore) {
		posts[w] = (struct post){ p, w };
		ret = RTE_MIN(ret, rte_eal_remote_launch(run_worker, &posts[w], lcore));
		w++;
	}
	while (*stop == 0) {
		look_after(p, pst_clock_now(&p->clock));
		watch_turnover(p);
		rte_delay_us_sleep(100);
	}
	rte_eal_mp_wait_lcore();
	return ret;
}

void
pst_pipeline_account(const struct pst_pipeline *p, struct pst_account *account)
{
	*account = p->main;
	for (uint32_t w = 0; w < p->params.workers; w++)
		pst_account_add(account, &pst_worker_stats(p->workers[w])->account);
}

void
pst_pipeline_memory(const struct pst_pipeline *p, struct pst_pipeline_memory *memory)
{
	*memory = p->memory;
}

void
pst_pipeline_turnover(const struct pst_pipeline *p, struct pst_pipeline_turnover *turnover)
{
	const struct pst_worker_stats *stats = pst_worker_stats(p->workers[0]);
	/* time may stand anywhere in a second, and connections end when it is over */
	int64_t slack = 2 * (int64_t)pst_steady_rate(p->params.flows, p->params.tcp);

	turnover->live = stats->connections;
	turnover->begun = stats->connections_total - p->full_begun;
	turnover->expired = turnover->begun + p->full_live - stats->connections;
	turnover->is_steady = p->full_begun != 0 && turnover->begun != 0 &&
		llabs((int64_t)(turnover->expired - turnover->begun)) <= slack;
}

void
pst_pipeline_destroy(struct pst_pipeline *p)
{
	uint64_t now_ms = pst_clock_now(&p->clock);

	for (uint32_t w = 0; w < p->params.workers; w++) {
		if (p->workers[w] != NULL)
			pst_worker_drain(p->workers[w], now_ms);
		pst_worker_destroy(p->workers[w]);
	}
	for (uint16_t port = 0; port < PORTS; port++) {
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
	for (uint32_t from = 0; from < p->params.workers; from++) {
		pst_chan_destroy(p->chans[from]);
		for (uint32_t to = 0; to < p->params.workers; to++)
			rte_ring_free(p->rings[from][to]);
	}
	if (p->net != NULL)
		pst_neigh_destroy(p->net->neigh);
	free(p->net);
	pst_nat_rests_destroy(&p->nat);
	pst_packet_filters_destroy(p->filters);
	pst_ruleset_destroy(p->rules);
	rte_mempool_free(p->mbufs);
	rte_free(p);
}
