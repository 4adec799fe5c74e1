/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths: which packets an editor lcore sees, and when that is decided. */
#include <errno.h>

#include "suite.h"

static uint32_t bind_flags;
static enum pst_proto bind_proto;

static void
bind_it(struct probe *p)
{
	struct pst_bind_for_client args =
		probe_args(p, bind_proto, 1, PST_FLAG_TIMEOUT | bind_flags);

	p->ret = pst_bind_for_client(p->session, &args);
}

static void
bind_as(struct probe *p, enum pst_proto proto, uint32_t flags)
{
	bind_proto = proto;
	bind_flags = flags;
	probe_do(p, bind_it);
	assert_int_equal(p->ret, 0);
}

/* Packets that workers have lent to editor lcores. */
static uint64_t
lent(const struct probe *p)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < p->box.a->n_workers; w++)
		n += pst_worker_stats(p->box.a->workers[w])->lent;
	return n;
}

/* How many packets of a handshake and ten segments are lent. */
static uint64_t
lent_by_tcp(struct probe *p)
{
	static uint16_t sport = 20;
	uint64_t before = lent(p);
	struct pkt in;

	sport++; /* the client's end is the same each time */
	assert_true(probe_connect(p, SERVER, sport, p->at.port));
	in = probe_packet(PST_TCP, SERVER, sport, p->at.ip, p->at.port, TCP_ACK | TCP_PSH);
	in.seq = 2;
	in.ack = 71;
	in.data = "x";
	in.len = 1;
	for (int i = 0; i < 10; i++) {
		assert_true(probe_reaches(p, &in, 3000));
		in.seq++;
	}
	return lent(p) - before;
}

static uint64_t
lent_by_udp(struct probe *p)
{
	uint64_t before = lent(p);
	struct pkt in = probe_packet(PST_UDP, SERVER, 20, p->at.ip, p->at.port, 0);

	in.data = "abc";
	in.len = 3;
	for (int i = 0; i < 10; i++)
		assert_true(probe_reaches(p, &in, 3000));
	return lent(p) - before;
}

static void
r23_no_kernel_mode_takes_every_packet_by_an_editor(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	probe_start(p, NULL);
	bind_as(p, PST_TCP, PST_FLAG_NO_KERNEL_MODE);
	assert_int_equal(lent_by_tcp(p), 13);
	bind_as(p, PST_UDP, PST_FLAG_NO_KERNEL_MODE);
	assert_int_equal(lent_by_udp(p), 10);
	probe_stop(p);
}

static void
r39_without_a_data_filter_no_editor_is_touched(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	probe_start(p, NULL);
	bind_as(p, PST_TCP, 0);
	assert_int_equal(lent_by_tcp(p), 0);
	bind_as(p, PST_UDP, 0);
	assert_int_equal(lent_by_udp(p), 0);
	probe_stop(p);
}

/* Counted, not timed: rounds of an editor lcore, and rings a packet crosses. */
static void
r40_the_fast_path_costs_less(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;
	uint64_t fast, slow;

	(void)state;
	probe_start(p, NULL);
	bind_as(p, PST_UDP, 0);
	in = probe_packet(PST_UDP, SERVER, 20, p->at.ip, p->at.port, 0);
	assert_true(probe_reaches(p, &in, 3000));
	fast = 0;
	box_put(&p->box, BOX_OUTSIDE, &in);
	for (struct rte_mbuf *m = NULL; m == NULL; fast++) {
		box_step(&p->box);
		m = box_get(&p->box, BOX_INSIDE);
		rte_pktmbuf_free(m);
	}
	bind_as(p, PST_UDP, PST_FLAG_NO_KERNEL_MODE);
	in.dport = p->at.port;
	in.sport = 21; /* the client's end is the same */
	assert_true(probe_reaches(p, &in, 3000));
	slow = 0;
	box_put(&p->box, BOX_OUTSIDE, &in);
	for (struct rte_mbuf *m = NULL; m == NULL; slow++) {
		box_step(&p->box);
		m = box_get(&p->box, BOX_INSIDE);
		rte_pktmbuf_free(m);
	}
	assert_true(fast < slow);
	probe_stop(p);
}

static struct pst_connection *established;

static int
note_established(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	(void)p;
	(void)editor;
	if (event->type == PST_EVENT_ESTABLISHED)
		established = event->connection;
	return 0;
}

static void
attach_late(struct probe *p)
{
	p->ret = pst_connection_attach_data_filter(
		established, &probe_filter_ops, PST_PRIORITY_MIDDLE, &p->filters[0]);
}

static void
bind_heard(struct probe *p)
{
	struct pst_bind_for_client args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);

	args.callback = p->part[0];
	p->ret = pst_bind_for_client(p->session, &args);
}

static void
r41_a_connection_on_the_fast_path_gets_no_data_filter(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	probe_start(p, NULL);
	p->on_event = note_established;
	probe_do(p, bind_heard);
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	assert_non_null(established);
	probe_do(p, attach_late);
	assert_int_equal(p->ret, -EPERM);
	assert_int_equal(p->filters[0].calls, 0);
	probe_stop(p);
}

static int
watch_accepted(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	if (editor != 1 || event->type != PST_EVENT_ACCEPTED)
		return 0;
	return pst_connection_attach_data_filter(
		event->connection, &probe_filter_ops, PST_PRIORITY_MIDDLE, &p->filters[0]);
}

