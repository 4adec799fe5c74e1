/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/buf.h"

#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 4096
#define BUF_KEEP 65536 /* an empty buffer does not hold on to more */

static bool
make_room(struct pst_buf *buf, size_t len)
{
	size_t size = buf->size > 0 ? buf->size : BUF_FIRST;
	char *data;

	if (buf->start > 0) {
		memmove(buf->data, buf->data + buf->start, buf->end - buf->start);
		buf->end -= buf->start;
		buf->start = 0;
	}
	while (size - buf->end < len)
		size *= 2;
	if (size == buf->size)
		return true;
	data = realloc(buf->data, size);
	if (data == NULL)
		return false;
	buf->data = data;
	buf->size = size;
	return true;
}

void
pst_buf_add(struct pst_buf *buf, const char *bytes, size_t len)
{
	if (buf->failed || len == 0)
		return;
	if (buf->size - buf->end < len && !make_room(buf, len)) {
		buf->failed = true;
		return;
	}
	memcpy(buf->data + buf->end, bytes, len);
	buf->end += len;
}

void
pst_buf_text(struct pst_buf *buf, const char *text)
{
	pst_buf_add(buf, text, strlen(text));
}

static int
add_piece(const char *bytes, size_t len, void *data)
{
	struct pst_buf *buf = data;

	pst_buf_add(buf, bytes, len);
	return buf->failed ? -1 : 0;
}

void
pst_buf_json(struct pst_buf *buf, const json_t *json)
{
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(4);

	if (json == NULL || json_dump_callback(json, add_piece, buf, flags) != 0)
		buf->failed = true;
}

size_t
pst_buf_len(const struct pst_buf *buf)
{
	return buf->end - buf->start;
}

void
pst_buf_take(struct pst_buf *buf, size_t n)
{
	buf->start += n;
	if (buf->start < buf->end)
		return;
	buf->start = 0;
	buf->end = 0;
	if (buf->size > BUF_KEEP) {
		free(buf->data);
		buf->data = NULL;
		buf->size = 0;
	}
}

void
pst_buf_fini(struct pst_buf *buf)
{
	free(buf->data);
	*buf = (struct pst_buf){ 0 };
}
