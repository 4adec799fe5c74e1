/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls to workers: posted, waited for within a bound, and undone when the
 * answer comes too late.
 */
#include <string.h>

#include <rte_cycles.h>

#include "filter/ipfilter.h"
#include "runtime/runtime_priv.h"

/* Nobody waits for it any more: what it did is undone, with the same record. */
static void
undo_bind(struct pst_runtime *rt, uint32_t worker, struct pst_req *req)
{
	rt->stats.late_replies++;
#if PST_PLANTED_BUG == 1 /* what it did stays */
	pst_chan_put(rt->params.workers[worker], req);
	return;
#endif
	if (req->result < 0) {
		pst_ipset_unref(req->bind.filter);
		pst_chan_put(rt->params.workers[worker], req);
		return;
	}
	req->type = PST_REQ_KILL;
	req->cookie = UINT64_MAX; /* of no handle */
	pst_chan_post(rt->params.workers[worker], req);
}

/* The permission's part at the worker is ended, with the same record. */
static void
undo_permit(struct pst_runtime *rt, uint32_t worker, struct pst_req *req)
{
	struct pst_ref ref = req->permit.ref;

	rt->stats.late_replies++;
	if (req->result < 0) {
		pst_chan_put(rt->params.workers[worker], req);
		return;
	}
	req->type = PST_REQ_KILL;
	req->cookie = UINT64_MAX; /* of no handle */
	req->bind.n = 1;
	req->bind.ends[0].ref = ref;
	pst_chan_post(rt->params.workers[worker], req);
}

static void
undo_emulate(struct pst_runtime *rt, uint32_t worker, struct pst_req *req)
{
	struct pst_ref ref = req->emulate.ref;

	rt->stats.late_replies++;
	req->type = PST_REQ_KILL_CONN;
	req->cookie = PST_NO_COOKIE; /* of no handle */
	req->conn.ref = ref;
	pst_chan_post(rt->params.workers[worker], req);
}

/* A filter that its answer brings back: what was not taken, or what it took the place of. */
static bool
has_filter(const struct pst_req *req)
{
	return req->type == PST_REQ_SET_FILTER || req->type == PST_REQ_ALLOW_BIND;
}

/* Nobody waits for it any more, but it is done. */
static void
late_client(struct pst_runtime *rt, const struct pst_req *req)
{
	struct pst_connection *conn = handle_by_cookie(rt, req->cookie);

	if (req->result == 0 && conn != NULL)
		conn->client = req->bind.ends[0].client;
}

/* Keep what an answer means, and have its record back at once: a call may wait for one. */
static void
put_off(struct pst_runtime *rt, uint32_t worker, struct pst_req *req)
{
	if (req->type == PST_REQ_BIND || req->type == PST_REQ_REDIRECT) {
		undo_bind(rt, worker, req);
		return;
	}
	if (req->type == PST_REQ_PERMIT) {
		undo_permit(rt, worker, req);
		return;
	}
	if (req->type == PST_REQ_EMULATE && req->result == 0) {
		undo_emulate(rt, worker, req);
		return;
	}
	if (has_filter(req))
		pst_ipset_unref(req->bind.filter);
	if (req->type == PST_REQ_SET_CLIENT)
		late_client(rt, req);
	if ((req->type == PST_REQ_KILL || req->type == PST_REQ_UNWATCH ||
		    req->type == PST_REQ_TRANSLATE) &&
		handle_by_cookie(rt, req->cookie) != NULL) {
		rt->deferred[rt->n_deferred].type = req->type;
		rt->deferred[rt->n_deferred].worker = worker;
		rt->deferred[rt->n_deferred++].cookie = req->cookie;
	}
	pst_chan_put(rt->params.workers[worker], req);
}

uint32_t
call_collect(struct pst_runtime *rt)
{
	struct pst_req *req;
	uint32_t n = 0;

	for (uint32_t w = 0; w < rt->params.n_workers; w++) {
		while ((req = pst_chan_answer(rt->params.workers[w])) != NULL) {
			n++;
			if (req == rt->awaited) {
				rt->answered = true;
				continue;
			}
			put_off(rt, w, req);
		}
	}
	return n;
}

void
call_deferred(struct pst_runtime *rt)
{
	while (rt->n_deferred > 0) {
		struct deferred d = rt->deferred[--rt->n_deferred];
		struct pst_connection *conn;

		/* the answer stands behind all that was lent: after that, nothing comes */
		if (d.type == PST_REQ_UNWATCH)
			runtime_drain(rt, d.worker);
		conn = handle_by_cookie(rt, d.cookie);
		if (conn == NULL)
			continue;
		if (d.type == PST_REQ_UNWATCH)
			watch_end(conn);
		else if (conn->kind == HANDLE_ACTION)
			handle_finish(conn);
		else
			handle_end(conn);
	}
}

void
call_abandon(struct pst_runtime *rt)
{
	for (uint32_t w = 0; w < rt->params.n_workers; w++) {
		struct pst_req *req;

		while ((req = pst_chan_request(rt->params.workers[w])) != NULL) {
			if (req->type == PST_REQ_BIND || has_filter(req))
				pst_ipset_unref(req->bind.filter);
		}
		while ((req = pst_chan_answer(rt->params.workers[w])) != NULL) {
			if ((req->type == PST_REQ_BIND && req->result < 0) || has_filter(req))
				pst_ipset_unref(req->bind.filter);
		}
	}
}

uint64_t
call_bound(const struct pst_runtime *rt)
{
	return rt->params.now(rt->params.ctx) + rt->params.bind_timeout_ms;
}

static void
note_round_trip(struct pst_runtime *rt, const struct pst_req *req, uint64_t ticks)
{
	struct pst_runtime_figures *f = &rt->figures;

	if (req->type == PST_REQ_BIND)
		pst_latency_note(&rt->stats.bind_latency, ticks);
	f->tsc_min = f->answers == 0 ? ticks : RTE_MIN(f->tsc_min, ticks);
	f->tsc_max = RTE_MAX(f->tsc_max, ticks);
	f->tsc_sum += ticks;
	f->tsc_log2[63 - __builtin_clzll(ticks | 1)]++;
	f->answers++;
}

void
call_post(struct pst_runtime *rt, uint32_t worker, struct pst_req *req)
{
	req->posted = rte_rdtsc();
	rt->awaited = req;
	rt->answered = false;
	pst_chan_post(rt->params.workers[worker], req);
}

bool
call_await(struct pst_runtime *rt, uint64_t give_up)
{
	struct pst_req *req = rt->awaited;

	for (;;) {
		call_collect(rt);
		if (rt->answered || rt->params.now(rt->params.ctx) >= give_up)
			break;
		rt->params.idle(rt->params.ctx);
	}
	rt->awaited = NULL;
	if (rt->answered)
		note_round_trip(rt, req, rte_rdtsc() - req->posted);
	else
		req->abandoned = true;
	return rt->answered;
}

bool
call_wait(struct pst_runtime *rt, uint32_t worker, struct pst_req *req, uint64_t give_up)
{
	call_post(rt, worker, req);
	return call_await(rt, give_up);
}

struct pst_req *
call_take(struct pst_runtime *rt, uint32_t worker, uint64_t give_up)
{
	struct pst_chan *chan = rt->params.workers[worker];

	for (;;) {
		struct pst_req *req = pst_chan_take(chan);

		if (req != NULL || rt->params.now(rt->params.ctx) >= give_up)
			return req;
		if (call_collect(rt) == 0)
			rt->params.idle(rt->params.ctx);
	}
}
