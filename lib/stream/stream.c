/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream/stream.h"

#include <stdlib.h>

#include "stream/stream_priv.h"

struct pst_stream *
pst_stream_create(
	const struct pst_stream_params *params, const struct pst_stream_ops *ops, void *ctx)
{
	struct pst_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->params = *params;
	s->ops = ops;
	s->ctx = ctx;
	s->sides[PST_DIR_ORIG].timer = s->sides[PST_DIR_REPLY].timer = UINT64_MAX;
	return s;
}

static void
end_side(struct side *d)
{
	bytes_fini(&d->held);
	bytes_fini(&d->kept);
	reasm_fini(&d->later);
	edits_fini(&d->edits);
}

void
pst_stream_destroy(struct pst_stream *s)
{
	if (s == NULL)
		return;
	for (int dir = 0; dir < PST_DIRS; dir++)
		end_side(&s->sides[dir]);
	free(s);
}

/* The sender's SYN: its first, or one with other numbers because nobody answered. */
static void
begin_side(struct side *d, uint32_t first)
{
	bool latched = d->latched;

	end_side(d);
	*d = (struct side){ .started = true, .latched = latched, .timer = UINT64_MAX };
	d->in_next = d->acked = d->sent = d->out_next = d->owned = d->edge = first;
}

static void
take_timestamps(struct side *d, const struct pst_stream_segment *seg)
{
	struct timestamps ts;

	/* an old one that comes late would make ours old too (RFC 7323 section 5) */
	if (opts_timestamps(seg, &ts) && seq_le(d->ts.value, ts.value))
		d->ts = ts;
}

static void
take_syn(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct side *d = &s->sides[dir], *back = &s->sides[pst_dir_other(dir)];
	struct pst_stream_segment out = *seg;

	if (!d->started || (!back->started && d->in_next != seg->seq + 1)) {
		begin_side(d, seg->seq + 1);
		opts_of_syn(seg, &d->syn);
		opts_timestamps(seg, &d->ts);
		if (seg->flags & ACK)
			back->edge = seg->ack + seg->window; /* never scaled on a SYN */
	}
	stream_set_ack(s, dir, &out); /* one that is repeated may acknowledge data */
	out.len = 0;
	out.data = NULL;
	s->ops->output(s->ctx, dir, &out);
}

/* What the segment says of the other direction's data. */
static void
take_ack(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct side *d = &s->sides[pst_dir_other(dir)];
	uint32_t edge = seg->ack + ((uint32_t)seg->window << stream_scale_of(s, dir));
	uint32_t bytes;

	if (!(seg->flags & ACK) || !d->started || seq_lt(sent_end(d), seg->ack))
		return;
	if (seq_lt(seg->ack, d->acked))
		return;
	d->edge = edge;
	if (seg->ack == d->acked) {
		d->heard = d->heard || edge == seg->ack;
		return;
	}
	d->fin_acked = d->fin_sent && seg->ack == sent_end(d);
	bytes = seg->ack - d->acked;
	bytes_take(&d->kept, bytes < d->kept.len ? bytes : d->kept.len);
	d->acked = seq_min(seg->ack, d->out_next);
	d->sent = seq_max(d->sent, d->acked);
	edits_acked(&d->edits, d->acked);
	d->timer = UINT64_MAX;
	d->tries = d->backoff = 0;
	stream_set_timer(s, d);
}

/* A direction that needs nothing any more passes with a constant. */
static void
settle(struct side *d)
{
	if (d->started && d->latched && !d->plain && d->held.len == 0 && d->edits.n == 0 &&
		!d->owns && d->later.first == NULL && d->sent == d->out_next) {
		d->plain = true;
		bytes_fini(&d->kept);
		if (d->fin_sent) { /* from now on the numbers count it */
			d->in_next++;
			d->out_next++;
			d->sent++;
			d->acked += d->fin_acked;
			d->fin_sent = d->fin_acked = false;
		}
	}
}

