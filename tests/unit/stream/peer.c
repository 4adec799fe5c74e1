/* SPDX-License-Identifier: BSD-3-Clause */
#include "peer.h"

#include <string.h>

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10

#define RTO_MS 200
#define RTO_MAX_MS 3200
#define ACK_DELAY_MS 40
#define REFUSAL_MS 500

void
peer_init(struct peer *p, const char *name, const struct peer_options *o, struct pst_rng *rng)
{
	memset(p, 0, sizeof(*p));
	p->name = name;
	p->o = *o;
	p->rng = rng;
	p->iss = pst_rng_next(rng);
	if (pst_rng_below(rng, 3) == 0)
		p->iss = -pst_rng_below(rng, 1000); /* the numbers wrap soon */
	p->mss_in = 536;
	p->rto_at = p->ack_at = UINT64_MAX;
}

static void
wrong(struct peer *p, const char *what)
{
	if (p->fault == NULL)
		p->fault = what;
}

static void
put32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = v >> (24 - 8 * i);
}

static uint32_t
get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/* The end of the stream: all bytes, then the FIN. */
static uint32_t
fin_offset(const struct peer *p)
{
	return 1 + p->n_out;
}

static uint32_t
room_left(const struct peer *p)
{
	return p->o.room - p->unread;
}

static void
put_options(const struct peer *p, struct pst_stream_segment *seg, uint64_t now)
{
	uint8_t *o = seg->options;

	if (seg->flags & SYN) {
		o[0] = 2;
		o[1] = 4;
		o[2] = p->o.mss >> 8;
		o[3] = p->o.mss & 255;
		seg->options_len = 4;
		if (p->o.scale >= 0) {
			memcpy(o + 4, (uint8_t[]){ 1, 3, 3, p->o.scale }, 4);
			seg->options_len = 8;
		}
	}
	if ((seg->flags & SYN) ? p->o.timestamps : p->ts_on) {
		memcpy(o + seg->options_len, (uint8_t[]){ 1, 1, 8, 10 }, 4);
		put32(o + seg->options_len + 4, now + 1);
		put32(o + seg->options_len + 8, p->ts_recent);
		seg->options_len += 12;
	}
}

/* The first run of bytes behind a gap. */
static void
put_sack(const struct peer *p, struct pst_stream_segment *seg)
{
	uint8_t *o = seg->options + seg->options_len;
	uint32_t left = p->rcv, right;

	while (left <= PEER_BYTES && !p->have[left])
		left++;
	if (!p->o.sack || left > PEER_BYTES || (seg->flags & SYN))
		return;
	for (right = left; right <= PEER_BYTES && p->have[right];)
		right++;
	memcpy(o, (uint8_t[]){ 1, 1, 5, 10 }, 4);
	put32(o + 4, p->irs + left);
	put32(o + 8, p->irs + right);
	seg->options_len += 12;
}

static void
emit(struct peer *p, uint8_t flags, uint32_t offset, uint32_t len, uint64_t now, peer_send send,
	void *ctx)
{
	struct pst_stream_segment seg = { .seq = p->iss + offset, .flags = flags, .len = len };
	uint32_t window = room_left(p), scale = p->scale_in != 0 ? p->o.scale : 0;

	if (flags & ACK)
		seg.ack = p->irs + p->rcv;
	if (len > 0)
		seg.data = p->out + offset - 1;
	put_options(p, &seg, now);
	put_sack(p, &seg);
	window >>= (flags & SYN) ? 0 : scale;
	seg.window = window > 65535 ? 65535 : window;
	if (flags & ACK)
		p->edge = p->rcv + ((uint32_t)seg.window << ((flags & SYN) ? 0 : scale));
	p->ack_at = UINT64_MAX;
	send(ctx, &seg);
}

static void
arm(struct peer *p, uint64_t now)
{
	uint32_t rto = RTO_MS << (p->tries < 4 ? p->tries : 4);

	p->rto_at = now + (rto < RTO_MAX_MS ? rto : RTO_MAX_MS);
}

void
peer_connect(struct peer *p, uint64_t now, peer_send send, void *ctx)
{
	emit(p, SYN, 0, 0, now, send, ctx);
	p->nxt = p->max = 1;
	arm(p, now);
}

static uint32_t
payload_mss(const struct peer *p)
{
	uint32_t mss = p->mss_in < p->o.mss ? p->mss_in : p->o.mss;

	return mss - (p->ts_on ? 12 : 0);
}

