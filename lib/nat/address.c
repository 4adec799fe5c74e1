/* SPDX-License-Identifier: BSD-3-Clause */
/* Which outside address a client has: one of its group's, always the same while it has ports. */
#include "nat/nat_priv.h"

static bool
is_of(const struct pst_nat_group *group, uint32_t client_ip)
{
	for (uint32_t i = 0; i < group->n_clients; i++) {
		if (group->clients[i].first <= client_ip && client_ip <= group->clients[i].last)
			return true;
	}
	return false;
}

struct pst_nat_span
pst_nat_addresses_of(const struct pst_nat_params *p, rte_be32_t client_ip)
{
	uint32_t ip = rte_be_to_cpu_32(client_ip);

	for (uint32_t i = 0; i < p->n_groups; i++) {
		if (is_of(&p->groups[i], ip))
			return p->groups[i].addresses;
	}
	return (struct pst_nat_span){ .first = 0,
		.n = p->n_groups > 0 ? p->groups[0].addresses.first : p->n_order };
}

/* Where a number is in a span; its length when it is not there. */
static uint32_t
place_in(const struct pst_nat_params *p, const struct pst_nat_span *span, uint32_t address)
{
	uint32_t i = 0;

	while (i < span->n && p->order[span->first + i] != address)
		i++;
	return i;
}

uint32_t
pst_nat_address_at(
	const struct pst_nat_params *p, const struct pst_nat_span *span, uint32_t from, uint32_t k)
{
	return p->order[span->first + (place_in(p, span, from) + k) % span->n];
}

uint32_t
pst_nat_address_of(const struct pst_nat *nat, const struct pst_client *client)
{
	struct pst_nat_span own;
	uint32_t address;
	uint16_t first;

	if (pst_nat_has_address(nat, client))
		return client->address;
	if (nat->params->plan != NULL &&
		pst_port_plan_block(nat->params->plan, rte_be_to_cpu_32(client->ip), &address, &first))
		return address;
	own = pst_nat_addresses_of(nat->params, client->ip);
	return nat->params->order[own.first +
		(rte_be_to_cpu_32(client->ip) * 2654435761u >> 8) % own.n];
}

int
pst_nat_find_address(const struct pst_nat *nat, uint32_t ip)
{
	for (uint32_t a = 0; a < nat->params->n_addresses; a++) {
		if (nat->params->addresses[a] == rte_cpu_to_be_32(ip))
			return a;
	}
	return -EADDRNOTAVAIL;
}

int
pst_nat_find_address_for(const struct pst_nat *nat, uint32_t client_ip, uint32_t ip)
{
	struct pst_nat_span own = pst_nat_addresses_of(nat->params, rte_cpu_to_be_32(client_ip));
	int a = pst_nat_find_address(nat, ip);

	return a < 0 || place_in(nat->params, &own, a) < own.n ? a : -EADDRNOTAVAIL;
}

bool
pst_nat_is_bypassed(const struct pst_nat *nat, rte_be32_t remote_ip)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t ip = rte_be_to_cpu_32(remote_ip);

	for (uint32_t i = 0; i < p->n_bypass; i++) {
		if (p->bypass[i].first <= ip && ip <= p->bypass[i].last)
			return pst_nat_find_address(nat, ip) < 0;
	}
	return false;
}

rte_be32_t
pst_nat_whole_of(const struct pst_nat_params *p, rte_be32_t client_ip)
{
	for (uint32_t i = 0; p->n_wholes > 0 && i < p->n_groups; i++) {
		if (p->groups[i].whole && is_of(&p->groups[i], rte_be_to_cpu_32(client_ip)))
			return p->addresses[p->order[p->groups[i].addresses.first]];
	}
	return 0;
}

rte_be32_t
pst_nat_host_of(const struct pst_nat_params *p, rte_be32_t outside_ip)
{
	for (uint32_t i = 0; p->n_wholes > 0 && i < p->n_groups; i++) {
		if (p->groups[i].whole && p->addresses[p->order[p->groups[i].addresses.first]] == outside_ip)
			return rte_cpu_to_be_32(p->groups[i].clients[0].first);
	}
	return 0;
}
