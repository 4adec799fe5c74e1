/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A day of random traffic under the virtual clock, beside a naive model of what NAT promises: no
 * two inside endpoints share an outside one, a mapping lives as long as its timer says, and what
 * comes in reaches whoever has the mapping. All of it leaves empty tables behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_icmp.h>
#include <rte_tcp.h>

#include "base/rng.h"
#include "box.h"
#include "eal.h"

#define OUTSIDE IP(198, 18, 0, 1)
#define SERVERS IP(198, 18, 0, 10)
#define N_SERVERS 8
#define CLIENTS IP(10, 1, 1, 1)
#define N_CLIENTS 20
#define PORTS_EACH 12 /* inside ports that a client uses */
#define ENDPOINTS (N_CLIENTS * PORTS_EACH)
#define FIRST_PORT 6000

#define F RTE_TCP_FIN_FLAG
#define S RTE_TCP_SYN_FLAG
#define R RTE_TCP_RST_FLAG
#define A RTE_TCP_ACK_FLAG

#define HOUR 3600u
#define UDP_MS 300000
#define TRANSITORY_MS 240000
#define ESTABLISHED_MS 7440000
#define ICMP_MS 60000
#define RATE 40 /* events a second at most */

enum kind {
	UDP,
	TCP,
	ICMP,
	KINDS,
};

/* To a server, of an inside endpoint. */
struct talk {
	uint64_t until_ms; /* it is there at least so long */
	uint64_t closing_ms; /* it ends, or something odd came: nothing is promised till then */
	bool syn, syn_ack, established;
};

/* A client's port, or query identifier. */
struct inside {
	uint16_t outside; /* 0: it never had one */
	uint64_t until_ms;
	struct talk talks[N_SERVERS];
};

static struct {
	struct box box;
	struct pst_rng rng;
	struct inside inside[KINDS][ENDPOINTS];
	uint16_t owner[KINDS][65536]; /* of an outside port: its endpoint + 1 */
	uint64_t sent, came, refused;
} day;

static uint32_t
below(uint32_t n)
{
	return pst_rng_below(&day.rng, n);
}

static uint32_t
client_of(uint32_t e)
{
	return CLIENTS + e / PORTS_EACH;
}

static uint16_t
port_of(uint32_t e)
{
	return FIRST_PORT + e;
}

static void
drain(void)
{
	struct rte_mbuf *m;

	for (int port = 0; port < BOX_PORTS; port++) {
		while ((m = box_get(&day.box, port)) != NULL)
			rte_pktmbuf_free(m);
	}
}

/* It left by this outside port. */
static void
check_mapping(enum kind kind, uint32_t e, uint16_t outside)
{
	struct inside *in = &day.inside[kind][e];
	uint16_t *owner = &day.owner[kind][outside];

	if (in->until_ms > day.box.now_ms)
		assert_int_equal(outside, in->outside); /* as long as its timer says */
	if (*owner != 0 && *owner != e + 1)
		assert_true(day.inside[kind][*owner - 1].until_ms <= day.box.now_ms);
	if (in->outside != outside && day.owner[kind][in->outside] == e + 1)
		day.owner[kind][in->outside] = 0; /* the one before is no longer its */
	*owner = e + 1;
	in->outside = outside;
}

static void
live(enum kind kind, uint32_t e, uint32_t server, uint64_t ms)
{
	struct inside *in = &day.inside[kind][e];

	in->talks[server].until_ms = day.box.now_ms + ms;
	in->until_ms = RTE_MAX(in->until_ms, day.box.now_ms + ms);
}

/* From inside; true when it left. */
static bool
send_out(enum kind kind, uint32_t e, const struct pkt *p, struct pkt *out)
{
	if (!box_pass_through(&day.box, BOX_INSIDE, p, out)) {
		drain();
		return false;
	}
	assert_int_equal(out->src, OUTSIDE);
	check_mapping(kind, e, out->sport);
	day.sent++;
	return true;
}

