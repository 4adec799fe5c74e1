/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorting: what is looked up, what is for ourselves, what is another worker's, what is wrong. */
#include "worker/worker_priv.h"

#define MULTICAST 0xe0000000 /* 224.0.0.0: it and what is above is no host */

static void
consume(struct pst_worker *w, struct rte_mbuf *m, enum pst_consumed what)
{
	w->stats.account.consumed[what]++;
	rte_pktmbuf_free(m);
}

/* Main takes it; it counts what becomes of it. */
static void
give_main(struct pst_worker *w, const struct job *job, enum pst_tag_kind kind)
{
	struct pst_tag *tag = pst_tag(job->m);

	tag->kind = kind;
	tag->iface = job->iface;
	pst_worker_to_main(w, job->m);
}

static bool
answers_for(const struct pst_net *net, const struct pst_iface *iface, rte_be32_t ip)
{
	if (ip == iface->ip)
		return true;
	return iface->zone == PST_NET_EXTERNAL && pst_net_is_outside(net, ip);
}

static void
input_arp(struct pst_worker *w, struct job *job)
{
	const struct pst_iface *iface = &w->params.net->ifaces[job->iface];
	struct rte_arp_hdr *arp = pst_reply_arp_of(job->m);

	if (arp == NULL) {
		drop(w, job->m, PST_DROP_TRUNCATED);
		return;
	}
	if (arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) ||
		!answers_for(w->params.net, iface, arp->arp_data.arp_tip)) {
		give_main(w, job, PST_TAG_LOCAL);
		return;
	}
	w->stats.account.consumed[PST_CONSUMED_ARP]++;
	w->stats.account.originated[PST_ORIGINATED_ARP]++;
	pst_reply_arp(job->m, arp, iface);
	pst_worker_send(w, job->m, job->iface);
}

/* Addressed to the appliance itself: a ping is answered, a closed UDP port is said to be one. */
static void
input_local(struct pst_worker *w, struct job *job, uint64_t now_ms)
{
	const struct pst_view *v = &job->v;
	const struct rte_icmp_hdr *icmp = v->l4;

	if (v->kind == PST_VIEW_L4 && v->proto == IPPROTO_ICMP &&
		icmp->icmp_type == RTE_IP_ICMP_ECHO_REQUEST) {
		if (!pst_view_l4_csum_ok(v)) {
			drop(w, job->m, PST_DROP_L4_CHECKSUM);
			return;
		}
		w->stats.account.consumed[PST_CONSUMED_LOCAL]++;
		w->stats.account.originated[PST_ORIGINATED_ICMP]++;
		pst_reply_echo(job->m, v, &w->params.net->ifaces[job->iface]);
		pst_worker_send(w, job->m, job->iface);
		return;
	}
	if (v->kind == PST_VIEW_L4 && v->proto == IPPROTO_UDP)
		pst_worker_error(w, job, PST_ICMP_PORT_UNREACHABLE, 0, now_ms);
	consume(w, job->m, PST_CONSUMED_LOCAL);
}

static bool
is_bad_address(const struct pst_view *v)
{
	uint32_t src = rte_be_to_cpu_32(v->src), dst = rte_be_to_cpu_32(v->dst);

	/* RFC 1812 section 5.3.7: martians; multicast and broadcast are not translated */
	return src >> 24 == 0 || src >> 24 == 127 || src >= MULTICAST ||
		dst >> 24 == 0 || dst >> 24 == 127 || dst >= MULTICAST;
}

static bool
is_broadcast(const struct pst_iface *iface, rte_be32_t ip)
{
	uint32_t host = iface->prefix_len < 31 ? UINT32_MAX >> iface->prefix_len : 0;

	return host != 0 &&
		rte_be_to_cpu_32(ip) == (rte_be_to_cpu_32(iface->ip) | host);
}

