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

/* Editing. */

static void
lines_are_edited(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain\n", "plain\n" },
		{ "Grow\n", "Grow+++\n" },
		{ "Shrink\n", "s\n" },
		{ "Grow\nplain\nShrink\n", "Grow+++\nplain\ns\n" },
		{ "Drop\nGo\n", "Go+++\n" },
		{ "Invalid\n", "Invalid\n" }, /* as passed */
		{ "Just too much\n", "Just too much\n" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&r, 0, sizeof(r));
		rig_start(&r, NULL, 0);
		assert_int_equal(rig_in(&r, C, 0, 0, ACK | PSH, cases[i].in), PST_STREAM_FORWARDED);
		rig_expect(&r, C, 0, 0, cases[i].out);
		rig_expect_nothing(&r);
		rig_in(&r, S, 0, strlen(cases[i].out), ACK, "");
		rig_expect(&r, S, 0, strlen(cases[i].in), "");
		rig_end(&r);
	}
	rig_start(&r, NULL, 0);
}

static void
command_in_twenty_pieces_is_edited_as_one(void **state)
{
	static const char line[] = "Gather in 20 pieces\n";

	(void)state;
	rig_start(&r, NULL, 0);
	for (uint32_t i = 0; i < 19; i++) {
		char piece[2] = { line[i] };

		assert_int_equal(rig_in(&r, C, i, 0, ACK | PSH, piece), PST_STREAM_TAKEN);
		rig_expect(&r, S, 0, i + 1, ""); /* else Nagle's sender keeps the rest back */
		rig_expect_nothing(&r);
	}
	assert_int_equal(rig_in(&r, C, 19, 0, ACK | PSH, "\n"), PST_STREAM_FORWARDED);
	rig_expect(&r, C, 0, 0, "Gather in 20 pieces+++\n");
	assert_int_equal(pst_stream_stats(r.stream)->held_bytes, 19);
	assert_int_equal(pst_stream_stats(r.stream)->edits, 1);
}

static void
window_says_what_is_held(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "0123456789");
	assert_int_equal(rig_next(&r, S)->seg.window, 10000 - 10);
}

static void
editor_that_wants_more_gets_it_of_a_shut_window(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	r.window = 0;
	rig_in(&r, S, 0, 0, ACK, "");
	assert_int_equal(rig_next(&r, S)->seg.window, 0);
	rig_in(&r, C, 0, 0, ACK, "part");
	assert_int_not_equal(rig_next(&r, S)->seg.window, 0);
}

static void
deleted_line_is_acknowledged(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	assert_int_equal(rig_in(&r, C, 0, 0, ACK, "Drop\n"), PST_STREAM_TAKEN);
	rig_expect(&r, S, 0, 5, ""); /* no receiver will do it */
	rig_in(&r, C, 5, 0, ACK, "plain\n");
	rig_expect(&r, C, 0, 0, "plain\n");
	rig_in(&r, C, 11, 0, ACK, "Drop\n"); /* behind what is not acknowledged: not yet */
	rig_expect_nothing(&r);
	rig_in(&r, S, 0, 6, ACK, "");
	rig_expect(&r, S, 0, 16, "");
}

static void
line_past_the_limit_passes_for_good(void **state)
{
	char text[151];
	int32_t offset[PST_DIRS];

	(void)state;
	memset(text, 'G', 150);
	text[150] = '\0';
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, text);
	rig_expect(&r, C, 0, 0, text);
	rig_in(&r, C, 150, 0, ACK, "Grow\n");
	rig_expect(&r, C, 150, 0, "Grow\n");
	assert_int_equal(pst_stream_stats(r.stream)->latched, 1);
	assert_false(pst_stream_is_done(r.stream, offset)); /* the other way is watched */
	rig_in(&r, S, 0, 155, ACK, "Grow\n");
	rig_expect(&r, S, 0, 155, "Grow+++\n");
}