/* One segment from nxt; how long it is at random, so that a retransmission is cut otherwise. */
static bool
send_one(struct peer *p, uint64_t now, peer_send send, void *ctx)
{
	uint32_t end = 1 + p->written, mss = payload_mss(p), len;
	uint32_t edge = p->una + p->window;
	bool fin = p->written == p->n_out;

	if (p->nxt > fin_offset(p))
		return false;
	if (p->nxt == fin_offset(p)) {
		if (!fin)
			return false;
		emit(p, FIN | ACK, p->nxt, 0, now, send, ctx);
		p->nxt++;
	} else {
		if (edge <= p->nxt)
			return false;
		len = end - p->nxt;
		len = len < mss ? len : mss;
		len = len < edge - p->nxt ? len : edge - p->nxt;
		if (len == 0)
			return false;
		if (p->o.nagle && len < mss && p->nxt > p->una && p->nxt == p->max && !fin)
			return false;
		if (len > 1 && p->nxt < p->max)
			len = 1 + pst_rng_below(p->rng, len);
		fin = fin && p->nxt + len == fin_offset(p) && pst_rng_below(p->rng, 2) == 0;
		emit(p, ACK | PSH | (fin ? FIN : 0), p->nxt, len, now, send, ctx);
		p->nxt += len + fin;
	}
	if (p->nxt > p->max)
		p->max = p->nxt;
	if (p->rto_at == UINT64_MAX)
		arm(p, now);
	return true;
}

static void
send_all(struct peer *p, uint64_t now, peer_send send, void *ctx)
{
	if (!p->connected || p->reset)
		return;
	while (send_one(p, now, send, ctx))
		;
	if (p->rto_at == UINT64_MAX && p->una < 1 + p->written + (p->written == p->n_out))
		arm(p, now); /* the window is shut: a probe, later */
}

void
peer_write(struct peer *p, uint32_t n, uint64_t now, peer_send send, void *ctx)
{
	uint32_t left = p->n_out - p->written;

	p->written += n < left ? n : left;
	send_all(p, now, send, ctx);
}

/* Receiving. */

static void
take_options(struct peer *p, const struct pst_stream_segment *seg)
{
	for (uint32_t at = 0; at < seg->options_len;) {
		const uint8_t *o = seg->options + at;

		if (o[0] <= 1) {
			at++;
			continue;
		}
		if (o[0] == 2 && (seg->flags & SYN))
			p->mss_in = o[2] << 8 | o[3];
		if (o[0] == 3 && (seg->flags & SYN) && p->o.scale >= 0)
			p->scale_in = 1 + o[2];
		if (o[0] == 8 && (seg->flags & SYN))
			p->ts_on = p->o.timestamps;
		if (o[0] == 5) {
			uint32_t left = get32(o + 2) - p->iss, right = get32(o + 6) - p->iss;

			if (left >= right || right > p->max)
				wrong(p, "a SACK block of what was never sent");
		}
		at += o[1];
	}
}

/* RFC 7323 section 5: false when the segment is too old. */
static bool
passes_paws(struct peer *p, const struct pst_stream_segment *seg)
{
	for (uint32_t at = 0; at + 10 <= seg->options_len;) {
		const uint8_t *o = seg->options + at;

		if (o[0] == 8) {
			uint32_t value = get32(o + 2);

			if ((int32_t)(value - p->ts_recent) < 0)
				return false;
			p->ts_recent = value;
			return true;
		}
		at += o[0] <= 1 ? 1 : o[1];
	}
	return true;
}

static void
take_ack(struct peer *p, const struct pst_stream_segment *seg, uint64_t now, peer_send send,
	void *ctx)
{
	uint32_t ack = seg->ack - p->iss;
	uint32_t window = (uint32_t)seg->window
			  << ((seg->flags & SYN) || p->scale_in == 0 ? 0 : p->scale_in - 1);

	if (ack > p->max) {
		if ((int32_t)ack >= 0)
			wrong(p, "an acknowledgement of what was never sent");
		return;
	}
	if (ack < p->una)
		return;
	if (ack == p->una && seg->len == 0 && p->una < p->max && window == p->window)
		p->dupacks++;
	else
		p->dupacks = 0;
	p->window = window;
	if (ack > p->una) {
		p->una = ack;
		p->nxt = p->nxt > ack ? p->nxt : ack;
		p->tries = 0;
		p->rto_at = UINT64_MAX;
		if (p->una < p->max)
			arm(p, now);
	}
	if (p->dupacks == 3) {
		p->nxt = p->una;
		if (p->una > 0)
			send_one(p, now, send, ctx);
		p->nxt = p->max;
	}
}

static void
take_byte(struct peer *p, uint32_t offset, uint8_t byte)
{
	if ((int32_t)(offset - p->rcv) < 0)
		return; /* taken already: nobody looks at these bytes (RFC 9293 section 3.10.7.4) */
	if (offset > PEER_BYTES) {
		wrong(p, "more bytes than there can be");
		return;
	}
	if (p->have[offset]) {
		if (p->in[offset - 1] != byte)
			wrong(p, "a byte that is another than it was");
		return;
	}
	if (offset >= p->edge + 1)
		return; /* beyond the window: at most a probe */
	p->in[offset - 1] = byte;
	p->have[offset] = 1;
}

static void
take_data(struct peer *p, const struct pst_stream_segment *seg)
{
	uint32_t offset = seg->seq - p->irs, before = p->rcv;

	for (uint32_t i = 0; i < seg->len; i++)
		take_byte(p, offset + i, seg->data[i]);
	if (seg->flags & FIN) {
		if (p->fin_at != 0 && p->fin_at != offset + seg->len)
			wrong(p, "a FIN in two places");
		p->fin_at = offset + seg->len;
	}
	while (p->rcv <= PEER_BYTES && p->have[p->rcv])
		p->rcv++;
	p->unread += p->rcv - before;
	if (p->o.read_most == 0)
		p->unread = 0;
	if (p->fin_at != 0 && p->rcv == p->fin_at)
		p->rcv++;
}