static bool
is_for_us(const struct pst_worker *w, const struct job *job)
{
	const struct pst_view *v = &job->v;
	const struct pst_iface *iface = &w->params.net->ifaces[job->iface];

	/* what a NAT address gets is its client's: only pings are for ourselves */
	if (iface->zone == PST_NET_INTERNAL && pst_net_is_own(w->params.net, v->dst) &&
		!pst_net_is_nat(w->params.net, v->dst))
		return true;
	return v->proto == IPPROTO_ICMP && v->kind == PST_VIEW_L4 &&
		((const struct rte_icmp_hdr *)v->l4)->icmp_type == RTE_IP_ICMP_ECHO_REQUEST &&
		pst_net_is_outside(w->params.net, v->dst) &&
		pst_net_host_of(w->params.net, v->dst) == 0;
}

/*
 * A kernel next door may leave the checksum to hardware that a virtual cable
 * has not: then the field holds the pseudo-header's sum alone.
 */
static void
finish_checksum(const struct pst_view *v)
{
	uint16_t pseudo = rte_ipv4_phdr_cksum(v->ip, 0);

	if (v->proto == IPPROTO_TCP) {
		if (((struct rte_tcp_hdr *)v->l4)->cksum == pseudo)
			pst_view_l4_csum_fill(v);
	} else if (v->proto == IPPROTO_UDP) {
		if (((struct rte_udp_hdr *)v->l4)->dgram_cksum == pseudo)
			pst_view_l4_csum_fill(v);
	}
}

/* The reason to drop it, or PST_DROP_COUNT. */
static enum pst_drop
refuse(const struct pst_worker *w, const struct job *job)
{
	const struct pst_view *v = &job->v;
	const struct pst_iface *iface = &w->params.net->ifaces[job->iface];

	if (unlikely(!pst_view_ip_csum_ok(v)))
		return PST_DROP_IP_CHECKSUM;
	if (unlikely(is_bad_address(v) || is_broadcast(iface, v->dst)))
		return PST_DROP_BAD_ADDRESS;
	if (unlikely(!rte_is_same_ether_addr((const struct rte_ether_addr *)v->l2, &iface->mac)))
		return PST_DROP_DST_MAC;
	return PST_DROP_COUNT;
}

/* Of protocols without ports, GRE and ESP are mapped always, all others when it is so set. */
static bool
is_mapped(const struct pst_worker *w, uint8_t proto)
{
	return !pst_view_is_portless(proto) || proto == IPPROTO_GRE || proto == IPPROTO_ESP ||
		w->nat->params->maps_others;
}

/* What kinds of packets are translated; the reason to drop the others, or PST_DROP_COUNT. */
static enum pst_drop
refuse_kind(const struct pst_worker *w, const struct pst_view *v)
{
	if (unlikely(!is_mapped(w, v->proto)))
		return PST_DROP_IP_PROTOCOL;
	switch (v->kind) {
	case PST_VIEW_L4:
		if (v->proto == IPPROTO_ICMP && !pst_view_l4_csum_ok(v))
			return PST_DROP_L4_CHECKSUM; /* RFC 5508 REQ-3 */
		return PST_DROP_COUNT;
	case PST_VIEW_PORTLESS:
	case PST_VIEW_FIRST_FRAGMENT:
	case PST_VIEW_LATER_FRAGMENT:
		return PST_DROP_COUNT;
	case PST_VIEW_ERROR: /* RFC 5508 REQ-3 */
		return pst_view_l4_csum_ok(v) ? PST_DROP_COUNT : PST_DROP_L4_CHECKSUM;
	default:
		return PST_DROP_ICMP_TYPE;
	}
}

static struct pst_slot
slot_of_address(enum pst_steered_by by, rte_be32_t ip)
{
	return (struct pst_slot){ by, rte_be_to_cpu_32(ip) % PST_STEER_SLOTS };
}

/*
 * Without ports, a packet from outside tells whose it is by its peer alone. So all that goes
 * to one peer is one worker's, whatever client it is of.
 */
