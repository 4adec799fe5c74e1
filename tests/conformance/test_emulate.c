/* SPDX-License-Identifier: BSD-3-Clause */
/* Emulation: binds that bind nothing, and connections whose far end is an editor. */
#include <errno.h>

#include "suite.h"

static struct pst_connection *listener, *made;
static char heard[256];
static bool heard_end;

static void
hear(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	(void)context;
	(void)edit;
	assert_int_equal(dir, PST_DIR_REPLY); /* the client's: it was connected to */
	snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "%.*s", (int)len,
		(const char *)bytes);
	heard_end = heard_end || end;
}

static const struct pst_data_filter far_end = { .data = hear };

static void
emulate_bind(struct probe *p)
{
	struct pst_emulate_client_bind args = { .client = { CLIENT, 3000 },
		.proxy = { OUTSIDE, 25 },
		.protocol = PST_TCP,
		.protocol_id = probe_protocol[0] };

	p->ret = pst_emulate_client_bind(p->session, &args, &listener);
}

static void
kill_listener(struct probe *p)
{
	(void)p;
	pst_connection_kill(listener);
}

static void
r69_an_emulated_bind_raises_its_event_and_binds_nothing(void **state)
{
	struct probe *p = fresh_probe();
	const struct pst_event *e;
	struct pkt in;

	(void)state;
	hook(p, 1, PST_EVENT_BIND_TCP, 0, 65535);
	probe_start(p, NULL);
	probe_do(p, emulate_bind);
	assert_int_equal(p->ret, 0);
	e = probe_last(p, 1, PST_EVENT_BIND_TCP);
	assert_ptr_equal(e->connection, listener);
	assert_int_equal(e->local.ip, OUTSIDE);
	assert_int_equal(e->local.port, 25);
	in = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, 25, TCP_SYN);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	for (uint32_t w = 0; w < p->box.a->n_workers; w++)
		assert_int_equal(pst_worker_stats(p->box.a->workers[w])->listeners, 0);
	probe_do(p, kill_listener);
	probe_stop(p);
}

static void
connect_now(struct probe *p)
{
	struct pst_endpoint remote = { SECOND, 1025 };

	p->ret = pst_emulate_connection(listener, &far_end, p, &remote, NULL, &made);
}

static void
name_it(struct probe *p)
{
	struct pst_endpoint name = { OUTSIDE, 25 };

	p->ret = pst_connection_set_socket_name(listener, &name);
}

static void
name_a_bound_one(struct probe *p)
{
	struct pst_endpoint name = { OUTSIDE, 25 };

	p->ret = pst_connection_set_socket_name(p->handles[0], &name);
	assert_int_equal(pst_connection_set_socket_name(p->control, &name), -EEXIST);
}

/* Nothing comes out at the outside; the client's next packet is in *out. */
static void
client_gets(struct probe *p, struct pkt *out, char *text, size_t size)
{
	struct rte_mbuf *m = box_get(&p->box, BOX_INSIDE);

	assert_non_null(m);
	assert_true(pkt_read(m, out));
	if (text != NULL)
		snprintf(text, size, "%.*s", (int)out->len, (const char *)out->data);
	rte_pktmbuf_free(m);
	assert_null(box_get(&p->box, BOX_OUTSIDE));
	assert_int_equal(out->src, SECOND);
	assert_int_equal(out->sport, 1025);
	assert_int_equal(out->dst, CLIENT);
	assert_int_equal(out->dport, 3000);
}

static struct pkt
of_client(uint8_t flags, uint32_t seq, uint32_t ack, const char *text)
{
	struct pkt pkt = probe_packet(PST_TCP, CLIENT, 3000, SECOND, 1025, flags);

	pkt.seq = seq;
	pkt.ack = ack;
	pkt.data = text;
	pkt.len = strlen(text);
	return pkt;
}

static void
answer(struct probe *p)
{
	p->ret = pst_connection_send(made, (const uint8_t *)"220 hello\r\n", 11);
	pst_connection_shutdown(made);
}

static void
r70_an_emulated_connection_needs_a_name_once(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pst_endpoint name;
	struct pkt in, out;
	char text[64];

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	probe_do(p, name_a_bound_one);
	assert_int_equal(p->ret, -EEXIST);
	probe_do(p, emulate_bind);
	probe_do(p, connect_now);
	assert_int_equal(p->ret, -EINVAL); /* no name yet */
	probe_do(p, name_it);
	assert_int_equal(p->ret, 0);
	probe_do(p, name_it);
	assert_int_equal(p->ret, -EEXIST);
	pst_connection_external_name(listener, &name);
	assert_int_equal(name.port, 25);

	/* and with it, a whole conversation: nobody outside takes part */
	heard[0] = 0;
	heard_end = false;
	while (box_get(&p->box, BOX_INSIDE) != NULL)
		;
	p->todo = connect_now;
	in = probe_packet(PST_TCP, CLIENT, p->control_port, SERVER, PROBE_PORT, TCP_ACK | TCP_PSH);
	in.seq = p->seq;
	in.ack = 501;
	in.data = "x";
	in.len = 1;
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	p->seq++;
	assert_int_equal(p->ret, 0);
	rte_pktmbuf_free(box_get(&p->box, BOX_OUTSIDE)); /* the control connection's byte */
	client_gets(p, &out, NULL, 0);
	assert_int_equal(out.tcp_flags, TCP_SYN);
	in = of_client(TCP_SYN | TCP_ACK, 900, out.seq + 1, "");
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	client_gets(p, &out, NULL, 0);
	assert_int_equal(out.tcp_flags, TCP_ACK);
	assert_int_equal(out.ack, 901);
	pst_lcore_set_role(PST_ROLE_EDITOR, 0);
	answer(p);
	assert_int_equal(p->ret, 0);
	box_settle(&p->box);
	client_gets(p, &out, text, sizeof(text));
	assert_string_equal(text, "220 hello\r\n");
	client_gets(p, &out, NULL, 0);
	assert_true(out.tcp_flags & TCP_FIN);
	in = of_client(TCP_ACK | TCP_PSH | TCP_FIN, 901, out.seq + 1, "HELO me\r\n");
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	client_gets(p, &out, NULL, 0);
	assert_int_equal(out.ack, 901 + 9 + 1);
	assert_string_equal(heard, "HELO me\r\n");
	assert_true(heard_end);
	probe_do(p, kill_listener);
	probe_stop(p);
}

