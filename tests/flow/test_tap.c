/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures at the worker: each packet as it came in and as it left, and what became of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "chan/tap.h"
#include "eal.h"

#define CLIENT IP(10, 1, 1, 7)
#define OTHER IP(10, 1, 1, 8)
#define GATE IP(10, 1, 1, 254)
#define OURS IP(198, 18, 0, 1)
#define PEER IP(198, 18, 0, 9)
#define SNAP 256
#define RECORDS 256

static struct box box;
static struct pst_tap *taps[PST_WORKERS_MAX];
/* by their ids, and those of one as they were written */
static struct pst_tap_record *records[RECORDS];
static uint32_t n_records;

/* As main does it: the worker is asked, and answers. */
static void
set_taps(bool on)
{
	for (uint32_t w = 0; w < box.a->n_workers; w++) {
		struct pst_chan *chan = box.a->main_chans[w];
		struct pst_req *req = pst_chan_take(chan);

		req->type = PST_REQ_TAP;
		req->tap = on ? taps[w] : NULL;
		pst_chan_post(chan, req);
		while (pst_chan_answer(chan) == NULL)
			box_step(&box);
		pst_chan_put(chan, req);
	}
}

static void
create_taps(uint32_t n, uint16_t iface,
	bool (*matches)(const void *filter, const uint8_t *frame, uint32_t len, uint32_t caplen))
{
	static uint32_t serial;

	for (uint32_t w = 0; w < box.a->n_workers; w++) {
		char name[32];
		struct pst_tap_params p = { .name = name,
			.worker = w,
			.n_workers = box.a->n_workers,
			.records = n,
			.snap = SNAP,
			.iface = iface,
			.matches = matches,
			.filter = matches != NULL ? &box : NULL,
			.socket = SOCKET_ID_ANY };

		snprintf(name, sizeof(name), "test-tap-%u", serial++);
		taps[w] = pst_tap_create(&p);
		assert_non_null(taps[w]);
	}
}

static void
start(uint32_t workers, uint32_t queues, uint16_t iface,
	bool (*matches)(const void *filter, const uint8_t *frame, uint32_t len, uint32_t caplen))
{
	struct pst_config c;
	struct pkt p, out;

	box_config(&c, workers, 1);
	box_init(&box, &c, queues);
	for (uint32_t k = 0; k < 4; k++) { /* so that neighbours are known */
		p = pkt_udp(CLIENT + k, 1, PEER, 9);
		assert_true(box_pass_through(&box, BOX_INSIDE, &p, &out));
		p = pkt_answer(&out);
		assert_true(box_pass_through(&box, BOX_OUTSIDE, &p, &out));
	}
	create_taps(RECORDS, iface, matches);
	set_taps(true);
}

static int
by_id(const void *a, const void *b)
{
	const struct pst_tap_record *const *x = a, *const *y = b;

	if ((*x)->id != (*y)->id)
		return (*x)->id < (*y)->id ? -1 : 1;
	return (*x)->tsc < (*y)->tsc ? -1 : (*x)->tsc > (*y)->tsc;
}

/* All records there are now. */
static void
read_all(void)
{
	while (n_records > 0)
		free(records[--n_records]);
	for (uint32_t w = 0; w < box.a->n_workers; w++) {
		struct pst_tap_record *r = malloc(pst_tap_record_size(SNAP));

		while (pst_tap_read(taps[w], r)) {
			assert_true(n_records < RECORDS);
			records[n_records++] = r;
			r = malloc(pst_tap_record_size(SNAP));
		}
		free(r);
	}
	qsort(records, n_records, sizeof(records[0]), by_id);
}

static void
stop(void)
{
	set_taps(false);
	read_all();
	for (uint32_t w = 0; w < box.a->n_workers; w++)
		pst_tap_destroy(taps[w]);
	while (n_records > 0)
		free(records[--n_records]);
	box_fini(&box);
}

static void
is_record(
	uint32_t i, enum pst_tap_fate fate, uint16_t iface, uint16_t to, uint32_t src, uint32_t dst)
{
	const struct pst_tap_record *r = records[i];
	const struct rte_ipv4_hdr *ip = (const void *)(r->bytes + sizeof(struct rte_ether_hdr));

	assert_true(i < n_records);
	assert_int_equal(r->fate, fate);
	assert_int_equal(r->iface, iface);
	if (to != PST_NO_IFACE)
		assert_int_equal(r->to, to);
	assert_int_equal(ip->src_addr, rte_cpu_to_be_32(src));
	assert_int_equal(ip->dst_addr, rte_cpu_to_be_32(dst));
	assert_int_equal(r->len, r->caplen);
	assert_int_equal(r->len, sizeof(struct rte_ether_hdr) + rte_be_to_cpu_16(ip->total_length));
}

