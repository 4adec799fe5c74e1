/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A direction's bytes, by input (sender's) and output (receiver's) numbers:
 *
 *	input   ... | decided            | held          | out of order ...
 *	            |            decided ^        in_next ^
 *	output  acked ^ .. kept .. sent ^ .. kept .. out_next ^
 *
 * All output is cut from what is kept. Once nobody edits and nothing is in
 * hand, a direction is plain: segments pass with a constant added.
 */
#include "stream/stream.h"

#include <stdlib.h>
#include <string.h>

#include "stream/bytes.h"
#include "stream/edits.h"
#include "stream/opts.h"
#include "stream/reasm.h"
#include "stream/seq.h"

#ifndef PST_PLANTED_BUG
#define PST_PLANTED_BUG 0 /* the property test is built with each, and must see it */
#endif

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10
#define URG 0x20

#define MSS_DEFAULT 536 /* RFC 9293 section 3.7.1 */
#define MSS_MIN 64

struct side {
	/* what the sender sends */
	bool started; /* its SYN was seen */
	uint32_t in_next;
	struct bytes held; /* decided up to in_next - held.len */
	struct reasm later;
	bool fin_seen;
	uint32_t fin; /* input number of its FIN */
	bool ended;   /* all before the FIN is decided, and it may go */
	/* what the receiver gets */
	struct edits edits;
	struct bytes kept; /* output from acked to out_next */
	uint32_t acked, sent, out_next;
	uint32_t edge;  /* the receiver takes nothing at or behind this */
	uint32_t owned; /* input acknowledged in the receiver's name */
	bool owns;      /* some of that is not delivered yet, or was not when last looked at */
	uint32_t tries;
	uint64_t timer; /* UINT64_MAX: none */
	/* how its segments look */
	struct syn_options syn;
	struct timestamps ts; /* the last it sent */
	uint16_t window;      /* the last it announced, as on the wire */
	bool latched;         /* nobody edits it any more */
	bool plain;
};

struct pst_stream {
	struct pst_stream_params params;
	const struct pst_stream_ops *ops;
	void *ctx;
	struct side sides[PST_DIRS]; /* by the direction of the data */
	struct pst_stream_stats stats;
	uint64_t now;
	bool dead; /* reset */
};

struct pst_stream *
pst_stream_create(const struct pst_stream_params *params, const struct pst_stream_ops *ops,
	void *ctx)
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

void
pst_stream_destroy(struct pst_stream *s)
{
	if (s == NULL)
		return;
	for (int dir = 0; dir < PST_DIRS; dir++) {
		bytes_fini(&s->sides[dir].held);
		bytes_fini(&s->sides[dir].kept);
		reasm_fini(&s->sides[dir].later);
		edits_fini(&s->sides[dir].edits);
	}
	free(s);
}

/* Numbers. */

static uint32_t
decided(const struct side *d)
{
	return d->in_next - d->held.len;
}

/* Where a segment of the sender that carries no data stands for the receiver. */
static uint32_t
map_seq(const struct side *d, uint32_t seq)
{
	if (seq_lt(seq, decided(d)))
		return edits_out(&d->edits, seq);
	if (seq_le(seq, d->in_next))
		return d->out_next;
	return d->out_next + (seq - d->in_next);
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

static uint8_t
scale_of(const struct pst_stream *s, enum pst_dir sender)
{
	/* RFC 7323 section 2.2: only if both said so */
	if (s->sides[PST_DIR_ORIG].syn.scale < 0 || s->sides[PST_DIR_REPLY].syn.scale < 0)
		return 0;
	return s->sides[sender].syn.scale;
}

/*
 * The window for the sender of d, as its receiver would announce it behind
 * ack: what the receiver has room for, less what is held; and while the editor wants
 * more, at least what the engine still has room for itself.
 */
static uint16_t
window_for(const struct pst_stream *s, enum pst_dir dir, uint32_t ack, uint32_t edge)
{
	const struct side *d = &s->sides[dir];
	uint8_t scale = scale_of(s, pst_dir_other(dir));
	int32_t room = (int32_t)(edge - d->out_next) - (int32_t)d->held.len;
	int64_t window;

	if (room < 0)
		room = 0;
	if (d->held.len > 0 && !d->latched) {
		int32_t own = (int32_t)s->params.line_max + 1 - (int32_t)d->held.len;

		room = room > own ? room : own;
	}
	window = (int64_t)(int32_t)(d->in_next - ack) + room;
	if (window < 0)
		window = 0;
	/* rounded up: rounding down would take a byte off every window that is passed on */
	window = (window + (1 << scale) - 1) >> scale;
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

/* ACK, SACK and window of a segment of `dir`, for the data of the other direction. */
static void
set_ack(const struct pst_stream *s, enum pst_dir dir, struct pst_stream_segment *seg)
{
	enum pst_dir back = pst_dir_other(dir);
	const struct side *d = &s->sides[back];
	uint32_t edge = seg->ack + ((uint32_t)seg->window << scale_of(s, dir));
	struct sack_ctx ctx = { d, 0, seg->ack };

	if (!(seg->flags & ACK) || !d->started || (seg->flags & SYN))
		return;
	ctx.in_ack = map_ack(d, seg->ack);
	opts_map_sack(seg, map_block, &ctx);
	if (!(seg->flags & RST))
		seg->window = window_for(s, back, ctx.in_ack, edge);
	seg->ack = ctx.in_ack;
}

/* A segment of the engine's own: as the sender of dir would make one now. */
static void
start_segment(const struct pst_stream *s, enum pst_dir dir, struct pst_stream_segment *seg)
{
	const struct side *d = &s->sides[dir], *back = &s->sides[pst_dir_other(dir)];

	memset(seg, 0, sizeof(*seg));
	seg->flags = ACK;
	seg->seq = d->sent;
	seg->ack = back->acked;
	seg->window = d->window;
	if (d->syn.timestamps && back->syn.timestamps)
		opts_put_timestamps(
			seg, (struct timestamps){ d->ts.value, back->ts.value });
	set_ack(s, dir, seg);
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

/* Send kept bytes [from, to), cut to the receiver's MSS, in segments like `like`. */
static void
send_range(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *like,
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
		if (fin_at(d, from))
			seg.flags |= FIN;
		seg.urgent = 0;
		s->ops->output(s->ctx, dir, &seg);
		pieces++;
		d->sent = seq_max(d->sent, from);
	}
	s->stats.splits += pieces > 1 ? pieces - 1 : 0;
}

/* Send without data, at a place of the output. */
static void
send_bare(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *like,
	uint32_t seq, uint8_t flags)
{
	struct pst_stream_segment seg = *like;

	seg.seq = seq;
	seg.data = NULL;
	seg.len = 0;
	seg.flags = flags & ~URG;
	seg.urgent = 0;
	s->ops->output(s->ctx, dir, &seg);
}

/* New output, as far as the receiver's window goes. */
static bool
send_new(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *like)
{
	struct side *d = &s->sides[dir];
	uint32_t to = seq_min(d->out_next, d->edge), from = seq_max(d->sent, d->acked);

	if (!seq_lt(from, to))
		return false;
	send_range(s, dir, like, from, to);
	return true;
}

/* In the receiver's name: what was taken in of dir. */
static void
acknowledge(struct pst_stream *s, enum pst_dir dir)
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

static void
set_timer(struct pst_stream *s, struct side *d)
{
	uint64_t rto = (uint64_t)s->params.rto_ms << (d->tries < 16 ? d->tries : 16);

	if (d->owns && d->held.len == 0 && seq_le(owned_out(d), d->acked))
		d->owns = seq_lt(edits_in(&d->edits, d->acked), d->owned);
	if (!d->owns || !seq_lt(d->acked, owned_out(d))) {
		d->timer = UINT64_MAX;
		d->tries = 0;
	} else if (d->timer == UINT64_MAX) {
		d->timer = s->now + (rto < s->params.rto_max_ms ? rto : s->params.rto_max_ms);
	}
}

static void
reset_both(struct pst_stream *s)
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

/* The editor. */

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

	if (!edits_add(&d->edits, e))
		return false;
	if (!bytes_add(&d->kept, edit->data, edit->data_len)) {
		d->edits.n--;
		return false;
	}
	bytes_take(&d->held, edit->take);
	d->out_next += edit->data_len;
	s->stats.edits++;
	return true;
}

enum decision { GO_ON, WAIT, FAIL };

static enum decision
obey(struct pst_stream *s, struct side *d, const struct pst_edit *edit, bool end)
{
	switch (edit->op) {
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
		reset_both(s);
		return FAIL;
	case PST_EDIT_PASS:
		if (edit->take > 0 && edit->take <= d->held.len)
			return pass(d, edit->take) ? GO_ON : FAIL;
		break;
	}
	/* what makes no sense passes what was shown */
	return pass(d, d->held.len) ? GO_ON : FAIL;
}

/* Show the editor what is held until all is decided or it wants more. False: reset. */
static bool
decide(struct pst_stream *s, enum pst_dir dir)
{
	struct side *d = &s->sides[dir];
	bool end = d->fin_seen && d->in_next == d->fin, told = d->ended;
	enum decision next = GO_ON;

	while (next == GO_ON && !d->latched && (d->held.len > 0 || (end && !told))) {
		struct pst_edit edit = { .op = PST_EDIT_PASS, .take = d->held.len };

		told = end;
		s->ops->data(s->ctx, dir, d->held.len > 0 ? bytes_at(&d->held, 0) : NULL,
			d->held.len, end, &edit);
		next = obey(s, d, &edit, end);
	}
	if (d->latched && next != FAIL && !pass(d, d->held.len))
		next = FAIL;
	if (next == FAIL) {
		if (!s->dead) /* bytes that were decided can't be lost: an end to it */
			reset_both(s);
		return false;
	}
	if (end && d->held.len == 0)
		d->ended = true;
	return true;
}

/* Input. */

static void
take_syn(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct side *d = &s->sides[dir], *back = &s->sides[pst_dir_other(dir)];
	struct pst_stream_segment out = *seg;

	if (!d->started) {
		d->in_next = d->acked = d->sent = d->out_next = d->owned = seg->seq + 1;
		d->edge = d->acked;
		d->started = true;
	}
	opts_of_syn(seg, &d->syn);
	d->window = seg->window;
	opts_timestamps(seg, &d->ts);
	if (seg->flags & ACK)
		back->edge = seg->ack + seg->window; /* never scaled on a SYN */
	out.len = 0;
	out.data = NULL;
	s->ops->output(s->ctx, dir, &out);
}

/* What the segment says of the other direction's data. */
static void
take_ack(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct side *d = &s->sides[pst_dir_other(dir)];
	uint32_t edge = seg->ack + ((uint32_t)seg->window << scale_of(s, dir));
	uint32_t end = d->sent + (d->ended && d->sent == d->out_next), bytes;

	if (!(seg->flags & ACK) || !d->started || seq_lt(end, seg->ack))
		return;
	if (seq_lt(seg->ack, d->acked))
		return;
	d->edge = edge;
	if (seg->ack == d->acked)
		return;
	bytes = seg->ack - d->acked;
	bytes_take(&d->kept, bytes < d->kept.len ? bytes : d->kept.len);
	d->acked = seq_min(seg->ack, d->out_next);
	d->sent = seq_max(d->sent, d->acked);
	edits_acked(&d->edits, d->acked);
	d->timer = UINT64_MAX;
	d->tries = 0;
	set_timer(s, d);
}

/* A direction that needs nothing any more passes with a constant. */
static void
settle(struct side *d)
{
	if (d->started && d->latched && !d->plain && d->held.len == 0 && d->edits.n == 0 &&
		!d->owns && d->later.first == NULL && d->sent == d->out_next) {
		d->plain = true;
		bytes_fini(&d->kept);
	}
}

static uint32_t
room(const struct pst_stream *s, const struct side *d)
{
	uint32_t used = d->kept.len + d->held.len;

	return used < s->params.unacked_max ? s->params.unacked_max - used : 0;
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

				if (there > room(s, d) || !bytes_add(&d->held, first, there))
					return false;
				d->in_next += there;
				data += both;
				len -= both;
				continue;
			}
			n = reasm_gap(&d->later, d->in_next, len);
		}
		if (n > room(s, d) || !bytes_add(&d->held, data, n))
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
		if (n > room(s, d) || !bytes_add(&d->held, data, n))
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
	set_ack(s, dir, seg);
	seg->seq += d->edits.base;
	s->ops->output(s->ctx, dir, seg);
	return PST_STREAM_FORWARDED;
}

