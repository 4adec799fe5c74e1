/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A day of random traffic under the virtual clock, logged. At 10,000 moments of it somebody looks
 * into the tables who has a port; afterwards the log alone is asked. It must say the same; and with
 * holes in it, the same or that it does not know.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_icmp.h>
#include <rte_tcp.h>

#include "base/rng.h"
#include "box.h"
#include "eal.h"
#include "history.h"
#include "talk.h"

#define OUTSIDE IP(198, 18, 0, 1)
#define SERVERS IP(198, 18, 0, 9)
#define CLIENTS IP(10, 1, 1, 1)
#define N_CLIENTS 40
#define N_PORTS 30
#define DAY 86400u
#define MOMENTS 10000u
#define WALL_MS UINT64_C(1795564800000) /* 2026-11-25T00:00 at now 0 */
#define PUBLISHED 8080

/* What the tables said. */
struct moment {
	uint64_t at_ms;
	uint16_t port;
	uint8_t protocol;
	uint32_t client_ip;   /* 0: nobody */
	uint16_t client_port; /* 0: of a block */
};

static struct {
	struct box box;
	struct pst_eventlog *log;
	struct pst_rng rng;
	char folder[64], path[2][128]; /* until noon, and after it */
	struct moment moments[MOMENTS];
	uint32_t n;
	char **lines;
	size_t n_lines, room;
} day;

static uint32_t
below(uint32_t n)
{
	return pst_rng_below(&day.rng, n);
}

static uint64_t
wall(void *ctx)
{
	(void)ctx;
	return WALL_MS + day.box.now_ms;
}

static void
drop_all(void)
{
	struct rte_mbuf *m;

	for (int port = 0; port < BOX_PORTS; port++) {
		while ((m = box_get(&day.box, port)) != NULL)
			rte_pktmbuf_free(m);
	}
}

static void
put(int port, struct pkt p)
{
	box_put(&day.box, port, &p);
	box_settle(&day.box);
}

/* PORT of a client, to which the server may connect, or not. */
static void
transfer(uint32_t client)
{
	static uint16_t next;
	uint16_t sport = 30000 + next++ % 20000, data = 20000 + below(20000);
	struct talk_end c = {
		.port = BOX_INSIDE, .ip = client, .peer = SERVERS, .sport = sport, .dport = 21
	};
	struct talk_end s = { .port = BOX_OUTSIDE, .ip = SERVERS, .sport = 21 };
	char text[64];

	snprintf(text, sizeof(text), "PORT 10,1,1,%u,%u,%u\r\n", client & 255, data >> 8,
		data & 255);
	talk_connect(&day.box, &c, &s);
	talk_say(&day.box, &c, &s, text);
	if (below(2) == 0)
		talk_reset(&day.box, &c, &s);
}

static void
act(void)
{
	uint32_t client = CLIENTS + below(N_CLIENTS), server = SERVERS + below(4);
	uint16_t port = 5000 + below(N_PORTS);

	switch (below(8)) {
	case 0:
		transfer(client);
		break;
	case 1:
		put(BOX_INSIDE, pkt_echo(client, server, port, RTE_IP_ICMP_ECHO_REQUEST));
		break;
	case 2:
	case 3:
		put(BOX_INSIDE, pkt_tcp(client, port, server, 80, RTE_TCP_SYN_FLAG));
		break;
	case 4:
		put(BOX_INSIDE, pkt_tcp(client, port, server, 80, RTE_TCP_RST_FLAG));
		break;
	case 5: /* anything from outside */
		put(BOX_OUTSIDE, pkt_tcp(SERVERS, 20, OUTSIDE, below(65536), RTE_TCP_SYN_FLAG));
		break;
	default:
		put(BOX_INSIDE, pkt_udp(client, port, server, 53));
	}
	drop_all();
}

/* The tables, seen naively: one entry after the other. */

static bool
is_end(uint64_t end, const struct moment *m)
{
	struct pst_endpoint e = pst_key_endpoint(end);

	return e.ip == OUTSIDE && e.port == m->port && pst_key_low(end) == m->protocol;
}

static void
set_client(struct moment *m, uint64_t inside)
{
	struct pst_endpoint e = pst_key_endpoint(inside);

	m->client_ip = e.ip;
	m->client_port = e.port;
}

static void
look_at_connections(const struct pst_nat *nat, struct moment *m)
{
	for (uint32_t i = 0; i < nat->conns.slots.capacity; i++) {
		const struct pst_conn *c = &nat->conns.hot[i];

		if (c->live && is_end(pst_conn_end(c, PST_WAY_IN), m))
			set_client(m, pst_conn_end(c, PST_WAY_OUT));
	}
}

static void
look_at_listeners(const struct pst_nat *nat, struct moment *m)
{
	for (uint32_t i = 0; i < nat->listeners.slots.capacity; i++) {
		const struct pst_listener *l = &nat->listeners.entries[i];

		if (l->live && !l->gone && l->kind == PST_LISTENER_ENDPOINT &&
			is_end(l->outside, m))
			set_client(m, l->inside);
	}
}