/* Put new bytes of a segment where they belong. False past a bound. */
static bool
take_data(struct pst_stream *s, struct side *d, uint32_t seq, const uint8_t *data, uint32_t len)
{
	uint32_t skip;

	if (d->fin_seen && seq_lt(d->fin, seq + len))
		len = seq_lt(seq, d->fin) ? d->fin - seq : 0; /* nothing is behind a FIN */
	if (seq_lt(d->in_next, seq))
		return len == 0 || reasm_add(&d->later, seq, data, len, s->params.reorder_max);
	skip = d->in_next - seq;
	if (skip >= len)
		return true;
	len -= skip;
	data += skip;
	while (len > 0) {
		const uint8_t *first;
		uint32_t n = len;

		/* first received wins: up to what came before its turn, then that */
		if (d->later.first != NULL) {
			uint32_t there = reasm_take(&d->later, d->in_next, &first);

			if (there > 0) {
				uint32_t both = there < len ? there : len;

				if (there > room_to_keep(s, d) ||
					!bytes_add(&d->held, first, there))
					return false;
				d->in_next += there;
				data += both;
				len -= both;
				continue;
			}
			n = reasm_gap(&d->later, d->in_next, len);
		}
		if (n > room_to_keep(s, d) || !bytes_add(&d->held, data, n))
			return false;
		d->in_next += n;
		data += n;
		len -= n;
	}
	return true;
}

static bool
take_later(struct pst_stream *s, struct side *d)
{
	const uint8_t *data;
	uint32_t n;

	while ((n = reasm_take(&d->later, d->in_next, &data)) > 0) {
		if (n > room_to_keep(s, d) || !bytes_add(&d->held, data, n))
			return false;
		d->in_next += n;
	}
	return true;
}

static enum pst_stream_fate
input_plain(struct pst_stream *s, enum pst_dir dir, struct pst_stream_segment *seg)
{
	struct side *d = &s->sides[dir];
	uint32_t end = seg->seq + seg->len + ((seg->flags & FIN) != 0);

	if (seq_lt(d->in_next, end)) {
		d->in_next = end;
		d->out_next = d->sent = end + d->edits.base;
	}
	stream_set_ack(s, dir, seg);
	seg->seq += d->edits.base;
	s->ops->output(s->ctx, dir, seg);
	return PST_STREAM_FORWARDED;
}

/* Old bytes again: the receiver gets what it got then. True when something was sent. */
static bool
repeat(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg, uint32_t known,
	const struct pst_stream_segment *like)
{
	struct side *d = &s->sides[dir];
	uint32_t end = seq_min(seg->seq + seg->len, known);
	uint32_t from = edits_out(&d->edits, seg->seq);
	uint32_t to = seq_min(edits_out_end(&d->edits, end), d->sent);

	if (!seq_lt(seg->seq, known) || seg->len == 0)
		return false;
#if PST_PLANTED_BUG == 2
	struct pst_stream_segment raw = *like;

	raw.seq = from;
	raw.data = seg->data;
	raw.len = end - seg->seq;
	raw.flags &= ~FIN;
	s->ops->output(s->ctx, dir, &raw);
	return true;
#endif
	if (seq_lt(seq_max(from, d->acked), to)) {
		s->stats.retransmits++;
		stream_send_range(s, dir, like, from, to);
		return true;
	}
	if (seq_lt(d->acked, d->out_next)) { /* kept back by the window: a probe of one byte */
		stream_send_range(s, dir, like, d->acked, d->acked + 1);
		return true;
	}
	/* all of it was acknowledged: a bare one, so that the receiver says so again */
	stream_send_bare(s, dir, like, seq_min(from, d->acked - 1), like->flags & ~FIN);
	return true;
}

/* The data or FIN of a segment: decide, send, acknowledge what is held. */
static enum pst_stream_fate
input_data(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct side *d = &s->sides[dir];
	uint32_t known = decided(d), before = d->in_next;
	struct pst_stream_segment like = *seg;
	bool sent, kept;

	if (seq_lt(d->in_next + s->params.reorder_max, seg->seq)) {
		s->stats.dropped++;
		return PST_STREAM_DROPPED;
	}
	if ((seg->flags & FIN) && !d->fin_seen && seq_le(d->in_next, seg->seq + seg->len)) {
		d->fin_seen = true;
		d->fin = seg->seq + seg->len;
	}
	kept = take_data(s, d, seg->seq, seg->data, seg->len) && take_later(s, d);
	if (!stream_decide(s, dir))
		return PST_STREAM_TAKEN;
	stream_set_ack(s, dir, &like);
	sent = repeat(s, dir, seg, known, &like);
	sent = stream_send_new(s, dir, &like) || sent;
	if (d->ended && d->sent == d->out_next && (!d->fin_sent || (!sent && (seg->flags & FIN)))) {
		stream_send_bare(s, dir, &like, d->out_next, like.flags | FIN);
		sent = true;
	}
	if (d->held.len > 0 && !d->stalled && d->in_next != d->owned) {
		s->stats.held_bytes += d->in_next - seq_max(d->owned, before);
		d->owned = d->in_next;
		d->owns = true;
		stream_acknowledge(s, dir);
	} else if (d->owns && seq_le(seg->seq + seg->len, d->owned)) {
		stream_acknowledge(s, dir); /* the sender has missed ours */
	} else if (seq_lt(before, seg->seq) && d->in_next == before) {
		stream_acknowledge(
			s, dir); /*a gap: as a receiver would say (RFC 5681 section 4.2) */
	} else if (d->in_next != before && !sent && d->acked == d->out_next) {
		stream_acknowledge(s, dir); /* all of it was deleted: the receiver never will */
		edits_acked(&d->edits, d->acked);
	}
	stream_set_timer(s, d);
	if (!kept) {
		s->stats.dropped++;
		return sent ? PST_STREAM_FORWARDED : PST_STREAM_DROPPED;
	}
	return sent ? PST_STREAM_FORWARDED : PST_STREAM_TAKEN;
}

