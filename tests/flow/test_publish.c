/* SPDX-License-Identifier: BSD-3-Clause */
/* Published servers: hosts inside that are reached at one port of ours; and FTP ones. */
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

#define SERVER IP(10, 1, 1, 80) /* inside */
#define STRANGER IP(10, 1, 2, 1) /* inside, and the hosts behind it */
#define PEER IP(198, 18, 0, 9)
#define SECOND IP(198, 18, 0, 10)
#define OUTSIDE IP(198, 18, 0, 1)

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define P RTE_TCP_PSH_FLAG

static struct pkt
packet(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint8_t flags)
{
	return (struct pkt){ .proto = proto, .src = src, .sport = sport, .dst = dst,
		.dport = dport, .tcp_flags = flags, .seq = 1, .ack = flags & A ? 1 : 0 };
}

static void
publish(struct pst_config *c, enum pst_proto proto, uint16_t external, uint16_t internal)
{
	struct pst_config_publish *p = &c->publish[c->n_publish++];

	snprintf(p->name, sizeof(p->name), "p%u", c->n_publish);
	p->transport = proto;
	p->external = (struct pst_endpoint){ OUTSIDE, external };
	p->internal = (struct pst_endpoint){ SERVER, internal };
}

static void
a_published_server_is_reached_by_all(void **state)
{
	static const uint16_t ports[] = { 80, 1023, 1024, 20000, 40000, 65535 };
	struct pst_config c;
	struct pkt in, out;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (uint32_t k = 0; k < RTE_DIM(ports); k++) {
			box_config(&c, workers, 1);
			publish(&c, PST_TCP, ports[k], 8080);
			publish(&c, PST_UDP, ports[k], 53);
			box_init(&b, &c, 0);
			for (uint32_t i = 0; i < 3; i++) {
				in = packet(PST_TCP, PEER + i, 4000, OUTSIDE, ports[k], S);
				assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
				assert_int_equal(out.dst, SERVER);
				assert_int_equal(out.dport, 8080);
				assert_int_equal(out.src, PEER + i);
				in = packet(PST_TCP, SERVER, 8080, PEER + i, 4000, S | A);
				assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
				assert_int_equal(out.src, OUTSIDE);
				assert_int_equal(out.sport, ports[k]);
				in = packet(PST_UDP, PEER + i, 4000, OUTSIDE, ports[k], 0);
				assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
				assert_int_equal(out.dport, 53);
				in = packet(PST_UDP, SERVER, 53, PEER + i, 4000, 0);
				assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
				assert_int_equal(out.sport, ports[k]);
			}
			box_fini(&b);
		}
	}
}

/* Each outside port is the inside one as far from the first; so are the ends of what it sends. */
static void
a_range_is_published_port_by_port(void **state)
{
	struct pst_config c;
	struct pkt in, out;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		box_config(&c, workers, 1);
		publish(&c, PST_UDP, 17300, 5000); /* of two runs */
		c.publish[0].more = 199;
		box_init(&b, &c, 0);
		for (uint16_t k = 0; k < 200; k++) {
			in = packet(PST_UDP, PEER, 4000, OUTSIDE, 17300 + k, 0);
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
			assert_int_equal(out.dst, SERVER);
			assert_int_equal(out.dport, 5000 + k);
			in = packet(PST_UDP, SERVER, 5000 + k, PEER, 4000, 0);
			assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
			assert_int_equal(out.sport, 17300 + k);
		}
		in = packet(PST_UDP, PEER, 4000, OUTSIDE, 17299, 0);
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
		in = packet(PST_UDP, PEER, 4000, OUTSIDE, 17500, 0);
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
		box_fini(&b);
	}
}

/* A client inside calls the outside endpoint; the server sees the client's outside one. */
static void
clients_reach_a_published_server_by_hairpin(void **state)
{
	struct pst_config c;
	struct pkt in, out;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		box_config(&c, workers, 1);
		publish(&c, PST_TCP, 80, 8080);
		box_init(&b, &c, 0);
		for (uint32_t k = 0; k < 8; k++) {
			in = packet(PST_TCP, STRANGER + 9 * k, 7000, OUTSIDE, 80, S);
			assert_true(box_pass_to(&b, BOX_INSIDE, BOX_INSIDE, &in, &out));
			assert_int_equal(out.src, OUTSIDE);
			assert_int_equal(out.dst, SERVER);
			assert_int_equal(out.dport, 8080);
			in = packet(PST_TCP, SERVER, 8080, OUTSIDE, out.sport, S | A);
			in.ack = 2;
			assert_true(box_pass_to(&b, BOX_INSIDE, BOX_INSIDE, &in, &out));
			assert_int_equal(out.src, OUTSIDE);
			assert_int_equal(out.sport, 80);
			assert_int_equal(out.dst, STRANGER + 9 * k);
			assert_int_equal(out.dport, 7000);
		}
		box_fini(&b);
	}
}

