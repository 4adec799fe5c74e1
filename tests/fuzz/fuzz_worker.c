/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole gate of one worker and one editor lcore under a script of frames: right ones, changed
 * ones and random bytes, from both ports, tagged or not, amid connections of clients. Whatever
 * comes: no fault; no inside address is seen outside, and each IP packet that leaves is well
 * formed; the packet account balances; and when the timers have run out all is as before.
 *
 * The script is a row of steps: a byte that says what, then what the step reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_malloc.h>
#include <rte_tcp.h>

#include "box.h"
#include "eal.h"
#include "worker/reply.h"

#define CLIENT IP(10, 1, 1, 7)
#define GUEST IP(10, 2, 1, 7)
#define GATE IP(10, 1, 1, 254)
#define GATE_GUESTS IP(10, 2, 1, 254)
#define WWW IP(10, 1, 1, 100) /* published at port 80 */
#define OUTSIDE IP(198, 18, 0, 1)
#define SERVER IP(198, 18, 0, 9)
#define FAR IP(100, 0, 0, 1)
#define GUESTS 20	 /* their VLAN, at the inside port */
#define MTU_OUTSIDE 1280 /* less than inside: what goes out is cut, or refused */
#define MAPPED 4	 /* connections that are there before */
#define STEPS_MAX 256
#define FRAME_MAX 1600 /* bytes */
#define LONGEST_S 60   /* of the timeouts: passing time costs */
#define QUIET_MS 30000
#define QUIET_ROUNDS 64 /* a chain of timers, one each */

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG

/* The step's byte. */
#define KIND 0x07
#define FROM_OUTSIDE 0x08
#define CHANGED 0x10
#define SUMS_RIGHT 0x20 /* computed again after the change */
#define CUT 0x40
#define AT_ONCE 0x80 /* with the next step: a burst */

