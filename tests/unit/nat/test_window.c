/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP windows: honest peers are never refused, and others nearly always. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "nat/window.h"

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define F RTE_TCP_FIN_FLAG
#define R RTE_TCP_RST_FLAG

#define NO_SCALE 255

/* The side that begins, by the way of its packets; the other one. */
#define OUT PST_WAY_OUT
#define IN PST_WAY_IN

struct segment {
	struct rte_tcp_hdr tcp;
	uint8_t options[4];
};

static void
make(struct segment *s, uint32_t seq, uint32_t ack, uint16_t window, uint8_t flags, uint8_t scale)
{
	memset(s, 0, sizeof(*s));
	s->tcp.sent_seq = rte_cpu_to_be_32(seq);
	s->tcp.recv_ack = rte_cpu_to_be_32(ack);
	s->tcp.rx_win = rte_cpu_to_be_16(window);
	s->tcp.tcp_flags = flags;
	s->tcp.data_off = 5 << 4;
	if (scale != NO_SCALE) {
		s->tcp.data_off = 6 << 4;
		memcpy(s->options, (uint8_t[]){ 1, 3, 3, scale }, sizeof(s->options));
	}
}

/* All that is known of a connection's windows. */
struct known {
	struct pst_tcp_window w;
	struct pst_tcp_learnt l;
};

static bool
passes(struct known *t, enum pst_way way, uint32_t seq, uint32_t ack, uint8_t flags,
	uint32_t len)
{
	struct segment s;

	make(&s, seq, ack, 1000, flags, NO_SCALE);
	return pst_tcp_window_pass(&t->w, &t->l, way, &s.tcp, flags, len);
}

/* OUT begins at 1000, IN at 5000; both have a window of 1,000 bytes. */
static void
open_both(struct known *t)
{
	struct segment s;

	make(&s, 1000, 0, 1000, S, NO_SCALE);
	pst_tcp_window_syn(&t->w, &t->l, OUT, true, &s.tcp, 0);
	make(&s, 5000, 1001, 1000, S | A, NO_SCALE);
	pst_tcp_window_syn(&t->w, &t->l, IN, false, &s.tcp, 0);
	assert_true(passes(t, OUT, 1001, 5001, A, 0));
}

static void
what_is_in_the_window_passes(void **state)
{
	/* of OUT, when all up to 1001 was acknowledged and nothing is under way */
	static const struct {
		uint32_t seq, ack, len;
		uint8_t flags;
		bool ok;
	} cases[] = {
		{ 1001, 5001, 1000, A, true },	  /* all that fits */
		{ 2001, 5001, 0, A, true },	  /* behind what fits */
		{ 2002, 5001, 1, A, true },	  /* a probe */
		{ 2003, 5001, 0, A, false },
		{ 2003, 5001, 0, R, false },
		{ 0x90000000, 5001, 0, R, false },
		{ 1001, 5001, 0, R, true },
		{ 1000, 5001, 1, A, true },	  /* keep-alive */
		{ 1, 5001, 0, A, true },	  /* a window behind */
		{ 0xfffffff0, 5001, 0, A, false }, /* and further, than 15 bytes too */
		{ 1001, 5002, 0, A, false },	  /* what was not sent */
		{ 1001, 4000, 0, A, true },	  /* long acknowledged */
		{ 1001, 0xf0000000, 0, A, false }, /* too long ago */
		{ 1001, 0xf0000000, 0, R, true },  /* not looked at */
		{ 1001, 5001, 0, F | A, true },
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct known t = { 0 };

		open_both(&t);
		if (passes(&t, OUT, cases[i].seq, cases[i].ack, cases[i].flags,
			    cases[i].len) != cases[i].ok)
			fail_msg("case %u", i);
	}
}

