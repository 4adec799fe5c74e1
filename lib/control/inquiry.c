/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/inquiry.h"

#include <errno.h>

#define ANSWER_MS 5000 /* a worker answers between two bursts */
#define HOPS_MOST 4    /* to the owner, and to who has the port instead, at most */

static void
put(struct pst_chan *chan, struct pst_req *req, void (*unref)(struct pst_ipset *set))
{
	if (req->explain.listener.filter != NULL && unref != NULL)
		unref(req->explain.listener.filter);
	pst_chan_put(chan, req);
}

static void
begin_pass(struct pst_inquiry *q, const struct pst_explain *question)
{
	q->passes[q->n] = (struct pst_explain){ .source = question->source,
		.destination = question->destination,
		.iface = question->iface,
		.protocol = question->protocol,
		.handed = question->handed,
		.second = question->second,
		.opener = question->opener };
	q->asked = 0;
}

void
pst_inquiry_start(struct pst_inquiry *q, const struct pst_explain *question,
	void (*unref)(struct pst_ipset *set))
{
	*q = (struct pst_inquiry){ .active = true, .unref = unref };
	begin_pass(q, question);
}

static void
ask(struct pst_inquiry *q, struct pst_chan *chan, uint64_t now)
{
	struct pst_req *req = pst_chan_take(chan);

	if (q->asked == 0)
		q->asked = now;
	if (req == NULL)
		return; /* others have them all */
	req->type = PST_REQ_EXPLAIN;
	req->result = 0;
	req->abandoned = false;
	req->cookie = (uintptr_t)q;
	req->explain = q->passes[q->n];
	q->req = req;
	pst_chan_post(chan, req);
}

/* The packet goes on to another worker, or comes in again, or that was all. */
static bool
is_complete(struct pst_inquiry *q, const struct pst_explain *x, uint32_t n_workers)
{
	struct pst_explain next = *x;

	if (x->verdict == PST_EXPLAIN_ELSEWHERE && q->hops < HOPS_MOST && x->worker < n_workers) {
		q->hops++;
		q->worker = x->worker;
		q->redirected[q->n] |= x->is_redirected;
		next.handed = true;
		begin_pass(q, &next);
		return false;
	}
	q->passes[q->n++] = *x;
	if (x->verdict != PST_EXPLAIN_AGAIN || q->n == PST_INQUIRY_PASSES)
		return true;
	next.source = x->out_source;
	next.destination = x->out_destination;
	next.handed = false;
	next.second = true;
	next.opener = x->has_conn ? (struct pst_endpoint){ 0 } : x->inside;
	q->hops = 0;
	begin_pass(q, &next);
	return false;
}

int
pst_inquiry_step(
	struct pst_inquiry *q, struct pst_chan *const *workers, uint32_t n_workers, uint64_t now)
{
	struct pst_explain x;

	if (q->answered) {
		x = q->req->explain;
		pst_chan_put(workers[q->worker], q->req);
		q->req = NULL;
		q->answered = false;
		if (is_complete(q, &x, n_workers)) {
			q->active = false;
			return 1;
		}
	}
	if (q->req == NULL)
		ask(q, workers[q->worker], now);
	return now < q->asked + ANSWER_MS ? 0 : -ETIMEDOUT;
}

void
pst_inquiry_fini(struct pst_inquiry *q, struct pst_chan *const *workers)
{
	if (q->req != NULL && q->answered)
		put(workers[q->worker], q->req, q->unref);
	else if (q->req != NULL)
		q->req->abandoned = true;
	for (uint32_t k = 0; k < q->n; k++) {
		if (q->passes[k].listener.filter != NULL && q->unref != NULL)
			q->unref(q->passes[k].listener.filter);
	}
	*q = (struct pst_inquiry){ 0 };
}

void
pst_inquiry_take(
	struct pst_req *req, struct pst_chan *worker, void (*unref)(struct pst_ipset *set))
{
	if (req->abandoned)
		put(worker, req, unref);
	else
		((struct pst_inquiry *)(uintptr_t)req->cookie)->answered = true;
}
