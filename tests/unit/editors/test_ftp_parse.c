/* SPDX-License-Identifier: BSD-3-Clause */
#include "ftp/parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *line;
	enum pst_ftp_verb verb;
	uint32_t ip;
	uint16_t port;
	const char *address; /* as it stands in the line */
} commands[] = {
	{ "PORT 10,0,0,8,6,17\r\n", PST_FTP_PORT, 0x0a000008, 1553, "10,0,0,8,6,17" },
	{ "port 10,0,0,8,6,17\n", PST_FTP_PORT, 0x0a000008, 1553, "10,0,0,8,6,17" },
	{ "PoRt   10,0,0,8,255,255 \r\n", PST_FTP_PORT, 0x0a000008, 65535, "10,0,0,8,255,255" },
	{ "PORT 010,0,0,8,6,17\r\n", PST_FTP_PORT, 0x0a000008, 1553, "010,0,0,8,6,17" },
	{ "PORT 10,0,0,8,6\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "PORT 10,0,0,8,6,17,1\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "PORT 10,0,0,8,6,256\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "PORT 10,0,0,8,6,0017\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "PORT 10, 0,0,8,6,17\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "PORT -1,0,0,8,6,17\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "PORT 10.0.0.8,6,17\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "PORT \r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "PORT 10,0,0,8,6,17\r\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "PORT\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "PORTS 10,0,0,8,6,17\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ " PORT 10,0,0,8,6,17\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "PASV\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "EPRT |1|10.0.0.8|1553|\r\n", PST_FTP_EPRT, 0x0a000008, 1553, "|1|10.0.0.8|1553|" },
	{ "eprt !1!10.0.0.8!01553!\n", PST_FTP_EPRT, 0x0a000008, 1553, "!1!10.0.0.8!01553!" },
	{ "EPRT %1%10.0.0.8%1553%\r\n", PST_FTP_EPRT, 0x0a000008, 1553, "%1%10.0.0.8%1553%" },
	{ "EPRT |2|2001:db8::8|1553|\r\n", PST_FTP_EPRT_IPV6, 0, 0, NULL },
	{ "EPRT |3|10.0.0.8|1553|\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "EPRT |1|10.0.0.8|65536|\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "EPRT |1|10.0.0.8|1553\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "EPRT |1|10.0.0.8!1553|\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "EPRT |1|10.0.0.08|1553|\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "EPRT 11110.0.0.8115531\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "EPRT .1.10.0.0.8.1553.\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "EPRT \r\n", PST_FTP_UNPARSED, 0, 0, NULL },
};

static void
commands_are_read_as_the_rfcs_have_them(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(commands); i++) {
		const char *line = commands[i].line;
		struct pst_ftp_command c;

		pst_ftp_parse_command((const uint8_t *)line, strlen(line), &c);
		assert_int_equal(c.verb, commands[i].verb);
		if (commands[i].address == NULL)
			continue;
		assert_int_equal(c.endpoint.ip, commands[i].ip);
		assert_int_equal(c.endpoint.port, commands[i].port);
		assert_int_equal(c.len, strlen(commands[i].address));
		assert_memory_equal(line + c.at, commands[i].address, c.len);
	}
}

static const struct {
	const char *line;
	enum pst_ftp_verb verb;
	uint32_t ip;
	uint16_t port;
	const char *address; /* as it stands in the line */
} passive[] = {
	{ "227 Entering Passive Mode (10,0,0,8,6,17)\r\n", PST_FTP_PASV, 0x0a000008, 1553,
		"10,0,0,8,6,17" },
	{ "227 Entering Passive Mode (10,0,0,8,6,17).\n", PST_FTP_PASV, 0x0a000008, 1553,
		"10,0,0,8,6,17" },
	{ "227 Entering Passive Mode. 10,0,0,8,6,17\r\n", PST_FTP_PASV, 0x0a000008, 1553,
		"10,0,0,8,6,17" },
	{ "227 =10,0,0,8,6,17\r\n", PST_FTP_PASV, 0x0a000008, 1553, "10,0,0,8,6,17" },
	{ "227 10,0,0,8,6,17\n", PST_FTP_PASV, 0x0a000008, 1553, "10,0,0,8,6,17" },
	{ "227   10,0,0,8,6,17\n", PST_FTP_PASV, 0x0a000008, 1553, "10,0,0,8,6,17" },
	{ "227 Mode 2, way 3,4: (255,255,255,255,255,255)\n", PST_FTP_PASV, 0xffffffff, 65535,
		"255,255,255,255,255,255" },
	{ "227 (1,2,3,4,5,6,7) (256,0,0,0,0,0) (10,0,0,8,6,17) (9,9,9,9,9,9)\n", PST_FTP_PASV,
		0x0a000008, 1553, "10,0,0,8,6,17" },
	{ "227 (0,0,0,0,0,0)\r\n", PST_FTP_PASV, 0, 0, "0,0,0,0,0,0" },
	{ "227 (010,000,0,08,06,017)\r\n", PST_FTP_PASV, 0x0a000008, 1553, "010,000,0,08,06,017" },
	{ "227 (10,0,0,8,6)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (10,0,0,8,6,17,1)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (10,0,0,8,6,17,)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (,10,0,0,8,6,17)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (10,0,0,8,6,256)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (256,1,1,1,1,1)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (0010,0,0,8,6,17)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (10,0,0,8,6,0017)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (10, 0,0,8,6,17)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (10,,0,0,8,6,17)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 (|||1553|)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227 \n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "227-(10,0,0,8,6,17)\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "2270 (10,0,0,8,6,17)\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ " 227 (10,0,0,8,6,17)\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "227,10,0,0,8,6\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "228 (10,0,0,8,6,17)\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "227 (10,0,0,8,6,17)", PST_FTP_OTHER, 0, 0, NULL },
	{ "227 x\n(10,0,0,8,6,17)\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "227\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "227\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "", PST_FTP_OTHER, 0, 0, NULL },
	{ "229 Entering Extended Passive Mode (|||6446|)\r\n", PST_FTP_EPSV, 0, 6446, "|||6446|" },
	{ "229 (!!!65535!).\n", PST_FTP_EPSV, 0, 65535, "!!!65535!" },
	{ "229 (...00001.)\n", PST_FTP_EPSV, 0, 1, "...00001." },
	{ "229 (((1553()\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 ((((1553()\n", PST_FTP_EPSV, 0, 1553, "(((1553(" },
	{ "229 ()))1553))\n", PST_FTP_EPSV, 0, 1553, ")))1553)" },
	{ "229 OK (EPSV) (~~~1553~) (|||2|)\n", PST_FTP_EPSV, 0, 1553, "~~~1553~" },
	{ "229 (|1|10.0.0.8|6446|)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (|1||6446|)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (||10.0.0.8|6446|)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (|||6446)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (|||6446|\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 |||6446|\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (||!6446|)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (|||6446!)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (   6446 )\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (\x7f\x7f\x7f"
	  "6446\x7f)\r\n",
		PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (11164461)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (|||0|)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (|||65536|)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (||||)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (|||6446 |)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229 (10,0,0,8,6,17)\r\n", PST_FTP_UNPARSED, 0, 0, NULL },
	{ "229-(|||6446|)\r\n", PST_FTP_OTHER, 0, 0, NULL },
	{ "229 (|||6446|)", PST_FTP_OTHER, 0, 0, NULL },
	{ "220 (|||6446|)\r\n", PST_FTP_OTHER, 0, 0, NULL },
};

static void
passive_replies_are_read_as_the_rfcs_have_them(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(passive); i++) {
		const char *line = passive[i].line;
		struct pst_ftp_command c;

		pst_ftp_parse_reply((const uint8_t *)line, strlen(line), &c);
		assert_int_equal(c.verb, passive[i].verb);
		assert_int_equal(c.endpoint.ip, passive[i].ip);
		assert_int_equal(c.endpoint.port, passive[i].port);
		if (passive[i].address == NULL) {
			assert_int_equal(c.len, 0);
			continue;
		}
		assert_int_equal(c.len, strlen(passive[i].address));
		assert_memory_equal(line + c.at, passive[i].address, c.len);
	}
}

static void
a_reply_with_an_address_is_known_by_code_and_blank(void **state)
{
	static const struct {
		const char *line;
		bool may;
	} cases[] = {
		{ "", true },
		{ "2", true },
		{ "22", true },
		{ "227", true },
		{ "227 ", true },
		{ "229 x", true },
		{ "227-", false },
		{ "229\r", false },
		{ "228", false },
		{ "23", false },
		{ " 227", false },
		{ "1", false },
	};

	(void)state;
	for (unsigned int i = 0; i < COUNT(cases); i++)
		assert_int_equal(pst_ftp_may_have_reply_address(
					 (const uint8_t *)cases[i].line, strlen(cases[i].line)),
			cases[i].may);
}

static void
addresses_are_written_as_the_command_has_them(void **state)
{
	struct pst_ftp_command port = { .verb = PST_FTP_PORT };
	struct pst_ftp_command eprt = { .verb = PST_FTP_EPRT, .delimiter = '%' };
	struct pst_ftp_command pasv = { .verb = PST_FTP_PASV };
	struct pst_ftp_command epsv = { .verb = PST_FTP_EPSV, .delimiter = '%' };
	struct pst_endpoint ep = { 0xffffffff, 65535 }, none = { 0, 0 };
	char buf[PST_FTP_ADDRESS_MAX];

	(void)state;
	assert_int_equal(pst_ftp_format_address(&port, &ep, buf), 23);
	assert_string_equal(buf, "255,255,255,255,255,255");
	pst_ftp_format_address(&port, &none, buf);
	assert_string_equal(buf, "0,0,0,0,0,0");
	assert_int_equal(pst_ftp_format_address(&eprt, &ep, buf), 25);
	assert_string_equal(buf, "%1%255.255.255.255%65535%");
	assert_int_equal(pst_ftp_format_address(&pasv, &ep, buf), 23);
	assert_string_equal(buf, "255,255,255,255,255,255");
	assert_int_equal(pst_ftp_format_address(&epsv, &ep, buf), 9);
	assert_string_equal(buf, "%%%65535%");
}

static const struct {
	const char *bytes;
	enum pst_ftp_answer answer;
} clients[] = {
	{ "", PST_FTP_NOT_YET }, { "U", PST_FTP_NOT_YET }, { "USER", PST_FTP_NOT_YET },
	{ "USER ", PST_FTP_YES }, { "user x", PST_FTP_YES }, { "FEAT\r", PST_FTP_YES },
	{ "PWD\n", PST_FTP_YES }, { "POST ", PST_FTP_NO }, { "GET /", PST_FTP_NO },
	{ "get /", PST_FTP_NO }, { "HEAD ", PST_FTP_NO }, { "EHLO ", PST_FTP_NO },
	{ "OPTIO", PST_FTP_NO }, { "US ", PST_FTP_NO }, { " USER", PST_FTP_NO },
	{ "\r\n", PST_FTP_NO }, { "\x16\x03\x01", PST_FTP_NO }, { "US1", PST_FTP_NO },
};

static void
other_protocols_are_known_by_their_first_word(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(clients); i++)
		assert_int_equal(pst_ftp_is_client((const uint8_t *)clients[i].bytes,
					 strlen(clients[i].bytes)),
			clients[i].answer);
}

static void
auth_is_seen_for_tls_and_ssl(void **state)
{
	static const struct {
		const char *line;
		enum pst_ftp_answer answer;
	} cases[] = {
		{ "AUTH TLS\r\n", PST_FTP_YES }, { "auth ssl\n", PST_FTP_YES },
		{ "AUTH TLS-C\r\n", PST_FTP_YES }, { "AUTH TLS", PST_FTP_NOT_YET },
		{ "AU", PST_FTP_NOT_YET }, { "AUTH GSSAPI\r\n", PST_FTP_NO },
		{ "AUTH TLSX\r\n", PST_FTP_NO }, { "USER x\r\n", PST_FTP_NO },
	};

	(void)state;
	for (unsigned int i = 0; i < COUNT(cases); i++)
		assert_int_equal(pst_ftp_is_auth_tls(
					 (const uint8_t *)cases[i].line, strlen(cases[i].line)),
			cases[i].answer);
}

static const struct {
	const char *bytes;
	int codes[4]; /* one for each reply that ends; -EPROTO ends all */
} replies[] = {
	{ "220 Hello\r\n", { 220 } },
	{ "120 wait\r\n220 now\n", { 120, 220 } },
	{ "220-a\r\n221 inside\r\n220-b\r\n 220 x\r\n220 end\r\n331 go\r\n", { 220, 331 } },
	{ "220 a\r\n234\r\n", { 220, 234 } },
	{ "220 a\r\n\r\njunk\r\n500 x\r\n", { 220, 500 } },
	{ "HTTP/1.1 400 Bad\r\n", { -EPROTO } },
	{ "22x\r\n", { -EPROTO } },
	{ "2200 x\r\n", { -EPROTO } },
	{ "999 x\r\n", { -EPROTO } },
	{ "\r\n220 x\r\n", { -EPROTO } },
};

static void
replies_end_where_their_own_code_says(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(replies); i++) {
		struct pst_ftp_replies r = { 0 };
		unsigned int n = 0;

		for (const char *p = replies[i].bytes; *p != '\0'; p++) {
			int code = pst_ftp_reply_byte(&r, *p);

			if (code == 0)
				continue;
			assert_true(n < 4);
			assert_int_equal(code, replies[i].codes[n++]);
			if (code < 0)
				break;
		}
		assert_true(n == 4 || replies[i].codes[n] == 0);
	}
}

