/* SPDX-License-Identifier: BSD-3-Clause */
#define PST_LOG_MODULE PST_LOGTYPE_PORTS
#include "operate.h"

#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/log.h"
#include "editors.h"
#include "filter/ipfilter.h"

#define LOOK_MS 1000

void
pst_operate_init(struct pst_operate *o, struct pst_reload *reload,
	const struct pst_clock *clock, struct pst_appliance *appliance, struct pst_ports *ports)
{
	*o = (struct pst_operate){ .reload = reload,
		.clock = clock,
		.started = pst_clock_now(clock),
		.appliance = appliance,
		.ports = ports,
		.steer = appliance->steer };
}

static bool
is_programmed(const struct pst_operate *o, uint16_t k)
{
	return strcmp(o->ports->ports[k].rss, "programmed") == 0;
}

/* What came of a port's key: the workers' counts together. */
static struct pst_rss_check
rss_sum(const struct pst_operate *o, uint16_t k)
{
	struct pst_rss_check sum = { 0 };

	for (uint32_t w = 0; w < o->appliance->n_workers; w++) {
		const struct pst_rss_check *c =
			pst_worker_rss(o->appliance->workers[w], o->ports->ports[k].id);

		pst_rss_check_add(&sum, c->received, c->missteered);
	}
	sum.received -= o->base[k].received;
	sum.missteered -= o->base[k].missteered;
	return sum;
}

static const char *
rss_text(struct pst_operate *o, uint16_t k)
{
	struct pst_rss_check sum = rss_sum(o, k);

	if (!is_programmed(o, k))
		return o->ports->ports[k].rss;
	pst_rss_check_print(&sum, o->rss[k], sizeof(o->rss[k]));
	return o->rss[k];
}

/* The NICs are told; what was under way meanwhile says nothing of how they steer. */
static void
update_rss(struct pst_operate *o)
{
	for (uint16_t k = 0; k < o->ports->n_ports; k++) {
		int ret;

		if (!is_programmed(o, k) || !o->ports->ports[k].external)
			continue;
		ret = pst_steer_update_rss(o->ports->ports[k].id, &o->steer);
		if (ret < 0)
			PST_LOG(WARNING, "%s refuses the RSS table: %s", o->ports->ports[k].device,
				rte_strerror(-ret));
	}
	o->rebase = true;
}

static void
record_move(const struct pst_operate *o, uint32_t port, uint32_t worker)
{
	const struct pst_record r = { .time_ms = o->appliance->now_ms,
		.type = PST_RECORD_PORTS_MOVED,
		.index = worker,
		.outside = { 0, port },
		.remote = { 0, port + PST_STEER_SLOT_PORTS - 1 } };

	pst_eventlog_add(o->appliance->params.eventlog, &r);
}

/* Runs of ports that have moved between workers. */
static void
watch_runs(struct pst_operate *o)
{
	bool moved = false;

	for (uint32_t run = 0; run < PST_STEER_SLOTS; run++) {
		uint32_t port = run * PST_STEER_SLOT_PORTS;
		uint32_t worker = pst_steer_outside(&o->appliance->steer, port);

		if (worker == pst_steer_outside(&o->steer, port))
			continue;
		PST_LOG(INFO, "outside ports %u-%u went from worker %u to worker %u", port,
			port + PST_STEER_SLOT_PORTS - 1, pst_steer_outside(&o->steer, port),
			worker);
		record_move(o, port, worker);
		pst_steer_move(&o->steer, run, worker);
		moved = true;
	}
	if (moved)
		update_rss(o);
}

static void
watch_rss(struct pst_operate *o)
{
	for (uint16_t k = 0; k < o->ports->n_ports; k++) {
		struct pst_rss_check sum = rss_sum(o, k);
		enum pst_rss_verdict verdict = pst_rss_check_verdict(&sum);

		if (!is_programmed(o, k) || verdict == o->verdict[k])
			continue;
		o->verdict[k] = verdict;
		PST_LOG(INFO, "%s: rss: %s", o->ports->ports[k].device, rss_text(o, k));
	}
}

