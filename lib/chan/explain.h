/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the operator asks of a worker, and hears: what it would make of a packet, by its tables as
 * they are. The worker makes such a packet and sends it through the very decisions that real ones
 * meet (worker.h: place, decide), which write nothing.
 *
 * A TCP packet is one that its connection expects, or the SYN that begins one; an ICMP packet
 * is an echo request, or the reply that a connection waits for. All are small, and whole.
 *
 * The answer is about one worker's part: where the packet is another's, or comes in again by
 * hairpin, the asker goes on with that.
 */
#pragma once

#define PST_EXPLAIN_ANY_IFACE UINT16_MAX

enum pst_explain_verdict {
	PST_EXPLAIN_DROP,
	PST_EXPLAIN_FORWARD,
	PST_EXPLAIN_EDITOR,    /* lent to the client's editor lcore */
	PST_EXPLAIN_LOCAL,     /* for ourselves: it goes no further */
	PST_EXPLAIN_ELSEWHERE, /* it is handed to `worker` */
	PST_EXPLAIN_AGAIN,     /* hairpin: it comes in again from outside, as it left */
};

/* What tells whose a packet is. */
enum pst_steered_by {
	PST_STEERED_BY_SOURCE, /* address */
	PST_STEERED_BY_PORT,   /* destination port */
	PST_STEERED_BY_PEER,   /* the remote address, without ports */
	PST_STEERED_BY_HOST,   /* the client that the destination address means */
};

/* How an inside end is seen outside. */
enum pst_explain_mapping {
	PST_MAPPING_NONE,
	PST_MAPPING_POOL,	  /* by a port of a pool */
	PST_MAPPING_UNTRANSLATED, /* as it is */
	PST_MAPPING_ADDRESS,	  /* by an address of a pool, without ports */
	PST_MAPPING_OWN_ADDRESS,  /* by an address that is the client's alone */
	PST_MAPPING_LISTENER,	  /* by what was opened for it */
};

/*
 * A port that is not settled: one of this parity, of a block or of all runs of the worker (bit n:
 * ports n * 1024 to n * 1024 + 1023); of a block that the client does not have yet when there is
 * neither.
 */
struct pst_explain_choice {
	uint8_t parity;
	uint16_t first, last;
	uint64_t runs;
	uint32_t free; /* ports of both parities */
};

/* Of a quota: what is in use, and the most; most 0: there is none. */
struct pst_explain_limit {
	uint32_t now, most;
};

struct pst_explain {
	/* in */
	struct pst_endpoint source, destination; /* ICMP: the identifier is the port */
	uint16_t iface;	  /* number, or ANY_IFACE: the one that leads to the source; out */
	uint8_t protocol; /* of IP */
	bool handed;	  /* by another worker, which knew whose it is */
	bool second;	  /* by hairpin; iface is not looked at */
	struct pst_endpoint opener; /* second: who opens a connection by that, or unset */
	/* out */
	uint8_t verdict;  /* enum pst_explain_verdict */
	uint8_t why;	  /* DROP: enum pst_drop */
	bool is_out;	  /* on its way out; else in */
	bool is_reply;	  /* ICMP */
	bool is_steered;
	uint8_t steered_by, slot;
	uint32_t worker; /* who answers; ELSEWHERE: who has it */
	bool is_redirected; /* ELSEWHERE: by the port's own worker */
	bool asked_filters, asked_rules, is_unset; /* unset: the rules leave it to an editor */
	int32_t filter, rule;	/* places; -1: none decided */
	int32_t protocol_index; /* -1: none that is known */
	int32_t editor;		/* of that protocol; -1: none, or it is off */
	bool has_conn, has_listener, has_permission, has_client, has_route;
	struct pst_show_row conn, listener, permission; /* listener: its filter is a reference */
	uint32_t client_ip;
	struct pst_explain_limit ports, sessions, new_sessions, backlog;
	const char *timer; /* of the config; NULL: none */
	uint32_t timer_ms;
	uint8_t mapping; /* enum pst_explain_mapping */
	bool is_new;	 /* a mapping that would be made */
	bool is_chosen;	 /* its outside port is by `choice` */
	struct pst_endpoint inside, outside; /* of the mapping; what is chosen: port 0 */
	struct pst_explain_choice choice;
	struct {
		uint32_t network, next_hop, via; /* via 0: neighbours */
		uint8_t prefix_len;
		uint16_t iface;
		bool has_mac;
		uint8_t mac[6];
	} route;
	struct pst_endpoint out_source, out_destination; /* as it leaves; a port by choice is 0 */
};
