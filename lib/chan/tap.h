/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tap: copies of packets for the operator's capture, as they came in and as they left.
 *
 * While a worker has a tap it takes its packets one by one: a packet is copied, goes its way, and
 * what that did to the worker's queues and counters tells what became of it. So the packet path
 * knows nothing of captures, and a worker without a tap pays a branch for a burst.
 *
 * A packet is captured when it matches as it came in, or as it left; then both sides are, and
 * have one id. A worker never waits: what finds no room in the ring is lost, and counted.
 *
 * Made and freed by main, between the two the worker's; the ring's reader is a thread of the
 * capture's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_ring.h>

#define PST_TAP_ANY_IFACE UINT16_MAX

/* What a copy is of, and what became of that. */
enum pst_tap_fate {
	/* as it came in */
	PST_TAP_SENT,	  /* it left, by iface `to` */
	PST_TAP_DROPPED,  /* by `to`, an enum pst_drop */
	PST_TAP_CONSUMED, /* by `to`, an enum pst_consumed */
	PST_TAP_HANDED,	  /* it is worker `to`'s */
	PST_TAP_LENT,	  /* to an editor lcore */
	PST_TAP_MAIN,	  /* to main: ARP, or its next hop has to be asked for */
	PST_TAP_HELD,	  /* it waits: a fragment without its first */
	PST_TAP_RESTARTS, /* in no record: another worker begins anew with it */
	/* as it left */
	PST_TAP_LEFT,	 /* came in before, by iface `to`, or by whatever */
	PST_TAP_MADE,	 /* by ourselves: it answers the one that has the same id, if one does */
	PST_TAP_EDITED,	 /* by an editor */
};

struct pst_tap_record {
	uint64_t tsc;
	uint64_t id; /* of all that is of one packet; unique among all workers */
	uint32_t len, caplen;
	uint16_t iface, to;
	uint8_t fate; /* enum pst_tap_fate */
	uint8_t bytes[];
};

struct pst_tap_params {
	const char *name; /* unique */
	uint32_t worker, n_workers;
	uint32_t records; /* a power of two */
	uint32_t snap;	  /* bytes of a packet, at most */
	uint16_t iface;	  /* that the packets come in or leave by, or ANY_IFACE */
	bool (*matches)(const void *filter, const uint8_t *frame, uint32_t len, uint32_t caplen);
	const void *filter; /* NULL: all packets match */
	int socket;
};

struct pst_tap {
	struct pst_tap_params params;
	struct rte_ring *ring;
	uint64_t next_id, id; /* worker only; id: of the packet that is on its way */
	uint64_t lost;	  /* worker writes, others read, relaxed */
	struct pst_tap_record *copy, *record; /* worker only: room for one as it came, and left */
};

/* NULL, with rte_errno set. */
struct pst_tap *pst_tap_create(const struct pst_tap_params *params);
/* No worker has it any more. Safe on NULL. */
void pst_tap_destroy(struct pst_tap *tap);

/* Worker: the next id. */
static inline uint64_t
pst_tap_id(struct pst_tap *tap)
{
	return tap->next_id += tap->params.n_workers;
}

/* Worker: put a record in, or count it as lost. */
void pst_tap_write(struct pst_tap *tap, const struct pst_tap_record *record);

/* The reader: the next record, of pst_tap_record_size() bytes; false: there is none. */
bool pst_tap_read(struct pst_tap *tap, struct pst_tap_record *record);
uint32_t pst_tap_record_size(uint32_t snap);
/* Records that found no room. */
uint64_t pst_tap_lost(const struct pst_tap *tap);
