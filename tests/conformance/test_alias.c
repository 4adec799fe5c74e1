/* SPDX-License-Identifier: BSD-3-Clause */
/* Redirected connections, and inbound peers seen as the firewall (API sections 2.4 and 2.8). */
#include <errno.h>

#include "suite.h"

static uint32_t flags, n_redirects;
static enum pst_proto proto;
static struct pst_endpoint at;

static void
redirect(struct probe *p)
{
	struct pst_endpoint to[4] = { { SERVER, 80 }, { SECOND, 81 }, { SERVER, 82 }, { SERVER, 83 } };
	struct pst_redirect_connections args = { .connect_addresses = to,
		.n = n_redirects,
		.internal_address = &at,
		.protocol = proto,
		.flags = flags,
		.protocol_id = probe_protocol[0],
		.callback = p->part[0],
		.callback_context = p->seen,
		.actions = p->actions };

	p->ret = pst_redirect_connections(p->session, &args);
}

static void
redirected(struct probe *p, enum pst_proto protocol, uint32_t n, uint32_t with)
{
	probe_start(p, NULL);
	proto = protocol;
	n_redirects = n;
	flags = with;
	probe_do(p, redirect);
	assert_int_equal(p->ret, 0);
	assert_int_equal(at.ip, GATE_INSIDE);
	assert_int_equal(at.port % n, 0);
}

/* The client sends to one of our inside ports; it arrives there, and the answer comes back. */
static bool
goes(struct probe *p, uint16_t sport, uint16_t port, uint32_t to, uint16_t to_port)
{
	uint8_t tcp = proto == PST_TCP ? TCP_SYN : 0;
	struct pkt in = probe_packet(proto, CLIENT, sport, GATE_INSIDE, port, tcp), out, back;

	if (!box_pass_through(&p->box, BOX_INSIDE, &in, &out))
		return false;
	assert_int_equal(out.dst, to);
	assert_int_equal(out.dport, to_port);
	back = probe_packet(proto, to, to_port, out.src, out.sport,
		proto == PST_TCP ? TCP_SYN | TCP_ACK : 0);
	back.seq = 70;
	back.ack = 2;
	assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &back, &out));
	assert_int_equal(out.src, GATE_INSIDE); /* as the client knows it */
	assert_int_equal(out.sport, port);
	assert_int_equal(out.dst, CLIENT);
	assert_int_equal(out.dport, sport);
	if (proto != PST_TCP)
		return true;
	in.tcp_flags = TCP_ACK;
	in.seq = 2;
	in.ack = 71;
	return box_pass_through(&p->box, BOX_INSIDE, &in, &out);
}

static void
a_redirect_leads_to_its_place(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct probe *p = fresh_probe();

		redirected(p, udp ? PST_UDP : PST_TCP, 4, PST_FLAG_TIMEOUT);
		assert_true(goes(p, 6000, at.port, SERVER, 80));
		assert_true(goes(p, 6001, at.port + 1, SECOND, 81));
		assert_true(goes(p, 6002, at.port + 2, SERVER, 82));
		assert_int_equal(probe_count(p, 0, PST_EVENT_ESTABLISHED), 3);
		assert_ptr_equal(probe_last(p, 0, PST_EVENT_ESTABLISHED)->context, p->seen);
		probe_stop(p);
	}
}

/* From outside it is no endpoint at all, whoever knows its number. */
static void
nobody_outside_gets_in_by_it(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct probe *p = fresh_probe();
		struct pkt in;

		redirected(p, udp ? PST_UDP : PST_TCP, 1, PST_FLAG_ALLOW_MULTIPLE);
		in = probe_packet(udp ? PST_UDP : PST_TCP, SERVER, 80, GATE_INSIDE, at.port,
			udp ? 0 : TCP_SYN);
		probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
		assert_true(goes(p, 6000, at.port, SERVER, 80));
		probe_stop(p);
	}
}

