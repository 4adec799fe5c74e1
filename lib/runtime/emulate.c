/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Emulation: connections whose outside end is an editor's own. What the client sends is
 * taken in here; what the editor says leaves as packets from the remote end, by the worker, which
 * translates them like any that came from outside.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_udp.h>

#include "base/rng.h"
#include "packet/view.h"
#include "runtime/runtime_priv.h"
#include "stream/bytes.h"
#include "stream/origin.h"

#define MSS 1400
#define UNSENT_MAX 65536
#define HELD_MAX 4096
#define RTO_MS 300
#define RTO_MAX_MS 60000
#define RETRIES 12
#define TTL 64
#define TIMERS_A_ROUND 64

struct emulation {
	struct timer timer;
	struct pst_connection *conn;
	struct pst_origin *origin; /* NULL: datagrams */
	const struct pst_data_filter *filter;
	void *context;
	uint32_t editor;
	struct bytes held;	/* of the client's, that the filter wants to see again */
	struct pst_endpoint to; /* where packets go, as the worker wants to see them */
	bool own_filter;	/* it is not one of conn->filters: detached here */
};

/* Packets. */

static enum pst_dir
dir_to_client(const struct pst_connection *conn)
{
	return conn->inbound ? PST_DIR_ORIG : PST_DIR_REPLY;
}

/* Ethernet and IP headers before l4_len bytes; the L4 header, or NULL. */
static void *
begin_packet(const struct emulation *e, struct rte_mbuf *m, uint8_t proto, uint32_t l4_len)
{
	struct pst_runtime *rt = e->conn->session->rt;
	struct rte_ether_hdr *eth;
	struct rte_ipv4_hdr *ip;

	eth = (struct rte_ether_hdr *)rte_pktmbuf_append(
		m, sizeof(*eth) + sizeof(*ip) + l4_len);
	if (eth == NULL)
		return NULL;
	memset(eth, 0, sizeof(*eth));
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip = (struct rte_ipv4_hdr *)(eth + 1);
	*ip = (struct rte_ipv4_hdr){ .version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(*ip) + l4_len),
		.packet_id = rte_cpu_to_be_16(rt->ip_id++),
		.time_to_live = TTL,
		.next_proto_id = proto,
		.src_addr = rte_cpu_to_be_32(e->conn->remote.ip),
		.dst_addr = rte_cpu_to_be_32(e->to.ip) };
	ip->hdr_checksum = ~rte_raw_cksum(ip, sizeof(*ip));
	return ip + 1;
}

static void
send_packet(const struct emulation *e, struct rte_mbuf *m)
{
	struct pst_connection *conn = e->conn;
	struct pst_runtime *rt = conn->session->rt;
	struct pst_view v;

	m->port = 0;
	*pst_tag(m) = (struct pst_tag){
		.dir = dir_to_client(conn), .flags = PST_TAG_ORIGIN, .conn = conn->ref
	};
	pst_view_parse(&v, m);
	pst_view_l4_csum_fill(&v);
	rt->stats.account.originated[PST_ORIGINATED_EDITOR]++;
	watch_give_back(rt, conn->worker, m);
}

static struct rte_mbuf *
new_packet(const struct emulation *e)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(e->conn->session->rt->params.mbufs);

	if (m == NULL) /* what is lost is sent again */
		e->conn->session->rt->stats.account.dropped[PST_DROP_NO_MBUF]++;
	if (m == NULL)
		e->conn->session->rt->stats.account.originated[PST_ORIGINATED_EDITOR]++;
	return m;
}

