/* SPDX-License-Identifier: BSD-3-Clause */
/* Main looks through a worker's tables, or ends what is in them, while packets go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "box.h"
#include "eal.h"

#define CLIENT IP(10, 1, 1, 7)
#define OTHER IP(10, 1, 1, 8)
#define SERVER IP(198, 18, 0, 9)
#define CONNECTIONS 2000
#define PIECE 256 /* entries of a piece (nat/show.c) */

static struct box b;
static struct pst_chan *chan;

static int
setup(void **state)
{
	struct pst_config c;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.sessions_per_client = c.nat.ports_per_client = 2 * CONNECTIONS;
	box_init(&b, &c, 0);
	chan = b.a->main_chans[0];
	return 0;
}

static void
open_many(uint32_t client, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		struct pkt in = pkt_udp(client, 5000, SERVER, 10000 + k), out;

		assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	}
}

/* A request for connections of some clients. */
static struct pst_req *
ask_for(enum pst_req_type type, uint32_t first, uint32_t last)
{
	struct pst_req *req = pst_chan_take(chan);

	assert_non_null(req);
	req->type = type;
	req->show.table = PST_SHOW_CONNECTIONS;
	req->show.cursor = req->show.count = 0;
	pst_show_want_all(&req->show.wanted);
	req->show.wanted.inside.first = first;
	req->show.wanted.inside.last = last;
	pst_chan_post(chan, req);
	return req;
}

static struct pst_req *
ask(enum pst_req_type type, uint32_t client)
{
	return ask_for(type, client, client);
}

static void
poll_worker(void)
{
	pst_lcore_set_role(PST_ROLE_WORKER, 0);
	pst_worker_poll(b.a->workers[0], b.now_ms);
}

/* Rounds of the worker until there is an answer. */
static uint32_t
wait_for(const struct pst_req *req)
{
	uint32_t rounds = 0;

	while (pst_chan_answer(chan) == NULL) {
		poll_worker();
		rounds++;
	}
	assert_false(req->busy);
	return rounds;
}

static void
an_idle_worker_walks_in_every_round(void **state)
{
	struct pst_req *req;

	(void)state;
	open_many(CLIENT, CONNECTIONS);
	req = ask_for(PST_REQ_SHOW, OTHER, OTHER + 1);
	assert_int_equal(wait_for(req), (CONNECTIONS + PIECE - 1) / PIECE);
	assert_int_equal(req->show.count, 0);
	assert_int_equal(req->show.cursor, 0);
	pst_chan_put(chan, req);
	box_fini(&b);
}

/* A packet in every round: most rounds leave the table alone. */
static void
a_busy_worker_walks_now_and_then(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 10000);
	uint32_t walked = 0, rounds = 0, cursor = 0;
	struct pst_req *req;
	struct rte_mbuf *m;

	(void)state;
	open_many(CLIENT, CONNECTIONS);
	req = ask_for(PST_REQ_SHOW, OTHER, OTHER + 1);
	while (pst_chan_answer(chan) == NULL) {
		box_put(&b, BOX_INSIDE, &in);
		poll_worker();
		walked += req->show.cursor != cursor;
		cursor = req->show.cursor;
		rounds++;
		while ((m = box_get(&b, BOX_OUTSIDE)) != NULL)
			rte_pktmbuf_free(m);
	}
	assert_int_equal(walked, (CONNECTIONS + PIECE - 1) / PIECE);
	assert_in_range(rounds, 3 * walked, UINT32_MAX);
	pst_chan_put(chan, req);
	box_fini(&b);
}

static void
walks_take_turns(void **state)
{
	struct pst_req *first, *second;

	(void)state;
	open_many(CLIENT, CONNECTIONS);
	first = ask(PST_REQ_SHOW, CLIENT);
	second = ask(PST_REQ_SHOW, CLIENT);
	assert_in_range(wait_for(first), PST_SHOW_ROWS / 16, PST_SHOW_ROWS / 16 + 1);
	assert_true(second->busy);
	assert_int_equal(first->show.count, PST_SHOW_ROWS);
	wait_for(second);
	assert_int_equal(second->show.count, PST_SHOW_ROWS);
	assert_int_equal(second->show.cursor, first->show.cursor);
	pst_chan_put(chan, first);
	pst_chan_put(chan, second);
	box_fini(&b);
}

/* What a client has is ended, whatever else goes on; a packet of it opens a new connection. */
static void
what_is_ended_is_gone(void **state)
{
	struct pkt in = pkt_udp(CLIENT, 5000, SERVER, 10000), out;
	struct pst_req *req;

	(void)state;
	open_many(CLIENT, 300);
	open_many(OTHER, 10);
	req = ask(PST_REQ_END, CLIENT);
	wait_for(req);
	assert_int_equal(req->show.count, 300);
	assert_int_equal(box_connections(&b), 10);
	pst_chan_put(chan, req);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	assert_int_equal(box_connections(&b), 11);
	box_fini(&b);
}

static void
a_walk_under_way_is_answered_before_the_end(void **state)
{
	struct pst_req *req, *answer;

	(void)state;
	open_many(CLIENT, CONNECTIONS);
	req = ask(PST_REQ_SHOW, CLIENT);
	poll_worker();
	assert_null(pst_chan_answer(chan));
	pst_worker_drain(b.a->workers[0], b.now_ms);
	answer = pst_chan_answer(chan);
	assert_ptr_equal(answer, req);
	assert_int_equal(req->result, -ESHUTDOWN);
	pst_chan_put(chan, req);
	box_fini(&b);
}

static int
start_eal(void **state)
{
	(void)state;
	test_eal_init(256);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_idle_worker_walks_in_every_round, setup),
		cmocka_unit_test_setup(a_busy_worker_walks_now_and_then, setup),
		cmocka_unit_test_setup(walks_take_turns, setup),
		cmocka_unit_test_setup(what_is_ended_is_gone, setup),
		cmocka_unit_test_setup(a_walk_under_way_is_answered_before_the_end, setup),
	};

	return cmocka_run_group_tests(tests, start_eal, NULL);
}
