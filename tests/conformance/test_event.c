/* SPDX-License-Identifier: BSD-3-Clause */
/* Events: who hears what, what handlers may do, and what becomes of a refusal. */
#include <errno.h>

#include "suite.h"

static void
bind_tcp(struct probe *p)
{
	struct pst_bind_for_client args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);

	p->ret = pst_bind_for_client(p->session, &args);
}

static void
bind_udp(struct probe *p)
{
	struct pst_bind_for_client args = probe_args(p, PST_UDP, 1, PST_FLAG_TIMEOUT);

	p->ret = pst_bind_for_client(p->session, &args);
}

static void
r37_all_who_are_registered_are_told_of_a_bind(void **state)
{
	struct probe *p = fresh_probe();
	const struct pst_event *e;

	(void)state;
	hook(p, 0, PST_EVENT_BIND_UDP, 0, 65535);
	hook(p, 1, PST_EVENT_BIND_TCP | PST_EVENT_BIND_UDP | PST_EVENT_LISTEN, 0, 65535);
	probe_start(p, NULL);
	probe_do(p, bind_tcp);
	assert_int_equal(p->ret, 0);
	assert_int_equal(probe_count(p, 0, PST_EVENT_BIND_TCP), 0);
	assert_int_equal(probe_count(p, 1, PST_EVENT_BIND_TCP), 1);
	assert_int_equal(probe_count(p, 1, PST_EVENT_LISTEN), 1);
	e = probe_last(p, 1, PST_EVENT_BIND_TCP);
	assert_memory_equal(&e->protocol, &probe_protocol[0], sizeof(e->protocol));
	assert_int_equal(e->local.ip, OUTSIDE);
	assert_int_equal(e->local.port, PST_PORT_ANY); /* wanted */
	assert_int_equal(probe_last(p, 1, PST_EVENT_LISTEN)->backlog, 1);
	probe_do(p, bind_udp);
	assert_int_equal(probe_count(p, 0, PST_EVENT_BIND_UDP), 1);
	assert_int_equal(probe_count(p, 1, PST_EVENT_BIND_UDP), 1);
	probe_stop(p);
}

static int
attach_to_bind(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	if (editor != 1 || event->type != PST_EVENT_BIND_UDP)
		return 0;
	return pst_connection_attach_data_filter(
		event->connection, &probe_filter_ops, PST_PRIORITY_MIDDLE, &p->filters[0]);
}

static int
deny_bind(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	(void)p;
	if (editor == 1 && (event->type & (PST_EVENT_BIND_TCP | PST_EVENT_BIND_UDP)))
		assert_int_equal(pst_connection_deny(event->connection, 0), 0);
	return 0;
}

static void
r38_a_filter_may_deny_or_watch_a_bind(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	hook(p, 1, PST_EVENT_BIND_TCP | PST_EVENT_BIND_UDP, 0, 65535);
	probe_start(p, NULL);
	p->on_event = deny_bind;
	probe_do(p, bind_tcp);
	assert_int_equal(p->ret, -EADDRINUSE);
	p->on_event = attach_to_bind;
	p->filters[0].name = "+";
	probe_do(p, bind_udp);
	assert_int_equal(p->ret, 0);
	in = probe_packet(PST_UDP, SERVER, 20, OUTSIDE, p->at.port, 0);
	in.data = "abc";
	in.len = 3;
	assert_true(probe_reaches(p, &in, 3000));
	assert_int_equal(p->filters[0].calls, 1);
	assert_int_equal(p->filters[0].bytes, 3);
	probe_stop(p);
	assert_int_equal(p->filters[0].detached, 1);
}

static void
r49_the_connection_exists_before_the_bind_event(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	hook(p, 1, PST_EVENT_BIND_TCP, 0, 65535);
	probe_start(p, NULL);
	probe_do(p, bind_tcp);
	assert_ptr_equal(probe_last(p, 1, PST_EVENT_BIND_TCP)->connection, p->handles[0]);
	assert_non_null(p->handles[0]);
	probe_stop(p);
}

/* What came in while the event was raised: nothing was sent to the client yet. */
static uint32_t sent_at_accept;
static struct pst_connection *accepted;

static int
at_accept(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	struct pst_account sum;

	(void)editor;
	if (event->type != PST_EVENT_ACCEPTED)
		return 0;
	pst_appliance_account(p->box.a, &sum);
	sent_at_accept = sum.sent;
	accepted = event->connection;
	return 0;
}

