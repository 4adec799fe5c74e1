/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/slots.h"

#include <rte_common.h>
#include <rte_prefetch.h>

int
pst_slots_init(struct pst_slots *s, uint32_t capacity, const struct pst_slots_space *space,
	int socket)
{
	*s = (struct pst_slots){ .room = rte_align32pow2(RTE_MAX(capacity, 1u)),
		.first = PST_SLOT_NONE,
		.n_free = capacity,
		.capacity = capacity };
	if (space != NULL) {
		s->room = RTE_MIN(s->room, (uint32_t)PST_SLOTS_NEAR);
		s->words = space->words;
		s->stride = space->stride;
		s->n_words = RTE_MIN(space->n_words, (uint32_t)PST_SLOTS_WORDS_MAX);
	}
	s->stack = rte_malloc_socket("pst_slots", sizeof(*s->stack) * (size_t)s->room,
		RTE_CACHE_LINE_SIZE, socket);
	return s->stack != NULL ? 0 : -ENOMEM;
}

void
pst_slots_fini(struct pst_slots *s)
{
	rte_free(s->stack);
	s->stack = NULL;
}

static uint32_t *
words_of(const struct pst_slots *s, uint32_t i)
{
	return (uint32_t *)(s->words + i * s->stride);
}

/* The first word is the next entry that has numbers. The entry just freed is in the cache. */
void
pst_slots_spill(struct pst_slots *s, uint32_t i)
{
	uint32_t *words = words_of(s, i);

	words[0] = s->first;
	for (uint32_t k = 1; k < s->n_words; k++)
		words[k] = s->stack[s->bottom++ & (s->room - 1)];
	s->first = i;
}

void
pst_slots_refill(struct pst_slots *s)
{
	uint32_t i = s->first;
	const uint32_t *words = words_of(s, i);

	for (uint32_t k = s->n_words - 1; k > 0; k--)
		s->stack[--s->bottom & (s->room - 1)] = words[k];
	s->stack[--s->bottom & (s->room - 1)] = i;
	s->first = words[0];
	if (s->first != PST_SLOT_NONE)
		rte_prefetch0(words_of(s, s->first));
}
