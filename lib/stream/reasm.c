/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream/reasm.h"

#include <stdlib.h>
#include <string.h>

#include "stream/seq.h"

#define PIECE_COST 64 /* a piece counts as so many bytes more: many small ones are bounded too */

struct piece {
	struct piece *next;
	uint32_t seq, len;
	uint8_t data[];
};

static void
drop_first(struct reasm *r)
{
	struct piece *p = r->first;

	r->first = p->next;
	r->bytes -= p->len + PIECE_COST;
	free(p);
}

void
reasm_fini(struct reasm *r)
{
	while (r->first != NULL)
		drop_first(r);
}

static bool
insert(struct reasm *r, struct piece **at, uint32_t seq, const uint8_t *data, uint32_t len,
	uint32_t most)
{
	struct piece *p;

	if (r->bytes + len + PIECE_COST > most)
		return false;
	p = malloc(sizeof(*p) + len);
	if (p == NULL)
		return false;
	p->seq = seq;
	p->len = len;
	memcpy(p->data, data, len);
	p->next = *at;
	*at = p;
	r->bytes += len + PIECE_COST;
	return true;
}

bool
reasm_add(struct reasm *r, uint32_t seq, const uint8_t *data, uint32_t len, uint32_t most)
{
	struct piece **at = &r->first;
	uint32_t end = seq + len;

	while (seq_lt(seq, end)) {
		uint32_t stop;

		while (*at != NULL && seq_le((*at)->seq + (*at)->len, seq))
			at = &(*at)->next;
		if (*at != NULL && seq_le((*at)->seq, seq)) { /* it is there already */
			data += (*at)->seq + (*at)->len - seq;
			seq = (*at)->seq + (*at)->len;
			continue;
		}
		stop = *at != NULL ? seq_min(end, (*at)->seq) : end;
		if (!insert(r, at, seq, data, stop - seq, most))
			return false;
		data += stop - seq;
		seq = stop;
	}
	return true;
}

uint32_t
reasm_gap(const struct reasm *r, uint32_t seq, uint32_t len)
{
	for (const struct piece *p = r->first; p != NULL; p = p->next) {
		if (seq_lt(seq, p->seq))
			return p->seq - seq < len ? p->seq - seq : len;
	}
	return len;
}

uint32_t
reasm_take(struct reasm *r, uint32_t seq, const uint8_t **data)
{
	while (r->first != NULL && seq_le(r->first->seq + r->first->len, seq))
		drop_first(r);
	if (r->first == NULL || seq_lt(seq, r->first->seq))
		return 0;
	*data = r->first->data + (seq - r->first->seq);
	return r->first->seq + r->first->len - seq;
}
