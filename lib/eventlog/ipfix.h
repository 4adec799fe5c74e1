/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPFIX messages (RFC 7011) of NAT events (RFC 8158), in memory: who sends them is another's.
 *
 *	mappings and listeners	natEvent 8, 9	NAT44 BIB create, delete
 *	connections		natEvent 4, 5	NAT44 session create, delete
 *	a client's address	natEvent 14, 15	address binding create, delete
 *	blocks of ports		natEvent 16, 17	allocation, de-allocation
 *	limits			natEvent 13	quota exceeded: sessions, mappings, a client's, clients
 *				natEvent 12	ports exhausted; which client wanted one
 *
 * Of all others RFC 8158 knows nothing. Templates go in messages of their own, which do not
 * count: the sequence number is that of data records.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "eventlog/record.h"

#define PST_IPFIX_MESSAGE 1400 /* bytes at most: no collector's path cuts it */

/* What "exceeded" means. */
struct pst_ipfix_limits {
	uint32_t sessions, ports_per_client, sessions_per_client, clients;
};

struct pst_ipfix {
	uint32_t domain;   /* observation domain */
	uint32_t sequence; /* data records in messages that were finished */
	struct pst_ipfix_limits limits;
	uint8_t message[PST_IPFIX_MESSAGE];
	size_t len;	   /* with the header; 0: nothing in it */
	size_t set;	   /* where the last set begins */
	uint16_t template; /* its records', 0: there is no set */
	uint32_t records;
};

enum pst_ipfix_added {
	PST_IPFIX_ADDED,
	PST_IPFIX_FULL, /* finish the message, and add it again */
	PST_IPFIX_NONE, /* there is no such NAT event */
};

void pst_ipfix_init(
	struct pst_ipfix *ipfix, uint32_t domain, const struct pst_ipfix_limits *limits);

enum pst_ipfix_added pst_ipfix_add(
	struct pst_ipfix *ipfix, const struct pst_record *record, uint64_t wall_ms);

/* Put all templates into the message, which is empty. */
void pst_ipfix_add_templates(struct pst_ipfix *ipfix);

/*
 * The message is complete: its length. It is in `message` until the next call; *records: how
 * many it has.
 */
size_t pst_ipfix_finish(struct pst_ipfix *ipfix, uint64_t wall_ms, uint32_t *records);
