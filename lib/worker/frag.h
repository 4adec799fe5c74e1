/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments: what is known of datagrams that come in pieces (RFC 791).
 *
 * Nothing is reassembled: a fragment is translated and sent as it is, as soon as the datagram's
 * ports are known, which its first fragment alone has. Those that come before that one
 * are kept, so the order does not matter (RFC 4787 REQ-14). What was passed of a
 * datagram is marked in units of eight bytes, and no byte passes twice: a fragment that
 * overlaps another is dropped (RFC 1858, RFC 3128, RFC 5722).
 *
 * Bounded: so many datagrams, the oldest of which gives way; so many fragments kept; so many
 * seconds for each. A datagram that is complete is forgotten at once.
 *
 * Owner: one worker. Addresses, ports and ids are in network byte order.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define PST_FRAG_TIMEOUT_MS 10000
#define PST_FRAG_UNITS 8192 /* of eight bytes, in the largest datagram */

/* The datagram that a fragment is of. */
struct pst_frag_key {
	rte_be32_t src, dst;
	rte_be16_t id;
	uint8_t proto;
	uint8_t way; /* enum pst_way: inside and outside networks may overlap */
};

struct pst_frag {
	struct pst_frag_key key;
	uint64_t due_ms; /* its time is over then */
	uint32_t index;
	uint32_t first_held, last_held;	 /* fragments that wait for the first */
	uint32_t older, newer;
	uint16_t units;	    /* so many have passed */
	uint16_t total;	    /* so many there are; 0: the last has not come */
	rte_be16_t sport, dport;
	rte_be16_t new_id;  /* that it leaves with */
	bool busy;	    /* its owner's: it must stay */
	bool known;	    /* the first has come: the ports and new_id hold */
	uint64_t passed[PST_FRAG_UNITS / 64]; /* a bit a unit */
};

struct pst_frags;

/* Room for so many datagrams and kept fragments. name is unique. NULL, with rte_errno set. */
struct pst_frags *pst_frags_create(
	const char *name, uint32_t datagrams, uint32_t fragments, int socket);
/* Frees what is kept. Safe on NULL. */
void pst_frags_destroy(struct pst_frags *t);

/* The datagram's entry, or NULL. */
struct pst_frag *pst_frags_find(const struct pst_frags *t, const struct pst_frag_key *key);
/* One for a datagram that has none yet; NULL when there is no room. */
struct pst_frag *pst_frags_add(
	struct pst_frags *t, const struct pst_frag_key *key, uint64_t now_ms);

/*
 * A fragment with bytes [offset, offset + len) is to pass; more: it is not the last.
 * False when some of it has passed, or lies behind the end, or is no whole number of units.
 */
bool pst_frag_pass(struct pst_frag *f, uint32_t offset, uint32_t len, bool more);
bool pst_frag_is_complete(const struct pst_frag *f);

/* Keep a fragment until the first one comes; false when there is no room. */
bool pst_frag_hold(struct pst_frags *t, struct pst_frag *f, struct rte_mbuf *m);
/* Take out what was kept longest, or NULL. */
struct rte_mbuf *pst_frag_unhold(struct pst_frags *t, struct pst_frag *f);

/* Forget a datagram of which nothing is kept. */
void pst_frags_forget(struct pst_frags *t, struct pst_frag *f);

/* The oldest datagram, or NULL. */
struct pst_frag *pst_frags_oldest(const struct pst_frags *t);

/* How many datagrams are known; how many fragments are kept. */
uint32_t pst_frags_count(const struct pst_frags *t);
uint32_t pst_frags_held(const struct pst_frags *t);
