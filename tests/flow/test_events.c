/* SPDX-License-Identifier: BSD-3-Clause */
/* What a whole appliance tells its event log of what happens to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rte_tcp.h>

#include "box.h"
#include "eal.h"
#include "talk.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define OUTSIDE IP(198, 18, 0, 1)
#define LINES 4096

static struct {
	struct box b;
	struct pst_eventlog *log;
	char lines[LINES][PST_RECORD_LINE];
	uint32_t n;
} test;

static uint64_t
wall(void *ctx)
{
	(void)ctx;
	return test.b.now_ms;
}

static void
hear(void *ctx, const struct pst_record *record, const char *line, size_t len)
{
	(void)ctx;
	(void)record;
	assert_true(test.n < LINES);
	snprintf(test.lines[test.n++], PST_RECORD_LINE, "%.*s", (int)len, line);
}

/* A box and a log of these kinds, which a test reads as one who watches. */
static void
start(const struct pst_config *c, uint32_t kinds)
{
	static const char *const ifaces[] = { "inside", "outside" };
	static const char *const editors[] = { "ftp" };
	const struct pst_eventlog_params p = { .wall = wall,
		.names = { .ifaces = ifaces, .n_ifaces = 2, .editors = editors, .n_editors = 1 } };
	char error[256];

	test.n = 0;
	test.b.now_ms = 1000;
	test.log = pst_eventlog_create(&p, 1000, error, sizeof(error));
	assert_non_null(test.log);
	pst_eventlog_watch(test.log, kinds, hear, NULL);
	box_init_with(&test.b, c, 0, (struct pst_appliance_params){ .eventlog = test.log });
}

static void
drain(void)
{
	while (pst_eventlog_poll(test.log, test.b.now_ms) > 0)
		;
}

static void
end(void)
{
	drain();
	box_fini(&test.b);
	pst_eventlog_destroy(test.log, test.b.now_ms);
}

/* How many lines hold all of the texts, from line `from` on. */
static uint32_t
count(uint32_t from, const char *a, const char *b)
{
	uint32_t n = 0;

	drain();
	for (uint32_t i = from; i < test.n; i++)
		n += strstr(test.lines[i], a) != NULL && strstr(test.lines[i], b) != NULL;
	return n;
}

/* What the client was told. */
static void
drop_all(void)
{
	struct rte_mbuf *m;

	while ((m = box_get(&test.b, BOX_INSIDE)) != NULL)
		rte_pktmbuf_free(m);
}

static struct pkt
send_out(uint16_t sport, uint32_t to)
{
	struct pkt in = pkt_udp(CLIENT, sport, to, 53), out;

	assert_true(box_pass_through(&test.b, BOX_INSIDE, &in, &out));
	return out;
}

/* Two servers: one mapping, two connections; all end, with what they carried. */
static void
mappings_and_connections_begin_and_end(void **state)
{
	static struct pst_config c;
	char outside[64];
	struct pkt out, back, got;

	(void)state;
	box_config(&c, 2, 1);
	start(&c, PST_RECORD_MASK(BIND) | PST_RECORD_MASK(CONNECTION));
	out = send_out(5000, SERVER);
	send_out(5000, SERVER + 1);
	back = pkt_answer(&out);
	assert_true(box_pass_through(&test.b, BOX_OUTSIDE, &back, &got));
	snprintf(outside, sizeof(outside), "\"outside\":\"198.18.0.1:%u\"", out.sport);
	assert_int_equal(count(0, "bind-open", outside), 1);
	assert_int_equal(count(0, "bind-open", "\"udp\",\"inside\":\"10.1.1.7:5000\""), 1);
	assert_int_equal(count(0, "connection-open", outside), 2);
	assert_int_equal(count(0, "connection-open", "\"remote\":\"198.18.0.9:53\""), 1);
	box_pass(&test.b, 310000);
	assert_int_equal(count(0, "bind-close", outside), 1);
	assert_int_equal(count(0, "connection-close", "\"packets_orig\":1,\"packets_reply\":1"), 1);
	assert_int_equal(count(0, "connection-close", "\"packets_orig\":1,\"packets_reply\":0"), 1);
	assert_int_equal(
		count(0, "address-open", "\"client\":\"10.1.1.7\",\"address\":\"198.18.0.1\""), 1);
	assert_int_equal(count(0, "address-close", "\"client\":\"10.1.1.7\""), 1);
	assert_int_equal(test.n, 8);
	end();
}

