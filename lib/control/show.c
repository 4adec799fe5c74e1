/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/show.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/doc.h"

#define ROWS_A_STEP 32	      /* about 0.2 ms of main's time */
#define OUT_MOST (256 * 1024) /* bytes a client may leave lying before it gets more */
#define ANSWER_MS 5000	      /* a worker answers between two bursts */

static void
put_record(const struct pst_control_params *params, uint32_t worker, struct pst_req *req)
{
	for (uint32_t i = 0; i < req->show.count && i < PST_SHOW_ROWS; i++) {
		if (req->show.rows[i].filter != NULL && params->ipset_unref != NULL)
			params->ipset_unref(req->show.rows[i].filter);
	}
	req->show.count = 0;
	pst_chan_put(params->workers[worker], req);
}

void
pst_dump_start(
	struct pst_dump *dump, enum pst_show_table table, uint64_t limit, struct pst_buf *out)
{
	*dump = (struct pst_dump){
		.active = true,
		.table = table,
		.left = limit > 0 ? limit : UINT64_MAX,
	};
	pst_buf_text(out, "{\"result\":[");
}

static void
finish(struct pst_dump *dump, struct pst_buf *out, const char *error)
{
	json_t *text;

	dump->active = false;
	if (error == NULL) {
		pst_buf_text(out, "],\"ok\":true}\n");
		return;
	}
	pst_buf_text(out, "],\"ok\":false,\"error\":");
	text = pst_doc_text(error);
	pst_buf_json(out, text);
	json_decref(text);
	pst_buf_text(out, "}\n");
}

static void
fail(struct pst_dump *dump, struct pst_buf *out, const char *why)
{
	char error[128];

	snprintf(error, sizeof(error), "worker %u: %s", dump->worker, why);
	finish(dump, out, error);
}

static bool
ask(struct pst_dump *dump, const struct pst_control_view *view)
{
	struct pst_chan *chan = view->params.workers[dump->worker];
	struct pst_req *req = pst_chan_take(chan);

	if (dump->asked == 0)
		dump->asked = view->now;
	if (req == NULL)
		return false; /* another dump has it */
	req->type = PST_REQ_SHOW;
	req->result = 0;
	req->abandoned = false;
	req->cookie = (uintptr_t)dump;
	req->show.table = dump->table;
	req->show.cursor = dump->cursor;
	req->show.count = 0;
	dump->req = req;
	dump->row = 0;
	dump->asked = view->now;
	pst_chan_post(chan, req);
	return true;
}

static void
copy_rows(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	const struct pst_req *req = dump->req;
	uint32_t n = RTE_MIN(req->show.count, (uint32_t)PST_SHOW_ROWS);
	uint32_t end = RTE_MIN(n, dump->row + ROWS_A_STEP);

	for (; dump->row < end && dump->left > 0; dump->row++, dump->left--) {
		json_t *row = pst_doc_row(
			&view->params, dump->table, dump->worker, &req->show.rows[dump->row]);

		if (dump->has_rows)
			pst_buf_text(out, ",");
		pst_buf_json(out, row);
		json_decref(row);
		dump->has_rows = true;
	}
}

static void
take_answer(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	struct pst_req *req = dump->req;
	int result = req->result;

	copy_rows(dump, view, out);
	if (dump->left > 0 && dump->row < req->show.count && dump->row < PST_SHOW_ROWS)
		return; /* the rest at the next step */
	dump->cursor = req->show.cursor;
	put_record(&view->params, dump->worker, req);
	dump->req = NULL;
	dump->answered = false;
	dump->asked = 0;
	if (result < 0)
		fail(dump, out, strerror(-result));
	else if (dump->cursor == 0)
		dump->worker++;
}

/* A worker that is stuck does not hold the operator up as well. */
static bool
gave_up(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	if (dump->asked == 0 || view->now < dump->asked + ANSWER_MS)
		return false;
	pst_dump_cancel(dump, &view->params);
	fail(dump, out, "no answer");
	return true;
}

bool
pst_dump_step(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	bool worked = false;

	if (dump->answered) {
		take_answer(dump, view, out);
		worked = true;
	}
	if (!dump->active)
		return worked;
	if (dump->answered)
		return true;
	if (dump->req != NULL)
		return gave_up(dump, view, out) || worked;
	if (dump->worker >= view->params.n_workers || dump->left == 0) {
		finish(dump, out, NULL);
		return true;
	}
	if (pst_buf_len(out) > OUT_MOST)
		return worked;
	return ask(dump, view) || gave_up(dump, view, out) || worked;
}

void
pst_dump_cancel(struct pst_dump *dump, const struct pst_control_params *params)
{
	if (dump->req != NULL && dump->answered)
		put_record(params, dump->worker, dump->req);
	else if (dump->req != NULL)
		dump->req->abandoned = true;
	dump->req = NULL;
	dump->answered = false;
	dump->active = false;
}

unsigned int
pst_dump_collect(const struct pst_control_params *params)
{
	unsigned int n = 0;
	struct pst_req *req;

	for (uint32_t i = 0; i < params->n_workers; i++) {
		while ((req = pst_chan_answer(params->workers[i])) != NULL) {
			if (req->abandoned)
				put_record(params, i, req);
			else
				((struct pst_dump *)(uintptr_t)req->cookie)->answered = true;
			n++;
		}
	}
	return n;
}
