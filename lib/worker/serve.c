/* SPDX-License-Identifier: BSD-3-Clause */
/* Between bursts: requests are answered, events told. Bounded work each round. */
#include "worker/worker_priv.h"

#define REQUESTS_A_ROUND 8 /* of each asker */
#define EVENTS_A_ROUND 32  /* to each editor lcore */
#define RUN_RETRY_MS 1000  /* until workers that have no run to give are asked again */

/* Requests of one asker, out of its ring. */
struct asked {
	uint32_t n;
	struct pst_req *reqs[REQUESTS_A_ROUND];
};

/* The worker whose port a BIND asks for; ourselves when it may be any. */
static uint32_t
port_owner(const struct pst_worker *w, const struct pst_req *req)
{
	if (req->type != PST_REQ_BIND || req->bind.proxy.port == PST_PORT_ANY)
		return w->params.index;
	return pst_steer_outside(w->params.steer, req->bind.proxy.port);
}

/* All at once: the asker reads their ring all the time, and each look takes its line from us. */
static void
answer(struct pst_worker *w, struct pst_chan *chan, struct pst_req **reqs, uint32_t n)
{
	if (n == 0) /* other workers are asked first */
		return;
	/* an answer to UNWATCH says that all that was lent before is in the ring */
	pst_worker_flush_lent(w);
	pst_chan_reply(chan, reqs, n);
}

/*
 * Two phases: the port's worker is asked, nobody waits, and its answer ends the call. True when it
 * has ended already.
 */
static bool
reserve(struct pst_worker *w, struct pst_chan *chan, struct pst_req *bind, uint32_t owner,
	uint64_t now_ms)
{
	struct pst_req *req;

	bind->result = pst_nat_bind_check(w->nat, bind, now_ms);
	req = bind->result == 0 ? pst_chan_take(w->params.asks[owner]) : NULL;
	if (req == NULL) {
		if (bind->result == 0)
			bind->result = -EAGAIN;
		return true;
	}
	bind->answer_to = chan;
	req->type = PST_REQ_RESERVE;
	req->reserve.endpoint = bind->bind.proxy;
	req->reserve.protocol = bind->bind.protocol;
	req->reserve.client_ip = bind->bind.client_ip;
	req->reserve.owner = w->params.index;
	req->reserve.bind = bind;
	pst_chan_post(w->params.asks[owner], req);
	return false;
}

/* A run of ports that we don't use becomes another worker's: packets to it go there now. */
static void
give_run(struct pst_worker *w, struct pst_req *req, uint64_t now_ms)
{
	req->result = pst_nat_run_give(w->nat, req->run.want, now_ms);
	if (req->result >= 0)
		pst_steer_move(w->params.steer, req->result, req->run.asker);
}

/* Our ports run out: ask the other workers in turn, one at a time. */
static uint32_t
ask_for_run(struct pst_worker *w, uint64_t now_ms)
{
	struct run_ask *ask = &w->run_ask;
	struct pst_chan *chan;
	struct pst_req *req;

	if (likely(w->nat->want == PST_WANT_NOTHING) || ask->under_way ||
		(w->nat->want <= ask->refused_want && now_ms < ask->retry_ms))
		return 0;
	ask->peer = (ask->peer + 1) % w->params.n_workers;
	chan = w->params.asks[ask->peer];
	req = chan != NULL ? pst_chan_take(chan) : NULL; /* NULL: ourselves */
	if (req == NULL)
		return 0;
	req->type = PST_REQ_RUN;
	req->run.asker = w->params.index;
	req->run.want = w->nat->want;
	ask->under_way = true;
	pst_chan_post(chan, req);
	return 1;
}

static void
take_run(struct pst_worker *w, const struct pst_req *req, uint64_t now_ms)
{
	struct run_ask *ask = &w->run_ask;

	ask->under_way = false;
	if (req->result >= 0) {
		pst_nat_run_take(w->nat, req->result);
		w->nat->want = PST_WANT_NOTHING; /* until ports are taken and few are left, again */
		ask->refused_want = PST_WANT_NOTHING;
		ask->refusals = 0;
	} else if (++ask->refusals == w->params.n_workers - 1) {
		ask->refusals = 0;
		ask->refused_want = req->run.want;
		w->nat->want = PST_WANT_NOTHING; /* until somebody wants a port again */
		ask->retry_ms = now_ms + RUN_RETRY_MS;
	}
}