static void
nothing_is_told_that_nobody_wants(void **state)
{
	static struct pst_config c;

	(void)state;
	box_config(&c, 1, 1);
	start(&c, PST_RECORD_MASK(LINK));
	send_out(5000, SERVER);
	assert_int_equal(rte_ring_count(test.b.a->queues[0]->ring), 0);
	assert_int_equal(count(0, "", ""), 0);
	box_pass(&test.b, 310000);
	end();
}

/* What the editor opens: whose it is, by whom, and its end. */
static void
listeners_are_told(void **state)
{
	struct talk_end client = {
		.port = BOX_INSIDE, .ip = CLIENT, .peer = SERVER, .sport = 4000, .dport = 21
	};
	struct talk_end server = { .port = BOX_OUTSIDE, .ip = SERVER, .sport = 21 };
	static struct pst_config c;

	(void)state;
	box_config(&c, 1, 1);
	c.editors[c.n_editors++] = (struct pst_config_editor){ "ftp", true };
	start(&c, PST_RECORD_MASK(LISTENER));
	talk_connect(&test.b, &client, &server);
	talk_say(&test.b, &client, &server, "PORT 10,1,1,7,188,163\r\n");
	assert_int_equal(
		count(0, "listener-open", "\"client\":\"10.1.1.7:48291\",\"editor\":\"ftp\""), 1);
	assert_int_equal(count(0, "\"external\":\"198.18.0.1:", "\"protocol\":\"tcp\""), 1);
	talk_reset(&test.b, &client, &server);
	box_pass(&test.b, 7500000);
	assert_int_equal(count(0, "listener-close", "\"client\":\"10.1.1.7:48291\""), 1);
	end();
}

/* The two that a record of a block has are of one number each. */
static void
blocks_are_told_with_their_numbers(void **state)
{
	static struct pst_config c;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.port_block = 256;
	start(&c, PST_RECORD_MASK(BLOCK));
	send_out(5000, SERVER);
	assert_int_equal(count(0, "block-open", "\"worker\":0,\"record\":0"), 1);
	box_pass(&test.b, 500000);
	assert_int_equal(count(0, "block-close", "\"worker\":0,\"record\":1"), 1);
	assert_int_equal(
		count(0, "\"client\":\"10.1.1.7\",\"address\":\"198.18.0.1\"", "range"), 2);
	assert_int_equal(test.n, 2);
	end();
}

/* More blocks than wait for main: the numbers have a gap, and so the log says. */
static void
lost_records_of_blocks_are_said(void **state)
{
	static struct pst_config c;
	struct pkt in;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.port_block = 16;
	c.nat.ports_per_client = 16;
	start(&c, PST_RECORD_MASK(BLOCK) | PST_RECORD_MASK(LOST));
	pst_lcore_set_role(PST_ROLE_WORKER, 0);
	for (uint32_t i = 0; i < 700; i++) { /* main sleeps */
		in = pkt_udp(IP(10, 1, 1 + i / 200, 1 + i % 200), 5000, SERVER, 53);
		box_put(&test.b, BOX_INSIDE, &in);
		pst_worker_poll(test.b.a->workers[0], test.b.now_ms);
	}
	box_settle(&test.b);
	in = pkt_udp(IP(10, 1, 9, 9), 5000, SERVER, 53); /* the next number */
	box_put(&test.b, BOX_INSIDE, &in);
	box_settle(&test.b);
	assert_int_equal(count(0, "\"lost\"", "\"kind\":\"blocks\",\"count\":"), 1);
	assert_true(count(0, "block-open", "") >= 512);
	drain();
	box_stop(&test.b);
	pst_eventlog_destroy(test.log, test.b.now_ms);
}

