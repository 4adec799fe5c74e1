/* SPDX-License-Identifier: BSD-3-Clause */
#include "fsm.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10

/*
 * RFC 9293 section 3.10.7: a segment without ACK is dropped unless it is a
 * SYN or an RST, so a bare FIN closes nothing; SYN, FIN and RST exclude one
 * another. PSH means nothing here; URG, ECE and CWR are cut off before.
 */
const uint8_t pst_tcp_events[PST_TCP_FLAG_SETS] = {
	[SYN] = PST_TCP_EV_SYN,
	[SYN | PSH] = PST_TCP_EV_SYN,
	[SYN | ACK] = PST_TCP_EV_SYNACK,
	[SYN | ACK | PSH] = PST_TCP_EV_SYNACK,
	[ACK] = PST_TCP_EV_ACK,
	[ACK | PSH] = PST_TCP_EV_ACK,
	[FIN | ACK] = PST_TCP_EV_FIN,
	[FIN | ACK | PSH] = PST_TCP_EV_FIN,
	[RST] = PST_TCP_EV_RST,
	[RST | PSH] = PST_TCP_EV_RST,
	[RST | ACK] = PST_TCP_EV_RST,
	[RST | ACK | PSH] = PST_TCP_EV_RST,
};

/* RFC 6146 section 3.5.2.2, with directions for its V6 and V4. */
const uint8_t pst_tcp_next[PST_TCP_STATES][PST_DIRS][PST_TCP_EVENTS] = {
	[PST_STATE_NONE] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_SENT,
		},
	},
	[PST_TCP_SYN_SENT] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_RST] = PST_TCP_REFUSED, /* thought better of it */
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_CROSSED,
			[PST_TCP_EV_SYNACK] = PST_TCP_SYN_RECEIVED, /* handshake, step 2 */
			[PST_TCP_EV_RST] = PST_TCP_REFUSED,
		},
	},
	/* RFC 9293 section 3.5, figure 7: each side answers the other's SYN */
	[PST_TCP_SYN_CROSSED] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_SYNACK] = PST_TCP_SYN_ANSWERED,
			[PST_TCP_EV_RST] = PST_TCP_REFUSED,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_SYNACK] = PST_TCP_SYN_RECEIVED,
			[PST_TCP_EV_RST] = PST_TCP_REFUSED,
		},
	},
	[PST_TCP_SYN_ANSWERED] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_FIN] = PST_TCP_FIN_ORIG,
			[PST_TCP_EV_RST] = PST_TCP_REFUSED,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_SYNACK] = PST_TCP_ESTABLISHED,
			[PST_TCP_EV_ACK] = PST_TCP_ESTABLISHED,
			[PST_TCP_EV_FIN] = PST_TCP_FIN_REPLY,
			[PST_TCP_EV_RST] = PST_TCP_REFUSED,
		},
	},
	[PST_TCP_SYN_RECEIVED] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_SYNACK] = PST_TCP_ESTABLISHED, /* simultaneous open */
			[PST_TCP_EV_ACK] = PST_TCP_ESTABLISHED, /* handshake, step 3 */
			[PST_TCP_EV_FIN] = PST_TCP_FIN_ORIG,
			[PST_TCP_EV_RST] = PST_TCP_REFUSED,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_FIN] = PST_TCP_FIN_REPLY,
			[PST_TCP_EV_RST] = PST_TCP_REFUSED,
		},
	},
	[PST_TCP_ESTABLISHED] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_FIN] = PST_TCP_FIN_ORIG,
			[PST_TCP_EV_RST] = PST_TCP_RESET_ORIG,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_FIN] = PST_TCP_FIN_REPLY,
			[PST_TCP_EV_RST] = PST_TCP_RESET_REPLY,
		},
	},
	[PST_TCP_FIN_ORIG] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_RST] = PST_TCP_RESET_ORIG,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_FIN] = PST_TCP_CLOSING,
			[PST_TCP_EV_RST] = PST_TCP_RESET_REPLY,
		},
	},
	[PST_TCP_FIN_REPLY] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_FIN] = PST_TCP_CLOSING,
			[PST_TCP_EV_RST] = PST_TCP_RESET_ORIG,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_RST] = PST_TCP_RESET_REPLY,
		},
	},
	/* a new connection of the same endpoints, from either side */
	[PST_TCP_CLOSING] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_SENT,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_CROSSED,
		},
	},
	/* who sent the RST and goes on has not sent it */
	[PST_TCP_RESET_ORIG] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_SENT,
			[PST_TCP_EV_ACK] = PST_TCP_ESTABLISHED,
			[PST_TCP_EV_FIN] = PST_TCP_FIN_ORIG,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_CROSSED,
		},
	},
	[PST_TCP_RESET_REPLY] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_SENT,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_CROSSED,
			[PST_TCP_EV_ACK] = PST_TCP_ESTABLISHED,
			[PST_TCP_EV_FIN] = PST_TCP_FIN_REPLY,
		},
	},
	[PST_TCP_REFUSED] = {
		[PST_DIR_ORIG] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_SENT,
		},
		[PST_DIR_REPLY] = {
			[PST_TCP_EV_SYN] = PST_TCP_SYN_CROSSED,
			[PST_TCP_EV_SYNACK] = PST_TCP_SYN_RECEIVED, /* the RST was forged */
		},
	},
};

