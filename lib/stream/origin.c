/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream/origin.h"

#include <errno.h>
#include <stdlib.h>

#include "stream/bytes.h"
#include "stream/opts.h"
#include "stream/seq.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10

#define WINDOW 16384 /* in flight, and what the client may send ahead */
#define MSS_LEAST 536 /* RFC 9293 section 3.7.1 */

struct pst_origin {
	struct pst_origin_params params;
	const struct pst_origin_ops *ops;
	void *ctx;
	/* what we say: `said` holds the bytes from una on, of the SYN and FIN not */
	struct bytes said;
	uint32_t una, nxt;
	bool begun, established, shut, fin_sent, fin_acked;
	/* what the client says */
	uint32_t rcv;
	bool peer_known, peer_ended;
	uint32_t window; /* the client's, from una on */
	uint16_t mss;
	bool over;
	uint64_t now, timer; /* UINT64_MAX: none */
	uint32_t tries;
};

struct pst_origin *
pst_origin_create(
	const struct pst_origin_params *params, const struct pst_origin_ops *ops, void *ctx)
{
	struct pst_origin *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->params = *params;
	o->ops = ops;
	o->ctx = ctx;
	o->una = o->nxt = params->isn;
	o->mss = MSS_LEAST;
	o->timer = UINT64_MAX;
	return o;
}

void
pst_origin_destroy(struct pst_origin *o)
{
	if (o == NULL)
		return;
	bytes_fini(&o->said);
	free(o);
}

static void
put(struct pst_origin *o, uint32_t seq, uint8_t flags, const uint8_t *data, uint32_t len)
{
	struct pst_stream_segment seg = { .seq = seq,
		.ack = o->peer_known ? o->rcv : 0,
		.window = WINDOW,
		.flags = flags | (o->peer_known ? ACK : 0),
		.data = data,
		.len = len };

	if (flags & SYN) {
		seg.options[0] = 2; /* maximum segment size */
		seg.options[1] = 4;
		seg.options[2] = o->params.mss >> 8;
		seg.options[3] = o->params.mss & 255;
		seg.options_len = 4;
	}
	o->ops->output(o->ctx, &seg);
}

static void
finish(struct pst_origin *o)
{
	o->over = true;
	o->timer = UINT64_MAX;
}

static void
arm(struct pst_origin *o)
{
	uint64_t rto = (uint64_t)o->params.rto_ms << (o->tries < 16 ? o->tries : 16);

	o->timer = o->now + (rto < o->params.rto_max_ms ? rto : o->params.rto_max_ms);
}

/* Segments [from, to) of what was said; a FIN goes behind the last byte. */
static void
send_range(struct pst_origin *o, uint32_t from, uint32_t to)
{
	uint32_t end = o->una + o->said.len;

	do {
		uint32_t len = to - from < o->mss ? to - from : o->mss;
		bool last = from + len == end && o->shut;

		put(o, from, PSH | (last ? FIN : 0), bytes_at(&o->said, from - o->una), len);
		o->fin_sent = o->fin_sent || last;
		from += len;
	} while (seq_lt(from, to));
}

/* What the window takes and was not sent yet. */
static void
send_new(struct pst_origin *o)
{
	uint32_t end = o->una + o->said.len;
	uint32_t window = o->window < WINDOW ? o->window : WINDOW;
	uint32_t to = seq_min(end, o->una + window);
	bool fin = o->shut && !o->fin_sent && to == end;

	if (!o->established || (!seq_lt(o->nxt, to) && !fin))
		return;
	send_range(o, seq_min(o->nxt, end), to);
	o->nxt = seq_max(o->nxt, to + (o->fin_sent ? 1 : 0));
	if (o->timer == UINT64_MAX)
		arm(o);
}

void
pst_origin_connect(struct pst_origin *o, uint64_t now_ms)
{
	o->now = now_ms;
	o->begun = true;
	put(o, o->una, SYN, NULL, 0);
	o->nxt = o->una + 1;
	arm(o);
}

static void
take_mss(struct pst_origin *o, const struct pst_stream_segment *seg)
{
	struct syn_options options;

	opts_of_syn(seg, &options);
	o->mss = options.mss >= MSS_LEAST ? options.mss : MSS_LEAST;
	if (o->mss > o->params.mss)
		o->mss = o->params.mss;
}

static void
establish(struct pst_origin *o)
{
	o->una++;
	o->established = true;
	o->timer = UINT64_MAX;
	o->tries = 0;
}

