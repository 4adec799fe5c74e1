/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/expiry.h"

#include <rte_common.h>
#include <rte_malloc.h>

#include "base/clock.h"
#include "base/err.h"

#define SLOTS 8192 /* seconds ahead; what is later is visited on the way, and put off */
#define NONE UINT32_MAX
#define FIRST (UINT32_C(1) << 31) /* in prev of the first node of a slot, with the slot */

/* A node's prev is 0 when it is not armed, else the entry before it + 1, or FIRST. */
struct pst_expiry {
	uint64_t second; /* all slots before this one are empty */
	uint32_t heads[SLOTS];
	uint32_t capacity;
	size_t stride;
	char *nodes; /* entry i's is i strides on */
	struct pst_expiry_node own[];
};

static struct pst_expiry *
create(uint32_t own, uint32_t capacity, uint64_t now_ms, int socket)
{
	struct pst_expiry *e;

	if (capacity >= FIRST / 2)
		return pst_null(EINVAL);
	e = rte_zmalloc_socket("pst_expiry", sizeof(*e) + sizeof(e->own[0]) * (size_t)own,
		RTE_CACHE_LINE_SIZE, socket);
	if (e == NULL)
		return pst_null(ENOMEM);
	e->second = now_ms / PST_MS_PER_S;
	e->capacity = capacity;
	for (uint32_t i = 0; i < SLOTS; i++)
		e->heads[i] = NONE;
	return e;
}

struct pst_expiry *
pst_expiry_create(uint32_t capacity, uint64_t now_ms, int socket)
{
	struct pst_expiry *e = create(capacity, capacity, now_ms, socket);

	if (e == NULL)
		return NULL;
	e->nodes = (char *)e->own;
	e->stride = sizeof(e->own[0]);
	return e;
}

struct pst_expiry *
pst_expiry_create_in(struct pst_expiry_node *first, size_t stride, uint32_t capacity,
	uint64_t now_ms, int socket)
{
	struct pst_expiry *e = create(0, capacity, now_ms, socket);

	if (e == NULL)
		return NULL;
	e->nodes = (char *)first;
	e->stride = stride;
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

static struct pst_expiry_node *
node_of(const struct pst_expiry *e, uint32_t i)
{
	return (struct pst_expiry_node *)(e->nodes + i * e->stride);
}

static void
link_node(struct pst_expiry *e, uint32_t i, uint32_t slot)
{
	struct pst_expiry_node *n = node_of(e, i);

	n->prev = FIRST | slot;
	n->next = e->heads[slot];
	if (n->next != NONE)
		node_of(e, n->next)->prev = i + 1;
	e->heads[slot] = i;
}

void
pst_expiry_cancel(struct pst_expiry *e, uint32_t i)
{
	struct pst_expiry_node *n = node_of(e, i);

	if (n->prev == 0)
		return;
	if ((n->prev & FIRST) != 0)
		e->heads[n->prev & ~FIRST] = n->next;
	else
		node_of(e, n->prev - 1)->next = n->next;
	if (n->next != NONE)
		node_of(e, n->next)->prev = n->prev;
	n->prev = 0;
}

void
pst_expiry_arm(struct pst_expiry *e, uint32_t i, uint64_t deadline_ms)
{
	RTE_ASSERT(i < e->capacity);
	pst_expiry_cancel(e, i);
	if (deadline_ms != PST_EXPIRY_NEVER)
		link_node(e, i, second_of(e, deadline_ms) % SLOTS);
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
		for (uint32_t i = e->heads[second % SLOTS]; i != NONE; i = node_of(e, i)->next) {
			if (n == most)
				return n;
			next[n++] = i;
		}
	}
	return n;
}
