/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What explain says of a packet is what a real one then meets: random appliances with random
 * traffic, endpoints of editors, rules, filters, quotas, tables that fill and outside addresses
 * that come and go; of each packet first the answer, which must leave everything as it was, then
 * the packet itself.
 *
 *	PST_CASES=n	so many packets (1,000)
 *	PST_SEED=n	another start
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "box.h"
#include "control/inquiry.h"
#include "eal.h"
#include "filter/ipfilter.h"

#define CASES_EACH 20 /* of one appliance */
#define CLIENTS 5
#define CLIENT IP(10, 1, 1, 1)
#define GATE IP(10, 1, 1, 254)
#define OURS IP(198, 18, 0, 1)
#define POOL_FIRST IP(198, 18, 0, 20)
#define POOL_LAST IP(198, 18, 0, 21)
#define WHOLE IP(198, 18, 0, 40)
#define HOST IP(10, 1, 1, 60) /* has WHOLE to itself */
#define SERVER IP(10, 1, 1, 80)
#define PEER IP(198, 18, 0, 9)
#define FAR IP(203, 0, 113, 5)	  /* by the default route, if there is one */
#define DIRECT IP(198, 18, 0, 99) /* sees clients' own addresses, if any does */
#define SEEN_MOST 64

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define R RTE_TCP_RST_FLAG

static struct box box;
static struct pst_rng rng;
static uint64_t seed;
static uint32_t case_number;
static struct pst_config_filter filters[4];
static struct pst_ipset *nobody_but_peer;

/* Outside ends that have been seen or opened, for packets from outside. */
static struct {
	uint8_t proto;
	struct pst_endpoint at;
} seen[SEEN_MOST];
static uint32_t n_seen;

/* Packets of either side that have passed. */
static struct passed {
	struct pkt p;
	int port;
} passed[SEEN_MOST];
static uint32_t n_passed;

static uint64_t verdicts[PST_EXPLAIN_AGAIN + 1], reasons[PST_DROP_COUNT];
static uint32_t n_wrong;
static uint64_t hairpins, redirects, chosen, kept, with_conn, retired, forgotten;

static uint32_t
below(uint32_t n)
{
	return pst_rng_below(&rng, n);
}

static bool
one_in(uint32_t n)
{
	return below(n) == 0;
}

