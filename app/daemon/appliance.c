/* SPDX-License-Identifier: BSD-3-Clause */
#define PST_LOG_MODULE PST_LOGTYPE_NAT

#include "appliance.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "base/log.h"
#include "config/address.h"
#include "editors.h"
#include "packet/view.h"
#include "protocols.h"
#include "publish.h"
#include "record.h"

#define RING_PACKETS 1024
#define RING_EVENTS 1024
#define RECORDS 64
#define MAIN_RECORDS 4
#define WORKER_EVENTS 256 /* refusals and port blocks, that main has not read yet */
#define REFUSALS_A_SECOND 10 /* that are logged one by one */
#define WORKER_RECORDS 8
#define LISTENERS_SHARE 16 /* a worker's listeners: its connections divided by this */
#define LISTENERS_MIN 2048
#define BIND_TIMEOUT_MS 100
#define WORKER_BYTES (3 << 20) /* fragments, held SYNs, buffers, the event log's ring */
#define POOL_BYTES (PST_POOLS * (17 << 10)) /* a worker's, of an address */

/* Rings. */

/* Main's own requests of a reload: one at a time to each lcore. */
static struct pst_chan *
create_reload_chan(const char *kind, uint32_t index)
{
	char name[RTE_RING_NAMESIZE];
	struct pst_chan_params c = { .name = name, .records = 1, .socket = SOCKET_ID_ANY };

	snprintf(name, sizeof(name), "pst-r-%s%u", kind, index);
	return pst_chan_create(&c);
}

