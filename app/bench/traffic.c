/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic.h"

#include <string.h>

#include <rte_arp.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#define GREET_POLLS 1024 /* empty polls between two greetings */
#define LEARN_POLLS 256 /* empty polls before what got lost is sent again */
#define CHECK_MEAN 64

struct pst_traffic pst_traffic;

/* Flow numbers from plan.flows on belong to no round: the greeting is the first of them. */
static uint32_t
greeting(void)
{
	return pst_traffic.params.plan.flows;
}

static bool
is_learnt(uint32_t flow)
{
	return pst_traffic.learnt[flow].port != 0;
}

static void
put_frame(const struct pst_maker *maker, struct rte_mbuf *pkt, uint32_t flow)
{
	const struct pst_plan *plan = &pst_traffic.params.plan;
	struct pst_endpoint4 server = pst_plan_server(plan, flow);
	uint8_t *data = rte_pktmbuf_mtod(pkt, uint8_t *);

	if (maker->port == 0)
		pst_frame_make(data, maker->use, flow, pst_plan_client(plan, flow), server);
	else
		pst_frame_make(data, maker->use, flow, server, pst_traffic.learnt[flow]);
	if (unlikely(plan->size > sizeof(maker->base.line)))
		memset(data + sizeof(maker->base.line), 0, plan->size - sizeof(maker->base.line));
}

/* Name the flows of the coming burst and ask for their lines. Each round has its own order. */
static void
plan_burst(struct pst_maker *maker)
{
	const struct pst_plan *plan = &pst_traffic.params.plan;
	uint32_t key = ((maker->cursor >> plan->bits) * 2 + maker->port + 1) * 0x9e3779b1u;

	for (uint32_t i = 0; i < PST_TRAFFIC_BURST; i++)
		maker->next[i] = pst_plan_shuffle(plan, maker->cursor + i * maker->step, key);
	if (maker->port != 0)
		for (uint32_t i = 0; i < PST_TRAFFIC_BURST; i++)
			rte_prefetch0(&pst_traffic.learnt[maker->next[i]]);
}

/* Frames of all flows, round after round; in setup mode there is one round only. */
static uint16_t
make_shuffled(struct pst_maker *maker, struct rte_mbuf **pkts, uint16_t n)
{
	n = RTE_MIN(n, PST_TRAFFIC_BURST);
	for (uint16_t i = 0; i < n; i++)
		put_frame(maker, pkts[i], maker->next[i]);
	maker->cursor += n * maker->step;
	plan_burst(maker);
	return n;
}

static uint16_t
make_greeting(struct pst_maker *maker, struct rte_mbuf **pkts)
{
	if (maker->first != 0 || maker->polls % GREET_POLLS != 0)
		return 0;
	if (maker->port != 0 && !is_learnt(greeting()))
		return 0;
	put_frame(maker, pkts[0], greeting());
	return 1;
}

/*
 * Frames of the flows whose outside endpoint is not known yet, in order; or whose answer has
 * not come through, when the outside answers.
 */
static uint16_t
make_unlearnt(struct pst_maker *maker, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t flows = pst_traffic.params.plan.flows;
	bool answers = maker->phase == PST_PHASE_ANSWER;
	uint16_t made = 0;

	if (maker->port != answers)
		return 0;
	if (maker->idle > 0) {
		maker->idle--;
		return 0;
	}
	for (; made < n && maker->cursor < flows; maker->cursor += maker->step)
		if (answers ? !pst_traffic.answered[maker->cursor] : !is_learnt(maker->cursor))
			put_frame(maker, pkts[made++], maker->cursor);
	if (maker->cursor >= flows) {
		maker->cursor = maker->first;
		maker->idle = LEARN_POLLS;
	}
	return made;
}

static void
enter_phase(struct pst_maker *maker, uint32_t phase)
{
	bool opens = phase < PST_PHASE_WARM || pst_traffic.params.mode == PST_TRAFFIC_SETUP;

	maker->phase = phase;
	maker->use = opens ? &maker->first_base : &maker->base;
	if (phase == PST_PHASE_LEARN || phase == PST_PHASE_ANSWER || phase == PST_PHASE_WARM)
		maker->cursor = maker->first;
	plan_burst(maker);
}

