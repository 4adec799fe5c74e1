/* SPDX-License-Identifier: BSD-3-Clause */
/* BindForClient at the editor's side: its arguments, its wait, and what comes too late. */
#include "rig.h"

#include <rte_common.h>

#include "filter/ipfilter.h"

#define CLIENT IP(10, 1, 1, 6) /* of worker 0 */

/* One call, its outcome, and what it pointed to. */
static struct pst_endpoint clients[PST_BIND_MAX], proxy;
static struct pst_connection *handles[PST_BIND_MAX];
static struct pst_bind_for_client args;
static int result;

static void
set_args(uint32_t n)
{
	for (uint32_t i = 0; i < PST_BIND_MAX; i++)
		clients[i] = (struct pst_endpoint){ CLIENT, 5000 + 7 * i };
	memset(handles, 0, sizeof(handles));
	proxy = (struct pst_endpoint){ RIG_OUTSIDE, PST_PORT_ANY };
	args = (struct pst_bind_for_client){ .client_addresses = clients,
		.client_address_len = sizeof(clients[0]),
		.proxy_address = &proxy,
		.proxy_address_len = sizeof(proxy),
		.protocol = PST_TCP,
		.n = n,
		.backlog = 1,
		.protocol_id = rig_protocol,
		.connections = handles };
	result = 1;
}

static void
bind_now(struct rig *rig)
{
	args.callback = rig->callbacks[0];
	args.callback_context = &result;
	result = pst_bind_for_client(rig->session, &args);
}

static void
kill_all(struct rig *rig)
{
	(void)rig;
	for (uint32_t i = 0; i < args.n; i++)
		pst_connection_kill(handles[i]);
}

static void
bind_returns_what_the_worker_opened(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_endpoint got;
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(8);
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, 0);
	assert_int_equal(proxy.port % 8, 0);
	assert_int_equal(rig->workers[0].open, 8);
	for (uint32_t i = 0; i < 8; i++) { /* R4, R14, R15 */
		pst_connection_external_name(handles[i], &got);
		assert_int_equal(got.ip, RIG_OUTSIDE);
		assert_int_equal(got.port, proxy.port + i);
		pst_connection_client_name(handles[i], &got);
		assert_true(pst_endpoint_is_equal(&got, &clients[i]));
		pst_connection_external_peer(handles[i], &got);
		assert_true(pst_endpoint_is_unset(&got));
		assert_ptr_equal(pst_connection_session(handles[i]), rig->session);
		assert_true(
			pst_endpoint_is_equal(&rig->workers[0].listeners[i].client, &clients[i]));
	}
	assert_int_equal(pst_runtime_stats(rig->rt)->binds, 1);
	rig_inside(rig, &c, kill_all);
	assert_int_equal(rig->workers[0].open, 0);
	assert_int_equal(rig_events_of(rig, PST_EVENT_TERMINATING), 0);
	rig_destroy(rig);
}

static void
the_request_says_who_asks_for_what(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	const struct pst_req *req = &rig->workers[1].last[PST_REQ_BIND];
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT + 1, true); /* of worker 1 */
	set_args(1);
	clients[0] = (struct pst_endpoint){ CLIENT + 1, 6000 };
	proxy.port = 2121; /* R8 */
	args.protocol = PST_UDP;
	args.flags = PST_FLAG_BIDIRECTIONAL | PST_FLAG_TIMEOUT;
	args.backlog = 4;
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, 0);
	assert_int_equal(proxy.port, 2121);
	assert_int_equal(req->bind.client_ip, CLIENT + 1);
	assert_int_equal(req->bind.protocol, PST_UDP);
	assert_int_equal(req->bind.flags, PST_FLAG_BIDIRECTIONAL | PST_FLAG_TIMEOUT);
	assert_int_equal(req->bind.backlog, 4);
	assert_int_equal(req->bind.editor_lcore, 3);
	assert_int_equal(req->bind.editor, 0);
	assert_int_equal(req->bind.protocol_index, 0);
	assert_true(req->bind.wants_established);
	assert_null(req->bind.filter); /* R34 */
	rig_destroy(rig);
}

/* One thing wrong with a call that is right otherwise. */
struct wrong {
	const char *rule;
	void (*spoil)(void);
	int result;
};