/* From outside to an outside port; has_to: its mapping and talk are there. True when it came. */
static bool
send_in(enum kind kind, const struct pkt *p, bool has_to)
{
	uint16_t outside = kind == ICMP ? p->sport : p->dport;
	uint32_t owner = day.owner[kind][outside];
	struct pkt got;

	if (!box_pass_through(&day.box, BOX_OUTSIDE, p, &got)) {
		assert_false(has_to);
		day.refused++;
		drain();
		return false;
	}
	/* the port of one that may have gone can be a transfer's now, for its server alone */
	if (kind == TCP && p->src == SERVERS &&
		(owner == 0 || day.inside[kind][owner - 1].until_ms <= day.box.now_ms))
		return true;
	assert_int_not_equal(owner, 0);
	assert_int_equal(got.dst, client_of(owner - 1));
	assert_int_equal(kind == ICMP ? got.sport : got.dport, port_of(owner - 1));
	day.came++;
	return true;
}

static void
exchange_datagrams(uint32_t e, uint32_t server)
{
	struct pkt p = pkt_udp(client_of(e), port_of(e), SERVERS + server, 53), out, back;

	assert_true(send_out(UDP, e, &p, &out));
	live(UDP, e, server, UDP_MS);
	if (below(3) == 0)
		return;
	back = pkt_answer(&out);
	send_in(UDP, &back, true);
}

static void
ping(uint32_t e, uint32_t server)
{
	struct pkt p = pkt_echo(client_of(e), SERVERS + server, port_of(e), RTE_IP_ICMP_ECHO_REQUEST);
	struct pkt out, back;

	assert_true(send_out(ICMP, e, &p, &out));
	live(ICMP, e, server, ICMP_MS);
	back = pkt_echo(SERVERS + server, OUTSIDE, out.sport, RTE_IP_ICMP_ECHO_REPLY);
	send_in(ICMP, &back, true);
}

/* One segment of either side: what comes next, or anything at all. */
static void
exchange_segments(uint32_t e, uint32_t server)
{
	static const uint8_t any[] = { S, S | A, A, A, A, A, F | A, R, R | A, F };
	struct talk *t = &day.inside[TCP][e].talks[server];
	bool is_there = t->until_ms > day.box.now_ms, inward = below(2) != 0;
	uint8_t flags = below(4) == 0 ? any[below(RTE_DIM(any))] : A;
	struct pkt p, out;

	if (!is_there && t->closing_ms <= day.box.now_ms)
		*t = (struct talk){ 0 };
	if (t->closing_ms > 0) {
		flags = any[below(RTE_DIM(any))];
	} else if (!t->syn) {
		flags = below(8) == 0 ? flags : S;
		inward = false;
	} else if (!t->established && below(8) != 0) {
		inward = !t->syn_ack;
		flags = inward ? S | A : A;
	}
	if (inward) {
		uint16_t outside = day.inside[TCP][e].outside;
		bool has_to = is_there && t->established && !(flags & (S | R | F));

		p = pkt_tcp(SERVERS + server, 80, OUTSIDE, outside, flags);
		if (!send_in(TCP, &p, has_to))
			return;
	} else {
		p = pkt_tcp(client_of(e), port_of(e), SERVERS + server, 80, flags);
		if (!send_out(TCP, e, &p, &out))
			return;
	}
	if (t->closing_ms > 0 || (flags & (F | R)) || (t->syn && (flags & S) && flags != (S | A)) ||
		(t->established && (flags & S))) {
		t->established = false;
		t->until_ms = day.box.now_ms;
		t->closing_ms = day.box.now_ms + ESTABLISHED_MS + 10000;
		return;
	}
	t->syn = t->syn || (!inward && flags == S);
	t->syn_ack = t->syn_ack || (inward && flags == (S | A) && t->syn);
	t->established = t->established || (!inward && flags == A && t->syn_ack);
	if (!inward)
		live(TCP, e, server, t->established ? ESTABLISHED_MS : TRANSITORY_MS);
}