static void
many_edits_in_flight_are_no_end(void **state)
{
	char text[801];
	uint32_t in = 0, out = 0;

	(void)state;
	for (int i = 0; i < 800; i += 2)
		memcpy(text + i, "S\n", 3);
	for (int i = 0; i < 800; i += 16)
		memcpy(text + i, "Slong\n", 6);
	rig_start(&r, NULL, 0);
	for (int k = 0; k < 10; k++) {
		rig_in(&r, C, in, 0, ACK, text);
		in += 800;
		while (r.at < r.n) {
			const struct rig_output *o = &r.out[r.at++];

			assert_int_equal(o->dir, C);
			assert_int_equal(o->seg.flags & RST, 0);
			out += o->seg.len;
		}
	}
	rig_in(&r, S, 0, out, ACK, "");
	rig_expect(&r, S, 0, in, "");
}

/* Repetition, order, loss. */

static void
retransmission_carries_the_edited_bytes(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "plain\nGrow\nplain\n");
	rig_expect(&r, C, 0, 0, "plain\nGrow+++\nplain\n");
	rig_in(&r, C, 0, 0, ACK, "plain\nGrow\nplain\n");
	rig_expect(&r, C, 0, 0, "plain\nGrow+++\nplain\n");
	rig_in(&r, C, 3, 0, ACK, "in\nGr"); /* cut through the edit: all of it */
	rig_expect(&r, C, 3, 0, "in\nGrow+++\n");
	rig_in(&r, C, 8, 0, ACK, "ow\npl");
	rig_expect(&r, C, 6, 0, "Grow+++\npl");
	rig_in(&r, C, 0, 0, ACK, "OTHER\nBYTES"); /* the first ones are what it is */
	rig_expect(&r, C, 0, 0, "plain\nGrow+++\n");
}

static void
what_was_acknowledged_is_not_sent_again(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "Grow\nplain\n");
	rig_expect(&r, C, 0, 0, "Grow+++\nplain\n");
	rig_in(&r, S, 0, 8, ACK, "");
	rig_expect(&r, S, 0, 5, "");
	rig_in(&r, C, 0, 0, ACK, "Grow\nplain\n");
	rig_expect(&r, C, 8, 0, "plain\n");
	rig_in(&r, S, 0, 14, ACK, "");
	rig_expect(&r, S, 0, 11, "");
	rig_in(&r, C, 0, 0, ACK, "Grow\nplain\n"); /* its ACK was lost: so that it comes again */
	assert_int_equal(rig_next(&r, C)->seg.len, 0);
}

static void
pieces_in_any_order_are_one_line(void **state)
{
	static const uint8_t orders[][4] = {
		{ 0, 1, 2, 3 },
		{ 3, 2, 1, 0 },
		{ 1, 3, 0, 2 },
		{ 2, 0, 3, 1 },
		{ 3, 1, 2, 0 },
	};
	static const char *pieces[] = { "Gro", "wing", " gra", "ss\n" };
	static const uint32_t at[] = { 0, 3, 7, 11 };

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		uint32_t k = 0;

		memset(&r, 0, sizeof(r));
		r.iss[C] = -8; /* the numbers wrap inside the line */
		r.iss[S] = 77;
		rig_start(&r, NULL, 0);
		for (; k < 4; k++)
			rig_in(&r, C, at[orders[i][k]], 0, ACK, pieces[orders[i][k]]);
		rig_expect(&r, C, 0, 0, "Growing grass+++\n");
		rig_in(&r, S, 0, 17, ACK, "");
		while (r.at + 1 < r.n)
			r.at++;
		rig_expect(&r, S, 0, 14, "");
		rig_end(&r);
	}
	rig_start(&r, NULL, 0);
}

static void
bytes_received_first_win(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 4, 0, ACK, "efgh");
	rig_in(&r, C, 0, 0, ACK, "abcdEFGHij\n");
	rig_expect(&r, C, 0, 0, "abcdefghij\n");
}