static void
what_is_refused_is_told_with_its_reason(void **state)
{
	static struct pst_config c;
	struct pkt in;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.ports_per_client = 1;
	c.n_rules = 1;
	c.rules[0] = (struct pst_config_rule){ .name = "web only",
		.allow = true,
		.n_destinations = 1,
		.destinations = { { SERVER, SERVER } } };
	start(&c, PST_RECORD_MASK(LIMIT) | PST_RECORD_MASK(FILTER));
	send_out(5000, SERVER);
	in = pkt_udp(CLIENT, 5001, SERVER, 53);
	box_put(&test.b, BOX_INSIDE, &in);
	box_settle(&test.b);
	assert_int_equal(count(0, "\"limit\"", "\"reason\":\"client_ports\""), 1);
	in = pkt_udp(CLIENT, 5002, SERVER + 1, 53);
	box_put(&test.b, BOX_INSIDE, &in);
	box_settle(&test.b);
	assert_int_equal(
		count(0, "\"refused\"", "\"to\":\"198.18.0.10:53\",\"reason\":\"rule\""), 1);
	drop_all();
	box_pass(&test.b, 310000);
	end();
}

/* More refusals than main reads: the rest is counted. */
static void
a_flood_of_refusals_is_counted(void **state)
{
	static struct pst_config c;
	uint64_t lost;
	char cut[80];

	(void)state;
	box_config(&c, 1, 1);
	c.n_rules = 1;
	c.rules[0] = (struct pst_config_rule){ .name = "nobody", .allow = false };
	start(&c, PST_RECORD_MASK(FILTER) | PST_RECORD_MASK(LOST));
	pst_lcore_set_role(PST_ROLE_WORKER, 0);
	for (uint32_t i = 0; i < 300; i++) {
		struct pkt in = pkt_udp(CLIENT, 5000 + i, SERVER, 53);

		box_put(&test.b, BOX_INSIDE, &in);
		pst_worker_poll(test.b.a->workers[0], test.b.now_ms);
	}
	lost = test.b.a->queues[0]->lost[PST_RECORD_FILTER_BIT];
	assert_true(lost > 100);
	box_settle(&test.b);
	assert_int_equal(count(0, "\"refused\"", ""), 100); /* and no more in this second */
	assert_int_equal(count(0, "\"lost\"", "\"worker\":0,\"kind\":\"filters\""), 1);
	box_pass(&test.b, 1000);
	snprintf(cut, sizeof(cut), "\"source\":\"rate\",\"kind\":\"filters\",\"count\":%lu,",
		200 - lost);
	assert_int_equal(count(0, "\"lost\"", cut), 1);
	drain();
	box_stop(&test.b);
	pst_eventlog_destroy(test.log, test.b.now_ms);
}

static void
neighbours_come_and_go(void **state)
{
	static struct pst_config c;

	(void)state;
	box_config(&c, 1, 1);
	start(&c, PST_RECORD_MASK(NEIGHBOUR));
	send_out(5000, SERVER);
	assert_int_equal(count(0, "neighbour-up",
				 "\"interface\":\"outside\",\"address\":"
				 "\"198.18.0.9\",\"mac\":\"02:00:00:00:00:09\""),
		1);
	test.b.no_arp = true;
	box_pass(&test.b, 310000);
	assert_int_equal(count(0, "neighbour-down", "\"address\":\"198.18.0.9\""), 1);
	assert_int_equal(count(0, "neighbour-up", ""), 1); /* it was refreshed, not new */
	end();
}

static int
set_up(void **state)
{
	(void)state;
	test_eal_init(256);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_and_connections_begin_and_end),
		cmocka_unit_test(nothing_is_told_that_nobody_wants),
		cmocka_unit_test(listeners_are_told),
		cmocka_unit_test(blocks_are_told_with_their_numbers),
		cmocka_unit_test(lost_records_of_blocks_are_said),
		cmocka_unit_test(what_is_refused_is_told_with_its_reason),
		cmocka_unit_test(a_flood_of_refusals_is_counted),
		cmocka_unit_test(neighbours_come_and_go),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
