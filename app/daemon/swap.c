/* SPDX-License-Identifier: BSD-3-Clause */
#include "swap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "swap_priv.h"

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

static void
finish(struct pst_swap *s)
{
	free_counts(s);
	free_pools(s);
	pst_snapshot_destroy(s->next);
	s->next = NULL;
	free(s->todo);
	s->todo = NULL;
	s->step = PST_STEP_DONE;
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
	return s->step == PST_STEP_EDITORS || s->step == PST_STEP_DISABLED;
}

static struct pst_chan *
chan_of(const struct pst_swap *s, uint32_t lcore)
{
	return asks_editors(s) ? s->a->runtime_chans[lcore] : s->a->reload_chans[lcore];
}

static void
fill_walk(struct pst_swap *s, struct pst_req *req)
{
	req->type = PST_REQ_WALK;
	req->walk.nat = &pst_swap_going_to(s)->nat;
	req->walk.applies = s->params.kind != PST_SWAP_COUNT && s->params.kind != PST_SWAP_LOOK;
	req->walk.cuts = s->params.cuts;
	req->walk.arms = s->params.arms;
	req->walk.routes = s->params.routes;
	req->walk.cursor = 0;
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

	if (s->step == PST_STEP_WALK) {
		fill_walk(s, req);
	} else if (s->step == PST_STEP_POOLS) {
		fill_pool(s, lcore, req);
	} else if (s->step == PST_STEP_WORKERS) {
		fill_settings(s, lcore, req);
	} else {
		req->type = PST_REQ_RUNTIME;
		req->runtime = s->step == PST_STEP_EDITORS ? &s->both : &s->a->now->settings;
	}
	pst_chan_post(chan_of(s, lcore), req);
}

/* False: there is more to ask. */
static bool
take_answer(struct pst_swap *s, uint32_t lcore, struct pst_req *req)
{
	if (s->step == PST_STEP_POOLS)
		return !find_pool(s, lcore);
	if (s->step != PST_STEP_WALK)
		return true;
	s->result.kept += req->walk.kept;
	s->result.forbidden += req->walk.forbidden;
	s->result.cut += req->walk.cut;
	s->result.retired += req->walk.retired;
	return true;
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
		if (s->step == PST_STEP_POOLS && !(s->asked & bit) && !find_pool(s, i))
			s->answered |= bit;
		if (!((s->asked | s->answered) & bit)) {
			ask(s, i);
			s->asked |= bit;
			++*done;
		}
	}
	return s->answered == all;
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
	if (s->step == PST_STEP_POOLS)
		note_pools(s);
	if (s->step == PST_STEP_WORKERS)
		commit(s, now_ms);
	s->step++;
	if (s->step == PST_STEP_REPUBLISH && s->todo == NULL)
		s->step++;
	s->asked = s->answered = 0;
	memset(s->cursors, 0, sizeof(s->cursors));
	s->server = 0;
	if (s->step == PST_STEP_DONE)
		finish(s);
}

static int
start(struct pst_swap *s)
{
	struct pst_appliance *a = s->a;
	bool forgets = s->params.kind == PST_SWAP_FORGET;

	s->step = PST_STEP_WALK;
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
	if (create_counts(s) < 0 || pst_swap_plan_servers(s) < 0 || make_pools(s) < 0)
		return -ENOMEM;
	s->result.error[0] = 0;
	s->both = s->next->settings;
	s->both.enabled |= a->now->editors_enabled;
	s->step = PST_STEP_POOLS;
	return 0;
}

struct pst_swap *
pst_swap_create(struct pst_appliance *a)
{
	struct pst_swap *s = rte_zmalloc("pst_swap", sizeof(*s), RTE_CACHE_LINE_SIZE);

	if (s != NULL) {
		s->a = a;
		s->step = PST_STEP_DONE;
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
	bool is_publishing = s->step == PST_STEP_PUBLISH || s->step == PST_STEP_REPUBLISH;
	uint32_t done = 0;

	if (!s->result.busy)
		return 0;
	if (!(is_publishing ? pst_swap_publish(s, now_ms, &done) : ask_all(s, &done)))
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
