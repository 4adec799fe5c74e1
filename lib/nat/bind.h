/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Binds: an inside endpoint and the outside endpoint it is seen as.
 *
 * With endpoint-independent mapping (RFC 4787 REQ-1) an inside endpoint has
 * one bind for all destinations; else the destination's address, or address
 * and port, are part of the key. A bind lives as long as a connection uses it.
 *
 * Towards destinations that are not translated the two endpoints are the same, and the bind is
 * only what filtering knows of: it has no outside address and no port of a pool.
 *
 * A protocol without ports has a bind for each remote address, which `ends` does not know: only
 * a connection tells whose a packet from there is (no other client may have the same).
 *
 * Owner: one worker.
 */
#pragma once

#include "nat/key.h"
#include "nat/slots.h"

/* for an address' number, of binds that have no port of a pool */
#define PST_BIND_ROUTED UINT32_MAX	   /* not translated */
#define PST_BIND_PORTLESS (UINT32_MAX - 1) /* the address alone is; it is for one peer */
#define PST_BIND_WHOLE (UINT32_MAX - 2)	   /* a host's own address, its ports as they are */

struct pst_bind {
	struct pst_flow_key key; /* inside end and protocol; what of the remote end counts */
	uint64_t outside;        /* our end, its protocol in the low bits */
	uint32_t client, address; /* entry of the client; number of the outside address, or none */
	uint32_t connections;
	uint32_t first; /* connection; they are linked by their entries */
	uint64_t created_ms;
	struct pst_ipset *admits; /* who may send to it besides; a reference, NULL: nobody more */
	bool admits_all; /* everybody may */
};

struct pst_bind_table {
	struct pst_flowtable by_inside; /* value: entry */
	struct pst_bind *entries;
	struct pst_slots slots;
};

int pst_bind_table_init(struct pst_bind_table *t, uint32_t capacity, uint64_t seed, int socket);
void pst_bind_table_fini(struct pst_bind_table *t);

/* The bind of a key, or PST_FLOW_NONE. */
uint32_t pst_bind_lookup(const struct pst_bind_table *t, struct pst_flow_key key);

/* A new one, or PST_SLOT_NONE when the table is full. The key is not in the table. */
uint32_t pst_bind_add(struct pst_bind_table *t, struct pst_flow_key key, uint64_t outside,
	uint64_t now_ms);
void pst_bind_del(struct pst_bind_table *t, uint32_t i);
