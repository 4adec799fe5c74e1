/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "stream/edits.h"
#include "stream/opts.h"
#include "stream/reasm.h"

/* Input 100..110 became 100..114; input 120..130 became 124..126. */
static void
make(struct edits *e, uint32_t at)
{
	*e = (struct edits){ 0 };
	assert_true(edits_add(e, (struct edit){ at, at + 10, at, at + 14 }));
	assert_true(edits_add(e, (struct edit){ at + 20, at + 30, at + 24, at + 26 }));
}

static void
bytes_between_edits_run_side_by_side(void **state)
{
	static const struct {
		int32_t in, out, out_end;
	} cases[] = {
		{ -5, -5, -5 },
		{ 0, 0, 0 },
		{ 1, 0, 14 }, /* inside: the whole edit */
		{ 9, 0, 14 },
		{ 10, 14, 14 },
		{ 15, 19, 19 },
		{ 20, 24, 24 },
		{ 25, 24, 26 },
		{ 30, 26, 26 },
		{ 99, 95, 95 },
	};

	(void)state;
	for (uint32_t at = 100, k = 0; k < 2; k++, at = 0xfffffff8) {
		struct edits e;

		make(&e, at);
		for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			assert_int_equal(edits_out(&e, at + cases[i].in), at + cases[i].out);
			assert_int_equal(
				edits_out_end(&e, at + cases[i].in), at + cases[i].out_end);
		}
		edits_fini(&e);
	}
}

static void
an_edit_is_acknowledged_whole_or_not_at_all(void **state)
{
	static const struct {
		int32_t out, in, in_left;
	} cases[] = {
		{ 0, 0, 0 },
		{ 1, 0, 10 },
		{ 13, 0, 10 },
		{ 14, 10, 10 },
		{ 24, 20, 20 },
		{ 25, 20, 30 },
		{ 26, 30, 30 },
		{ 36, 40, 40 },
	};
	struct edits e;

	(void)state;
	make(&e, 100);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(edits_in(&e, 100 + cases[i].out), 100 + cases[i].in);
		assert_int_equal(edits_in_left(&e, 100 + cases[i].out), 100 + cases[i].in_left);
	}
	edits_fini(&e);
}

static void
what_is_acknowledged_becomes_a_constant(void **state)
{
	struct edits e;

	(void)state;
	make(&e, 100);
	edits_acked(&e, 114);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.base, 4);
	assert_int_equal(edits_in(&e, 126), 130);
	edits_acked(&e, 126);
	assert_int_equal(e.n, 0);
	assert_int_equal((int32_t)e.base, -4);
	assert_int_equal(edits_out(&e, 140), 136);
	edits_fini(&e);
}

static void
there_are_only_so_many(void **state)
{
	struct edits e = { 0 };

	(void)state;
	for (uint32_t i = 0; i < EDITS_MAX + 10; i++) /* two bytes become one, then one passes */
		assert_true(edits_add(&e, (struct edit){ 3 * i, 3 * i + 2, 2 * i, 2 * i + 1 }));
	assert_int_equal(e.n, EDITS_MAX);
	assert_int_equal(edits_in(&e, 2 * EDITS_MAX - 3), 3 * EDITS_MAX - 4);
	assert_int_equal(edits_in(&e, 2 * EDITS_MAX), 3 * EDITS_MAX - 3); /* one with the last */
	assert_int_equal(edits_in(&e, 2 * EDITS_MAX + 19), 3 * EDITS_MAX + 29);
	edits_acked(&e, 2 * EDITS_MAX + 19);
	assert_int_equal(e.n, 0);
	assert_int_equal(edits_out(&e, 3 * EDITS_MAX + 30), 2 * EDITS_MAX + 20);
	edits_fini(&e);
}

static void
of_bytes_that_come_twice_the_first_are_kept(void **state)
{
	struct reasm r = { 0 };
	const uint8_t *data;

	(void)state;
	assert_true(reasm_add(&r, 10, (const uint8_t *)"bbbb", 4, 1000));
	assert_true(reasm_add(&r, 8, (const uint8_t *)"aaaaaaaa", 8, 1000));
	assert_int_equal(reasm_take(&r, 7, &data), 0);
	assert_int_equal(reasm_take(&r, 8, &data), 2);
	assert_memory_equal(data, "aa", 2);
	assert_int_equal(reasm_take(&r, 10, &data), 4);
	assert_memory_equal(data, "bbbb", 4);
	assert_int_equal(reasm_take(&r, 15, &data), 1);
	assert_int_equal(reasm_take(&r, 16, &data), 0);
	assert_int_equal(r.bytes, 0);
	reasm_fini(&r);
}

static void
what_comes_too_early_is_bounded(void **state)
{
	struct reasm r = { 0 };
	uint32_t n = 0;

	(void)state;
	while (reasm_add(&r, 2 * n, (const uint8_t *)"x", 1, 1000))
		n++;
	assert_true(n > 0 && n <= 1000);
	reasm_fini(&r);
	assert_int_equal(r.bytes, 0);
}

static bool
halve(const void *ctx, uint32_t *left, uint32_t *right)
{
	(void)ctx;
	*left /= 2;
	*right /= 2;
	return *left != 50;
}

static void
sack_blocks_are_mapped_and_the_rest_left_alone(void **state)
{
	struct pst_stream_segment seg = { .options_len = 20,
		.options = { 1, 1, 5, 18, 0, 0, 0, 100, 0, 0, 0, 200, 0, 0, 1, 144, 0, 0, 2, 88 } };

	(void)state;
	opts_map_sack(&seg, halve, NULL);
	assert_int_equal(seg.options_len, 20);
	assert_int_equal(seg.options[3], 10);
	assert_int_equal(seg.options[7], 200); /* 400 / 2 */
	assert_int_equal(seg.options[10], 1);
	assert_int_equal(seg.options[11], 44); /* 600 / 2 */
	for (int i = 12; i < 20; i++)
		assert_int_equal(seg.options[i], 1);
}

static void
options_that_are_cut_off_are_not_read(void **state)
{
	struct pst_stream_segment seg = { .options_len = 4, .options = { 8, 10, 1, 2 } };
	struct timestamps ts;
	struct syn_options syn;

	(void)state;
	assert_false(opts_timestamps(&seg, &ts));
	seg = (struct pst_stream_segment){ .options_len = 4, .options = { 2, 0, 5, 180 } };
	opts_of_syn(&seg, &syn);
	assert_int_equal(syn.mss, 0);
	assert_int_equal(syn.scale, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_between_edits_run_side_by_side),
		cmocka_unit_test(an_edit_is_acknowledged_whole_or_not_at_all),
		cmocka_unit_test(what_is_acknowledged_becomes_a_constant),
		cmocka_unit_test(there_are_only_so_many),
		cmocka_unit_test(of_bytes_that_come_twice_the_first_are_kept),
		cmocka_unit_test(what_comes_too_early_is_bounded),
		cmocka_unit_test(sack_blocks_are_mapped_and_the_rest_left_alone),
		cmocka_unit_test(options_that_are_cut_off_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