static void
both_sides_have_one_id(void **state)
{
	struct pkt in, out;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		/* one queue: others get theirs by ring */
		start(workers, 1, PST_TAP_ANY_IFACE, NULL);
		for (uint32_t k = 0; k < 4; k++) {
			in = pkt_udp(CLIENT + k, 4000, PEER, 53);
			assert_true(box_pass_through(&box, BOX_INSIDE, &in, &out));
			read_all();
			assert_int_equal(n_records, 2);
			is_record(0, PST_TAP_SENT, BOX_INSIDE, BOX_OUTSIDE, CLIENT + k, PEER);
			is_record(1, PST_TAP_LEFT, BOX_OUTSIDE, BOX_INSIDE, OURS, PEER);
			assert_int_equal(records[0]->id, records[1]->id);
			in = pkt_answer(&out);
			assert_true(box_pass_through(&box, BOX_OUTSIDE, &in, &out));
			read_all();
			assert_int_equal(n_records, 2);
			is_record(0, PST_TAP_SENT, BOX_OUTSIDE, BOX_INSIDE, PEER, OURS);
			is_record(1, PST_TAP_LEFT, BOX_INSIDE, BOX_OUTSIDE, PEER, CLIENT + k);
			assert_int_equal(records[0]->id, records[1]->id);
		}
		stop();
	}
}

static void
drops_have_their_reason(void **state)
{
	struct pkt in = pkt_udp(PEER, 53, OURS, 9999);

	(void)state;
	start(2, 1, PST_TAP_ANY_IFACE, NULL);
	box_is_dropped(&box, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	read_all();
	assert_int_equal(n_records, 1);
	is_record(0, PST_TAP_DROPPED, BOX_OUTSIDE, PST_DROP_NO_MAPPING, PEER, OURS);
	/* and what its sender is told */
	in = pkt_udp(CLIENT, 4000, PEER, 53);
	in.ttl = 1;
	box_is_dropped(&box, BOX_INSIDE, &in, PST_DROP_TTL);
	rte_pktmbuf_free(box_get(&box, BOX_INSIDE));
	read_all();
	assert_int_equal(n_records, 2);
	is_record(0, PST_TAP_DROPPED, BOX_INSIDE, PST_DROP_TTL, CLIENT, PEER);
	is_record(1, PST_TAP_MADE, BOX_INSIDE, PST_NO_IFACE, GATE, CLIENT);
	assert_int_equal(records[0]->id, records[1]->id);
	stop();
}

static void
what_is_for_us_is_consumed_and_answered(void **state)
{
	struct pkt in = pkt_echo(CLIENT, GATE, 5, RTE_IP_ICMP_ECHO_REQUEST), out;

	(void)state;
	start(1, 1, PST_TAP_ANY_IFACE, NULL);
	assert_true(box_pass_to(&box, BOX_INSIDE, BOX_INSIDE, &in, &out));
	read_all();
	assert_int_equal(n_records, 2);
	is_record(0, PST_TAP_CONSUMED, BOX_INSIDE, PST_CONSUMED_LOCAL, CLIENT, GATE);
	is_record(1, PST_TAP_MADE, BOX_INSIDE, PST_NO_IFACE, GATE, CLIENT);
	stop();
}

/* A client by another one's outside end; the other one is another worker's, or not. */
static void
hairpin_is_one_packet(void **state)
{
	struct pkt in, out, back;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		uint64_t id;

		start(workers, 1, PST_TAP_ANY_IFACE, NULL);
		in = pkt_udp(OTHER, 4000, OURS, 53);
		assert_true(box_pass_through(&box, BOX_INSIDE,
			&(struct pkt){ .src = OTHER,
				.sport = 4000,
				.dst = PEER,
				.dport = 53,
				.proto = PST_UDP,
				.data = "",
				.len = 0 },
			&out));
		in = pkt_udp(CLIENT, 4000, PEER, 53);
		assert_true(box_pass_through(&box, BOX_INSIDE, &in, &back));
		/* both have sent to the other, so both may */
		in = pkt_udp(OTHER, 4000, OURS, back.sport);
		box_put(&box, BOX_INSIDE, &in);
		box_settle(&box);
		read_all();
		in = pkt_udp(CLIENT, 4000, OURS, out.sport);
		assert_true(box_pass_to(&box, BOX_INSIDE, BOX_INSIDE, &in, &back));
		assert_int_equal(back.dst, OTHER);
		read_all();
		assert_true(n_records >= 2);
		id = records[0]->id;
		for (uint32_t k = 0; k < n_records; k++)
			assert_int_equal(records[k]->id, id);
		is_record(n_records - 1, PST_TAP_LEFT, BOX_INSIDE, PST_NO_IFACE, OURS, OTHER);
		stop();
	}
}