void
pst_operate_watch(struct pst_operate *o, uint64_t now_ms)
{
	if (now_ms < o->next_look_ms)
		return;
	o->next_look_ms = now_ms + LOOK_MS;
	for (uint16_t k = 0; o->rebase && k < o->ports->n_ports; k++) {
		struct pst_rss_check sum = rss_sum(o, k);

		pst_rss_check_add(&o->base[k], sum.received, sum.missteered);
	}
	o->rebase = false;
	watch_runs(o);
	if (!o->rebase)
		watch_rss(o);
}

void
pst_operate_summary(const struct pst_operate *o, char *text, size_t size)
{
	uint64_t connections = 0, clients = 0;

	for (uint32_t k = 0; k < o->ports->n_ports; k++) {
		if (!o->ports->ports[k].up) {
			snprintf(text, size, "no link on %s", o->ports->ports[k].device);
			return;
		}
	}
	for (uint32_t w = 0; w < o->appliance->n_workers; w++) {
		const struct pst_worker_stats *s = pst_worker_stats(o->appliance->workers[w]);

		connections += __atomic_load_n(&s->connections, __ATOMIC_RELAXED);
		clients += __atomic_load_n(&s->clients, __ATOMIC_RELAXED);
	}
	snprintf(text, size, "%" PRIu64 " connections of %" PRIu64 " clients",
		connections, clients);
}

static int
get_iface(void *ctx, uint32_t i, struct pst_control_iface *iface)
{
	struct pst_operate *o = ctx;
	uint16_t k = o->ports->of_iface[i], port = o->ports->ports[k].id;

	memset(iface, 0, sizeof(*iface));
	memcpy(iface->mac, &o->appliance->now->net.ifaces[i].mac, sizeof(iface->mac));
	iface->up = o->ports->ports[k].up;
	iface->mbps = o->ports->ports[k].mbps;
	iface->mtu = o->appliance->now->net.ifaces[i].mtu;
	iface->rss = rss_text(o, k);
	iface->has_port_stats = rte_eth_stats_get(port, &iface->port_stats) == 0;
	return 0;
}

static int
get_neighbour(void *ctx, uint32_t i, struct pst_control_neighbour *row)
{
	static const char *const states[] = { [PST_NEIGH_EMPTY] = "empty",
		[PST_NEIGH_INCOMPLETE] = "incomplete",
		[PST_NEIGH_REACHABLE] = "reachable",
		[PST_NEIGH_PROBE] = "probe",
		[PST_NEIGH_FAILED] = "failed" };
	const struct pst_operate *o = ctx;
	const struct pst_neigh_table *t = o->appliance->neigh;
	const struct pst_neigh_slot *slot;
	const struct pst_neigh_own *own;

	if (i >= t->n_used)
		return -ENOENT;
	slot = &t->slots[t->used[i]];
	own = &t->own[t->used[i]];
	memset(row, 0, sizeof(*row));
	row->ip = rte_be_to_cpu_32(slot->key >> 32);
	row->iface = (uint16_t)(slot->key >> 16);
	row->has_mac = slot->mac_tag >> 48 != 0;
	for (int k = 0; k < RTE_ETHER_ADDR_LEN; k++)
		row->mac[k] = slot->mac_tag >> (8 * k);
	row->state = states[own->state];
	if (row->has_mac)
		row->age_ms = pst_clock_now(o->clock) - own->confirmed_ms;
	row->held = own->n_held;
	return 0;
}

static const uint8_t pool_protocols[PST_POOLS] = { [PST_POOL_TCP] = PST_TCP,
	[PST_POOL_UDP] = PST_UDP,
	[PST_POOL_ICMP] = PST_ICMP };

/* The number of the nth outside address: not each number is somebody's. n_addresses: none. */
static uint32_t
nth_address(const struct pst_nat_params *nat, uint32_t nth)
{
	uint32_t a = 0;

	while (a < nat->n_addresses && (nat->addresses[a] == 0 || nth-- > 0))
		a++;
	return a;
}

