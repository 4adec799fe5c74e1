/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter/classify.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "base/err.h"

#define NOTHING UINT32_MAX
#define LIST (UINT32_C(1) << 31) /* the reference is a list's place in `items`, not a node */
#define LIST_MOST 8 /* entries that are looked through as fast as cut */
#define COPIES_MOST 8 /* of a range, that one cut may make */
#define GROWTH_MOST 64 /* items for each range, after which nothing more is cut */

struct entry {
	uint32_t ranges; /* the first field's; the next field's follow */
	uint8_t n[PST_CLASS_FIELDS];
};

struct node {
	uint32_t field;
	uint32_t pieces; /* the first's place in `starts` and `parts` */
	uint32_t n;
	uint32_t rest;
	uint32_t least; /* the first entry that is anywhere below */
};

/* Arrays that grow while the tree is built. */
struct pst_classifier {
	struct entry *entries;
	struct pst_rule_range *ranges;
	struct node *nodes;
	uint32_t *starts; /* where each piece of a node begins */
	uint32_t *parts;  /* and what it has: a node, a list or nothing */
	uint32_t *items;  /* lists: a count, and the entries in order */
	uint32_t n_entries, n_ranges, n_nodes, n_pieces, n_items;
	uint32_t root;
};

/* Finding. */

static inline bool
is_within(uint32_t value, const struct pst_rule_range *r)
{
	return value - r->first <= r->last - r->first;
}

static bool
matches(const struct pst_classifier *c, const struct entry *e, const uint32_t *values)
{
	const struct pst_rule_range *r = &c->ranges[e->ranges];

	for (int f = 0; f < PST_CLASS_FIELDS; f++) {
		uint32_t n = e->n[f], k = 0;

		if (n == 0)
			continue;
		while (k < n && !is_within(values[f], &r[k]))
			k++;
		if (k == n)
			return false;
		r += n;
	}
	return true;
}

static uint32_t
look_through(const struct pst_classifier *c, const uint32_t *list, const uint32_t *values,
	uint32_t best)
{
	for (uint32_t k = 1; k <= list[0] && list[k] < best; k++) {
		if (matches(c, &c->entries[list[k]], values))
			return list[k];
	}
	return best;
}

/* The last of n places that begins at the value or before; the first begins at 0 or is it. */
static inline uint32_t
piece_of(const uint32_t *starts, uint32_t n, uint32_t value)
{
	uint32_t at = 0;

	while (n > 1) {
		uint32_t half = n / 2;

		at = starts[at + half] <= value ? at + half : at;
		n -= half;
	}
	return at;
}

static uint32_t
find(const struct pst_classifier *c, uint32_t ref, const uint32_t *values, uint32_t best)
{
	while (ref != NOTHING) {
		const struct node *node;
		uint32_t piece;

		if (ref & LIST)
			return look_through(c, &c->items[ref & ~LIST], values, best);
		node = &c->nodes[ref];
		if (node->least >= best)
			return best;
		piece = node->pieces +
			piece_of(&c->starts[node->pieces], node->n, values[node->field]);
		best = find(c, c->parts[piece], values, best);
		ref = node->rest;
	}
	return best;
}

uint32_t
pst_classifier_find(const struct pst_classifier *c, const uint32_t values[PST_CLASS_FIELDS])
{
	return find(c, c->root, values, PST_CLASS_NONE);
}

/* Building. */

struct builder {
	struct pst_classifier *c;
	uint32_t room_nodes, room_pieces, room_items;
	uint64_t items_most;
	bool failed; /* no memory */
};

/* The values that a part of the tree is asked for. */
struct box {
	struct pst_rule_range fields[PST_CLASS_FIELDS];
};

/* What a cut of one field would be. */
struct cut {
	uint32_t *starts; /* of its pieces, sorted */
	uint32_t n;
	uint32_t copies;  /* entries in all pieces together */
	uint32_t ranges;
	uint32_t careful; /* entries that care for the field */
};

/* Room for `more` elements behind n; the array may move. False, said, when there is no memory. */
static bool
make_room(struct builder *b, void *array, uint32_t *room, uint32_t n, uint32_t more, size_t size)
{
	void **at = array, *bigger;
	uint64_t wanted = (uint64_t)n + more;

	if (wanted <= *room)
		return true;
	wanted = RTE_MAX(wanted, (uint64_t)*room * 2);
	bigger = wanted < LIST ? realloc(*at, wanted * size) : NULL;
	if (bigger == NULL) {
		b->failed = true;
		return false;
	}
	*at = bigger;
	*room = wanted;
	return true;
}

static const struct pst_rule_range *
ranges_of(const struct pst_classifier *c, uint32_t entry, enum pst_class_field field, uint32_t *n)
{
	const struct entry *e = &c->entries[entry];
	uint32_t skip = 0;

	for (uint32_t f = 0; f < field; f++)
		skip += e->n[f];
	*n = e->n[field];
	return &c->ranges[e->ranges + skip];
}

