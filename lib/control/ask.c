/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ask.h"

#include "control/capture.h"
#include "control/inquiry.h"

#define ANSWER_MS 5000 /* a worker answers between two bursts, or after a part of a table */

static void
put_record(const struct pst_control_params *params, uint32_t worker, struct pst_req *req)
{
	for (uint32_t i = 0; req->type == PST_REQ_SHOW && i < req->show.count && i < PST_SHOW_ROWS;
		i++) {
		if (req->show.rows[i].filter != NULL && params->ipset_unref != NULL)
			params->ipset_unref(req->show.rows[i].filter);
	}
	pst_chan_put(params->workers[worker], req);
}

struct pst_req *
pst_ask_take(struct pst_ask *ask, const struct pst_control_view *view)
{
	if (ask->since == 0)
		ask->since = view->now;
	ask->req = pst_chan_take(view->params.workers[ask->worker]);
	if (ask->req == NULL)
		return NULL;
	ask->req->result = 0;
	ask->req->abandoned = false;
	ask->req->cookie = (uintptr_t)ask;
	ask->answered = false;
	return ask->req;
}

void
pst_ask_post(struct pst_ask *ask, const struct pst_control_view *view)
{
	ask->since = view->now;
	pst_chan_post(view->params.workers[ask->worker], ask->req);
}

bool
pst_ask_is_late(const struct pst_ask *ask, const struct pst_control_view *view)
{
	return ask->since != 0 && !ask->answered && view->now >= ask->since + ANSWER_MS;
}

void
pst_ask_done(struct pst_ask *ask, const struct pst_control_params *params)
{
	put_record(params, ask->worker, ask->req);
	ask->req = NULL;
	ask->answered = false;
	ask->since = 0;
}

void
pst_ask_cancel(struct pst_ask *ask, const struct pst_control_params *params)
{
	if (ask->req != NULL && ask->answered)
		put_record(params, ask->worker, ask->req);
	else if (ask->req != NULL)
		ask->req->abandoned = true;
	ask->req = NULL;
	ask->answered = false;
	ask->since = 0;
}

unsigned int
pst_ask_collect(const struct pst_control_params *params)
{
	unsigned int n = 0;
	struct pst_req *req;

	for (uint32_t i = 0; i < params->n_workers; i++) {
		while ((req = pst_chan_answer(params->workers[i])) != NULL) {
			if (req->type == PST_REQ_EXPLAIN)
				pst_inquiry_take(req, params->workers[i], params->ipset_unref);
			else if (req->type == PST_REQ_TAP)
				pst_capture_take(req, params->workers[i]);
			else if (req->abandoned)
				put_record(params, i, req);
			else
				((struct pst_ask *)(uintptr_t)req->cookie)->answered = true;
			n++;
		}
	}
	return n;
}
