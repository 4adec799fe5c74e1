/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP as RFC 5382 has it: who may begin, in which order, and what strangers hear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define OTHER IP(198, 18, 0, 10)
#define OUTSIDE IP(198, 18, 0, 1)

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define F RTE_TCP_FIN_FLAG
#define R RTE_TCP_RST_FLAG

static void
start(struct box *b, uint32_t workers)
{
	struct pst_config c;

	box_config(&c, workers, 1);
	box_init(b, &c, 0);
}

/* The outside port of a client's port that talks to SERVER. */
static uint16_t
map(struct box *b, uint16_t port)
{
	struct pkt in = pkt_tcp(CLIENT, port, SERVER, 80, S), out;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	return out.sport;
}

/* What the sender of a SYN hears after so long; false: nothing. */
static bool
hears(struct box *b, uint64_t after_ms, struct pkt *answer, struct pkt *quoted)
{
	struct rte_mbuf *m;

	box_pass(b, after_ms);
	m = box_get(b, BOX_OUTSIDE);
	if (m == NULL)
		return false;
	assert_true(pkt_read(m, answer) && pkt_read_quote(m, quoted));
	rte_pktmbuf_free(m);
	return true;
}

/* To a port that nobody has, and to one whose filter does not know the sender. */
static void
rfc5382_req4_an_unsolicited_syn_gets_silence_then_unreachable(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (int filtered = 0; filtered < 2; filtered++) {
			struct pkt in = pkt_tcp(OTHER, 7000, OUTSIDE, 9, S), answer, quoted;
			struct box b;

			start(&b, workers);
			if (filtered)
				in.dport = map(&b, 4000);
			box_is_dropped(&b, BOX_OUTSIDE, &in,
				filtered ? PST_DROP_FILTERED : PST_DROP_NO_MAPPING);
			assert_false(hears(&b, 5900, &answer, &quoted));
			assert_true(hears(&b, 200, &answer, &quoted));
			assert_int_equal(answer.src, OUTSIDE);
			assert_int_equal(answer.dst, OTHER);
			assert_int_equal(answer.icmp_type, 3);
			assert_int_equal(answer.icmp_code, 3);
			assert_int_equal(quoted.sport, 7000);
			assert_int_equal(quoted.dport, in.dport);
			assert_false(hears(&b, 10000, &answer, &quoted));
			box_fini(&b);
		}
	}
}

/* What is no SYN, and what an operator wants silent, is never answered. */
static void
rfc5382_req4_silence_where_it_is_policy(void **state)
{
	static const uint8_t flags[] = { A, S | A, R, F | A, 0 };
	struct pkt in, answer, quoted;
	struct pst_config c;
	struct box b;

	(void)state;
	start(&b, 1);
	for (unsigned int k = 0; k < RTE_DIM(flags); k++) {
		in = pkt_tcp(OTHER, 7000, OUTSIDE, 9, flags[k]);
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	}
	assert_false(hears(&b, 7000, &answer, &quoted));
	box_fini(&b);
	box_config(&c, 1, 1);
	c.nat.timeouts.syn_hold = 0;
	box_init(&b, &c, 0);
	in = pkt_tcp(OTHER, 7000, OUTSIDE, 9, S);
	box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	assert_false(hears(&b, 20000, &answer, &quoted));
	box_fini(&b);
}

/* Both begin, and the SYN from outside is here first: it says nothing, and both get through. */
static void
rfc5382_req2_simultaneous_open(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		struct pkt p, out, got, answer, quoted;
		uint16_t port;
		struct box b;

		start(&b, workers);
		port = map(&b, 4000); /* to SERVER; OTHER knows of it from there */
		p = pkt_tcp(OTHER, 7000, OUTSIDE, port, S);
		box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_FILTERED);
		box_pass(&b, 3000);
		p = pkt_tcp(CLIENT, 4000, OTHER, 7000, S);
		assert_true(box_pass_through(&b, BOX_INSIDE, &p, &out));
		assert_int_equal(out.sport, port);
		assert_false(hears(&b, 4000, &answer, &quoted));
		p = pkt_tcp(OTHER, 7000, OUTSIDE, port, S);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
		p = pkt_tcp(CLIENT, 4000, OTHER, 7000, S | A);
		assert_true(box_pass_through(&b, BOX_INSIDE, &p, &out));
		p = pkt_tcp(OTHER, 7000, OUTSIDE, port, S | A);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
		p = pkt_tcp(CLIENT, 4000, OTHER, 7000, A);
		assert_true(box_pass_through(&b, BOX_INSIDE, &p, &out));
		/* established: it outlives the opening timer, the other connection does not */
		box_pass(&b, 300000);
		assert_int_equal(box_connections(&b), 1);
		box_fini(&b);
	}
}

