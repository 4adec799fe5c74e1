/* SPDX-License-Identifier: BSD-3-Clause */
#include "ftp/ftp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fake_api.h"

static void
client(const char *text)
{
	fake_feed(PST_DIR_ORIG, text, strlen(text), false);
}

static void
server(const char *text)
{
	fake_feed(PST_DIR_REPLY, text, strlen(text), false);
}

static void
assert_out(enum pst_dir dir, const char *text)
{
	struct fake_stream *s = &fake.streams[dir];

	assert_int_equal(s->out_len, strlen(text));
	if (s->out_len > 0)
		assert_memory_equal(s->out, text, s->out_len);
}

static int
setup(void **state)
{
	(void)state;
	fake_init(&pst_ftp_editor);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fake_fini();
	return 0;
}

/* 30000 is 117,48 */
static void
port_leaves_with_the_outside_address(void **state)
{
	(void)state;
	server("220 hello\r\n");
	client("USER a\r\nPORT 10,0,0,8,6,17\r\n");
	assert_out(PST_DIR_ORIG, "USER a\r\nPORT 198,51,100,1,117,48\r\n");
	assert_out(PST_DIR_REPLY, "220 hello\r\n");
	assert_int_equal(fake.n_binds, 1);
	assert_int_equal(fake.announced[0].port, 1553);
	assert_int_equal(fake.bind_proto, PST_TCP);
	assert_int_equal(fake.bind_n, 1);
	assert_int_equal(fake.bind_flags, PST_FLAG_TIMEOUT);
	assert_int_equal(fake.counters[PST_FTP_BINDS], 1);
	assert_int_equal(fake.counters[PST_FTP_COMMANDS], 1);
}

static void
spelling_stays(void **state)
{
	(void)state;
	client("pOrT  10,0,0,8,6,17 \n");
	assert_out(PST_DIR_ORIG, "pOrT  198,51,100,1,117,48 \n");
}

static void
eprt_keeps_its_delimiter(void **state)
{
	(void)state;
	client("eprt !1!10.0.0.8!1553!\r\n");
	assert_out(PST_DIR_ORIG, "eprt !1!198.51.100.1!30000!\r\n");
}