static void
on_output(void *ctx, const struct pst_stream_segment *seg)
{
	const struct emulation *e = ctx;
	uint32_t hlen = sizeof(struct rte_tcp_hdr) + seg->options_len;
	struct rte_mbuf *m = new_packet(e);
	struct rte_tcp_hdr *tcp;

	if (m == NULL)
		return;
	tcp = begin_packet(e, m, IPPROTO_TCP, hlen + seg->len);
	if (tcp == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	*tcp = (struct rte_tcp_hdr){ .src_port = rte_cpu_to_be_16(e->conn->remote.port),
		.dst_port = rte_cpu_to_be_16(e->to.port),
		.sent_seq = rte_cpu_to_be_32(seg->seq),
		.recv_ack = rte_cpu_to_be_32(seg->ack),
		.data_off = hlen / 4 << 4,
		.tcp_flags = seg->flags,
		.rx_win = rte_cpu_to_be_16(seg->window) };
	memcpy(tcp + 1, seg->options, seg->options_len);
	if (seg->len > 0)
		memcpy((uint8_t *)tcp + hlen, seg->data, seg->len);
	send_packet(e, m);
}

/* The filter: all that the client says ends there. */

static enum pst_edit_op
ask(struct emulation *e, bool end, uint32_t *take)
{
	struct pst_runtime *rt = e->conn->session->rt;
	struct pst_edit edit = { .op = PST_EDIT_PASS, .take = e->held.len };
	uint32_t before = rt->current;

	rt->current = e->editor;
	e->filter->data(e->context, pst_dir_other(dir_to_client(e->conn)),
		e->held.len > 0 ? bytes_at(&e->held, 0) : NULL, e->held.len, end, &edit);
	rt->current = before;
	*take = edit.take >= 1 && edit.take <= e->held.len ? edit.take : e->held.len;
	return edit.op;
}

static void
on_data(void *ctx, const uint8_t *bytes, uint32_t len, bool end)
{
	struct emulation *e = ctx;
	bool told = false;

	if (len > 0 && !bytes_add(&e->held, bytes, len)) {
		pst_connection_kill(e->conn);
		return;
	}
	while (e->filter != NULL && (e->held.len > 0 || (end && !told))) {
		uint32_t take;
		enum pst_edit_op op = ask(e, end, &take);

		told = end;
		if (op == PST_EDIT_RESET) {
			pst_origin_abort(e->origin);
			pst_connection_kill(e->conn);
			return;
		}
		if (op == PST_EDIT_MORE && !end && e->held.len < HELD_MAX)
			return;
		if (e->held.len > 0)
			bytes_take(&e->held, take);
	}
}

static const struct pst_origin_ops ops = { .output = on_output, .data = on_data };

/* Life. */

static void
set_timer(struct emulation *e)
{
	timers_set(&e->conn->session->rt->origins, &e->timer,
		e->origin != NULL ? pst_origin_deadline(e->origin) : TIMERS_NEVER);
}

static struct emulation *
begin(struct pst_connection *conn)
{
	struct pst_runtime *rt = conn->session->rt;
	struct emulation *e = calloc(1, sizeof(*e));
	struct pst_origin_params p = { .mss = MSS,
		.rto_ms = RTO_MS,
		.rto_max_ms = RTO_MAX_MS,
		.retries = RETRIES,
		.unsent_max = UNSENT_MAX };

	if (e == NULL)
		return NULL;
	e->conn = conn;
	timer_init(&e->timer);
	p.isn = pst_rng_next(&rt->rng);
	if (conn->proto == PST_TCP) {
		e->origin = pst_origin_create(&p, &ops, e);
		if (e->origin == NULL) {
			free(e);
			return NULL;
		}
	}
	conn->emulation = e;
	conn->emulated = true;
	return e;
}

bool
emulation_accept(struct pst_connection *conn)
{
	struct emulation *e;
	const struct pst_data_filter *filter;
	uint32_t editor;
	void *context;

	if (!filters_emulation(conn->filters, &filter, &context, &editor))
		return false; /* who emulates has to supply the data */
	e = begin(conn);
	if (e == NULL)
		return false;
	e->filter = filter;
	e->context = context;
	e->editor = editor;
	e->to = conn->external;
	return true;
}

void
emulation_end(struct pst_connection *conn)
{
	struct emulation *e = conn->emulation;
	struct pst_runtime *rt = conn->session->rt;
	uint32_t before = rt->current;

	if (e == NULL)
		return;
	conn->emulation = NULL;
	timers_set(&rt->origins, &e->timer, TIMERS_NEVER);
	if (e->own_filter && e->filter->detach != NULL) {
		rt->current = e->editor;
		e->filter->detach(e->context);
		rt->current = before;
	}
	pst_origin_destroy(e->origin);
	bytes_fini(&e->held);
	free(e);
}

static void
look_at_timer(struct timer *timer, void *ctx)
{
	struct emulation *e = container_of(timer, struct emulation, timer);
	const struct pst_runtime *rt = ctx;

	pst_origin_timer(e->origin, rt->now_ms);
	set_timer(e);
}

uint32_t
emulation_timers(struct pst_runtime *rt)
{
	return timers_poll(&rt->origins, rt->now_ms, TIMERS_A_ROUND, look_at_timer, rt);
}

/* Input. */

static void
take_segment(struct emulation *e, const struct pst_view *v)
{
	const struct rte_tcp_hdr *tcp = v->l4;
	uint32_t hlen = (tcp->data_off >> 4) * 4;
	struct pst_stream_segment seg = { .seq = rte_be_to_cpu_32(tcp->sent_seq),
		.ack = rte_be_to_cpu_32(tcp->recv_ack),
		.window = rte_be_to_cpu_16(tcp->rx_win),
		.flags = tcp->tcp_flags,
		.options_len = hlen - sizeof(*tcp),
		.data = (const uint8_t *)tcp + hlen,
		.len = v->l4_len - hlen };
	struct pst_connection *conn = e->conn;

	memcpy(seg.options, tcp + 1, seg.options_len);
	pst_origin_input(e->origin, &seg, conn->session->rt->now_ms);
	set_timer(e);
}

static void
take_datagram(struct emulation *e, const struct pst_view *v)
{
	const struct rte_udp_hdr *udp = v->l4;
	uint32_t take;

	if (bytes_add(&e->held, (const uint8_t *)(udp + 1),
		    rte_be_to_cpu_16(udp->dgram_len) - sizeof(*udp)))
		ask(e, false, &take);
	bytes_take(&e->held, e->held.len);
}

void
emulation_input(struct pst_connection *conn, struct rte_mbuf *m)
{
	struct pst_runtime *rt = conn->session->rt;
	struct emulation *e = conn->emulation;
	struct pst_view v;

	pst_view_parse(&v, m);
	if (v.kind != PST_VIEW_L4 || v.proto != (uint8_t)conn->proto) {
		watch_drop(rt, m, PST_DROP_IP_PROTOCOL);
		return;
	}
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_GOOD &&
		!pst_view_l4_csum_ok(&v)) {
		watch_drop(rt, m, PST_DROP_L4_CHECKSUM);
		return;
	}
	if (pst_tag(m)->dir == dir_to_client(conn)) { /* a host outside, with the same ends */
		watch_drop(rt, m, PST_DROP_EDITOR_DENIED);
		return;
	}
	rt->stats.account.consumed[PST_CONSUMED_EDITOR]++;
	if (e->origin != NULL)
		take_segment(e, &v);
	else
		take_datagram(e, &v);
	rte_pktmbuf_free(m);
}

