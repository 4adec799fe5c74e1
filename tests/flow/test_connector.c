/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connector through the whole appliance: what either side announces becomes an endpoint or a
 * permission, the secondaries come, and the end of the control connection ends them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "connector/connector.h"
#include "connector/msg.h"
#include "eal.h"
#include "talk.h"

#define INSIDE IP(10, 1, 1, 7)
#define PEER IP(198, 18, 0, 9)
#define SECOND IP(198, 18, 0, 10)
#define OUTSIDE IP(198, 18, 0, 1)
#define MAPPER_PORT 5351
#define PUBLISHED 24701

#define S RTE_TCP_SYN_FLAG
#define R RTE_TCP_RST_FLAG

struct talk {
	struct box b;
	struct talk_end client, server;
	uint64_t published; /* places that are open from the start */
};

/* A test editor that maps a port for a Firewall client: any datagram makes or kills the map. */

static struct {
	enum pst_proto protocol;
	struct pst_endpoint inside;
	uint16_t port;	 /* outside */
	bool for_nobody; /* no protocol is known of it yet */
	struct pst_connection *map;
	struct pst_session *session;
	int ret;
} map;

static void
mapper_data(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct pst_endpoint proxy = { OUTSIDE, map.port };
	struct pst_bind_for_client args = { .client_addresses = &map.inside,
		.client_address_len = sizeof(map.inside),
		.proxy_address = &proxy,
		.proxy_address_len = sizeof(proxy),
		.protocol = map.protocol,
		.n = 1,
		.flags = PST_FLAG_MAP | PST_FLAG_ALLOW_MULTIPLE,
		.backlog = 5,
		.connections = &map.map };

	(void)context, (void)dir, (void)bytes, (void)len, (void)end, (void)edit;
	if (map.map != NULL) {
		pst_connection_kill(map.map);
		map.map = NULL;
		return;
	}
	if (!map.for_nobody)
		args.protocol_id = pst_connector_editor.protocol;
	map.ret = pst_bind_for_client(map.session, &args);
}

static const struct pst_data_filter mapper_filter = { .data = mapper_data };

static struct pst_editor_session *
mapper_attach(struct pst_session *session)
{
	static struct pst_editor_session es;

	es = (struct pst_editor_session){ .session = session };
	map.session = session;
	return &es;
}

static int
mapper_event(struct pst_editor_session *es, const struct pst_event *event)
{
	(void)es;
	if (event->type == PST_EVENT_UDP_DESTINATION)
		return pst_connection_attach_data_filter(
			event->connection, &mapper_filter, PST_PRIORITY_MIDDLE, NULL);
	return 0;
}

static void
mapper_detach(struct pst_editor_session *es)
{
	(void)es;
}

static const struct pst_editor mapper = {
	.name = "mapper",
	.protocol_name = "Mapper",
	.protocol = { { 1 } },
	.ports = { { PST_UDP, MAPPER_PORT } },
	.default_on = true,
	.attach = mapper_attach,
	.event = mapper_event,
	.detach = mapper_detach,
};

static const struct pst_editor *const editors[] = { &pst_connector_editor, &mapper, NULL };

static uint64_t
counter(const struct talk *t, enum pst_connector_counter which)
{
	return pst_runtime_counters(t->b.a->runtimes[0], 0)[which];
}

/* Endpoints and permissions, beside what is published. */
static uint64_t
open_places(const struct talk *t)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < t->b.a->n_workers; w++)
		n += pst_worker_stats(t->b.a->workers[w])->listeners;
	return n - t->published;
}

/* The box. */

static void
start(struct talk *t, uint32_t workers, bool deny_the_rest)
{
	struct pst_config c;

	memset(t, 0, sizeof(*t));
	memset(&map, 0, sizeof(map));
	box_config(&c, workers, 1);
	c.editors[c.n_editors++] = (struct pst_config_editor){ "connector", true };
	if (deny_the_rest)
		c.rules[c.n_rules++] = (struct pst_config_rule){
			.name = "connector", .allow = true, .protocols = { "connector", "mapper" },
			.n_protocols = 2
		};
	c.publish[c.n_publish++] = (struct pst_config_publish){ .name = "connector",
		.transport = PST_TCP,
		.external = { OUTSIDE, PUBLISHED },
		.internal = { INSIDE, PST_CONNECTOR_PORT } };
	box_init_editors(&t->b, &c, editors);
	box_settle(&t->b);
	t->published = open_places(t);
}

