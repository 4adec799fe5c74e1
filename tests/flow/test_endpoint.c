/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Endpoints at the worker: the test is the editor lcore, and asks over the
 * channel as pst_bind_for_client() does.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"
#include "filter/ipfilter.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define SECOND IP(198, 18, 0, 10)
#define OUTSIDE IP(198, 18, 0, 1)

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define R RTE_TCP_RST_FLAG

static struct pkt
packet(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint8_t flags)
{
	return (struct pkt){ .proto = proto, .src = src, .sport = sport, .dst = dst,
		.dport = dport, .tcp_flags = flags, .seq = 1, .ack = flags & A ? 1 : 0 };
}

static struct pst_chan *
chan_of(struct box *b, uint32_t client)
{
	return b->a->editor_chans[0][pst_steer_inside(&b->a->steer, client)];
}

/* What a test asks for, with the answer in the record that it then puts back. */
static struct pst_req *
ask(struct box *b, struct pst_req *req)
{
	struct pst_chan *chan = chan_of(b, CLIENT);

	pst_chan_post(chan, req);
	box_settle(b);
	assert_ptr_equal(pst_chan_answer(chan), req);
	return req;
}

static struct pst_req *
new_bind(struct box *b, enum pst_proto proto, uint32_t n, uint32_t flags)
{
	struct pst_req *req = pst_chan_take(chan_of(b, CLIENT));

	assert_non_null(req);
	memset(&req->bind, 0, sizeof(req->bind));
	req->type = PST_REQ_BIND;
	req->bind.client_ip = CLIENT;
	req->bind.protocol = proto;
	req->bind.n = n;
	req->bind.flags = flags;
	req->bind.backlog = 1;
	for (uint32_t i = 0; i < n; i++) {
		req->bind.ends[i].client = (struct pst_endpoint){ CLIENT, 3000 + i };
		req->bind.ends[i].cookie = 100 + i;
	}
	return req;
}

static void
put(struct box *b, struct pst_req *req)
{
	pst_chan_put(chan_of(b, CLIENT), req);
}

static struct pst_ipset *
only(uint32_t ip)
{
	struct pst_ipfilter *f = pst_ipfilter_create();
	struct pst_ipset *set;

	assert_int_equal(pst_ipfilter_include(f, ip, ip), 0);
	set = pst_ipset_create(f);
	pst_ipfilter_destroy(f);
	return set;
}

/* One endpoint; returns its outside port. */
static uint16_t
bind_one(struct box *b, enum pst_proto proto, uint32_t flags, struct pst_ipset *filter,
	struct pst_ref *ref)
{
	struct pst_req *req = new_bind(b, proto, 1, flags);
	uint16_t port;

	req->bind.filter = filter;
	assert_int_equal(ask(b, req)->result, 0);
	assert_int_equal(req->bind.proxy.ip, OUTSIDE);
	port = req->bind.proxy.port;
	*ref = req->bind.ends[0].ref;
	put(b, req);
	return port;
}

static void
kill_one(struct box *b, struct pst_ref ref)
{
	struct pst_req *req = new_bind(b, PST_TCP, 1, 0);

	req->type = PST_REQ_KILL;
	req->bind.ends[0].ref = ref;
	assert_int_equal(ask(b, req)->result, 0);
	put(b, req);
}

static bool
hears(struct box *b, enum pst_evt_type type, uint64_t cookie)
{
	struct pst_evt evt;

	return pst_chan_hear(chan_of(b, CLIENT), &evt) && evt.type == type &&
		evt.cookie == cookie;
}

static uint64_t
listeners(const struct box *b)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < b->a->n_workers; w++)
		n += pst_worker_stats(b->a->workers[w])->listeners;
	return n;
}

static void
start(struct box *b, uint32_t workers)
{
	struct pst_config c;

	box_config(&c, workers, 1);
	box_init(b, &c, 0);
	b->no_runtimes = true; /* the test stands in for them */
}