static void
too_much_out_of_order_is_dropped(void **state)
{
	char text[1001];
	enum pst_stream_fate fate = PST_STREAM_TAKEN;
	uint32_t n = 0;

	(void)state;
	memset(text, 'x', 1000);
	text[1000] = '\0';
	rig_start(&r, NULL, 0);
	for (; n < 10 && fate == PST_STREAM_TAKEN; n++)
		fate = rig_in(&r, C, 1 + 1000 * n, 0, ACK, text);
	assert_int_equal(fate, PST_STREAM_DROPPED);
	assert_true(n > 1 && n < 7);
	assert_int_equal(pst_stream_stats(r.stream)->dropped, 1);
}

static void
what_is_nowhere_near_is_dropped(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	assert_int_equal(rig_in(&r, C, 1000000, 0, ACK, "far"), PST_STREAM_DROPPED);
	rig_in(&r, C, 1000000, 0, ACK | FIN, "");
	rig_in(&r, C, 3, 0, ACK, "in\n");
	rig_in(&r, C, 0, 0, ACK, "pla");
	rig_expect(&r, C, 0, 0, "plain\n");
}

static void
gap_is_told_as_a_receiver_would(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "plain\n");
	rig_expect(&r, C, 0, 0, "plain\n");
	rig_in(&r, S, 0, 6, ACK, "");
	rig_expect(&r, S, 0, 6, "");
	rig_in(&r, C, 9, 0, ACK, "in\n");
	rig_expect(&r, S, 0, 6, "");
}

/* Ends. */

static void
fin_stands_behind_the_edits(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK | FIN, "Grow\n");
	assert_int_equal(r.out[r.at].seg.flags & FIN, FIN);
	rig_expect(&r, C, 0, 0, "Grow+++\n");
	rig_in(&r, S, 0, 9, ACK, "");
	rig_expect(&r, S, 0, 6, "");
	rig_in(&r, S, 0, 9, ACK | FIN, "");
	assert_int_equal(r.out[r.at].seg.flags & FIN, FIN);
	rig_expect(&r, S, 0, 6, "");
	rig_in(&r, C, 6, 1, ACK, "");
	rig_expect(&r, C, 9, 1, "");
}

static void
fin_lets_held_bytes_go(void **state)
{
	(void)state;
	for (int stubborn = 0; stubborn < 2; stubborn++) {
		memset(&r, 0, sizeof(r));
		r.stubborn = stubborn;
		rig_start(&r, NULL, 0);
		rig_in(&r, C, 0, 0, ACK, "Gro");
		rig_in(&r, C, 3, 0, ACK | FIN, "");
		while (r.out[r.at].dir != C)
			r.at++;
		assert_int_equal(r.out[r.at].seg.flags & FIN, FIN);
		rig_expect(&r, C, 0, 0, "Gro");
		rig_end(&r);
	}
	rig_start(&r, NULL, 0);
}

static void
fin_before_its_turn_waits(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	assert_int_equal(rig_in(&r, C, 3, 0, ACK | FIN, "w\n"), PST_STREAM_TAKEN);
	rig_in(&r, C, 0, 0, ACK, "Gro");
	assert_int_equal(r.out[r.n - 1].seg.flags & FIN, FIN);
	rig_expect(&r, C, 0, 0, "Grow+++\n");
}

static void
half_closed_connection_is_edited_on(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, S, 0, 0, ACK | FIN, "bye\n");
	rig_in(&r, C, 0, 5, ACK, "");
	r.at = r.n;
	rig_in(&r, C, 0, 5, ACK, "Gro");
	rig_expect(&r, S, 5, 3, ""); /* behind the FIN: else it is not looked at */
	rig_in(&r, C, 3, 5, ACK, "w\n");
	rig_expect(&r, C, 0, 5, "Grow+++\n");
	rig_in(&r, S, 5, 8, ACK, "");
	rig_expect(&r, S, 5, 5, "");
}

