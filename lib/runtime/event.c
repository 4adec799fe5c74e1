/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: who is registered for one, what its handlers decide, and the data filter
 * factories that it sets to work.
 */
#include <string.h>

#include "filter/rule.h"
#include "runtime/runtime_priv.h"

const struct pst_hooks pst_hooks_default = {
	.n = 1,
	.list = { { .events = PST_EVENT_CONNECT_TCP | PST_EVENT_UDP_DESTINATION,
		.sources = PST_ALL_SOURCES } },
};

int
protocol_find(const struct pst_runtime *rt, const struct pst_guid *id)
{
	for (uint32_t i = 0; i < rt->params.settings.n_protocols; i++) {
		if (memcmp(&rt->params.settings.protocols[i].id, id, sizeof(*id)) == 0)
			return i;
	}
	return -EACCES;
}

static const struct pst_hooks *
hooks_of(const struct pst_session *session, uint32_t e)
{
	const struct pst_runtime *rt = session->rt;

	if (session->editors[e] != NULL && session->editors[e]->hooks != NULL)
		return session->editors[e]->hooks;
	return rt->params.hooks != NULL ? &rt->params.hooks[e] : &pst_hooks_default;
}

static bool
is_in(const struct pst_hook *hook, uint16_t port)
{
	return port >= hook->first && port <= hook->last;
}

static bool
covers(const struct pst_runtime *rt, uint32_t e, const struct pst_hook *hook,
	const struct occasion *o)
{
	if (hook->first == 0 && hook->last == 0)
		return o->primary >= 0 && rt->params.settings.protocols[o->primary].editor == (int)e;
	return is_in(hook, o->port) || is_in(hook, o->other_port);
}

/* R72 */
static bool
is_registered(const struct pst_session *session, uint32_t e, const struct occasion *o)
{
	const struct pst_runtime *rt = session->rt;
	const struct pst_hooks *hooks = hooks_of(session, e);

	if (!(rt->params.settings.enabled >> e & 1))
		return false;
	for (uint32_t i = 0; i < hooks->n; i++) {
		const struct pst_hook *hook = &hooks->list[i];

		if ((hook->events & o->event.type) && (hook->sources & o->event.source) &&
			covers(rt, e, hook, o))
			return true;
	}
	return false;
}

bool
event_is_heard(const struct pst_session *session, struct occasion *o)
{
	const struct pst_runtime *rt = session->rt;
	bool heard = session->factories > 0;

	o->event.source = session_source(session);
	for (uint32_t e = 0; !heard && e < rt->n_editors; e++)
		heard = is_registered(session, e, o);
	return heard;
}

/* A port that is not chosen yet may become any that clients get. */
bool
event_is_hooked(const struct pst_session *session, enum pst_event_type type, uint16_t port)
{
	const struct pst_runtime *rt = session->rt;

	for (uint32_t e = 0; e < rt->n_editors; e++) {
		const struct pst_hooks *hooks = hooks_of(session, e);

		for (uint32_t i = 0; (rt->params.settings.enabled >> e & 1) && i < hooks->n; i++) {
			const struct pst_hook *hook = &hooks->list[i];

			if (!(hook->events & type) || !(hook->sources & session_source(session)))
				continue;
			if (port != 0 ? is_in(hook, port) && port != 0 : hook->last != 0)
				return true;
		}
	}
	return false;
}

/* Handlers. */

static int
tell(struct pst_session *session, uint32_t e, struct occasion *o, struct decision *d)
{
	o->event.access = d->access;
	d->editor = e;
	d->conn->told |= UINT64_C(1) << e;
	if (o->event.connection != d->conn)
		o->event.connection->told |= UINT64_C(1) << e;
	return session_tell(session, e, &o->event) < 0 ? -ENOMEM : 0;
}

static bool
is_address(const struct pst_endpoint *pattern, const struct pst_endpoint *address)
{
	return (pattern->ip == 0 || pattern->ip == address->ip) &&
		(pattern->port == 0 || pattern->port == address->port);
}

/* As far as the address is known: an endpoint's port may not be chosen yet. */
static bool
may_be_address(const struct pst_endpoint *pattern, const struct pst_endpoint *address)
{
	struct pst_endpoint known = *address;

	if (known.ip == 0)
		known.ip = pattern->ip;
	if (known.port == 0)
		known.port = pattern->port;
	return is_address(pattern, &known);
}

static bool
is_of_bind(enum pst_event_type type)
{
	return type == PST_EVENT_ACCEPTED || type == PST_EVENT_BIND_UDP;
}

bool
event_has_factory(const struct pst_session *session, enum pst_event_type type,
	const struct pst_endpoint *address)
{
	const struct pst_connection *a;

	if (session->factories == 0)
		return false;
	LIST_FOREACH(a, &session->handles, of_session)
	{
		if (a->factory.event == type && !a->finished &&
			may_be_address(&a->factory.address, address))
			return true;
	}
	return false;
}

static int
make_filter(struct pst_runtime *rt, struct pst_connection *action, struct pst_connection *conn)
{
	const struct pst_data_filter *filter;
	uint32_t before = rt->current;
	bool failed = false;
	void *context = NULL;

	rt->current = action->editor;
	filter = action->factory.create(action->factory.context, conn, &context, &failed);
	rt->current = before;
	if (failed)
		return -ENOMEM;
	if (filter == NULL || filter->data == NULL)
		return 0;
	return filters_attach(&conn->filters, filter, action->factory.priority, context,
		action->editor);
}