enum kind {
	RANDOM,
	PASS, /* of time; or neighbours fall silent */
	ERROR,
	TEXT, /* of the FTP session */
	ANSWER,
	ANY,
	ANY_TOO,
	REFLECTED, /* what came out goes in at the other port */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What there is when nothing goes on. */
struct rest {
	uint64_t connections, binds, listeners, clients, heap;
	uint32_t mbufs;
};

static struct {
	const uint8_t *at, *end;
	struct box box;
	struct rest rest;
	struct pkt seen[BOX_PORTS]; /* the last packet that came out of a port */
	uint16_t mapped[MAPPED];    /* outside ports */
	uint8_t payload[FRAME_MAX], quote[PKT_QUOTE_MAX];
	uint32_t seq[BOX_PORTS]; /* of the FTP session, by the port its end is at */
} gate;

static uint8_t
next(void)
{
	return gate.at < gate.end ? *gate.at++ : 0;
}

static uint16_t
next16(void)
{
	uint16_t high = next();

	return high << 8 | next();
}

static void
must(bool so, const char *what)
{
	if (!so) {
		fprintf(stderr, "not so: %s\n", what);
		abort();
	}
}

static struct rest
rest_now(void)
{
	const struct pst_worker_stats *s = pst_worker_stats(gate.box.a->workers[0]);
	struct rte_malloc_socket_stats heap;
	struct rest r = { s->connections, s->binds, s->listeners, s->clients, 0,
		rte_mempool_in_use_count(gate.box.mbufs) };

	for (unsigned int i = 0; i < RTE_MAX_NUMA_NODES; i++) {
		if (rte_malloc_get_socket_stats(i, &heap) == 0)
			r.heap += heap.heap_allocsz_bytes;
	}
	return r;
}

/* The parser alone, on a copy of exactly this size, so that a sanitizer sees one byte too many. */
static void
parse_alone(const struct rte_mbuf *m)
{
	uint32_t len = rte_pktmbuf_data_len(m);
	uint8_t *copy = malloc(len + (len == 0));
	struct rte_mbuf alone = {
		.buf_addr = copy, .buf_len = len, .data_len = len, .pkt_len = len, .nb_segs = 1
	};
	struct pst_quote q;
	struct pst_view v;

	memcpy(copy, rte_pktmbuf_mtod(m, void *), len);
	pst_view_parse(&v, &alone);
	if (v.kind <= PST_VIEW_ERROR)
		pst_view_l4_csum_ok(&v);
	if (v.kind == PST_VIEW_ERROR)
		pst_view_quote(&v, &q);
	if (v.kind == PST_VIEW_ARP)
		pst_reply_arp_of(&alone);
	free(copy);
}

static bool
is_inside(rte_be32_t ip)
{
	return rte_be_to_cpu_32(ip) >> 24 == 10;
}

/* Which goes back to where the packet came from, whosoever address that gave. */
static bool
is_answer_of_gate(const struct pst_view *v)
{
	return v->src == RTE_BE32(GATE) || v->src == RTE_BE32(GATE_GUESTS) ||
	       (v->src == RTE_BE32(OUTSIDE) && v->proto == IPPROTO_ICMP);
}

static void
check_inward(const struct pst_view *v)
{
	uint32_t dst = rte_be_to_cpu_32(v->dst);

	must(is_inside(v->dst), "it goes to a host inside");
	must(v->vlan == (dst >> 16 == (GUEST >> 16) ? GUESTS : 0), "it has its network's tag");
}

static void
check_sent(int port, struct rte_mbuf *m)
{
	struct pst_view v;
	struct pkt p;

	pst_view_parse(&v, m);
	must(v.kind != PST_VIEW_BAD, "what leaves is well formed");
	if (v.kind == PST_VIEW_ARP)
		return;
	must(pst_view_ip_csum_ok(&v), "its IP checksum is right");
	must(v.ip->time_to_live > 0, "it has a hop left");
	must(pst_view_ip_len(&v) <= (port == BOX_OUTSIDE ? MTU_OUTSIDE : 1500), "it fits the link");
	if (port == BOX_OUTSIDE)
		must(v.src == RTE_BE32(OUTSIDE), "an outside address is all that is seen outside");
	else if (!is_answer_of_gate(&v))
		check_inward(&v);
	if (v.kind <= PST_VIEW_ERROR && pkt_read(m, &p)) {
		p.data = gate.payload;
		gate.seen[port] = p;
	}
}

static void
drain(void)
{
	struct rte_mbuf *m;

	for (int port = 0; port < BOX_PORTS; port++) {
		while ((m = box_get(&gate.box, port)) != NULL) {
			check_sent(port, m);
			rte_pktmbuf_free(m);
		}
	}
	gate.box.n_announced = gate.box.n_answered = 0;
}

static void
settle(void)
{
	box_settle(&gate.box);
	drain();
}

static uint32_t
some_address(void)
{
	static const uint32_t list[] = { CLIENT, SERVER, OUTSIDE, GUEST, WWW, FAR, GATE,
		GATE_GUESTS, IP(10, 1, 1, 8), IP(10, 1, 255, 255), IP(198, 18, 0, 255),
		IP(127, 0, 0, 1), IP(224, 0, 0, 1), 0, 0xffffffff };
	uint8_t i = next();

	return i % 16 < RTE_DIM(list) ? list[i % 16] : (uint32_t)next16() << 16 | next16();
}

static uint16_t
some_port(void)
{
	static const uint16_t list[] = { 53, 80, 21, 69, 5000, 5001, 5021, 0 };
	uint8_t i = next() % 16;

	if (i < RTE_DIM(list))
		return list[i];
	return i < RTE_DIM(list) + MAPPED ? gate.mapped[i - RTE_DIM(list)] : next16();
}

/* The rest of a packet: flags, options, fragments, length. */
static void
dress(struct pkt *p)
{
	uint8_t what = next();

	if (what & 1)
		p->vlan = what & 2 ? GUESTS : next16();
	if (what & 4) {
		p->fragment = next16() & (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
		p->id = next() % 4;
	}
	if (what & 8) {
		p->options_len = 4 * (next() % 11);
		for (int i = 0; i < p->options_len; i++)
			p->options[i] = next();
	}
	if (what & 16)
		p->ttl = next();
	if (what & 32)
		p->len = (next16() & 0x07ff) % 1500;
	if (what & 64) {
		p->tcp_flags = next();
		p->seq += (int8_t)next();
		p->ack += (int8_t)next();
	}
	p->df = what & 128;
	p->data = gate.payload;
}

static struct pkt
some_packet(void)
{
	static const uint8_t proto[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct pkt p = { .proto = proto[next() % 3], .len = 20 };

	p.src = some_address();
	p.sport = some_port();
	p.dst = some_address();
	p.dport = some_port();
	p.seq = 1001;
	p.ack = 1001;
	p.tcp_flags = p.proto == IPPROTO_TCP ? next() : 0;
	p.icmp_type = p.proto == IPPROTO_ICMP ? next() % 16 : 0;
	return p;
}

/* About what came out of the port last, by its receiver or a router on the way. */
static struct pkt
some_error(int port)
{
	static const uint8_t types[] = { 3, 11, 12, 4 };
	struct pkt quoted = gate.seen[port], e;
	uint8_t what = next();

	if (quoted.src == 0)
		return some_packet();
	quoted.ttl = 1;
	e = pkt_error(what & 1 ? quoted.dst : IP(198, 18, 0, 200), types[what >> 1 & 3],
		what >> 3 & 15, &quoted, what & 128 ? PKT_QUOTE_MAX : next(), gate.quote);
	e.mtu = what >> 3 == 4 ? next16() : 0;
	e.vlan = quoted.vlan;
	return e;
}

/* What one end of the FTP session says next. */
static struct pkt
some_text(int port)
{
	static const char *const lines[] = { "PORT 10,1,1,7,20,1\r\n", "PASV\r\n", "EPSV\r\n",
		"EPRT |1|10.1.1.7|5121|\r\n", "227 Entering (198,18,0,9,20,2)\r\n",
		"229 Entering (|||5122|)\r\n", "200 well\r\n" };
	uint8_t what = next();
	struct pkt p = port == BOX_INSIDE ? pkt_tcp(CLIENT, 5021, SERVER, 21, A)
					  : pkt_tcp(SERVER, 21, OUTSIDE, gate.mapped[3], A);

	p.data = gate.quote;
	if (what % 8 < RTE_DIM(lines)) {
		p.len = strlen(lines[what % 8]);
		memcpy(gate.quote, lines[what % 8], p.len);
	} else {
		p.len = next() % 64;
		for (uint32_t i = 0; i < p.len; i++)
			gate.quote[i] = next();
	}
	p.seq = gate.seq[port];
	p.ack = gate.seq[1 - port];
	if (!(what & 0x80)) /* else the same again, as it may be lost */
		gate.seq[port] += p.len;
	return p;
}

static struct rte_mbuf *
random_frame(int port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.box.mbufs);
	uint32_t len = next();
	uint8_t *at;

	must(m != NULL, "there are mbufs");
	at = (uint8_t *)rte_pktmbuf_append(m, len);
	for (uint32_t i = 0; i < len; i++)
		at[i] = next();
	if (len >= sizeof(struct rte_ether_hdr))
		rte_ether_addr_copy(&gate.box.mac[port], (struct rte_ether_addr *)at);
	return m;
}

static struct rte_mbuf *
frame_of(int port, const struct pkt *p)
{
	struct pkt copy = *p;
	struct rte_mbuf *m;

	copy.src_mac = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, 9 } };
	copy.dst_mac = gate.box.mac[port];
	m = pkt_build(gate.box.mbufs, &copy);
	must(m != NULL, "there are mbufs");
	return m;
}

