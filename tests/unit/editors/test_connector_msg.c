/* SPDX-License-Identifier: BSD-3-Clause */
#include "connector/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Of a line without an address. */
#define NONE ((enum pst_proto)0)

static const struct {
	const char *line;
	enum pst_connector_verb verb;
	enum pst_proto protocol;
	unsigned int n;
	struct pst_endpoint endpoint;
	const char *address; /* as it stands in the line */
	uint32_t words;
} announcing[] = {
	{ "LISTEN tcp 1 10.0.0.8:1553\r\n", PST_CONNECTOR_LISTEN, PST_TCP, 1,
		{ 0x0a000008, 1553 }, "10.0.0.8:1553" },
	{ "LISTEN udp 1024 10.0.0.8:64512\n", PST_CONNECTOR_LISTEN, PST_UDP, 1024,
		{ 0x0a000008, 64512 }, "10.0.0.8:64512" },
	{ "connect TCP 2 10.0.0.8:65534\r\n", PST_CONNECTOR_CONNECT, PST_TCP, 2,
		{ 0x0a000008, 65534 }, "10.0.0.8:65534" },
	{ "Connect Udp 1 10.0.0.8:65535\r\n", PST_CONNECTOR_CONNECT, PST_UDP, 1,
		{ 0x0a000008, 65535 }, "10.0.0.8:65535" },
	{ "AT tcp 1 255.255.255.255:1\r\n", PST_CONNECTOR_AT, PST_TCP, 1, { 0xffffffff, 1 },
		"255.255.255.255:1" },
	{ "at udp 0002 10.0.0.8:01553\r\n", PST_CONNECTOR_AT, PST_UDP, 2, { 0x0a000008, 1553 },
		"10.0.0.8:01553" },
	{ "AT tcp 8 0.0.0.0:0\r\n", PST_CONNECTOR_AT, PST_TCP, 8, { 0, 0 }, "0.0.0.0:0" },
	{ "CLOSE udp 1 10.0.0.8:1553\r\n", PST_CONNECTOR_CLOSE, PST_UDP, 1,
		{ 0x0a000008, 1553 }, "10.0.0.8:1553" },
	{ "LISTEN tcp 1 10.0.0.8:1553 many ALL\r\n", PST_CONNECTOR_LISTEN, PST_TCP, 1,
		{ 0x0a000008, 1553 }, "10.0.0.8:1553", PST_CONNECTOR_MANY | PST_CONNECTOR_ALL },
	{ "LISTEN udp 1 10.0.0.8:1553 stay slow mute none\n", PST_CONNECTOR_LISTEN, PST_UDP, 1,
		{ 0x0a000008, 1553 }, "10.0.0.8:1553",
		PST_CONNECTOR_STAY | PST_CONNECTOR_SLOW | PST_CONNECTOR_MUTE |
			PST_CONNECTOR_NONE },
};

static void
announcements_are_read_whole(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(announcing); i++) {
		const char *text = announcing[i].line;
		struct pst_connector_line line;

		pst_connector_parse((const uint8_t *)text, strlen(text), &line);
		assert_int_equal(line.verb, announcing[i].verb);
		assert_int_equal(line.protocol, announcing[i].protocol);
		assert_int_equal(line.n, announcing[i].n);
		assert_int_equal(line.words, announcing[i].words);
		assert_true(pst_endpoint_is_equal(&line.endpoint, &announcing[i].endpoint));
		assert_int_equal(line.len, strlen(announcing[i].address));
		assert_memory_equal(text + line.at, announcing[i].address, line.len);
		for (unsigned int len = 0; len <= strlen(text); len++)
			assert_true(pst_connector_may_have_address((const uint8_t *)text, len));
	}
}

