/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading a reply as it comes. Of a table, {"result":[ROWS],"ok":true}, each row is
 * handed on and forgotten: a million connections fit in a small memory. Any other
 * reply is kept whole.
 */
#pragma once

#include <jansson.h>

enum pst_rows_state {
	PST_ROWS_HEAD,	/* is it a table? */
	PST_ROWS_ROW,	/* in its array */
	PST_ROWS_COMMA, /* right behind it */
	PST_ROWS_REST,	/* the other keys, or a reply that is no table */
	PST_ROWS_DONE,
};

struct pst_rows {
	/* NULL: keep all */
	void (*row)(void *ctx, const json_t *row);
	void *ctx;
	enum pst_rows_state state;
	char *text; /* what is not yet complete */
	size_t len, size;
	unsigned int depth; /* of braces and brackets within the row */
	int in_string, is_escaped;
	json_t *reply; /* DONE: without the rows that were handed on */
};

/* 1 when the line is complete, 0 to go on, -EPROTO for what is no reply, -ENOMEM. */
int pst_rows_feed(struct pst_rows *rows, const char *bytes, size_t len);
void pst_rows_fini(struct pst_rows *rows);