static uint32_t
any_of(const uint32_t *list, uint32_t n)
{
	return list[below(n)];
}
#define ANY_OF(...)                                                                                \
	any_of((const uint32_t[]){ __VA_ARGS__ },                                                  \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* Appliances. */

static void
random_policy(struct pst_config *c)
{
	memset(filters, 0, sizeof(filters));
	if (one_in(2)) {
		filters[0] = (struct pst_config_filter){ .name = "bad peer",
			.in = true,
			.any_protocol = true,
			.sources = { { PEER + 1, PEER + 1 } },
			.n_sources = 1 };
		filters[1] = (struct pst_config_filter){ .name = "a client's",
			.allow = true,
			.out = true,
			.any_protocol = true,
			.sources = { { CLIENT, CLIENT } },
			.n_sources = 1 };
		filters[2] = (struct pst_config_filter){ .name = "no names",
			.out = true,
			.protocol = IPPROTO_UDP,
			.destination_ports = { { 53, 53 } },
			.n_destination_ports = 1 };
		c->filters = filters;
		c->n_filters = 3;
	}
	if (one_in(2)) {
		c->rules[c->n_rules++] = (struct pst_config_rule){ .name = "not there",
			.n_destinations = 1,
			.destinations = { { PEER + 2, PEER + 2 } } };
		c->rules[c->n_rules++] = (struct pst_config_rule){ .name = "ftp for one",
			.n_protocols = 1,
			.protocols = { "ftp" },
			.n_clients = 1,
			.clients = { { CLIENT + 1, CLIENT + 1 } } };
		if (!one_in(4))
			c->rules[c->n_rules++] =
				(struct pst_config_rule){ .name = "rest", .allow = true };
	}
}

static void
publish(struct pst_config *c, enum pst_proto proto, uint16_t port, uint32_t host)
{
	struct pst_config_publish *p = &c->publish[c->n_publish++];

	snprintf(p->name, sizeof(p->name), "p%u", c->n_publish);
	p->transport = proto;
	p->external = (struct pst_endpoint){ OURS, port };
	p->internal = (struct pst_endpoint){ host, 8000 + port % 1000 };
}

static void
random_limits(struct pst_config_nat *nat)
{
	nat->sessions = one_in(4) ? 8 + below(16) : 512;
	nat->quarantine_s = one_in(3) ? 0 : 120;
	if (one_in(4))
		nat->ports_per_client = 1 + below(3);
	if (one_in(4))
		nat->sessions_per_client = 1 + below(4);
	if (one_in(4))
		nat->new_sessions_per_client = 1 + below(4);
	if (one_in(4)) {
		nat->port_first = 40960;
		nat->port_last = 40960 + ANY_OF(3, 7, 15);
	}
	if (nat->port_last == 65535 && one_in(3))
		nat->port_block = ANY_OF(16, 64, 256);
}

static void
random_config(struct pst_config *c)
{
	box_config(c, 1 + below(3), 1);
	c->nat.mapping = below(3);
	c->nat.filtering = below(3);
	c->nat.hairpin = !one_in(4);
	c->nat.refresh_inbound = one_in(2);
	c->nat.other_protocols = one_in(2) ? PST_OTHERS_MAP : PST_OTHERS_DROP;
	if (one_in(2)) {
		c->nat.pool[c->nat.n_pool++] = (struct pst_range){ POOL_FIRST, POOL_LAST };
		c->nat.pool[0] = (struct pst_range){ OURS, OURS };
	}
	random_limits(&c->nat);
	random_policy(c);
	if (one_in(2))
		c->routes[c->n_routes++] = (struct pst_config_route){ .via = PEER };
	if (one_in(3)) {
		c->nat.bypass[0] = (struct pst_range){ DIRECT, DIRECT };
		c->nat.n_bypass = 1;
	}
	if (one_in(2))
		publish(c, PST_TCP, 80, SERVER);
	if (one_in(2))
		publish(c, PST_TCP, 21, SERVER);
	if (one_in(2))
		publish(c, PST_UDP, 53, one_in(3) ? IP(10, 9, 9, 9) : SERVER); /* no way there */
	if (one_in(3)) {
		publish(c, 0, 0, HOST);
		c->publish[c->n_publish - 1].external = (struct pst_endpoint){ WHOLE, 0 };
		c->publish[c->n_publish - 1].internal = (struct pst_endpoint){ HOST, 0 };
		c->publish[c->n_publish - 1].whole = true;
	}
	strcpy(c->editors[0].name, "tftp");
	c->editors[0].enabled = one_in(2);
	c->n_editors = 1;
}

/* What an editor would ask, of the client's worker. */
static struct pst_req *
take_request(uint32_t client, struct pst_chan **chan)
{
	*chan = box.a->editor_chans[0][pst_steer_inside(&box.a->steer, client)];
	return pst_chan_take(*chan);
}

static void
post(struct pst_chan *chan, struct pst_req *req)
{
	pst_chan_post(chan, req);
	while (pst_chan_answer(chan) == NULL)
		box_step(&box);
	if (req->type == PST_REQ_BIND && req->result < 0 && req->bind.filter != NULL)
		pst_ipset_unref(req->bind.filter);
}

static void
note_end(uint8_t proto, const struct pst_endpoint *at)
{
	seen[n_seen % SEEN_MOST].proto = proto;
	seen[n_seen++ % SEEN_MOST].at = *at;
}

static void
open_endpoint(void)
{
	uint32_t client = CLIENT + below(CLIENTS);
	struct pst_chan *chan;
	struct pst_req *req = take_request(client, &chan);

	req->type = PST_REQ_BIND;
	memset(&req->bind, 0, offsetof(struct pst_req, bind.ends) - offsetof(struct pst_req, bind));
	req->bind.client_ip = client;
	req->bind.proxy.port = one_in(2) ? PST_PORT_ANY : 20000 + 1024 * below(8);
	req->bind.n = 1;
	req->bind.flags = ANY_OF(
		0, PST_FLAG_TIMEOUT, PST_FLAG_ALLOW_MULTIPLE, PST_FLAG_BIDIRECTIONAL, PST_FLAG_MAP);
	req->bind.backlog = 1 + below(2);
	req->bind.protocol = one_in(2) ? PST_TCP : PST_UDP;
	req->bind.protocol_index = PST_NAT_NO_PROTOCOL;
	req->bind.editor_path = one_in(6);
	req->bind.unapproved = one_in(6) && (req->bind.flags & PST_FLAG_MAP);
	req->bind.filter = one_in(3) ? pst_ipset_ref(nobody_but_peer) : NULL;
	req->bind.ends[0].client = one_in(6) ? (struct pst_endpoint){ 0 }
					     : (struct pst_endpoint){ client, 3000 + below(3) };
	req->bind.ends[0].cookie = 1;
	post(chan, req);
	if (req->result == 0)
		note_end(req->bind.protocol, &req->bind.proxy);
	pst_chan_put(chan, req);
}

static void
permit(void)
{
	uint32_t client = CLIENT + below(CLIENTS);
	struct pst_chan *chan;
	struct pst_req *req = take_request(client, &chan);

	req->type = PST_REQ_PERMIT;
	memset(&req->permit, 0, sizeof(req->permit));
	req->permit.client_ip = client;
	req->permit.remote = (struct pst_endpoint){ PEER + below(3), one_in(2) ? 7000 : 0 };
	req->permit.protocol = one_in(2) ? PST_TCP : PST_UDP;
	req->permit.protocol_index = PST_NAT_NO_PROTOCOL;
	req->permit.is_interest = one_in(3);
	req->permit.editor_path = one_in(3);
	req->permit.cookie = 2;
	post(chan, req);
	pst_chan_put(chan, req);
}

/* A place outside by an inside endpoint of ours; or inbound peers seen as one. */
static void
redirect(struct pst_endpoint *at)
{
	uint32_t client = CLIENT + below(CLIENTS);
	struct pst_chan *chan;
	struct pst_req *req = take_request(client, &chan);

	req->type = one_in(2) ? PST_REQ_REDIRECT : PST_REQ_TRANSLATE;
	memset(&req->bind, 0, offsetof(struct pst_req, bind.ends) - offsetof(struct pst_req, bind));
	req->bind.client_ip = client;
	req->bind.n = 1;
	req->bind.flags = one_in(2) ? PST_FLAG_ALLOW_MULTIPLE : 0;
	req->bind.protocol = one_in(2) ? PST_TCP : PST_UDP;
	req->bind.protocol_index = PST_NAT_NO_PROTOCOL;
	req->bind.ends[0].client = (struct pst_endpoint){ PEER + below(2), 7000 };
	req->bind.ends[0].cookie = 3;
	post(chan, req);
	if (req->type == PST_REQ_REDIRECT && req->result == 0)
		*at = req->bind.proxy;
	pst_chan_put(chan, req);
}

/* Packets. */

static struct pst_endpoint inside_end; /* of ours, that leads outside */

static uint16_t
random_port(void)
{
	return ANY_OF(80, 21, 69, 53, 7000, 8080);
}

static struct pkt
random_packet(int *port)
{
	struct pkt p = { .seq = 1000, .data = "", .len = 0 };
	uint32_t k;

	if (n_passed > 0 && one_in(3)) {
		const struct passed *again = &passed[below(RTE_MIN(n_passed, (uint32_t)SEEN_MOST))];

		*port = again->port;
		return again->p;
	}
	*port = one_in(2) ? BOX_INSIDE : BOX_OUTSIDE;
	p.proto = ANY_OF(PST_TCP, PST_TCP, PST_TCP, PST_UDP, PST_UDP, PST_UDP, PST_ICMP,
		IPPROTO_GRE, IPPROTO_SCTP);
	if (*port == BOX_INSIDE) {
		p.src = one_in(30)  ? ANY_OF(IP(127, 0, 0, 1), IP(230, 0, 0, 1), 0)
			: one_in(8) ? ANY_OF(HOST, SERVER)
				    : CLIENT + below(CLIENTS);
		p.sport = p.src == SERVER ? 8080 : 4000 + below(4);
		p.dst = one_in(20)
				? ANY_OF(IP(10, 1, 255, 255), IP(224, 0, 0, 5), GATE, OURS, WHOLE)
				: ANY_OF(PEER, PEER, PEER + 1, PEER + 2, FAR, DIRECT, OURS);
		p.dport = random_port();
		if (n_seen > 0 && one_in(5)) { /* by hairpin */
			k = below(RTE_MIN(n_seen, (uint32_t)SEEN_MOST));
			p.dst = seen[k].at.ip;
			p.dport = seen[k].at.port;
			p.proto = seen[k].proto;
		} else if (inside_end.ip != 0 && one_in(6)) {
			p.dst = inside_end.ip;
			p.dport = inside_end.port;
			p.proto = one_in(2) ? PST_TCP : PST_UDP;
		}
	} else {
		p.src = one_in(30) ? IP(127, 0, 0, 1)
				   : ANY_OF(PEER, PEER, PEER + 1, PEER + 2, FAR, DIRECT);
		p.sport = random_port();
		p.dst = ANY_OF(OURS, OURS, POOL_FIRST, WHOLE, CLIENT, IP(198, 18, 0, 255), FAR);
		p.dport = one_in(2) ? random_port() : 1024 + below(60000);
		if (n_seen > 0 && !one_in(3)) {
			k = below(RTE_MIN(n_seen, (uint32_t)SEEN_MOST));
			p.dst = seen[k].at.ip;
			p.dport = seen[k].at.port;
			p.proto = seen[k].proto;
		}
	}
	if (p.proto == PST_ICMP)
		p.sport = p.dport = *port == BOX_INSIDE ? p.sport : p.dport;
	else if (pst_view_is_portless(p.proto))
		p.sport = p.dport = 0;
	return p;
}

/* What lies around: outputs, and what editor lcores were lent. */
static void
sweep(void)
{
	struct rte_mbuf *m;
	struct pst_evt evt;
	void *lent;

	for (int port = 0; port < BOX_PORTS; port++) {
		while ((m = box_get(&box, port)) != NULL)
			rte_pktmbuf_free(m);
	}
	for (uint32_t w = 0; w < box.a->n_workers; w++) {
		while (rte_ring_sc_dequeue(box.a->editor_chans[0][w]->to_asker, &lent) == 0)
			rte_pktmbuf_free(lent);
		while (pst_chan_hear(box.a->editor_chans[0][w], &evt))
			;
	}
}

static void
note_passed(int port, const struct pkt *p)
{
	struct passed *at = &passed[n_passed++ % SEEN_MOST];

	*at = (struct passed){ *p, port };
	at->p.tcp_flags = 0;
	at->p.seq = 1000;
	at->p.ack = 0;
	at->p.data = "";
	at->p.len = 0;
}

/* Let it in, and perhaps an answer to what came of it. */
static void
go(int port, struct pkt p)
{
	struct pkt out, back;

	if (p.proto == PST_TCP)
		p.tcp_flags = S;
	p.icmp_type = RTE_IP_ICMP_ECHO_REQUEST;
	if (box_pass_through(&box, port, &p, &out) && out.proto == p.proto) {
		if (port == BOX_INSIDE && !pst_view_is_portless(out.proto))
			note_end(out.proto, &(struct pst_endpoint){ out.src, out.sport });
		back = pkt_answer(&out);
		back.seq = 1000;
		back.ack = 1001;
		back.tcp_flags = one_in(8) ? R | A : S | A;
		back.data = "";
		back.len = 0;
		note_passed(port, &p);
		note_passed(1 - port, &back);
		if (one_in(2) && box_pass_through(&box, 1 - port, &back, &out) &&
			p.proto == PST_TCP) {
			p.tcp_flags = A;
			p.seq = p.ack = 1001;
			box_put(&box, port, &p);
			box_settle(&box);
		}
	}
	sweep();
}

static const struct pst_swap_result *
swap(enum pst_swap_kind kind, const struct pst_config *next)
{
	struct pst_swap_params params = { .kind = kind, .config = next };
	const struct pst_swap_result *result = pst_swap_result(box.a->swap);

	sweep();
	box.no_runtimes = false; /* they have to go by it, too */
	assert_int_equal(pst_swap_start(box.a->swap, &params), 0);
	box_settle(&box);
	box.no_runtimes = true;
	sweep();
	assert_false(result->busy);
	assert_int_equal(result->ret, 0);
	return result;
}

/* Servers are published at the first one: it stays. What is open on others lives on. */
static void
change_pool(void)
{
	static const struct pst_range pools[][2] = { { { OURS, OURS }, { POOL_FIRST, POOL_LAST } },
		{ { OURS, OURS }, { POOL_LAST, POOL_LAST } },
		{ { POOL_LAST, POOL_LAST + 1 }, { OURS, OURS } },
		{ { POOL_FIRST, POOL_FIRST }, { OURS, OURS } } };
	static struct pst_config configs[2]; /* the one that runs may not be written to */
	static int turn;
	struct pst_config *next = &configs[turn = !turn];

	if (box.a->params.config->nat.port_block != 0)
		return;
	*next = *box.a->params.config;
	next->nat.n_pool = 2;
	memcpy(next->nat.pool, pools[below(RTE_DIM(pools))], sizeof(pools[0]));
	swap(PST_SWAP_APPLY, next);
	retired += box.a->now->nat.n_retired;
	if (box.a->now->nat.n_retired == 0 || swap(PST_SWAP_LOOK, NULL)->retired > 0)
		return;
	forgotten += box.a->now->nat.n_retired;
	swap(PST_SWAP_FORGET, NULL);
	assert_int_equal(box.a->now->nat.n_retired, 0);
}

/* Asking. */

struct state {
	struct pst_account account;
	uint64_t lent, connections;
	uint64_t rules[PST_WORKERS_MAX], filters[PST_WORKERS_MAX]; /* counted, all together */
};

static uint64_t
sum_of(const uint64_t *counts, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; counts != NULL && i < n; i++)
		sum += counts[i];
	return sum;
}

