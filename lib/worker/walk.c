/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walks: a table is looked through for the operator, a piece at a time between bursts.
 *
 * A loop that had packets walks only when pieces have had less than 0.53 % of the time so far, so
 * that the stage they are in, which takes 0.3 % by itself, stays below 1 %: a table of a million
 * connections is through in less than two seconds. A loop that had none walks at once.
 *
 * One walk at a time; others wait behind it. What is answered after some ten thousand entries is
 * a part of a table, so they take turns.
 */
#include <errno.h>

#include <rte_cycles.h>

#include "worker/worker_priv.h"

#define SHARE 190	 /* one tick in so many is for walks, while there are packets */
#define PIECE_MOST_US 50 /* what takes longer was stopped by somebody else */

void
pst_worker_walk_later(struct pst_worker *w, struct pst_chan *chan, struct pst_req *req)
{
	struct walk *walk = &w->walk;

	req->answer_to = chan;
	req->show.next = NULL;
	req->show.looked = 0;
	if (walk->first == NULL)
		walk->first = req;
	else
		walk->last->show.next = req;
	walk->last = req;
}

/* Has the worker had packets since it was asked last? */
static bool
is_busy(struct pst_worker *w)
{
	uint64_t packets = w->stats.account.received + w->stats.taken_over + w->stats.edited;
	bool busy = packets != w->walk.packets;

	w->walk.packets = packets;
	return busy;
}

static bool
walk_piece(struct pst_worker *w, struct pst_req *req, uint64_t now_ms)
{
	if (req->type == PST_REQ_END)
		return pst_nat_end(w->nat, req, now_ms);
	return pst_nat_show(w->nat, req, now_ms);
}

uint32_t
pst_worker_walk(struct pst_worker *w, uint64_t now_ms)
{
	struct walk *walk = &w->walk;
	struct pst_req *req = walk->first;
	uint64_t start = rte_rdtsc(), took;
	bool done;

	if (is_busy(w) && start < walk->next)
		return 0;
	done = walk_piece(w, req, now_ms);
	if (done) {
		walk->first = req->show.next;
		pst_chan_reply(req->answer_to, &req, 1);
	}
	took = rte_rdtsc() - start;
	w->stats.walk_ticks += took;
	walk->next = start + SHARE * RTE_MIN(took, rte_get_tsc_hz() / US_PER_S * PIECE_MOST_US);
	return 1;
}

void
pst_worker_walk_stop(struct pst_worker *w)
{
	struct pst_req *req;

	while ((req = w->walk.first) != NULL) {
		w->walk.first = req->show.next;
		req->result = -ESHUTDOWN;
		pst_chan_reply(req->answer_to, &req, 1);
	}
}
