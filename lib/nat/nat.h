/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT: one worker's tables together, and the policy: which bind a new
 * connection gets, who may come in, and what is freed when something ends.
 *
 * An outside endpoint (address, port, protocol) belongs to one thing at a time,
 * a bind or a listener: `ends` tells which. The port is taken from
 * the pool before the end is entered, and put back after it is removed.
 *
 *	client <- bind <- connection		opened from inside
 *	client <- listener <- connection	opened by BindForClient, used from outside
 *
 * The tables are as large as they get from the start: what a connection takes is known, and none
 * waits while one grows. In bytes, of a connection with a bind of its own, by the capacity:
 *
 *	128	entry, in two cache lines: windows, counters and timer are in it (conn.h)
 *	 19.2	both keys (flowtable.h: 9.6 a value)
 *	  1.6	a rare entry of 48 for one in 32
 *	 16	bind (bind.h); 8 more where mapping depends on the remote end
 *	  9.6	its inside end
 *	  9.6	its outside end
 *	  6.7	client of 44 and its key, one for eight connections
 *	190.7	in all
 *
 * Beside that a worker has some 250 bytes for each listener and 9 KB for each pool of an outside
 * address; and ports that rest take 12 bytes each, of all workers together (portpool.h).
 *
 * Owner: one worker. Times are in milliseconds.
 */
#pragma once

#include "base/counter.h"
#include "base/lcore.h"
#include "base/rng.h"
#include "eventlog/queue.h"
#include "filter/packet.h"
#include "filter/rule.h"
#include "nat/bind.h"
#include "nat/block.h"
#include "nat/client.h"
#include "nat/conn.h"
#include "nat/fsm.h"
#include "nat/listener.h"
#include "nat/plan.h"
#include "nat/portpool.h"
#include "pst_types.h"

#define PST_NAT_ADDRESSES_MAX 256
#define PST_NAT_NO_PROTOCOL UINT16_MAX
#define PST_NAT_INSIDES_MAX 64
#define PST_NAT_BYPASS_MAX 64
#define PST_NAT_GROUPS_MAX 80
#define PST_NAT_GROUP_CLIENTS_MAX 16

/* RFC 4787: how an inside endpoint is mapped, and who may send to the mapping. */
enum pst_nat_mode {
	PST_NAT_ENDPOINT_INDEPENDENT,
	PST_NAT_ADDRESS_DEPENDENT,
	PST_NAT_ADDRESS_AND_PORT_DEPENDENT,
};

#define PST_NAT_RECORDS 256 /* a power of two */
#define PST_NAT_NO_EDITOR UINT16_MAX

/* A known protocol: the editor that it is registered for, for the operator. */
struct pst_nat_protocol {
	uint16_t editor; /* or PST_NAT_NO_EDITOR, also when that is disabled */
	bool is_empty;   /* it is no protocol's place */
};

/* An internal interface: what stands in for remote ends there. */
struct pst_nat_inside {
	rte_be32_t ip, mask;
};

/* Outside addresses that follow each other in the params' order. */
struct pst_nat_span {
	uint32_t first, n; /* places there; n is never 0 */
};

/* Clients with outside addresses of their own: they have no others, and others not these. */
struct pst_nat_group {
	struct pst_rule_range clients[PST_NAT_GROUP_CLIENTS_MAX];
	uint32_t n_clients;
	struct pst_nat_span addresses;
	bool whole; /* one client, one address: all ports of it are the client's, same to same */
};

/*
 * A server inside that is always there for the outside, at one endpoint of ours. Without a
 * protocol and ports it is a host with an address of its own, of a group that is `whole`: the
 * entry is what the operator sees, and the group what maps.
 */
struct pst_nat_published {
	struct pst_endpoint external, internal;
	enum pst_proto protocol;
	uint32_t address; /* number of external's */
	uint16_t protocol_index; /* or PST_NAT_NO_PROTOCOL */
	bool editor_path;
};

enum pst_nat_pool {
	PST_POOL_TCP,
	PST_POOL_UDP,
	PST_POOL_ICMP,
	PST_POOLS,
};