static void
a_reply_starts_outside_multi_line_replies(void **state)
{
	/* '+' where the next byte begins a reply, before each byte and at the end */
	static const struct {
		const char *bytes, *starts;
	} cases[] = {
		{ "220 a\n227 b\n", "------+-----+" },
		{ "220-a\n227 b\n220 c\n2", "------------------+-" },
		{ "220 a\n227-b\n227 c\n", "------+-----------+" },
		{ "220 a\n227-b\n229 c\n", "------+------------" },
		{ "220 a\r\n\n x\n", "-------++--+" },
	};

	(void)state;
	for (unsigned int i = 0; i < COUNT(cases); i++) {
		const char *bytes = cases[i].bytes;
		struct pst_ftp_replies r = { 0 };

		assert_int_equal(strlen(cases[i].starts), strlen(bytes) + 1);
		for (unsigned int k = 0; k <= strlen(bytes); k++) {
			assert_int_equal(pst_ftp_replies_at_start(&r), cases[i].starts[k] == '+');
			assert_true(pst_ftp_reply_byte(&r, bytes[k]) >= 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_read_as_the_rfcs_have_them),
		cmocka_unit_test(passive_replies_are_read_as_the_rfcs_have_them),
		cmocka_unit_test(a_reply_with_an_address_is_known_by_code_and_blank),
		cmocka_unit_test(addresses_are_written_as_the_command_has_them),
		cmocka_unit_test(other_protocols_are_known_by_their_first_word),
		cmocka_unit_test(auth_is_seen_for_tls_and_ssl),
		cmocka_unit_test(replies_end_where_their_own_code_says),
		cmocka_unit_test(a_reply_starts_outside_multi_line_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
