/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipfilter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct range {
	uint32_t first, last;
};

struct pst_ipfilter {
	struct range *ranges; /* rising, with a gap between any two */
	uint32_t count, room;
};

struct pst_ipset {
	atomic_uint refs;
	uint32_t count;
	struct range ranges[];
};

/* The first range that ends at `ip` or behind it; count when there is none. */
static uint32_t
first_ending_from(const struct range *ranges, uint32_t count, uint64_t ip)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (ranges[mid].last < ip)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The first range that starts behind `ip`; count when there is none. */
static uint32_t
first_starting_after(const struct range *ranges, uint32_t count, uint64_t ip)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (ranges[mid].first <= ip)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
has(const struct range *ranges, uint32_t count, uint32_t ip)
{
	uint32_t i = first_ending_from(ranges, count, ip);

	return i < count && ranges[i].first <= ip;
}

static int
make_room(struct pst_ipfilter *filter, uint32_t count)
{
	uint32_t room = filter->room == 0 ? 4 : filter->room;
	struct range *ranges;

	if (count <= filter->room)
		return 0;
	while (room < count)
		room *= 2;
	ranges = realloc(filter->ranges, (size_t)room * sizeof(*ranges));
	if (ranges == NULL)
		return -ENOMEM;
	filter->ranges = ranges;
	filter->room = room;
	return 0;
}

/* Put n ranges in place of those from a up to, not with, b. */
static int
splice(struct pst_ipfilter *filter, uint32_t a, uint32_t b, const struct range *with, uint32_t n)
{
	uint32_t count = filter->count - (b - a) + n;
	int ret = make_room(filter, count);

	if (ret < 0)
		return ret;
	if (filter->count > b)
		memmove(&filter->ranges[a + n], &filter->ranges[b],
			(filter->count - b) * sizeof(*with));
	for (uint32_t i = 0; i < n; i++)
		filter->ranges[a + i] = with[i];
	filter->count = count;
	return 0;
}

struct pst_ipfilter *
pst_ipfilter_create(void)
{
	struct pst_ipfilter *filter = calloc(1, sizeof(*filter));

	return filter != NULL ? filter : pst_null(ENOMEM);
}

void
pst_ipfilter_destroy(struct pst_ipfilter *filter)
{
	if (filter == NULL)
		return;
	free(filter->ranges);
	free(filter);
}

struct pst_ipfilter *
pst_ipfilter_clone(const struct pst_ipfilter *filter)
{
	struct pst_ipfilter *copy = pst_ipfilter_create();

	if (copy == NULL)
		return NULL;
	if (splice(copy, 0, 0, filter->ranges, filter->count) < 0) {
		pst_ipfilter_destroy(copy);
		return pst_null(ENOMEM);
	}
	return copy;
}

int
pst_ipfilter_include(struct pst_ipfilter *filter, uint32_t first, uint32_t last)
{
	struct range all = { first, last };
	uint32_t a, b;

	if (first > last)
		return -EINVAL;
	/* One address further on both sides: neighbours become one range. */
	a = first_ending_from(filter->ranges, filter->count, first == 0 ? 0 : first - 1);
	b = first_starting_after(filter->ranges, filter->count, (uint64_t)last + 1);
	if (a < b) {
		if (filter->ranges[a].first < all.first)
			all.first = filter->ranges[a].first;
		if (filter->ranges[b - 1].last > all.last)
			all.last = filter->ranges[b - 1].last;
	}
	return splice(filter, a, b, &all, 1);
}

int
pst_ipfilter_exclude(struct pst_ipfilter *filter, uint32_t first, uint32_t last)
{
	struct range left[2];
	uint32_t a, b, n = 0;

	if (first > last)
		return -EINVAL;
	a = first_ending_from(filter->ranges, filter->count, first);
	b = first_starting_after(filter->ranges, filter->count, last);
	if (a >= b)
		return 0;
	if (filter->ranges[a].first < first)
		left[n++] = (struct range){ filter->ranges[a].first, first - 1 };
	if (filter->ranges[b - 1].last > last)
		left[n++] = (struct range){ last + 1, filter->ranges[b - 1].last };
	return splice(filter, a, b, left, n);
}

/* Whole sets: one walk over both, whatever their sizes. */

/* Append a range to the last of n, which begins no later. Returns how many there are. */
static uint32_t
append(struct range *out, uint32_t n, struct range r)
{
	if (n > 0 && (uint64_t)out[n - 1].last + 1 >= r.first) {
		if (out[n - 1].last < r.last)
			out[n - 1].last = r.last;
		return n;
	}
	out[n] = r;
	return n + 1;
}

/* out has room for na + nb. */
static uint32_t
unite(const struct range *a, uint32_t na, const struct range *b, uint32_t nb, struct range *out)
{
	uint32_t i = 0, k = 0, n = 0;

	while (i < na || k < nb) {
		if (k == nb || (i < na && a[i].first <= b[k].first))
			n = append(out, n, a[i++]);
		else
			n = append(out, n, b[k++]);
	}
	return n;
}

