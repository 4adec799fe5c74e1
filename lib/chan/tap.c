/* SPDX-License-Identifier: BSD-3-Clause */
#include "chan/tap.h"

#include <errno.h>

#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include "base/err.h"

uint32_t
pst_tap_record_size(uint32_t snap)
{
	return RTE_ALIGN_CEIL(sizeof(struct pst_tap_record) + snap, 8);
}

struct pst_tap *
pst_tap_create(const struct pst_tap_params *params)
{
	uint32_t size = pst_tap_record_size(params->snap);
	struct pst_tap *tap;

	tap = rte_zmalloc_socket("pst_tap", sizeof(*tap) + 2 * size, RTE_CACHE_LINE_SIZE,
		params->socket);
	if (tap == NULL)
		return pst_null(ENOMEM);
	tap->params = *params;
	tap->next_id = params->worker + params->n_workers;
	tap->copy = (struct pst_tap_record *)(tap + 1);
	tap->record = (struct pst_tap_record *)((uint8_t *)tap->copy + size);
	tap->ring = rte_ring_create_elem(params->name, size, params->records, params->socket,
		RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	if (tap->ring == NULL) {
		rte_free(tap);
		return pst_null(ENOMEM);
	}
	return tap;
}

void
pst_tap_destroy(struct pst_tap *tap)
{
	if (tap == NULL)
		return;
	rte_ring_free(tap->ring);
	rte_free(tap);
}

bool
pst_tap_read(struct pst_tap *tap, struct pst_tap_record *record)
{
	return rte_ring_sc_dequeue_elem(
		       tap->ring, record, pst_tap_record_size(tap->params.snap)) == 0;
}

uint64_t
pst_tap_lost(const struct pst_tap *tap)
{
	return __atomic_load_n(&tap->lost, __ATOMIC_RELAXED);
}

void
pst_tap_write(struct pst_tap *tap, const struct pst_tap_record *record)
{
	if (rte_ring_sp_enqueue_elem(tap->ring, (void *)(uintptr_t)record,
		    pst_tap_record_size(tap->params.snap)) != 0)
		__atomic_store_n(&tap->lost, tap->lost + 1, __ATOMIC_RELAXED);
}
