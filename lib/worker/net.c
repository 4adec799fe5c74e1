/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/net.h"

#include <errno.h>
#include <string.h>

static uint32_t
mask_of(uint8_t prefix_len)
{
	return prefix_len == 0 ? 0 : UINT32_MAX << (32 - prefix_len);
}

void
pst_net_init(struct pst_net *net)
{
	memset(net, 0, sizeof(*net));
	for (int p = 0; p < PST_NET_PORTS; p++)
		net->untagged[p] = PST_NO_IFACE;
}

/* Keep the longest prefixes first; of equal ones the first added. */
static int
insert(struct pst_net *net, const struct pst_route *route)
{
	uint32_t i = net->n_routes;

	if (i == PST_NET_ROUTES)
		return -ENOSPC;
	for (; i > 0 && net->routes[i - 1].mask < route->mask; i--)
		net->routes[i] = net->routes[i - 1];
	net->routes[i] = *route;
	net->n_routes++;
	return 0;
}

int
pst_net_add_iface(struct pst_net *net, const struct pst_iface *iface)
{
	uint32_t i = net->n_ifaces, mask = mask_of(iface->prefix_len);
	struct pst_route route = { .network = rte_be_to_cpu_32(iface->ip) & mask,
		.mask = mask,
		.iface = i,
		.zone = iface->zone };

	if (i == PST_NET_IFACES || iface->port >= PST_NET_PORTS)
		return -ENOSPC;
	if (insert(net, &route) < 0)
		return -ENOSPC;
	net->ifaces[i] = *iface;
	net->n_ifaces++;
	net->n_of_port[iface->port]++;
	if (iface->vlan == 0)
		net->untagged[iface->port] = i;
	else
		net->tagged[iface->port] = true;
	return i;
}

int
pst_net_add_route(struct pst_net *net, uint32_t network, uint8_t prefix_len, uint32_t via)
{
	for (uint32_t i = 0; i < net->n_ifaces; i++) {
		const struct pst_iface *f = &net->ifaces[i];
		uint32_t mask = mask_of(f->prefix_len);
		struct pst_route route = { .network = network & mask_of(prefix_len),
			.mask = mask_of(prefix_len),
			.via = rte_cpu_to_be_32(via),
			.iface = i,
			.zone = f->zone };

		if ((rte_be_to_cpu_32(f->ip) & mask) == (via & mask))
			return insert(net, &route);
	}
	return -EINVAL;
}

const struct pst_route *
pst_net_lookup(const struct pst_net *net, enum pst_net_zone zone, rte_be32_t dst)
{
	uint32_t ip = rte_be_to_cpu_32(dst);

	for (uint32_t i = 0; i < net->n_routes; i++) {
		const struct pst_route *r = &net->routes[i];

		if (r->zone == zone && (ip & r->mask) == r->network)
			return r;
	}
	return NULL;
}

uint16_t
pst_net_iface_towards(const struct pst_net *net, rte_be32_t ip)
{
	for (uint32_t i = 0; i < net->n_routes; i++) {
		const struct pst_route *r = &net->routes[i];

		if ((rte_be_to_cpu_32(ip) & r->mask) == r->network)
			return r->iface;
	}
	return PST_NO_IFACE;
}

bool
pst_net_is_connected(const struct pst_iface *iface, rte_be32_t ip)
{
	return (rte_be_to_cpu_32(ip ^ iface->ip) & mask_of(iface->prefix_len)) == 0;
}

bool
pst_net_is_own(const struct pst_net *net, rte_be32_t ip)
{
	for (uint32_t i = 0; i < net->n_ifaces; i++) {
		if (net->ifaces[i].ip == ip)
			return true;
	}
	return false;
}

bool
pst_net_is_nat(const struct pst_net *net, rte_be32_t ip)
{
	for (uint32_t i = 0; i < net->n_nat_addresses; i++) {
		if (net->nat_addresses[i] == ip)
			return true;
	}
	return false;
}

uint16_t
pst_net_outside_iface(const struct pst_net *net, rte_be32_t ip)
{
	uint16_t any = PST_NO_IFACE;

	for (uint32_t i = 0; i < net->n_ifaces; i++) {
		const struct pst_iface *f = &net->ifaces[i];

		if (f->zone != PST_NET_EXTERNAL)
			continue;
		if (((f->ip ^ ip) & rte_cpu_to_be_32(mask_of(f->prefix_len))) == 0)
			return i;
		if (any == PST_NO_IFACE)
			any = i; /* the address is routed to us */
	}
	return any;
}

bool
pst_net_is_outside(const struct pst_net *net, rte_be32_t ip)
{
	if (pst_net_is_nat(net, ip))
		return true;
	for (uint32_t i = 0; i < net->n_ifaces; i++) {
		if (net->ifaces[i].ip == ip && net->ifaces[i].zone == PST_NET_EXTERNAL)
			return true;
	}
	return false;
}

rte_be32_t
pst_net_host_of(const struct pst_net *net, rte_be32_t outside)
{
	for (uint32_t i = 0; i < net->n_wholes; i++) {
		if (net->wholes[i].outside == outside)
			return net->wholes[i].inside;
	}
	return 0;
}