static int
emulate_it(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	struct pst_endpoint name = { OUTSIDE, 2525 };

	if (editor != 1 || event->type != PST_EVENT_BIND_TCP)
		return 0;
	assert_int_equal(pst_connection_set_protocol(
				 event->connection, &probe_protocol[1], PST_SET_EMULATE),
		0);
	assert_int_equal(pst_connection_set_protocol(
				 event->connection, &probe_protocol[1], PST_SET_EMULATE),
		-EBUSY);
	p->ret = pst_connection_set_socket_name(event->connection, &name);
	return 0;
}

static void
r38_a_filter_may_emulate_a_bind(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt in;

	(void)state;
	hook(p, 1, PST_EVENT_BIND_TCP, 0, 65535);
	probe_start(p, NULL);
	p->on_event = emulate_it;
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	assert_int_equal(p->at.port, 2525);
	in = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, 2525, TCP_SYN);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	listener = p->handles[0];
	probe_do(p, kill_listener);
	probe_stop(p);
}

static int
take_over(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	if (editor != 1 || event->type != PST_EVENT_CONNECT_TCP)
		return 0;
	made = event->connection;
	p->filters[0].op = PST_EDIT_DROP;
	assert_int_equal(pst_connection_set_protocol(
				 event->connection, &probe_protocol[1], PST_SET_EMULATE),
		0);
	return p->ret != 0 ? 0 :
			     pst_connection_attach_data_filter(event->connection,
				     &probe_filter_ops, PST_PRIORITY_EMULATION, &p->filters[0]);
}

/* The server that the client means hears nothing of it. */
static void
a_connect_may_be_answered_here(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in, out;
	struct rte_mbuf *m;

	(void)state;
	probe_start(p, NULL);
	p->on_event = take_over;
	p->ret = 0;
	in = probe_packet(PST_TCP, CLIENT, 6000, SERVER, PROBE_PORT_1, TCP_SYN);
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	assert_null(box_get(&p->box, BOX_OUTSIDE));
	m = box_get(&p->box, BOX_INSIDE);
	assert_non_null(m);
	assert_true(pkt_read(m, &out));
	rte_pktmbuf_free(m);
	assert_int_equal(out.tcp_flags, TCP_SYN | TCP_ACK);
	assert_int_equal(out.ack, 2);
	assert_int_equal(out.src, SERVER);
	assert_int_equal(out.sport, PROBE_PORT_1);
	in = probe_packet(PST_TCP, CLIENT, 6000, SERVER, PROBE_PORT_1, TCP_ACK | TCP_PSH);
	in.seq = 2;
	in.ack = out.seq + 1;
	in.data = "hello";
	in.len = 5;
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	assert_null(box_get(&p->box, BOX_OUTSIDE));
	rte_pktmbuf_free(box_get(&p->box, BOX_INSIDE)); /* the ACK */
	assert_int_equal(p->filters[0].bytes, 5);
	assert_int_equal(pst_connection_send(made, (const uint8_t *)"bye", 3), 0);
	box_settle(&p->box);
	m = box_get(&p->box, BOX_INSIDE);
	assert_true(pkt_read(m, &out));
	assert_memory_equal(out.data, "bye", 3);
	rte_pktmbuf_free(m);
	/* without a filter that supplies the data it is refused */
	p->ret = 1;
	in = probe_packet(PST_TCP, CLIENT, 6001, SERVER, PROBE_PORT_1, TCP_SYN);
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	m = box_get(&p->box, BOX_INSIDE);
	assert_true(pkt_read(m, &out));
	assert_true(out.tcp_flags & TCP_RST);
	rte_pktmbuf_free(m);
	probe_stop(p);
}

RULE_TESTS(cmocka_unit_test(a_connect_may_be_answered_here),
	cmocka_unit_test(r38_a_filter_may_emulate_a_bind),
	cmocka_unit_test(r69_an_emulated_bind_raises_its_event_and_binds_nothing),
	cmocka_unit_test(r70_an_emulated_connection_needs_a_name_once))