static void
r42_a_registered_filter_forces_the_editor_path(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	hook(p, 1, PST_EVENT_ACCEPTED, 20000, 20000);
	probe_start(p, NULL);
	p->on_event = watch_accepted;
	bind_as(p, PST_TCP, 0); /* its port may become that one */
	assert_int_equal(lent_by_tcp(p), 1); /* the SYN: nobody is registered for what it is */
	assert_int_equal(p->filters[0].calls, 0);
	{
		struct pst_bind_for_client args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);

		p->at.port = 20000;
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
		assert_int_equal(lent_by_tcp(p), 13);
		assert_int_equal(p->filters[0].calls, 10);
		p->at.port = 20001;
		probe_bind(p, &args); /* a port that nobody is registered for */
		assert_int_equal(p->ret, 0);
		assert_int_equal(lent_by_tcp(p), 0);
	}
	probe_stop(p);
}

static const struct pst_data_filter *
make(void *context, struct pst_connection *conn, void **filter_context, bool *failed)
{
	struct probe *p = context;

	(void)conn;
	*failed = false;
	*filter_context = &p->filters[0];
	return &probe_filter_ops;
}

static struct pst_endpoint factory_address;
static enum pst_event_type factory_event;

static void
set_factory(struct probe *p)
{
	struct pst_set_data_filter_factory args = { .event = factory_event,
		.address = factory_address,
		.create = make,
		.priority = PST_PRIORITY_MIDDLE,
		.context = p };

	p->ret = pst_set_data_filter_factory(p->session, &args, &p->action);
}

static void
factory_for(struct probe *p, enum pst_event_type event, uint32_t ip, uint16_t port)
{
	factory_event = event;
	factory_address = (struct pst_endpoint){ ip, port };
	probe_do(p, set_factory);
	assert_int_equal(p->ret, 0);
}

static void
r43_the_path_is_decided_when_it_is_bound(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	probe_start(p, NULL);
	bind_as(p, PST_TCP, 0);
	factory_for(p, PST_EVENT_ACCEPTED, 0, 0);
	assert_int_equal(lent_by_tcp(p), 0);
	assert_int_equal(p->filters[0].calls, 0);
	probe_stop(p);
}

static void
r44_a_factory_before_the_bind_forces_the_editor_path(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	probe_start(p, NULL);
	factory_for(p, PST_EVENT_ACCEPTED, OUTSIDE, 0);
	bind_as(p, PST_TCP, 0);
	assert_int_equal(lent_by_tcp(p), 13);
	assert_int_equal(p->filters[0].calls, 10);
	probe_stop(p);
	assert_int_equal(p->filters[0].detached, 1);
}

static void
r45_no_kernel_mode_leaves_room_for_a_later_factory(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	probe_start(p, NULL);
	bind_as(p, PST_TCP, PST_FLAG_NO_KERNEL_MODE);
	factory_for(p, PST_EVENT_ACCEPTED, 0, 0);
	assert_int_equal(lent_by_tcp(p), 13);
	assert_int_equal(p->filters[0].calls, 10);
	probe_stop(p);
}

static int
watch_bind(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	if (editor != 1 || event->type != PST_EVENT_BIND_UDP)
		return 0;
	return pst_connection_attach_data_filter(
		event->connection, &probe_filter_ops, PST_PRIORITY_MIDDLE, &p->filters[1]);
}

static void
r79_what_makes_a_data_filter_expected(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	hook(p, 1, PST_EVENT_BIND_UDP, 0, 65535);
	probe_start(p, NULL);
	factory_for(p, PST_EVENT_ACCEPTED, OUTSIDE + 1, 0); /* of another address */
	bind_as(p, PST_TCP, 0);
	assert_int_equal(lent_by_tcp(p), 0);
	factory_for(p, PST_EVENT_ACCEPTED, OUTSIDE, 0);
	bind_as(p, PST_TCP, 0);
	assert_int_equal(lent_by_tcp(p), 13);
	p->on_event = watch_bind; /* a handler that attaches during the bind */
	bind_as(p, PST_UDP, 0);
	assert_int_equal(lent_by_udp(p), 10);
	assert_int_equal(p->filters[1].calls, 10);
	p->on_event = NULL;
	bind_as(p, PST_UDP, 0); /* and one that does not */
	{
		uint64_t before = lent(p);
		struct pkt in = probe_packet(PST_UDP, SERVER, 23, p->at.ip, p->at.port, 0);

		assert_true(probe_reaches(p, &in, 3000));
		assert_int_equal(lent(p), before);
	}
	probe_stop(p);
}

RULE_TESTS(cmocka_unit_test(r23_no_kernel_mode_takes_every_packet_by_an_editor),
	cmocka_unit_test(r39_without_a_data_filter_no_editor_is_touched),
	cmocka_unit_test(r40_the_fast_path_costs_less),
	cmocka_unit_test(r41_a_connection_on_the_fast_path_gets_no_data_filter),
	cmocka_unit_test(r42_a_registered_filter_forces_the_editor_path),
	cmocka_unit_test(r43_the_path_is_decided_when_it_is_bound),
	cmocka_unit_test(r44_a_factory_before_the_bind_forces_the_editor_path),
	cmocka_unit_test(r45_no_kernel_mode_leaves_room_for_a_later_factory),
	cmocka_unit_test(r79_what_makes_a_data_filter_expected))
