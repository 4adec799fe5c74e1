/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lcores say to each other: plain structs, and the one place where the
 * workers and the editor runtime meet.
 *
 * A request is a record that its asker owns and lends: posted on a ring to a
 * worker, which fills in the answer and posts the same record back. An asker
 * has a fixed number of records and a ring holds as many, so neither ring can be
 * full: the records are the credits. An asker that has given up waiting marks the
 * record abandoned and undoes what the late answer says was done, with the
 * same record.
 *
 * Events go the other way, from a worker to an editor lcore. What is to be told is a
 * flag on the worker's object, retried until the ring takes it, so no event is lost.
 *
 * Addresses and ports are in host byte order.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "chan/wanted.h"
#include "pst_session.h"
#include "pst_types.h"

struct pst_ipset;
struct pst_nat_params;
struct pst_net;
struct pst_portpool;
struct pst_runtime_settings;
struct pst_tap;

#define PST_NO_COOKIE UINT64_MAX

/* An entry of a worker's table: stale once the entry's generation moved on. */
struct pst_ref {
	uint32_t index;
	uint32_t gen;
};

enum pst_req_type {
	PST_REQ_BIND,      /* editor: open bind.n endpoints */
	PST_REQ_KILL,      /* editor: end the bind.n endpoints in bind.ends; also undoes a BIND */
	PST_REQ_KILL_CONN, /* editor, main: end the connection conn.ref */
	PST_REQ_SET_CLIENT, /* editor: bind.ends[0] forwards to its client from now on */
	PST_REQ_UNWATCH,   /* editor: conn.ref goes to the fast path, with conn.offset */
	PST_REQ_DENY,      /* editor: conn.ref stays, and drops all that comes */
	PST_REQ_SET_FILTER, /* editor: bind.ends[0] has the filter bind.filter from now on */
	PST_REQ_PERMIT,    /* editor: let the client connect, or show it: see permit */
	PST_REQ_REDIRECT,  /* editor: open bind.n inside endpoints that lead to their clients */
	PST_REQ_TRANSLATE, /* editor: the client sees its inbound peers as us, or not: bind.n */
	PST_REQ_EMULATE,   /* editor: a connection to a client whose other end is the asker */
	PST_REQ_CANCEL,    /* editor: as KILL, and -ESHUTDOWN when bind.ends[0] is finished */
	PST_REQ_ALLOW_BIND, /* editor: the client's map bind.proxy is for bind.protocol_index; or
			       whom bind.filter admits may send to its bind there */
	PST_REQ_RESERVE,   /* worker: this endpoint of yours belongs to worker reserve.owner */
	PST_REQ_RELEASE,   /* worker: it does no more */
	PST_REQ_RUN,       /* worker: give me a run of outside ports that you don't use */
	PST_REQ_SHOW,      /* main: copy a part of a table */
	PST_REQ_END,	   /* main: end what is wanted of a part of a table, as its timer would */
	PST_REQ_EXPLAIN,   /* main: say what becomes of a packet */
	PST_REQ_SETTINGS,  /* main: go by `settings` from now on */
	PST_REQ_WALK,      /* main: hold what is open against a config */
	PST_REQ_POOL,      /* main: ports of another outside address */
	PST_REQ_PUBLISH,   /* main: a step of publishing a server, or of ending it */
	PST_REQ_RUNTIME,   /* main, to an editor lcore: go by `runtime` from now on */
	PST_REQ_TAP,       /* main: copy packets into this tap; NULL: none any more */
};

enum pst_show_table {
	PST_SHOW_CONNECTIONS,
	PST_SHOW_BINDS,
	PST_SHOW_LISTENERS,
	PST_SHOW_FILTERS,     /* listeners that have an IP filter */
	PST_SHOW_PERMISSIONS, /* what editors asked for beside endpoints */
	PST_SHOW_POOLS,
	PST_SHOW_CLIENTS,
	PST_SHOW_BLOCKS, /* of ports, that are somebody's */
};

/* Steps of a PUBLISH. */
enum pst_publish_step {
	PST_PUBLISH_REOPEN, /* at the server's worker: you have it still; -ENOENT */
	PST_PUBLISH_PORT,   /* at the port's worker: it is another worker's, `worker` */
	PST_PUBLISH_SERVER, /* at the server's worker: it is there, by a port of `port_worker` */
	PST_PUBLISH_END,    /* at the server's worker: it is no more */
};

#define PST_SHOW_ROWS 128

