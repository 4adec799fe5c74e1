/* SPDX-License-Identifier: BSD-3-Clause */
/* The classifier against looking through the list, for lists of many kinds. */
#include "filter/classify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "base/rng.h"

#define ENTRIES_MOST 2000
#define LOOKUPS 20000
#define RANGES_MOST 5

struct model {
	struct pst_class_entry entries[ENTRIES_MOST];
	struct pst_rule_range ranges[ENTRIES_MOST][PST_CLASS_FIELDS][RANGES_MOST];
	uint32_t n;
};

static struct model model;
static struct pst_rng rng;

static uint32_t
random_below(uint32_t n)
{
	return pst_rng_next(&rng) % n;
}

/* How an entry's field is drawn. */
enum draw { ANY, PREFIX, WIDE, PORT, PORTS, FEW, EDGE, SAME };

static struct pst_rule_range
draw_range(enum draw draw)
{
	uint32_t value = pst_rng_next(&rng), more = 0;

	switch (draw) {
	case PREFIX:
		more = (uint64_t)UINT32_MAX >> (8 + random_below(25));
		value &= ~more;
		break;
	case WIDE:
		more = RTE_MIN((uint32_t)pst_rng_next(&rng), UINT32_MAX - value);
		break;
	case PORT:
		value %= 65536;
		break;
	case PORTS:
		value %= 65536;
		more = random_below(65536 - value);
		break;
	case FEW:
		value %= 4;
		break;
	case EDGE: /* at the first or the last values, or all of them */
		more = random_below(3) == 0 ? UINT32_MAX : random_below(2);
		value = more == UINT32_MAX || random_below(2) == 0 ? 0 : UINT32_MAX - more;
		break;
	default:
		value = 7;
	}
	return (struct pst_rule_range){ value, value + more };
}

static void
draw_field(uint32_t i, enum pst_class_field f, enum draw draw, uint32_t most)
{
	uint32_t n = draw == ANY ? 0 : 1 + random_below(most);

	for (uint32_t k = 0; k < n; k++)
		model.ranges[i][f][k] = draw_range(draw);
	model.entries[i].fields[f].ranges = model.ranges[i][f];
	model.entries[i].fields[f].n = n;
}

static bool
model_matches(const struct pst_class_entry *e, const uint32_t *values)
{
	for (int f = 0; f < PST_CLASS_FIELDS; f++) {
		bool found = e->fields[f].n == 0;

		for (uint32_t k = 0; k < e->fields[f].n; k++)
			found = found || (values[f] >= e->fields[f].ranges[k].first &&
						 values[f] <= e->fields[f].ranges[k].last);
		if (!found)
			return false;
	}
	return true;
}

static uint32_t
model_find(const uint32_t *values)
{
	for (uint32_t i = 0; i < model.n; i++) {
		if (model_matches(&model.entries[i], values))
			return i;
	}
	return PST_CLASS_NONE;
}

/* At a range's ends or beside them, within it, or anywhere. */
static uint32_t
draw_value(uint32_t entry, int f)
{
	const struct pst_class_entry *e = &model.entries[entry];
	const struct pst_rule_range *r;

	if (e->fields[f].n == 0 || random_below(8) == 0)
		return random_below(2) ? pst_rng_next(&rng) : random_below(65536);
	r = &e->fields[f].ranges[random_below(e->fields[f].n)];
	switch (random_below(5)) {
	case 0:
		return r->first;
	case 1:
		return r->last;
	case 2:
		return r->first - 1;
	case 3:
		return r->last + 1;
	default:
		return r->first + pst_rng_next(&rng) % ((uint64_t)r->last - r->first + 1);
	}
}

static void
assert_model(uint32_t *matched, size_t *size)
{
	struct pst_classifier *c = pst_classifier_create(model.entries, model.n);

	assert_non_null(c);
	*matched = 0;
	for (uint32_t l = 0; l < LOOKUPS; l++) {
		uint32_t values[PST_CLASS_FIELDS], entry = random_below(model.n), expected;

		for (int f = 0; f < PST_CLASS_FIELDS; f++)
			values[f] = draw_value(entry, f);
		expected = model_find(values);
		assert_int_equal(pst_classifier_find(c, values), expected);
		*matched += expected != PST_CLASS_NONE;
	}
	*size = pst_classifier_size(c);
	pst_classifier_destroy(c);
}

