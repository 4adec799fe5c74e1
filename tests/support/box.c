/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rte_arp.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "box.h"
#include "worker/reply.h"

#define RING_SIZE 4096
#define MBUFS 16383
#define SETTLE_ROUNDS 100000

static const struct rte_ether_addr peer = { { 2, 0, 0, 0, 0, 9 } };

static void
set_iface(struct pst_config_iface *f, const char *name, enum pst_zone zone, uint32_t ip)
{
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->device, sizeof(f->device), "fake-%s", name);
	f->zone = zone;
	f->ip = ip;
	f->prefix_len = 24;
	f->mtu = 1500;
}

void
box_config(struct pst_config *c, uint32_t workers, uint32_t editors)
{
	memset(c, 0, sizeof(*c));
	c->lcores.n_workers = workers;
	c->lcores.n_editors = editors;
	c->n_ifaces = 2;
	set_iface(&c->ifaces[BOX_INSIDE], "inside", PST_ZONE_INTERNAL, IP(10, 1, 1, 254));
	set_iface(&c->ifaces[BOX_OUTSIDE], "outside", PST_ZONE_EXTERNAL, IP(198, 18, 0, 1));
	c->ifaces[BOX_INSIDE].prefix_len = 16;
	c->nat.pool[0] = (struct pst_range){ IP(198, 18, 0, 1), IP(198, 18, 0, 1) };
	c->nat.n_pool = 1;
	c->nat.filtering = PST_ADDRESS_DEPENDENT;
	c->nat.hairpin = c->nat.refresh_inbound = true;
	c->nat.ports_per_client = 2048;
	c->nat.sessions_per_client = 4096;
	c->nat.sessions = 8192;
	c->nat.quarantine_s = 120;
	c->nat.port_first = 1024;
	c->nat.port_last = 65535;
	c->nat.timeouts.tcp_opening = c->nat.timeouts.tcp_closing = 240;
	c->nat.timeouts.tcp_established = 7440;
	c->nat.timeouts.udp = c->nat.timeouts.bind_udp_idle = 300;
	c->nat.timeouts.icmp = c->nat.timeouts.bind_accept = 60;
	c->nat.timeouts.syn_hold = 6;
}

static size_t
heap_in_use(void)
{
	struct rte_malloc_socket_stats stats;
	size_t sum = 0;

	for (unsigned int s = 0; s < RTE_MAX_NUMA_NODES; s++) {
		if (rte_malloc_get_socket_stats(s, &stats) == 0)
			sum += stats.heap_allocsz_bytes;
	}
	return sum;
}

static void
create_port(struct box *b, int port)
{
	static unsigned int serial;
	struct rte_eth_conf conf = { 0 };
	char name[32];
	int id;

	serial++;
	for (uint32_t q = 0; q < b->n_queues; q++) {
		snprintf(name, sizeof(name), "box-rx%d-%u-%u", port, q, serial);
		b->rx[port][q] = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "box-tx%d-%u-%u", port, q, serial);
		b->tx[port][q] = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, 0);
		assert_non_null(b->rx[port][q]);
		assert_non_null(b->tx[port][q]);
	}
	snprintf(name, sizeof(name), "box%d-%u", port, serial);
	id = rte_eth_from_rings(name, b->rx[port], b->n_queues, b->tx[port], b->n_queues, 0);
	assert_true(id >= 0);
	b->port[port] = id;
	assert_int_equal(rte_eth_dev_configure(id, b->n_queues, b->n_queues, &conf), 0);
	for (uint32_t q = 0; q < b->n_queues; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(id, q, 256, 0, NULL, b->mbufs), 0);
		assert_int_equal(rte_eth_tx_queue_setup(id, q, 256, 0, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(id), 0);
}

/* The interface that has the device first; its number among such ones is the port's. */
static int
number_of(const struct pst_config *c, uint32_t iface)
{
	int number = 0;

	for (uint32_t i = 0; i < iface; i++) {
		bool is_first = true;

		if (strcmp(c->ifaces[i].device, c->ifaces[iface].device) == 0)
			return number_of(c, i);
		for (uint32_t k = 0; k < i; k++)
			is_first &= strcmp(c->ifaces[i].device, c->ifaces[k].device) != 0;
		number += is_first;
	}
	return number;
}