static bool
is_to_the_client(const void *filter, const uint8_t *frame, uint32_t len, uint32_t caplen)
{
	const struct rte_ipv4_hdr *ip = (const void *)(frame + sizeof(struct rte_ether_hdr));

	(void)filter;
	return len == caplen && ip->dst_addr == RTE_BE32(CLIENT);
}

/* The answer matches as it leaves alone, and yet both sides are there; the question does not. */
static void
what_matches_on_one_side_is_both(void **state)
{
	struct pkt in, out;

	(void)state;
	for (uint32_t queues = 1; queues <= 2; queues++) { /* one: it leaves by another's, maybe */
		start(2, queues, PST_TAP_ANY_IFACE, is_to_the_client);
		in = pkt_udp(CLIENT, 4000, PEER, 53);
		assert_true(box_pass_through(&box, BOX_INSIDE, &in, &out));
		read_all();
		assert_int_equal(n_records, 0);
		in = pkt_answer(&out);
		assert_true(box_pass_through(&box, BOX_OUTSIDE, &in, &out));
		read_all();
		assert_int_equal(n_records, 2);
		is_record(0, PST_TAP_SENT, BOX_OUTSIDE, BOX_INSIDE, PEER, OURS);
		is_record(1, PST_TAP_LEFT, BOX_INSIDE, BOX_OUTSIDE, PEER, CLIENT);
		stop();
	}
}

static void
an_interface_is_what_came_in_or_left_by_it(void **state)
{
	struct pkt in = pkt_echo(CLIENT, GATE, 5, RTE_IP_ICMP_ECHO_REQUEST), out;

	(void)state;
	start(1, 1, BOX_OUTSIDE, NULL);
	assert_true(box_pass_to(&box, BOX_INSIDE, BOX_INSIDE, &in, &out));
	read_all();
	assert_int_equal(n_records, 0);
	in = pkt_udp(CLIENT, 4000, PEER, 53);
	assert_true(box_pass_through(&box, BOX_INSIDE, &in, &out));
	read_all();
	assert_int_equal(n_records, 2);
	stop();
}

/* An unknown next hop: main asks for it, and sends what waited. It is the same packet. */
static void
what_waits_for_arp_keeps_its_id(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 4000, PEER + 5, 53), out;
	uint32_t first = 0;

	(void)state;
	start(1, 1, PST_TAP_ANY_IFACE, NULL);
	assert_true(box_pass_through(&box, BOX_INSIDE, &in, &out));
	read_all();
	while (first < n_records && records[first]->fate != PST_TAP_MAIN)
		first++;
	is_record(first, PST_TAP_MAIN, BOX_INSIDE, PST_NO_IFACE, CLIENT, PEER + 5);
	is_record(first + 1, PST_TAP_LEFT, BOX_OUTSIDE, PST_NO_IFACE, OURS, PEER + 5);
	assert_int_equal(records[first]->id, records[first + 1]->id);
	stop();
}

/* A watched connection's packets go by way of an editor, and come back from it. */
static void
editors_get_and_give(void **state)
{
	struct pkt in = pkt_tcp(CLIENT, 4000, PEER, 21, RTE_TCP_SYN_FLAG), out;

	(void)state;
	start(1, 1, PST_TAP_ANY_IFACE, NULL);
	assert_true(box_pass_through(&box, BOX_INSIDE, &in, &out));
	read_all();
	assert_int_equal(n_records, 2);
	is_record(0, PST_TAP_LENT, BOX_INSIDE, PST_NO_IFACE, CLIENT, PEER);
	is_record(1, PST_TAP_EDITED, BOX_OUTSIDE, PST_NO_IFACE, OURS, PEER);
	stop();
}

/* The worker goes on, and says how much is not there. */
static void
what_finds_no_room_is_counted(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 4000, PEER, 53), out;

	(void)state;
	start(1, 1, PST_TAP_ANY_IFACE, NULL);
	for (uint32_t k = 0; k < RECORDS; k++)
		assert_true(box_pass_through(&box, BOX_INSIDE, &in, &out));
	assert_int_equal(pst_tap_lost(taps[0]), RECORDS);
	read_all();
	assert_int_equal(n_records, RECORDS);
	set_taps(false);
	assert_true(box_pass_through(&box, BOX_INSIDE, &in, &out));
	read_all();
	assert_int_equal(n_records, 0);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_have_one_id),
		cmocka_unit_test(drops_have_their_reason),
		cmocka_unit_test(what_is_for_us_is_consumed_and_answered),
		cmocka_unit_test(hairpin_is_one_packet),
		cmocka_unit_test(what_matches_on_one_side_is_both),
		cmocka_unit_test(an_interface_is_what_came_in_or_left_by_it),
		cmocka_unit_test(what_waits_for_arp_keeps_its_id),
		cmocka_unit_test(editors_get_and_give),
		cmocka_unit_test(what_finds_no_room_is_counted),
	};

	test_eal_init(512);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
