/* SPDX-License-Identifier: BSD-3-Clause */
/* Another config under live traffic: what it allows lives on, what it forbids goes by policy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(10, 1, 1, 80) /* inside */
#define OTHER IP(10, 1, 1, 90)
#define PEER IP(198, 18, 0, 9)
#define BAD IP(198, 18, 0, 66)
#define OURS IP(198, 18, 0, 1)
#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define CLIENTS 24

static struct box box;
static struct pst_config next;

/* All may do all; what a test changes it changes in `next`. */
static struct box *
start(uint32_t workers)
{
	box_config(&next, workers, 1);
	next.n_rules = 1;
	next.rules[0] = (struct pst_config_rule){ .name = "all", .allow = true };
	box_init(&box, &next, 0);
	return &box;
}

static const struct pst_swap_result *
swap(struct box *b, enum pst_swap_kind kind, bool cuts)
{
	static struct pst_config running[2];
	static int turn;
	struct pst_swap_params params = {
		.kind = kind, .cuts = cuts, .arms = true, .routes = true
	};

	/* the one that runs may not be written to */
	turn = !turn;
	running[turn] = next;
	params.config = &running[turn];
	assert_int_equal(pst_swap_start(b->a->swap, &params), 0);
	box_settle(b);
	return pst_swap_result(b->a->swap);
}

static const struct pst_swap_result *
apply(struct box *b, bool cuts)
{
	const struct pst_swap_result *result = swap(b, PST_SWAP_APPLY, cuts);

	assert_false(result->busy);
	assert_string_equal(result->error, "");
	assert_int_equal(result->ret, 0);
	return result;
}

static void
deny(const char *name, uint32_t destination)
{
	struct pst_config_rule *r = &next.rules[next.n_rules++];

	*r = (struct pst_config_rule){ .n_destinations = 1,
		.destinations = { { destination, destination } } };
	snprintf(r->name, sizeof(r->name), "%s", name);
}

/* One end-to-end exchange of a connection that is open. */
struct flow {
	uint8_t proto;
	uint32_t client, peer;
	uint16_t port;	 /* of the client */
	struct pkt seen; /* what the peer saw first */
};

static struct pkt
packet_of(const struct flow *f, uint8_t flags)
{
	struct pkt p = f->proto == PST_UDP ? pkt_udp(f->client, f->port, f->peer, 5000)
					   : pkt_tcp(f->client, f->port, f->peer, 5000, flags);

	if (f->proto == PST_TCP && (flags & A)) {
		p.seq = 1001;
		p.ack = 1001;
	}
	return p;
}

static void
open_flow(struct box *b, struct flow *f)
{
	struct pkt in = packet_of(f, S), out, back;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &f->seen));
	back = pkt_answer(&f->seen);
	back.tcp_flags = S | A;
	assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &out));
	if (f->proto == PST_TCP) {
		in = packet_of(f, A);
		assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	}
}

/* Both ways, by the same outside endpoint. */
static void
flow_lives(struct box *b, const struct flow *f)
{
	struct pkt in = packet_of(f, A), out, back;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.src, f->seen.src);
	assert_int_equal(out.sport, f->seen.sport);
	back = pkt_answer(&out);
	back.tcp_flags = A;
	back.seq = back.ack = 1001;
	assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &out));
	assert_int_equal(out.dst, f->client);
	assert_int_equal(out.dport, f->port);
}

/* Some of each transport, spread over the workers. */
static void
open_flows(struct box *b, struct flow *flows, uint32_t peer)
{
	for (uint32_t i = 0; i < CLIENTS; i++) {
		flows[i] = (struct flow){ .proto = i % 2 ? PST_UDP : PST_TCP,
			.client = CLIENT + i,
			.peer = peer,
			.port = 4000 + i };
		open_flow(b, &flows[i]);
	}
}

static void
flows_live(struct box *b, const struct flow *flows)
{
	for (uint32_t i = 0; i < CLIENTS; i++)
		flow_lives(b, &flows[i]);
}

