/* SPDX-License-Identifier: BSD-3-Clause */
/* Each type of record, and the line that it makes. */
#include "eventlog/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/counter.h"

#define WALL_MS UINT64_C(1795595400125) /* 2026-11-25T08:30:00.125Z */
#define AT(a, b, c, d, port)                                                                       \
	{                                                                                          \
		(uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d), port                             \
	}
#define INSIDE AT(10, 0, 0, 7, 5000)
#define OUTSIDE AT(198, 51, 100, 10, 40001)
#define REMOTE AT(192, 0, 2, 1, 53)

static const char *
rule_name(const void *ctx, bool is_filter, uint64_t place)
{
	(void)ctx;
	if ((int64_t)place < 0)
		return NULL;
	return is_filter ? "the \"office\"" : "no irc";
}

static const char *const ifaces[] = { "inside", "outside" };
static const char *const editors[] = { "ftp", "tftp" };
static const struct pst_record_names names = { .ifaces = ifaces,
	.n_ifaces = 2,
	.editors = editors,
	.n_editors = 2,
	.rule = rule_name,
	.kinds = PST_RECORD_MASK(BIND) | PST_RECORD_MASK(CONFIG),
	.port_block = 256 };

static const struct {
	struct pst_record record;
	const char *text; /* behind the time */
} table[] = {
	{ { .type = PST_RECORD_BIND_OPEN,
		  .protocol = PST_UDP,
		  .inside = INSIDE,
		  .outside = OUTSIDE },
		"\"event\":\"bind-open\",\"protocol\":\"udp\",\"inside\":\"10.0.0.7:5000\","
		"\"outside\":\"198.51.100.10:40001\"" },
	{ { .type = PST_RECORD_BIND_CLOSE,
		  .protocol = 47,
		  .inside = AT(10, 0, 0, 7, 0),
		  .outside = AT(198, 51, 100, 10, 0),
		  .remote = AT(192, 0, 2, 1, 0) },
		"\"event\":\"bind-close\",\"protocol\":\"gre\",\"inside\":\"10.0.0.7:0\","
		"\"outside\":\"198.51.100.10:0\",\"remote\":\"192.0.2.1:0\"" },
	{ { .type = PST_RECORD_ADDRESS_OPEN,
		  .inside = AT(10, 0, 0, 7, 0),
		  .outside = AT(198, 51, 100, 10, 0) },
		"\"event\":\"address-open\",\"client\":\"10.0.0.7\",\"address\":\"198.51.100."
		"10\"" },
	{ { .type = PST_RECORD_ADDRESS_CLOSE,
		  .inside = AT(10, 0, 0, 7, 0),
		  .outside = AT(198, 51, 100, 10, 0) },
		"\"event\":\"address-close\",\"client\":\"10.0.0.7\",\"address\":\"198.51.100."
		"10\"" },
	{ { .type = PST_RECORD_LOST,
		  .source = PST_RECORD_OF_RATE,
		  .why = PST_RECORD_FILTER_BIT,
		  .number = 9 },
		"\"event\":\"lost\",\"source\":\"rate\",\"kind\":\"filters\",\"count\":9,"
		"\"since\":\"2026-11-25T08:29:59.000Z\"" },
	{ { .type = PST_RECORD_BLOCK_OPEN,
		  .index = 3,
		  .number = 17,
		  .inside = AT(10, 0, 0, 7, 0),
		  .outside = AT(198, 51, 100, 10, 2048),
		  .remote = { 0, 2303 } },
		"\"event\":\"block-open\",\"client\":\"10.0.0.7\",\"address\":\"198.51.100.10\","
		"\"range\":\"2048-2303\",\"worker\":3,\"record\":17" },
	{ { .type = PST_RECORD_BLOCK_CLOSE,
		  .inside = AT(10, 0, 0, 7, 0),
		  .outside = AT(198, 51, 100, 10, 2048),
		  .remote = { 0, 2048 } },
		"\"event\":\"block-close\",\"client\":\"10.0.0.7\",\"address\":\"198.51.100.10\","
		"\"range\":\"2048-2048\",\"worker\":0,\"record\":0" },
	{ { .type = PST_RECORD_LISTENER_OPEN,
		  .protocol = PST_TCP,
		  .inside = AT(10, 0, 0, 7, 0),
		  .outside = OUTSIDE,
		  .index = 1 },
		"\"event\":\"listener-open\",\"protocol\":\"tcp\","
		"\"external\":\"198.51.100.10:40001\",\"client\":\"10.0.0.7\",\"editor\":"
		"\"tftp\"" },
	{ { .type = PST_RECORD_LISTENER_CLIENT,
		  .protocol = PST_TCP,
		  .inside = INSIDE,
		  .outside = OUTSIDE },
		"\"event\":\"listener-client\",\"protocol\":\"tcp\","
		"\"external\":\"198.51.100.10:40001\",\"client\":\"10.0.0.7:5000\","
		"\"editor\":\"ftp\"" },
	{ { .type = PST_RECORD_LISTENER_CLOSE,
		  .flags = PST_RECORD_PUBLISHED,
		  .index = PST_RECORD_NO_EDITOR,
		  .inside = AT(10, 0, 0, 80, 0),
		  .outside = AT(198, 51, 100, 11, 0) },
		"\"event\":\"listener-close\",\"protocol\":\"any\",\"external\":\"198.51.100.11:"
		"0\","
		"\"client\":\"10.0.0.80\",\"editor\":null,\"published\":true" },
	{ { .type = PST_RECORD_CONNECTION_OPEN,
		  .protocol = PST_ICMP,
		  .inside = INSIDE,
		  .outside = OUTSIDE,
		  .remote = REMOTE },
		"\"event\":\"connection-open\",\"protocol\":\"icmp\",\"inside\":\"10.0.0.7:5000\","
		"\"outside\":\"198.51.100.10:40001\",\"remote\":\"192.0.2.1:53\","
		"\"direction\":\"out\"" },
	{ { .type = PST_RECORD_CONNECTION_CLOSE,
		  .protocol = 200,
		  .flags = PST_RECORD_INBOUND,
		  .inside = INSIDE,
		  .outside = OUTSIDE,
		  .remote = REMOTE,
		  .packets = { 3, 4 },
		  .bytes = { 180, UINT64_C(1) << 40 } },
		"\"event\":\"connection-close\",\"protocol\":\"200\",\"inside\":\"10.0.0.7:5000\","
		"\"outside\":\"198.51.100.10:40001\",\"remote\":\"192.0.2.1:53\","
		"\"direction\":\"in\",\"packets_orig\":3,\"packets_reply\":4,\"bytes_orig\":180,"
		"\"bytes_reply\":1099511627776" },
	{ { .type = PST_RECORD_LIMIT,
		  .protocol = PST_UDP,
		  .why = PST_DROP_CLIENT_PORTS,
		  .inside = INSIDE,
		  .remote = REMOTE },
		"\"event\":\"limit\",\"protocol\":\"udp\",\"from\":\"10.0.0.7:5000\","
		"\"to\":\"192.0.2.1:53\",\"reason\":\"client_ports\"" },
	{ { .type = PST_RECORD_REFUSED,
		  .protocol = PST_TCP,
		  .why = PST_DROP_RULE,
		  .inside = INSIDE,
		  .remote = REMOTE },
		"\"event\":\"refused\",\"protocol\":\"tcp\",\"from\":\"10.0.0.7:5000\","
		"\"to\":\"192.0.2.1:53\",\"reason\":\"rule\",\"rule\":\"no irc\"" },
	{ { .type = PST_RECORD_REFUSED,
		  .protocol = PST_TCP,
		  .why = PST_DROP_RULE,
		  .inside = INSIDE,
		  .remote = REMOTE,
		  .number = -1 },
		"\"event\":\"refused\",\"protocol\":\"tcp\",\"from\":\"10.0.0.7:5000\","
		"\"to\":\"192.0.2.1:53\",\"reason\":\"rule\",\"rule\":null" },
	{ { .type = PST_RECORD_REFUSED,
		  .protocol = PST_TCP,
		  .why = PST_DROP_PACKET_FILTER,
		  .inside = REMOTE,
		  .remote = OUTSIDE },
		"\"event\":\"refused\",\"protocol\":\"tcp\",\"from\":\"192.0.2.1:53\","
		"\"to\":\"198.51.100.10:40001\",\"reason\":\"packet_filter\","
		"\"rule\":\"the ?office?\"" },
	{ { .type = PST_RECORD_NEIGHBOUR_UP,
		  .index = 1,
		  .remote = REMOTE,
		  .mac = { 2, 0, 0, 0, 0, 9 } },
		"\"event\":\"neighbour-up\",\"interface\":\"outside\",\"address\":\"192.0.2.1\","
		"\"mac\":\"02:00:00:00:00:09\"" },
	{ { .type = PST_RECORD_NEIGHBOUR_DOWN, .index = 7, .remote = REMOTE },
		"\"event\":\"neighbour-down\",\"interface\":null,\"address\":\"192.0.2.1\"" },
	{ { .type = PST_RECORD_LINK_UP, .number = 10000 },
		"\"event\":\"link-up\",\"interface\":\"inside\",\"mbps\":10000" },
	{ { .type = PST_RECORD_LINK_DOWN }, "\"event\":\"link-down\",\"interface\":\"inside\"" },
	{ { .type = PST_RECORD_START },
		"\"event\":\"start\",\"version\":\"" PST_VERSION
		"\",\"kinds\":[\"binds\",\"config\"],\"port_block\":256,\"deterministic\":false" },
	{ { .type = PST_RECORD_STOP }, "\"event\":\"stop\"" },
	{ { .type = PST_RECORD_REOPEN },
		"\"event\":\"reopen\",\"version\":\"" PST_VERSION
		"\",\"kinds\":[\"binds\",\"config\"],\"port_block\":256,\"deterministic\":false" },
	{ { .type = PST_RECORD_RELOAD_APPLIED, .number = 3 },
		"\"event\":\"reload-applied\",\"changes\":3" },
	{ { .type = PST_RECORD_RELOAD_REFUSED }, "\"event\":\"reload-refused\"" },
	{ { .type = PST_RECORD_RELOAD_ROLLED_BACK }, "\"event\":\"reload-rolled-back\"" },
	{ { .type = PST_RECORD_PORTS_MOVED,
		  .index = 1,
		  .outside = { 0, 2048 },
		  .remote = { 0, 3071 } },
		"\"event\":\"ports-moved\",\"range\":\"2048-3071\",\"worker\":1" },
	{ { .type = PST_RECORD_LOST,
		  .source = PST_RECORD_OF_WORKER,
		  .index = 2,
		  .why = PST_RECORD_BIND_BIT,
		  .number = 123 },
		"\"event\":\"lost\",\"source\":\"worker\",\"worker\":2,\"kind\":\"binds\","
		"\"count\":123,\"since\":\"2026-11-25T08:29:59.000Z\"" },
	{ { .type = PST_RECORD_LOST, .source = PST_RECORD_OF_FILE, .number = 5 },
		"\"event\":\"lost\",\"source\":\"file\",\"count\":5,"
		"\"since\":\"2026-11-25T08:29:59.000Z\"" },
};

