/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handles: what editors hold. A handle has a number and a generation, so that
 * what a worker says of one that is gone is known to be late.
 *
 * Kill and unwatch are wishes on the handle: they are posted when a record is
 * free, so neither can be lost. An endpoint's handle is freed when the worker has
 * answered, a connection's when the worker tells its end.
 */
#include <string.h>

#include "filter/ipfilter.h"
#include "runtime/runtime_priv.h"

struct ref_key {
	uint32_t worker, index, gen;
};

struct pst_connection *
handle_new(struct pst_session *session, enum handle_kind kind)
{
	struct pst_runtime *rt = session->rt;
	struct pst_connection *conn;
	uint32_t gen;

	if (rt->n_free == 0)
		return NULL;
	conn = &rt->handles[rt->free_handles[--rt->n_free]];
	gen = conn->gen;
	memset(conn, 0, sizeof(*conn));
	conn->index = conn - rt->handles;
	conn->gen = gen;
	conn->session = session;
	conn->kind = kind;
	conn->worker = UINT32_MAX; /* not known there yet */
	LIST_INSERT_HEAD(&session->handles, conn, of_session);
	rt->stats.connections += kind == HANDLE_WATCHED;
	return conn;
}

/* The worker that its requests go to: an endpoint's is its client's. */
static uint32_t
worker_of(const struct pst_connection *conn)
{
	return conn->worker != UINT32_MAX ? conn->worker : conn->session->worker;
}

static void
unlist(struct pst_runtime *rt, struct pst_connection *conn)
{
	if (conn->listed)
		STAILQ_REMOVE(&rt->kills[worker_of(conn)], conn, pst_connection, to_kill);
	conn->listed = false;
}

/* Its peers' datagrams have no filters of it to go by any more. */
static void
orphan_peers(struct pst_connection *endpoint)
{
	struct pst_connection *conn;

	if (endpoint->peers == 0)
		return;
	LIST_FOREACH(conn, &endpoint->session->handles, of_session)
	{
		if (conn->parent == endpoint)
			conn->parent = NULL;
	}
}

/* Who was told an event of it, and who has it. */
static uint64_t
who_knows(const struct pst_connection *conn)
{
	uint64_t who = conn->told;

	if (conn->editor != NO_EDITOR)
		who |= UINT64_C(1) << conn->editor;
	return who;
}

void
handle_end(struct pst_connection *conn)
{
	struct pst_event event = { .type = PST_EVENT_TERMINATING,
		.source = session_source(conn->session),
		.connection = conn,
		.remote = conn->remote };
	uint64_t who = who_knows(conn);

	if (conn->kill_wanted && conn->editor != NO_EDITOR) /* it has dropped its references */
		who &= ~(UINT64_C(1) << conn->editor);
	for (uint32_t e = 0; e < conn->session->rt->n_editors; e++) {
		if (who >> e & 1)
			session_tell(conn->session, e, &event);
	}
	handle_free(conn);
}

void
handle_free(struct pst_connection *conn)
{
	struct pst_session *session = conn->session;
	struct pst_runtime *rt = session->rt;
	struct filters *filters = conn->filters;

	watch_end(conn);
	emulation_end(conn);
	orphan_peers(conn);
	conn->filters = NULL;
	filters_destroy(filters, rt);
	unlist(rt, conn);
	pst_ipset_unref(conn->ipset);
	session->maps -= conn->is_map;
	session->factories -= conn->factory.event != 0;
	if (conn->parent != NULL)
		conn->parent->peers--;
	if (conn->worker != UINT32_MAX) {
		struct ref_key key = { conn->worker, conn->ref.index, conn->ref.gen };

		rte_hash_del_key(rt->by_ref, &key);
	}
	LIST_REMOVE(conn, of_session);
	rt->stats.connections -= conn->kind == HANDLE_WATCHED;
	conn->session = NULL;
	conn->gen++;
	rt->free_handles[rt->n_free++] = conn->index;
	session_check(session);
}

void
handle_finish(struct pst_connection *action)
{
	struct pst_session *session = action->session;

	action->finished = true;
	action->at_worker = action->kill_wanted = action->kill_posted = false;
	if (action->released)
		handle_free(action);
	else
		session_check(session);
}

bool
handle_bind_ref(struct pst_connection *conn, uint32_t worker, struct pst_ref ref)
{
	/* endpoints are known by their cookie: their references are another table's */
	if (conn->kind == HANDLE_WATCHED || conn->kind == HANDLE_ESTABLISHED) {
		struct ref_key key = { worker, ref.index, ref.gen };

		if (rte_hash_add_key_data(conn->session->rt->by_ref, &key, conn) < 0)
			return false;
		conn->worker = worker;
	}
	conn->ref = ref;
	return true;
}

struct pst_connection *
handle_by_ref(const struct pst_runtime *rt, uint32_t worker, struct pst_ref ref)
{
	struct ref_key key = { worker, ref.index, ref.gen };
	void *found;

	return rte_hash_lookup_data(rt->by_ref, &key, &found) >= 0 ? found : NULL;
}