/* Does the entry hold for all values here? Its ranges neither touch nor overlap. */
static bool
covers(const struct pst_classifier *c, uint32_t entry, enum pst_class_field field,
	const struct pst_rule_range *all)
{
	uint32_t n;
	const struct pst_rule_range *r = ranges_of(c, entry, field, &n);

	for (uint32_t k = 0; k < n; k++) {
		if (r[k].first <= all->first && r[k].last >= all->last)
			return true;
	}
	return n == 0;
}

static bool
covers_box(const struct pst_classifier *c, uint32_t entry, const struct box *box)
{
	for (int f = 0; f < PST_CLASS_FIELDS; f++) {
		if (!covers(c, entry, f, &box->fields[f]))
			return false;
	}
	return true;
}

/* The part of a range that is in the box; false: none. */
static bool
clip(const struct pst_rule_range *r, const struct pst_rule_range *all,
	struct pst_rule_range *clipped)
{
	clipped->first = RTE_MAX(r->first, all->first);
	clipped->last = RTE_MIN(r->last, all->last);
	return clipped->first <= clipped->last;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t
sort_once(uint32_t *values, uint32_t n)
{
	uint32_t kept = 0;

	qsort(values, n, sizeof(*values), compare);
	for (uint32_t i = 0; i < n; i++) {
		if (kept == 0 || values[kept - 1] != values[i])
			values[kept++] = values[i];
	}
	return kept;
}

static void
count_copies(const struct pst_classifier *c, const uint32_t *list, uint32_t n,
	enum pst_class_field field, const struct pst_rule_range *all, struct cut *cut)
{
	uint64_t copies = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t n_ranges;
		const struct pst_rule_range *r = ranges_of(c, list[i], field, &n_ranges);
		struct pst_rule_range part;

		if (covers(c, list[i], field, all))
			continue;
		for (uint32_t k = 0; k < n_ranges; k++) {
			if (clip(&r[k], all, &part))
				copies += piece_of(cut->starts, cut->n, part.last) -
					piece_of(cut->starts, cut->n, part.first) + 1;
		}
	}
	cut->copies = RTE_MIN(copies, (uint64_t)UINT32_MAX);
}

/* The pieces of a field are between the ends of the ranges there. */
static bool
try_cut(struct builder *b, const uint32_t *list, uint32_t n, enum pst_class_field field,
	const struct pst_rule_range *all, struct cut *cut)
{
	uint32_t room = 0;

	*cut = (struct cut){ 0 };
	if (!make_room(b, &cut->starts, &room, 0, 1, sizeof(uint32_t)))
		return false;
	cut->starts[cut->n++] = all->first;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t n_ranges;
		const struct pst_rule_range *r = ranges_of(b->c, list[i], field, &n_ranges);
		struct pst_rule_range part;

		if (covers(b->c, list[i], field, all))
			continue;
		cut->careful++;
		if (!make_room(b, &cut->starts, &room, cut->n, 2 * n_ranges, sizeof(uint32_t)))
			return false;
		for (uint32_t k = 0; k < n_ranges; k++) {
			if (!clip(&r[k], all, &part))
				continue;
			cut->ranges++;
			cut->starts[cut->n++] = part.first;
			if (part.last < all->last)
				cut->starts[cut->n++] = part.last + 1;
		}
	}
	cut->n = sort_once(cut->starts, cut->n);
	count_copies(b->c, list, n, field, all, cut);
	return true;
}

/* How many entries are left to look at, as if no further cut came. */
static uint32_t
cost_of(const struct cut *cut, uint32_t n)
{
	return cut->copies / cut->n + (n - cut->careful);
}

/* The best field to cut by; PST_CLASS_FIELDS: none is worth it. *best is the caller's to free. */
static enum pst_class_field
choose(struct builder *b, const uint32_t *list, uint32_t n, const struct box *box,
	struct cut *best)
{
	enum pst_class_field chosen = PST_CLASS_FIELDS;

	*best = (struct cut){ 0 };
	for (int f = 0; f < PST_CLASS_FIELDS && !b->failed; f++) {
		struct cut cut;
		bool is_good = try_cut(b, list, n, f, &box->fields[f], &cut) &&
			cut.careful > n / (2 * PST_CLASS_FIELDS) &&
			cut.copies <= COPIES_MOST * cut.ranges + LIST_MOST &&
			(chosen == PST_CLASS_FIELDS || cost_of(&cut, n) < cost_of(best, n));

		if (is_good) {
			free(best->starts);
			*best = cut;
			chosen = f;
		} else {
			free(cut.starts);
		}
	}
	return chosen;
}

