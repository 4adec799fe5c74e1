/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/client.h"

#include "nat/block.h"

#include <string.h>

int
pst_client_table_init(struct pst_client_table *t, uint32_t capacity, uint64_t seed, int socket)
{
	/* what tells that an entry is free are its references */
	struct pst_slots_space space = { .stride = sizeof(*t->entries),
		.n_words = (sizeof(*t->entries) - offsetof(struct pst_client, ports)) / 4 };

	memset(t, 0, sizeof(*t));
	if (pst_flowtable_init(&t->by_ip, capacity, seed, socket) < 0)
		goto err;
	t->entries = rte_zmalloc_socket("pst_client", sizeof(*t->entries) * (size_t)capacity,
		RTE_CACHE_LINE_SIZE, socket);
	if (t->entries == NULL)
		goto err;
	space.words = &t->entries->ports;
	if (pst_slots_init(&t->slots, capacity, &space, socket) < 0)
		goto err;
	return 0;
err:
	pst_client_table_fini(t);
	return -ENOMEM;
}

void
pst_client_table_fini(struct pst_client_table *t)
{
	rte_free(t->entries);
	pst_slots_fini(&t->slots);
	pst_flowtable_fini(&t->by_ip);
	memset(t, 0, sizeof(*t));
}

static bool
match(const void *entries, uint32_t value, struct pst_flow_key key)
{
	return ((const struct pst_client *)entries)[value].ip == key.a;
}

static uint64_t
hash_of(const struct pst_client_table *t, rte_be32_t ip)
{
	return pst_flow_hash(&t->by_ip, (struct pst_flow_key){ ip, 0 });
}

uint32_t
pst_client_lookup(const struct pst_client_table *t, rte_be32_t ip)
{
	struct pst_flow_key key = { ip, 0 };

	return pst_flow_find(&t->by_ip, hash_of(t, ip), match, t->entries, key);
}

void
pst_client_prefetch(const struct pst_client_table *t, rte_be32_t ip)
{
	pst_flow_prefetch(&t->by_ip, hash_of(t, ip));
}

struct pst_client
pst_client_blank(rte_be32_t ip, uint64_t now_ms)
{
	return (struct pst_client){ .ip = ip,
		.created_ms = now_ms,
		.first_permission = PST_SLOT_NONE,
		.first_block = PST_BLOCK_NONE };
}

uint32_t
pst_client_get(struct pst_client_table *t, rte_be32_t ip, uint64_t now_ms)
{
	uint32_t i = pst_client_lookup(t, ip);

	if (i == PST_FLOW_NONE) {
		if (unlikely(!pst_client_has_room(t)))
			return PST_SLOT_NONE;
		i = pst_slots_take(&t->slots);
		t->entries[i] = pst_client_blank(ip, now_ms);
		pst_flowtable_add(&t->by_ip, hash_of(t, ip), i);
		t->total++;
	}
	t->entries[i].refs++;
	return i;
}

void
pst_client_put(struct pst_client_table *t, uint32_t i)
{
	struct pst_client *c = &t->entries[i];

	if (--c->refs > 0)
		return;
	pst_flowtable_del(&t->by_ip, hash_of(t, c->ip), i);
	pst_slots_put(&t->slots, i);
}
