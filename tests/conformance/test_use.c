/* SPDX-License-Identifier: BSD-3-Clause */
/* Bound endpoints: who may use them, how often, how long; their end. */
#include <errno.h>

#include "suite.h"

static void
bound(struct probe *p, const struct pst_config *c, enum pst_proto proto, uint32_t flags)
{
	struct pst_bind_for_client args;

	probe_start(p, c);
	args = probe_args(p, proto, 1, flags);
	args.backlog = 8;
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
}

static struct pkt
from(const struct probe *p, uint8_t proto, uint32_t source, uint16_t sport)
{
	return probe_packet(proto, source, sport, p->at.ip, p->at.port,
		proto == PST_TCP ? TCP_SYN : 0);
}

static void
kill_it(struct probe *p)
{
	pst_connection_kill(p->handles[0]);
}

static void
r16_tcp_without_allow_multiple_takes_one_connection(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt second;

	(void)state;
	bound(p, NULL, PST_TCP, PST_FLAG_TIMEOUT);
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	second = from(p, PST_TCP, SERVER, 21);
	probe_dropped(p, BOX_OUTSIDE, &second, PST_DROP_ENDPOINT_USED);
	probe_stop(p);
}

static void
r17_tcp_with_allow_multiple_takes_several(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	bound(p, NULL, PST_TCP, PST_FLAG_ALLOW_MULTIPLE);
	for (uint16_t i = 0; i < 5; i++)
		assert_true(probe_connect(p, SERVER, 20 + i, p->at.port));
	assert_true(probe_connect(p, SECOND, 20, p->at.port));
	probe_do(p, kill_it);
	probe_stop(p);
}

static void
r18_udp_serves_one_source_or_several(void **state)
{
	struct pkt in;

	(void)state;
	for (int several = 0; several < 2; several++) {
		struct probe *p = fresh_probe();

		bound(p, NULL, PST_UDP, several ? PST_FLAG_ALLOW_MULTIPLE : 0);
		in = from(p, PST_UDP, SERVER, 20);
		assert_true(probe_reaches(p, &in, 3000));
		assert_true(probe_reaches(p, &in, 3000));
		in = from(p, PST_UDP, SECOND, 20);
		if (several)
			assert_true(probe_reaches(p, &in, 3000));
		else
			probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_ENDPOINT_USED);
		probe_do(p, kill_it);
		probe_stop(p);
	}
}

static void
r19_udp_with_timeout_closes_once_idle(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	bound(p, NULL, PST_UDP, PST_FLAG_TIMEOUT);
	in = from(p, PST_UDP, SERVER, 20);
	box_pass(&p->box, 299000);
	assert_true(probe_reaches(p, &in, 3000)); /* in use from now on */
	box_pass(&p->box, 299000);
	assert_true(probe_reaches(p, &in, 3000));
	assert_int_equal(probe_count(p, 0, PST_EVENT_TERMINATING), 0);
	box_pass(&p->box, 605000); /* its connection's time, then its own */
	assert_int_equal(probe_count(p, 0, PST_EVENT_TERMINATING), 1);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	probe_stop(p);
	p = fresh_probe(); /* and one that nobody has used */
	bound(p, NULL, PST_UDP, PST_FLAG_TIMEOUT);
	box_pass(&p->box, 302000);
	in = from(p, PST_UDP, SERVER, 20);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	probe_stop(p);
}

static void
r20_tcp_with_timeout_closes_after_a_minute(void **state)
{
	struct pkt in;

	(void)state;
	for (int late = 0; late < 2; late++) {
		struct probe *p = fresh_probe();

		bound(p, NULL, PST_TCP, PST_FLAG_TIMEOUT);
		box_pass(&p->box, late ? 61000 : 59000);
		in = from(p, PST_TCP, SERVER, 20);
		if (late)
			probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
		else
			assert_true(probe_reaches(p, &in, 3000));
		probe_stop(p);
	}
}

