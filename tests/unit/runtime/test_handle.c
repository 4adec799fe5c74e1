/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles: kills that wait for a record, events that come late, and who hears of them. */
#include "rig.h"

#include <rte_common.h>

#define CLIENT IP(10, 1, 1, 6) /* of worker 0 */
#define BINDS 3

static struct pst_connection *handles[BINDS];
static struct pst_endpoint proxies[BINDS];
static bool silent; /* no callback */

/* BINDS endpoints for the control connection's client. */
static void
bind_some(struct rig *rig)
{
	struct pst_endpoint client;

	pst_session_client_address(rig->session, &client);
	client.port = 6000;
	for (int i = 0; i < BINDS; i++) {
		struct pst_bind_for_client args = { .client_addresses = &client,
			.client_address_len = sizeof(client),
			.proxy_address = &proxies[i],
			.proxy_address_len = sizeof(proxies[i]),
			.protocol = PST_TCP,
			.n = 1,
			.backlog = 1,
			.protocol_id = rig_protocol,
			.callback = silent ? NULL : rig->callbacks[0],
			.callback_context = &proxies[i],
			.connections = &handles[i] };

		proxies[i] = (struct pst_endpoint){ RIG_OUTSIDE, PST_PORT_ANY };
		assert_int_equal(pst_bind_for_client(rig->session, &args), 0);
	}
}

static struct rig *
rig_with_binds(const struct rig_params *params, struct rig_conn *c)
{
	struct rig *rig = rig_create(params);

	rig_connect(rig, c, CLIENT, true);
	rig_inside(rig, c, bind_some);
	return rig;
}

static struct pst_evt
established(const struct rig *rig, uint32_t listener, uint32_t conn)
{
	return (struct pst_evt){ .type = PST_EVT_ESTABLISHED,
		.cookie = rig->workers[0].listeners[listener].cookie,
		.ref = { conn, 9 },
		.remote = { RIG_SERVER, 20 } };
}

static void
tell_end(struct rig *rig, uint32_t conn)
{
	rig_tell(rig, 0, &(struct pst_evt){ .type = PST_EVT_CONN_END, .ref = { conn, 9 } });
	rig_settle(rig);
}

static void
a_kill_waits_for_a_record_and_is_not_lost(void **state)
{
	struct rig_conn c;
	struct rig *rig = rig_with_binds(&(struct rig_params){ .records = 1 }, &c);

	(void)state;
	rig->workers[0].stalled = true;
	for (int i = 0; i < BINDS; i++) {
		pst_connection_kill(handles[i]);
		pst_connection_kill(handles[i]); /* once is enough */
	}
	for (int i = 0; i < 10; i++)
		pst_runtime_poll(rig->rt, rig->now_ms);
	assert_int_equal(rig->workers[0].open, BINDS);
	rig->workers[0].stalled = false;
	rig_settle(rig);
	assert_int_equal(rig->workers[0].open, 0);
	assert_int_equal(rig->workers[0].served[PST_REQ_KILL], BINDS);
	pst_connection_kill(NULL);
	rig_destroy(rig);
}

static void
a_worker_that_is_behind_holds_up_no_other(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ .records = 1 });
	struct pst_connection *of_0[BINDS];
	struct rig_conn a, b;

	(void)state;
	rig_connect(rig, &a, CLIENT, true);
	rig_inside(rig, &a, bind_some);
	memcpy(of_0, handles, sizeof(of_0));
	rig_connect(rig, &b, CLIENT + 1, true);
	rig_inside(rig, &b, bind_some);
	rig->workers[0].stalled = true;
	for (int i = 0; i < BINDS; i++)
		pst_connection_kill(of_0[i]);
	for (int i = 0; i < BINDS; i++)
		pst_connection_kill(handles[i]);
	rig_settle(rig);
	assert_int_equal(rig->workers[0].open, BINDS);
	assert_int_equal(rig->workers[1].open, 0);
	rig_destroy(rig);
}

