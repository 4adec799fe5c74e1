/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TFTP through the whole appliance: a client inside asks a server outside, which answers
 * from a port of its own, under each way to filter; and a client outside a published server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"
#include "tftp/tftp.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define SECOND IP(198, 18, 0, 10)
#define OUTSIDE IP(198, 18, 0, 1)

#define TFTP 69
#define TID 40000 /* the server's, of its first answer */
#define BLOCKS 3
#define BLOCK 512

#define TFTP_EDITOR 1 /* its place in the list */

#define RRQ "\0\1boot.bin\0octet"
#define WRQ "\0\2boot.bin\0octet"

static const enum pst_behaviour modes[] = {
	PST_ENDPOINT_INDEPENDENT,
	PST_ADDRESS_DEPENDENT,
	PST_ADDRESS_AND_PORT_DEPENDENT,
};

static struct pkt
udp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, const void *data, uint32_t len)
{
	return (struct pkt){ .proto = IPPROTO_UDP,
		.src = src,
		.sport = sport,
		.dst = dst,
		.dport = dport,
		.data = data,
		.len = len };
}

static void
config(struct pst_config *c, uint32_t workers, enum pst_behaviour filtering)
{
	box_config(c, workers, 1);
	c->nat.filtering = filtering;
	c->n_editors = 1;
	strcpy(c->editors[0].name, "tftp");
	c->editors[0].enabled = true;
}

static void
start(struct box *b, uint32_t workers, enum pst_behaviour filtering)
{
	struct pst_config c;

	config(&c, workers, filtering);
	box_init(b, &c, 0);
}

static uint64_t
counter(const struct box *b, enum pst_tftp_counter i)
{
	return pst_runtime_counters(b->a->runtimes[0], TFTP_EDITOR)[i];
}

/* A request as it comes out; the outside port of its client. */
static uint16_t
ask(struct box *b, uint16_t port, uint32_t server, const void *request, uint32_t len)
{
	struct pkt in = udp(CLIENT, port, server, TFTP, request, len), out;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.dst, server);
	assert_int_equal(out.dport, TFTP);
	assert_int_equal(out.src, OUTSIDE);
	assert_int_equal(out.len, len);
	return out.sport;
}

/* A datagram that goes through whole. */
static void
from_server(
	struct box *b, uint16_t port, uint16_t mapped, uint16_t tid, const void *data, uint32_t len)
{
	struct pkt in = udp(SERVER, tid, OUTSIDE, mapped, data, len), out;

	assert_true(box_pass_through(b, BOX_OUTSIDE, &in, &out));
	assert_int_equal(out.src, SERVER);
	assert_int_equal(out.sport, tid);
	assert_int_equal(out.dst, CLIENT);
	assert_int_equal(out.dport, port);
	assert_int_equal(out.len, len);
}

static void
from_client(
	struct box *b, uint16_t port, uint16_t mapped, uint16_t tid, const void *data, uint32_t len)
{
	struct pkt in = udp(CLIENT, port, SERVER, tid, data, len), out;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.src, OUTSIDE);
	assert_int_equal(out.sport, mapped);
	assert_int_equal(out.dst, SERVER);
	assert_int_equal(out.dport, tid);
	assert_int_equal(out.len, len);
}

static void
exchange(struct box *b, uint16_t port, uint16_t mapped, uint16_t tid, bool is_data_in)
{
	uint8_t block[4 + BLOCK] = { 0, 3 }, ack[4] = { 0, 4 };

	for (uint8_t i = 1; i <= BLOCKS; i++) {
		block[3] = ack[3] = i;
		if (is_data_in) {
			from_server(b, port, mapped, tid, block, sizeof(block) - (i == BLOCKS));
			from_client(b, port, mapped, tid, ack, sizeof(ack));
		} else {
			from_client(b, port, mapped, tid, block, sizeof(block) - (i == BLOCKS));
			from_server(b, port, mapped, tid, ack, sizeof(ack));
		}
	}
}

static void
get(struct box *b, uint16_t port, uint16_t mapped, uint16_t tid)
{
	exchange(b, port, mapped, tid, true);
}

/* The server acknowledges the request first. */
static void
put(struct box *b, uint16_t port, uint16_t mapped, uint16_t tid)
{
	from_server(b, port, mapped, tid, "\0\4\0\0", 4);
	exchange(b, port, mapped, tid, false);
}

static void
get_and_put_work_under_each_filtering(void **state)
{
	struct box b;

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(modes); i++) {
		for (uint32_t workers = 1; workers <= 4; workers *= 4) {
			uint16_t mapped;

			start(&b, workers, modes[i]);
			mapped = ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
			get(&b, 5000, mapped, TID);
			mapped = ask(&b, 5001, SERVER, WRQ, sizeof(WRQ));
			put(&b, 5001, mapped, TID + 1);
			assert_int_equal(counter(&b, PST_TFTP_REQUESTS), 2);
			assert_int_equal(counter(&b, PST_TFTP_OPENED), 2);
			assert_int_equal(counter(&b, PST_TFTP_FAILED), 0);
			box_fini(&b);
		}
	}
}

