/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dumps: copying a workers' table out, a chunk at a time, while main goes on.
 *
 * A dump asks one worker after the other; each answer's rows go at once into the buffer of
 * the client who asked, so a table of a million rows is never in memory whole.
 * The next chunk is asked for when the client has taken what there is.
 *
 * The answer's line is {"result":[ROWS],"ok":true}: it is known only at the end whether
 * all went well; if not, "ok" is false and "error" says why.
 */
#pragma once

#include "control/buf.h"
#include "control/params.h"

struct pst_dump {
	bool active;
	bool answered; /* req is back, its rows not yet copied out */
	bool has_rows;
	enum pst_show_table table;
	uint64_t left; /* rows still wanted */
	uint32_t worker, cursor;
	uint32_t row;	     /* of the answer, the next to be copied out */
	uint64_t asked;	     /* ms */
	struct pst_req *req; /* lent, or answered */
};

/* At most `limit` rows (0: all). */
void pst_dump_start(
	struct pst_dump *dump, enum pst_show_table table, uint64_t limit, struct pst_buf *out);

/*
 * Go on as far as possible without waiting, by some rows at most. True when
 * something was done; dump->active is false when the line is complete.
 */
bool pst_dump_step(struct pst_dump *dump, const struct pst_control_view *view, struct pst_buf *out);

/* Nobody wants the rest. A record under way is given back when it returns. */
void pst_dump_cancel(struct pst_dump *dump, const struct pst_control_params *params);

/* Fetch the workers' answers to their dumps. How many there were. */
unsigned int pst_dump_collect(const struct pst_control_params *params);