static void
look(struct state *s)
{
	memset(s, 0, sizeof(*s));
	pst_appliance_account(box.a, &s->account);
	s->connections = box_connections(&box);
	for (uint32_t w = 0; w < box.a->n_workers; w++) {
		const struct pst_nat *nat = pst_worker_nat(box.a->workers[w]);

		s->lent += pst_worker_stats(box.a->workers[w])->lent;
		s->rules[w] = sum_of(nat->rule_counts, box.config.n_rules + 1);
		s->filters[w] = sum_of(nat->filter_counts, box.config.n_filters);
	}
}

static void
collect(void)
{
	struct pst_req *req;

	for (uint32_t w = 0; w < box.a->n_workers; w++) {
		while ((req = pst_chan_answer(box.a->main_chans[w])) != NULL)
			pst_inquiry_take(req, box.a->main_chans[w], pst_ipset_unref);
	}
}

static void
ask(struct pst_inquiry *q, int port, const struct pkt *p)
{
	struct pst_explain question = { .source = { p->src, p->sport },
		.destination = { p->dst, p->dport },
		.iface = port,
		.protocol = p->proto };
	static struct pst_nat before[PST_WORKERS_MAX];
	struct state then, now;
	int rounds = 0;

	look(&then);
	for (uint32_t w = 0; w < box.a->n_workers; w++)
		before[w] = *pst_worker_nat(box.a->workers[w]);
	pst_inquiry_start(q, &question, pst_ipset_unref);
	while (pst_inquiry_step(q, box.a->main_chans, box.a->n_workers, box.now_ms) == 0) {
		box_step(&box);
		collect();
		assert_true(rounds++ < 1000);
	}
	look(&now);
	assert_memory_equal(&then, &now, sizeof(now));
	for (uint32_t w = 0; w < box.a->n_workers; w++)
		assert_memory_equal(
			&before[w], pst_worker_nat(box.a->workers[w]), sizeof(before[w]));
}

