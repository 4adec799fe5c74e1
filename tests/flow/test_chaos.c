/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The editor API under random calls, against a naive model: clients of two editor lcores on
 * four workers, rings so small that they fill, workers that stand still while they are asked.
 *
 * Whenever all is quiet, the endpoints that the workers have are those of the model: no port
 * has two owners, none is lost, what was killed is gone and what was answered too late is
 * undone. Traffic gets in where the model says so, and nowhere else.
 *
 *	test-flow-chaos [SEED]		one seed again
 *	PST_CASES=n			so many steps a seed (200,000), of two seeds; 2,000,000
 *					and more: twenty seeds of a million
 *	PST_EXPECT_FAULT=1		the runtime has a planted bug: find it
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "box.h"
#include "eal.h"
#include "nat/key.h"
#include "pst_editor.h"

#define CLIENTS 12
#define THINGS 600
#define ACTIONS 64
#define SERVER IP(198, 18, 0, 9)
#define OUTSIDE IP(198, 18, 0, 1)
#define PORT 4700
#define SYN 0x02
#define ANYBODY 0
#define NOBODY 1
#define QUIET_EVERY 8

static const struct pst_guid protocol = { { 0xa0, 1 } };

/* An endpoint, as the model has it. */
struct thing {
	struct pst_connection *handle; /* NULL: the place is free */
	uint32_t client;	       /* number */
	struct pst_endpoint at;
	enum pst_proto proto;
	uint32_t flags;
	uint32_t admits;      /* an address, ANYBODY or NOBODY */
	uint16_t client_port; /* 0: not set */
	uint32_t user;	      /* who has used it, when one may; 0: nobody yet */
	uint64_t since;	      /* ms: nobody has used it */
};

struct client {
	struct pst_session *session;
	struct pst_connection *control;
	struct pst_editor_session *part;
	uint16_t next_port, control_port;
};

static struct box box;
static struct thing things[THINGS];
static struct client clients[CLIENTS];
static struct pst_action *actions[ACTIONS];
static uint32_t action_client[ACTIONS];
static struct pst_rng rng;
static bool deny_next, denied;
static uint64_t step_number, seed;
static uint32_t n_things, n_again;
/* each kind of fullness that was met */
static uint64_t no_record, events_full, late, unsent;

static uint32_t
below(uint32_t n)
{
	return pst_rng_below(&rng, n);
}

static uint32_t
ip_of(uint32_t client)
{
	return IP(10, 1, 1, 1 + client);
}

static void
fault(const char *what)
{
	if (getenv("PST_EXPECT_FAULT") != NULL) { /* in the midst: nothing is taken down */
		print_message("the planted bug was seen in step %lu: %s\n",
			(unsigned long)step_number, what);
		_exit(0);
	}
	fail_msg("seed %lu, step %lu: %s", (unsigned long)seed, (unsigned long)step_number, what);
}

/* The editors. */

static void
pass(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	(void)context;
	(void)dir;
	(void)bytes;
	(void)len;
	(void)end;
	(void)edit;
}

static const struct pst_data_filter filter = { .data = pass };

struct part {
	struct pst_editor_session base;
	struct pst_session *session;
};

static uint32_t
client_of(const struct pst_session *session)
{
	struct pst_endpoint ep;

	pst_session_client_address(session, &ep);
	return ep.ip - ip_of(0);
}

static struct pst_editor_session *
attach(struct pst_session *session)
{
	struct part *part = calloc(1, sizeof(*part));

	part->session = session;
	return &part->base;
}

static struct pst_editor_session *
attach_chaos(struct pst_session *session)
{
	struct client *c = &clients[client_of(session)];

	c->session = session;
	c->part = attach(session);
	return c->part;
}

static void
detach(struct pst_editor_session *es)
{
	free(es);
}

static void
detach_chaos(struct pst_editor_session *es)
{
	struct client *c = &clients[client_of(((struct part *)es)->session)];

	if (c->control != NULL)
		fault("a session ends under its control connection");
	c->session = NULL;
	c->part = NULL;
	for (uint32_t i = 0; i < ACTIONS; i++) {
		if (actions[i] != NULL && action_client[i] == (uint32_t)(c - clients))
			actions[i] = NULL;
	}
	free(es);
}