/* The workers' pools stay when their address goes; of what they have, two counts are read. */
static int
get_pool(void *ctx, uint32_t i, struct pst_control_pool *row)
{
	const struct pst_operate *o = ctx;
	const struct pst_appliance *a = o->appliance;
	const struct pst_nat_params *nat = &a->now->nat;
	uint32_t address = nth_address(nat, i / PST_POOLS);

	if (address >= nat->n_addresses)
		return -ENOENT;
	*row = (struct pst_control_pool){ .ip = rte_be_to_cpu_32(nat->addresses[address]),
		.protocol = pool_protocols[i % PST_POOLS] };
	for (uint32_t w = 0; w < a->n_workers; w++) {
		const struct pst_portpool *pool =
			pst_worker_nat(a->workers[w])->pools[address][i % PST_POOLS];

		if (pool == NULL) /* not of a whole address */
			continue;
		row->used += pst_portpool_used(pool);
		row->free += pst_portpool_free_count(pool);
	}
	return 0;
}

static uint64_t
editor_counter(void *ctx, uint32_t editor, uint32_t counter)
{
	const struct pst_operate *o = ctx;
	uint64_t sum = 0;

	for (uint32_t e = 0; e < o->appliance->n_editors; e++)
		sum += __atomic_load_n(
			&pst_runtime_counters(o->appliance->runtimes[e], editor)[counter],
			__ATOMIC_RELAXED);
	return sum;
}

static const char *
state_name(uint8_t protocol, uint8_t state)
{
	(void)protocol;
	return state < PST_STATES ? pst_state_names[state] : "?";
}

static int
command(void *ctx, const char *name, json_t *request, json_t **result, char *error, size_t size)
{
	struct pst_operate *o = ctx;

	return pst_reload_command(o->reload, name, request, result, error, size);
}

static int
answer(void *ctx, int ticket, json_t **result, char *error, size_t size)
{
	struct pst_operate *o = ctx;

	return pst_reload_answer(o->reload, ticket, result, error, size);
}

static struct pst_control_params
params_of(struct pst_operate *o, const struct pst_config *config)
{
	const struct pst_appliance *a = o->appliance;
	struct pst_control_params p = { .socket = config->control_socket,
		.config = config,
		.started = o->started,
		.n_workers = a->n_workers,
		.n_editors = a->n_editors,
		.eventlog = a->params.eventlog,
		.main_lcore = config->lcores.main,
		.main_account = &a->account,
		.editors = pst_editors,
		.editor_counter = editor_counter,
		.rule_base = a->now->rule_carry.base,
		.filter_base = a->now->filter_carry.base,
		.protocol_names = a->now->protocol_names,
		.n_protocols = a->now->n_protocols,
		.state_name = state_name,
		.ipset_count = pst_ipset_count,
		.ipset_range = pst_ipset_range,
		.ipset_unref = pst_ipset_unref,
		.iface = get_iface,
		.neighbour = get_neighbour,
		.pool = get_pool,
		.commands = pst_reload_commands,
		.command = command,
		.answer = answer,
		.ctx = o };

	for (uint32_t w = 0; w < a->n_workers; w++) {
		p.workers[w] = a->main_chans[w];
		p.worker_stats[w] = pst_worker_stats(a->workers[w]);
		p.rule_counts[w] = a->counts[w].rules;
		p.filter_counts[w] = a->counts[w].filters;
		p.worker_lcores[w] = config->lcores.workers[w];
	}
	for (uint32_t e = 0; e < a->n_editors; e++) {
		p.editor_stats[e] = pst_runtime_stats(a->runtimes[e]);
		p.editor_lcores[e] = config->lcores.editors[e];
	}
	return p;
}

struct pst_control *
pst_operate_open(struct pst_operate *o, char *error, size_t size)
{
	struct pst_control_params p = params_of(o, o->reload->running);

	return pst_control_create(&p, error, size);
}

void
pst_operate_refresh(
	struct pst_operate *o, const struct pst_config *config, struct pst_control *control)
{
	struct pst_control_params p = params_of(o, config);

	pst_control_set_params(control, &p);
}