static void
what_is_not_ours_passes_counted(void **state)
{
	static const struct {
		const char *line;
		enum pst_ftp_counter counter;
	} cases[] = {
		{ "PORT 10,0,0,9,6,17\r\n", PST_FTP_REFUSED_ADDRESS },
		{ "EPRT |1|198.51.100.1|1553|\r\n", PST_FTP_REFUSED_ADDRESS },
		{ "PORT 10,0,0,8,3,255\r\n", PST_FTP_REFUSED_PORT },
		{ "PORT 10,0,0,8,0,0\r\n", PST_FTP_REFUSED_PORT },
		{ "PORT 10,0,0,8,6\r\n", PST_FTP_NOT_PARSED },
		{ "EPRT |2|2001:db8::8|1553|\r\n", PST_FTP_IPV6 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_fini();
		fake_init(&pst_ftp_editor);
		client(cases[i].line);
		assert_out(PST_DIR_ORIG, cases[i].line);
		assert_int_equal(fake.counters[cases[i].counter], 1);
		assert_int_equal(fake.n_binds, 0);
		assert_false(fake.unwatched);
	}
}

static void
no_endpoint_sends_zeros_not_the_inside(void **state)
{
	static const int errors[] = { -ENOSPC, -EACCES, -EAGAIN, -ENOMEM, -EADDRNOTAVAIL };

	(void)state;
	for (unsigned int i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fake_fini();
		fake_init(&pst_ftp_editor);
		fake.bind_ret = errors[i];
		client("PORT 10,0,0,8,6,17\r\nEPRT |1|10.0.0.8|1553|\r\n");
		assert_out(PST_DIR_ORIG, "PORT 0,0,0,0,0,0\r\nEPRT |1|0.0.0.0|0|\r\n");
		assert_int_equal(fake.counters[PST_FTP_BIND_FAILED], 2);
	}
}

static void
a_second_port_closes_the_unused_first(void **state)
{
	(void)state;
	client("PORT 10,0,0,8,6,17\r\nPORT 10,0,0,8,6,18\r\n");
	assert_out(PST_DIR_ORIG, "PORT 198,51,100,1,117,48\r\nPORT 198,51,100,1,117,49\r\n");
	assert_int_equal(fake.binds[0].killed, 1);
	assert_int_equal(fake.binds[1].killed, 0);
}

static void
a_running_transfer_is_left_alone(void **state)
{
	(void)state;
	client("PORT 10,0,0,8,6,17\r\n");
	fake_established(0);
	client("PORT 10,0,0,8,6,18\r\n");
	assert_int_equal(fake.binds[0].killed, 0);
	assert_int_equal(fake.counters[PST_FTP_DATA], 1);
}

static void
a_terminated_endpoint_is_forgotten(void **state)
{
	(void)state;
	client("PORT 10,0,0,8,6,17\r\n");
	fake_terminating(&fake.binds[0]);
	client("PORT 10,0,0,8,6,18\r\n");
	assert_int_equal(fake.binds[0].killed, 0);
	fake.binds[0].used = true; /* gone by itself: teardown need not see it killed */
}

static void
the_control_connections_end_closes_what_waits(void **state)
{
	(void)state;
	client("PORT 10,0,0,8,6,17\r\n");
	fake_terminating(&fake.control);
	assert_int_equal(fake.binds[0].killed, 1);
	client("PORT 10,0,0,8,6,18\r\n");
	assert_int_equal(fake.n_binds, 1);
}

static void
a_session_may_go_before_its_connection(void **state)
{
	(void)state;
	client("PORT 10,0,0,8,6,17\r\n");
	pst_ftp_editor.detach(fake.es);
	fake.es = NULL;
	assert_int_equal(fake.binds[0].killed, 1);
	client("PORT 10,0,0,8,6,18\r\n");
	assert_int_equal(fake.n_binds, 1);
}

static void
tls_ends_the_watch_only_when_accepted(void **state)
{
	(void)state;
	server("220 a\r\n234 x\r\n");
	assert_false(fake.unwatched);
	client("AUTH TLS\r\n");
	server("534 no\r\n");
	assert_false(fake.unwatched);
	client("PORT 10,0,0,8,6,17\r\n");
	assert_int_equal(fake.n_binds, 1);
	client("auth ssl\r\n");
	assert_false(fake.unwatched);
	server("234-go\r\n234 ahead\r\n");
	assert_true(fake.unwatched);
	assert_int_equal(fake.counters[PST_FTP_TLS], 1);
	assert_out(PST_DIR_REPLY, "220 a\r\n234 x\r\n534 no\r\n234-go\r\n234 ahead\r\n");
}

static void
what_is_not_ftp_is_latched(void **state)
{
	static const char *const posts[] = { "POST / HTTP/1.1\r\n\r\nPORT 10,0,0,8,6,17\r\n",
		"\r\nPORT 10,0,0,8,6,17\r\n", "EHLO x\r\nPORT 10,0,0,8,6,17\r\n",
		"REGISTER sip:x\r\nPORT 10,0,0,8,6,17\r\n" };

	(void)state;
	for (unsigned int i = 0; i < sizeof(posts) / sizeof(posts[0]); i++) {
		fake_fini();
		fake_init(&pst_ftp_editor);
		client(posts[i]);
		assert_out(PST_DIR_ORIG, posts[i]);
		assert_true(fake.unwatched);
		assert_int_equal(fake.counters[PST_FTP_LATCHED], 1);
	}
	fake_fini();
	fake_init(&pst_ftp_editor);
	server("HTTP/1.1 200 OK\r\n");
	client("PORT 10,0,0,8,6,17\r\n");
	assert_out(PST_DIR_ORIG, "PORT 10,0,0,8,6,17\r\n");
	assert_int_equal(fake.counters[PST_FTP_LATCHED], 1);
}

static void
only_a_lines_start_is_a_command(void **state)
{
	static const char text[] = "NOOP PORT 10,0,0,8,6,17\r\n"
				   "\xff\xf4\xff\xf2PORT 10,0,0,8,6,17\r\n"
				   "\xff\xf4\xff\xf2" "ABOR\r\nXPORT 10,0,0,8,6,17\r\n";

	(void)state;
	for (unsigned int i = 0; i < sizeof(text) - 1; i++)
		fake_feed(PST_DIR_ORIG, text + i, 1, false);
	assert_out(PST_DIR_ORIG, text);
	assert_int_equal(fake.n_binds, 0);
}

static void
typing_is_not_held_back(void **state)
{
	(void)state;
	client("US");
	assert_out(PST_DIR_ORIG, "US");
	client("ER x\r\nPO");
	assert_out(PST_DIR_ORIG, "USER x\r\n");
	client("X");
	assert_out(PST_DIR_ORIG, "USER x\r\nPOX");
	client("\r\nPASV\r\nEPSV\r");
	assert_out(PST_DIR_ORIG, "USER x\r\nPOX\r\nPASV\r\nEPSV\r");
}

static void
a_command_without_an_end_is_latched(void **state)
{
	char line[600];

	(void)state;
	memset(line, '1', sizeof(line));
	memcpy(line, "PORT ", 5);
	fake_feed(PST_DIR_ORIG, line, 511, false);
	assert_int_equal(fake.streams[PST_DIR_ORIG].out_len, 0);
	fake_feed(PST_DIR_ORIG, line + 511, sizeof(line) - 511, false);
	assert_true(fake.unwatched);
	assert_int_equal(fake.streams[PST_DIR_ORIG].out_len, sizeof(line));
	assert_int_equal(fake.counters[PST_FTP_LATCHED], 1);
}

static void
a_half_command_at_the_end_passes(void **state)
{
	(void)state;
	fake_feed(PST_DIR_ORIG, "PORT 10", 7, true);
	assert_out(PST_DIR_ORIG, "PORT 10");
}

static const char talk[] = "USER a\r\nAUTH TLS\r\nPORT 10,0,0,8,6,17\r\nPASV\r\nport 1,2,3\r\n"
			   "eprt |1|10.0.0.8|2000|\nPORT 10,0,0,9,6,17\r\nNOOP PORT 1\r\n"
			   "PORT 10,0,0,8,1,1\r\nEPRT |2|::1|2000|\r\n\xffPORT 1\r\nQUIT\r\n";
static const char heard[] = "USER a\r\nAUTH TLS\r\nPORT 198,51,100,1,117,48\r\nPASV\r\n"
			    "port 1,2,3\r\neprt |1|198.51.100.1|30001|\nPORT 10,0,0,9,6,17\r\nNOOP PORT 1\r\n"
			    "PORT 10,0,0,8,1,1\r\nEPRT |2|::1|2000|\r\n\xffPORT 1\r\nQUIT\r\n";

static void
talk_is_heard(const uint32_t *cuts, uint32_t n)
{
	static const unsigned int counts[FAKE_COUNTERS] = {
		[PST_FTP_COMMANDS] = 4, [PST_FTP_BINDS] = 2, [PST_FTP_REFUSED_ADDRESS] = 1,
		[PST_FTP_REFUSED_PORT] = 1, [PST_FTP_NOT_PARSED] = 1, [PST_FTP_IPV6] = 1,
	};
	uint32_t at = 0;

	fake_fini();
	fake_init(&pst_ftp_editor);
	for (uint32_t i = 0; i < n; i++) {
		fake_feed(PST_DIR_ORIG, talk + at, cuts[i] - at, false);
		at = cuts[i];
	}
	fake_feed(PST_DIR_ORIG, talk + at, sizeof(talk) - 1 - at, true);
	assert_out(PST_DIR_ORIG, heard);
	assert_memory_equal(fake.counters, counts, sizeof(counts));
}

static void
every_pair_of_cuts_is_the_same(void **state)
{
	(void)state;
	for (uint32_t a = 0; a < sizeof(talk); a++) {
		for (uint32_t b = a; b < sizeof(talk); b++) {
			uint32_t cuts[2] = { a, b };

			talk_is_heard(cuts, 2);
		}
	}
}

static void
any_cutting_is_the_same(void **state)
{
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 11);
	for (int round = 0; round < 3000; round++) {
		uint32_t cuts[sizeof(talk)], n = 0, step = 1 + pst_rng_below(&rng, 40), at = 0;

		while ((at += pst_rng_below(&rng, step) + 1) < sizeof(talk) - 1)
			cuts[n++] = at;
		talk_is_heard(cuts, n);
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(port_leaves_with_the_outside_address),
		T(spelling_stays),
		T(eprt_keeps_its_delimiter),
		T(what_is_not_ours_passes_counted),
		T(no_endpoint_sends_zeros_not_the_inside),
		T(a_second_port_closes_the_unused_first),
		T(a_running_transfer_is_left_alone),
		T(a_terminated_endpoint_is_forgotten),
		T(the_control_connections_end_closes_what_waits),
		T(a_session_may_go_before_its_connection),
		T(tls_ends_the_watch_only_when_accepted),
		T(what_is_not_ftp_is_latched),
		T(only_a_lines_start_is_a_command),
		T(typing_is_not_held_back),
		T(a_command_without_an_end_is_latched),
		T(a_half_command_at_the_end_passes),
		T(every_pair_of_cuts_is_the_same),
		T(any_cutting_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