/* clang-format off */
static void no_clients(void) { args.client_addresses = NULL; }
static void no_proxy(void) { args.proxy_address = NULL; }
static void no_handles(void) { args.connections = NULL; }
static void short_client(void) { args.client_address_len--; }
static void long_client(void) { args.client_address_len++; }
static void short_proxy(void) { args.proxy_address_len = 0; }
static void long_proxy(void) { args.proxy_address_len = sizeof(proxy) * 2; }
static void none(void) { args.n = 0; }
static void too_many(void) { args.n = PST_BIND_MAX + 1; }
static void icmp(void) { args.protocol = PST_ICMP; }
static void sctp(void) { args.protocol = 132; }
static void fixed_run(void) { args.n = 2; proxy.port = 5000; }
static void both(void) { args.flags = PST_FLAG_TIMEOUT | PST_FLAG_ALLOW_MULTIPLE; }
static void tcp_both_ways(void) { args.flags = PST_FLAG_BIDIRECTIONAL; }
static void unknown_flag(void) { args.flags = 1 << 4; }
static void backlog(void) { args.backlog = -1; }
static void another_host(void) { clients[0].ip = CLIENT + 2; }
static void another_in_the_run(void) { args.n = 4; clients[3].ip = RIG_SERVER; }
static void port_only(void) { clients[0].ip = 0; }
static void address_only(void) { clients[0].port = 0; }
static void stranger(void) { args.protocol_id = rig_unknown_protocol; }
/* clang-format on */

static const struct wrong wrongs[] = {
	{ "no client addresses", no_clients, -EINVAL },
	{ "no proxy address", no_proxy, -EINVAL },
	{ "R4: no room for handles", no_handles, -EINVAL },
	{ "R82: client address too short", short_client, -EINVAL },
	{ "R82: client address too long", long_client, -EINVAL },
	{ "R82: no proxy address length", short_proxy, -EINVAL },
	{ "R82: proxy address too long", long_proxy, -EINVAL },
	{ "R82: n == 0", none, -EINVAL },
	{ "n past the bound", too_many, -EINVAL },
	{ "R10: ICMP", icmp, -EINVAL },
	{ "R10: SCTP", sctp, -EINVAL },
	{ "R9: a fixed port for two", fixed_run, -EINVAL },
	{ "R22: TIMEOUT and ALLOW_MULTIPLE", both, -EINVAL },
	{ "R25: BIDIRECTIONAL and TCP", tcp_both_ways, -EINVAL },
	{ "a flag that is none", unknown_flag, -EINVAL },
	{ "a backlog below zero", backlog, -EINVAL },
	{ "R36, R81: another host", another_host, -EINVAL },
	{ "R36, R81: another host in the run", another_in_the_run, -EINVAL },
	{ "R5: half unset, a port alone", port_only, -EINVAL },
	{ "R5: half unset, an address alone", address_only, -EINVAL },
	{ "R27: a protocol that is not registered", stranger, -EACCES },
};

static void
wrong_arguments_never_reach_a_worker(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	for (size_t i = 0; i < RTE_DIM(wrongs); i++) {
		set_args(1);
		wrongs[i].spoil();
		rig_inside(rig, &c, bind_now);
		if (result != wrongs[i].result)
			fail_msg("%s: %d", wrongs[i].rule, result);
		assert_null(handles[0]);
	}
	assert_int_equal(pst_bind_for_client(NULL, &args), -EINVAL);
	assert_int_equal(pst_bind_for_client(rig->session, NULL), -EINVAL);
	assert_int_equal(rig->workers[0].served[PST_REQ_BIND], 0);
	rig_destroy(rig);
}

static void
an_unset_client_address_is_set_later(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_endpoint late = { CLIENT, 7000 }, stranger_ep = { CLIENT + 2, 7000 },
			    unset = { 0 };
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(1);
	clients[0] = unset;
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, 0);
	assert_int_equal(pst_connection_set_client_address(handles[0], NULL), -EINVAL);
	assert_int_equal(pst_connection_set_client_address(NULL, &late), -EINVAL);
	assert_int_equal(pst_connection_set_client_address(handles[0], &unset), -EINVAL);
	assert_int_equal(pst_connection_set_client_address(handles[0], &stranger_ep), -EINVAL);
	assert_int_equal(pst_connection_set_client_address(rig->control, &late), -EINVAL);
	assert_int_equal(pst_connection_set_client_address(handles[0], &late), 0);
	assert_true(pst_endpoint_is_equal(&rig->workers[0].listeners[0].client, &late));
	assert_int_equal(pst_connection_set_client_address(handles[0], &late), -EEXIST);
	rig_destroy(rig);
}