/* Calls. */

int
pst_connection_send(struct pst_connection *conn, const uint8_t *bytes, uint32_t len)
{
	struct emulation *e;
	struct rte_udp_hdr *udp;
	struct rte_mbuf *m;
	int ret;

	if (conn == NULL || conn->session == NULL || conn->emulation == NULL)
		return -EINVAL;
	e = conn->emulation;
	if (conn->kill_wanted)
		return -ESHUTDOWN;
	if (e->origin != NULL) {
		ret = pst_origin_send(e->origin, bytes, len, conn->session->rt->now_ms);
		set_timer(e);
		return ret;
	}
	m = rte_pktmbuf_alloc(conn->session->rt->params.mbufs);
	udp = m != NULL && len <= MSS ? begin_packet(e, m, IPPROTO_UDP, sizeof(*udp) + len) : NULL;
	if (udp == NULL) {
		rte_pktmbuf_free(m);
		return m == NULL ? -ENOMEM : -ENOBUFS;
	}
	*udp = (struct rte_udp_hdr){ .src_port = rte_cpu_to_be_16(conn->remote.port),
		.dst_port = rte_cpu_to_be_16(e->to.port),
		.dgram_len = rte_cpu_to_be_16(sizeof(*udp) + len) };
	memcpy(udp + 1, bytes, len);
	send_packet(e, m);
	return 0;
}

void
pst_connection_shutdown(struct pst_connection *conn)
{
	if (conn == NULL || conn->session == NULL || conn->emulation == NULL ||
		conn->emulation->origin == NULL)
		return;
	pst_origin_shutdown(conn->emulation->origin, conn->session->rt->now_ms);
	set_timer(conn->emulation);
}

int
pst_connection_set_socket_name(struct pst_connection *conn, const struct pst_endpoint *name)
{
	if (conn == NULL || conn->session == NULL || name == NULL || name->ip == 0 ||
		name->port == 0)
		return -EINVAL;
	if (!conn->emulated || conn->named)
		return -EEXIST; /* R70 */
	conn->external = *name;
	conn->named = true;
	return 0;
}

