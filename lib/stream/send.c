/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "stream/stream_priv.h"

#define MSS_DEFAULT 536 /* RFC 9293 section 3.7.1 */
#define MSS_MIN 64

/* Numbers. */

uint32_t
stream_map_seq(const struct side *d, uint32_t seq)
{
	if (d->plain)
		return seq + d->edits.base;
	if (d->fin_seen && seq_lt(d->fin, seq))
		return sent_end(d); /* it counts its FIN */
	if (seq_lt(seq, decided(d)))
		return seq_min(edits_out(&d->edits, seq), d->sent);
	return d->sent;
}

/* What is acknowledged to the sender: by the receiver, or in its name. */
static uint32_t
map_ack(const struct side *d, uint32_t ack)
{
#if PST_PLANTED_BUG == 1
	uint32_t in = ack - d->edits.base;
#else
	uint32_t in = edits_in(&d->edits, ack);
#endif

	return d->owns ? seq_max(in, d->owned) : in;
}

uint8_t
stream_scale_of(const struct pst_stream *s, enum pst_dir sender)
{
	/* RFC 7323 section 2.2: only if both said so */
	if (s->sides[PST_DIR_ORIG].syn.scale < 0 || s->sides[PST_DIR_REPLY].syn.scale < 0)
		return 0;
	return s->sides[sender].syn.scale;
}

/*
 * The window for the sender of dir: what the receiver has room for, less what
 * is held, and no more than can be kept; while the editor wants more, at least what
 * the engine still has room for itself. One that the receiver shut is shut, though the
 * sender's probe of it may have been taken in here.
 */
static uint16_t
window_for(const struct pst_stream *s, enum pst_dir dir, uint32_t in_ack, uint32_t out_ack,
	uint32_t edge)
{
	const struct side *d = &s->sides[dir];
	uint8_t scale = stream_scale_of(s, pst_dir_other(dir));
	int64_t room = (int64_t)(int32_t)(edge - d->out_next) - d->held.len;
	bool wanted = d->held.len > 0 && !d->latched && !d->stalled;
	int64_t window;

	if (seq_le(edge, out_ack) && !wanted)
		return 0;
	if (room > room_to_keep(s, d))
		room = room_to_keep(s, d);
	if (room < 0)
		room = 0;
	if (wanted && room + d->held.len < (int64_t)s->params.line_max + 1)
		room = (int64_t)s->params.line_max + 1 - d->held.len;
	window = d->plain ? (int32_t)(edge - out_ack) : (int32_t)(d->in_next - in_ack) + room;
	if (window < 0)
		window = 0;
	/* rounded up: rounding down would take a byte off every window that is passed on */
	if (room > 0)
		window += (1 << scale) - 1;
	window >>= scale;
	return window > UINT16_MAX ? UINT16_MAX : window;
}

struct sack_ctx {
	const struct side *d;
	uint32_t in_ack, out_ack;
};

static bool
map_block(const void *ctx, uint32_t *left, uint32_t *right)
{
	const struct sack_ctx *c = ctx;
	bool duplicate = seq_le(*right, c->out_ack); /* RFC 2883 */

	/* an old segment's: of edits that are forgotten */
	if (seq_lt(*left, c->d->acked) && !duplicate)
		return false;
	*left = edits_in_left(&c->d->edits, *left);
	*right = edits_in(&c->d->edits, *right);
	if (seq_le(*right, *left))
		return false;
	return duplicate || seq_lt(c->in_ack, *left);
}

/* Output. */

/* With the right edge of the receiver's window, by its own numbers. */
static void
set_ack(const struct pst_stream *s, enum pst_dir dir, struct pst_stream_segment *seg, uint32_t edge)
{
	enum pst_dir back = pst_dir_other(dir);
	const struct side *d = &s->sides[back];
	struct sack_ctx ctx = { d, 0, seg->ack };

	if (!(seg->flags & ACK) || !d->started)
		return;
	ctx.in_ack = map_ack(d, seg->ack);
	opts_map_sack(seg, map_block, &ctx);
	if (!(seg->flags & (RST | SYN)))
		seg->window = window_for(s, back, ctx.in_ack, seg->ack, edge);
	seg->ack = ctx.in_ack;
}

void
stream_set_ack(const struct pst_stream *s, enum pst_dir dir, struct pst_stream_segment *seg)
{
	set_ack(s, dir, seg, seg->ack + ((uint32_t)seg->window << stream_scale_of(s, dir)));
}

/* A segment of the engine's own: as the sender of dir would make one now. */
static void
start_segment(const struct pst_stream *s, enum pst_dir dir, struct pst_stream_segment *seg)
{
	const struct side *d = &s->sides[dir], *back = &s->sides[pst_dir_other(dir)];

	memset(seg, 0, sizeof(*seg));
	seg->flags = ACK;
	seg->seq = sent_end(d);
	seg->ack = back->acked + back->fin_acked;
	if (d->syn.timestamps && back->syn.timestamps)
		opts_put_timestamps(seg, (struct timestamps){ d->ts.value, back->ts.value });
	set_ack(s, dir, seg, back->edge);
}

