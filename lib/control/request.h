/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request line: {"command":"show","what":"listeners"}.
 *
 * Whoever may open the socket may ask anything, but a slip of the pen is answered
 * in a way that helps: with the name that was probably meant.
 */
#pragma once

#include "control/params.h"
#include "control/want.h"

enum pst_request_kind {
	PST_REQUEST_DOCUMENT, /* made at once by `make` */
	PST_REQUEST_DUMP,     /* rows of `table` */
	PST_REQUEST_KILL,     /* what `kill` says */
	PST_REQUEST_EXPLAIN,  /* `json` is the question */
	PST_REQUEST_CAPTURE,  /* `json` says of what */
	PST_REQUEST_WATCH,    /* the client wants to hear of `kinds` of events */
	PST_REQUEST_COMMAND,  /* params->command() is to run `command` */
};

enum pst_kill_kind {
	PST_KILL_CONNECTION,  /* ref, of worker want.worker */
	PST_KILL_CLIENT,      /* all of a client's */
	PST_KILL_CONNECTIONS, /* those that are wanted */
};

struct pst_kill_what {
	enum pst_kill_kind kind;
	struct pst_ref ref;
	uint32_t client;
};

struct pst_request {
	enum pst_request_kind kind;
	json_t *(*make)(const struct pst_control_view *view);
	enum pst_show_table table;
	struct pst_want want; /* DUMP, KILL: of the table's rows */
	uint64_t limit;	      /* DUMP: most rows, 0: all */
	struct pst_kill_what kill;
	uint32_t kinds; /* WATCH */
	const char *command; /* in `json` */
	json_t *json;	     /* the request, a reference */
};

/*
 * Read a line (without its newline). 0, or -EINVAL with a text in error. Of the params: the
 * names of further commands, of states and editors, and how many workers there are.
 */
int pst_request_parse(struct pst_request *request, const struct pst_control_params *params,
	const char *line, size_t len, char *error, size_t size);
void pst_request_fini(struct pst_request *request);
