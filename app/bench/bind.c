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
#include <rte_errno.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_pause.h>
#include <rte_tcp.h>

#include "appliance.h"
#include "options.h"
#include "pst_editor.h"

#define PORT 4700
#define CLIENT 0x0a010107 /* 10.1.1.7 */
#define SERVER 0xc6120009 /* 198.18.0.9 */
#define OUTSIDE 0xc6120001
#define POOL 64512u
#define FULL (POOL * 99 / 100)
#define BLOCKS 5u /* of 64 ports, left whole in a full pool */
#define BLOCK 64u
#define ROUNDS 20000
#define ROUNDS_OF_MANY 2000
#define RING 64
#define CPUS 2
#define MEGABYTES 768

static const struct pst_guid protocol = { { 0xbe, 0x01 } };

/* What the bench editor knows of its one session. */
static struct pst_session *session;
static bool share; /* one CPU for both lcores */
static volatile bool stop;

struct bench {
	struct pst_config config;
	struct pst_appliance *a;
	struct rte_mempool *mbufs;
	struct rte_ring *rings[2][2];
	uint16_t ports[2];
	struct pst_connection **held; /* what fills the pool */
	uint64_t *ticks;
};

/* The editor: it takes note of its session. */

static struct pst_editor_session *
attach(struct pst_session *s)
{
	session = s;
	return calloc(1, sizeof(struct pst_editor_session));
}

static int
hear(struct pst_editor_session *es, const struct pst_event *event)
{
	(void)es;
	(void)event;
	return 0;
}

static void
detach(struct pst_editor_session *es)
{
	session = NULL;
	free(es);
}

static const struct pst_editor editor = {
	.name = "bench",
	.protocol_name = "bench",
	.protocol = { { 0xbe, 0x01 } },
	.ports = { { PST_TCP, PORT } },
	.default_on = true,
	.attach = attach,
	.event = hear,
	.detach = detach,
};

static const struct pst_editor *const editors[] = { &editor, NULL };

/* Lcores. */

static uint64_t
now(void *ctx)
{
	(void)ctx;
	return rte_rdtsc() * 1000 / rte_get_tsc_hz();
}

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
		if (pst_worker_poll(b->a->workers[0], now(NULL)) == 0)
			idle(NULL);
	}
	return 0;
}

static struct pst_runtime *
runtime(const struct bench *b)
{
	return b->a->runtimes[0];
}

/* Until nothing is under way: what was killed has been answered. */
static void
settle(struct bench *b)
{
	const struct pst_chan *chan = b->a->editor_chans[0][0];

	do {
		pst_runtime_poll(runtime(b), now(NULL));
		if (chan->n_free != chan->n_records)
			idle(NULL);
	} while (chan->n_free != chan->n_records);
	pst_runtime_poll(runtime(b), now(NULL));
}

/* The appliance. */

static void
set_config(struct pst_config *c)
{
	static const char *const names[] = { "inside", "outside" };

	memset(c, 0, sizeof(*c));
	c->lcores.n_workers = c->lcores.n_editors = 1;
	c->n_ifaces = 2;
	for (int i = 0; i < 2; i++) {
		snprintf(c->ifaces[i].name, sizeof(c->ifaces[i].name), "%s", names[i]);
		c->ifaces[i].zone = i == 0 ? PST_ZONE_INTERNAL : PST_ZONE_EXTERNAL;
		c->ifaces[i].ip = i == 0 ? 0x0a0101fe : OUTSIDE;
		c->ifaces[i].prefix_len = 24;
		c->ifaces[i].mtu = 1500;
	}
	c->nat.pool[0] = (struct pst_range){ OUTSIDE, OUTSIDE };
	c->nat.n_pool = 1;
	c->nat.ports_per_client = 65535;
	c->nat.sessions_per_client = 4096;
	c->nat.sessions = 4096;
	c->nat.port_first = 1024;
	c->nat.port_last = 65535;
	c->nat.timeouts.tcp_opening = c->nat.timeouts.tcp_closing = 240;
	c->nat.timeouts.tcp_established = 7440;
	c->nat.timeouts.udp = c->nat.timeouts.bind_udp_idle = 3600;
	c->nat.timeouts.icmp = 60;
	c->nat.timeouts.bind_accept = 3600;
	c->nat.timeouts.syn_hold = 6;
}

static int
create_port(struct bench *b, int k)
{
	struct rte_eth_conf conf = { 0 };
	char name[32];
	int id;

	for (int dir = 0; dir < 2; dir++) {
		snprintf(name, sizeof(name), "bind-%d-%d", k, dir);
		b->rings[k][dir] = rte_ring_create(name, RING, SOCKET_ID_ANY, 0);
		if (b->rings[k][dir] == NULL)
			return -ENOMEM;
	}
	snprintf(name, sizeof(name), "bind%d", k);
	id = rte_eth_from_rings(name, &b->rings[k][0], 1, &b->rings[k][1], 1, 0);
	if (id < 0 || rte_eth_dev_configure(id, 1, 1, &conf) < 0 ||
		rte_eth_rx_queue_setup(id, 0, RING, 0, NULL, b->mbufs) < 0 ||
		rte_eth_tx_queue_setup(id, 0, RING, 0, NULL) < 0 || rte_eth_dev_start(id) < 0)
		return -ENODEV;
	b->ports[k] = id;
	return 0;
}

