/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/request.h"

static const char *const commands[] = { "reload", "kill", NULL };

static void
good_requests_are_understood(void **state)
{
	static const struct {
		const char *line;
		enum pst_request_kind kind;
		enum pst_show_table table;
		uint64_t limit;
	} cases[] = {
		{ "{\"command\":\"status\"}", PST_REQUEST_DOCUMENT },
		{ " { \"command\" : \"status\" } \r", PST_REQUEST_DOCUMENT },
		{ "{\"what\":\"drops\",\"command\":\"show\"}", PST_REQUEST_DOCUMENT },
		{ "{\"command\":\"show\",\"what\":\"connections\"}", PST_REQUEST_DUMP,
			PST_SHOW_CONNECTIONS },
		{ "{\"command\":\"show\",\"what\":\"listeners\",\"limit\":5}", PST_REQUEST_DUMP,
			PST_SHOW_LISTENERS, 5 },
		{ "{\"command\":\"reload\",\"dry_run\":true}", PST_REQUEST_COMMAND },
	};
	struct pst_request request;
	char error[256];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		assert_int_equal(pst_request_parse(&request, cases[i].line, strlen(cases[i].line),
					 commands, error, sizeof(error)),
			0);
		assert_int_equal(request.kind, cases[i].kind);
		assert_int_equal(request.table, cases[i].table);
		assert_int_equal(request.limit, cases[i].limit);
		assert_int_equal(request.make != NULL, request.kind == PST_REQUEST_DOCUMENT);
		pst_request_fini(&request);
	}
}

static void
bad_requests_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{ "", "not a JSON object: '[' or '{' expected near end of file" },
		{ "{\"command\":\"status\"", "not a JSON object: '}' expected near end of file" },
		{ "{\"command\":\"status\"} x",
			"not a JSON object: end of file expected near 'x'" },
		{ "{\"command\":\"status\",\"command\":\"show\"}",
			"not a JSON object: duplicate object key near '\"command\"'" },
		{ "[]", "a request is an object with a \"command\"" },
		{ "{\"command\":1}", "a request is an object with a \"command\"" },
		{ "{\"command\":\"stauts\"}",
			"unknown command \"stauts\": did you mean \"status\"?" },
		{ "{\"command\":\"realod\"}",
			"unknown command \"realod\": did you mean \"reload\"?" },
		{ "{\"command\":\"\"}", "unknown command \"\"" },
		{ "{\"command\":\"make tea\"}", "unknown command \"make tea\"" },
		{ "{\"command\":\"status\",\"what\":\"binds\"}", "unknown key \"what\"" },
		{ "{\"command\":\"show\"}", "\"show\" needs a \"what\", such as \"listeners\"" },
		{ "{\"command\":\"show\",\"waht\":\"binds\"}",
			"unknown key \"waht\": did you mean \"what\"?" },
		{ "{\"command\":\"show\",\"what\":\"listener\"}",
			"unknown thing to show \"listener\": did you mean \"listeners\"?" },
		{ "{\"command\":\"show\",\"what\":\"binds\",\"limit\":0}",
			"\"limit\" is a number of rows, 1 or more, of a table" },
		{ "{\"command\":\"show\",\"what\":\"binds\",\"limit\":\"5\"}",
			"\"limit\" is a number of rows, 1 or more, of a table" },
		{ "{\"command\":\"show\",\"what\":\"drops\",\"limit\":5}",
			"\"limit\" is a number of rows, 1 or more, of a table" },
	};
	struct pst_request request;
	char error[256];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		assert_int_equal(pst_request_parse(&request, cases[i].line, strlen(cases[i].line),
					 commands, error, sizeof(error)),
			-EINVAL);
		assert_string_equal(error, cases[i].error);
	}
}

static void
a_nul_byte_is_no_end(void **state)
{
	static const char line[] = "{\"command\":\"status\"}\0{";
	struct pst_request request;
	char error[256];

	(void)state;
	assert_int_equal(
		pst_request_parse(&request, line, sizeof(line) - 1, NULL, error, sizeof(error)),
		-EINVAL);
}

static void
a_long_wrong_name_is_cut(void **state)
{
	const char line[] = "{\"command\":\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddde\"}";
	struct pst_request request;
	char error[256];

	(void)state;
	assert_int_equal(
		pst_request_parse(&request, line, strlen(line), NULL, error, sizeof(error)),
		-EINVAL);
	assert_string_equal(error, "unknown command \"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests_are_understood),
		cmocka_unit_test(bad_requests_are_refused_with_a_reason),
		cmocka_unit_test(a_nul_byte_is_no_end),
		cmocka_unit_test(a_long_wrong_name_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
