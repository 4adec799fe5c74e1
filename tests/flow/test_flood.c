/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Floods of a million packets, from outside and from inside: no established connection is lost, each
 * packet is accounted for by its reason, and what they take is bounded and comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_malloc.h>
#include <rte_tcp.h>

#include "base/rng.h"
#include "box.h"
#include "eal.h"

#define SERVER IP(198, 18, 0, 9)
#define OUTSIDE IP(198, 18, 0, 1)
#define CLIENTS IP(10, 1, 1, 1) /* who has connections before it begins */
#define HOSTS 40
#define TALKS 200 /* half of them TCP */
#define ATTACKER IP(10, 1, 1, 200)
#define WWW IP(10, 1, 1, 100) /* published at port 80 */
#define PACKETS_A_MS 1000
#define BURST 256
#define FRAGMENT_MS 11000 /* longer than a fragment is held */
#define SESSIONS 65536
#define BACKLOG 1024 /* of a published server */

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG

struct talk {
	uint32_t client;
	uint16_t port, outside;
	bool tcp;
};

struct flood {
	struct box box;
	struct talk talks[TALKS];
	struct pst_rng rng;
	uint64_t heap; /* bytes, before */
};

static uint64_t
heap_bytes(void)
{
	struct rte_malloc_socket_stats stats;
	uint64_t sum = 0;

	for (unsigned int s = 0; s < RTE_MAX_NUMA_NODES; s++) {
		if (rte_malloc_get_socket_stats(s, &stats) == 0)
			sum += stats.heap_allocsz_bytes;
	}
	return sum;
}

static struct pkt
packet_of(const struct talk *t, uint8_t flags)
{
	return t->tcp ? pkt_tcp(t->client, t->port, SERVER, 80, flags) :
			pkt_udp(t->client, t->port, SERVER, 53);
}

static void
begin_talks(struct flood *f)
{
	for (uint32_t i = 0; i < TALKS; i++) {
		struct talk *t = &f->talks[i];
		struct pkt p, out, back;

		*t = (struct talk){ CLIENTS + i % HOSTS, 5000 + i, 0, i % 2 };
		p = packet_of(t, S);
		assert_true(box_pass_through(&f->box, BOX_INSIDE, &p, &out));
		t->outside = out.sport;
		back = pkt_answer(&out);
		back.tcp_flags = S | A;
		assert_true(box_pass_through(&f->box, BOX_OUTSIDE, &back, &p));
		p = packet_of(t, A);
		assert_true(box_pass_through(&f->box, BOX_INSIDE, &p, &out));
	}
}

/* Both ways of each pass, by the same ports. */
static void
talks_go_on(struct flood *f)
{
	for (uint32_t i = 0; i < TALKS; i++) {
		const struct talk *t = &f->talks[i];
		struct pkt p = packet_of(t, A), out, back;

		assert_true(box_pass_through(&f->box, BOX_INSIDE, &p, &out));
		assert_int_equal(out.sport, t->outside);
		back = pkt_answer(&out);
		back.tcp_flags = A;
		assert_true(box_pass_through(&f->box, BOX_OUTSIDE, &back, &p));
		assert_int_equal(p.dst, t->client);
	}
}

static void
start(struct flood *f, uint32_t workers)
{
	struct pkt first = pkt_tcp(SERVER, 7000, OUTSIDE, 80, S), got;
	struct pst_config c;

	box_config(&c, workers, 1);
	c.nat.sessions = SESSIONS;
	c.n_routes = 1; /* everywhere */
	c.routes[0] = (struct pst_config_route){ .via = IP(198, 18, 0, 254) };
	c.n_publish = 1;
	c.publish[0] = (struct pst_config_publish){ .name = "www",
		.transport = PST_TCP,
		.external = { OUTSIDE, 80 },
		.internal = { WWW, 80 } };
	box_init(&f->box, &c, 0);
	pst_rng_init(&f->rng, 11);
	begin_talks(f);
	/* who is not there yet is asked for: the server inside, the router outside */
	assert_true(box_pass_through(&f->box, BOX_OUTSIDE, &first, &got));
	first = pkt_udp(CLIENTS, 4000, IP(100, 0, 0, 1), 53);
	assert_true(box_pass_through(&f->box, BOX_INSIDE, &first, &got));
	f->heap = heap_bytes();
}

