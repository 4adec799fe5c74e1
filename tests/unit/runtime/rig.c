/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#include "eal.h"
#include "filter/ipfilter.h"

#define MBUFS 2047
#define SETTLE_ROUNDS 10000
#define CONNS_MAX 64

const struct pst_guid rig_protocol = { { 1, 2, 3 } };
const struct pst_guid rig_other_protocol = { { 4, 5, 6 } };
const struct pst_guid rig_unknown_protocol = { { 7, 8, 9 } };

/* An editor's callbacks have no context of their own before there is a session. */
static struct rig *the_rig;
static struct rte_mempool *mbufs;
static struct rig_conn *conns[CONNS_MAX];
static uint32_t n_conns;

/* The toy editors. */

struct toy {
	struct pst_editor_session base;
	uint32_t editor;
};

static struct pst_editor_session *
attach(struct pst_session *session, uint32_t editor)
{
	struct rig *rig = the_rig;
	struct toy *toy = rig->attach_fails ? NULL : calloc(1, sizeof(*toy));

	if (toy == NULL)
		return NULL;
	toy->editor = editor;
	rig->attached[editor]++;
	rig->session = session;
	rig->callbacks[editor] = &toy->base;
	return &toy->base;
}

static struct pst_editor_session *
toy_attach(struct pst_session *session)
{
	return attach(session, 0);
}

static struct pst_editor_session *
other_attach(struct pst_session *session)
{
	return attach(session, 1);
}

static void
toy_detach(struct pst_editor_session *es)
{
	struct toy *toy = (struct toy *)es;
	struct rig *rig = the_rig;

	if (rig->at_detach != NULL)
		rig->at_detach(rig);
	rig->detached[toy->editor]++;
	if (rig->callbacks[toy->editor] == es)
		rig->callbacks[toy->editor] = NULL;
	free(toy);
}

static void
toy_data(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct rig *rig = context;
	rig_todo todo = rig->todo;

	edit->op = PST_EDIT_PASS;
	edit->take = len;
	rig->todo = NULL;
	if (todo != NULL)
		todo(rig);
	if (rig->edit != NULL)
		rig->edit(rig, dir, bytes, len, end, edit);
}

static void
toy_data_detach(void *context)
{
	struct rig *rig = context;

	if (rig->at_filter_detach != NULL)
		rig->at_filter_detach(rig);
	rig->filters_detached++;
}

static const struct pst_data_filter toy_filter = { .data = toy_data, .detach = toy_data_detach };

static int
toy_event(struct pst_editor_session *es, const struct pst_event *event)
{
	struct rig *rig = the_rig;

	assert_true(rig->n_events < RIG_EVENTS_MAX);
	rig->events[rig->n_events++] = (struct rig_event){ event->type, event->connection,
		event->endpoint, event->remote, event->context, ((struct toy *)es)->editor };
	if (event->type != PST_EVENT_CONNECT_TCP)
		return rig->event_result;
	rig->control = event->connection;
	if (!rig->no_filter)
		assert_int_equal(
			pst_connection_attach_data_filter(event->connection, &toy_filter,
				PST_PRIORITY_NAT, rig), 0);
	return rig->event_result;
}

static const struct pst_editor toy_editor = {
	.name = "toy",
	.attach = toy_attach,
	.event = toy_event,
	.detach = toy_detach,
};

static const struct pst_editor other_editor = {
	.name = "other",
	.attach = other_attach,
	.event = toy_event,
	.detach = toy_detach,
};

static const struct pst_editor *const editors[] = { &toy_editor, &other_editor, NULL };

/* Workers. */

static struct rig_conn *
find_conn(uint32_t worker, struct pst_ref ref)
{
	for (uint32_t i = 0; i < n_conns; i++) {
		if (conns[i]->worker == worker && conns[i]->ref.index == ref.index &&
			conns[i]->ref.gen == ref.gen)
			return conns[i];
	}
	return NULL;
}

