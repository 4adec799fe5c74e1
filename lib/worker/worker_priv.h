/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files behind worker.h share. */
#pragma once

#include "worker/worker.h"

#include "chan/tap.h"
#include "packet/csum.h"
#include "packet/view.h"
#include "worker/frag.h"
#include "worker/reply.h"

struct tx_buffer {
	uint32_t n;
	struct rte_mbuf *packets[PST_BURST];
};

/* Asking the other workers for a run of ports. */
struct run_ask {
	uint32_t peer; /* asked last */
	uint32_t refusals; /* one after another */
	enum pst_nat_want refused_want; /* by all, until retry_ms */
	uint64_t retry_ms;
	bool under_way;
};

/* Tables that are looked through: walk.c. */
struct walk {
	struct pst_req *first, *last; /* the first is under way; the last is undefined without it */
	uint64_t next;	  /* TSC: not before, while there are packets */
	uint64_t packets; /* that had been here when it was looked at last */
};

struct pst_worker {
	struct pst_worker_params params; /* const after create */
	struct pst_nat *nat;
	struct tx_buffer tx[PST_NET_PORTS];      /* by port */
	struct tx_buffer out[PST_WORKERS_MAX];   /* hand-over, by worker */
	struct tx_buffer lent[PST_EDITORS_MAX];  /* by editor lcore */
	uint64_t icmp_second;  /* of the rate limit of ICMP errors */
	uint32_t icmp_budget;
	struct pst_rss_check rss[PST_NET_PORTS];
	struct pst_frags *frags;
	struct pst_hold *hold;
	struct run_ask run_ask;
	struct walk walk;
	struct pst_req *reload_walk; /* a PST_REQ_WALK that is not through; NULL: none */
	uint16_t next_id; /* of datagrams that leave */
	uint32_t untimed, timed_lot; /* loops until one is timed; by lot */
	uint64_t reading_ticks; /* of a TSC reading alone */
	uint64_t stage_start; /* TSC; 0: this loop is not timed */
	uint64_t ticks_before; /* of all stages, when the last timed loop had ended */
	struct pst_tap *tap;  /* beside what each loop reads; NULL: there is no capture */
	struct pst_worker_stats stats; /* main reads, relaxed */
};

/* Where a packet goes to from here. */
struct pst_next {
	uint16_t iface;
	rte_be32_t ip;
	uint64_t word; /* of the neighbour table; 0: to be resolved */
};

/* One packet in a burst. */
struct job {
	struct rte_mbuf *m;
	struct pst_flow_key key;
	const struct pst_flow_bucket *bucket; /* where the lookup begins, */
	uint16_t sig;			      /* with this */
	bool common;
	uint8_t way;    /* enum pst_way */
	struct pst_conn *guess; /* what the lookup will find, most likely */
	/* of a common packet (fast.h), which has none of what follows */
	uint8_t l2_len;
	uint16_t ip_len;
	struct rte_ipv4_hdr *ip;
	/* of all others */
	bool counted; /* as received, already */
	bool dealt;   /* a fragment whose ports are known */
	bool second;  /* by hairpin: a client's, translated, as if it came from outside */
	uint16_t iface; /* that it came in by */
	uint32_t through; /* the redirect that it came by, PST_SLOT_NONE: none */
	struct pst_view v;
} __rte_cache_aligned;

/*
 * IP identifiers of what leaves by an outside address, which many clients share (RFC 6864 section
 * 5.3.1): no two workers make the same one.
 */
static inline rte_be16_t
pst_worker_make_id(struct pst_worker *w)
{
	w->next_id += w->params.n_workers;
	return rte_cpu_to_be_16(w->next_id);
}

static inline void
pst_worker_set_id(struct rte_ipv4_hdr *ip, rte_be16_t id)
{
	ip->hdr_checksum = pst_csum_apply(
		ip->hdr_checksum, pst_csum_fold(pst_csum_change16(ip->packet_id, id)));
	ip->packet_id = id;
}

/* A datagram that somebody may cut: what must not be cut needs none, and pieces have theirs. */
static inline void
pst_worker_renumber(struct pst_worker *w, struct rte_ipv4_hdr *ip)
{
	if (ip->fragment_offset == 0)
		pst_worker_set_id(ip, pst_worker_make_id(w));
}

static inline void
drop(struct pst_worker *w, struct rte_mbuf *m, enum pst_drop why)
{
	w->stats.account.dropped[why]++;
	rte_pktmbuf_free(m);
}

