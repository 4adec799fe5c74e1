/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Edits: which input bytes of a direction became which output bytes.
 *
 * Between two edits input and output run side by side, a constant apart. An
 * edit is forgotten once the receiver has acknowledged it; what it
 * added stays in `base`. What is asked about earlier bytes afterwards is off by
 * that much, but never beyond what was acknowledged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EDITS_MAX 1024

struct edit {
	uint32_t in, in_end;   /* input bytes replaced */
	uint32_t out, out_end; /* by these output bytes */
};

struct edits {
	struct edit *list; /* by rising sequence number */
	uint32_t n, room;
	uint32_t base; /* output minus input, before the first */
};

void edits_fini(struct edits *e);

/*
 * Note one behind all others; past EDITS_MAX it becomes one with the last, and
 * all that is between them. False when there is no memory.
 */
bool edits_add(struct edits *e, struct edit edit);

/* Forget those that the receiver has acknowledged. */
void edits_acked(struct edits *e, uint32_t out_ack);

/* Output minus input behind all edits. */
uint32_t edits_delta(const struct edits *e);

/*
 * Where an input byte is in the output. One inside an edit is at the
 * edit's beginning, or for the end of a range at its end.
 */
uint32_t edits_out(const struct edits *e, uint32_t in);
uint32_t edits_out_end(const struct edits *e, uint32_t in);

/*
 * What a receiver's ACK says of the input: an edit counts when all of it is
 * acknowledged. For the left edge of a SACK block, edits_in_left().
 */
uint32_t edits_in(const struct edits *e, uint32_t out);
uint32_t edits_in_left(const struct edits *e, uint32_t out);
