/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams of watched connections: whole, before and after. */
#include <string.h>

#include "packet/view.h"
#include "runtime/runtime_priv.h"

/* Write another payload behind the same headers. False when it can't hold it. */
static bool
set_payload(struct rte_mbuf *m, const struct pst_view *v, const uint8_t *data, uint32_t len)
{
	uint8_t *payload = (uint8_t *)v->l4 + sizeof(struct rte_udp_hdr);
	uint32_t headers = payload - rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t ip_headers = payload - (uint8_t *)v->ip;
	struct rte_udp_hdr *udp = v->l4;

	if (m->nb_segs != 1 || len > UINT16_MAX - ip_headers ||
		headers + len > (uint32_t)m->data_len + rte_pktmbuf_tailroom(m))
		return false;
	memmove(payload, data, len);
	m->data_len = headers + len;
	m->pkt_len = m->data_len;
	udp->dgram_len = rte_cpu_to_be_16(sizeof(*udp) + len);
	v->ip->total_length = rte_cpu_to_be_16(ip_headers + len);
	v->ip->hdr_checksum = 0;
	v->ip->hdr_checksum = ~rte_raw_cksum(v->ip, rte_ipv4_hdr_len(v->ip));
	return true;
}

static enum pst_drop
unfit(const struct rte_mbuf *m, const struct pst_view *v)
{
	const struct rte_udp_hdr *udp = v->l4;

	if (v->kind == PST_VIEW_BAD)
		return v->drop;
	if (v->kind == PST_VIEW_FIRST_FRAGMENT || v->kind == PST_VIEW_LATER_FRAGMENT)
		return PST_DROP_FRAGMENT;
	if (v->kind != PST_VIEW_L4 || v->proto != IPPROTO_UDP)
		return PST_DROP_IP_PROTOCOL;
	if (udp->dgram_cksum != 0 &&
		(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_GOOD &&
		!pst_view_l4_csum_ok(v))
		return PST_DROP_L4_CHECKSUM;
	return PST_DROP_COUNT;
}

/* The filters of its endpoint look too, nearer to the client or not as their class says. */
static void
ask(struct pst_connection *conn, enum pst_dir dir, const uint8_t *data, uint32_t len,
	struct pst_edit *edit)
{
	struct pst_runtime *rt = conn->session->rt;
	struct filters *own = conn->filters;
	struct filters *all = conn->parent != NULL ? conn->parent->filters : NULL;
	bool from_client = (dir == PST_DIR_ORIG) != conn->inbound;
	struct filters *first = from_client ? all : own, *second = from_client ? own : all;
	struct pst_edit one;

	filters_datagram(first, rt, dir, from_client, data, len, &one);
	*edit = one;
	if (one.op == PST_EDIT_DROP || one.op == PST_EDIT_RESET)
		return;
	filters_datagram(second, rt, dir, from_client, one.data, one.data_len, edit);
	if (edit->op == PST_EDIT_PASS)
		*edit = one;
}

static void
check_watch(struct pst_connection *conn)
{
	if (filters_count(conn->filters) == 0 && !conn->by_editor &&
		(conn->parent == NULL || filters_count(conn->parent->filters) == 0))
		handle_want_unwatch(conn);
}

void
datagram_input(struct pst_connection *conn, struct rte_mbuf *m)
{
	struct pst_runtime *rt = conn->session->rt;
	uint32_t worker = conn->worker;
	struct pst_edit edit;
	struct pst_view v;
	enum pst_drop why;
	uint32_t len;

	pst_view_parse(&v, m);
	why = unfit(m, &v);
	if (why != PST_DROP_COUNT) {
		watch_drop(rt, m, why);
		return;
	}
	len = rte_be_to_cpu_16(((const struct rte_udp_hdr *)v.l4)->dgram_len) -
		sizeof(struct rte_udp_hdr);
	ask(conn, pst_tag(m)->dir, (uint8_t *)v.l4 + sizeof(struct rte_udp_hdr), len, &edit);
	if (edit.op == PST_EDIT_REPLACE) {
		rt->stats.edits++;
		if (!set_payload(m, &v, edit.data, edit.data_len)) {
			watch_drop(rt, m, PST_DROP_MTU);
			return;
		}
		pst_view_parse(&v, m);
		pst_view_l4_csum_fill(&v);
	}
	if (edit.op == PST_EDIT_RESET)
		pst_connection_kill(conn);
	else
		check_watch(conn);
	if (edit.op == PST_EDIT_DROP || edit.op == PST_EDIT_RESET)
		watch_drop(rt, m, PST_DROP_EDITOR_DENIED);
	else
		watch_give_back(rt, worker, m);
}