static void
create_ports(struct box *b, struct pst_appliance_params *p)
{
	for (uint32_t i = 0; i < b->config.n_ifaces; i++) {
		int port = number_of(&b->config, i);

		if (port == b->n_ports) {
			assert_true(++b->n_ports <= BOX_PORTS_MAX);
			create_port(b, port);
			b->mac[port] = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, port + 1 } };
		}
		p->ifaces[i] = (struct pst_appliance_iface){ .port = b->port[port],
			.mtu = b->config.ifaces[i].mtu,
			.mac = b->mac[port],
			.n_rx = b->n_queues,
			.n_tx = b->n_queues };
	}
}

static void
destroy_port(struct box *b, int port)
{
	rte_eth_dev_stop(b->port[port]);
	rte_eth_dev_close(b->port[port]);
	for (uint32_t q = 0; q < b->n_queues; q++) {
		rte_ring_free(b->rx[port][q]);
		rte_ring_free(b->tx[port][q]);
	}
}

static uint32_t
step_workers(struct box *b)
{
	uint32_t done = 0;

	for (uint32_t w = 0; w < b->a->n_workers; w++) {
		pst_lcore_set_role(PST_ROLE_WORKER, w);
		done += pst_worker_poll(b->a->workers[w], b->now_ms);
	}
	return done;
}

/* A call of an editor waits: the workers go on, and a millisecond passes. */
static void
idle(void *ctx)
{
	struct pst_lcore_role role = *pst_lcore_role();
	struct box *b = ctx;

	if (!b->stalled)
		step_workers(b);
	b->now_ms++;
	pst_lcore_set_role(role.kind, role.index);
}

static uint64_t
now(void *ctx)
{
	return ((struct box *)ctx)->now_ms;
}

void
box_init_with(
	struct box *b, const struct pst_config *c, uint32_t queues, struct pst_appliance_params p)
{
	static unsigned int serial;
	char error[256] = "", name[32];

	memset(b, 0, sizeof(*b));
	b->config = *c;
	p.seed = 42;
	p.idle = idle;
	p.now = now;
	p.ctx = b;
	if (p.ring_packets == 0)
		p.ring_packets = 512;
	b->now_ms = p.now_ms = 1000;
	b->n_queues = queues != 0 ? queues : c->lcores.n_workers;
	snprintf(name, sizeof(name), "box-%u", ++serial); /* one that failed has left its own */
	b->mbufs = rte_pktmbuf_pool_create(
		name, MBUFS, 0, PST_MBUF_PRIV, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	assert_non_null(b->mbufs);
	create_ports(b, &p);
	b->heap_before = heap_in_use();
	p.config = &b->config;
	p.mbufs = b->mbufs;
	b->a = pst_appliance_create(&p, error, sizeof(error));
	if (b->a == NULL)
		fail_msg("%s", error);
}

void
box_init(struct box *b, const struct pst_config *c, uint32_t queues)
{
	box_init_with(b, c, queues, (struct pst_appliance_params){ 0 });
}

void
box_init_small(struct box *b, const struct pst_config *c, uint32_t events, uint32_t records)
{
	box_init_with(b, c, 0,
		(struct pst_appliance_params){ .ring_events = events, .records = records });
}

void
box_init_editors(
	struct box *b, const struct pst_config *c, const struct pst_editor *const *editors)
{
	box_init_with(b, c, 0, (struct pst_appliance_params){ .editors = editors });
}

static void
put(struct box *b, int port, uint32_t queue, struct rte_mbuf *m)
{
	m->port = b->port[port];
	m->ol_flags = 0;
	if (b->strips_tags &&
		m->data_len >= sizeof(struct rte_ether_hdr) + sizeof(struct rte_vlan_hdr))
		rte_vlan_strip(m);
	assert_int_equal(rte_ring_enqueue(b->rx[port][queue], m), 0);
	b->put++;
}

static void
note(struct box_arp *list, uint32_t *n, int port, uint16_t vlan, const struct rte_arp_hdr *arp)
{
	assert_true(*n < BOX_ARP_MAX);
	list[(*n)++] = (struct box_arp){ .port = port,
		.vlan = vlan,
		.ip = rte_be_to_cpu_32(arp->arp_data.arp_sip),
		.mac = arp->arp_data.arp_sha };
}

static void
answer_arp(struct box *b, int port, uint16_t vlan, struct rte_mbuf *m)
{
	struct rte_arp_hdr *arp = pst_reply_arp_of(m);
	struct pst_iface neighbour = { .mac = peer, .vlan = vlan };

	b->got++;
	assert_non_null(arp);
	if (arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST)) {
		note(b->answered, &b->n_answered, port, vlan, arp);
		rte_pktmbuf_free(m);
	} else if (arp->arp_data.arp_sip == arp->arp_data.arp_tip) {
		note(b->announced, &b->n_announced, port, vlan, arp);
		rte_pktmbuf_free(m);
	} else if (b->no_arp) {
		rte_pktmbuf_free(m);
	} else {
		pst_reply_arp(m, arp, &neighbour);
		put(b, port, 0, m);
	}
}