static void
what_is_refused_moves_nothing(void **state)
{
	struct known t = { 0 }, before;

	(void)state;
	open_both(&t);
	before = t;
	assert_false(passes(&t, OUT, 3000, 5001, A, 10));
	assert_false(passes(&t, IN, 5001, 9999, A, 10));
	assert_memory_equal(&t, &before, sizeof(t));
}

static void
scales_hold_if_both_offer_one(void **state)
{
	static const struct {
		uint8_t orig, reply, want_orig, want_reply;
	} cases[] = {
		{ 7, 3, 7, 3 },
		{ 7, NO_SCALE, 0, 0 },
		{ NO_SCALE, 3, 0, 0 },
		{ 0, 0, 0, 0 },
		{ 200, 14, 14, 14 }, /* RFC 7323 section 2.3 */
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct known t = { 0 };
		struct segment s;

		make(&s, 1000, 0, 1000, S, cases[i].orig);
		pst_tcp_window_syn(&t.w, &t.l, OUT, true, &s.tcp, 0);
		make(&s, 5000, 1001, 1000, S | A, cases[i].reply);
		pst_tcp_window_syn(&t.w, &t.l, IN, false, &s.tcp, 0);
		assert_int_equal(t.l.of[OUT].scale, cases[i].want_orig);
		assert_int_equal(t.l.of[IN].scale, cases[i].want_reply);
		/* a SYN's own window is not scaled */
		assert_int_equal(t.w.limit[OUT], 1001 + 1000);
	}
}

/* What was offered counts, and little more: its low bits are the scale's. */
static void
a_window_is_taken_for_little_more(void **state)
{
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 5);
	for (int n = 0; n < 20000; n++) {
		uint8_t scale = pst_rng_below(&rng, 15);
		uint32_t unit = 1u << scale, least, syn = pst_rng_below(&rng, 65536);
		uint32_t later = pst_rng_below(&rng, 65536);
		struct known t = { 0 };
		struct segment s;

		make(&s, 1000, 0, 0, S, scale);
		pst_tcp_window_syn(&t.w, &t.l, OUT, true, &s.tcp, 0);
		make(&s, 5000, 1001, syn, S | A, scale); /* not scaled yet */
		pst_tcp_window_syn(&t.w, &t.l, IN, false, &s.tcp, 0);
		assert_true(passes(&t, OUT, 1001, 5001, A, 0));
		make(&s, 5001, 1001, later, A, NO_SCALE);
		assert_true(pst_tcp_window_pass(&t.w, &t.l, IN, &s.tcp, A, 0));
		assert_int_equal(t.w.room[IN] & PST_TCP_SCALE, scale);
		least = t.w.end[OUT] - RTE_MAX(syn, later << scale) - 1;
		assert_true(passes(&t, OUT, least, 5001, A, 0));
		/* 15 of its units more, and a SYN's window is in bytes before it is in units */
		assert_false(passes(&t, OUT, least - 16 * unit - 16, 5001, A, 0));
	}
}

/* Options that end early, or never: nothing is read behind the header. */
static void
odd_options_offer_no_scale(void **state)
{
	static const uint8_t odd[][4] = { { 3, 3, 7, 0 }, { 1, 1, 3, 3 }, { 3, 0, 7, 0 },
		{ 3, 4, 7, 0 }, { 0, 3, 3, 7 }, { 2, 200, 3, 3 }, { 1, 1, 1, 3 } };

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(odd); i++) {
		struct known t = { 0 };
		struct segment s;

		make(&s, 1000, 0, 1000, S, 7);
		memcpy(s.options, odd[i], 4);
		pst_tcp_window_syn(&t.w, &t.l, OUT, true, &s.tcp, 0);
		assert_int_equal(t.l.of[OUT].offered, i == 0 ? 7 : NO_SCALE);
	}
}

