/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/block.h"

#include <string.h>

#include "nat/nat_priv.h"

#define FEW_BLOCKS 4 /* so few free ones, and another run is wanted */

/* Blocks by number: those of an address follow each other. */

static inline uint32_t
blocks_each(const struct pst_nat_params *p)
{
	return 65536 / p->block_size;
}

static inline uint32_t
number_of(const struct pst_nat_params *p, uint32_t address, uint32_t port)
{
	return address * blocks_each(p) + port / p->block_size;
}

static inline uint32_t
address_of(const struct pst_nat_params *p, uint32_t block)
{
	return block / blocks_each(p);
}

static inline uint32_t
first_port(const struct pst_nat_params *p, uint32_t block)
{
	return block % blocks_each(p) * p->block_size;
}

/* All of it is in the config's range, and its run is ours. */
static bool
is_ours(const struct pst_nat *nat, uint32_t block)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t first = first_port(p, block);

	return first >= p->port_first && first + p->block_size - 1 <= p->port_last &&
		(nat->runs >> (first / PST_PORT_RUN_PORTS) & 1) != 0;
}

void
pst_nat_blocks_count_run(struct pst_nat *nat, uint32_t run, bool added)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t n = 0, first = run * PST_PORT_RUN_PORTS;

	if (p->block_size == 0)
		return;
	for (uint32_t port = first; port < first + PST_PORT_RUN_PORTS; port += p->block_size)
		n += port >= p->port_first && port + p->block_size - 1 <= p->port_last;
	for (uint32_t a = 0; a < p->n_addresses; a++)
		nat->blocks_free[a] = added ? nat->blocks_free[a] + n : nat->blocks_free[a] - n;
}

/* Records. */

static void
record(struct pst_nat *nat, rte_be32_t client, uint32_t address, uint16_t first, uint16_t last,
	bool given_back)
{
	uint32_t at = nat->records_tail % PST_NAT_RECORDS;
	uint64_t number = nat->records_total++;

	if (nat->records_tail - nat->records_head == PST_NAT_RECORDS)
		return; /* the gap in the numbers tells */
	nat->records[at] = (struct pst_block_record){ .number = number,
		.client_ip = rte_be_to_cpu_32(client),
		.address = rte_be_to_cpu_32(nat->params->addresses[address]),
		.first = first,
		.last = last,
		.given_back = given_back };
	nat->records_tail++;
}

const struct pst_block_record *
pst_nat_next_record(const struct pst_nat *nat)
{
	if (nat->records_head == nat->records_tail)
		return NULL;
	return &nat->records[nat->records_head % PST_NAT_RECORDS];
}

void
pst_nat_record_told(struct pst_nat *nat)
{
	nat->records_head++;
}

static void
record_block(struct pst_nat *nat, uint32_t block, rte_be32_t client, bool given_back)
{
	uint32_t first = first_port(nat->params, block);

	if (nat->params->plan != NULL)
		return; /* the plan says so */
	record(nat, client, address_of(nat->params, block), first,
		first + nat->params->block_size - 1, given_back);
}

/* Idle ones, the longest idle first. */

static void
idle_append(struct pst_nat *nat, uint32_t block, uint64_t now_ms)
{
	struct pst_block *blocks = nat->params->blocks, *b = &blocks[block];

	b->is_idle = true;
	b->idle_ms = now_ms;
	b->idle_prev = nat->last_idle;
	b->idle_next = PST_BLOCK_NONE;
	if (nat->last_idle != PST_BLOCK_NONE)
		blocks[nat->last_idle].idle_next = block;
	else
		nat->first_idle = block;
	nat->last_idle = block;
}

static void
idle_remove(struct pst_nat *nat, uint32_t block)
{
	struct pst_block *blocks = nat->params->blocks, *b = &blocks[block];

	if (!b->is_idle)
		return;
	b->is_idle = false;
	if (b->idle_prev != PST_BLOCK_NONE)
		blocks[b->idle_prev].idle_next = b->idle_next;
	else
		nat->first_idle = b->idle_next;
	if (b->idle_next != PST_BLOCK_NONE)
		blocks[b->idle_next].idle_prev = b->idle_prev;
	else
		nat->last_idle = b->idle_prev;
}

