/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_api.h"

#include <errno.h>
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
	(void)conn;
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
	check(conn == fake.deciding && conn->filter == NULL, "attached where it may not (R53)");
	if (fake.attach_ret < 0)
		return fake.attach_ret;
	conn->filter = filter;
	conn->filter_context = context;
	if (conn == &fake.control) {
		fake.filter = filter;
		fake.context = context;
	}
	return 0;
}

int
pst_connection_deny(struct pst_connection *conn, uint32_t reserved)
{
	check(conn == fake.deciding && reserved == 0, "denied where it may not (R54)");
	conn->denied = true;
	return 0;
}

static void
check_endpoint(const struct pst_connection *conn)
{
	check(conn >= fake.binds && conn < fake.binds + fake.n_binds && conn->killed == 0,
		"no endpoint, or one that is gone");
}

int
pst_connection_get_ipfilter(const struct pst_connection *conn, struct pst_ipfilter **filter)
{
	check_endpoint(conn);
	*filter = conn->ipfilter != NULL ? pst_ipfilter_clone(conn->ipfilter) : NULL;
	return 0;
}

int
pst_connection_set_ipfilter(struct pst_connection *conn, const struct pst_ipfilter *filter)
{
	check_endpoint(conn);
	pst_ipfilter_destroy(conn->ipfilter);
	conn->ipfilter = filter != NULL ? pst_ipfilter_clone(filter) : NULL;
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
	check(conn->killed == 0 && (!conn->used || fake.may_kill_used),
		"killed twice, or a running transfer");
	conn->killed++;
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

static void
check_id(const struct pst_guid *id)
{
	check(memcmp(id, &fake.editor->protocol, sizeof(*id)) == 0, "protocol id (R27)");
}

static void
check_flags(enum pst_proto protocol, uint32_t flags, uint32_t all)
{
	check(protocol == PST_TCP || protocol == PST_UDP, "protocol (R10)");
	check((flags & ~all) == 0, "flags");
	check(!(flags & PST_FLAG_BIDIRECTIONAL) || protocol == PST_UDP, "flags (R25)");
	check(!(flags & PST_FLAG_TIMEOUT) || !(flags & PST_FLAG_ALLOW_MULTIPLE), "flags (R22)");
}

static void
check_bind(const struct pst_bind_for_client *args)
{
	check(args->client_address_len == sizeof(struct pst_endpoint) &&
			args->proxy_address_len == sizeof(struct pst_endpoint),
		"lengths (R82)");
	check(args->n >= 1 && args->n <= PST_BIND_MAX && args->backlog == 1, "n or backlog");
	for (uint32_t k = 0; k < args->n; k++) {
		check(args->client_addresses[k].ip == FAKE_CLIENT, "not the client's address");
		check(args->client_addresses[k].port >= 1024, "a port below 1024");
	}
	check(args->proxy_address->ip == FAKE_OUTSIDE && args->proxy_address->port == 0,
		"not the control connection's outside address");
	check_flags(args->protocol, args->flags, PST_FLAG_TIMEOUT | PST_FLAG_BIDIRECTIONAL);
	check(only_address(args->filter) == FAKE_SERVER, "filter is not the server");
	check_id(&args->protocol_id);
}

int
pst_bind_for_client(struct pst_session *session, const struct pst_bind_for_client *args)
{
	check(session == (struct pst_session *)&fake, "another session");
	check_bind(args);
	if (fake.bind_ret < 0 || fake.n_binds + args->n > FAKE_BINDS_MAX) {
		fake.n_refused_binds++;
		return fake.bind_ret < 0 ? fake.bind_ret : -ENOSPC;
	}
	fake.bind_proto = args->protocol;
	fake.bind_n = args->n;
	fake.bind_flags = args->flags;
	fake.next_port += (args->n - fake.next_port % args->n) % args->n; /* R12 */
	args->proxy_address->port = fake.next_port;
	fake.next_port += args->n;
	for (uint32_t k = 0; k < args->n; k++) {
		struct pst_connection *endpoint = &fake.binds[fake.n_binds];

		fake.announced[fake.n_binds++] = args->client_addresses[k];
		endpoint->ipfilter = pst_ipfilter_clone(args->filter);
		endpoint->call_context = args->callback_context;
		args->connections[k] = endpoint;
	}
	return 0;
}

int
pst_retroactive_allow_bind(
	struct pst_session *session, const struct pst_retroactive_allow_bind *args)
{
	check(session == (struct pst_session *)&fake && !fake.inbound, "not its session's");
	check(fake.is_firewall_client || pst_endpoint_is_equal(&args->address, &fake.name),
		"not the connection's mapping");
	check(args->address.port != 0, "port 0 (R62)");
	check_flags(args->protocol, args->flags, PST_FLAG_BIDIRECTIONAL);
	check(only_address(args->filter) == fake.peer.ip, "filter is not the peer");
	check_id(&args->protocol_id);
	fake.n_allowed += fake.allow_ret >= 0;
	fake.allowed = args->address;
	return fake.allow_ret;
}

int
pst_allow_future_connect(struct pst_session *session,
	const struct pst_allow_future_connect *args, struct pst_action **action)
{
	struct pst_action *a = &fake.actions[fake.n_actions];

	check(session == (struct pst_session *)&fake, "not its session's");
	check_flags(args->protocol, args->flags, PST_FLAG_TIMEOUT);
	check(args->proxy_address != NULL, "from no address of the server's");
	check_id(&args->protocol_id);
	if (fake.allow_ret < 0)
		return fake.allow_ret;
	if (action == NULL && fake.n_actions == FAKE_ACTIONS_MAX - 1)
		return 0; /* nobody looks at it */
	if (fake.n_actions == FAKE_ACTIONS_MAX)
		return -ENOSPC;
	fake.n_actions++;
	a->to = args->address;
	a->from = *args->proxy_address;
	a->proto = args->protocol;
	a->call_context = args->callback_context;
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
		return -ESHUTDOWN;
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

int
pst_session_host_access_check(
	const struct pst_session *session, const struct pst_guid *protocol, uint32_t ip)
{
	check(session == (const struct pst_session *)&fake, "another session");
	check_id(protocol);
	(void)ip;
	return fake.access_ret;
}

int
pst_session_access_check(const struct pst_session *session, const struct pst_guid *protocol)
{
	return pst_session_host_access_check(session, protocol, 0);
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
	check(fake.es != NULL, "attach");
	fake.deciding = &fake.control;
	check(editor->event(fake.es, event) == 0, "attach");
	fake.deciding = NULL;
}

void
fake_connect(struct pst_connection *conn)
{
	struct pst_event event = { .type = PST_EVENT_CONNECT_TCP,
		.source = PST_SOURCE_NAT,
		.connection = conn,
		.remote = fake.peer };

	*conn = (struct pst_connection){ 0 };
	fake.deciding = conn;
	check(fake.editor->event(fake.es, &event) == (fake.attach_ret < 0 ? -ENOMEM : 0), "connect");
	fake.deciding = NULL;
}

void
fake_disconnect(struct pst_connection *conn)
{
	if (conn->filter != NULL)
		conn->filter->detach(conn->filter_context);
	conn->filter = NULL;
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
	for (uint32_t i = 0; i < fake.n_binds; i++) {
		check(fake.binds[i].used || fake.binds[i].killed == 1, "endpoint left open");
		pst_ipfilter_destroy(fake.binds[i].ipfilter);
		fake.binds[i].ipfilter = NULL;
	}
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
	struct pst_event event = { .type = PST_EVENT_ESTABLISHED, .connection = &fake.accepted[i],
		.endpoint = &fake.binds[i], .remote = { FAKE_SERVER, 20 },
		.context = fake.binds[i].call_context };

	fake.binds[i].used = true;
	fake.editor->event(fake.es, &event);
}

void
fake_opened(uint32_t i)
{
	struct pst_event event = { .type = PST_EVENT_ESTABLISHED, .connection = &fake.opened[i],
		.remote = fake.actions[i].to, .context = fake.actions[i].call_context };

	fake.actions[i].used = true;
	fake.editor->event(fake.es, &event);
}

void
fake_terminating(struct pst_connection *conn)
{
	struct pst_event event = { .type = PST_EVENT_TERMINATING, .connection = conn };

	fake.editor->event(fake.es, &event);
}