static void
tell(const struct pst_inquiry *q, int port, const struct pkt *p, const char *what)
{
	print_message("seed %" PRIu64 ", case %u, from %s: protocol %u, %08x:%u > %08x:%u: %s\n",
		seed, case_number, port == BOX_INSIDE ? "inside" : "outside", p->proto, p->src,
		p->sport, p->dst, p->dport, what);
	for (uint32_t k = 0; k < q->n; k++) {
		const struct pst_explain *x = &q->passes[k];

		print_message("pass %u: verdict %u, %s, mapping %u new %d, as %08x:%u > %08x:%u\n",
			k, x->verdict,
			x->verdict == PST_EXPLAIN_DROP ? pst_drop_names[x->why] : "-", x->mapping,
			x->is_new, x->out_source.ip, x->out_source.port, x->out_destination.ip,
			x->out_destination.port);
		print_message("  by lot %d: parity %u, %u-%u, runs %" PRIx64 ", %u free\n",
			x->is_chosen, x->choice.parity, x->choice.first, x->choice.last,
			x->choice.runs, x->choice.free);
	}
}

/* Is the port one of those that it was said to be? */
static bool
is_choice(const struct pst_explain *x, uint16_t port)
{
	const struct pst_explain_choice *c = &x->choice;

	if (!x->is_chosen)
		return port == x->outside.port;
	if (c->free == 0 || (port & 1) != c->parity)
		return false;
	if (c->first != 0)
		return port >= c->first && port <= c->last;
	return c->runs == 0 || (c->runs >> (port / PST_PORT_RUN_PORTS) & 1) != 0;
}

