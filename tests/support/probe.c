/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ftp/ftp.h"
#include "probe.h"

const struct pst_guid probe_protocol[PROBES] = { { { 0xa0, 1 } }, { { 0xb0, 1 } } };
const struct pst_guid probe_unknown = { { 0xc0, 1 } };

/* Callbacks have no context of their own before there is a session. */
static struct probe *the_probe;

struct part {
	struct pst_editor_session base;
	uint32_t editor;
};

/* Data filters. */

static void
control_data(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct probe *p = context;
	void (*todo)(struct probe *) = p->todo;

	(void)dir;
	(void)bytes;
	(void)end;
	edit->op = PST_EDIT_PASS;
	edit->take = len;
	p->todo = NULL;
	if (todo != NULL)
		todo(p);
}

static const struct pst_data_filter control_filter = { .data = control_data };

static void
filter_data(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	static uint8_t buf[8][2048];
	static unsigned int turn;
	struct probe_filter *f = context;

	(void)end;
	f->calls++;
	f->bytes += len;
	f->last_dir = dir;
	edit->op = f->op;
	edit->take = len;
	if (f->name == NULL || len == 0)
		return;
	turn = (turn + 1) % 8;
	memcpy(buf[turn], bytes, len);
	memcpy(buf[turn] + len, f->name, strlen(f->name));
	strncat(f->probe->seen, f->name, sizeof(f->probe->seen) - strlen(f->probe->seen) - 1);
	*edit = (struct pst_edit){ .op = PST_EDIT_REPLACE,
		.take = len,
		.data = buf[turn],
		.data_len = len + strlen(f->name) };
}

static void
filter_detach(void *context)
{
	((struct probe_filter *)context)->detached++;
}

const struct pst_data_filter probe_filter_ops = { .data = filter_data, .detach = filter_detach };

/* The editors. */

static int
init_editor(struct pst_hooks *hooks, uint32_t editor)
{
	*hooks = the_probe->hooks[editor].n > 0 ? the_probe->hooks[editor] : pst_hooks_default;
	the_probe->started++;
	return 0;
}

static int
init_0(struct pst_hooks *hooks)
{
	return init_editor(hooks, 0);
}

static int
init_1(struct pst_hooks *hooks)
{
	return init_editor(hooks, 1);
}

static void
stop(void)
{
	the_probe->stopped++;
}

static struct pst_editor_session *
attach_editor(struct pst_session *session, uint32_t editor)
{
	struct part *part = the_probe->attach_fails ? NULL : calloc(1, sizeof(*part));

	if (part == NULL)
		return NULL;
	part->editor = editor;
	the_probe->attached[editor]++;
	the_probe->session = session;
	the_probe->part[editor] = &part->base;
	return &part->base;
}

static struct pst_editor_session *
attach_0(struct pst_session *session)
{
	return attach_editor(session, 0);
}

static struct pst_editor_session *
attach_1(struct pst_session *session)
{
	return attach_editor(session, 1);
}

static void
detach(struct pst_editor_session *es)
{
	struct part *part = (struct part *)es;

	the_probe->detached[part->editor]++;
	the_probe->part[part->editor] = NULL;
	free(part);
}

static int
hear(struct pst_editor_session *es, const struct pst_event *event)
{
	struct part *part = (struct part *)es;
	struct probe *p = the_probe;

	assert_true(p->n_events < PROBE_EVENTS);
	p->events[p->n_events++] = (struct probe_event){ part->editor, *event };
	if (event->type == PST_EVENT_CONNECT_TCP && part->editor == 0 &&
		event->remote.port == PROBE_PORT && p->control == NULL) {
		p->control = event->connection;
		assert_int_equal(pst_connection_attach_data_filter(
					 p->control, &control_filter, PST_PRIORITY_NAT, p),
			0);
		return 0;
	}
	if (event->type == PST_EVENT_TERMINATING && event->connection == p->control)
		p->control = NULL;
	return p->on_event != NULL ? p->on_event(p, part->editor, event) : 0;
}

