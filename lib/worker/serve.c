/* SPDX-License-Identifier: BSD-3-Clause */
/* Between bursts: requests are answered, events told. Bounded work each round. */
#include "worker/worker_priv.h"

#define REQUESTS_A_ROUND 8 /* of each asker */
#define EVENTS_A_ROUND 32  /* to each editor lcore */

static uint32_t
serve_chan(struct pst_worker *w, struct pst_chan *chan, uint64_t now_ms)
{
	struct pst_req *req;
	uint32_t n = 0;

	while (n < REQUESTS_A_ROUND && (req = pst_chan_request(chan)) != NULL) {
		if (req->type == PST_REQ_SHOW)
			pst_nat_show(w->nat, req, now_ms);
		else
			pst_nat_serve(w->nat, req, now_ms);
		/* an answer to UNWATCH says that all that was lent before is in the ring */
		pst_worker_flush(w);
		pst_chan_reply(chan, req);
		n++;
	}
	return n;
}

static uint32_t
tell_events(struct pst_worker *w, uint32_t e)
{
	struct pst_evt evt;
	uint32_t n = 0;

	while (n < EVENTS_A_ROUND && pst_nat_next_event(w->nat, e, &evt)) {
		if (!pst_chan_tell(w->params.editors[e], &evt))
			break;
		pst_nat_told(w->nat, e);
		n++;
	}
	return n;
}

uint32_t
pst_worker_serve(struct pst_worker *w, uint64_t now_ms)
{
	uint32_t n = serve_chan(w, w->params.main, now_ms), told = 0;

	for (uint32_t e = 0; e < w->params.n_editors; e++) {
		n += serve_chan(w, w->params.editors[e], now_ms);
		told += tell_events(w, e);
	}
	w->stats.requests += n;
	return n + told;
}