static void
other_hosts_cannot_send_to_the_mapping(void **state)
{
	static const uint8_t data[] = { 0, 3, 0, 1, 'x' };
	struct box b;

	(void)state;
	for (uint32_t i = 1; i < RTE_DIM(modes); i++) { /* the first admits everybody anyway */
		struct pkt in;
		uint16_t mapped, other;

		start(&b, 2, modes[i]);
		mapped = ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
		in = udp(SECOND, TID, OUTSIDE, mapped, data, sizeof(data));
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_FILTERED);
		in = udp(SECOND, TFTP, OUTSIDE, mapped, data, sizeof(data));
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_FILTERED);
		get(&b, 5000, mapped, TID);
		/* nor can the server to what the client does elsewhere */
		in = udp(CLIENT, 6000, SECOND, 53, data, sizeof(data));
		assert_true(box_pass_through(&b, BOX_INSIDE, &in, &in));
		other = in.sport;
		assert_int_not_equal(other, mapped);
		in = udp(SERVER, TID, OUTSIDE, other, data, sizeof(data));
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_FILTERED);
		box_fini(&b);
	}
}

static void
what_is_no_request_opens_nothing(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t len;
	} others[] = {
		{ "", 0 },
		{ RRQ, sizeof(RRQ) - 1 },
		{ "\0\3\0\1data", 8 },
		{ "\0\4\0\1", 4 },
		{ "hello", 5 },
	};
	struct box b;

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(others); i++) {
		struct pkt in;
		uint16_t mapped;

		start(&b, 2, PST_ADDRESS_AND_PORT_DEPENDENT);
		mapped = ask(&b, 5000, SERVER, others[i].bytes, others[i].len);
		in = udp(SERVER, TID, OUTSIDE, mapped, "\0\3\0\1", 4);
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_FILTERED);
		/* the server's own port may answer, and later requests are too late */
		from_server(&b, 5000, mapped, TFTP, "\0\5\0\4no", 7);
		ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_FILTERED);
		assert_int_equal(counter(&b, PST_TFTP_UNPARSED), 1);
		assert_int_equal(counter(&b, PST_TFTP_REQUESTS), 0);
		box_fini(&b);
	}
}

static void
without_the_editor_strict_filtering_drops_the_answer(void **state)
{
	struct pst_config c;
	struct box b;

	(void)state;
	for (int named = 0; named < 2; named++) {
		struct pkt in;
		uint16_t mapped;

		config(&c, 2, PST_ADDRESS_AND_PORT_DEPENDENT);
		c.n_editors = named; /* off without a word, and when switched off */
		c.editors[0].enabled = false;
		box_init(&b, &c, 0);
		mapped = ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
		in = udp(SERVER, TID, OUTSIDE, mapped, "\0\3\0\1", 4);
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_FILTERED);
		assert_int_equal(counter(&b, PST_TFTP_REQUESTS), 0);
		box_fini(&b);
	}
}

static uint64_t
lent(const struct box *b)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < b->a->n_workers; w++)
		n += pst_worker_stats(b->a->workers[w])->lent;
	return n;
}

static void
only_the_request_goes_by_way_of_the_editor(void **state)
{
	uint16_t mapped;
	struct box b;

	(void)state;
	start(&b, 2, PST_ADDRESS_AND_PORT_DEPENDENT);
	mapped = ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
	assert_int_equal(lent(&b), 1);
	get(&b, 5000, mapped, TID);
	/* the same socket asks again, as Debian's client does */
	assert_int_equal(ask(&b, 5000, SERVER, WRQ, sizeof(WRQ)), mapped);
	put(&b, 5000, mapped, TID + 1);
	assert_int_equal(lent(&b), 1);
	assert_int_equal(counter(&b, PST_TFTP_OPENED), 1);
	box_fini(&b);
}

/* The mapping outlives the connection to port 69; a request then makes a new one. */
static void
a_request_in_a_long_transfer_is_a_new_one(void **state)
{
	uint16_t mapped;
	struct box b;

	(void)state;
	start(&b, 2, PST_ADDRESS_AND_PORT_DEPENDENT);
	mapped = ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
	for (int i = 0; i < 5; i++) {
		get(&b, 5000, mapped, TID);
		box_pass(&b, 100 * 1000);
	}
	assert_int_equal(box_connections(&b), 1);
	assert_int_equal(ask(&b, 5000, SERVER, RRQ, sizeof(RRQ)), mapped);
	assert_int_equal(counter(&b, PST_TFTP_REQUESTS), 2);
	assert_int_equal(counter(&b, PST_TFTP_OPENED), 2);
	get(&b, 5000, mapped, TID + 1);
	box_fini(&b);
}