/* Set by main before any worker is told of it, const after: a reload makes others. */
struct pst_nat_params {
	uint32_t generation; /* which of them it is */
	enum pst_nat_mode mapping, filtering;
	/*
	 * The outside addresses by number, which each keeps through reloads; 0: the number is nobody's.
	 * Those that are in no order are retired: nothing begins on them any more.
	 */
	rte_be32_t addresses[PST_NAT_ADDRESSES_MAX];
	uint32_t n_addresses;
	uint8_t order[PST_NAT_ADDRESSES_MAX]; /* numbers: of all clients, then of groups */
	uint32_t n_order;
	bool retired[PST_NAT_ADDRESSES_MAX]; /* by number */
	uint32_t n_retired;
	struct pst_nat_group groups[PST_NAT_GROUPS_MAX]; /* all others have the first addresses */
	uint32_t n_groups, n_wholes;
	struct pst_rule_range bypass[PST_NAT_BYPASS_MAX]; /* destinations that are not translated */
	uint32_t n_bypass;
	struct pst_nat_inside insides[PST_NAT_INSIDES_MAX];
	uint32_t n_insides;
	uint16_t port_first, port_last; /* allowed outside ports, host order */
	uint32_t ports_per_client, sessions_per_client;
	uint32_t new_sessions_per_client; /* a second; 0: any number */
	bool out_refreshes; /* packets from outside keep no client's mapping alive (RFC 7857 7) */
	bool maps_others; /* protocols without ports, beside GRE and ESP: by address alone */
	bool lenient_windows; /* a segment outside the window passes, and moves nothing */
	uint32_t quarantine_ms;
	uint32_t block_size; /* ports that a client gets at a time, a power of two; 0: one */
	const struct pst_port_plan *plan; /* of these blocks, which runs stay as they were; NULL: none */
	/* pst_nat_rests_create(); by address and pool, and by number */
	struct pst_block *blocks;
	struct pst_port_rests *(*rests)[PST_POOLS];
	uint32_t timeouts_ms[PST_TIMEOUTS]; /* below 2^31 each */
	const struct pst_packet_filters *filters; /* NULL: none */
	const struct pst_ruleset *rules; /* NULL: all allowed */
	/* by destination port (host order): index of the protocol + 1, 0 for none */
	const uint8_t *tcp_protocols, *udp_protocols;
	const struct pst_nat_protocol *protocols;
	uint32_t n_protocols;
	/* by destination port: enum pst_event_source, of what clients some editor wants to see
	 * the connections there; NULL: of none. All of 65,536 entries */
	const uint8_t *tcp_hooks, *udp_hooks;
	uint32_t n_editor_lcores; /* 0: nothing is watched */
	const struct pst_nat_published *servers; /* in their order */
	uint32_t n_servers;
};

/* One more outside address, with the next number, behind the others in the order. */
static inline void
pst_nat_add_address(struct pst_nat_params *p, rte_be32_t ip)
{
	p->order[p->n_order++] = p->n_addresses;
	p->addresses[p->n_addresses++] = ip;
}

/*
 * Clients that tables of n connections have room for: one for each up to 65,536, then one for
 * eight, for a client has several open at once; so hosts that are not there, one connection each,
 * do not use the connections up.
 */
static inline uint32_t
pst_nat_clients_of(uint32_t n)
{
	const uint32_t few = 65536;

	return n <= few ? n : RTE_MAX(few, n / 8);
}

/* What one worker has of it. */
struct pst_nat_share {
	uint32_t worker;
	uint64_t runs;		/* of outside ports: bit n is for those from n * 1024 on */
	uint32_t connections;         /* capacity of its tables */
	uint32_t listeners;
	uint64_t seed;
	uint64_t now_ms;
	struct pst_record_queue *log; /* of the event log; NULL: there is none */
	int socket;
};

/* What an outside endpoint belongs to. */
enum pst_nat_end {
	PST_END_BIND,
	PST_END_LISTENER,
	PST_END_REDIRECT, /* a port of ours that another worker's client has */
	PST_END_ALIAS,    /* inside: the stand-in for a connection's remote end */
};


/* A fixed port was asked for, by a client of another worker (design: two-phase reserve). */
struct pst_redirect {
	uint64_t outside;
	uint32_t worker, address, client_ip;
};

