/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake fake;

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "editor breaks its contract: %s\n", what);
	abort();
}

struct pst_session *
pst_connection_session(const struct pst_connection *conn)
{
	(void)conn;
	return (struct pst_session *)&fake;
}

void
pst_connection_external_name(const struct pst_connection *conn, struct pst_endpoint *name)
{
	check(conn == &fake.control, "name of a dead connection");
	*name = fake.name;
}

void
pst_connection_external_peer(const struct pst_connection *conn, struct pst_endpoint *peer)
{
	check(conn == &fake.control, "peer of a dead connection");
	*peer = fake.peer;
}

bool
pst_connection_is_inbound(const struct pst_connection *conn)
{
	check(conn == &fake.control, "direction of a dead connection");
	return fake.inbound;
}

void
pst_connection_client_name(const struct pst_connection *conn, struct pst_endpoint *name)
{
	(void)conn;
	*name = (struct pst_endpoint){ FAKE_CLIENT, 40000 };
}

int
pst_connection_attach_data_filter(
	struct pst_connection *conn, const struct pst_data_filter *filter,
	enum pst_priority priority, void *context)
{
	check(priority == PST_PRIORITY_NAT, "not where addresses are edited (R64)");
	check(conn == &fake.control && fake.filter == NULL, "attached where it may not");
	fake.filter = filter;
	fake.context = context;
	return 0;
}

int
pst_connection_set_client_address(struct pst_connection *conn, const struct pst_endpoint *client)
{
	(void)conn;
	(void)client;
	return 0;
}

void
pst_connection_kill(struct pst_connection *conn)
{
	if (conn == NULL)
		return;
	check(conn->killed == 0 && !conn->used, "killed twice, or a running transfer");
	conn->killed++;
}

int
pst_bind_for_client(struct pst_session *session, const struct pst_bind_for_client *args)
{
	uint32_t i = fake.n_binds, first, last;

	check(session == (struct pst_session *)&fake, "another session");
	check(args->client_address_len == sizeof(struct pst_endpoint) &&
			args->proxy_address_len == sizeof(struct pst_endpoint) && args->n == 1,
		"lengths");
	check(args->client_addresses[0].ip == FAKE_CLIENT, "not the client's address");
	check(args->client_addresses[0].port >= 1024, "a port below 1024");
	check(args->proxy_address->ip == FAKE_OUTSIDE && args->proxy_address->port == 0,
		"not the control connection's outside address");
	check(args->protocol == PST_TCP && args->flags == PST_FLAG_TIMEOUT && args->backlog == 1,
		"protocol, flags or backlog");
	check(args->filter != NULL && pst_ipfilter_count(args->filter) == 1, "filter");
	pst_ipfilter_range(args->filter, 0, &first, &last);
	check(first == FAKE_SERVER && last == FAKE_SERVER, "filter is not the server");
	check(memcmp(&args->protocol_id, &fake.editor->protocol, sizeof(args->protocol_id)) == 0,
		"protocol id");
	if (fake.bind_ret < 0 || i == FAKE_BINDS_MAX) {
		fake.n_refused_binds++;
		return fake.bind_ret < 0 ? fake.bind_ret : -28;
	}
	fake.announced[i] = args->client_addresses[0];
	args->proxy_address->port = fake.next_port++;
	args->connections[0] = &fake.binds[i];
	fake.n_binds++;
	return 0;
}

/* The one address that may come. */
static uint32_t
only_address(const struct pst_ipfilter *filter)
{
	uint32_t first, last;

	check(filter != NULL && pst_ipfilter_count(filter) == 1, "filter");
	pst_ipfilter_range(filter, 0, &first, &last);
	check(first == last, "more than one address may come");
	return first;
}

int
pst_retroactive_allow_bind(
	struct pst_session *session, const struct pst_retroactive_allow_bind *args)
{
	check(session == (struct pst_session *)&fake && !fake.inbound, "not its session's");
	check(fake.is_firewall_client || pst_endpoint_is_equal(&args->address, &fake.name),
		"not the connection's mapping");
	check(args->protocol == fake.proto && args->flags == 0, "protocol or flags");
	check(only_address(args->filter) == fake.peer.ip, "filter is not the peer");
	check(memcmp(&args->protocol_id, &fake.editor->protocol, sizeof(args->protocol_id)) == 0,
		"protocol id");
	fake.n_allowed += fake.allow_ret >= 0;
	return fake.allow_ret;
}

