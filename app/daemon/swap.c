/* SPDX-License-Identifier: BSD-3-Clause */
#include "swap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "appliance.h"
#include "carry.h"
#include "config/address.h"
#include "publish.h"

#define PUBLISH_RETRY_MS 10
#define PUBLISH_PATIENCE_MS 2000 /* ports of the server before are on their way back */

enum step {
	STEP_POOLS,   /* of addresses that are new */
	STEP_PUBLISH, /* what is new */
	STEP_EDITORS, /* those that are enabled */
	STEP_WORKERS,
	STEP_DISABLED, /* editors */
	STEP_WALK,
	STEP_REPUBLISH, /* what is another server's */
	STEP_DONE,
};

struct pst_swap {
	struct pst_appliance *a;
	struct pst_swap_params params;
	struct pst_swap_result result;
	struct pst_snapshot *next; /* APPLY, until it runs; COUNT */
	enum step step;
	/* of the lcores that a step asks: a bit for each */
	uint64_t asked, answered;
	uint32_t cursors[PST_WORKERS_MAX]; /* STEP_WALK, STEP_POOLS */
	/* STEP_EDITORS: both configs' editors */
	struct pst_runtime_settings both;
	struct pst_counts counts[PST_WORKERS_MAX]; /* by worker; for the next snapshot */
	/* by worker and number, until it has them */
	struct pst_portpool *(*pools)[PST_NAT_ADDRESSES_MAX * PST_POOLS];
	/* STEP_PUBLISH, STEP_REPUBLISH */
	uint8_t *todo;	 /* by server: the step that it is for, or STEP_DONE */
	uint32_t server; /* that is under way */
	enum pst_publish_step publishing;
	uint32_t publisher, port_worker; /* who is asked; who has the port */
	uint64_t give_up_ms;		 /* 0: it was not tried in vain */
	uint64_t retry_ms;		 /* when it is tried again; 0: it is not to be */
	bool undoing;
};

/* Each worker's counters of the rules and filters; NULL where there are none. */
static int
create_counts(struct pst_swap *s)
{
	const struct pst_snapshot *next = s->next;

	for (uint32_t w = 0; w < s->a->n_workers; w++) {
		struct pst_counts *c = &s->counts[w];

		if (next->rules != NULL)
			c->rules = pst_carry_counts(pst_ruleset_count(next->rules) + 1);
		if (next->filters != NULL)
			c->filters = pst_carry_counts(pst_packet_filters_count(next->filters));
		if ((next->rules != NULL && c->rules == NULL) ||
			(next->filters != NULL && c->filters == NULL))
			return -ENOMEM;
	}
	return 0;
}

static void
free_counts(struct pst_swap *s)
{
	for (uint32_t w = 0; w < PST_WORKERS_MAX; w++) {
		rte_free(s->counts[w].rules);
		rte_free(s->counts[w].filters);
		s->counts[w] = (struct pst_counts){ 0 };
	}
}

/* Pools of the addresses that have none: a number may have had another address before. */
static int
make_pools(struct pst_swap *s)
{
	struct pst_appliance *a = s->a;
	const struct pst_nat_params *next = &s->next->nat;

	s->pools = calloc(a->n_workers, sizeof(*s->pools));
	for (uint32_t i = 0; s->pools != NULL && i < next->n_addresses; i++) {
		if (a->has_pools[i] || next->addresses[i] == 0)
			continue;
		if (pst_nat_rests_add(next, i, SOCKET_ID_ANY) < 0)
			return -ENOMEM;
		for (uint32_t k = 0; k < a->n_workers * PST_POOLS; k++) {
			uint32_t w = k / PST_POOLS, pool = k % PST_POOLS;

			s->pools[w][i * PST_POOLS + pool] = pst_nat_make_pool(
				pst_worker_nat(a->workers[w]), next, i, pool, 0, SOCKET_ID_ANY);
			if (s->pools[w][i * PST_POOLS + pool] == NULL)
				return -ENOMEM;
		}
	}
	return s->pools != NULL ? 0 : -ENOMEM;
}

static void
free_pools(struct pst_swap *s)
{
	for (uint32_t w = 0; s->pools != NULL && w < s->a->n_workers; w++) {
		for (uint32_t i = 0; i < PST_NAT_ADDRESSES_MAX * PST_POOLS; i++)
			pst_portpool_destroy(s->pools[w][i]);
	}
	free(s->pools);
	s->pools = NULL;
}

