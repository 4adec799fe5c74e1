/* SPDX-License-Identifier: BSD-3-Clause */
#include "snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

#include "appliance.h"
#include "config/address.h"
#include "policy.h"
#include "protocols.h"
#include "publish.h"

_Static_assert(PST_POOLS_MAX + PST_WHOLES_MAX <= PST_NAT_GROUPS_MAX &&
		       PST_WHOLES_MAX <= PST_NET_WHOLES &&
		       PST_POOL_ITEMS_MAX <= PST_NAT_GROUP_CLIENTS_MAX,
	"the config's pools fit");
_Static_assert(PST_BYPASS_MAX <= PST_NAT_BYPASS_MAX, "the config's bypass fits");

/* Config to params: plain structs, so that workers see no config. */

static enum pst_nat_mode
mode_of(enum pst_behaviour behaviour)
{
	switch (behaviour) {
	case PST_ADDRESS_DEPENDENT:
		return PST_NAT_ADDRESS_DEPENDENT;
	case PST_ADDRESS_AND_PORT_DEPENDENT:
		return PST_NAT_ADDRESS_AND_PORT_DEPENDENT;
	default:
		return PST_NAT_ENDPOINT_INDEPENDENT;
	}
}

static void
set_timeouts(struct pst_nat_params *p, const struct pst_config_nat *c)
{
	const uint32_t seconds[PST_TIMEOUTS] = {
		[PST_TIMEOUT_TCP_OPENING] = c->timeouts.tcp_opening,
		[PST_TIMEOUT_TCP_ESTABLISHED] = c->timeouts.tcp_established,
		[PST_TIMEOUT_TCP_CLOSING] = c->timeouts.tcp_closing,
		[PST_TIMEOUT_UDP] = c->timeouts.udp,
		[PST_TIMEOUT_ICMP] = c->timeouts.icmp,
		[PST_TIMEOUT_BIND_ACCEPT] = c->timeouts.bind_accept,
		[PST_TIMEOUT_BIND_UDP_IDLE] = c->timeouts.bind_udp_idle,
		[PST_TIMEOUT_SYN_HOLD] = c->timeouts.syn_hold,
	};

	for (int t = 0; t < PST_TIMEOUTS; t++)
		p->timeouts_ms[t] = seconds[t] * 1000;
}

/* Nothing is open on them any more: others may have their numbers. */
static void
forget_retired(struct pst_nat_params *p)
{
	for (uint32_t i = 0; i < p->n_addresses; i++) {
		if (p->retired[i])
			p->addresses[i] = 0;
	}
}

static int
set_nat(const struct pst_appliance *a, struct pst_snapshot *s, const struct pst_snapshot *before,
	bool forgets, char *error, size_t size)
{
	const struct pst_config_nat *c = &s->config->nat;
	struct pst_nat_params *p = &s->nat;
	const struct pst_nat_params *numbers = before != NULL ? &before->nat : NULL;
	struct pst_nat_params in_use;

	if (numbers != NULL && forgets) {
		in_use = *numbers;
		forget_retired(&in_use);
		numbers = &in_use;
	}
	p->mapping = mode_of(c->mapping);
	p->filtering = mode_of(c->filtering);
	p->maps_others = c->other_protocols == PST_OTHERS_MAP;
	p->out_refreshes = !c->refresh_inbound;
	p->lenient_windows = c->tcp_window == PST_WINDOW_LENIENT;
	p->port_first = c->port_first;
	p->port_last = c->port_last;
	p->ports_per_client = c->ports_per_client;
	p->sessions_per_client = c->sessions_per_client;
	p->block_size = c->port_block;
	p->new_sessions_per_client = c->new_sessions_per_client;
	p->quarantine_ms = c->quarantine_s * 1000;
	set_timeouts(p, c);
	if (pst_addresses_set(p, numbers, s->config, error, size) < 0)
		return -ENOSPC;
	for (; p->n_bypass < c->n_bypass; p->n_bypass++)
		p->bypass[p->n_bypass] = (struct pst_rule_range){ c->bypass[p->n_bypass].first,
			c->bypass[p->n_bypass].last };
	if (c->deterministic) {
		if (pst_daemon_plan_make(&s->portplan, s->config, p, &a->steer, error, size) < 0)
			return -EINVAL;
		p->plan = &s->portplan.plan;
	}
	if (before != NULL) {
		p->generation = before->nat.generation + 1;
		p->blocks = before->nat.blocks;
		p->rests = before->nat.rests;
	} else if (pst_nat_rests_create(p, SOCKET_ID_ANY) < 0) {
		snprintf(error, size, "no memory for the ports of %u addresses", p->n_addresses);
		return -ENOMEM;
	}
	return 0;
}

