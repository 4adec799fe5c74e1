/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of a TCP endpoint, for the stream engine to stand between two of:
 * sequence numbers, windows, Nagle, delayed ACK, SACK, timestamps with PAWS,
 * retransmission by time-out and by duplicate ACKs. It checks what it gets as hard as it
 * can: bytes that change, acknowledgements of what was never sent.
 */
#pragma once

#include "base/rng.h"
#include "stream/stream.h"

#define PEER_BYTES 8192

struct peer_options {
	bool nagle, sack, timestamps, delayed_ack;
	int8_t scale; /* -1: none */
	uint16_t mss;
	uint32_t room;      /* receive buffer */
	uint32_t read_most; /* bytes its program reads at a time; 0: all, at once */
};

struct peer {
	const char *name;
	struct peer_options o;
	struct pst_rng *rng;
	const char *fault; /* the first thing found wrong */

	/* sending */
	uint8_t out[PEER_BYTES];
	uint32_t n_out, written; /* planned; written by its program so far */
	uint32_t iss, una, nxt, max; /* offsets in the stream: 0 is the SYN */
	uint32_t window, scale_in;
	uint32_t mss_in;
	bool connected, ts_on;
	uint32_t dupacks, tries;
	uint64_t rto_at;

	/* receiving */
	uint8_t in[PEER_BYTES];
	uint8_t have[PEER_BYTES + 2];
	uint32_t irs, rcv; /* offsets again */
	uint32_t unread;
	uint32_t fin_at; /* offset of the FIN, 0: not seen */
	bool reset;
	uint32_t ts_recent;
	uint64_t ack_at;
	uint64_t last_refusal; /* when it last answered a bare segment it can't use */
	uint32_t edge; /* right edge that was announced */
};

typedef void (*peer_send)(void *ctx, const struct pst_stream_segment *seg);

void peer_init(struct peer *p, const char *name, const struct peer_options *o, struct pst_rng *rng);
void peer_connect(struct peer *p, uint64_t now, peer_send send, void *ctx);
/* Its program writes up to n bytes more of the plan. */
void peer_write(struct peer *p, uint32_t n, uint64_t now, peer_send send, void *ctx);
void peer_receive(struct peer *p, const struct pst_stream_segment *seg, uint64_t now,
	peer_send send, void *ctx);
void peer_timer(struct peer *p, uint64_t now, peer_send send, void *ctx);
uint64_t peer_deadline(const struct peer *p);
/* All sent and acknowledged, all received, FINs both ways. */
bool peer_is_done(const struct peer *p);
/* Bytes received in order. */
uint32_t peer_received(const struct peer *p);
