/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kills: what the operator wants ended ends as if by its timer, so its editor hears of it and the
 * event log has it.
 *
 *	{"command":"kill","what":"connection","id":"0-17-3"}
 *	{"command":"kill","what":"client","id":"10.0.0.7"}
 *	{"command":"kill","what":"connections","filter":{"state":"syn-sent"}}
 *
 * The result is how much that was; where there was nothing, it is an error. With a client its
 * connections end and what editors opened for it; its host may begin anew at once.
 */
#pragma once

#include "control/ask.h"
#include "control/buf.h"
#include "control/request.h"

struct pst_kill {
	bool active;
	struct pst_kill_what what;
	struct pst_want want;
	enum pst_show_table table; /* that is walked now */
	uint32_t cursor;
	uint64_t connections, listeners; /* that were ended */
	struct pst_ask ask;
};

void pst_kill_start(struct pst_kill *kill, const struct pst_request *request);
/* As of a dump. */
bool pst_kill_step(struct pst_kill *kill, const struct pst_control_view *view, struct pst_buf *out);
void pst_kill_cancel(struct pst_kill *kill, const struct pst_control_params *params);
