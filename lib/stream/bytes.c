/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream/bytes.h"

#include <stdlib.h>
#include <string.h>

void
bytes_fini(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){ 0 };
}

static bool
make_room(struct bytes *b, uint32_t len)
{
	uint32_t room = b->room != 0 ? b->room : 512;
	uint8_t *p;

	if (b->start > 0) {
		memmove(b->p, b->p + b->start, b->len);
		b->start = 0;
	}
	if (b->len + len <= b->room)
		return true;
	while (room < b->len + len)
		room *= 2;
	p = realloc(b->p, room);
	if (p == NULL)
		return false;
	b->p = p;
	b->room = room;
	return true;
}

bool
bytes_add(struct bytes *b, const uint8_t *data, uint32_t len)
{
	if (len == 0)
		return true;
	if (b->start + b->len + len > b->room && !make_room(b, len))
		return false;
	memcpy(b->p + b->start + b->len, data, len);
	b->len += len;
	return true;
}

void
bytes_take(struct bytes *b, uint32_t len)
{
	b->start += len;
	b->len -= len;
	if (b->len == 0)
		b->start = 0;
}
