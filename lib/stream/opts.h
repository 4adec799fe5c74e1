/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options that an editor's connection depends on (RFC 9293, 7323, 2018). */
#pragma once

#include "stream/stream.h"

/* What a SYN says. */
struct syn_options {
	uint16_t mss;  /* 0: not said */
	int8_t scale;  /* -1: not said */
	bool timestamps;
};

struct timestamps {
	uint32_t value, echo;
};

void opts_of_syn(const struct pst_stream_segment *seg, struct syn_options *out);

/* The timestamps of a segment; false when it has none. */
bool opts_timestamps(const struct pst_stream_segment *seg, struct timestamps *out);

/* Only timestamps, for a segment that the engine makes. */
void opts_put_timestamps(struct pst_stream_segment *seg, struct timestamps ts);

/*
 * Rewrite the SACK blocks: map() gives the new edges, or false to take a block
 * out. What is taken out becomes NOPs.
 */
void opts_map_sack(struct pst_stream_segment *seg,
	bool (*map)(const void *ctx, uint32_t *left, uint32_t *right), const void *ctx);