/* Whose they are. */

static void
give(struct pst_nat *nat, uint32_t block, uint32_t client)
{
	struct pst_client *c = &nat->clients.entries[client];
	struct pst_block *b = &nat->params->blocks[block];

	if (c->ports == 0 && c->n_blocks == 0)
		c->address = address_of(nat->params, block);
	b->client = client;
	b->next = c->first_block;
	c->first_block = block;
	c->n_blocks++;
	c->refs++;
	nat->blocks_used++;
	nat->blocks_free[address_of(nat->params, block)]--;
	record_block(nat, block, c->ip, false);
}

static void
take_back(struct pst_nat *nat, uint32_t block)
{
	struct pst_block *blocks = nat->params->blocks, *b = &blocks[block];
	struct pst_client *c = &nat->clients.entries[b->client];
	uint32_t *at = &c->first_block, client = b->client;

	idle_remove(nat, block);
	while (*at != block)
		at = &blocks[*at].next;
	*at = b->next;
	c->n_blocks--;
	b->client = PST_BLOCK_FREE;
	nat->blocks_used--;
	nat->blocks_free[address_of(nat->params, block)]++;
	record_block(nat, block, c->ip, true);
	pst_client_put(&nat->clients, client);
}

/* The one on this address that has been idle longest, or PST_BLOCK_NONE. */
static uint32_t
find_idle(const struct pst_nat *nat, uint32_t address)
{
	uint32_t i = nat->first_idle;

	while (i != PST_BLOCK_NONE && address_of(nat->params, i) != address)
		i = nat->params->blocks[i].idle_next;
	return i;
}

/* It is free then; false: there is none. */
static bool
evict(struct pst_nat *nat, uint32_t address)
{
	uint32_t i = find_idle(nat, address);

	if (i == PST_BLOCK_NONE)
		return false;
	take_back(nat, i);
	return true;
}

/* A free one from a random place on, or PST_BLOCK_NONE. */
static uint32_t
find_free(struct pst_nat *nat, uint32_t address)
{
	uint32_t n = blocks_each(nat->params), base = address * n;
	uint32_t at = pst_rng_below(&nat->rng, n);

	for (uint32_t k = 0; nat->blocks_free[address] > 0 && k < n; k++) {
		uint32_t block = base + (at + k) % n;

		if (nat->params->blocks[block].client == PST_BLOCK_FREE && is_ours(nat, block))
			return block;
	}
	return PST_BLOCK_NONE;
}

/* The client's block by the plan, or PST_BLOCK_NONE. */
static uint32_t
planned(const struct pst_nat *nat, rte_be32_t client_ip)
{
	uint32_t address;
	uint16_t first;

	if (!pst_port_plan_block(nat->params->plan, rte_be_to_cpu_32(client_ip), &address, &first))
		return PST_BLOCK_NONE;
	return number_of(nat->params, address, first);
}

/* How many more blocks the client may have. */
static uint32_t
left_to(const struct pst_nat *nat, const struct pst_client *c)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t most = (p->ports_per_client + p->block_size - 1) / p->block_size;

	if (p->plan != NULL)
		most = 1;
	return most > c->n_blocks ? most - c->n_blocks : 0;
}

static void
look_at_blocks(struct pst_nat *nat, uint32_t address)
{
	if (nat->params->plan != NULL)
		return;
	if (nat->blocks_free[address] == 0)
		nat->want = PST_WANT_NOW;
	else if (nat->blocks_free[address] < FEW_BLOCKS && nat->want == PST_WANT_NOTHING)
		nat->want = PST_WANT_SOON;
}

/* Is the client's own block there for it, when it has not got it yet? */
static bool
may_get_planned(const struct pst_nat *nat, const struct pst_client *c, uint32_t address)
{
	uint32_t block = planned(nat, c->ip);

	return block != PST_BLOCK_NONE && address_of(nat->params, block) == address &&
		nat->params->blocks[block].client == PST_BLOCK_FREE;
}