static void
serve_bind(struct rig_worker *w, struct pst_req *req)
{
	uint32_t n = req->bind.n;

	req->result = w->bind_result;
	if (req->result != 0)
		return;
	assert_true(w->n_listeners + n <= RIG_LISTENERS_MAX);
	w->next_port = RTE_ALIGN_MUL_CEIL(w->next_port, n);
	if (req->bind.proxy.port == PST_PORT_ANY)
		req->bind.proxy.port = w->next_port;
	w->next_port += n;
	for (uint32_t k = 0; k < n; k++) {
		w->listeners[w->n_listeners] = (struct rig_listener){ .open = true,
			.cookie = req->bind.ends[k].cookie,
			.client = req->bind.ends[k].client,
			.filter = k == 0 ? req->bind.filter : NULL,
			.call = w->served[PST_REQ_BIND] };
		req->bind.ends[k].ref = (struct pst_ref){ w->n_listeners++, 1 };
	}
	w->open += n;
}

static void
close_listener(struct rig_worker *w, uint32_t i)
{
	w->open -= w->listeners[i].open;
	w->listeners[i].open = false;
	pst_ipset_unref(w->listeners[i].filter);
	w->listeners[i].filter = NULL;
}

/* It ends, and its editor lcore hears of that. */
static void
close_conn(struct rig_worker *w, struct pst_ref ref)
{
	struct pst_evt evt = { .type = PST_EVT_CONN_END, .ref = ref };
	struct rig_conn *c = find_conn(w - the_rig->workers, ref);

	if (c != NULL && c->ended)
		return;
	if (c != NULL)
		c->ended = true;
	assert_true(pst_chan_tell(w->chan, &evt));
}

static void
serve_one(struct rig_worker *w, struct pst_req *req)
{
	req->result = 0;
	switch (req->type) {
	case PST_REQ_BIND:
		serve_bind(w, req);
		break;
	case PST_REQ_KILL:
		for (uint32_t k = 0; k < req->bind.n; k++)
			close_listener(w, req->bind.ends[k].ref.index);
		break;
	case PST_REQ_SET_CLIENT:
		if (!w->listeners[req->bind.ends[0].ref.index].open)
			req->result = -ESHUTDOWN;
		else
			w->listeners[req->bind.ends[0].ref.index].client = req->bind.ends[0].client;
		break;
	case PST_REQ_KILL_CONN:
		close_conn(w, req->conn.ref);
		break;
	default:
		break;
	}
	w->served[req->type]++;
	w->last[req->type] = *req;
}

void
rig_serve(struct rig *rig, uint32_t worker)
{
	struct rig_worker *w = &rig->workers[worker];
	struct pst_req *req;

	while (!w->stalled && (req = pst_chan_request(w->chan)) != NULL) {
		serve_one(w, req);
		pst_chan_reply(w->chan, &req, 1);
	}
}

static void
idle(void *ctx)
{
	struct rig *rig = ctx;

	for (uint32_t w = 0; w < RIG_WORKERS; w++)
		rig_serve(rig, w);
	rig->now_ms++;
}

static uint64_t
now(void *ctx)
{
	return ((struct rig *)ctx)->now_ms;
}

static uint32_t
worker_of(void *ctx, uint32_t client_ip)
{
	(void)ctx;
	return client_ip % RIG_WORKERS;
}

/* Life. */

