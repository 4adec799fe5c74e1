/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/bind.h"

#include <string.h>

int
pst_bind_table_init(struct pst_bind_table *t, uint32_t capacity, uint64_t seed, int socket)
{
	memset(t, 0, sizeof(*t));
	if (pst_flowtable_init(&t->by_inside, capacity, seed, socket) < 0 ||
		pst_slots_init(&t->slots, capacity, socket) < 0)
		goto err;
	t->entries = rte_zmalloc_socket("pst_bind", sizeof(*t->entries) * (size_t)capacity,
		RTE_CACHE_LINE_SIZE, socket);
	if (t->entries == NULL)
		goto err;
	return 0;
err:
	pst_bind_table_fini(t);
	return -ENOMEM;
}

void
pst_bind_table_fini(struct pst_bind_table *t)
{
	rte_free(t->entries);
	pst_slots_fini(&t->slots);
	pst_flowtable_fini(&t->by_inside);
	memset(t, 0, sizeof(*t));
}

static bool
match(const void *entries, uint32_t value, struct pst_flow_key key)
{
	const struct pst_bind *b = &((const struct pst_bind *)entries)[value];

	return b->key.a == key.a && b->key.b == key.b;
}

uint32_t
pst_bind_lookup(const struct pst_bind_table *t, struct pst_flow_key key)
{
	return pst_flow_find(
		&t->by_inside, pst_flow_hash(&t->by_inside, key), match, t->entries, key);
}

uint32_t
pst_bind_add(struct pst_bind_table *t, struct pst_flow_key key, uint64_t outside, uint64_t now_ms)
{
	uint32_t i;

	if (unlikely(!pst_flowtable_has_room(&t->by_inside, 1)))
		return PST_SLOT_NONE;
	i = pst_slots_take(&t->slots);
	if (unlikely(i == PST_SLOT_NONE))
		return PST_SLOT_NONE;
	t->entries[i] = (struct pst_bind){
		.key = key, .outside = outside, .first = PST_SLOT_NONE, .created_ms = now_ms
	};
	pst_flowtable_add(&t->by_inside, pst_flow_hash(&t->by_inside, key), i);
	return i;
}

void
pst_bind_del(struct pst_bind_table *t, uint32_t i)
{
	pst_flowtable_del(&t->by_inside, pst_flow_hash(&t->by_inside, t->entries[i].key), i);
	pst_slots_put(&t->slots, i);
}
