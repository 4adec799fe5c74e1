/* SPDX-License-Identifier: BSD-3-Clause */
/* Any line may come over the control socket, and an answer must be one line of JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/buf.h"
#include "control/doc.h"
#include "base/nearest.h"
#include "control/request.h"
#include "eal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char *const commands[] = { "reload", "kill", "explain", NULL };

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

	if (pst_request_parse(&request, (const char *)data, size, commands, error, sizeof(error)) <
		0) {
		if (error[0] == '\0' || request.json != NULL)
			abort();
		check_error(error);
		return 0;
	}
	if (request.kind == PST_REQUEST_DOCUMENT)
		check_document(&request);
	if (request.kind == PST_REQUEST_COMMAND && pst_nearest(request.command, commands) == NULL)
		abort();
	pst_request_fini(&request);
	return 0;
}