static void
the_address_of_a_gone_endpoint_cannot_be_set(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_endpoint late = { CLIENT, 7000 };
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(1);
	clients[0] = (struct pst_endpoint){ 0 };
	rig_inside(rig, &c, bind_now);
	pst_connection_kill(handles[0]);
	assert_int_equal(pst_connection_set_client_address(handles[0], &late), -ESHUTDOWN);
	rig_settle(rig);
	assert_int_equal(pst_connection_set_client_address(handles[0], &late), -ESHUTDOWN);
	assert_int_equal(rig->workers[0].served[PST_REQ_SET_CLIENT], 0);
	rig_destroy(rig);
}

static void
a_late_address_is_the_handles_too(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_endpoint late = { CLIENT, 7000 }, got;
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(1);
	clients[0] = (struct pst_endpoint){ 0 };
	rig_inside(rig, &c, bind_now);
	rig->workers[0].stalled = true;
	assert_int_equal(pst_connection_set_client_address(handles[0], &late), -EAGAIN);
	rig->workers[0].stalled = false;
	rig_settle(rig);
	pst_connection_client_name(handles[0], &got);
	assert_true(pst_endpoint_is_equal(&got, &late));
	assert_int_equal(pst_connection_set_client_address(handles[0], &late), -EEXIST);
	rig_destroy(rig);
}

static void
the_workers_word_is_the_calls_result(void **state)
{
	static const int words[] = { -EACCES, -EADDRINUSE, -EADDRNOTAVAIL, -ENOSPC, -ENOMEM };
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	for (size_t i = 0; i < RTE_DIM(words); i++) {
		set_args(4);
		args.filter = filter; /* its copy is given back */
		rig->workers[0].bind_result = words[i];
		rig_inside(rig, &c, bind_now);
		assert_int_equal(result, words[i]);
		assert_int_equal(proxy.port, PST_PORT_ANY);
		assert_null(handles[0]);
		assert_null(handles[3]);
	}
	assert_int_equal(pst_runtime_stats(rig->rt)->bind_failures, RTE_DIM(words));
	pst_ipfilter_destroy(filter);
	rig_destroy(rig);
}

static void
the_filter_is_copied_at_the_call(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_ipfilter *filter = pst_ipfilter_create();
	const struct rig_listener *l = rig->workers[0].listeners;
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(1);
	args.filter = filter;
	rig_inside(rig, &c, bind_now);
	pst_ipfilter_include(filter, RIG_SERVER, RIG_SERVER);
	assert_false(pst_ipset_has(l[0].filter, RIG_SERVER)); /* R35, R80 */
	set_args(1);
	args.filter = filter;
	rig_inside(rig, &c, bind_now);
	pst_ipfilter_destroy(filter);
	assert_true(pst_ipset_has(l[1].filter, RIG_SERVER));
	assert_false(pst_ipset_has(l[1].filter, RIG_SERVER + 1));
	rig_destroy(rig);
}

static void
a_late_answer_is_undone(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct rig_worker *w = &rig->workers[0];
	struct rig_conn c;
	uint64_t began;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(16);
	args.filter = filter;
	w->stalled = true;
	began = rig->now_ms;
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, -EAGAIN);
	assert_int_equal(rig->now_ms - began, RIG_TIMEOUT_MS);
	assert_null(handles[0]);
	w->stalled = false;
	rig_settle(rig);
	assert_int_equal(w->served[PST_REQ_BIND], 1);
	assert_int_equal(w->served[PST_REQ_KILL], 1);
	assert_int_equal(w->last[PST_REQ_KILL].bind.n, 16);
	assert_int_equal(w->open, 0);
	assert_int_equal(pst_runtime_stats(rig->rt)->late_replies, 1);
	pst_ipfilter_destroy(filter);
	rig_destroy(rig);
}

static void
a_late_refusal_needs_no_undoing(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(1);
	args.filter = filter;
	rig->workers[0].stalled = true;
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, -EAGAIN);
	rig->workers[0].stalled = false;
	rig->workers[0].bind_result = -ENOSPC;
	rig_settle(rig);
	assert_int_equal(rig->workers[0].served[PST_REQ_KILL], 0);
	pst_ipfilter_destroy(filter);
	rig_destroy(rig);
}