/* One end of a connection, in 64 bits so that nothing wraps. */
struct end {
	uint64_t base;	   /* its first sequence number, as the wire has it */
	uint64_t sent;	   /* one past the highest byte sent, from 0 */
	uint64_t acked;	   /* what it knows to be acknowledged */
	uint64_t received; /* in order */
	uint64_t edge;	   /* how far the other may send: never taken back */
	uint64_t may;	   /* how far it knows that it may send */
	uint32_t room;	   /* of its buffer */
	uint8_t scale;
};

struct under_way {
	enum pst_way way;
	uint64_t seq, ack, edge;
	uint32_t len;
};

/* An endpoint sends new data, old data, or an ACK alone, within what the other one lets it. */
static struct under_way
send_one(struct end *e, enum pst_way way, struct pst_rng *rng)
{
	struct under_way u = { .way = way, .ack = e->received };
	uint64_t window = (e->room >> e->scale) << e->scale;

	switch (pst_rng_next(rng) % 3) {
	case 0:
		u.seq = e->sent;
		u.len = RTE_MIN(pst_rng_next(rng) % 1461, e->may - e->sent);
		e->sent += u.len;
		break;
	case 1: /* again */
		u.seq = e->acked;
		u.len = RTE_MIN((uint64_t)1460, e->sent - e->acked);
		break;
	default:
		u.seq = e->sent;
	}
	if (e->received + window > e->edge)
		e->edge = e->received + window;
	u.edge = e->edge;
	return u;
}

static void
receive(struct end *e, const struct under_way *u)
{
	if (u->seq <= e->received && u->seq + u->len > e->received)
		e->received = u->seq + u->len;
	e->acked = RTE_MAX(e->acked, u->ack);
	e->may = RTE_MAX(e->may, u->edge);
}

/* So late that it has nothing to say any more. */
static bool
is_stale(const struct end *e, const struct under_way *u)
{
	return u->seq + u->len <= e->received && u->ack <= e->acked && u->edge <= e->may;
}

/* Returns how many segments were refused, for being stale. */
static uint32_t
honest(uint64_t seed)
{
	struct pst_rng rng;
	struct known t = { 0 };
	struct under_way queue[64];
	struct end ends[PST_WAYS];
	struct segment s;
	uint32_t n = 0, refused = 0;

	pst_rng_init(&rng, seed);
	for (int d = 0; d < PST_WAYS; d++) {
		ends[d] = (struct end){ .base = (uint32_t)(0 - pst_rng_next(&rng) % 200000),
			.room = 2000 + pst_rng_next(&rng) % 300000,
			.scale = 3 + pst_rng_next(&rng) % 5 };
		ends[d].edge = RTE_MIN(ends[d].room, 65535u);
	}
	for (int d = 0; d < PST_WAYS; d++)
		ends[d].may = ends[!d].edge;
	make(&s, ends[0].base - 1, 0, ends[0].edge, S, ends[0].scale);
	pst_tcp_window_syn(&t.w, &t.l, OUT, true, &s.tcp, 0);
	make(&s, ends[1].base - 1, ends[0].base, ends[1].edge, S | A, ends[1].scale);
	pst_tcp_window_syn(&t.w, &t.l, IN, false, &s.tcp, 0);
	for (int step = 0; step < 2000; step++) {
		struct under_way *u;
		enum pst_way way = pst_rng_next(&rng) % 2;
		uint32_t k, fate = pst_rng_next(&rng) % 16;
		bool passed;

		if (n < RTE_DIM(queue) && pst_rng_next(&rng) % 2) {
			queue[n++] = send_one(&ends[way], way, &rng);
			continue;
		}
		if (n == 0)
			continue;
		/* nearly in order; some are lost before us, and some behind */
		k = pst_rng_next(&rng) % RTE_MIN(n, 4u);
		u = &queue[k];
		if (fate != 0) {
			const struct end *e = &ends[u->way];
			uint16_t window = (u->edge - u->ack) >> e->scale;

			make(&s, e->base + u->seq, ends[!u->way].base + u->ack, window, A,
				NO_SCALE);
			passed = pst_tcp_window_pass(&t.w, &t.l, u->way, &s.tcp, A, u->len);
			if (!passed && !is_stale(&ends[!u->way], u))
				fail_msg("seed %lu step %d: an honest segment is refused", seed,
					step);
			refused += !passed;
			/* a forger does not know where they are */
			make(&s, e->base + u->seq + 0x20000000 + pst_rng_next(&rng) % 0x40000000,
				0, 0, R, NO_SCALE);
			assert_false(pst_tcp_window_pass(&t.w, &t.l, u->way, &s.tcp, R, 0));
			if (passed && fate != 1)
				receive(&ends[!u->way], u);
		}
		memmove(&queue[k], &queue[k + 1], sizeof(queue[0]) * (n - k - 1));
		n--;
	}
	return refused;
}