static void
one_socket_may_ask_two_servers(void **state)
{
	struct pkt in, out;
	uint16_t mapped;
	struct box b;

	(void)state;
	start(&b, 2, PST_ADDRESS_AND_PORT_DEPENDENT);
	mapped = ask(&b, 5000, SECOND, RRQ, sizeof(RRQ));
	assert_int_equal(ask(&b, 5000, SERVER, RRQ, sizeof(RRQ)), mapped);
	get(&b, 5000, mapped, TID);
	in = udp(SECOND, TID, OUTSIDE, mapped, "\0\3\0\1", 4);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
	assert_int_equal(counter(&b, PST_TFTP_OPENED), 2);
	box_fini(&b);
}

/* Each destination has a mapping of its own, the server's new port too. */
static void
it_is_the_requests_mapping_under_each_way_to_map(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(modes); i++) {
		struct pst_config c;
		struct pkt in;
		uint16_t mapped;
		struct box b;

		config(&c, 2, PST_ADDRESS_AND_PORT_DEPENDENT);
		c.nat.mapping = modes[i];
		box_init(&b, &c, 0);
		mapped = ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
		get(&b, 5000, mapped, TID);
		in = udp(SECOND, TID, OUTSIDE, mapped, "\0\3\0\1", 4);
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_FILTERED);
		box_fini(&b);
	}
}

/* Rules that allow this and deny the rest. */
static void
allow_tftp(struct pst_config *c, uint32_t first, uint32_t last)
{
	struct pst_config_rule *rule = &c->rules[0];

	c->n_rules = 1;
	strcpy(rule->name, "tftp");
	rule->allow = true;
	rule->n_protocols = 1;
	strcpy(rule->protocols[0], "tftp");
	rule->n_destinations = 1;
	rule->destinations[0] = (struct pst_range){ first, last };
}

static void
rules_on_the_protocol_and_its_servers_hold(void **state)
{
	struct pkt in = udp(CLIENT, 5000, SECOND, TFTP, RRQ, sizeof(RRQ));
	struct pst_config c;
	uint16_t mapped;
	struct box b;

	(void)state;
	config(&c, 2, PST_ADDRESS_AND_PORT_DEPENDENT);
	allow_tftp(&c, SERVER, SERVER);
	box_init(&b, &c, 0);
	mapped = ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
	assert_int_equal(counter(&b, PST_TFTP_REFUSED), 0);
	get(&b, 5000, mapped, TID);
	in = udp(CLIENT, 5000, SECOND, TFTP, RRQ, sizeof(RRQ));
	box_put(&b, BOX_INSIDE, &in);
	box_settle(&b);
	assert_null(box_get(&b, BOX_OUTSIDE));
	assert_int_equal(counter(&b, PST_TFTP_REQUESTS), 1);
	box_fini(&b);
}

static void
a_stalled_worker_is_a_failure_and_the_next_request_works(void **state)
{
	uint16_t mapped;
	struct box b;

	(void)state;
	start(&b, 2, PST_ADDRESS_AND_PORT_DEPENDENT);
	b.stalled = true;
	ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
	assert_int_equal(counter(&b, PST_TFTP_FAILED), 1);
	b.stalled = false;
	mapped = ask(&b, 5000, SERVER, RRQ, sizeof(RRQ));
	assert_int_equal(counter(&b, PST_TFTP_OPENED), 1);
	get(&b, 5000, mapped, TID);
	box_fini(&b);
}

/* A server inside, published at the second of two outside addresses. */

#define REMOTE_PORT 40000
#define SECOND_OUTSIDE IP(198, 18, 0, 2)

static void
start_published(struct box *b, uint32_t workers)
{
	struct pst_config c;

	config(&c, workers, PST_ADDRESS_AND_PORT_DEPENDENT);
	c.nat.pool[0].last = SECOND_OUTSIDE;
	c.n_publish = 1;
	c.publish[0] = (struct pst_config_publish){ .name = "boot",
		.transport = PST_UDP,
		.external = { SECOND_OUTSIDE, TFTP },
		.internal = { CLIENT, TFTP } };
	c.n_rules = 1;
	c.rules[0] = (struct pst_config_rule){
		.name = "this", .allow = true, .protocols = { "tftp" }, .n_protocols = 1
	};
	box_init(b, &c, 0);
}

/* A client outside asks; the server hears it. */
static void
ask_published(struct box *b, uint16_t port, const void *data, uint32_t len)
{
	struct pkt in = udp(SERVER, port, SECOND_OUTSIDE, TFTP, data, len), out;

	assert_true(box_pass_through(b, BOX_OUTSIDE, &in, &out));
	assert_int_equal(out.dst, CLIENT);
	assert_int_equal(out.dport, TFTP);
	assert_int_equal(out.sport, port);
	assert_int_equal(out.len, len);
}