/* Does what came out look as it was said to? */
static const char *
compare_packet(const struct pst_inquiry *q, const struct pkt *out)
{
	const struct pst_explain *first = &q->passes[0], *last = &q->passes[q->n - 1];
	bool is_first = first->is_out && last->out_source.ip == first->out_source.ip;
	bool has_ports = out->proto == PST_TCP || out->proto == PST_UDP;

	if (out->src != last->out_source.ip || out->dst != last->out_destination.ip)
		return "other addresses";
	if (out->proto == PST_ICMP)
		return last->is_out && !is_choice(last, out->sport) ? "another identifier" : NULL;
	if (!has_ports)
		return NULL;
	if (last->out_source.port != 0 && out->sport != last->out_source.port)
		return "another source port";
	/* else by lot: of the first pass, or a stand-in of the client's own */
	if (last->out_source.port == 0 && is_first && !is_choice(first, out->sport))
		return "a source port that was not to choose from";
	return out->dport != last->out_destination.port ? "another destination port" : NULL;
}

static void
count_kinds(const struct pst_inquiry *q)
{
	const struct pst_explain *last = &q->passes[q->n - 1];

	verdicts[last->verdict]++;
	if (last->verdict == PST_EXPLAIN_DROP)
		reasons[last->why]++;
	hairpins += q->n > 1;
	redirects += q->redirected[0] || q->redirected[1];
	chosen += last->is_chosen;
	kept += last->mapping == PST_MAPPING_UNTRANSLATED ||
		last->mapping == PST_MAPPING_OWN_ADDRESS;
	with_conn += last->has_conn;
}