static void
fin_that_waits_for_the_window_is_not_counted(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	r.window = 4;
	rig_in(&r, S, 0, 0, ACK, "");
	rig_in(&r, C, 0, 0, ACK | FIN, "Grow\n");
	r.at = r.n;
	rig_in(&r, C, 6, 0, ACK, "");
	rig_expect(&r, C, 4, 0, "");
	r.window = 1000;
	rig_in(&r, S, 0, 4, ACK, "");
	assert_int_equal(r.out[r.n - 1].seg.flags & FIN, FIN);
	rig_expect(&r, C, 4, 0, "+++\n");
}

static void
rst_is_where_the_receiver_expects_it(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "Grow\n");
	rig_in(&r, C, 5, 0, ACK, "par"); /* held: the receiver has none of it */
	r.at = r.n;
	assert_int_equal(rig_in(&r, C, 8, 0, RST, ""), PST_STREAM_FORWARDED);
	assert_int_equal(rig_seq(&r, rig_next(&r, C)), 8);
}

static void
rst_after_the_window_is_where_sending_stopped(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	r.window = 4;
	rig_in(&r, S, 0, 0, ACK, "");
	rig_in(&r, C, 0, 0, ACK, "Grow\n");
	r.at = r.n;
	rig_in(&r, C, 5, 0, RST, "");
	assert_int_equal(rig_seq(&r, rig_next(&r, C)), 4);
}

static void
reset_has_the_right_numbers(void **state)
{
	const struct rig_output *o;

	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "Grow\n");
	rig_in(&r, S, 0, 8, ACK | FIN, "hello\n");
	r.at = r.n;
	rig_in(&r, C, 5, 7, ACK, "Reset\n");
	o = rig_next(&r, C);
	assert_int_equal(o->seg.flags & RST, RST);
	assert_int_equal(rig_seq(&r, o), 8);
	assert_int_equal(rig_ack(&r, o), 7);
	o = rig_next(&r, S);
	assert_int_equal(o->seg.flags & RST, RST);
	assert_int_equal(rig_seq(&r, o), 7); /* behind the FIN */
	rig_expect_nothing(&r);
	/* who missed it is told again, by its own ACK (RFC 5961 section 3.2) */
	rig_in(&r, S, 7, 8, ACK, "");
	o = rig_next(&r, C);
	assert_int_equal(o->seg.flags & RST, RST);
	assert_int_equal(rig_seq(&r, o), 8);
	rig_in(&r, S, 7, 8, RST, "");
	rig_expect_nothing(&r);
}

/* Unwatching. */

static void
unwatched_stream_passes_with_a_constant(void **state)
{
	int32_t offset[PST_DIRS];

	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "Grow\nUnwatch\nGrow\n");
	rig_expect(&r, C, 0, 0, "Grow+++\nUnwatch\nGrow\n");
	assert_false(pst_stream_is_done(r.stream, offset)); /* an edit is in flight */
	rig_in(&r, S, 0, 21, ACK, "");
	rig_expect(&r, S, 0, 18, "");
	assert_true(pst_stream_is_done(r.stream, offset));
	assert_int_equal(offset[C], 3);
	assert_int_equal(offset[S], 0);
	rig_in(&r, C, 18, 0, ACK, "Grow\n");
	rig_expect(&r, C, 21, 0, "Grow\n");
	rig_in(&r, S, 0, 26, ACK, "Grow\n");
	rig_expect(&r, S, 0, 23, "Grow\n");
	assert_int_equal(r.calls, 2);
}

static void
unwatching_lets_the_other_direction_go(void **state)
{
	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, S, 0, 0, ACK, "part of a li");
	r.at = r.n;
	rig_in(&r, C, 0, 0, ACK, "Unwatch\n");
	rig_expect(&r, C, 0, 12, "Unwatch\n");
	rig_expect(&r, S, 0, 0, "part of a li");
	assert_int_not_equal(pst_stream_deadline(r.stream), UINT64_MAX);
}

