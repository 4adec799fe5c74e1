/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/announce.h"

#include "worker/reply.h"

#define ROUNDS 2 /* RFC 5227 section 1.1: ANNOUNCE_NUM, ANNOUNCE_INTERVAL */
#define INTERVAL_MS 2000
#define AT_ONCE 32

void
pst_announce_start(struct pst_announce *a, uint16_t iface, uint64_t now_ms)
{
	a->ifaces[iface].rounds = ROUNDS;
	a->ifaces[iface].at = 0;
	a->ifaces[iface].next_ms = now_ms;
}

void
pst_announce_stop(struct pst_announce *a, uint16_t iface)
{
	a->ifaces[iface].rounds = 0;
}

/* Is the pool's address k one that neighbours of the interface ask for? */
static bool
is_there(const struct pst_net *net, const struct pst_iface *iface, uint32_t k)
{
	return net->nat_addresses[k] != iface->ip &&
		pst_net_is_connected(iface, net->nat_addresses[k]);
}

/* The next address from *at on, which moves behind it; 0: there is none. */
static rte_be32_t
next_address(const struct pst_net *net, const struct pst_iface *iface, uint32_t *at)
{
	if (*at == 0) {
		(*at)++;
		return iface->ip;
	}
	if (iface->zone != PST_NET_EXTERNAL)
		return 0;
	while (*at - 1 < net->n_nat_addresses) {
		uint32_t k = (*at)++ - 1;

		if (is_there(net, iface, k))
			return net->nat_addresses[k];
	}
	return 0;
}

/* Without a packet to be had, the address waits for the next poll. */
static bool
tell(const struct pst_net *net, const struct pst_neigh_ops *ops, uint16_t iface, rte_be32_t ip)
{
	struct rte_mbuf *m = ops->alloc(ops->ctx);

	if (m == NULL)
		return false;
	pst_reply_arp_announce(m, &net->ifaces[iface], ip);
	ops->send(ops->ctx, m, iface);
	return true;
}

static uint32_t
go_on(struct pst_announce *a, const struct pst_net *net, const struct pst_neigh_ops *ops,
	uint16_t iface, uint64_t now_ms, uint32_t most)
{
	uint32_t n = 0;

	while (n < most) {
		uint32_t at = a->ifaces[iface].at;
		rte_be32_t ip = next_address(net, &net->ifaces[iface], &at);

		if (ip == 0) {
			a->ifaces[iface].rounds--;
			a->ifaces[iface].at = 0;
			a->ifaces[iface].next_ms = now_ms + INTERVAL_MS;
			break;
		}
		if (!tell(net, ops, iface, ip))
			break;
		a->ifaces[iface].at = at;
		n++;
	}
	return n;
}

uint32_t
pst_announce_poll(struct pst_announce *a, const struct pst_net *net,
	const struct pst_neigh_ops *ops, uint64_t now_ms)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < net->n_ifaces && n < AT_ONCE; i++) {
		if (a->ifaces[i].rounds > 0 && now_ms >= a->ifaces[i].next_ms)
			n += go_on(a, net, ops, i, now_ms, AT_ONCE - n);
	}
	return n;
}
