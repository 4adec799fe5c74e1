/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FTP through the whole appliance: a client's PORT goes through a worker, the
 * stream engine and the editor, which opens an endpoint; the server connects to it.
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
#include "eal.h"
#include "ftp/ftp.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define SECOND IP(198, 18, 0, 10)
#define OUTSIDE IP(198, 18, 0, 1)

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define P RTE_TCP_PSH_FLAG
#define F RTE_TCP_FIN_FLAG

#define STREAM_MAX 4096

/* One end of the control connection: what it sent, and what it got. */
struct end {
	int port; /* the box's */
	uint32_t ip, peer;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t got[STREAM_MAX];
	uint32_t first, n_got; /* sequence number of got[0] */
};

struct ftp {
	struct box b;
	struct end client, server;
};

static void
emit(struct ftp *f, struct end *e, uint8_t flags, uint32_t seq, const char *data, uint32_t len)
{
	struct pkt p = { .proto = IPPROTO_TCP, .src = e->ip, .sport = e->sport, .dst = e->peer,
		.dport = e->dport, .seq = seq, .ack = e->ack, .tcp_flags = flags, .data = data,
		.len = len };

	box_put(&f->b, e->port, &p);
	box_settle(&f->b);
}

/* Take what came out for this end: in-order bytes are kept and acknowledged. */
static void
take_in(struct ftp *f, struct end *e)
{
	struct rte_mbuf *m;
	struct pkt p;

	while ((m = box_get(&f->b, e->port)) != NULL) {
		assert_true(pkt_read(m, &p));
		assert_int_equal(p.dst, e->ip);
		if (p.tcp_flags & S) {
			e->first = e->ack = p.seq + 1;
			e->peer = p.src;
			e->dport = p.sport;
		} else if (p.len > 0 && p.seq == e->ack) {
			memcpy(e->got + e->n_got, p.data, p.len);
			e->n_got += p.len;
			e->ack += p.len;
		}
		if (p.tcp_flags & F)
			e->ack++;
		rte_pktmbuf_free(m);
	}
}

static void
acknowledge(struct ftp *f, struct end *e, struct end *other)
{
	take_in(f, e);
	emit(f, e, A, e->seq, NULL, 0);
	take_in(f, other);
}

static void
say(struct ftp *f, struct end *e, struct end *other, const char *text)
{
	emit(f, e, A | P, e->seq, text, strlen(text));
	e->seq += strlen(text);
	take_in(f, e);
	acknowledge(f, other, e);
}

static uint32_t client_start = 0xfffffff0; /* its numbers wrap soon */

static void
shake_hands(struct ftp *f)
{
	f->client = (struct end){ .port = BOX_INSIDE, .ip = CLIENT, .peer = SERVER,
		.sport = 4000, .dport = 21, .seq = client_start };
	f->server = (struct end){ .port = BOX_OUTSIDE, .ip = SERVER, .sport = 21, .seq = 7000 };
	emit(f, &f->client, S, f->client.seq++, NULL, 0);
	take_in(f, &f->server);
	emit(f, &f->server, S | A, f->server.seq++, NULL, 0);
	take_in(f, &f->client);
	emit(f, &f->client, A, f->client.seq, NULL, 0);
	take_in(f, &f->server);
}

static void
log_in(struct ftp *f)
{
	shake_hands(f);
	say(f, &f->server, &f->client, "220 ready\r\n");
	say(f, &f->client, &f->server, "USER anonymous\r\n");
	say(f, &f->server, &f->client, "230 come in\r\n");
	f->server.n_got = 0;
}

static void
connect_control(struct ftp *f, uint32_t workers)
{
	struct pst_config c;

	memset(f, 0, sizeof(*f));
	box_config(&c, workers, 1);
	box_init(&f->b, &c, 0);
	log_in(f);
}