static void
what_is_allowed_lives_on(void **state)
{
	static struct flow flows[CLIENTS];

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers);

		open_flows(b, flows, PEER);
		for (uint32_t i = 0; i < 20; i++) {
			next.n_rules = 1;
			if (i % 2)
				deny("not there", BAD);
			next.nat.timeouts.udp = 300 + i;
			next.nat.sessions_per_client = 100 + i;
			next.nat.filtering =
				i % 3 ? PST_ENDPOINT_INDEPENDENT : PST_ADDRESS_DEPENDENT;
			next.nat.tcp_window = i % 5 ? PST_WINDOW_STRICT : PST_WINDOW_LENIENT;
			assert_int_equal(apply(b, true)->kept, CLIENTS);
			assert_int_equal(pst_swap_result(b->a->swap)->forbidden, 0);
			flows_live(b, flows);
		}
		assert_int_equal(box_connections(b), CLIENTS);
		box_fini(b);
	}
}

static uint32_t
is_dropped(struct box *b, const struct flow *flows, enum pst_drop udp, enum pst_drop tcp)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < CLIENTS; i++, n++) {
		struct pkt in = packet_of(&flows[i], A);

		box_is_dropped(b, BOX_INSIDE, &in, flows[i].proto == PST_UDP ? udp : tcp);
		while (1) { /* its sender is told */
			struct rte_mbuf *told = box_get(b, BOX_INSIDE);

			if (told == NULL)
				break;
			rte_pktmbuf_free(told);
		}
	}
	return n;
}

static void
what_rules_forbid_goes_by_policy(void **state)
{
	static struct flow good[CLIENTS], bad[CLIENTS];

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers);
		const struct pst_swap_result *result;
		struct flow late = {
			.proto = PST_UDP, .client = CLIENT + 1, .peer = BAD, .port = 999
		};
		struct pkt in;

		open_flows(b, bad, BAD);
		for (uint32_t i = 0; i < CLIENTS; i++) {
			good[i] = bad[i];
			good[i].peer = PEER;
			good[i].port += 1000;
			open_flow(b, &good[i]);
		}
		deny("not there", BAD);
		/* to ask changes nothing */
		result = swap(b, PST_SWAP_COUNT, true);
		assert_int_equal(result->kept, CLIENTS);
		assert_int_equal(result->forbidden, CLIENTS);
		assert_int_equal(result->cut, CLIENTS);
		flows_live(b, bad);
		/* kept: they live, and no other begins */
		result = apply(b, false);
		assert_int_equal(result->kept, CLIENTS);
		assert_int_equal(result->forbidden, CLIENTS);
		assert_int_equal(result->cut, 0);
		flows_live(b, good);
		flows_live(b, bad);
		in = packet_of(&late, 0);
		box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_RULE);
		rte_pktmbuf_free(box_get(b, BOX_INSIDE));
		/* when their time is over, they are cut */
		result = swap(b, PST_SWAP_CUT, true);
		assert_int_equal(result->kept, CLIENTS);
		assert_int_equal(result->cut, CLIENTS);
		assert_int_equal(box_connections(b), CLIENTS);
		flows_live(b, good);
		is_dropped(b, bad, PST_DROP_RULE, PST_DROP_TCP_NO_SYN);
		box_fini(b);
	}
}

static void
what_filters_forbid_is_cut(void **state)
{
	static struct pst_config_filter filters[] = {
		{ .name = "bad",
			.in = true,
			.out = true,
			.any_protocol = true,
			.destinations = { { BAD, BAD } },
			.n_destinations = 1 },
	};
	static struct flow good[CLIENTS], bad[CLIENTS];

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		struct box *b = start(workers);

		open_flows(b, bad, BAD);
		for (uint32_t i = 0; i < CLIENTS; i++) {
			good[i] = bad[i];
			good[i].peer = PEER;
			open_flow(b, &good[i]);
		}
		next.filters = filters;
		next.n_filters = RTE_DIM(filters);
		assert_int_equal(apply(b, true)->cut, CLIENTS);
		flows_live(b, good);
		is_dropped(b, bad, PST_DROP_PACKET_FILTER, PST_DROP_PACKET_FILTER);
		next.filters = NULL;
		next.n_filters = 0;
		assert_int_equal(apply(b, true)->kept, CLIENTS);
		open_flow(b, &bad[0]);
		box_fini(b);
	}
}

static void
timers_of_open_connections_are_set_anew(void **state)
{
	struct flow f = { .proto = PST_UDP, .client = CLIENT, .peer = PEER, .port = 4000 };
	struct box *b = start(2);

	(void)state;
	open_flow(b, &f);
	next.nat.timeouts.udp = 30;
	apply(b, false);
	box_pass(b, 28000);
	assert_int_equal(box_connections(b), 1);
	flow_lives(b, &f);
	box_pass(b, 32000);
	assert_int_equal(box_connections(b), 0);
	open_flow(b, &f);
	next.nat.timeouts.udp = 600;
	apply(b, false);
	box_pass(b, 500000);
	flow_lives(b, &f);
	box_fini(b);
}