/* 0 or -EDQUOT. */
static int
get_planned(struct pst_nat *nat, uint32_t client, uint32_t address)
{
	const struct pst_client *c = &nat->clients.entries[client];

	if (!may_get_planned(nat, c, address))
		return -EDQUOT;
	give(nat, planned(nat, c->ip), client);
	return 0;
}

/* Is there another block for the client? 0, -EDQUOT or -ENOSPC. */
static int
may_get(const struct pst_nat *nat, const struct pst_client *c, uint32_t address)
{
	if (nat->params->plan != NULL)
		return may_get_planned(nat, c, address) ? 0 : -EDQUOT;
	if (left_to(nat, c) == 0)
		return -EDQUOT;
	return nat->blocks_free[address] > 0 || find_idle(nat, address) != PST_BLOCK_NONE ?
		0 :
		-ENOSPC;
}

/* Another block for the client: 0, -EDQUOT or -ENOSPC. */
static int
get(struct pst_nat *nat, uint32_t client, uint32_t address)
{
	int ret = may_get(nat, &nat->clients.entries[client], address);

	if (ret < 0)
		return ret;
	if (nat->params->plan != NULL)
		return get_planned(nat, client, address);
	if (nat->blocks_free[address] == 0)
		evict(nat, address);
	give(nat, find_free(nat, address), client);
	look_at_blocks(nat, address);
	return 0;
}

/* Ports of them. */

static void
use(struct pst_nat *nat, uint32_t address, uint16_t port)
{
	uint32_t block = number_of(nat->params, address, port);

	idle_remove(nat, block);
	nat->params->blocks[block].used++;
}

/* The client's first block with a port of this parity left, or PST_BLOCK_NONE. */
static uint32_t
find_own(const struct pst_nat *nat, const struct pst_client *c, uint32_t address,
	const struct pst_portpool *pool, uint16_t parity)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t i = c->first_block;

	while (i != PST_BLOCK_NONE &&
		(address_of(p, i) != address ||
			!pst_portpool_has_in(pool, first_port(p, i), p->block_size, parity)))
		i = p->blocks[i].next;
	return i;
}

/* Of either parity, the inside port's first. */
static uint32_t
find_any_own(const struct pst_nat *nat, const struct pst_client *c, uint32_t address,
	const struct pst_portpool *pool, uint16_t inside_port, uint16_t *parity)
{
	uint32_t block;

	*parity = inside_port & 1;
	block = find_own(nat, c, address, pool, *parity);
	if (block != PST_BLOCK_NONE)
		return block;
	*parity ^= 1;
	return find_own(nat, c, address, pool, *parity);
}

bool
pst_nat_block_choose(const struct pst_nat *nat, const struct pst_client *c, uint32_t address,
	uint8_t proto, uint16_t inside_port, uint16_t *first, uint16_t *parity)
{
	uint32_t block = find_any_own(nat, c, address,
		nat->pools[address][pst_nat_pool_of(proto)], inside_port, parity);

	if (block == PST_BLOCK_NONE)
		return false;
	*first = first_port(nat->params, block);
	return true;
}

int
pst_nat_block_look(
	const struct pst_nat *nat, const struct pst_client *c, uint32_t address, uint8_t proto)
{
	uint16_t parity;

	if (find_any_own(nat, c, address, nat->pools[address][pst_nat_pool_of(proto)], 0,
		    &parity) != PST_BLOCK_NONE)
		return 0;
	return may_get(nat, c, address);
}

int
pst_nat_block_port(struct pst_nat *nat, uint32_t client, uint32_t address, uint8_t proto,
	uint16_t inside_port)
{
	struct pst_portpool *pool = nat->pools[address][pst_nat_pool_of(proto)];
	const struct pst_client *c = &nat->clients.entries[client];
	uint16_t parity;
	uint32_t block = find_any_own(nat, c, address, pool, inside_port, &parity);
	int port;

	if (block == PST_BLOCK_NONE) {
		port = get(nat, client, address);
		if (port < 0)
			return port;
		block = find_any_own(nat, c, address, pool, inside_port, &parity);
	}
	port = pst_portpool_take_in(pool, first_port(nat->params, block),
		nat->params->block_size, parity, &nat->rng);
	use(nat, address, port);
	return port;
}

