/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files behind nat.h share. */
#pragma once

#include "nat/nat.h"

/* Number of the pool of a protocol. */
static inline enum pst_nat_pool
pst_nat_pool_of(uint8_t proto)
{
	return proto == PST_TCP ? PST_POOL_TCP : proto == PST_UDP ? PST_POOL_UDP : PST_POOL_ICMP;
}

static inline struct pst_flow_key
pst_nat_end_key(uint64_t end)
{
	return (struct pst_flow_key){ end, 0 };
}

/* ends: what an outside endpoint belongs to, as entry << 2 | enum pst_nat_end. */
uint32_t pst_nat_end_lookup(const struct pst_nat *nat, uint64_t end);
void pst_nat_end_add(struct pst_nat *nat, uint64_t end, uint32_t value);
void pst_nat_end_del(struct pst_nat *nat, uint64_t end, uint32_t value);

/*
 * The outside address of a client: what its other ports have, else one by
 * its address. Returns its number.
 */
uint32_t pst_nat_address_of(const struct pst_nat *nat, const struct pst_client *client);

/* A client has so many more ports on that address, or so many fewer. */
void pst_nat_ports_add(struct pst_client *client, uint32_t address, uint32_t n);
void pst_nat_ports_sub(struct pst_client *client, uint32_t n);

/* Listeners: end one that nobody may use any more; free what was told. */
void pst_nat_listener_close(struct pst_nat *nat, uint32_t i, bool tell, uint64_t now_ms);
/* A connection of it is gone. */
void pst_nat_listener_left(struct pst_nat *nat, uint32_t i, uint64_t now_ms);
uint64_t pst_nat_listener_due(const struct pst_nat *nat, const struct pst_listener *l);

/* Put a connection or a listener on the list of what an editor lcore is to hear. */
void pst_nat_tell_conn(struct pst_nat *nat, uint32_t i);
void pst_nat_tell_listener(struct pst_nat *nat, uint32_t i);

/* A connection's timeout from now on, armed. */
void pst_nat_arm(struct pst_nat *nat, uint32_t i, uint64_t now_ms);