static void
r50_the_accepted_connection_exists_before_the_clients_side(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_account sum;
	uint64_t before;
	struct pkt in;

	(void)state;
	hook(p, 1, PST_EVENT_ACCEPTED, 0, 65535);
	probe_start(p, NULL);
	p->on_event = at_accept;
	probe_do(p, bind_tcp);
	pst_appliance_account(p->box.a, &sum);
	before = sum.sent;
	in = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, p->at.port, TCP_SYN);
	assert_true(probe_reaches(p, &in, 3000));
	assert_int_equal(probe_count(p, 1, PST_EVENT_ACCEPTED), 1);
	assert_int_equal(sent_at_accept, before); /* the SYN was parked */
	assert_non_null(accepted);
	assert_ptr_not_equal(accepted, p->handles[0]); /* nor is it the endpoint's */
	assert_ptr_equal(probe_last(p, 1, PST_EVENT_ACCEPTED)->endpoint, p->handles[0]);
	assert_true(probe_last(p, 1, PST_EVENT_ACCEPTED)->is_secondary);
	probe_stop(p);
}

static void
r51_deny_of_a_bind_is_address_in_use(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	hook(p, 1, PST_EVENT_BIND_TCP | PST_EVENT_BIND_UDP, 0, 65535);
	probe_start(p, NULL);
	p->on_event = deny_bind;
	probe_do(p, bind_tcp);
	assert_int_equal(p->ret, -EADDRINUSE);
	assert_null(p->handles[0]);
	probe_do(p, bind_udp);
	assert_int_equal(p->ret, -EADDRINUSE);
	assert_int_equal(probe_count(p, 1, PST_EVENT_TERMINATING), 2);
	in = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, 30000, TCP_SYN);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	probe_stop(p);
}

static int
deny_all(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	(void)p;
	if (editor == 1 && (event->type & (PST_EVENT_ACCEPTED | PST_EVENT_CONNECT_TCP)))
		assert_int_equal(pst_connection_deny(event->connection, 0), 0);
	return 0;
}

/* Put a SYN in; what comes back at the same port has to be the reset that answers it. */
static void
is_refused(struct probe *p, int port, const struct pkt *syn)
{
	struct rte_mbuf *m;
	struct pkt rst;

	box_put(&p->box, port, syn);
	box_settle(&p->box);
	assert_null(box_get(&p->box, 1 - port));
	m = box_get(&p->box, port);
	assert_non_null(m);
	assert_true(pkt_read(m, &rst));
	rte_pktmbuf_free(m);
	assert_int_equal(rst.tcp_flags, TCP_RST | TCP_ACK);
	assert_int_equal(rst.ack, syn->seq + 1);
	assert_int_equal(rst.src, syn->dst);
	assert_int_equal(rst.sport, syn->dport);
	assert_int_equal(rst.dst, syn->src);
	assert_int_equal(rst.dport, syn->sport);
}

static void
r52_deny_aborts_an_accepted_connection_and_refuses_a_connect(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	hook(p, 1, PST_EVENT_ACCEPTED, 0, 65535);
	probe_start(p, NULL);
	p->on_event = deny_all;
	probe_do(p, bind_tcp);
	in = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, p->at.port, TCP_SYN);
	is_refused(p, BOX_OUTSIDE, &in);
	in = probe_packet(PST_TCP, CLIENT, 6000, SERVER, PROBE_PORT_1, TCP_SYN);
	is_refused(p, BOX_INSIDE, &in);
	is_refused(p, BOX_INSIDE, &in); /* the client tries again: and is refused again */
	probe_stop(p);
}

static int attached[16], denied[16], reserved[16];

static int
try_all(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	unsigned int i = __builtin_ctz(event->type);
	struct pst_connection *conn = event->connection;

	if (editor != 1)
		return 0;
	if (event->type == PST_EVENT_UDP_DESTINATION)
		conn = (struct pst_connection *)event->destination;
	attached[i] = pst_connection_attach_data_filter(
		conn, &probe_filter_ops, PST_PRIORITY_MIDDLE, &p->filters[0]);
	reserved[i] = pst_connection_deny(event->connection, 1);
	denied[i] = reserved[i] == -EINVAL ? 0 : reserved[i];
	return 0;
}

static void
try_outside_of_events(struct probe *p)
{
	p->ret = pst_connection_attach_data_filter(
		p->handles[0], &probe_filter_ops, PST_PRIORITY_MIDDLE, &p->filters[0]);
	assert_int_equal(pst_connection_deny(p->handles[0], 0), -EPERM);
	assert_int_equal(pst_connection_deny(p->control, 0), -EPERM);
	assert_int_equal(pst_connection_attach_data_filter(p->control, &probe_filter_ops,
				 PST_PRIORITY_MIDDLE, &p->filters[0]),
		-EPERM);
}