/* The outside port that the server was told. */
static uint16_t
announced(const struct end *server)
{
	unsigned int a, b, c, d, hi, lo;
	char text[STREAM_MAX + 1];

	memcpy(text, server->got, server->n_got);
	text[server->n_got] = 0;
	if (sscanf(text, "PORT %u,%u,%u,%u,%u,%u", &a, &b, &c, &d, &hi, &lo) != 6)
		fail_msg("the server got \"%s\"", text);
	assert_int_equal(IP(a, b, c, d), OUTSIDE);
	return hi * 256 + lo;
}

static uint64_t
listeners(const struct ftp *f)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < f->b.a->n_workers; w++)
		n += pst_worker_stats(f->b.a->workers[w])->listeners;
	return n;
}

static struct pkt
data_syn(uint32_t from, uint16_t port)
{
	return (struct pkt){ .proto = IPPROTO_TCP, .src = from, .sport = 20, .dst = OUTSIDE,
		.dport = port, .seq = 1, .tcp_flags = S };
}

static void
hang_up(struct ftp *f)
{
	emit(f, &f->client, F | A, f->client.seq++, NULL, 0);
	acknowledge(f, &f->server, &f->client);
	emit(f, &f->server, F | A, f->server.seq++, NULL, 0);
	acknowledge(f, &f->client, &f->server);
}

static void
finish(struct ftp *f)
{
	hang_up(f);
	box_fini(&f->b);
}

static void
port_opens_an_endpoint_for_the_server_alone(void **state)
{
	struct pkt syn, got;
	struct ftp f;
	uint16_t port;

	(void)state;
	for (uint32_t workers = 1; workers <= 8; workers *= 2) {
		connect_control(&f, workers);
		say(&f, &f.client, &f.server, "PORT 10,1,1,7,19,137\r\n");
		port = announced(&f.server);
		assert_int_equal(listeners(&f), 1);
		syn = data_syn(SECOND, port);
		box_is_dropped(&f.b, BOX_OUTSIDE, &syn, PST_DROP_IP_FILTER);
		syn = data_syn(SERVER, port);
		assert_true(box_pass_through(&f.b, BOX_OUTSIDE, &syn, &got));
		assert_int_equal(got.dst, CLIENT);
		assert_int_equal(got.dport, 19 * 256 + 137);
		say(&f, &f.server, &f.client, "200 PORT done\r\n");
		finish(&f);
	}
}

static void
a_command_in_pieces_is_one_command(void **state)
{
	static const char command[] = "PORT 10,1,1,7,19,137\r\n";
	struct ftp f;

	(void)state;
	for (uint32_t piece = 1; piece < sizeof(command); piece++) {
		connect_control(&f, 1);
		for (uint32_t at = 0; at < sizeof(command) - 1; at += piece) {
			uint32_t len = RTE_MIN(piece, (uint32_t)sizeof(command) - 1 - at);

			emit(&f, &f.client, A | P, f.client.seq, command + at, len);
			f.client.seq += len;
			take_in(&f, &f.client);
			take_in(&f, &f.server);
		}
		acknowledge(&f, &f.server, &f.client);
		announced(&f.server);
		assert_int_equal(listeners(&f), 1);
		say(&f, &f.server, &f.client, "200 PORT done\r\n");
		finish(&f);
	}
}

static void
a_retransmission_carries_the_same_edit(void **state)
{
	static const char command[] = "PORT 10,1,1,7,19,137\r\n";
	struct ftp f;
	uint16_t port;

	(void)state;
	connect_control(&f, 2);
	emit(&f, &f.client, A | P, f.client.seq, command, strlen(command));
	box_pass(&f.b, 100); /* the server did not answer: the packet got lost behind us */
	while (true) {
		struct rte_mbuf *m = box_get(&f.b, BOX_OUTSIDE);

		if (m == NULL)
			break;
		rte_pktmbuf_free(m);
	}
	emit(&f, &f.client, A | P, f.client.seq, command, strlen(command));
	f.client.seq += strlen(command);
	acknowledge(&f, &f.server, &f.client);
	port = announced(&f.server);
	assert_int_equal(listeners(&f), 1);
	assert_true(port >= 1024);
	finish(&f);
}