/* The model of the endpoint: as long as any of its talks. */
static void
shorten(enum kind kind, uint32_t e)
{
	struct inside *in = &day.inside[kind][e];

	in->until_ms = 0;
	for (uint32_t s = 0; s < N_SERVERS; s++)
		in->until_ms = RTE_MAX(in->until_ms, in->talks[s].until_ms);
}

/* From somebody, to any port. */
static void
scan(void)
{
	uint32_t from = below(2) ? SERVERS + below(N_SERVERS) : IP(198, 18, 0, 100 + below(100));
	uint16_t to = 1024 + below(64512);
	struct pkt p = below(2) ? pkt_udp(from, 1 + below(65535), OUTSIDE, to) :
				  pkt_tcp(from, 1 + below(65535), OUTSIDE, to, S);

	send_in(p.proto == IPPROTO_UDP ? UDP : TCP, &p, false);
}

/* What a router says about a client's datagram; it ends nothing. */
static void
complain(uint32_t e, uint32_t server)
{
	uint8_t room[PKT_QUOTE_MAX];
	struct inside *in = &day.inside[UDP][e];
	struct pkt quoted, error, got;
	bool has_to = in->talks[server].until_ms > day.box.now_ms;

	if (in->outside == 0)
		return;
	quoted = pkt_udp(OUTSIDE, in->outside, SERVERS + server, 53);
	error = pkt_error(IP(198, 18, 0, 200), 3, 1 + below(3), &quoted, 64, room);
	if (box_pass_through(&day.box, BOX_OUTSIDE, &error, &got))
		assert_int_equal(got.dst, client_of(day.owner[UDP][in->outside] - 1));
	else
		assert_false(has_to);
	drain();
}

/* Parts of datagrams, most never whole. */
static void
fragment(uint32_t e, uint32_t server)
{
	struct pkt p = pkt_udp(client_of(e), port_of(e), SERVERS + server, 53);
	struct rte_mbuf *m;
	struct pkt out;

	p.id = below(65536);
	p.fragment = below(2) ? RTE_IPV4_HDR_MF_FLAG :
				1 + below(100) + below(2) * RTE_IPV4_HDR_MF_FLAG;
	box_put(&day.box, BOX_INSIDE, &p);
	box_settle(&day.box);
	/* a first one opens and keeps alive; its L4 part is all in it */
	while ((m = box_get(&day.box, BOX_OUTSIDE)) != NULL) {
		if (p.fragment == RTE_IPV4_HDR_MF_FLAG) {
			const struct rte_udp_hdr *udp =
				rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, 34);

			out.sport = rte_be_to_cpu_16(udp->src_port);
			check_mapping(UDP, e, out.sport);
			live(UDP, e, server, UDP_MS);
		}
		rte_pktmbuf_free(m);
	}
	drain();
}

/* A client to another one's outside endpoint: both see outside endpoints. */
static void
hairpin(uint32_t e, uint32_t to)
{
	struct inside *in = &day.inside[UDP][to];
	bool is_there = in->until_ms > day.box.now_ms;
	struct pkt p, got;
	struct rte_mbuf *m;

	if (in->outside == 0 || e == to)
		return;
	p = pkt_udp(client_of(e), port_of(e), OUTSIDE, in->outside);
	box_put(&day.box, BOX_INSIDE, &p);
	box_settle(&day.box);
	while ((m = box_get(&day.box, BOX_INSIDE)) != NULL) {
		assert_true(pkt_read(m, &got));
		if (got.proto == IPPROTO_UDP) {
			assert_int_equal(got.src, OUTSIDE);
			check_mapping(UDP, e, got.sport);
			if (is_there)
				assert_int_equal(got.dst, client_of(to));
			/* the connection is to none of the servers: the endpoint has it all the same */
			day.inside[UDP][e].until_ms =
				RTE_MAX(day.inside[UDP][e].until_ms, day.box.now_ms + UDP_MS);
		}
		rte_pktmbuf_free(m);
	}
	drain();
}

