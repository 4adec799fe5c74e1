/* SPDX-License-Identifier: BSD-3-Clause */
#include "tftp/tftp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_api.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SEND(dir, text) fake_datagram(dir, text, sizeof(text))
#define RRQ "\0\1boot.bin\0octet"
#define WRQ "\0\2boot.bin\0netascii\0blksize\0001468"

static int
client_inside(void **state)
{
	(void)state;
	fake_init_udp(&pst_tftp_editor, 69, false);
	return 0;
}

static int
server_inside(void **state)
{
	(void)state;
	fake_init_udp(&pst_tftp_editor, 69, true);
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
a_request_admits_the_server_and_ends_the_watch(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t len;
	} requests[] = { { RRQ, sizeof(RRQ) }, { WRQ, sizeof(WRQ) } };

	(void)state;
	for (unsigned int i = 0; i < COUNT(requests); i++) {
		fake_fini();
		fake_init_udp(&pst_tftp_editor, 69, false);
		assert_int_equal(fake_datagram(PST_DIR_ORIG, requests[i].bytes, requests[i].len),
			PST_EDIT_UNWATCH);
		assert_int_equal(fake.n_allowed, 1);
		assert_int_equal(fake.counters[PST_TFTP_REQUESTS], 1);
		assert_int_equal(fake.counters[PST_TFTP_OPENED], 1);
	}
}

static void
what_is_open_already_is_as_good(void **state)
{
	(void)state;
	fake.allow_ret = 1;
	assert_int_equal(SEND(PST_DIR_ORIG, RRQ), PST_EDIT_UNWATCH);
	assert_int_equal(fake.counters[PST_TFTP_OPENED], 1);
}

static void
what_does_not_begin_with_a_request_is_left_alone(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t len;
	} others[] = {
		{ "", 0 },
		{ "\0\1", 2 },
		{ RRQ, sizeof(RRQ) - 1 },
		{ "\0\3\0\1data", 8 },
		{ "\0\4\0\1", 4 },
		{ "\0\5\0\1no", 7 },
		{ "\0\6blksize\0001468", 14 },
		{ "GET / HTTP/1.1\r\n", 16 },
	};

	(void)state;
	for (unsigned int i = 0; i < 2 * COUNT(others); i++) {
		fake_fini();
		fake_init_udp(&pst_tftp_editor, 69, i % 2 == 1);
		assert_int_equal(
			fake_datagram(PST_DIR_ORIG, others[i / 2].bytes, others[i / 2].len),
			PST_EDIT_UNWATCH);
		assert_int_equal(fake.counters[PST_TFTP_UNPARSED], 1);
		SEND(PST_DIR_ORIG, RRQ);
		assert_int_equal(fake.n_allowed + fake.n_actions, 0);
		assert_int_equal(fake.counters[PST_TFTP_REQUESTS], 0);
	}
}

static void
a_request_from_the_server_asks_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(SEND(PST_DIR_REPLY, RRQ), PST_EDIT_PASS);
	assert_int_equal(fake.n_allowed, 0);
	assert_int_equal(fake.counters[PST_TFTP_REQUESTS], 0);
	assert_int_equal(fake.counters[PST_TFTP_UNPARSED], 0);
}

static void
a_failure_passes_and_the_next_request_tries_again(void **state)
{
	static const int errors[] = { -ENOENT, -EAGAIN, -ENOMEM, -ENOSPC, -ESHUTDOWN };

	(void)state;
	for (unsigned int i = 0; i < 2 * COUNT(errors); i++) {
		fake_fini();
		fake_init_udp(&pst_tftp_editor, 69, i % 2 == 1);
		fake.allow_ret = errors[i / 2];
		assert_int_equal(SEND(PST_DIR_ORIG, RRQ), PST_EDIT_PASS);
		assert_int_equal(fake.counters[PST_TFTP_FAILED], 1);
		assert_int_equal(fake.counters[PST_TFTP_OPENED], 0);
		fake.allow_ret = 0;
		SEND(PST_DIR_ORIG, RRQ);
		assert_int_equal(fake.n_allowed + fake.n_actions, 1);
		assert_int_equal(fake.counters[PST_TFTP_OPENED], 1);
	}
}