static void
r21_without_timeout_it_lives_until_kill(void **state)
{
	struct pkt in;

	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct probe *p = fresh_probe();

		bound(p, NULL, udp ? PST_UDP : PST_TCP, 0);
		box_pass(&p->box, 40000000); /* half a day; its control connection has gone */
		assert_int_equal(probe_count(p, 0, PST_EVENT_TERMINATING), 1);
		in = from(p, udp ? PST_UDP : PST_TCP, SERVER, 20);
		assert_true(probe_reaches(p, &in, 3000));
		pst_lcore_set_role(PST_ROLE_EDITOR, 0);
		pst_connection_kill(p->handles[0]);
		box_settle(&p->box);
		probe_stop(p);
	}
}

static void
r24_bidirectional_lets_the_client_answer(void **state)
{
	struct pkt in, answer, out;

	(void)state;
	for (int both = 0; both < 2; both++) {
		struct probe *p = fresh_probe();

		bound(p, NULL, PST_UDP, PST_FLAG_TIMEOUT | (both ? PST_FLAG_BIDIRECTIONAL : 0));
		in = from(p, PST_UDP, SERVER, 20);
		assert_true(probe_reaches(p, &in, 3000));
		answer = probe_packet(PST_UDP, CLIENT, 3000, SERVER, 20, 0);
		if (both) {
			assert_true(box_pass_through(&p->box, BOX_INSIDE, &answer, &out));
			assert_int_equal(out.src, OUTSIDE);
			assert_int_equal(out.sport, p->at.port);
		} else {
			probe_dropped(p, BOX_INSIDE, &answer, PST_DROP_RECEIVE_ONLY);
		}
		/* who has not sent is not answered by that endpoint */
		answer.dst = SECOND;
		if (box_pass_through(&p->box, BOX_INSIDE, &answer, &out))
			assert_int_not_equal(out.sport, p->at.port);
		probe_stop(p);
	}
}

static void
r26_backlog_bounds_what_is_pending(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt in, back, out;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_ALLOW_MULTIPLE);
	args.backlog = 2;
	probe_bind(p, &args);
	in = from(p, PST_TCP, SERVER, 20);
	assert_true(probe_reaches(p, &in, 3000));
	in = from(p, PST_TCP, SERVER, 21);
	assert_true(probe_reaches(p, &in, 3000));
	in = from(p, PST_TCP, SERVER, 22);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_ENDPOINT_BACKLOG);
	/* the first is accepted: there is room for one */
	back = probe_packet(PST_TCP, CLIENT, 3000, SERVER, 20, TCP_SYN | TCP_ACK);
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &back, &out));
	in = probe_packet(PST_TCP, SERVER, 20, p->at.ip, p->at.port, TCP_ACK);
	assert_true(probe_reaches(p, &in, 3000));
	in = from(p, PST_TCP, SERVER, 22);
	assert_true(probe_reaches(p, &in, 3000));
	probe_do(p, kill_it);
	probe_stop(p);
}

static void
r27_the_protocol_is_a_registered_one(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	args.protocol_id = probe_unknown;
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EACCES);
	args.protocol_id = probe_protocol[1];
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	probe_stop(p);
}

static void
deny_rule(struct pst_config *c, const char *protocol)
{
	probe_config(c, 2);
	c->n_rules = 2;
	snprintf(c->rules[0].name, sizeof(c->rules[0].name), "no %s", protocol);
	snprintf(c->rules[0].protocols[0], sizeof(c->rules[0].protocols[0]), "%s", protocol);
	c->rules[0].n_protocols = 1;
	snprintf(c->rules[1].name, sizeof(c->rules[1].name), "rest");
	c->rules[1].allow = true;
}

static void
r28_a_denied_protocol_binds_nothing(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pst_config c;
	struct pkt in;

	(void)state;
	deny_rule(&c, "probe1");
	probe_start(p, &c);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	args.protocol_id = probe_protocol[1];
	p->at.port = 20000;
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EACCES);
	in = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, 20000, TCP_SYN);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	args.protocol_id = probe_protocol[0];
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	probe_stop(p);
}

