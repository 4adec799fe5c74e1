/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Binds: an inside endpoint and the outside endpoint it is seen as.
 *
 * With endpoint-independent mapping (RFC 4787 REQ-1) an inside endpoint has
 * one bind for all destinations; else the destination's address, or address
 * and port, are part of the key. A bind lives as long as a connection uses it.
 *
 * So its two endpoints are not here: they are those of its first connection, which whoever
 * finds the bind reads next anyway, and an entry is 16 bytes.
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

#include "nat/conn.h"
#include "nat/key.h"
#include "nat/slots.h"

struct pst_ipset;

#define PST_BIND_CLIENTS_MAX (1u << 24)
#define PST_BIND_CONNECTIONS_MAX ((1u << 27) - 1)
/* in place of the key's remote end, which has zeroes in the low bits: whatever is not translated */
#define PST_BIND_BYPASS 1

enum pst_bind_kind {
	PST_BIND_POOLED,   /* its port is of a pool */
	PST_BIND_ROUTED,   /* not translated */
	PST_BIND_PORTLESS, /* the address alone is; it is for one peer */
	PST_BIND_WHOLE,	   /* a host's own address, its ports as they are */
};

struct pst_bind {
	uint32_t client : 24; /* entry */
	uint32_t address : 8; /* POOLED: number of the outside address */
	uint32_t first;	      /* connection; they are linked by their entries */
	uint32_t created_ms;  /* low 32 bits */
	uint32_t connections : 27;
	uint32_t kind : 2;	 /* enum pst_bind_kind */
	uint32_t admits : 1;	 /* some may send to it besides: pst_bind_admitted() */
	uint32_t admits_all : 1; /* everybody may */
};
_Static_assert(sizeof(struct pst_bind) == 16, "four in a cache line");

/* Who may send to a bind besides. */
struct pst_bind_admission {
	struct pst_ipset *set; /* a reference */
	uint32_t bind;
};

struct pst_bind_table {
	struct pst_flowtable by_inside; /* value: entry */
	struct pst_bind *entries;
	uint64_t *remotes; /* of the keys, where mapping depends on them; else NULL */
	struct pst_slots slots;
	const struct pst_conn_table *conns;
	struct pst_flowtable by_bind; /* value: entry of admitted */
	struct pst_bind_admission *admitted;
	struct pst_slots admitted_slots;
};

struct pst_bind_params {
	const struct pst_conn_table *conns;
	uint32_t capacity;
	uint32_t admitted;  /* binds that may admit others besides, at a time */
	bool keeps_remotes; /* mapping depends on the remote end */
	uint64_t seed;
	int socket;
};

/* 0 or -ENOMEM. */
int pst_bind_table_init(struct pst_bind_table *t, const struct pst_bind_params *params);
void pst_bind_table_fini(struct pst_bind_table *t);

/* The bind of a key, or PST_FLOW_NONE. It has a connection. */
uint32_t pst_bind_lookup(const struct pst_bind_table *t, struct pst_flow_key key);

/*
 * A new one, `bind`, which has no connection, or PST_SLOT_NONE when the table is full. The key
 * is not in the table; a lookup finds it once it has a connection.
 */
uint32_t pst_bind_add(
	struct pst_bind_table *t, struct pst_flow_key key, struct pst_bind bind);
void pst_bind_del(struct pst_bind_table *t, uint32_t i, struct pst_flow_key key);

/* Is there room for one more? */
static inline bool
pst_bind_has_room(const struct pst_bind_table *t)
{
	return t->slots.n_free > 0 && pst_flowtable_has_room(&t->by_inside, 1);
}

/* The key of bind i, of which c is or was a connection. */
struct pst_flow_key pst_bind_key(
	const struct pst_bind_table *t, uint32_t i, const struct pst_conn *c);

/* Whom bind i admits besides: NULL, nobody. */
const struct pst_ipset *pst_bind_admitted(const struct pst_bind_table *t, uint32_t i);
/* Now it is those; takes the reference. 0 or -ENOMEM. */
int pst_bind_admit(struct pst_bind_table *t, uint32_t i, struct pst_ipset *set);

/* An end of bind i, its protocol in the low bits: the client's or ours. It has a connection. */
static inline uint64_t
pst_bind_end(const struct pst_bind_table *t, uint32_t i, enum pst_way way)
{
	return pst_conn_end(&t->conns->hot[t->entries[i].first], way);
}
