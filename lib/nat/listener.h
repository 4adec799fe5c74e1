/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listeners: what the calls of editors opened.
 *
 *	ENDPOINT    an outside endpoint of a client (BindForClient, or a map)
 *	PERMISSION  a client may connect to an address outside (AllowFutureConnect)
 *	REDIRECT    an inside endpoint of ours; who connects there is connected to a place
 *	            outside (RedirectConnections)
 *	EMULATED    owns one connection, whose outside end is an editor's own
 *	INTEREST    an editor wants to see what a client connects to there, by the editor
 *	            path (SetDataFilterFactory)
 *
 *	OPEN -> USED     the one connection that is allowed came (R16, R78)
 *	OPEN, USED -> CLOSING   killed, or idle with TIMEOUT: nobody may connect any
 *	                 more; the port is kept until the last connection is gone
 *
 * Owner: one worker.
 */
#pragma once

#include "base/expiry.h"
#include "chan/msg.h"
#include "nat/key.h"
#include "nat/slots.h"

enum pst_listener_kind {
	PST_LISTENER_ENDPOINT,
	PST_LISTENER_PERMISSION,
	PST_LISTENER_REDIRECT,
	PST_LISTENER_INTEREST,
	PST_LISTENER_EMULATED,
};

#define PST_LISTENER_ANY_ADDRESS UINT32_MAX

enum pst_listener_state {
	PST_LISTENER_OPEN,
	PST_LISTENER_USED,
	PST_LISTENER_CLOSING,
};

struct pst_listener {
	/* our end, its protocol in the low bits; of the other kinds: the remote end, with a zero
	 * address or port for any */
	uint64_t outside;
	/* REDIRECT: outside is ours inside, inside the place outside */
	uint64_t inside;  /* the client's end, its protocol likewise; R5: the endpoint may be 0 */
	struct pst_ipset *filter; /* a reference; NULL: everybody */
	uint64_t cookie;  /* the editor lcore's name for it */
	uint64_t created_ms, last_ms;
	uint32_t gen;
	uint32_t client;
	uint32_t address; /* number of the outside address; PERMISSION: or ANY_ADDRESS */
	uint32_t of_client; /* PERMISSION, INTEREST: the client's next one */
	uint32_t flags; /* enum pst_bind_flags */
	uint32_t backlog, pending; /* connections that are not established yet (R26) */
	uint32_t connections;
	uint32_t first; /* connection */
	uint32_t tell_next, release_next;
	uint16_t editor_lcore, editor, protocol_index;
	uint8_t kind;  /* enum pst_listener_kind */
	uint8_t state; /* enum pst_listener_state */
	bool editor_path; /* what it accepts goes by way of the editor lcore (R39 to R45) */
	bool unapproved;  /* a map of no protocol yet (R61, R62) */
	bool live, wants_established, pending_end, told, in_tell_list, gone;
	bool published; /* by the operator: no editor's, and in no quota */
	bool foreign; /* its port is another worker's */
	bool releasing;
} __rte_cache_aligned;
_Static_assert(sizeof(struct pst_listener) == 2 * RTE_CACHE_LINE_SIZE, "two lines");

struct pst_listener_table {
	struct pst_listener *entries;
	struct pst_slots slots;
	struct pst_expiry *expiry;
};

int pst_listener_table_init(
	struct pst_listener_table *t, uint32_t capacity, uint64_t now_ms, int socket);
void pst_listener_table_fini(struct pst_listener_table *t);

/* A new entry like that one, but for its generation; PST_SLOT_NONE when the table is full. */
static inline uint32_t
pst_listener_add_like(struct pst_listener_table *t, const struct pst_listener *like)
{
	uint32_t i = pst_slots_take(&t->slots), gen;

	if (i == PST_SLOT_NONE)
		return PST_SLOT_NONE;
	gen = t->entries[i].gen;
	t->entries[i] = *like;
	t->entries[i].gen = gen;
	t->entries[i].live = true;
	t->entries[i].first = PST_SLOT_NONE;
	return i;
}

/* The same, of zeroes. */
uint32_t pst_listener_add(struct pst_listener_table *t);
void pst_listener_del(struct pst_listener_table *t, uint32_t i);

uint32_t pst_listener_deref(const struct pst_listener_table *t, struct pst_ref ref);

static inline struct pst_ref
pst_listener_ref(const struct pst_listener_table *t, uint32_t i)
{
	return (struct pst_ref){ i, t->entries[i].gen };
}

static inline void
pst_listener_prefetch(const struct pst_listener_table *t, uint32_t i)
{
	rte_prefetch0_write(&t->entries[i]);
	rte_prefetch0_write((const char *)&t->entries[i] + RTE_CACHE_LINE_SIZE);
}