/* Odds and ends. */

static void
urgent_pointer_is_cleared(void **state)
{
	struct pst_stream_segment seg = { .flags = ACK | URG,
		.urgent = 3,
		.window = 10000,
		.data = (const uint8_t *)"Grow\n",
		.len = 5 };

	(void)state;
	rig_start(&r, NULL, 0);
	rig_in_seg(&r, C, seg);
	assert_int_equal(r.out[r.at].seg.flags & URG, 0);
	assert_int_equal(r.out[r.at].seg.urgent, 0);
	rig_expect(&r, C, 0, 0, "Grow+++\n");
}

static void
data_on_a_syn_comes_again(void **state)
{
	struct pst_stream_segment syn = {
		.flags = SYN, .window = 1000, .data = (const uint8_t *)"Grow\n", .len = 5
	};

	(void)state;
	rig_start(&r, NULL, 0);
	syn.seq = -1;
	rig_in_seg(&r, C, syn);
	assert_int_equal(rig_next(&r, C)->seg.len, 0);
	rig_in(&r, C, 0, 0, ACK, "Grow\n");
	rig_expect(&r, C, 0, 0, "Grow+++\n");
}

static void
syn_that_comes_again_has_its_ack_mapped(void **state)
{
	struct pst_stream_segment syn = { .flags = SYN | ACK, .window = 1000, .ack = 8 };

	(void)state;
	rig_start(&r, NULL, 0);
	rig_in(&r, C, 0, 0, ACK, "Grow\n");
	syn.seq = -1;
	rig_in_seg(&r, S, syn);
	assert_int_equal(rig_ack(&r, rig_next(&r, S)), 5);
}

static void
connection_that_was_not_answered_may_begin_anew(void **state)
{
	struct pst_stream_segment syn = { .flags = SYN, .window = 1000 };

	(void)state;
	r.without_syns = true;
	rig_start(&r, NULL, 0);
	syn.seq = 70000;
	rig_in_seg(&r, C, syn);
	syn.seq = -1;
	rig_in_seg(&r, C, syn);
	syn.flags = SYN | ACK;
	rig_in_seg(&r, S, syn);
	r.at = r.n;
	rig_in(&r, C, 0, 0, ACK, "Grow\n");
	rig_expect(&r, C, 0, 0, "Grow+++\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_edited),
		TEST(command_in_twenty_pieces_is_edited_as_one),
		TEST(window_says_what_is_held),
		TEST(editor_that_wants_more_gets_it_of_a_shut_window),
		TEST(deleted_line_is_acknowledged),
		TEST(line_past_the_limit_passes_for_good),
		TEST(many_edits_in_flight_are_no_end),
		TEST(retransmission_carries_the_edited_bytes),
		TEST(what_was_acknowledged_is_not_sent_again),
		TEST(pieces_in_any_order_are_one_line),
		TEST(bytes_received_first_win),
		TEST(too_much_out_of_order_is_dropped),
		TEST(what_is_nowhere_near_is_dropped),
		TEST(gap_is_told_as_a_receiver_would),
		TEST(fin_stands_behind_the_edits),
		TEST(fin_lets_held_bytes_go),
		TEST(fin_before_its_turn_waits),
		TEST(half_closed_connection_is_edited_on),
		TEST(fin_that_waits_for_the_window_is_not_counted),
		TEST(rst_is_where_the_receiver_expects_it),
		TEST(rst_after_the_window_is_where_sending_stopped),
		TEST(reset_has_the_right_numbers),
		TEST(unwatched_stream_passes_with_a_constant),
		TEST(unwatching_lets_the_other_direction_go),
		TEST(urgent_pointer_is_cleared),
		TEST(data_on_a_syn_comes_again),
		TEST(syn_that_comes_again_has_its_ack_mapped),
		TEST(connection_that_was_not_answered_may_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