static void
what_the_rules_refuse_is_asked_once(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		fake_fini();
		fake_init_udp(&pst_tftp_editor, 69, i == 1);
		fake.allow_ret = -EACCES;
		assert_int_equal(SEND(PST_DIR_ORIG, RRQ), PST_EDIT_UNWATCH);
		assert_int_equal(fake.counters[PST_TFTP_REFUSED], 1);
		assert_int_equal(fake.counters[PST_TFTP_FAILED], 0);
	}
}

static void
a_server_inside_may_answer_from_the_published_address(void **state)
{
	(void)state;
	assert_int_equal(SEND(PST_DIR_ORIG, WRQ), PST_EDIT_PASS);
	assert_int_equal(fake.n_actions, 1);
	assert_true(pst_endpoint_is_equal(&fake.actions[0].to, &fake.peer));
	assert_int_equal(fake.actions[0].from.ip, FAKE_OUTSIDE);
	assert_int_equal(fake.counters[PST_TFTP_OPENED], 1);
}

static void
a_further_request_takes_back_what_was_not_used(void **state)
{
	(void)state;
	SEND(PST_DIR_ORIG, RRQ);
	SEND(PST_DIR_ORIG, RRQ);
	assert_int_equal(fake.n_actions, 2);
	assert_true(fake.actions[0].cancelled && fake.actions[0].released);
	assert_false(fake.actions[1].cancelled);
	fake.actions[1].used = true;
	SEND(PST_DIR_ORIG, WRQ);
	assert_int_equal(fake.n_actions, 3);
	assert_true(fake.actions[1].released);
	assert_false(fake.actions[2].released);
	assert_int_equal(fake.counters[PST_TFTP_REQUESTS], 3);
}

static void
a_failure_leaves_the_permission_before(void **state)
{
	(void)state;
	SEND(PST_DIR_ORIG, RRQ);
	fake.allow_ret = -EAGAIN;
	SEND(PST_DIR_ORIG, RRQ);
	assert_false(fake.actions[0].cancelled || fake.actions[0].released);
}

static void
a_transfer_on_the_servers_own_port_takes_the_fast_path(void **state)
{
	(void)state;
	SEND(PST_DIR_ORIG, RRQ);
	SEND(PST_DIR_REPLY, "\0\3\0\1data");
	assert_int_equal(SEND(PST_DIR_ORIG, "\0\4\0"), PST_EDIT_UNWATCH);
	assert_int_equal(fake.counters[PST_TFTP_UNPARSED], 0);
}

static void
other_editors_endpoints_are_not_ours(void **state)
{
	struct pst_connection endpoint = { 0 };
	struct pst_event event = {
		.type = PST_EVENT_UDP_DESTINATION, .connection = &endpoint, .is_secondary = true
	};

	(void)state;
	/* the fake would refuse a filter there */
	assert_int_equal(pst_tftp_editor.event(fake.es, &event), 0);
	event.type = PST_EVENT_TERMINATING;
	assert_int_equal(pst_tftp_editor.event(fake.es, &event), 0);
}

static void
it_is_off_until_asked_for(void **state)
{
	(void)state;
	assert_false(pst_tftp_editor.default_on);
}

int
main(void)
{
#define C(f) cmocka_unit_test_setup_teardown(f, client_inside, teardown)
#define S(f) cmocka_unit_test_setup_teardown(f, server_inside, teardown)
	const struct CMUnitTest tests[] = {
		C(a_request_admits_the_server_and_ends_the_watch),
		C(what_is_open_already_is_as_good),
		C(what_does_not_begin_with_a_request_is_left_alone),
		C(a_request_from_the_server_asks_for_nothing),
		C(a_failure_passes_and_the_next_request_tries_again),
		C(what_the_rules_refuse_is_asked_once),
		S(a_server_inside_may_answer_from_the_published_address),
		S(a_further_request_takes_back_what_was_not_used),
		S(a_failure_leaves_the_permission_before),
		S(a_transfer_on_the_servers_own_port_takes_the_fast_path),
		C(other_editors_endpoints_are_not_ours),
		cmocka_unit_test(it_is_off_until_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
