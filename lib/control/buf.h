/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A growing buffer of bytes to be sent, taken from the front.
 *
 * Running out of memory is remembered in `failed`; the user looks once, at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct pst_buf {
	char *data;
	size_t start, end; /* what is not yet sent */
	size_t size;
	bool failed;
};

void pst_buf_add(struct pst_buf *buf, const char *bytes, size_t len);
void pst_buf_text(struct pst_buf *buf, const char *text);
/* On one line, without spaces. json may be NULL: that fails. */
void pst_buf_json(struct pst_buf *buf, const json_t *json);
size_t pst_buf_len(const struct pst_buf *buf);
/* The first n bytes are sent. */
void pst_buf_take(struct pst_buf *buf, size_t n);
void pst_buf_fini(struct pst_buf *buf);