static void
the_same_ports_again_are_a_new_connection(void **state)
{
	struct ftp f;

	(void)state;
	connect_control(&f, 2);
	for (int i = 0; i < 4; i++) {
		f.server.n_got = 0;
		say(&f, &f.client, &f.server, "PORT 10,1,1,7,19,137\r\n");
		announced(&f.server);
		hang_up(&f);
		client_start += 0x12345678;
		log_in(&f);
	}
	client_start = 0xfffffff0;
	finish(&f);
}

static void
what_is_not_the_clients_own_opens_nothing(void **state)
{
	static const char *const commands[] = {
		"PORT 10,1,1,8,19,137\r\n", /* another host */
		"PORT 10,1,1,7,0,22\r\n",   /* a privileged port */
		"PORT 10,1,1,7,19\r\n",     /* no port at all */
		"EPRT |1|10.1.1.8|5001|\r\n",
	};
	struct ftp f;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(commands); i++) {
		connect_control(&f, 1);
		say(&f, &f.client, &f.server, commands[i]);
		assert_int_equal(f.server.n_got, strlen(commands[i]));
		assert_memory_equal(f.server.got, commands[i], f.server.n_got);
		assert_int_equal(listeners(&f), 0);
		finish(&f);
	}
}

static void
after_tls_the_fast_path_goes_on_with_an_offset(void **state)
{
	uint64_t lent;
	struct ftp f;

	(void)state;
	connect_control(&f, 1);
	say(&f, &f.client, &f.server, "PORT 10,1,1,7,19,137\r\n");
	announced(&f.server);
	say(&f, &f.server, &f.client, "200 PORT done\r\n");
	say(&f, &f.client, &f.server, "AUTH TLS\r\n");
	say(&f, &f.server, &f.client, "234 go on\r\n");
	say(&f, &f.client, &f.server, "\x16\x03\x01");
	box_settle(&f.b);
	lent = pst_worker_stats(f.b.a->workers[0])->lent;
	f.server.n_got = f.client.n_got = 0;
	say(&f, &f.client, &f.server, "hello");
	say(&f, &f.server, &f.client, "and hello");
	assert_int_equal(f.server.n_got, 5);
	assert_memory_equal(f.server.got, "hello", 5);
	assert_memory_equal(f.client.got, "and hello", 9);
	assert_int_equal(pst_worker_stats(f.b.a->workers[0])->lent, lent);
	finish(&f);
}

static void
an_unused_port_is_open_at_59_s_and_closed_at_61_s(void **state)
{
	struct pkt syn, got;
	struct ftp f;
	uint16_t port;

	(void)state;
	for (int late = 0; late < 2; late++) {
		connect_control(&f, 2);
		say(&f, &f.client, &f.server, "PORT 10,1,1,7,19,137\r\n");
		port = announced(&f.server);
		box_pass(&f.b, late ? 61000 : 59000);
		syn = data_syn(SERVER, port);
		if (late)
			box_is_dropped(&f.b, BOX_OUTSIDE, &syn, PST_DROP_NO_MAPPING);
		else
			assert_true(box_pass_through(&f.b, BOX_OUTSIDE, &syn, &got));
		finish(&f);
	}
}

static const struct pst_editor_stats *
editor_stats(const struct ftp *f)
{
	return pst_runtime_stats(f->b.a->runtimes[0]);
}

