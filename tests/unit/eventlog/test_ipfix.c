/* SPDX-License-Identifier: BSD-3-Clause */
/* IPFIX messages, byte for byte; and a small reader that needs the templates. */
#include "eventlog/ipfix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/counter.h"

#define WALL_MS UINT64_C(0x01a20304aabb)
#define INSIDE                                                                                     \
	{                                                                                          \
		0x0a000007, 5000                                                                   \
	}
#define OUTSIDE                                                                                    \
	{                                                                                          \
		0xc633640a, 40001                                                                  \
	}
#define REMOTE                                                                                     \
	{                                                                                          \
		0xc0000201, 53                                                                     \
	}
#define HEADER 16

static const struct pst_ipfix_limits limits = {
	.sessions = 1000, .ports_per_client = 20, .sessions_per_client = 30, .clients = 40
};

static struct pst_ipfix x;

static const struct {
	struct pst_record record;
	uint16_t template, len;
	uint8_t bytes[40];
} table[] = {
#define TIME 0, 0, 0x01, 0xa2, 0x03, 0x04, 0xaa, 0xbb
	{ { .type = PST_RECORD_CONNECTION_OPEN,
		  .protocol = PST_TCP,
		  .inside = INSIDE,
		  .outside = OUTSIDE,
		  .remote = REMOTE },
		256, 34,
		{ TIME, 4, 6, 10, 0, 0, 7, 198, 51, 100, 10, 0x13, 0x88, 0x9c, 0x41, 192, 0, 2, 1,
			192, 0, 2, 1, 0, 53, 0, 53 } },
	{ { .type = PST_RECORD_CONNECTION_CLOSE,
		  .protocol = PST_UDP,
		  .inside = INSIDE,
		  .outside = OUTSIDE,
		  .remote = REMOTE },
		256, 34,
		{ TIME, 5, 17, 10, 0, 0, 7, 198, 51, 100, 10, 0x13, 0x88, 0x9c, 0x41, 192, 0, 2, 1,
			192, 0, 2, 1, 0, 53, 0, 53 } },
	{ { .type = PST_RECORD_BIND_OPEN,
		  .protocol = PST_UDP,
		  .inside = INSIDE,
		  .outside = OUTSIDE },
		257, 22, { TIME, 8, 17, 10, 0, 0, 7, 198, 51, 100, 10, 0x13, 0x88, 0x9c, 0x41 } },
	{ { .type = PST_RECORD_LISTENER_CLOSE,
		  .protocol = PST_TCP,
		  .inside = INSIDE,
		  .outside = OUTSIDE },
		257, 22, { TIME, 9, 6, 10, 0, 0, 7, 198, 51, 100, 10, 0x13, 0x88, 0x9c, 0x41 } },
	{ { .type = PST_RECORD_BLOCK_OPEN,
		  .inside = INSIDE,
		  .outside = { 0xc633640a, 2048 },
		  .remote = { 0, 2303 } },
		258, 25, { TIME, 16, 10, 0, 0, 7, 198, 51, 100, 10, 8, 0, 8, 255, 0, 1, 1, 0 } },
	{ { .type = PST_RECORD_BLOCK_CLOSE,
		  .inside = INSIDE,
		  .outside = { 0xc633640a, 2048 },
		  .remote = { 0, 2048 } },
		258, 25, { TIME, 17, 10, 0, 0, 7, 198, 51, 100, 10, 8, 0, 8, 0, 0, 1, 0, 1 } },
	{ { .type = PST_RECORD_ADDRESS_OPEN, .inside = INSIDE, .outside = OUTSIDE }, 264, 17,
		{ TIME, 14, 10, 0, 0, 7, 198, 51, 100, 10 } },
	{ { .type = PST_RECORD_ADDRESS_CLOSE, .inside = INSIDE, .outside = OUTSIDE }, 264, 17,
		{ TIME, 15, 10, 0, 0, 7, 198, 51, 100, 10 } },
	{ { .type = PST_RECORD_LIMIT,
		  .why = PST_DROP_NO_PORT,
		  .protocol = PST_UDP,
		  .inside = INSIDE },
		259, 14, { TIME, 12, 17, 10, 0, 0, 7 } },
	{ { .type = PST_RECORD_LIMIT, .why = PST_DROP_NO_CONNECTION, .inside = INSIDE }, 260, 17,
		{ TIME, 13, 0, 0, 0, 1, 0, 0, 3, 232 } },
	{ { .type = PST_RECORD_LIMIT, .why = PST_DROP_NO_BIND, .inside = INSIDE }, 261, 17,
		{ TIME, 13, 0, 0, 0, 2, 0, 0, 3, 232 } },
	{ { .type = PST_RECORD_LIMIT, .why = PST_DROP_CLIENT_PORTS, .inside = INSIDE }, 262, 21,
		{ TIME, 13, 0, 0, 0, 3, 0, 0, 0, 20, 10, 0, 0, 7 } },
	{ { .type = PST_RECORD_LIMIT, .why = PST_DROP_CLIENT_SESSIONS, .inside = INSIDE }, 262, 21,
		{ TIME, 13, 0, 0, 0, 3, 0, 0, 0, 30, 10, 0, 0, 7 } },
	{ { .type = PST_RECORD_LIMIT, .why = PST_DROP_NO_CLIENT, .inside = INSIDE }, 263, 17,
		{ TIME, 13, 0, 0, 0, 4, 0, 0, 0, 40 } },
};