/*
 * input.c: sort a packet; true when it is to be looked up, else it was dealt with. handed: by
 * another worker, which knew that it is ours. job->second and job->counted are set.
 */
bool pst_worker_sort(struct pst_worker *w, struct job *job, bool handed, uint64_t now_ms);

/* The packet's key, once its way and ports are known. */
void pst_worker_set_key(struct job *job);
/* What tells whose a packet is, by its way and port; and the worker that this means. */
struct pst_slot {
	uint8_t by; /* enum pst_steered_by */
	uint8_t index;
};
struct pst_slot pst_worker_slot_of(const struct pst_worker *w, const struct job *job);
uint32_t pst_worker_owner_of(const struct pst_worker *w, const struct job *job);

/*
 * Where an IP packet belongs that was parsed and whose interface is known, from the tables alone;
 * the job's way and `through` are set.
 */
enum pst_place {
	PST_PLACE_HERE,	     /* to be looked up */
	PST_PLACE_ELSEWHERE, /* it is another worker's */
	PST_PLACE_LOCAL,     /* for ourselves */
	PST_PLACE_ODD,	     /* an error or a fragment */
	PST_PLACE_DROP,
};
struct pst_placing {
	enum pst_drop why; /* DROP */
	uint32_t owner;	   /* HERE, ELSEWHERE */
	bool aliased;	   /* HERE: it means a place outside, */
	uint64_t remote;   /* this one */
};
enum pst_place pst_worker_place(
	const struct pst_worker *w, struct job *job, bool handed, struct pst_placing *p);

/* A client's packet to an inside address of ours that means a place outside: put that in. */
void pst_worker_unalias(struct job *job, uint64_t remote);

/* forward.c */

/* The same for NAT. */
struct pst_nat_packet pst_worker_packet_of(const struct job *job, uint64_t now_ms);
/*
 * May it open anything, before NAT is asked: by the packet filters, and by where it goes to.
 * PST_DROP_COUNT or the reason not to. From the tables alone.
 */
enum pst_drop pst_worker_may_open(const struct pst_worker *w, const struct job *job,
	struct pst_nat_packet *p, bool *is_hairpin);
/* Does the client talk to the connection's place by another name, or by none? */
bool pst_worker_is_conflict(
	const struct pst_worker *w, const struct job *job, const struct pst_conn *c);
/* The route to what is `dst` after translation, and the next hop there; NULL: none. */
const struct pst_route *pst_worker_find_hop(const struct pst_worker *w, enum pst_way way,
	rte_be32_t dst, rte_be32_t *next_hop, struct pst_hop *hop);

/* A packet of connection i: state, translate, send or lend. */
void pst_worker_forward(struct pst_worker *w, struct job *job, uint32_t i, uint64_t now_ms);
/* No connection: open one by policy, or say why not. */
void pst_worker_open(struct pst_worker *w, struct job *job, uint64_t now_ms);
/* Translate and send what needs no state any more (from an editor lcore). */
void pst_worker_finish(struct pst_worker *w, struct job *job, uint32_t i, uint64_t now_ms);
/* Send a packet that was translated by the zone's routes. */
void pst_worker_route(struct pst_worker *w, struct job *job, enum pst_net_zone zone);

/* error.c */

/* Tell the sender of job why; limited in rate. */
void pst_worker_error(struct pst_worker *w, const struct job *job, enum pst_icmp_error error,
	uint16_t mtu, uint64_t now_ms);
/* Translate an ICMP error about a packet of a connection of ours, and send it. */
void pst_worker_relay_error(struct pst_worker *w, struct job *job, uint64_t now_ms);

/* hold.c: unsolicited SYNs */

struct pst_hold *pst_hold_create(int socket); /* rte_free() it */
/* A packet from outside finds nothing; if it is a SYN, say so later (RFC 5382 REQ-4). */
void pst_worker_hold_syn(struct pst_worker *w, const struct job *job, uint64_t now_ms);
/* Say so of those that have waited long enough. Returns how many these were. */
uint32_t pst_worker_answer_syns(struct pst_worker *w, uint64_t now_ms);

/* turn.c: packets that start again */

