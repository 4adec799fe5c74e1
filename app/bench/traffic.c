/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic.h"

#include <string.h>

#include <rte_arp.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#define GREET_POLLS 1024 /* empty polls between two greetings */
#define LEARN_POLLS 256 /* empty polls before what got lost is sent again */
#define CHECK_MEAN 64
#define TAIL_EVERY 16 /* of the frames that are checked */
#define SETUP_KEY 0x9e3779b1u /* mode setup: of the order in which flows come */

struct pst_traffic pst_traffic;

/* Flow numbers from plan.flows on belong to no round: the greeting is the first of them. */
static uint32_t
greeting(void)
{
	return pst_traffic.params.plan.flows;
}

static struct pst_endpoint4 *
learnt_of(uint32_t flow)
{
	return &pst_traffic.learnt[flow & pst_traffic.learnt_mask];
}

static bool
is_learnt(uint32_t flow)
{
	return learnt_of(flow)->port != 0;
}

/* Whose flow it is. In mode setup neighbours in time are none otherwise. */
static struct pst_endpoint4
client_of(uint32_t flow)
{
	const struct pst_plan *plan = &pst_traffic.params.plan;

	if (pst_traffic_is_setup() && flow != greeting())
		flow = pst_plan_shuffle(plan, flow, SETUP_KEY);
	return pst_plan_client(plan, flow);
}

static void
set_len(struct rte_mbuf *pkt, uint16_t len)
{
	pkt->data_len = len;
	pkt->pkt_len = len;
}

static void
clear_tail(struct rte_mbuf *pkt)
{
	uint32_t written = RTE_PKTMBUF_HEADROOM + PST_FRAME_LINE;

	memset((uint8_t *)pkt->buf_addr + written, 0, pkt->buf_len - written);
}

static void
clear_tail_of(struct rte_mempool *pool __rte_unused, void *arg __rte_unused, void *pkt,
	unsigned int number __rte_unused)
{
	clear_tail(pkt);
}

/* Of several sizes one is drawn. */
static void
put_frame(struct pst_maker *maker, const struct pst_frame_base *sizes, struct rte_mbuf *pkt,
	uint32_t flow)
{
	const struct pst_plan *plan = &pst_traffic.params.plan;
	struct pst_endpoint4 server = pst_plan_server(plan, flow);
	const struct pst_frame_base *base = &sizes[pst_plan_draw(plan, &maker->random)];
	uint8_t *data = rte_pktmbuf_mtod(pkt, uint8_t *);

	if (maker->port == 0)
		pst_frame_make(data, base, flow, client_of(flow), server);
	else
		pst_frame_make(data, base, flow, server, *learnt_of(flow));
	set_len(pkt, base->len);
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
			rte_prefetch0(learnt_of(maker->next[i]));
}

/* Frames of all flows, round after round. */
static uint16_t
make_shuffled(struct pst_maker *maker, struct rte_mbuf **pkts, uint16_t n)
{
	n = RTE_MIN(n, PST_TRAFFIC_BURST);
	for (uint16_t i = 0; i < n; i++)
		put_frame(maker, maker->use, pkts[i], maker->next[i]);
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
	put_frame(maker, maker->use, pkts[0], greeting());
	return 1;
}

/* Connections that begin, and go on: so many begin in all. */
static uint16_t
make_steady(struct pst_maker *maker, struct rte_mbuf **pkts, uint16_t n, uint64_t most)
{
	struct pst_step steps[PST_TRAFFIC_BURST];
	uint32_t mask = pst_traffic.params.plan.flows - 1;

	n = pst_steady_next(&pst_traffic.steady, maker->port, RTE_MIN(n, PST_TRAFFIC_BURST), most,
		steps);
	for (uint16_t i = 0; i < n; i++)
		put_frame(maker, maker->bases[steps[i].part], pkts[i], steps[i].number & mask);
	return n;
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
			put_frame(maker, maker->use, pkts[made++], maker->cursor);
	if (maker->cursor >= flows) {
		maker->cursor = maker->first;
		maker->idle = LEARN_POLLS;
	}
	return made;
}