static uint16_t
make_replay(struct pst_maker *maker, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t flows = pst_traffic.params.plan.flows;

	if (pst_traffic.params.mode == PST_TRAFFIC_SETUP) {
		if (maker->port != 0 || maker->cursor >= flows)
			return 0;
		n = RTE_MIN(n, (flows - maker->cursor + maker->step - 1) / maker->step);
	}
	return make_shuffled(maker, pkts, n);
}

static void
meter_burst(uint32_t n)
{
	struct pst_meter *meter = pst_traffic.meters[rte_lcore_id() % RTE_MAX_LCORE];

	if (meter != NULL && n > 0)
		pst_meter_note(meter, n, pst_traffic.params.window);
}

static uint16_t
make_burst(struct pst_maker *maker, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t phase = pst_traffic_phase();
	uint16_t made = 0;

	if (unlikely(phase != maker->phase))
		enter_phase(maker, phase);
	switch (phase) {
	case PST_PHASE_MEASURE:
		made = make_replay(maker, pkts, n);
		meter_burst(made);
		break;
	case PST_PHASE_WARM:
		made = make_shuffled(maker, pkts, n);
		break;
	case PST_PHASE_LEARN:
	case PST_PHASE_ANSWER:
		made = make_unlearnt(maker, pkts, n);
		break;
	case PST_PHASE_GREET:
		made = make_greeting(maker, pkts);
		break;
	}
	maker->made += made;
	return made;
}

/* Take the waiting ARP reply, if there is one. */
static bool
take_arp(struct pst_maker *maker, struct rte_mbuf *pkt)
{
	struct pst_arp_slot *slot = &pst_traffic.arp[maker->port];
	uint32_t full = 2;

	if (likely(atomic_load_explicit(&slot->state, memory_order_relaxed) != full))
		return false;
	if (!atomic_compare_exchange_strong(&slot->state, &full, 1))
		return false;
	memcpy(rte_pktmbuf_mtod(pkt, void *), slot->frame, sizeof(slot->frame));
	atomic_store(&slot->state, 0);
	maker->arp_replies++;
	return true;
}

uint16_t
pst_traffic_rx(uint16_t port __rte_unused, uint16_t queue __rte_unused, struct rte_mbuf **pkts,
	uint16_t n, uint16_t max __rte_unused, void *arg)
{
	struct pst_maker *maker = arg;
	uint16_t kept = 0;

	maker->polls++;
	if (n == 0)
		return 0;
	if (unlikely(take_arp(maker, pkts[0])))
		kept = 1;
	kept += make_burst(maker, pkts + kept, n - kept);
	if (unlikely(kept < n))
		rte_pktmbuf_free_bulk(pkts + kept, n - kept);
	return kept;
}

/* What the program under test asks for, it gets: all addresses are the maker's. */
static void
answer_arp(struct pst_checker *checker, const uint8_t *data)
{
	struct pst_arp_slot *slot = &pst_traffic.arp[checker->port];
	const struct rte_arp_hdr *ask = (const void *)(data + sizeof(struct rte_ether_hdr));
	struct rte_ether_hdr *eth = (void *)slot->frame;
	struct rte_arp_hdr *arp = (void *)(eth + 1);
	uint32_t empty = 0;

	if (ask->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) ||
		ask->arp_data.arp_sip == ask->arp_data.arp_tip)
		return;
	checker->arp_requests++;
	if (!atomic_compare_exchange_strong(&slot->state, &empty, 1))
		return;
	memset(slot->frame, 0, sizeof(slot->frame));
	eth->dst_addr = ask->arp_data.arp_sha;
	eth->src_addr = pst_traffic.mac[checker->port];
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
	*arp = *ask;
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_sha = pst_traffic.mac[checker->port];
	arp->arp_data.arp_sip = ask->arp_data.arp_tip;
	arp->arp_data.arp_tha = ask->arp_data.arp_sha;
	arp->arp_data.arp_tip = ask->arp_data.arp_sip;
	atomic_store(&slot->state, 2);
}