int
rig_group_setup(void **state)
{
	(void)state;
	test_eal_init(256);
	mbufs = rte_pktmbuf_pool_create(
		"rig", MBUFS, 0, PST_MBUF_PRIV, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return mbufs != NULL ? 0 : -1;
}

int
rig_group_teardown(void **state)
{
	(void)state;
	rte_mempool_free(mbufs);
	return 0;
}

static void
create_workers(struct rig *rig, const struct rig_params *p)
{
	static unsigned int serial; /* a test that failed has left its rings behind */

	serial++;
	for (uint32_t w = 0; w < RIG_WORKERS; w++) {
		char name[24];
		struct pst_chan_params c = { .name = name,
			.records = p->records != 0 ? p->records : 64,
			.events = p->events != 0 ? p->events : 1024,
			.packets = p->packets != 0 ? p->packets : 512,
			.socket = SOCKET_ID_ANY };

		snprintf(name, sizeof(name), "rig%u-%u", serial, w);
		rig->workers[w].chan = pst_chan_create(&c);
		assert_non_null(rig->workers[w].chan);
		rig->workers[w].next_port = 10000 + w;
	}
}

struct rig *
rig_create(const struct rig_params *params)
{
	static const struct pst_runtime_protocol protocols[] = {
		{ .id = { { 1, 2, 3 } }, .name = "toy", .editor = 0 },
		{ .id = { { 4, 5, 6 } }, .name = "other", .editor = 1 },
	};
	struct rig *rig = aligned_alloc(alignof(struct rig), sizeof(*rig));
	struct pst_chan *chans[RIG_WORKERS];
	struct pst_runtime_params p = { .index = 3,
		.workers = chans,
		.n_workers = RIG_WORKERS,
		.editors = editors,
		.settings = { .enabled = 3,
			.protocols = protocols,
			.n_protocols = RTE_DIM(protocols) },
		.mbufs = mbufs,
		.seed = 7,
		.handles = params->handles,
		.bind_timeout_ms = RIG_TIMEOUT_MS,
		.worker_of = worker_of,
		.idle = idle,
		.now = now,
		.ctx = rig };
	static struct pst_chan *kept[RIG_WORKERS]; /* the runtime keeps the pointer */

	assert_non_null(rig);
	memset(rig, 0, sizeof(*rig));
	create_workers(rig, params);
	for (uint32_t w = 0; w < RIG_WORKERS; w++)
		kept[w] = rig->workers[w].chan;
	p.workers = kept;
	rig->mbufs = mbufs;
	rig->now_ms = 1000;
	the_rig = rig;
	n_conns = 0;
	rig->rt = pst_runtime_create(&p);
	assert_non_null(rig->rt);
	return rig;
}

/* What is lent comes back, is dropped or consumed; what is made has to leave too. */
static void
check_account(const struct rig *rig)
{
	struct pst_account account = pst_runtime_stats(rig->rt)->account;

	assert_int_equal(account.received, 0);
	assert_int_equal(account.sent, 0);
	account.received = rig->lent;
	account.sent = rig->returned;
	assert_int_equal(pst_account_held(&account), 0);
}

static void
end_listeners(struct rig *rig, uint32_t worker)
{
	struct rig_worker *w = &rig->workers[worker];

	for (uint32_t i = 0; i < w->n_listeners; i++) {
		struct pst_evt evt = { .type = PST_EVT_ENDPOINT_END,
			.cookie = w->listeners[i].cookie };

		if (w->listeners[i].open)
			rig_tell(rig, worker, &evt);
		close_listener(w, i);
	}
}

void
rig_destroy(struct rig *rig)
{
	for (uint32_t w = 0; w < RIG_WORKERS; w++)
		rig->workers[w].stalled = false;
	rig_settle(rig);
	for (uint32_t i = 0; i < n_conns; i++) {
		if (!conns[i]->ended)
			rig_end_conn(rig, conns[i]);
	}
	for (uint32_t w = 0; w < RIG_WORKERS; w++)
		end_listeners(rig, w);
	rig_settle(rig);
	check_account(rig);
	assert_true(pst_runtime_is_quiet(rig->rt));
	assert_int_equal(pst_runtime_stats(rig->rt)->sessions, 0);
	assert_int_equal(pst_runtime_stats(rig->rt)->connections, 0);
	rig_stop(rig);
}

void
rig_stop(struct rig *rig)
{
	pst_runtime_destroy(rig->rt);
	assert_int_equal(rig->attached[0], rig->detached[0]);
	assert_int_equal(rig->attached[1], rig->detached[1]);
	for (uint32_t w = 0; w < RIG_WORKERS; w++) {
		for (uint32_t i = 0; i < rig->workers[w].n_listeners; i++)
			close_listener(&rig->workers[w], i);
		pst_chan_destroy(rig->workers[w].chan);
	}
	assert_int_equal(rte_mempool_in_use_count(mbufs), 0);
	free(rig);
	the_rig = NULL;
}

/* Packets. */

/* As its sender would have made it: headers go back as they were lent. */
static void
check_headers(const struct rig_end *sender, const struct pkt *p)
{
	assert_int_equal(p->src, sender->own.ip);
	assert_int_equal(p->sport, sender->own.port);
	assert_int_equal(p->dst, sender->peer.ip);
	assert_int_equal(p->dport, sender->peer.port);
	assert_int_equal(p->ttl, RIG_TTL);
	assert_true(p->df);
}

static void
receive(struct rig_end *e, const struct pkt *p)
{
	uint32_t skip = e->ack - p->seq;

	e->n_packets++;
	e->acked = p->ack;
	e->flags |= p->tcp_flags;
	e->largest = RTE_MAX(e->largest, p->len);
	if (p->tcp_flags & S) {
		e->ack = p->seq + 1;
		return;
	}
	if ((int32_t)skip >= 0 && skip < p->len) {
		assert_true(e->n_got + p->len - skip <= RIG_STREAM_MAX);
		memcpy(e->got + e->n_got, (const uint8_t *)p->data + skip, p->len - skip);
		e->n_got += p->len - skip;
		e->ack += p->len - skip;
	}
	if ((p->tcp_flags & F) && p->seq + p->len == e->ack)
		e->ack++;
}

static void
take_back(struct rig *rig, uint32_t worker)
{
	void *m;

	while (rte_ring_dequeue(rig->workers[worker].chan->to_worker, &m) == 0) {
		const struct pst_tag *tag = pst_tag(m);
		struct rig_conn *c = find_conn(worker, tag->conn);
		struct pkt p;

		rig->returned++;
		assert_int_equal(tag->kind, PST_TAG_EDITED);
		assert_true(pkt_read(m, &p));
		if (c != NULL && (p.tcp_flags & R) && p.seq == 0) {
			receive(&c->ends[pst_dir_other(tag->dir)], &p); /* a refusal: made here */
		} else if (c != NULL) {
			assert_int_equal(tag->iface, tag->dir);
			check_headers(&c->ends[tag->dir], &p);
			receive(&c->ends[pst_dir_other(tag->dir)], &p);
		}
		rte_pktmbuf_free(m);
	}
}

void
rig_take(struct rig *rig, struct rig_conn *c)
{
	take_back(rig, c->worker);
}

void
rig_settle(struct rig *rig)
{
	uint32_t done, rounds = 0;

	do {
		for (uint32_t w = 0; w < RIG_WORKERS; w++)
			rig_serve(rig, w);
		done = pst_runtime_poll(rig->rt, rig->now_ms);
		for (uint32_t w = 0; w < RIG_WORKERS; w++)
			take_back(rig, w);
		assert_true(++rounds < SETTLE_ROUNDS);
	} while (done > 0);
}

void
rig_pass(struct rig *rig, uint32_t ms)
{
	for (uint32_t i = 0; i < ms; i++) {
		rig->now_ms++;
		rig_settle(rig);
	}
}

bool
rig_send(struct rig *rig, struct rig_conn *c, enum pst_dir dir, uint8_t flags, uint32_t seq,
	const void *data, uint32_t len)
{
	struct rig_end *e = &c->ends[dir];
	struct pkt p = { .proto = IPPROTO_TCP,
		.src = e->own.ip,
		.sport = e->own.port,
		.dst = e->peer.ip,
		.dport = e->peer.port,
		.tcp_flags = flags,
		.seq = seq,
		.ack = flags & A ? e->ack : 0,
		.data = data,
		.len = len,
		.ttl = RIG_TTL,
		.df = true };
	struct rte_mbuf *m;

	p.options_len = rig->options_len;
	if (rig->options_len > 0)
		memcpy(p.options, rig->options, rig->options_len);
	m = pkt_build(rig->mbufs, &p);
	assert_non_null(m);
	*pst_tag(m) = (struct pst_tag){ .kind = PST_TAG_WATCHED,
		.proto = PST_TCP,
		.dir = dir,
		.first = (flags & (S | A)) == S,
		.iface = dir,
		.protocol_index = c->protocol,
		.conn = c->ref,
		.inside = c->inside,
		.outside = { RIG_OUTSIDE, c->ends[PST_DIR_REPLY].peer.port },
		.remote = c->ends[PST_DIR_REPLY].own };
	if (rte_ring_enqueue(rig->workers[c->worker].chan->to_asker, m) != 0) {
		rte_pktmbuf_free(m);
		return false;
	}
	rig->lent++;
	return true;
}

static void
send_now(struct rig *rig, struct rig_conn *c, enum pst_dir dir, uint8_t flags, const char *text,
	uint32_t len)
{
	struct rig_end *e = &c->ends[dir];

	assert_true(rig_send(rig, c, dir, flags, e->seq, text, len));
	e->seq += len + ((flags & (S | F)) != 0);
	rig_settle(rig);
}

void
rig_connect(struct rig *rig, struct rig_conn *c, uint32_t client, bool shake)
{
	uint16_t port = 4000 + rig->next_ref;
	struct pst_endpoint inside = { client, port }, outside = { RIG_OUTSIDE, port + 1 };
	struct pst_endpoint server = { RIG_SERVER, 21 };

	memset(c, 0, sizeof(*c));
	c->worker = worker_of(NULL, client);
	c->ref = (struct pst_ref){ rig->next_ref++, 5 };
	c->inside = inside;
	c->protocol = rig->protocol;
	c->ends[PST_DIR_ORIG] = (struct rig_end){ .own = inside, .peer = server, .seq = -20 };
	c->ends[PST_DIR_REPLY] = (struct rig_end){ .own = server, .peer = outside, .seq = 7000 };
	assert_true(n_conns < CONNS_MAX);
	conns[n_conns++] = c;
	send_now(rig, c, PST_DIR_ORIG, S, NULL, 0);
	if (!shake)
		return;
	send_now(rig, c, PST_DIR_REPLY, S | A, NULL, 0);
	send_now(rig, c, PST_DIR_ORIG, A, NULL, 0);
}

void
rig_say(struct rig *rig, struct rig_conn *c, enum pst_dir dir, const char *text)
{
	send_now(rig, c, dir, A | P, text, strlen(text));
	send_now(rig, c, pst_dir_other(dir), A, NULL, 0);
}

void
rig_inside(struct rig *rig, struct rig_conn *c, rig_todo todo)
{
	rig->todo = todo;
	rig_say(rig, c, PST_DIR_ORIG, "do\n");
	assert_null(rig->todo);
}

void
rig_tell(struct rig *rig, uint32_t worker, const struct pst_evt *evt)
{
	assert_true(pst_chan_tell(rig->workers[worker].chan, evt));
}

void
rig_end_conn(struct rig *rig, struct rig_conn *c)
{
	struct pst_evt evt = { .type = PST_EVT_CONN_END, .ref = c->ref };

	c->ended = true;
	rig_tell(rig, c->worker, &evt);
	rig_settle(rig);
}

uint32_t
rig_events_of(const struct rig *rig, enum pst_event_type type)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < rig->n_events; i++)
		n += rig->events[i].type == type;
	return n;
}

uint64_t
rig_drops(const struct rig *rig, enum pst_drop why)
{
	return pst_runtime_stats(rig->rt)->account.dropped[why];
}
