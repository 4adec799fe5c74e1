/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/conn.h"

#include <string.h>

#include "packet/csum.h"

int
pst_conn_table_init(
	struct pst_conn_table *t, uint32_t capacity, uint64_t seed, uint64_t now_ms, int socket)
{
	memset(t, 0, sizeof(*t));
	if (pst_flowtable_init(&t->flows, 2 * capacity, seed, socket) < 0 ||
		pst_slots_init(&t->slots, capacity, socket) < 0)
		goto err;
	t->hot = rte_zmalloc_socket("pst_conn", sizeof(*t->hot) * (size_t)capacity,
		RTE_CACHE_LINE_SIZE, socket);
	t->cold = rte_zmalloc_socket("pst_conn_cold", sizeof(*t->cold) * (size_t)capacity,
		RTE_CACHE_LINE_SIZE, socket);
	t->tcp = rte_zmalloc_socket("pst_conn_tcp", sizeof(*t->tcp) * (size_t)capacity,
		RTE_CACHE_LINE_SIZE, socket);
	t->alias = rte_zmalloc_socket(
		"pst_conn_alias", sizeof(*t->alias) * (size_t)capacity, 0, socket);
	t->expiry = pst_expiry_create(capacity, now_ms, socket);
	if (t->hot == NULL || t->cold == NULL || t->tcp == NULL || t->alias == NULL ||
		t->expiry == NULL)
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
	rte_free(t->alias);
	rte_free(t->tcp);
	rte_free(t->cold);
	rte_free(t->hot);
	pst_slots_fini(&t->slots);
	pst_flowtable_fini(&t->flows);
	memset(t, 0, sizeof(*t));
}

/* What changes on the way out: the source, from the client's end to ours. */
static void
set_deltas(struct pst_conn *c)
{
	uint64_t in = c->local[PST_WAY_OUT], out = c->local[PST_WAY_IN];
	uint64_t sum = pst_csum_change32(pst_key_ip(in), pst_key_ip(out));

	c->ip_delta = pst_csum_fold(sum);
	/* ICMP has no pseudo-header: its identifier alone */
	if (pst_key_low(c->remote) == PST_ICMP)
		sum = 0;
	sum += pst_csum_change16(pst_key_port(in), pst_key_port(out));
	c->l4_delta = pst_csum_fold(sum);
}

static uint64_t
hash_of(const struct pst_conn_table *t, const struct pst_conn *c, enum pst_way way)
{
	return pst_flow_hash(&t->flows, (struct pst_flow_key){ c->remote, c->local[way] });
}

uint32_t
pst_conn_open(struct pst_conn_table *t, uint64_t remote, uint64_t inside, uint64_t outside,
	uint64_t now_ms)
{
	uint32_t i = pst_slots_take(&t->slots), gen;
	struct pst_conn_cold *cold;
	struct pst_conn *c;

	if (i == PST_SLOT_NONE)
		return PST_SLOT_NONE;
	c = &t->hot[i];
	cold = &t->cold[i];
	gen = cold->gen;
	memset(c, 0, sizeof(*c));
	memset(cold, 0, sizeof(*cold));
	cold->gen = gen;
	cold->live = true;
	cold->created_ms = now_ms;
	cold->prev = cold->next = cold->permission = PST_SLOT_NONE;
	cold->protocol_index = UINT16_MAX;
	c->last_ms = now_ms;
	c->remote = remote;
	c->local[PST_WAY_OUT] = inside;
	c->local[PST_WAY_IN] = outside;
	set_deltas(c);
	pst_flowtable_add(&t->flows, hash_of(t, c, PST_WAY_OUT), i << 1 | PST_WAY_OUT);
	pst_flowtable_add(&t->flows, hash_of(t, c, PST_WAY_IN), i << 1 | PST_WAY_IN);
	return i;
}

void
pst_conn_unlink(struct pst_conn_table *t, uint32_t i)
{
	const struct pst_conn *c = &t->hot[i];

	pst_expiry_cancel(t->expiry, i);
	pst_flowtable_del(&t->flows, hash_of(t, c, PST_WAY_OUT), i << 1 | PST_WAY_OUT);
	pst_flowtable_del(&t->flows, hash_of(t, c, PST_WAY_IN), i << 1 | PST_WAY_IN);
	t->cold[i].live = false;
}

void
pst_conn_free(struct pst_conn_table *t, uint32_t i)
{
	t->cold[i].gen++;
	pst_slots_put(&t->slots, i);
}

uint32_t
pst_conn_deref(const struct pst_conn_table *t, struct pst_ref ref)
{
	if (ref.index >= t->slots.capacity)
		return PST_SLOT_NONE;
	if (t->cold[ref.index].gen != ref.gen || !t->cold[ref.index].live)
		return PST_SLOT_NONE;
	return ref.index;
}
