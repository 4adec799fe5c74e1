/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BindForClient: n endpoints outside for a client, and a handle for each.
 *
 * Where nobody hears of binds the handles are made while the worker opens the
 * endpoints: their names are known before they are made. Else they are there before their events
 * (R49), and the worker is asked when all have heard.
 */
#include <string.h>

#include "filter/ipfilter.h"
#include "runtime/runtime_priv.h"

#define ALL_FLAGS                                                                                  \
	(PST_FLAG_ALLOW_MULTIPLE | PST_FLAG_TIMEOUT | PST_FLAG_NO_KERNEL_MODE |                    \
		PST_FLAG_BIDIRECTIONAL | PST_FLAG_MAP)
#define NO_PROTOCOL UINT16_MAX
#define ANY_PORT 0 /* a peer's: nobody knows it yet */

/* R36, R81: the session's own client, or not known yet (R5). */
static bool
is_own(const struct pst_session *session, const struct pst_endpoint *ep)
{
	return pst_endpoint_is_unset(ep) || (ep->ip == session->client_ip && ep->port != 0);
}

static int
check_flags(const struct pst_bind_for_client *args)
{
	if ((args->flags & ~ALL_FLAGS) != 0)
		return -EINVAL;
	if ((args->flags & PST_FLAG_TIMEOUT) && (args->flags & PST_FLAG_ALLOW_MULTIPLE))
		return -EINVAL; /* R22 */
	if ((args->flags & PST_FLAG_BIDIRECTIONAL) && args->protocol != PST_UDP)
		return -EINVAL; /* R25 */
	return 0;
}

static int
check_args(const struct pst_session *session, const struct pst_bind_for_client *args)
{
	if (session == NULL || args == NULL || args->client_addresses == NULL ||
		args->proxy_address == NULL || args->connections == NULL)
		return -EINVAL;
	if (args->client_address_len != sizeof(struct pst_endpoint) ||
		args->proxy_address_len != sizeof(struct pst_endpoint))
		return -EINVAL; /* R82 */
	if (args->n == 0 || args->n > PST_BIND_MAX || args->backlog < 0)
		return -EINVAL; /* R82 */
	if (args->protocol != PST_TCP && args->protocol != PST_UDP)
		return -EINVAL; /* R10 */
	if (args->proxy_address->port != PST_PORT_ANY && args->n != 1)
		return -EINVAL; /* R9 */
	for (uint32_t i = 0; i < args->n; i++) {
		if (!is_own(session, &args->client_addresses[i]))
			return -EINVAL;
	}
	if (args->callback != NULL && session_editor_of(session, args->callback) == NO_EDITOR)
		return -EINVAL;
	return check_flags(args);
}

/* Whose the handles are: who calls, or at least who is to hear of them. */
static uint32_t
owner_of_call(
	const struct pst_session *session, const struct pst_bind_for_client *args, int protocol)
{
	const struct pst_runtime *rt = session->rt;
	int editor = protocol != NO_PROTOCOL ? rt->params.settings.protocols[protocol].editor : -1;

	if (session->rt->current != NO_EDITOR)
		return session->rt->current;
	if (args->callback != NULL)
		return session_editor_of(session, args->callback);
	return editor >= 0 ? (uint32_t)editor : NO_EDITOR;
}

/* A call, and what is the same for each of its endpoints. */
struct call {
	struct pst_session *session;
	const struct pst_bind_for_client *args;
	int protocol;
	struct pst_ipset *filter;
	uint32_t editor, flags;
	bool by_editor;
};

/* Nothing can fail here: there are as many, and each has its reference to the filter. */
static void
make_handles(const struct call *call)
{
	const struct pst_bind_for_client *args = call->args;

	for (uint32_t i = 0; i < args->n; i++) {
		struct pst_connection *conn = handle_new(call->session, HANDLE_ENDPOINT);

		conn->proto = args->protocol;
		conn->client = args->client_addresses[i];
		conn->external = *args->proxy_address;
		conn->callback = args->callback;
		conn->context = args->callback_context;
		conn->editor = call->editor;
		conn->flags = call->flags;
		conn->by_editor = call->by_editor;
		conn->ipset = call->filter;
		args->connections[i] = conn;
	}
}