static void
client_says(struct talk *t, const char *text)
{
	talk_say(&t->b, &t->client, &t->server, text);
}

static void
server_says(struct talk *t, const char *text)
{
	talk_say(&t->b, &t->server, &t->client, text);
}

/* A client inside, a server outside. */
static void
connect_out(struct talk *t)
{
	t->client = (struct talk_end){ .port = BOX_INSIDE, .ip = INSIDE, .sport = 4000,
		.peer = PEER, .dport = PST_CONNECTOR_PORT, .seq = 0xfffffff0 };
	t->server = (struct talk_end){ .port = BOX_OUTSIDE, .ip = PEER, .sport = PST_CONNECTOR_PORT,
		.seq = 7000 };
	talk_connect(&t->b, &t->client, &t->server);
}

/* A datagram to the mapper: the map is made, or killed. */
static void
ask_mapper(struct talk *t)
{
	struct pkt p = { .proto = IPPROTO_UDP, .src = INSIDE, .sport = 5350, .dst = SECOND,
		.dport = MAPPER_PORT, .data = "map", .len = 3 }, out;

	assert_true(box_pass_through(&t->b, BOX_INSIDE, &p, &out));
	assert_int_equal(map.ret, 0);
}

static void
map_port(struct talk *t, uint16_t port)
{
	map.protocol = PST_TCP;
	map.inside = (struct pst_endpoint){ INSIDE, PST_CONNECTOR_PORT };
	map.port = port;
	ask_mapper(t);
}

/* A server inside, a client outside. */
static void
connect_in(struct talk *t, uint16_t port)
{
	t->client = (struct talk_end){ .port = BOX_OUTSIDE, .ip = PEER, .sport = 4000,
		.peer = OUTSIDE, .dport = port, .seq = 0xfffffff0 };
	t->server = (struct talk_end){ .port = BOX_INSIDE, .ip = INSIDE,
		.sport = PST_CONNECTOR_PORT, .seq = 7000 };
	talk_connect(&t->b, &t->client, &t->server);
}

static void
finish(struct talk *t)
{
	talk_reset(&t->b, &t->client, &t->server);
	box_fini(&t->b);
}

/* The address in a line that an end got: one of ours, and a block of n. */
static uint16_t
announced(const struct talk_end *e, uint32_t n)
{
	struct pst_connector_line line;

	pst_connector_parse((const uint8_t *)e->got, e->n_got, &line);
	if (line.n != n)
		fail_msg("it got \"%s\"", e->got);
	assert_int_equal(line.endpoint.ip, OUTSIDE);
	assert_int_equal(line.endpoint.port % n, 0);
	return line.endpoint.port;
}

/* Secondaries. */

static struct pkt
first_packet(enum pst_proto proto, uint32_t from, uint16_t sport, uint32_t to, uint16_t port)
{
	return (struct pkt){ .proto = proto, .src = from, .sport = sport, .dst = to, .dport = port,
		.seq = 1, .tcp_flags = S };
}

/* By the rules; what it is told of that is not looked at. */
static void
is_denied(struct talk *t, const struct pkt *p)
{
	struct rte_mbuf *m;

	box_is_dropped(&t->b, BOX_INSIDE, p, PST_DROP_RULE);
	while ((m = box_get(&t->b, BOX_INSIDE)) != NULL)
		rte_pktmbuf_free(m);
}

