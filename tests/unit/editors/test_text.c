/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text;
	uint32_t max;
	int used; /* 0: refused */
	uint32_t value;
} numbers[] = {
	{ "0", 255, 1, 0 },
	{ "255,", 255, 3, 255 },
	{ "256", 255, 0, 0 },
	{ "007x", 255, 3, 7 },
	{ "0007", 255, 0, 0 },
	{ "65535|", 65535, 5, 65535 },
	{ "65536", 65535, 0, 0 },
	{ "99999999999999999999", 65535, 0, 0 },
	{ "4294967295", UINT32_MAX, 10, UINT32_MAX },
	{ "4294967296", UINT32_MAX, 0, 0 },
	{ "", 255, 0, 0 },
	{ "-1", 255, 0, 0 },
	{ "+1", 255, 0, 0 },
	{ " 1", 255, 0, 0 },
	{ "x", 255, 0, 0 },
};

static void
numbers_are_bounded(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const uint8_t *at = (const uint8_t *)numbers[i].text, *start = at;
		const uint8_t *end = at + strlen(numbers[i].text);
		uint32_t value = 77;
		bool ok = pst_text_number(&at, end, numbers[i].max, &value);

		assert_int_equal(ok, numbers[i].used > 0);
		assert_int_equal(at - start, numbers[i].used);
		assert_int_equal(value, ok ? numbers[i].value : 77);
	}
}

static const struct {
	const char *text;
	int used;
	uint32_t ip;
} addresses[] = {
	{ "10.0.0.8", 8, 0x0a000008 },
	{ "255.255.255.255|", 15, 0xffffffff },
	{ "0.0.0.0", 7, 0 },
	{ "1.2.3.4.5", 7, 0x01020304 },
	{ "1.2.3", 0, 0 },
	{ "1.2.3.", 0, 0 },
	{ "1.2.3.256", 0, 0 },
	{ "010.0.0.8", 0, 0 },
	{ "1..2.3", 0, 0 },
	{ "", 0, 0 },
};

static void
addresses_are_read_and_written(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		const uint8_t *at = (const uint8_t *)addresses[i].text, *start = at;
		uint32_t ip = 0;
		bool ok = pst_text_ipv4(&at, at + strlen(addresses[i].text), &ip);
		char buf[PST_TEXT_IPV4_MAX];

		assert_int_equal(ok, addresses[i].used > 0);
		assert_int_equal(at - start, addresses[i].used);
		if (!ok)
			continue;
		assert_int_equal(ip, addresses[i].ip);
		assert_int_equal(pst_text_format_ipv4(buf, ip), addresses[i].used);
		assert_memory_equal(buf, start, addresses[i].used);
	}
}

static void
a_line_ends_with_lf(void **state)
{
	(void)state;
	assert_int_equal(pst_text_line((const uint8_t *)"ab\r\ncd\n", 7), 4);
	assert_int_equal(pst_text_line((const uint8_t *)"\n", 1), 1);
	assert_int_equal(pst_text_line((const uint8_t *)"ab\r", 3), 0);
	assert_int_equal(pst_text_line(NULL, 0), 0);
}

static void
a_word_may_begin_in_any_case(void **state)
{
	(void)state;
	assert_true(pst_text_may_begin((const uint8_t *)"pOrT 1", 6, "PORT "));
	assert_true(pst_text_may_begin((const uint8_t *)"po", 2, "PORT "));
	assert_true(pst_text_may_begin(NULL, 0, "PORT "));
	assert_false(pst_text_may_begin((const uint8_t *)"PORTS", 5, "PORT "));
	assert_false(pst_text_may_begin((const uint8_t *)"\0", 1, "PORT "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_bounded),
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(a_line_ends_with_lf),
		cmocka_unit_test(a_word_may_begin_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