/* How much a worker needs a run of another's. */
enum pst_nat_want {
	PST_WANT_NOTHING,
	PST_WANT_SOON, /* some pool has few ports left */
	PST_WANT_NOW,  /* or next to none */
};

struct pst_nat {
	/* set before launch, const after */
	struct pst_lcore_role owner;
	struct pst_record_queue *log; /* or NULL */
	/* worker only */
	const struct pst_nat_params *params; /* other ones after a reload */
	uint64_t runs; /* as in struct pst_nat_share */
	enum pst_nat_want want; /* more runs */
	/* blocks of ports; free ones by address */
	uint32_t first_idle, last_idle, blocks_used;
	uint16_t blocks_free[PST_NAT_ADDRESSES_MAX];
	struct pst_block_record records[PST_NAT_RECORDS]; /* that main has not heard yet */
	uint32_t records_head, records_tail;
	uint64_t records_total;
	struct pst_conn_table conns;
	struct pst_bind_table binds;
	struct pst_listener_table listeners;
	struct pst_client_table clients;
	struct pst_flowtable ends; /* value: entry << 2 | enum pst_nat_end */
	struct pst_redirect *redirects;
	struct pst_slots redirect_slots;
	uint32_t first_release, last_release; /* listeners whose port another worker is to get back */
	struct pst_portpool *pools[PST_NAT_ADDRESSES_MAX][PST_POOLS]; /* by number */
	uint32_t n_pools; /* numbers below this may have some */
	/* of our inside addresses: each worker has all ports, as clients are steered by their own */
	struct pst_portpool *inside_pools[2];
	struct pst_rng rng;
	/* what editor lcores are still to hear */
	struct {
		uint32_t first_conn, last_conn, first_listener, last_listener;
	} tell[PST_EDITORS_MAX];
	/* main reads, relaxed */
	uint64_t connections_total, binds_total, listeners_total;
	uint64_t *rule_counts;   /* by rule: connections it decided; last: none did. NULL: no rules */
	uint64_t *filter_counts; /* by packet filter: first packets it decided. NULL: no filters */
};

/*
 * Main: what the workers' port pools share, once addresses, ports and quarantine are set; freed
 * after the workers' tables. 0 or -ENOMEM. Numbers that are used later need theirs before they
 * have pools.
 */
int pst_nat_rests_create(struct pst_nat_params *params, int socket);
int pst_nat_rests_add(const struct pst_nat_params *params, uint32_t address, int socket);
void pst_nat_rests_destroy(struct pst_nat_params *params);

struct pst_nat *pst_nat_create(
	const struct pst_nat_params *params, const struct pst_nat_share *share);
/* Frees everything, whatever is open. Safe on NULL. */
void pst_nat_destroy(struct pst_nat *nat);

/* True when no connection, bind, listener or client is left and each port is free. */
bool pst_nat_is_empty(const struct pst_nat *nat);

/*
 * Runs of ports move between workers (steer.h). The giver: close an idle run, one that lies in
 * the ports of the config as a whole; its number, or -ENOSPC. The last idle one is given only to
 * who wants it now. The taker: have it. Between the two nobody has it.
 */
int pst_nat_run_give(struct pst_nat *nat, enum pst_nat_want want, uint64_t now_ms);
void pst_nat_run_take(struct pst_nat *nat, uint32_t run);

/* A packet without a connection, for the calls below. */
struct pst_nat_packet {
	struct pst_flow_key key; /* of pst_key_conn() */
	uint8_t proto;
	uint8_t tcp_flags;
	bool is_query; /* ICMP: an echo request */
	uint64_t now_ms;
	uint32_t through; /* the redirect it came by, or PST_SLOT_NONE */
	int filter;   /* out: the place of the packet filter that decided; -1: none */
	int rule;     /* out: the place of the rule that decided; -1: none */
	int redirect; /* out: the worker that has the endpoint; set when nothing was opened */
};

/* May this packet begin anything? By the operator's packet filters, before all else is asked. */
static inline bool pst_nat_ask_filters(
	const struct pst_nat *nat, enum pst_way way, struct pst_nat_packet *p);
