/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static struct rig r;

static int
set_up(void **state)
{
	(void)state;
	memset(&r, 0, sizeof(r));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_end(&r);
	return 0;
}

/* Acknowledgements. */

static void
ack_inside_an_edit_is_its_beginning(void **state)
{
	static const struct {
		uint32_t out, in;
	} cases[] = { { 2, 2 }, { 6, 6 }, { 7, 6 }, { 13, 6 }, { 14, 11 }, { 17, 14 } };

	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "plain\nGrow\nplain\n");
	rig_expect(&r, C, 0, 0, "plain\nGrow+++\nplain\n");
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig_in(&r, S, 0, cases[i].out, ACK, "");
		rig_expect(&r, S, 0, cases[i].in, "");
	}
}

static void
sack_blocks_are_mapped(void **state)
{
	struct pst_stream_segment seg = { .ack = 6,
		.flags = ACK,
		.window = 10000,
		.options_len = 12,
		.options = { 1, 1, 5, 10 } };
	uint32_t base;

	(void)state;
	rig_start(&r, NULL, 0);
	base = r.iss[C] + 1;
	rig_in(&r, C, 0, 0, ACK, "plain\nGrow\nplain\n");
	rig_expect(&r, C, 0, 0, "plain\nGrow+++\nplain\n");
	for (int i = 0; i < 4; i++) {
		seg.options[4 + i] = (base + 14) >> (24 - 8 * i);
		seg.options[8 + i] = (base + 20) >> (24 - 8 * i);
	}
	rig_in_seg(&r, S, seg);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(r.out[r.at].seg.options[4 + i], (base + 11) >> (24 - 8 * i) & 255);
		assert_int_equal(r.out[r.at].seg.options[8 + i], (base + 17) >> (24 - 8 * i) & 255);
	}
	rig_expect(&r, S, 0, 6, "");
}

static void
keepalive_passes(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "plain\nGrow\n");
	rig_expect(&r, C, 0, 0, "plain\nGrow+++\n");
	rig_in(&r, S, 0, 14, ACK, "");
	rig_expect(&r, S, 0, 11, "");
	rig_in(&r, C, 10, 0, ACK, "");
	rig_expect(&r, C, 13, 0, "");
	assert_int_equal(rig_in(&r, C, 10, 0, ACK, "?"), PST_STREAM_FORWARDED);
	rig_expect(&r, C, 13, 0, "");
	rig_expect_nothing(&r);
}

/* Windows and sizes. */

static void
segment_grown_past_the_mss_is_split(void **state)
{
	char text[1001];

	(void)state;
	memset(text, 'G', 999);
	memcpy(text + 999, "\n", 2);
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK | PSH, text);
	assert_int_equal(rig_next(&r, C)->seg.len, 1000);
	rig_expect(&r, C, 1000, 0, "++\n");
	rig_expect_nothing(&r);
	assert_int_equal(pst_stream_stats(r.stream)->splits, 1);
}

static void
data_beyond_the_window_waits(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	r.window = 6;
	rig_in(&r, S, 0, 0, ACK, "");
	rig_expect(&r, S, 0, 0, "");
	rig_in(&r, C, 0, 0, ACK, "Grow\n");
	rig_expect(&r, C, 0, 0, "Grow++");
	rig_expect_nothing(&r);
	rig_in(&r, S, 0, 6, ACK, "");
	rig_expect(&r, S, 0, 0, "");
	rig_in(&r, C, 0, 0, ACK, "Grow\n"); /* already on its way */
	r.at = r.n;
	rig_in(&r, S, 0, 8, ACK, "");
	rig_expect(&r, S, 0, 5, "");
}

static void
probe_does_not_open_a_shut_window(void **state)
{
	static const uint8_t scale[] = { 1, 3, 3, 7 };

	(void)state;
	for (int unwatched = 0; unwatched < 2; unwatched++) {
		memset(&r, 0, sizeof(r));
		rig_start(&r, scale, sizeof(scale));
		rig_in(&r, C, 0, 0, ACK, unwatched ? "Unwatch\n" : "Xnwatch\n");
		rig_expect(&r, C, 0, 0, unwatched ? "Unwatch\n" : "Xnwatch\n");
		r.window = 0;
		rig_in(&r, S, 0, 8, ACK, "");
		assert_int_equal(rig_next(&r, S)->seg.window, 0);
		rig_in(&r, C, 8, 0, ACK, "\n");
		r.at = r.n;
		rig_in(&r, S, 0, 8, ACK, "");
		assert_int_equal(r.out[r.n - 1].seg.window, 0);
		rig_end(&r);
	}
	rig_start(&r, NULL, 0);
}

static void
window_is_never_more_than_is_kept(void **state)
{
	static const uint8_t scale[] = { 1, 3, 3, 7 };

	(void)state;
	rig_start(&r, scale, sizeof(scale));
	r.window = 10000; /* 1.2 MB */
	rig_in(&r, S, 0, 0, ACK, "");
	assert_in_range(rig_next(&r, S)->seg.window, 19000 >> 7, (20000 >> 7) + 1);
}

