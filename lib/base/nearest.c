/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/nearest.h"

#include <stddef.h>
#include <string.h>

#define NAME_MOST 40

static unsigned int
least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, delete, change or swap with their neighbour, to get from a to b. */
static unsigned int
distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned int row[3][NAME_MOST + 1] = { 0 };

	for (size_t j = 0; j <= nb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned int *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			now[j] = least(
				up[j] + 1, now[j - 1] + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				up2[j - 2] + 1 < now[j])
				now[j] = up2[j - 2] + 1;
		}
	}
	return row[na % 3][nb];
}

const char *
pst_nearest(const char *name, const char *const *names)
{
	size_t len = strlen(name);
	unsigned int best = len < 3 ? 1 : 1 + len / 3; /* a third may be wrong */
	const char *found = NULL;

	if (len == 0 || len > NAME_MOST || names == NULL)
		return NULL;
	for (; *names != NULL; names++) {
		size_t n = strlen(*names);
		unsigned int d = n <= NAME_MOST ? distance(name, len, *names, n) : best + 1;

		if (d < best + (found == NULL)) {
			best = d;
			found = *names;
		}
	}
	return found;
}