/* The packet as the answer means it. */
static struct pkt
make_real(const struct pst_explain *x, struct pkt p)
{
	if (p.proto == PST_ICMP)
		p.icmp_type = x->is_reply ? RTE_IP_ICMP_ECHO_REPLY : RTE_IP_ICMP_ECHO_REQUEST;
	if (p.proto != PST_TCP)
		return p;
	p.tcp_flags = S;
	if (x->has_conn && x->conn.state == PST_TCP_ESTABLISHED) {
		p.tcp_flags = A;
		p.seq = p.ack = 1001;
	}
	return p;
}

/* What the real one did, NULL: as it was said. */
static const char *
compare(const struct pst_inquiry *q, const struct state *then, const struct state *now)
{
	const struct pst_explain *last = &q->passes[q->n - 1];
	bool is_sent = last->verdict == PST_EXPLAIN_FORWARD;
	uint64_t originated = 0, sent = now->account.sent - then->account.sent;
	const char *wrong = NULL;
	uint32_t forwarded = 0;
	struct rte_mbuf *m;
	struct pkt out;

	for (int k = 0; k < PST_DROP_COUNT; k++) {
		if (now->account.dropped[k] - then->account.dropped[k] !=
			(last->verdict == PST_EXPLAIN_DROP && last->why == k))
			return pst_drop_names[k];
	}
	for (int k = 0; k < PST_ORIGINATED_COUNT; k++)
		originated += now->account.originated[k] - then->account.originated[k];
	if (sent - originated != is_sent)
		return "sent";
	if (now->lent - then->lent != (last->verdict == PST_EXPLAIN_EDITOR))
		return "lent";
	if (now->account.consumed[PST_CONSUMED_LOCAL] -
			then->account.consumed[PST_CONSUMED_LOCAL] !=
		(last->verdict == PST_EXPLAIN_LOCAL))
		return "consumed";
	if (!is_sent)
		return NULL;
	while ((m = box_get(&box, last->route.iface)) != NULL) {
		if (pkt_read(m, &out) && out.proto == last->protocol &&
			(out.proto != PST_ICMP || out.icmp_type == 8 || out.icmp_type == 0)) {
			forwarded++;
			wrong = compare_packet(q, &out);
			if (wrong != NULL)
				print_message("it left as %08x:%u > %08x:%u\n", out.src, out.sport,
					out.dst, out.dport);
			if (last->is_out && !pst_view_is_portless(out.proto))
				note_end(out.proto, &(struct pst_endpoint){ out.src, out.sport });
		}
		rte_pktmbuf_free(m);
	}
	return forwarded == 1 ? wrong : "it left by another interface";
}