static uint32_t
packets(void)
{
	const char *cases = getenv("PST_CASES");
	uint32_t n = cases != NULL ? atoi(cases) * 10 : 1000000;

	return RTE_MIN(n, 1000000u);
}

/* Read and freed; returns how many came out there. */
static uint32_t
drain(struct flood *f, int port)
{
	struct rte_mbuf *m;
	uint32_t n = 0;

	while ((m = box_get(&f->box, port)) != NULL) {
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

struct outcome {
	uint64_t through, dropped[PST_DROP_COUNT], dropped_all;
};

typedef struct pkt (*make_fn)(struct flood *f, uint32_t n);

/* So many packets in at a port; the talks go on meanwhile, and afterwards. */
static struct outcome
flood(struct flood *f, int port, make_fn make, uint32_t n)
{
	uint64_t before[PST_DROP_COUNT];
	struct outcome o = { 0 };

	for (int d = 0; d < PST_DROP_COUNT; d++)
		before[d] = box_drops(&f->box, d);
	for (uint32_t sent = 0; sent < n;) {
		for (uint32_t k = 0; k < BURST && sent < n; k++, sent++) {
			struct pkt p = make(f, sent);

			box_put(&f->box, port, &p);
			f->box.now_ms += sent % PACKETS_A_MS == 0;
		}
		box_settle(&f->box);
		o.through += drain(f, 1 - port);
		drain(f, port); /* answers */
		if (sent / BURST % (n / BURST / 8 + 1) == 0)
			talks_go_on(f);
	}
	box_pass(&f->box, FRAGMENT_MS); /* and what is held till then */
	o.through += drain(f, 1 - port);
	drain(f, port);
	talks_go_on(f);
	for (int d = 0; d < PST_DROP_COUNT; d++) {
		o.dropped[d] = box_drops(&f->box, d) - before[d];
		o.dropped_all += o.dropped[d];
	}
	assert_int_equal(o.through + o.dropped_all, n);
	assert_int_equal(heap_bytes(), f->heap);
	assert_true(box_connections(&f->box) <= SESSIONS + SESSIONS / 2);
	return o;
}

/* Whatever the flood opened has timed out; the talks have not. New ones come about. */
static void
recover(struct flood *f)
{
	struct talk t = { CLIENTS + HOSTS, 7000, 0, true };
	struct pkt p = packet_of(&t, S), out;

	box_pass(&f->box, 200000);
	drain(f, BOX_INSIDE);
	drain(f, BOX_OUTSIDE);
	talks_go_on(f);
	box_pass(&f->box, 200000);
	drain(f, BOX_INSIDE);
	drain(f, BOX_OUTSIDE);
	talks_go_on(f);
	assert_int_equal(box_connections(&f->box), TALKS);
	assert_true(box_pass_through(&f->box, BOX_INSIDE, &p, &out));
	box_fini(&f->box);
}

static uint32_t
random_host(struct flood *f)
{
	return IP(100, 0, 0, 1) + pst_rng_below(&f->rng, 1 << 26);
}

static struct pkt
syn_from_outside(struct flood *f, uint32_t n)
{
	uint16_t sport = 1024 + pst_rng_below(&f->rng, 60000), dport = 80;

	if (n % 3 == 1)
		dport = f->talks[n % TALKS].outside;
	else if (n % 3 == 2)
		dport = pst_rng_below(&f->rng, 65536);
	return pkt_tcp(random_host(f), sport, OUTSIDE, dport, S);
}

static void
syns_from_outside(void **state)
{
	static struct flood f;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct outcome o;

		start(&f, workers);
		o = flood(&f, BOX_OUTSIDE, syn_from_outside, packets());
		/* what the published server has not answered is bounded; the rest is nobody's */
		assert_int_equal(o.through, BACKLOG - 1);
		assert_true(o.dropped[PST_DROP_NO_MAPPING] > 0);
		assert_true(o.dropped[PST_DROP_FILTERED] > 0);
		assert_true(o.dropped[PST_DROP_ENDPOINT_BACKLOG] > 0);
		assert_int_equal(o.dropped[PST_DROP_NO_MAPPING] + o.dropped[PST_DROP_FILTERED] +
				o.dropped[PST_DROP_ENDPOINT_BACKLOG],
			o.dropped_all);
		recover(&f);
	}
}

static struct pkt
datagram_from_outside(struct flood *f, uint32_t n)
{
	uint16_t dport = n % 2 ? f->talks[n % TALKS].outside : pst_rng_below(&f->rng, 65536);
	struct pkt p = pkt_udp(random_host(f), 1 + pst_rng_below(&f->rng, 65535), OUTSIDE, dport);

	p.id = pst_rng_next(&f->rng);
	if (n % 4 == 2)
		p.fragment = RTE_IPV4_HDR_MF_FLAG;
	else if (n % 4 == 3)
		p.fragment = 1 + pst_rng_below(&f->rng, 1000);
	return p;
}

static void
datagrams_and_fragments_from_outside(void **state)
{
	static struct flood f;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct outcome o;

		start(&f, workers);
		o = flood(&f, BOX_OUTSIDE, datagram_from_outside, packets() / 4 * 4);
		assert_int_equal(o.through, 0);
		assert_int_equal(o.dropped[PST_DROP_NO_MAPPING] + o.dropped[PST_DROP_FILTERED] +
				o.dropped[PST_DROP_FRAGMENT],
			o.dropped_all);
		recover(&f);
	}
}