static int
add_iface(struct pst_snapshot *s, const struct pst_appliance_iface *p,
	const struct pst_config_iface *c, char *error, size_t size)
{
	struct pst_iface f = { .port = p->port,
		.vlan = c->vlan,
		.zone = c->zone == PST_ZONE_INTERNAL ? PST_NET_INTERNAL : PST_NET_EXTERNAL,
		.prefix_len = c->prefix_len,
		.mtu = p->mtu,
		.ip = rte_cpu_to_be_32(c->ip),
		.mac = p->mac,
		.virtual_port = p->virtual_port };
	struct pst_nat_params *nat = &s->nat;

	if (f.zone == PST_NET_INTERNAL && nat->n_insides < PST_NAT_INSIDES_MAX)
		nat->insides[nat->n_insides++] = (struct pst_nat_inside){ .ip = f.ip,
			.mask = rte_cpu_to_be_32(pst_prefix_mask(f.prefix_len)) };
	snprintf(f.name, sizeof(f.name), "%s", c->name);
	if (pst_net_add_iface(&s->net, &f) < 0) {
		snprintf(error, size, "interface \"%s\": too many", f.name);
		return -ENOSPC;
	}
	return 0;
}

static void
add_wholes(struct pst_snapshot *s)
{
	const struct pst_config *c = s->config;

	for (uint32_t i = 0; i < c->n_publish; i++) {
		if (c->publish[i].whole)
			s->net.wholes[s->net.n_wholes++] = (struct pst_net_whole){
				.outside = rte_cpu_to_be_32(c->publish[i].external.ip),
				.inside = rte_cpu_to_be_32(c->publish[i].internal.ip)
			};
	}
}

static int
set_net(const struct pst_appliance *a, struct pst_snapshot *s, const struct pst_snapshot *before,
	char *error, size_t size)
{
	const struct pst_config *c = s->config;

	pst_net_init(&s->net);
	for (uint32_t i = 0; i < c->n_ifaces; i++) {
		if (add_iface(s, &a->params.ifaces[i], &c->ifaces[i], error, size) < 0)
			return -ENOSPC;
	}
	for (uint32_t i = 0; i < c->n_routes; i++) {
		if (pst_net_add_route(&s->net, c->routes[i].to.ip, c->routes[i].to.len,
			    c->routes[i].via) < 0) {
			snprintf(error, size, "route %u has no interface", i);
			return -EINVAL;
		}
	}
	s->net.neigh = a->neigh;
	for (uint32_t i = 0; i < s->nat.n_addresses; i++) {
		if (s->nat.addresses[i] != 0)
			s->outside[s->net.n_nat_addresses++] = s->nat.addresses[i];
	}
	s->net.nat_addresses = s->outside;
	s->net.mss_most = c->nat.mss_clamp == 1 ? UINT16_MAX : c->nat.mss_clamp;
	s->net.hairpin = c->nat.hairpin;
	/* connections that were not translated may be open still */
	s->net.routes_inside = c->nat.n_bypass > 0 || (before != NULL && before->net.routes_inside);
	add_wholes(s);
	return 0;
}

static void
set_runtimes(struct pst_snapshot *s)
{
	s->settings = (struct pst_runtime_settings){ .enabled = s->editors_enabled,
		.protocols = s->names,
		.n_protocols = s->n_protocols,
		.rules = s->rules };
}

struct pst_snapshot *
pst_snapshot_create(struct pst_appliance *a, const struct pst_config *config,
	const struct pst_snapshot *before, bool forgets, char *error, size_t size)
{
	struct pst_snapshot *s = rte_zmalloc("pst_snapshot", sizeof(*s), RTE_CACHE_LINE_SIZE);

	if (s == NULL) {
		snprintf(error, size, "no memory for the configuration");
		return NULL;
	}
	s->config = config;
	if (set_nat(a, s, before, forgets, error, size) < 0 ||
		pst_protocols_set(a, s, before, error, size) < 0 ||
		pst_policy_set(s, error, size) < 0 || set_net(a, s, before, error, size) < 0 ||
		pst_publish_set(a, s, error, size) < 0) {
		if (before == NULL)
			pst_nat_rests_destroy(&s->nat);
		pst_snapshot_destroy(s);
		return NULL;
	}
	set_runtimes(s);
	if (before == NULL || pst_carry_init(s, before) == 0)
		return s;
	snprintf(error, size, "no memory for the counters");
	pst_snapshot_destroy(s);
	return NULL;
}

void
pst_snapshot_destroy(struct pst_snapshot *s)
{
	if (s == NULL)
		return;
	pst_carry_fini(s);
	pst_publish_free(s);
	pst_policy_free(s);
	pst_protocols_free(s);
	rte_free(s);
}