static void
listen_opens_endpoints_for_the_server_alone(struct talk *t, uint32_t workers, enum pst_proto proto,
	uint32_t n)
{
	char line[64];
	uint16_t lowest;
	struct pkt p, out;

	start(t, workers, false);
	connect_out(t);
	snprintf(line, sizeof(line), "LISTEN %s %u 10.1.1.7:3001\r\n",
		proto == PST_TCP ? "tcp" : "udp", n);
	client_says(t, line);
	lowest = announced(&t->server, n);
	server_says(t, "OK\r\n");
	assert_string_equal(t->client.got, "OK\r\n");
	assert_int_equal(open_places(t), n);
	for (uint32_t i = 0; i < n; i++) {
		p = first_packet(proto, SECOND, 20, OUTSIDE, lowest + i);
		box_is_dropped(&t->b, BOX_OUTSIDE, &p, PST_DROP_IP_FILTER);
		p = first_packet(proto, PEER, 20 + i, OUTSIDE, lowest + i);
		assert_true(box_pass_through(&t->b, BOX_OUTSIDE, &p, &out));
		assert_int_equal(out.dst, INSIDE);
		assert_int_equal(out.dport, 3001 + i);
		talk_answer(&t->b, BOX_OUTSIDE, &p, &out);
	}
	assert_int_equal(counter(t, PST_CONNECTOR_USED), n);
	client_says(t, "BYE\r\n");
	box_settle(&t->b);
	assert_int_equal(open_places(t), 0);
	assert_int_equal(box_connections(&t->b), 1); /* the control connection */
	for (uint32_t i = 0; i < n; i++) {
		p = first_packet(proto, PEER, 20 + i, OUTSIDE, lowest + i);
		box_is_dropped(&t->b, BOX_OUTSIDE, &p, PST_DROP_NO_MAPPING);
	}
	finish(t);
}

static void
a_client_inside_listens(void **state)
{
	static struct talk t;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (uint32_t n = 1; n <= 4; n += 3) {
			listen_opens_endpoints_for_the_server_alone(&t, workers, PST_TCP, n);
			listen_opens_endpoints_for_the_server_alone(&t, workers, PST_UDP, n);
		}
	}
}

/* Under rules that allow the protocol's own port and nothing else. */
static void
at_permits(struct talk *t, uint32_t workers, enum pst_proto proto, uint32_t n)
{
	const char *name = proto == PST_TCP ? "tcp" : "udp";
	char line[64];
	struct pkt p, out;

	start(t, workers, true);
	connect_out(t);
	p = first_packet(proto, INSIDE, 2000, PEER, 6000);
	is_denied(t, &p);
	snprintf(line, sizeof(line), "CONNECT %s %u 10.1.1.7:2000\r\n", name, n);
	client_says(t, line);
	assert_non_null(strstr(t->server.got, " 198.18.0.1:2000\r\n"));
	snprintf(line, sizeof(line), "AT %s %u 198.18.0.9:6000\r\n", name, n);
	server_says(t, line);
	assert_string_equal(t->client.got, line);
	assert_int_equal(open_places(t), n);
	p = first_packet(proto, INSIDE, 2000, SECOND, 6000);
	is_denied(t, &p);
	p = first_packet(proto, INSIDE, 2000, PEER, 6000 + n);
	is_denied(t, &p);
	p = first_packet(proto == PST_TCP ? PST_UDP : PST_TCP, INSIDE, 2000, PEER, 6000);
	is_denied(t, &p);
	for (uint32_t i = 0; i < n; i++) {
		p = first_packet(proto, INSIDE, 2000 + i, PEER, 6000 + i);
		assert_true(box_pass_through(&t->b, BOX_INSIDE, &p, &out));
		assert_int_equal(out.src, OUTSIDE);
		talk_answer(&t->b, BOX_INSIDE, &p, &out);
		p.sport += 100; /* R66 */
		is_denied(t, &p);
	}
	assert_int_equal(counter(t, PST_CONNECTOR_USED), n);
	client_says(t, "BYE\r\n");
	box_settle(&t->b);
	assert_int_equal(open_places(t), 0);
	assert_int_equal(box_connections(&t->b), 1);
	p = first_packet(proto, INSIDE, 2000, PEER, 6000);
	is_denied(t, &p);
	finish(t);
}

static void
a_server_outside_is_connected_to(void **state)
{
	static struct talk t;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (uint32_t n = 1; n <= 4; n += 3) {
			at_permits(&t, workers, PST_TCP, n);
			at_permits(&t, workers, PST_UDP, n);
		}
	}
}

static void
a_permission_lapses_and_bye_takes_it_back(void **state)
{
	static struct talk t;
	struct pkt p, out;

	(void)state;
	for (int how = 0; how < 3; how++) {
		start(&t, 2, true);
		connect_out(&t);
		client_says(&t, "CONNECT tcp 2 10.1.1.7:2000\r\n");
		server_says(&t, "AT tcp 2 198.18.0.9:6000\r\n");
		box_pass(&t.b, how == 0 ? 61000 : 58000);
		if (how == 1)
			client_says(&t, "BYE\r\n");
		box_settle(&t.b);
		assert_int_equal(open_places(&t), how == 2 ? 2 : 0);
		p = first_packet(PST_TCP, INSIDE, 2000, PEER, 6001);
		if (how == 2)
			assert_true(box_pass_through(&t.b, BOX_INSIDE, &p, &out));
		else
			is_denied(&t, &p);
		finish(&t);
	}
}