/* Old bytes again: the receiver gets what it got then. True when something was sent. */
static bool
repeat(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg,
	uint32_t known, const struct pst_stream_segment *like)
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
		send_range(s, dir, like, from, to);
		return true;
	}
	if (seq_lt(d->acked, d->out_next)) { /* kept back by the window: a probe of one byte */
		send_range(s, dir, like, d->acked, d->acked + 1);
		return true;
	}
	/* all of it was acknowledged: a bare one, so that the receiver says so again */
	send_bare(s, dir, like, seq_min(from, d->acked - 1), like->flags & ~FIN);
	return true;
}

/* The data or FIN of a segment: decide, send, acknowledge what is held. */
static enum pst_stream_fate
input_data(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct side *d = &s->sides[dir];
	uint32_t known = decided(d), before = d->in_next;
	struct pst_stream_segment like = *seg;
	bool ended = d->ended, sent, kept;

	if ((seg->flags & FIN) && !d->fin_seen) {
		d->fin_seen = true;
		d->fin = seg->seq + seg->len;
	}
	kept = take_data(s, d, seg->seq, seg->data, seg->len) && take_later(s, d);
	if (!decide(s, dir))
		return PST_STREAM_TAKEN;
	set_ack(s, dir, &like);
	sent = repeat(s, dir, seg, known, &like);
	sent = send_new(s, dir, &like) || sent;
	if (d->ended && !sent && ((seg->flags & FIN) || !ended) && d->sent == d->out_next) {
		send_bare(s, dir, &like, d->out_next, like.flags | FIN);
		sent = true;
	}
	if (d->held.len > 0 && d->in_next != d->owned) {
		s->stats.held_bytes += d->in_next - seq_max(d->owned, before);
		d->owned = d->in_next;
		d->owns = true;
		acknowledge(s, dir);
	} else if (d->owns && seq_le(seg->seq + seg->len, d->owned)) {
		acknowledge(s, dir); /* the sender has missed ours */
	} else if (seq_lt(before, seg->seq) && d->in_next == before) {
		acknowledge(s, dir); /* a gap: as a receiver would say (RFC 5681 section 4.2) */
	}
	set_timer(s, d);
	if (!kept) {
		s->stats.dropped++;
		return sent ? PST_STREAM_FORWARDED : PST_STREAM_DROPPED;
	}
	return sent ? PST_STREAM_FORWARDED : PST_STREAM_TAKEN;
}