static void
bind_with_callback(struct probe *p)
{
	struct pst_bind_for_client args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);

	args.callback = p->part[0];
	args.callback_context = p->seen;
	p->ret = pst_bind_for_client(p->session, &args);
}

static void
r31_an_established_event_has_the_calls_context(void **state)
{
	struct probe *p = fresh_probe();
	const struct pst_event *e;

	(void)state;
	probe_start(p, NULL);
	probe_do(p, bind_with_callback);
	assert_int_equal(p->ret, 0);
	assert_int_equal(probe_count(p, 0, PST_EVENT_ESTABLISHED), 0);
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	assert_int_equal(probe_count(p, 0, PST_EVENT_ESTABLISHED), 1);
	e = probe_last(p, 0, PST_EVENT_ESTABLISHED);
	assert_ptr_equal(e->context, p->seen);
	assert_ptr_equal(e->endpoint, p->handles[0]);
	assert_int_equal(e->remote.ip, SERVER);
	assert_int_equal(e->remote.port, 20);
	assert_non_null(e->connection);
	probe_stop(p);
}

static void
r32_without_a_callback_there_is_no_event(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	bound(p, NULL, PST_TCP, PST_FLAG_TIMEOUT);
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	assert_int_equal(probe_count(p, 0, PST_EVENT_ESTABLISHED), 0);
	assert_int_equal(probe_count(p, 1, PST_EVENT_ESTABLISHED), 0);
	probe_stop(p);
}

static struct pst_ipfilter *filter;

static void
bind_with_filter(struct probe *p)
{
	struct pst_bind_for_client args =
		probe_args(p, PST_UDP, 2, PST_FLAG_ALLOW_MULTIPLE);

	args.filter = filter;
	p->ret = pst_bind_for_client(p->session, &args);
}

static void
kill_both(struct probe *p)
{
	pst_connection_kill(p->handles[0]);
	pst_connection_kill(p->handles[1]);
}

static void
r33_a_filter_admits_what_it_includes(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	filter = pst_ipfilter_create();
	assert_int_equal(pst_ipfilter_include(filter, SERVER, SERVER), 0);
	probe_start(p, NULL);
	probe_do(p, bind_with_filter);
	assert_int_equal(p->ret, 0);
	for (int i = 0; i < 2; i++) {
		in = probe_packet(PST_UDP, SERVER, 20, OUTSIDE, p->at.port + i, 0);
		assert_true(probe_reaches(p, &in, 3000 + i));
		in.src = SECOND;
		probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_IP_FILTER);
		in.src = SERVER - 1;
		probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_IP_FILTER);
	}
	probe_do(p, kill_both);
	pst_ipfilter_destroy(filter);
	probe_stop(p);
}

static void
r34_no_filter_admits_anybody(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	filter = NULL;
	probe_start(p, NULL);
	probe_do(p, bind_with_filter);
	assert_int_equal(p->ret, 0);
	for (uint32_t i = 0; i < 5; i++) {
		in = probe_packet(PST_UDP, IP(192, 0, 2, 1) + i * 7777777, 20, OUTSIDE,
			p->at.port, 0);
		assert_true(probe_reaches(p, &in, 3000));
	}
	probe_do(p, kill_both);
	probe_stop(p);
}

static void
r35_an_empty_filter_blocks_all(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	filter = pst_ipfilter_create();
	probe_start(p, NULL);
	probe_do(p, bind_with_filter);
	assert_int_equal(p->ret, 0);
	in = probe_packet(PST_UDP, SERVER, 20, OUTSIDE, p->at.port, 0);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_IP_FILTER);
	probe_do(p, kill_both);
	pst_ipfilter_destroy(filter);
	probe_stop(p);
}

static void
set_client_of_another(struct probe *p)
{
	struct pst_endpoint other = { OTHER_CLIENT, 3000 };

	p->ret = pst_connection_set_client_address(p->handles[0], &other);
}

