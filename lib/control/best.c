/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/best.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_FIRST 64

static uint64_t
worth(const struct pst_best *best, uint32_t i)
{
	return best->rows[i].row.worth;
}

static void
swap(struct pst_best *best, uint32_t i, uint32_t k)
{
	struct pst_best_row row = best->rows[i];

	best->rows[i] = best->rows[k];
	best->rows[k] = row;
}

static void
move_up(struct pst_best *best, uint32_t i)
{
	while (i > 0 && worth(best, i) < worth(best, (i - 1) / 2)) {
		swap(best, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void
move_down(struct pst_best *best)
{
	uint32_t i = 0, k;

	while ((k = 2 * i + 1) < best->n) {
		if (k + 1 < best->n && worth(best, k + 1) < worth(best, k))
			k++;
		if (worth(best, i) <= worth(best, k))
			return;
		swap(best, i, k);
		i = k;
	}
}

static bool
make_room(struct pst_best *best)
{
	uint32_t room = best->room > 0 ? 2 * best->room : ROOM_FIRST;
	struct pst_best_row *rows;

	if (best->n < best->room)
		return true;
	rows = realloc(best->rows, room * sizeof(*rows));
	if (rows == NULL)
		return false;
	best->rows = rows;
	best->room = room;
	return true;
}

bool
pst_best_offer(struct pst_best *best, uint32_t worker, const struct pst_show_row *row,
	struct pst_show_row *out, int *error)
{
	if (best->n == best->most) {
		best->is_full = true;
		*out = *row;
		if (best->n == 0 || row->worth <= worth(best, 0))
			return true;
		*out = best->rows[0].row;
		best->rows[0] = (struct pst_best_row){ *row, worker };
		move_down(best);
		return true;
	}
	if (!make_room(best)) {
		*error = -ENOMEM;
		*out = *row;
		return true;
	}
	best->rows[best->n] = (struct pst_best_row){ *row, worker };
	move_up(best, best->n++);
	return false;
}

uint64_t
pst_best_floor(const struct pst_best *best)
{
	if (best->n < best->most)
		return 0;
	return best->rows[0].row.worth < UINT64_MAX ? best->rows[0].row.worth + 1 : UINT64_MAX;
}

static int
compare(const void *a, const void *b)
{
	const struct pst_best_row *x = a, *y = b;

	if (x->row.worth != y->row.worth)
		return x->row.worth > y->row.worth ? -1 : 1;
	if (x->worker != y->worker)
		return x->worker < y->worker ? -1 : 1;
	return x->row.ref.index < y->row.ref.index ? -1 : x->row.ref.index > y->row.ref.index;
}

void
pst_best_sort(struct pst_best *best)
{
	if (best->n > 1)
		qsort(best->rows, best->n, sizeof(*best->rows), compare);
}

void
pst_best_fini(struct pst_best *best)
{
	free(best->rows);
	*best = (struct pst_best){ 0 };
}