static void
open_at_59_s_and_closed_at_61_s(void **state)
{
	struct pst_ref ref;
	struct pkt syn, got;
	uint16_t port;
	struct box b;

	(void)state;
	for (int late = 0; late < 2; late++) {
		start(&b, 2);
		port = bind_one(&b, PST_TCP, PST_FLAG_TIMEOUT, only(SERVER), &ref);
		syn = packet(PST_TCP, SERVER, 20, OUTSIDE, port, S);
		box_pass(&b, late ? 61000 : 59000);
		if (late) {
			assert_int_equal(listeners(&b), 0);
			assert_true(hears(&b, PST_EVT_ENDPOINT_END, 100));
			box_is_dropped(&b, BOX_OUTSIDE, &syn, PST_DROP_NO_MAPPING);
		} else {
			assert_int_equal(listeners(&b), 1);
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &syn, &got));
			assert_int_equal(got.dst, CLIENT);
			assert_int_equal(got.dport, 3000);
			assert_int_equal(got.src, SERVER);
		}
		box_fini(&b);
	}
}

static void
only_the_server_may_connect_and_once(void **state)
{
	struct pkt p, got;
	struct pst_ref ref;
	uint16_t port;
	struct box b;

	(void)state;
	start(&b, 1);
	port = bind_one(&b, PST_TCP, PST_FLAG_TIMEOUT, only(SERVER), &ref);
	p = packet(PST_TCP, SECOND, 20, OUTSIDE, port, S);
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_IP_FILTER);
	p = packet(PST_TCP, IP(198, 18, 0, 77), 20, OUTSIDE, port, S);
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_IP_FILTER);
	p = packet(PST_TCP, SERVER, 20, OUTSIDE, port, A);
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_TCP_NO_SYN);
	p = packet(PST_TCP, SERVER, 20, OUTSIDE, port, S);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	p = packet(PST_TCP, SERVER, 21, OUTSIDE, port, S);
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_ENDPOINT_USED);
	p = packet(PST_TCP, CLIENT, 3000, SERVER, 20, S | A);
	assert_true(box_pass_through(&b, BOX_INSIDE, &p, &got));
	assert_int_equal(got.src, OUTSIDE);
	assert_int_equal(got.sport, port);
	box_fini(&b);
}

static void
the_backlog_bounds_what_is_not_accepted_yet(void **state)
{
	struct pkt p, got;
	struct pst_ref ref;
	uint16_t port;
	struct box b;

	(void)state;
	start(&b, 1);
	port = bind_one(&b, PST_TCP, PST_FLAG_ALLOW_MULTIPLE, NULL, &ref);
	p = packet(PST_TCP, SERVER, 20, OUTSIDE, port, S);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	p = packet(PST_TCP, SERVER, 21, OUTSIDE, port, S);
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_ENDPOINT_BACKLOG);
	p = packet(PST_TCP, CLIENT, 3000, SERVER, 20, S | A);
	assert_true(box_pass_through(&b, BOX_INSIDE, &p, &got));
	p = packet(PST_TCP, SERVER, 20, OUTSIDE, port, A);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	p = packet(PST_TCP, SERVER, 21, OUTSIDE, port, S);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	kill_one(&b, ref);
	box_fini(&b);
}

static void
a_block_is_aligned_and_each_port_is_its_clients(void **state)
{
	struct pst_req *req;
	struct pkt p, got;
	uint16_t lowest;
	struct box b;

	(void)state;
	start(&b, 4);
	req = new_bind(&b, PST_UDP, 6, PST_FLAG_BIDIRECTIONAL | PST_FLAG_ALLOW_MULTIPLE);
	assert_int_equal(ask(&b, req)->result, 0);
	lowest = req->bind.proxy.port;
	assert_int_equal(lowest % 6, 0);
	for (uint16_t i = 0; i < 6; i++) {
		p = packet(PST_UDP, SERVER, 9, OUTSIDE, lowest + i, 0);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
		assert_int_equal(got.dport, 3000 + i);
		p = packet(PST_UDP, CLIENT, 3000 + i, SERVER, 9, 0);
		assert_true(box_pass_through(&b, BOX_INSIDE, &p, &got));
		assert_int_equal(got.sport, lowest + i); /* R24 */
	}
	req->type = PST_REQ_KILL;
	assert_int_equal(ask(&b, req)->result, 0);
	put(&b, req);
	assert_int_equal(listeners(&b), 0);
	assert_int_equal(box_connections(&b), 0);
	box_fini(&b);
}