static int
create(struct bench *b)
{
	struct pst_appliance_params p = { .config = &b->config,
		.seed = 1,
		.now_ms = now(NULL),
		.editors = editors,
		.handles = POOL + 1024,
		.listeners = POOL + 1024,
		.idle = idle,
		.now = now };
	char error[256] = "";

	set_config(&b->config);
	b->mbufs = rte_pktmbuf_pool_create("bind", 4095, 0, PST_MBUF_PRIV,
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	b->held = calloc(POOL, sizeof(*b->held));
	b->ticks = calloc(ROUNDS, sizeof(*b->ticks));
	if (b->mbufs == NULL || b->held == NULL || b->ticks == NULL || create_port(b, 0) < 0 ||
		create_port(b, 1) < 0)
		return -ENOMEM;
	for (int i = 0; i < 2; i++)
		p.ifaces[i] = (struct pst_appliance_iface){ .port = b->ports[i],
			.mtu = 1500,
			.mac = { { 2, 0, 0, 0, 0, i + 1 } },
			.n_rx = 1,
			.n_tx = 1 };
	p.mbufs = b->mbufs;
	b->a = pst_appliance_create(&p, error, sizeof(error));
	if (b->a == NULL)
		fprintf(stderr, "postern-bench: %s\n", error);
	return b->a != NULL ? 0 : -ENOMEM;
}

/* A SYN of the client's to the editor's port makes the session. */
static int
open_session(struct bench *b)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->mbufs);
	uint32_t len = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) +
		sizeof(struct rte_tcp_hdr);
	struct rte_ether_hdr *eth;
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;
	uint64_t end = now(NULL) + 2000;

	eth = m != NULL ? (struct rte_ether_hdr *)rte_pktmbuf_append(m, len) : NULL;
	if (eth == NULL)
		return -ENOMEM;
	memset(eth, 0, len);
	eth->dst_addr = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, 1 } };
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip = (struct rte_ipv4_hdr *)(eth + 1);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(len - sizeof(*eth));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_TCP;
	ip->src_addr = rte_cpu_to_be_32(CLIENT);
	ip->dst_addr = rte_cpu_to_be_32(SERVER);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp = (struct rte_tcp_hdr *)(ip + 1);
	tcp->src_port = rte_cpu_to_be_16(5000);
	tcp->dst_port = rte_cpu_to_be_16(PORT);
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	tcp->tcp_flags = RTE_TCP_SYN_FLAG;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	m->port = b->ports[0];
	if (rte_ring_enqueue(b->rings[0][0], m) != 0)
		return -ENOBUFS;
	while (session == NULL && now(NULL) < end)
		pst_runtime_poll(runtime(b), now(NULL));
	return session != NULL ? 0 : -ETIMEDOUT;
}

/* Calls. */

static int
bind_ports(uint32_t n, struct pst_connection **handles)
{
	static struct pst_endpoint clients[PST_BIND_MAX];
	struct pst_endpoint proxy = { OUTSIDE, PST_PORT_ANY };
	const struct pst_bind_for_client args = { .client_addresses = clients,
		.client_address_len = sizeof(clients[0]),
		.proxy_address = &proxy,
		.proxy_address_len = sizeof(proxy),
		.protocol = PST_UDP,
		.n = n,
		.protocol_id = protocol,
		.connections = handles };

	for (uint32_t i = 0; i < n; i++)
		clients[i] = (struct pst_endpoint){ CLIENT, 2000 + i };
	return pst_bind_for_client(session, &args);
}

static void
kill_ports(struct bench *b, uint32_t n, struct pst_connection **handles)
{
	for (uint32_t i = 0; i < n; i++)
		pst_connection_kill(handles[i]);
	settle(b);
}

/* To 99 %, with some blocks left whole. */
static int
fill(struct bench *b)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < BLOCKS; i++)
		ret = bind_ports(BLOCK, b->held + i * BLOCK);
	for (uint32_t i = BLOCKS * BLOCK; ret == 0 && i < FULL + BLOCKS * BLOCK; i++)
		ret = bind_ports(1, b->held + i);
	if (ret == 0)
		kill_ports(b, BLOCKS * BLOCK, b->held);
	return ret;
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
		int ret = bind_ports(n, handles);

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
		       "\"binds_a_second\": %.0f, \"to_empty\": %.2f}",
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
	struct result empty[RTE_DIM(sizes)], full;
	int ret = 0;

	for (size_t k = 0; ret == 0 && k < RTE_DIM(sizes); k++) {
		ret = measure(b, sizes[k], &empty[k]);
		if (ret == 0)
			print(json, first && k == 0, 0, sizes[k], &empty[k], &empty[k]);
	}
	if (ret == 0)
		ret = fill(b);
	for (size_t k = 0; ret == 0 && k < RTE_DIM(sizes); k++) {
		ret = measure(b, sizes[k], &full);
		if (ret == 0)
			print(json, false, 99, sizes[k], &full, &empty[k]);
	}
	for (uint32_t i = BLOCKS * BLOCK; ret == 0 && i < FULL + BLOCKS * BLOCK; i += BLOCK)
		kill_ports(b, RTE_MIN(BLOCK, FULL + BLOCKS * BLOCK - i), b->held + i);
	return ret;
}

static int
run(struct bench *b, bool json, bool first)
{
	int ret;

	stop = false;
	run_on(0);
	rte_eal_remote_launch(work, b, 1);
	ret = session == NULL ? open_session(b) : 0;
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
			"p99 us", "p99.9 us", "max us", "binds/s", "to empty");
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
	pst_appliance_destroy(b.a);
	free(b.held);
	free(b.ticks);
	return ret;
}
