/* SPDX-License-Identifier: BSD-3-Clause */
#include "portplan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/address.h"

/* Addresses. */

/* What they are added to, and what they follow. */
struct adding {
	struct pst_nat_params *to;
	const struct pst_nat_params *before; /* NULL: none */
	char *error;
	size_t size;
};

/* The number that it had, or one that nobody has; -ENOSPC. */
static int
number_for(const struct adding *a, rte_be32_t ip)
{
	for (uint32_t i = 0; a->before != NULL && i < a->before->n_addresses; i++) {
		if (a->before->addresses[i] == ip)
			return i;
	}
	for (uint32_t i = 0; i < PST_NAT_ADDRESSES_MAX; i++) {
		if (a->to->addresses[i] == 0 &&
			(a->before == NULL || a->before->addresses[i] == 0))
			return i;
	}
	return -ENOSPC;
}

static int
add_address(struct adding *a, rte_be32_t ip)
{
	int number = number_for(a, ip);

	if (number < 0) {
		snprintf(a->error, a->size,
			"nat.pool has more than %u addresses, with those that are still in use",
			PST_NAT_ADDRESSES_MAX);
		return number;
	}
	a->to->addresses[number] = ip;
	a->to->order[a->to->n_order++] = number;
	a->to->n_addresses = RTE_MAX(a->to->n_addresses, (uint32_t)number + 1);
	return 0;
}

static int
add_addresses(struct adding *a, const struct pst_range *ranges, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		for (uint64_t ip = ranges[i].first; ip <= ranges[i].last; ip++) {
			if (add_address(a, rte_cpu_to_be_32(ip)) < 0)
				return -ENOSPC;
		}
	}
	return 0;
}

static int
add_group(struct adding *a, const struct pst_config_pool *c)
{
	struct pst_nat_group *group = &a->to->groups[a->to->n_groups++];
	int ret;

	for (uint32_t i = 0; i < c->n_clients; i++)
		group->clients[i] =
			(struct pst_rule_range){ c->clients[i].first, c->clients[i].last };
	group->n_clients = c->n_clients;
	group->addresses.first = a->to->n_order;
	ret = add_addresses(a, c->addresses, c->n_addresses);
	group->addresses.n = a->to->n_order - group->addresses.first;
	return ret;
}

/* An outside address for one host, and a host for that address. */
static int
add_whole(struct adding *a, const struct pst_config_publish *c)
{
	struct pst_config_pool pool = { .clients = { { c->internal.ip, c->internal.ip } },
		.n_clients = 1,
		.addresses = { { c->external.ip, c->external.ip } },
		.n_addresses = 1 };
	int ret = add_group(a, &pool);

	a->to->groups[a->to->n_groups - 1].whole = true;
	a->to->n_wholes++;
	return ret;
}

/* Those of before that are no more: what is open on them goes on. */
static void
retire(struct adding *a)
{
	for (uint32_t i = 0; a->before != NULL && i < a->before->n_addresses; i++) {
		if (a->before->addresses[i] == 0 || a->to->addresses[i] != 0)
			continue;
		a->to->addresses[i] = a->before->addresses[i];
		a->to->retired[i] = true;
		a->to->n_retired++;
		a->to->n_addresses = RTE_MAX(a->to->n_addresses, i + 1);
	}
}

int
pst_addresses_set(struct pst_nat_params *p, const struct pst_nat_params *before,
	const struct pst_config *config, char *error, size_t size)
{
	struct adding a = { p, before, error, size };
	const struct pst_config_nat *c = &config->nat;

	if (add_addresses(&a, c->pool, c->n_pool) < 0)
		return -ENOSPC;
	/* before the pools: a host's own address comes first */
	for (uint32_t i = 0; i < config->n_publish; i++) {
		if (config->publish[i].whole && add_whole(&a, &config->publish[i]) < 0)
			return -ENOSPC;
	}
	for (uint32_t i = 0; i < c->n_pools; i++) {
		if (add_group(&a, &c->pools[i]) < 0)
			return -ENOSPC;
	}
	retire(&a);
	return 0;
}

/* The plan. */

/* Groups as packets meet them; a host with an address of its own needs no block. */
static void
set_groups(struct pst_daemon_plan *p, const struct pst_config *config, const struct pst_nat_params *nat)
{
	struct pst_nat_span rest = { .first = 0,
		.n = nat->n_groups > 0 ? nat->groups[0].addresses.first : nat->n_addresses };
	uint32_t n = config->n_internal_networks;

	for (uint32_t i = 0; i < nat->n_groups; i++)
		p->groups[i] = (struct pst_port_plan_group){ .clients = nat->groups[i].clients,
			.n_clients = nat->groups[i].n_clients,
			.first = nat->groups[i].addresses.first,
			.n = nat->groups[i].whole ? 0 : nat->groups[i].addresses.n };
	for (uint32_t i = 0; i < n; i++) {
		const struct pst_prefix *net = &config->internal_networks[i];

		p->networks[i] = (struct pst_rule_range){ net->ip,
			net->ip | ~pst_prefix_mask(net->len) };
	}
	p->groups[nat->n_groups] = (struct pst_port_plan_group){
		.clients = p->networks, .n_clients = n, .first = rest.first, .n = rest.n
	};
}