/* Events. */

static struct occasion
occasion_of_bind(struct pst_connection *conn, const struct pst_endpoint *external,
	const struct pst_guid *protocol, int backlog, enum pst_event_type type)
{
	return (struct occasion){ .event = { .type = type,
					  .connection = conn,
					  .local = *external,
					  .protocol = *protocol,
					  .backlog = backlog },
		.port = external->port,
		.other_port = external->port,
		.primary = -1,
		.bound = *external };
}

static int
raise_bind(struct pst_connection *conn, const struct pst_guid *protocol, int backlog, bool many,
	enum pst_event_type type)
{
	struct decision d = { .conn = conn, .protocol = -1, .is_one_of_many = many };
	struct occasion o = occasion_of_bind(conn, &conn->external, protocol, backlog, type);
	int ret = event_raise(conn->session, &o, &d);

	if (ret == 0 && (d.flags & PST_SET_BIDIRECTIONAL))
		conn->flags |= PST_FLAG_BIDIRECTIONAL;
	return ret == 0 && d.access == PST_ACCESS_DENY ? -EADDRINUSE : ret; /* R51 */
}

/* R37: all who are registered hear of it, as of any other bind. */
int
call_raise_bind(
	struct pst_connection *conn, const struct pst_guid *protocol, int backlog, bool many)
{
	bool is_tcp = conn->proto == PST_TCP;
	int ret = raise_bind(
		conn, protocol, backlog, many, is_tcp ? PST_EVENT_BIND_TCP : PST_EVENT_BIND_UDP);

	if (ret == 0 && is_tcp)
		ret = raise_bind(conn, protocol, backlog, many, PST_EVENT_LISTEN);
	return ret;
}

/* The ports are not chosen yet: who hears of one bind of a call hears of all. */
static bool
are_heard(const struct call *call)
{
	static const enum pst_event_type types[] = { PST_EVENT_BIND_TCP, PST_EVENT_BIND_UDP,
		PST_EVENT_LISTEN };
	const struct pst_bind_for_client *args = call->args;
	bool heard = false;

	for (size_t k = 0; !heard && k < RTE_DIM(types); k++) {
		struct occasion o = occasion_of_bind(
			NULL, args->proxy_address, &args->protocol_id, args->backlog, types[k]);

		heard = event_is_heard(call->session, &o);
	}
	return heard;
}

static int
raise_binds(const struct pst_bind_for_client *args)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < args->n; i++)
		ret = call_raise_bind(args->connections[i], &args->protocol_id, args->backlog,
			args->n > 1);
	return ret;
}

/* By our port or by a client's; either may not be known yet. */
static bool
is_accept_hooked(const struct call *call)
{
	const struct pst_bind_for_client *args = call->args;
	bool hooked = event_is_hooked(call->session, PST_EVENT_ACCEPTED, args->proxy_address->port);

	for (uint32_t i = 0; !hooked && i < args->n; i++)
		hooked = event_is_hooked(
			call->session, PST_EVENT_ACCEPTED, args->client_addresses[i].port);
	return hooked;
}

/*
 * R39, R42 to R45, R79: whether what the endpoints accept goes by way of us, as far as that is not
 * their own filters' matter.
 */
static bool
is_by_editor(const struct call *call)
{
	bool is_tcp = call->args->protocol == PST_TCP;

	if (call->flags & PST_FLAG_NO_KERNEL_MODE)
		return true;
	if (event_is_hooked(call->session, is_tcp ? PST_EVENT_ACCEPTED : PST_EVENT_UDP_DESTINATION,
		    ANY_PORT) &&
		(!is_tcp || is_accept_hooked(call)))
		return true;
	/* one for BIND_UDP has made its filter already */
	return is_tcp &&
	       event_has_factory(call->session, PST_EVENT_ACCEPTED, call->args->proxy_address);
}

