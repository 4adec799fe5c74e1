/* SPDX-License-Identifier: BSD-3-Clause */
/* Permissions, redirections, and the two kinds of client. */
#include <errno.h>

#include "suite.h"

/* Clients may speak the probes' protocols, and nothing else. */
static void
strict(struct pst_config *c)
{
	probe_config(c, 2);
	c->n_rules = 1;
	snprintf(c->rules[0].name, sizeof(c->rules[0].name), "probes");
	snprintf(c->rules[0].protocols[0], sizeof(c->rules[0].protocols[0]), "probe");
	snprintf(c->rules[0].protocols[1], sizeof(c->rules[0].protocols[1]), "probe1");
	c->rules[0].n_protocols = 2;
	c->rules[0].allow = true;
}

static uint32_t permit_flags;

static void
permit(struct probe *p)
{
	struct pst_allow_future_connect args = { .address = { SERVER, 9000 },
		.protocol = PST_TCP,
		.flags = permit_flags,
		.protocol_id = probe_protocol[0],
		.callback = p->part[0],
		.callback_context = p->seen };

	p->ret = pst_allow_future_connect(p->session, &args, &p->action);
}

static void
permitted(struct probe *p, uint32_t flags)
{
	struct pst_config c;

	strict(&c);
	probe_start(p, &c);
	permit_flags = flags;
	probe_do(p, permit);
	assert_int_equal(p->ret, 0);
	assert_non_null(p->action);
}

static void
is_denied(struct probe *p, uint16_t sport, uint32_t to, uint16_t port)
{
	struct pkt in = probe_packet(PST_TCP, CLIENT, sport, to, port, TCP_SYN);
	uint64_t before = box_drops(&p->box, PST_DROP_RULE);
	struct rte_mbuf *m;

	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	assert_null(box_get(&p->box, BOX_OUTSIDE));
	assert_int_equal(box_drops(&p->box, PST_DROP_RULE), before + 1);
	while ((m = box_get(&p->box, BOX_INSIDE)) != NULL) /* the ICMP error that says so */
		rte_pktmbuf_free(m);
}

static void
r65_a_port_of_no_protocol_raises_no_event(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	hook(p, 1, PST_EVENT_CONNECT_TCP, 0, 65535);
	permitted(p, PST_FLAG_TIMEOUT);
	is_denied(p, 6000, SERVER, 9001); /* dropped by the rules, unseen */
	assert_int_equal(probe_count(p, 1, PST_EVENT_CONNECT_TCP), 1);
	assert_true(probe_connect_out(p, 6000, SERVER, 9000)); /* permitted: seen */
	assert_int_equal(probe_count(p, 1, PST_EVENT_CONNECT_TCP), 2);
	assert_true(probe_connect_out(p, 6001, SERVER, PROBE_PORT_1)); /* a primary port: seen */
	assert_int_equal(probe_count(p, 1, PST_EVENT_CONNECT_TCP), 3);
	probe_stop(p);
	p = fresh_probe(); /* without rules it passes, where the specification dropped it */
	hook(p, 1, PST_EVENT_CONNECT_TCP, 0, 65535);
	probe_start(p, NULL);
	assert_true(probe_connect_out(p, 6000, SERVER, 9001));
	assert_int_equal(probe_count(p, 1, PST_EVENT_CONNECT_TCP), 1);
	probe_stop(p);
}

static void
r66_a_permission_is_for_one_connection_or_several(void **state)
{
	(void)state;
	for (int several = 0; several < 2; several++) {
		struct probe *p = fresh_probe();

		permitted(p, several ? PST_FLAG_ALLOW_MULTIPLE : 0);
		is_denied(p, 6000, SECOND, 9000);
		assert_true(probe_connect_out(p, 6001, SERVER, 9000));
		assert_int_equal(probe_count(p, 0, PST_EVENT_ESTABLISHED), 1);
		assert_ptr_equal(probe_last(p, 0, PST_EVENT_ESTABLISHED)->context, p->seen);
		if (several)
			assert_true(probe_connect_out(p, 6002, SERVER, 9000));
		else
			is_denied(p, 6002, SERVER, 9000);
		probe_stop(p);
	}
}

static void
r67_a_permission_with_timeout_lapses_unused(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct probe *p = fresh_probe();

		permitted(p, PST_FLAG_TIMEOUT);
		box_pass(&p->box, late ? 61000 : 59000);
		if (late)
			is_denied(p, 6000, SERVER, 9000);
		else
			assert_true(probe_connect_out(p, 6000, SERVER, 9000));
		probe_stop(p);
	}
	{
		struct probe *p = fresh_probe();

		permitted(p, 0);
		box_pass(&p->box, 3000000);
		assert_true(probe_connect_out(p, 6000, SERVER, 9000));
		probe_stop(p);
	}
}

