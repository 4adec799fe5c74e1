/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connection states: packet -> event -> next state -> timeout, each a table.
 *
 * TCP goes the way of RFC 6146 section 3.5.2, with the two timers of RFC 7857
 * section 2.1. What a NAT sees is not what the endpoints do, so a state says
 * which flags were seen from which side, and no more:
 *
 *	none -> syn-sent -> syn-received -> established -> fin-* -> closing
 *
 * A half-closed connection may be silent as long as an open one. An RST moves
 * a connection to reset-by-*, where it is still translated: when the side that
 * seemed to have sent the RST goes on, the RST was forged. A connection that
 * was refused before it was established has no such way back.
 *
 * All protocols' states are one enum, and state 0 is none of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pst_types.h"

/* The timers that a state or an endpoint runs on; config gives each its length. */
enum pst_timeout {
	PST_TIMEOUT_TCP_OPENING,
	PST_TIMEOUT_TCP_ESTABLISHED,
	PST_TIMEOUT_TCP_CLOSING,
	PST_TIMEOUT_UDP,
	PST_TIMEOUT_ICMP,
	PST_TIMEOUT_BIND_ACCEPT,   /* a listener that nobody connects to */
	PST_TIMEOUT_BIND_UDP_IDLE, /* a UDP listener that nobody sends to */
	PST_TIMEOUT_SYN_HOLD,	   /* an unsolicited SYN (RFC 5382 REQ-4) */
	PST_TIMEOUTS,
};

enum pst_state {
	PST_STATE_NONE,
	PST_TCP_SYN_SENT,
	PST_TCP_SYN_CROSSED,  /* the reply side sent a SYN: simultaneous open */
	PST_TCP_SYN_ANSWERED, /* and the orig side answered it */
	PST_TCP_SYN_RECEIVED,
	PST_TCP_ESTABLISHED,
	PST_TCP_FIN_ORIG,
	PST_TCP_FIN_REPLY,
	PST_TCP_CLOSING, /* FIN from both */
	PST_TCP_RESET_ORIG,
	PST_TCP_RESET_REPLY,
	PST_TCP_REFUSED, /* RST before it was established */
	PST_UDP_NEW,
	PST_UDP_ASSURED, /* seen both ways */
	PST_ICMP_QUERY,
	PST_STATES,
};
#define PST_TCP_STATES (PST_TCP_REFUSED + 1)

/* What a TCP segment's flags mean. NONE: no sound endpoint acts on them. */
enum pst_tcp_event {
	PST_TCP_EV_NONE,
	PST_TCP_EV_SYN,
	PST_TCP_EV_SYNACK,
	PST_TCP_EV_ACK,
	PST_TCP_EV_FIN,
	PST_TCP_EV_RST,
	PST_TCP_EVENTS,
};

/* By FIN, SYN, RST, PSH and ACK, the low five flag bits. */
#define PST_TCP_FLAG_SETS 32
extern const uint8_t pst_tcp_events[PST_TCP_FLAG_SETS];
/* 0 is STAY: an event not listed never moves a connection. */
extern const uint8_t pst_tcp_next[PST_TCP_STATES][PST_DIRS][PST_TCP_EVENTS];
extern const uint8_t pst_state_timeouts[PST_STATES];
/* The timers, by their names in the config. */
extern const char *const pst_timeout_names[PST_TIMEOUTS];
/* For people: "established". */
extern const char *const pst_state_names[PST_STATES];

static inline enum pst_tcp_event
pst_tcp_event(uint8_t flags)
{
	return (enum pst_tcp_event)pst_tcp_events[flags % PST_TCP_FLAG_SETS];
}

/* The state after a packet of this direction. tcp_flags matters for TCP only. */
static inline uint8_t
pst_fsm_next(uint8_t proto, uint8_t state, enum pst_dir dir, uint8_t tcp_flags)
{
	if (proto == PST_TCP) {
		uint8_t next = pst_tcp_next[state][dir][pst_tcp_event(tcp_flags)];

		return next != 0 ? next : state;
	}
	if (dir == PST_DIR_REPLY)
		return state == PST_UDP_NEW ? PST_UDP_ASSURED : state;
	if (state != PST_STATE_NONE)
		return state;
	return proto == PST_ICMP ? PST_ICMP_QUERY : PST_UDP_NEW;
}

/* The timer that a connection in this state runs on. */
static inline enum pst_timeout
pst_fsm_timeout(uint8_t proto, uint8_t state)
{
	if (state != PST_STATE_NONE)
		return (enum pst_timeout)pst_state_timeouts[state];
	return proto == PST_TCP	   ? PST_TIMEOUT_TCP_OPENING
	       : proto == PST_ICMP ? PST_TIMEOUT_ICMP
				   : PST_TIMEOUT_UDP;
}

/*
 * Does a packet that left the connection in this state start its timer anew?
 * (One that moved the state starts the next state's timer in any case: the
 * caller sees to that, else a reset connection would end with the first RST.)
 *
 * way_refreshes: whether the setting lets this packet's way refresh at all
 * (RFC 4787 REQ-6: from inside always; from outside is the operator's choice).
 * An RST, an ICMP answer, flags that mean nothing, and what comes behind the
 * end of a connection do not refresh (RFC 6146 section 3.5.2.2, RFC 7857).
 */
static inline bool
pst_fsm_refreshes(
	uint8_t proto, uint8_t state, enum pst_dir dir, uint8_t tcp_flags, bool way_refreshes)
{
	enum pst_tcp_event event;

	if (proto == PST_ICMP)
		return way_refreshes && dir == PST_DIR_ORIG;
	if (proto != PST_TCP)
		return way_refreshes;
	event = pst_tcp_event(tcp_flags);
	return way_refreshes && event != PST_TCP_EV_NONE && event != PST_TCP_EV_RST &&
	       pst_state_timeouts[state] != PST_TIMEOUT_TCP_CLOSING;
}