/* made: the handles are there. */
static void
fill(struct pst_req *req, const struct call *call, bool made)
{
	const struct pst_bind_for_client *args = call->args;
	const struct pst_runtime *rt = call->session->rt;

	req->type = PST_REQ_BIND;
	req->cookie = UINT64_MAX;
	req->bind.client_ip = call->session->client_ip;
	req->bind.proxy = *args->proxy_address;
	req->bind.protocol = args->protocol;
	req->bind.n = args->n;
	req->bind.flags = call->flags;
	req->bind.backlog = args->backlog;
	req->bind.editor_lcore = rt->params.index;
	req->bind.editor = call->editor;
	req->bind.protocol_index = call->protocol;
	req->bind.wants_established = args->callback != NULL;
	req->bind.unapproved = call->protocol == NO_PROTOCOL;
	req->bind.editor_path = call->by_editor;
	req->bind.filter = call->filter;
	for (uint32_t i = 0; i < args->n; i++) {
		req->bind.ends[i].client = args->client_addresses[i];
		req->bind.ends[i].cookie =
			made ? handle_cookie(args->connections[i]) : handle_cookie_ahead(rt, i);
	}
}

static void
take_answer(const struct call *call, const struct pst_req *req)
{
	const struct pst_bind_for_client *args = call->args;
	bool is_map = args->flags & PST_FLAG_MAP;

	for (uint32_t i = 0; i < args->n; i++) {
		struct pst_connection *conn = args->connections[i];

		conn->is_map = is_map;
		conn->external.ip = req->bind.proxy.ip;
		conn->external.port = req->bind.proxy.port + i;
		conn->ref = req->bind.ends[i].ref; /* of no worker's connection */
	}
	call->session->maps += is_map ? args->n : 0;
	*args->proxy_address = req->bind.proxy;
}

/* The filter's reference is the worker's after success, or undone. */
static int
await(const struct call *call, struct pst_req *req, uint64_t give_up)
{
	struct pst_runtime *rt = call->session->rt;
	int ret;

	if (!call_await(rt, give_up))
		return -EAGAIN;
	ret = req->result;
	if (ret == 0)
		take_answer(call, req);
	else
		pst_ipset_unref(req->bind.filter);
	pst_chan_put(rt->params.workers[call->session->worker], req);
	return ret;
}

/* A map may be of no protocol yet (R61). */
static int
protocol_of(const struct pst_session *session, const struct pst_bind_for_client *args)
{
	static const struct pst_guid none;

	if ((args->flags & PST_FLAG_MAP) &&
		memcmp(&args->protocol_id, &none, sizeof(none)) == 0)
		return NO_PROTOCOL;
	return protocol_find(session->rt, &args->protocol_id);
}

/* Those who were told of the binds hear that it came to nothing. */
static void
end_handles(struct pst_connection **handles, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		handles[i]->editor = NO_EDITOR; /* its caller never had it */
		handle_end(handles[i]);
		handles[i] = NULL;
	}
}

/* A record that is filled in; NULL: none came back in time. */
static struct pst_req *
make_request(const struct call *call, bool made, uint64_t give_up)
{
	struct pst_req *req = call_take(call->session->rt, call->session->worker, give_up);

	if (req != NULL)
		fill(req, call, made);
	else
		pst_ipset_unref(call->filter);
	return req;
}

/* Nobody takes a handle or a name between here and there. */
static int
bind_unheard(struct call *call)
{
	const struct pst_bind_for_client *args = call->args;
	uint64_t give_up = call_bound(call->session->rt);
	struct pst_req *req;
	int ret;

	call->by_editor = is_by_editor(call);
	req = make_request(call, false, give_up);
	if (req == NULL)
		return -EAGAIN;
	pst_ipset_ref_many(call->filter, args->n);
	call_post(call->session->rt, call->session->worker, req);
	make_handles(call);
	ret = await(call, req, give_up);
	if (ret < 0)
		end_handles(args->connections, args->n);
	return ret;
}