/* Whose block it is, where there are any. */
static void
look_at_blocks(const struct pst_nat *nat, struct moment *m)
{
	uint32_t size = nat->params->block_size, i = m->port / size;
	const struct pst_block *b = &nat->params->blocks[i];

	if ((nat->runs >> (m->port / 1024) & 1) == 0 || b->client >= PST_BLOCK_SHARED)
		return;
	m->client_ip = rte_be_to_cpu_32(nat->clients.entries[b->client].ip);
	m->client_port = 0;
}

/* A port that is in use, more often than one that may be. */
static uint16_t
choose_port(uint8_t *protocol)
{
	static const uint8_t protocols[] = { PST_TCP, PST_UDP, PST_ICMP };
	const struct pst_nat *nat = pst_worker_nat(day.box.a->workers[below(day.box.a->n_workers)]);

	*protocol = protocols[below(3)];
	for (int tries = 0; tries < 1000 && below(100) != 0; tries++) {
		const struct pst_conn *c = &nat->conns.hot[below(nat->conns.slots.capacity)];

		if (!c->live)
			continue;
		*protocol = pst_key_low(c->remote);
		return pst_key_endpoint(c->local[PST_WAY_IN]).port;
	}
	return 1024 + below(64512);
}

static void
look(void)
{
	struct moment *m = &day.moments[day.n++];

	box_settle(&day.box);
	*m = (struct moment){ .at_ms = WALL_MS + day.box.now_ms };
	m->port = choose_port(&m->protocol);
	if (below(20) == 0)
		m->port = PUBLISHED;
	for (uint32_t w = 0; w < day.box.a->n_workers; w++) {
		const struct pst_nat *nat = pst_worker_nat(day.box.a->workers[w]);

		if (nat->params->block_size != 0)
			look_at_blocks(nat, m);
	}
	for (uint32_t w = 0; w < day.box.a->n_workers; w++) {
		const struct pst_nat *nat = pst_worker_nat(day.box.a->workers[w]);

		if (nat->params->block_size == 0)
			look_at_connections(nat, m);
		look_at_listeners(nat, m);
	}
}

static void
poll_log(void)
{
	while (pst_eventlog_poll(day.log, day.box.now_ms) > 0)
		;
	assert_true(pst_eventlog_flush(day.log, 60000));
}

static void
live_a_day(uint32_t sleeps)
{
	uint32_t left = MOMENTS;

	for (uint32_t second = 0; second < DAY; second++) {
		/* some hours are busy, some are quiet */
		uint32_t rate = second / 3600 % 3 == 0 ? 4 : 1;

		for (uint32_t k = below(rate + 1); k > 0; k--)
			act();
		day.box.now_ms += below(1000);
		while (left > 0 && below(DAY - second) < left) {
			look();
			left--;
			if (below(3) > 0)
				break;
		}
		day.box.now_ms = 1000 + (second + 1) * UINT64_C(1000);
		box_settle(&day.box);
		if (sleeps == 0 || second % sleeps == 0)
			poll_log();
		if (second == DAY / 2) { /* as logrotate does */
			assert_int_equal(rename(day.path[1], day.path[0]), 0);
			pst_eventlog_reopen(day.log, day.box.now_ms);
			assert_true(pst_eventlog_flush(day.log, 60000));
		}
	}
	assert_int_equal(day.n, MOMENTS);
}

static void
read_file(const char *path)
{
	char line[PST_RECORD_LINE];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (day.n_lines == day.room) {
			day.room = day.room > 0 ? 2 * day.room : 1024;
			day.lines = realloc(day.lines, day.room * sizeof(*day.lines));
			assert_non_null(day.lines);
		}
		line[strcspn(line, "\n")] = 0;
		day.lines[day.n_lines++] = strdup(line);
	}
	fclose(f);
	unlink(path);
}

struct tally {
	uint32_t clients, nobody, unknown;
};

/* Ask for all moments; what is not known is not wrong. Lines that are left out are empty. */
static struct tally
ask_all(void)
{
	struct pst_history *h = pst_history_create(0, 0);
	struct tally tally = { 0 };

	assert_non_null(h);
	for (size_t i = 0; i < day.n_lines; i++) {
		if (day.lines[i][0] != 0)
			assert_true(pst_history_line(h, day.lines[i], strlen(day.lines[i])));
	}
	pst_history_finish(h);
	for (uint32_t i = 0; i < MOMENTS; i++) {
		const struct moment *m = &day.moments[i];
		struct pst_history_answer a;

		pst_history_ask(h, OUTSIDE, m->port, m->protocol, m->at_ms, &a);
		if (a.verdict == PST_HISTORY_UNKNOWN) {
			assert_true(a.reason[0] != 0);
			tally.unknown++;
			continue;
		}
		if (a.client_ip != m->client_ip || a.client_port != m->client_port)
			fail_msg("moment %u, %lu, port %u of %u: the log says %x:%u, it was %x:%u",
				i, m->at_ms - WALL_MS, m->port, m->protocol, a.client_ip,
				a.client_port, m->client_ip, m->client_port);
		if (a.verdict == PST_HISTORY_CLIENT) {
			assert_true(a.since_ms <= m->at_ms || a.since_ms == PST_HISTORY_NO_TIME);
			assert_true(a.until_ms > m->at_ms);
			tally.clients++;
		} else {
			tally.nobody++;
		}
	}
	pst_history_destroy(h);
	return tally;
}

