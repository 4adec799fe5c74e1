/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/bind.h"

#include <string.h>

#include "filter/ipfilter.h"
#include "packet/view.h"

static int
init_admitted(struct pst_bind_table *t, const struct pst_bind_params *params)
{
	if (pst_flowtable_init(&t->by_bind, params->admitted, ~params->seed, params->socket) < 0 ||
		pst_slots_init(&t->admitted_slots, params->admitted, NULL, params->socket) < 0)
		return -ENOMEM;
	t->admitted = rte_zmalloc_socket("pst_bind_admitted",
		sizeof(*t->admitted) * (size_t)params->admitted, RTE_CACHE_LINE_SIZE,
		params->socket);
	return t->admitted != NULL ? 0 : -ENOMEM;
}

int
pst_bind_table_init(struct pst_bind_table *t, const struct pst_bind_params *params)
{
	uint32_t n = params->capacity;
	/* a free one has no connections, and says so in its last word */
	struct pst_slots_space space = { .stride = sizeof(*t->entries), .n_words = 3 };

	memset(t, 0, sizeof(*t));
	t->conns = params->conns;
	if (pst_flowtable_init(&t->by_inside, n, params->seed, params->socket) < 0 ||
		init_admitted(t, params) < 0)
		goto err;
	t->entries = rte_zmalloc_socket("pst_bind", sizeof(*t->entries) * (size_t)n,
		RTE_CACHE_LINE_SIZE, params->socket);
	if (t->entries == NULL)
		goto err;
	space.words = t->entries;
	if (pst_slots_init(&t->slots, n, &space, params->socket) < 0)
		goto err;
	if (params->keeps_remotes) {
		t->remotes = rte_malloc_socket("pst_bind_remotes",
			sizeof(*t->remotes) * (size_t)n, RTE_CACHE_LINE_SIZE, params->socket);
		if (t->remotes == NULL)
			goto err;
	}
	return 0;
err:
	pst_bind_table_fini(t);
	return -ENOMEM;
}

void
pst_bind_table_fini(struct pst_bind_table *t)
{
	for (uint32_t k = 0; t->admitted != NULL && k < t->admitted_slots.capacity; k++)
		pst_ipset_unref(t->admitted[k].set);
	rte_free(t->admitted);
	pst_slots_fini(&t->admitted_slots);
	pst_flowtable_fini(&t->by_bind);
	rte_free(t->remotes);
	rte_free(t->entries);
	pst_slots_fini(&t->slots);
	pst_flowtable_fini(&t->by_inside);
	memset(t, 0, sizeof(*t));
}

struct pst_flow_key
pst_bind_key(const struct pst_bind_table *t, uint32_t i, const struct pst_conn *c)
{
	struct pst_flow_key key = { .a = pst_conn_end(c, PST_WAY_OUT) };

	if (t->remotes != NULL)
		key.b = t->remotes[i];
	else if (unlikely(pst_view_is_portless(pst_key_low(c->remote))))
		key.b = pst_key_end(pst_key_ip(c->remote), 0, 0);
	else if (unlikely(t->entries[i].kind == PST_BIND_ROUTED))
		key.b = PST_BIND_BYPASS;
	return key;
}

static bool
match(const void *ctx, uint32_t value, struct pst_flow_key key)
{
	const struct pst_bind_table *t = ctx;
	uint32_t first = t->entries[value].first;
	struct pst_flow_key own;

	if (unlikely(first == PST_SLOT_NONE))
		return false;
	own = pst_bind_key(t, value, &t->conns->hot[first]);
	return own.a == key.a && own.b == key.b;
}

uint32_t
pst_bind_lookup(const struct pst_bind_table *t, struct pst_flow_key key)
{
	return pst_flow_find(&t->by_inside, pst_flow_hash(&t->by_inside, key), match, t, key);
}

uint32_t
pst_bind_add(struct pst_bind_table *t, struct pst_flow_key key, struct pst_bind bind)
{
	uint32_t i;

	if (unlikely(!pst_flowtable_has_room(&t->by_inside, 1)))
		return PST_SLOT_NONE;
	i = pst_slots_take(&t->slots);
	if (unlikely(i == PST_SLOT_NONE))
		return PST_SLOT_NONE;
	t->entries[i] = bind;
	if (t->remotes != NULL)
		t->remotes[i] = key.b;
	pst_flowtable_add(&t->by_inside, pst_flow_hash(&t->by_inside, key), i);
	return i;
}

/* Who else may send to it. */

static uint64_t
hash_of_bind(const struct pst_bind_table *t, uint32_t i)
{
	return pst_flow_hash(&t->by_bind, (struct pst_flow_key){ i, 0 });
}

static bool
match_bind(const void *admitted, uint32_t value, struct pst_flow_key key)
{
	return ((const struct pst_bind_admission *)admitted)[value].bind == key.a;
}

static uint32_t
find_admitted(const struct pst_bind_table *t, uint32_t i)
{
	struct pst_flow_key key = { i, 0 };

	if (likely(!t->entries[i].admits))
		return PST_FLOW_NONE;
	return pst_flow_find(&t->by_bind, hash_of_bind(t, i), match_bind, t->admitted, key);
}

const struct pst_ipset *
pst_bind_admitted(const struct pst_bind_table *t, uint32_t i)
{
	uint32_t k = find_admitted(t, i);

	return k != PST_FLOW_NONE ? t->admitted[k].set : NULL;
}

int
pst_bind_admit(struct pst_bind_table *t, uint32_t i, struct pst_ipset *set)
{
	uint32_t k = find_admitted(t, i);

	if (k != PST_FLOW_NONE) {
		pst_ipset_unref(t->admitted[k].set);
		t->admitted[k].set = set;
		return 0;
	}
	if (!pst_flowtable_has_room(&t->by_bind, 1))
		return -ENOMEM;
	k = pst_slots_take(&t->admitted_slots);
	if (k == PST_SLOT_NONE)
		return -ENOMEM;
	t->admitted[k] = (struct pst_bind_admission){ .set = set, .bind = i };
	t->entries[i].admits = true;
	pst_flowtable_add(&t->by_bind, hash_of_bind(t, i), k);
	return 0;
}

static void
forget_admitted(struct pst_bind_table *t, uint32_t i)
{
	uint32_t k = find_admitted(t, i);

	if (likely(k == PST_FLOW_NONE))
		return;
	pst_flowtable_del(&t->by_bind, hash_of_bind(t, i), k);
	pst_ipset_unref(t->admitted[k].set);
	t->admitted[k].set = NULL;
	pst_slots_put(&t->admitted_slots, k);
}

void
pst_bind_del(struct pst_bind_table *t, uint32_t i, struct pst_flow_key key)
{
	forget_admitted(t, i);
	pst_flowtable_del(&t->by_inside, pst_flow_hash(&t->by_inside, key), i);
	t->entries[i].connections = 0;
	pst_slots_put(&t->slots, i);
}