static void
after_no_nobody_comes_until_it_is_asked_again(void **state)
{
	static struct talk t;
	struct pkt p, out;
	uint16_t lowest;

	(void)state;
	start(&t, 2, false);
	connect_out(&t);
	client_says(&t, "LISTEN tcp 2 10.1.1.7:3000\r\n");
	lowest = announced(&t.server, 2);
	server_says(&t, "NO\r\n");
	p = first_packet(PST_TCP, PEER, 20, OUTSIDE, lowest + 1);
	box_is_dropped(&t.b, BOX_OUTSIDE, &p, PST_DROP_IP_FILTER);
	client_says(&t, "LISTEN tcp 2 10.1.1.7:3000\r\n");
	assert_int_equal(announced(&t.server, 2), lowest);
	assert_int_equal(open_places(&t), 2);
	assert_true(box_pass_through(&t.b, BOX_OUTSIDE, &p, &out));
	finish(&t);
}

static void
the_control_connections_end_ends_all(void **state)
{
	static struct talk t;

	(void)state;
	start(&t, 2, false);
	connect_out(&t);
	client_says(&t, "LISTEN udp 4 10.1.1.7:3000\r\nCONNECT tcp 4 10.1.1.7:2000\r\n");
	server_says(&t, "OK\r\nAT tcp 4 198.18.0.9:6000\r\n");
	assert_int_equal(open_places(&t), 8);
	talk_reset(&t.b, &t.client, &t.server);
	box_pass(&t.b, (uint64_t)t.b.config.nat.timeouts.tcp_closing * 1000 + 2000);
	assert_int_equal(open_places(&t), 0);
	assert_int_equal(box_connections(&t.b), 0);
	box_fini(&t.b);
}

static void
at_opens_endpoints(struct talk *t)
{
	struct pkt p, out;
	uint16_t lowest;

	client_says(t, "CONNECT tcp 2 198.18.0.9:2000\r\n");
	assert_string_equal(t->server.got, "CONNECT tcp 2 198.18.0.9:2000\r\n");
	server_says(t, "AT tcp 2 10.1.1.7:6001\r\n");
	lowest = announced(&t->client, 2);
	p = first_packet(PST_TCP, SECOND, 20, OUTSIDE, lowest);
	box_is_dropped(&t->b, BOX_OUTSIDE, &p, PST_DROP_IP_FILTER);
	for (uint16_t k = 0; k < 2; k++) {
		p = first_packet(PST_TCP, PEER, 2000 + k, OUTSIDE, lowest + k);
		assert_true(box_pass_through(&t->b, BOX_OUTSIDE, &p, &out));
		assert_int_equal(out.dst, INSIDE);
		assert_int_equal(out.dport, 6001 + k);
		talk_answer(&t->b, BOX_OUTSIDE, &p, &out);
	}
	client_says(t, "BYE\r\n");
	box_settle(&t->b);
}

/* Published or mapped; the port outside may be another: what counts is the server's own. */
static void
a_server_inside_announces_endpoints(void **state)
{
	static const uint16_t ports[] = { PST_CONNECTOR_PORT, 14701, PUBLISHED };
	static struct talk t;

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		uint16_t port = ports[i % 3];
		uint64_t before;

		start(&t, 1 << i % 4, true);
		if (port != PUBLISHED)
			map_port(&t, port);
		before = open_places(&t);
		connect_in(&t, port);
		at_opens_endpoints(&t);
		assert_int_equal(open_places(&t), before);
		if (port != PUBLISHED)
			ask_mapper(&t); /* to kill it */
		finish(&t);
	}
}

static void
a_client_outside_is_connected_to(void **state)
{
	static struct talk t;
	struct pkt p, out;

	(void)state;
	start(&t, 2, true);
	connect_in(&t, PUBLISHED);
	p = first_packet(PST_UDP, INSIDE, 2000, PEER, 7000);
	is_denied(&t, &p);
	client_says(&t, "LISTEN udp 1 198.18.0.9:7000\r\n");
	assert_string_equal(t.server.got, "LISTEN udp 1 198.18.0.9:7000\r\n");
	assert_true(box_pass_through(&t.b, BOX_INSIDE, &p, &out));
	talk_answer(&t.b, BOX_INSIDE, &p, &out);
	finish(&t);
}