#define HOST IP(10, 1, 1, 90)
#define HOSTS_OWN IP(198, 18, 0, 40)

static void
whole_config(struct pst_config *c, uint32_t workers)
{
	box_config(c, workers, 1);
	c->n_publish = 1;
	c->publish[0] = (struct pst_config_publish){ .name = "host", .whole = true,
		.external = { HOSTS_OWN, 0 }, .internal = { HOST, 0 } };
}

/* Out of the host's address, port by port, and back. */
static void
host_calls(struct box *b, struct pkt in)
{
	struct pkt out, back, got;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.src, HOSTS_OWN);
	assert_int_equal(out.sport, in.sport);
	back = pkt_answer(&in);
	back.dst = HOSTS_OWN;
	back.tcp_flags = S | A;
	back.ack = in.seq + 1;
	assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &got));
	assert_int_equal(got.dst, HOST);
	assert_int_equal(got.dport, back.dport);
}

static void
host_is_called(struct box *b, struct pkt in)
{
	struct pkt out, back, got;

	assert_true(box_pass_through(b, BOX_OUTSIDE, &in, &out));
	assert_int_equal(out.dst, HOST);
	assert_int_equal(out.dport, in.dport != 0 ? in.dport : out.dport);
	back = pkt_answer(&out);
	back.tcp_flags = S | A;
	back.ack = in.seq + 1;
	assert_true(box_pass_through(b, BOX_INSIDE, &back, &got));
	assert_int_equal(got.src, HOSTS_OWN);
	assert_int_equal(got.dst, in.src);
}

static void
a_host_has_an_address_of_its_own_both_ways(void **state)
{
	struct pst_config c;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (int open = 0; open < 2; open++) {
			struct pkt gre = { .proto = 47, .src = PEER, .dst = HOSTS_OWN,
				.data = "tunnelled", .len = 9 };

			whole_config(&c, workers);
			c.nat.mapping = open ? PST_ADDRESS_AND_PORT_DEPENDENT :
					       PST_ENDPOINT_INDEPENDENT;
			box_init(&b, &c, 0);
			for (uint32_t k = 0; k < 64; k++) {
				uint16_t port = 20 + 1021 * k;

				host_is_called(&b, pkt_tcp(PEER + k, 999, HOSTS_OWN, port, S));
				host_is_called(&b, pkt_udp(PEER + k, 999, HOSTS_OWN, port));
				host_is_called(&b, pkt_echo(PEER + k, HOSTS_OWN, port, 8));
				host_calls(&b, pkt_tcp(HOST, port, SECOND + 100, 80, S));
				host_calls(&b, pkt_udp(HOST, port, SECOND + 100, 53));
				host_calls(&b, pkt_echo(HOST, SECOND + 100, port, 8));
			}
			host_is_called(&b, gre);
			assert_int_equal(box_connections(&b), 6 * 64 + 1);
			box_fini(&b);
		}
	}
}

static void
others_neither_have_it_nor_lose_by_it(void **state)
{
	struct pst_config c;
	struct pkt in, out;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		whole_config(&c, workers);
		box_init(&b, &c, 0);
		for (uint32_t k = 0; k < 32; k++) {
			in = packet(PST_UDP, STRANGER + k, 4000, PEER, 53, 0);
			assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
			assert_int_equal(out.src, OUTSIDE);
			/* by hairpin they reach the host at its own address */
			in = pkt_tcp(STRANGER + k, 4000, HOSTS_OWN, 443, S);
			assert_true(box_pass_to(&b, BOX_INSIDE, BOX_INSIDE, &in, &out));
			assert_int_equal(out.src, OUTSIDE);
			assert_int_equal(out.dst, HOST);
			assert_int_equal(out.dport, 443);
		}
		assert_non_null(box_ask(&b, BOX_OUTSIDE, 0, HOSTS_OWN));
		in = packet(PST_UDP, PEER, 53, OUTSIDE, 4000, 0);
		box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
		box_fini(&b);
	}
}