static void
r36_traffic_goes_to_the_sessions_client_only(void **state)
{
	struct pst_endpoint unset = { 0, 0 }, own;
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt in, out;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	args.client_addresses = &unset;
	probe_bind(p, &args);
	probe_do(p, set_client_of_another);
	assert_int_equal(p->ret, -EINVAL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	in = from(p, PST_TCP, SERVER, 20);
	assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &in, &out));
	pst_session_client_address(p->session, &own);
	assert_int_equal(own.ip, CLIENT);
	assert_int_equal(out.dst, own.ip);
	probe_stop(p);
}

static void
r47_kill_ends_that_one_endpoint(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	filter = NULL;
	probe_start(p, NULL);
	probe_do(p, bind_with_filter);
	probe_do(p, kill_it);
	in = probe_packet(PST_UDP, SERVER, 20, OUTSIDE, p->at.port, 0);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	in.dport++;
	assert_true(probe_reaches(p, &in, 3001));
	assert_int_equal(probe_count(p, 0, PST_EVENT_TERMINATING), 0); /* who killed it knows */
	p->handles[0] = p->handles[1];
	probe_do(p, kill_it);
	probe_stop(p);
}

/* Inside the data callback of the primary connection: that goes on. */
static void
r48_the_call_works_while_the_primary_is_handled(void **state)
{
	static const enum pst_proto protos[] = { PST_TCP, PST_UDP };
	struct pst_bind_for_client args;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct probe *p = fresh_probe();

		probe_start(p, NULL);
		args = probe_args(p, protos[i], 1, PST_FLAG_TIMEOUT);
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
		probe_bind(p, &args); /* and again, on the same connection, asks for that port */
		assert_int_equal(p->ret, -EADDRINUSE);
		probe_stop(p);
	}
}

static void
get_filter(struct probe *p)
{
	struct pst_ipfilter *copy = NULL;

	assert_int_equal(pst_connection_get_ipfilter(p->handles[0], &copy), 0);
	assert_true(pst_ipfilter_is_included(copy, SERVER));
	assert_int_equal(pst_ipfilter_include(copy, SECOND, SECOND), 0);
	pst_ipfilter_destroy(copy);
	assert_int_equal(pst_connection_get_ipfilter(p->handles[0], &copy), 0);
	assert_false(pst_ipfilter_is_included(copy, SECOND));
	pst_ipfilter_destroy(copy);
}

static void
r59_copies_of_a_filter_are_independent(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_ipfilter *clone;
	struct pkt in;

	(void)state;
	filter = pst_ipfilter_create();
	assert_int_equal(pst_ipfilter_include(filter, SERVER, SERVER), 0);
	clone = pst_ipfilter_clone(filter);
	assert_int_equal(pst_ipfilter_include(clone, SECOND, SECOND), 0);
	assert_false(pst_ipfilter_is_included(filter, SECOND));
	pst_ipfilter_destroy(clone);
	probe_start(p, NULL);
	probe_do(p, bind_with_filter);
	probe_do(p, get_filter);
	in = probe_packet(PST_UDP, SECOND, 20, OUTSIDE, p->at.port, 0);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_IP_FILTER);
	probe_do(p, kill_both);
	pst_ipfilter_destroy(filter);
	probe_stop(p);
}

static void
set_filter(struct probe *p)
{
	p->ret = pst_connection_set_ipfilter(p->handles[0], filter);
}

/* Filtering is never off: what a filter says holds as soon as it is set. */
static void
r58_a_filter_always_has_an_effect(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	bound(p, NULL, PST_UDP, PST_FLAG_ALLOW_MULTIPLE);
	in = from(p, PST_UDP, SECOND, 20);
	assert_true(probe_reaches(p, &in, 3000));
	filter = pst_ipfilter_create();
	assert_int_equal(pst_ipfilter_include(filter, SERVER, SERVER), 0);
	probe_do(p, set_filter);
	assert_int_equal(p->ret, 0);
	in.sport = 21;
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_IP_FILTER);
	in.src = SERVER;
	assert_true(probe_reaches(p, &in, 3000));
	probe_do(p, kill_it);
	pst_ipfilter_destroy(filter);
	probe_stop(p);
}

