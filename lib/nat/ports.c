/* SPDX-License-Identifier: BSD-3-Clause */
/* Outside ports of clients: out of the pools, or out of the client's blocks (block.h). */
#include "nat/nat_priv.h"

void
pst_nat_ports_add(struct pst_client *client, uint32_t address, uint32_t n)
{
	if (client->ports == 0 && client->n_blocks == 0)
		client->address = address;
	client->ports += n;
}

void
pst_nat_ports_sub(struct pst_client *client, uint32_t n)
{
	RTE_ASSERT(client->ports >= n);
	client->ports -= n;
}

static struct pst_portpool *
pool_of(const struct pst_nat *nat, uint32_t address, uint8_t proto)
{
	return nat->pools[address][pst_nat_pool_of(proto)];
}

/* Ports were taken from the pool: are there enough left? */
static void
look_at(struct pst_nat *nat, const struct pst_portpool *pool)
{
	uint32_t left = pst_portpool_free_count(pool);

	if (unlikely(left < PST_NAT_PORTS_SCARCE))
		nat->want = PST_WANT_NOW;
	else if (unlikely(left < PST_NAT_PORTS_FEW && nat->want == PST_WANT_NOTHING))
		nat->want = PST_WANT_SOON;
}

int
pst_nat_port_address(const struct pst_nat *nat, const struct pst_client *c, uint8_t proto,
	uint32_t via, uint32_t *address, bool *scarce)
{
	bool is_any = via == PST_LISTENER_ANY_ADDRESS;
	uint32_t first = is_any ? pst_nat_address_of(nat, c) : via;
	struct pst_nat_span own = { .n = 1 };
	int ret = -ENOSPC;

	if (is_any && !pst_nat_has_address(nat, c) && nat->params->plan == NULL)
		own = pst_nat_addresses_of(nat->params, c->ip);
	for (uint32_t k = 0; k < own.n && ret == -ENOSPC; k++) {
		*address = own.n > 1 ? pst_nat_address_at(nat->params, &own, first, k) : first;
		if (nat->params->block_size != 0)
			ret = pst_nat_block_look(nat, c, *address, proto);
		else if (pst_portpool_free_count(pool_of(nat, *address, proto)) > 0)
			ret = 0;
		*scarce |= ret == -ENOSPC;
	}
	return ret;
}

int
pst_nat_port_take(struct pst_nat *nat, uint32_t client, uint8_t proto, uint16_t inside_port,
	uint32_t address, uint64_t now_ms)
{
	struct pst_portpool *pool = pool_of(nat, address, proto);
	int port;

	if (nat->params->block_size != 0)
		return pst_nat_block_port(nat, client, address, proto, inside_port);
	port = pst_portpool_take_port(pool, inside_port,
		rte_be_to_cpu_32(nat->clients.entries[client].ip), &nat->rng, now_ms);
	look_at(nat, pool);
	return port;
}

int
pst_nat_port_prefetch(const struct pst_nat *nat, const struct pst_client *client, uint8_t proto,
	uint16_t inside_port, uint32_t address, struct pst_rng *ahead)
{
	return pst_portpool_prefetch_take(pool_of(nat, address, proto), inside_port,
		rte_be_to_cpu_32(client->ip), ahead);
}

int
pst_nat_port_take_run(struct pst_nat *nat, uint32_t client, uint32_t address, uint8_t proto,
	uint32_t n, uint64_t now_ms)
{
	struct pst_portpool *pool = pool_of(nat, address, proto);
	int port;

	if (nat->params->block_size != 0)
		return pst_nat_block_run(nat, client, address, proto, n);
	port = pst_portpool_take(
		pool, n, rte_be_to_cpu_32(nat->clients.entries[client].ip), &nat->rng, now_ms);
	look_at(nat, pool);
	return port;
}

int
pst_nat_port_take_fixed(struct pst_nat *nat, uint32_t client, uint32_t client_ip, uint32_t address,
	uint8_t proto, uint16_t port, uint64_t now_ms)
{
	struct pst_portpool *pool = pool_of(nat, address, proto);
	int ret = 0;

	if (!pst_portpool_has(pool, port) || pst_portpool_is_taken(pool, port))
		return -EADDRINUSE;
	if (nat->params->block_size != 0)
		ret = pst_nat_block_fixed(
			nat, client, rte_cpu_to_be_32(client_ip), address, port);
	return ret < 0 ? ret : pst_portpool_take_fixed(pool, port, client_ip, now_ms);
}

void
pst_nat_port_put(struct pst_nat *nat, uint32_t client_ip, uint32_t address, uint8_t proto,
	uint16_t port, uint64_t now_ms)
{
	struct pst_portpool *pool = pool_of(nat, address, proto);

	if (!pst_portpool_has(pool, port))
		return; /* a published one that clients can't get */
	pst_portpool_put(pool, port, 1, client_ip, now_ms);
	if (nat->params->block_size != 0)
		pst_nat_block_put(nat, rte_cpu_to_be_32(client_ip), address, port, now_ms);
}