static void
each_record_has_its_line(void **state)
{
	bool seen[PST_RECORD_N_TYPES] = { false };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char line[PST_RECORD_LINE], wanted[PST_RECORD_LINE];
		size_t len =
			pst_record_json(line, &table[i].record, &names, 9, WALL_MS, WALL_MS - 1125);
		json_t *json;

		snprintf(wanted, sizeof(wanted),
			"{\"time\":\"2026-11-25T08:30:00.125Z\",\"seq\":9,%s}", table[i].text);
		assert_string_equal(line, wanted);
		assert_int_equal(len, strlen(line));
		json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(json);
		json_decref(json);
		seen[table[i].record.type] = true;
	}
	for (int t = 0; t < PST_RECORD_N_TYPES; t++)
		assert_true(seen[t]);
}

static void
who_watches_gets_no_number(void **state)
{
	const struct pst_record stop = { .type = PST_RECORD_STOP };
	char line[PST_RECORD_LINE];

	(void)state;
	pst_record_json(line, &stop, &names, PST_RECORD_NO_SEQ, WALL_MS, WALL_MS);
	assert_string_equal(line, "{\"time\":\"2026-11-25T08:30:00.125Z\",\"event\":\"stop\"}");
}

static void
the_largest_line_fits(void **state)
{
	const struct pst_record r = { .type = PST_RECORD_CONNECTION_CLOSE,
		.protocol = 255,
		.inside = { UINT32_MAX, UINT16_MAX },
		.outside = { UINT32_MAX, UINT16_MAX },
		.remote = { UINT32_MAX, UINT16_MAX },
		.packets = { UINT64_MAX, UINT64_MAX },
		.bytes = { UINT64_MAX, UINT64_MAX } };
	char line[PST_RECORD_LINE];
	size_t len;

	(void)state;
	len = pst_record_json(line, &r, &names, UINT64_MAX - 1, WALL_MS, WALL_MS);
	assert_true(len < PST_RECORD_LINE / 2);
	assert_int_equal(line[len - 1], '}');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_record_has_its_line),
		cmocka_unit_test(who_watches_gets_no_number),
		cmocka_unit_test(the_largest_line_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
