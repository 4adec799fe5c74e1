/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The best rows of a walk, by their worth: so many, whatever there are. The least of them is at
 * hand (a heap), and says what a row must be worth to get in.
 */
#pragma once

#include "chan/msg.h"

#define PST_BEST_MAX 65536

struct pst_best_row {
	struct pst_show_row row;
	uint32_t worker;
};

struct pst_best {
	struct pst_best_row *rows;
	uint32_t n, room, most;
	bool is_full; /* some were left out */
};

/*
 * Offer a row; its filter's reference passes. *out is what nobody wants: the row itself, or the
 * one it took the place of; its filter is to be given back. False: there is none such.
 * -ENOMEM in *error leaves the row out.
 */
bool pst_best_offer(struct pst_best *best, uint32_t worker, const struct pst_show_row *row,
	struct pst_show_row *out, int *error);
/* What a row must be worth at least. */
uint64_t pst_best_floor(const struct pst_best *best);
/* The best first; none is offered any more. */
void pst_best_sort(struct pst_best *best);
/* Filters were given back. */
void pst_best_fini(struct pst_best *best);