/* A client's FTP session: handshake, PORT, the data connection, and silence. */
static void
transfer(uint32_t n)
{
	uint32_t client = CLIENTS + n % N_CLIENTS, a, b, c, d, hi, lo;
	uint16_t sport = 20000 + n % 45000;
	struct pkt p, out, back;
	char text[64];

	p = pkt_tcp(client, sport, SERVERS, 21, S);
	if (!box_pass_through(&day.box, BOX_INSIDE, &p, &out)) {
		drain();
		return;
	}
	back = pkt_answer(&out);
	back.tcp_flags = S | A;
	assert_true(box_pass_through(&day.box, BOX_OUTSIDE, &back, &p));
	p = pkt_tcp(client, sport, SERVERS, 21, A);
	assert_true(box_pass_through(&day.box, BOX_INSIDE, &p, &out));
	snprintf(text, sizeof(text), "PORT 10,1,1,%u,%u,%u\r\n", client & 0xff, 40 + n % 100,
		n % 256);
	p.data = text;
	p.len = strlen(text);
	box_put(&day.box, BOX_INSIDE, &p);
	box_settle(&day.box);
	for (struct rte_mbuf *m; (m = box_get(&day.box, BOX_OUTSIDE)) != NULL;) {
		memset(text, 0, sizeof(text));
		if (rte_pktmbuf_pkt_len(m) > 54 + 10)
			memcpy(text, rte_pktmbuf_mtod_offset(m, char *, 54),
				RTE_MIN(rte_pktmbuf_pkt_len(m) - 54, sizeof(text) - 1));
		rte_pktmbuf_free(m);
		if (sscanf(text, "PORT %u,%u,%u,%u,%u,%u", &a, &b, &c, &d, &hi, &lo) != 6)
			continue;
		assert_int_equal(IP(a, b, c, d), OUTSIDE);
		back = pkt_tcp(SERVERS, 20, OUTSIDE, hi << 8 | lo, S);
		assert_true(box_pass_through(&day.box, BOX_OUTSIDE, &back, &p));
		assert_int_equal(p.dst, client);
		day.came++;
	}
	drain();
}

static void
act(uint32_t n)
{
	uint32_t e = below(ENDPOINTS), server = below(N_SERVERS);

	switch (below(16)) {
	case 0:
	case 1:
	case 2:
		exchange_datagrams(e, server);
		break;
	case 3:
		ping(e, server);
		break;
	case 4:
	case 5:
		scan();
		break;
	case 6:
		complain(e, server);
		break;
	case 7:
		fragment(e, server);
		break;
	case 8:
		hairpin(e, below(ENDPOINTS));
		break;
	case 9:
		if (n % 5 == 0)
			transfer(n / 5);
		break;
	default:
		exchange_segments(e, server);
		shorten(TCP, e);
	}
}

/* PST_CASES: of a long run a day, of a short one some minutes; else an hour. */
static uint32_t
seconds(void)
{
	const char *cases = getenv("PST_CASES");
	uint32_t n = cases != NULL ? (uint32_t)atoi(cases) : HOUR;

	return n >= 1000000 ? 24 * HOUR : RTE_MIN(n, HOUR);
}

static void
tables_are_empty_after_it_all(void **state)
{
	const char *seed = getenv("PST_SEED");
	struct pst_config c;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		uint32_t n = 0, s = seed != NULL ? atoi(seed) : 1;

		memset(&day, 0, sizeof(day));
		box_config(&c, workers, 2);
		box_init(&day.box, &c, 0);
		pst_rng_init(&day.rng, s);
		for (uint32_t second = 0; second < seconds(); second++) {
			/* quiet hours, too: so timers run out in the midst of it */
			uint32_t rate = second / 900 % 4 == 3 ? below(100) == 0 : RATE;

			for (uint32_t k = below(rate + 1); k > 0; k--)
				act(n++);
			box_pass(&day.box, 1000);
			drain();
		}
		print_message("%u workers, seed %u, %u s: %lu out, %lu in, %lu refused\n", workers, s,
			seconds(), day.sent, day.came, day.refused);
		assert_true(day.sent > seconds() && day.came > seconds() / 2 && day.refused > 0);
		box_fini(&day.box);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_empty_after_it_all),
	};

	test_eal_init(512);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
