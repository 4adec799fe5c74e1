/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/listener.h"

#include <string.h>

int
pst_listener_table_init(
	struct pst_listener_table *t, uint32_t capacity, uint64_t now_ms, int socket)
{
	memset(t, 0, sizeof(*t));
	if (pst_slots_init(&t->slots, capacity, NULL, socket) < 0)
		goto err;
	t->entries = rte_zmalloc_socket("pst_listener", sizeof(*t->entries) * (size_t)capacity,
		RTE_CACHE_LINE_SIZE, socket);
	t->expiry = pst_expiry_create(capacity, now_ms, socket);
	if (t->entries == NULL || t->expiry == NULL)
		goto err;
	return 0;
err:
	pst_listener_table_fini(t);
	return -ENOMEM;
}

void
pst_listener_table_fini(struct pst_listener_table *t)
{
	pst_expiry_destroy(t->expiry);
	rte_free(t->entries);
	pst_slots_fini(&t->slots);
	memset(t, 0, sizeof(*t));
}

uint32_t
pst_listener_add(struct pst_listener_table *t)
{
	static const struct pst_listener none;

	return pst_listener_add_like(t, &none);
}

void
pst_listener_del(struct pst_listener_table *t, uint32_t i)
{
	pst_expiry_cancel(t->expiry, i);
	t->entries[i].live = false;
	t->entries[i].gen++;
	pst_slots_put(&t->slots, i);
}

uint32_t
pst_listener_deref(const struct pst_listener_table *t, struct pst_ref ref)
{
	if (ref.index >= t->slots.capacity)
		return PST_SLOT_NONE;
	if (t->entries[ref.index].gen != ref.gen || !t->entries[ref.index].live)
		return PST_SLOT_NONE;
	return ref.index;
}
