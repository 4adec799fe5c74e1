/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/show.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/capture.h"
#include "control/doc.h"
#include "control/inquiry.h"

#define ROWS_A_STEP 32	      /* about 0.2 ms of main's time */
#define OUT_MOST (256 * 1024) /* bytes a client may leave lying before it gets more */

void
pst_dump_start(struct pst_dump *dump, const struct pst_request *request, struct pst_buf *out)
{
	*dump = (struct pst_dump){
		.active = true,
		.table = request->table,
		.want = request->want,
		.left = request->limit > 0 ? request->limit : UINT64_MAX,
		.is_whole = request->limit == 0,
	};
	dump->best.most = RTE_MIN(dump->left, (uint64_t)PST_BEST_MAX);
	dump->ask.worker = request->want.worker >= 0 ? request->want.worker : 0;
	pst_buf_text(out, "{\"result\":[");
}

static bool
is_sorted(const struct pst_dump *dump)
{
	return dump->want.wanted.order != PST_ORDER_NONE;
}

static void
unref(const struct pst_control_params *params, const struct pst_show_row *row)
{
	if (row->filter != NULL && params->ipset_unref != NULL)
		params->ipset_unref(row->filter);
}

static void
drop_best(struct pst_dump *dump, const struct pst_control_params *params)
{
	for (uint32_t i = 0; i < dump->best.n; i++)
		unref(params, &dump->best.rows[i].row);
	pst_best_fini(&dump->best);
}

static void
finish(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out,
	const char *error)
{
	json_t *text;

	pst_dump_cancel(dump, &view->params);
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
fail(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out,
	const char *why)
{
	char error[128];

	snprintf(error, sizeof(error), "worker %u: %s", dump->ask.worker, why);
	finish(dump, view, out, error);
}

static bool
ask(struct pst_dump *dump, const struct pst_control_view *view)
{
	struct pst_req *req = pst_ask_take(&dump->ask, view);

	if (req == NULL)
		return false; /* another one has it */
	req->type = PST_REQ_SHOW;
	req->show.table = dump->table;
	req->show.cursor = dump->cursor;
	req->show.count = 0;
	req->show.wanted = dump->want.wanted;
	if (is_sorted(dump) && !dump->is_whole)
		req->show.wanted.floor = pst_best_floor(&dump->best);
	dump->row = 0;
	pst_ask_post(&dump->ask, view);
	return true;
}

static void
copy_row(struct pst_dump *dump, const struct pst_control_view *view, uint32_t worker,
	const struct pst_show_row *row, struct pst_buf *out)
{
	json_t *json = pst_doc_row(&view->params, dump->table, worker, row);

	if (dump->has_rows)
		pst_buf_text(out, ",");
	pst_buf_json(out, json);
	json_decref(json);
	dump->has_rows = true;
	dump->left--;
}

/* Some of an answer's rows; true when none is left that is wanted. */
static bool
copy_rows(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	const struct pst_req *req = dump->ask.req;
	uint32_t n = RTE_MIN(req->show.count, (uint32_t)PST_SHOW_ROWS);
	uint32_t end = RTE_MIN(n, dump->row + ROWS_A_STEP);

	for (; dump->row < end && dump->left > 0; dump->row++)
		copy_row(dump, view, dump->ask.worker, &req->show.rows[dump->row], out);
	return dump->left == 0 || dump->row >= n;
}

/* Sorted: keep the best of an answer's rows. 0, -EOVERFLOW or -ENOMEM. */
static int
keep_rows(struct pst_dump *dump, const struct pst_control_view *view)
{
	struct pst_req *req = dump->ask.req;
	uint32_t n = RTE_MIN(req->show.count, (uint32_t)PST_SHOW_ROWS);
	struct pst_show_row out;
	int ret = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (pst_best_offer(&dump->best, dump->ask.worker, &req->show.rows[i], &out, &ret))
			unref(&view->params, &out);
	}
	req->show.count = 0; /* their filters went with them */
	if (ret == 0 && dump->is_whole && dump->best.is_full)
		return -EOVERFLOW;
	return ret;
}

/* What the answer says beside its rows. */
static void
go_on(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	int result = dump->ask.req->result;

	dump->cursor = dump->ask.req->show.cursor;
	pst_ask_done(&dump->ask, &view->params);
	if (result < 0)
		fail(dump, view, out, strerror(-result));
	else if (dump->cursor == 0)
		dump->ask.worker++;
}

static void
take_answer(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	char error[128];
	int ret;

	if (!is_sorted(dump)) {
		if (copy_rows(dump, view, out))
			go_on(dump, view, out);
		return;
	}
	ret = keep_rows(dump, view);
	if (ret == 0) {
		go_on(dump, view, out);
		return;
	}
	snprintf(error, sizeof(error),
		"more than %u rows are to be sorted: give a limit, or a filter", PST_BEST_MAX);
	finish(dump, view, out, ret == -EOVERFLOW ? error : strerror(-ret));
}

/* Every worker has answered: the best, some at a step. */
static void
copy_best(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	struct pst_best *best = &dump->best;
	uint32_t end;

	if (!dump->has_rows) {
		pst_best_sort(best);
		dump->row = 0;
	}
	end = RTE_MIN(best->n, dump->row + ROWS_A_STEP);
	for (; dump->row < end; dump->row++)
		copy_row(dump, view, best->rows[dump->row].worker, &best->rows[dump->row].row, out);
	if (dump->row == best->n)
		finish(dump, view, out, NULL);
}

static bool
is_over(const struct pst_dump *dump, const struct pst_control_view *view)
{
	if (dump->want.worker >= 0 && dump->ask.worker > (uint32_t)dump->want.worker)
		return true;
	return dump->ask.worker >= view->params.n_workers || dump->left == 0;
}

/* A worker that is stuck does not hold the operator up as well. */
static bool
gave_up(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	if (!pst_ask_is_late(&dump->ask, view))
		return false;
	fail(dump, view, out, "no answer");
	return true;
}

bool
pst_dump_step(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out)
{
	bool worked = false;

	if (dump->ask.answered) {
		take_answer(dump, view, out);
		worked = true;
	}
	if (!dump->active)
		return worked;
	if (dump->ask.answered)
		return true;
	if (dump->ask.req != NULL)
		return gave_up(dump, view, out) || worked;
	if (pst_buf_len(out) > OUT_MOST)
		return worked;
	if (is_over(dump, view)) {
		if (is_sorted(dump))
			copy_best(dump, view, out);
		else
			finish(dump, view, out, NULL);
		return true;
	}
	return ask(dump, view) || gave_up(dump, view, out) || worked;
}

void
pst_dump_cancel(struct pst_dump *dump, const struct pst_control_params *params)
{
	pst_ask_cancel(&dump->ask, params);
	drop_best(dump, params);
	dump->active = false;
}