static void
without_bidirectional_the_client_may_not_answer(void **state)
{
	struct pkt p, got;
	struct pst_ref ref;
	uint16_t port;
	struct box b;

	(void)state;
	start(&b, 1);
	port = bind_one(&b, PST_UDP, PST_FLAG_TIMEOUT, NULL, &ref);
	p = packet(PST_UDP, SERVER, 9, OUTSIDE, port, 0);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	p = packet(PST_UDP, CLIENT, 3000, SERVER, 9, 0);
	box_is_dropped(&b, BOX_INSIDE, &p, PST_DROP_RECEIVE_ONLY);
	p = packet(PST_UDP, SECOND, 9, OUTSIDE, port, 0);
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_ENDPOINT_USED); /* R18 */
	box_pass(&b, 602 * 1000);
	assert_int_equal(listeners(&b), 0); /* R19 */
	box_fini(&b);
}

static void
an_unset_client_gets_nothing_until_it_is_set(void **state)
{
	struct pst_req *req;
	struct pst_ref ref;
	struct pkt p, got;
	struct box b;

	(void)state;
	start(&b, 1);
	req = new_bind(&b, PST_TCP, 1, 0);
	req->bind.ends[0].client = (struct pst_endpoint){ 0, 0 };
	assert_int_equal(ask(&b, req)->result, 0);
	ref = req->bind.ends[0].ref;
	p = packet(PST_TCP, SERVER, 20, OUTSIDE, req->bind.proxy.port, S);
	box_is_dropped(&b, BOX_OUTSIDE, &p, PST_DROP_ENDPOINT_UNSET); /* R77 */
	req->type = PST_REQ_SET_CLIENT;
	req->bind.ends[0].client = (struct pst_endpoint){ CLIENT + 1, 3000 };
	assert_int_equal(ask(&b, req)->result, -EINVAL); /* R36 */
	req->bind.ends[0].client = (struct pst_endpoint){ CLIENT, 3000 };
	assert_int_equal(ask(&b, req)->result, 0);
	assert_int_equal(ask(&b, req)->result, -EEXIST);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got)); /* R5 */
	put(&b, req);
	kill_one(&b, ref);
	box_fini(&b);
}

static void
a_refusal_leaves_nothing_bound(void **state)
{
	static const struct {
		enum pst_proto proto;
		uint32_t n;
		struct pst_endpoint proxy, client;
		int result;
	} cases[] = {
		{ PST_TCP, 1, { IP(198, 18, 0, 99), 0 }, { CLIENT, 1 }, -EADDRNOTAVAIL }, /* R30 */
		{ PST_TCP, 1, { OUTSIDE, 80 }, { CLIENT, 1 }, -EACCES }, /* privileged */
		{ PST_TCP, 2, { OUTSIDE, 5000 }, { CLIENT, 1 }, -EINVAL }, /* R9 */
		{ PST_TCP, 1, { OUTSIDE, 0 }, { CLIENT + 1, 1 }, -EINVAL }, /* R81 */
		{ PST_ICMP, 1, { OUTSIDE, 0 }, { CLIENT, 1 }, -EINVAL }, /* R10 */
		{ PST_TCP, 1, { OUTSIDE, 5000 }, { CLIENT, 1 }, -EADDRINUSE }, /* R29 */
	};
	struct pst_req *req;
	struct pst_ref ref;
	struct box b;

	(void)state;
	start(&b, 1);
	req = new_bind(&b, PST_TCP, 1, 0);
	req->bind.proxy = (struct pst_endpoint){ OUTSIDE, 5000 };
	assert_int_equal(ask(&b, req)->result, 0); /* R8 */
	assert_int_equal(req->bind.proxy.port, 5000);
	ref = req->bind.ends[0].ref;
	put(&b, req);
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		req = new_bind(&b, cases[i].proto, cases[i].n, 0);
		req->bind.proxy = cases[i].proxy;
		req->bind.ends[0].client = cases[i].client;
		assert_int_equal(ask(&b, req)->result, cases[i].result);
		put(&b, req);
		assert_int_equal(listeners(&b), 1);
	}
	kill_one(&b, ref);
	box_fini(&b);
}