static void
edits_wait_for_room_to_keep_them(void **state)
{
	char in[41], out[66];

	(void)state;
	r.params = (struct pst_stream_params){ .line_max = 50,
		.reorder_max = 1000,
		.unacked_max = 64,
		.rto_ms = 100,
		.rto_max_ms = 400,
		.retries = 5 };
	rig_start(&r, NULL, 0);
	for (uint32_t i = 0; i < 20; i++)
		memcpy(in + 2 * i, "G\n", 3);
	for (uint32_t i = 0; i < 13; i++)
		memcpy(out + 5 * i, "G+++\n", 6);
	rig_in(&r, C, 0, 0, ACK | FIN, in);
	rig_expect(&r, C, 0, 0, out);
	rig_expect_nothing(&r); /* nobody acknowledges what is not decided */
	rig_in(&r, S, 0, 65, ACK, "");
	rig_expect(&r, S, 0, 26, "");
	assert_int_equal(r.out[r.at].seg.flags & FIN, FIN);
	out[35] = '\0';
	rig_expect(&r, C, 65, 0, out);
	rig_expect_nothing(&r);
}

static void
unwatched_window_passes_as_it_is(void **state)
{
	static const uint8_t scale[] = { 1, 3, 3, 7 };

	(void)state;
	rig_start(&r, scale, sizeof(scale));
	rig_in(&r, C, 0, 0, ACK, "Unwatch\n");
	r.window = 65535;
	rig_in(&r, S, 0, 8, ACK, "");
	r.at = r.n - 1;
	assert_int_equal(rig_next(&r, S)->seg.window, 65535);
}

/* Bytes that the engine owns. */

static void
owned_bytes_are_resent_until_acknowledged(void **state)
{
	uint64_t start;

	(void)state;
	rig_start(&r, NULL, 0);
	start = r.now;
	rig_in(&r, C, 0, 0, ACK, "Gro");
	assert_int_equal(pst_stream_deadline(r.stream), UINT64_MAX); /* nothing to deliver yet */
	rig_in(&r, C, 3, 0, ACK, "w\n");
	rig_expect(&r, C, 0, 0, "Grow+++\n");
	assert_true(rig_timer(&r));
	assert_int_equal(r.now - start, 100);
	rig_expect(&r, C, 0, 0, "Grow+++\n");
	assert_true(rig_timer(&r));
	assert_int_equal(r.now - start, 300); /* twice as long */
	rig_expect(&r, C, 0, 0, "Grow+++\n");
	assert_int_equal(pst_stream_stats(r.stream)->retransmits, 2);
	rig_in(&r, S, 0, 8, ACK, "");
	rig_expect(&r, S, 0, 5, "");
	assert_false(rig_timer(&r));
}

static void
peer_that_never_answers_ends_it(void **state)
{
	uint32_t n = 0;

	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "Gro");
	rig_in(&r, C, 3, 0, ACK, "w\n");
	while (rig_timer(&r))
		n++;
	assert_int_equal(n, 5 + 1);
	assert_int_equal(r.out[r.n - 2].seg.flags & RST, RST);
	assert_int_equal(r.out[r.n - 1].seg.flags & RST, RST);
	assert_int_not_equal(r.out[r.n - 2].dir, r.out[r.n - 1].dir);
}

static void
shut_window_is_probed_as_long_as_it_answers(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	r.window = 0;
	rig_in(&r, S, 0, 0, ACK, "");
	rig_in(&r, C, 0, 0, ACK, "Gro");
	rig_in(&r, C, 3, 0, ACK, "w\n");
	for (int i = 0; i < 20; i++) {
		r.at = r.n;
		assert_true(rig_timer(&r));
		rig_expect(&r, C, 0, 0, "G");
		rig_in(&r, S, 0, 0, ACK, "");
	}
	r.at = r.n;
	r.window = 100;
	rig_in(&r, S, 0, 0, ACK, "");
	assert_int_equal(rig_next(&r, C)->seg.len, 8 - 1);
}

static void
timestamps_of_ours_are_the_newest(void **state)
{
	static const uint8_t ts[] = { 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 9 };
	struct pst_stream_segment seg = { .flags = ACK,
		.window = 10000,
		.options_len = 12,
		.options = { 1, 1, 8, 10, 0, 0, 0, 90, 0, 0, 0, 9 },
		.data = (const uint8_t *)"part",
		.len = 4 };
	const struct rig_output *o;

	(void)state;
	rig_start(&r, ts, sizeof(ts));
	rig_in_seg(&r, C, seg);
	o = rig_next(&r, S);
	assert_int_equal(o->seg.options_len, 12);
	assert_int_equal(o->seg.options[7], 9);	  /* the server's last */
	assert_int_equal(o->seg.options[11], 90); /* the client's */
	seg.data = (const uint8_t *)"\n";
	seg.len = 1;
	seg.seq = 4;
	seg.options[7] = 95;
	rig_in_seg(&r, C, seg);
	seg.seq = 0;
	seg.len = 0;
	seg.options[7] = 50; /* an old one, late */
	rig_in_seg(&r, C, seg);
	r.at = r.n;
	assert_true(rig_timer(&r));
	assert_int_equal(rig_next(&r, C)->seg.options[7], 95); /* else PAWS would drop it */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ack_inside_an_edit_is_its_beginning),
		TEST(sack_blocks_are_mapped),
		TEST(keepalive_passes),
		TEST(segment_grown_past_the_mss_is_split),
		TEST(data_beyond_the_window_waits),
		TEST(probe_does_not_open_a_shut_window),
		TEST(window_is_never_more_than_is_kept),
		TEST(edits_wait_for_room_to_keep_them),
		TEST(unwatched_window_passes_as_it_is),
		TEST(owned_bytes_are_resent_until_acknowledged),
		TEST(peer_that_never_answers_ends_it),
		TEST(shut_window_is_probed_as_long_as_it_answers),
		TEST(timestamps_of_ours_are_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