/* All workers have them. */
static void
note_pools(struct pst_swap *s)
{
	for (uint32_t i = 0; i < s->next->nat.n_addresses; i++)
		s->a->has_pools[i] |= s->next->nat.addresses[i] != 0;
}

/* Where the lcores go, or have gone. */
static const struct pst_snapshot *
going_to(const struct pst_swap *s)
{
	return s->next != NULL ? s->next : s->a->now;
}

static void
finish(struct pst_swap *s)
{
	free_counts(s);
	free_pools(s);
	pst_snapshot_destroy(s->next);
	s->next = NULL;
	free(s->todo);
	s->todo = NULL;
	s->step = STEP_DONE;
	s->result.busy = false;
}

/* Before anything was changed. */
static void
fail(struct pst_swap *s, int ret)
{
	s->result.ret = ret;
	finish(s);
}

/* Steps that ask all workers, or all editor lcores, and go on when all have answered. */

static bool
asks_editors(const struct pst_swap *s)
{
	return s->step == STEP_EDITORS || s->step == STEP_DISABLED;
}

static struct pst_chan *
chan_of(const struct pst_swap *s, uint32_t lcore)
{
	return asks_editors(s) ? s->a->runtime_chans[lcore] : s->a->reload_chans[lcore];
}

static void
fill_walk(struct pst_swap *s, uint32_t w, struct pst_req *req)
{
	req->type = PST_REQ_WALK;
	req->walk.nat = &going_to(s)->nat;
	req->walk.applies = s->params.kind != PST_SWAP_COUNT && s->params.kind != PST_SWAP_LOOK;
	req->walk.cuts = s->params.cuts;
	req->walk.arms = s->params.arms;
	req->walk.routes = s->params.routes;
	req->walk.cursor = s->cursors[w];
	req->walk.kept = req->walk.forbidden = req->walk.cut = req->walk.retired = 0;
}

/* The cursor counts pools: PST_POOLS of each number. */
static void
fill_pool(struct pst_swap *s, uint32_t w, struct pst_req *req)
{
	uint32_t at = s->cursors[w];

	req->type = PST_REQ_POOL;
	req->pool.address = at / PST_POOLS;
	req->pool.pool = at % PST_POOLS;
	req->pool.added = s->pools[w][at];
	s->pools[w][at] = NULL;
}

/* Go to the next pool that worker w is to have; false: there is none. */
static bool
find_pool(struct pst_swap *s, uint32_t w)
{
	uint32_t *at = &s->cursors[w];

	while (*at < PST_NAT_ADDRESSES_MAX * PST_POOLS && s->pools[w][*at] == NULL)
		++*at;
	return *at < PST_NAT_ADDRESSES_MAX * PST_POOLS;
}

static void
fill_settings(struct pst_swap *s, uint32_t w, struct pst_req *req)
{
	req->type = PST_REQ_SETTINGS;
	req->settings.nat = &s->next->nat;
	req->settings.net = &s->next->net;
	req->settings.rule_counts = s->counts[w].rules;
	req->settings.filter_counts = s->counts[w].filters;
}

static void
ask(struct pst_swap *s, uint32_t lcore)
{
	struct pst_req *req = pst_chan_take(chan_of(s, lcore));

	if (s->step == STEP_WALK) {
		fill_walk(s, lcore, req);
	} else if (s->step == STEP_POOLS) {
		fill_pool(s, lcore, req);
	} else if (s->step == STEP_WORKERS) {
		fill_settings(s, lcore, req);
	} else {
		req->type = PST_REQ_RUNTIME;
		req->runtime = s->step == STEP_EDITORS ? &s->both : &s->a->now->settings;
	}
	pst_chan_post(chan_of(s, lcore), req);
}

/* False: there is more to ask. */
static bool
take_answer(struct pst_swap *s, uint32_t lcore, struct pst_req *req)
{
	if (s->step == STEP_POOLS)
		return !find_pool(s, lcore);
	if (s->step != STEP_WALK)
		return true;
	s->result.kept += req->walk.kept;
	s->result.forbidden += req->walk.forbidden;
	s->result.cut += req->walk.cut;
	s->result.retired += req->walk.retired;
	s->cursors[lcore] = req->walk.cursor;
	return req->walk.cursor == 0;
}

