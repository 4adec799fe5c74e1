/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/worker_priv.h"

#include <stdio.h>

#include <rte_atomic.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_hash.h>
#include <rte_malloc.h>

#include "base/err.h"
#include "worker/fast.h"

#define EXPIRE_A_ROUND 64
#define PREFETCH_AHEAD 8u
#define READINGS 100
_Static_assert(PST_TIMED_LOTS == 1 << (32 - 26), "timed_lot's top bits");
#define DATAGRAMS 1024 /* in pieces, at a time */
#define FRAGMENTS 1024 /* that wait for their first */

/* All that was read is there; what was written may still be on its way. */
static inline uint64_t
read_tsc(void)
{
	rte_rmb();
	return rte_rdtsc();
}

/* What it takes to read the TSC, in ticks: no stage's, as other loops don't read it. */
static uint64_t
reading_ticks(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < READINGS; i++) {
		uint64_t start = read_tsc();

		least = RTE_MIN(least, read_tsc() - start);
	}
	return least;
}

struct pst_worker *
pst_worker_create(const struct pst_worker_params *params)
{
	char name[RTE_HASH_NAMESIZE];
	struct pst_worker *w;

	w = rte_zmalloc_socket("pst_worker", sizeof(*w), RTE_CACHE_LINE_SIZE, params->socket);
	if (w == NULL)
		return pst_null(ENOMEM);
	w->params = *params;
	w->next_id = params->index;
	w->untimed = PST_TIMED_FROM;
	w->reading_ticks = reading_ticks();
	snprintf(name, sizeof(name), "frag%u-%p", params->index, (void *)w);
	w->frags = pst_frags_create(name, DATAGRAMS, FRAGMENTS, params->socket);
	w->hold = pst_hold_create(params->socket);
	if (w->frags == NULL || w->hold == NULL) {
		pst_frags_destroy(w->frags);
		rte_free(w->hold);
		rte_free(w);
		return pst_null(ENOMEM);
	}
	w->nat = params->nat;
	w->stats.connections_most = w->nat->conns.slots.capacity;
	w->stats.binds_most = w->nat->binds.slots.capacity;
	w->stats.listeners_most = w->nat->listeners.slots.capacity;
	w->stats.clients_most = w->nat->clients.slots.capacity;
	return w;
}

void
pst_worker_destroy(struct pst_worker *w)
{
	if (w == NULL)
		return;
	pst_nat_destroy(w->nat);
	pst_frags_destroy(w->frags);
	rte_free(w->hold);
	rte_free(w);
}

const struct pst_worker_stats *
pst_worker_stats(const struct pst_worker *w)
{
	return &w->stats;
}

struct pst_nat *
pst_worker_nat(struct pst_worker *w)
{
	return w->nat;
}

const struct pst_rss_check *
pst_worker_rss(const struct pst_worker *w, uint16_t port)
{
	return &w->rss[port];
}

/*
 * A burst goes through the stages in pieces, three of them in flight: while one waits for its
 * buckets and another for its entries, a third has both. A packet asks for three cold lines: its
 * own, a bucket, an entry. More than two dozen at once only queue for the core's miss buffers:
 * pieces of 16 cost UDP 10 ns more at a million flows and 3 ns less at 65,536. One by one
 * through the stages, instead of in pieces, packets of UDP cost 1 to 5 ns more.
 */
#define PIECE 8u

struct piece {
	struct job *jobs;
	uint32_t n;
};

/* Packets that found no connection, to be opened together. */
struct missed {
	struct job *jobs[PIECE];
	uint32_t n;
};

#define ANY_WAY PST_WAYS /* that of the interface which each packet came in by */

/* Is it a packet of another interface than the one before? */
static inline bool
is_of_another(const struct fast_in *in, const struct rte_mbuf *m)
{
	return m->port != in->port ||
		!fast_is_of(in, rte_pktmbuf_mtod(m, const struct rte_ether_hdr *));
}