static int
create_reload_chans(struct pst_appliance *a)
{
	for (uint32_t w = 0; w < a->n_workers; w++) {
		a->reload_chans[w] = create_reload_chan("w", w);
		if (a->reload_chans[w] == NULL)
			return -ENOMEM;
	}
	for (uint32_t e = 0; e < a->n_editors; e++) {
		a->runtime_chans[e] = create_reload_chan("e", e);
		if (a->runtime_chans[e] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int
create_chans(struct pst_appliance *a)
{
	const struct pst_appliance_params *p = &a->params;
	char name[RTE_RING_NAMESIZE];

	for (uint32_t w = 0; w < a->n_workers; w++) {
		struct pst_chan_params c = { .name = name,
			.records = MAIN_RECORDS,
			.packets = p->ring_packets,
			.events = WORKER_EVENTS,
			.socket = SOCKET_ID_ANY };

		snprintf(name, sizeof(name), "pst-m-w%u", w);
		a->main_chans[w] = pst_chan_create(&c);
		if (a->main_chans[w] == NULL)
			return -ENOMEM;
		c.records = p->records;
		c.events = p->ring_events;
		for (uint32_t e = 0; e < a->n_editors; e++) {
			snprintf(name, sizeof(name), "pst-e%u-w%u", e, w);
			a->editor_chans[e][w] = pst_chan_create(&c);
			if (a->editor_chans[e][w] == NULL)
				return -ENOMEM;
		}
	}
	return 0;
}

static int
create_worker_chan(struct pst_appliance *a, uint32_t asker, uint32_t asked)
{
	char name[RTE_RING_NAMESIZE];
	struct pst_chan_params c = { .name = name, .records = WORKER_RECORDS,
		.socket = SOCKET_ID_ANY };

	snprintf(name, sizeof(name), "pst-a%u-w%u", asker, asked);
	a->worker_chans[asker][asked] = pst_chan_create(&c);
	return a->worker_chans[asker][asked] != NULL ? 0 : -ENOMEM;
}

static int
create_rings(struct pst_appliance *a)
{
	char name[RTE_RING_NAMESIZE];

	for (uint32_t from = 0; from < a->n_workers; from++) {
		for (uint32_t to = 0; to < a->n_workers; to++) {
			if (from == to)
				continue;
			snprintf(name, sizeof(name), "pst-w%u-w%u", from, to);
			a->rings[from][to] = rte_ring_create(name, a->params.ring_packets,
				SOCKET_ID_ANY,
				RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
			if (a->rings[from][to] == NULL || create_worker_chan(a, from, to) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* Lcores. */

static uint32_t
connections_of(const struct pst_config *c)
{
	uint32_t n = c->lcores.n_workers;

	/* clients do not spread quite evenly: a quarter more than an equal share */
	return n == 1 ? c->nat.sessions : c->nat.sessions / n + c->nat.sessions / n / 4 + 64;
}

static uint32_t
listeners_of(const struct pst_config *c)
{
	return RTE_MAX(connections_of(c) / LISTENERS_SHARE, (uint32_t)LISTENERS_MIN);
}

static struct pst_nat *
create_nat(struct pst_appliance *a, uint32_t w)
{
	struct pst_nat_share share = { .worker = w,
		.connections = connections_of(a->params.config),
		.listeners = a->params.listeners != 0 ? a->params.listeners :
							listeners_of(a->params.config),
		.seed = a->params.seed + w,
		.now_ms = a->params.now_ms,
		.log = a->queues[w],
		.socket = SOCKET_ID_ANY };

	share.runs = pst_steer_runs(&a->steer, w);
	return pst_nat_create(&a->now->nat, &share);
}

static void
set_worker_ports(const struct pst_appliance *a, struct pst_worker_params *p, uint32_t w)
{
	for (uint32_t i = 0; i < a->params.config->n_ifaces; i++) {
		const struct pst_appliance_iface *f = &a->params.ifaces[i];
		bool known = false;

		for (uint32_t k = 0; k < p->n_ports; k++)
			known = known || p->port_ids[k] == f->port;
		if (known)
			continue;
		p->port_ids[p->n_ports++] = f->port;
		p->ports[f->port] = (struct pst_worker_port){
			.rx_queue = w < f->n_rx ? w : PST_NO_QUEUE,
			.tx_queue = w < f->n_tx ? w : PST_NO_QUEUE,
			.tx_worker = w % f->n_tx,
		};
	}
}

static int
create_worker(struct pst_appliance *a, uint32_t w)
{
	struct pst_worker_params p = { .index = w,
		.net = &a->now->net,
		.steer = &a->steer,
		.main = a->main_chans[w],
		.reload = a->reload_chans[w],
		.n_editors = a->n_editors,
		.n_workers = a->n_workers,
		.mbufs = a->params.mbufs,
		.socket = SOCKET_ID_ANY };

	for (uint32_t e = 0; e < a->n_editors; e++)
		p.editors[e] = a->editor_chans[e][w];
	for (uint32_t k = 0; k < a->n_workers; k++) {
		p.to[k] = a->rings[w][k];
		p.from[k] = a->rings[k][w];
		p.asks[k] = a->worker_chans[w][k];
		p.asked_by[k] = a->worker_chans[k][w];
	}
	set_worker_ports(a, &p, w);
	if (pst_record_open(a, w) < 0)
		return -ENOMEM;
	p.nat = create_nat(a, w);
	if (p.nat == NULL)
		return -ENOMEM;
	a->workers[w] = pst_worker_create(&p);
	if (a->workers[w] == NULL) {
		pst_nat_destroy(p.nat);
		return -ENOMEM;
	}
	a->counts[w] = (struct pst_counts){ p.nat->rule_counts, p.nat->filter_counts };
	return 0;
}

static uint32_t
worker_of(void *ctx, uint32_t client_ip)
{
	const struct pst_appliance *a = ctx;

	return pst_steer_inside(&a->steer, client_ip);
}

static int
create_runtime(struct pst_appliance *a, uint32_t e)
{
	struct pst_runtime_params p = { .index = e,
		.workers = a->editor_chans[e],
		.n_workers = a->n_workers,
		.editors = a->params.editors,
		.settings = a->now->settings,
		.hooks = a->hooks,
		.main = a->runtime_chans[e],
		.mbufs = a->params.mbufs,
		.handles = a->params.handles,
		.seed = a->params.seed + PST_WORKERS_MAX + e,
		.bind_timeout_ms = BIND_TIMEOUT_MS,
		.worker_of = worker_of,
		.worker_ctx = a,
		.idle = a->params.idle,
		.now = a->params.now,
		.ctx = a->params.ctx };

	a->runtimes[e] = pst_runtime_create(&p);
	return a->runtimes[e] != NULL ? 0 : -ENOMEM;
}

static int
create_lcores(struct pst_appliance *a, char *error, size_t size)
{
	int ret;

	a->swap = pst_swap_create(a);
	ret = a->swap != NULL ? create_chans(a) : -ENOMEM;
	if (ret == 0)
		ret = create_reload_chans(a);
	if (ret == 0)
		ret = create_rings(a);
	for (uint32_t w = 0; ret == 0 && w < a->n_workers; w++)
		ret = create_worker(a, w);
	for (uint32_t e = 0; ret == 0 && e < a->n_editors; e++)
		ret = create_runtime(a, e);
	if (ret < 0)
		snprintf(error, size,
			"no memory for %u sessions on %u workers: about %u MB are needed; raise "
			"memory.megabytes or lower nat.sessions",
			a->params.config->nat.sessions, a->n_workers,
			pst_appliance_megabytes(a->params.config));
	return ret;
}

struct pst_appliance *
pst_appliance_create(const struct pst_appliance_params *params, char *error, size_t size)
{
	struct pst_appliance *a;

	a = rte_zmalloc("pst_appliance", sizeof(*a), RTE_CACHE_LINE_SIZE);
	if (a == NULL) {
		snprintf(error, size, "no memory");
		return NULL;
	}
	a->params = *params;
	if (a->params.editors == NULL)
		a->params.editors = pst_editors;
	if (a->params.ring_packets == 0)
		a->params.ring_packets = RING_PACKETS;
	if (a->params.ring_events == 0)
		a->params.ring_events = RING_EVENTS;
	if (a->params.records == 0)
		a->params.records = RECORDS;
	a->n_workers = params->config->lcores.n_workers;
	a->n_editors = params->config->lcores.n_editors;
	pst_steer_init(&a->steer, a->n_workers);
	a->neigh = pst_neigh_create(SOCKET_ID_ANY);
	if (a->neigh == NULL)
		snprintf(error, size, "no memory for the neighbours");
	else
		a->now = pst_snapshot_create(a, params->config, NULL, false, error, size);
	for (uint32_t i = 0; a->now != NULL && i < a->now->nat.n_addresses; i++)
		a->has_pools[i] = true;
	if (a->now == NULL || create_lcores(a, error, size) < 0 ||
		pst_publish_all(a, error, size) < 0) {
		pst_appliance_destroy(a);
		return NULL;
	}
	return a;
}

void
pst_appliance_destroy(struct pst_appliance *a)
{
	if (a == NULL)
		return;
	pst_eventlog_drop_queues(a->params.eventlog);
	for (uint32_t e = 0; e < a->n_editors; e++) {
		pst_runtime_destroy(a->runtimes[e]);
		pst_chan_destroy(a->runtime_chans[e]);
	}
	pst_swap_destroy(a->swap);
	for (uint32_t w = 0; w < a->n_workers; w++) {
		pst_worker_destroy(a->workers[w]);
		pst_chan_destroy(a->main_chans[w]);
		pst_chan_destroy(a->reload_chans[w]);
		pst_record_queue_destroy(a->queues[w]);
		for (uint32_t e = 0; e < a->n_editors; e++)
			pst_chan_destroy(a->editor_chans[e][w]);
		for (uint32_t k = 0; k < a->n_workers; k++) {
			rte_ring_free(a->rings[w][k]);
			pst_chan_destroy(a->worker_chans[w][k]);
		}
	}
	pst_neigh_destroy(a->neigh);
	if (a->now != NULL)
		pst_nat_rests_destroy(&a->now->nat);
	pst_snapshot_destroy(a->now);
	pst_protocols_stop(a);
	rte_free(a);
}

static uint32_t
count(const struct pst_range *ranges, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += ranges[i].last - ranges[i].first + 1;
	return sum;
}

uint32_t
pst_appliance_megabytes(const struct pst_config *config)
{
	/* an entry and its part of the rare ones, two keys; a bind and its two ends */
	uint64_t each = 128 + 2 + 2 * 10 + (16 + 10) + 10;
	uint32_t n = connections_of(config);
	uint64_t tables = (n * each + pst_nat_clients_of(n) * UINT64_C(44 + 10)) * 9 / 8 +
		(uint64_t)listeners_of(config) * 160;
	uint32_t addresses = count(config->nat.pool, config->nat.n_pool);

	for (uint32_t i = 0; i < config->nat.n_pools; i++)
		addresses += count(config->nat.pools[i].addresses,
			config->nat.pools[i].n_addresses);
	/* rests of ports, and the workers' pools; an editor lcore's records at each worker; packets;
	 * a bit of air */
	return ((tables + WORKER_BYTES + addresses * POOL_BYTES) * config->lcores.n_workers +
		       (uint64_t)addresses * PST_POOLS * 65536 * 12 +
		       (uint64_t)(config->lcores.n_editors * RECORDS +
			       config->lcores.n_workers * WORKER_RECORDS) *
			       config->lcores.n_workers * sizeof(struct pst_req)) /
		(1 << 20) +
		64;
}

/* Main's part. */

static void
main_drop(void *ctx, struct rte_mbuf *m, enum pst_drop why)
{
	struct pst_appliance *a = ctx;

	a->account.dropped[why]++;
	rte_pktmbuf_free(m);
}

/* The first worker that has a queue there sends for main. */
static void
main_send(void *ctx, struct rte_mbuf *m, uint16_t iface)
{
	struct pst_appliance *a = ctx;

	pst_tag(m)->kind = PST_TAG_SEND;
	pst_tag(m)->iface = iface;
	if (rte_ring_sp_enqueue(a->main_chans[0]->to_worker, m) != 0)
		main_drop(a, m, PST_DROP_MAIN_RING);
}

static struct rte_mbuf *
main_alloc(void *ctx)
{
	struct pst_appliance *a = ctx;
	struct rte_mbuf *m = rte_pktmbuf_alloc(a->params.mbufs);

	if (m != NULL)
		a->account.originated[PST_ORIGINATED_ARP]++;
	return m;
}

static void
input(struct pst_appliance *a, const struct pst_neigh_ops *ops, struct rte_mbuf *m,
	uint64_t now_ms)
{
	const struct pst_tag *tag = pst_tag(m);

	if (tag->kind == PST_TAG_RESOLVE) {
		pst_neigh_hold(a->neigh, &a->now->net, ops, m, tag->iface, tag->next_hop, now_ms);
		return;
	}
	pst_neigh_input(a->neigh, &a->now->net, ops, m, tag->iface, now_ms);
	a->account.consumed[PST_CONSUMED_ARP]++;
	rte_pktmbuf_free(m);
}

static void
name_protocol(uint8_t protocol, char *text, size_t size)
{
	const char *name = protocol == PST_TCP ? "tcp" : protocol == PST_UDP ? "udp" : "icmp";

	if (pst_view_is_portless(protocol))
		snprintf(text, size, "protocol %u", protocol);
	else
		snprintf(text, size, "%s", name);
}

/* Of a rule or a packet filter of the config that the worker read then. */
static const char *
name_of(const struct pst_appliance *a, const struct pst_evt *evt, int64_t place)
{
	const struct pst_snapshot *s = a->now;

	if (evt->ref.gen != s->nat.generation)
		return "one of another configuration";
	if (evt->why == PST_DROP_RULE)
		return pst_ruleset_rule(s->rules, place)->name;
	return pst_packet_filters_name(s->filters, place);
}

/* A refusal is an event that the operator sees, with the rule's name; a flood is a number. */
static void
log_refusal(struct pst_appliance *a, const struct pst_evt *evt, uint64_t now_ms)
{
	char client[PST_ENDPOINT_TEXT], remote[PST_ENDPOINT_TEXT], protocol[16];
	int64_t rule = (int64_t)evt->cookie;

	if (now_ms / 1000 != a->refusals.second) {
		if (a->refusals.n > REFUSALS_A_SECOND)
			PST_LOG(NOTICE, "%u more connections were refused within a second",
				a->refusals.n - REFUSALS_A_SECOND);
		a->refusals.second = now_ms / 1000;
		a->refusals.n = 0;
	}
	if (++a->refusals.n > REFUSALS_A_SECOND)
		return;
	pst_endpoint_format(&evt->client, client);
	pst_endpoint_format(&evt->remote, remote);
	name_protocol(evt->protocol, protocol, sizeof(protocol));
	if (evt->why != PST_DROP_PACKET_FILTER && evt->why != PST_DROP_RULE)
		PST_LOG(NOTICE, "%s: refused %s %s -> %s", pst_drop_names[evt->why], protocol,
			client, remote);
	else if (rule < 0)
		PST_LOG(NOTICE, "no rule allows %s %s -> %s", protocol, client, remote);
	else
		PST_LOG(NOTICE, "%s \"%s\" refuses %s %s -> %s",
			evt->why == PST_DROP_RULE ? "rule" : "packet filter",
			name_of(a, evt, rule), protocol, client, remote);
}

/* Who had which outside ports (RFC 6888 REQ-14); numbered, so that a gap is seen. */
static void
log_block(struct pst_appliance *a, uint32_t worker, const struct pst_evt *evt)
{
	const struct pst_endpoint host = { evt->client.ip, 0 };
	char client[PST_ENDPOINT_TEXT], first[PST_ENDPOINT_TEXT];

	if (evt->cookie != a->records[worker])
		PST_LOG(WARNING, "%" PRIu64 " records of port blocks were lost",
			evt->cookie - a->records[worker]);
	a->records[worker] = evt->cookie + 1;
	pst_endpoint_format(&host, client);
	pst_endpoint_format(&evt->remote, first);
	client[strcspn(client, ":")] = 0;
	PST_LOG(INFO, "ports %s-%u: %s %s (record %u.%" PRIu64 ")", first, evt->ref.index,
		evt->why != 0 ? "no more of" : "now of", client, worker, evt->cookie);
}

static uint32_t
hear_worker(struct pst_appliance *a, uint32_t worker, uint64_t now_ms)
{
	struct pst_evt evt;
	uint32_t n = 0;

	while (n < WORKER_EVENTS && pst_chan_hear(a->main_chans[worker], &evt)) {
		if (evt.type == PST_EVT_BLOCK) {
			pst_record_block(a, worker, &evt, now_ms);
			log_block(a, worker, &evt);
		} else {
			pst_record_refusal(a, &evt, now_ms);
			log_refusal(a, &evt, now_ms);
		}
		n++;
	}
	return n;
}

void
pst_appliance_set_link(struct pst_appliance *a, uint32_t iface, bool up, uint64_t now_ms)
{
	const struct pst_neigh_ops ops = {
		main_send, main_drop, main_alloc, a, pst_record_neighbour
	};

	a->link_up[iface] = up;
	a->now_ms = now_ms;
	if (up) {
		pst_announce_start(&a->announce, iface, now_ms);
		return;
	}
	pst_announce_stop(&a->announce, iface);
	pst_neigh_forget(a->neigh, &ops, iface);
}

uint32_t
pst_appliance_poll(struct pst_appliance *a, uint64_t now_ms)
{
	const struct pst_neigh_ops ops = {
		main_send, main_drop, main_alloc, a, pst_record_neighbour
	};
	struct rte_mbuf *m[PST_BURST];
	uint32_t total = 0, n;

	a->now_ms = now_ms;
	pst_record_look(a, now_ms);
	for (uint32_t w = 0; w < a->n_workers; w++) {
		n = rte_ring_sc_dequeue_burst(
			a->main_chans[w]->to_asker, (void **)m, PST_BURST, NULL);
		for (uint32_t k = 0; k < n; k++)
			input(a, &ops, m[k], now_ms);
		total += n + hear_worker(a, w, now_ms);
	}
	total += pst_swap_poll(a->swap, now_ms);
	total += pst_announce_poll(&a->announce, &a->now->net, &ops, now_ms);
	return total + pst_neigh_timer(a->neigh, &a->now->net, &ops, now_ms);
}

static void
drain_ring(struct pst_appliance *a, struct rte_ring *ring)
{
	void *m;

	while (rte_ring_sc_dequeue(ring, &m) == 0)
		main_drop(a, m, PST_DROP_STOPPED);
}

void
pst_appliance_drain(struct pst_appliance *a, uint64_t now_ms)
{
	for (uint32_t w = 0; w < a->n_workers; w++) {
		pst_worker_drain(a->workers[w], now_ms);
		drain_ring(a, a->main_chans[w]->to_asker);
		for (uint32_t e = 0; e < a->n_editors; e++)
			drain_ring(a, a->editor_chans[e][w]->to_asker);
	}
}

void
pst_appliance_account(const struct pst_appliance *a, struct pst_account *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t w = 0; w < a->n_workers; w++)
		pst_account_add(sum, &pst_worker_stats(a->workers[w])->account);
	for (uint32_t e = 0; e < a->n_editors; e++)
		pst_account_add(sum, &pst_runtime_stats(a->runtimes[e])->account);
	pst_account_add(sum, &a->account);
}