/* What packets are, before and after their flow was answered. */
static const struct pst_frame_base *
base_of(const struct pst_maker *maker, bool is_established)
{
	if (!pst_traffic.params.tcp)
		return maker->bases[PST_FRAME_UDP];
	if (maker->port == 0)
		return maker->bases[is_established ? PST_FRAME_TO_SERVER : PST_FRAME_SYN];
	return maker->bases[is_established ? PST_FRAME_TO_CLIENT : PST_FRAME_SYN_ACK];
}

static void
enter_phase(struct pst_maker *maker, uint32_t phase, struct rte_mempool *pool)
{
	maker->phase = phase;
	maker->use = base_of(maker, phase >= PST_PHASE_WARM);
	if (phase == PST_PHASE_GREET)
		rte_mempool_obj_iter(pool, clear_tail_of, NULL);
	if (phase == PST_PHASE_LEARN || phase == PST_PHASE_ANSWER || phase == PST_PHASE_WARM)
		maker->cursor = maker->first;
	if (!pst_traffic_is_setup())
		plan_burst(maker);
}

static struct pst_meter *
meter_of_lcore(void)
{
	return pst_traffic.meters[rte_lcore_id() % RTE_MAX_LCORE];
}

/* What is measured; a round of the lcore's loop is from one look at port 0 to the next. */
static uint16_t
make_measured(struct pst_maker *maker, struct rte_mbuf **pkts, uint16_t n)
{
	struct pst_meter *meter = meter_of_lcore();

	if (meter != NULL && maker->port == 0)
		pst_meter_loop(meter, pst_traffic.params.window);
	n = pst_traffic_is_setup() ? make_steady(maker, pkts, n, UINT64_MAX) :
				     make_shuffled(maker, pkts, n);
	if (meter != NULL)
		pst_meter_add(meter, n);
	return n;
}

static uint16_t
make_burst(struct pst_maker *maker, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t phase = pst_traffic_phase();
	uint16_t made = 0;

	if (unlikely(phase != maker->phase))
		enter_phase(maker, phase, pkts[0]->pool);
	switch (phase) {
	case PST_PHASE_MEASURE:
		made = make_measured(maker, pkts, n);
		break;
	case PST_PHASE_FILL:
		made = make_steady(maker, pkts, n, pst_traffic.params.plan.flows);
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
	set_len(pkt, sizeof(slot->frame));
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
answer_arp(struct pst_checker *checker, const struct rte_arp_hdr *ask)
{
	struct pst_arp_slot *slot = &pst_traffic.arp[checker->port];
	const struct rte_ether_addr *mac = &pst_traffic.mac[checker->port];
	struct rte_arp_hdr *arp;
	uint32_t empty = 0;

	if (ask->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) ||
		ask->arp_data.arp_sip == ask->arp_data.arp_tip)
		return;
	checker->arp_requests++;
	if (!atomic_compare_exchange_strong(&slot->state, &empty, 1))
		return;
	memset(slot->frame, 0, sizeof(slot->frame));
	arp = pst_frame_put_ether(slot->frame, mac, &ask->arp_data.arp_sha, RTE_ETHER_TYPE_ARP,
		checker->tagged);
	*arp = *ask;
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_sha = *mac;
	arp->arp_data.arp_sip = ask->arp_data.arp_tip;
	arp->arp_data.arp_tha = ask->arp_data.arp_sha;
	arp->arp_data.arp_tip = ask->arp_data.arp_sip;
	atomic_store(&slot->state, 2);
}

static void
note_fault(struct pst_checker *checker, enum pst_fault fault, const uint8_t *data)
{
	checker->faults[fault]++;
	if (!checker->has_sample)
		memcpy(checker->sample, data, sizeof(checker->sample));
	checker->has_sample = true;
}

/* What is shorter may have an old frame's bytes behind its end. */
static bool
is_frame(const struct rte_mbuf *pkt, bool tagged)
{
	const uint8_t *data = rte_pktmbuf_mtod(pkt, const uint8_t *);

	return pkt->data_len >= PST_FRAME_MIN + pst_frame_tag_len(tagged) &&
		pst_frame_number(pst_frame_at(data, tagged)) < PST_FRAME_SIZES;
}

/* No frame of ours where one should be: it has lost or got a tag, or is the program's own. */
static void
meet_foreign(struct pst_checker *checker, struct rte_mbuf *pkt)
{
	const uint8_t *data = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint32_t tag_len = pst_frame_tag_len(checker->tagged);
	/* where there is a tag the type is behind it */
	const struct rte_ether_hdr *eth = (const void *)(data + tag_len);

	if (is_frame(pkt, !checker->tagged)) {
		checker->seen++;
		note_fault(checker, PST_FAULT_ETHER, data);
		return;
	}
	checker->foreign++;
	if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP) &&
		pkt->data_len >= tag_len + sizeof(*eth) + sizeof(struct rte_arp_hdr))
		answer_arp(checker, (const struct rte_arp_hdr *)(eth + 1));
	clear_tail(pkt);
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
		*learnt_of(frame->flow) = outside_of(frame);
	if (checker->port == 0 && !pst_traffic_is_setup())
		pst_traffic.answered[frame->flow] = true;
}