/* RFC 9293 section 3.10.7.4, for a segment without data. */
static bool
is_acceptable(const struct peer *p, const struct pst_stream_segment *seg, uint32_t rcv)
{
	uint32_t offset = seg->seq - p->irs;

	return (int32_t)(offset - rcv) >= 0 && (offset == rcv || offset < p->edge);
}

/* As real stacks do: two that refuse each other's ACKs must not do so for ever. */
static bool
may_refuse(struct peer *p, const struct pst_stream_segment *seg, uint64_t now)
{
	if (seg->len > 0 || now >= p->last_refusal + REFUSAL_MS) {
		p->last_refusal = now;
		return true;
	}
	return false;
}

static void
take_syn(struct peer *p, const struct pst_stream_segment *seg)
{
	if (p->rcv == 0) {
		p->irs = seg->seq;
		p->rcv = 1;
	}
	take_options(p, seg);
}

void
peer_receive(struct peer *p, const struct pst_stream_segment *seg, uint64_t now, peer_send send,
	void *ctx)
{
	uint32_t before = p->rcv;

	if (p->reset)
		return;
	if (seg->flags & RST) {
		p->reset = true;
		p->rto_at = p->ack_at = UINT64_MAX;
		return;
	}
	if (seg->flags & SYN)
		take_syn(p, seg);
	else if (p->rcv == 0)
		return;
	if (!passes_paws(p, seg)) {
		if (may_refuse(p, seg, now))
			emit(p, ACK, p->nxt, 0, now, send, ctx);
		return;
	}
	if (!(seg->flags & SYN))
		take_options(p, seg);
	if (seg->flags & ACK)
		take_ack(p, seg, now, send, ctx);
	if ((seg->flags & SYN) && !(seg->flags & ACK)) {
		emit(p, SYN | ACK, 0, 0, now, send, ctx);
		p->max = p->nxt = p->max > 1 ? p->max : 1;
		arm(p, now);
		return;
	}
	p->connected = p->connected || p->una >= 1;
	take_data(p, seg);
	if (seg->len > 0 || (seg->flags & (FIN | SYN)) ||
		(!is_acceptable(p, seg, before) && may_refuse(p, seg, now))) {
		if (!p->o.delayed_ack || p->rcv == before || p->ack_at != UINT64_MAX ||
			(seg->flags & SYN))
			emit(p, ACK, p->nxt, 0, now, send, ctx);
		else
			p->ack_at = now + ACK_DELAY_MS;
	}
	send_all(p, now, send, ctx);
}

static void
read_some(struct peer *p, uint64_t now, peer_send send, void *ctx)
{
	uint32_t n = p->o.read_most < p->unread ? p->o.read_most : p->unread;
	bool shut = room_left(p) < p->o.mss;

	p->unread -= n;
	if (shut && n > 0 && p->connected)
		emit(p, ACK, p->nxt, 0, now, send, ctx); /* a window update */
}

void
peer_timer(struct peer *p, uint64_t now, peer_send send, void *ctx)
{
	if (p->reset)
		return;
	if (p->unread > 0 && now % 10 == 0)
		read_some(p, now, send, ctx);
	if (p->ack_at <= now)
		emit(p, ACK, p->nxt, 0, now, send, ctx);
	if (p->rto_at > now)
		return;
	p->tries++;
	p->rto_at = UINT64_MAX;
	if (p->una == 0) {
		emit(p, p->rcv == 0 ? SYN : SYN | ACK, 0, 0, now, send, ctx);
	} else if (p->una + p->window > p->una && p->una < p->max) {
		p->nxt = p->una; /* go back */
		p->dupacks = 0;
		send_one(p, now, send, ctx);
	} else if (p->una <= p->written) {
		emit(p, ACK, p->una, 1, now, send, ctx); /* a probe of a window that is shut */
		p->nxt = p->nxt > p->una + 1 ? p->nxt : p->una + 1;
		p->max = p->max > p->nxt ? p->max : p->nxt;
	} else if (p->una == fin_offset(p) && p->max > p->una) {
		emit(p, FIN | ACK, p->una, 0, now, send, ctx);
	}
	if (p->una < p->max || p->una <= p->written)
		arm(p, now);
}

uint64_t
peer_deadline(const struct peer *p)
{
	return p->rto_at < p->ack_at ? p->rto_at : p->ack_at;
}

bool
peer_is_done(const struct peer *p)
{
	return p->una == fin_offset(p) + 1 && p->fin_at != 0 && p->rcv == p->fin_at + 1;
}

uint32_t
peer_received(const struct peer *p)
{
	return p->rcv == 0 ? 0 : p->rcv - 1 - (p->fin_at != 0 && p->rcv > p->fin_at);
}