static void
a_redirect_is_once_or_often_and_its_clients_own(void **state)
{
	(void)state;
	for (int often = 0; often < 2; often++) {
		struct probe *p = fresh_probe();
		struct pkt in;

		redirected(p, PST_TCP, 1, often ? PST_FLAG_ALLOW_MULTIPLE : 0);
		in = probe_packet(PST_TCP, OTHER_CLIENT, 6000, GATE_INSIDE, at.port, TCP_SYN);
		box_put(&p->box, BOX_INSIDE, &in); /* consumed, as whatever else is for us */
		box_settle(&p->box);
		assert_null(box_get(&p->box, BOX_OUTSIDE));
		assert_true(goes(p, 6000, at.port, SERVER, 80));
		in = probe_packet(PST_TCP, CLIENT, 6001, GATE_INSIDE, at.port, TCP_SYN);
		if (often)
			assert_true(goes(p, 6001, at.port, SERVER, 80));
		else
			probe_dropped(p, BOX_INSIDE, &in, PST_DROP_ENDPOINT_USED);
		probe_stop(p);
	}
}

static void
cancel(struct probe *p)
{
	p->ret = pst_action_cancel(p->actions[0]);
}

static void
a_cancelled_redirect_leads_nowhere(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	redirected(p, PST_TCP, 1, PST_FLAG_ALLOW_MULTIPLE);
	assert_true(goes(p, 6000, at.port, SERVER, 80));
	probe_do(p, cancel);
	assert_int_equal(p->ret, 0);
	in = probe_packet(PST_TCP, CLIENT, 6001, GATE_INSIDE, at.port, TCP_SYN);
	probe_dropped(p, BOX_INSIDE, &in, PST_DROP_ENDPOINT_USED);
	in = probe_packet(PST_TCP, CLIENT, 6000, GATE_INSIDE, at.port, TCP_ACK); /* goes on */
	in.seq = 2;
	in.ack = 71;
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &(struct pkt){ 0 }));
	probe_do(p, cancel);
	assert_int_equal(p->ret, -ESHUTDOWN);
	probe_stop(p);
}

static bool on;

static void
translate(struct probe *p)
{
	p->ret = pst_session_translate_internal_addresses(p->session, on);
}

static void
kill_it(struct probe *p)
{
	pst_connection_kill(p->handles[0]);
}

static void
an_inbound_peer_is_seen_as_the_firewall(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt in, out, back;

	(void)state;
	probe_start(p, NULL);
	on = true;
	probe_do(p, translate);
	assert_int_equal(p->ret, 0);
	args = probe_args(p, PST_UDP, 1, PST_FLAG_ALLOW_MULTIPLE | PST_FLAG_BIDIRECTIONAL);
	probe_bind(p, &args);
	for (uint32_t i = 0; i < 2; i++) {
		in = probe_packet(PST_UDP, SERVER + i, 20, p->at.ip, p->at.port, 0);
		assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &in, &out));
		assert_int_equal(out.src, GATE_INSIDE);
		assert_int_equal(out.dport, 3000);
		in = probe_packet(PST_UDP, SECOND, 20, GATE_INSIDE, out.sport, 0);
		probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
		back = probe_packet(PST_UDP, CLIENT, 3000, GATE_INSIDE, out.sport, 0);
		assert_true(box_pass_through(&p->box, BOX_INSIDE, &back, &out));
		assert_int_equal(out.dst, SERVER + i);
		assert_int_equal(out.dport, 20);
		assert_int_equal(out.sport, p->at.port);
	}
	on = false;
	probe_do(p, translate);
	in = probe_packet(PST_UDP, SERVER + 5, 20, p->at.ip, p->at.port, 0);
	assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &in, &out));
	assert_int_equal(out.src, SERVER + 5);
	probe_do(p, kill_it);
	on = true;
	probe_do(p, translate); /* the session's end takes it back */
	probe_stop(p);
}

RULE_TESTS(cmocka_unit_test(a_redirect_leads_to_its_place),
	cmocka_unit_test(nobody_outside_gets_in_by_it),
	cmocka_unit_test(a_redirect_is_once_or_often_and_its_clients_own),
	cmocka_unit_test(a_cancelled_redirect_leads_nowhere),
	cmocka_unit_test(an_inbound_peer_is_seen_as_the_firewall))