static void
make_sums_right(struct rte_mbuf *m)
{
	struct pst_view v;

	pst_view_parse(&v, m);
	if (v.kind > PST_VIEW_OTHER)
		return;
	v.ip->hdr_checksum = 0;
	v.ip->hdr_checksum = ~rte_raw_cksum(v.ip, rte_ipv4_hdr_len(v.ip));
	if (v.kind <= PST_VIEW_ERROR)
		pst_view_l4_csum_fill(&v);
}

static void
put_in(int port, struct rte_mbuf *m, uint8_t how)
{
	uint8_t *at = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(m);

	for (uint32_t n = how & CHANGED ? 1 + next() % 8 : 0; n > 0 && len > 0; n--) {
		uint32_t i = next() % len;

		at[i] = next();
	}
	if (how & CUT && len > 0)
		rte_pktmbuf_trim(m, next() % len);
	if (how & SUMS_RIGHT)
		make_sums_right(m);
	parse_alone(m);
	box_put_frame(&gate.box, port, m);
}

static void
pass_or_switch(void)
{
	static const uint32_t ms[] = { 1, 100, 1000, 7000, 11000, 16000, 31000, 70000 };
	uint8_t what = next();

	settle(); /* a ring holds what came before */
	if (what < 16)
		gate.box.no_arp = what & 1;
	else if (what < 32)
		gate.box.strips_tags = what & 1;
	else
		gate.box.now_ms += ms[what % RTE_DIM(ms)];
}

static struct pkt
packet_of_kind(enum kind kind, int port)
{
	struct pkt p;

	switch (kind) {
	case ERROR:
		return some_error(port);
	case TEXT:
		return some_text(port);
	case REFLECTED:
		p = gate.seen[1 - port];
		break;
	case ANSWER:
		p = pkt_answer(&gate.seen[port]);
		p.data = gate.payload;
		dress(&p);
		break;
	default:
		p = some_packet();
		dress(&p);
	}
	if (p.proto == 0)
		p.proto = IPPROTO_UDP; /* nothing came out that could be answered */
	return p;
}

static void
step(void)
{
	uint8_t what = next();
	int port = what & FROM_OUTSIDE ? BOX_OUTSIDE : BOX_INSIDE;
	enum kind kind = what & KIND;

	if (kind == RANDOM) {
		put_in(port, random_frame(port), what);
	} else if (kind == PASS) {
		pass_or_switch();
	} else {
		struct pkt p = packet_of_kind(kind, port);

		put_in(port, frame_of(port, &p), what);
	}
	if (!(what & AT_ONCE))
		settle();
}