static void
input_rst(struct pst_stream *s, enum pst_dir dir, struct pst_stream_segment *seg)
{
	uint32_t seq = map_seq(&s->sides[dir], seg->seq);

	set_ack(s, dir, seg);
	seg->seq = seq;
	seg->len = 0;
	s->ops->output(s->ctx, dir, seg);
	s->sides[PST_DIR_ORIG].timer = s->sides[PST_DIR_REPLY].timer = UINT64_MAX;
}

static void
input_bare(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	const struct side *d = &s->sides[dir];
	struct pst_stream_segment like = *seg;
	uint32_t seq = map_seq(d, seg->seq), end = d->sent;

	/* behind a FIN that was sent, its sender counts it */
	if (d->ended && d->fin_seen && seg->seq == d->fin + 1)
		seq = end = d->out_next + 1;
	set_ack(s, dir, &like);
	send_bare(s, dir, &like, seq_min(seq, end), like.flags);
}

/* Room at the receiver: what was kept back may go. */
static void
flush(struct pst_stream *s, enum pst_dir dir)
{
	struct side *d = &s->sides[dir];
	struct pst_stream_segment like;

	if (!d->started || d->plain || !seq_lt(d->sent, seq_min(d->out_next, d->edge)))
		return;
	start_segment(s, dir, &like);
	send_new(s, dir, &like);
	set_timer(s, d);
}

