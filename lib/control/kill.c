/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/kill.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/doc.h"

void
pst_kill_start(struct pst_kill *kill, const struct pst_request *request)
{
	*kill = (struct pst_kill){ .active = true,
		.what = request->kill,
		.want = request->want,
		.table = PST_SHOW_CONNECTIONS };
	kill->ask.worker = request->want.worker >= 0 ? request->want.worker : 0;
}

static void
finish(struct pst_kill *kill, const struct pst_control_view *view, struct pst_buf *out,
	const char *error)
{
	json_t *json;

	if (error != NULL)
		json = json_pack("{s:b,s:o}", "ok", 0, "error", pst_doc_text(error));
	else
		json = json_pack("{s:b,s:{s:I,s:I}}", "ok", 1, "result", "connections",
			(json_int_t)kill->connections, "listeners", (json_int_t)kill->listeners);
	pst_kill_cancel(kill, &view->params);
	pst_buf_json(out, json);
	pst_buf_text(out, "\n");
	json_decref(json);
}

static void
fail(struct pst_kill *kill, const struct pst_control_view *view, struct pst_buf *out,
	const char *why)
{
	char error[128];

	snprintf(error, sizeof(error), "worker %u: %s", kill->ask.worker, why);
	finish(kill, view, out, error);
}

static void
say_there_is_none(struct pst_kill *kill, const struct pst_control_view *view, struct pst_buf *out)
{
	char error[160];

	switch (kill->what.kind) {
	case PST_KILL_CONNECTION:
		snprintf(error, sizeof(error), "no connection %u-%u-%u: it has ended",
			kill->ask.worker, kill->what.ref.index, kill->what.ref.gen);
		break;
	case PST_KILL_CLIENT:
		snprintf(error, sizeof(error), "client %u.%u.%u.%u has nothing open",
			kill->what.client >> 24, kill->what.client >> 16 & 255,
			kill->what.client >> 8 & 255, kill->what.client & 255);
		break;
	case PST_KILL_CONNECTIONS:
		snprintf(error, sizeof(error), "no connection is like that");
		break;
	}
	finish(kill, view, out, error);
}

static bool
ask(struct pst_kill *kill, const struct pst_control_view *view)
{
	struct pst_req *req = pst_ask_take(&kill->ask, view);

	if (req == NULL)
		return false;
	if (kill->what.kind == PST_KILL_CONNECTION) {
		req->type = PST_REQ_KILL_CONN;
		req->conn.ref = kill->what.ref;
	} else {
		req->type = PST_REQ_END;
		req->show.table = kill->table;
		req->show.cursor = kill->cursor;
		req->show.count = 0;
		req->show.wanted = kill->want.wanted;
	}
	pst_ask_post(&kill->ask, view);
	return true;
}

/* The walk goes on: in the table, to the listeners of a client, to the next worker. */
static void
go_on(struct pst_kill *kill)
{
	if (kill->cursor != 0)
		return;
	if (kill->what.kind == PST_KILL_CLIENT && kill->table == PST_SHOW_CONNECTIONS) {
		kill->table = PST_SHOW_LISTENERS;
		return;
	}
	kill->table = PST_SHOW_CONNECTIONS;
	kill->ask.worker++;
}

static void
count(struct pst_kill *kill, const struct pst_req *req)
{
	if (kill->table == PST_SHOW_CONNECTIONS)
		kill->connections += req->show.count;
	else
		kill->listeners += req->show.count;
	kill->cursor = req->show.cursor;
}

static void
take_answer(struct pst_kill *kill, const struct pst_control_view *view, struct pst_buf *out)
{
	bool is_one = kill->what.kind == PST_KILL_CONNECTION;
	int result = kill->ask.req->result;

	if (result >= 0 && !is_one)
		count(kill, kill->ask.req);
	pst_ask_done(&kill->ask, &view->params);
	if (is_one && result == -ESHUTDOWN) {
		say_there_is_none(kill, view, out);
	} else if (result < 0) {
		fail(kill, view, out, strerror(-result));
	} else if (is_one) {
		kill->connections = 1;
		finish(kill, view, out, NULL);
	} else {
		go_on(kill);
	}
}

static bool
is_over(const struct pst_kill *kill, const struct pst_control_view *view)
{
	if (kill->want.worker >= 0 && kill->ask.worker > (uint32_t)kill->want.worker)
		return true;
	return kill->ask.worker >= view->params.n_workers;
}

bool
pst_kill_step(struct pst_kill *kill, const struct pst_control_view *view, struct pst_buf *out)
{
	if (kill->ask.answered) {
		take_answer(kill, view, out);
		return true;
	}
	if (kill->ask.req == NULL && is_over(kill, view)) {
		if (kill->connections + kill->listeners > 0)
			finish(kill, view, out, NULL);
		else
			say_there_is_none(kill, view, out);
		return true;
	}
	if (kill->ask.req == NULL && ask(kill, view))
		return true;
	if (!pst_ask_is_late(&kill->ask, view))
		return false;
	fail(kill, view, out, "no answer");
	return true;
}

void
pst_kill_cancel(struct pst_kill *kill, const struct pst_control_params *params)
{
	pst_ask_cancel(&kill->ask, params);
	kill->active = false;
}