/* Lists that operators have, and lists that are made to be hard. */
static const struct {
	const char *name;
	uint32_t n, most;
	enum draw even[PST_CLASS_FIELDS], odd[PST_CLASS_FIELDS]; /* entries */
} shapes[] = {
	{ "a blocklist", 2000, 1, { ANY, PREFIX }, { ANY, PREFIX } },
	{ "blocklists of many", 500, 5, { FEW, PREFIX }, { ANY, PREFIX } },
	{ "sources or destinations", 2000, 1, { ANY, PREFIX }, { ANY, ANY, PREFIX } },
	{ "servers' ports", 2000, 2, { FEW, ANY, PREFIX, ANY, PORT },
		{ FEW, PREFIX, PREFIX, ANY, PORTS } },
	{ "all fields", 1000, 3, { FEW, PREFIX, PREFIX, PORTS, PORTS },
		{ FEW, WIDE, WIDE, PORTS, PORTS } },
	{ "wide ranges", 1000, 1, { ANY, WIDE }, { ANY, WIDE, WIDE } },
	{ "ranges of ports", 1000, 2, { ANY, ANY, ANY, PORTS, ANY }, { ANY, ANY, ANY, ANY, PORTS } },
	{ "edges", 300, 3, { EDGE, EDGE, EDGE, EDGE, EDGE }, { ANY, EDGE, ANY, EDGE, ANY } },
	{ "the same again", 200, 1, { SAME, SAME, ANY }, { SAME, SAME, SAME } },
	{ "kinds alone", 2000, 2, { FEW }, { FEW } },
	{ "a short list", 5, 2, { FEW, PREFIX, ANY, ANY, PORT }, { ANY, ANY, PREFIX } },
	{ "one", 1, 1, { ANY, PREFIX }, { ANY } },
};

static void
the_first_match_is_found(void **state)
{
	(void)state;
	for (size_t s = 0; s < RTE_DIM(shapes); s++) {
		uint32_t matched, n_ranges = 0;
		size_t size;

		pst_rng_init(&rng, s + 1);
		model.n = shapes[s].n;
		for (uint32_t i = 0; i < model.n; i++) {
			for (int f = 0; f < PST_CLASS_FIELDS; f++) {
				draw_field(i, f, (i % 2 ? shapes[s].odd : shapes[s].even)[f],
					shapes[s].most);
				n_ranges += model.entries[i].fields[f].n;
			}
		}
		assert_model(&matched, &size);
		print_message("%s: %u of %u matched, %zu bytes for each of %u\n", shapes[s].name,
			matched, LOOKUPS, size / model.n, model.n);
		assert_true(matched > LOOKUPS / 100);
		assert_true(size < 4096 * (size_t)(n_ranges + model.n) + 4096);
	}
}

/* Behind an entry for all, no other has a turn; behind one for a piece, none has there. */
static void
what_is_never_reached_takes_no_room(void **state)
{
	uint32_t matched;
	size_t size, less;

	(void)state;
	pst_rng_init(&rng, 99);
	model.n = 1000;
	for (uint32_t i = 0; i < model.n; i++) {
		memset(&model.entries[i], 0, sizeof(model.entries[i]));
		draw_field(i, PST_CLASS_SOURCE, PREFIX, 1);
	}
	assert_model(&matched, &size);
	memset(&model.entries[0], 0, sizeof(model.entries[0]));
	assert_model(&matched, &less);
	assert_int_equal(matched, LOOKUPS);
	assert_true(less < size / 2);
}

static void
an_empty_list_matches_nothing(void **state)
{
	struct pst_classifier *c = pst_classifier_create(NULL, 0);
	const uint32_t values[PST_CLASS_FIELDS] = { 0 };

	(void)state;
	assert_non_null(c);
	assert_int_equal(pst_classifier_find(c, values), PST_CLASS_NONE);
	pst_classifier_destroy(c);
	pst_classifier_destroy(NULL);
}

static void
bad_entries_are_refused(void **state)
{
	static const struct pst_rule_range backwards = { 2, 1 };
	static struct pst_rule_range many[PST_CLASS_RANGES_MAX + 1];
	struct pst_class_entry entry = { 0 };

	(void)state;
	entry.fields[PST_CLASS_SOURCE].ranges = &backwards;
	entry.fields[PST_CLASS_SOURCE].n = 1;
	assert_null(pst_classifier_create(&entry, 1));
	assert_int_equal(rte_errno, EINVAL);
	entry.fields[PST_CLASS_SOURCE].ranges = many;
	entry.fields[PST_CLASS_SOURCE].n = RTE_DIM(many);
	assert_null(pst_classifier_create(&entry, 1));
	assert_int_equal(rte_errno, EINVAL);
	entry.fields[PST_CLASS_SOURCE].n--;
	pst_classifier_destroy(pst_classifier_create(&entry, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_match_is_found),
		cmocka_unit_test(what_is_never_reached_takes_no_room),
		cmocka_unit_test(an_empty_list_matches_nothing),
		cmocka_unit_test(bad_entries_are_refused),
	};

	return cmocka_run_group_tests_name("filter-classify", tests, NULL, NULL);
}
