/* SPDX-License-Identifier: BSD-3-Clause */
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST 4096

static const char head[] = "{\"result\":[";

static int
keep(struct pst_rows *rows, char c)
{
	if (rows->len == rows->size) {
		size_t size = rows->size > 0 ? rows->size * 2 : TEXT_FIRST;
		char *text = realloc(rows->text, size);

		if (text == NULL)
			return -ENOMEM;
		rows->text = text;
		rows->size = size;
	}
	rows->text[rows->len++] = c;
	return 0;
}

static int
feed_rest(struct pst_rows *rows, char c)
{
	if (c != '\n')
		return keep(rows, c);
	rows->state = PST_ROWS_DONE;
	rows->reply = json_loadb(rows->text, rows->len, 0, NULL);
	return rows->reply != NULL ? 1 : -EPROTO;
}

static int
feed_head(struct pst_rows *rows, char c)
{
	if (rows->row == NULL || c != head[rows->len]) {
		rows->state = PST_ROWS_REST;
		return feed_rest(rows, c);
	}
	if (rows->len + 2 == sizeof(head)) {
		rows->state = PST_ROWS_ROW;
		rows->len = 0;
		return 0;
	}
	return keep(rows, c);
}

static int
hand_on(struct pst_rows *rows)
{
	json_t *row = json_loadb(rows->text, rows->len, 0, NULL);

	rows->len = 0;
	if (row == NULL)
		return -EPROTO;
	rows->row(rows->ctx, row);
	json_decref(row);
	return 0;
}

static int
feed_between(struct pst_rows *rows, char c)
{
	if (c == ',')
		return 0;
	if (c == ']') {
		rows->state = PST_ROWS_COMMA;
		return 0;
	}
	if (c != '{')
		return -EPROTO;
	rows->depth = 1;
	return keep(rows, c);
}

static int
feed_row(struct pst_rows *rows, char c)
{
	int ret;

	if (rows->depth == 0)
		return feed_between(rows, c);
	ret = keep(rows, c);
	if (ret < 0)
		return ret;
	if (rows->in_string) {
		if (rows->is_escaped)
			rows->is_escaped = 0;
		else if (c == '\\')
			rows->is_escaped = 1;
		else if (c == '"')
			rows->in_string = 0;
	} else if (c == '"') {
		rows->in_string = 1;
	} else if (c == '{' || c == '[') {
		rows->depth++;
	} else if ((c == '}' || c == ']') && --rows->depth == 0) {
		return hand_on(rows);
	}
	return 0;
}

/* The keys behind the array are an object of their own: "," becomes "{". */
static int
feed_comma(struct pst_rows *rows, char c)
{
	if (c != ',')
		return -EPROTO;
	rows->state = PST_ROWS_REST;
	return keep(rows, '{');
}

static int
feed(struct pst_rows *rows, char c)
{
	switch (rows->state) {
	case PST_ROWS_HEAD:
		return feed_head(rows, c);
	case PST_ROWS_ROW:
		return feed_row(rows, c);
	case PST_ROWS_COMMA:
		return feed_comma(rows, c);
	case PST_ROWS_REST:
		return feed_rest(rows, c);
	case PST_ROWS_DONE:
		break;
	}
	return -EPROTO; /* more than one line */
}

int
pst_rows_feed(struct pst_rows *rows, const char *bytes, size_t len)
{
	int ret = 0;

	for (size_t i = 0; i < len && ret >= 0; i++)
		ret = feed(rows, bytes[i]);
	return ret;
}

void
pst_rows_fini(struct pst_rows *rows)
{
	free(rows->text);
	json_decref(rows->reply);
	memset(rows, 0, sizeof(*rows));
}
