/* SPDX-License-Identifier: BSD-3-Clause */
#include "stepped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_thash.h>

#include "appliance.h"
#include "base/err.h"
#include "frame.h"
#include "worker/reply.h"

#define SIDES 2
#define RETA 128
#define POOL 16	      /* outside addresses */
#define CLIENT_BITS 4 /* log2 of one client's flows */
#define SERVERS 64
#define DESCRIPTORS 512
#define SPARE_MBUFS 512
#define DATA_ROOM (RTE_PKTMBUF_HEADROOM + 256)
#define FRAME_PARTS (PST_FRAME_TO_CLIENT + 1)

_Static_assert(PST_STEPPED_WORKERS_MAX <= RTE_PMD_RING_MAX_RX_RINGS &&
		       PST_STEPPED_WORKERS_MAX <= RTE_PMD_RING_MAX_TX_RINGS,
	"a queue for each worker");

struct side {
	uint16_t port;
	struct rte_ether_addr mac;
	struct rte_ring *rx[PST_STEPPED_WORKERS_MAX], *tx[PST_STEPPED_WORKERS_MAX]; /* by queue */
	uint8_t key[PST_STEER_KEY_MIN];
	uint16_t reta[RETA];
	struct pst_frame_base bases[FRAME_PARTS];
};

struct pst_stepped {
	struct pst_stepped_params params;
	struct pst_config config;
	struct pst_appliance *a;
	struct rte_mempool *mbufs;
	struct side sides[SIDES]; /* inside, outside */
	struct pst_plan plan;
	struct pst_endpoint4 *outside; /* by flow, and of one more that goes first */
	uint64_t now_ms;
	uint32_t rounds;
	bool measures;
	uint64_t put, got, faults;
};

static const struct rte_ether_addr peer = { { 2, 0, 0, 0, 0, 9 } };
static const struct pst_editor *const no_editors[] = { NULL };

/* Configuration. */

static void
set_iface(struct pst_config_iface *f, const char *name, enum pst_zone zone, uint32_t ip)
{
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->zone = zone;
	f->ip = ip;
	f->prefix_len = 24;
	f->mtu = 1500;
}

static void
set_nat(struct pst_config_nat *nat, const struct pst_stepped_params *p)
{
	uint32_t first = pst_ipv4(192, 0, 2, 0);

	nat->pool[0] = (struct pst_range){ first, first + POOL - 1 };
	nat->n_pool = 1;
	nat->filtering = PST_ADDRESS_DEPENDENT;
	nat->hairpin = nat->refresh_inbound = true;
	nat->tcp_window = PST_WINDOW_STRICT;
	nat->ports_per_client = nat->sessions_per_client = 4096;
	nat->port_block = p->port_block;
	nat->sessions = 8192 * p->workers + 4 * p->flows;
	nat->port_first = 1024;
	nat->port_last = 65535;
	nat->timeouts.tcp_opening = nat->timeouts.tcp_closing = 240;
	nat->timeouts.tcp_established = 7440;
	nat->timeouts.udp = nat->timeouts.bind_udp_idle = 300;
	nat->timeouts.icmp = nat->timeouts.bind_accept = 60;
	nat->timeouts.syn_hold = 6;
}

static void
set_config(struct pst_config *c, const struct pst_stepped_params *p)
{
	c->lcores.n_workers = p->workers;
	c->lcores.n_editors = 1;
	c->n_ifaces = SIDES;
	set_iface(&c->ifaces[0], "inside", PST_ZONE_INTERNAL, pst_ipv4(172, 16, 0, 1));
	set_iface(&c->ifaces[1], "outside", PST_ZONE_EXTERNAL, pst_ipv4(198, 51, 100, 1));
	c->routes[0] =
		(struct pst_config_route){ { pst_ipv4(10, 0, 0, 0), 8 }, pst_ipv4(172, 16, 0, 2) };
	c->routes[1] = (struct pst_config_route){ { 0, 0 }, pst_ipv4(198, 51, 100, 254) };
	c->n_routes = 2;
	set_nat(&c->nat, p);
}

static void
set_plan(struct pst_plan *plan, const struct pst_stepped_params *p)
{
	*plan = (struct pst_plan){ .flows = p->flows,
		.bits = rte_log2_u32(p->flows),
		.per_client_bits = CLIENT_BITS,
		.servers = SERVERS,
		.client_net = pst_ipv4(10, 0, 0, 0),
		.server_net = pst_ipv4(203, 0, 113, 0),
		.server_port = p->server_port,
		.sizes = { PST_FRAME_MIN },
		.n_sizes = 1 };
}

/* Ports. */