static void
honest_peers_are_never_refused(void **state)
{
	uint32_t refused = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++)
		refused += honest(seed);
	assert_in_range(refused, 0, 50); /* of a million */
}

/* A segment near what was sent and allowed so far, near the ends of the windows most often. */
static void
make_near(struct segment *s, const struct known *t, enum pst_way way, struct pst_rng *rng)
{
	static const uint8_t flags[] = { A, A, A, A, A | F, R, R | A, 0 };
	static const int32_t steps[] = { 0, 0, 1, -1, 2, 500, -500, 1000, -1000, 66001, 66002, -66001,
		70000, 1 << 30, INT32_MIN };
	enum pst_way other = (enum pst_way)!way;
	uint32_t window = (t->w.room[other] | PST_TCP_SCALE) << t->l.of[other].scale;
	uint32_t bases[] = { t->w.end[way], t->w.limit[way], t->w.end[way] - window };

	make(s, bases[pst_rng_below(rng, 3)] + steps[pst_rng_below(rng, RTE_DIM(steps))],
		t->w.end[other] - steps[pst_rng_below(rng, RTE_DIM(steps))],
		pst_rng_below(rng, 8) == 0 ? 0 : pst_rng_below(rng, 65536),
		flags[pst_rng_below(rng, RTE_DIM(flags))], NO_SCALE);
}

/* What is known of both sides is only a short cut: with it and without, all is the same. */
static void
the_short_cut_says_what_the_long_way_says(void **state)
{
	struct known t, longer;
	uint32_t passed = 0, settled = 0;
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 99);
	for (uint32_t k = 0; k < 300000; k++) {
		enum pst_way way = (enum pst_way)pst_rng_below(&rng, 2);
		uint32_t len = pst_rng_below(&rng, 3) * pst_rng_below(&rng, 1460);
		struct segment s;
		bool pass;

		if (k % 1000 == 0)
			open_both(&t);
		if (k % 1000 == 500)
			pst_tcp_window_relearn(&t.w, &t.l);
		make_near(&s, &t, way, &rng);
		longer = t;
		settled += (t.w.room[way] & PST_TCP_SCALE) != PST_TCP_UNSETTLED;
		pass = pst_tcp_window_pass(&t.w, &t.l, way, &s.tcp, s.tcp.tcp_flags, len);
		assert_int_equal(
			pst_tcp_window_learn(&longer.w, &longer.l, way, &s.tcp, s.tcp.tcp_flags, len), pass);
		assert_memory_equal(&t, &longer, sizeof(t));
		passed += pass;
	}
	assert_in_range(settled, 100000, 299999);
	assert_in_range(passed, 30000, 270000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_short_cut_says_what_the_long_way_says),
		cmocka_unit_test(what_is_in_the_window_passes),
		cmocka_unit_test(what_is_refused_moves_nothing),
		cmocka_unit_test(scales_hold_if_both_offer_one),
		cmocka_unit_test(a_window_is_taken_for_little_more),
		cmocka_unit_test(odd_options_offer_no_scale),
		cmocka_unit_test(honest_peers_are_never_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
