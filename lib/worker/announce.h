/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Announcements: the gateway's addresses told unasked, when it starts and when a link
 * comes up (gratuitous ARP; RFC 5227 section 2.3). A switch learns where they are, and a
 * neighbour that knew them by another MAC, of the gateway before this one, learns ours.
 *
 * Told are an interface's own address and, on an external one, each address of the pool that
 * its network has. What comes to others is routed here, so nobody asks for their MAC.
 * All twice, two seconds apart, and a few at a time.
 *
 * Owner: main.
 */
#pragma once

#include "worker/neigh.h"

struct pst_announce {
	struct {
		uint8_t rounds; /* still to come; 0: none */
		uint32_t at;    /* the next address: 0 the interface's own, k the pool's k - 1 */
		uint64_t next_ms;
	} ifaces[PST_NET_IFACES];
};

/* Start with an interface's addresses, anew if that is under way. */
void pst_announce_start(struct pst_announce *a, uint16_t iface, uint64_t now_ms);
void pst_announce_stop(struct pst_announce *a, uint16_t iface);

/* Send what is due. How many packets these were. */
uint32_t pst_announce_poll(struct pst_announce *a, const struct pst_net *net,
	const struct pst_neigh_ops *ops, uint64_t now_ms);
