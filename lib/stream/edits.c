/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream/edits.h"

#include <stdlib.h>
#include <string.h>

#include "stream/seq.h"

void
edits_fini(struct edits *e)
{
	free(e->list);
	e->list = NULL;
	e->n = e->room = 0;
}

bool
edits_add(struct edits *e, struct edit edit)
{
	if (e->n == EDITS_MAX) {
		e->list[e->n - 1].in_end = edit.in_end;
		e->list[e->n - 1].out_end = edit.out_end;
		return true;
	}
	if (e->n == e->room) {
		uint32_t room = e->room != 0 ? 2 * e->room : 8;
		struct edit *list = realloc(e->list, room * sizeof(*list));

		if (list == NULL)
			return false;
		e->list = list;
		e->room = room;
	}
	e->list[e->n++] = edit;
	return true;
}

void
edits_acked(struct edits *e, uint32_t out_ack)
{
	uint32_t k = 0;

	while (k < e->n && seq_le(e->list[k].out_end, out_ack)) {
		e->base = e->list[k].out_end - e->list[k].in_end;
		k++;
	}
	if (k == 0)
		return;
	e->n -= k;
	memmove(e->list, e->list + k, e->n * sizeof(*e->list));
}

uint32_t
edits_delta(const struct edits *e)
{
	const struct edit *last = e->list + e->n - 1;

	return e->n == 0 ? e->base : last->out_end - last->in_end;
}

/* The last edit that begins at or before an input byte, or NULL. */
static const struct edit *
before_in(const struct edits *e, uint32_t in)
{
	for (uint32_t k = e->n; k > 0; k--) {
		if (seq_le(e->list[k - 1].in, in))
			return &e->list[k - 1];
	}
	return NULL;
}

uint32_t
edits_out(const struct edits *e, uint32_t in)
{
	const struct edit *d = before_in(e, in);

	if (d == NULL)
		return in + e->base;
	return seq_lt(in, d->in_end) ? d->out : d->out_end + (in - d->in_end);
}

uint32_t
edits_out_end(const struct edits *e, uint32_t in)
{
	const struct edit *d = before_in(e, in);

	if (d == NULL || in == d->in)
		return d == NULL ? in + e->base : d->out;
	return seq_lt(in, d->in_end) ? d->out_end : d->out_end + (in - d->in_end);
}

uint32_t
edits_in(const struct edits *e, uint32_t out)
{
	uint32_t delta = e->base;

	for (uint32_t k = 0; k < e->n; k++) {
		const struct edit *d = &e->list[k];

		if (seq_lt(out, d->out_end))
			return seq_min(out - delta, d->in);
		delta = d->out_end - d->in_end;
	}
	return out - delta;
}

uint32_t
edits_in_left(const struct edits *e, uint32_t out)
{
	uint32_t delta = e->base;

	for (uint32_t k = 0; k < e->n; k++) {
		const struct edit *d = &e->list[k];

		if (seq_le(out, d->out))
			return out - delta;
		if (seq_lt(out, d->out_end))
			return d->in_end;
		delta = d->out_end - d->in_end;
	}
	return out - delta;
}