static void
a_host_s_connections_are_in_its_quota(void **state)
{
	struct pst_config c;
	struct pkt in;
	struct box b;

	(void)state;
	whole_config(&c, 1);
	c.nat.sessions_per_client = 10;
	box_init(&b, &c, 0);
	for (uint16_t k = 0; k < 10; k++)
		host_is_called(&b, pkt_udp(PEER, 999, HOSTS_OWN, 100 + k));
	in = pkt_udp(PEER, 999, HOSTS_OWN, 200);
	box_is_dropped(&b, BOX_OUTSIDE, &in, PST_DROP_CLIENT_SESSIONS);
	box_pass(&b, 302 * 1000);
	host_is_called(&b, in);
	box_fini(&b);
}

/* Three ports there are, one is published: two connections of clients, in no other's way. */
static void
a_published_port_is_nobody_elses_and_in_no_quota(void **state)
{
	struct pst_config c;
	struct pkt in, out;
	struct box b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.port_first = 30000;
	c.nat.port_last = 30002;
	c.nat.ports_per_client = 2;
	c.nat.mapping = PST_ADDRESS_AND_PORT_DEPENDENT;
	publish(&c, PST_TCP, 30001, 80);
	box_init(&b, &c, 0);
	for (uint16_t i = 0; i < 2; i++) {
		in = packet(PST_TCP, SERVER, 5000 + i, PEER, 99, S);
		assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
		assert_int_not_equal(out.sport, 30001);
	}
	in = packet(PST_TCP, PEER, 4000, OUTSIDE, 30001, S);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
	assert_int_equal(out.dport, 80);
	box_fini(&b);
}

/* Two at once; only the server's own answers are of their connections. */
static void
nobody_but_the_server_answers(void **state)
{
	struct pst_config c;
	struct pkt in, out;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		box_config(&c, workers, 1);
		publish(&c, PST_TCP, 80, 8080);
		publish(&c, PST_UDP, 5353, 53);
		box_init(&b, &c, 0);
		for (uint32_t i = 0; i < 2; i++) {
			in = packet(PST_TCP, PEER + i, 4000, OUTSIDE, 80, S);
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
			in = packet(PST_UDP, PEER + i, 4000, OUTSIDE, 5353, 0);
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
		}
		for (uint32_t i = 0; i < 8; i++) { /* of every worker */
			in = packet(PST_TCP, STRANGER + i, 8080, PEER, 4000, S | A);
			box_is_dropped(&b, BOX_INSIDE, &in, PST_DROP_TCP_NO_SYN);
			in = packet(PST_UDP, STRANGER + i, 53, PEER, 4000, 0);
			assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
			assert_int_not_equal(out.sport, 5353); /* a port of its own */
		}
		for (uint32_t i = 0; i < 2; i++) {
			in = packet(PST_TCP, SERVER, 8080, PEER + i, 4000, S | A);
			assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
			assert_int_equal(out.sport, 80);
			in = packet(PST_TCP, PEER + i, 4000, OUTSIDE, 80, A);
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
			assert_int_equal(out.dport, 8080);
			in = packet(PST_TCP, SERVER, 8080, PEER + i, 4000, A | P);
			assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
			assert_int_equal(out.src, OUTSIDE);
			assert_int_equal(out.dst, PEER + i);
		}
		box_fini(&b);
	}
}

/* Every other port of the range is taken by clients: never the published one. */
static void
a_published_port_is_in_no_workers_pool(void **state)
{
	static const enum pst_proto protos[] = { PST_TCP, PST_UDP };
	struct pst_config c;
	struct pkt in, out;
	struct rte_mbuf *m;
	uint32_t through;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		for (uint32_t k = 0; k < RTE_DIM(protos); k++) {
			box_config(&c, workers, 1);
			c.nat.port_first = 40000;
			c.nat.port_last = 40009;
			publish(&c, protos[k], 40005, 7000);
			box_init(&b, &c, 0);
			through = 0;
			for (uint32_t i = 0; i < 64; i++) {
				in = packet(protos[k], STRANGER + i, 5000, PEER, 99,
					protos[k] == PST_TCP ? S : 0);
				if (!box_pass_through(&b, BOX_INSIDE, &in, &out))
					continue;
				assert_int_not_equal(out.sport, 40005);
				through++;
			}
			assert_int_equal(through, 9);
			while ((m = box_get(&b, BOX_INSIDE)) != NULL)
				rte_pktmbuf_free(m); /* the others were told so */
			in = packet(protos[k], PEER, 4000, OUTSIDE, 40005,
				protos[k] == PST_TCP ? S : 0);
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
			assert_int_equal(out.dport, 7000);
			box_fini(&b);
		}
	}
}

