/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watched connections: packets to segments for the stream engine, and its
 * segments to packets.
 *
 * What goes back to the worker has the headers of its direction as they came in,
 * untranslated; the worker does the rest. A packet that comes out in a packet's
 * place takes over its account; further ones are originated here.
 */
#include <stdlib.h>
#include <string.h>

#include "packet/view.h"
#include "runtime/runtime_priv.h"

#define L2_MAX 18
#define LINE_MAX_BYTES 4096
#define REORDER_MAX 65536
#define UNACKED_MAX 65536
#define RTO_MS 300
#define RTO_MAX_MS 60000
#define RETRIES 12
#define REFUSE_TTL 64
#define PACKET_MAX 1500 /* of IP, where no longer one was seen */

/* What the packets of a direction look like. */
struct outline {
	bool known;
	uint8_t l2[L2_MAX];
	uint8_t l2_len;
	uint16_t port, iface;
	uint16_t largest; /* IP packet that came */
	struct rte_ipv4_hdr ip;
	rte_be16_t sport, dport;
};

struct watch {
	struct timer timer;
	struct pst_connection *conn;
	struct pst_stream *stream;
	struct outline outlines[PST_DIRS];
	struct pst_stream_stats counted; /* what is in the runtime's counts already */
	uint32_t made[PST_DIRS];	 /* outputs since the last input or timer */
};

void
watch_drop(struct pst_runtime *rt, struct rte_mbuf *m, enum pst_drop why)
{
	rt->stats.account.dropped[why]++;
	rte_pktmbuf_free(m);
}

void
watch_give_back(struct pst_runtime *rt, uint32_t worker, struct rte_mbuf *m)
{
	pst_tag(m)->kind = PST_TAG_EDITED;
	if (rte_ring_sp_enqueue(rt->params.workers[worker]->to_worker, m) != 0)
		watch_drop(rt, m, PST_DROP_EDITOR_RING);
}

/* Segments to packets. */

static struct rte_tcp_hdr *
put_headers(struct rte_mbuf *m, const struct outline *o, uint32_t tcp_len, uint16_t id)
{
	uint32_t len = o->l2_len + sizeof(o->ip) + tcp_len;
	uint8_t *l2 = (uint8_t *)rte_pktmbuf_append(m, len);
	struct rte_ipv4_hdr *ip;

	if (l2 == NULL)
		return NULL;
	memcpy(l2, o->l2, o->l2_len);
	ip = (struct rte_ipv4_hdr *)(l2 + o->l2_len);
	*ip = o->ip;
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + tcp_len);
	ip->packet_id = rte_cpu_to_be_16(id);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = ~rte_raw_cksum(ip, sizeof(*ip));
	return (struct rte_tcp_hdr *)(ip + 1);
}

static bool
put_segment(struct rte_mbuf *m, const struct outline *o, const struct pst_stream_segment *seg,
	uint16_t id)
{
	uint32_t hlen = sizeof(struct rte_tcp_hdr) + seg->options_len;
	struct rte_tcp_hdr *tcp = put_headers(m, o, hlen + seg->len, id);
	struct pst_view v;

	if (tcp == NULL)
		return false;
	*tcp = (struct rte_tcp_hdr){ .src_port = o->sport,
		.dst_port = o->dport,
		.sent_seq = rte_cpu_to_be_32(seg->seq),
		.recv_ack = rte_cpu_to_be_32(seg->ack),
		.data_off = hlen / 4 << 4,
		.tcp_flags = seg->flags,
		.rx_win = rte_cpu_to_be_16(seg->window),
		.tcp_urp = rte_cpu_to_be_16(seg->urgent) };
	memcpy(tcp + 1, seg->options, seg->options_len);
	if (seg->len > 0)
		memcpy((uint8_t *)tcp + hlen, seg->data, seg->len);
	pst_view_parse(&v, m);
	pst_view_l4_csum_fill(&v);
	return true;
}