/* Sort a packet; true when it is to be looked up, else it was dealt with. */
static __rte_always_inline bool
sort_one(struct pst_worker *w, const struct pst_flowtable *flows, struct fast_in *in,
	struct job *job, enum pst_way way, bool handed, uint64_t now_ms)
{
	if (way == ANY_WAY && unlikely(is_of_another(in, job->m))) {
		fast_leave(w, in, handed);
		fast_enter(in, w->params.net, job->m);
	}
	job->common = fast_sort(w, flows, in, job, way == ANY_WAY ? (enum pst_way)in->way : way);
	if (likely(job->common)) {
		if (way == ANY_WAY)
			job->way = in->way;
	} else {
		job->second = job->counted = false;
		if (!pst_worker_sort(w, job, handed, now_ms))
			return false;
		fast_ask(flows, job, job->key);
	}
	return true;
}

/* Sort packets, ask for the buckets of those to be looked up. Returns how many these are. */
static __rte_always_inline uint32_t
sort_piece(struct pst_worker *w, struct fast_in *in, struct job *jobs, struct rte_mbuf **m,
	uint32_t n, enum pst_way way, bool handed, uint64_t now_ms)
{
	const struct pst_flowtable flows = w->nat->conns.flows; /* the copy is not read anew */
	uint32_t n_jobs = 0;

	for (uint32_t k = 0; k < n; k++) {
		jobs[n_jobs].m = m[k];
		if (likely(sort_one(w, &flows, in, &jobs[n_jobs], way, handed, now_ms)))
			n_jobs++;
	}
	return n_jobs;
}

/* Has no packet's key. */
static struct pst_conn nobody;

/* The buckets are here: ask for the entries. */
static __rte_always_inline void
prefetch_entries(const struct pst_conn_table *conns, const struct piece *piece)
{
	struct pst_conn *hot = conns->hot;

	for (uint32_t k = 0; k < piece->n; k++) {
		struct job *job = &piece->jobs[k];
		uint32_t value = pst_flow_guess(job->bucket, job->sig);

		job->guess = likely(value != PST_FLOW_NONE) ? &hot[value >> 1] : &nobody;
		rte_prefetch0(job->guess);
	}
}

/* A packet of a connection. */
static __rte_always_inline void
forward_one(struct pst_worker *w, struct fast_out *out, struct job *job, struct pst_conn *c,
	enum pst_way way, bool handed, uint64_t now_ms)
{
	if (likely(job->common)) {
		if (likely(fast_forward(w, out, job, c, way, now_ms)))
			return;
		/* not common, after all: what the sorting left out */
		job->second = false;
		job->counted = true;
		if (!pst_worker_sort(w, job, handed, now_ms))
			return;
	}
	pst_worker_forward(w, job, c - w->nat->conns.hot, now_ms);
}

/* Of a packet that found no connection: open one, unless one before it did. */
static void
open_one(struct pst_worker *w, struct job *job, bool handed, uint64_t now_ms)
{
	const struct pst_conn_table *conns = &w->nat->conns;
	uint32_t found;

	if (job->common) { /* what the sorting left out may lead elsewhere */
		job->second = false;
		job->counted = true;
		if (pst_worker_sort(w, job, handed, now_ms))
			pst_worker_go(w, job, now_ms);
		return;
	}
	found = pst_conn_lookup(conns, pst_flow_hash(&conns->flows, job->key), job->key);
	if (found != PST_FLOW_NONE)
		pst_worker_forward(w, job, found >> 1, now_ms);
	else
		pst_worker_open(w, job, now_ms);
}

/* Ask for all that opening needs, then open. */
static __rte_noinline void
open_missed(struct pst_worker *w, const struct missed *missed, bool handed, uint64_t now_ms)
{
	struct pst_rng ahead = w->nat->rng;

	for (uint32_t k = 0; k < missed->n; k++) {
		const struct job *job = missed->jobs[k];
		struct pst_nat_packet p = { .key = job->key, .proto = pst_key_low(job->key.a) };

		pst_nat_prefetch(w->nat, (enum pst_way)job->way, &p, k);
	}
	for (uint32_t k = 0; k < missed->n; k++) {
		const struct job *job = missed->jobs[k];
		struct pst_nat_packet p = { .key = job->key, .proto = pst_key_low(job->key.a) };

		pst_nat_prefetch_port(w->nat, (enum pst_way)job->way, &p, &ahead);
	}
	for (uint32_t k = 0; k < missed->n; k++)
		open_one(w, missed->jobs[k], handed, now_ms);
}

