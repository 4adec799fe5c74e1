/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slots: the numbers of a table's entries that are free, last freed first
 * taken (it may still be in the cache). Owner: the table's lcore.
 */
#pragma once

#include <errno.h>
#include <stdint.h>

#include <rte_malloc.h>

#define PST_SLOT_NONE UINT32_MAX

struct pst_slots {
	uint32_t *stack;
	uint32_t n_free, capacity;
};

static inline int
pst_slots_init(struct pst_slots *s, uint32_t capacity, int socket)
{
	s->stack = rte_malloc_socket("pst_slots", sizeof(*s->stack) * (size_t)capacity,
		RTE_CACHE_LINE_SIZE, socket);
	if (s->stack == NULL)
		return -ENOMEM;
	s->capacity = capacity;
	s->n_free = capacity;
	for (uint32_t i = 0; i < capacity; i++)
		s->stack[i] = capacity - 1 - i;
	return 0;
}

static inline void
pst_slots_fini(struct pst_slots *s)
{
	rte_free(s->stack);
	s->stack = NULL;
}

static inline uint32_t
pst_slots_take(struct pst_slots *s)
{
	return s->n_free > 0 ? s->stack[--s->n_free] : PST_SLOT_NONE;
}

static inline void
pst_slots_put(struct pst_slots *s, uint32_t i)
{
	s->stack[s->n_free++] = i;
}

/* The i-th that will be taken, for a prefetch; PST_SLOT_NONE past the end. */
static inline uint32_t
pst_slots_peek(const struct pst_slots *s, uint32_t i)
{
	return i < s->n_free ? s->stack[s->n_free - 1 - i] : PST_SLOT_NONE;
}

static inline uint32_t
pst_slots_used(const struct pst_slots *s)
{
	return s->capacity - s->n_free;
}