static int
make_rings(struct pst_stepped *s, struct side *side, int number)
{
	uint32_t size = rte_align32pow2(s->params.flows + 1); /* any queue may get them all */
	char name[32];

	for (uint32_t q = 0; q < s->params.workers; q++) {
		snprintf(name, sizeof(name), "steps-rx%d-%u", number, q);
		side->rx[q] = rte_ring_create(name, size + DESCRIPTORS, SOCKET_ID_ANY,
			RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
		snprintf(name, sizeof(name), "steps-tx%d-%u", number, q);
		side->tx[q] = rte_ring_create(name, size + DESCRIPTORS, SOCKET_ID_ANY,
			RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
		if (side->rx[q] == NULL || side->tx[q] == NULL)
			return -rte_errno;
	}
	return 0;
}

static int
make_port(struct pst_stepped *s, int number)
{
	static uint32_t serial; /* a name stays taken when its port is closed */
	struct side *side = &s->sides[number];
	struct rte_eth_conf conf = { 0 };
	uint32_t n = s->params.workers;
	int ret = make_rings(s, side, number), id;
	char name[32];

	if (ret != 0)
		return ret;
	snprintf(name, sizeof(name), "stepped%u", serial++);
	id = rte_eth_from_rings(name, side->rx, n, side->tx, n, SOCKET_ID_ANY);
	if (id < 0)
		return -rte_errno;
	side->port = id;
	side->mac = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, number + 1 } };
	ret = rte_eth_dev_configure(id, n, n, &conf);
	for (uint32_t q = 0; ret == 0 && q < n; q++) {
		ret = rte_eth_rx_queue_setup(id, q, DESCRIPTORS, SOCKET_ID_ANY, NULL, s->mbufs);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(id, q, DESCRIPTORS, SOCKET_ID_ANY, NULL);
	}
	return ret == 0 ? rte_eth_dev_start(id) : ret;
}

static void
drop_port(const struct pst_stepped *s, const struct side *side)
{
	if (side->port != RTE_MAX_ETHPORTS) {
		rte_eth_dev_stop(side->port);
		rte_eth_dev_close(side->port);
	}
	for (uint32_t q = 0; q < s->params.workers; q++) {
		rte_ring_free(side->rx[q]);
		rte_ring_free(side->tx[q]);
	}
}

static int
set_steering(struct pst_stepped *s, int number)
{
	enum pst_steer_zone zone = number == 0 ? PST_STEER_INSIDE : PST_STEER_OUTSIDE;
	struct side *side = &s->sides[number];
	int ret = pst_steer_rss_key(zone, RETA, side->key, sizeof(side->key));

	if (ret == 0)
		ret = pst_steer_fill_reta(&s->a->steer, zone, NULL, side->reta, RETA);
	return ret;
}

static void
set_frames(struct side *side)
{
	for (int part = 0; part < FRAME_PARTS; part++) {
		struct pst_frame_shape shape = { .part = part, .size = PST_FRAME_MIN };

		pst_frame_base_init(&side->bases[part], &peer, &side->mac, &shape);
	}
}

/* Packets in. */

/* The queue that a NIC would choose; with any_queue, one that knows nothing of workers. */
static uint32_t
queue_of(const struct pst_stepped *s, const struct side *side, struct pst_endpoint4 src,
	struct pst_endpoint4 dst)
{
	uint32_t tuple[RTE_THASH_V4_L4_LEN] = { rte_be_to_cpu_32(src.addr),
		rte_be_to_cpu_32(dst.addr),
		(uint32_t)rte_be_to_cpu_16(src.port) << 16 | rte_be_to_cpu_16(dst.port) };

	if (s->params.any_queue)
		return (tuple[0] ^ tuple[1] ^ tuple[2] >> 16 ^ tuple[2]) % s->params.workers;
	return side->reta[rte_softrss(tuple, RTE_THASH_V4_L4_LEN, side->key) % RETA];
}

static void
put_mbuf(struct pst_stepped *s, struct side *side, uint32_t queue, struct rte_mbuf *m)
{
	m->port = side->port;
	s->put++;
	if (rte_ring_enqueue(side->rx[queue], m) == 0)
		return;
	rte_pktmbuf_free(m);
	s->faults++;
}

static void
put(struct pst_stepped *s, enum pst_frame_part part, bool from_client, uint32_t flow)
{
	struct side *side = &s->sides[from_client ? 0 : 1];
	struct pst_endpoint4 server = pst_plan_server(&s->plan, flow);
	struct pst_endpoint4 client = pst_plan_client(&s->plan, flow);
	struct pst_endpoint4 src = from_client ? client : server;
	struct pst_endpoint4 dst = from_client ? server : s->outside[flow];
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->mbufs);

	if (m == NULL) {
		s->faults++;
		return;
	}
	m->data_len = m->pkt_len = PST_FRAME_MIN;
	pst_frame_make(rte_pktmbuf_mtod(m, void *), &side->bases[part], flow, src, dst);
	put_mbuf(s, side, queue_of(s, side, src, dst), m);
}