/* The handshake. True when the segment has been dealt with. */
static bool
open_up(struct pst_origin *o, const struct pst_stream_segment *seg)
{
	if (o->established)
		return false;
	if (seg->flags & SYN) {
		o->rcv = seg->seq + 1;
		o->peer_known = true;
		o->window = seg->window;
		take_mss(o, seg);
		if (!o->begun || !(seg->flags & ACK)) { /* its SYN, or that again */
			o->begun = true;
			put(o, o->una, SYN, NULL, 0);
			o->nxt = o->una + 1;
			arm(o);
			return true;
		}
	}
	if (!(seg->flags & ACK) || seg->ack != o->una + 1 || !o->peer_known)
		return true;
	establish(o);
	if (seg->flags & SYN) {
		put(o, o->nxt, 0, NULL, 0);
		send_new(o);
		return true;
	}
	return false;
}

static void
take_ack(struct pst_origin *o, const struct pst_stream_segment *seg)
{
	uint32_t bytes;

	if (!(seg->flags & ACK) || seq_lt(seg->ack, o->una) || seq_lt(o->nxt, seg->ack))
		return;
	bytes = seg->ack - o->una;
	o->window = seg->window;
	if (bytes == 0)
		return;
	if (bytes > o->said.len) {
		o->fin_acked = true;
		bytes = o->said.len;
	}
	bytes_take(&o->said, bytes);
	o->una += bytes;
	o->tries = 0;
	o->timer = UINT64_MAX;
	if (seq_lt(o->una, o->nxt) && !o->fin_acked)
		arm(o);
}

/* In order alone; what lies ahead is asked for again by the bare ACK. */
static void
take_data(struct pst_origin *o, const struct pst_stream_segment *seg)
{
	uint32_t skip = o->rcv - seg->seq, fresh;
	bool end = (seg->flags & FIN) != 0 && !o->peer_ended;

	if (seg->len == 0 && !(seg->flags & FIN))
		return;
	if (seq_le(seg->seq, o->rcv) && skip <= seg->len && !o->peer_ended) {
		fresh = seg->len - skip;
		o->rcv += fresh + end;
		o->peer_ended = end;
		if (fresh > 0 || end)
			o->ops->data(o->ctx, fresh > 0 ? seg->data + skip : NULL, fresh, end);
	}
	put(o, o->nxt, 0, NULL, 0);
}

void
pst_origin_input(struct pst_origin *o, const struct pst_stream_segment *seg, uint64_t now_ms)
{
	o->now = now_ms;
	if (o->over) {
		/* it has missed that we know (RFC 9293 section 3.6.1) */
		if (o->peer_ended && o->fin_acked && (seg->flags & FIN))
			put(o, o->nxt, 0, NULL, 0);
		return;
	}
	if (seg->flags & RST) {
		/* only an exact one ends it (RFC 5961 section 3.2) */
		if ((o->established && seg->seq == o->rcv) ||
			(!o->established && (seg->flags & ACK) && seg->ack == o->nxt))
			finish(o);
		return;
	}
	if (open_up(o, seg))
		return;
	take_ack(o, seg);
	take_data(o, seg);
	send_new(o);
	if (o->fin_acked && o->peer_ended)
		finish(o);
}

int
pst_origin_send(struct pst_origin *o, const uint8_t *bytes, uint32_t len, uint64_t now_ms)
{
	o->now = now_ms;
	if (o->over || o->shut)
		return -ESHUTDOWN;
	if (o->said.len + len > o->params.unsent_max)
		return -ENOBUFS;
	if (!bytes_add(&o->said, bytes, len))
		return -ENOMEM;
	send_new(o);
	return 0;
}

void
pst_origin_shutdown(struct pst_origin *o, uint64_t now_ms)
{
	o->now = now_ms;
	if (o->over || o->shut)
		return;
	o->shut = true;
	send_new(o);
}

void
pst_origin_abort(struct pst_origin *o)
{
	if (!o->over && o->begun)
		put(o, o->nxt, RST, NULL, 0);
	finish(o);
}

uint64_t
pst_origin_deadline(const struct pst_origin *o)
{
	return o->timer;
}

void
pst_origin_timer(struct pst_origin *o, uint64_t now_ms)
{
	uint32_t end = o->una + o->said.len, to;

	o->now = now_ms;
	if (o->over || now_ms < o->timer)
		return;
	if (++o->tries > o->params.retries) {
		pst_origin_abort(o);
		return;
	}
	if (!o->established) {
		put(o, o->una, SYN, NULL, 0);
	} else {
		/* the first of it; one byte where the window is shut (RFC 9293 section 3.8.6.1) */
		to = seq_min(end, o->una + (o->window > o->mss ? o->mss :
						    o->window > 0 ? o->window :
								    1));
		send_range(o, o->una, to);
	}
	arm(o);
}

bool
pst_origin_is_over(const struct pst_origin *o)
{
	return o->over;
}