static void
publish(uint32_t i, const char *name, enum pst_proto transport, uint16_t external, uint32_t to)
{
	struct pst_config_publish *p = &next.publish[i];

	*p = (struct pst_config_publish){
		.transport = transport, .external = { OURS, external }, .internal = { to, 8080 }
	};
	snprintf(p->name, sizeof(p->name), "%s", name);
	next.n_publish = RTE_MAX(next.n_publish, i + 1);
}

static bool
reaches(struct box *b, enum pst_proto proto, uint16_t sport, uint16_t port, uint32_t to)
{
	struct pkt in = proto == PST_TCP ? pkt_tcp(PEER, sport, OURS, port, S)
					 : pkt_udp(PEER, sport, OURS, port);
	struct pkt out;

	return box_pass_through(b, BOX_OUTSIDE, &in, &out) && out.dst == to;
}

static void
servers_come_and_go(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers);

		assert_false(reaches(b, PST_TCP, 4000, 80, SERVER));
		publish(0, "www", PST_TCP, 80, SERVER);
		publish(1, "calls", PST_UDP, 40000, SERVER);
		apply(b, false);
		assert_true(reaches(b, PST_TCP, 4000, 80, SERVER));
		assert_true(reaches(b, PST_UDP, 4000, 40000, SERVER));
		/* it goes: what it has accepted is kept, and it accepts no more */
		next.n_publish = 0;
		assert_int_equal(apply(b, false)->forbidden, 2);
		assert_true(reaches(b, PST_TCP, 4000, 80, SERVER));
		assert_true(reaches(b, PST_UDP, 4000, 40000, SERVER));
		assert_false(reaches(b, PST_TCP, 4001, 80, SERVER));
		assert_false(reaches(b, PST_UDP, 4001, 40000, SERVER));
		/* and is back, while they are open */
		next.n_publish = 2;
		assert_int_equal(apply(b, false)->kept, 2);
		assert_true(reaches(b, PST_TCP, 4002, 80, SERVER));
		assert_true(reaches(b, PST_UDP, 4002, 40000, SERVER));
		next.n_publish = 0;
		assert_int_equal(apply(b, true)->cut, 4);
		assert_int_equal(box_connections(b), 0);
		box_pass(b, 1000);
		box_fini(b);
	}
}

static void
a_port_may_become_another_servers(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers);

		publish(0, "www", PST_TCP, 80, SERVER);
		publish(1, "calls", PST_UDP, 40000, SERVER);
		apply(b, false);
		assert_true(reaches(b, PST_TCP, 4000, 80, SERVER));
		assert_true(reaches(b, PST_UDP, 4000, 40000, SERVER));
		publish(0, "www", PST_TCP, 80, OTHER);
		publish(1, "calls", PST_UDP, 40000, OTHER);
		/* the old server's connections are in the way */
		swap(b, PST_SWAP_APPLY, false);
		box_pass(b, 1000);
		assert_false(pst_swap_result(b->a->swap)->busy);
		assert_string_equal(pst_swap_result(b->a->swap)->warning, "");
		assert_int_equal(pst_swap_result(b->a->swap)->cut, 2);
		assert_true(reaches(b, PST_TCP, 4001, 80, OTHER));
		assert_true(reaches(b, PST_UDP, 4001, 40000, OTHER));
		box_fini(b);
	}
}

/* The server stays, and its port is another one: at one worker, by a port of each. */
static void
a_server_may_change_its_port(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers);

		for (uint32_t i = 0; i < 12; i++) {
			publish(0, "www", PST_TCP, 80, SERVER + i % 3);
			publish(1, "calls", PST_UDP, 40000, SERVER + i % 3);
			next.publish[0].internal.port = 8080 + i % 2;
			next.publish[1].internal.port = 9090 + i % 2;
			swap(b, PST_SWAP_APPLY, false);
			box_pass(b, 1000);
			assert_false(pst_swap_result(b->a->swap)->busy);
			assert_string_equal(pst_swap_result(b->a->swap)->warning, "");
			assert_true(reaches(b, PST_TCP, 4000 + i, 80, SERVER + i % 3));
			assert_true(reaches(b, PST_UDP, 4000 + i, 40000, SERVER + i % 3));
			next.n_publish = i % 4 == 3 ? 0 : 2;
			apply(b, true);
		}
		box_fini(b);
	}
}