static void
a_firewall_clients_map_is_approved_for_the_server(void **state)
{
	static struct talk t;
	struct pkt p, out;

	(void)state;
	start(&t, 2, false);
	connect_out(&t);
	map.protocol = PST_UDP;
	map.inside = (struct pst_endpoint){ INSIDE, 3000 };
	map.port = 9000;
	map.for_nobody = true;
	ask_mapper(&t);
	p = first_packet(PST_UDP, PEER, 20, OUTSIDE, 9000);
	box_is_dropped(&t.b, BOX_OUTSIDE, &p, PST_DROP_ENDPOINT_UNAPPROVED);
	client_says(&t, "LISTEN udp 1 198.18.0.1:9001\r\n"); /* it has no such map */
	assert_int_equal(counter(&t, PST_CONNECTOR_REFUSED_ADDRESS), 1);
	client_says(&t, "LISTEN udp 1 198.18.0.1:9000\r\n");
	assert_string_equal(t.server.got, "LISTEN udp 1 198.18.0.1:9000\r\n");
	assert_int_equal(counter(&t, PST_CONNECTOR_MAPS), 1);
	assert_int_equal(open_places(&t), 1);
	assert_true(box_pass_through(&t.b, BOX_OUTSIDE, &p, &out));
	assert_int_equal(out.dport, 3000);
	talk_answer(&t.b, BOX_OUTSIDE, &p, &out);
	p = first_packet(PST_UDP, SECOND, 20, OUTSIDE, 9000);
	box_is_dropped(&t.b, BOX_OUTSIDE, &p, PST_DROP_IP_FILTER);
	ask_mapper(&t);
	finish(&t);
}

static void
a_crowd_of_control_connections_is_refused(void **state)
{
	static struct talk t;
	struct pkt p, out;
	struct rte_mbuf *m;

	(void)state;
	start(&t, 2, false);
	for (uint16_t i = 0; i < 17; i++) {
		p = first_packet(PST_TCP, INSIDE, 5000 + i, PEER, PST_CONNECTOR_PORT);
		assert_int_equal(box_pass_through(&t.b, BOX_INSIDE, &p, &out), i < 16);
	}
	m = box_get(&t.b, BOX_INSIDE); /* R52 */
	assert_non_null(m);
	assert_true(pkt_read(m, &out));
	assert_true(out.tcp_flags & R);
	rte_pktmbuf_free(m);
	assert_int_equal(counter(&t, PST_CONNECTOR_CROWDED), 1);
	box_fini(&t.b);
}

/* Endpoints and permissions, some of them used. */
static void
open_all_kinds(struct talk *t)
{
	struct pkt p, out;
	uint16_t lowest;

	start(t, 2, false);
	connect_out(t);
	client_says(t, "LISTEN tcp 2 10.1.1.7:3000\r\nCONNECT tcp 4 10.1.1.7:2000\r\n");
	server_says(t, "OK\r\nAT tcp 4 198.18.0.9:6000\r\n");
	client_says(t, "LISTEN udp 4 10.1.1.7:3100\r\n");
	lowest = announced(&t->server, 4);
	p = first_packet(PST_UDP, PEER, 20, OUTSIDE, lowest);
	assert_true(box_pass_through(&t->b, BOX_OUTSIDE, &p, &out));
	for (uint16_t i = 0; i < 2; i++) {
		p = first_packet(PST_TCP, INSIDE, 2000 + i, PEER, 6000 + i);
		assert_true(box_pass_through(&t->b, BOX_INSIDE, &p, &out));
		if (i == 0)
			talk_answer(&t->b, BOX_INSIDE, &p, &out);
	}
	assert_int_equal(open_places(t), 10);
}

static void
it_may_be_stopped_in_the_midst(void **state)
{
	static struct talk t;

	(void)state;
	open_all_kinds(&t);
	box_stop(&t.b);
}