static void
meet_foreign(struct pst_checker *checker, const struct rte_mbuf *pkt)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(pkt, const struct rte_ether_hdr *);

	checker->foreign++;
	if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP) &&
		pkt->data_len >= sizeof(*eth) + sizeof(struct rte_arp_hdr))
		answer_arp(checker, (const uint8_t *)eth);
}

/* The endpoint that stands for the client on the outside. */
static struct pst_endpoint4
outside_of(const struct pst_frame *frame)
{
	bool swapped = pst_traffic.params.plan.swapped;

	return (struct pst_endpoint4){
		.addr = swapped ? frame->ip.dst_addr : frame->ip.src_addr,
		.port = swapped ? frame->udp.dst_port : frame->udp.src_port,
	};
}

static void
learn(struct pst_checker *checker, const struct pst_frame *frame)
{
	if (frame->flow > greeting())
		return;
	if (frame->flow == greeting())
		atomic_store(&pst_traffic.greeted[checker->port], true);
	if (checker->port == 1 && !is_learnt(frame->flow))
		pst_traffic.learnt[frame->flow] = outside_of(frame);
	if (checker->port == 0)
		pst_traffic.answered[frame->flow] = true;
}

static enum pst_fault
judge(const struct pst_checker *checker, const struct pst_frame *frame, uint32_t len)
{
	const struct pst_plan *plan = &pst_traffic.params.plan;
	struct pst_endpoint4 server, client;

	if (frame->flow > greeting())
		return PST_FAULT_FLOW;
	server = pst_plan_server(plan, frame->flow);
	if (checker->port == 0)
		client = pst_plan_client(plan, frame->flow);
	else if (is_learnt(frame->flow))
		client = pst_traffic.learnt[frame->flow];
	else
		client = outside_of(frame); /* setup mode learns nothing */
	if ((checker->port == 0) != plan->swapped)
		return pst_frame_check(frame, len, plan, &server, &client);
	return pst_frame_check(frame, len, plan, &client, &server);
}

/* No fault of its own: testpmd forwards without translating. */
static bool
is_untranslated(const struct pst_checker *checker, const struct pst_frame *frame)
{
	struct pst_endpoint4 client = pst_plan_client(&pst_traffic.params.plan, frame->flow);
	struct pst_endpoint4 outside = outside_of(frame);

	return checker->port == 1 && client.addr == outside.addr && client.port == outside.port;
}

static void
check(struct pst_checker *checker, const struct pst_frame *frame, const struct rte_mbuf *pkt)
{
	enum pst_fault fault = judge(checker, frame, rte_pktmbuf_data_len(pkt));

	checker->random = checker->random * 1664525u + 1013904223u;
	checker->countdown = CHECK_MEAN / 2 + (checker->random >> 16) % CHECK_MEAN;
	checker->checked++;
	checker->untranslated += is_untranslated(checker, frame);
	if (likely(fault == PST_FAULT_NONE))
		return;
	checker->faults[fault]++;
	if (!checker->has_sample)
		checker->sample = *frame;
	checker->has_sample = true;
}

uint16_t
pst_traffic_tx(uint16_t port __rte_unused, uint16_t queue __rte_unused, struct rte_mbuf **pkts,
	uint16_t n, void *arg)
{
	struct pst_checker *checker = arg;
	bool learning = pst_traffic_phase() <= PST_PHASE_ANSWER;

	for (uint16_t i = 0; i < n; i++) {
		const struct pst_frame *frame = rte_pktmbuf_mtod(pkts[i], struct pst_frame *);

		if (unlikely(frame->magic != PST_FRAME_MAGIC)) {
			meet_foreign(checker, pkts[i]);
			continue;
		}
		checker->seen++;
		if (unlikely(learning))
			learn(checker, frame);
		if (unlikely(checker->countdown-- <= 1))
			check(checker, frame, pkts[i]);
	}
	return n;
}
