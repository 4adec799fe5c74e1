/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ring by which one lcore's records reach main. One producer, one consumer.
 *
 * Who has something to tell asks first whether anybody wants to know, which is a load of a
 * word that hardly ever changes; then copies a record into the ring. A full ring loses the
 * record, and counts: nobody waits for the log.
 */
#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>

#include <rte_common.h>
#include <rte_ring.h>

#include "eventlog/record.h"

struct pst_record_queue {
	struct rte_ring *ring; /* of struct pst_record; const after create */
	uint32_t wanted;       /* kinds, a bit for each: main writes, the producer reads, relaxed */
	/* the producer writes, main reads, relaxed */
	alignas(RTE_CACHE_LINE_SIZE) uint64_t lost[PST_RECORD_N_KINDS];
};

/* `records` is a power of two. NULL, with rte_errno set. */
struct pst_record_queue *pst_record_queue_create(const char *name, uint32_t records, int socket);
/* Safe on NULL. */
void pst_record_queue_destroy(struct pst_record_queue *queue);

/* Main: these kinds are wanted from now on. */
void pst_record_queue_want(struct pst_record_queue *queue, uint32_t kinds);

/* Producer: is a kind wanted? queue may be NULL. */
static inline bool
pst_record_is_wanted(const struct pst_record_queue *queue, uint32_t mask)
{
	return queue != NULL && (__atomic_load_n(&queue->wanted, __ATOMIC_RELAXED) & mask) != 0;
}

/* Producer: tell it, or count it as lost. */
void pst_record_post(struct pst_record_queue *queue, const struct pst_record *record);

/* Producer: one of a kind that was wanted could not be told, by another way. */
static inline void
pst_record_count_lost(struct pst_record_queue *queue, enum pst_record_kind kind)
{
	__atomic_store_n(&queue->lost[kind], queue->lost[kind] + 1, __ATOMIC_RELEASE);
}

/* Main: the next records, at most `most`. Returns how many. */
uint32_t pst_record_take(struct pst_record_queue *queue, struct pst_record *records, uint32_t most);