static void
cancel(struct probe *p)
{
	p->ret = pst_action_cancel(p->action);
}

static void
r68_cancel_ends_an_action_once(void **state)
{
	struct probe *p = fresh_probe();
	struct rte_mbuf *m;
	struct pkt in;

	(void)state;
	permitted(p, 0);
	probe_do(p, cancel);
	assert_int_equal(p->ret, 0);
	is_denied(p, 6000, SERVER, 9000);
	probe_do(p, cancel);
	assert_int_equal(p->ret, -ESHUTDOWN);
	probe_do(p, permit); /* used up */
	assert_true(probe_connect_out(p, 6001, SERVER, 9000));
	probe_do(p, cancel);
	assert_int_equal(p->ret, -ESHUTDOWN);
	permit_flags = PST_FLAG_TIMEOUT; /* lapsed */
	probe_do(p, permit);
	box_pass(&p->box, 61000);
	probe_do(p, cancel);
	assert_int_equal(p->ret, -ESHUTDOWN);
	permit_flags = PST_FLAG_ALLOW_MULTIPLE; /* the session's end cancels it */
	probe_do(p, permit);
	assert_true(probe_connect_out(p, 6002, SERVER, 9000));
	probe_hang_up(p);
	box_pass(&p->box, 8000000);
	in = probe_packet(PST_TCP, CLIENT, 6003, SERVER, 9000, TCP_SYN);
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	assert_null(box_get(&p->box, BOX_OUTSIDE));
	while ((m = box_get(&p->box, BOX_INSIDE)) != NULL)
		rte_pktmbuf_free(m);
	probe_stop(p);
}

/* Firewall clients. */

static void
map(struct probe *p)
{
	static const struct pst_guid none;
	struct pst_bind_for_client args = probe_args(p, PST_TCP, 1, PST_FLAG_MAP);

	args.protocol_id = none;
	p->at.port = 20000;
	p->ret = pst_bind_for_client(p->session, &args);
}

static void
kill_map(struct probe *p)
{
	pst_connection_kill(p->handles[0]);
}

static void
r02_a_firewall_client_is_served_the_same(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pst_connection *mapped;

	(void)state;
	hook(p, 1, PST_EVENT_BIND_TCP, 0, 65535);
	probe_start(p, NULL);
	probe_do(p, map);
	assert_int_equal(p->ret, 0);
	mapped = p->handles[0];
	assert_int_equal(pst_session_flags(p->session), PST_SESSION_FIREWALL_CLIENT);
	args = probe_args(p, PST_TCP, 2, PST_FLAG_TIMEOUT); /* ports that it has no map for */
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	assert_int_equal(p->at.port % 2, 0);
	assert_int_equal(
		probe_last(p, 1, PST_EVENT_BIND_TCP)->source, PST_SOURCE_FIREWALL);
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	p->handles[0] = mapped;
	probe_do(p, kill_map);
	assert_int_equal(pst_session_flags(p->session), 0);
	probe_stop(p);
}

static struct pst_retroactive_allow_bind allow;

static void
allow_bind(struct probe *p)
{
	p->ret = pst_retroactive_allow_bind(p->session, &allow);
}

static int
allow_at(struct probe *p, uint32_t ip, uint16_t port)
{
	allow = (struct pst_retroactive_allow_bind){ .protocol = PST_TCP,
		.address = { ip, port },
		.protocol_id = probe_protocol[0] };
	probe_do(p, allow_bind);
	return p->ret;
}

static void
r62_retroactive_allow_bind_says_what_it_finds(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	probe_start(p, NULL);
	assert_int_equal(allow_at(p, OUTSIDE, 0), -EINVAL);
	assert_int_equal(allow_at(p, OUTSIDE, 20000), -ENOENT);
	probe_do(p, map);
	in = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, 20000, TCP_SYN);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_ENDPOINT_UNAPPROVED);
	assert_int_equal(allow_at(p, OUTSIDE + 1, 20000), -ENOENT);
	assert_int_equal(allow_at(p, 0, 20000), 0); /* whatever address */
	assert_true(probe_reaches(p, &in, 3000));
	assert_int_equal(allow_at(p, OUTSIDE, 20000), 1);
	allow.protocol_id = probe_unknown;
	probe_do(p, allow_bind);
	assert_int_equal(p->ret, -EACCES);
	probe_do(p, kill_map);
	probe_stop(p);
}

RULE_TESTS(cmocka_unit_test(r02_a_firewall_client_is_served_the_same),
	cmocka_unit_test(r62_retroactive_allow_bind_says_what_it_finds),
	cmocka_unit_test(r65_a_port_of_no_protocol_raises_no_event),
	cmocka_unit_test(r66_a_permission_is_for_one_connection_or_several),
	cmocka_unit_test(r67_a_permission_with_timeout_lapses_unused),
	cmocka_unit_test(r68_cancel_ends_an_action_once))
