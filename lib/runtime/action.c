/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Actions: permissions and data filter factories; and the calls that change what a client
 * has bound already.
 */
#include <string.h>

#include "filter/ipfilter.h"
#include "runtime/runtime_priv.h"

#define PERMIT_FLAGS                                                                               \
	(PST_FLAG_ALLOW_MULTIPLE | PST_FLAG_TIMEOUT | PST_FLAG_NO_KERNEL_MODE |                    \
		PST_FLAG_ADDRESS_BASED)

static struct pst_connection *
action_new(struct pst_session *session, enum pst_proto proto, uint32_t flags)
{
	struct pst_connection *action = handle_new(session, HANDLE_ACTION);

	if (action == NULL)
		return NULL;
	action->proto = proto;
	action->flags = flags;
	action->editor = session->rt->current;
	action->address_based = flags & PST_FLAG_ADDRESS_BASED;
	return action;
}

/* Hand the handle out, or forget that anybody could have it. */
static void
give(struct pst_connection *conn, struct pst_action **action)
{
	if (action != NULL)
		*action = (struct pst_action *)conn;
	else
		conn->released = true;
}

/* Have the worker keep its part. 0 or -errno; the handle is freed when it failed. */
static int
post_permit(struct pst_connection *action, struct pst_req *req, uint64_t give_up)
{
	struct pst_session *session = action->session;
	struct pst_runtime *rt = session->rt;
	int ret = -EAGAIN;

	req->type = PST_REQ_PERMIT;
	req->permit.client_ip = session->client_ip;
	req->permit.protocol = action->proto;
	req->permit.flags = action->flags;
	req->permit.editor_lcore = rt->params.index;
	req->permit.editor = action->editor;
	req->permit.cookie = req->cookie = handle_cookie(action);
	if (call_wait(rt, session->worker, req, give_up)) {
		ret = req->result;
		action->ref = req->permit.ref;
		action->at_worker = ret == 0;
		pst_chan_put(rt->params.workers[session->worker], req);
	}
	if (ret < 0)
		handle_free(action);
	return ret;
}

/* AllowFutureConnect. */

static int
check_permit(const struct pst_session *session, const struct pst_allow_future_connect *args)
{
	if (session == NULL || args == NULL || (args->flags & ~(uint32_t)PERMIT_FLAGS))
		return -EINVAL;
	if (args->protocol != PST_TCP && args->protocol != PST_UDP)
		return -EINVAL;
	if (args->callback != NULL && session_editor_of(session, args->callback) == NO_EDITOR)
		return -EINVAL;
	return session->closing ? -ESHUTDOWN : protocol_find(session->rt, &args->protocol_id);
}

int
pst_allow_future_connect(struct pst_session *session,
	const struct pst_allow_future_connect *args, struct pst_action **action)
{
	int protocol = check_permit(session, args), ret;
	struct pst_connection *conn;
	struct pst_req *req;
	uint64_t give_up;

	if (protocol < 0)
		return protocol;
	give_up = call_bound(session->rt);
	req = call_take(session->rt, session->worker, give_up);
	if (req == NULL)
		return -EAGAIN;
	conn = action_new(session, args->protocol, args->flags);
	if (conn == NULL) {
		pst_chan_put(session->rt->params.workers[session->worker], req);
		return -ENOMEM;
	}
	conn->callback = args->callback;
	conn->context = args->callback_context;
	conn->remote = args->address;
	req->permit.remote = args->address;
	req->permit.via = args->proxy_address != NULL ? args->proxy_address->ip : 0;
	req->permit.protocol_index = protocol;
	req->permit.wants_established = args->callback != NULL;
	req->permit.is_interest = false;
	req->permit.editor_path = args->flags & PST_FLAG_NO_KERNEL_MODE;
	ret = post_permit(conn, req, give_up);
	if (ret == 0)
		give(conn, action);
	return ret;
}

/* RedirectConnections. */

static int
check_redirect(const struct pst_session *session, const struct pst_redirect_connections *args)
{
	const uint32_t flags = PST_FLAG_ALLOW_MULTIPLE | PST_FLAG_TIMEOUT | PST_FLAG_NO_KERNEL_MODE;

	if (session == NULL || args == NULL || args->connect_addresses == NULL ||
		args->internal_address == NULL || args->actions == NULL)
		return -EINVAL;
	if (args->n == 0 || args->n > PST_BIND_MAX || (args->flags & ~flags) ||
		(args->protocol != PST_TCP && args->protocol != PST_UDP))
		return -EINVAL;
	for (uint32_t i = 0; i < args->n; i++) {
		if (args->connect_addresses[i].ip == 0 || args->connect_addresses[i].port == 0)
			return -EINVAL;
	}
	if (args->callback != NULL && session_editor_of(session, args->callback) == NO_EDITOR)
		return -EINVAL;
	return session->closing ? -ESHUTDOWN : protocol_find(session->rt, &args->protocol_id);
}