/* The guess was wrong: the bucket's other values, and the buckets behind it. NULL: none. */
static __rte_noinline struct pst_conn *
look_again(const struct pst_conn_table *conns, const struct job *job)
{
	uint32_t found = pst_conn_lookup(conns, pst_flow_hash(&conns->flows, job->key), job->key);

	return found != PST_FLOW_NONE ? &conns->hot[found >> 1] : NULL;
}

/*
 * The entries are here too. Nothing on the way of a burst ends a connection, so an entry
 * that has the key is the one that a lookup would find. What follows a packet without a
 * connection finds none either until that is opened, and then stands behind it.
 */
static __rte_always_inline void
forward_piece(struct pst_worker *w, struct fast_out *out, const struct piece *piece,
	enum pst_way way, bool handed, uint64_t now_ms)
{
	const struct pst_conn_table *conns = &w->nat->conns;
	struct missed missed;

	missed.n = 0;
	for (uint32_t k = 0; k < piece->n; k++) {
		struct job *job = &piece->jobs[k];
		enum pst_way its = way == ANY_WAY ? (enum pst_way)job->way : way;
		struct pst_conn *c = job->guess;

		if (unlikely(!pst_conn_has(c, job->key, its)))
			c = look_again(conns, job);
		if (likely(c != NULL)) {
			forward_one(w, out, job, c, its, handed, now_ms);
			continue;
		}
		if (way != ANY_WAY)
			job->way = way;
		missed.jobs[missed.n++] = job;
	}
	if (unlikely(missed.n > 0))
		open_missed(w, &missed, handed, now_ms);
}

static __rte_always_inline void
process_way(struct pst_worker *w, struct fast_in *in, struct rte_mbuf **m, uint32_t n,
	enum pst_way way, bool handed, uint64_t now_ms)
{
	struct job jobs[3][PIECE];
	struct piece sorted = { jobs[0], 0 }, asked = { jobs[1], 0 }, ready = { jobs[2], 0 };
	struct fast_out out;

	fast_out_init(&out);
	for (uint32_t at = 0; at < n || sorted.n > 0 || asked.n > 0;) {
		struct piece free = ready;
		uint32_t count = RTE_MIN(n - at, PIECE);

		ready = asked;
		asked = sorted;
		sorted = free;
		for (uint32_t k = at + PREFETCH_AHEAD; k < at + count + PREFETCH_AHEAD && k < n; k++)
			rte_prefetch0(rte_pktmbuf_mtod(m[k], void *));
		sorted.n = sort_piece(w, in, sorted.jobs, m + at, count, way, handed, now_ms);
		prefetch_entries(&w->nat->conns, &asked);
		forward_piece(w, &out, &ready, way, handed, now_ms);
		at += count;
	}
	fast_leave(w, in, handed);
	fast_out_leave(w, &out);
}

/* The same code three times, as straight as the packets are alike. */

static __rte_noinline void
process_out(struct pst_worker *w, struct fast_in *in, struct rte_mbuf **m, uint32_t n,
	uint64_t now_ms)
{
	process_way(w, in, m, n, PST_WAY_OUT, false, now_ms);
}

static __rte_noinline void
process_in(struct pst_worker *w, struct fast_in *in, struct rte_mbuf **m, uint32_t n,
	uint64_t now_ms)
{
	process_way(w, in, m, n, PST_WAY_IN, false, now_ms);
}

static __rte_noinline void
process_any(struct pst_worker *w, struct fast_in *in, struct rte_mbuf **m, uint32_t n,
	bool handed, uint64_t now_ms)
{
	process_way(w, in, m, n, (enum pst_way)ANY_WAY, handed, now_ms);
}