/* From a new port of the server, and the client goes on with that. */
static void
answer_comes(struct box *b, uint16_t tid, uint16_t port)
{
	struct pkt in = udp(CLIENT, tid, SERVER, port, "\0\3\0\1", 4), out;

	for (int i = 0; i < 3; i++) {
		assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
		assert_int_equal(out.src, SECOND_OUTSIDE);
		assert_int_equal(out.dport, port);
		out = udp(SERVER, port, SECOND_OUTSIDE, out.sport, "\0\4\0\1", 4);
		assert_true(box_pass_through(b, BOX_OUTSIDE, &out, &out));
		assert_int_equal(out.dst, CLIENT);
		assert_int_equal(out.dport, tid);
	}
}

/* The sender is told that it is forbidden. */
static void
answer_is_denied(struct box *b, uint16_t tid, uint32_t client, uint16_t port)
{
	struct pkt in = udp(CLIENT, tid, client, port, "\0\3\0\1", 4);
	struct rte_mbuf *m;

	box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_RULE);
	while ((m = box_get(b, BOX_INSIDE)) != NULL)
		rte_pktmbuf_free(m);
}

static void
a_server_inside_may_answer_each_request_once(void **state)
{
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 4) {
		start_published(&b, workers);
		answer_is_denied(&b, TID, SERVER, REMOTE_PORT);
		ask_published(&b, REMOTE_PORT, RRQ, sizeof(RRQ));
		answer_is_denied(&b, TID, SECOND, REMOTE_PORT);
		answer_is_denied(&b, TID, SERVER, REMOTE_PORT + 1);
		answer_comes(&b, TID, REMOTE_PORT);
		answer_is_denied(&b, TID + 1, SERVER, REMOTE_PORT);
		/* from the same socket again: two times, and the server answers both */
		ask_published(&b, REMOTE_PORT, WRQ, sizeof(WRQ));
		ask_published(&b, REMOTE_PORT, WRQ, sizeof(WRQ));
		answer_comes(&b, TID + 2, REMOTE_PORT);
		answer_is_denied(&b, TID + 3, SERVER, REMOTE_PORT);
		assert_int_equal(counter(&b, PST_TFTP_REQUESTS), 3);
		assert_int_equal(counter(&b, PST_TFTP_OPENED), 3);
		box_fini(&b);
	}
}

static void
a_permission_of_a_server_inside_lapses(void **state)
{
	struct box b;

	(void)state;
	start_published(&b, 2);
	ask_published(&b, REMOTE_PORT, RRQ, sizeof(RRQ));
	box_pass(&b, 59 * 1000);
	ask_published(&b, REMOTE_PORT + 1, RRQ, sizeof(RRQ));
	box_pass(&b, 2 * 1000);
	answer_is_denied(&b, TID, SERVER, REMOTE_PORT);
	answer_comes(&b, TID, REMOTE_PORT + 1);
	box_fini(&b);
}

static void
what_is_no_request_permits_a_server_inside_nothing(void **state)
{
	struct box b;

	(void)state;
	start_published(&b, 2);
	ask_published(&b, REMOTE_PORT, "hello", 5);
	answer_is_denied(&b, TID, SERVER, REMOTE_PORT);
	ask_published(&b, REMOTE_PORT, RRQ, sizeof(RRQ));
	answer_is_denied(&b, TID, SERVER, REMOTE_PORT);
	assert_int_equal(counter(&b, PST_TFTP_UNPARSED), 1);
	assert_int_equal(counter(&b, PST_TFTP_REQUESTS), 0);
	box_fini(&b);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(512);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_and_put_work_under_each_filtering),
		cmocka_unit_test(other_hosts_cannot_send_to_the_mapping),
		cmocka_unit_test(what_is_no_request_opens_nothing),
		cmocka_unit_test(without_the_editor_strict_filtering_drops_the_answer),
		cmocka_unit_test(only_the_request_goes_by_way_of_the_editor),
		cmocka_unit_test(a_request_in_a_long_transfer_is_a_new_one),
		cmocka_unit_test(one_socket_may_ask_two_servers),
		cmocka_unit_test(it_is_the_requests_mapping_under_each_way_to_map),
		cmocka_unit_test(rules_on_the_protocol_and_its_servers_hold),
		cmocka_unit_test(a_stalled_worker_is_a_failure_and_the_next_request_works),
		cmocka_unit_test(a_server_inside_may_answer_each_request_once),
		cmocka_unit_test(a_permission_of_a_server_inside_lapses),
		cmocka_unit_test(what_is_no_request_permits_a_server_inside_nothing),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