/* A client that may or may not get the very port that it sends to. */
static bool
is_up_to_the_lot(const struct pst_inquiry *q)
{
	const struct pst_explain *x = &q->passes[0];

	return q->n > 1 && x->is_chosen && x->destination.ip == x->outside.ip &&
	       is_choice(x, x->destination.port);
}

static void
one_case(void)
{
	struct state then, now;
	struct pst_inquiry q;
	const char *wrong;
	struct pkt p, real;
	int port;

	/* who wants a run of ports asks all others in turn, itself too, with nothing to do then */
	for (uint32_t k = 0; k <= box.a->n_workers; k++)
		box_settle(&box);
	p = random_packet(&port);
	ask(&q, port, &p);
	assert_true(q.n > 0);
	if (is_up_to_the_lot(&q)) {
		pst_inquiry_fini(&q, box.a->main_chans);
		return;
	}
	count_kinds(&q);
	real = make_real(&q.passes[0], p);
	look(&then);
	box_put(&box, port, &real);
	box_settle(&box);
	look(&now);
	wrong = compare(&q, &then, &now);
	if (wrong != NULL) {
		tell(&q, port, &p, wrong);
		n_wrong++;
	}
	pst_inquiry_fini(&q, box.a->main_chans);
	sweep();
	case_number++;
}

