/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream/stream_priv.h"

static void
latch(struct side *d)
{
	d->latched = true;
}

/* The first n held bytes go on as they are. False when there is no memory. */
static bool
pass(struct side *d, uint32_t n)
{
	if (!bytes_add(&d->kept, bytes_at(&d->held, 0), n))
		return false;
	bytes_take(&d->held, n);
	d->out_next += n;
	return true;
}

static bool
replace(struct pst_stream *s, struct side *d, const struct pst_edit *edit)
{
	struct edit e = { .in = decided(d),
		.in_end = decided(d) + edit->take,
		.out = d->out_next,
		.out_end = d->out_next + edit->data_len };

	if (!edits_add(&d->edits, e) || !bytes_add(&d->kept, edit->data, edit->data_len))
		return false;
	bytes_take(&d->held, edit->take);
	d->out_next += edit->data_len;
	s->stats.edits++;
	return true;
}

static bool
drop(struct pst_stream *s, struct side *d, uint32_t take)
{
	struct pst_edit edit = { .op = PST_EDIT_REPLACE, .take = take };

	return replace(s, d, &edit);
}

enum decision { GO_ON, WAIT, FAIL };

static enum decision
obey(struct pst_stream *s, struct side *d, const struct pst_edit *edit, bool end)
{
	switch (edit->op) {
	case PST_EDIT_DROP:
		if (edit->take == 0 || edit->take > d->held.len)
			break;
		return drop(s, d, edit->take) ? GO_ON : FAIL;
	case PST_EDIT_REPLACE:
		if (edit->take == 0 || edit->take > d->held.len)
			break;
		return replace(s, d, edit) ? GO_ON : FAIL;
	case PST_EDIT_MORE:
		if (end)
			break;
		if (d->held.len < s->params.line_max)
			return WAIT;
		s->stats.latched++;
		latch(d);
		break;
	case PST_EDIT_UNWATCH:
		latch(&s->sides[PST_DIR_ORIG]);
		latch(&s->sides[PST_DIR_REPLY]);
		break;
	case PST_EDIT_RESET:
		stream_reset_both(s);
		return FAIL;
	case PST_EDIT_PASS:
		if (edit->take > 0 && edit->take <= d->held.len)
			return pass(d, edit->take) ? GO_ON : FAIL;
		break;
	}
	/* what makes no sense passes what was shown */
	return pass(d, d->held.len) ? GO_ON : FAIL;
}

bool
stream_decide(struct pst_stream *s, enum pst_dir dir)
{
	struct side *d = &s->sides[dir];
	bool end = d->fin_seen && d->in_next == d->fin, told = d->ended;
	enum decision next = GO_ON;

	d->stalled = d->recheck = false;
	while (next == GO_ON && !d->latched && (d->held.len > 0 || (end && !told))) {
		struct pst_edit edit = { .op = PST_EDIT_PASS, .take = d->held.len };

		d->stalled = d->kept.len >= s->params.unacked_max;
		if (d->stalled)
			return true;
		told = end;
		s->ops->data(s->ctx, dir, d->held.len > 0 ? bytes_at(&d->held, 0) : NULL,
			d->held.len, end, &edit);
		next = obey(s, d, &edit, end);
	}
	if (d->latched && next != FAIL && !pass(d, d->held.len))
		next = FAIL;
	if (next == FAIL) {
		if (!s->dead) /* bytes that were decided can't be lost: an end to it */
			stream_reset_both(s);
		return false;
	}
	if (end && d->held.len == 0)
		d->ended = true;
	return true;
}