static void
record_a_day(const struct pst_config *c, uint32_t kinds, uint32_t sleeps, uint32_t seed)
{
	static const char *const editors[] = { "ftp" };
	struct pst_eventlog_params p = { .file = day.path[1],
		.kinds = kinds,
		.wall = wall,
		.names = { .editors = editors, .n_editors = 1, .port_block = c->nat.port_block } };
	char error[256] = "";

	day.n = 0;
	day.box.now_ms = 1000;
	pst_rng_init(&day.rng, seed);
	day.log = pst_eventlog_create(&p, 1000, error, sizeof(error));
	if (day.log == NULL)
		fail_msg("%s", error);
	box_init_with(&day.box, c, 0, (struct pst_appliance_params){ .eventlog = day.log });
	live_a_day(sleeps);
	poll_log();
	drop_all();
	pst_eventlog_drop_queues(day.log);
	box_stop(&day.box);
	pst_eventlog_destroy(day.log, day.box.now_ms);
	read_file(day.path[0]);
	read_file(day.path[1]);
}

static void
forget_lines(void)
{
	for (size_t i = 0; i < day.n_lines; i++)
		free(day.lines[i]);
	day.n_lines = 0;
}

static void
make_config(struct pst_config *c, uint32_t workers, uint32_t port_block)
{
	box_config(c, workers, 1);
	c->nat.port_block = port_block;
	c->nat.quarantine_s = 5; /* ports soon change hands */
	c->nat.port_last = 4095; /* and there are few */
	c->editors[c->n_editors++] = (struct pst_config_editor){ "ftp", true };
	c->publish[c->n_publish++] = (struct pst_config_publish){ .name = "web",
		.transport = PST_TCP,
		.external = { OUTSIDE, PUBLISHED },
		.internal = { CLIENTS, 80 } };
}

static void
say(const char *what, struct tally t)
{
	print_message("%s: %zu lines, %u moments: %u clients, %u nobody, %u not known\n", what,
		day.n_lines, MOMENTS, t.clients, t.nobody, t.unknown);
}

/* Some lines are gone, some are no more what they were. */
static void
make_holes(uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		size_t at = below(day.n_lines);

		for (uint32_t i = below(4); i > 0 && at < day.n_lines; i--, at++) {
			if (below(2) == 0)
				day.lines[at][0] = 0;
			else
				day.lines[at][below(strlen(day.lines[at]) | 1)] = '\\';
		}
	}
}

static void
the_log_knows_who_had_each_port(void **state)
{
	static struct pst_config c;
	struct tally t;

	(void)state;
	make_config(&c, 2, 0);
	record_a_day(&c, PST_RECORD_ALL, 0, 1);
	t = ask_all();
	say("mappings", t);
	assert_int_equal(t.unknown, 0);
	assert_true(t.clients > MOMENTS / 2 && t.nobody > 50);
	make_holes(100);
	t = ask_all();
	say("with holes", t);
	assert_true(t.unknown > 0 && t.clients > MOMENTS / 4);
	forget_lines();
}

static void
blocks_say_who_had_each_port(void **state)
{
	static struct pst_config c;
	struct tally t;

	(void)state;
	make_config(&c, 2, 32);
	record_a_day(
		&c, PST_RECORD_ALL & ~PST_RECORD_MASK(BIND) & ~PST_RECORD_MASK(CONNECTION), 0, 2);
	t = ask_all();
	say("blocks", t);
	assert_int_equal(t.unknown, 0);
	assert_true(t.clients > MOMENTS / 2);
	make_holes(20);
	t = ask_all();
	say("with holes", t);
	assert_true(t.unknown > 0 && t.clients > MOMENTS / 4);
	forget_lines();
}

/* Main looks at the rings so seldom that they run over: what is lost then is said, and never
 * makes an answer wrong. */
static void
what_rings_lose_is_not_known(void **state)
{
	static struct pst_config c;
	struct tally t;

	(void)state;
	make_config(&c, 1, 0);
	record_a_day(&c, PST_RECORD_ALL, 1800, 3);
	t = ask_all();
	say("rings that run over", t);
	assert_true(t.unknown > 0 && t.clients > MOMENTS / 10);
	forget_lines();
}

static int
start(void **state)
{
	(void)state;
	test_eal_init(256);
	strcpy(day.folder, "/tmp/pst-who-had.XXXXXX");
	if (mkdtemp(day.folder) == NULL)
		return -1;
	snprintf(day.path[0], sizeof(day.path[0]), "%s/events.1", day.folder);
	snprintf(day.path[1], sizeof(day.path[1]), "%s/events", day.folder);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	free(day.lines);
	return rmdir(day.folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_log_knows_who_had_each_port),
		cmocka_unit_test(blocks_say_who_had_each_port),
		cmocka_unit_test(what_rings_lose_is_not_known),
	};

	return cmocka_run_group_tests(tests, start, end);
}