/* Packets out. */

static void
answer_arp(struct pst_stepped *s, struct side *side, uint32_t queue, struct rte_mbuf *m)
{
	const struct pst_iface neighbour = { .mac = peer };
	struct rte_arp_hdr *arp = pst_reply_arp_of(m);

	if (arp != NULL && arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST) &&
		arp->arp_data.arp_sip != arp->arp_data.arp_tip) {
		pst_reply_arp(m, arp, &neighbour);
		put_mbuf(s, side, queue, m);
		s->put--; /* none of a flow */
		return;
	}
	rte_pktmbuf_free(m);
}

/* The first packet of a flow that comes out tells its outside endpoint. */
static bool
is_right(struct pst_stepped *s, bool outside, const struct rte_mbuf *m)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct pst_frame *frame = pst_frame_at(data, false);
	struct pst_endpoint4 server, client, *mapped;

	if (m->data_len < sizeof(*frame) || frame->flow > s->plan.flows)
		return false;
	server = pst_plan_server(&s->plan, frame->flow);
	client = pst_plan_client(&s->plan, frame->flow);
	mapped = &s->outside[frame->flow];
	if (outside && mapped->addr == 0)
		*mapped = (struct pst_endpoint4){ frame->ip.src_addr, frame->udp.src_port };
	return pst_frame_check(data, m->data_len, false, &s->plan, outside ? mapped : &server,
		       outside ? &server : &client) == PST_FAULT_NONE;
}

static void
take(struct pst_stepped *s, int number, uint32_t queue, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP)) {
		answer_arp(s, &s->sides[number], queue, m);
		return;
	}
	s->got++;
	s->faults += !is_right(s, number == 1, m);
	rte_pktmbuf_free(m);
}

static uint32_t
collect(struct pst_stepped *s)
{
	uint32_t n = 0;
	void *m;

	for (int number = 0; number < SIDES; number++) {
		for (uint32_t q = 0; q < s->params.workers; q++) {
			for (; rte_ring_dequeue(s->sides[number].tx[q], &m) == 0; n++)
				take(s, number, q, m);
		}
	}
	return n;
}

/* Stepping. */

__rte_noinline uint32_t
pst_stepped_measured(struct pst_worker *worker, uint64_t now_ms)
{
	return pst_worker_poll(worker, now_ms);
}

static bool
has_packets(const struct pst_stepped *s, uint32_t worker)
{
	return !rte_ring_empty(s->sides[0].rx[worker]) || !rte_ring_empty(s->sides[1].rx[worker]);
}

static bool
step(struct pst_stepped *s, uint32_t worker)
{
	if (!has_packets(s, worker))
		return false;
	pst_lcore_set_role(PST_ROLE_WORKER, worker);
	if (s->measures)
		pst_stepped_measured(s->a->workers[worker], s->now_ms);
	else
		pst_worker_poll(s->a->workers[worker], s->now_ms);
	return true;
}

/* As long as there are packets in queues: all bursts but the last are full ones. */
static void
run_queues(struct pst_stepped *s)
{
	bool busy;

	do {
		busy = false;
		for (uint32_t w = 0; w < s->params.workers; w++)
			busy |= step(s, w);
	} while (busy);
}

void
pst_stepped_settle(struct pst_stepped *s)
{
	uint32_t done;

	do {
		done = 0;
		for (uint32_t w = 0; w < s->params.workers; w++) {
			pst_lcore_set_role(PST_ROLE_WORKER, w);
			done += pst_worker_poll(s->a->workers[w], s->now_ms);
		}
		pst_lcore_set_role(PST_ROLE_EDITOR, 0);
		done += pst_runtime_poll(s->a->runtimes[0], s->now_ms);
		pst_lcore_set_role(PST_ROLE_MAIN, 0);
		done += pst_appliance_poll(s->a, s->now_ms);
		done += collect(s);
	} while (done > 0);
}

/* What an editor's call runs while it waits: its client's worker. */
static void
idle(void *ctx)
{
	struct pst_lcore_role role = *pst_lcore_role();
	struct pst_stepped *s = ctx;
	uint32_t w = pst_steer_inside(&s->a->steer, s->plan.client_net);

	pst_lcore_set_role(PST_ROLE_WORKER, w);
	pst_worker_poll(s->a->workers[w], s->now_ms);
	pst_lcore_set_role(role.kind, role.index);
}

static uint64_t
now(void *ctx)
{
	return ((struct pst_stepped *)ctx)->now_ms;
}

static void
put_all(struct pst_stepped *s, enum pst_frame_part part, bool from_client)
{
	s->rounds++;
	for (uint32_t i = 0; i < s->plan.flows; i++)
		put(s, part, from_client, pst_plan_shuffle(&s->plan, i, s->rounds));
}