/* Of addresses of the inside network that no host has, to anywhere. */
static struct pkt
syn_from_inside(struct flood *f, uint32_t n)
{
	uint32_t src = IP(10, 1, 2, 0) + pst_rng_below(&f->rng, 253 * 256);

	(void)n;
	return pkt_tcp(src, 1024 + pst_rng_below(&f->rng, 60000), random_host(f), 80, S);
}

static void
syns_of_spoofed_hosts_inside(void **state)
{
	static struct flood f;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		uint32_t n = packets();
		struct outcome o;

		start(&f, workers);
		o = flood(&f, BOX_INSIDE, syn_from_inside, n);
		/* they use up what there is, and no more: a port for each */
		assert_true(o.through <= 64512);
		assert_true(n < 100000 || o.through > 60000);
		assert_int_equal(o.dropped[PST_DROP_NO_PORT] + o.dropped[PST_DROP_NO_CONNECTION],
			o.dropped_all);
		recover(&f);
	}
}

static struct pkt
syn_of_one_host(struct flood *f, uint32_t n)
{
	return pkt_tcp(ATTACKER, 1024 + n % 60000, random_host(f), 80, S);
}

static void
syns_of_one_host_inside(void **state)
{
	static struct flood f;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct pkt p = pkt_udp(CLIENTS + HOSTS + 1, 9000, SERVER, 53), out;
		struct outcome o;

		start(&f, workers);
		o = flood(&f, BOX_INSIDE, syn_of_one_host, packets());
		assert_in_range(o.through, 1, 4096); /* its quota of connections */
		assert_int_equal(o.dropped[PST_DROP_CLIENT_PORTS] +
				o.dropped[PST_DROP_CLIENT_SESSIONS],
			o.dropped_all);
		/* it is in nobody else's way */
		assert_true(box_pass_through(&f.box, BOX_INSIDE, &p, &out));
		recover(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syns_from_outside),
		cmocka_unit_test(datagrams_and_fragments_from_outside),
		cmocka_unit_test(syns_of_spoofed_hosts_inside),
		cmocka_unit_test(syns_of_one_host_inside),
	};

	test_eal_init(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