static const struct pst_editor probe_0 = {
	.name = "probe",
	.protocol_name = "probe",
	.protocol = { { 0xa0, 1 } },
	.ports = { { PST_TCP, PROBE_PORT }, { PST_UDP, PROBE_PORT } },
	.default_on = true,
	.init = init_0,
	.shutdown = stop,
	.attach = attach_0,
	.event = hear,
	.detach = detach,
};

static const struct pst_editor probe_1 = {
	.name = "probe1",
	.protocol_name = "probe1",
	.protocol = { { 0xb0, 1 } },
	.ports = { { PST_TCP, PROBE_PORT_1 }, { PST_UDP, PROBE_PORT_1 } },
	.default_on = true,
	.init = init_1,
	.shutdown = stop,
	.attach = attach_1,
	.event = hear,
	.detach = detach,
};

static const struct pst_editor *const editors[] = { &probe_0, &probe_1, &pst_ftp_editor, NULL };

/* Life. */

void
probe_config(struct pst_config *c, uint32_t workers)
{
	box_config(c, workers, 1);
	c->nat.pool[0].last = IP(198, 18, 0, 2); /* two outside addresses */
}

void
probe_init(struct probe *p, const struct pst_config *config)
{
	struct pst_config c;

	probe_config(&c, 2);
	the_probe = p;
	box_init_editors(&p->box, config != NULL ? config : &c, editors);
	assert_int_equal(p->started, PROBES);
	for (int i = 0; i < 4; i++)
		p->filters[i].probe = p;
}

static struct pkt
of_control(const struct probe *p, bool from_client, uint8_t flags)
{
	struct pkt pkt = probe_packet(
		PST_TCP, CLIENT, p->control_port, SERVER, PROBE_PORT, flags);

	pkt.seq = p->seq;
	pkt.ack = 501;
	if (!from_client) {
		pkt.src = SERVER;
		pkt.sport = PROBE_PORT;
		pkt.seq = 501;
		pkt.ack = p->seq;
	}
	return pkt;
}

/* The server's answers go to where the client's packets seem to come from. */
static void
exchange(struct probe *p, uint8_t there, uint8_t back, const char *text)
{
	struct pkt in = of_control(p, true, there), out, answer;

	in.data = text;
	in.len = strlen(text);
	if (there == TCP_SYN) {
		in.seq = 100;
		in.ack = 0;
	}
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &out));
	p->seq = in.seq + in.len + (there == TCP_SYN);
	if (back == 0)
		return;
	answer = of_control(p, false, back);
	answer.seq = back & TCP_SYN ? 500 : 501;
	answer.dst = out.src;
	answer.dport = out.sport;
	assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &answer, &out));
}

void
probe_start(struct probe *p, const struct pst_config *config)
{
	probe_init(p, config);
	p->control_port = 5000;
	exchange(p, TCP_SYN, TCP_SYN | TCP_ACK, "");
	exchange(p, TCP_ACK, 0, "");
	assert_non_null(p->control);
	p->put_before = p->box.put;
}

void
probe_do(struct probe *p, void (*fn)(struct probe *p))
{
	p->todo = fn;
	p->calls++;
	exchange(p, TCP_ACK | TCP_PSH, TCP_ACK, "x");
	assert_null(p->todo);
}

void
probe_hang_up(struct probe *p)
{
	struct pkt rst = of_control(p, true, TCP_RST | TCP_ACK), out;

	if (p->control == NULL)
		return;
	box_pass_through(&p->box, BOX_INSIDE, &rst, &out);
}

void
probe_stop(struct probe *p)
{
	if (p->calls == 0 && p->box.put <= p->put_before)
		fail_msg("the test has done nothing");
	probe_hang_up(p);
	for (uint32_t w = 0; w < p->box.a->n_workers; w++)
		pst_lcore_set_role(PST_ROLE_WORKER, w);
	box_fini(&p->box);
	assert_int_equal(p->detached[0], p->attached[0]);
	assert_int_equal(p->detached[1], p->attached[1]);
	assert_int_equal(p->stopped, PROBES);
}

