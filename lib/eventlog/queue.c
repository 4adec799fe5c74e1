/* SPDX-License-Identifier: BSD-3-Clause */
#include "eventlog/queue.h"

#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include "base/err.h"

struct pst_record_queue *
pst_record_queue_create(const char *name, uint32_t records, int socket)
{
	struct pst_record_queue *queue =
		rte_zmalloc_socket("pst_record_queue", sizeof(*queue), RTE_CACHE_LINE_SIZE, socket);

	if (queue == NULL)
		return pst_null(ENOMEM);
	queue->ring = rte_ring_create_elem(name, sizeof(struct pst_record), records, socket,
		RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	if (queue->ring == NULL) {
		int err = rte_errno;

		rte_free(queue);
		return pst_null(err);
	}
	return queue;
}

void
pst_record_queue_destroy(struct pst_record_queue *queue)
{
	if (queue == NULL)
		return;
	rte_ring_free(queue->ring);
	rte_free(queue);
}

void
pst_record_queue_want(struct pst_record_queue *queue, uint32_t kinds)
{
	__atomic_store_n(&queue->wanted, kinds, __ATOMIC_RELAXED);
}

void
pst_record_post(struct pst_record_queue *queue, const struct pst_record *record)
{
	if (rte_ring_sp_enqueue_elem(queue->ring, (void *)(uintptr_t)record, sizeof(*record)) != 0)
		pst_record_count_lost(queue, pst_record_kind_of[record->type]);
}

uint32_t
pst_record_take(struct pst_record_queue *queue, struct pst_record *records, uint32_t most)
{
	return rte_ring_sc_dequeue_burst_elem(queue->ring, records, sizeof(*records), most, NULL);
}