bool pst_nat_ask_any_filter(
	const struct pst_nat *nat, enum pst_way way, struct pst_nat_packet *p);
/* It counts by the filter that decided, if one did. */
static inline void
pst_nat_count_filter(struct pst_nat *nat, const struct pst_nat_packet *p)
{
	if (unlikely(p->filter != PST_PACKET_FILTER_NONE))
		nat->filter_counts[p->filter]++;
}

/* What a client's new connection is, and how it is to be opened. */
struct pst_nat_policy {
	uint32_t protocol;   /* of the list, or PST_NAT_NO_PROTOCOL */
	uint32_t permission; /* that lets it be opened, or PST_SLOT_NONE */
	uint32_t via;	     /* number of the outside address it has to have, or ANY_ADDRESS */
	bool watched;	     /* by an editor */
	bool unset;	     /* the rules say neither yes nor no: the editor does */
};

/* What a packet without a connection would open, or why nothing. */
struct pst_nat_opening {
	enum pst_drop why; /* PST_DROP_COUNT: a connection is opened */
	int redirect;	   /* or, from outside: the worker that has the endpoint; else -1 */
	struct pst_nat_policy policy; /* from inside */
	bool asked_rules;
	uint32_t listener; /* from outside: what it reaches, or PST_SLOT_NONE */
	uint32_t bind;	   /* it goes by this one, or, with PST_SLOT_NONE, */
	enum pst_bind_kind kind; /* by one of this kind that is made */
	uint32_t address;	 /* POOLED, made: number of the outside address */
	bool scarce;		 /* an address had no port left */
	struct pst_flow_key key; /* of the bind */
	uint64_t inside, outside; /* its ends; POOLED, made: outside is not settled yet */
};

/*
 * decide.c: from the tables alone, which stay as they are. Of a packet from inside: may it open
 * anything at all, and then, with o->why PST_DROP_COUNT, by what mapping? Of one from outside
 * all at once. client: its entry, or a blank one.
 */
bool pst_nat_may_open(const struct pst_nat_packet *p, enum pst_drop *why);
void pst_nat_decide_out(const struct pst_nat *nat, struct pst_nat_packet *p,
	const struct pst_client *client, struct pst_nat_opening *o);
void pst_nat_decide_mapping(const struct pst_nat *nat, const struct pst_nat_packet *p,
	const struct pst_client *client, struct pst_nat_opening *o);
void pst_nat_decide_in(
	const struct pst_nat *nat, const struct pst_nat_packet *p, struct pst_nat_opening *o);

/*
 * Open a connection for a packet from inside, or from outside. Returns its
 * entry, or PST_SLOT_NONE and the reason.
 */
uint32_t pst_nat_open_out(struct pst_nat *nat, struct pst_nat_packet *p, enum pst_drop *why);
uint32_t pst_nat_open_in(struct pst_nat *nat, struct pst_nat_packet *p, enum pst_drop *why);

/*
 * A client's packet to an inside endpoint of ours: what it means is the remote end's place.
 * False when there is nothing for this client. *through is the redirect, or PST_SLOT_NONE.
 */
bool pst_nat_unalias(const struct pst_nat *nat, uint64_t ours, uint64_t client, uint64_t *remote,
	uint32_t *through);

/* The worker that has a port of our runs instead of us; false: none has. */
bool pst_nat_is_redirected(const struct pst_nat *nat, uint64_t outside, uint32_t *worker);

/*
 * Publish a server, in two steps: at the worker that has the run of the external port, the port
 * becomes that of `worker`, which is the one of the server's address; then there. In no
 * quota, and any port: those that clients can't get are in no pool. foreign: the port is another
 * worker's. 0, -EADDRINUSE, -ENOMEM. A RELEASE undoes the first step.
 */
int pst_nat_publish_port(struct pst_nat *nat, const struct pst_nat_published *what, uint32_t worker,
	uint64_t now_ms);
int pst_nat_publish(struct pst_nat *nat, const struct pst_nat_published *what, bool foreign,
	uint64_t now_ms);

/* A step of that, asked for by main. 0 or -errno. */
int pst_nat_serve_publish(struct pst_nat *nat, const struct pst_req *req, uint64_t now_ms);