/* A client's connection; returns its outside port. */
static uint16_t
map(const struct pkt *first)
{
	struct pkt out, back, got;

	must(box_pass_through(&gate.box, BOX_INSIDE, first, &out), "a client connects");
	back = pkt_answer(&out);
	back.tcp_flags = S | A;
	back.seq = 1000;
	must(box_pass_through(&gate.box, BOX_OUTSIDE, &back, &got), "it is answered");
	gate.seen[BOX_OUTSIDE] = out;
	gate.seen[BOX_INSIDE] = got;
	gate.seen[BOX_OUTSIDE].data = gate.seen[BOX_INSIDE].data = gate.payload;
	return out.sport;
}

static void
open_some(void)
{
	struct pkt p[MAPPED] = { pkt_udp(CLIENT, 5000, SERVER, 53),
		pkt_echo(CLIENT, SERVER, 5001, RTE_IP_ICMP_ECHO_REQUEST),
		pkt_tcp(GUEST, 5000, FAR, 80, S), pkt_tcp(CLIENT, 5021, SERVER, 21, S) };

	p[2].vlan = GUESTS;
	for (int i = 0; i < MAPPED; i++)
		gate.mapped[i] = map(&p[i]);
	for (int i = 2; i < MAPPED; i++) {
		p[i].tcp_flags = A;
		p[i].seq = 1001;
		p[i].ack = 1007; /* its SYN's answer has six bytes with it */
		box_put(&gate.box, BOX_INSIDE, &p[i]);
		settle();
	}
	gate.seq[BOX_INSIDE] = 1001;
	gate.seq[BOX_OUTSIDE] = 1007;
}

/* Each timer runs out; then nothing of the script is left. */
static void
come_to_rest(void)
{
	struct pst_account sum;
	struct rest r;

	gate.box.no_arp = gate.box.strips_tags = false;
	settle();
	for (int i = 0; i < QUIET_ROUNDS; i++) {
		gate.box.now_ms += QUIET_MS;
		settle();
		r = rest_now();
		if (i >= 2 && memcmp(&r, &gate.rest, sizeof(r)) == 0)
			break;
	}
	must(r.connections == gate.rest.connections, "connections end");
	must(r.binds == gate.rest.binds, "binds end");
	must(r.listeners == gate.rest.listeners, "listeners end");
	must(r.clients == gate.rest.clients, "clients are forgotten");
	must(r.mbufs == gate.rest.mbufs, "mbufs come back");
	must(r.heap == gate.rest.heap, "memory comes back");
	must(pst_runtime_is_quiet(gate.box.a->runtimes[0]), "sessions end");
	pst_appliance_account(gate.box.a, &sum);
	must(sum.received == gate.box.put && sum.sent == gate.box.got, "counters agree with ports");
	must(pst_account_held(&sum) == 0, "the account balances");
}

static void
stop(void)
{
	box_fini(&gate.box);
}

static void
set_timeouts(struct pst_config_nat *nat)
{
	nat->quarantine_s = 5;
	nat->timeouts.tcp_opening = nat->timeouts.tcp_closing = 15;
	nat->timeouts.tcp_established = LONGEST_S;
	nat->timeouts.udp = nat->timeouts.bind_udp_idle = 30;
	nat->timeouts.icmp = nat->timeouts.bind_accept = 10;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct pst_config c;

	(void)argc;
	(void)argv;
	setenv("CMOCKA_TEST_ABORT", "1", 1); /* the box's assertions are no test's here */
	test_eal_init(256);
	box_config(&c, 1, 1);
	c.ifaces[2] = c.ifaces[BOX_INSIDE];
	snprintf(c.ifaces[2].name, sizeof(c.ifaces[2].name), "guests");
	c.ifaces[2].vlan = GUESTS;
	c.ifaces[2].ip = GATE_GUESTS;
	c.n_ifaces = 3;
	c.ifaces[BOX_OUTSIDE].mtu = MTU_OUTSIDE;
	set_timeouts(&c.nat);
	c.n_routes = 1; /* everywhere */
	c.routes[0] = (struct pst_config_route){ .via = IP(198, 18, 0, 254) };
	c.n_publish = 1;
	c.publish[0] = (struct pst_config_publish){ .name = "www",
		.transport = PST_TCP,
		.external = { OUTSIDE, 80 },
		.internal = { WWW, 80 } };
	box_init(&gate.box, &c, 0);
	for (uint32_t i = 0; i < sizeof(gate.payload); i++)
		gate.payload[i] = i * 7;
	settle();
	gate.rest = rest_now();
	atexit(stop);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(gate.seen, 0, sizeof(gate.seen));
	gate.at = data;
	gate.end = data + size;
	open_some();
	for (int n = 0; n < STEPS_MAX && gate.at < gate.end; n++)
		step();
	come_to_rest();
	return 0;
}