static struct thing *
thing_of(const struct pst_connection *handle)
{
	for (uint32_t i = 0; i < THINGS; i++) {
		if (things[i].handle == handle)
			return &things[i];
	}
	return NULL;
}

static uint64_t
lifetime(const struct thing *t)
{
	return t->proto == PST_TCP ? 60000 : 300000;
}

static void
ended(struct pst_connection *handle)
{
	struct thing *t = thing_of(handle);

	if (t == NULL)
		return; /* a connection that one accepted */
	if (!(t->flags & PST_FLAG_TIMEOUT))
		fault("an endpoint without TIMEOUT ended by itself");
	if (t->user == 0 && box.now_ms + 1000 < t->since + lifetime(t))
		fault("an endpoint ended early");
	t->handle = NULL;
	n_things--;
}

static int
hear(struct pst_editor_session *es, const struct pst_event *event)
{
	struct client *c = &clients[client_of(((struct part *)es)->session)];

	if (event->type == PST_EVENT_CONNECT_TCP && event->remote.port == PORT) {
		c->control = event->connection;
		return pst_connection_attach_data_filter(
			event->connection, &filter, PST_PRIORITY_NAT, c);
	}
	if (event->type == PST_EVENT_ESTABLISHED && event->context != c)
		fault("an established event has another call's context");
	if (event->type != PST_EVENT_TERMINATING)
		return 0;
	if (event->connection == c->control)
		c->control = NULL;
	else
		ended(event->connection);
	return 0;
}

static int
hear_denier(struct pst_editor_session *es, const struct pst_event *event)
{
	(void)es;
	if (!deny_next || !(event->type & (PST_EVENT_BIND_TCP | PST_EVENT_BIND_UDP)))
		return 0;
	denied = true;
	return pst_connection_deny(event->connection, 0);
}

static int
init_denier(struct pst_hooks *hooks)
{
	hooks->list[hooks->n++] = (struct pst_hook){
		.events = PST_EVENT_BIND_TCP | PST_EVENT_BIND_UDP,
		.sources = PST_ALL_SOURCES,
		.last = UINT16_MAX,
	};
	return 0;
}

static const struct pst_editor chaos = {
	.name = "chaos",
	.protocol_name = "chaos",
	.protocol = { { 0xa0, 1 } },
	.ports = { { PST_TCP, PORT } },
	.default_on = true,
	.attach = attach_chaos,
	.event = hear,
	.detach = detach_chaos,
};

static const struct pst_editor denier = {
	.name = "denier",
	.protocol_name = "denier",
	.protocol = { { 0xb0, 1 } },
	.default_on = true,
	.init = init_denier,
	.attach = attach,
	.event = hear_denier,
	.detach = detach,
};

static const struct pst_editor *const editors[] = { &chaos, &denier, NULL };

/* What the workers have. */

static void
as_editor(uint32_t client)
{
	pst_lcore_set_role(PST_ROLE_EDITOR, ip_of(client) % box.a->n_editors);
}

static void
look_at_rings(void)
{
	for (uint32_t e = 0; e < box.a->n_editors; e++) {
		for (uint32_t w = 0; w < box.a->n_workers; w++) {
			const struct pst_chan *chan = box.a->editor_chans[e][w];

			no_record += chan->n_free == 0;
			events_full += rte_ring_full(chan->events);
		}
	}
}

static const struct thing *
model_of(const struct pst_listener *l)
{
	struct pst_endpoint at = pst_key_endpoint(l->outside);

	for (uint32_t i = 0; i < THINGS; i++) {
		if (things[i].handle != NULL && things[i].proto == pst_key_low(l->outside) &&
			pst_endpoint_is_equal(&things[i].at, &at))
			return &things[i];
	}
	return NULL;
}

