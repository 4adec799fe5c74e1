/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections: two keys, one entry.
 *
 * What every packet needs is in one cache line: both keys (the remote end is shared), the windows
 * of TCP, the time of the last packet, the next hops, and the counters. There is no room in it
 * for more: the low bits of the keys, which the way of a packet says, are its flags, its state and
 * its timeout, and what the checksums change by is computed from the keys. The counters go to 255
 * packets; each packet after that moves them on into the line behind.
 *
 * That one has what is needed when a connection begins or ends, its place in the expiry wheel
 * too. Whose client it is, its bind or listener knows. What an editor has to do with a connection
 * is in a rare entry, of a pool with one for 32: no connection that an editor would have to do
 * with is opened without one.
 *
 * Owner: one worker.
 */
#pragma once

#include <stddef.h>

#include "base/expiry.h"
#include "chan/msg.h"
#include "nat/key.h"
#include "nat/slots.h"
#include "nat/window.h"

enum pst_conn_flags {
	PST_CONN_INBOUND = 1 << 0,      /* begun from outside: ORIG is the way in */
	PST_CONN_WATCHED = 1 << 1,      /* every packet by way of an editor */
	PST_CONN_OFFSET = 1 << 2,       /* sequence numbers are shifted; see the rare entry */
	PST_CONN_RECEIVE_ONLY = 1 << 3, /* the client may not answer (R24) */
	PST_CONN_LISTENER = 1 << 4,     /* `owner` is a listener, else a bind */
	PST_CONN_KNOWN = 1 << 5,        /* an editor has a handle: it hears of the end */
	PST_CONN_PENDING = 1 << 6,      /* counts against its listener's backlog (R26) */
	PST_CONN_DENIED = 1 << 7,       /* an editor denied this peer: nothing passes */
	PST_CONN_ALIASED = 1 << 8,      /* inside, the remote end is seen as an address of ours */
	PST_CONN_HAIRPIN = 1 << 9,      /* its remote end is a client too, by an outside address */
	PST_CONN_OUT_REFRESHES = 1 << 10, /* packets from outside do not keep it alive */
};

/* A neighbour as last resolved: stale as soon as the neighbour's tag is another. */
struct pst_hop {
	uint16_t id;
	uint16_t tag; /* 0: not resolved */
};

struct pst_conn {
	uint64_t remote; /* key: remote end and protocol */
	union {
		uint64_t local[PST_WAYS]; /* key: the client's end; our end. See pst_conn_key() */
		struct {
			uint16_t flags; /* enum pst_conn_flags */
			uint16_t client_end[3];
			uint8_t state;	 /* of fsm.h */
			uint8_t timeout; /* enum pst_timeout */
			uint16_t our_end[3];
		};
	};
	struct pst_tcp_window window; /* of TCP connections */
	uint32_t last_ms;	      /* of the last packet that refreshes, low 32 bits */
	struct pst_hop hop[PST_WAYS];
	uint32_t count[PST_WAYS]; /* PST_CONN_PACKET for each packet, and their bytes */
	/* the second line */
	uint32_t owner; /* its bind or listener */
	struct pst_tcp_learnt learnt;
	uint64_t bytes[PST_WAYS];    /* that were in `count` until it ran over */
	uint32_t overruns[PST_WAYS]; /* PST_CONN_OVERRUN packets each */
	uint32_t gen;		     /* moves on when the entry is freed */
	uint32_t created_ms;	     /* low 32 bits */
	uint32_t rare;		     /* its rare entry; 0: none, and what one has is zero */
	uint32_t prev, next;	     /* of the same bind or listener */
	struct pst_expiry_node expiry;
	uint16_t protocol_index; /* UINT16_MAX: none */
	bool live : 1, pending_end : 1, pending_established : 1, in_tell_list : 1;
	bool wants_established : 1; /* somebody asked to hear of it, and was not told yet (R31) */
	bool unset : 1;		    /* the rules said neither yes nor no: an editor decides */
} __rte_cache_aligned;
_Static_assert(sizeof(struct pst_conn) == 128 && offsetof(struct pst_conn, owner) == 64,
	"two cache lines");
/* what shares a word with a key is in its low bits */
_Static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "keys are laid out for little endian");

struct pst_conn_rare {
	uint64_t cookie; /* of the listener that accepted it, or let it be opened */
	uint32_t permission; /* the listener that let it be opened, + 1; 0: none */
	uint16_t editor_lcore;
	uint64_t alias; /* ALIASED: what the client sees in the remote end's place, as a key end */
	int32_t offset[PST_DIRS];
	uint32_t tell_next;
};

struct pst_conn_table {
	struct pst_flowtable flows; /* value: entry << 1 | way */
	struct pst_conn *hot;
	struct pst_conn_rare *rare; /* the first is nobody's, and all zero */
	struct pst_slots slots, rare_slots;
	struct pst_expiry *expiry;
};

/* Room for `capacity` connections. 0 or -ENOMEM. */
int pst_conn_table_init(
	struct pst_conn_table *t, uint32_t capacity, uint64_t seed, uint64_t now_ms, int socket);
