/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream engine with its outputs caught, and an editor of lines: what happens
 * to a line is its first letter's word. Numbers are offsets: 0 is the first byte
 * behind the SYN.
 */
#pragma once

#include "stream/stream.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10
#define URG 0x20

#define C PST_DIR_ORIG	/* from the client */
#define S PST_DIR_REPLY /* from the server */

#define RIG_OUTPUTS 512
#define RIG_DATA 2048

struct rig_output {
	enum pst_dir dir;
	struct pst_stream_segment seg;
	uint8_t data[RIG_DATA];
};

struct rig {
	struct pst_stream *stream;
	struct pst_stream_params params;
	uint32_t iss[PST_DIRS];
	uint16_t window; /* of segments that rig_in() makes */
	uint64_t now;
	bool stubborn;	   /* the editor asks for more even at the end */
	bool without_syns; /* the test sends its own */
	uint32_t calls;
	struct rig_output out[RIG_OUTPUTS];
	uint32_t n, at; /* made; looked at */
	uint8_t edited[RIG_DATA];
};

/* With what both SYNs say beside an MSS of 1000; NULL: nothing. */
void rig_start(struct rig *r, const uint8_t *options, uint8_t options_len);
void rig_end(struct rig *r);

enum pst_stream_fate rig_in(struct rig *r, enum pst_dir dir, uint32_t seq, uint32_t ack,
	uint8_t flags, const char *text);
enum pst_stream_fate rig_in_seg(struct rig *r, enum pst_dir dir, struct pst_stream_segment seg);

/* The next output of a direction, which must be there; its data is NUL-terminated. */
const struct rig_output *rig_next(struct rig *r, enum pst_dir dir);
uint32_t rig_seq(const struct rig *r, const struct rig_output *o);
uint32_t rig_ack(const struct rig *r, const struct rig_output *o);

/* The next output of a direction is at this place with these bytes. */
void rig_expect(struct rig *r, enum pst_dir dir, uint32_t seq, uint32_t ack, const char *text);
/* No output is left to look at. */
void rig_expect_nothing(struct rig *r);
/* On to the next timer; false when there is none. */
bool rig_timer(struct rig *r);