#define N_TABLE (sizeof(table) / sizeof(table[0]))

static uint32_t
get(const uint8_t *at, int n)
{
	uint32_t value = 0;

	for (int i = 0; i < n; i++)
		value = value << 8 | at[i];
	return value;
}

static void
each_record_has_its_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_TABLE; i++) {
		const uint8_t *m = x.message;
		uint32_t records;
		size_t len;

		pst_ipfix_init(&x, 7, &limits);
		assert_int_equal(pst_ipfix_add(&x, &table[i].record, WALL_MS), PST_IPFIX_ADDED);
		len = pst_ipfix_finish(&x, 12345678, &records);
		assert_int_equal(records, 1);
		assert_int_equal(len, HEADER + 4 + table[i].len);
		assert_int_equal(get(m, 2), 10);
		assert_int_equal(get(m + 2, 2), len);
		assert_int_equal(get(m + 4, 4), 12345);
		assert_int_equal(get(m + 8, 4), 0);
		assert_int_equal(get(m + 12, 4), 7);
		assert_int_equal(get(m + 16, 2), table[i].template);
		assert_int_equal(get(m + 18, 2), 4 + table[i].len);
		assert_memory_equal(m + 20, table[i].bytes, table[i].len);
	}
}

/* The length of a template's records, as the templates' message says; 0: it is not in there. */
static uint32_t
length_in(const uint8_t *m, size_t len, uint32_t template)
{
	for (size_t at = HEADER + 4; at < len;) {
		uint32_t id = get(m + at, 2), n = get(m + at + 2, 2), length = 0;

		for (uint32_t i = 0; i < n; i++)
			length += get(m + at + 4 + 4 * i + 2, 2);
		if (id == template)
			return length;
		at += 4 + 4 * n;
	}
	return 0;
}

static void
templates_tell_the_lengths(void **state)
{
	uint8_t message[PST_IPFIX_MESSAGE];
	uint32_t records;
	size_t len;

	(void)state;
	pst_ipfix_init(&x, 7, &limits);
	pst_ipfix_add_templates(&x);
	len = pst_ipfix_finish(&x, WALL_MS, &records);
	memcpy(message, x.message, len);
	assert_int_equal(records, 0);
	assert_int_equal(x.sequence, 0); /* they do not count */
	assert_int_equal(get(message + 16, 2), 2);
	assert_int_equal(get(message + 18, 2), len - HEADER);
	for (size_t i = 0; i < N_TABLE; i++)
		assert_int_equal(length_in(message, len, table[i].template), table[i].len);
}

/* Sets by turns of template, sequence numbers by record, no message too long. */
static void
messages_are_filled_and_numbered(void **state)
{
	uint32_t added = 0, told = 0, records;
	size_t len;

	(void)state;
	pst_ipfix_init(&x, 7, &limits);
	while (added < 1000) {
		const struct pst_record *r = &table[added / 3 % N_TABLE].record;
		enum pst_ipfix_added how = pst_ipfix_add(&x, r, WALL_MS);

		if (how == PST_IPFIX_ADDED) {
			added++;
			continue;
		}
		assert_int_equal(how, PST_IPFIX_FULL);
		assert_true(x.len > PST_IPFIX_MESSAGE - 50 && x.len <= PST_IPFIX_MESSAGE);
		len = pst_ipfix_finish(&x, WALL_MS, &records);
		assert_int_equal(get(x.message + 2, 2), len);
		assert_int_equal(get(x.message + 8, 4), told);
		for (size_t at = HEADER; at < len; at += get(x.message + at + 2, 2))
			assert_true(
				get(x.message + at, 2) >= 256 && get(x.message + at + 2, 2) > 4);
		told += records;
		assert_int_equal(told, added);
	}
}

static void
what_is_no_nat_event_is_none(void **state)
{
	const struct pst_record r = { .type = PST_RECORD_LINK_UP };
	const struct pst_record rate = { .type = PST_RECORD_LIMIT, .why = PST_DROP_CLIENT_RATE };

	(void)state;
	pst_ipfix_init(&x, 7, &limits);
	assert_int_equal(pst_ipfix_add(&x, &r, WALL_MS), PST_IPFIX_NONE);
	assert_int_equal(pst_ipfix_add(&x, &rate, WALL_MS), PST_IPFIX_NONE);
	assert_int_equal(x.records, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_record_has_its_bytes),
		cmocka_unit_test(templates_tell_the_lengths),
		cmocka_unit_test(messages_are_filled_and_numbered),
		cmocka_unit_test(what_is_no_nat_event_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