static void
compare(void)
{
	uint32_t there = 0, ports = 0, used = 0;

	for (uint32_t w = 0; w < box.a->n_workers; w++) {
		const struct pst_nat *nat = pst_worker_nat(box.a->workers[w]);
		uint32_t left = pst_slots_used(&nat->listeners.slots);

		for (uint32_t i = 0; left > 0 && i < nat->listeners.slots.capacity; i++) {
			const struct pst_listener *l = &nat->listeners.entries[i];

			if (!l->live)
				continue;
			left--;
			if (l->kind != PST_LISTENER_ENDPOINT || l->gone)
				continue;
			/* what was killed while it is used keeps its port until it is not */
			if (l->state == PST_LISTENER_CLOSING && l->connections > 0) {
				ports++;
				continue;
			}
			if (model_of(l) == NULL)
				fault("a worker has an endpoint that nobody has");
			there++;
		}
		for (int k = 0; k < PST_POOLS; k++)
			used += pst_portpool_used(nat->pools[0][k]);
		used -= pst_slots_used(&nat->binds.slots);
		used -= pst_slots_used(&nat->redirect_slots);
	}
	for (uint32_t w = 0; w < box.a->n_workers; w++) {
		const struct pst_nat *nat = pst_worker_nat(box.a->workers[w]);

		for (uint32_t i = 0; i < nat->listeners.slots.capacity; i++)
			ports += nat->listeners.entries[i].live &&
				nat->listeners.entries[i].kind == PST_LISTENER_ENDPOINT &&
				!nat->listeners.entries[i].gone &&
				!nat->listeners.entries[i].foreign &&
				!(nat->listeners.entries[i].state == PST_LISTENER_CLOSING &&
					nat->listeners.entries[i].connections > 0);
		for (uint32_t i = 0; i < nat->listeners.slots.capacity; i++)
			ports -= nat->listeners.entries[i].live &&
				nat->listeners.entries[i].foreign &&
				nat->listeners.entries[i].state == PST_LISTENER_CLOSING &&
				nat->listeners.entries[i].connections > 0 &&
				!nat->listeners.entries[i].gone;
	}
	if (there != n_things)
		fault("the model has an endpoint that no worker has");
	if (ports != used)
		fault("the pools have other ports taken than the endpoints");
}

static void
quiet(void)
{
	box.stalled = false;
	box_settle(&box);
	compare();
	for (int port = 0; port < BOX_PORTS; port++) {
		struct rte_mbuf *m;

		while ((m = box_get(&box, port)) != NULL)
			rte_pktmbuf_free(m);
	}
}

/* Steps. */

static void
open_control(uint32_t k)
{
	struct client *c = &clients[k];
	struct pkt syn = { .proto = PST_TCP, .src = ip_of(k), .sport = ++c->control_port,
		.dst = SERVER, .dport = PORT, .tcp_flags = SYN, .seq = 1 };

	if (c->control == NULL && c->control_port < 60000)
		box_put(&box, BOX_INSIDE, &syn);
}

static struct pst_ipfilter *
random_filter(uint32_t *admits)
{
	struct pst_ipfilter *f = NULL;

	*admits = below(3) == 0 ? ANYBODY : below(4) == 0 ? NOBODY : SERVER + below(4);
	if (*admits == ANYBODY)
		return NULL;
	f = pst_ipfilter_create();
	if (*admits != NOBODY)
		pst_ipfilter_include(f, *admits, *admits);
	return f;
}