/* A maker may cancel its own factory: the next one is known before it is called. */
static int
run_factories(struct pst_session *session, const struct occasion *o, struct pst_connection *conn)
{
	struct pst_connection *action = LIST_FIRST(&session->handles), *next;
	const struct pst_endpoint *address =
		is_of_bind(o->event.type) ? &o->bound : &o->event.remote;
	int ret = 0;

	if (session->factories == 0)
		return 0;
	for (; action != NULL && ret == 0; action = next) {
		next = LIST_NEXT(action, of_session);
		if (action->kind == HANDLE_ACTION && !action->finished &&
			action->factory.event == o->event.type &&
			is_address(&action->factory.address, address))
			ret = make_filter(session->rt, action, conn);
	}
	return ret;
}

int
event_raise(struct pst_session *session, struct occasion *o, struct decision *d)
{
	struct pst_runtime *rt = session->rt;
	int ret = 0;

	o->event.source = session_source(session);
	d->type = o->event.type;
	d->outer = rt->deciding;
	rt->deciding = d;
	for (uint32_t e = 0; ret == 0 && e < rt->n_editors; e++) {
		if (!is_registered(session, e, o))
			continue;
		ret = session_attach(session, e) ? tell(session, e, o, d) : -ENOMEM;
	}
	if (ret == 0 && d->access != PST_ACCESS_DENY)
		ret = run_factories(session, o, d->conn);
	rt->deciding = d->outer;
	return ret;
}

/* What handlers call. */

static struct decision *
decision_of(const struct pst_connection *conn, uint32_t types)
{
	struct decision *d = conn->session->rt->deciding;

	while (d != NULL && (d->conn != conn || !(d->type & types)))
		d = d->outer;
	return d;
}

int
pst_connection_attach_data_filter(struct pst_connection *conn,
	const struct pst_data_filter *filter, enum pst_priority priority, void *context)
{
	const uint32_t types = PST_EVENT_CONNECT_TCP | PST_EVENT_ACCEPTED | PST_EVENT_BIND_UDP |
		PST_EVENT_UDP_DESTINATION;
	const struct decision *d;

	if (conn == NULL || conn->session == NULL || filter == NULL || filter->data == NULL ||
		priority > PST_PRIORITY_EMULATION)
		return -EINVAL;
	d = decision_of(conn, types);
	if (d == NULL)
		return -EPERM; /* R53 */
	return filters_attach(&conn->filters, filter, priority, context, d->editor);
}

static int
deny(struct pst_connection *conn, uint32_t types, uint32_t reserved)
{
	struct decision *d;

	if (conn == NULL || conn->session == NULL)
		return -EINVAL;
	d = decision_of(conn, types);
	if (d == NULL)
		return -EPERM; /* R54 */
	if (reserved != 0)
		return -EINVAL;
	d->access = PST_ACCESS_DENY;
	return 0;
}

int
pst_connection_deny(struct pst_connection *conn, uint32_t reserved)
{
	return deny(conn,
		PST_EVENT_CONNECT_TCP | PST_EVENT_ACCEPTED | PST_EVENT_BIND_TCP |
			PST_EVENT_BIND_UDP,
		reserved);
}

static int
set_protocol(struct pst_connection *conn, uint32_t types, const struct pst_guid *id, uint32_t flags)
{
	struct decision *d;
	struct pst_runtime *rt;
	int protocol;

	if (conn == NULL || conn->session == NULL || id == NULL)
		return -EINVAL;
	rt = conn->session->rt;
	d = decision_of(conn, types);
	if (d == NULL)
		return -EPERM;
	if ((flags & ~(PST_SET_BIDIRECTIONAL | PST_SET_EMULATE)) ||
		((flags & PST_SET_BIDIRECTIONAL) && d->type != PST_EVENT_BIND_UDP))
		return -EINVAL;
	if ((flags & PST_SET_EMULATE) &&
		(d->type == PST_EVENT_BIND_UDP || d->type == PST_EVENT_UDP_DESTINATION))
		return -EINVAL;
	if ((flags & PST_SET_EMULATE) && d->access == PST_ACCESS_EMULATE)
		return -EBUSY;
	protocol = protocol_find(rt, id);
	if (protocol < 0 ||
		(rt->params.settings.rules != NULL &&
			!pst_ruleset_check(rt->params.settings.rules, protocol, conn->session->client_ip,
				conn->remote.ip, NULL)))
		return -EACCES;
	if ((flags & PST_SET_EMULATE) && d->type == PST_EVENT_BIND_TCP && d->is_one_of_many)
		return -EINVAL;
	d->protocol = protocol;
	d->flags |= flags;
	if ((flags & PST_SET_EMULATE) && d->type == PST_EVENT_BIND_TCP)
		conn->emulated = true; /* it can be given its name at once */
	if (d->access != PST_ACCESS_DENY)
		d->access = flags & PST_SET_EMULATE ? PST_ACCESS_EMULATE : PST_ACCESS_ALLOW;
	return 0;
}

int
pst_connection_set_protocol(
	struct pst_connection *conn, const struct pst_guid *protocol, uint32_t flags)
{
	return set_protocol(conn,
		PST_EVENT_CONNECT_TCP | PST_EVENT_BIND_TCP | PST_EVENT_BIND_UDP, protocol, flags);
}

/* A destination is the handle of the worker's connection with that peer. */

int
pst_udp_destination_set_protocol(
	struct pst_udp_destination *destination, const struct pst_guid *protocol, uint32_t flags)
{
	return set_protocol(
		(struct pst_connection *)destination, PST_EVENT_UDP_DESTINATION, protocol, flags);
}

int
pst_udp_destination_deny(struct pst_udp_destination *destination, uint32_t reserved)
{
	return deny((struct pst_connection *)destination, PST_EVENT_UDP_DESTINATION, reserved);
}

void
pst_udp_destination_peer(
	const struct pst_udp_destination *destination, struct pst_endpoint *peer)
{
	*peer = ((const struct pst_connection *)destination)->remote;
}