int
pst_allow_future_connect(struct pst_session *session,
	const struct pst_allow_future_connect *args, struct pst_action **action)
{
	struct pst_action *a = &fake.actions[fake.n_actions];

	check(session == (struct pst_session *)&fake, "not its session's");
	check(args->protocol == fake.proto && args->flags == PST_FLAG_TIMEOUT, "protocol or flags");
	check(args->proxy_address != NULL, "from no address of the server's");
	check(memcmp(&args->protocol_id, &fake.editor->protocol, sizeof(args->protocol_id)) == 0,
		"protocol id");
	if (fake.allow_ret < 0)
		return fake.allow_ret;
	if (action == NULL && fake.n_actions == FAKE_ACTIONS_MAX - 1)
		return 0; /* nobody looks at it */
	check(fake.n_actions++ < FAKE_ACTIONS_MAX, "too many actions");
	a->to = args->address;
	a->from = *args->proxy_address;
	if (action != NULL)
		*action = a;
	else
		a->released = true;
	return 0;
}

int
pst_action_cancel(struct pst_action *action)
{
	if (action == NULL || action->used || action->cancelled)
		return -108;
	check(!action->released, "cancelled what it gave back");
	action->cancelled = true;
	return 0;
}

void
pst_action_release(struct pst_action *action)
{
	if (action == NULL)
		return;
	check(!action->released, "released twice");
	action->released = true;
}

uint32_t
pst_session_flags(const struct pst_session *session)
{
	check(session == (const struct pst_session *)&fake, "another session");
	return fake.is_firewall_client ? PST_SESSION_FIREWALL_CLIENT : 0;
}

void
pst_session_client_address(const struct pst_session *session, struct pst_endpoint *client)
{
	(void)session;
	*client = (struct pst_endpoint){ FAKE_CLIENT, 0 };
}

void
pst_session_count(struct pst_session *session, unsigned int counter)
{
	check(session == (struct pst_session *)&fake && counter < FAKE_COUNTERS, "counter");
	fake.counters[counter]++;
}

static void
init(const struct pst_editor *editor, struct pst_event *event)
{
	event->connection = &fake.control;
	event->remote = fake.peer;
	event->local = fake.name;
	fake.editor = editor;
	fake.next_port = 30000;
	fake.es = editor->attach((struct pst_session *)&fake);
	check(fake.es != NULL && editor->event(fake.es, event) == 0, "attach");
}

void
fake_init_inbound(const struct pst_editor *editor)
{
	struct pst_event event = { .type = PST_EVENT_ACCEPTED };

	memset(&fake, 0, sizeof(fake));
	fake.proto = PST_TCP;
	fake.inbound = true;
	fake.name = (struct pst_endpoint){ FAKE_OUTSIDE, 21 };
	fake.peer = (struct pst_endpoint){ FAKE_SERVER, 40000 };
	init(editor, &event);
}

void
fake_init(const struct pst_editor *editor)
{
	struct pst_event event = { .type = PST_EVENT_CONNECT_TCP };

	memset(&fake, 0, sizeof(fake));
	fake.proto = PST_TCP;
	fake.name = (struct pst_endpoint){ FAKE_OUTSIDE, 50000 };
	fake.peer = (struct pst_endpoint){ FAKE_SERVER, 21 };
	init(editor, &event);
}

void
fake_init_udp(const struct pst_editor *editor, uint16_t port, bool inbound)
{
	struct pst_event event = { .type = PST_EVENT_UDP_DESTINATION,
		.destination = (struct pst_udp_destination *)&fake.control };

	memset(&fake, 0, sizeof(fake));
	fake.proto = PST_UDP;
	fake.name = (struct pst_endpoint){ FAKE_OUTSIDE, inbound ? port : 50000 };
	fake.peer = (struct pst_endpoint){ FAKE_SERVER, inbound ? 40000 : port };
	fake.inbound = inbound;
	init(editor, &event);
}