static void
free_actions(struct pst_action **actions, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		handle_free((struct pst_connection *)actions[i]);
		actions[i] = NULL;
	}
}

static int
make_actions(struct pst_session *session, const struct pst_redirect_connections *args)
{
	for (uint32_t i = 0; i < args->n; i++) {
		struct pst_connection *conn = action_new(session, args->protocol, args->flags);

		if (conn == NULL) {
			free_actions(args->actions, i);
			return -ENOMEM;
		}
		conn->callback = args->callback;
		conn->context = args->callback_context;
		conn->remote = args->connect_addresses[i];
		args->actions[i] = (struct pst_action *)conn;
	}
	return 0;
}

static void
fill_redirect(struct pst_req *req, const struct pst_session *session,
	const struct pst_redirect_connections *args, int protocol)
{
	req->type = PST_REQ_REDIRECT;
	req->cookie = UINT64_MAX;
	req->bind.client_ip = session->client_ip;
	req->bind.protocol = args->protocol;
	req->bind.n = args->n;
	req->bind.flags = args->flags;
	req->bind.via = args->proxy_address != NULL ? args->proxy_address->ip : 0;
	req->bind.editor_lcore = session->rt->params.index;
	req->bind.editor = ((struct pst_connection *)args->actions[0])->editor;
	req->bind.protocol_index = protocol;
	req->bind.wants_established = args->callback != NULL;
	req->bind.editor_path = args->flags & PST_FLAG_NO_KERNEL_MODE;
	req->bind.filter = NULL;
	for (uint32_t i = 0; i < args->n; i++) {
		req->bind.ends[i].client = args->connect_addresses[i];
		req->bind.ends[i].cookie = handle_cookie((struct pst_connection *)args->actions[i]);
	}
}

static int
ask_redirect(struct pst_session *session, const struct pst_redirect_connections *args, int protocol)
{
	struct pst_runtime *rt = session->rt;
	uint64_t give_up = call_bound(rt);
	struct pst_req *req = call_take(rt, session->worker, give_up);
	int ret;

	if (req == NULL)
		return -EAGAIN;
	fill_redirect(req, session, args, protocol);
	if (!call_wait(rt, session->worker, req, give_up))
		return -EAGAIN;
	ret = req->result;
	for (uint32_t i = 0; ret == 0 && i < args->n; i++) {
		struct pst_connection *conn = (struct pst_connection *)args->actions[i];

		conn->ref = req->bind.ends[i].ref;
		conn->at_worker = true;
	}
	*args->internal_address = req->bind.proxy;
	pst_chan_put(rt->params.workers[session->worker], req);
	return ret;
}

int
pst_redirect_connections(
	struct pst_session *session, const struct pst_redirect_connections *args)
{
	int protocol = check_redirect(session, args), ret;

	if (protocol < 0)
		return protocol;
	ret = make_actions(session, args);
	if (ret < 0)
		return ret;
	ret = ask_redirect(session, args, protocol);
	if (ret < 0)
		free_actions(args->actions, args->n);
	return ret;
}

/* Internal address translation is an action of nobody: the session's end takes it back. */

static int
ask_translate(struct pst_session *session, bool on)
{
	struct pst_runtime *rt = session->rt;
	uint64_t give_up = call_bound(rt);
	struct pst_req *req = call_take(rt, session->worker, give_up);
	int ret;

	if (req == NULL)
		return -EAGAIN;
	req->type = PST_REQ_TRANSLATE;
	req->cookie = UINT64_MAX;
	req->bind.client_ip = session->client_ip;
	req->bind.n = on;
	if (!call_wait(rt, session->worker, req, give_up))
		return -EAGAIN;
	ret = req->result;
	pst_chan_put(rt->params.workers[session->worker], req);
	return ret;
}

static struct pst_connection *
translation_of(const struct pst_session *session)
{
	struct pst_connection *conn;

	LIST_FOREACH(conn, &session->handles, of_session)
	{
		if (conn->is_translation && !conn->kill_wanted)
			return conn;
	}
	return NULL;
}