/* Valid for the most part; *good says which. */
static void
random_args(struct pst_bind_for_client *a, struct pst_endpoint *ends, uint32_t k, bool *good)
{
	static const uint32_t flag_sets[] = { 0, PST_FLAG_TIMEOUT, PST_FLAG_ALLOW_MULTIPLE,
		PST_FLAG_TIMEOUT | PST_FLAG_NO_KERNEL_MODE, PST_FLAG_TIMEOUT };
	struct client *c = &clients[k];
	uint32_t n = below(4) == 0 ? 1 + below(64) : 1;

	*good = true;
	a->protocol = below(2) ? PST_TCP : PST_UDP;
	a->n = n;
	a->flags = flag_sets[below(RTE_DIM(flag_sets))];
	a->backlog = 1 + below(8);
	a->protocol_id = protocol;
	a->callback = below(3) ? c->part : NULL;
	a->callback_context = c;
	a->client_address_len = a->proxy_address_len = sizeof(*ends);
	for (uint32_t i = 0; i < n; i++) {
		ends[i] = (struct pst_endpoint){ ip_of(k), 1024 + c->next_port++ % 60000 };
		if (below(16) == 0)
			ends[i] = (struct pst_endpoint){ 0, 0 };
	}
	switch (below(40)) {
	case 0:
		a->flags = PST_FLAG_TIMEOUT | PST_FLAG_ALLOW_MULTIPLE;
		*good = false;
		break;
	case 1:
		ends[below(n)] = (struct pst_endpoint){ ip_of(k) + 1, 3000 };
		*good = false;
		break;
	case 2:
		a->n = 0;
		*good = false;
		break;
	case 3:
		a->protocol = PST_ICMP;
		*good = false;
		break;
	default:
		break;
	}
	if (n == 1 && below(8) == 0)
		a->proxy_address->port = 20000 + below(400) * 100;
}

static void
note(struct pst_connection *handle, const struct pst_bind_for_client *a, uint32_t i, uint32_t k,
	uint32_t admits)
{
	struct thing *t = thing_of(NULL);

	if (thing_of(handle) != NULL)
		fault("one handle stands for two endpoints");
	for (uint32_t j = 0; j < THINGS; j++) {
		if (things[j].handle != NULL && things[j].proto == a->protocol &&
			things[j].at.port == a->proxy_address->port + i)
			fault("one port has two owners");
	}
	*t = (struct thing){ .handle = handle,
		.client = k,
		.at = { a->proxy_address->ip, a->proxy_address->port + i },
		.proto = a->protocol,
		.flags = a->flags,
		.admits = admits,
		.client_port = a->client_addresses[i].port,
		.since = box.now_ms };
	n_things++;
}

static void
bind_some(uint32_t k)
{
	static struct pst_endpoint ends[PST_BIND_MAX];
	static struct pst_connection *handles[PST_BIND_MAX];
	struct pst_endpoint at = { OUTSIDE, PST_PORT_ANY };
	struct pst_bind_for_client a = { .client_addresses = ends,
		.proxy_address = &at,
		.connections = handles };
	struct pst_ipfilter *f;
	uint32_t admits;
	bool good;
	int ret;

	if (clients[k].control == NULL || n_things > THINGS - 64)
		return;
	random_args(&a, ends, k, &good);
	a.filter = f = random_filter(&admits);
	deny_next = below(16) == 0;
	denied = false;
	as_editor(k);
	ret = pst_bind_for_client(clients[k].session, &a);
	deny_next = false;
	if (f != NULL) /* R80: what is edited now alters nothing */
		pst_ipfilter_include(f, 0, UINT32_MAX);
	pst_ipfilter_destroy(f);
	if (!good && ret != -EINVAL)
		fault("an invalid bind is not refused");
	if (denied && ret != -EADDRINUSE)
		fault("a denied bind is not refused");
	if (ret == -EAGAIN)
		n_again++;
	if (ret < 0 && ret != -EINVAL && ret != -EADDRINUSE && ret != -EAGAIN && ret != -ENOSPC)
		fault("a bind fails for a reason of its own");
	if (ret == 0 && at.port % a.n != 0)
		fault("a block is not aligned");
	for (uint32_t i = 0; ret == 0 && i < a.n; i++)
		note(handles[i], &a, i, k, admits);
}

static struct thing *
random_thing(void)
{
	uint32_t at = below(THINGS);

	for (uint32_t i = 0; i < THINGS; i++) {
		struct thing *t = &things[(at + i) % THINGS];

		if (t->handle != NULL)
			return t;
	}
	return NULL;
}