static void
a_published_server_outlives_all_timeouts(void **state)
{
	struct pst_config c;
	struct pkt in, out;
	struct box b;

	(void)state;
	box_config(&c, 2, 1);
	publish(&c, PST_TCP, 80, 8080);
	publish(&c, PST_UDP, 5353, 53);
	box_init(&b, &c, 0);
	for (uint32_t i = 0; i < 2; i++) {
		in = packet(PST_TCP, PEER, 4000, OUTSIDE, 80, S);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
		assert_int_equal(out.dport, 8080);
		in = packet(PST_UDP, PEER, 4000, OUTSIDE, 5353, 0);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &in, &out));
		assert_int_equal(out.dport, 53);
		assert_int_equal(box_connections(&b), 2);
		box_pass(&b, 8000 * 1000);
		assert_int_equal(box_connections(&b), 0);
	}
	box_fini(&b);
}

/* FTP: a client outside, the server inside. */

struct control {
	struct box b;
	uint32_t client, server; /* the next numbers, as their senders have them */
	uint32_t seen;		 /* what the client has had of the server, by its numbers */
};

static void
connect_control(struct control *f)
{
	struct pst_config c;
	struct pkt in, out;

	box_config(&c, 2, 1);
	publish(&c, PST_TCP, 2100, 21);
	box_init(&f->b, &c, 0);
	in = packet(PST_TCP, PEER, 4000, OUTSIDE, 2100, S);
	in.seq = 100;
	assert_true(box_pass_through(&f->b, BOX_OUTSIDE, &in, &out));
	assert_int_equal(out.dst, SERVER);
	in = packet(PST_TCP, SERVER, 21, PEER, 4000, S | A);
	in.seq = 500;
	in.ack = 101;
	assert_true(box_pass_through(&f->b, BOX_INSIDE, &in, &out));
	in = packet(PST_TCP, PEER, 4000, OUTSIDE, 2100, A);
	in.seq = f->client = 101;
	in.ack = f->server = f->seen = 501;
	assert_true(box_pass_through(&f->b, BOX_OUTSIDE, &in, &out));
}

/* A line of either side; what arrives at the other. */
static void
say(struct control *f, bool server, const char *line, char *got, size_t size)
{
	struct pkt in = server ? packet(PST_TCP, SERVER, 21, PEER, 4000, A | P) :
				 packet(PST_TCP, PEER, 4000, OUTSIDE, 2100, A | P);
	int port = server ? BOX_INSIDE : BOX_OUTSIDE;
	struct rte_mbuf *m;
	struct pkt out;

	in.seq = server ? f->server : f->client;
	in.ack = server ? f->client : f->seen;
	in.data = line;
	in.len = strlen(line);
	box_put(&f->b, port, &in);
	box_settle(&f->b);
	m = box_get(&f->b, 1 - port);
	assert_non_null(m);
	assert_true(pkt_read(m, &out));
	snprintf(got, size, "%.*s", (int)out.len, (const char *)out.data);
	if (server) {
		f->server += in.len;
		f->seen = out.seq + out.len;
	} else {
		f->client += in.len;
	}
	rte_pktmbuf_free(m);
	while ((m = box_get(&f->b, port)) != NULL)
		rte_pktmbuf_free(m);
}

