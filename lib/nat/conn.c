/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/conn.h"

#include <string.h>

#define RARE_SHARE 32	 /* connections for a rare entry, */
#define RARE_LEAST 16384 /* but so many entries */

static int
init_rare(struct pst_conn_table *t, uint32_t capacity, int socket)
{
	uint32_t n = RTE_MAX(capacity / RARE_SHARE, (uint32_t)RARE_LEAST);

	n = RTE_MIN(n, capacity);
	if (pst_slots_init(&t->rare_slots, n, NULL, socket) < 0)
		return -ENOMEM;
	t->rare = rte_zmalloc_socket("pst_conn_rare", sizeof(*t->rare) * ((size_t)n + 1),
		RTE_CACHE_LINE_SIZE, socket);
	return t->rare != NULL ? 0 : -ENOMEM;
}

int
pst_conn_table_init(
	struct pst_conn_table *t, uint32_t capacity, uint64_t seed, uint64_t now_ms, int socket)
{
	/* the first line; the generation stays, and that it is not live */
	struct pst_slots_space space = { .stride = sizeof(*t->hot),
		.n_words = offsetof(struct pst_conn, owner) / 4 };

	memset(t, 0, sizeof(*t));
	if (pst_flowtable_init(&t->flows, 2 * capacity, seed, socket) < 0)
		goto err;
	t->hot = rte_zmalloc_socket("pst_conn", sizeof(*t->hot) * (size_t)capacity,
		RTE_CACHE_LINE_SIZE, socket);
	if (t->hot == NULL || init_rare(t, capacity, socket) < 0)
		goto err;
	space.words = t->hot;
	if (pst_slots_init(&t->slots, capacity, &space, socket) < 0)
		goto err;
	t->expiry = pst_expiry_create_in(
		&t->hot->expiry, sizeof(*t->hot), capacity, now_ms, socket);
	if (t->expiry == NULL)
		goto err;
	return 0;
err:
	pst_conn_table_fini(t);
	return -ENOMEM;
}

void
pst_conn_table_fini(struct pst_conn_table *t)
{
	pst_expiry_destroy(t->expiry);
	rte_free(t->rare);
	pst_slots_fini(&t->rare_slots);
	rte_free(t->hot);
	pst_slots_fini(&t->slots);
	pst_flowtable_fini(&t->flows);
	memset(t, 0, sizeof(*t));
}

static uint64_t
hash_of(const struct pst_conn_table *t, const struct pst_conn *c, enum pst_way way)
{
	return pst_flow_hash(&t->flows, pst_conn_key(c, way));
}

uint32_t
pst_conn_open(struct pst_conn_table *t, uint64_t remote, uint64_t inside, uint64_t outside,
	uint64_t now_ms)
{
	struct pst_conn *c;
	uint32_t i, gen;

	if (unlikely(!pst_flowtable_has_room(&t->flows, PST_WAYS)))
		return PST_SLOT_NONE;
	i = pst_slots_take(&t->slots);
	if (unlikely(i == PST_SLOT_NONE))
		return PST_SLOT_NONE;
	c = &t->hot[i];
	gen = c->gen;
	memset(c, 0, sizeof(*c));
	c->gen = gen;
	c->live = true;
	c->created_ms = now_ms;
	c->prev = c->next = PST_SLOT_NONE;
	c->protocol_index = UINT16_MAX;
	c->last_ms = now_ms;
	c->remote = remote;
	c->local[PST_WAY_OUT] = inside & ~UINT64_C(0xffff);
	c->local[PST_WAY_IN] = outside & ~UINT64_C(0xffff);
	pst_flowtable_add(&t->flows, hash_of(t, c, PST_WAY_OUT), i << 1 | PST_WAY_OUT);
	pst_flowtable_add(&t->flows, hash_of(t, c, PST_WAY_IN), i << 1 | PST_WAY_IN);
	return i;
}

void
pst_conn_prefetch_keys(const struct pst_conn_table *t, const struct pst_conn *c)
{
	pst_flow_prefetch(&t->flows, hash_of(t, c, PST_WAY_OUT));
	pst_flow_prefetch(&t->flows, hash_of(t, c, PST_WAY_IN));
}

void
pst_conn_unlink(struct pst_conn_table *t, uint32_t i)
{
	struct pst_conn *c = &t->hot[i];

	pst_expiry_cancel(t->expiry, i);
	pst_flowtable_del(&t->flows, hash_of(t, c, PST_WAY_OUT), i << 1 | PST_WAY_OUT);
	pst_flowtable_del(&t->flows, hash_of(t, c, PST_WAY_IN), i << 1 | PST_WAY_IN);
	c->live = false;
}

void
pst_conn_free(struct pst_conn_table *t, uint32_t i)
{
	struct pst_conn *c = &t->hot[i];

	if (unlikely(c->rare != 0)) {
		memset(&t->rare[c->rare], 0, sizeof(*t->rare));
		pst_slots_put(&t->rare_slots, c->rare - 1);
		c->rare = 0;
	}
	c->gen++;
	pst_slots_put(&t->slots, i);
}

uint32_t
pst_conn_deref(const struct pst_conn_table *t, struct pst_ref ref)
{
	if (ref.index >= t->slots.capacity)
		return PST_SLOT_NONE;
	if (t->hot[ref.index].gen != ref.gen || !t->hot[ref.index].live)
		return PST_SLOT_NONE;
	return ref.index;
}

struct pst_conn_rare *
pst_conn_rare(struct pst_conn_table *t, uint32_t i)
{
	struct pst_conn *c = &t->hot[i];
	uint32_t slot;

	if (c->rare == 0) {
		slot = pst_slots_take(&t->rare_slots);
		if (slot == PST_SLOT_NONE)
			return NULL;
		c->rare = slot + 1;
	}
	return &t->rare[c->rare];
}