static void
kill_one(struct thing *t)
{
	as_editor(t->client);
	pst_connection_kill(t->handle);
	t->handle = NULL;
	n_things--;
}

static void
kill_some(void)
{
	struct thing *t;

	for (uint32_t n = 1 + below(below(4) == 0 ? 40 : 2); n > 0; n--) {
		t = random_thing();
		if (t != NULL)
			kill_one(t);
	}
}

static void
change(void)
{
	struct thing *t = random_thing();
	struct pst_ipfilter *f;
	struct pst_endpoint end;
	uint32_t admits;
	int ret;

	if (t == NULL)
		return;
	as_editor(t->client);
	if (t->client_port == 0) {
		end = (struct pst_endpoint){ ip_of(t->client),
			1024 + clients[t->client].next_port++ % 60000 };
		box.stalled = false; /* an answer that is late may have been a yes */
		ret = pst_connection_set_client_address(t->handle, &end);
		if (ret == 0)
			t->client_port = end.port;
		else if (ret != -ESHUTDOWN && ret != -EAGAIN)
			fault("a client's address can't be set");
		return;
	}
	f = random_filter(&admits);
	box.stalled = false;
	ret = pst_connection_set_ipfilter(t->handle, f);
	if (ret == 0)
		t->admits = admits;
	pst_ipfilter_destroy(f);
}

static void
act(void)
{
	uint32_t i = below(ACTIONS), k = below(CLIENTS);
	struct pst_allow_future_connect a = { .address = { SERVER, 1 + below(60000) },
		.protocol = below(2) ? PST_TCP : PST_UDP,
		.flags = below(2) ? PST_FLAG_TIMEOUT : 0,
		.protocol_id = protocol };

	if (actions[i] != NULL) {
		as_editor(action_client[i]);
		if (below(2))
			pst_action_cancel(actions[i]);
		pst_action_release(actions[i]);
		actions[i] = NULL;
		return;
	}
	if (clients[k].control == NULL)
		return;
	as_editor(k);
	action_client[i] = k;
	if (pst_allow_future_connect(clients[k].session, &a, &actions[i]) < 0)
		actions[i] = NULL;
}

/* At a quiet moment, from a random host: in or not, as the model says. */
static void
use(void)
{
	struct thing *t = random_thing();
	struct pkt in = { .proto = 0 }, out;
	uint32_t source = SERVER + below(4);
	bool expected, came;

	if (t == NULL)
		return;
	quiet();
	if (t->handle == NULL)
		return;
	in = (struct pkt){ .proto = t->proto, .src = source, .sport = 2000, .dst = t->at.ip,
		.dport = t->at.port, .tcp_flags = t->proto == PST_TCP ? SYN : 0, .seq = 1 };
	expected = t->client_port != 0 && (t->admits == ANYBODY || t->admits == source);
	if (t->user != 0)
		return; /* what it has is its connections' */
	came = box_pass_through(&box, BOX_OUTSIDE, &in, &out);
	if (came != expected)
		fault(came ? "somebody came in who may not" : "somebody who may come did not");
	if (!came)
		return;
	if (out.dst != ip_of(t->client) || out.dport != t->client_port)
		fault("traffic goes to another place");
	t->user = source;
}

/* More than a ring takes, before anybody looks. */
static void
flood(void)
{
	struct thing *t = random_thing();
	struct pkt in = { .src = SERVER, .sport = 2000, .len = 1, .data = "x" };

	if (t == NULL || !(t->flags & PST_FLAG_NO_KERNEL_MODE) || t->proto != PST_UDP)
		return;
	in.proto = PST_UDP;
	in.dst = t->at.ip;
	in.dport = t->at.port;
	t->user = SERVER; /* or not: it is not looked at any more */
	for (int i = 0; i < 100; i++)
		box_put(&box, BOX_OUTSIDE, &in);
	box.no_runtimes = true;
	for (int i = 0; i < 8; i++)
		box_step(&box);
	box.no_runtimes = false;
}