static void
a_passive_reply_gets_an_endpoint(void **state)
{
	unsigned int h[4], p[2], port;
	struct control f = { 0 };
	struct pkt in, out;
	char got[256];

	(void)state;
	connect_control(&f);
	say(&f, true, "220 ready\r\n", got, sizeof(got));
	assert_string_equal(got, "220 ready\r\n");
	say(&f, false, "PASV\r\n", got, sizeof(got));
	say(&f, true, "227 Entering Passive Mode (10,1,1,80,195,80).\r\n", got, sizeof(got));
	assert_int_equal(sscanf(got, "227 Entering Passive Mode (%u,%u,%u,%u,%u,%u).\r\n", &h[0],
				 &h[1], &h[2], &h[3], &p[0], &p[1]),
		6);
	assert_int_equal(IP(h[0], h[1], h[2], h[3]), OUTSIDE);
	port = p[0] << 8 | p[1];
	in = packet(PST_TCP, SECOND, 4100, OUTSIDE, port, S);
	box_is_dropped(&f.b, BOX_OUTSIDE, &in, PST_DROP_IP_FILTER);
	in = packet(PST_TCP, PEER, 4100, OUTSIDE, port, S);
	assert_true(box_pass_through(&f.b, BOX_OUTSIDE, &in, &out));
	assert_int_equal(out.dst, SERVER);
	assert_int_equal(out.dport, 195 << 8 | 80);
	say(&f, false, "EPSV\r\n", got, sizeof(got));
	say(&f, true, "229 Extended (|||50001|)\r\n", got, sizeof(got));
	assert_int_equal(sscanf(got, "229 Extended (|||%u|)\r\n", &port), 1);
	in = packet(PST_TCP, PEER, 4101, OUTSIDE, port, S);
	assert_true(box_pass_through(&f.b, BOX_OUTSIDE, &in, &out));
	assert_int_equal(out.dport, 50001);
	box_fini(&f.b);
}

static void
what_is_not_the_servers_own_passes_unedited(void **state)
{
	static const char *const lines[] = {
		"227 Entering Passive Mode (10,1,1,81,195,80).\r\n",
		"227 Entering Passive Mode (10,1,1,80,0,22).\r\n",
		"227-Entering Passive Mode (10,1,1,80,195,80).\r\n",
		"227 Entering Passive Mode (10,1,1,80,195,80).\r\n", /* within the one before */
	};
	struct control f = { 0 };
	char got[256];

	(void)state;
	connect_control(&f);
	say(&f, true, "220 ready\r\n", got, sizeof(got));
	for (uint32_t i = 0; i < 3; i++) {
		say(&f, true, lines[i], got, sizeof(got));
		assert_string_equal(got, lines[i]);
	}
	say(&f, true, "200 (10,1,1,80,195,80)\r\n", got, sizeof(got));
	assert_string_equal(got, "200 (10,1,1,80,195,80)\r\n");
	assert_int_equal(pst_worker_stats(f.b.a->workers[0])->listeners +
			pst_worker_stats(f.b.a->workers[1])->listeners,
		1);
	box_fini(&f.b);
}

/* Active mode: the server inside connects out, where rules allow FTP alone. */
static void
an_active_transfer_is_permitted(void **state)
{
	struct control f = { 0 };
	struct pkt in, out;
	char got[256];

	(void)state;
	connect_control(&f);
	say(&f, true, "220 ready\r\n", got, sizeof(got));
	say(&f, false, "PORT 198,18,0,9,16,4\r\n", got, sizeof(got));
	assert_string_equal(got, "PORT 198,18,0,9,16,4\r\n");
	in = packet(PST_TCP, SERVER, 20, PEER, 16 << 8 | 4, S);
	assert_true(box_pass_through(&f.b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.src, OUTSIDE);
	box_fini(&f.b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_published_server_is_reached_by_all),
		cmocka_unit_test(a_range_is_published_port_by_port),
		cmocka_unit_test(clients_reach_a_published_server_by_hairpin),
		cmocka_unit_test(a_host_has_an_address_of_its_own_both_ways),
		cmocka_unit_test(others_neither_have_it_nor_lose_by_it),
		cmocka_unit_test(a_host_s_connections_are_in_its_quota),
		cmocka_unit_test(a_published_port_is_nobody_elses_and_in_no_quota),
		cmocka_unit_test(nobody_but_the_server_answers),
		cmocka_unit_test(a_published_port_is_in_no_workers_pool),
		cmocka_unit_test(a_published_server_outlives_all_timeouts),
		cmocka_unit_test(a_passive_reply_gets_an_endpoint),
		cmocka_unit_test(what_is_not_the_servers_own_passes_unedited),
		cmocka_unit_test(an_active_transfer_is_permitted),
	};

	test_eal_init(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
