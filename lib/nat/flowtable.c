/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/flowtable.h"

#include <errno.h>

#include <rte_malloc.h>

#include "base/rng.h"

#define FULL_LOAD 8	 /* values in a home bucket, on average, when the table is full */
#define RESERVE_SHARE 5	 /* home buckets for one of the reserve, */
#define RESERVE_LEAST 64 /* and so many more: so few are far from their average now and then */

int
pst_flowtable_init(struct pst_flowtable *t, uint32_t capacity, uint64_t seed, int socket)
{
	uint32_t home = capacity / FULL_LOAD + 1, reserve;
	struct pst_rng rng;

	/* only the last bucket of a chain is not full, so few always have room for two */
	reserve = capacity / PST_FLOW_SLOTS + 2;
	reserve = RTE_MIN(reserve, home / RESERVE_SHARE + RESERVE_LEAST);
	t->buckets = rte_zmalloc_socket("pst_flowtable",
		sizeof(*t->buckets) * ((size_t)home + reserve), RTE_CACHE_LINE_SIZE, socket);
	if (t->buckets == NULL)
		return -ENOMEM;
	pst_rng_init(&rng, seed);
	t->seed[0] = pst_rng_next(&rng);
	t->seed[1] = pst_rng_next(&rng);
	t->home = home;
	t->capacity = capacity;
	t->count = 0;
	t->free = home;
	t->spare = reserve;
	for (uint32_t i = 0; i < reserve; i++)
		t->buckets[home + i].next = i + 1 < reserve ? home + i + 1 : 0;
	return 0;
}

void
pst_flowtable_fini(struct pst_flowtable *t)
{
	rte_free(t->buckets);
	t->buckets = NULL;
}

static int
free_slot(const struct pst_flow_bucket *b)
{
	uint32_t hits = pst_flow_hits(b, 0);

	return hits != 0 ? __builtin_ctz(hits) : -1;
}

static struct pst_flow_bucket *
extend(struct pst_flowtable *t, struct pst_flow_bucket *b)
{
	uint32_t i = t->free;
	struct pst_flow_bucket *new = &t->buckets[i];

	RTE_VERIFY(i != 0);
	t->free = new->next;
	t->spare--;
	new->next = 0;
	b->next = i;
	return new;
}

void
pst_flowtable_add(struct pst_flowtable *t, uint64_t hash, uint32_t value)
{
	struct pst_flow_bucket *b = pst_flow_home(t, hash);
	int slot;

	RTE_ASSERT(t->count < t->capacity);
	while ((slot = free_slot(b)) < 0)
		b = b->next != 0 ? &t->buckets[b->next] : extend(t, b);
	b->sig[slot] = pst_flow_sig(hash);
	b->value[slot] = value;
	t->count++;
}

static int
slot_of(const struct pst_flow_bucket *b, uint16_t sig, uint32_t value)
{
	for (uint32_t hits = pst_flow_hits(b, sig); hits != 0; hits &= hits - 1) {
		int i = __builtin_ctz(hits);

		if (b->value[i] == value)
			return i;
	}
	return -1;
}

static int
last_slot(const struct pst_flow_bucket *b)
{
	for (int i = PST_FLOW_SLOTS - 1; i >= 0; i--) {
		if (b->sig[i] != 0)
			return i;
	}
	return -1;
}

/*
 * Fill the hole with the last value of the chain, and give an empty last
 * bucket back, so that all buckets of a chain but its last are full.
 */
static void
close_hole(struct pst_flowtable *t, struct pst_flow_bucket *home, struct pst_flow_bucket *hole,
	int slot)
{
	struct pst_flow_bucket *b = home, *before = NULL;
	int last;

	while (b->next != 0) {
		before = b;
		b = &t->buckets[b->next];
	}
	if (b != hole) {
		last = last_slot(b);
		hole->sig[slot] = b->sig[last];
		hole->value[slot] = b->value[last];
		b->sig[last] = 0;
	}
	if (before != NULL && last_slot(b) < 0) {
		uint32_t i = before->next;

		before->next = 0;
		b->next = t->free;
		t->free = i;
		t->spare++;
	}
}

void
pst_flowtable_del(struct pst_flowtable *t, uint64_t hash, uint32_t value)
{
	struct pst_flow_bucket *home = pst_flow_home(t, hash), *b = home;
	uint16_t sig = pst_flow_sig(hash);
	int slot;

	while ((slot = slot_of(b, sig, value)) < 0) {
		RTE_VERIFY(b->next != 0);
		b = &t->buckets[b->next];
	}
	b->sig[slot] = 0;
	t->count--;
	if (home->next != 0)
		close_hole(t, home, b, slot);
}
