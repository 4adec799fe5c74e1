/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stream engine: edits one TCP connection in flight.
 *
 * The connection stays the endpoints' own: their windows, options and
 * retransmissions. Per direction the engine takes segments in any order, shows
 * contiguous bytes to the editor, and sends on what the editor says. Output bytes
 * are kept until the receiver has acknowledged them, so that a retransmission, however it is
 * cut, carries the same edited bytes; ACK, SACK and window of the other direction
 * are mapped through the edits.
 *
 * Bytes held because the editor needs more are acknowledged by the engine in
 * the receiver's name (else a sender that waits for that, as Nagle's does, keeps
 * the rest back for ever), and the window says what is left. From then on the
 * engine owns their delivery: it resends them by its own timer until the receiver
 * acknowledges, and resets both ends when it never does.
 *
 * What is not kept: data on a SYN (its sender sends it again), the urgent
 * pointer (it would point elsewhere), IP fragments (there are none here).
 *
 * What it sends is cut to the receiver's MSS: of a smaller path MTU, which its sender was
 * told by ICMP, it knows nothing.
 *
 * After a reset, its own or an editor's, it answers what still comes with another.
 *
 * It knows no packets, rings or tables. Owner: one editor lcore. Times in ms.
 */
#pragma once

#include "pst_connection.h"

/* One TCP segment; header fields in host byte order. */
struct pst_stream_segment {
	uint32_t seq, ack;
	uint16_t window; /* as on the wire, unscaled */
	uint16_t urgent;
	uint8_t flags;       /* of the TCP header */
	uint8_t options_len; /* a multiple of 4 */
	uint8_t options[40];
	const uint8_t *data;
	uint32_t len;
};

struct pst_stream_ops {
	/* in-order bytes to the editor: the contract of struct pst_data_filter */
	void (*data)(void *ctx, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
		struct pst_edit *edit);
	/* a segment that leaves towards the receiver of dir; the callee copies */
	void (*output)(void *ctx, enum pst_dir dir, const struct pst_stream_segment *seg);
};

struct pst_stream_params {
	uint32_t line_max;    /* most bytes held for an editor that wants more; past it they
				 pass unedited, for good, and it is counted */
	uint32_t reorder_max; /* out-of-order bytes kept a direction; past it they are dropped */
	uint32_t unacked_max; /* output bytes kept a direction; past it edits wait,
				 and input is dropped */
	uint32_t rto_ms, rto_max_ms, retries; /* for bytes that the engine owns */
};

/* What became of a segment that came in. */
enum pst_stream_fate {
	PST_STREAM_FORWARDED, /* one or more went out in its direction for it */
	PST_STREAM_TAKEN,     /* held, acknowledged or absorbed */
	PST_STREAM_DROPPED,   /* past a bound */
};

struct pst_stream_stats {
	uint64_t edits, held_bytes, retransmits, splits, dropped, latched;
};

struct pst_stream;

/* NULL: no memory. The first segment it is to see is the SYN of PST_DIR_ORIG. */
struct pst_stream *pst_stream_create(const struct pst_stream_params *params,
	const struct pst_stream_ops *ops, void *ctx);
void pst_stream_destroy(struct pst_stream *s);

enum pst_stream_fate pst_stream_input(struct pst_stream *s, enum pst_dir dir,
	const struct pst_stream_segment *seg, uint64_t now_ms);

/*
 * The editor has changed its mind about what it held of this direction: it is asked again at
 * the end of the input that is under way.
 */
void pst_stream_recheck(struct pst_stream *s, enum pst_dir dir);

/* When pst_stream_timer() is to be called next; UINT64_MAX: not. */
uint64_t pst_stream_deadline(const struct pst_stream *s);
void pst_stream_timer(struct pst_stream *s, uint64_t now_ms);

/*
 * True when nobody edits any more and nothing edited or owned is in flight. From then
 * on a constant says it all: offset[dir] is added to SEQ of dir, and taken from ACK
 * and SACK of the other direction. The engine goes on to do that itself until it
 * is destroyed.
 */
bool pst_stream_is_done(const struct pst_stream *s, int32_t offset[PST_DIRS]);

const struct pst_stream_stats *pst_stream_stats(const struct pst_stream *s);