static const struct {
	const char *line;
	enum pst_connector_verb verb;
} others[] = {
	{ "BYE\r\n", PST_CONNECTOR_BYE },
	{ "bye\n", PST_CONNECTOR_BYE },
	{ "BYE \r\n", PST_CONNECTOR_OTHER },
	{ "BYE", PST_CONNECTOR_OTHER },
	{ "OK\r\n", PST_CONNECTOR_OK },
	{ "Ok\n", PST_CONNECTOR_OK },
	{ "OK fine\r\n", PST_CONNECTOR_OTHER },
	{ "OKAY\r\n", PST_CONNECTOR_OTHER },
	{ "NO\r\n", PST_CONNECTOR_NO },
	{ "NO \r\n", PST_CONNECTOR_NO },
	{ "NO AT tcp 1 10.0.0.8:1553\r\n", PST_CONNECTOR_NO },
	{ "NOT\r\n", PST_CONNECTOR_OTHER },
	{ "NO", PST_CONNECTOR_OTHER },
	{ "", PST_CONNECTOR_OTHER },
	{ "\n", PST_CONNECTOR_OTHER },
	{ "\r\n", PST_CONNECTOR_OTHER },
	{ "O\n", PST_CONNECTOR_OTHER },
	{ "GET / HTTP/1.1\r\n", PST_CONNECTOR_OTHER },
	{ " LISTEN tcp 1 10.0.0.8:1553\r\n", PST_CONNECTOR_OTHER },
	{ "LISTENtcp 1 10.0.0.8:1553\r\n", PST_CONNECTOR_OTHER },
	{ "LISTEN\r\n", PST_CONNECTOR_OTHER },
	{ "LISTEN tcp 1 10.0.0.8:1553", PST_CONNECTOR_OTHER },
	{ "LISTEN tcp 1 10.0.0.8:1553\r\nOK\r\n", PST_CONNECTOR_OTHER },
	{ "LISTEN \r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:1553 manyall\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:1553 some\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:1553  all\r\n", PST_CONNECTOR_UNPARSED },
	{ "AT tcp 1 10.0.0.8:1553 all\r\n", PST_CONNECTOR_UNPARSED },
	{ "CLOSE tcp 2 10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN  tcp 1 10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp  1 10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1  10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:1553 \r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:1553\r\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:1553x\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN sctp 1 10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 0 10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1025 10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 00001 10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp -1 10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 10.0.0.8:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.08:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.256:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:65536\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:001553\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 10.0.0.8:0\r\n", PST_CONNECTOR_UNPARSED },
	{ "LISTEN tcp 1 0.0.0.0:1553\r\n", PST_CONNECTOR_UNPARSED },
	{ "CONNECT tcp 2 10.0.0.8:65535\r\n", PST_CONNECTOR_UNPARSED },
	{ "AT udp 1024 10.0.0.8:64513\r\n", PST_CONNECTOR_UNPARSED },
};

static void
other_lines_have_no_address(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(others); i++) {
		const char *text = others[i].line;
		struct pst_connector_line line;

		pst_connector_parse((const uint8_t *)text, strlen(text), &line);
		assert_int_equal(line.verb, others[i].verb);
		assert_int_equal(line.protocol, NONE);
		assert_int_equal(line.n, 0);
		assert_true(pst_endpoint_is_unset(&line.endpoint));
		assert_int_equal(line.len, 0);
	}
}

static void
an_address_is_known_by_the_first_word(void **state)
{
	static const struct {
		const char *bytes;
		bool may;
	} cases[] = {
		{ "", true }, { "a", true }, { "AT", true }, { "AT ", true }, { "ATE", false },
		{ "list", true }, { "LISTEN", true }, { "LISTEN x", true }, { "LISTENS", false },
		{ "CONNECT ", true }, { "CONNECT\r", false }, { "B", false }, { "OK", false },
		{ "N", false }, { " ", false }, { "\n", false },
	};

	(void)state;
	for (unsigned int i = 0; i < COUNT(cases); i++)
		assert_int_equal(pst_connector_may_have_address((const uint8_t *)cases[i].bytes,
					 strlen(cases[i].bytes)),
			cases[i].may);
}

static void
a_line_has_512_bytes_at_most(void **state)
{
	uint8_t bytes[PST_CONNECTOR_LINE_MAX + 1];
	struct pst_connector_line line;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "NO ", 3);
	bytes[PST_CONNECTOR_LINE_MAX - 1] = '\n';
	pst_connector_parse(bytes, PST_CONNECTOR_LINE_MAX, &line);
	assert_int_equal(line.verb, PST_CONNECTOR_NO);
	bytes[PST_CONNECTOR_LINE_MAX - 1] = 'x';
	bytes[PST_CONNECTOR_LINE_MAX] = '\n';
	pst_connector_parse(bytes, sizeof(bytes), &line);
	assert_int_equal(line.verb, PST_CONNECTOR_OTHER);
}

static void
addresses_are_written_in_full(void **state)
{
	const struct pst_endpoint most = { 0xffffffff, 65535 }, none = { 0, 0 };
	char buf[PST_CONNECTOR_ADDRESS_MAX];

	(void)state;
	assert_int_equal(pst_connector_format_address(&most, buf), 21);
	assert_string_equal(buf, "255.255.255.255:65535");
	assert_int_equal(pst_connector_format_address(&none, buf), 9);
	assert_string_equal(buf, "0.0.0.0:0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(announcements_are_read_whole),
		cmocka_unit_test(other_lines_have_no_address),
		cmocka_unit_test(an_address_is_known_by_the_first_word),
		cmocka_unit_test(a_line_has_512_bytes_at_most),
		cmocka_unit_test(addresses_are_written_in_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
