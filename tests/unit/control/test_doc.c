/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>

#include "appliance.h"
#include "control/doc.h"

#define CLIENT                                                                                     \
	{                                                                                          \
		0x0a000009, 40000                                                                  \
	}
#define OURS                                                                                       \
	{                                                                                          \
		0xc6336401, 50000                                                                  \
	}
#define SERVER                                                                                     \
	{                                                                                          \
		0xcb007109, 21                                                                     \
	}

struct doc_case {
	enum pst_show_table table;
	struct pst_show_row row;
	const char *json;
};

static struct pst_ipset two_ranges = { .n = 2,
	.ranges = { { 0xcb007109, 0xcb007109 }, { 0xcb007110, 0xcb00711f } } };
static struct pst_ipset no_ranges;

static const struct doc_case connections[] = {
	{ PST_SHOW_CONNECTIONS,
		{ .protocol = PST_TCP,
			.state = 3,
			.editor_path = 1,
			.inside = CLIENT,
			.outside = OURS,
			.remote = SERVER,
			.packets = { 5, 4 },
			.bytes = { 500, 4000000000 },
			.expires_ms = 1001,
			.age_ms = 61500,
			.editor = 0,
			.protocol_index = 0,
			.ref = { 17, 3 } },
		"{\"id\":\"1-17-3\",\"protocol\":\"tcp\",\"inside\":\"10.0.0.9:40000\","
		"\"outside\":\"198.51.100.1:50000\",\"remote\":\"203.0.113.9:21\","
		"\"state\":\"established\",\"path\":\"editor\",\"packets\":9,\"packets_orig\":5,"
		"\"packets_reply\":4,\"bytes\":4000000500,\"bytes_orig\":500,"
		"\"bytes_reply\":4000000000,\"expires_s\":2,\"editor\":\"ftp\","
		"\"application\":\"FTP client\",\"age_s\":61,\"worker\":1,\"bypass\":false}" },
	/* a protocol without ports */
	{ PST_SHOW_CONNECTIONS,
		{ .protocol = IPPROTO_ESP,
			.state = 1,
			.inside = { 0x0a000009, 0 },
			.outside = { 0xc6336401, 0 },
			.remote = { 0xcb007109, 0 },
			.editor = -1,
			.protocol_index = -1 },
		"{\"id\":\"1-0-0\",\"protocol\":\"esp\",\"inside\":\"10.0.0.9:0\","
		"\"outside\":\"198.51.100.1:0\",\"remote\":\"203.0.113.9:0\","
		"\"state\":\"1\",\"path\":\"fast\",\"packets\":0,\"packets_orig\":0,"
		"\"packets_reply\":0,\"bytes\":0,\"bytes_orig\":0,\"bytes_reply\":0,"
		"\"expires_s\":0,\"editor\":null,\"application\":null,\"age_s\":0,"
		"\"worker\":1,\"bypass\":false}" },
	/* a state without a name, an editor that is not there, about to expire */
	{ PST_SHOW_CONNECTIONS,
		{ .protocol = PST_ICMP,
			.state = 1,
			.inside = { 0x0a000009, 7 },
			.outside = { 0xc6336401, 8 },
			.remote = { 0xffffffff, 0 },
			.editor = 9,
			.bypass = 1,
			.protocol_index = 2 },
		"{\"id\":\"1-0-0\",\"protocol\":\"icmp\",\"inside\":\"10.0.0.9:7\","
		"\"outside\":\"198.51.100.1:8\",\"remote\":\"255.255.255.255:0\","
		"\"state\":\"1\",\"path\":\"fast\",\"packets\":0,\"packets_orig\":0,"
		"\"packets_reply\":0,\"bytes\":0,\"bytes_orig\":0,\"bytes_reply\":0,"
		"\"expires_s\":0,\"editor\":null,\"application\":null,\"age_s\":0,"
		"\"worker\":1,\"bypass\":true}" },
};

