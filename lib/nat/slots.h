/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slots: the numbers of a table's entries that are free, last freed first
 * taken (it may still be in the cache). Owner: the table's lcore.
 *
 * Those that were never taken are known by a number. The others are in a stack; a large table's
 * is short, and when it is full a free entry itself has the numbers of those at the bottom, and of
 * the next such entry. They come back before the stack is empty, below what is left, so that a
 * caller can see, and prefetch, what it will take.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_malloc.h>

#define PST_SLOT_NONE UINT32_MAX
#define PST_SLOTS_NEAR 256 /* numbers in a short stack, a power of two; */
#define PST_SLOTS_SEEN 64  /* so many are there while any are in entries */
#define PST_SLOTS_WORDS_MAX 16

struct pst_slots {
	uint32_t *stack;      /* a ring */
	uint32_t bottom, top; /* any numbers, that far apart */
	uint32_t room;	      /* a power of two */
	uint32_t fresh; /* from here on none was taken yet */
	uint32_t first; /* entry that has numbers, or PST_SLOT_NONE */
	uint32_t n_free, capacity;
	char *words; /* of entry 0 that are of no use while it is free; others so many bytes on */
	size_t stride;
	uint32_t n_words;
};

/* Where free entries have numbers: in n words of each, that many bytes apart. */
struct pst_slots_space {
	void *words;
	size_t stride;
	uint32_t n_words;
};

/* For entries 0 .. capacity - 1. space NULL: all numbers in the stack. 0 or -ENOMEM. */
int pst_slots_init(struct pst_slots *s, uint32_t capacity, const struct pst_slots_space *space,
	int socket);
void pst_slots_fini(struct pst_slots *s);

/* The stack is full, or nearly empty: numbers go to an entry, or come from one. */
void pst_slots_spill(struct pst_slots *s, uint32_t i);
void pst_slots_refill(struct pst_slots *s);

static inline uint32_t
pst_slots_take(struct pst_slots *s)
{
	if (unlikely(s->n_free == 0))
		return PST_SLOT_NONE;
	s->n_free--;
	if (unlikely(s->first != PST_SLOT_NONE && s->top - s->bottom <= PST_SLOTS_SEEN))
		pst_slots_refill(s);
	return s->top != s->bottom ? s->stack[--s->top & (s->room - 1)] : s->fresh++;
}

static inline void
pst_slots_put(struct pst_slots *s, uint32_t i)
{
	s->n_free++;
	if (unlikely(s->top - s->bottom == s->room))
		pst_slots_spill(s, i);
	else
		s->stack[s->top++ & (s->room - 1)] = i;
}

/* The i-th that will be taken, for a prefetch; PST_SLOT_NONE: none, or it is not seen yet. */
static inline uint32_t
pst_slots_peek(const struct pst_slots *s, uint32_t i)
{
	uint32_t n = s->top - s->bottom;

	if (i < n)
		return s->stack[(s->top - 1 - i) & (s->room - 1)];
	return i < s->n_free && s->first == PST_SLOT_NONE ? s->fresh + (i - n) : PST_SLOT_NONE;
}

static inline uint32_t
pst_slots_used(const struct pst_slots *s)
{
	return s->capacity - s->n_free;
}