/* True when all have answered. */
static bool
ask_all(struct pst_swap *s, uint32_t *done)
{
	uint32_t n = asks_editors(s) ? s->a->n_editors : s->a->n_workers;
	uint64_t all = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t bit = UINT64_C(1) << i;
		struct pst_req *req = NULL;

		if (s->answered & bit)
			continue;
		if (s->asked & bit)
			req = pst_chan_answer(chan_of(s, i));
		if (req != NULL) {
			s->answered |= take_answer(s, i, req) ? bit : 0;
			s->asked &= ~bit;
			pst_chan_put(chan_of(s, i), req);
			++*done;
		}
		if (s->step == STEP_POOLS && !(s->asked & bit) && !find_pool(s, i))
			s->answered |= bit;
		if (!((s->asked | s->answered) & bit)) {
			ask(s, i);
			s->asked |= bit;
			++*done;
		}
	}
	return s->answered == all;
}

/* Publishing: one server after the other. */

static uint32_t
worker_of_port(const struct pst_swap *s, const struct pst_nat_published *what)
{
	return pst_steer_outside(&s->a->steer, what->external.port);
}

static uint32_t
worker_of_server(const struct pst_swap *s, const struct pst_nat_published *what)
{
	return pst_steer_inside(&s->a->steer, what->internal.ip);
}

static const struct pst_nat_published *
current(const struct pst_swap *s)
{
	return &going_to(s)->servers[s->server];
}

static void
post_publish(struct pst_swap *s, enum pst_publish_step step)
{
	const struct pst_nat_published *what = current(s);
	struct pst_req *req;

	s->publishing = step;
	if (step != PST_PUBLISH_SERVER || worker_of_port(s, what) == worker_of_server(s, what))
		s->port_worker = worker_of_port(s, what);
	s->publisher = step == PST_PUBLISH_PORT ? s->port_worker : worker_of_server(s, what);
	req = pst_chan_take(s->a->reload_chans[s->publisher]);
	req->type = PST_REQ_PUBLISH;
	req->publish.step = step;
	req->publish.external = what->external;
	req->publish.internal = what->internal;
	req->publish.protocol = what->protocol;
	req->publish.address = what->address;
	req->publish.protocol_index = what->protocol_index;
	req->publish.editor_path = what->editor_path;
	req->publish.worker = worker_of_server(s, what);
	req->publish.port_worker = s->port_worker;
	s->asked = 1;
	pst_chan_post(s->a->reload_chans[s->publisher], req);
}

/* The port was given, and the server is not there: the port's worker has it again. */
static void
post_release(struct pst_swap *s)
{
	const struct pst_nat_published *what = current(s);
	struct pst_req *req = pst_chan_take(s->a->reload_chans[s->port_worker]);

	s->publisher = s->port_worker;
	s->publishing = PST_PUBLISH_END;
	req->type = PST_REQ_RELEASE;
	req->reserve.endpoint = what->external;
	req->reserve.protocol = what->protocol;
	s->asked = 1;
	pst_chan_post(s->a->reload_chans[s->publisher], req);
}

static void
say_unpublished(struct pst_swap *s, int ret)
{
	const struct pst_nat_published *what = current(s);
	char *text = s->step == STEP_PUBLISH ? s->result.error : s->result.warning;
	char at[PST_ENDPOINT_TEXT];

	snprintf(text, sizeof(s->result.error), "\"%s\" can't be published: %s: %s",
		pst_publish_name(going_to(s), what), pst_endpoint_format(&what->external, at),
		ret == -EADDRINUSE
			? "a client has the port, or connections to another server are open there"
			: strerror(-ret));
}

/* It can't be: then nothing is. Behind the change it is said alone. */
static void
give_up(struct pst_swap *s, int ret)
{
	bool was_reserved = s->publishing == PST_PUBLISH_SERVER &&
			    s->port_worker != worker_of_server(s, current(s));

	say_unpublished(s, ret);
	if (s->step == STEP_PUBLISH) {
		s->undoing = true;
		s->result.ret = ret;
	}
	if (was_reserved)
		post_release(s);
	else if (!s->undoing)
		s->server++;
}