/*
 * May the client have ports low to low + n - 1, with `more` blocks beside its own? *next: the port
 * behind the block that stands against it.
 */
static bool
fits(const struct pst_nat *nat, uint32_t client, uint32_t address, struct pst_portpool *pool,
	uint32_t low, uint32_t n, uint32_t *more, uint32_t *next)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t last = low + n - 1;

	*more = 0;
	for (uint32_t i = number_of(p, address, low); i <= number_of(p, address, last); i++) {
		uint32_t first = first_port(p, i), end = first + p->block_size;
		uint32_t from = RTE_MAX(low, first), to = RTE_MIN(last + 1, end);

		*next = end;
		if (!is_ours(nat, i))
			return false;
		if (p->blocks[i].client == PST_BLOCK_FREE)
			++*more;
		else if (p->blocks[i].client != client ||
			!pst_portpool_is_free(pool, from, to - from))
			return false;
	}
	*next = low + n;
	return true;
}

/* The lowest port of n that fit, from a random place on; with no more than so many new blocks. */
static int
find_run(struct pst_nat *nat, uint32_t client, uint32_t address, struct pst_portpool *pool,
	uint32_t n, uint32_t most)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t high = (p->port_last + 1u) / n * n, low = (p->port_first + n - 1u) / n * n;
	uint32_t at, start, more, next;
	bool around = false;

	if (low >= high)
		return -ENOSPC;
	start = at = low + pst_rng_below(&nat->rng, (high - low) / n) * n;
	while (!around || at < start) {
		if (at >= high) {
			around = true;
			at = low;
			continue;
		}
		if (fits(nat, client, address, pool, at, n, &more, &next) && more <= most)
			return at;
		/* what stands against it may do so for the next multiples, too */
		at = RTE_MAX(at + n, (next + n - 1) / n * n);
	}
	return -ENOSPC;
}

static void
give_covering(struct pst_nat *nat, uint32_t client, uint32_t address, uint32_t low, uint32_t n)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t last = number_of(p, address, low + n - 1);

	for (uint32_t i = number_of(p, address, low); i <= last; i++) {
		if (p->blocks[i].client == PST_BLOCK_FREE)
			give(nat, i, client);
	}
	for (uint32_t port = low; port < low + n; port++)
		use(nat, address, port);
}

/* Rather other blocks than these: the client may have them in their place. */
static bool
give_up_idle(struct pst_nat *nat, uint32_t client)
{
	const struct pst_block *blocks = nat->params->blocks;
	uint32_t i = nat->clients.entries[client].first_block, n = 0;

	while (i != PST_BLOCK_NONE) {
		uint32_t next = blocks[i].next;

		if (blocks[i].is_idle) {
			take_back(nat, i);
			n++;
		}
		i = next;
	}
	return n > 0;
}

int
pst_nat_block_run(struct pst_nat *nat, uint32_t client, uint32_t address, uint8_t proto, uint32_t n)
{
	const struct pst_client *c = &nat->clients.entries[client];
	struct pst_portpool *pool = nat->pools[address][pst_nat_pool_of(proto)];
	int low = -ENOSPC;

	if (nat->params->plan != NULL)
		get_planned(nat, client, address);
	if (c->n_blocks > 0)
		low = find_run(nat, client, address, pool, n, 0);
	if (nat->params->plan != NULL && low < 0)
		return -ENOSPC;
	do {
		while (low < 0 && left_to(nat, c) > 0) {
			low = find_run(nat, client, address, pool, n, left_to(nat, c));
			if (low < 0 && !evict(nat, address))
				break;
		}
	} while (low < 0 && give_up_idle(nat, client));
	if (low >= 0)
		give_covering(nat, client, address, low, n);
	look_at_blocks(nat, address);
	if (low < 0)
		return -ENOSPC;
	pst_portpool_take_exact(pool, low, n);
	return low;
}