static const struct doc_case listeners[] = {
	{ PST_SHOW_LISTENERS,
		{ .protocol = PST_TCP,
			.flags = PST_FLAG_TIMEOUT,
			.inside = CLIENT,
			.outside = OURS,
			.age_ms = 1999,
			.expires_ms = 58001,
			.has_filter = 1,
			.filter = &two_ranges,
			.connections = 1,
			.editor = 0,
			.protocol_index = 0 },
		"{\"protocol\":\"tcp\",\"external\":\"198.51.100.1:50000\","
		"\"client\":\"10.0.0.9:40000\",\"flags\":[\"timeout\"],"
		"\"filter\":[\"203.0.113.9-203.0.113.9\",\"203.0.113.16-203.0.113.31\"],"
		"\"editor\":\"ftp\",\"path\":\"fast\",\"age_s\":1,\"connections\":1,"
		"\"expires_s\":59,\"application\":\"FTP client\",\"worker\":1}" },
	/* for everybody, with no client yet, for ever */
	{ PST_SHOW_LISTENERS,
		{ .protocol = PST_UDP,
			.flags = PST_FLAG_ALLOW_MULTIPLE | PST_FLAG_NO_KERNEL_MODE |
				 PST_FLAG_BIDIRECTIONAL,
			.editor_path = 1,
			.outside = OURS,
			.expires_ms = UINT32_MAX,
			.editor = 1,
			.protocol_index = -1 },
		"{\"protocol\":\"udp\",\"external\":\"198.51.100.1:50000\",\"client\":null,"
		"\"flags\":[\"allow-multiple\",\"no-kernel-mode\",\"bidirectional\"],"
		"\"filter\":null,\"editor\":\"sip\",\"path\":\"editor\",\"age_s\":0,"
		"\"connections\":0,\"expires_s\":null,\"application\":null,\"worker\":1}" },
	/* for nobody */
	{ PST_SHOW_LISTENERS,
		{ .protocol = PST_TCP,
			.inside = CLIENT,
			.outside = OURS,
			.has_filter = 1,
			.filter = &no_ranges,
			.expires_ms = UINT32_MAX,
			.editor = -1,
			.protocol_index = -1 },
		"{\"protocol\":\"tcp\",\"external\":\"198.51.100.1:50000\","
		"\"client\":\"10.0.0.9:40000\",\"flags\":[],\"filter\":[],\"editor\":null,"
		"\"path\":\"fast\",\"age_s\":0,\"connections\":0,\"expires_s\":null,"
		"\"application\":null,\"worker\":1}" },
};

