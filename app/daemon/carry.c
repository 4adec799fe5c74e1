/* SPDX-License-Identifier: BSD-3-Clause */
#include "carry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "snapshot.h"

#define NONE UINT32_MAX

struct named {
	const char *name;
	uint32_t place;
};

typedef const char *(*name_of)(const struct pst_snapshot *s, uint32_t i);

/* The last counter of rules is that of connections which none decided. */
static const char *
rule_name(const struct pst_snapshot *s, uint32_t i)
{
	return i < pst_ruleset_count(s->rules) ? pst_ruleset_rule(s->rules, i)->name : "";
}

static const char *
filter_name(const struct pst_snapshot *s, uint32_t i)
{
	return pst_packet_filters_name(s->filters, i);
}

static uint32_t
count_rules(const struct pst_snapshot *s)
{
	return s->rules != NULL ? pst_ruleset_count(s->rules) + 1 : 0;
}

static uint32_t
count_filters(const struct pst_snapshot *s)
{
	return s->filters != NULL ? pst_packet_filters_count(s->filters) : 0;
}

uint64_t *
pst_carry_counts(uint32_t n)
{
	return rte_zmalloc("pst_counts", (n + 1) * sizeof(uint64_t), RTE_CACHE_LINE_SIZE);
}

static int
by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static struct named *
sorted(const struct pst_snapshot *s, uint32_t n, name_of name)
{
	struct named *list = calloc(n + 1, sizeof(*list));

	for (uint32_t i = 0; list != NULL && i < n; i++)
		list[i] = (struct named){ name(s, i), i };
	if (list != NULL)
		qsort(list, n, sizeof(*list), by_name);
	return list;
}

/* Those of one name go in their order. */
static void
match(struct pst_carry *c, const struct named *old, const struct named *new, uint32_t n_new)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < c->n_before; i++) {
		int order = -1;

		while (k < n_new && (order = strcmp(new[k].name, old[i].name)) < 0)
			k++;
		c->to[old[i].place] = k < n_new && order == 0 ? new[k++].place : NONE;
	}
}

static void
add(const struct pst_carry *c, const uint64_t *counts)
{
	for (uint32_t i = 0; counts != NULL && i < c->n_before; i++) {
		if (c->to[i] != NONE)
			c->base[c->to[i]] += __atomic_load_n(&counts[i], __ATOMIC_RELAXED);
	}
}

static int
init(struct pst_carry *c, const struct pst_snapshot *next, uint32_t n,
	const struct pst_snapshot *before, uint32_t n_before, name_of name)
{
	struct named *old = sorted(before, n_before, name), *new = sorted(next, n, name);
	bool ok;

	c->base = calloc(n + 1, sizeof(*c->base));
	c->to = calloc(n_before + 1, sizeof(*c->to));
	c->n_before = n_before;
	ok = old != NULL && new != NULL && c->base != NULL && c->to != NULL;
	if (ok)
		match(c, old, new, n);
	free(old);
	free(new);
	return ok ? 0 : -ENOMEM;
}

int
pst_carry_init(struct pst_snapshot *next, const struct pst_snapshot *before)
{
	if (init(&next->rule_carry, next, count_rules(next), before, count_rules(before),
		    rule_name) < 0 ||
		init(&next->filter_carry, next, count_filters(next), before, count_filters(before),
			filter_name) < 0)
		return -ENOMEM;
	add(&next->rule_carry, before->rule_carry.base);
	add(&next->filter_carry, before->filter_carry.base);
	return 0;
}

void
pst_carry_fini(struct pst_snapshot *s)
{
	free(s->rule_carry.base);
	free(s->rule_carry.to);
	free(s->filter_carry.base);
	free(s->filter_carry.to);
}

void
pst_carry_add(struct pst_snapshot *next, const uint64_t *rules, const uint64_t *filters)
{
	add(&next->rule_carry, rules);
	add(&next->filter_carry, filters);
}