/* A connection of CLIENT's that both have opened. Returns its outside port. */
static uint16_t
establish(struct box *b, uint16_t port)
{
	struct pkt p, got;
	uint16_t outside = map(b, port);

	p = pkt_tcp(SERVER, 80, OUTSIDE, outside, S | A);
	assert_true(box_pass_through(b, BOX_OUTSIDE, &p, &got));
	p = pkt_tcp(CLIENT, port, SERVER, 80, A);
	assert_true(box_pass_through(b, BOX_INSIDE, &p, &got));
	return outside;
}

/* Blind resets from a forger (RFC 5961), from both sides: dropped, and the timer stays. */
static void
rfc7857_s2_2_a_reset_outside_the_window_does_nothing(void **state)
{
	struct pkt in, got;
	uint16_t port;
	struct box b;

	(void)state;
	start(&b, 2);
	port = establish(&b, 4000);
	for (uint32_t seq = 0x10000000; seq < 0xf0000000; seq += 0x10000000) {
		in = pkt_tcp(SERVER, 80, OUTSIDE, port, R);
		in.seq = seq;
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_TCP_WINDOW);
		in = pkt_tcp(CLIENT, 4000, SERVER, 80, R);
		in.seq = seq;
		box_is_dropped(&b, BOX_INSIDE, &in, PST_DROP_TCP_WINDOW);
	}
	box_pass(&b, 3600000);
	assert_int_equal(box_connections(&b), 1);
	in = pkt_tcp(CLIENT, 4000, SERVER, 80, A);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &got));
	/* one that fits ends it, four minutes later */
	in = pkt_tcp(SERVER, 80, OUTSIDE, port, R);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &got));
	box_pass(&b, 238000);
	assert_int_equal(box_connections(&b), 1);
	box_pass(&b, 4000);
	assert_int_equal(box_connections(&b), 0);
	box_fini(&b);
}

/* Lenient, as for paths that see one direction: it passes, and moves no state. */
static void
a_lenient_window_passes_and_moves_nothing(void **state)
{
	struct pst_config c;
	struct pkt in, got;
	uint16_t port;
	struct box b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.tcp_window = PST_WINDOW_LENIENT;
	box_init(&b, &c, 0);
	port = establish(&b, 4000);
	in = pkt_tcp(SERVER, 80, OUTSIDE, port, R);
	in.seq = 0x40000000;
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &got));
	box_pass(&b, 3600000);
	assert_int_equal(box_connections(&b), 1);
	box_fini(&b);
}

/* A host that has forgotten its connection begins it anew: its peer has to hear of it. */
static void
a_syn_of_an_established_connection_passes(void **state)
{
	struct pkt in, got;
	uint16_t port;
	struct box b;

	(void)state;
	start(&b, 1);
	port = establish(&b, 4000);
	in = pkt_tcp(CLIENT, 4000, SERVER, 80, S);
	in.seq = 0x70000000;
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &got));
	/* the peer's challenge, and the answer that ends the old one */
	in = pkt_tcp(SERVER, 80, OUTSIDE, port, A);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &got));
	in = pkt_tcp(CLIENT, 4000, SERVER, 80, R);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &got));
	in = pkt_tcp(CLIENT, 4000, SERVER, 80, S);
	in.seq = 0x70000000;
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &got));
	in = pkt_tcp(SERVER, 80, OUTSIDE, port, S | A);
	in.seq = 0x30000000;
	in.ack = 0x70000001;
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &got));
	in = pkt_tcp(CLIENT, 4000, SERVER, 80, A);
	in.seq = 0x70000001;
	in.ack = 0x30000001;
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &got));
	box_fini(&b);
}

/* A flood is bounded: so many answers are owed, the rest gets silence; all is counted. */
static void
a_flood_of_syns_owes_a_bounded_number_of_answers(void **state)
{
	const uint32_t n = 5000;
	uint32_t answers = 0;
	struct rte_mbuf *m;
	struct box b;

	(void)state;
	start(&b, 1);
	for (uint32_t i = 0; i < n; i++) {
		struct pkt in = pkt_tcp(OTHER + (i << 8), 1024 + i, OUTSIDE, 2000 + i, S);

		box_put(&b, BOX_OUTSIDE, &in);
		if (i % 64 == 63)
			box_settle(&b);
	}
	box_settle(&b);
	assert_int_equal(box_drops(&b, PST_DROP_NO_MAPPING), n);
	box_pass(&b, 30000);
	while ((m = box_get(&b, BOX_OUTSIDE)) != NULL) {
		rte_pktmbuf_free(m);
		answers++;
	}
	assert_in_range(answers, 900, 1024);
	box_fini(&b);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(512);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5382_req4_an_unsolicited_syn_gets_silence_then_unreachable),
		cmocka_unit_test(rfc5382_req4_silence_where_it_is_policy),
		cmocka_unit_test(rfc5382_req2_simultaneous_open),
		cmocka_unit_test(rfc7857_s2_2_a_reset_outside_the_window_does_nothing),
		cmocka_unit_test(a_lenient_window_passes_and_moves_nothing),
		cmocka_unit_test(a_syn_of_an_established_connection_passes),
		cmocka_unit_test(a_flood_of_syns_owes_a_bounded_number_of_answers),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