static const struct doc_case others[] = {
	{ PST_SHOW_BINDS,
		{ .protocol = PST_UDP,
			.inside = CLIENT,
			.outside = OURS,
			.connections = 2,
			.age_ms = 5000,
			.expires_ms = 300000 },
		"{\"protocol\":\"udp\",\"inside\":\"10.0.0.9:40000\","
		"\"outside\":\"198.51.100.1:50000\",\"remote\":null,\"connections\":2,"
		"\"age_s\":5,\"expires_s\":300,\"worker\":1}" },
	{ PST_SHOW_BINDS,
		{ .protocol = PST_TCP,
			.inside = CLIENT,
			.outside = OURS,
			.remote = SERVER,
			.expires_ms = UINT32_MAX },
		"{\"protocol\":\"tcp\",\"inside\":\"10.0.0.9:40000\","
		"\"outside\":\"198.51.100.1:50000\",\"remote\":\"203.0.113.9:21\","
		"\"connections\":0,\"age_s\":0,\"expires_s\":null,\"worker\":1}" },
	{ PST_SHOW_POOLS,
		{ .protocol = PST_TCP,
			.outside = { 0xc6336401, 0 },
			.runs = 0x80000000ffffffff,
			.ports_used = 10,
			.ports_free = 31733,
			.ports_resting = 1 },
		"{\"worker\":1,\"address\":\"198.51.100.1\",\"clients\":null,"
		"\"protocol\":\"tcp\",\"range\":\"1024-32767,64512-65535\",\"used\":10,\"free\":31733,"
		"\"resting\":1}" },
	{ PST_SHOW_POOLS, { .protocol = 99, .outside = { 0xc6336416, 0 } },
		"{\"worker\":1,\"address\":\"198.51.100.22\","
		"\"clients\":[\"10.0.9.0-10.0.9.255\"],\"protocol\":\"99\",\"range\":null,"
		"\"used\":0,\"free\":0,\"resting\":0}" },
	{ PST_SHOW_BLOCKS,
		{ .inside = { 0x0a000009, 0 },
			.outside = { 0xc6336401, 2048 },
			.remote = { 0, 2303 },
			.ports_used = 0,
			.expires_ms = 61999 },
		"{\"client\":\"10.0.0.9\",\"address\":\"198.51.100.1\",\"range\":\"2048-2303\","
		"\"used\":0,\"expires_s\":61,\"worker\":1}" },
	{ PST_SHOW_BLOCKS,
		{ .outside = { 0xc6336401, 2048 },
			.remote = { 0, 2303 },
			.ports_used = 3,
			.expires_ms = UINT32_MAX },
		"{\"client\":null,\"address\":\"198.51.100.1\",\"range\":\"2048-2303\","
		"\"used\":3,\"expires_s\":null,\"worker\":1}" },
	{ PST_SHOW_CLIENTS,
		{ .inside = { 0x0a000009, 0 },
			.outside = { 0xc6336401, 0 },
			.connections = 3,
			.ports_used = 2,
			.age_ms = 9999 },
		"{\"client\":\"10.0.0.9\",\"outside\":\"198.51.100.1\",\"connections\":3,"
		"\"ports\":2,\"blocks\":0,\"age_s\":9,\"worker\":1}" },
};

static void
check(const struct doc_case *cases, size_t n)
{
	struct appliance a;

	appliance_start(&a, 0);
	for (size_t i = 0; i < n; i++) {
		json_t *json = pst_doc_row(&a.params, cases[i].table, 1, &cases[i].row);
		char *text = json_dumps(json, JSON_COMPACT);

		assert_string_equal(text, cases[i].json);
		free(text);
		json_decref(json);
	}
	appliance_stop(&a);
}

static void
connections_are_written_as_promised(void **state)
{
	(void)state;
	check(connections, RTE_DIM(connections));
}

static void
listeners_are_written_as_promised(void **state)
{
	(void)state;
	check(listeners, RTE_DIM(listeners));
}

static void
binds_pools_and_clients_are_written_as_promised(void **state)
{
	(void)state;
	check(others, RTE_DIM(others));
}

static void
a_server_that_knows_no_names_still_has_rows(void **state)
{
	const struct pst_control_params nothing = { 0 };

	(void)state;
	for (size_t i = 0; i < RTE_DIM(listeners); i++)
		json_decref(pst_doc_row(&nothing, listeners[i].table, 0, &listeners[i].row));
	for (size_t i = 0; i < RTE_DIM(connections); i++) {
		json_t *json = pst_doc_row(&nothing, connections[i].table, 0, &connections[i].row);

		assert_non_null(json);
		json_decref(json);
	}
}

static void
a_name_cut_within_a_letter_is_still_text(void **state)
{
	json_t *json = pst_doc_text("caf\xc3");

	(void)state;
	assert_string_equal(json_string_value(json), "caf?");
	json_decref(json);
	json = pst_doc_text("caf\xc3\xa9");
	assert_string_equal(json_string_value(json), "caf\xc3\xa9");
	json_decref(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_written_as_promised),
		cmocka_unit_test(listeners_are_written_as_promised),
		cmocka_unit_test(binds_pools_and_clients_are_written_as_promised),
		cmocka_unit_test(a_server_that_knows_no_names_still_has_rows),
		cmocka_unit_test(a_name_cut_within_a_letter_is_still_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