static void
it_may_be_detached_in_the_midst(void **state)
{
	static struct talk t;

	(void)state;
	open_all_kinds(&t);
	pst_lcore_set_role(PST_ROLE_EDITOR, 0);
	pst_runtime_detach_editor(t.b.a->runtimes[0], 0);
	box_settle(&t.b);
	client_says(&t, "LISTEN tcp 1 10.1.1.7:3000\r\n");
	assert_string_equal(t.server.got, "LISTEN tcp 1 10.1.1.7:3000\r\n");
	box_pass(&t.b, 300000); /* what is opening */
	assert_int_equal(open_places(&t), 0);
	finish(&t);
}

/* One request at a time and rings of one event: ends wait, and none is lost. */
static void
a_single_record_is_enough(void **state)
{
	static struct talk t;
	struct pst_config c;

	(void)state;
	memset(&t, 0, sizeof(t));
	box_config(&c, 2, 1);
	c.editors[c.n_editors++] = (struct pst_config_editor){ "connector", true };
	box_init_small(&t.b, &c, 1, 1);
	connect_out(&t);
	for (int i = 0; i < 5; i++) {
		client_says(&t, "LISTEN tcp 4 10.1.1.7:3000\r\nLISTEN udp 1 10.1.1.7:3000\r\n");
		client_says(&t, "CONNECT udp 7 10.1.1.7:3000\r\n");
		server_says(&t, "NO\r\nOK\r\nAT udp 7 198.18.0.9:6000\r\n");
		assert_int_equal(open_places(&t), 12);
		client_says(&t, "BYE\r\n");
		server_says(&t, "OK\r\n");
		box_settle(&t.b);
		assert_int_equal(open_places(&t), 0);
	}
	finish(&t);
}

/* Nothing of it lasts, and the client is told at once. */
static void
a_worker_that_is_behind_is_nowhere(void **state)
{
	static struct talk t;

	(void)state;
	start(&t, 2, false);
	connect_out(&t);
	t.b.stalled = true;
	client_says(&t, "LISTEN tcp 4 10.1.1.7:3000\r\nCONNECT tcp 4 10.1.1.7:3000\r\n");
	assert_non_null(strstr(t.server.got, "LISTEN tcp 4 0.0.0.0:0\r\n"));
	server_says(&t, "NO\r\nAT tcp 4 198.18.0.9:6000\r\n");
	assert_int_equal(counter(&t, PST_CONNECTOR_FAILED), 2);
	t.b.stalled = false;
	box_settle(&t.b);
	assert_int_equal(open_places(&t), 0);
	client_says(&t, "LISTEN tcp 4 10.1.1.7:3000\r\n");
	t.b.stalled = true;
	client_says(&t, "BYE\r\n");
	t.b.stalled = false;
	box_settle(&t.b);
	assert_int_equal(open_places(&t), 0);
	finish(&t);
}

static void
it_is_off_until_asked_for(void **state)
{
	static struct talk t;
	struct pst_config c;

	(void)state;
	memset(&t, 0, sizeof(t));
	box_config(&c, 1, 1);
	box_init(&t.b, &c, 0);
	connect_out(&t);
	client_says(&t, "LISTEN tcp 1 10.1.1.7:3000\r\n");
	assert_string_equal(t.server.got, "LISTEN tcp 1 10.1.1.7:3000\r\n");
	assert_int_equal(open_places(&t), 0);
	assert_int_equal(pst_worker_stats(t.b.a->workers[0])->lent, 0);
	finish(&t);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(512);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_inside_listens),
		cmocka_unit_test(a_server_outside_is_connected_to),
		cmocka_unit_test(a_permission_lapses_and_bye_takes_it_back),
		cmocka_unit_test(after_no_nobody_comes_until_it_is_asked_again),
		cmocka_unit_test(the_control_connections_end_ends_all),
		cmocka_unit_test(a_server_inside_announces_endpoints),
		cmocka_unit_test(a_client_outside_is_connected_to),
		cmocka_unit_test(a_firewall_clients_map_is_approved_for_the_server),
		cmocka_unit_test(a_crowd_of_control_connections_is_refused),
		cmocka_unit_test(a_single_record_is_enough),
		cmocka_unit_test(a_worker_that_is_behind_is_nowhere),
		cmocka_unit_test(it_may_be_stopped_in_the_midst),
		cmocka_unit_test(it_may_be_detached_in_the_midst),
		cmocka_unit_test(it_is_off_until_asked_for),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]); /* to run some alone */
	return cmocka_run_group_tests(tests, setup, NULL);
}