static int
of(enum pst_event_type type, const int results[16])
{
	return results[__builtin_ctz(type)];
}

static void
bind_both(struct probe *p)
{
	bind_udp(p);
	assert_int_equal(p->ret, 0);
	bind_tcp(p);
	assert_int_equal(p->ret, 0);
}

static void
bring_all_events_about(struct probe *p)
{
	struct pkt in;

	memset(attached, 0x7f, sizeof(attached));
	memset(denied, 0x7f, sizeof(denied));
	hook(p, 1, PST_EVENT_ACCEPTED | PST_EVENT_BIND_TCP | PST_EVENT_BIND_UDP | PST_EVENT_LISTEN,
		0, 65535);
	hook(p, 1, PST_EVENT_UDP_DESTINATION, 0, 65535);
	probe_start(p, NULL);
	p->on_event = try_all;
	probe_do(p, bind_both);
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	assert_true(probe_connect_out(p, 6000, SERVER, PROBE_PORT_1));
	in = probe_packet(PST_UDP, CLIENT, 6000, SERVER, PROBE_PORT_1, 0);
	in.data = "x";
	in.len = 1;
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &(struct pkt){ 0 }));
	probe_do(p, try_outside_of_events);
}

static void
r53_a_data_filter_is_attached_in_four_events(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	bring_all_events_about(p);
	assert_int_equal(p->ret, -EPERM);
	assert_int_equal(of(PST_EVENT_ACCEPTED, attached), 0);
	assert_int_equal(of(PST_EVENT_BIND_UDP, attached), 0);
	assert_int_equal(of(PST_EVENT_CONNECT_TCP, attached), 0);
	assert_int_equal(of(PST_EVENT_UDP_DESTINATION, attached), 0);
	assert_int_equal(of(PST_EVENT_BIND_TCP, attached), -EPERM);
	assert_int_equal(of(PST_EVENT_LISTEN, attached), -EPERM);
	probe_stop(p);
	assert_int_equal(of(PST_EVENT_TERMINATING, attached), -EPERM);
}

static void
r54_deny_has_its_four_events(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	bring_all_events_about(p);
	assert_int_equal(of(PST_EVENT_ACCEPTED, reserved), -EINVAL);
	assert_int_equal(of(PST_EVENT_BIND_UDP, reserved), -EINVAL);
	assert_int_equal(of(PST_EVENT_BIND_TCP, reserved), -EINVAL);
	assert_int_equal(of(PST_EVENT_CONNECT_TCP, reserved), -EINVAL);
	assert_int_equal(of(PST_EVENT_UDP_DESTINATION, denied), -EPERM);
	assert_int_equal(of(PST_EVENT_LISTEN, denied), -EPERM);
	probe_stop(p);
	assert_int_equal(of(PST_EVENT_TERMINATING, denied), -EPERM);
}

static void
bind_for_the_other(struct probe *p)
{
	struct pst_bind_for_client args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);

	assert_int_equal(pst_session_attach_editor(p->session, "probe1"), 0);
	args.callback = p->part[1];
	p->ret = pst_bind_for_client(p->session, &args);
}

static void
r55_established_goes_to_the_calls_callback_alone(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	hook(p, 0, PST_EVENT_ESTABLISHED, 0, 65535); /* which subscribes to nothing */
	probe_start(p, NULL);
	probe_do(p, bind_for_the_other);
	assert_int_equal(p->ret, 0);
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	assert_int_equal(probe_count(p, 1, PST_EVENT_ESTABLISHED), 1);
	assert_int_equal(probe_count(p, 0, PST_EVENT_ESTABLISHED), 0);
	probe_stop(p);
}

static void
r56_terminating_comes_once_and_last(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_connection *conn;
	bool ended = false;
	struct pkt rst;

	(void)state;
	hook(p, 1, PST_EVENT_ACCEPTED, 0, 65535);
	probe_start(p, NULL);
	probe_do(p, bind_tcp);
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	conn = probe_last(p, 1, PST_EVENT_ACCEPTED)->connection;
	rst = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, p->at.port, TCP_RST | TCP_ACK);
	rst.seq = 2;
	assert_true(probe_reaches(p, &rst, 3000));
	box_pass(&p->box, 250000);
	for (uint32_t i = 0; i < p->n_events; i++) {
		if (p->events[i].event.connection != conn || p->events[i].editor != 1)
			continue;
		assert_false(ended);
		ended = p->events[i].event.type == PST_EVENT_TERMINATING;
	}
	assert_true(ended);
	assert_true(pst_runtime_is_quiet(p->box.a->runtimes[0]) || p->control != NULL);
	probe_stop(p);
}