/* All endpoints are used or killed once the control connection is gone. */
void
fake_fini(void)
{
	if (fake.filter != NULL)
		fake.filter->detach(fake.context);
	fake.filter = NULL;
	for (uint32_t i = 0; i < fake.n_binds; i++)
		check(fake.binds[i].used || fake.binds[i].killed == 1, "endpoint left open");
	for (uint32_t i = 0; i < fake.n_actions; i++)
		check(fake.actions[i].released, "action not given back");
	if (fake.es != NULL)
		fake.editor->detach(fake.es);
	for (int dir = 0; dir < PST_DIRS; dir++) {
		free(fake.streams[dir].out);
		free(fake.streams[dir].held);
		fake.streams[dir] = (struct fake_stream){ 0 };
	}
}

static void
put_out(struct fake_stream *s, const uint8_t *bytes, uint32_t len)
{
	s->out = realloc(s->out, s->out_len + len + 1);
	if (len > 0)
		memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
}

/* Do one edit. Returns the bytes it dealt with, 0 to stop. */
static uint32_t
apply(struct fake_stream *s, const uint8_t *bytes, uint32_t len, const struct pst_edit *edit)
{
	switch (edit->op) {
	case PST_EDIT_PASS:
		check(edit->take >= 1 && edit->take <= len, "take of a pass");
		put_out(s, bytes, edit->take);
		return edit->take;
	case PST_EDIT_REPLACE:
		check(edit->take >= 1 && edit->take <= len, "take of a replacement");
		put_out(s, edit->data, edit->data_len);
		return edit->take;
	case PST_EDIT_DROP:
		check(edit->take >= 1 && edit->take <= len, "take of a drop");
		return edit->take;
	case PST_EDIT_MORE:
		return 0;
	case PST_EDIT_UNWATCH:
		fake.unwatched = true;
		put_out(s, bytes, len);
		return len;
	case PST_EDIT_RESET:
		fake.reset = true;
		return 0;
	}
	check(false, "unknown edit");
	return 0;
}

void
fake_feed(enum pst_dir dir, const void *bytes, uint32_t len, bool end)
{
	struct fake_stream *s = &fake.streams[dir];
	uint32_t total = s->held_len + len, at = 0;
	uint8_t *all = malloc(total + 1);

	if (s->held_len > 0)
		memcpy(all, s->held, s->held_len);
	if (len > 0)
		memcpy(all + s->held_len, bytes, len);
	while (at < total && !fake.reset) {
		struct pst_edit edit = { .op = PST_EDIT_PASS, .take = total - at };
		uint32_t done;

		if (!fake.unwatched)
			fake.filter->data(fake.context, dir, all + at, total - at, end, &edit);
		done = apply(s, all + at, total - at, &edit);
		if (done == 0)
			break;
		at += done;
	}
	check(!end || at == total || fake.reset, "held bytes at the end");
	free(s->held);
	s->held_len = total - at;
	s->held = malloc(s->held_len + 1);
	memcpy(s->held, all + at, s->held_len);
	free(all);
}

enum pst_edit_op
fake_datagram(enum pst_dir dir, const void *bytes, uint32_t len)
{
	struct pst_edit edit = { .op = PST_EDIT_PASS, .take = len };
	uint8_t *copy = malloc(len + 1);

	if (fake.filter == NULL || fake.unwatched) {
		free(copy);
		return PST_EDIT_PASS;
	}
	memcpy(copy, bytes, len);
	fake.filter->data(fake.context, dir, copy, len, false, &edit);
	check(memcmp(copy, bytes, len) == 0, "wrote into what it was shown");
	free(copy);
	fake.unwatched = edit.op == PST_EDIT_UNWATCH;
	return edit.op;
}

void
fake_established(uint32_t i)
{
	static struct pst_connection accepted;
	struct pst_event event = { .type = PST_EVENT_ESTABLISHED, .connection = &accepted,
		.endpoint = &fake.binds[i], .remote = { FAKE_SERVER, 20 } };

	fake.binds[i].used = true;
	fake.editor->event(fake.es, &event);
}

void
fake_terminating(struct pst_connection *conn)
{
	struct pst_event event = { .type = PST_EVENT_TERMINATING, .connection = conn };

	fake.editor->event(fake.es, &event);
}