struct pst_connection *
handle_by_cookie(const struct pst_runtime *rt, uint64_t cookie)
{
	uint32_t i = (uint32_t)cookie;

	if (i >= rt->n_handles || rt->handles[i].gen != cookie >> 32 ||
		rt->handles[i].session == NULL)
		return NULL;
	return &rt->handles[i];
}

/* Wishes. */

static void
enlist(struct pst_connection *conn)
{
	if (!conn->listed)
		STAILQ_INSERT_TAIL(&conn->session->rt->kills[worker_of(conn)], conn, to_kill);
	conn->listed = true;
}

void
handle_want_unwatch(struct pst_connection *conn)
{
	if (conn->unwatch_wanted)
		return;
	conn->unwatch_wanted = true;
	enlist(conn);
}

void
handle_want_deny(struct pst_connection *conn)
{
	conn->deny_wanted = true;
	enlist(conn);
}

void
pst_connection_kill(struct pst_connection *conn)
{
	if (conn == NULL || conn->session == NULL || conn->kill_wanted)
		return;
	if (conn->kind == HANDLE_ENDPOINT && conn->emulated) { /* no worker knows it */
		handle_free(conn);
		return;
	}
	conn->kill_wanted = true;
	enlist(conn);
	handle_post_wanted(conn->session->rt);
}

static void
post_kill(struct pst_connection *conn, struct pst_req *req)
{
	req->cookie = handle_cookie(conn);
	if (conn->is_translation) {
		req->type = PST_REQ_TRANSLATE;
		req->bind.client_ip = conn->session->client_ip;
		req->bind.n = 0;
	} else if (conn->kind == HANDLE_ENDPOINT || conn->kind == HANDLE_ACTION) {
		req->type = PST_REQ_KILL;
		req->bind.n = 1;
		req->bind.ends[0].ref = conn->ref;
	} else {
		req->type = PST_REQ_KILL_CONN;
		req->conn.ref = conn->ref;
	}
	conn->kill_posted = true;
}

static void
post_unwatch(struct pst_connection *conn, struct pst_req *req)
{
	req->type = PST_REQ_UNWATCH;
	req->cookie = handle_cookie(conn);
	req->conn.ref = conn->ref;
	watch_offsets(conn, req->conn.offset);
	conn->unwatch_posted = true;
}

static void
post_deny(struct pst_connection *conn, struct pst_req *req)
{
	req->type = PST_REQ_DENY;
	req->cookie = handle_cookie(conn);
	req->conn.ref = conn->ref;
	conn->deny_posted = true;
}

static uint32_t
post_to(struct pst_runtime *rt, uint32_t worker)
{
	struct pst_chan *chan = rt->params.workers[worker];
	struct pst_connection *conn;
	uint32_t n = 0;

	while ((conn = STAILQ_FIRST(&rt->kills[worker])) != NULL) {
		struct pst_req *req = pst_chan_take(chan);

#if PST_PLANTED_BUG == 2 /* it is not told later either */
		if (req == NULL) {
			STAILQ_REMOVE_HEAD(&rt->kills[worker], to_kill);
			conn->listed = false;
			handle_free(conn);
			continue;
		}
#endif
		if (req == NULL)
			break;
		STAILQ_REMOVE_HEAD(&rt->kills[worker], to_kill);
		conn->listed = false;
		if (conn->kill_wanted && !conn->kill_posted)
			post_kill(conn, req);
		else if (conn->deny_wanted && !conn->deny_posted)
			post_deny(conn, req);
		else
			post_unwatch(conn, req);
		pst_chan_post(chan, req);
		n++;
	}
	return n;
}

uint32_t
handle_post_wanted(struct pst_runtime *rt)
{
	uint32_t n = 0;

	for (uint32_t w = 0; w < rt->params.n_workers; w++)
		n += post_to(rt, w);
	return n;
}

void
handle_forsake(struct pst_connection *conn, uint32_t editor)
{
	/* a stream finds nobody there, and passes all */
	filters_forsake(conn->filters, conn->session->rt, editor);
	conn->told &= ~(UINT64_C(1) << editor);
	if (conn->editor != editor)
		return;
	conn->editor = NO_EDITOR;
	conn->released = true;
	if (conn->kind == HANDLE_ACTION && !conn->at_worker)
		conn->finished = true;
	else
		pst_connection_kill(conn);
}

/* What editors read. */

struct pst_session *
pst_connection_session(const struct pst_connection *conn)
{
	return conn->session;
}

void
pst_connection_external_name(const struct pst_connection *conn, struct pst_endpoint *name)
{
	*name = conn->external;
}

void
pst_connection_external_peer(const struct pst_connection *conn, struct pst_endpoint *peer)
{
	*peer = conn->remote;
}

void
pst_connection_client_name(const struct pst_connection *conn, struct pst_endpoint *name)
{
	*name = conn->client;
}

enum pst_proto
pst_connection_protocol(const struct pst_connection *conn)
{
	return conn->proto;
}

bool
pst_connection_is_inbound(const struct pst_connection *conn)
{
	return conn->inbound;
}