static void
r57_terminating_attaches_nobody(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	hook(p, 1, PST_EVENT_TERMINATING, 0, 65535);
	probe_start(p, NULL);
	probe_do(p, bind_tcp);
	box_pass(&p->box, 61000); /* the endpoint ends */
	assert_int_equal(probe_count(p, 0, PST_EVENT_TERMINATING), 1);
	assert_int_equal(p->attached[1], 0);
	probe_stop(p);
}

static void
r72_events_keep_to_sources_and_ports(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	p->hooks[0].n = 3;
	p->hooks[0].list[0] = (struct pst_hook){ PST_EVENT_CONNECT_TCP, PST_ALL_SOURCES, 0, 0 };
	p->hooks[0].list[1] =
		(struct pst_hook){ PST_EVENT_CONNECT_TCP, PST_SOURCE_NAT, 4702, 4702 };
	p->hooks[0].list[2] = (struct pst_hook){ PST_EVENT_BIND_TCP, PST_SOURCE_NAT, 20000, 20009 };
	p->hooks[1].n = 2;
	p->hooks[1].list[0] = (struct pst_hook){ PST_EVENT_CONNECT_TCP, PST_SOURCE_FIREWALL, 0, 0 };
	p->hooks[1].list[1] =
		(struct pst_hook){ PST_EVENT_BIND_TCP, PST_SOURCE_FIREWALL, 0, 65535 };
	probe_start(p, NULL);
	in = probe_packet(PST_TCP, CLIENT, 6000, SERVER, PROBE_PORT_1, TCP_SYN);
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &(struct pkt){ 0 }));
	assert_int_equal(probe_count(p, 0, PST_EVENT_CONNECT_TCP), 2);
	assert_int_equal(probe_count(p, 1, PST_EVENT_CONNECT_TCP), 0);
	for (uint16_t port = 19999; port <= 20010; port++) {
		struct pst_bind_for_client args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);

		p->at.port = port;
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
	}
	assert_int_equal(probe_count(p, 0, PST_EVENT_BIND_TCP), 10);
	assert_int_equal(probe_count(p, 1, PST_EVENT_BIND_TCP), 0);
	probe_stop(p);
}

static void
r73_a_destination_is_told_once_until_it_leaves_the_cache(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in, out;

	(void)state;
	hook(p, 1, PST_EVENT_UDP_DESTINATION, 0, 0);
	probe_start(p, NULL);
	in = probe_packet(PST_UDP, CLIENT, 6000, SERVER, PROBE_PORT_1, 0);
	for (int i = 0; i < 5; i++)
		assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &out));
	assert_int_equal(probe_count(p, 1, PST_EVENT_UDP_DESTINATION), 1);
	in.dst = SECOND;
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &out));
	assert_int_equal(probe_count(p, 1, PST_EVENT_UDP_DESTINATION), 2);
	box_pass(&p->box, 302000);
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &out));
	assert_int_equal(probe_count(p, 1, PST_EVENT_UDP_DESTINATION), 3);
	probe_stop(p);
}

static int
no_memory(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	(void)p;
	return editor == 1 && event->type != PST_EVENT_TERMINATING ? -ENOMEM : 0;
}

static void
r74_no_memory_in_a_handler_fails_the_request(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	hook(p, 1, PST_EVENT_BIND_TCP | PST_EVENT_ACCEPTED, 0, 65535);
	probe_start(p, NULL);
	p->on_event = no_memory;
	probe_do(p, bind_tcp);
	assert_int_equal(p->ret, -ENOMEM);
	in = probe_packet(PST_TCP, CLIENT, 6000, SERVER, PROBE_PORT_1, TCP_SYN);
	is_refused(p, BOX_INSIDE, &in);
	p->on_event = NULL;
	probe_do(p, bind_tcp);
	assert_int_equal(p->ret, 0);
	p->on_event = no_memory;
	in = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, p->at.port, TCP_SYN);
	is_refused(p, BOX_OUTSIDE, &in);
	probe_stop(p);
}

static int
order_filters(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	/* attached in another order than they stand in */
	static const enum pst_priority order[] = { PST_PRIORITY_EXTERNAL, PST_PRIORITY_NAT,
		PST_PRIORITY_MIDDLE };
	static const char *const names[] = { "E", "N", "M" };

	if (editor != 1 || event->type != PST_EVENT_CONNECT_TCP)
		return 0;
	for (int i = 0; i < 3; i++) {
		p->filters[i].name = names[i];
		assert_int_equal(pst_connection_attach_data_filter(event->connection,
					 &probe_filter_ops, order[i], &p->filters[i]),
			0);
	}
	return 0;
}