void pst_conn_table_fini(struct pst_conn_table *t);

/* Of a connection's ends, the one which packets of this way come with; not what lies beside it. */
static inline struct pst_flow_key
pst_conn_key(const struct pst_conn *c, enum pst_way way)
{
	return (struct pst_flow_key){ c->remote, (c->local[way] & ~UINT64_C(0xffff)) | way };
}

/* Has it this key, of a packet that goes this way? */
static inline bool
pst_conn_has(const struct pst_conn *c, struct pst_flow_key key, enum pst_way way)
{
	return c->remote == key.a && (c->local[way] ^ key.b) >> 16 == 0;
}

/* The value's way is not looked at: an entry that has the key's ends has them that way. */
static inline bool
pst_conn_match(const void *hot, uint32_t value, struct pst_flow_key key)
{
	return pst_conn_has(&((const struct pst_conn *)hot)[value >> 1], key,
		(enum pst_way)(key.b & 1));
}

/* The entry << 1 | way of a key, or PST_FLOW_NONE. */
static inline uint32_t
pst_conn_lookup(const struct pst_conn_table *t, uint64_t hash, struct pst_flow_key key)
{
	return pst_flow_find(&t->flows, hash, pst_conn_match, t->hot, key);
}

/*
 * A new entry with both keys in and all else zero.
 * PST_SLOT_NONE when the table is full. Neither key is in the table.
 */
uint32_t pst_conn_open(struct pst_conn_table *t, uint64_t remote, uint64_t inside,
	uint64_t outside, uint64_t now_ms);

/* Is there room for one more? */
static inline bool
pst_conn_has_room(const struct pst_conn_table *t)
{
	return t->slots.n_free > 0 && pst_flowtable_has_room(&t->flows, PST_WAYS);
}

/* Ask for the lines where the keys are. */
void pst_conn_prefetch_keys(const struct pst_conn_table *t, const struct pst_conn *c);

/* Take the keys out: no packet finds it any more. */
void pst_conn_unlink(struct pst_conn_table *t, uint32_t i);

/* Free the entry after it was unlinked. */
void pst_conn_free(struct pst_conn_table *t, uint32_t i);

/* The entry a reference means, or PST_SLOT_NONE when it is gone. */
uint32_t pst_conn_deref(const struct pst_conn_table *t, struct pst_ref ref);

static inline struct pst_ref
pst_conn_ref(const struct pst_conn_table *t, uint32_t i)
{
	return (struct pst_ref){ i, t->hot[i].gen };
}

/* Is there room for a connection that an editor has to do with? Asked before it is opened. */
static inline bool
pst_conn_has_rare_room(const struct pst_conn_table *t)
{
	return t->rare_slots.n_free > 0;
}

/* The rare entry of connection i, to be written; NULL when it has none and none is left. */
struct pst_conn_rare *pst_conn_rare(struct pst_conn_table *t, uint32_t i);

/* The same, to be read: all zero when it has none. */
static inline const struct pst_conn_rare *
pst_conn_rare_of(const struct pst_conn_table *t, const struct pst_conn *c)
{
	return &t->rare[c->rare];
}

/* The listener that let it be opened, or PST_SLOT_NONE. */
static inline uint32_t
pst_conn_permission(const struct pst_conn_table *t, const struct pst_conn *c)
{
	return pst_conn_rare_of(t, c)->permission - 1;
}

/* A count runs over by its packets, long before their bytes reach them. */
#define PST_CONN_PACKET (UINT32_C(1) << 24)
#define PST_CONN_OVERRUN (UINT32_C(1) << 8)

/* It has: on into the second line. */
static inline void
pst_conn_overrun(struct pst_conn *c, enum pst_way way)
{
	c->overruns[way]++;
	c->bytes[way] += c->count[way];
	c->count[way] = 0;
}

/* Count a packet of `bytes` bytes, at most 65,535, that goes this way. */
static inline void
pst_conn_count(struct pst_conn *c, enum pst_way way, uint32_t bytes)
{
	if (unlikely(__builtin_add_overflow(
		    c->count[way], PST_CONN_PACKET + bytes, &c->count[way])))
		pst_conn_overrun(c, way);
}

/* What was counted. */
static inline uint64_t
pst_conn_packets(const struct pst_conn *c, enum pst_way way)
{
	return c->overruns[way] * (uint64_t)PST_CONN_OVERRUN + c->count[way] / PST_CONN_PACKET;
}

static inline uint64_t
pst_conn_bytes(const struct pst_conn *c, enum pst_way way)
{
	return c->bytes[way] + c->count[way] % PST_CONN_PACKET;
}

/* The local end of a way, the client's or ours, with the protocol in the low bits. */
static inline uint64_t
pst_conn_end(const struct pst_conn *c, enum pst_way way)
{
	return (c->local[way] & ~UINT64_C(0xffff)) | pst_key_low(c->remote);
}

/* ORIG or REPLY of a packet that goes this way. */
static inline enum pst_dir
pst_conn_dir(const struct pst_conn *c, enum pst_way way)
{
	return (enum pst_dir)(way ^ (c->flags & PST_CONN_INBOUND));
}
