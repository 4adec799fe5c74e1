/* SPDX-License-Identifier: BSD-3-Clause */
#include "connector/connector.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fake_api.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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
	fake_init(&pst_connector_editor);
	fake.may_kill_used = true;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fake_fini();
	return 0;
}

static void
restart(void)
{
	teardown(NULL);
	setup(NULL);
}

static void
restart_accepted(void)
{
	teardown(NULL);
	fake_init_inbound(&pst_connector_editor);
	fake.may_kill_used = true;
}

static bool
may_come(uint32_t i, uint32_t ip)
{
	return pst_ipfilter_is_included(fake.binds[i].ipfilter, ip);
}

static void
listen_leaves_with_the_endpoints_address(void **state)
{
	(void)state;
	client("LISTEN tcp 1 10.0.0.8:4000\r\nlisten  \r\n");
	assert_out(PST_DIR_ORIG, "LISTEN tcp 1 198.51.100.1:30000\r\nlisten  \r\n");
	assert_int_equal(fake.n_binds, 1);
	assert_int_equal(fake.announced[0].port, 4000);
	assert_int_equal(fake.bind_flags, PST_FLAG_TIMEOUT);
	assert_int_equal(fake.counters[PST_CONNECTOR_BOUND], 1);
}

static void
several_ports_are_one_block(void **state)
{
	(void)state;
	client("LISTEN udp 4 10.0.0.8:4001\n");
	assert_out(PST_DIR_ORIG, "LISTEN udp 4 198.51.100.1:30000\n");
	assert_int_equal(fake.bind_n, 4);
	assert_int_equal(fake.bind_proto, PST_UDP);
	assert_int_equal(fake.bind_flags, PST_FLAG_BIDIRECTIONAL);
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(fake.announced[i].port, 4001 + i);
	client("LISTEN tcp 1024 10.0.0.8:5000\r\n");
	assert_int_equal(fake.n_binds, 1028);
}

static void
connect_leaves_with_the_outside_address(void **state)
{
	(void)state;
	client("CONNECT tcp 2 10.0.0.8:5000\r\n");
	assert_out(PST_DIR_ORIG, "CONNECT tcp 2 198.51.100.1:5000\r\n");
	assert_int_equal(fake.n_binds + fake.n_actions, 0);
}

static void
at_permits_each_place(void **state)
{
	(void)state;
	client("CONNECT udp 3 10.0.0.8:5000\r\n");
	server("AT udp 3 203.0.113.7:6000\r\n");
	assert_out(PST_DIR_REPLY, "AT udp 3 203.0.113.7:6000\r\n");
	assert_int_equal(fake.n_actions, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(fake.actions[i].to.port, 6000 + i);
		assert_int_equal(fake.actions[i].proto, PST_UDP);
	}
	assert_int_equal(fake.counters[PST_CONNECTOR_PERMITTED], 1);
}

static void
at_answers_a_connect_of_its_kind(void **state)
{
	static const char *const asked[] = { "LISTEN tcp 2 10.0.0.8:5000\r\n",
		"CONNECT udp 2 10.0.0.8:5000\r\n", "CONNECT tcp 3 10.0.0.8:5000\r\n",
		"BYE\r\nCONNECT tcp 2 10.0.0.8:5000\r\n" };

	(void)state;
	for (unsigned int i = 0; i < COUNT(asked); i++) {
		restart();
		client(asked[i]);
		server("AT tcp 2 203.0.113.7:6000\r\n");
		assert_int_equal(fake.n_actions, 0);
		assert_int_equal(fake.counters[PST_CONNECTOR_NOT_ASKED], 1);
	}
	server("AT tcp 2 203.0.113.7:6000\r\n"); /* BYE's answer was the first */
	assert_int_equal(fake.n_actions, 2);
	server("AT tcp 2 203.0.113.7:6000\r\n");
	assert_int_equal(fake.n_actions, 2);
}