static uint32_t
mss_of(const struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *like)
{
	uint32_t mss = s->sides[pst_dir_other(dir)].syn.mss;

	mss = mss != 0 ? mss : MSS_DEFAULT;
	return mss > (uint32_t)like->options_len + MSS_MIN ? mss - like->options_len : MSS_MIN;
}

/* The sender's FIN stands at this output number, if it may go. */
static bool
fin_at(const struct side *d, uint32_t out)
{
	return d->ended && out == d->out_next;
}

void
stream_send_range(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *like,
	uint32_t from, uint32_t to)
{
	struct side *d = &s->sides[dir];
	struct pst_stream_segment seg = *like;
	uint32_t mss = mss_of(s, dir, like), pieces = 0;

	from = seq_max(from, d->acked);
	while (seq_lt(from, to)) {
		uint32_t len = to - from < mss ? to - from : mss;

		seg.seq = from;
		seg.data = bytes_at(&d->kept, from - d->acked);
		seg.len = len;
		from += len;
		seg.flags = (like->flags & ~(FIN | SYN | RST | URG)) | (from == to ? PSH : 0);
		if (fin_at(d, from)) {
			seg.flags |= FIN;
			d->fin_sent = true;
		}
		seg.urgent = 0;
		s->ops->output(s->ctx, dir, &seg);
		pieces++;
		d->sent = seq_max(d->sent, from);
	}
	s->stats.splits += pieces > 1 ? pieces - 1 : 0;
}

void
stream_send_bare(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *like,
	uint32_t seq, uint8_t flags)
{
	struct pst_stream_segment seg = *like;

	seg.seq = seq;
	seg.data = NULL;
	seg.len = 0;
	seg.flags = flags & ~URG;
	seg.urgent = 0;
	if (flags & FIN)
		s->sides[dir].fin_sent = true;
	s->ops->output(s->ctx, dir, &seg);
}

bool
stream_send_new(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *like)
{
	struct side *d = &s->sides[dir];
	uint32_t to = seq_min(d->out_next, d->edge), from = seq_max(d->sent, d->acked);

	if (!seq_lt(from, to))
		return false;
	stream_send_range(s, dir, like, from, to);
	return true;
}

void
stream_acknowledge(struct pst_stream *s, enum pst_dir dir)
{
	struct pst_stream_segment seg;

	start_segment(s, pst_dir_other(dir), &seg);
	s->ops->output(s->ctx, pst_dir_other(dir), &seg);
}

/* Owned bytes: those behind `owned` that the receiver has not acknowledged. */

static uint32_t
owned_out(const struct side *d)
{
	return edits_out_end(&d->edits, seq_min(d->owned, decided(d)));
}

void
stream_set_timer(struct pst_stream *s, struct side *d)
{
	uint64_t rto = (uint64_t)s->params.rto_ms << (d->backoff < 16 ? d->backoff : 16);

	if (d->owns && d->held.len == 0 && seq_le(owned_out(d), d->acked))
		d->owns = seq_lt(edits_in(&d->edits, d->acked), d->owned);
	if (!d->owns || !seq_lt(d->acked, owned_out(d))) {
		d->timer = UINT64_MAX;
		d->tries = d->backoff = 0;
	} else if (d->timer == UINT64_MAX) {
		d->timer = s->now + (rto < s->params.rto_max_ms ? rto : s->params.rto_max_ms);
	}
}

void
stream_reset_both(struct pst_stream *s)
{
	for (int dir = 0; dir < PST_DIRS; dir++) {
		struct pst_stream_segment seg;

		if (!s->sides[dir].started)
			continue;
		start_segment(s, dir, &seg);
		seg.flags = RST | ACK;
		s->ops->output(s->ctx, dir, &seg);
	}
	s->dead = true;
	s->sides[PST_DIR_ORIG].timer = s->sides[PST_DIR_REPLY].timer = UINT64_MAX;
}

void
stream_flush(struct pst_stream *s, enum pst_dir dir)
{
	struct side *d = &s->sides[dir];
	struct pst_stream_segment like;

	if (!d->started || d->plain)
		return;
	if ((d->latched || d->stalled || d->recheck) && d->held.len > 0 && !stream_decide(s, dir))
		return;
	if (seq_lt(d->sent, seq_min(d->out_next, d->edge))) {
		start_segment(s, dir, &like);
		stream_send_new(s, dir, &like);
	}
	stream_set_timer(s, d);
}

void
stream_resend(struct pst_stream *s, enum pst_dir dir)
{
	struct side *d = &s->sides[dir];
	struct pst_stream_segment like;
	uint32_t to, mss;

	d->timer = UINT64_MAX;
	if (d->heard)
		d->tries = 0;
	d->heard = false;
	d->backoff++;
	if (++d->tries > s->params.retries) {
		stream_reset_both(s);
		return;
	}
	start_segment(s, dir, &like);
	mss = mss_of(s, dir, &like);
	to = seq_min(d->acked + mss, seq_min(d->out_next, d->edge));
	if (!seq_lt(d->acked, to))
		to = d->acked + 1;
#if PST_PLANTED_BUG != 3
	s->stats.retransmits++;
	stream_send_range(s, dir, &like, d->acked, to);
#endif
	stream_set_timer(s, d);
}