/* What goes to a worker that says nothing is bounded by the records; none is lost. */
static void
a_worker_that_is_silent_for_long_leaks_nothing(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ .records = 2 });
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	rig->workers[0].stalled = true;
	for (int i = 0; i < 5; i++) {
		set_args(1);
		args.filter = filter;
		rig_inside(rig, &c, bind_now);
		assert_int_equal(result, -EAGAIN);
	}
	rig->workers[0].stalled = false;
	rig_settle(rig);
	assert_int_equal(rig->workers[0].served[PST_REQ_BIND], 2);
	assert_int_equal(rig->workers[0].open, 0);
	set_args(1);
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, 0);
	pst_ipfilter_destroy(filter);
	rig_destroy(rig);
}

static void
stopping_frees_the_filter_of_an_unanswered_call(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(1);
	args.filter = filter;
	rig->workers[0].stalled = true;
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, -EAGAIN);
	rig_stop(rig); /* a build with a leak check sees what is left */
	pst_ipfilter_destroy(filter);
}

static void
handles_run_out_before_anything_is_asked_for(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ .handles = 8 });
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(8); /* the control connection has one */
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, -ENOMEM);
	assert_int_equal(rig->workers[0].served[PST_REQ_BIND], 0);
	set_args(7);
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, 0);
	rig_destroy(rig);
}

static void
another_answer_does_not_end_the_wait(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(1);
	rig_inside(rig, &c, bind_now);
	pst_connection_kill(handles[0]); /* its answer comes while the next call waits */
	set_args(1);
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, 0);
	assert_int_equal(rig->workers[0].open, 1);
	rig_destroy(rig);
}

static uint64_t
latencies(const struct rig *rig)
{
	const struct pst_latency *l = &pst_runtime_stats(rig->rt)->bind_latency;
	uint64_t sum = 0;

	for (uint32_t i = 0; i <= PST_LATENCY_BOUNDS; i++)
		sum += l->counts[i];
	return sum;
}

static void
round_trips_are_measured(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	const struct pst_runtime_figures *f = pst_runtime_figures(rig->rt);
	uint64_t sum = 0;
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	assert_int_equal(f->answers, 0);
	for (int i = 0; i < 3; i++) {
		set_args(1);
		rig_inside(rig, &c, bind_now);
	}
	assert_int_equal(f->answers, 3);
	assert_true(f->tsc_min > 0 && f->tsc_min <= f->tsc_max && f->tsc_sum >= f->tsc_max);
	for (size_t i = 0; i < RTE_DIM(f->tsc_log2); i++)
		sum += f->tsc_log2[i];
	assert_int_equal(sum, 3);
	assert_int_equal(latencies(rig), 3);
	assert_int_equal(pst_runtime_stats(rig->rt)->bind_latency.ticks, f->tsc_sum);
	rig_destroy(rig);
}

static void
set_address(struct rig *rig)
{
	const struct pst_endpoint late = { CLIENT, 7000 };

	(void)rig;
	result = pst_connection_set_client_address(handles[0], &late);
}

/* Other calls are round trips too, and no binds. */
static void
only_binds_are_in_the_histogram_of_binds(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	set_args(1);
	clients[0] = (struct pst_endpoint){ 0 };
	rig_inside(rig, &c, bind_now);
	assert_int_equal(result, 0);
	assert_int_equal(latencies(rig), 1);
	rig_inside(rig, &c, set_address);
	assert_int_equal(result, 0);
	assert_int_equal(pst_runtime_figures(rig->rt)->answers, 2);
	assert_int_equal(latencies(rig), 1);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bind_returns_what_the_worker_opened),
		cmocka_unit_test(the_request_says_who_asks_for_what),
		cmocka_unit_test(wrong_arguments_never_reach_a_worker),
		cmocka_unit_test(an_unset_client_address_is_set_later),
		cmocka_unit_test(the_address_of_a_gone_endpoint_cannot_be_set),
		cmocka_unit_test(a_late_address_is_the_handles_too),
		cmocka_unit_test(the_workers_word_is_the_calls_result),
		cmocka_unit_test(the_filter_is_copied_at_the_call),
		cmocka_unit_test(a_late_answer_is_undone),
		cmocka_unit_test(a_late_refusal_needs_no_undoing),
		cmocka_unit_test(a_worker_that_is_silent_for_long_leaks_nothing),
		cmocka_unit_test(stopping_frees_the_filter_of_an_unanswered_call),
		cmocka_unit_test(handles_run_out_before_anything_is_asked_for),
		cmocka_unit_test(another_answer_does_not_end_the_wait),
		cmocka_unit_test(round_trips_are_measured),
		cmocka_unit_test(only_binds_are_in_the_histogram_of_binds),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