/* Mode setup: where the connection is answered that begins with this. */
static void
learn_new(const struct pst_checker *checker, const struct pst_frame *frame)
{
	if (checker->port == 1 && frame->tcp.tcp_flags == RTE_TCP_SYN_FLAG)
		*learnt_of(frame->flow) = outside_of(frame);
}

static enum pst_fault
judge(const struct pst_checker *checker, const struct pst_frame *frame, const struct rte_mbuf *pkt)
{
	const struct pst_plan *plan = &pst_traffic.params.plan;
	const uint8_t *data = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(pkt);
	struct pst_endpoint4 server, client;

	if (frame->flow > greeting())
		return PST_FAULT_FLOW;
	server = pst_plan_server(plan, frame->flow);
	if (checker->port == 0)
		client = client_of(frame->flow);
	else if (pst_traffic.params.tcp || !pst_traffic_is_setup())
		client = *learnt_of(frame->flow);
	else
		client = outside_of(frame); /* nobody answers */
	if ((checker->port == 0) != plan->swapped)
		return pst_frame_check(data, len, checker->tagged, plan, &server, &client);
	return pst_frame_check(data, len, checker->tagged, plan, &client, &server);
}

/* No fault of its own: testpmd forwards without translating. */
static bool
is_untranslated(const struct pst_checker *checker, const struct pst_frame *frame)
{
	struct pst_endpoint4 client = client_of(frame->flow), outside = outside_of(frame);

	return checker->port == 1 && client.addr == outside.addr && client.port == outside.port;
}

static void
check(struct pst_checker *checker, const struct pst_frame *frame, const struct rte_mbuf *pkt)
{
	const uint8_t *data = rte_pktmbuf_mtod(pkt, const uint8_t *);
	enum pst_fault fault = judge(checker, frame, pkt);

	if (fault == PST_FAULT_NONE && checker->checked % TAIL_EVERY == 0)
		fault = pst_frame_check_tail(data, rte_pktmbuf_data_len(pkt), checker->tagged);

	checker->random = checker->random * 1664525u + 1013904223u;
	checker->countdown = CHECK_MEAN / 2 + (checker->random >> 16) % CHECK_MEAN;
	checker->checked++;
	checker->untranslated += is_untranslated(checker, frame);
	if (unlikely(fault != PST_FAULT_NONE))
		note_fault(checker, fault, data);
}

uint16_t
pst_traffic_tx(uint16_t port __rte_unused, uint16_t queue __rte_unused, struct rte_mbuf **pkts,
	uint16_t n, void *arg)
{
	struct pst_checker *checker = arg;
	bool learning = pst_traffic_phase() <= PST_PHASE_ANSWER;
	bool tagged = checker->tagged;
	bool opens = pst_traffic_is_setup() && pst_traffic.params.tcp;

	for (uint16_t i = 0; i < n; i++) {
		const struct pst_frame *frame =
			pst_frame_at(rte_pktmbuf_mtod(pkts[i], uint8_t *), tagged);

		if (unlikely(!is_frame(pkts[i], tagged))) {
			meet_foreign(checker, pkts[i]);
			continue;
		}
		checker->seen++;
		if (unlikely(learning))
			learn(checker, frame);
		else if (opens)
			learn_new(checker, frame);
		if (unlikely(checker->countdown-- <= 1))
			check(checker, frame, pkts[i]);
	}
	return n;
}