int
pst_session_translate_internal_addresses(struct pst_session *session, bool on)
{
	struct pst_connection *action = translation_of(session);
	int ret;

	if (on == (action != NULL))
		return 0;
	if (!on) {
		pst_connection_kill(action);
		return 0;
	}
	action = action_new(session, PST_TCP, 0);
	if (action == NULL)
		return -ENOMEM;
	action->is_translation = action->at_worker = action->released = true;
	ret = ask_translate(session, true);
	if (ret == -EAGAIN) /* it may yet be done: and is undone then */
		pst_connection_kill(action);
	else if (ret < 0)
		handle_free(action);
	return ret;
}

/* SetDataFilterFactory. */

/* A connection that an editor wants to see has to be lent from its first packet on. */
static int
post_interest(struct pst_connection *action)
{
	struct pst_session *session = action->session;
	uint64_t give_up = call_bound(session->rt);
	struct pst_req *req = call_take(session->rt, session->worker, give_up);

	if (req == NULL) {
		handle_free(action);
		return -EAGAIN;
	}
	req->permit.remote = action->factory.address;
	req->permit.via = 0;
	req->permit.protocol_index = UINT16_MAX;
	req->permit.wants_established = false;
	req->permit.is_interest = true;
	req->permit.editor_path = true;
	return post_permit(action, req, give_up);
}

int
pst_set_data_filter_factory(struct pst_session *session,
	const struct pst_set_data_filter_factory *args, struct pst_action **action)
{
	struct pst_connection *conn;
	bool outbound;
	int ret = 0;

	if (session == NULL || args == NULL || args->create == NULL ||
		args->priority > PST_PRIORITY_EMULATION ||
		(args->flags & ~(uint32_t)PST_FLAG_ADDRESS_BASED))
		return -EINVAL;
	outbound = args->event == PST_EVENT_CONNECT_TCP || args->event == PST_EVENT_UDP_DESTINATION;
	if (!outbound && args->event != PST_EVENT_BIND_UDP && args->event != PST_EVENT_ACCEPTED)
		return -EINVAL;
	if (session->closing)
		return -ESHUTDOWN;
	conn = action_new(session, args->event == PST_EVENT_CONNECT_TCP ? PST_TCP : PST_UDP,
		args->flags | PST_FLAG_ALLOW_MULTIPLE);
	if (conn == NULL)
		return -ENOMEM;
	conn->factory = (struct factory){ .event = args->event,
		.address = args->address,
		.create = args->create,
		.priority = args->priority,
		.context = args->context };
	session->factories++;
	if (outbound)
		ret = post_interest(conn);
	if (ret == 0)
		give(conn, action);
	return ret;
}

/* IFWXFirewallAction. */

/* Ask the worker to end its part. -ESHUTDOWN when that had ended before. */
static int
cancel_at_worker(struct pst_connection *conn)
{
	struct pst_runtime *rt = conn->session->rt;
	uint32_t worker = conn->session->worker;
	uint64_t give_up = call_bound(rt);
	struct pst_req *req = call_take(rt, worker, give_up);
	int ret;

	if (req == NULL)
		return -EAGAIN;
	req->type = PST_REQ_CANCEL;
	req->cookie = UINT64_MAX;
	req->bind.n = 1;
	req->bind.ends[0].ref = conn->ref;
	if (!call_wait(rt, worker, req, give_up))
		return -EAGAIN;
	ret = req->result;
	pst_chan_put(rt->params.workers[worker], req);
	return ret;
}

int
pst_action_cancel(struct pst_action *action)
{
	struct pst_connection *conn = (struct pst_connection *)action;
	int ret = 0;

	if (conn == NULL || conn->session == NULL || conn->kind != HANDLE_ACTION ||
		conn->finished || conn->kill_wanted)
		return -ESHUTDOWN;
	if (conn->at_worker)
		ret = cancel_at_worker(conn);
	if (ret == -EAGAIN) { /* it is told later, and the worker says when it has ended */
		pst_connection_kill(conn);
		ret = 0;
	}
	conn->finished = true;
	return ret;
}

void
pst_action_release(struct pst_action *action)
{
	struct pst_connection *conn = (struct pst_connection *)action;

	if (conn == NULL || conn->session == NULL)
		return;
	conn->released = true;
	/* what the worker still has comes back with its end */
	if (conn->finished && !conn->at_worker && !conn->kill_wanted)
		handle_free(conn);
}

/* RetroactiveAllowBind. */