uint32_t
probe_count(const struct probe *p, uint32_t editor, enum pst_event_type type)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_events; i++)
		n += p->events[i].editor == editor && p->events[i].event.type == type;
	return n;
}

const struct pst_event *
probe_last(const struct probe *p, uint32_t editor, enum pst_event_type type)
{
	for (uint32_t i = p->n_events; i > 0; i--) {
		if (p->events[i - 1].editor == editor && p->events[i - 1].event.type == type)
			return &p->events[i - 1].event;
	}
	fail_msg("no such event");
	return NULL;
}

struct pst_bind_for_client
probe_args(struct probe *p, enum pst_proto protocol, uint32_t n, uint32_t flags)
{
	static struct pst_endpoint clients[PST_BIND_MAX];

	for (uint32_t i = 0; i < PST_BIND_MAX; i++)
		clients[i] = (struct pst_endpoint){ CLIENT, 3000 + i };
	p->at = (struct pst_endpoint){ OUTSIDE, PST_PORT_ANY };
	return (struct pst_bind_for_client){ .client_addresses = clients,
		.client_address_len = sizeof(struct pst_endpoint),
		.proxy_address = &p->at,
		.proxy_address_len = sizeof(struct pst_endpoint),
		.protocol = protocol,
		.n = n,
		.flags = flags,
		.backlog = 1,
		.protocol_id = probe_protocol[0],
		.connections = p->handles };
}

static const struct pst_bind_for_client *to_bind;

static void
bind_now(struct probe *p)
{
	p->ret = pst_bind_for_client(p->session, to_bind);
}

void
probe_bind(struct probe *p, const struct pst_bind_for_client *args)
{
	to_bind = args;
	probe_do(p, bind_now);
}

/* Packets. */

struct pkt
probe_packet(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
	uint8_t flags)
{
	return (struct pkt){ .proto = proto,
		.src = src,
		.sport = sport,
		.dst = dst,
		.dport = dport,
		.tcp_flags = flags,
		.seq = 1,
		.ack = flags & TCP_ACK ? 1 : 0 };
}

bool
probe_reaches(struct probe *p, const struct pkt *in, uint16_t to)
{
	struct pkt out;

	if (!box_pass_through(&p->box, BOX_OUTSIDE, in, &out))
		return false;
	assert_int_equal(out.dst, CLIENT);
	return to == 0 || out.dport == to;
}

void
probe_dropped(struct probe *p, int port, const struct pkt *in, enum pst_drop why)
{
	box_is_dropped(&p->box, port, in, why);
}

bool
probe_connect(struct probe *p, uint32_t from, uint16_t sport, uint16_t port)
{
	struct pkt in = probe_packet(PST_TCP, from, sport, p->at.ip, port, TCP_SYN), out, back;

	if (!box_pass_through(&p->box, BOX_OUTSIDE, &in, &out))
		return false;
	back = probe_packet(PST_TCP, out.dst, out.dport, out.src, out.sport, TCP_SYN | TCP_ACK);
	back.seq = 70;
	back.ack = 2;
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &back, &out));
	assert_int_equal(out.sport, port);
	in.tcp_flags = TCP_ACK;
	in.seq = 2;
	in.ack = 71;
	return box_pass_through(&p->box, BOX_OUTSIDE, &in, &out);
}

bool
probe_connect_out(struct probe *p, uint16_t sport, uint32_t to, uint16_t port)
{
	struct pkt in = probe_packet(PST_TCP, CLIENT, sport, to, port, TCP_SYN), out, back;

	if (!box_pass_through(&p->box, BOX_INSIDE, &in, &out))
		return false;
	back = probe_packet(PST_TCP, out.dst, out.dport, out.src, out.sport, TCP_SYN | TCP_ACK);
	back.seq = 70;
	back.ack = 2;
	assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &back, &out));
	in.tcp_flags = TCP_ACK;
	in.seq = 2;
	in.ack = 71;
	return box_pass_through(&p->box, BOX_INSIDE, &in, &out);
}
