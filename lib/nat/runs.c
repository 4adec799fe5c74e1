/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs of outside ports that change their worker: what the NAT tables have to do with it. */
#include <rte_malloc.h>

#include "nat/nat_priv.h"

void
pst_nat_rests_destroy(struct pst_nat_params *p)
{
	for (uint32_t a = 0; p->rests != NULL && a < PST_NAT_ADDRESSES_MAX; a++) {
		for (int k = 0; k < PST_POOLS; k++)
			pst_port_rests_destroy(p->rests[a][k]);
	}
	rte_free(p->rests);
	rte_free(p->blocks);
	p->rests = NULL;
	p->blocks = NULL;
}

static int
create_blocks(struct pst_nat_params *p, int socket)
{
	uint32_t n = p->n_addresses * (65536 / p->block_size);

	p->blocks = rte_zmalloc_socket(
		"pst_nat_blocks", n * sizeof(p->blocks[0]), RTE_CACHE_LINE_SIZE, socket);
	if (p->blocks == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		p->blocks[i].client = PST_BLOCK_FREE;
	return 0;
}

int
pst_nat_rests_add(const struct pst_nat_params *p, uint32_t address, int socket)
{
	for (int k = 0; k < PST_POOLS; k++) {
		if (p->rests[address][k] == NULL)
			p->rests[address][k] =
				pst_port_rests_create(p->port_first, p->port_last, socket);
		if (p->rests[address][k] == NULL)
			return -ENOMEM;
	}
	return 0;
}

int
pst_nat_rests_create(struct pst_nat_params *p, int socket)
{
	if (p->block_size != 0)
		return create_blocks(p, socket);
	p->rests = rte_zmalloc(
		"pst_nat_rests", PST_NAT_ADDRESSES_MAX * sizeof(p->rests[0]), 0);
	if (p->rests == NULL)
		return -ENOMEM;
	for (uint32_t a = 0; a < p->n_addresses; a++) {
		if (pst_nat_rests_add(p, a, socket) == 0)
			continue;
		pst_nat_rests_destroy(p);
		return -ENOMEM;
	}
	return 0;
}

/* Ports that the config leaves out may be published, in no pool: such a run stays. */
static bool
may_move(const struct pst_nat *nat, uint32_t run)
{
	uint32_t first = run * PST_PORT_RUN_PORTS;

	return (nat->runs >> run & 1) != 0 && first >= nat->params->port_first &&
		first + PST_PORT_RUN_PORTS - 1 <= nat->params->port_last;
}

static bool
is_idle(struct pst_nat *nat, uint32_t run, uint64_t now_ms)
{
	for (uint32_t a = 0; a < nat->n_pools; a++) {
		if (!pst_nat_blocks_are_free(nat, a, run))
			return false;
		for (int k = 0; k < PST_POOLS; k++) {
			if (nat->pools[a][k] != NULL &&
				!pst_portpool_run_is_idle(nat->pools[a][k], run, now_ms))
				return false;
		}
	}
	return true;
}

int
pst_nat_run_give(struct pst_nat *nat, enum pst_nat_want want, uint64_t now_ms)
{
	int found = -ENOSPC;
	bool is_only = true;

	pst_assert_owner(&nat->owner);
	if (nat->params->plan != NULL)
		return -ENOSPC;
	for (int run = PST_PORT_RUNS - 1; run >= 0 && (found < 0 || is_only); run--) {
		if (!may_move(nat, run) || !is_idle(nat, run, now_ms))
			continue;
		is_only = found >= 0 ? false : is_only;
		found = found < 0 ? run : found;
	}
	if (found < 0 || (is_only && want != PST_WANT_NOW))
		return -ENOSPC;
	nat->runs &= ~(UINT64_C(1) << found);
	pst_nat_blocks_count_run(nat, found, false);
	for (uint32_t a = 0; a < nat->n_pools; a++) {
		for (int k = 0; k < PST_POOLS; k++) {
			if (nat->pools[a][k] != NULL)
				pst_portpool_run_remove(nat->pools[a][k], found);
		}
	}
	return found;
}

void
pst_nat_run_take(struct pst_nat *nat, uint32_t run)
{
	pst_assert_owner(&nat->owner);
	nat->runs |= UINT64_C(1) << run;
	pst_nat_blocks_count_run(nat, run, true);
	for (uint32_t a = 0; a < nat->n_pools; a++) {
		for (int k = 0; k < PST_POOLS; k++) {
			if (nat->pools[a][k] != NULL)
				pst_portpool_run_add(nat->pools[a][k], run);
		}
	}
}