/* One of the ports is a client's: then none of the config counts, and none is published. */
static void
what_cant_be_published_changes_nothing(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers);
		struct flow f = { .proto = PST_UDP, .client = CLIENT, .peer = PEER, .port = 4000 };
		const struct pst_swap_result *result;

		open_flow(b, &f);
		publish(0, "free", PST_UDP, f.seen.sport < 40000 ? f.seen.sport - 1 : 30000,
			SERVER);
		publish(1, "used", PST_UDP, f.seen.sport, SERVER);
		publish(2, "later", PST_UDP, 65535, SERVER);
		deny("not there", PEER);
		swap(b, PST_SWAP_APPLY, true);
		box_pass(b, 3000);
		result = pst_swap_result(b->a->swap);
		assert_false(result->busy);
		assert_int_equal(result->ret, -EADDRINUSE);
		assert_non_null(strstr(result->error, "\"used\" can't be published"));
		flow_lives(b, &f);
		assert_false(reaches(b, PST_UDP, 4000, next.publish[0].external.port, SERVER));
		assert_false(reaches(b, PST_UDP, 4000, 65535, SERVER));
		f.port++;
		open_flow(b, &f); /* the rule is not there */
		box_fini(b);
	}
}

static uint64_t
decided_by(const struct box *b, uint32_t rule)
{
	uint64_t sum = b->a->now->rule_carry.base != NULL ? b->a->now->rule_carry.base[rule] : 0;

	for (uint32_t w = 0; w < b->a->n_workers; w++)
		sum += b->a->counts[w].rules != NULL ? b->a->counts[w].rules[rule] : 0;
	return sum;
}

static void
counts_go_with_the_names(void **state)
{
	static struct flow flows[CLIENTS];
	struct box *b = start(2);

	(void)state;
	open_flows(b, flows, PEER);
	assert_int_equal(decided_by(b, 0), CLIENTS);
	next.rules[1] = next.rules[0];
	next.rules[0] = (struct pst_config_rule){ .name = "first",
		.allow = true,
		.n_destinations = 1,
		.destinations = { { BAD, BAD } } };
	next.n_rules = 2;
	apply(b, false);
	assert_int_equal(decided_by(b, 0), 0);
	assert_int_equal(decided_by(b, 1), CLIENTS);
	flows[0].port = 9999;
	open_flow(b, &flows[0]);
	next.rules[0] = next.rules[1];
	next.n_rules = 1;
	apply(b, false);
	assert_int_equal(decided_by(b, 0), CLIENTS + 1);
	box_fini(b);
}

static void
add_protocol(const char *name, uint8_t id, uint16_t port)
{
	struct pst_config_protocol *p = &next.protocols[next.n_protocols++];

	*p = (struct pst_config_protocol){
		.id = { { 0xee, id } }, .transport = PST_UDP, .ports = { port }, .n_ports = 1
	};
	snprintf(p->name, sizeof(p->name), "%s", name);
}