struct pst_slot
pst_worker_slot_of(const struct pst_worker *w, const struct job *job)
{
	rte_be32_t host;

	if (unlikely(pst_view_is_portless(job->v.proto)))
		return slot_of_address(PST_STEERED_BY_PEER,
			job->way == PST_WAY_OUT ? job->v.dst : job->v.src);
	if (job->way == PST_WAY_OUT)
		return slot_of_address(PST_STEERED_BY_SOURCE, job->v.src);
	if (pst_net_is_routed(w->params.net, job->v.dst, &host))
		return slot_of_address(PST_STEERED_BY_HOST, host);
	return (struct pst_slot){ PST_STEERED_BY_PORT,
		rte_be_to_cpu_16(job->v.dport) / PST_STEER_SLOT_PORTS };
}

static uint32_t
owner_of_slot(const struct pst_worker *w, struct pst_slot slot)
{
	return slot.by == PST_STEERED_BY_PORT ?
		pst_steer_outside(w->params.steer, slot.index * PST_STEER_SLOT_PORTS) :
		pst_steer_inside(w->params.steer, slot.index);
}

uint32_t
pst_worker_owner_of(const struct pst_worker *w, const struct job *job)
{
	return owner_of_slot(w, pst_worker_slot_of(w, job));
}

/* What a NIC was to steer counts: what its port tells the owner of. */
static void
check_rss(struct pst_worker *w, const struct job *job, uint32_t owner)
{
	rte_be32_t host;

	if (pst_view_is_portless(job->v.proto))
		return;
	if (job->way == PST_WAY_OUT || !pst_net_is_routed(w->params.net, job->v.dst, &host))
		pst_rss_check_add(&w->rss[job->m->port], 1, owner != w->params.index);
}

/* Of an error: whose connection the quoted packet is. */
static uint32_t
owner_of_quoted(const struct pst_worker *w, const struct job *job)
{
	struct pst_quote q;
	rte_be32_t host;

	if (!pst_view_quote(&job->v, &q))
		return w->params.index; /* to be dropped */
	if (pst_view_is_portless(q.proto))
		return owner_of_slot(w, slot_of_address(PST_STEERED_BY_PEER,
						job->way == PST_WAY_OUT ? q.src : q.dst));
	if (job->way == PST_WAY_OUT)
		return pst_steer_inside(w->params.steer, rte_be_to_cpu_32(q.dst));
	if (pst_net_is_routed(w->params.net, q.src, &host))
		return pst_steer_inside(w->params.steer, rte_be_to_cpu_32(host));
	return pst_steer_outside(w->params.steer, rte_be_to_cpu_16(q.sport));
}

void
pst_worker_set_key(struct job *job)
{
	const struct pst_view *v = &job->v;

	if (job->way == PST_WAY_OUT)
		job->key = pst_key_conn(PST_WAY_OUT, v->proto, v->src, v->sport, v->dst, v->dport);
	else
		job->key = pst_key_conn(PST_WAY_IN, v->proto, v->dst, v->dport, v->src, v->sport);
	/* an ICMP query's identifier is the local end's: the remote end has none */
	if (v->proto == IPPROTO_ICMP)
		job->key.a = pst_key_end(pst_key_ip(job->key.a), 0, PST_ICMP);
}

/* Not IPv4 that is well formed: dealt with here. */
static void
sort_other(struct pst_worker *w, struct job *job)
{
	if (job->v.kind == PST_VIEW_ARP && job->iface != PST_NO_IFACE)
		input_arp(w, job);
	else
		drop(w, job->m, job->v.kind == PST_VIEW_BAD ? job->v.drop : PST_DROP_VLAN);
}

/* To ourselves, unless what it means is a place outside. */
static enum pst_place
place_local(const struct pst_worker *w, struct job *job, bool handed, struct pst_placing *p)
{
	const struct pst_view *v = &job->v;

	if (w->params.net->ifaces[job->iface].zone != PST_NET_INTERNAL || v->kind != PST_VIEW_L4 ||
		v->proto == IPPROTO_ICMP)
		return PST_PLACE_LOCAL;
	p->owner = pst_worker_owner_of(w, job);
	if (p->owner != w->params.index && !handed)
		return PST_PLACE_ELSEWHERE;
	p->aliased = pst_nat_unalias(w->nat, pst_key_end(v->dst, v->dport, v->proto),
		pst_key_end(v->src, v->sport, PST_WAY_OUT), &p->remote, &job->through);
	return p->aliased ? PST_PLACE_HERE : PST_PLACE_LOCAL;
}

