/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Origin: the end of a TCP connection that an editor makes up (emulation).
 *
 * An emulated connection has no host outside: the client talks to this end, and an editor
 * supplies what it says. It is a plain RFC 9293 endpoint for short exchanges, and no more: no
 * options but the MSS, segments in order alone (what comes early is asked for again), one
 * timer, and a window of what the client offers, at most WINDOW bytes in flight.
 *
 * It knows no packets, rings or tables. Owner: one editor lcore. Times in ms.
 */
#pragma once

#include "stream/stream.h"

struct pst_origin;

struct pst_origin_ops {
	/* a segment towards the client; the callee copies */
	void (*output)(void *ctx, const struct pst_stream_segment *seg);
	/* the client's bytes, in order, each once; `end`: it has said all */
	void (*data)(void *ctx, const uint8_t *bytes, uint32_t len, bool end);
};

struct pst_origin_params {
	uint32_t isn; /* random: RFC 6528 */
	uint16_t mss; /* what a segment may carry */
	uint32_t rto_ms, rto_max_ms, retries;
	uint32_t unsent_max; /* most bytes kept for the client */
};

/* NULL: no memory. */
struct pst_origin *pst_origin_create(const struct pst_origin_params *params,
	const struct pst_origin_ops *ops, void *ctx);
void pst_origin_destroy(struct pst_origin *o);

/* Begin: connect to the client, or else answer the SYN that comes. */
void pst_origin_connect(struct pst_origin *o, uint64_t now_ms);

void pst_origin_input(
	struct pst_origin *o, const struct pst_stream_segment *seg, uint64_t now_ms);

/* Say something; also before the client has answered. 0, -ENOBUFS, -ENOMEM, -ESHUTDOWN. */
int pst_origin_send(struct pst_origin *o, const uint8_t *bytes, uint32_t len, uint64_t now_ms);
/* Say no more: a FIN behind all that was said. */
void pst_origin_shutdown(struct pst_origin *o, uint64_t now_ms);
/* Reset it. */
void pst_origin_abort(struct pst_origin *o);

/* When pst_origin_timer() is to be called next; UINT64_MAX: not. */
uint64_t pst_origin_deadline(const struct pst_origin *o);
void pst_origin_timer(struct pst_origin *o, uint64_t now_ms);

/* Both ends have said all and know it, or one has reset it. */
bool pst_origin_is_over(const struct pst_origin *o);