static void
a_server_inside_announces_inside_addresses(void **state)
{
	(void)state;
	restart_accepted();
	client("CONNECT tcp 2 203.0.113.7:5000\r\n");
	server("AT tcp 2 10.0.0.8:6001\r\n");
	assert_out(PST_DIR_ORIG, "CONNECT tcp 2 203.0.113.7:5000\r\n");
	assert_out(PST_DIR_REPLY, "AT tcp 2 198.51.100.1:30000\r\n");
	assert_int_equal(fake.n_binds, 2);
	client("LISTEN udp 1 203.0.113.7:7000\r\n");
	assert_int_equal(fake.n_actions, 1);
	assert_int_equal(fake.n_binds, 2);
}

static void
what_is_not_its_own_passes_counted(void **state)
{
	static const struct {
		const char *line;
		enum pst_connector_counter counter;
	} cases[] = {
		{ "LISTEN tcp 1 10.0.0.9:4000\r\n", PST_CONNECTOR_REFUSED_ADDRESS },
		{ "LISTEN tcp 1 198.51.100.1:4000\r\n", PST_CONNECTOR_REFUSED_ADDRESS },
		{ "CONNECT tcp 1 10.0.0.9:4000\r\n", PST_CONNECTOR_REFUSED_ADDRESS },
		{ "LISTEN tcp 1 10.0.0.8:1023\r\n", PST_CONNECTOR_REFUSED_PORT },
		{ "LISTEN tcp 1025 10.0.0.8:4000\r\n", PST_CONNECTOR_NOT_PARSED },
		{ "LISTEN tcp 0 10.0.0.8:4000\r\n", PST_CONNECTOR_NOT_PARSED },
		{ "LISTEN tcp 4 10.0.0.8:65533\r\n", PST_CONNECTOR_NOT_PARSED },
	};

	(void)state;
	for (unsigned int i = 0; i < COUNT(cases); i++) {
		restart();
		client(cases[i].line);
		assert_out(PST_DIR_ORIG, cases[i].line);
		assert_int_equal(fake.counters[cases[i].counter], 1);
		assert_int_equal(fake.n_binds, 0);
		assert_false(fake.unwatched);
	}
}

static void
the_other_side_too_may_announce_its_own_only(void **state)
{
	(void)state;
	client("CONNECT tcp 1 10.0.0.8:5000\r\nCONNECT tcp 1 10.0.0.8:5000\r\n");
	server("AT tcp 1 203.0.113.8:6000\r\nAT tcp 1 203.0.113.7:25\r\n");
	assert_int_equal(fake.n_actions, 0);
	assert_int_equal(fake.counters[PST_CONNECTOR_REFUSED_ADDRESS], 1);
	assert_int_equal(fake.counters[PST_CONNECTOR_REFUSED_PORT], 1);
}

static void
what_cant_be_opened_is_nowhere(void **state)
{
	static const int errors[] = { -ENOSPC, -EACCES, -EAGAIN, -ENOMEM, -EADDRINUSE };

	(void)state;
	for (unsigned int i = 0; i < COUNT(errors); i++) {
		restart();
		fake.bind_ret = errors[i];
		client("LISTEN tcp 2 10.0.0.8:4000\r\n");
		assert_out(PST_DIR_ORIG, "LISTEN tcp 2 0.0.0.0:0\r\n");
		assert_int_equal(fake.counters[PST_CONNECTOR_FAILED], 1);
	}
	restart();
	fake.access_ret = -EACCES;
	client("LISTEN tcp 2 10.0.0.8:4000\r\nCONNECT tcp 1 10.0.0.8:4000\r\n");
	server("NO\r\nAT tcp 1 203.0.113.7:6000\r\n");
	assert_int_equal(fake.counters[PST_CONNECTOR_DENIED], 2);
	assert_int_equal(fake.n_binds + fake.n_refused_binds + fake.n_actions, 0);
}

