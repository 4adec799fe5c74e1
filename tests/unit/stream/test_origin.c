/* SPDX-License-Identifier: BSD-3-Clause */
/* An emulated end against another one of the same, over a wire that loses and reorders. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "base/rng.h"
#include "stream/origin.h"

#define TEXT_MAX 60000
#define WIRE_MAX 64

struct end {
	struct pst_origin *origin;
	struct wire *wire;
	int side;
	uint8_t got[TEXT_MAX];
	uint32_t n_got;
	bool ended;
};

struct flight {
	int to;
	struct pst_stream_segment seg;
	uint8_t data[2048];
};

struct wire {
	struct end ends[2];
	struct flight in_flight[WIRE_MAX];
	uint32_t n, sent, lost_in_100;
	bool reorders;
	struct pst_rng rng;
	uint64_t now;
};

static void
on_output(void *ctx, const struct pst_stream_segment *seg)
{
	struct end *e = ctx;
	struct wire *w = e->wire;
	struct flight *f;

	w->sent++;
	if (w->n == WIRE_MAX || pst_rng_below(&w->rng, 100) < w->lost_in_100)
		return;
	f = &w->in_flight[w->n++];
	f->to = 1 - e->side;
	f->seg = *seg;
	assert_true(seg->len <= sizeof(f->data));
	if (seg->len > 0)
		memcpy(f->data, seg->data, seg->len);
}

static void
on_data(void *ctx, const uint8_t *bytes, uint32_t len, bool end)
{
	struct end *e = ctx;

	assert_false(e->ended);
	assert_true(e->n_got + len <= TEXT_MAX);
	if (len > 0)
		memcpy(e->got + e->n_got, bytes, len);
	e->n_got += len;
	e->ended = end;
}

static const struct pst_origin_ops ops = { .output = on_output, .data = on_data };

static void
wire_init(struct wire *w, uint32_t lost_in_100, bool reorders, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->lost_in_100 = lost_in_100;
	w->reorders = reorders;
	pst_rng_init(&w->rng, seed);
	for (int side = 0; side < 2; side++) {
		struct pst_origin_params p = { .isn = side == 0 ? 0xfffffff0 : 77,
			.mss = 1000,
			.rto_ms = 300,
			.rto_max_ms = 2000,
			.retries = 100,
			.unsent_max = TEXT_MAX };

		w->ends[side].wire = w;
		w->ends[side].side = side;
		w->ends[side].origin = pst_origin_create(&p, &ops, &w->ends[side]);
		assert_non_null(w->ends[side].origin);
	}
}

static void
wire_fini(struct wire *w)
{
	pst_origin_destroy(w->ends[0].origin);
	pst_origin_destroy(w->ends[1].origin);
}

static void
deliver(struct wire *w)
{
	uint32_t i = w->reorders ? pst_rng_below(&w->rng, w->n) : 0;
	struct flight f = w->in_flight[i];

	memmove(&w->in_flight[i], &w->in_flight[i + 1], (w->n - i - 1) * sizeof(f));
	w->n--;
	f.seg.data = f.data;
	pst_origin_input(w->ends[f.to].origin, &f.seg, w->now);
}

/* Until both are over, or nothing happens for a long time. */
static void
run(struct wire *w)
{
	uint64_t end = w->now + 600000;

	while (w->now < end &&
		!(pst_origin_is_over(w->ends[0].origin) &&
			pst_origin_is_over(w->ends[1].origin) && w->n == 0)) {
		if (w->n > 0) {
			deliver(w);
			continue;
		}
		w->now += 50;
		pst_origin_timer(w->ends[0].origin, w->now);
		pst_origin_timer(w->ends[1].origin, w->now);
	}
}

static void
say(struct wire *w, int side, const uint8_t *text, uint32_t len)
{
	assert_int_equal(pst_origin_send(w->ends[side].origin, text, len, w->now), 0);
}

static void
all_is_said_in_order_whatever_the_wire_does(void **state)
{
	static uint8_t text[2][TEXT_MAX];
	static struct wire w;

	(void)state;
	for (uint32_t seed = 0; seed < 60; seed++) {
		uint32_t n[2];

		wire_init(&w, seed % 4 * 10, seed % 2, seed + 1);
		for (int side = 0; side < 2; side++) {
			n[side] = pst_rng_below(&w.rng, TEXT_MAX);
			for (uint32_t i = 0; i < n[side]; i++)
				text[side][i] = pst_rng_next(&w.rng);
		}
		pst_origin_connect(w.ends[0].origin, w.now);
		say(&w, 0, text[0], n[0]);
		pst_origin_shutdown(w.ends[0].origin, w.now);
		say(&w, 1, text[1], n[1]);
		pst_origin_shutdown(w.ends[1].origin, w.now);
		run(&w);
		for (int side = 0; side < 2; side++) {
			assert_int_equal(w.ends[1 - side].n_got, n[side]);
			assert_memory_equal(w.ends[1 - side].got, text[side], n[side]);
			assert_true(w.ends[side].ended);
		}
		wire_fini(&w);
	}
}

static void
what_is_too_much_is_refused_and_nothing_is_said_after_the_end(void **state)
{
	static uint8_t text[TEXT_MAX + 1];
	static struct wire w;

	(void)state;
	wire_init(&w, 0, false, 1);
	assert_int_equal(
		pst_origin_send(w.ends[0].origin, text, TEXT_MAX + 1, 0), -ENOBUFS);
	pst_origin_shutdown(w.ends[0].origin, 0);
	assert_int_equal(pst_origin_send(w.ends[0].origin, text, 1, 0), -ESHUTDOWN);
	wire_fini(&w);
}

static void
who_is_never_answered_gives_up_with_a_reset(void **state)
{
	static struct wire w;
	uint32_t sent;

	(void)state;
	wire_init(&w, 100, false, 1);
	pst_origin_connect(w.ends[0].origin, 0);
	run(&w);
	assert_true(pst_origin_is_over(w.ends[0].origin));
	assert_int_equal(pst_origin_deadline(w.ends[0].origin), UINT64_MAX);
	sent = w.sent;
	w.now += 100000;
	pst_origin_timer(w.ends[0].origin, w.now);
	assert_int_equal(w.sent, sent);
	wire_fini(&w);
}

static void
only_an_exact_reset_ends_it(void **state)
{
	static struct wire w;
	struct pst_stream_segment rst = { .flags = 0x04 };

	(void)state;
	wire_init(&w, 0, false, 1);
	pst_origin_connect(w.ends[0].origin, 0);
	while (w.n > 0)
		deliver(&w);
	rst.seq = 79; /* 78 is next */
	pst_origin_input(w.ends[0].origin, &rst, 0);
	assert_false(pst_origin_is_over(w.ends[0].origin));
	rst.seq = 78;
	pst_origin_input(w.ends[0].origin, &rst, 0);
	assert_true(pst_origin_is_over(w.ends[0].origin));
	wire_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_said_in_order_whatever_the_wire_does),
		cmocka_unit_test(what_is_too_much_is_refused_and_nothing_is_said_after_the_end),
		cmocka_unit_test(who_is_never_answered_gives_up_with_a_reset),
		cmocka_unit_test(only_an_exact_reset_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