/* Answer ARP at the head of what came out, so that what waits for it can leave. */
static uint32_t
neighbours(struct box *b)
{
	uint32_t done = 0;
	void *m;

	for (int port = 0; port < b->n_ports; port++) {
		for (uint32_t q = 0; q < b->n_queues; q++) {
			for (unsigned int n = rte_ring_count(b->tx[port][q]); n > 0; n--) {
				struct pst_view v;

				if (rte_ring_dequeue(b->tx[port][q], &m) != 0)
					break;
				pst_view_parse(&v, m);
				if (v.kind == PST_VIEW_ARP) {
					answer_arp(b, port, v.vlan, m);
					done++;
				} else {
					rte_ring_enqueue(b->tx[port][q], m);
				}
			}
		}
	}
	return done;
}

static uint32_t
step(struct box *b)
{
	uint32_t done = step_workers(b);

	for (uint32_t e = 0; e < b->a->n_editors && !b->no_runtimes; e++) {
		pst_lcore_set_role(PST_ROLE_EDITOR, e);
		done += pst_runtime_poll(b->a->runtimes[e], b->now_ms);
	}
	pst_lcore_set_role(PST_ROLE_MAIN, 0);
	done += pst_appliance_poll(b->a, b->now_ms);
	return done + neighbours(b);
}

void
box_step(struct box *b)
{
	step(b);
}

void
box_settle(struct box *b)
{
	int rounds = 0;

	while (step(b) > 0)
		assert_true(++rounds < SETTLE_ROUNDS);
}

void
box_pass(struct box *b, uint64_t ms)
{
	uint64_t end = b->now_ms + ms;

	while (b->now_ms < end) {
		b->now_ms = RTE_MIN(b->now_ms + 1000, end);
		box_settle(b);
	}
}

void
box_put(struct box *b, int port, const struct pkt *p)
{
	struct pkt copy = *p;
	struct rte_mbuf *m;
	uint32_t q = (p->src ^ p->dst ^ p->sport ^ p->dport) % b->n_queues;

	copy.src_mac = peer;
	copy.dst_mac = b->mac[port];
	m = pkt_build(b->mbufs, &copy);
	assert_non_null(m);
	put(b, port, q, m);
}

void
box_put_frame(struct box *b, int port, struct rte_mbuf *m)
{
	put(b, port, 0, m);
}

const struct box_arp *
box_ask(struct box *b, int port, uint16_t vlan, uint32_t ip)
{
	struct pst_iface host = { .vlan = vlan, .mac = peer, .ip = RTE_BE32(IP(192, 0, 2, 77)) };
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->mbufs);
	uint32_t before = b->n_answered;

	assert_non_null(m);
	pst_reply_arp_request(m, &host, rte_cpu_to_be_32(ip), NULL);
	put(b, port, 0, m);
	box_settle(b);
	return b->n_answered > before ? &b->answered[before] : NULL;
}

struct rte_mbuf *
box_get(struct box *b, int port)
{
	void *m;

	for (uint32_t q = 0; q < b->n_queues; q++) {
		if (rte_ring_dequeue(b->tx[port][q], &m) == 0) {
			b->got++;
			return m;
		}
	}
	return NULL;
}

bool
box_pass_to(struct box *b, int from, int to, const struct pkt *in, struct pkt *out)
{
	struct rte_mbuf *m;
	bool ok;

	box_put(b, from, in);
	box_settle(b);
	m = box_get(b, to);
	if (m == NULL)
		return false;
	ok = pkt_read(m, out);
	assert_true(ok);
	out->data = NULL; /* it goes with the packet */
	rte_pktmbuf_free(m);
	return true;
}