/* Packets of one port, or handed over. */
static void
process(struct pst_worker *w, struct rte_mbuf **m, uint32_t n, bool handed, uint64_t now_ms)
{
	struct fast_in in;

	for (uint32_t k = 0; k < n && k < PREFETCH_AHEAD; k++)
		rte_prefetch0(rte_pktmbuf_mtod(m[k], void *));
	fast_enter(&in, w->params.net, m[0]);
	if (handed || w->params.net->n_of_port[in.port] > 1)
		process_any(w, &in, m, n, handed, now_ms);
	else if (in.way == PST_WAY_OUT)
		process_out(w, &in, m, n, now_ms);
	else
		process_in(w, &in, m, n, now_ms);
}

/* With a tap, one by one. */

static void
go_one(struct pst_worker *w, struct rte_mbuf *m, bool handed, uint64_t now_ms)
{
	process(w, &m, 1, handed, now_ms);
}

static void
go_again(struct pst_worker *w, struct rte_mbuf *m, bool handed, uint64_t now_ms)
{
	pst_worker_again(w, m, handed, now_ms);
}

static void
go_out(struct pst_worker *w, struct rte_mbuf *m, bool handed, uint64_t now_ms)
{
	(void)handed;
	(void)now_ms;
	pst_worker_send(w, m, pst_tag(m)->iface);
}

static __rte_noinline void
process_tapped(struct pst_worker *w, struct rte_mbuf **m, uint32_t n, uint64_t now_ms)
{
	for (uint32_t k = 0; k < n; k++)
		pst_tap_packet(w, m[k], false, go_one, now_ms);
}

static bool
is_second(const struct pst_tag *tag)
{
	return tag->kind == PST_TAG_HAIRPIN ||
		(tag->kind == PST_TAG_FRAGMENT && (tag->flags & PST_TAG_SECOND));
}

static __rte_noinline void
take_over_tapped(struct pst_worker *w, struct rte_mbuf **m, uint32_t n, uint64_t now_ms)
{
	for (uint32_t k = 0; k < n; k++) {
		const struct pst_tag *tag = pst_tag(m[k]);

		if (tag->kind == PST_TAG_SEND)
			pst_tap_made(w, m[k], PST_TAP_MADE, go_out, now_ms);
		else
			pst_tap_packet(w, m[k], true, is_second(tag) ? go_again : go_one, now_ms);
	}
}

static uint32_t
poll_ports(struct pst_worker *w, uint64_t now_ms)
{
	struct rte_mbuf *m[PST_BURST];
	uint32_t total = 0, n;

	for (uint32_t k = 0; k < w->params.n_ports; k++) {
		uint16_t port = w->params.port_ids[k];
		uint16_t queue = w->params.ports[port].rx_queue;

		if (queue == PST_NO_QUEUE)
			continue;
		n = rte_eth_rx_burst(port, queue, m, PST_BURST);
		if (n == 0)
			continue;
		w->stats.account.received += n;
		if (unlikely(w->tap != NULL))
			process_tapped(w, m, n, now_ms);
		else
			process(w, m, n, false, now_ms);
		pst_worker_expect(w, total > 0);
		total += n;
	}
	return total;
}

/* From another worker: packets that are ours to translate, or that only we can send. */
static uint32_t
poll_worker(struct pst_worker *w, struct rte_ring *ring, uint64_t now_ms)
{
	struct rte_mbuf *m[PST_BURST];
	uint32_t n = rte_ring_sc_dequeue_burst(ring, (void **)m, PST_BURST, NULL), ours = 0;

	w->stats.taken_over += n;
	if (unlikely(w->tap != NULL)) {
		take_over_tapped(w, m, n, now_ms);
		return n;
	}
	for (uint32_t k = 0; k < n; k++) {
		const struct pst_tag *tag = pst_tag(m[k]);

		if (tag->kind == PST_TAG_SEND)
			pst_worker_send(w, m[k], tag->iface);
		else if (is_second(tag))
			pst_worker_again(w, m[k], true, now_ms);
		else
			m[ours++] = m[k];
	}
	if (ours > 0)
		process(w, m, ours, true, now_ms);
	return n;
}