/* By the plan somebody else has the port. client: its slot, or none of ours. */
static bool
is_anothers(const struct pst_nat *nat, uint32_t client, uint32_t address, uint16_t port,
	bool *is_nobodys)
{
	uint32_t whose;

	*is_nobodys = !pst_port_plan_client(nat->params->plan, address, port, &whose);
	if (*is_nobodys)
		return false;
	return client == PST_SLOT_NONE ||
		nat->clients.entries[client].ip != rte_cpu_to_be_32(whose);
}

int
pst_nat_block_fixed(struct pst_nat *nat, uint32_t client, rte_be32_t client_ip, uint32_t address,
	uint16_t port)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t block = number_of(p, address, port);
	struct pst_block *b = &p->blocks[block];
	bool is_nobodys = client == PST_SLOT_NONE;

	if (!is_ours(nat, block))
		return 0; /* in the pool all the same: no client gets ports of it by itself */
	if (p->plan != NULL && is_anothers(nat, client, address, port, &is_nobodys))
		return -EADDRINUSE;
	if (b->client == PST_BLOCK_FREE && !is_nobodys) {
		if (left_to(nat, &nat->clients.entries[client]) == 0)
			return -ENOSPC;
		give(nat, block, client);
	} else if (b->client == PST_BLOCK_FREE) {
		b->client = PST_BLOCK_SHARED;
		nat->blocks_used++;
		nat->blocks_free[address]--;
	} else if (b->client != client && b->client != PST_BLOCK_SHARED) {
		return -EADDRINUSE;
	}
	if (b->client == PST_BLOCK_SHARED)
		record(nat, client_ip, address, port, port, false);
	use(nat, address, port);
	return 0;
}

void
pst_nat_block_put(struct pst_nat *nat, rte_be32_t client_ip, uint32_t address, uint16_t port,
	uint64_t now_ms)
{
	uint32_t block = number_of(nat->params, address, port);
	struct pst_block *b = &nat->params->blocks[block];

	if (!is_ours(nat, block) || b->used == 0)
		return;
	b->used--;
	if (b->client == PST_BLOCK_SHARED)
		record(nat, client_ip, address, port, port, true);
	if (b->used > 0)
		return;
	if (b->client != PST_BLOCK_SHARED) {
		idle_append(nat, block, now_ms);
		return;
	}
	b->client = PST_BLOCK_FREE;
	nat->blocks_used--;
	nat->blocks_free[address]++;
}

void
pst_nat_blocks_expire(struct pst_nat *nat, uint64_t now_ms, uint32_t most)
{
	const struct pst_block *blocks = nat->params->blocks;

	for (; most > 0 && nat->first_idle != PST_BLOCK_NONE; most--) {
		uint32_t i = nat->first_idle;

		if ((uint32_t)now_ms - blocks[i].idle_ms < nat->params->quarantine_ms)
			break;
		take_back(nat, i);
	}
}

bool
pst_nat_blocks_are_free(const struct pst_nat *nat, uint32_t address, uint32_t run)
{
	const struct pst_nat_params *p = nat->params;
	uint32_t first = run * PST_PORT_RUN_PORTS;

	for (uint32_t i = 0; p->block_size != 0 && i < PST_PORT_RUN_PORTS / p->block_size; i++) {
		if (p->blocks[number_of(p, address, first) + i].client != PST_BLOCK_FREE)
			return false;
	}
	return true;
}

bool
pst_nat_block_row(
	const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms)
{
	const struct pst_nat_params *p = nat->params;
	const struct pst_block *b = &p->blocks[i];

	if (!is_ours(nat, i) || b->client == PST_BLOCK_FREE)
		return false;
	row->outside.ip = rte_be_to_cpu_32(p->addresses[address_of(p, i)]);
	row->outside.port = first_port(p, i);
	row->remote.port = first_port(p, i) + p->block_size - 1;
	row->ports_used = b->used;
	row->expires_ms = UINT32_MAX;
	if (b->client != PST_BLOCK_SHARED)
		row->inside.ip = rte_be_to_cpu_32(nat->clients.entries[b->client].ip);
	if (b->is_idle)
		row->expires_ms = p->quarantine_ms -
			RTE_MIN((uint32_t)now_ms - b->idle_ms, p->quarantine_ms);
	return true;
}