static void
output_packet(struct watch *w, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct pst_connection *conn = w->conn;
	struct pst_runtime *rt = conn->session->rt;
	const struct outline *o = &w->outlines[dir];
	struct rte_mbuf *m;

	w->made[dir]++;
	m = o->known ? rte_pktmbuf_alloc(rt->params.mbufs) : NULL;
	if (m == NULL || !put_segment(m, o, seg, rt->ip_id++)) {
		rt->stats.account.dropped[PST_DROP_NO_MBUF]++;
		rte_pktmbuf_free(m);
		return;
	}
	m->port = o->port;
	*pst_tag(m) = (struct pst_tag){ .dir = dir, .iface = o->iface, .conn = conn->ref };
	watch_give_back(rt, conn->worker, m);
}

/* How much a packet of this direction can carry: what came through so far, and fits an mbuf. */
static uint32_t
room_for_data(const struct pst_runtime *rt, const struct outline *o, uint32_t options_len)
{
	uint32_t headers = sizeof(o->ip) + sizeof(struct rte_tcp_hdr) + options_len;
	uint32_t mbuf = rte_pktmbuf_data_room_size(rt->params.mbufs) - RTE_PKTMBUF_HEADROOM;
	uint32_t packet = RTE_MAX(o->largest, (uint32_t)PACKET_MAX);

	return RTE_MIN(packet, mbuf - o->l2_len) - headers;
}

/* The receiver's MSS, by which the engine cuts, may be more than the way to it takes. */
static void
on_output(void *ctx, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct watch *w = ctx;
	const struct pst_runtime *rt = w->conn->session->rt;
	uint32_t room = room_for_data(rt, &w->outlines[dir], seg->options_len);
	struct pst_stream_segment piece = *seg;

	while (piece.len > room) {
		uint32_t rest = piece.len - room;

		piece.len = room;
		piece.flags = seg->flags & ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
		output_packet(w, dir, &piece);
		piece.seq += room;
		piece.data += room;
		piece.len = rest;
		piece.flags = seg->flags;
	}
	output_packet(w, dir, &piece);
}

static void
on_data(void *ctx, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	const struct watch *w = ctx;
	struct pst_connection *conn = w->conn;
	bool from_client = (dir == PST_DIR_ORIG) != conn->inbound;

	filters_stream(conn->filters, conn->session->rt, dir, from_client, bytes, len, end, edit);
	if (filters_is_stuck(conn->filters, pst_dir_other(dir)))
		pst_stream_recheck(w->stream, pst_dir_other(dir));
}

/* A watch's life. */

bool
watch_start(struct pst_connection *conn)
{
	static const struct pst_stream_ops ops = { .data = on_data, .output = on_output };
	static const struct pst_stream_params params = { .line_max = LINE_MAX_BYTES,
		.reorder_max = REORDER_MAX,
		.unacked_max = UNACKED_MAX,
		.rto_ms = RTO_MS,
		.rto_max_ms = RTO_MAX_MS,
		.retries = RETRIES };
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return false;
	w->conn = conn;
	w->stream = pst_stream_create(&params, &ops, w);
	if (w->stream == NULL) {
		free(w);
		return false;
	}
	timer_init(&w->timer);
	conn->watch = w;
	return true;
}

void
watch_end(struct pst_connection *conn)
{
	struct watch *w = conn->watch;

	if (w == NULL)
		return;
	conn->watch = NULL;
	timers_set(&conn->session->rt->timers, &w->timer, TIMERS_NEVER);
	pst_stream_destroy(w->stream);
	free(w);
}

void
watch_offsets(const struct pst_connection *conn, int32_t offset[PST_DIRS])
{
	offset[PST_DIR_ORIG] = offset[PST_DIR_REPLY] = 0;
	if (conn->watch != NULL)
		pst_stream_is_done(conn->watch->stream, offset);
}

/* What an input or a timer did: the counts, the next timer, the way back to the fast path. */
static void
after(struct watch *w)
{
	struct pst_runtime *rt = w->conn->session->rt;
	const struct pst_stream_stats *s = pst_stream_stats(w->stream);
	int32_t offset[PST_DIRS];

	rt->stats.edits += s->edits - w->counted.edits;
	rt->stats.retransmits += s->retransmits - w->counted.retransmits;
	rt->stats.splits += s->splits - w->counted.splits;
	rt->stats.latched += s->latched - w->counted.latched;
	w->counted = *s;
	timers_set(&rt->timers, &w->timer, pst_stream_deadline(w->stream));
	if (!w->conn->unwatch_wanted && !w->conn->by_editor &&
		pst_stream_is_done(w->stream, offset))
		handle_want_unwatch(w->conn);
}

