/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the engine's own files share. A direction's bytes, by input (sender's) and
 * output (receiver's) numbers:
 *
 *	input   ... | decided            | held          | out of order ...
 *	            |            decided ^        in_next ^
 *	output  acked ^ .. kept .. sent ^ .. kept .. out_next ^
 *
 * All output is cut from what is kept. Once nobody edits and nothing is in
 * hand, a direction is plain: segments pass with a constant added.
 */
#pragma once

#include "stream/bytes.h"
#include "stream/edits.h"
#include "stream/opts.h"
#include "stream/reasm.h"
#include "stream/seq.h"
#include "stream/stream.h"

#ifndef PST_PLANTED_BUG
#define PST_PLANTED_BUG 0 /* the property test is built with each, and must see it */
#endif

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10
#define URG 0x20

struct side {
	/* what the sender sends */
	bool started; /* its SYN was seen */
	uint32_t in_next;
	struct bytes held; /* decided up to in_next - held.len */
	bool recheck; /* the editor is to be asked again */
	bool stalled; /* it is held for want of room, not by the editor's wish */
	struct reasm later;
	bool fin_seen;
	uint32_t fin; /* input number of its FIN */
	bool ended;   /* all before the FIN is decided, and it may go */
	bool fin_sent, fin_acked;
	/* what the receiver gets */
	struct edits edits;
	struct bytes kept; /* output from acked to out_next */
	uint32_t acked, sent, out_next;
	uint32_t edge;	/* the receiver takes nothing at or behind this */
	uint32_t owned; /* input acknowledged in the receiver's name */
	bool owns;	/* some of that is not delivered yet, or was not when last looked at */
	uint32_t tries;   /* since the receiver was last heard of */
	uint32_t backoff; /* since it last acknowledged something new */
	bool heard;       /* its window is shut, but it answers */
	uint64_t timer; /* UINT64_MAX: none */
	/* how its segments look */
	struct syn_options syn;
	struct timestamps ts; /* the last it sent */
	bool latched;	      /* nobody edits it any more */
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

static inline uint32_t
decided(const struct side *d)
{
	return d->in_next - d->held.len;
}

/* Behind all that the receiver has been sent. */
static inline uint32_t
sent_end(const struct side *d)
{
	return d->sent + d->fin_sent;
}

/* How many bytes more may be kept. */
static inline uint32_t
room_to_keep(const struct pst_stream *s, const struct side *d)
{
	uint32_t used = d->kept.len + d->held.len;

	return used < s->params.unacked_max ? s->params.unacked_max - used : 0;
}

/* send.c: numbers, and segments that leave. */

/* Where a segment of the sender that carries no data stands for the receiver. */
uint32_t stream_map_seq(const struct side *d, uint32_t seq);

/* ACK, SACK and window of a segment of `dir`, for the data of the other direction. */
void stream_set_ack(const struct pst_stream *s, enum pst_dir dir, struct pst_stream_segment *seg);

uint8_t stream_scale_of(const struct pst_stream *s, enum pst_dir sender);

/* Send kept bytes [from, to), cut to the receiver's MSS, in segments like `like`. */
void stream_send_range(struct pst_stream *s, enum pst_dir dir,
	const struct pst_stream_segment *like, uint32_t from, uint32_t to);

/* Send without data, at a place of the output. */
void stream_send_bare(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *like,
	uint32_t seq, uint8_t flags);

/* New output, as far as the receiver's window goes. */
bool stream_send_new(struct pst_stream *s, enum pst_dir dir, const struct pst_stream_segment *like);

/* In the receiver's name: what was taken in of dir. */
void stream_acknowledge(struct pst_stream *s, enum pst_dir dir);

void stream_reset_both(struct pst_stream *s);

/* Arm or stop the timer of what is owned. */
void stream_set_timer(struct pst_stream *s, struct side *d);

/* Resend the first of what is owned; one byte when the receiver has no room. */
void stream_resend(struct pst_stream *s, enum pst_dir dir);

/* Room at the receiver, or nobody edits any more: what was kept back may go. */
void stream_flush(struct pst_stream *s, enum pst_dir dir);

/* decide.c: show the editor what is held until all is decided or it wants more. False: reset. */
bool stream_decide(struct pst_stream *s, enum pst_dir dir);