/* Between two bursts: none of them is treated by two configs. */
static void
take_settings(struct pst_worker *w, struct pst_req *req)
{
	const struct pst_net *net = w->params.net;

	pst_nat_set(w->nat, req);
	w->params.net = req->settings.net;
	req->settings.net = net;
	req->result = 0;
}

/* The port's run may have gone to another worker since main looked. */
static void
publish(struct pst_worker *w, struct pst_req *req, uint64_t now_ms)
{
	if (req->publish.step <= PST_PUBLISH_SERVER && req->publish.step != PST_PUBLISH_REOPEN &&
		req->publish.protocol != 0 &&
		pst_steer_outside(w->params.steer, req->publish.external.port) !=
			req->publish.port_worker)
		req->result = -EAGAIN;
	else
		req->result = pst_nat_serve_publish(w->nat, req, now_ms);
}

/* A piece a loop: main need not run in between, which may take long where CPUs are shared. */
static bool
walk_on(struct pst_worker *w, struct pst_req *req, uint64_t now_ms)
{
	pst_nat_walk(w->nat, req, now_ms);
	w->reload_walk = req->walk.cursor != 0 ? req : NULL;
	return w->reload_walk == NULL;
}

/* Of main, for a reload: one at a time. */
static uint32_t
serve_reload(struct pst_worker *w, uint64_t now_ms)
{
	struct pst_req *req = w->reload_walk;

	if (likely(req == NULL) && w->params.reload != NULL)
		req = pst_chan_request(w->params.reload);
	if (likely(req == NULL))
		return 0;
	if (req->type == PST_REQ_WALK && !walk_on(w, req, now_ms))
		return 1;
	if (req->type == PST_REQ_WALK)
		req->result = 0;
	else if (req->type == PST_REQ_SETTINGS)
		take_settings(w, req);
	else if (req->type == PST_REQ_POOL)
		pst_nat_add_pool(w->nat, req->pool.address, req->pool.pool, req->pool.added);
	else if (req->type == PST_REQ_PUBLISH)
		publish(w, req, now_ms);
	else
		pst_nat_serve(w->nat, req, now_ms);
	pst_chan_reply(w->params.reload, &req, 1);
	return 1;
}

/* True when it is answered. */
static bool
serve(struct pst_worker *w, struct pst_chan *chan, struct pst_req *req, uint64_t now_ms)
{
	uint32_t owner = port_owner(w, req);

	/* what the editor lcore gave back before it asked for the end goes out first */
	if (req->type == PST_REQ_KILL_CONN) {
		while (pst_worker_take_back(w, now_ms) > 0)
			;
	}
	if (owner != w->params.index)
		return reserve(w, chan, req, owner, now_ms);
	if (req->type == PST_REQ_SHOW || req->type == PST_REQ_END) {
		pst_worker_walk_later(w, chan, req);
		return false;
	}
	if (req->type == PST_REQ_RUN)
		give_run(w, req, now_ms);
	else if (req->type == PST_REQ_EXPLAIN)
		pst_worker_explain(w, &req->explain, now_ms);
	else if (req->type == PST_REQ_TAP)
		w->tap = req->tap;
	else
		pst_nat_serve(w->nat, req, now_ms);
	return true;
}

/* Take what is asked for; it is served a little later. */
static void
look(struct pst_chan *chan, struct asked *asked)
{
	asked->n = pst_chan_requests(chan, asked->reqs, REQUESTS_A_ROUND);
}

static void
serve_all(struct pst_worker *w, struct pst_chan *chan, struct asked *asked, uint64_t now_ms)
{
	uint32_t done = 0;

	for (uint32_t k = 0; k < asked->n; k++) {
		if (serve(w, chan, asked->reqs[k], now_ms))
			asked->reqs[done++] = asked->reqs[k];
	}
	answer(w, chan, asked->reqs, done);
}

static uint32_t
serve_chan(struct pst_worker *w, struct pst_chan *chan, uint64_t now_ms)
{
	struct asked asked;

	look(chan, &asked);
	if (asked.n > 0)
		serve_all(w, chan, &asked, now_ms);
	return asked.n;
}