enum pst_stream_fate
pst_stream_input(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *seg,
	uint64_t now_ms)
{
	struct side *d = &s->sides[dir];
	struct pst_stream_segment copy = *seg;
	enum pst_stream_fate fate = PST_STREAM_FORWARDED;

	s->now = now_ms;
	if (s->dead)
		return PST_STREAM_TAKEN;
	if (seg->flags & SYN) {
		take_syn(s, dir, seg);
		return PST_STREAM_FORWARDED;
	}
	if (!d->started) {
		s->ops->output(s->ctx, dir, seg);
		return PST_STREAM_FORWARDED;
	}
	d->window = seg->window;
	opts_timestamps(seg, &d->ts);
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
	flush(s, pst_dir_other(dir));
	settle(&s->sides[PST_DIR_ORIG]);
	settle(&s->sides[PST_DIR_REPLY]);
	return fate;
}

uint64_t
pst_stream_deadline(const struct pst_stream *s)
{
	uint64_t a = s->sides[PST_DIR_ORIG].timer, b = s->sides[PST_DIR_REPLY].timer;

	return a < b ? a : b;
}

/* Resend the first of what is owned; one byte when the receiver has no room. */
static void
resend(struct pst_stream *s, enum pst_dir dir)
{
	struct side *d = &s->sides[dir];
	struct pst_stream_segment like;
	uint32_t to, mss;

	d->timer = UINT64_MAX;
	if (++d->tries > s->params.retries) {
		reset_both(s);
		return;
	}
	start_segment(s, dir, &like);
	mss = mss_of(s, dir, &like);
	to = seq_min(d->acked + mss, seq_min(d->out_next, d->edge));
	if (!seq_lt(d->acked, to))
		to = d->acked + 1;
#if PST_PLANTED_BUG != 3
	s->stats.retransmits++;
	send_range(s, dir, &like, d->acked, to);
#endif
	set_timer(s, d);
}

void
pst_stream_timer(struct pst_stream *s, uint64_t now_ms)
{
	s->now = now_ms;
	for (int dir = 0; dir < PST_DIRS; dir++) {
		if (!s->dead && s->sides[dir].timer <= now_ms)
			resend(s, dir);
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