static bool
may_retry(struct pst_swap *s, int ret, uint64_t now_ms)
{
	if (ret != -EAGAIN && ret != -EADDRINUSE)
		return false;
	if (s->give_up_ms == 0)
		s->give_up_ms = now_ms + PUBLISH_PATIENCE_MS;
	return now_ms < s->give_up_ms;
}

static void
published(struct pst_swap *s, int ret, uint64_t now_ms)
{
	const struct pst_nat_published *what = current(s);
	bool is_foreign = worker_of_port(s, what) != worker_of_server(s, what);

	if (s->publishing == PST_PUBLISH_REOPEN && ret < 0)
		post_publish(s, is_foreign ? PST_PUBLISH_PORT : PST_PUBLISH_SERVER);
	else if (s->publishing == PST_PUBLISH_PORT && ret == 0)
		post_publish(s, PST_PUBLISH_SERVER);
	else if (ret == 0)
		s->server++;
	else if (!(s->publishing == PST_PUBLISH_SERVER && is_foreign) && may_retry(s, ret, now_ms))
		s->retry_ms = now_ms + PUBLISH_RETRY_MS;
	else
		give_up(s, ret);
	if (ret == 0 && !s->asked)
		s->give_up_ms = 0;
}

static bool
is_answered(struct pst_swap *s, int *ret)
{
	struct pst_chan *chan = s->a->reload_chans[s->publisher];
	struct pst_req *req = pst_chan_answer(chan);

	if (req == NULL)
		return false;
	*ret = req->result;
	pst_chan_put(chan, req);
	s->asked = 0;
	return true;
}

/* Those that were published before one could not be are ended. True at the end. */
static bool
undo(struct pst_swap *s)
{
	while (s->server > 0) {
		s->server--;
		if (s->todo[s->server] == STEP_PUBLISH) {
			post_publish(s, PST_PUBLISH_END);
			return false;
		}
	}
	return true;
}

/* True when all of this step are. */
static bool
publish_all(struct pst_swap *s, uint64_t now_ms, uint32_t *done)
{
	const struct pst_snapshot *next = going_to(s);
	int ret;

	if (s->asked) {
		if (!is_answered(s, &ret))
			return false;
		++*done;
		if (!s->undoing)
			published(s, ret, now_ms);
		if (s->asked)
			return false;
	}
	if (s->retry_ms != 0 && now_ms < s->retry_ms)
		return false;
	++*done;
	if (s->undoing)
		return undo(s);
	if (s->retry_ms != 0) {
		s->retry_ms = 0;
		post_publish(s, worker_of_port(s, current(s)) != worker_of_server(s, current(s))
					? PST_PUBLISH_PORT
					: PST_PUBLISH_SERVER);
		return false;
	}
	while (s->server < next->n_servers && s->todo[s->server] != s->step)
		s->server++;
	if (s->server == next->n_servers)
		return true;
	s->give_up_ms = 0;
	post_publish(s, PST_PUBLISH_REOPEN);
	return false;
}

/* What is to be done of each server, and when. */
static int
plan_servers(struct pst_swap *s)
{
	const struct pst_nat_params *old = &s->a->now->nat;

	s->todo = calloc(s->next->n_servers + 1, sizeof(*s->todo));
	for (uint32_t i = 0; s->todo != NULL && i < s->next->n_servers; i++) {
		const struct pst_nat_published *what = &s->next->servers[i];
		const struct pst_nat_published *before = pst_nat_published_find(
			old, pst_key_of_endpoint(&what->external, what->protocol));

		s->todo[i] = STEP_DONE;
		if (before == NULL)
			s->todo[i] = STEP_PUBLISH;
		else if (before->internal.ip != what->internal.ip ||
			 before->internal.port != what->internal.port)
			s->todo[i] = STEP_REPUBLISH;
	}
	return s->todo != NULL ? 0 : -ENOMEM;
}

/* From step to step. */

static bool
has_new_address(const struct pst_nat_params *old, const struct pst_nat_params *next)
{
	for (uint32_t i = 0; i < next->n_addresses; i++) {
		if (next->addresses[i] != 0 && old->addresses[i] != next->addresses[i])
			return true;
	}
	return false;
}

/* Neighbours outside may know the new ones as another host's. */
static void
announce(struct pst_appliance *a, uint64_t now_ms)
{
	for (uint32_t i = 0; i < a->now->net.n_ifaces; i++) {
		if (a->now->net.ifaces[i].zone == PST_NET_EXTERNAL && a->link_up[i])
			pst_announce_start(&a->announce, i, now_ms);
	}
}

