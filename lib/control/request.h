/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request line: {"command":"show","what":"listeners"}.
 *
 * Whoever may open the socket may ask anything, but a slip of the pen is answered
 * in a way that helps: with the name that was probably meant.
 */
#pragma once

#include "control/params.h"

enum pst_request_kind {
	PST_REQUEST_DOCUMENT, /* made at once by `make` */
	PST_REQUEST_DUMP,     /* rows of `table` */
	PST_REQUEST_COMMAND,  /* params->command() is to run `command` */
};

struct pst_request {
	enum pst_request_kind kind;
	json_t *(*make)(const struct pst_control_view *view);
	enum pst_show_table table;
	uint64_t limit;	     /* DUMP: most rows, 0: all */
	const char *command; /* in `json` */
	json_t *json;	     /* the request, a reference */
};

/*
 * Read a line (without its newline). 0, or -EINVAL with a text in error.
 * `commands` are the names of further commands, NULL at the end, or NULL.
 */
int pst_request_parse(struct pst_request *request, const char *line, size_t len,
	const char *const *commands, char *error, size_t size);
void pst_request_fini(struct pst_request *request);
