/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reassembly: segments that came before their turn. Of bytes that come twice
 * the first are kept, so that what the editor saw is what the receiver gets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct piece;

struct reasm {
	struct piece *first; /* by rising sequence number, disjoint */
	uint32_t bytes;
};

void reasm_fini(struct reasm *r);

/* Keep what is new of [seq, seq + len). False past `most` bytes, or without memory. */
bool reasm_add(struct reasm *r, uint32_t seq, const uint8_t *data, uint32_t len, uint32_t most);

/*
 * Bytes that go on at seq: how many, and where; 0 when there are none. They
 * are gone at the next call. Pieces before seq are thrown away.
 */
uint32_t reasm_take(struct reasm *r, uint32_t seq, const uint8_t **data);

/* How many bytes at seq, of len, nobody has sent before. */
uint32_t reasm_gap(const struct reasm *r, uint32_t seq, uint32_t len);
