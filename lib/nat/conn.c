/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/conn.h"

#include <string.h>

#include "packet/csum.h"

#define RARE_SHARE 32	 /* connections for a rare entry, */
#define RARE_LEAST 16384 /* but so many entries */
#define RARE_KEPT 4	 /* one in so many is for counters */

static int
init_rare(struct pst_conn_table *t, uint32_t capacity, int socket)
{
	uint32_t n = RTE_MAX(capacity / RARE_SHARE, (uint32_t)RARE_LEAST);

	n = RTE_MIN(n, capacity);
	if (pst_slots_init(&t->rare_slots, n, NULL, socket) < 0)
		return -ENOMEM;
	t->rare_kept = n < capacity ? n / RARE_KEPT : 0;
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
		.n_words = offsetof(struct pst_conn, tcp) / 4 };

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
	c->local[PST_WAY_OUT] = inside;
	c->local[PST_WAY_IN] = outside;
	set_deltas(c);
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

/* `count` has no packet left in it, and the bytes of all; or stays as it was but for those. */
void
pst_conn_overrun(struct pst_conn_table *t, struct pst_conn *c, enum pst_way way)
{
	struct pst_conn_rare *rare = c->cut ? NULL : pst_conn_rare(t, c - t->hot);

	if (likely(rare != NULL)) {
		rare->overruns[way]++;
		rare->bytes[way] += c->count[way];
		c->count[way] = 0;
		return;
	}
	c->cut = true;
	c->count[way] = (PST_CONN_OVERRUN - 1) * PST_CONN_PACKET +
		RTE_MIN(c->count[way], PST_CONN_PACKET - 1);
}

uint64_t
pst_conn_packets(const struct pst_conn_table *t, uint32_t i, enum pst_way way)
{
	const struct pst_conn *c = &t->hot[i];

	return pst_conn_rare_of(t, c)->overruns[way] * PST_CONN_OVERRUN +
		c->count[way] / PST_CONN_PACKET;
}

uint64_t
pst_conn_bytes(const struct pst_conn_table *t, uint32_t i, enum pst_way way)
{
	const struct pst_conn *c = &t->hot[i];

	return pst_conn_rare_of(t, c)->bytes[way] + c->count[way] % PST_CONN_PACKET;
}