static void
only_the_callback_hears_of_an_accepted_connection(void **state)
{
	struct rig_conn c;
	struct rig *rig = rig_with_binds(&(struct rig_params){ 0 }, &c);
	struct pst_evt evt = established(rig, 1, 70);
	const struct rig_event *e;
	struct pst_endpoint got;

	(void)state;
	rig_tell(rig, 0, &evt);
	rig_settle(rig);
	assert_int_equal(rig_events_of(rig, PST_EVENT_ESTABLISHED), 1);
	e = &rig->events[rig->n_events - 1];
	assert_int_equal(e->editor, 0);
	assert_ptr_equal(e->endpoint, handles[1]);
	assert_ptr_equal(e->context, &proxies[1]); /* R31 */
	assert_int_equal(e->remote.ip, RIG_SERVER);
	pst_connection_external_peer(e->connection, &got);
	assert_int_equal(got.port, 20);
	pst_connection_external_name(e->connection, &got);
	assert_true(pst_endpoint_is_equal(&got, &proxies[1]));
	tell_end(rig, 70);
	assert_int_equal(rig_events_of(rig, PST_EVENT_TERMINATING), 1); /* R56 */
	assert_ptr_equal(rig->events[rig->n_events - 1].connection, e->connection);
	rig_destroy(rig);
}

/* The call names whom to tell, whoever made it and whatever the protocol. */
static void
bind_for_the_other(struct rig *rig)
{
	struct pst_endpoint client;
	struct pst_bind_for_client args = { .client_addresses = &client,
		.client_address_len = sizeof(client),
		.proxy_address = &proxies[0],
		.proxy_address_len = sizeof(proxies[0]),
		.protocol = PST_TCP,
		.n = 1,
		.protocol_id = rig_protocol,
		.callback = rig->callbacks[1],
		.connections = handles };

	pst_session_client_address(rig->session, &client);
	client.port = 6000;
	proxies[0] = (struct pst_endpoint){ RIG_OUTSIDE, PST_PORT_ANY };
	assert_int_equal(pst_bind_for_client(rig->session, &args), 0);
	args.callback = (struct pst_editor_session *)&client; /* attached to nothing */
	assert_int_equal(pst_bind_for_client(rig->session, &args), -EINVAL);
}

static void
another_editor_may_be_the_callback(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn others, c;
	struct pst_evt evt;

	(void)state;
	rig->protocol = 1;
	rig_connect(rig, &others, CLIENT, true);
	assert_int_equal(rig->attached[1], 1);
	rig->protocol = 0;
	rig_connect(rig, &c, CLIENT, true);
	rig_inside(rig, &c, bind_for_the_other);
	evt = established(rig, 0, 70);
	rig_tell(rig, 0, &evt);
	rig_settle(rig);
	assert_int_equal(rig_events_of(rig, PST_EVENT_ESTABLISHED), 1);
	assert_int_equal(rig->events[rig->n_events - 1].editor, 1);
	tell_end(rig, 70);
	rig_destroy(rig);
}

static void
without_a_callback_nobody_is_told(void **state)
{
	struct rig_conn c;
	struct pst_evt evt;
	struct rig *rig;

	(void)state;
	silent = true;
	rig = rig_with_binds(&(struct rig_params){ 0 }, &c);
	silent = false;
	assert_false(rig->workers[0].last[PST_REQ_BIND].bind.wants_established);
	evt = established(rig, 0, 70);
	rig_tell(rig, 0, &evt);
	tell_end(rig, 70);
	assert_int_equal(rig->n_events, 1); /* the control connection's own */
	rig_destroy(rig);
}

static void
no_memory_at_an_accept_refuses_the_connection(void **state)
{
	struct rig_conn c;
	struct rig *rig = rig_with_binds(&(struct rig_params){ 0 }, &c);
	struct pst_evt evt = established(rig, 0, 70);

	(void)state;
	rig->event_result = -ENOMEM; /* R74 */
	rig_tell(rig, 0, &evt);
	rig_settle(rig);
	assert_int_equal(rig->workers[0].served[PST_REQ_KILL_CONN], 1);
	assert_int_equal(rig->workers[0].last[PST_REQ_KILL_CONN].conn.ref.index, 70);
	rig_destroy(rig);
}

