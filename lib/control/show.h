/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dumps: copying a workers' table out, a chunk at a time, while main goes on.
 *
 * A dump asks one worker after the other for what is wanted; each answer's rows go at once into
 * the buffer of the client who asked, so a table of a million rows is never in memory whole.
 * The next chunk is asked for when the client has taken what there is.
 *
 * Sorted, the first rows of all are kept until the last worker has answered, and with a limit
 * the workers are told what a row must be worth to be among them (best.h).
 *
 * The answer's line is {"result":[ROWS],"ok":true}: it is known only at the end whether
 * all went well; if not, "ok" is false and "error" says why.
 */
#pragma once

#include "control/ask.h"
#include "control/best.h"
#include "control/buf.h"
#include "control/request.h"

struct pst_dump {
	bool active;
	bool has_rows;
	bool is_whole; /* no limit was given */
	enum pst_show_table table;
	struct pst_want want;
	uint64_t left; /* rows still wanted */
	uint32_t cursor;
	uint32_t row; /* of the answer, or of the best, the next to be copied out */
	struct pst_ask ask;
	struct pst_best best; /* sorted */
};

/* Of a request for rows. */
void pst_dump_start(struct pst_dump *dump, const struct pst_request *request, struct pst_buf *out);

/*
 * Go on as far as possible without waiting, by some rows at most. True when
 * something was done; dump->active is false when the line is complete.
 */
bool pst_dump_step(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out);

/* Nobody wants the rest. A record under way is given back when it returns. */
void pst_dump_cancel(struct pst_dump *dump, const struct pst_control_params *params);