static int
place_of(const struct box *b, const char *name)
{
	for (uint32_t i = 0; i < b->a->now->n_protocols; i++) {
		if (strcmp(b->a->now->names[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* A connection is known by its protocol's place, so none is given to another at once. */
static void
protocols_keep_their_places(void **state)
{
	struct flow f = { .proto = PST_UDP, .client = CLIENT, .peer = PEER, .port = 4000 };
	struct box *b = start(2);
	int a_place, b_place;

	(void)state;
	add_protocol("a", 1, 7000);
	add_protocol("b", 2, 5000); /* that flows go to */
	apply(b, false);
	a_place = place_of(b, "a");
	b_place = place_of(b, "b");
	assert_true(a_place >= 0 && b_place > a_place);
	open_flow(b, &f);
	next.n_protocols = 0;
	add_protocol("c", 3, 7001);
	add_protocol("b", 2, 5000);
	apply(b, false);
	assert_int_equal(place_of(b, "b"), b_place);
	assert_int_not_equal(place_of(b, "c"), a_place);
	/* denied by its protocol, which it has still */
	next.rules[0] = (struct pst_config_rule){ .n_protocols = 1, .protocols = { "b" } };
	next.rules[1] = (struct pst_config_rule){ .name = "all", .allow = true };
	next.n_rules = 2;
	assert_int_equal(swap(b, PST_SWAP_COUNT, false)->forbidden, 1);
	/* and not when it is none any more */
	next.rules[0].protocols[0][0] = 'c';
	next.n_protocols = 1;
	assert_int_equal(apply(b, true)->forbidden, 0);
	flow_lives(b, &f);
	box_fini(b);
}

static void
editors_go_and_come(void **state)
{
	struct flow f = { .proto = PST_TCP, .client = CLIENT, .peer = PEER, .port = 4000 };
	struct box *b = start(2);
	struct pkt in = pkt_tcp(CLIENT, 4500, PEER, 21, S), out, back;
	uint64_t sessions;

	(void)state;
	open_flow(b, &f);
	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	back = pkt_answer(&out);
	back.tcp_flags = S | A;
	assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &out));
	sessions = pst_runtime_stats(b->a->runtimes[0])->sessions;
	assert_int_equal(sessions, 1);
	next.n_editors = 1;
	next.editors[0] = (struct pst_config_editor){ .name = "ftp", .enabled = false };
	apply(b, false);
	/* the control connection goes on, and the next one meets nobody */
	in = pkt_tcp(CLIENT, 4500, PEER, 21, A);
	in.seq = in.ack = 1001;
	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	in = pkt_tcp(CLIENT + 1, 4501, PEER, 21, S);
	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	assert_true(pst_runtime_stats(b->a->runtimes[0])->sessions <= 1);
	next.editors[0].enabled = true;
	apply(b, false);
	in = pkt_tcp(CLIENT + 2, 4502, PEER, 21, S);
	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	assert_true(pst_runtime_stats(b->a->runtimes[0])->sessions > 0);
	flow_lives(b, &f);
	box_fini(b);
}

static void
set_pool(uint32_t first, uint32_t last)
{
	next.nat.pool[0] = (struct pst_range){ first, last };
	next.nat.n_pool = 1;
}

/* The address that a new connection of a client gets. */
static uint32_t
address_of_new(struct box *b, uint32_t client, uint16_t port)
{
	struct flow f = { .proto = PST_UDP, .client = client, .peer = PEER, .port = port };

	open_flow(b, &f);
	return f.seen.src;
}

static bool
is_announced(const struct box *b, uint32_t ip)
{
	for (uint32_t i = 0; i < b->n_announced; i++) {
		if (b->announced[i].ip == ip)
			return true;
	}
	return false;
}

static void
addresses_that_come_are_used(void **state)
{
	static struct flow flows[CLIENTS];

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers);
		uint32_t on_new = 0;

		open_flows(b, flows, PEER);
		pst_appliance_set_link(b->a, BOX_OUTSIDE, true, b->now_ms);
		box_settle(b);
		b->n_announced = 0;
		set_pool(OURS, OURS + 3);
		assert_int_equal(apply(b, true)->kept, CLIENTS);
		flows_live(b, flows);
		for (uint32_t i = 0; i < 64; i++) { /* of clients that have nothing yet */
			uint32_t ip = address_of_new(b, CLIENT + 100 + i, 4000);

			assert_in_range(ip, OURS, OURS + 3);
			on_new += ip != OURS;
		}
		assert_true(on_new > 16);
		assert_int_equal(address_of_new(b, CLIENT, 4999), OURS); /* it has ports there */
		assert_true(is_announced(b, OURS + 1) && is_announced(b, OURS + 3));
		assert_non_null(box_ask(b, BOX_OUTSIDE, 0, OURS + 3));
		assert_null(box_ask(b, BOX_OUTSIDE, 0, OURS + 4));
		/* all ports of all runs are there, and runs move */
		for (uint32_t w = 0; w < workers; w++) {
			const struct pst_nat *nat = pst_worker_nat(b->a->workers[w]);

			for (int k = 0; k < PST_POOLS; k++)
				assert_int_equal(pst_portpool_free_count(nat->pools[0][k]) +
							 pst_portpool_used(nat->pools[0][k]),
					pst_portpool_free_count(nat->pools[3][k]) +
						pst_portpool_used(nat->pools[3][k]));
		}
		box_fini(b);
	}
}

static void
addresses_that_go_drain_or_are_cut(void **state)
{
	static struct flow flows[CLIENTS];

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers);
		const struct pst_swap_result *result;

		open_flows(b, flows, PEER);
		set_pool(OURS + 5, OURS + 6);
		assert_int_equal(swap(b, PST_SWAP_COUNT, false)->forbidden, CLIENTS);
		assert_int_equal(apply(b, false)->forbidden, CLIENTS);
		flows_live(b, flows);
		for (uint32_t i = 0; i < CLIENTS; i++) /* even of who has ports there */
			assert_in_range(address_of_new(b, CLIENT + i, 4900), OURS + 5, OURS + 6);
		assert_non_null(box_ask(b, BOX_OUTSIDE, 0, OURS)); /* the interface's own */
		result = swap(b, PST_SWAP_LOOK, false);
		assert_int_equal(result->retired, CLIENTS);
		assert_int_equal(b->a->now->nat.n_retired, 1);
		result = swap(b, PST_SWAP_CUT, true);
		assert_int_equal(result->cut, CLIENTS);
		assert_int_equal(result->kept, CLIENTS);
		assert_int_equal(swap(b, PST_SWAP_LOOK, false)->retired, 0);
		swap(b, PST_SWAP_FORGET, false);
		assert_int_equal(b->a->now->nat.n_retired, 0);
		assert_false(pst_net_is_nat(&b->a->now->net, rte_cpu_to_be_32(OURS)));
		/* the number is free: another address gets it, and the pools that it has */
		set_pool(OURS + 5, OURS + 7);
		apply(b, false);
		assert_int_equal(b->a->now->nat.n_addresses, 3);
		assert_in_range(address_of_new(b, CLIENT + 200, 4000), OURS + 5, OURS + 7);
		box_fini(b);
	}
}