static int
check_allow_bind(
	const struct pst_session *session, const struct pst_retroactive_allow_bind *args)
{
	if (session == NULL || args == NULL || args->address.port == 0)
		return -EINVAL; /* R62 */
	if (args->protocol != PST_TCP && args->protocol != PST_UDP)
		return -EINVAL;
	if ((args->flags & ~(uint32_t)PST_FLAG_BIDIRECTIONAL) ||
		(args->flags != 0 && args->protocol != PST_UDP))
		return -EINVAL;
	return session->closing ? -ESHUTDOWN : protocol_find(session->rt, &args->protocol_id);
}

int
pst_retroactive_allow_bind(
	struct pst_session *session, const struct pst_retroactive_allow_bind *args)
{
	int protocol = check_allow_bind(session, args), ret;
	struct pst_ipset *filter = NULL;
	struct pst_req *req;
	uint64_t give_up;

	if (protocol < 0)
		return protocol;
	give_up = call_bound(session->rt);
	req = call_take(session->rt, session->worker, give_up);
	if (req == NULL)
		return -EAGAIN;
	if (args->filter != NULL)
		filter = pst_ipset_create(args->filter);
	if (args->filter != NULL && filter == NULL) {
		pst_chan_put(session->rt->params.workers[session->worker], req);
		return -ENOMEM;
	}
	req->type = PST_REQ_ALLOW_BIND;
	req->cookie = UINT64_MAX;
	req->bind.client_ip = session->client_ip;
	req->bind.proxy = args->address;
	req->bind.protocol = args->protocol;
	req->bind.protocol_index = protocol;
	req->bind.flags = args->flags;
	req->bind.filter = filter;
	if (!call_wait(session->rt, session->worker, req, give_up))
		return -EAGAIN;
	ret = req->result;
	pst_ipset_unref(req->bind.filter); /* NULL when it was taken */
	pst_chan_put(session->rt->params.workers[session->worker], req);
	return ret;
}

/* Filters of endpoints. */

static int
post_filter(struct pst_connection *conn, struct pst_ipset *set)
{
	struct pst_runtime *rt = conn->session->rt;
	uint32_t worker = conn->session->worker;
	uint64_t give_up = call_bound(rt);
	struct pst_req *req = call_take(rt, worker, give_up);
	int ret;

	if (req == NULL)
		return -EAGAIN;
	req->type = PST_REQ_SET_FILTER;
	req->cookie = UINT64_MAX;
	req->bind.n = 1;
	req->bind.ends[0].ref = conn->ref;
	req->bind.filter = pst_ipset_ref(set);
	if (!call_wait(rt, worker, req, give_up))
		return -EAGAIN;
	ret = req->result;
	pst_ipset_unref(req->bind.filter); /* the old one, or what was not taken */
	pst_chan_put(rt->params.workers[worker], req);
	return ret;
}

int
pst_connection_set_ipfilter(struct pst_connection *conn, const struct pst_ipfilter *filter)
{
	struct pst_ipset *set = NULL;
	int ret;

	if (conn == NULL || conn->session == NULL || conn->kind != HANDLE_ENDPOINT)
		return -EINVAL;
	if (conn->session->closing || conn->kill_wanted)
		return -ESHUTDOWN;
	if (filter != NULL) {
		set = pst_ipset_create(filter);
		if (set == NULL)
			return -ENOMEM;
	}
	ret = post_filter(conn, set);
	if (ret < 0) {
		pst_ipset_unref(set);
		return ret;
	}
	pst_ipset_unref(conn->ipset);
	conn->ipset = set;
	return 0;
}

static int
copy_range(struct pst_ipfilter *filter, const struct pst_ipset *set, uint32_t i)
{
	uint32_t first, last;

	pst_ipset_range(set, i, &first, &last);
	return pst_ipfilter_include(filter, first, last);
}

int
pst_connection_get_ipfilter(const struct pst_connection *conn, struct pst_ipfilter **filter)
{
	uint32_t n;
	int ret = 0;

	if (conn == NULL || conn->session == NULL || filter == NULL ||
		conn->kind != HANDLE_ENDPOINT)
		return -EINVAL;
	*filter = NULL;
	if (conn->ipset == NULL)
		return 0;
	*filter = pst_ipfilter_create();
	if (*filter == NULL)
		return -ENOMEM;
	n = pst_ipset_count(conn->ipset);
	for (uint32_t i = 0; ret == 0 && i < n; i++)
		ret = copy_range(*filter, conn->ipset, i);
	if (ret < 0) {
		pst_ipfilter_destroy(*filter);
		*filter = NULL;
	}
	return ret;
}
