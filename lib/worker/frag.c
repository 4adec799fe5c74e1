/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/frag.h"

#include <errno.h>
#include <string.h>

#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#include "base/err.h"

#define NONE UINT32_MAX
#define UNIT 8u /* bytes */
#define ENTRIES_MIN 8 /* of rte_hash */

/* A fragment that is kept, in the list of its datagram. */
struct held {
	struct rte_mbuf *m;
	uint32_t next;
};

struct pst_frags {
	struct rte_hash *by_key; /* data: number of the entry */
	struct pst_frag *entries;
	struct held *held;
	uint32_t oldest, newest; /* all live as long, so this is the order of their ends */
	uint32_t free; /* an entry; linked by `newer` */
	uint32_t n_datagrams, free_held, n_held;
};

struct pst_frags *
pst_frags_create(const char *name, uint32_t datagrams, uint32_t fragments, int socket)
{
	struct rte_hash_parameters params = { .name = name,
		.entries = 2 * datagrams + ENTRIES_MIN, /* a cuckoo table is not to be filled */
		.key_len = sizeof(struct pst_frag_key),
		.hash_func = rte_jhash,
		.socket_id = socket };
	struct pst_frags *t = rte_zmalloc_socket("pst_frags", sizeof(*t), 0, socket);

	if (t == NULL)
		return pst_null(ENOMEM);
	t->oldest = t->newest = NONE;
	t->by_key = rte_hash_create(&params);
	t->entries = rte_zmalloc_socket(
		"pst_frag", sizeof(*t->entries) * datagrams, RTE_CACHE_LINE_SIZE, socket);
	t->held = rte_zmalloc_socket("pst_frag_held", sizeof(*t->held) * fragments, 0, socket);
	if (t->by_key == NULL || t->entries == NULL || t->held == NULL) {
		pst_frags_destroy(t);
		return pst_null(ENOMEM);
	}
	for (uint32_t i = 0; i < fragments; i++)
		t->held[i].next = i + 1 < fragments ? i + 1 : NONE;
	t->free_held = fragments > 0 ? 0 : NONE;
	for (uint32_t i = 0; i < datagrams; i++)
		t->entries[i].newer = i + 1 < datagrams ? i + 1 : NONE;
	t->free = datagrams > 0 ? 0 : NONE;
	return t;
}

void
pst_frags_destroy(struct pst_frags *t)
{
	struct pst_frag *f;
	struct rte_mbuf *m;

	if (t == NULL)
		return;
	while (t->entries != NULL && (f = pst_frags_oldest(t)) != NULL) {
		while ((m = pst_frag_unhold(t, f)) != NULL)
			rte_pktmbuf_free(m);
		pst_frags_forget(t, f);
	}
	rte_hash_free(t->by_key);
	rte_free(t->entries);
	rte_free(t->held);
	rte_free(t);
}

struct pst_frag *
pst_frags_find(const struct pst_frags *t, const struct pst_frag_key *key)
{
	void *i;

	return rte_hash_lookup_data(t->by_key, key, &i) >= 0 ? &t->entries[(uintptr_t)i] : NULL;
}

struct pst_frag *
pst_frags_add(struct pst_frags *t, const struct pst_frag_key *key, uint64_t now_ms)
{
	uint32_t at = t->free;
	struct pst_frag *f;

	if (at == NONE || rte_hash_add_key_data(t->by_key, key, (void *)(uintptr_t)at) < 0)
		return NULL;
	f = &t->entries[at];
	t->free = f->newer;
	memset(f, 0, sizeof(*f));
	f->key = *key;
	f->due_ms = now_ms + PST_FRAG_TIMEOUT_MS;
	f->index = at;
	f->first_held = f->last_held = f->newer = NONE;
	f->older = t->newest;
	if (t->newest != NONE)
		t->entries[t->newest].newer = at;
	else
		t->oldest = at;
	t->newest = at;
	t->n_datagrams++;
	return f;
}

void
pst_frags_forget(struct pst_frags *t, struct pst_frag *f)
{
	if (f->older != NONE)
		t->entries[f->older].newer = f->newer;
	else
		t->oldest = f->newer;
	if (f->newer != NONE)
		t->entries[f->newer].older = f->older;
	else
		t->newest = f->older;
	rte_hash_del_key(t->by_key, &f->key);
	f->newer = t->free;
	t->free = f->index;
	t->n_datagrams--;
}

struct pst_frag *
pst_frags_oldest(const struct pst_frags *t)
{
	return t->oldest != NONE ? &t->entries[t->oldest] : NULL;
}

/* Are any of these units marked? Marks them if none is. */
static bool
mark(struct pst_frag *f, uint32_t first, uint32_t n)
{
	for (uint32_t u = first; u < first + n; u++) {
		if (f->passed[u / 64] & UINT64_C(1) << u % 64)
			return false;
	}
	for (uint32_t u = first; u < first + n; u++)
		f->passed[u / 64] |= UINT64_C(1) << u % 64;
	return true;
}

/* Is a unit at or behind this one marked? */
static bool
reaches(const struct pst_frag *f, uint32_t unit)
{
	for (uint32_t u = unit; u < PST_FRAG_UNITS; u++) {
		if (f->passed[u / 64] & UINT64_C(1) << u % 64)
			return true;
	}
	return false;
}

bool
pst_frag_pass(struct pst_frag *f, uint32_t offset, uint32_t len, bool more)
{
	uint32_t first = offset / UNIT, n = (len + UNIT - 1) / UNIT, end = first + n;

	if (len == 0 || offset % UNIT != 0 || (more && len % UNIT != 0) || end > PST_FRAG_UNITS)
		return false;
	/* nothing behind the last one, and no second last one */
	if (f->total != 0 && (!more || end > f->total))
		return false;
	if (!more && reaches(f, end))
		return false;
	if (!mark(f, first, n))
		return false;
	f->units += n;
	if (!more)
		f->total = end;
	return true;
}

bool
pst_frag_is_complete(const struct pst_frag *f)
{
	return f->total != 0 && f->units == f->total;
}

bool
pst_frag_hold(struct pst_frags *t, struct pst_frag *f, struct rte_mbuf *m)
{
	uint32_t i = t->free_held;

	if (i == NONE)
		return false;
	t->free_held = t->held[i].next;
	t->held[i] = (struct held){ m, NONE };
	if (f->last_held != NONE)
		t->held[f->last_held].next = i;
	else
		f->first_held = i;
	f->last_held = i;
	t->n_held++;
	return true;
}

struct rte_mbuf *
pst_frag_unhold(struct pst_frags *t, struct pst_frag *f)
{
	uint32_t i = f->first_held;
	struct rte_mbuf *m;

	if (i == NONE)
		return NULL;
	m = t->held[i].m;
	f->first_held = t->held[i].next;
	if (f->first_held == NONE)
		f->last_held = NONE;
	t->held[i].next = t->free_held;
	t->free_held = i;
	t->n_held--;
	return m;
}

uint32_t
pst_frags_count(const struct pst_frags *t)
{
	return t->n_datagrams;
}

uint32_t
pst_frags_held(const struct pst_frags *t)
{
	return t->n_held;
}
