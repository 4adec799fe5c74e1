/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "config/address.h"

static void
only_four_plain_numbers_are_an_address(void **state)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4",
		" 1.2.3.4", "1.2.3.4 ", "1.2.3.x", "0x1.2.3.4", "-1.2.3.4", "::1" };
	uint32_t ip = 0;

	(void)state;
	assert_true(pst_address_parse("192.0.2.254", &ip));
	assert_int_equal(ip, 0xc00002fe);
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		assert_false(pst_address_parse(bad[i], &ip));
}

static void
a_prefix_has_a_length_up_to_32(void **state)
{
	static const char *const bad[] = { "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
		"10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/ 8", "10.0.0.0/8/8", "/8",
		"10.0.0.0/99999999999999999999", "10.0.0/8", "100.100.100.1000/8" };
	struct pst_prefix p;

	(void)state;
	assert_true(pst_prefix_parse("0.0.0.0/0", false, &p));
	assert_int_equal(p.len, 0);
	assert_true(pst_prefix_parse("255.255.255.255/32", false, &p));
	assert_int_equal(p.ip, UINT32_MAX);
	assert_true(pst_prefix_parse("10.0.0.1", true, &p));
	assert_int_equal(p.len, 32);
	assert_false(pst_prefix_parse("10.0.0.1", false, &p));
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		assert_false(pst_prefix_parse(bad[i], true, &p));
}

static void
a_range_is_an_address_two_or_a_network(void **state)
{
	static const struct {
		const char *text;
		enum pst_range_fault fault;
		uint32_t first, last;
	} cases[] = {
		{ "10.0.0.5", PST_RANGE_FINE, 0x0a000005, 0x0a000005 },
		{ "10.0.0.5-10.0.1.9", PST_RANGE_FINE, 0x0a000005, 0x0a000109 },
		{ "10.0.0.5-10.0.0.5", PST_RANGE_FINE, 0x0a000005, 0x0a000005 },
		{ "10.0.0.0/8", PST_RANGE_FINE, 0x0a000000, 0x0affffff },
		{ "0.0.0.0/0", PST_RANGE_FINE, 0, UINT32_MAX },
		{ "10.0.0.9-10.0.0.5", PST_RANGE_BACKWARDS, 0, 0 },
		{ "10.0.0.1/8", PST_RANGE_HOST_BITS, 0, 0 },
		{ "10.0.0.x", PST_RANGE_NONE, 0, 0 },
		{ "10.0.0.1 - 10.0.0.2", PST_RANGE_NONE, 0, 0 },
		{ "10.0.0.1-", PST_RANGE_NONE, 0, 0 },
		{ "-10.0.0.1", PST_RANGE_NONE, 0, 0 },
		{ "10.0.0.0/8-10.0.0.1", PST_RANGE_NONE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct pst_range r;

		assert_int_equal(pst_range_parse(cases[i].text, &r), cases[i].fault);
		if (cases[i].fault == PST_RANGE_FINE) {
			assert_int_equal(r.first, cases[i].first);
			assert_int_equal(r.last, cases[i].last);
		}
	}
}

static void
ports_are_first_and_last(void **state)
{
	static const char *const bad[] = { "", "1024", "1024-", "-1024", "0-5", "2-1", "1-65536",
		"1 -2", "1- 2", "+1-2", "01-2", "1-2-3", "1-2x", "1-99999999999" };
	uint16_t first, last;

	(void)state;
	assert_true(pst_ports_parse("1-65535", &first, &last));
	assert_int_equal(first, 1);
	assert_int_equal(last, 65535);
	assert_true(pst_ports_parse("7-7", &first, &last));
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		assert_false(pst_ports_parse(bad[i], &first, &last));
}

static void
a_guid_comes_back_as_it_went(void **state)
{
	static const char text[] = "6f1a8a52-7c0e-4b8e-9d5c-3f0b7a4e2d11";
	static const char *const bad[] = { "", "6f1a8a52-7c0e-4b8e-9d5c-3f0b7a4e2d1",
		"6f1a8a52-7c0e-4b8e-9d5c-3f0b7a4e2d111", "6f1a8a52-7c0e-4b8e-9d5c+3f0b7a4e2d11",
		"6f1a8a5--7c0e-4b8e-9d5c-3f0b7a4e2d11", "6g1a8a52-7c0e-4b8e-9d5c-3f0b7a4e2d11",
		"{f1a8a52-7c0e-4b8e-9d5c-3f0b7a4e2d1}" };
	char back[PST_GUID_TEXT];
	struct pst_guid guid;

	(void)state;
	assert_true(pst_guid_parse("6F1A8A52-7C0E-4B8E-9D5C-3F0B7A4E2D11", &guid));
	assert_int_equal(guid.bytes[0], 0x6f);
	assert_int_equal(guid.bytes[15], 0x11);
	assert_string_equal(pst_guid_format(&guid, back), text);
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		assert_false(pst_guid_parse(bad[i], &guid));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_four_plain_numbers_are_an_address),
		cmocka_unit_test(a_prefix_has_a_length_up_to_32),
		cmocka_unit_test(a_range_is_an_address_two_or_a_network),
		cmocka_unit_test(ports_are_first_and_last),
		cmocka_unit_test(a_guid_comes_back_as_it_went),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