static void
nowhere_stays_nowhere(void **state)
{
	(void)state;
	client("LISTEN tcp 1 0.0.0.0:0\r\nCONNECT tcp 1 0.0.0.0:0\r\n");
	server("NO\r\nAT tcp 1 0.0.0.0:0\r\n");
	assert_out(PST_DIR_ORIG, "LISTEN tcp 1 0.0.0.0:0\r\nCONNECT tcp 1 0.0.0.0:0\r\n");
	assert_int_equal(fake.n_binds + fake.n_actions, 0);
}

static void
a_firewall_clients_own_maps_are_approved(void **state)
{
	(void)state;
	fake.is_firewall_client = true;
	client("LISTEN tcp 2 198.51.100.1:4000\r\n");
	assert_out(PST_DIR_ORIG, "LISTEN tcp 2 198.51.100.1:4000\r\n");
	assert_int_equal(fake.n_allowed, 2);
	assert_int_equal(fake.allowed.port, 4001);
	assert_int_equal(fake.n_binds, 0);
	assert_int_equal(fake.counters[PST_CONNECTOR_MAPS], 1);
	fake.allow_ret = 1;
	client("LISTEN udp 1 198.51.100.1:4000\r\n");
	assert_int_equal(fake.counters[PST_CONNECTOR_MAPS], 2);
	fake.allow_ret = -ENOENT;
	client("LISTEN udp 1 198.51.100.1:4000\r\n");
	assert_int_equal(fake.counters[PST_CONNECTOR_REFUSED_ADDRESS], 1);
	client("LISTEN tcp 1 10.0.0.8:4000\r\n"); /* no map, and an inside address leaves */
	assert_int_equal(fake.n_binds, 1);
}

static void
after_no_nobody_comes_until_it_is_asked_again(void **state)
{
	(void)state;
	client("LISTEN tcp 2 10.0.0.8:4000\r\n");
	assert_true(may_come(0, FAKE_SERVER) && may_come(1, FAKE_SERVER));
	server("NO room\r\n");
	assert_false(may_come(0, FAKE_SERVER) || may_come(1, FAKE_SERVER));
	client("LISTEN tcp 2 10.0.0.8:4000\r\n");
	assert_true(may_come(0, FAKE_SERVER) && may_come(1, FAKE_SERVER));
	assert_int_equal(fake.n_binds, 2);
	assert_out(PST_DIR_ORIG, "LISTEN tcp 2 198.51.100.1:30000\r\n"
				 "LISTEN tcp 2 198.51.100.1:30000\r\n");
	server("OK\r\n");
	assert_true(may_come(0, FAKE_SERVER));
}

static void
a_used_place_is_not_offered_again(void **state)
{
	(void)state;
	client("LISTEN tcp 1 10.0.0.8:4000\r\n");
	fake_established(0);
	client("LISTEN tcp 1 10.0.0.8:4000\r\n");
	assert_int_equal(fake.n_binds, 2);
	assert_int_equal(fake.binds[0].killed, 0);
	assert_int_equal(fake.counters[PST_CONNECTOR_USED], 1);
}

static void
bye_ends_all_of_it(void **state)
{
	(void)state;
	client("LISTEN tcp 2 10.0.0.8:4000\r\nCONNECT tcp 2 10.0.0.8:4000\r\n");
	server("OK\r\nAT tcp 2 203.0.113.7:6000\r\n");
	fake_established(1);
	fake_opened(1);
	client("BYE\r\n");
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(fake.binds[i].killed, 1);
		assert_true(fake.actions[i].released);
	}
	assert_true(fake.actions[0].cancelled);
	assert_int_equal(fake.accepted[1].killed, 1);
	assert_int_equal(fake.opened[1].killed, 1);
	assert_int_equal(fake.accepted[0].killed, 0);
}

static void
what_comes_after_the_end_is_ended(void **state)
{
	(void)state;
	client("CONNECT tcp 1 10.0.0.8:4000\r\n");
	server("AT tcp 1 203.0.113.7:6000\r\n");
	client("BYE\r\n");
	fake_opened(0);
	assert_int_equal(fake.opened[0].killed, 1);
}