static void
an_answer_that_comes_too_late_is_undone(void **state)
{
	struct ftp f;

	(void)state;
	connect_control(&f, 2);
	f.b.stalled = true;
	say(&f, &f.client, &f.server, "PORT 10,1,1,7,19,137\r\n");
	/* the client gets a clear failure: servers answer this with 500 */
	assert_memory_equal(f.server.got, "PORT 0,0,0,0,0,0\r\n", f.server.n_got);
	assert_int_equal(editor_stats(&f)->late_replies, 1);
	assert_int_equal(editor_stats(&f)->bind_failures, 1);
	assert_int_equal(listeners(&f), 0);
	f.b.stalled = false;
	f.server.n_got = 0;
	say(&f, &f.client, &f.server, "PORT 10,1,1,7,19,137\r\n");
	announced(&f.server);
	assert_int_equal(listeners(&f), 1);
	finish(&f);
}

/* One request at a time and rings of one event: kills and ends wait, and none is lost. */
static void
a_single_record_is_enough(void **state)
{
	struct pst_config c;
	struct ftp f;

	(void)state;
	memset(&f, 0, sizeof(f));
	box_config(&c, 1, 1);
	box_init_small(&f.b, &c, 1, 1);
	log_in(&f);
	for (int i = 0; i < 10; i++) {
		f.server.n_got = 0;
		say(&f, &f.client, &f.server, "PORT 10,1,1,7,19,137\r\n");
		announced(&f.server);
		box_settle(&f.b);
		assert_int_equal(listeners(&f), 1); /* each kills the one before */
	}
	finish(&f);
}

/* The endpoint is that server's alone, so what the rules say of it holds. */
static void
a_rule_on_the_server_holds_for_its_data_connections(void **state)
{
	struct pst_config c;
	struct ftp f;

	(void)state;
	memset(&f, 0, sizeof(f));
	box_config(&c, 1, 1);
	c.n_rules = 1;
	c.rules[0] = (struct pst_config_rule){ .name = "ftp", .allow = true,
		.protocols = { "ftp" }, .n_protocols = 1,
		.destinations = { { SERVER, SERVER } }, .n_destinations = 1 };
	box_init(&f.b, &c, 0);
	log_in(&f);
	say(&f, &f.client, &f.server, "PORT 10,1,1,7,19,137\r\n");
	announced(&f.server);
	assert_int_equal(listeners(&f), 1);
	finish(&f);
}

/* NAT slipstreaming: a page makes a browser inside send what looks like FTP. */

#define REQUEST "POST / HTTP/1.1\r\nHost: 198.18.0.9:21\r\nContent-Length: 24\r\n\r\n"

static uint64_t
counted(const struct ftp *f, enum pst_ftp_counter counter)
{
	return pst_runtime_counters(f->b.a->runtimes[0], 0)[counter];
}

/* A browser's connection to port 21, in segments; the server gets all of it unchanged. */
static void
slip(struct ftp *f, const char *const *segments)
{
	static struct pst_config c;
	char all[STREAM_MAX] = "";

	memset(f, 0, sizeof(*f));
	box_config(&c, 2, 1);
	box_init(&f->b, &c, 0);
	shake_hands(f);
	for (uint32_t i = 0; segments[i] != NULL; i++) {
		say(f, &f->client, &f->server, segments[i]);
		strcat(all, segments[i]);
	}
	assert_int_equal(f->server.n_got, strlen(all));
	assert_memory_equal(f->server.got, all, strlen(all));
}

