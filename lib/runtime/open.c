/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first packet of a connection that was lent to us: its handle is made, its event
 * raised, and who decides has decided before the packet goes on.
 */
#include "runtime/runtime_priv.h"

/* The endpoint of ours that it came to; NULL: a published server, or one that is gone. */
static struct pst_connection *
endpoint_of(const struct pst_runtime *rt, const struct pst_tag *tag)
{
	struct pst_connection *conn;

	if ((tag->flags & (PST_TAG_INBOUND | PST_TAG_SECONDARY)) !=
		(PST_TAG_INBOUND | PST_TAG_SECONDARY))
		return NULL;
	conn = handle_by_cookie(rt, tag->cookie);
	return conn != NULL && conn->kind == HANDLE_ENDPOINT ? conn : NULL;
}

static struct pst_connection *
new_handle(struct pst_runtime *rt, uint32_t worker, const struct pst_tag *tag)
{
	struct pst_session *session = session_get(rt, tag->inside.ip);
	struct pst_connection *conn;

	if (session == NULL)
		return NULL;
	conn = handle_new(session, HANDLE_WATCHED);
	if (conn == NULL) {
		session_check(session);
		return NULL;
	}
	conn->proto = tag->proto;
	conn->client = tag->inside;
	conn->external = tag->outside;
	conn->remote = tag->remote;
	conn->inbound = tag->flags & PST_TAG_INBOUND;
	conn->editor = NO_EDITOR;
	if (!handle_bind_ref(conn, worker, tag->conn)) {
		handle_free(conn);
		return NULL;
	}
	return conn;
}

static void
describe(struct occasion *o, struct pst_connection *conn, struct pst_connection *endpoint,
	const struct pst_tag *tag)
{
	const struct pst_runtime *rt = conn->session->rt;
	bool is_udp = conn->proto == PST_UDP;
	int protocol = tag->protocol_index < rt->params.settings.n_protocols ? tag->protocol_index : -1;

	*o = (struct occasion){ .primary = tag->flags & PST_TAG_SECONDARY ? -1 : protocol };
	o->event.type = is_udp	    ? PST_EVENT_UDP_DESTINATION :
			conn->inbound ? PST_EVENT_ACCEPTED :
					PST_EVENT_CONNECT_TCP;
	o->event.connection = is_udp && endpoint != NULL ? endpoint : conn;
	o->event.destination = is_udp ? (struct pst_udp_destination *)conn : NULL;
	o->event.remote = conn->remote;
	o->event.local = conn->external;
	o->event.endpoint = endpoint;
	o->event.is_secondary = endpoint != NULL;
	if (protocol >= 0)
		o->event.protocol = rt->params.settings.protocols[protocol].id;
	o->bound = conn->external;
	o->port = o->other_port = conn->remote.port;
	if (o->event.type == PST_EVENT_ACCEPTED) {
		o->port = conn->external.port;
		o->other_port = conn->client.port;
	}
}

/* Where nobody looks, its packets need not come here: back to the fast path. */
static bool
begin(struct pst_connection *conn)
{
	bool is_looked_at = filters_count(conn->filters) > 0 ||
		(conn->parent != NULL && filters_count(conn->parent->filters) > 0);

	if (conn->proto == PST_TCP && is_looked_at)
		return watch_start(conn);
	if (!is_looked_at && !conn->by_editor)
		handle_want_unwatch(conn);
	return true;
}

/* False when an editor, the rules or want of memory refuse it (R74). */
static bool
decide(struct pst_connection *conn, struct pst_connection *endpoint, const struct pst_tag *tag)
{
	struct decision d = { .conn = conn, .protocol = -1 };
	struct occasion o;

	describe(&o, conn, endpoint, tag);
	if (conn->proto == PST_UDP && endpoint != NULL) {
		conn->parent = endpoint;
		endpoint->peers++;
	}
	conn->by_editor = endpoint != NULL && endpoint->by_editor &&
		(endpoint->flags & PST_FLAG_NO_KERNEL_MODE);
	if (event_raise(conn->session, &o, &d) < 0 || d.access == PST_ACCESS_DENY)
		return false;
	if (d.access == PST_ACCESS_EMULATE)
		return emulation_accept(conn);
	if ((tag->flags & PST_TAG_UNSET) && d.access == PST_ACCESS_PASS)
		return false; /* R71: nobody allowed it */
	return begin(conn);
}

struct pst_connection *
open_new(struct pst_runtime *rt, uint32_t worker, const struct rte_mbuf *m, bool *denied)
{
	const struct pst_tag *tag = pst_tag((struct rte_mbuf *)(uintptr_t)m);
	struct pst_connection *endpoint = endpoint_of(rt, tag), *conn;
	bool is_accepted = (tag->flags & PST_TAG_INBOUND) && (tag->flags & PST_TAG_SECONDARY);

	*denied = true;
	if (is_accepted && (endpoint == NULL || endpoint->kill_wanted))
		return NULL; /* it is being killed: the worker hears of it soon */
	conn = new_handle(rt, worker, tag);
	if (conn == NULL)
		return NULL;
	if (!decide(conn, endpoint, tag)) {
		if (conn->proto == PST_UDP) {
			handle_want_deny(conn); /* its peer stays denied while it is in the cache */
			return conn;
		}
		watch_refuse(rt, worker, m);
		pst_connection_kill(conn);
		return NULL;
	}
	*denied = false;
	return conn;
}
