/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYNs from outside that nobody asked for (RFC 5382 REQ-4): silence for six seconds, in which a
 * client may open the same connection from its side (then both have, at once, and nothing is
 * said), and then "port unreachable". The packet was dropped and counted when it came; what is
 * kept is its headers, of so many packets at a time. More than these, as of a flood, get silence.
 */
#include <string.h>

#include <rte_malloc.h>

#include "worker/worker_priv.h"

#define HOLD_MAX 1024 /* a power of two */
#define HOLD_BYTES 128 /* of a frame; a SYN that is longer gets silence, too */

struct held_syn {
	uint64_t due_ms;
	struct pst_flow_key key;
	uint16_t iface, ip_offset;
	bool second;
	uint8_t frame[HOLD_BYTES] __rte_aligned(4); /* as in an mbuf */
};

/* All wait equally long: a queue. */
struct pst_hold {
	uint32_t head, tail; /* counts; of entries taken out, and put in */
	struct held_syn syns[HOLD_MAX];
};

struct pst_hold *
pst_hold_create(int socket)
{
	return rte_zmalloc_socket("pst_hold", sizeof(struct pst_hold), 0, socket);
}

static bool
is_bare_syn(const struct pst_view *v)
{
	const uint8_t kind =
		RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_FIN_FLAG;

	return v->kind == PST_VIEW_L4 && v->proto == IPPROTO_TCP &&
		(v->tcp_flags & kind) == RTE_TCP_SYN_FLAG;
}

void
pst_worker_hold_syn(struct pst_worker *w, const struct job *job, uint64_t now_ms)
{
	struct pst_hold *hold = w->hold;
	uint32_t wait_ms = w->nat->params->timeouts_ms[PST_TIMEOUT_SYN_HOLD];
	uint32_t ip_offset = (uint8_t *)job->v.ip - job->v.l2;
	uint32_t len = ip_offset + pst_view_ip_len(&job->v);
	struct held_syn *syn = &hold->syns[hold->tail % HOLD_MAX];

	if (!is_bare_syn(&job->v) || wait_ms == 0 || len > HOLD_BYTES ||
		hold->tail - hold->head == HOLD_MAX)
		return;
	hold->tail++;
	syn->due_ms = now_ms + wait_ms;
	syn->key = job->key;
	syn->iface = job->iface;
	syn->ip_offset = ip_offset;
	syn->second = job->second;
	memcpy(syn->frame, job->v.l2, len);
}

/* Nobody has opened it from inside meanwhile. */
static void
answer(struct pst_worker *w, struct held_syn *syn, uint64_t now_ms)
{
	struct job job = { .iface = syn->iface, .way = PST_WAY_IN, .second = syn->second };
	uint64_t hash = pst_flow_hash(&w->nat->conns.flows, syn->key);

	if (pst_conn_lookup(&w->nat->conns, hash, syn->key) != PST_FLOW_NONE)
		return;
	job.v.l2 = syn->frame;
	job.v.ip = (struct rte_ipv4_hdr *)(syn->frame + syn->ip_offset);
	job.v.kind = PST_VIEW_L4;
	job.v.src = job.v.ip->src_addr;
	pst_worker_error(w, &job, PST_ICMP_PORT_UNREACHABLE, 0, now_ms);
}

uint32_t
pst_worker_answer_syns(struct pst_worker *w, uint64_t now_ms)
{
	struct pst_hold *hold = w->hold;
	uint32_t n = 0;

	for (; hold->head != hold->tail && n < PST_BURST; hold->head++, n++) {
		struct held_syn *syn = &hold->syns[hold->head % HOLD_MAX];

		if (syn->due_ms > now_ms)
			break;
		answer(w, syn, now_ms);
	}
	return n;
}
