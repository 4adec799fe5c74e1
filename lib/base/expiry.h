/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Expiry: which entries of a table are due.
 *
 * A wheel of one-second slots over entry numbers. A packet does not touch it:
 * it writes the time into its entry's own cache line, and when the entry's
 * slot comes up the table says when it is really due, which puts it into that slot. So
 * an entry is visited once a timeout and refreshing is free, where a list per
 * timeout class would move the entry, and two neighbours' cold lines, every second. An
 * entry whose deadline moves forward (a connection that closes) is armed anew.
 *
 * What the wheel needs of an entry is 8 bytes, in the entry itself where that is in the cache
 * when it begins and ends, else in an array of the wheel's own.
 *
 * An entry is due at the first whole second at or behind its deadline.
 *
 * Owner: the lcore of the table it serves.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pst_expiry;

#define PST_EXPIRY_NEVER UINT64_MAX

/* All zero: not armed. */
struct pst_expiry_node {
	uint32_t prev, next;
};

/* For entries 0 .. capacity - 1, at most 2^30. NULL, with rte_errno set. */
struct pst_expiry *pst_expiry_create(uint32_t capacity, uint64_t now_ms, int socket);
/* The same, with the nodes in the entries, so many bytes apart; they outlive the wheel. */
struct pst_expiry *pst_expiry_create_in(struct pst_expiry_node *first, size_t stride,
	uint32_t capacity, uint64_t now_ms, int socket);
void pst_expiry_destroy(struct pst_expiry *expiry);

/* Visit entry i at deadline_ms. Armed anew if it is armed. */
void pst_expiry_arm(struct pst_expiry *expiry, uint32_t i, uint64_t deadline_ms);
/* Never visit it. Safe when it is not armed. */
void pst_expiry_cancel(struct pst_expiry *expiry, uint32_t i);

/*
 * What becomes of entry i that is visited: its true deadline when that is
 * still to come, PST_EXPIRY_NEVER when it was removed or is not to be visited
 * again. It may call arm and cancel, for any entry.
 */
typedef uint64_t (*pst_expiry_visit)(void *ctx, uint32_t i, uint64_t now_ms);

/* Visit what is due, at most `most` entries. Returns how many were visited. */
uint32_t pst_expiry_poll(struct pst_expiry *expiry, uint64_t now_ms, uint32_t most,
	pst_expiry_visit visit, void *ctx);

/* The entries that the next poll will visit, in order, at most `most`. Returns how many. */
uint32_t pst_expiry_peek(
	const struct pst_expiry *expiry, uint64_t now_ms, uint32_t *next, uint32_t most);