static void
look_at_timer(struct timer *timer, void *ctx)
{
	struct watch *w = container_of(timer, struct watch, timer);
	struct pst_runtime *rt = ctx;

	memset(w->made, 0, sizeof(w->made));
	pst_stream_timer(w->stream, rt->now_ms);
	rt->stats.account.originated[PST_ORIGINATED_EDITOR] +=
		w->made[PST_DIR_ORIG] + w->made[PST_DIR_REPLY];
	after(w);
}

uint32_t
watch_timers(struct pst_runtime *rt)
{
	return timers_poll(&rt->timers, rt->now_ms, TIMERS_A_ROUND, look_at_timer, rt);
}

/* Packets to segments. */

static void
remember(struct outline *o, const struct rte_mbuf *m, const struct pst_view *v)
{
	const struct rte_tcp_hdr *tcp = v->l4;

	o->known = true;
	o->l2_len = (uint8_t *)v->ip - v->l2;
	memcpy(o->l2, v->l2, RTE_MIN(o->l2_len, (uint8_t)L2_MAX));
	o->port = m->port;
	o->largest = RTE_MAX(o->largest, pst_view_ip_len(v));
	o->iface = pst_tag((struct rte_mbuf *)(uintptr_t)m)->iface;
	o->ip = *v->ip;
	o->ip.version_ihl = RTE_IPV4_VHL_DEF; /* options are not ours to repeat */
	o->sport = tcp->src_port;
	o->dport = tcp->dst_port;
}

static void
to_segment(const struct pst_view *v, struct pst_stream_segment *seg)
{
	const struct rte_tcp_hdr *tcp = v->l4;
	uint32_t hlen = (tcp->data_off >> 4) * 4;

	*seg = (struct pst_stream_segment){ .seq = rte_be_to_cpu_32(tcp->sent_seq),
		.ack = rte_be_to_cpu_32(tcp->recv_ack),
		.window = rte_be_to_cpu_16(tcp->rx_win),
		.urgent = rte_be_to_cpu_16(tcp->tcp_urp),
		.flags = tcp->tcp_flags,
		.options_len = hlen - sizeof(*tcp),
		.data = (const uint8_t *)tcp + hlen,
		.len = v->l4_len - hlen };
	memcpy(seg->options, tcp + 1, seg->options_len);
}

/* Why it can be no segment; PST_DROP_COUNT: it can. What is edited gets a fresh checksum. */
static enum pst_drop
unfit(const struct rte_mbuf *m, const struct pst_view *v)
{
	if (v->kind == PST_VIEW_BAD)
		return v->drop;
	if (v->kind == PST_VIEW_FIRST_FRAGMENT || v->kind == PST_VIEW_LATER_FRAGMENT)
		return PST_DROP_FRAGMENT;
	if (v->kind != PST_VIEW_L4 || v->proto != IPPROTO_TCP)
		return PST_DROP_IP_PROTOCOL;
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_GOOD &&
		!pst_view_l4_csum_ok(v))
		return PST_DROP_L4_CHECKSUM;
	return PST_DROP_COUNT;
}

static void
edit(struct pst_runtime *rt, struct watch *w, struct rte_mbuf *m)
{
	enum pst_dir dir = pst_tag(m)->dir;
	struct pst_stream_segment seg;
	struct pst_account *account = &rt->stats.account;
	enum pst_stream_fate fate;
	enum pst_drop why;
	struct pst_view v;
	uint32_t made;

	pst_view_parse(&v, m);
	why = unfit(m, &v);
	if (why != PST_DROP_COUNT) {
		watch_drop(rt, m, why);
		return;
	}
	remember(&w->outlines[dir], m, &v);
	to_segment(&v, &seg);
	memset(w->made, 0, sizeof(w->made));
	fate = pst_stream_input(w->stream, dir, &seg, rt->now_ms);
	made = w->made[PST_DIR_ORIG] + w->made[PST_DIR_REPLY];
	if (w->made[dir] > 0)
		made--; /* one stands for the packet itself */
	else if (fate == PST_STREAM_DROPPED)
		account->dropped[PST_DROP_EDITOR_BOUND]++;
	else
		account->consumed[PST_CONSUMED_EDITOR]++;
	account->originated[PST_ORIGINATED_EDITOR] += made;
	rte_pktmbuf_free(m);
	after(w);
}