/* What comes back while it drains is what it was. */
static void
an_address_may_come_back(void **state)
{
	static struct flow flows[CLIENTS];

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		struct box *b = start(workers);

		open_flows(b, flows, PEER);
		for (uint32_t i = 0; i < 10; i++) {
			set_pool(OURS + 5, OURS + 5);
			assert_int_equal(apply(b, false)->forbidden, CLIENTS);
			set_pool(OURS, OURS);
			assert_int_equal(apply(b, true)->forbidden, 0);
			flows_live(b, flows);
		}
		box_fini(b);
	}
}

static void
some_clients_get_addresses_of_their_own(void **state)
{
	struct box *b = start(2);
	struct flow f = { .proto = PST_UDP, .client = CLIENT, .peer = PEER, .port = 4000 };

	(void)state;
	open_flow(b, &f);
	next.nat.n_pools = 1;
	next.nat.pools[0] = (struct pst_config_pool){ .clients = { { CLIENT, CLIENT + 1 } },
		.n_clients = 1,
		.addresses = { { OURS + 20, OURS + 20 } },
		.n_addresses = 1 };
	assert_int_equal(apply(b, true)->kept, 1);
	flow_lives(b, &f);
	assert_int_equal(address_of_new(b, CLIENT + 1, 4000), OURS + 20);
	assert_int_equal(address_of_new(b, CLIENT + 2, 4000), OURS);
	next.nat.n_pools = 0;
	assert_int_equal(apply(b, true)->cut, 1);
	assert_int_equal(address_of_new(b, CLIENT + 1, 4000), OURS);
	box_fini(b);
}

/* Runs of ports go where they are needed, on the new addresses too. */
static void
runs_move_with_all_addresses(void **state)
{
	struct box *b;
	uint64_t runs = 0;

	(void)state;
	box_config(&next, 2, 1);
	next.nat.ports_per_client = 65535;
	next.nat.sessions_per_client = 65535;
	next.nat.sessions = 65536;
	next.nat.filtering = PST_ENDPOINT_INDEPENDENT;
	box_init(&box, &next, 0);
	b = &box;
	set_pool(OURS, OURS + 1);
	apply(b, false);
	for (uint32_t i = 0; i < 40000; i++) { /* of one client: more than half of an address */
		struct pkt in = pkt_udp(CLIENT, 1024 + i, PEER, 53), out;

		assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	}
	for (uint32_t w = 0; w < 2; w++) {
		const struct pst_nat *nat = pst_worker_nat(b->a->workers[w]);

		assert_int_equal(runs & nat->runs, 0);
		runs |= nat->runs;
	}
	assert_int_equal(runs, UINT64_MAX);
	set_pool(OURS, OURS + 2);
	apply(b, false);
	box_fini(b);
}