static void
what_has_terminated_is_forgotten(void **state)
{
	(void)state;
	client("LISTEN tcp 2 10.0.0.8:4000\r\n");
	fake_established(0);
	fake_terminating(&fake.accepted[0]);
	fake_terminating(&fake.binds[0]);
	client("BYE\r\n");
	assert_int_equal(fake.binds[0].killed, 0);
	assert_int_equal(fake.accepted[0].killed, 0);
	assert_int_equal(fake.binds[1].killed, 1);
}

static void
the_control_connections_end_is_the_secondaries(void **state)
{
	(void)state;
	client("LISTEN tcp 1 10.0.0.8:4000\r\n");
	fake_terminating(&fake.control);
	assert_int_equal(fake.binds[0].killed, 1);
	client("LISTEN tcp 1 10.0.0.8:4000\r\n");
	assert_int_equal(fake.n_binds, 1);
}

static void
a_session_may_go_before_its_connection(void **state)
{
	(void)state;
	client("LISTEN tcp 1 10.0.0.8:4000\r\n");
	pst_connector_editor.detach(fake.es);
	fake.es = NULL;
	assert_int_equal(fake.binds[0].killed, 1);
	client("LISTEN tcp 1 10.0.0.8:4000\r\n");
	assert_int_equal(fake.n_binds, 1);
}

static void
one_more_announcement_ends_the_oldest(void **state)
{
	(void)state;
	for (int i = 0; i < 17; i++) {
		char line[64];

		snprintf(line, sizeof(line), "LISTEN tcp 1 10.0.0.8:%d\r\n", 4000 + i);
		client(line);
		server("OK\r\n");
		assert_int_equal(fake.binds[0].killed, i == 16);
	}
	assert_int_equal(fake.binds[1].killed, 0);
}

static void
a_crowd_of_control_connections_is_denied(void **state)
{
	static struct pst_connection more[16];

	(void)state;
	for (int i = 0; i < 16; i++) {
		fake_connect(&more[i]);
		assert_int_equal(more[i].denied, i == 15);
	}
	assert_int_equal(fake.counters[PST_CONNECTOR_CROWDED], 1);
	for (int i = 0; i < 16; i++)
		fake_disconnect(&more[i]);
}

static void
what_is_not_connector_is_latched(void **state)
{
	static const char *const posts[] = {
		"POST / HTTP/1.1\r\n\r\nLISTEN tcp 1 10.0.0.8:4000\r\n",
		"\r\nLISTEN tcp 1 10.0.0.8:4000\r\n",
		"LISTENER tcp\r\nLISTEN tcp 1 10.0.0.8:4000\r\n",
		"OK\r\nLISTEN tcp 1 10.0.0.8:4000\r\n",
		"\x16\x03\x01", /* without an end */
	};

	(void)state;
	for (unsigned int i = 0; i < COUNT(posts); i++) {
		restart();
		client(posts[i]);
		assert_out(PST_DIR_ORIG, posts[i]);
		assert_true(fake.unwatched);
		assert_int_equal(fake.counters[PST_CONNECTOR_LATCHED], 1);
	}
	restart();
	client("CONNECT tcp 1 10.0.0.8:4000\r\n");
	server("HTTP/1.1 200 OK\r\nAT tcp 1 203.0.113.7:6000\r\n");
	assert_true(fake.unwatched);
	assert_int_equal(fake.n_actions, 0);
}

static void
a_latch_ends_what_was_open(void **state)
{
	char line[600];

	(void)state;
	client("LISTEN tcp 1 10.0.0.8:4000\r\n");
	memset(line, '1', sizeof(line));
	memcpy(line, "LISTEN ", 7);
	fake_feed(PST_DIR_ORIG, line, 511, false);
	assert_false(fake.unwatched);
	fake_feed(PST_DIR_ORIG, line + 511, sizeof(line) - 511, false);
	assert_true(fake.unwatched);
	assert_int_equal(fake.binds[0].killed, 1);
}

static void
too_many_questions_are_latched(void **state)
{
	(void)state;
	client("BYE\r\n");
	for (int i = 0; i < 31; i++)
		client("what?\r\n");
	assert_false(fake.unwatched);
	client("what?\r\n");
	assert_true(fake.unwatched);
}

