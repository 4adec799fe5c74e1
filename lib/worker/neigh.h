/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours: the MAC addresses of next hops (RFC 826).
 *
 * Main owns the table and publishes it: an entry is one word (MAC and tag)
 * that workers read at any time. A connection keeps the entry's number and
 * the tag it saw; another tag means "ask again", so an entry can be
 * given to another address without telling anybody. What has no entry yet goes to
 * main, which asks and keeps a few packets for each address.
 *
 *	INCOMPLETE -- reply --> REACHABLE -- 30 s --> PROBE -- reply --> REACHABLE
 *	INCOMPLETE, PROBE -- three requests, a second apart --> FAILED
 *	any -- the link goes down --> FAILED
 *
 * In PROBE the known MAC stays in use. A failed entry may be given away.
 */
#pragma once

#include <rte_mbuf.h>

#include "base/counter.h"
#include "nat/conn.h"
#include "worker/net.h"

#define PST_NEIGH_SLOTS 8192
/*
 * Packets that wait: for one address a datagram of 64 KiB in fragments, some of them cut, as long
 * as half the room is free; a few of them in any case; and for all addresses.
 */
#define PST_NEIGH_HELD 128
#define PST_NEIGH_HELD_SURE 8
#define PST_NEIGH_HELD_ALL 2048

enum pst_neigh_state {
	PST_NEIGH_EMPTY,
	PST_NEIGH_INCOMPLETE,
	PST_NEIGH_REACHABLE,
	PST_NEIGH_PROBE,
	PST_NEIGH_FAILED,
};

/* What workers read. */
struct pst_neigh_slot {
	uint64_t mac_tag; /* tag in the high 16 bits, 0: not usable; MAC below */
	uint64_t key;     /* ip << 32 | interface << 16 | 1; 0: empty */
};

/* Main only. */
struct pst_neigh_own {
	uint8_t state;
	uint8_t tries;
	uint16_t gen;
	uint64_t next_ms; /* when its timer is due */
	uint64_t confirmed_ms;
	uint32_t n_held, first_held, last_held; /* cells; n_held 0: the others say nothing */
};

/* A packet that waits, and the one behind it. */
struct pst_neigh_cell {
	struct rte_mbuf *m;
	uint32_t next;
};

struct pst_neigh_table {
	struct pst_neigh_slot slots[PST_NEIGH_SLOTS];
	struct pst_neigh_own own[PST_NEIGH_SLOTS];
	uint32_t used[PST_NEIGH_SLOTS], n_used; /* main only: slots with a timer */
	struct pst_neigh_cell cells[PST_NEIGH_HELD_ALL];
	uint32_t free_cells[PST_NEIGH_HELD_ALL], n_free;
	uint64_t next_ms;
};

/* How main sends: a packet complete with its Ethernet header, to leave by an interface. */
struct pst_neigh_ops {
	void (*send)(void *ctx, struct rte_mbuf *m, uint16_t iface);
	void (*drop)(void *ctx, struct rte_mbuf *m, enum pst_drop why);
	struct rte_mbuf *(*alloc)(void *ctx);
	void *ctx;
	/* a neighbour answers, or has another MAC; or (NULL) does not answer. May be NULL */
	void (*changed)(void *ctx, uint16_t iface, rte_be32_t ip, const struct rte_ether_addr *mac);
};

struct pst_neigh_table *pst_neigh_create(int socket);
/* Frees packets that still wait. Safe on NULL. */
void pst_neigh_destroy(struct pst_neigh_table *t);

/* Any lcore: a usable entry for an address; false if there is none yet. */
bool pst_neigh_lookup(
	const struct pst_neigh_table *t, uint16_t iface, rte_be32_t ip, struct pst_hop *hop);

/* Any lcore: the entry's word if the hop is still good, else 0. */
static inline uint64_t
pst_neigh_word(const struct pst_neigh_table *t, struct pst_hop hop)
{
	uint64_t word = __atomic_load_n(&t->slots[hop.id].mac_tag, __ATOMIC_ACQUIRE);

	return hop.tag != 0 && word >> 48 == hop.tag ? word : 0;
}

static inline uint16_t
pst_neigh_iface(const struct pst_neigh_table *t, struct pst_hop hop)
{
	return __atomic_load_n(&t->slots[hop.id].key, __ATOMIC_RELAXED) >> 16;
}

/* Main: a packet waits for this address; it is sent, kept, or dropped. */
void pst_neigh_hold(struct pst_neigh_table *t, const struct pst_net *net,
	const struct pst_neigh_ops *ops, struct rte_mbuf *m, uint16_t iface, rte_be32_t ip,
	uint64_t now_ms);

/* Main: an ARP packet that came in by an interface; the packet stays the caller's. */
void pst_neigh_input(struct pst_neigh_table *t, const struct pst_net *net,
	const struct pst_neigh_ops *ops, const struct rte_mbuf *m, uint16_t iface,
	uint64_t now_ms);

/* Main: forget who was there, as the interface's link is gone; what waits is dropped. */
void pst_neigh_forget(struct pst_neigh_table *t, const struct pst_neigh_ops *ops, uint16_t iface);

/* Main: ask again, give up. How many there were. */
uint32_t pst_neigh_timer(struct pst_neigh_table *t, const struct pst_net *net,
	const struct pst_neigh_ops *ops, uint64_t now_ms);

/*
 * Write the Ethernet header (with a tag, where the interface has one) in front of what it
 * carries, of that ether type: what was there before is not looked at.
 */
void pst_net_set_l2_type(struct rte_mbuf *m, void *payload, const struct pst_iface *iface,
	const struct rte_ether_addr *dst, rte_be16_t ether_type);

/* The same in front of an IP header. */
static inline void
pst_net_set_l2(struct rte_mbuf *m, void *ip, const struct pst_iface *iface,
	const struct rte_ether_addr *dst)
{
	pst_net_set_l2_type(m, ip, iface, dst, RTE_BE16(RTE_ETHER_TYPE_IPV4));
}