/* All lcores go by the next one: it is the running one, and the old one is nobody's. */
static void
commit(struct pst_swap *s, uint64_t now_ms)
{
	struct pst_appliance *a = s->a;
	struct pst_snapshot *old = a->now;

	for (uint32_t w = 0; w < a->n_workers; w++) {
		struct pst_counts had = a->counts[w];

		pst_carry_add(s->next, had.rules, had.filters);
		a->counts[w] = s->counts[w];
		s->counts[w] = had; /* to be freed */
	}
	a->now = s->next;
	a->params.config = a->now->config;
	s->next = NULL;
	if (has_new_address(&old->nat, &a->now->nat))
		announce(a, now_ms);
	pst_snapshot_destroy(old);
	free_counts(s);
}

static void
go_on(struct pst_swap *s, uint64_t now_ms)
{
	if (s->step == STEP_POOLS)
		note_pools(s);
	if (s->step == STEP_WORKERS)
		commit(s, now_ms);
	s->step++;
	if (s->step == STEP_REPUBLISH && s->todo == NULL)
		s->step++;
	s->asked = s->answered = 0;
	memset(s->cursors, 0, sizeof(s->cursors));
	s->server = 0;
	if (s->step == STEP_DONE)
		finish(s);
}

static int
start(struct pst_swap *s)
{
	struct pst_appliance *a = s->a;
	bool forgets = s->params.kind == PST_SWAP_FORGET;

	s->step = STEP_WALK;
	if (s->params.kind == PST_SWAP_CUT || s->params.kind == PST_SWAP_LOOK)
		return 0;
	s->next = pst_snapshot_create(a, forgets ? a->now->config : s->params.config, a->now,
		forgets, s->result.error, sizeof(s->result.error));
	if (s->next == NULL)
		return -EINVAL;
	if (s->params.kind == PST_SWAP_COUNT)
		return 0;
	snprintf(s->result.error, sizeof(s->result.error),
		"no memory for it: raise memory.megabytes, and restart");
	if (create_counts(s) < 0 || plan_servers(s) < 0 || make_pools(s) < 0)
		return -ENOMEM;
	s->result.error[0] = 0;
	s->both = s->next->settings;
	s->both.enabled |= a->now->editors_enabled;
	s->step = STEP_POOLS;
	return 0;
}

struct pst_swap *
pst_swap_create(struct pst_appliance *a)
{
	struct pst_swap *s = rte_zmalloc("pst_swap", sizeof(*s), RTE_CACHE_LINE_SIZE);

	if (s != NULL) {
		s->a = a;
		s->step = STEP_DONE;
	}
	return s;
}

/* A worker that went over before all had done has the new counters, and frees them itself. */
static void
leave_counts(struct pst_swap *s)
{
	for (uint32_t w = 0; w < s->a->n_workers; w++) {
		const struct pst_nat *nat =
			s->a->workers[w] != NULL ? pst_worker_nat(s->a->workers[w]) : NULL;

		if (nat != NULL && s->next != NULL && nat->params == &s->next->nat)
			s->counts[w] = s->a->counts[w];
	}
}

void
pst_swap_destroy(struct pst_swap *s)
{
	if (s == NULL)
		return;
	leave_counts(s);
	finish(s);
	rte_free(s);
}

int
pst_swap_start(struct pst_swap *s, const struct pst_swap_params *params)
{
	int ret;

	if (s->result.busy)
		return -EBUSY;
	*s = (struct pst_swap){ .a = s->a, .params = *params };
	ret = start(s);
	if (ret < 0) {
		fail(s, ret);
		return ret;
	}
	s->result.busy = true;
	return 0;
}

uint32_t
pst_swap_poll(struct pst_swap *s, uint64_t now_ms)
{
	bool is_publishing = s->step == STEP_PUBLISH || s->step == STEP_REPUBLISH;
	uint32_t done = 0;

	if (!s->result.busy)
		return 0;
	if (!(is_publishing ? publish_all(s, now_ms, &done) : ask_all(s, &done)))
		return done;
	if (s->undoing)
		fail(s, s->result.ret);
	else
		go_on(s, now_ms);
	return done + 1;
}

const struct pst_swap_result *
pst_swap_result(const struct pst_swap *s)
{
	return &s->result;
}
