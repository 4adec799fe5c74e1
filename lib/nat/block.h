/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port blocks: a client gets its outside ports out of blocks that are its own, so that a log
 * needs a record for a block and none for connections (RFC 6888 REQ-14; RFC 6269 tells why).
 *
 * A block is so many consecutive ports of one outside address, of all protocols, and lies in
 * one run (steer.h). The first comes with a client's first port, more as it needs them, as
 * many as its quota of ports makes. What BindForClient takes comes out of them too; a run of
 * ports that is longer than a block takes several that follow each other. A block whose last
 * port was given back stays the client's for the quarantine time, then anybody may get it; only
 * when no other is left, the one that has been idle longest is taken earlier.
 *
 * With a plan (plan.h) a client's one block is settled, and there are no records but for the
 * fixed ports of blocks that are nobody's.
 *
 * The workers share one table, each the part of its own runs. Owner of an entry: the
 * worker that has the run.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PST_BLOCK_NONE UINT32_MAX
/* In place of a client: nobody; or fixed ports, of published servers and other workers' clients. */
#define PST_BLOCK_FREE UINT32_MAX
#define PST_BLOCK_SHARED (UINT32_MAX - 1)

struct pst_block {
	uint32_t client;  /* its slot, or one of the two above */
	uint32_t idle_ms; /* low 32 bits: since when none of its ports is taken */
	uint32_t next;	  /* of the client's */
	uint32_t idle_prev, idle_next;
	uint16_t used; /* ports, of all protocols */
	bool is_idle;  /* in the list of such */
};

/* What the operator's log is to say: a client has these ports now, or no more. */
struct pst_block_record {
	uint64_t number; /* of the worker's records: a gap is seen */
	uint32_t client_ip, address; /* host byte order */
	uint16_t first, last;
	bool given_back;
};