static uint32_t
add_list(struct builder *b, const uint32_t *list, uint32_t n)
{
	struct pst_classifier *c = b->c;
	uint32_t at = c->n_items;

	if (!make_room(b, &c->items, &b->room_items, at, n + 1, sizeof(uint32_t)))
		return NOTHING;
	c->items[at] = n;
	memcpy(&c->items[at + 1], list, (size_t)n * sizeof(*list));
	c->n_items += n + 1;
	return at | LIST;
}

static uint32_t build(
	struct builder *b, const uint32_t *list, uint32_t n, const struct box *box);

/* The entries of each piece, in order: `copies` of them, and piece k's begin at begins[k]. */
static void
deal(const struct pst_classifier *c, const uint32_t *list, uint32_t n, enum pst_class_field field,
	const struct pst_rule_range *all, const struct cut *cut, uint32_t *copies, uint32_t *begins)
{
	/* counted into the place behind, added up, then used as each piece's end so far */
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < n; i++) {
			uint32_t n_ranges;
			const struct pst_rule_range *r = ranges_of(c, list[i], field, &n_ranges);
			struct pst_rule_range part;

			if (covers(c, list[i], field, all))
				continue;
			for (uint32_t k = 0; k < n_ranges; k++) {
				if (!clip(&r[k], all, &part))
					continue;
				for (uint32_t p = piece_of(cut->starts, cut->n, part.first);
					p < cut->n && cut->starts[p] <= part.last; p++) {
					if (pass == 0)
						begins[p + 2]++;
					else
						copies[begins[p + 1]++] = list[i];
				}
			}
		}
		for (uint32_t p = 1; pass == 0 && p <= cut->n; p++)
			begins[p + 1] += begins[p];
	}
}

static uint32_t
build_rest(struct builder *b, const uint32_t *list, uint32_t n, enum pst_class_field field,
	const struct box *box)
{
	uint32_t *rest = malloc(RTE_MAX(n, 1u) * sizeof(*rest)), kept = 0, ref = NOTHING;

	if (rest == NULL) {
		b->failed = true;
		return NOTHING;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (covers(b->c, list[i], field, &box->fields[field]))
			rest[kept++] = list[i];
	}
	ref = build(b, rest, kept, box);
	free(rest);
	return ref;
}

static void
build_pieces(struct builder *b, const uint32_t *list, uint32_t n, enum pst_class_field field,
	const struct box *box, const struct cut *cut, uint32_t pieces)
{
	const struct pst_rule_range *all = &box->fields[field];
	uint32_t *copies = malloc(RTE_MAX(cut->copies, 1u) * sizeof(*copies));
	uint32_t *begins = calloc(cut->n + 2, sizeof(*begins));
	struct box part = *box;

	if (copies == NULL || begins == NULL) {
		b->failed = true;
	} else {
		deal(b->c, list, n, field, all, cut, copies, begins);
		for (uint32_t p = 0; p < cut->n && !b->failed; p++) {
			uint32_t ref;

			part.fields[field].first = cut->starts[p];
			part.fields[field].last =
				p + 1 < cut->n ? cut->starts[p + 1] - 1 : all->last;
			ref = build(b, &copies[begins[p]], begins[p + 1] - begins[p], &part);
			b->c->starts[pieces + p] = cut->starts[p];
			b->c->parts[pieces + p] = ref;
		}
	}
	free(copies);
	free(begins);
}

static uint32_t
add_node(struct builder *b, const uint32_t *list, uint32_t n, enum pst_class_field field,
	const struct box *box, const struct cut *cut)
{
	struct pst_classifier *c = b->c;
	uint32_t i = c->n_nodes, pieces = c->n_pieces, room = b->room_pieces, rest;

	if (!make_room(b, &c->nodes, &b->room_nodes, i, 1, sizeof(struct node)) ||
		!make_room(b, &c->starts, &room, pieces, cut->n, sizeof(uint32_t)) ||
		!make_room(b, &c->parts, &b->room_pieces, pieces, cut->n, sizeof(uint32_t)))
		return NOTHING;
	c->n_nodes++;
	c->n_pieces += cut->n;
	build_pieces(b, list, n, field, box, cut, pieces);
	rest = build_rest(b, list, n, field, box);
	c->nodes[i] = (struct node){
		.field = field, .pieces = pieces, .n = cut->n, .rest = rest, .least = list[0]
	};
	return i;
}