static uint32_t
poll_main(struct pst_worker *w, uint64_t now_ms)
{
	struct rte_mbuf *m[PST_BURST];
	uint32_t n;

	n = rte_ring_sc_dequeue_burst(w->params.main->to_worker, (void **)m, PST_BURST, NULL);
	for (uint32_t k = 0; k < n; k++) {
		if (unlikely(w->tap != NULL))
			pst_tap_made(w, m[k], PST_TAP_MADE, go_out, now_ms);
		else
			pst_worker_send(w, m[k], pst_tag(m[k])->iface);
	}
	return n;
}

static void
publish_sizes(struct pst_worker *w)
{
	const struct pst_nat *nat = w->nat;

	w->stats.connections = pst_slots_used(&nat->conns.slots);
	w->stats.binds = pst_slots_used(&nat->binds.slots);
	w->stats.listeners = pst_slots_used(&nat->listeners.slots);
	w->stats.clients = pst_slots_used(&nat->clients.slots);
	w->stats.clients_total = nat->clients.total;
	w->stats.connections_total = nat->connections_total;
	w->stats.binds_total = nat->binds_total;
	w->stats.listeners_total = nat->listeners_total;
}

/* Two readings of the TSC a loop, each of them exact, would be seen by packets: few loops pay. */
static inline void
begin_loop(struct pst_worker *w)
{
	if (likely(--w->untimed > 0))
		return;
	w->timed_lot = w->timed_lot * 1664525u + 1013904223u;
	/* in step with nobody who calls */
	w->untimed = PST_TIMED_FROM + (w->timed_lot >> 26);
	w->stats.timed_loops++;
	w->stage_start = read_tsc();
}

static inline void
end_stage(struct pst_worker *w, enum pst_stage stage)
{
	uint64_t now;

	if (likely(w->stage_start == 0))
		return;
	now = read_tsc();
	w->stats.stage_ticks[stage] += now - w->stage_start -
		RTE_MIN(now - w->stage_start, w->reading_ticks);
	w->stage_start = now;
}

static __rte_noinline void
end_timed_loop(struct pst_worker *w, bool busy)
{
	uint64_t ticks = 0;

	for (int i = 0; i < PST_STAGES; i++)
		ticks += w->stats.stage_ticks[i];
	if (busy)
		w->stats.busy_ticks += ticks - w->ticks_before;
	w->ticks_before = ticks;
	w->stage_start = 0;
}

uint32_t
pst_worker_poll(struct pst_worker *w, uint64_t now_ms)
{
	uint32_t done;

	begin_loop(w);
	done = poll_ports(w, now_ms);
	for (uint32_t k = 0; k < w->params.n_workers; k++) {
		if (w->params.from[k] != NULL)
			done += poll_worker(w, w->params.from[k], now_ms);
	}
	done += pst_worker_take_back(w, now_ms);
	done += poll_main(w, now_ms);
	end_stage(w, PST_STAGE_FORWARD);
	done += pst_worker_serve(w, now_ms);
	end_stage(w, PST_STAGE_SERVE);
	done += pst_nat_expire(w->nat, now_ms, EXPIRE_A_ROUND);
	pst_worker_expire_fragments(w, now_ms);
	done += pst_worker_answer_syns(w, now_ms);
	end_stage(w, PST_STAGE_EXPIRE);
	pst_worker_flush(w);
	publish_sizes(w);
	end_stage(w, PST_STAGE_REST);
	if (unlikely(w->stage_start != 0))
		end_timed_loop(w, done > 0);
	w->stats.loops++;
	w->stats.busy_loops += done > 0;
	return done;
}

static void
drain_ring(struct pst_worker *w, struct rte_ring *ring)
{
	void *m;

	while (ring != NULL && rte_ring_sc_dequeue(ring, &m) == 0)
		drop(w, m, PST_DROP_STOPPED);
}

void
pst_worker_drain(struct pst_worker *w, uint64_t now_ms)
{
	(void)now_ms;
	pst_worker_walk_stop(w);
	pst_worker_expire_fragments(w, UINT64_MAX);
	for (uint32_t k = 0; k < w->params.n_workers; k++)
		drain_ring(w, w->params.from[k]);
	for (uint32_t e = 0; e < w->params.n_editors; e++)
		drain_ring(w, w->params.editors[e]->to_worker);
	drain_ring(w, w->params.main->to_worker);
}
