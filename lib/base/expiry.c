/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/expiry.h"

#include <rte_common.h>
#include <rte_malloc.h>

#include "base/clock.h"
#include "base/err.h"

#define SLOTS 8192 /* seconds ahead; what is later is visited on the way, and put off */
#define NONE UINT32_MAX

struct node {
	uint32_t prev, next; /* NONE at the ends; prev of a head is SLOTS' mark */
	uint32_t slot;       /* NONE: not armed */
};

struct pst_expiry {
	uint64_t second; /* all slots before this one are empty */
	uint32_t heads[SLOTS];
	uint32_t capacity;
	struct node nodes[];
};

struct pst_expiry *
pst_expiry_create(uint32_t capacity, uint64_t now_ms, int socket)
{
	struct pst_expiry *e;

	e = rte_malloc_socket("pst_expiry", sizeof(*e) + sizeof(e->nodes[0]) * (size_t)capacity,
		RTE_CACHE_LINE_SIZE, socket);
	if (e == NULL)
		return pst_null(ENOMEM);
	e->second = now_ms / PST_MS_PER_S;
	e->capacity = capacity;
	for (uint32_t i = 0; i < SLOTS; i++)
		e->heads[i] = NONE;
	for (uint32_t i = 0; i < capacity; i++)
		e->nodes[i].slot = NONE;
	return e;
}

void
pst_expiry_destroy(struct pst_expiry *expiry)
{
	rte_free(expiry);
}

/* The second at which it is visited, as an offset from now within the wheel. */
static uint64_t
second_of(const struct pst_expiry *e, uint64_t deadline_ms)
{
	uint64_t s = deadline_ms / PST_MS_PER_S + (deadline_ms % PST_MS_PER_S != 0);

	if (s < e->second)
		return e->second;
	return RTE_MIN(s, e->second + SLOTS - 1);
}

static void
link_node(struct pst_expiry *e, uint32_t i, uint32_t slot)
{
	struct node *n = &e->nodes[i];

	n->slot = slot;
	n->prev = NONE;
	n->next = e->heads[slot];
	if (n->next != NONE)
		e->nodes[n->next].prev = i;
	e->heads[slot] = i;
}

void
pst_expiry_cancel(struct pst_expiry *e, uint32_t i)
{
	struct node *n = &e->nodes[i];

	if (n->slot == NONE)
		return;
	if (n->prev == NONE)
		e->heads[n->slot] = n->next;
	else
		e->nodes[n->prev].next = n->next;
	if (n->next != NONE)
		e->nodes[n->next].prev = n->prev;
	n->slot = NONE;
}

void
pst_expiry_arm(struct pst_expiry *e, uint32_t i, uint64_t deadline_ms)
{
	RTE_ASSERT(i < e->capacity);
	pst_expiry_cancel(e, i);
	if (deadline_ms != PST_EXPIRY_NEVER)
		link_node(e, i, second_of(e, deadline_ms) % SLOTS);
}

void
pst_expiry_advance(struct pst_expiry *e, uint32_t i, uint64_t deadline_ms)
{
	const struct node *n = &e->nodes[i];
	uint64_t armed;

	if (n->slot != NONE) {
		armed = e->second + (n->slot + SLOTS - e->second % SLOTS) % SLOTS;
		if (armed <= second_of(e, deadline_ms))
			return;
	}
	pst_expiry_arm(e, i, deadline_ms);
}

uint32_t
pst_expiry_poll(struct pst_expiry *e, uint64_t now_ms, uint32_t most, pst_expiry_visit visit,
	void *ctx)
{
	uint64_t now_s = now_ms / PST_MS_PER_S, due;
	uint32_t done = 0, i;

	while (e->second <= now_s) {
		uint32_t slot = e->second % SLOTS;

		while ((i = e->heads[slot]) != NONE) {
			if (done == most)
				return done;
			done++;
			pst_expiry_cancel(e, i);
			due = visit(ctx, i, now_ms);
			if (due != PST_EXPIRY_NEVER)
				/* never into the slot that is being emptied */
				pst_expiry_arm(e, i, RTE_MAX(due, (e->second + 1) * PST_MS_PER_S));
		}
		e->second++;
	}
	return done;
}

uint32_t
pst_expiry_peek(const struct pst_expiry *e, uint64_t now_ms, uint32_t *next, uint32_t most)
{
	uint64_t now_s = now_ms / PST_MS_PER_S;
	uint32_t n = 0;

	for (uint64_t second = e->second; second <= now_s; second++) {
		for (uint32_t i = e->heads[second % SLOTS]; i != NONE; i = e->nodes[i].next) {
			if (n == most)
				return n;
			next[n++] = i;
		}
	}
	return n;
}
