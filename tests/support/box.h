/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole appliance in one thread: workers, editor lcores and main are stepped
 * in turn under a virtual clock, between two fake ports.
 *
 *	client 10.1.1.x -- inside [box] outside 198.18.0.1/24 -- server 198.18.0.9
 *
 * A config may have more interfaces: those of one device share a port, and devices are
 * numbered as they come in the config. What a test puts in at a port comes out at
 * another, or is dropped and counted. Neighbours answer ARP by themselves.
 */
#pragma once

#include "appliance.h"
#include "pkt.h"

#define BOX_INSIDE 0
#define BOX_OUTSIDE 1
#define BOX_PORTS 2 /* of box_config() */
#define BOX_PORTS_MAX 6
#define BOX_ARP_MAX 1024

/* An ARP packet of the gateway, but for requests. */
struct box_arp {
	int port;
	uint16_t vlan;
	uint32_t ip;
	struct rte_ether_addr mac;
};

struct box {
	struct pst_config config;
	struct pst_appliance *a;
	struct rte_mempool *mbufs;
	struct rte_ring *rx[BOX_PORTS_MAX][8], *tx[BOX_PORTS_MAX][8]; /* by queue */
	uint16_t port[BOX_PORTS_MAX];
	struct rte_ether_addr mac[BOX_PORTS_MAX];
	int n_ports;
	uint32_t n_queues;
	uint64_t now_ms;
	bool no_arp; /* neighbours are silent */
	bool strips_tags; /* as a NIC that puts VLAN tags into the metadata */
	struct box_arp announced[BOX_ARP_MAX], answered[BOX_ARP_MAX];
	uint32_t n_announced, n_answered;
	bool no_runtimes; /* the test itself is the editor lcores */
	bool dies;	  /* box_stop() lets nobody have another round */
	bool stalled;     /* workers stand still while an editor waits for them */
	uint64_t put, got; /* packets in and out, by the test's own count */
	size_t heap_before;
};

/* Fill in a config for so many workers and editor lcores; a test may change it. */
void box_config(struct pst_config *c, uint32_t workers, uint32_t editors);

/* Start one; queues 0: one for each worker. Usable once after another. */
void box_init(struct box *b, const struct pst_config *c, uint32_t queues);
/* One with event rings of so many, and so many requests at a time: to fill them. */
void box_init_small(
	struct box *b, const struct pst_config *c, uint32_t events, uint32_t records);
/* One with a test's own editors (NULL at the end) in place of those that are built in. */
void box_init_editors(
	struct box *b, const struct pst_config *c, const struct pst_editor *const *editors);
/* One with any of it; what is zero in p has box_init()'s value. */
void box_init_with(
	struct box *b, const struct pst_config *c, uint32_t queues, struct pst_appliance_params p);
/* Asserts that nothing is left: tables, pools, mbufs, heap, and the packet account. */
void box_fini(struct box *b);
/* Stop in the midst of it: all is freed, whatever is open. Asserts on the heap and mbufs alone. */
void box_stop(struct box *b);

/* One round of everybody; the clock stands. */
void box_step(struct box *b);
/* Rounds until nobody has anything to do. */
void box_settle(struct box *b);
/* Let time pass, a step a second, and settle. */
void box_pass(struct box *b, uint64_t ms);

/* Put a packet in at a port (MACs are filled in), at the queue that its flow hashes to. */
void box_put(struct box *b, int port, const struct pkt *p);
/* Put in a frame as it is, at the first queue; it is the box's then. */
void box_put_frame(struct box *b, int port, struct rte_mbuf *m);
/* The next packet that came out of a port, or NULL. The caller frees it. */
struct rte_mbuf *box_get(struct box *b, int port);
/* Ask for an address of ours by ARP, as a host of the network at the port; the answer, or NULL. */
const struct box_arp *box_ask(struct box *b, int port, uint16_t vlan, uint32_t ip);
/* put, settle, get and read: true when one came out at that port. */
bool box_pass_to(struct box *b, int from, int to, const struct pkt *in, struct pkt *out);
/* The same between the two ports of box_config(). */
bool box_pass_through(struct box *b, int port, const struct pkt *in, struct pkt *out);
/* As box_pass_through, but nothing may come out; asserts the reason. */
void box_is_dropped(struct box *b, int port, const struct pkt *in, enum pst_drop why);

uint64_t box_drops(const struct box *b, enum pst_drop why);
uint64_t box_connections(const struct box *b);