static void
events_of_killed_handles_are_ignored(void **state)
{
	struct rig_conn c;
	struct rig *rig = rig_with_binds(&(struct rig_params){ 0 }, &c);
	struct pst_evt evt = established(rig, 0, 70), end = { .type = PST_EVT_ENDPOINT_END };
	uint32_t before = rig->n_events;

	(void)state;
	end.cookie = evt.cookie;
	rig_tell(rig, 0, &evt); /* on its way while the editor kills */
	pst_connection_kill(handles[0]);
	rig_tell(rig, 0, &end);
	rig_settle(rig);
	/* and again when the handle is gone, then when its number is another's */
	rig_tell(rig, 0, &evt);
	rig_tell(rig, 0, &end);
	rig_settle(rig);
	rig_inside(rig, &c, bind_some);
	rig_tell(rig, 0, &evt);
	rig_tell(rig, 0, &end);
	tell_end(rig, 70);
	assert_int_equal(rig->n_events, before);
	rig_destroy(rig);
}

static void
an_endpoint_that_ends_by_itself_is_told_once(void **state)
{
	struct rig_conn c;
	struct rig *rig = rig_with_binds(&(struct rig_params){ 0 }, &c);
	struct pst_evt end = { .type = PST_EVT_ENDPOINT_END,
		.cookie = rig->workers[0].listeners[2].cookie };

	(void)state;
	rig_tell(rig, 0, &end);
	rig_tell(rig, 0, &end);
	rig_settle(rig);
	assert_int_equal(rig_events_of(rig, PST_EVENT_TERMINATING), 1);
	assert_ptr_equal(rig->events[rig->n_events - 1].connection, handles[2]);
	assert_int_equal(rig->workers[0].served[PST_REQ_KILL], 0);
	rig_destroy(rig);
}

static void
an_end_overtakes_a_kill_that_waits(void **state)
{
	struct rig_conn c;
	struct rig *rig = rig_with_binds(&(struct rig_params){ .records = 1 }, &c);
	struct pst_evt end = { .type = PST_EVT_ENDPOINT_END,
		.cookie = rig->workers[0].listeners[1].cookie };

	(void)state;
	rig->workers[0].stalled = true;
	pst_connection_kill(handles[0]);
	pst_connection_kill(handles[1]); /* no record is left for it */
	rig_tell(rig, 0, &end);
	rig_settle(rig);
	rig->workers[0].stalled = false;
	rig_settle(rig);
	assert_int_equal(rig->workers[0].served[PST_REQ_KILL], 1);
	assert_int_equal(rig_events_of(rig, PST_EVENT_TERMINATING), 0); /* who killed, knows */
	rig_destroy(rig);
}

/* Session. */

static void
a_session_lives_as_long_as_its_last_handle(void **state)
{
	struct rig_conn c;
	struct rig *rig = rig_with_binds(&(struct rig_params){ 0 }, &c);
	struct pst_evt evt = established(rig, 0, 70);

	(void)state;
	rig_tell(rig, 0, &evt);
	rig_settle(rig);
	rig_end_conn(rig, &c);
	assert_int_equal(rig->filters_detached, 1);
	for (int i = 0; i < BINDS; i++)
		pst_connection_kill(handles[i]);
	rig_settle(rig);
	assert_int_equal(rig->detached[0], 0);
	assert_int_equal(pst_runtime_stats(rig->rt)->sessions, 1);
	tell_end(rig, 70);
	assert_int_equal(rig->detached[0], 1);
	assert_int_equal(pst_runtime_stats(rig->rt)->sessions, 0);
	rig_destroy(rig);
}

