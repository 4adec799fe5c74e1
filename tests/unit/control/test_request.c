/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/request.h"

static const char *const commands[] = { "reload", NULL };

static const struct pst_editor ftp = { .name = "ftp" };
static const struct pst_editor *const editors[] = { &ftp, NULL };

static const char *
state_name(uint8_t protocol, uint8_t state)
{
	static const char *const names[] = { "none", "syn-sent", "established", "assured" };

	(void)protocol;
	return state < RTE_DIM(names) ? names[state] : "?";
}

static const struct pst_control_params params = {
	.commands = commands, .n_workers = 2, .editors = editors, .state_name = state_name
};

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
		{ "{\"command\":\"show\",\"what\":\"clients\",\"sort\":\"connections\","
		  "\"reverse\":true,\"limit\":9}",
			PST_REQUEST_DUMP, PST_SHOW_CLIENTS, 9 },
		{ "{\"command\":\"kill\",\"what\":\"connection\",\"id\":\"1-17-3\"}",
			PST_REQUEST_KILL },
		{ "{\"command\":\"kill\",\"what\":\"client\",\"id\":\"10.0.0.7\"}",
			PST_REQUEST_KILL },
		{ "{\"command\":\"kill\",\"what\":\"connections\",\"filter\":{\"port\":25}}",
			PST_REQUEST_KILL },
		{ "{\"command\":\"metrics\"}", PST_REQUEST_DOCUMENT },
		{ "{\"command\":\"metrics\",\"format\":\"prometheus\"}", PST_REQUEST_DOCUMENT },
		{ "{\"command\":\"metrics\",\"format\":\"json\"}", PST_REQUEST_DOCUMENT },
		{ "{\"command\":\"reload\",\"dry_run\":true}", PST_REQUEST_COMMAND },
		{ "{\"command\":\"explain\",\"protocol\":\"tcp\"}", PST_REQUEST_EXPLAIN },
	};
	struct pst_request request;
	char error[256];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		assert_int_equal(pst_request_parse(&request, &params, cases[i].line,
					 strlen(cases[i].line), error, sizeof(error)),
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
		{ "{\"command\":\"metrisc\"}",
			"unknown command \"metrisc\": did you mean \"metrics\"?" },
		{ "{\"command\":\"metrics\",\"format\":\"jsno\"}",
			"unknown format \"jsno\": did you mean \"json\"?" },
		{ "{\"command\":\"metrics\",\"format\":1}", "unknown format \"\"" },
		{ "{\"command\":\"metrics\",\"foramt\":\"json\"}",
			"unknown key \"foramt\": did you mean \"format\"?" },
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
		{ "{\"command\":\"show\",\"what\":\"drops\",\"sort\":\"bytes\"}",
			"\"sort\" is for tables of the workers, not for drops" },
		{ "{\"command\":\"show\",\"what\":\"binds\",\"sort\":\"bytes\"}",
			"binds have no bytes to sort by" },
		{ "{\"command\":\"show\",\"what\":\"binds\",\"sort\":\"agr\"}",
			"unknown order \"agr\": did you mean \"age\"?" },
		{ "{\"command\":\"show\",\"what\":\"binds\",\"reverse\":true}",
			"\"sort\" is what to sort by, such as \"bytes\"" },
		{ "{\"command\":\"show\",\"what\":\"binds\",\"sort\":\"age\",\"limit\":65537}",
			"a sorted table has at most 65536 rows" },
		{ "{\"command\":\"kill\"}", "\"kill\" needs a \"what\", such as \"connection\"" },
		{ "{\"command\":\"kill\",\"what\":\"cleint\"}",
			"unknown thing to kill \"cleint\": did you mean \"client\"?" },
		{ "{\"command\":\"kill\",\"what\":\"client\"}",
			"a client to kill needs an \"id\"" },
		{ "{\"command\":\"kill\",\"what\":\"client\",\"id\":\"10.0.0\"}",
			"not the address of a client: \"10.0.0\"" },
		{ "{\"command\":\"kill\",\"what\":\"connection\",\"id\":\"0-1\"}",
			"not the id of a connection: \"0-1\" (such as 0-17-3; show connections has "
			"them)" },
		{ "{\"command\":\"kill\",\"what\":\"connection\",\"id\":\"2-1-1\"}",
			"no connection 2-1-1: there is no worker 2" },
		{ "{\"command\":\"kill\",\"what\":\"connections\"}",
			"\"connections\" to kill need a \"filter\"" },
		{ "{\"command\":\"kill\",\"what\":\"connections\",\"filter\":{}}",
			"\"connections\" to kill need a \"filter\"" },
	};
	struct pst_request request;
	char error[256];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		assert_int_equal(pst_request_parse(&request, &params, cases[i].line,
					 strlen(cases[i].line), error, sizeof(error)),
			-EINVAL);
		assert_string_equal(error, cases[i].error);
	}
}

