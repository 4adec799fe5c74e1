/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network as the workers know it: interfaces, routes, next hops. Built
 * by main before launch and const after, but for the neighbours (neigh.h).
 */
#pragma once

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ether.h>

#include "pst_types.h"

#define PST_NET_IFACES 64
#define PST_NET_PORTS 64  /* ethdev port ids below this */
#define PST_NET_ROUTES (1024 + PST_NET_IFACES)
#define PST_NO_IFACE UINT16_MAX
#define PST_NET_WHOLES 64

enum pst_net_zone {
	PST_NET_INTERNAL,
	PST_NET_EXTERNAL,
};

struct pst_iface {
	char name[32];
	uint16_t port; /* ethdev */
	uint16_t vlan; /* 0: untagged */
	uint8_t zone;  /* enum pst_net_zone */
	uint8_t prefix_len;
	uint16_t mtu;
	rte_be32_t ip;
	struct rte_ether_addr mac;
	bool virtual_port; /* its peers may leave L4 checksums undone */
};

/* One network and how to get there; via 0: its hosts are neighbours. */
struct pst_route {
	uint32_t network, mask; /* host order */
	rte_be32_t via;
	uint16_t iface;
	uint8_t zone;
};

struct pst_neigh_table;

struct pst_net {
	struct pst_iface ifaces[PST_NET_IFACES];
	uint32_t n_ifaces;
	uint16_t untagged[PST_NET_PORTS]; /* interface of a port, or PST_NO_IFACE */
	bool tagged[PST_NET_PORTS];       /* it has VLAN interfaces too */
	uint8_t n_of_port[PST_NET_PORTS]; /* interfaces */
	struct pst_route routes[PST_NET_ROUTES]; /* longest prefix first */
	uint32_t n_routes;
	struct pst_neigh_table *neigh;
	const rte_be32_t *nat_addresses; /* ARP is answered for them outside */
	uint32_t n_nat_addresses;
	bool routes_inside; /* some outside networks know the clients by their own addresses */
	/* outside addresses that are one host's each */
	struct pst_net_whole {
		rte_be32_t outside, inside;
	} wholes[PST_NET_WHOLES];
	uint32_t n_wholes;
	bool hairpin; /* clients reach each other by outside addresses (RFC 4787 REQ-9) */
	uint16_t mss_most; /* TCP's, beside what the MTUs allow; 0: it is left alone */
};

void pst_net_init(struct pst_net *net);

/* Add an interface and its connected route. Returns its number, or -ENOSPC. */
int pst_net_add_iface(struct pst_net *net, const struct pst_iface *iface);

/*
 * Add a route by way of a neighbour. 0, -EINVAL when no interface's network has it,
 * -ENOSPC.
 */
int pst_net_add_route(struct pst_net *net, uint32_t network, uint8_t prefix_len, uint32_t via);

/* The longest match among the zone's routes; NULL when there is none. */
const struct pst_route *pst_net_lookup(
	const struct pst_net *net, enum pst_net_zone zone, rte_be32_t dst);

/* The interface of what came in on a port with a VLAN id (0: untagged), or PST_NO_IFACE. */
static inline uint16_t
pst_net_iface(const struct pst_net *net, uint16_t port, uint16_t vlan)
{
	if (vlan == 0)
		return net->untagged[port];
	if (net->tagged[port]) {
		for (uint32_t i = 0; i < net->n_ifaces; i++) {
			if (net->ifaces[i].port == port && net->ifaces[i].vlan == vlan)
				return i;
		}
	}
	return PST_NO_IFACE;
}

/* The interface by whose networks and routes an address is reached; PST_NO_IFACE: none. */
uint16_t pst_net_iface_towards(const struct pst_net *net, rte_be32_t ip);

/* Where a packet to an outside address of ours would come in from; PST_NO_IFACE: nowhere. */
uint16_t pst_net_outside_iface(const struct pst_net *net, rte_be32_t ip);

/* True for an address of the interface's own network: its host is a neighbour there. */
bool pst_net_is_connected(const struct pst_iface *iface, rte_be32_t ip);
/* True for an address of one of our interfaces. */
bool pst_net_is_own(const struct pst_net *net, rte_be32_t ip);
/* True for an outside address that we translate to. */
bool pst_net_is_nat(const struct pst_net *net, rte_be32_t ip);
/* True for an outside address that we translate to, or an external interface's own. */
bool pst_net_is_outside(const struct pst_net *net, rte_be32_t ip);

/* The host inside that alone has this outside address of ours; 0: none has. */
rte_be32_t pst_net_host_of(const struct pst_net *net, rte_be32_t outside);

/*
 * True when what comes from outside to this address tells its host by that, whatever port it is
 * for: it goes on untranslated, or the address is one host's.
 */
static inline bool
pst_net_is_routed(const struct pst_net *net, rte_be32_t dst, rte_be32_t *host)
{
	if (likely(!net->routes_inside && net->n_wholes == 0))
		return false;
	*host = pst_net_host_of(net, dst);
	if (*host == 0 && net->routes_inside && !pst_net_is_outside(net, dst))
		*host = dst;
	return *host != 0;
}