/* No handle: its start was not seen, so it is nobody's to edit. */
static void
pass_unknown(struct pst_runtime *rt, uint32_t worker, struct rte_mbuf *m)
{
	struct pst_chan *chan = rt->params.workers[worker];
	/* half of the records stay for the calls of editors; else with the next packet */
	bool spare = chan->n_free > chan->n_records / 2;
	struct pst_req *req = spare ? pst_chan_take(chan) : NULL;

	rt->figures.unknown++;
	if (req != NULL) {
		req->type = PST_REQ_UNWATCH;
		req->cookie = UINT64_MAX;
		req->conn.ref = pst_tag(m)->conn;
		req->conn.offset[PST_DIR_ORIG] = req->conn.offset[PST_DIR_REPLY] = 0;
		pst_chan_post(chan, req);
	}
	watch_give_back(rt, worker, m);
}

/*
 * The answer to a SYN that is refused (R52): as if its receiver had reset it. It takes the way
 * of an edited packet, before the connection is ended.
 */
void
watch_refuse(struct pst_runtime *rt, uint32_t worker, const struct rte_mbuf *syn)
{
	const struct pst_tag *tag = pst_tag((struct rte_mbuf *)(uintptr_t)syn);
	bool inbound = tag->flags & PST_TAG_INBOUND;
	const struct pst_endpoint *from = inbound ? &tag->inside : &tag->remote;
	const struct pst_endpoint *to = inbound ? &tag->remote : &tag->outside;
	struct outline o = { .known = true };
	struct pst_stream_segment rst = { .flags = RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG };
	struct rte_mbuf *m;
	struct pst_view v;

	pst_view_parse(&v, (struct rte_mbuf *)(uintptr_t)syn);
	m = v.kind == PST_VIEW_L4 ? rte_pktmbuf_alloc(rt->params.mbufs) : NULL;
	if (m == NULL)
		return;
	remember(&o, syn, &v);
	o.ip.src_addr = rte_cpu_to_be_32(from->ip);
	o.ip.dst_addr = rte_cpu_to_be_32(to->ip);
	o.ip.time_to_live = REFUSE_TTL;
	o.sport = rte_cpu_to_be_16(from->port);
	o.dport = rte_cpu_to_be_16(to->port);
	rst.ack = rte_be_to_cpu_32(((const struct rte_tcp_hdr *)v.l4)->sent_seq) + 1;
	if (!put_segment(m, &o, &rst, rt->ip_id++)) {
		rte_pktmbuf_free(m);
		return;
	}
	m->port = o.port;
	*pst_tag(m) = (struct pst_tag){ .dir = PST_DIR_REPLY, .iface = o.iface, .conn = tag->conn };
	rt->stats.account.originated[PST_ORIGINATED_EDITOR]++;
	watch_give_back(rt, worker, m);
}

void
watch_input(struct pst_runtime *rt, uint32_t worker, struct rte_mbuf *m)
{
	const struct pst_tag *tag = pst_tag(m);
	struct pst_connection *conn = handle_by_ref(rt, worker, tag->conn);
	bool denied = false;

	if (conn == NULL && tag->first)
		conn = open_new(rt, worker, m, &denied);
	if (denied || (conn != NULL && (conn->kill_wanted || conn->deny_wanted)))
		watch_drop(rt, m, PST_DROP_EDITOR_DENIED);
	else if (conn == NULL && (tag->flags & PST_TAG_UNSET))
		watch_drop(rt, m, PST_DROP_EDITOR_DENIED); /* nobody is there to allow it */
	else if (conn == NULL)
		pass_unknown(rt, worker, m);
	else if (conn->emulation != NULL)
		emulation_input(conn, m);
	else if (conn->proto == PST_UDP)
		datagram_input(conn, m);
	else if (conn->watch == NULL)
		watch_give_back(rt, worker, m);
	else
		edit(rt, conn->watch, m);
}