bool
box_pass_through(struct box *b, int port, const struct pkt *in, struct pkt *out)
{
	return box_pass_to(b, port, 1 - port, in, out);
}

void
box_is_dropped(struct box *b, int port, const struct pkt *in, enum pst_drop why)
{
	struct pst_account before, after;
	struct pkt out;

	pst_appliance_account(b->a, &before);
	if (box_pass_through(b, port, in, &out))
		fail_msg("it came through, and was to be dropped: %s", pst_drop_names[why]);
	pst_appliance_account(b->a, &after);
	for (int k = 0; k < PST_DROP_COUNT; k++) {
		if (after.dropped[k] != before.dropped[k] + (k == (int)why))
			fail_msg("%" PRIu64 " dropped as %s, it was to be as %s",
				after.dropped[k] - before.dropped[k], pst_drop_names[k],
				pst_drop_names[why]);
	}
}

uint64_t
box_drops(const struct box *b, enum pst_drop why)
{
	struct pst_account sum;

	pst_appliance_account(b->a, &sum);
	return sum.dropped[why];
}

uint64_t
box_connections(const struct box *b)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < b->a->n_workers; w++)
		n += pst_worker_stats(b->a->workers[w])->connections;
	return n;
}

/* For whoever looks into a failure. */
static void
print_account(const struct pst_account *a)
{
	print_message("received %lu sent %lu\n", a->received, a->sent);
	for (int i = 0; i < PST_DROP_COUNT; i++) {
		if (a->dropped[i] > 0)
			print_message("dropped %s %lu\n", pst_drop_names[i], a->dropped[i]);
	}
	for (int i = 0; i < PST_CONSUMED_COUNT; i++) {
		if (a->consumed[i] > 0)
			print_message("consumed %s %lu\n", pst_consumed_names[i], a->consumed[i]);
	}
	for (int i = 0; i < PST_ORIGINATED_COUNT; i++) {
		if (a->originated[i] > 0)
			print_message("originated %s %lu\n", pst_originated_names[i],
				a->originated[i]);
	}
}

static void
check_account(struct box *b)
{
	struct pst_account sum;

	pst_appliance_account(b->a, &sum);
	if (pst_account_held(&sum) != 0 || sum.received != b->put || sum.sent != b->got)
		print_account(&sum);
	assert_int_equal(sum.received, b->put);
	assert_int_equal(sum.sent, b->got);
	assert_int_equal(pst_account_held(&sum), 0);
}

static void
drain(struct box *b)
{
	struct rte_mbuf *m;

	for (uint32_t w = 0; w < b->a->n_workers; w++) {
		pst_lcore_set_role(PST_ROLE_WORKER, w);
		pst_nat_unpublish_all(pst_worker_nat(b->a->workers[w]), b->now_ms);
	}
	box_settle(b);
	for (int port = 0; port < b->n_ports; port++) {
		while ((m = box_get(b, port)) != NULL)
			rte_pktmbuf_free(m);
	}
}

void
box_stop(struct box *b)
{
	if (!b->dies)
		drain(b);
	pst_appliance_destroy(b->a);
	assert_int_equal(heap_in_use(), b->heap_before);
	assert_int_equal(rte_mempool_in_use_count(b->mbufs), 0);
	for (int port = 0; port < b->n_ports; port++)
		destroy_port(b, port);
	rte_mempool_free(b->mbufs);
}

void
box_fini(struct box *b)
{
	struct pst_evt evt;

	/* everything runs out: the longest timeout, and the timers of what ARP asks for */
	box_pass(b, (uint64_t)b->config.nat.timeouts.tcp_established * 1000 + 400000);
	for (uint32_t w = 0; b->no_runtimes && w < b->a->n_workers; w++) {
		while (pst_chan_hear(b->a->editor_chans[0][w], &evt))
			box_settle(b);
	}
	drain(b);
	check_account(b);
	for (uint32_t w = 0; w < b->a->n_workers; w++)
		assert_true(pst_nat_is_empty(pst_worker_nat(b->a->workers[w])));
	for (uint32_t e = 0; e < b->a->n_editors; e++)
		assert_true(pst_runtime_is_quiet(b->a->runtimes[e]));
	box_stop(b);
}