static void
a_fixed_port_may_be_another_workers(void **state)
{
	struct pst_req *req;
	struct pst_ref ref;
	struct pkt p, got;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 8; workers *= 2) {
		start(&b, workers);
		for (uint32_t port = 1500; port < 65000; port += 6000) {
			req = new_bind(&b, PST_TCP, 1, PST_FLAG_ALLOW_MULTIPLE);
			req->bind.proxy = (struct pst_endpoint){ port % 2 ? OUTSIDE : 0, port };
			assert_int_equal(ask(&b, req)->result, 0); /* R8 */
			assert_int_equal(req->bind.proxy.port, port);
			assert_int_equal(req->bind.proxy.ip, OUTSIDE);
			ref = req->bind.ends[0].ref;
			req->type = PST_REQ_BIND;
			req->bind.proxy = (struct pst_endpoint){ OUTSIDE, port };
			assert_int_equal(ask(&b, req)->result, -EADDRINUSE); /* R29 */
			put(&b, req);
			p = packet(PST_TCP, SERVER, 20, OUTSIDE, port, S);
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
			assert_int_equal(got.dst, CLIENT);
			p = packet(PST_TCP, CLIENT, 3000, SERVER, 20, S | A);
			assert_true(box_pass_through(&b, BOX_INSIDE, &p, &got));
			assert_int_equal(got.sport, port);
			p = packet(PST_TCP, SERVER, 20, OUTSIDE, port, R);
			assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
			kill_one(&b, ref);
			box_pass(&b, 242 * 1000);
			assert_int_equal(listeners(&b), 0);
		}
		box_fini(&b);
	}
}

static void
established_is_told_and_the_end_too(void **state)
{
	struct pst_req *req;
	struct pst_ref ref;
	struct pkt p, got;
	uint16_t port;
	struct box b;

	(void)state;
	start(&b, 2);
	req = new_bind(&b, PST_TCP, 1, PST_FLAG_TIMEOUT);
	req->bind.wants_established = true;
	assert_int_equal(ask(&b, req)->result, 0);
	ref = req->bind.ends[0].ref;
	port = req->bind.proxy.port;
	put(&b, req);
	p = packet(PST_TCP, SERVER, 20, OUTSIDE, port, S);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	assert_false(hears(&b, PST_EVT_ESTABLISHED, 100)); /* not yet */
	p = packet(PST_TCP, CLIENT, 3000, SERVER, 20, S | A);
	assert_true(box_pass_through(&b, BOX_INSIDE, &p, &got));
	p = packet(PST_TCP, SERVER, 20, OUTSIDE, port, A);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	assert_true(hears(&b, PST_EVT_ESTABLISHED, 100));
	p = packet(PST_TCP, SERVER, 20, OUTSIDE, port, R);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &p, &got));
	box_pass(&b, 242 * 1000);
	assert_true(hears(&b, PST_EVT_CONN_END, 100));
	assert_true(hears(&b, PST_EVT_ENDPOINT_END, 100)); /* R20, R78 */
	(void)ref;
	box_fini(&b);
}

static void
a_full_event_ring_loses_no_event(void **state)
{
	struct pst_config c;
	uint32_t heard = 0;
	struct pst_evt evt;
	struct pst_ref ref;
	struct box b;

	(void)state;
	box_config(&c, 1, 1);
	box_init_small(&b, &c, 2, 0);
	b.no_runtimes = true;
	for (int i = 0; i < 20; i++)
		bind_one(&b, PST_TCP, PST_FLAG_TIMEOUT, NULL, &ref);
	box_pass(&b, 62000);
	for (int round = 0; round < 40; round++) {
		while (pst_chan_hear(chan_of(&b, CLIENT), &evt)) {
			assert_int_equal(evt.type, PST_EVT_ENDPOINT_END);
			heard++;
		}
		box_settle(&b);
	}
	assert_int_equal(heard, 20);
	box_fini(&b);
}

/* A bind of NAT's own: the client said something to the server's port 69. */
static uint16_t
bind_of_nat(struct box *b)
{
	struct pkt in = packet(IPPROTO_UDP, CLIENT, 5000, SERVER, 69, 0), out;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	return out.sport;
}

static int
allow(struct box *b, uint16_t port, struct pst_ipset *filter)
{
	struct pst_req *req = new_bind(b, PST_UDP, 0, 0);
	int result;

	req->type = PST_REQ_ALLOW_BIND;
	req->bind.proxy = (struct pst_endpoint){ OUTSIDE, port };
	req->bind.filter = filter;
	result = ask(b, req)->result;
	pst_ipset_unref(req->bind.filter); /* what was not taken */
	put(b, req);
	return result;
}