static void
input_rst(struct pst_stream *s, enum pst_dir dir, struct pst_stream_segment *seg)
{
	const struct side *d = &s->sides[dir];
	bool exact = seg->seq == d->in_next || (d->fin_seen && seg->seq == d->fin + 1);

	stream_set_ack(s, dir, seg);
	seg->seq = stream_map_seq(d, seg->seq);
	seg->len = 0;
	s->ops->output(s->ctx, dir, seg);
	if (exact) /* another one may be forged, and ends nothing (RFC 5961 section 3) */
		s->sides[PST_DIR_ORIG].timer = s->sides[PST_DIR_REPLY].timer = UINT64_MAX;
}

static void
input_bare(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct pst_stream_segment like = *seg;

	stream_set_ack(s, dir, &like);
	stream_send_bare(s, dir, &like, stream_map_seq(&s->sides[dir], seg->seq), like.flags);
}

/* After a reset of ours: who missed it gets one at the number it waits for. */
static void
input_dead(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct pst_stream_segment rst = { .flags = RST, .seq = seg->ack };

	if (!(seg->flags & RST) && (seg->flags & ACK))
		s->ops->output(s->ctx, pst_dir_other(dir), &rst);
}

enum pst_stream_fate
pst_stream_input(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg,
	uint64_t now_ms)
{
	struct side *d = &s->sides[dir];
	struct pst_stream_segment copy = *seg;
	enum pst_stream_fate fate = PST_STREAM_FORWARDED;

	s->now = now_ms;
	if (s->dead) {
		input_dead(s, dir, seg);
		return PST_STREAM_TAKEN;
	}
	if (seg->flags & SYN) {
		take_syn(s, dir, seg);
		return PST_STREAM_FORWARDED;
	}
	if (!d->started) {
		s->ops->output(s->ctx, dir, seg);
		return PST_STREAM_FORWARDED;
	}
	take_timestamps(d, seg);
	if (!(seg->flags & RST))
		take_ack(s, dir, seg);
	if (seg->flags & RST)
		input_rst(s, dir, &copy);
	else if (d->plain)
		fate = input_plain(s, dir, &copy);
	else if (seg->len > 0 || (seg->flags & FIN))
		fate = input_data(s, dir, seg);
	else
		input_bare(s, dir, seg);
	if (s->dead)
		return fate;
	stream_flush(s, pst_dir_other(dir));
	settle(&s->sides[PST_DIR_ORIG]);
	settle(&s->sides[PST_DIR_REPLY]);
	return fate;
}

void
pst_stream_recheck(struct pst_stream *s, enum pst_dir dir)
{
	s->sides[dir].recheck = true;
}

uint64_t
pst_stream_deadline(const struct pst_stream *s)
{
	uint64_t a = s->sides[PST_DIR_ORIG].timer, b = s->sides[PST_DIR_REPLY].timer;

	return a < b ? a : b;
}

void
pst_stream_timer(struct pst_stream *s, uint64_t now_ms)
{
	s->now = now_ms;
	for (int dir = 0; dir < PST_DIRS; dir++) {
		if (!s->dead && s->sides[dir].timer <= now_ms)
			stream_resend(s, dir);
	}
}

bool
pst_stream_is_done(const struct pst_stream *s, int32_t offset[PST_DIRS])
{
	for (int dir = 0; dir < PST_DIRS; dir++)
		offset[dir] = s->sides[dir].edits.base;
	return s->sides[PST_DIR_ORIG].plain && s->sides[PST_DIR_REPLY].plain;
}

const struct pst_stream_stats *
pst_stream_stats(const struct pst_stream *s)
{
	return &s->stats;
}