/* The order that params->servers are in: by endpoint outside. And one of these, or NULL. */
int pst_nat_published_compare(
	const struct pst_nat_published *a, const struct pst_nat_published *b);
const struct pst_nat_published *pst_nat_published_find(
	const struct pst_nat_params *params, uint64_t outside);

/* End all that is published here, as a kill would. */
void pst_nat_unpublish_all(struct pst_nat *nat, uint64_t now_ms);

/* Ask for the cold lines of an opening, the nth from now (0: the next) if all succeed. */
void pst_nat_prefetch(const struct pst_nat *nat, enum pst_way way,
	const struct pst_nat_packet *p, uint32_t nth);
/*
 * These are here: ask for those that the port tells which it will be given. All openings to
 * come, in order, with a copy of nat's rng.
 */
void pst_nat_prefetch_port(const struct pst_nat *nat, enum pst_way way,
	const struct pst_nat_packet *p, struct pst_rng *ahead);

/*
 * A packet of connection i: move its state, refresh its timer. Returns false
 * when the packet is to be dropped, with the reason.
 */
static inline bool pst_nat_touch(struct pst_nat *nat, uint32_t i, enum pst_way way,
	uint8_t tcp_flags, uint64_t now_ms, enum pst_drop *why);

/* The same of a connection that drops nothing. */
static inline void pst_nat_advance(struct pst_nat *nat, uint32_t i, enum pst_way way,
	uint8_t tcp_flags, uint64_t now_ms);

/* The state moved: what hangs on it (timers, backlog, events). */
void pst_nat_moved(struct pst_nat *nat, uint32_t i, uint64_t now_ms);

/* End a connection and what only it needed. */
void pst_nat_close(struct pst_nat *nat, uint32_t i, uint64_t now_ms);

/*
 * Serve PST_REQ_BIND, KILL, KILL_CONN, SET_CLIENT, UNWATCH, and another
 * worker's RESERVE and RELEASE; sets req->result.
 */
void pst_nat_serve(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms);

/*
 * A BIND for a fixed port of another worker's runs, in two phases: check it and settle
 * its address; then, with the port reserved there, finish it. Both return what
 * the answer is, 0 or -errno.
 */
int pst_nat_bind_check(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms);
int pst_nat_bind_reserved(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms);

/*
 * The next endpoint whose port is to go back to the worker it was reserved
 * of; false when there is none. pst_nat_released() once that is under way.
 */
bool pst_nat_next_release(
	const struct pst_nat *nat, struct pst_endpoint *endpoint, enum pst_proto *protocol);
void pst_nat_released(struct pst_nat *nat);

/* Close what is due; at most `most` entries. Returns how many were looked at. */
uint32_t pst_nat_expire(struct pst_nat *nat, uint64_t now_ms, uint32_t most);

/*
 * The next event that an editor lcore is to hear; false if there is none.
 * pst_nat_told() once it was taken, else it comes again.
 */
bool pst_nat_next_event(struct pst_nat *nat, uint16_t editor_lcore, struct pst_evt *evt);
void pst_nat_told(struct pst_nat *nat, uint16_t editor_lcore);
/* Is there any? */
static inline bool
pst_nat_has_events(const struct pst_nat *nat, uint16_t editor_lcore)
{
	return nat->tell[editor_lcore].first_conn != PST_SLOT_NONE ||
		nat->tell[editor_lcore].first_listener != PST_SLOT_NONE;
}

/* The next record of blocks for main, or NULL; pst_nat_record_told() once it was taken. */
const struct pst_block_record *pst_nat_next_record(const struct pst_nat *nat);
void pst_nat_record_told(struct pst_nat *nat);

/*
 * A piece of a PST_REQ_SHOW, which copies rows, or of a PST_REQ_END, which ends connections, or
 * what their clients have listeners for. True when the answer is complete; else call again.
 */
bool pst_nat_show(const struct pst_nat *nat, struct pst_req *req, uint64_t now_ms);
bool pst_nat_end(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms);

/*
 * explain.c: what is known of a packet that opens a connection, or would; and of one that has one.
 * o: what was decided. x is clear but for the question.
 */