static void
only_a_lines_start_is_a_word(void **state)
{
	static const char text[] = "BYE\r\nx LISTEN tcp 1 10.0.0.8:4000\r\n"
				   "LISTE\r\nXLISTEN tcp 1 10.0.0.8:4000\r\n";

	(void)state;
	for (unsigned int i = 0; i < sizeof(text) - 1; i++)
		fake_feed(PST_DIR_ORIG, text + i, 1, false);
	assert_out(PST_DIR_ORIG, text);
	assert_int_equal(fake.n_binds, 0);
}

static void
no_memory_refuses_the_connection(void **state)
{
	static struct pst_connection one;

	(void)state;
	fake.attach_ret = -ENOMEM;
	fake_connect(&one);
	assert_null(one.filter);
}

static const char talk[] = "LISTEN tcp 1 10.0.0.8:4000\r\nwhat?\r\nlisten udp 2 10.0.0.8:4100\n"
			   "CONNECT tcp 4 10.0.0.8:4200\r\nLISTEN tcp 1 10.0.0.9:4000\r\n"
			   "LISTEN sctp\r\nLIST\r\nBYE\r\nLISTEN tcp 1 10.0.0.8:4300\r\n";
static const char heard[] =
	"LISTEN tcp 1 198.51.100.1:30000\r\nwhat?\r\nlisten udp 2 198.51.100.1:30002\n"
	"CONNECT tcp 4 198.51.100.1:4200\r\nLISTEN tcp 1 10.0.0.9:4000\r\n"
	"LISTEN sctp\r\nLIST\r\nBYE\r\nLISTEN tcp 1 198.51.100.1:30004\r\n";

static void
any_cutting_is_the_same(void **state)
{
	static const unsigned int counts[FAKE_COUNTERS] = {
		[PST_CONNECTOR_ANNOUNCED] = 4, [PST_CONNECTOR_BOUND] = 3,
		[PST_CONNECTOR_REFUSED_ADDRESS] = 1, [PST_CONNECTOR_NOT_PARSED] = 1,
	};
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 11);
	for (int round = 0; round < 3000; round++) {
		uint32_t at = 0, n, step = 1 + pst_rng_below(&rng, 40);

		restart();
		for (; at < sizeof(talk) - 1; at += n) {
			n = 1 + pst_rng_below(&rng, step);
			n = n < sizeof(talk) - 1 - at ? n : sizeof(talk) - 1 - at;
			fake_feed(PST_DIR_ORIG, talk + at, n, at + n == sizeof(talk) - 1);
		}
		assert_out(PST_DIR_ORIG, heard);
		assert_memory_equal(fake.counters, counts, sizeof(counts));
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(listen_leaves_with_the_endpoints_address),
		T(several_ports_are_one_block),
		T(connect_leaves_with_the_outside_address),
		T(at_permits_each_place),
		T(at_answers_a_connect_of_its_kind),
		T(a_server_inside_announces_inside_addresses),
		T(what_is_not_its_own_passes_counted),
		T(the_other_side_too_may_announce_its_own_only),
		T(what_cant_be_opened_is_nowhere),
		T(nowhere_stays_nowhere),
		T(a_firewall_clients_own_maps_are_approved),
		T(after_no_nobody_comes_until_it_is_asked_again),
		T(a_used_place_is_not_offered_again),
		T(bye_ends_all_of_it),
		T(what_comes_after_the_end_is_ended),
		T(what_has_terminated_is_forgotten),
		T(the_control_connections_end_is_the_secondaries),
		T(a_session_may_go_before_its_connection),
		T(one_more_announcement_ends_the_oldest),
		T(a_crowd_of_control_connections_is_denied),
		T(what_is_not_connector_is_latched),
		T(a_latch_ends_what_was_open),
		T(too_many_questions_are_latched),
		T(only_a_lines_start_is_a_word),
		T(no_memory_refuses_the_connection),
		T(any_cutting_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
