/* SPDX-License-Identifier: BSD-3-Clause */
/* Any line may come over the control socket, and an answer must be one line of JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/buf.h"
#include "control/capture.h"
#include "control/doc.h"
#include "control/explain.h"
#include "base/nearest.h"
#include "control/request.h"
#include "eal.h"

#define WORKERS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char *const commands[] = { "reload", "explain", NULL };

static const struct pst_editor ftp = { .name = "ftp" };
static const struct pst_editor *const editors[] = { &ftp, NULL };

static const char *
state_name(uint8_t protocol, uint8_t state)
{
	(void)protocol;
	return state < 3 ? "established" : NULL;
}

static const struct pst_control_params params = {
	.commands = commands, .n_workers = WORKERS, .editors = editors, .state_name = state_name
};

/* What main would send back for a refusal. */
static void
check_error(const char *error)
{
	struct pst_buf buf = { 0 };
	json_t *json = json_pack("{s:b,s:o}", "ok", 0, "error", pst_doc_text(error)), *back;

	pst_buf_json(&buf, json);
	if (buf.failed || memchr(buf.data, '\n', pst_buf_len(&buf)) != NULL)
		abort();
	back = json_loadb(buf.data + buf.start, pst_buf_len(&buf), 0, NULL);
	if (back == NULL || !json_is_string(json_object_get(back, "error")))
		abort();
	json_decref(back);
	json_decref(json);
	pst_buf_fini(&buf);
}

static void
check_document(const struct pst_request *request)
{
	static struct pst_config config;
	const struct pst_control_view view = { .params = { .config = &config } };
	json_t *json = request->make(&view);

	if (json == NULL)
		abort();
	json_decref(json);
}

static bool
is_span(const struct pst_show_span *span)
{
	return span->first <= span->last && span->port_first <= span->port_last;
}

/* A worker takes what it says as it is. */
static void
check_want(const struct pst_want *want)
{
	const struct pst_show_wanted *w = &want->wanted;

	if (!is_span(&w->inside) || !is_span(&w->outside) || !is_span(&w->remote) ||
		w->port_first > w->port_last || want->worker < -1 || want->worker >= WORKERS ||
		w->editor < PST_WANT_ANY_EDITOR || w->editor > 0 || w->states == 0 ||
		w->path > PST_PATH_EDITOR || w->order > PST_ORDER_PORTS)
		abort();
}

static void
check_question(const struct pst_request *request)
{
	static struct pst_config config;
	struct pst_explain question;
	char error[256] = "";

	if (pst_explain_parse(request->json, &config, &question, error, sizeof(error)) < 0)
		check_error(error);
}

/* Without a file there is no capture, whatever else is right. */
static void
check_capture(const struct pst_request *request)
{
	static struct pst_config config;
	const struct pst_control_params with_config = { .config = &config };
	char error[256] = "";

	if (pst_capture_start(&with_config, request->json, -1, error, sizeof(error)) != NULL)
		abort();
	check_error(error);
}

/* The status document asks the EAL about memory. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	test_eal_init(32);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pst_request request;
	char error[256] = "";

	if (pst_request_parse(&request, &params, (const char *)data, size, error, sizeof(error)) <
		0) {
		if (error[0] == '\0' || request.json != NULL)
			abort();
		check_error(error);
		return 0;
	}
	check_want(&request.want);
	if (request.kind == PST_REQUEST_KILL && request.kill.kind == PST_KILL_CONNECTION &&
		request.want.worker < 0)
		abort();
	if (request.kind == PST_REQUEST_DOCUMENT)
		check_document(&request);
	if (request.kind == PST_REQUEST_EXPLAIN)
		check_question(&request);
	if (request.kind == PST_REQUEST_CAPTURE)
		check_capture(&request);
	if (request.kind == PST_REQUEST_COMMAND && pst_nearest(request.command, commands) == NULL)
		abort();
	pst_request_fini(&request);
	return 0;
}