/* A packet to an outside address of ours was translated on its way out: it comes in again. */
void pst_worker_turn(struct pst_worker *w, struct rte_mbuf *m, void *ip, uint64_t now_ms);
/* The same from another worker, or as a whole frame of the external interface. */
void pst_worker_again(struct pst_worker *w, struct rte_mbuf *m, bool handed, uint64_t now_ms);
/* Give a packet that was sorted to another worker, which starts where this one is. */
void pst_worker_hand_on(struct pst_worker *w, struct job *job, uint32_t to);
/* Look the connection of a sorted packet up, and translate it; for one alone. */
void pst_worker_go(struct pst_worker *w, struct job *job, uint64_t now_ms);

/* fragment.c */

/* Sort a fragment and deal with it: with its datagram's ports, as soon as they are known. */
void pst_worker_fragment(struct pst_worker *w, struct job *job, bool handed, uint64_t now_ms);
/* Drop what has waited too long for its first fragment. */
void pst_worker_expire_fragments(struct pst_worker *w, uint64_t now_ms);
/* Cut a packet that is too big for the interface's MTU (RFC 791), and pass the pieces on. */
void pst_worker_cut(struct pst_worker *w, struct rte_mbuf *m, struct rte_ipv4_hdr *ip,
	const struct pst_next *next);

/* mss.c: a SYN of connection c is forwarded: lower what it says of segments' size. */
void pst_worker_clamp_mss(
	const struct pst_worker *w, const struct job *job, const struct pst_conn *c);

/* tx.c */

/* To a next hop; the frame's link-layer header is not written yet. Cut where it must be. */
void pst_worker_pass_on(struct pst_worker *w, struct rte_mbuf *m, struct rte_ipv4_hdr *ip,
	const struct pst_next *next);
/* Queue a complete frame for an interface's port. */
void pst_worker_send(struct pst_worker *w, struct rte_mbuf *m, uint16_t iface);
/* Queue a packet for another worker; the tag's kind is set. */
void pst_worker_hand_over(struct pst_worker *w, struct rte_mbuf *m, uint32_t to);
void pst_worker_lend(struct pst_worker *w, struct rte_mbuf *m, uint32_t editor);
/* To main; the tag is set. */
void pst_worker_to_main(struct pst_worker *w, struct rte_mbuf *m);
void pst_worker_flush_port(struct pst_worker *w, uint16_t port);
void pst_worker_flush(struct pst_worker *w);
void pst_worker_flush_lent(struct pst_worker *w);

/* divert.c */

/* Lend a packet of a watched connection to its editor lcore. */
void pst_worker_divert(struct pst_worker *w, struct job *job, uint32_t i);
/* Take back what editor lcores edited or made. */
uint32_t pst_worker_take_back(struct pst_worker *w, uint64_t now_ms);

/* tap.c: let a packet go its way by `go`, and tell the capture what that was. */
typedef void (*pst_tap_go)(
	struct pst_worker *w, struct rte_mbuf *m, bool handed, uint64_t now_ms);
/* One that came in, or was handed over. */
void pst_tap_packet(
	struct pst_worker *w, struct rte_mbuf *m, bool handed, pst_tap_go go, uint64_t now_ms);
/* The one that is on its way goes on elsewhere, and is to be known there by its id. */
void pst_tap_follow(const struct pst_worker *w, struct pst_tag *tag);
/* One that main, an editor or another worker has made or finished. */
void pst_tap_made(struct pst_worker *w, struct rte_mbuf *m, enum pst_tap_fate fate, pst_tap_go go,
	uint64_t now_ms);

/* explain.c: what would become of a packet, for the operator. */
void pst_worker_explain(const struct pst_worker *w, struct pst_explain *x, uint64_t now_ms);

/* serve.c: requests of all askers, and events to editor lcores. */
uint32_t pst_worker_serve(struct pst_worker *w, uint64_t now_ms);

/* walk.c: take a SHOW or END; and go on with those there are, of which there is one. */
void pst_worker_walk_later(struct pst_worker *w, struct pst_chan *chan, struct pst_req *req);
uint32_t pst_worker_walk(struct pst_worker *w, uint64_t now_ms);
/* Answer those under way, as far as they got, before the worker stops. */
void pst_worker_walk_stop(struct pst_worker *w);

/* Before it: ask for the lines of what editor lcores want. again: not for the first time. */
static inline void
pst_worker_expect(const struct pst_worker *w, bool again)
{
	for (uint32_t e = 0; e < w->params.n_editors; e++)
		pst_chan_expect(w->params.editors[e], again);
}