/* What the handlers have decided. */
static void
take_decisions(struct call *call)
{
	const struct pst_bind_for_client *args = call->args;

	call->flags = args->connections[0]->flags;
	call->by_editor = is_by_editor(call);
	for (uint32_t i = 0; i < args->n; i++)
		call->by_editor |= filters_count(args->connections[i]->filters) > 0;
	for (uint32_t i = 0; i < args->n; i++)
		args->connections[i]->by_editor = call->by_editor;
}

static int
ask(struct call *call)
{
	uint64_t give_up = call_bound(call->session->rt);
	struct pst_req *req;

	take_decisions(call);
	req = make_request(call, true, give_up);
	if (req == NULL)
		return -EAGAIN;
	call_post(call->session->rt, call->session->worker, req);
	return await(call, req, give_up);
}

static int
bind_heard(struct call *call)
{
	const struct pst_bind_for_client *args = call->args;
	int ret;

	pst_ipset_ref_many(call->filter, args->n);
	make_handles(call);
	ret = raise_binds(args);
	if (ret == 0 && !args->connections[0]->emulated)
		ret = ask(call);
	else
		pst_ipset_unref(call->filter);
	if (ret == 0 && args->connections[0]->emulated)
		*args->proxy_address = args->connections[0]->external; /* R38: as its name says */
	if (ret < 0)
		end_handles(args->connections, args->n);
	return ret;
}

static int
bind(struct pst_session *session, const struct pst_bind_for_client *args, int protocol,
	struct pst_ipset *filter)
{
	struct call call = { .session = session,
		.args = args,
		.protocol = protocol,
		.filter = filter,
		.editor = owner_of_call(session, args, protocol),
		.flags = args->flags };
	bool heard = are_heard(&call);

	if (session->rt->n_free < args->n) {
		pst_ipset_unref(filter);
		return -ENOMEM;
	}
	return heard ? bind_heard(&call) : bind_unheard(&call);
}

int
pst_bind_for_client(struct pst_session *session, const struct pst_bind_for_client *args)
{
	struct pst_ipset *filter = NULL;
	int ret = check_args(session, args), protocol;

	if (ret < 0)
		return ret;
	if (session->closing)
		return -ESHUTDOWN;
	protocol = protocol_of(session, args);
	if (protocol < 0)
		return protocol;
	if (args->filter != NULL) {
		filter = pst_ipset_create(args->filter); /* R80: a copy */
		if (filter == NULL)
			return -ENOMEM;
#if PST_PLANTED_BUG == 3 /* nor that */
		pst_ipset_unref(filter);
		filter = NULL;
#endif
	}
	ret = bind(session, args, protocol, filter);
	if (ret < 0)
		session->rt->stats.bind_failures++;
	else
		session->rt->stats.binds++;
	return ret;
}

int
pst_connection_set_client_address(struct pst_connection *conn, const struct pst_endpoint *client)
{
	struct pst_runtime *rt;
	struct pst_chan *chan;
	struct pst_req *req;
	uint64_t give_up;
	int ret;

	if (conn == NULL || client == NULL)
		return -EINVAL;
	if (conn->session == NULL || conn->session->closing || conn->kill_wanted)
		return -ESHUTDOWN;
	if (conn->kind != HANDLE_ENDPOINT || pst_endpoint_is_unset(client) ||
		!is_own(conn->session, client))
		return -EINVAL;
	if (!pst_endpoint_is_unset(&conn->client))
		return -EEXIST;
	rt = conn->session->rt;
	chan = rt->params.workers[conn->session->worker];
	give_up = call_bound(rt);
	req = call_take(rt, conn->session->worker, give_up);
	if (req == NULL)
		return -EAGAIN;
	req->type = PST_REQ_SET_CLIENT;
	req->cookie = handle_cookie(conn);
	req->bind.n = 1;
	req->bind.ends[0].ref = conn->ref;
	req->bind.ends[0].client = *client;
	if (!call_wait(rt, conn->session->worker, req, give_up))
		return -EAGAIN;
	ret = req->result;
	pst_chan_put(chan, req);
	if (ret == 0)
		conn->client = *client;
	return ret;
}
