/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A record of the event log: what happened, of fixed size, so that whoever sees it
 * happen copies it into a ring and goes on.
 *
 * Each type is of a kind, and the operator chooses by kind what is logged. What a type
 * uses of the record, the JSON of it says (json.c).
 *
 * Addresses and ports are in host byte order.
 */
#pragma once

#include <stdint.h>

#include "pst_types.h"

/* clang-format off */
#define PST_RECORD_KINDS(X) \
	X(BIND, "binds") /* an inside endpoint has an outside one, or no more */ \
	X(BLOCK, "blocks") /* a client has a block of ports */ \
	X(LISTENER, "listeners") /* opened by editors, or published */ \
	X(CONNECTION, "connections") \
	X(LIMIT, "limits") /* refused by a quota, or for want of room */ \
	X(FILTER, "filters") /* refused by a rule or a packet filter */ \
	X(NEIGHBOUR, "neighbours") \
	X(LINK, "links") \
	X(CONFIG, "config") /* start and end of the appliance, and what changes in between */ \
	X(LOST, "lost") /* always logged */

#define PST_RECORD_TYPES(X) \
	X(BIND_OPEN, BIND, "bind-open") \
	X(BIND_CLOSE, BIND, "bind-close") \
	X(ADDRESS_OPEN, BIND, "address-open") /* a client has an outside address: all its ports are there */ \
	X(ADDRESS_CLOSE, BIND, "address-close") \
	X(BLOCK_OPEN, BLOCK, "block-open") \
	X(BLOCK_CLOSE, BLOCK, "block-close") \
	X(LISTENER_OPEN, LISTENER, "listener-open") \
	X(LISTENER_CLIENT, LISTENER, "listener-client") /* its client's endpoint is known now */ \
	X(LISTENER_CLOSE, LISTENER, "listener-close") \
	X(CONNECTION_OPEN, CONNECTION, "connection-open") \
	X(CONNECTION_CLOSE, CONNECTION, "connection-close") \
	X(LIMIT, LIMIT, "limit") \
	X(REFUSED, FILTER, "refused") \
	X(NEIGHBOUR_UP, NEIGHBOUR, "neighbour-up") \
	X(NEIGHBOUR_DOWN, NEIGHBOUR, "neighbour-down") \
	X(LINK_UP, LINK, "link-up") \
	X(LINK_DOWN, LINK, "link-down") \
	X(START, CONFIG, "start") /* nobody has any port */ \
	X(STOP, CONFIG, "stop") \
	X(REOPEN, CONFIG, "reopen") /* the file, after SIGHUP */ \
	X(RELOAD_APPLIED, CONFIG, "reload-applied") /* another configuration runs */ \
	X(RELOAD_REFUSED, CONFIG, "reload-refused") \
	X(RELOAD_ROLLED_BACK, CONFIG, "reload-rolled-back") /* it was not confirmed */ \
	X(PORTS_MOVED, CONFIG, "ports-moved") /* a run, between workers */ \
	X(LOST, LOST, "lost")
/* clang-format on */

enum pst_record_kind {
#define X(id, name) PST_RECORD_##id##_BIT,
	PST_RECORD_KINDS(X)
#undef X
		PST_RECORD_N_KINDS,
};

#define PST_RECORD_MASK(kind) (UINT32_C(1) << PST_RECORD_##kind##_BIT)
#define PST_RECORD_ALL ((UINT32_C(1) << PST_RECORD_N_KINDS) - 1)

enum pst_record_type {
#define X(id, kind, name) PST_RECORD_##id,
	PST_RECORD_TYPES(X)
#undef X
		PST_RECORD_N_TYPES,
};

extern const char *const pst_record_kinds[PST_RECORD_N_KINDS + 1]; /* NULL at the end */
extern const char *const pst_record_types[PST_RECORD_N_TYPES];
extern const uint8_t pst_record_kind_of[PST_RECORD_N_TYPES]; /* enum pst_record_kind */

enum pst_record_flags {
	PST_RECORD_INBOUND = 1 << 0,   /* a connection that began outside */
	PST_RECORD_PUBLISHED = 1 << 1, /* a listener that the operator made */
};

#define PST_RECORD_NO_EDITOR UINT16_MAX

/* Of records that were lost: whose, and where. */
enum pst_record_source {
	PST_RECORD_OF_WORKER, /* `index`: its number; the ring to main was full */
	PST_RECORD_OF_RATE,   /* there were more of the kind within a second than are told */
	PST_RECORD_OF_FILE,   /* the file was not written as fast as it came */
	PST_RECORD_OF_SYSLOG,
	PST_RECORD_OF_IPFIX,
	PST_RECORD_OF_WATCH, /* a reader of the control socket */
};

struct pst_record {
	uint64_t time_ms; /* pst_clock_now() */
	uint8_t type;	  /* enum pst_record_type */
	uint8_t protocol; /* IP's number, 0: any */
	uint8_t flags;	  /* enum pst_record_flags */
	uint8_t source;	  /* LOST: enum pst_record_source */
	uint16_t index;	  /* worker, editor or interface */
	uint16_t why;	  /* LIMIT, REFUSED: enum pst_drop; LOST: enum pst_record_kind */
	struct pst_endpoint inside, outside, remote;
	uint64_t
		number; /* BLOCK: the worker's record; REFUSED: the rule's place, or -1; LOST: of them;
			 RELOAD_APPLIED: changes */
	union {
		uint64_t since_ms;	    /* LOST */
		uint64_t packets[PST_DIRS]; /* CONNECTION_CLOSE: of the first side, and back */
		uint8_t mac[6];		    /* NEIGHBOUR_UP */
	};
	uint64_t bytes[PST_DIRS];
};
_Static_assert(sizeof(struct pst_record) % 4 == 0, "a ring element");
