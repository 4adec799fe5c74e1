/* SPDX-License-Identifier: BSD-3-Clause */
/* The section "log": what goes to the event log, and where that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eventlog/record.h"
#include "eventlog/syslogmsg.h"
#include "expect.h"

static void
nothing_is_logged_without_a_word(void **state)
{
	static struct pst_config c;

	(void)state;
	test_config_loads("", &c, "");
	assert_string_equal(c.log_events, "");
	assert_string_equal(c.log_syslog, "");
	assert_string_equal(c.log_ipfix, "");
	assert_int_equal(c.log_ipfix_domain, 1);
	assert_int_equal(c.log_syslog_format, PST_SYSLOG_AUTO);
}

/* Blocks of ports are there to save the records of mappings. */
static void
kinds_depend_on_port_blocks(void **state)
{
	static struct pst_config c;

	(void)state;
	test_config_loads("", &c, "");
	assert_int_equal(c.log_kinds, PST_RECORD_ALL & ~PST_RECORD_MASK(CONNECTION));
	test_config_loads(",\"nat\": { \"port_block\": 256 }", &c, "");
	assert_int_equal(c.log_kinds,
		PST_RECORD_ALL & ~PST_RECORD_MASK(CONNECTION) & ~PST_RECORD_MASK(BIND));
	test_config_loads(",\"nat\": { \"port_block\": 256 }"
			  ",\"log\": { \"kinds\": [\"binds\", \"connections\"] }",
		&c, "");
	assert_int_equal(c.log_kinds, PST_RECORD_MASK(BIND) | PST_RECORD_MASK(CONNECTION) |
					      PST_RECORD_MASK(CONFIG) | PST_RECORD_MASK(LOST));
}

static void
all_ways_can_be_said(void **state)
{
	static struct pst_config c;

	(void)state;
	test_config_loads(",\"log\": { \"events\": \"/var/log/e\", \"syslog\": \"192.0.2.1:514\","
			  "\"syslog_format\": \"rfc3164\", \"ipfix\": \"192.0.2.2:4739\","
			  "\"ipfix_domain\": 4294967295 }",
		&c, "");
	assert_string_equal(c.log_events, "/var/log/e");
	assert_string_equal(c.log_syslog, "192.0.2.1:514");
	assert_int_equal(c.log_syslog_format, PST_SYSLOG_RFC3164);
	assert_string_equal(c.log_ipfix, "192.0.2.2:4739");
	assert_int_equal(c.log_ipfix_domain, UINT32_MAX);
	test_config_loads(",\"log\": { \"syslog\": \"/dev/log\" }", &c, "");
	assert_string_equal(c.log_syslog, "/dev/log");
}

static void
what_is_wrong_is_said(void **state)
{
	(void)state;
	test_config_says(",\"log\": { \"kinds\": [] }", "t:5: /log/kinds: must not be empty\n");
	test_config_says(",\"log\": { \"kinds\": [\"binds\", \"all\"] }",
		"t:5: /log/kinds/1: must be one of \"binds\", \"blocks\", \"listeners\", "
		"\"connections\", \"limits\", \"filters\", \"neighbours\", \"links\", \"config\", "
		"not \"all\"\n");
	test_config_says(",\"log\": { \"kinds\": \"binds\" }",
		"t:5: /log/kinds: must be a list, not a text\n");
	test_config_says(",\"log\": { \"syslog\": \"collector:514\" }",
		"t:5: /log/syslog: not the path of a socket or ADDRESS:PORT: \"collector:514\"\n");
	test_config_says(",\"log\": { \"ipfix\": \"/dev/log\" }",
		"t:5: /log/ipfix: not ADDRESS:PORT: \"/dev/log\"\n");
	test_config_says(",\"log\": { \"ipfix\": \"192.0.2.2\" }",
		"t:5: /log/ipfix: not ADDRESS:PORT: \"192.0.2.2\"\n");
	test_config_says(",\"log\": { \"ipfix_domain\": -1 }",
		"t:5: /log/ipfix_domain: must be from 0 to 4294967295, not -1\n");
	test_config_says(",\"log\": []", "t:5: /log: must be an object, not a list\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_logged_without_a_word),
		cmocka_unit_test(kinds_depend_on_port_blocks),
		cmocka_unit_test(all_ways_can_be_said),
		cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
