/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steering: which worker owns a packet. Arithmetic, no lookup.
 *
 * Clients fall into 64 slots by the low 6 bits of their address, outside ports
 * into 64 slots of 1024 by their high 6 bits, runs of ports. A worker owns contiguous
 * runs at first and gives its clients ports of its own only, so both ways of a
 * connection meet on it. A worker that runs out of ports asks the others for a run that
 * they don't use; who gives one writes the table, so an entry has one writer at a time.
 *
 * A NIC does the same with an RSS key of a single bit: the Toeplitz hash is
 * then a copy of some input bits, in reverse order, and the indirection table
 * is filled from the slot table. Whether the NIC really does is for
 * pst_rss_check to find out.
 *
 * Addresses and ports are in host byte order. Read by all workers and main; written by
 * main before launch, then entries of out_slot by their owners.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PST_STEER_SLOTS 64
#define PST_STEER_SLOT_PORTS 1024
#define PST_STEER_RETA_MAX 2048
#define PST_STEER_KEY_MIN 40 /* bytes, of an RSS key */
#define PST_STEER_KEY_MAX 64

struct pst_steer {
	uint32_t n_workers;
	uint8_t in_slot[PST_STEER_SLOTS];
	uint8_t out_slot[PST_STEER_SLOTS];
};

/* Share the slots out; ports below 1024 are worker 0's. 0, or -EINVAL. */
int pst_steer_init(struct pst_steer *steer, uint32_t n_workers);

/* The owner of a client. */
static inline uint32_t
pst_steer_inside(const struct pst_steer *steer, uint32_t client_ip)
{
	return steer->in_slot[client_ip % PST_STEER_SLOTS];
}

/* The owner of an outside port. */
static inline uint32_t
pst_steer_outside(const struct pst_steer *steer, uint16_t port)
{
	return __atomic_load_n(&steer->out_slot[port / PST_STEER_SLOT_PORTS], __ATOMIC_RELAXED);
}

/* A worker's runs of outside ports, a bit each. */
uint64_t pst_steer_runs(const struct pst_steer *steer, uint32_t worker);

/* The owner gives a run away. */
static inline void
pst_steer_move(struct pst_steer *steer, uint32_t run, uint32_t worker)
{
	__atomic_store_n(&steer->out_slot[run], worker, __ATOMIC_RELAXED);
}

enum pst_steer_zone {
	PST_STEER_INSIDE,  /* by the source address */
	PST_STEER_OUTSIDE, /* by the destination port */
};

/*
 * The RSS key that steers a zone into a table of reta_size entries, a power
 * of two from 64 to PST_STEER_RETA_MAX. 0, or -EINVAL.
 */
int pst_steer_rss_key(enum pst_steer_zone zone, uint32_t reta_size, uint8_t *key, uint32_t key_len);

/*
 * The table that goes with that key. queues: the rx queue of each worker;
 * NULL: worker n polls queue n. 0, or -EINVAL.
 */
int pst_steer_fill_reta(const struct pst_steer *steer, enum pst_steer_zone zone,
	const uint16_t *queues, uint16_t *reta, uint32_t reta_size);

/*
 * Make a port steer, worker n on rx queue n. The port is configured for RSS
 * (RTE_ETH_MQ_RX_RSS), started or not as its driver likes. 0, or a negative
 * errno and the reason, for the log.
 */
int pst_steer_program_rss(uint16_t port_id, enum pst_steer_zone zone, const struct pst_steer *steer,
	uint16_t nb_queues, char *why, size_t size);

/* The table of a programmed port anew, as runs have moved. 0, or a negative errno. */
int pst_steer_update_rss(uint16_t port_id, const struct pst_steer *steer);

/* Does a programmed port steer as it was told? Some accept a key and hash nothing. */

#define PST_RSS_CHECK_PACKETS 10000

enum pst_rss_verdict {
	PST_RSS_PROGRAMMED, /* not known yet */
	PST_RSS_EXACT,
	PST_RSS_FALLBACK, /* it does not: hand over by ring */
};

/* Zero it whenever the port was programmed anew. Owner: who adds to it. */
struct pst_rss_check {
	uint64_t received; /* packets that the key covers: outside, those with ports */
	uint64_t missteered;
};

static inline void
pst_rss_check_add(struct pst_rss_check *check, uint32_t received, uint32_t missteered)
{
	check->received += received;
	check->missteered += missteered;
}

/* One mis-steer is enough for FALLBACK. */
enum pst_rss_verdict pst_rss_check_verdict(const struct pst_rss_check *check);
/* "exact", "programmed: ..." or "fallback: ..." with the numbers. */
void pst_rss_check_print(const struct pst_rss_check *check, char *text, size_t size);