static void
a_form_post_opens_nothing(void **state)
{
	static const char *const posts[][6] = {
		{ REQUEST "PORT 10,1,1,7,19,137\r\n" },		 /* its own address */
		{ REQUEST "PORT 10,1,1,8,19,137\r\n" },		 /* another host inside */
		{ REQUEST "PORT 10,1,1,7,0,22\r\n" },		 /* a service's port */
		{ REQUEST "EPRT |1|10,1,1,7|5001|\r\n" },
		{ REQUEST "EPRT |1|10.1.1.7|5001|\r\n" },
		{ REQUEST, "PORT 10,1,1,7,19,137\r\n" },	 /* it begins a segment */
		{ REQUEST, "PO", "RT 10,1,1,7,19,137\r\n" },	 /* and is cut */
		{ "P", "O", "S", "T / HTTP/1.1\r\n\r\n", "PORT 10,1,1,7,19,137\r\n" },
		{ "GET / HTTP/1.1\r\n\r\n", "PORT 10,1,1,7,19,137\r\n" },
		{ "PRI * HTTP/2.0\r\n\r\n", "EPRT |1|10.1.1.7|5001|\r\n" },
	};
	struct ftp f;

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(posts); i++) {
		slip(&f, posts[i]);
		assert_int_equal(listeners(&f), 0);
		assert_int_equal(counted(&f, PST_FTP_BINDS), 0);
		assert_int_equal(counted(&f, PST_FTP_LATCHED), 1);
		box_fini(&f.b);
	}
}

/* Whatever it says later, and whatever the server answers. */
static void
the_latch_holds_for_the_connections_life(void **state)
{
	static const char *const post[] = { REQUEST, NULL };
	static const char port[] = "PORT 10,1,1,7,19,137\r\n";
	struct ftp f;

	(void)state;
	slip(&f, post);
	say(&f, &f.server, &f.client, "220 ready\r\n");
	f.server.n_got = 0;
	say(&f, &f.client, &f.server, "USER anonymous\r\n");
	say(&f, &f.server, &f.client, "230 come in\r\n");
	f.server.n_got = 0;
	say(&f, &f.client, &f.server, port);
	assert_int_equal(f.server.n_got, strlen(port));
	assert_memory_equal(f.server.got, port, strlen(port));
	assert_int_equal(listeners(&f), 0);
	box_fini(&f.b);
}

/* A packet may be cut so that a fragment begins with a command. */
static void
a_fragment_is_never_read(void **state)
{
	static const char *const post[] = { REQUEST, NULL };
	struct rte_ipv4_hdr *ip;
	struct rte_mbuf *m;
	struct ftp f;
	struct pkt p;

	(void)state;
	slip(&f, post);
	p = (struct pkt){ .proto = IPPROTO_TCP, .src = CLIENT, .sport = 4000, .dst = SERVER,
		.dport = 21, .seq = f.client.seq, .ack = f.client.ack, .tcp_flags = A | P,
		.data = "PORT 10,1,1,7,19,137\r\n", .len = 22, .src_mac = { { 2, 0, 0, 0, 0, 9 } },
		.dst_mac = f.b.mac[BOX_INSIDE] };
	m = pkt_build(f.b.mbufs, &p);
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	m->port = f.b.port[BOX_INSIDE];
	assert_int_equal(rte_ring_enqueue(f.b.rx[BOX_INSIDE][0], m), 0);
	f.b.put++;
	box_settle(&f.b);
	assert_int_equal(box_drops(&f.b, PST_DROP_FRAGMENT), 1);
	assert_int_equal(listeners(&f), 0);
	box_fini(&f.b);
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
		cmocka_unit_test(port_opens_an_endpoint_for_the_server_alone),
		cmocka_unit_test(a_command_in_pieces_is_one_command),
		cmocka_unit_test(a_retransmission_carries_the_same_edit),
		cmocka_unit_test(the_same_ports_again_are_a_new_connection),
		cmocka_unit_test(what_is_not_the_clients_own_opens_nothing),
		cmocka_unit_test(after_tls_the_fast_path_goes_on_with_an_offset),
		cmocka_unit_test(a_rule_on_the_server_holds_for_its_data_connections),
		cmocka_unit_test(an_answer_that_comes_too_late_is_undone),
		cmocka_unit_test(a_single_record_is_enough),
		cmocka_unit_test(an_unused_port_is_open_at_59_s_and_closed_at_61_s),
		cmocka_unit_test(a_form_post_opens_nothing),
		cmocka_unit_test(the_latch_holds_for_the_connections_life),
		cmocka_unit_test(a_fragment_is_never_read),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