static void
one_appliance(uint32_t cases)
{
	struct pst_config c;
	struct pkt p;
	int port;

	n_seen = n_passed = 0;
	inside_end = (struct pst_endpoint){ 0 };
	random_config(&c);
	box_init(&box, &c, one_in(2) ? 1 : 0);
	box.no_runtimes = true;
	for (uint32_t k = below(4); k > 0; k--)
		open_endpoint();
	if (one_in(3))
		permit();
	if (one_in(3))
		redirect(&inside_end);
	for (uint32_t k = below(24); k > 0; k--) {
		p = random_packet(&port);
		go(port, p);
	}
	for (uint32_t end = case_number + cases; case_number < end;) {
		if (one_in(8))
			box_pass(&box, ANY_OF(1000, 1000, 30000, 130000));
		if (one_in(10))
			open_endpoint();
		if (one_in(10))
			change_pool();
		sweep();
		one_case();
		if (one_in(3)) {
			p = random_packet(&port);
			go(port, p);
		}
	}
	box_settle(&box);
	sweep();
	box_stop(&box);
}

static void
explain_says_what_a_packet_meets(void **state)
{
	const char *cases = getenv("PST_CASES"), *start = getenv("PST_SEED");
	uint32_t most = cases != NULL ? strtoul(cases, NULL, 10) : 1000, met = 0;

	(void)state;
	seed = start != NULL ? strtoull(start, NULL, 10) : 1;
	print_message("seed %" PRIu64 ", %u cases\n", seed, most);
	pst_rng_init(&rng, seed);
	while (case_number < most)
		one_appliance(RTE_MIN(most - case_number, (uint32_t)CASES_EACH));
	print_message("forwarded %" PRIu64 ", to an editor %" PRIu64 ", consumed %" PRIu64
		      ", dropped %" PRIu64 "; hairpin %" PRIu64 ", redirected %" PRIu64
		      ", port by lot %" PRIu64 ", kept %" PRIu64 ", of a connection %" PRIu64
		      "; addresses retired %" PRIu64 ", given up %" PRIu64 "\n",
		verdicts[PST_EXPLAIN_FORWARD], verdicts[PST_EXPLAIN_EDITOR],
		verdicts[PST_EXPLAIN_LOCAL], verdicts[PST_EXPLAIN_DROP], hairpins, redirects, chosen,
		kept, with_conn, retired, forgotten);
	for (int k = 0; k < PST_DROP_COUNT; k++) {
		met += reasons[k] > 0;
		if (reasons[k] > 0)
			print_message("  %s %" PRIu64 "\n", pst_drop_names[k], reasons[k]);
	}
	assert_int_equal(n_wrong, 0);
	if (most < 1000)
		return;
	for (int k = 0; k <= PST_EXPLAIN_LOCAL; k++)
		assert_true(verdicts[k] > 0);
	assert_true(hairpins > 0 && redirects > 0 && chosen > 0 && kept > 0 && with_conn > 0);
	assert_true(forgotten > 0 && retired > forgotten);
	assert_true(met >= 15);
}

int
main(void)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explain_says_what_a_packet_meets),
	};
	int failed;

	test_eal_init(512);
	pst_ipfilter_include(filter, PEER, PEER);
	nobody_but_peer = pst_ipset_create(filter);
	pst_ipfilter_destroy(filter);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pst_ipset_unref(nobody_but_peer);
	return failed;
}