#define FAR IP(203, 0, 113, 9)

static bool
is_neighbour(const struct box *b, uint32_t ip)
{
	struct pst_hop hop;

	return pst_neigh_lookup(b->a->neigh, BOX_OUTSIDE, rte_cpu_to_be_32(ip), &hop);
}

static void
set_route(uint32_t via)
{
	next.routes[0] = (struct pst_config_route){ .to = { .ip = IP(203, 0, 113, 0), .len = 24 },
		.via = via };
	next.n_routes = 1;
}

/* Open connections too: they have their next hops at hand. */
static void
routes_count_for_all(void **state)
{
	struct flow f = { .proto = PST_UDP, .client = CLIENT, .peer = FAR, .port = 4000 };
	struct box *b = start(2);
	struct pkt in = packet_of(&f, 0);

	(void)state;
	box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_NO_ROUTE);
	rte_pktmbuf_free(box_get(b, BOX_INSIDE));
	set_route(IP(198, 18, 0, 200));
	apply(b, false);
	open_flow(b, &f);
	flow_lives(b, &f);
	assert_true(is_neighbour(b, IP(198, 18, 0, 200)));
	assert_false(is_neighbour(b, IP(198, 18, 0, 201)));
	set_route(IP(198, 18, 0, 201));
	apply(b, false);
	assert_false(is_neighbour(b, IP(198, 18, 0, 201)));
	flow_lives(b, &f);
	assert_true(is_neighbour(b, IP(198, 18, 0, 201)));
	next.n_routes = 0;
	apply(b, false);
	box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_NO_ROUTE);
	rte_pktmbuf_free(box_get(b, BOX_INSIDE));
	box_fini(b);
}

static void
one_at_a_time(void **state)
{
	struct box *b = start(1);
	struct pst_swap_params params = { .kind = PST_SWAP_COUNT, .config = &next };

	(void)state;
	assert_int_equal(pst_swap_start(b->a->swap, &params), 0);
	assert_int_equal(pst_swap_start(b->a->swap, &params), -EBUSY);
	box_settle(b);
	assert_int_equal(pst_swap_start(b->a->swap, &params), 0);
	box_settle(b);
	box_fini(b);
}

/* Whatever has been done of it, and by whom. */
static void
the_end_may_come_in_between(void **state)
{
	(void)state;
	for (uint32_t steps = 0; steps < 24; steps++) {
		struct box *b = start(2);
		struct pst_swap_params params = { .kind = PST_SWAP_APPLY, .config = &next };

		publish(0, "www", PST_TCP, 80, SERVER);
		deny("not there", BAD);
		assert_int_equal(pst_swap_start(b->a->swap, &params), 0);
		for (uint32_t i = 0; i < steps; i++) {
			/* one of the workers at a time */
			pst_lcore_set_role(PST_ROLE_WORKER, i % 2);
			pst_worker_poll(b->a->workers[i % 2], b->now_ms);
			pst_lcore_set_role(PST_ROLE_EDITOR, 0);
			pst_runtime_poll(b->a->runtimes[0], b->now_ms);
			pst_lcore_set_role(PST_ROLE_MAIN, 0);
			pst_appliance_poll(b->a, b->now_ms);
		}
		b->dies = true;
		box_stop(b);
	}
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
		cmocka_unit_test(what_is_allowed_lives_on),
		cmocka_unit_test(what_rules_forbid_goes_by_policy),
		cmocka_unit_test(what_filters_forbid_is_cut),
		cmocka_unit_test(timers_of_open_connections_are_set_anew),
		cmocka_unit_test(servers_come_and_go),
		cmocka_unit_test(a_port_may_become_another_servers),
		cmocka_unit_test(a_server_may_change_its_port),
		cmocka_unit_test(what_cant_be_published_changes_nothing),
		cmocka_unit_test(counts_go_with_the_names),
		cmocka_unit_test(protocols_keep_their_places),
		cmocka_unit_test(editors_go_and_come),
		cmocka_unit_test(addresses_that_come_are_used),
		cmocka_unit_test(addresses_that_go_drain_or_are_cut),
		cmocka_unit_test(an_address_may_come_back),
		cmocka_unit_test(some_clients_get_addresses_of_their_own),
		cmocka_unit_test(runs_move_with_all_addresses),
		cmocka_unit_test(routes_count_for_all),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(the_end_may_come_in_between),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
