/* SPDX-License-Identifier: BSD-3-Clause */
/* The MSS that the ends of a connection hear of, through a whole appliance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define OUTSIDE IP(198, 18, 0, 1)
#define WEB 80
#define FTP 21 /* an editor watches it */

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define F RTE_TCP_FIN_FLAG

/* A segment with SACK permitted, and the MSS at an odd place behind it. */
static struct pkt
tcp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint8_t flags, uint16_t mss)
{
	return (struct pkt){ .proto = IPPROTO_TCP, .src = src, .sport = sport, .dst = dst,
		.dport = dport, .tcp_flags = flags, .seq = 1000, .ack = flags & A ? 1001 : 0,
		.options = { 4, 2, 1, 2, 4, mss >> 8, mss & 255, 0 }, .options_len = 8 };
}

static uint16_t
mss_of(const struct pkt *p)
{
	assert_int_equal(p->options_len, 8);
	assert_memory_equal(p->options, ((const uint8_t[]){ 4, 2, 1, 2, 4 }), 5);
	return p->options[5] << 8 | p->options[6];
}

static void
start(struct box *b, uint16_t clamp, uint16_t mtu_in, uint16_t mtu_out)
{
	struct pst_config c;

	box_config(&c, 2, 1);
	c.nat.mss_clamp = clamp;
	c.ifaces[BOX_INSIDE].mtu = mtu_in;
	c.ifaces[BOX_OUTSIDE].mtu = mtu_out;
	box_init(b, &c, 0);
}

/* A client's SYN and the server's answer, each with an MSS of 1460; what they become. */
static void
opens(struct box *b, uint16_t sport, uint16_t dport, uint16_t mss)
{
	struct pkt syn = tcp(CLIENT, sport, SERVER, dport, S, 1460), synack, out, got;

	for (int again = 0; again < 2; again++) { /* each gets lost once */
		assert_true(box_pass_through(b, BOX_INSIDE, &syn, &out));
		assert_int_equal(mss_of(&out), mss);
	}
	synack = tcp(SERVER, dport, OUTSIDE, out.sport, S | A, 1460);
	for (int again = 0; again < 3; again++) {
		assert_true(box_pass_through(b, BOX_OUTSIDE, &synack, &got));
		assert_int_equal(mss_of(&got), mss);
	}
}

static void
both_ends_hear_of_the_smaller_mtu(void **state)
{
	static const struct {
		uint16_t clamp, in, out, mss;
	} cases[] = {
		{ 1, 1500, 1492, 1452 },
		{ 1, 1400, 1500, 1360 },
		{ 1, 1500, 1500, 1460 },
		{ 1, 9000, 9000, 1460 }, /* theirs is less already */
		{ 0, 1400, 1400, 1460 }, /* off */
		{ 1300, 1500, 1492, 1300 },
		{ 1400, 1400, 1500, 1360 },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct box b;

		start(&b, cases[i].clamp, cases[i].in, cases[i].out);
		opens(&b, 4000, WEB, cases[i].mss);
		opens(&b, 4001, FTP, cases[i].mss);
		box_fini(&b);
	}
}

/* Only a SYN has the option; in another segment such bytes are not ours to change. */
static void
segments_behind_the_handshake_are_left_alone(void **state)
{
	struct pkt p = tcp(CLIENT, 4000, SERVER, WEB, A, 1460), out;
	struct box b;

	(void)state;
	start(&b, 1, 1500, 1400);
	opens(&b, 4000, WEB, 1360);
	for (int i = 0; i < 2; i++) {
		assert_true(box_pass_through(&b, BOX_INSIDE, &p, &out));
		assert_int_equal(mss_of(&out), 1460);
	}
	box_fini(&b);
}

/* The same ports again, while the old connection lingers. */
static void
a_connection_that_begins_anew_is_clamped_anew(void **state)
{
	struct pkt p = tcp(CLIENT, 4000, SERVER, WEB, S, 1460), out;
	struct box b;

	(void)state;
	start(&b, 1, 1500, 1400);
	for (int round = 0; round < 3; round++) {
		opens(&b, 4000, WEB, 1360);
		p = tcp(CLIENT, 4000, SERVER, WEB, F | A, 1460);
		assert_true(box_pass_through(&b, BOX_INSIDE, &p, &out));
		p = tcp(SERVER, WEB, OUTSIDE, out.sport, F | A, 1460);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &out));
		p = tcp(CLIENT, 4000, SERVER, WEB, A, 1460);
		assert_true(box_pass_through(&b, BOX_INSIDE, &p, &out));
	}
	assert_int_equal(box_connections(&b), 1);
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
		cmocka_unit_test(both_ends_hear_of_the_smaller_mtu),
		cmocka_unit_test(segments_behind_the_handshake_are_left_alone),
		cmocka_unit_test(a_connection_that_begins_anew_is_clamped_anew),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