enum pst_place
pst_worker_place(const struct pst_worker *w, struct job *job, bool handed, struct pst_placing *p)
{
	const struct pst_view *v = &job->v;
	enum pst_place place;

	p->aliased = false;
	job->way = w->params.net->ifaces[job->iface].zone == PST_NET_INTERNAL ? PST_WAY_OUT :
										PST_WAY_IN;
	p->why = refuse(w, job);
	if (unlikely(p->why != PST_DROP_COUNT))
		return PST_PLACE_DROP;
	if (unlikely(is_for_us(w, job))) {
		place = place_local(w, job, handed, p);
		if (place != PST_PLACE_HERE)
			return place;
	}
	p->why = refuse_kind(w, v);
	if (unlikely(p->why != PST_DROP_COUNT))
		return PST_PLACE_DROP;
	if (unlikely(v->kind != PST_VIEW_L4 && v->kind != PST_VIEW_PORTLESS))
		return PST_PLACE_ODD;
	p->owner = pst_worker_owner_of(w, job);
	/* what was handed over is ours, by the tables or by a redirect */
	return unlikely(p->owner != w->params.index && !handed) ? PST_PLACE_ELSEWHERE :
								    PST_PLACE_HERE;
}

/* Errors and fragments, which go their own ways. */
static void
sort_odd(struct pst_worker *w, struct job *job, bool handed, uint64_t now_ms)
{
	uint32_t owner;

	if (job->v.kind != PST_VIEW_ERROR) {
		pst_worker_fragment(w, job, handed, now_ms);
		return;
	}
	owner = owner_of_quoted(w, job);
	if (owner != w->params.index && !handed)
		pst_worker_hand_on(w, job, owner);
	else
		pst_worker_relay_error(w, job, now_ms);
}

static bool
sort_ip(struct pst_worker *w, struct job *job, bool handed, uint64_t now_ms)
{
	struct pst_placing p;
	enum pst_place place;

	if (w->params.net->ifaces[job->iface].virtual_port && job->v.kind == PST_VIEW_L4)
		finish_checksum(&job->v);
	place = pst_worker_place(w, job, handed, &p);
	if ((place == PST_PLACE_HERE || place == PST_PLACE_ELSEWHERE) && !handed &&
		!job->second && !job->counted)
		check_rss(w, job, p.owner);
	switch (place) {
	case PST_PLACE_HERE:
		if (unlikely(p.aliased))
			pst_worker_unalias(job, p.remote);
		return true;
	case PST_PLACE_ELSEWHERE:
		pst_worker_hand_on(w, job, p.owner);
		break;
	case PST_PLACE_LOCAL:
		input_local(w, job, now_ms);
		break;
	case PST_PLACE_ODD:
		sort_odd(w, job, handed, now_ms);
		break;
	case PST_PLACE_DROP:
		drop(w, job->m, p.why);
		break;
	}
	return false;
}

bool
pst_worker_sort(struct pst_worker *w, struct job *job, bool handed, uint64_t now_ms)
{
	const struct pst_view *v = &job->v;

	pst_view_parse(&job->v, job->m);
	job->through = PST_SLOT_NONE;
	job->dealt = false;
	job->iface = pst_net_iface(w->params.net, job->m->port, v->vlan);
	if (!handed && !job->second && !job->counted && likely(job->iface != PST_NO_IFACE)) {
		w->stats.ifaces[job->iface].rx_packets++;
		w->stats.ifaces[job->iface].rx_bytes += rte_pktmbuf_pkt_len(job->m);
	}
	if (unlikely(v->kind >= PST_VIEW_ARP || job->iface == PST_NO_IFACE)) {
		sort_other(w, job);
		return false;
	}
	if (!sort_ip(w, job, handed, now_ms))
		return false;
	pst_worker_set_key(job);
	return true;
}
