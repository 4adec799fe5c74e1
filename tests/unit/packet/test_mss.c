/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_ip.h>

#include "packet/mss.h"

#define MOST 1400

struct syn {
	struct rte_tcp_hdr tcp;
	uint8_t options[40];
};

/* With a checksum over the header alone. */
static uint32_t
build(struct syn *s, const uint8_t *options, uint32_t len)
{
	uint32_t total = sizeof(s->tcp) + RTE_ALIGN(len, 4);

	memset(s, 0, sizeof(*s));
	s->tcp.src_port = RTE_BE16(4711);
	s->tcp.sent_seq = RTE_BE32(0x12345678);
	s->tcp.tcp_flags = RTE_TCP_SYN_FLAG;
	s->tcp.data_off = total / 4 << 4;
	memcpy(s->options, options, len);
	s->tcp.cksum = ~rte_raw_cksum(s, total);
	return total;
}

static void
a_larger_mss_is_lowered_wherever_it_is(void **state)
{
	static const struct {
		uint8_t options[20], len, at;
	} cases[] = {
		{ { 2, 4, 5, 180 }, 4, 2 },
		{ { 1, 2, 4, 5, 180 }, 5, 3 },			/* across two words */
		{ { 1, 1, 2, 4, 5, 180 }, 6, 4 },
		{ { 4, 2, 2, 4, 35, 40, 3, 3, 7 }, 9, 4 },	/* SACK, 9000, window scale */
		{ { 3, 3, 7, 2, 4, 255, 255, 0, 9 }, 9, 5 },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct syn s, before;
		uint32_t len = build(&s, cases[i].options, cases[i].len);

		before = s;
		assert_true(pst_mss_lower(&s.tcp, MOST));
		assert_int_equal(s.options[cases[i].at] << 8 | s.options[cases[i].at + 1], MOST);
		assert_int_equal(rte_raw_cksum(&s, len), 0xffff);
		s.options[cases[i].at] = before.options[cases[i].at];
		s.options[cases[i].at + 1] = before.options[cases[i].at + 1];
		s.tcp.cksum = before.tcp.cksum;
		assert_memory_equal(&s, &before, sizeof(s));
	}
}

static void
what_is_no_larger_mss_stays(void **state)
{
	static const struct {
		uint8_t options[20], len;
	} cases[] = {
		{ { 0 }, 0 },
		{ { 2, 4, MOST >> 8, MOST & 255 }, 4 },
		{ { 2, 4, 0, 0 }, 4 },
		{ { 0, 2, 4, 5, 180 }, 5 },	/* behind the end of the list */
		{ { 2, 3, 5, 180 }, 4 },	/* another length */
		{ { 8, 0, 2, 4, 5, 180 }, 6 },	/* lengths that lead nowhere */
		{ { 8, 1, 2, 4, 5, 180 }, 6 },
		{ { 8, 20, 2, 4, 5, 180, 1, 1 }, 8 },
		{ { 1, 1, 1, 2 }, 4 },
		{ { 1, 1, 2, 4 }, 4 },		/* cut off */
		{ { 1, 2, 4, 5 }, 4 },
		{ { 8, 6, 2, 4, 5, 180, 1, 1 }, 8 }, /* another option's value */
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct syn s, before;

		build(&s, cases[i].options, cases[i].len);
		before = s;
		assert_false(pst_mss_lower(&s.tcp, MOST));
		assert_memory_equal(&s, &before, sizeof(s));
	}
}

static void
one_that_comes_twice_is_lowered_twice(void **state)
{
	static const uint8_t options[] = { 2, 4, 5, 180, 1, 2, 4, 5, 200 };
	struct syn s;
	uint32_t len = build(&s, options, sizeof(options));

	(void)state;
	assert_true(pst_mss_lower(&s.tcp, MOST));
	assert_int_equal(s.options[2] << 8 | s.options[3], MOST);
	assert_int_equal(s.options[7] << 8 | s.options[8], MOST);
	assert_int_equal(rte_raw_cksum(&s, len), 0xffff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_larger_mss_is_lowered_wherever_it_is),
		cmocka_unit_test(what_is_no_larger_mss_stays),
		cmocka_unit_test(one_that_comes_twice_is_lowered_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
