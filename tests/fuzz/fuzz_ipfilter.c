/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two address sets against bitmaps: three bytes an edit, over the lowest and the
 * highest 128 addresses; ranges stay sorted, disjoint and apart. An edit changes
 * one set by a range, by the other set, by itself or by everybody, or clones it.
 */
#include "filter/ipfilter.h"

#include <stdlib.h>
#include <string.h>

#define SPACE 256
#define EDITS_MAX 64
#define MIDDLE 0x80000000

/* Bits of an edit's first byte. */
#define ADD 1u
#define SECOND 2u
#define WHOLE 4u /* by a set, not a range; the next byte says by which */

struct set {
	struct pst_ipfilter *filter;
	bool model[SPACE];
	bool middle; /* all that lies between the two ends */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t
address(uint32_t place)
{
	return place < SPACE / 2 ? place : UINT32_MAX - (SPACE - 1 - place);
}

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
check_ranges(const struct pst_ipset *set)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < pst_ipset_count(set); i++) {
		uint32_t first, last;

		pst_ipset_range(set, i, &first, &last);
		require(first <= last && (i == 0 || (first > before && first - before >= 2)));
		before = last;
	}
}

static void
check(const struct set *s)
{
	struct pst_ipset *set = pst_ipset_create(s->filter);

	for (uint32_t i = 0; i < SPACE; i++) {
		require(pst_ipfilter_is_included(s->filter, address(i)) == s->model[i]);
		require(pst_ipset_has(set, address(i)) == s->model[i]);
	}
	require(pst_ipfilter_is_included(s->filter, MIDDLE) == s->middle);
	check_ranges(set);
	pst_ipset_unref(set);
}

static void
check_equal(const struct set *a, const struct set *b)
{
	bool same = memcmp(a->model, b->model, sizeof(a->model)) == 0 && a->middle == b->middle;
	bool all = a->middle && memchr(a->model, false, sizeof(a->model)) == NULL;

	require(pst_ipfilter_is_equal(a->filter, b->filter) == same);
	require(pst_ipfilter_is_equal(b->filter, a->filter) == same);
	require(pst_ipfilter_is_equal(a->filter, NULL) == all);
	require(pst_ipfilter_is_equal(NULL, a->filter) == all);
}

static void
edit_range(struct set *s, bool add, uint8_t a, uint8_t b)
{
	int ret = (add ? pst_ipfilter_include : pst_ipfilter_exclude)(
		s->filter, address(a), address(b));

	require((ret == 0) == (a <= b));
	for (uint32_t i = a; i <= b; i++)
		s->model[i] = add;
	if (a < SPACE / 2 && b >= SPACE / 2)
		s->middle = add;
}

/* other may be s itself, or NULL: everybody. */
static void
edit_whole(struct set *s, bool add, const struct set *other)
{
	int ret = (add ? pst_ipfilter_include_filter : pst_ipfilter_exclude_filter)(
		s->filter, other != NULL ? other->filter : NULL);

	require(ret == 0);
	for (uint32_t i = 0; i < SPACE; i++)
		if (other == NULL || other->model[i])
			s->model[i] = add;
	if (other == NULL || other->middle)
		s->middle = add;
}

static void
become_clone(struct set *s)
{
	struct pst_ipfilter *clone = pst_ipfilter_clone(s->filter);

	require(clone != NULL && pst_ipfilter_is_equal(clone, s->filter));
	pst_ipfilter_destroy(s->filter);
	s->filter = clone;
}

static void
edit(struct set *s, struct set *other, const uint8_t *bytes)
{
	bool add = (bytes[0] & ADD) != 0;

	if ((bytes[0] & WHOLE) == 0)
		edit_range(s, add, bytes[1], bytes[2]);
	else if (bytes[1] % 8 == 0)
		edit_whole(s, add, NULL);
	else if (bytes[1] % 8 == 1)
		edit_whole(s, add, s);
	else if (bytes[1] % 8 == 2)
		become_clone(s);
	else
		edit_whole(s, add, other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct set sets[2] = { { .filter = pst_ipfilter_create() },
		{ .filter = pst_ipfilter_create() } };

	for (size_t at = 0; at + 3 <= size && at < 3 * EDITS_MAX; at += 3) {
		bool second = (data[at] & SECOND) != 0;

		edit(&sets[second], &sets[!second], data + at);
		check(&sets[0]);
		check(&sets[1]);
		check_equal(&sets[0], &sets[1]);
	}
	pst_ipfilter_destroy(sets[0].filter);
	pst_ipfilter_destroy(sets[1].filter);
	return 0;
}