static void
pass_all(struct pst_stepped *s, enum pst_frame_part part, bool from_client)
{
	put_all(s, part, from_client);
	run_queues(s);
	pst_stepped_settle(s);
}

void
pst_stepped_open(struct pst_stepped *s)
{
	if (!s->params.tcp) {
		pass_all(s, PST_FRAME_UDP, true);
		return;
	}
	pass_all(s, PST_FRAME_SYN, true);
	pass_all(s, PST_FRAME_SYN_ACK, false);
	pass_all(s, PST_FRAME_TO_SERVER, true);
}

void
pst_stepped_forward(struct pst_stepped *s)
{
	put_all(s, s->params.tcp ? PST_FRAME_TO_SERVER : PST_FRAME_UDP, true);
	put_all(s, s->params.tcp ? PST_FRAME_TO_CLIENT : PST_FRAME_UDP, false);
	run_queues(s);
	pst_stepped_settle(s);
}

void
pst_stepped_measure(struct pst_stepped *s)
{
	s->measures = true;
}

/* A datagram each way, so that both next hops are known to all that follows. */
static void
resolve(struct pst_stepped *s)
{
	for (int way = 0; way < 2; way++) {
		put(s, PST_FRAME_UDP, way == 0, s->plan.flows);
		pst_stepped_settle(s);
	}
}

/* Life. */

static int
make_appliance(struct pst_stepped *s)
{
	struct pst_appliance_params p = { .config = &s->config,
		.mbufs = s->mbufs,
		.seed = 1,
		.now_ms = s->now_ms,
		.editors = s->params.editors != NULL ? s->params.editors : no_editors,
		.idle = idle,
		.now = now,
		.ctx = s };
	char error[256] = "";

	for (int i = 0; i < SIDES; i++)
		p.ifaces[i] = (struct pst_appliance_iface){ .port = s->sides[i].port,
			.mtu = 1500,
			.mac = s->sides[i].mac,
			.n_rx = s->params.workers,
			.n_tx = s->params.workers };
	s->a = pst_appliance_create(&p, error, sizeof(error));
	if (s->a == NULL)
		fprintf(stderr, "no appliance: %s\n", error);
	return s->a != NULL ? 0 : -ENOMEM;
}

static int
wire(struct pst_stepped *s)
{
	int ret = 0;

	set_config(&s->config, &s->params);
	set_plan(&s->plan, &s->params);
	s->outside = calloc(s->plan.flows + 1, sizeof(*s->outside));
	s->mbufs = rte_pktmbuf_pool_create("stepped", 2 * s->plan.flows + SPARE_MBUFS, 0,
		PST_MBUF_PRIV, DATA_ROOM, SOCKET_ID_ANY);
	if (s->outside == NULL || s->mbufs == NULL)
		return -ENOMEM;
	for (int i = 0; ret == 0 && i < SIDES; i++)
		ret = make_port(s, i);
	if (ret == 0)
		ret = make_appliance(s);
	for (int i = 0; ret == 0 && i < SIDES; i++) {
		set_frames(&s->sides[i]);
		ret = set_steering(s, i);
	}
	return ret;
}

struct pst_stepped *
pst_stepped_create(const struct pst_stepped_params *params)
{
	struct pst_stepped *s;
	int ret;

	if (params->workers == 0 || params->workers > PST_STEPPED_WORKERS_MAX ||
		!rte_is_power_of_2(params->flows))
		return pst_null(EINVAL);
	s = rte_zmalloc("stepped", sizeof(*s), RTE_CACHE_LINE_SIZE); /* bases are aligned */
	if (s == NULL)
		return pst_null(ENOMEM);
	s->params = *params;
	s->now_ms = 1000;
	for (int i = 0; i < SIDES; i++)
		s->sides[i].port = RTE_MAX_ETHPORTS;
	ret = wire(s);
	if (ret != 0) {
		pst_stepped_destroy(s);
		return pst_null(-ret);
	}
	resolve(s);
	return s;
}

struct pst_stepped_result
pst_stepped_result(const struct pst_stepped *s)
{
	struct pst_stepped_result r = { .packets = s->put };

	for (uint32_t w = 0; w < s->params.workers; w++)
		r.handed_over += pst_worker_stats(s->a->workers[w])->handed_over;
	r.wrong = s->faults + s->put - s->got;
	return r;
}

void
pst_stepped_destroy(struct pst_stepped *s)
{
	if (s == NULL)
		return;
	pst_appliance_destroy(s->a);
	for (int i = 0; i < SIDES; i++)
		drop_port(s, &s->sides[i]);
	rte_mempool_free(s->mbufs);
	free(s->outside);
	rte_free(s);
}