/* What another worker said to our RESERVE or RUN; a RELEASE needs no more. */
static void
take_answer(struct pst_worker *w, struct pst_chan *asked, struct pst_req *req, uint64_t now_ms)
{
	struct pst_req *bind;
	bool undo = false;

	if (req->type == PST_REQ_RUN)
		take_run(w, req, now_ms);
	if (req->type == PST_REQ_RESERVE) {
		bind = req->reserve.bind;
		bind->result = req->result;
		if (req->result == 0)
			undo = pst_nat_bind_reserved(w->nat, bind, now_ms) < 0;
		answer(w, bind->answer_to, &bind, 1);
	}
	if (undo) {
		req->type = PST_REQ_RELEASE;
		pst_chan_post(asked, req);
	} else {
		pst_chan_put(asked, req);
	}
}

/* Ports that were another worker's go back as records allow. */
static uint32_t
release(struct pst_worker *w)
{
	struct pst_endpoint endpoint;
	enum pst_proto protocol;
	uint32_t n = 0;

	while (pst_nat_next_release(w->nat, &endpoint, &protocol)) {
		struct pst_chan *asked =
			w->params.asks[pst_steer_outside(w->params.steer, endpoint.port)];
		struct pst_req *req = pst_chan_take(asked);

		if (req == NULL)
			break;
		req->type = PST_REQ_RELEASE;
		req->reserve.endpoint = endpoint;
		req->reserve.protocol = protocol;
		pst_chan_post(asked, req);
		pst_nat_released(w->nat);
		n++;
	}
	return n;
}

static uint32_t
serve_workers(struct pst_worker *w, uint64_t now_ms)
{
	struct pst_req *req;
	uint32_t n = 0;

	for (uint32_t k = 0; k < w->params.n_workers; k++) {
		if (w->params.asks[k] == NULL) /* ourselves */
			continue;
		n += serve_chan(w, w->params.asked_by[k], now_ms);
		while ((req = pst_chan_answer(w->params.asks[k])) != NULL) {
			take_answer(w, w->params.asks[k], req, now_ms);
			n++;
		}
	}
	return n + release(w) + ask_for_run(w, now_ms);
}

static uint32_t
tell_events(struct pst_worker *w, uint32_t e)
{
	struct pst_evt evt;
	uint32_t n = 0;

	if (likely(!pst_nat_has_events(w->nat, e)))
		return 0;
	while (n < EVENTS_A_ROUND && pst_nat_next_event(w->nat, e, &evt)) {
		if (!pst_chan_tell(w->params.editors[e], &evt))
			break;
		pst_nat_told(w->nat, e);
		n++;
	}
	return n;
}

/* Records of port blocks are never dropped here: they wait for room. */
static uint32_t
tell_records(struct pst_worker *w, uint64_t now_ms)
{
	const struct pst_block_record *r;
	uint32_t n = 0;

	while (w->params.main->events != NULL && (r = pst_nat_next_record(w->nat)) != NULL) {
		struct pst_evt evt = { .type = PST_EVT_BLOCK,
			.why = r->given_back,
			.cookie = r->number,
			.ref = { .index = r->last, .gen = now_ms },
			.client = { r->client_ip, 0 },
			.remote = { r->address, r->first } };

		if (!pst_chan_tell(w->params.main, &evt))
			break;
		pst_nat_record_told(w->nat);
		n++;
	}
	return n;
}

/*
 * An answer and an event of a connection stand behind all of its packets that were lent: whoever
 * reads one takes those first, and knows that no more come.
 */
uint32_t
pst_worker_serve(struct pst_worker *w, uint64_t now_ms)
{
	struct asked asked[PST_EDITORS_MAX];
	uint32_t n, told = 0;

	/* their lines come while the others are served */
	for (uint32_t e = 0; e < w->params.n_editors; e++)
		look(w->params.editors[e], &asked[e]);
	n = serve_chan(w, w->params.main, now_ms) + serve_reload(w, now_ms);
	pst_worker_flush_lent(w);
	n += serve_workers(w, now_ms) + tell_records(w, now_ms);
	for (uint32_t e = 0; e < w->params.n_editors; e++) {
		n += asked[e].n;
		if (asked[e].n > 0)
			serve_all(w, w->params.editors[e], &asked[e], now_ms);
		told += tell_events(w, e);
	}
	w->stats.requests += n;
	if (unlikely(w->walk.first != NULL))
		told += pst_worker_walk(w, now_ms);
	return n + told;
}