/* What is in a and not in b; out has room for na + nb. */
static uint32_t
subtract(const struct range *a, uint32_t na, const struct range *b, uint32_t nb, struct range *out)
{
	uint32_t k = 0, n = 0;

	for (uint32_t i = 0; i < na; i++) {
		uint64_t from = a[i].first;

		while (k < nb && b[k].last < from)
			k++;
		/* one of b may reach into the next of a: it is looked at again there */
		for (uint32_t j = k; j < nb && b[j].first <= a[i].last; j++) {
			if (b[j].first > from)
				out[n++] = (struct range){ from, b[j].first - 1 };
			from = (uint64_t)b[j].last + 1;
			k = j;
		}
		if (from <= a[i].last)
			out[n++] = (struct range){ from, a[i].last };
	}
	return n;
}

static int
combine(struct pst_ipfilter *filter, const struct pst_ipfilter *other,
	uint32_t (*how)(const struct range *a, uint32_t na, const struct range *b, uint32_t nb,
		struct range *out))
{
	uint32_t room = filter->count + other->count;
	struct range *ranges;

	if (room == 0)
		return 0;
	ranges = malloc((size_t)room * sizeof(*ranges));
	if (ranges == NULL)
		return -ENOMEM;
	filter->count = how(filter->ranges, filter->count, other->ranges, other->count, ranges);
	free(filter->ranges);
	filter->ranges = ranges;
	filter->room = room;
	return 0;
}

int
pst_ipfilter_include_filter(struct pst_ipfilter *filter, const struct pst_ipfilter *other)
{
	if (other == NULL)
		return pst_ipfilter_include(filter, 0, UINT32_MAX);
	return other == filter ? 0 : combine(filter, other, unite);
}

int
pst_ipfilter_exclude_filter(struct pst_ipfilter *filter, const struct pst_ipfilter *other)
{
	if (other == NULL || other == filter) {
		filter->count = 0;
		return 0;
	}
	return combine(filter, other, subtract);
}

static bool
is_everybody(const struct pst_ipfilter *filter)
{
	return filter == NULL || (filter->count == 1 && filter->ranges[0].first == 0 &&
					 filter->ranges[0].last == UINT32_MAX);
}

bool
pst_ipfilter_is_equal(const struct pst_ipfilter *a, const struct pst_ipfilter *b)
{
	if (a == NULL || b == NULL)
		return is_everybody(a) && is_everybody(b);
	return a->count == b->count &&
		(a->count == 0 ||
			memcmp(a->ranges, b->ranges, a->count * sizeof(a->ranges[0])) == 0);
}

bool
pst_ipfilter_is_included(const struct pst_ipfilter *filter, uint32_t ip)
{
	return filter == NULL || has(filter->ranges, filter->count, ip);
}

uint32_t
pst_ipfilter_count(const struct pst_ipfilter *filter)
{
	return filter->count;
}

void
pst_ipfilter_range(const struct pst_ipfilter *filter, uint32_t i, uint32_t *first, uint32_t *last)
{
	*first = filter->ranges[i].first;
	*last = filter->ranges[i].last;
}

struct pst_ipset *
pst_ipset_create(const struct pst_ipfilter *filter)
{
	struct pst_ipset *set;

	set = malloc(sizeof(*set) + (size_t)filter->count * sizeof(set->ranges[0]));
	if (set == NULL)
		return pst_null(ENOMEM);
	atomic_init(&set->refs, 1);
	set->count = filter->count;
	for (uint32_t i = 0; i < set->count; i++)
		set->ranges[i] = filter->ranges[i];
	return set;
}

struct pst_ipset *
pst_ipset_ref(struct pst_ipset *set)
{
	pst_ipset_ref_many(set, 1);
	return set;
}

void
pst_ipset_ref_many(struct pst_ipset *set, uint32_t n)
{
	if (set != NULL)
		atomic_fetch_add_explicit(&set->refs, n, memory_order_relaxed);
}

void
pst_ipset_unref(struct pst_ipset *set)
{
	/* Release: our reads come before; acquire: the last one sees all of them done. */
	if (set != NULL && atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) == 1)
		free(set);
}

bool
pst_ipset_has(const struct pst_ipset *set, uint32_t ip)
{
	return set == NULL || has(set->ranges, set->count, ip);
}

bool
pst_ipset_covers(const struct pst_ipset *set, const struct pst_ipset *other)
{
	if (set == NULL)
		return true;
	if (other == NULL)
		return set->count == 1 && set->ranges[0].first == 0 &&
			set->ranges[0].last == UINT32_MAX;
	for (uint32_t k = 0; k < other->count; k++) {
		const struct range *r = &other->ranges[k];
		uint32_t i = first_ending_from(set->ranges, set->count, r->first);

		if (i == set->count || set->ranges[i].first > r->first ||
			set->ranges[i].last < r->last)
			return false;
	}
	return true;
}

struct pst_ipset *
pst_ipset_union(const struct pst_ipset *a, const struct pst_ipset *b)
{
	struct pst_ipset *set;

	set = malloc(sizeof(*set) + ((size_t)a->count + b->count) * sizeof(set->ranges[0]));
	if (set == NULL)
		return pst_null(ENOMEM);
	atomic_init(&set->refs, 1);
	set->count = unite(a->ranges, a->count, b->ranges, b->count, set->ranges);
	return set;
}

uint32_t
pst_ipset_count(const struct pst_ipset *set)
{
	return set->count;
}

void
pst_ipset_range(const struct pst_ipset *set, uint32_t i, uint32_t *first, uint32_t *last)
{
	*first = set->ranges[i].first;
	*last = set->ranges[i].last;
}