static int
check_room(const struct pst_daemon_plan *p, const struct pst_nat_params *nat, char *error, size_t size)
{
	for (uint32_t g = 0; g < p->plan.params.n_groups; g++) {
		uint64_t clients, blocks;
		char whose[32] = "internal_networks";

		if ((g < nat->n_groups && nat->groups[g].whole) || pst_port_plan_fits(&p->plan, g))
			continue;
		pst_port_plan_count(&p->plan, g, &clients, &blocks);
		if (g < nat->n_groups)
			snprintf(whose, sizeof(whose), "nat.pools/%u", g - nat->n_wholes);
		snprintf(error, size,
			"nat.deterministic: %s: %" PRIu64 " clients, and %" PRIu64
			" blocks of %u ports on %u address%s: give it more addresses, fewer "
			"clients or a smaller nat.port_block",
			whose, clients, blocks, nat->block_size, p->groups[g].n,
			p->groups[g].n == 1 ? "" : "es");
		return -EINVAL;
	}
	return 0;
}

static int
number_of(const struct pst_nat_params *nat, uint32_t ip)
{
	for (uint32_t a = 0; a < nat->n_addresses; a++) {
		if (nat->addresses[a] == rte_cpu_to_be_32(ip))
			return a;
	}
	return -EADDRNOTAVAIL;
}

static int
check_publish(const struct pst_daemon_plan *p, const struct pst_config *config,
	const struct pst_nat_params *nat, char *error, size_t size)
{
	for (uint32_t i = 0; i < config->n_publish; i++) {
		const struct pst_config_publish *c = &config->publish[i];
		int a = number_of(nat, c->external.ip);

		for (uint32_t k = 0; a >= 0 && !c->whole && k <= c->more; k++) {
			struct pst_endpoint at = { c->external.ip, c->external.port + k };
			char text[PST_ENDPOINT_TEXT], client[PST_ADDRESS_TEXT];
			uint32_t ip;

			if (!pst_port_plan_client(&p->plan, a, at.port, &ip))
				continue;
			snprintf(error, size,
				"nat.deterministic: \"%s\" can't be published: %s is a port of "
				"%s's block; leave it out of nat.ports",
				c->name, pst_endpoint_format(&at, text),
				pst_address_format(ip, client));
			return -EINVAL;
		}
	}
	return 0;
}

int
pst_daemon_plan_make(struct pst_daemon_plan *p, const struct pst_config *config,
	const struct pst_nat_params *nat, const struct pst_steer *steer, char *error, size_t size)
{
	struct pst_port_plan_params params = { .n_workers = steer->n_workers,
		.port_first = config->nat.port_first,
		.port_last = config->nat.port_last,
		.block_size = config->nat.port_block,
		.groups = p->groups,
		.n_groups = nat->n_groups + 1 };
	int ret;

	memcpy(params.in_slot, steer->in_slot, sizeof(params.in_slot));
	memcpy(params.out_slot, steer->out_slot, sizeof(params.out_slot));
	set_groups(p, config, nat);
	pst_port_plan_init(&p->plan, &params);
	ret = check_room(p, nat, error, size);
	return ret < 0 ? ret : check_publish(p, config, nat, error, size);
}

/* Without an appliance. */

struct offline {
	struct pst_nat_params nat;
	struct pst_steer steer;
	struct pst_daemon_plan plan;
};

static struct offline *
make_offline(const struct pst_config *config, char *error, size_t size)
{
	struct offline *o = calloc(1, sizeof(*o));

	if (o == NULL) {
		snprintf(error, size, "no memory");
		return NULL;
	}
	o->nat.block_size = config->nat.port_block;
	pst_steer_init(&o->steer, config->lcores.n_workers);
	if (pst_addresses_set(&o->nat, NULL, config, error, size) < 0 ||
		pst_daemon_plan_make(&o->plan, config, &o->nat, &o->steer, error, size) < 0) {
		free(o);
		return NULL;
	}
	return o;
}

int
pst_daemon_plan_check(const struct pst_config *config, char *error, size_t size)
{
	struct offline *o;

	if (!config->nat.deterministic)
		return 0;
	o = make_offline(config, error, size);
	free(o);
	return o != NULL ? 0 : -EINVAL;
}

static int
print_block(const struct offline *o, uint32_t client, char *error, size_t size)
{
	char ip[PST_ADDRESS_TEXT], text[PST_ENDPOINT_TEXT];
	struct pst_endpoint at;
	uint32_t address;

	pst_address_format(client, ip);
	if (!pst_port_plan_block(&o->plan.plan, client, &address, &at.port)) {
		snprintf(error, size, "%s is no client of the plan", ip);
		return -EINVAL;
	}
	at.ip = rte_be_to_cpu_32(o->nat.addresses[address]);
	printf("%s has %s\n", ip, pst_endpoints_format(&at, o->nat.block_size - 1, text));
	return 0;
}

static int
print_client(const struct offline *o, const struct pst_endpoint *at, char *error, size_t size)
{
	int a = number_of(&o->nat, at->ip);
	char text[PST_ENDPOINT_TEXT];
	uint32_t client;

	pst_endpoint_format(at, text);
	if (a < 0 || !pst_port_plan_client(&o->plan.plan, a, at->port, &client)) {
		snprintf(error, size, "%s is nobody's by the plan", text);
		return -EINVAL;
	}
	return print_block(o, client, error, size);
}

int
pst_daemon_plan_print(const struct pst_config *config, const char *what, char *error, size_t size)
{
	struct pst_endpoint at;
	struct offline *o;
	uint32_t client;
	int ret = -EINVAL;

	if (!config->nat.deterministic) {
		snprintf(error, size, "%s has no deterministic ports: the log says whose they were",
			config->path);
		return -EINVAL;
	}
	o = make_offline(config, error, size);
	if (o == NULL)
		return -EINVAL;
	if (pst_endpoint_parse(what, &at))
		ret = print_client(o, &at, error, size);
	else if (pst_address_parse(what, &client))
		ret = print_block(o, client, error, size);
	else
		snprintf(error, size, "neither ADDRESS:PORT nor ADDRESS: \"%s\"", what);
	free(o);
	return ret;
}