static void
connections_of_a_client_meet_in_one_session(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_session *first;
	struct rig_conn a, b, other;

	(void)state;
	rig_connect(rig, &a, CLIENT, true);
	first = rig->session;
	rig_connect(rig, &b, CLIENT, true);
	assert_int_equal(rig->attached[0], 1);
	assert_ptr_equal(pst_connection_session(rig->control), first);
	rig_connect(rig, &other, CLIENT + 2, true);
	assert_int_equal(rig->attached[0], 2);
	assert_ptr_not_equal(rig->session, first);
	rig_destroy(rig);
}

static void
try_to_bind(struct rig *rig)
{
	struct pst_endpoint client = { CLIENT, 6000 };
	struct pst_bind_for_client args = { .client_addresses = &client,
		.client_address_len = sizeof(client),
		.proxy_address = &proxies[0],
		.proxy_address_len = sizeof(proxies[0]),
		.protocol = PST_TCP,
		.n = 1,
		.protocol_id = rig_protocol,
		.connections = handles };

	assert_int_equal(pst_bind_for_client(rig->session, &args), -ESHUTDOWN);
}

static void
a_closing_session_opens_nothing(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	rig->at_detach = try_to_bind;
	rig_connect(rig, &c, CLIENT, true);
	rig_end_conn(rig, &c);
	assert_int_equal(rig->detached[0], 1);
	rig_connect(rig, &c, CLIENT, true);
	rig->at_filter_detach = try_to_bind;
	rig_stop(rig); /* the same when all stops, and from the start */
}

static void
a_stop_frees_what_is_under_way(void **state)
{
	struct rig_conn c;
	struct rig *rig = rig_with_binds(&(struct rig_params){ .records = 1 }, &c);
	struct pst_evt evt = established(rig, 0, 70);

	(void)state;
	rig_tell(rig, 0, &evt);
	rig_settle(rig);
	rig->workers[0].stalled = true;
	pst_connection_kill(handles[1]);
	pst_connection_kill(handles[2]);
	rig_stop(rig);
}

/* An editor leaves. */

static void
an_editor_that_leaves_takes_its_endpoints_along(void **state)
{
	struct rig_conn c, later;
	struct rig *rig = rig_with_binds(&(struct rig_params){ 0 }, &c);
	struct pst_evt evt = established(rig, 0, 70);
	uint32_t before;

	(void)state;
	rig_tell(rig, 0, &evt);
	rig_settle(rig);
	before = rig->n_events;
	pst_runtime_detach_editor(rig->rt, 0);
	rig_settle(rig);
	assert_int_equal(rig->workers[0].open, 0);
	assert_int_equal(rig->workers[0].served[PST_REQ_KILL_CONN], 1); /* what it accepted */
	assert_int_equal(rig->detached[0], 1);
	assert_int_equal(rig->filters_detached, 1);
	/* new ones are nobody's, old ones pass */
	rig_connect(rig, &later, CLIENT, true);
	rig_say(rig, &c, PST_DIR_ORIG, "go on\n");
	assert_memory_equal(c.ends[PST_DIR_REPLY].got + 3, "go on\n", 6);
	rig_end_conn(rig, &c);
	assert_int_equal(rig->n_events, before);
	assert_int_equal(rig->attached[0], 1);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_waits_for_a_record_and_is_not_lost),
		cmocka_unit_test(a_worker_that_is_behind_holds_up_no_other),
		cmocka_unit_test(only_the_callback_hears_of_an_accepted_connection),
		cmocka_unit_test(another_editor_may_be_the_callback),
		cmocka_unit_test(without_a_callback_nobody_is_told),
		cmocka_unit_test(no_memory_at_an_accept_refuses_the_connection),
		cmocka_unit_test(events_of_killed_handles_are_ignored),
		cmocka_unit_test(an_endpoint_that_ends_by_itself_is_told_once),
		cmocka_unit_test(an_end_overtakes_a_kill_that_waits),
		cmocka_unit_test(a_session_lives_as_long_as_its_last_handle),
		cmocka_unit_test(connections_of_a_client_meet_in_one_session),
		cmocka_unit_test(a_closing_session_opens_nothing),
		cmocka_unit_test(a_stop_frees_what_is_under_way),
		cmocka_unit_test(an_editor_that_leaves_takes_its_endpoints_along),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