void pst_nat_explain_opening(const struct pst_nat *nat, enum pst_way way,
	struct pst_nat_packet *p, struct pst_nat_opening *o, struct pst_explain *x);
void pst_nat_explain_conn(
	const struct pst_nat *nat, uint32_t i, struct pst_explain *x, uint64_t now_ms);
/* Is it by way of an editor? */
bool pst_nat_is_watched(const struct pst_nat *nat, const struct pst_nat_opening *o);
/* What the client sees in the place of a remote end that has an alias. */
struct pst_endpoint pst_nat_explain_alias(const struct pst_nat *nat, uint32_t i);

/*
 * A pool for a number that has none, with no run: its runs are the worker's then. It is the nat's
 * from now on.
 */
void pst_nat_add_pool(struct pst_nat *nat, uint32_t address, enum pst_nat_pool pool,
	struct pst_portpool *added);
/* Such a pool; main makes it. NULL, with rte_errno set. */
struct pst_portpool *pst_nat_make_pool(const struct pst_nat *nat,
	const struct pst_nat_params *params, uint32_t address, enum pst_nat_pool pool, uint64_t runs,
	int socket);

/* Go by other params, and count by other counters: those of until now are in the request then. */
void pst_nat_set(struct pst_nat *nat, struct pst_req *req);

/*
 * walk.c: hold the next piece of what is open against a config: of a PST_REQ_WALK, whose cursor is
 * 0 behind the last.
 */
void pst_nat_walk(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms);

/*
 * The first side's SYN on a connection that is over: the same ports again. What an
 * editor knows of the old one, and its offsets, are not the new one's.
 */
static inline bool
pst_nat_begins_anew(const struct pst_conn *c, enum pst_way way, uint8_t tcp_flags)
{
	return pst_conn_dir(c, way) == PST_DIR_ORIG && pst_key_low(c->remote) == PST_TCP &&
		c->state != PST_TCP_SYN_SENT &&
		pst_tcp_event(tcp_flags) == PST_TCP_EV_SYN &&
		pst_fsm_next(PST_TCP, c->state, PST_DIR_ORIG, tcp_flags) == PST_TCP_SYN_SENT;
}

static inline bool
pst_nat_ask_filters(const struct pst_nat *nat, enum pst_way way, struct pst_nat_packet *p)
{
	return likely(nat->params->filters == NULL) || pst_nat_ask_any_filter(nat, way, p);
}

/* Does the connection drop what goes this way? */
static inline bool
pst_nat_refuses(const struct pst_conn *c, enum pst_way way, enum pst_drop *why)
{
	if (likely(!(c->flags & (PST_CONN_RECEIVE_ONLY | PST_CONN_DENIED))))
		return false;
	*why = c->flags & PST_CONN_DENIED ? PST_DROP_EDITOR_DENIED : PST_DROP_RECEIVE_ONLY;
	return c->flags & PST_CONN_DENIED || way == PST_WAY_OUT;
}

static inline bool
pst_nat_touch(struct pst_nat *nat, uint32_t i, enum pst_way way, uint8_t tcp_flags,
	uint64_t now_ms, enum pst_drop *why)
{
	if (unlikely(pst_nat_refuses(&nat->conns.hot[i], way, why)))
		return false;
	pst_nat_advance(nat, i, way, tcp_flags, now_ms);
	return true;
}

static inline void
pst_nat_advance(
	struct pst_nat *nat, uint32_t i, enum pst_way way, uint8_t tcp_flags, uint64_t now_ms)
{
	struct pst_conn *c = &nat->conns.hot[i];
	uint8_t proto = pst_key_low(c->remote), before = c->state;
	enum pst_dir dir = pst_conn_dir(c, way);
	bool refreshes = way == PST_WAY_OUT || !(c->flags & PST_CONN_OUT_REFRESHES);

	c->state = pst_fsm_next(proto, before, dir, tcp_flags);
	if (likely(pst_fsm_refreshes(proto, c->state, dir, tcp_flags, refreshes)))
		c->last_ms = now_ms;
	if (unlikely(c->state != before)) {
		c->last_ms = now_ms;
		pst_nat_moved(nat, i, now_ms);
	}
}