/* RFC 6146 section 3.5.2.2: one FIN leaves the established timer running. */
const uint8_t pst_state_timeouts[PST_STATES] = {
	[PST_STATE_NONE] = PST_TIMEOUT_TCP_OPENING,
	[PST_TCP_SYN_SENT] = PST_TIMEOUT_TCP_OPENING,
	[PST_TCP_SYN_CROSSED] = PST_TIMEOUT_TCP_OPENING,
	[PST_TCP_SYN_ANSWERED] = PST_TIMEOUT_TCP_OPENING,
	[PST_TCP_SYN_RECEIVED] = PST_TIMEOUT_TCP_OPENING,
	[PST_TCP_ESTABLISHED] = PST_TIMEOUT_TCP_ESTABLISHED,
	[PST_TCP_FIN_ORIG] = PST_TIMEOUT_TCP_ESTABLISHED,
	[PST_TCP_FIN_REPLY] = PST_TIMEOUT_TCP_ESTABLISHED,
	[PST_TCP_CLOSING] = PST_TIMEOUT_TCP_CLOSING,
	[PST_TCP_RESET_ORIG] = PST_TIMEOUT_TCP_CLOSING,
	[PST_TCP_RESET_REPLY] = PST_TIMEOUT_TCP_CLOSING,
	[PST_TCP_REFUSED] = PST_TIMEOUT_TCP_CLOSING,
	[PST_UDP_NEW] = PST_TIMEOUT_UDP,
	[PST_UDP_ASSURED] = PST_TIMEOUT_UDP,
	[PST_ICMP_QUERY] = PST_TIMEOUT_ICMP,
};

const char *const pst_timeout_names[PST_TIMEOUTS] = {
	[PST_TIMEOUT_TCP_OPENING] = "tcp_opening",
	[PST_TIMEOUT_TCP_ESTABLISHED] = "tcp_established",
	[PST_TIMEOUT_TCP_CLOSING] = "tcp_closing",
	[PST_TIMEOUT_UDP] = "udp",
	[PST_TIMEOUT_ICMP] = "icmp",
	[PST_TIMEOUT_BIND_ACCEPT] = "bind_accept",
	[PST_TIMEOUT_BIND_UDP_IDLE] = "bind_udp_idle",
	[PST_TIMEOUT_SYN_HOLD] = "syn_hold",
};

const char *const pst_state_names[PST_STATES] = {
	[PST_STATE_NONE] = "none",
	[PST_TCP_SYN_SENT] = "syn-sent",
	[PST_TCP_SYN_CROSSED] = "syn-crossed",
	[PST_TCP_SYN_ANSWERED] = "syn-answered",
	[PST_TCP_SYN_RECEIVED] = "syn-received",
	[PST_TCP_ESTABLISHED] = "established",
	[PST_TCP_FIN_ORIG] = "fin-orig",
	[PST_TCP_FIN_REPLY] = "fin-reply",
	[PST_TCP_CLOSING] = "closing",
	[PST_TCP_RESET_ORIG] = "reset-by-orig",
	[PST_TCP_RESET_REPLY] = "reset-by-reply",
	[PST_TCP_REFUSED] = "refused",
	[PST_UDP_NEW] = "new",
	[PST_UDP_ASSURED] = "assured",
	[PST_ICMP_QUERY] = "query",
};