/* The tree of a list of entries, in order, for the values of a box. */
static uint32_t
build(struct builder *b, const uint32_t *list, uint32_t n, const struct box *box)
{
	enum pst_class_field field = PST_CLASS_FIELDS;
	struct cut cut = { 0 };
	uint32_t ref;

	for (uint32_t i = 0; i + 1 < n; i++) {
		if (covers_box(b->c, list[i], box))
			n = i + 1; /* the others' turn never comes */
	}
	if (n == 0 || b->failed)
		return NOTHING;
	if (n > LIST_MOST && (uint64_t)b->c->n_items + b->c->n_pieces < b->items_most)
		field = choose(b, list, n, box, &cut);
	if (b->failed)
		ref = NOTHING;
	else if (field == PST_CLASS_FIELDS)
		ref = add_list(b, list, n);
	else
		ref = add_node(b, list, n, field, box, &cut);
	free(cut.starts);
	return ref;
}

/* Entries. */

static int
compare_ranges(const void *a, const void *b)
{
	return compare(&((const struct pst_rule_range *)a)->first,
		&((const struct pst_rule_range *)b)->first);
}

/* Sorted, and those that touch or overlap made one; 0: they are all values. */
static uint32_t
tidy(struct pst_rule_range *ranges, uint32_t n)
{
	uint32_t kept = 0;

	qsort(ranges, n, sizeof(*ranges), compare_ranges);
	for (uint32_t i = 0; i < n; i++) {
		struct pst_rule_range *last = kept > 0 ? &ranges[kept - 1] : NULL;

		if (last != NULL && (last->last == UINT32_MAX || ranges[i].first <= last->last + 1))
			last->last = RTE_MAX(last->last, ranges[i].last);
		else
			ranges[kept++] = ranges[i];
	}
	return kept == 1 && ranges[0].first == 0 && ranges[0].last == UINT32_MAX ? 0 : kept;
}

static bool
are_valid(const struct pst_class_entry *e, uint32_t *n_ranges)
{
	for (int f = 0; f < PST_CLASS_FIELDS; f++) {
		if (e->fields[f].n > PST_CLASS_RANGES_MAX)
			return false;
		for (uint32_t k = 0; k < e->fields[f].n; k++) {
			if (e->fields[f].ranges[k].first > e->fields[f].ranges[k].last)
				return false;
		}
		*n_ranges += e->fields[f].n;
	}
	return true;
}

static void
copy_entry(struct pst_classifier *c, struct entry *to, const struct pst_class_entry *from)
{
	to->ranges = c->n_ranges;
	for (int f = 0; f < PST_CLASS_FIELDS; f++) {
		struct pst_rule_range *r = &c->ranges[c->n_ranges];

		if (from->fields[f].n > 0)
			memcpy(r, from->fields[f].ranges, from->fields[f].n * sizeof(*r));
		to->n[f] = tidy(r, from->fields[f].n);
		c->n_ranges += to->n[f];
	}
}

static int
build_all(struct pst_classifier *c)
{
	struct builder b = { .c = c,
		.items_most = (uint64_t)GROWTH_MOST * (c->n_ranges + c->n_entries) };
	uint32_t *list = malloc(RTE_MAX(c->n_entries, 1u) * sizeof(*list));
	struct box all;

	if (list == NULL)
		return -ENOMEM;
	for (int f = 0; f < PST_CLASS_FIELDS; f++)
		all.fields[f] = (struct pst_rule_range){ 0, UINT32_MAX };
	for (uint32_t i = 0; i < c->n_entries; i++)
		list[i] = i;
	c->root = build(&b, list, c->n_entries, &all);
	free(list);
	return b.failed ? -ENOMEM : 0;
}

struct pst_classifier *
pst_classifier_create(const struct pst_class_entry *entries, uint32_t n)
{
	struct pst_classifier *c;
	uint32_t n_ranges = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!are_valid(&entries[i], &n_ranges))
			return pst_null(EINVAL);
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return pst_null(ENOMEM);
	c->entries = calloc(RTE_MAX(n, 1u), sizeof(*c->entries));
	c->ranges = calloc(RTE_MAX(n_ranges, 1u), sizeof(*c->ranges));
	if (c->entries == NULL || c->ranges == NULL) {
		pst_classifier_destroy(c);
		return pst_null(ENOMEM);
	}
	for (; c->n_entries < n; c->n_entries++)
		copy_entry(c, &c->entries[c->n_entries], &entries[c->n_entries]);
	if (build_all(c) < 0) {
		pst_classifier_destroy(c);
		return pst_null(ENOMEM);
	}
	return c;
}

void
pst_classifier_destroy(struct pst_classifier *c)
{
	if (c == NULL)
		return;
	free(c->entries);
	free(c->ranges);
	free(c->nodes);
	free(c->starts);
	free(c->parts);
	free(c->items);
	free(c);
}

size_t
pst_classifier_size(const struct pst_classifier *c)
{
	return sizeof(*c) + c->n_entries * sizeof(*c->entries) + c->n_ranges * sizeof(*c->ranges) +
		c->n_nodes * sizeof(*c->nodes) + c->n_pieces * 2 * sizeof(*c->starts) +
		c->n_items * sizeof(*c->items);
}