static void
r63_data_visits_filters_by_priority_both_ways(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in, out;
	uint16_t port;

	(void)state;
	probe_start(p, NULL);
	p->on_event = order_filters;
	in = probe_packet(PST_TCP, CLIENT, 6000, SERVER, PROBE_PORT_1, TCP_SYN);
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &out));
	port = out.sport;
	in = probe_packet(PST_TCP, SERVER, PROBE_PORT_1, OUTSIDE, port, TCP_SYN | TCP_ACK);
	in.dst = out.src;
	in.seq = 70;
	in.ack = 2;
	assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &in, &out));
	in = probe_packet(PST_TCP, CLIENT, 6000, SERVER, PROBE_PORT_1, TCP_ACK | TCP_PSH);
	in.seq = 2;
	in.ack = 71;
	in.data = "c";
	in.len = 1;
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &out));
	assert_string_equal(p->seen, "NME");
	assert_int_equal(out.len, 4);
	p->seen[0] = 0;
	in = probe_packet(PST_TCP, SERVER, PROBE_PORT_1, out.src, port, TCP_ACK | TCP_PSH);
	in.seq = 71;
	in.ack = 2 + 4;
	in.data = "s";
	in.len = 1;
	assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &in, &out));
	assert_string_equal(p->seen, "EMN");
	assert_int_equal(out.len, 4);
	probe_stop(p);
}

static void
config_of_rules(struct pst_config *c)
{
	probe_config(c, 2);
	c->n_rules = 3;
	snprintf(c->rules[0].name, sizeof(c->rules[0].name), "all of probe");
	snprintf(c->rules[0].protocols[0], sizeof(c->rules[0].protocols[0]), "probe");
	c->rules[0].n_protocols = 1;
	c->rules[0].allow = true;
	snprintf(c->rules[1].name, sizeof(c->rules[1].name), "all to the second");
	c->rules[1].destinations[0] = (struct pst_range){ SECOND, SECOND };
	c->rules[1].n_destinations = 1;
	c->rules[1].allow = true;
	snprintf(c->rules[2].name, sizeof(c->rules[2].name), "but not the other client");
	c->rules[2].clients[0] = (struct pst_range){ OTHER_CLIENT, OTHER_CLIENT };
	c->rules[2].n_clients = 1;
}

static void
r71_a_deny_rule_wins_and_no_rule_is_denied(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_config c;
	struct pkt in, out;

	(void)state;
	config_of_rules(&c);
	probe_start(p, &c); /* which is allowed, by the first rule */
	in = probe_packet(PST_TCP, CLIENT, 6000, SECOND, 80, TCP_SYN);
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &out));
	in.src = OTHER_CLIENT; /* allowed by one, denied by a later one */
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	assert_int_equal(box_drops(&p->box, PST_DROP_RULE), 1);
	in.src = CLIENT;
	in.dst = SERVER; /* by none */
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	assert_int_equal(box_drops(&p->box, PST_DROP_RULE), 2);
	probe_stop(p);
}

RULE_TESTS(cmocka_unit_test(r37_all_who_are_registered_are_told_of_a_bind),
	cmocka_unit_test(r38_a_filter_may_deny_or_watch_a_bind),
	cmocka_unit_test(r49_the_connection_exists_before_the_bind_event),
	cmocka_unit_test(r50_the_accepted_connection_exists_before_the_clients_side),
	cmocka_unit_test(r51_deny_of_a_bind_is_address_in_use),
	cmocka_unit_test(r52_deny_aborts_an_accepted_connection_and_refuses_a_connect),
	cmocka_unit_test(r53_a_data_filter_is_attached_in_four_events),
	cmocka_unit_test(r54_deny_has_its_four_events),
	cmocka_unit_test(r55_established_goes_to_the_calls_callback_alone),
	cmocka_unit_test(r56_terminating_comes_once_and_last),
	cmocka_unit_test(r57_terminating_attaches_nobody),
	cmocka_unit_test(r63_data_visits_filters_by_priority_both_ways),
	cmocka_unit_test(r71_a_deny_rule_wins_and_no_rule_is_denied),
	cmocka_unit_test(r72_events_keep_to_sources_and_ports),
	cmocka_unit_test(r73_a_destination_is_told_once_until_it_leaves_the_cache),
	cmocka_unit_test(r74_no_memory_in_a_handler_fails_the_request))
