/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of bytes: added at the end, taken from the front. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *p; /* the first one is p[start] */
	uint32_t start, len, room;
};

void bytes_fini(struct bytes *b);
/* False when there is no memory: nothing was added. */
bool bytes_add(struct bytes *b, const uint8_t *data, uint32_t len);
void bytes_take(struct bytes *b, uint32_t len);

static inline const uint8_t *
bytes_at(const struct bytes *b, uint32_t at)
{
	return b->p != NULL ? b->p + b->start + at : NULL; /* nothing is nowhere */
}