static void
filters_are_read(void **state)
{
	static const char line[] =
		"{\"command\":\"show\",\"what\":\"connections\",\"filter\":{\"client\":"
		"\"10.0.0.0/24:1024-2047\",\"remote\":\":443\",\"outside\":\"198.51.100.1\","
		"\"port\":443,\"protocol\":\"tcp\",\"state\":\"ESTABLISHED,syn-sent\","
		"\"editor\":\"ftp\",\"path\":\"fast\",\"worker\":1},\"sort\":\"expires\"}";
	struct pst_request request;
	const struct pst_show_wanted *w = &request.want.wanted;
	char error[256] = "";

	(void)state;
	assert_int_equal(
		pst_request_parse(&request, &params, line, strlen(line), error, sizeof(error)), 0);
	assert_string_equal(error, "");
	assert_int_equal(w->inside.first, 0x0a000000);
	assert_int_equal(w->inside.last, 0x0a0000ff);
	assert_int_equal(w->inside.port_first, 1024);
	assert_int_equal(w->inside.port_last, 2047);
	assert_int_equal(w->remote.last, UINT32_MAX);
	assert_int_equal(w->remote.port_first, 443);
	assert_int_equal(w->outside.first, 0xc6336401);
	assert_int_equal(w->outside.last, 0xc6336401);
	assert_int_equal(w->outside.port_last, 65535);
	assert_int_equal(w->port_first, 443);
	assert_int_equal(w->port_last, 443);
	assert_int_equal(w->protocol, PST_TCP);
	assert_int_equal(w->states, 1 << 1 | 1 << 2);
	assert_int_equal(w->editor, 0);
	assert_int_equal(w->path, PST_PATH_FAST);
	assert_int_equal(request.want.worker, 1);
	assert_int_equal(w->order, PST_ORDER_EXPIRES);
	assert_true(w->ascending);
	pst_request_fini(&request);
}

static void
bad_filters_are_refused(void **state)
{
	static const struct {
		const char *what, *filter, *error;
	} cases[] = {
		{ "connections", "[]",
			"\"filter\" is an object, such as {\"client\":\"10.0.0.7\"}" },
		{ "connections", "{\"cleint\":\"10.0.0.7\"}",
			"unknown filter \"cleint\": did you mean \"client\"?" },
		{ "connections", "{\"client\":true}", "\"client\" is a text" },
		{ "connections", "{\"client\":\"10.0.0.300\"}",
			"not an address, network or range: \"10.0.0.300\" (such as 10.0.0.7, "
			"10.0.0.0/24 or 10.0.0.7:443)" },
		{ "connections", "{\"client\":\"\"}",
			"not an address, network or range: \"\" (such as 10.0.0.7, 10.0.0.0/24 or "
			"10.0.0.7:443)" },
		{ "connections", "{\"remote\":\"10.0.0.1:\"}", "not a port: \"\"" },
		{ "connections", "{\"port\":0}", "not a port or a range of ports: \"0\"" },
		{ "connections", "{\"protocol\":\"tpc\"}",
			"not a protocol: \"tpc\" (tcp, udp, icmp, gre, esp, sctp or a number)" },
		{ "connections", "{\"state\":\"establishd\"}",
			"unknown state \"establishd\": did you mean \"established\"?" },
		{ "connections", "{\"state\":\",\"}", "no state is named" },
		{ "connections", "{\"editor\":\"ftpp\"}",
			"unknown editor \"ftpp\": did you mean \"ftp\"?" },
		{ "connections", "{\"worker\":2}", "no worker \"2\": they are 0 to 1" },
		{ "connections", "{\"worker\":\"-1\"}", "no worker \"-1\": they are 0 to 1" },
		{ "pools", "{\"remote\":\"10.0.0.1\"}", "pools have no remote to filter by" },
		{ "clients", "{\"state\":\"established\"}", "clients have no state to filter by" },
	};
	struct pst_request request;
	char line[256], error[256];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		snprintf(line, sizeof(line), "{\"command\":\"show\",\"what\":\"%s\",\"filter\":%s}",
			cases[i].what, cases[i].filter);
		assert_int_equal(pst_request_parse(&request, &params, line, strlen(line), error,
					 sizeof(error)),
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
		pst_request_parse(&request, &params, line, sizeof(line) - 1, error, sizeof(error)),
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
		pst_request_parse(&request, &params, line, strlen(line), error, sizeof(error)),
		-EINVAL);
	assert_string_equal(error, "unknown command \"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests_are_understood),
		cmocka_unit_test(bad_requests_are_refused_with_a_reason),
		cmocka_unit_test(filters_are_read),
		cmocka_unit_test(bad_filters_are_refused),
		cmocka_unit_test(a_nul_byte_is_no_end),
		cmocka_unit_test(a_long_wrong_name_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