static void
r75_the_port_is_closed_when_its_endpoint_ends(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pst_config c;
	struct pkt in;

	(void)state;
	probe_config(&c, 2);
	c.nat.quarantine_s = 0;
	bound(p, &c, PST_UDP, 0);
	in = from(p, PST_UDP, SERVER, 20);
	assert_true(probe_reaches(p, &in, 3000));
	probe_do(p, kill_it);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	args = probe_args(p, PST_UDP, 1, PST_FLAG_TIMEOUT);
	p->at.port = in.dport; /* it can be had again */
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	probe_stop(p);
}

static void
r78_a_used_port_stays_reserved_until_its_connection_ends(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pst_endpoint was;
	struct pkt in;

	(void)state;
	bound(p, NULL, PST_TCP, PST_FLAG_TIMEOUT);
	was = p->at;
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	box_pass(&p->box, 200000); /* longer than nobody may take to come */
	in = from(p, PST_TCP, SECOND, 20);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_ENDPOINT_USED);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	p->at = was;
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EADDRINUSE);
	in = probe_packet(PST_TCP, SERVER, 20, was.ip, was.port, TCP_RST | TCP_ACK);
	in.seq = 2;
	assert_true(probe_reaches(p, &in, 3000));
	box_pass(&p->box, 300000);
	in = from(p, PST_TCP, SECOND, 20);
	in.dport = was.port;
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	probe_stop(p);
}

static void
bind_and_edit(struct probe *p)
{
	struct pst_bind_for_client args =
		probe_args(p, PST_UDP, 1, PST_FLAG_ALLOW_MULTIPLE);

	args.filter = filter;
	p->ret = pst_bind_for_client(p->session, &args);
	pst_ipfilter_include(filter, 0, UINT32_MAX);
}

static void
r80_the_filter_is_copied_at_the_call(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	filter = pst_ipfilter_create();
	assert_int_equal(pst_ipfilter_include(filter, SERVER, SERVER), 0);
	probe_start(p, NULL);
	probe_do(p, bind_and_edit);
	in = from(p, PST_UDP, SECOND, 20);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_IP_FILTER);
	in.src = SERVER;
	assert_true(probe_reaches(p, &in, 3000));
	probe_do(p, kill_it);
	pst_ipfilter_destroy(filter);
	probe_stop(p);
}

RULE_TESTS(cmocka_unit_test(r16_tcp_without_allow_multiple_takes_one_connection),
	cmocka_unit_test(r17_tcp_with_allow_multiple_takes_several),
	cmocka_unit_test(r18_udp_serves_one_source_or_several),
	cmocka_unit_test(r19_udp_with_timeout_closes_once_idle),
	cmocka_unit_test(r20_tcp_with_timeout_closes_after_a_minute),
	cmocka_unit_test(r21_without_timeout_it_lives_until_kill),
	cmocka_unit_test(r24_bidirectional_lets_the_client_answer),
	cmocka_unit_test(r26_backlog_bounds_what_is_pending),
	cmocka_unit_test(r27_the_protocol_is_a_registered_one),
	cmocka_unit_test(r28_a_denied_protocol_binds_nothing),
	cmocka_unit_test(r31_an_established_event_has_the_calls_context),
	cmocka_unit_test(r32_without_a_callback_there_is_no_event),
	cmocka_unit_test(r33_a_filter_admits_what_it_includes),
	cmocka_unit_test(r34_no_filter_admits_anybody),
	cmocka_unit_test(r35_an_empty_filter_blocks_all),
	cmocka_unit_test(r36_traffic_goes_to_the_sessions_client_only),
	cmocka_unit_test(r47_kill_ends_that_one_endpoint),
	cmocka_unit_test(r48_the_call_works_while_the_primary_is_handled),
	cmocka_unit_test(r58_a_filter_always_has_an_effect),
	cmocka_unit_test(r59_copies_of_a_filter_are_independent),
	cmocka_unit_test(r75_the_port_is_closed_when_its_endpoint_ends),
	cmocka_unit_test(r78_a_used_port_stays_reserved_until_its_connection_ends),
	cmocka_unit_test(r80_the_filter_is_copied_at_the_call))
