/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where things are in a JSON text: the line of a JSON pointer (RFC 6901). The
 * parser keeps no positions, so the text is walked once more. It is meant for text
 * that the parser took: on other text it ends early, and never reads beyond it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Called for each value: its pointer, the line of its key or else its own (from 1), and
 * whether its key came in this object before.
 */
typedef void (*pst_locate_visit)(void *ctx, const char *pointer, uint32_t line, bool again);

/* Walk all values. */
void pst_locate_walk(const char *text, size_t len, pst_locate_visit visit, void *ctx);

/* All values of a text, found in one walk, for many questions. */
struct pst_places {
	struct pst_place {
		uint64_t pointer; /* its hash */
		uint32_t line;
	} * list; /* by pointer, then by line */
	size_t n, room;
};

void pst_places_init(struct pst_places *places, const char *text, size_t len);
void pst_places_fini(struct pst_places *places);

/* The line of a pointer, or of its nearest parent that there is; at least 1. */
uint32_t pst_places_line(const struct pst_places *places, const char *pointer);