/* A minute in which no editor lcore hears what the workers have to tell. */
static void
be_away(void)
{
	quiet();
	box.no_runtimes = true;
	box.now_ms += 61000;
	for (int i = 0; i < 40; i++) {
		box_step(&box);
		look_at_rings();
	}
	box.no_runtimes = false;
	quiet();
}

static void
check_ages(void)
{
	for (uint32_t i = 0; i < THINGS; i++) {
		const struct thing *t = &things[i];

		if (t->handle != NULL && (t->flags & PST_FLAG_TIMEOUT) && t->user == 0 &&
			box.now_ms > t->since + lifetime(t) + 3000)
			fault("an endpoint has outlived its time");
	}
}

static void
step(void)
{
	uint32_t k = below(CLIENTS), what = below(100);

	box.stalled = below(24) == 0;
	if (what < 10)
		open_control(k);
	else if (what < 45)
		bind_some(k);
	else if (what < 62)
		kill_some();
	else if (what < 70)
		change();
	else if (what < 78)
		act();
	else if (what < 90)
		use();
	else if (what < 93)
		flood();
	else if (what < 96)
		box_pass(&box, 1 + below(3000));
	else if (what < 97) {
		quiet();
		box_pass(&box, 30000 + below(40000));
		quiet();
		check_ages();
	} else if (what < 98)
		be_away();
	look_at_rings();
	if (below(3) == 0)
		box_step(&box);
	look_at_rings();
	if (step_number % QUIET_EVERY == 0)
		quiet();
}

static void
run_seed(uint64_t number, uint64_t steps)
{
	struct pst_appliance_params p = { .editors = editors, .ring_packets = 64, .ring_events = 8,
		.records = 2 };
	struct pst_config c;

	seed = number;
	memset(things, 0, sizeof(things));
	memset(clients, 0, sizeof(clients));
	memset(actions, 0, sizeof(actions));
	n_things = n_again = 0;
	no_record = events_full = 0;
	pst_rng_init(&rng, seed);
	box_config(&c, 4, 2);
	c.nat.quarantine_s = 1;
	c.nat.ports_per_client = 60000;
	box_init_with(&box, &c, 0, p);
	for (uint32_t k = 0; k < CLIENTS; k++)
		clients[k].control_port = 1024;
	for (step_number = 0; step_number < steps; step_number++)
		step();
	quiet();
	for (struct thing *t; (t = random_thing()) != NULL;)
		kill_one(t);
	late = 0;
	for (uint32_t e = 0; e < box.a->n_editors; e++)
		late += pst_runtime_stats(box.a->runtimes[e])->late_replies;
	unsent = box_drops(&box, PST_DROP_EDITOR_RING) + box_drops(&box, PST_DROP_HANDOVER_RING);
	quiet();
	print_message("seed %lu: %lu steps, %u binds unanswered in time, %lu late answers undone, "
		      "%lu times no record, %lu times no room for an event, %lu packets\n",
		(unsigned long)seed, (unsigned long)steps, n_again, (unsigned long)late,
		(unsigned long)no_record, (unsigned long)events_full, (unsigned long)unsent);
	box_fini(&box);
}

static void
the_appliance_is_as_the_model(void **state)
{
	const char *cases = getenv("PST_CASES"), *one = getenv("PST_SEED");
	uint64_t steps = cases != NULL ? strtoull(cases, NULL, 10) : 200000;
	uint64_t seeds = steps >= 1000000 ? 20 : 2;

	(void)state;
	steps = RTE_MIN(steps, UINT64_C(1000000));
	for (uint64_t n = 1; n <= seeds; n++) {
		run_seed(one != NULL ? strtoull(one, NULL, 10) : n, steps);
		if (steps >= 3000) {
			assert_true(no_record > 0);
			assert_true(late > 0);
		}
		if (steps >= 50000) {
			assert_true(events_full > 0);
			assert_true(unsent > 0);
		}
		if (one != NULL)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_appliance_is_as_the_model),
	};
	int failed;

	test_eal_init(512);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return getenv("PST_EXPECT_FAULT") != NULL ? failed == 0 : failed;
}