/* One row of a table, for the operator; each table uses some of it. */
struct pst_show_row {
	uint8_t protocol;           /* enum pst_proto */
	uint8_t state;              /* of lib/nat/fsm.h */
	uint8_t editor_path;        /* by way of an editor */
	uint8_t has_filter;
	uint8_t published; /* a listener that the operator made */
	uint8_t bypass;    /* a connection that is not translated */
	uint8_t kind;      /* a permission's: enum pst_listener_kind */
	uint32_t flags;             /* enum pst_bind_flags */
	struct pst_endpoint inside; /* a listener: the client, perhaps unset */
	struct pst_endpoint outside;
	struct pst_endpoint remote;
	uint64_t runs; /* a pool's: bit n is for ports n * 1024 to n * 1024 + 1023 */
	uint64_t packets[PST_DIRS], bytes[PST_DIRS];
	uint32_t expires_ms; /* UINT32_MAX: never */
	uint32_t age_ms;
	uint32_t connections; /* a bind's, a listener's, a client's */
	uint32_t ports_used, ports_free, ports_resting; /* a pool's */
	uint32_t blocks; /* of ports, a client's */
	int32_t editor;        /* index of the editor, -1 none */
	int32_t protocol_index; /* of the protocol list, -1 none */
	struct pst_ref ref;
	uint64_t worth; /* in the wanted order */
	struct pst_ipset *filter; /* a listener's; the reader unrefs it */
};

#include "chan/explain.h"

/* One of the n of a BIND, a KILL and the like. Four of them are a cache line. */
struct pst_req_end {
	struct pst_endpoint client;
	union {
		uint64_t cookie;    /* in: the asker's name for it */
		struct pst_ref ref; /* out; KILL and the like: in */
	};
};

/*
 * Two lines of it are all that goes to the worker and back for one or two endpoints: each is
 * a miss for the one and for the other.
 */
struct pst_req {
	enum pst_req_type type;
	int32_t result;   /* the answer: 0, a count, or -errno */
	bool abandoned;   /* asker only: nobody waits for the answer any more */
	bool busy;        /* asker only: lent */
	uint64_t posted;  /* asker only: TSC, for the latency figures */
	uint64_t cookie;  /* asker only */
	void *answer_to;  /* worker only: the channel to answer on, while another worker is asked */
	union {
		struct {
			uint32_t client_ip; /* the session's own client (R36) */
			struct pst_endpoint proxy; /* in: wanted; out: got, lowest port */
			uint32_t n;
			uint32_t flags; /* enum pst_bind_flags */
			int32_t backlog;
			uint32_t via;            /* REDIRECT: outside address to leave from; 0: any */
			uint16_t editor_lcore;   /* who hears of its events */
			uint16_t editor;         /* index of the editor, for the operator */
			uint16_t protocol_index; /* of the protocol list */
			uint8_t protocol;        /* enum pst_proto */
			bool wants_established;  /* a callback was given (R31) */
			bool editor_path;        /* what it accepts goes by way of the editor lcore */
			bool unapproved;         /* a map that no protocol is known of yet */
			struct pst_ipset *filter; /* lent with a reference, which passes to the worker;
						     on error the asker keeps it */
			struct pst_req_end ends[PST_BIND_MAX];
		} bind;
		struct {
			struct pst_endpoint client, remote;
			uint16_t editor_lcore, editor, protocol_index;
			struct pst_ref ref;         /* out */
			struct pst_endpoint outside; /* out: where the asker's packets go to */
		} emulate;
		struct {
			uint32_t client_ip;
			struct pst_endpoint remote; /* ip 0: any, port 0: any */
			uint32_t via;               /* outside address to leave from; 0: any */
			enum pst_proto protocol;
			uint32_t flags; /* enum pst_bind_flags */
			uint16_t editor_lcore, editor, protocol_index;
			bool wants_established;
			bool is_interest; /* permits nothing, but what goes there is watched */
			bool editor_path;
			uint64_t cookie;
			struct pst_ref ref; /* out */
		} permit;
		struct {
			struct pst_ref ref;
			int32_t offset[PST_DIRS]; /* to add to SEQ of segments of that direction */
		} conn;
		struct {
			struct pst_endpoint endpoint;
			enum pst_proto protocol;
			uint32_t client_ip;
			uint32_t owner;       /* worker whose client has it */
			struct pst_req *bind; /* asker only: the BIND that waits for it */
		} reserve;
		struct {
			uint32_t asker; /* worker */
			uint32_t want;  /* enum pst_nat_want */
		} run; /* result: its number, it is the asker's already; or -ENOSPC */
		/* The answer has what the worker went by until now: it looks at that no more. */
		struct {
			const struct pst_nat_params *nat;
			const struct pst_net *net;
			uint64_t *rule_counts, *filter_counts; /* by rule and filter, or NULL */
		} settings;
		struct {
			const struct pst_nat_params *nat; /* the config */
			bool applies; /* else connections are counted, and nothing is changed */
			bool cuts;    /* the forbidden ones */
			bool arms;    /* timers are set anew */
			bool routes;  /* next hops are looked for anew */
			uint32_t cursor; /* in: 0; the worker's own until it answers */
			uint32_t kept, forbidden, cut; /* out: connections; those cut are forbidden */
			uint32_t retired; /* out: connections and endpoints on retired addresses */
		} walk;
		struct {
			enum pst_publish_step step;
			struct pst_endpoint external, internal;
			enum pst_proto protocol;
			uint32_t address; /* number of external's */
			uint16_t protocol_index;
			bool editor_path;
			uint32_t worker, port_worker; /* the server's, the port's */
		} publish;
		struct {
			uint32_t address, pool; /* its number, enum pst_nat_pool */
			struct pst_portpool *added;
		} pool;
		const struct pst_runtime_settings *runtime;
		struct {
			enum pst_show_table table;
			uint32_t cursor; /* in: 0 or what the last answer said; out: next, 0 at the end */
			uint32_t count;  /* out: rows; END: what was ended */
			uint32_t looked; /* worker only: at so many entries, for this answer */
			struct pst_req *next; /* worker only: what waits behind it */
			struct pst_show_wanted wanted;
			struct pst_show_row rows[PST_SHOW_ROWS];
		} show;
		struct pst_explain explain;
		struct pst_tap *tap;
	};
} __rte_cache_aligned;
_Static_assert(offsetof(struct pst_req, bind.ends[2]) <= 2 * RTE_CACHE_LINE_SIZE, "two lines");