static void
start_strict(struct box *b)
{
	struct pst_config c;

	box_config(&c, 2, 1);
	c.nat.filtering = PST_ADDRESS_AND_PORT_DEPENDENT;
	box_init(b, &c, 0);
	b->no_runtimes = true;
}

static void
each_call_admits_one_more_to_a_bind_of_nat(void **state)
{
	struct pkt first, second, third, out;
	uint16_t port;
	struct box b;

	(void)state;
	start_strict(&b);
	port = bind_of_nat(&b);
	first = packet(IPPROTO_UDP, SERVER, 40000, OUTSIDE, port, 0);
	second = packet(IPPROTO_UDP, SECOND, 40000, OUTSIDE, port, 0);
	third = packet(IPPROTO_UDP, SECOND + 1, 40000, OUTSIDE, port, 0);
	assert_int_equal(allow(&b, port + 1, only(SERVER)), -ENOENT);
	box_is_dropped(&b, BOX_OUTSIDE, &first, PST_DROP_FILTERED);
	assert_int_equal(allow(&b, port, only(SERVER)), 0);
	assert_int_equal(allow(&b, port, only(SERVER)), 1);
	box_is_dropped(&b, BOX_OUTSIDE, &second, PST_DROP_FILTERED);
	assert_int_equal(allow(&b, port, only(SECOND)), 0);
	assert_int_equal(allow(&b, port, only(SERVER)), 1);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &first, &out));
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &second, &out));
	box_is_dropped(&b, BOX_OUTSIDE, &third, PST_DROP_FILTERED);
	box_fini(&b);
}

static void
no_filter_admits_everybody_to_a_bind_of_nat(void **state)
{
	struct pkt any, out;
	uint16_t port;
	struct box b;

	(void)state;
	for (int before = 0; before < 2; before++) {
		start_strict(&b);
		port = bind_of_nat(&b);
		if (before)
			assert_int_equal(allow(&b, port, only(SERVER)), 0);
		assert_int_equal(allow(&b, port, NULL), 0);
		assert_int_equal(allow(&b, port, NULL), 1);
		assert_int_equal(allow(&b, port, only(SECOND)), 1);
		any = packet(IPPROTO_UDP, SECOND + 1, 40000, OUTSIDE, port, 0);
		assert_true(box_pass_through(&b, BOX_OUTSIDE, &any, &out));
		box_fini(&b);
	}
}

/* The sanitizer's leak check sees what is left. */
static void
a_bind_of_nat_is_freed_with_whom_it_admits(void **state)
{
	struct box b;

	(void)state;
	start_strict(&b);
	assert_int_equal(allow(&b, bind_of_nat(&b), only(SERVER)), 0);
	box_stop(&b);
}

static void
a_bind_of_nat_admits_so_many_and_no_more(void **state)
{
	uint16_t port;
	struct box b;
	int ret = 0;
	uint32_t n;

	(void)state;
	start_strict(&b);
	port = bind_of_nat(&b);
	for (n = 0; n < 200 && ret == 0; n++)
		ret = allow(&b, port, only(SERVER + 2 * n));
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(n, 65);
	assert_int_equal(allow(&b, port, only(SERVER)), 1);
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
		cmocka_unit_test(open_at_59_s_and_closed_at_61_s),
		cmocka_unit_test(only_the_server_may_connect_and_once),
		cmocka_unit_test(the_backlog_bounds_what_is_not_accepted_yet),
		cmocka_unit_test(a_block_is_aligned_and_each_port_is_its_clients),
		cmocka_unit_test(without_bidirectional_the_client_may_not_answer),
		cmocka_unit_test(an_unset_client_gets_nothing_until_it_is_set),
		cmocka_unit_test(a_refusal_leaves_nothing_bound),
		cmocka_unit_test(a_fixed_port_may_be_another_workers),
		cmocka_unit_test(established_is_told_and_the_end_too),
		cmocka_unit_test(a_full_event_ring_loses_no_event),
		cmocka_unit_test(each_call_admits_one_more_to_a_bind_of_nat),
		cmocka_unit_test(no_filter_admits_everybody_to_a_bind_of_nat),
		cmocka_unit_test(a_bind_of_nat_is_freed_with_whom_it_admits),
		cmocka_unit_test(a_bind_of_nat_admits_so_many_and_no_more),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
