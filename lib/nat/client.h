/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients: the inside hosts that have something open, their outside address
 * (paired pooling, RFC 4787 REQ-2) and what counts against their quotas
 * (RFC 6888 REQ-4). An entry lives as long as something refers to it.
 *
 * Owner: one worker.
 */
#pragma once

#include "nat/key.h"
#include "nat/slots.h"

struct pst_client {
	rte_be32_t ip;
	uint32_t refs;
	uint32_t ports;       /* of binds and listeners */
	uint32_t connections;
	uint32_t first_permission; /* a listener */
	uint16_t permissions;
	uint16_t maps;	 /* it asked for itself: a Firewall client while there are any */
	uint8_t address; /* number of its outside address, while it has ports or blocks */
	bool aliases;	 /* its inbound peers are seen as an address of ours; has a reference */
	uint16_t n_blocks; /* of ports, block.h */
	uint32_t created_ms; /* low 32 bits */
	uint32_t opened_s;   /* the second in which it opened connections last, and how many */
	uint32_t opened;
	uint32_t first_block;
};
_Static_assert(sizeof(struct pst_client) == 44, "no more than it needs");

struct pst_client_table {
	struct pst_flowtable by_ip;
	struct pst_client *entries;
	struct pst_slots slots;
	uint64_t total; /* ever */
};

int pst_client_table_init(
	struct pst_client_table *t, uint32_t capacity, uint64_t seed, int socket);
void pst_client_table_fini(struct pst_client_table *t);

/* A reference to the client's entry, made if need be; PST_SLOT_NONE when the table is full. */
uint32_t pst_client_get(struct pst_client_table *t, rte_be32_t ip, uint64_t now_ms);
/* Is there room for one more? */
static inline bool
pst_client_has_room(const struct pst_client_table *t)
{
	return t->slots.n_free > 0 && pst_flowtable_has_room(&t->by_ip, 1);
}
/* What a new entry has in it. */
struct pst_client pst_client_blank(rte_be32_t ip, uint64_t now_ms);
/* The entry without a reference, or PST_FLOW_NONE. */
uint32_t pst_client_lookup(const struct pst_client_table *t, rte_be32_t ip);
/* Give a reference back; the last one removes the entry. */
void pst_client_put(struct pst_client_table *t, uint32_t i);

/* Ask for the line where a lookup of the client begins. */
void pst_client_prefetch(const struct pst_client_table *t, rte_be32_t ip);