enum pst_evt_type {
	PST_EVT_ESTABLISHED,  /* endpoint `cookie` got connection `ref` from `remote` */
	PST_EVT_ENDPOINT_END, /* endpoint `cookie` has ended (idle, or used up and closed) */
	PST_EVT_REFUSED,      /* to main: a connection was, by `why`; a rule's number is `cookie`, of
				 the params of generation ref.gen */
	PST_EVT_BLOCK,        /* to main: client.ip has ports from `remote` on, up to ref.index; or,
				 with `why`, no more; `cookie` is the record's number, ref.gen the
				 time's low 32 bits */
	PST_EVT_CONN_END,     /* watched or accepted connection `ref` has ended */
};

struct pst_evt {
	enum pst_evt_type type;
	uint16_t protocol; /* REFUSED: enum pst_proto */
	uint16_t why;      /* REFUSED: enum pst_drop */
	uint64_t cookie;
	struct pst_ref ref;
	struct pst_endpoint remote;
	struct pst_endpoint client; /* REFUSED */
};
_Static_assert(sizeof(struct pst_evt) % 4 == 0, "a ring element");

/*
 * What goes with a packet over a ring, in the mbuf's private area.
 *
 * A watched packet is lent to an editor lcore as it was received, untranslated; it or what
 * the stream engine makes in its place comes back in the same form, and the
 * worker translates and sends it.
 */
enum pst_tag_kind {
	PST_TAG_HANDOVER, /* worker to worker: start from the beginning */
	PST_TAG_HAIRPIN,  /* worker to worker: from a client of ours, to an outside address */
	PST_TAG_FRAGMENT, /* worker to worker: a fragment, and its datagram's ports */
	PST_TAG_WATCHED,  /* worker to editor */
	PST_TAG_EDITED,   /* editor to worker: translate (no sequence offsets) and send */
	PST_TAG_RESOLVE,  /* worker to main: complete but for the next hop's MAC */
	PST_TAG_LOCAL,    /* worker to main: to ourselves */
	PST_TAG_SEND,     /* main to worker: send as it is on `iface` */
};

enum pst_tag_flags {
	PST_TAG_INBOUND = 1 << 0,
	PST_TAG_UNSET = 1 << 1,	    /* the rules said neither yes nor no */
	PST_TAG_ORIGIN = 1 << 3,    /* EDITED: of an emulated end: it moves the state */
	PST_TAG_SECOND = 1 << 4,    /* FRAGMENT: of a HAIRPIN packet */
	PST_TAG_SECONDARY = 1 << 2, /* a call of an editor made or permitted it: `cookie` */
};

struct pst_tag {
	uint8_t kind;  /* enum pst_tag_kind */
	uint8_t dir;   /* WATCHED, EDITED: enum pst_dir */
	uint8_t first; /* WATCHED: a SYN that opens its connection, or that SYN again */
	uint8_t flags; /* WATCHED, EDITED: enum pst_tag_flags */
	uint8_t proto; /* WATCHED: enum pst_proto */
	uint16_t iface;
	uint16_t protocol_index; /* WATCHED */
	struct pst_ref conn;     /* WATCHED, EDITED */
	struct pst_endpoint inside, outside, remote; /* WATCHED: the connection's */
	uint64_t cookie;         /* WATCHED: of what accepted it or let it be opened */
	uint32_t next_hop;       /* RESOLVE */
	rte_be16_t sport, dport; /* FRAGMENT */
};

#define PST_MBUF_PRIV RTE_ALIGN(sizeof(struct pst_tag), RTE_MBUF_PRIV_ALIGN)

static inline struct pst_tag *
pst_tag(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}