static int
check_bind(const struct pst_session *session, const struct pst_emulate_client_bind *args,
	struct pst_connection **connection)
{
	if (session == NULL || args == NULL || connection == NULL || args->protocol != PST_TCP ||
		args->client.ip != session->client_ip || args->client.port == 0)
		return -EINVAL;
	return session->closing ? -ESHUTDOWN : protocol_find(session->rt, &args->protocol_id);
}

int
pst_emulate_client_bind(struct pst_session *session, const struct pst_emulate_client_bind *args,
	struct pst_connection **connection)
{
	int ret = check_bind(session, args, connection);
	struct pst_connection *conn;

	if (ret < 0)
		return ret;
	ret = pst_session_access_check(session, &args->protocol_id);
	if (ret < 0)
		return ret;
	conn = handle_new(session, HANDLE_ENDPOINT);
	if (conn == NULL)
		return -ENOMEM;
	conn->proto = PST_TCP;
	conn->client = args->client;
	conn->external = args->proxy;
	conn->editor = session->rt->current;
	conn->emulated = true;
	ret = call_raise_bind(conn, &args->protocol_id, 1, false);
	if (ret < 0) {
		conn->editor = NO_EDITOR; /* its caller never had it */
		handle_end(conn);
		return ret;
	}
	*connection = conn;
	return 0;
}

/* Ask the worker for the connection. Its handle is bound to it, or -errno. */
static int
ask_worker(struct pst_connection *conn, struct pst_endpoint *to)
{
	struct pst_session *session = conn->session;
	struct pst_runtime *rt = session->rt;
	uint64_t give_up = call_bound(rt);
	struct pst_req *req = call_take(rt, session->worker, give_up);
	int ret;

	if (req == NULL)
		return -EAGAIN;
	req->type = PST_REQ_EMULATE;
	req->cookie = PST_NO_COOKIE;
	req->emulate.client = conn->client;
	req->emulate.remote = conn->remote;
	req->emulate.editor_lcore = rt->params.index;
	req->emulate.editor = conn->editor;
	req->emulate.protocol_index = UINT16_MAX;
	if (!call_wait(rt, session->worker, req, give_up))
		return -EAGAIN;
	ret = req->result;
	*to = req->emulate.outside;
	if (ret == 0 && !handle_bind_ref(conn, session->worker, req->emulate.ref))
		ret = -ENOMEM; /* nobody knows it: it times out there */
	pst_chan_put(rt->params.workers[session->worker], req);
	return ret;
}

static struct pst_connection *
new_handle(const struct pst_connection *listener, const struct pst_endpoint *remote,
	const struct pst_endpoint *local)
{
	struct pst_connection *conn = handle_new(listener->session, HANDLE_WATCHED);

	if (conn == NULL)
		return NULL;
	conn->proto = PST_TCP;
	conn->inbound = true;
	conn->by_editor = true;
	conn->client = local != NULL ? *local : listener->client;
	conn->external = listener->external;
	conn->remote = *remote;
	conn->editor = listener->session->rt->current;
	return conn;
}

static int
check_connection(const struct pst_connection *listener, const struct pst_data_filter *filter,
	const struct pst_endpoint *remote, const struct pst_endpoint *local)
{
	if (listener == NULL || listener->session == NULL || filter == NULL ||
		filter->data == NULL || remote == NULL)
		return -EINVAL;
	if (listener->kind != HANDLE_ENDPOINT || !listener->emulated || !listener->named)
		return -EINVAL; /* R70 */
	if (local != NULL && local->ip != listener->session->client_ip)
		return -EINVAL;
	return listener->session->closing ? -ESHUTDOWN : 0;
}

int
pst_emulate_connection(struct pst_connection *listener, const struct pst_data_filter *filter,
	void *context, const struct pst_endpoint *remote, const struct pst_endpoint *local,
	struct pst_connection **made)
{
	int ret = check_connection(listener, filter, remote, local);
	struct pst_connection *conn;
	struct emulation *e;

	if (ret < 0)
		return ret;
	conn = new_handle(listener, remote, local);
	e = conn != NULL ? begin(conn) : NULL;
	ret = e != NULL ? ask_worker(conn, &e->to) : -ENOMEM;
	if (ret < 0) {
		if (conn != NULL)
			handle_free(conn);
		return ret;
	}
	conn->named = true;
	e->filter = filter;
	e->context = context;
	e->editor = conn->editor;
	e->own_filter = true;
	pst_origin_connect(e->origin, conn->session->rt->now_ms);
	set_timer(e);
	if (made != NULL)
		*made = conn;
	return 0;
}
