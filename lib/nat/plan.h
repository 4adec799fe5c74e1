/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port plan: each client's outside address and block of ports by arithmetic, so that no log has
 * to say whose a port was (RFC 7422; RFC 6888 REQ-14).
 *
 * A client has one block, always the same while the config is. Clients are counted in the order
 * of their group's ranges, those of each worker apart, and so are the blocks in the worker's runs
 * of ports (steer.h): the nth client of a worker has its nth block, the lowest ports of the first
 * address first. So the plan follows from the config alone: the ranges, the addresses,
 * `nat.ports`, `nat.port_block` and the number of workers; and it keeps both ways of a
 * connection on one worker. Runs do not move.
 *
 * Made by main before launch, const after. Addresses and ports in host byte order.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/lcore.h"
#include "filter/classify.h"

#define PST_PORT_PLAN_SLOTS 64
#define PST_PORT_PLAN_RUN_PORTS 1024
#define PST_PORT_PLAN_BLOCK_MIN 16
#define PST_PORT_PLAN_BLOCKS_MAX (65536 / PST_PORT_PLAN_BLOCK_MIN)

/* Clients, and the outside addresses that they have to themselves. */
struct pst_port_plan_group {
	const struct pst_rule_range *clients;
	uint32_t n_clients;
	uint32_t first, n; /* addresses, by number */
};

struct pst_port_plan_params {
	uint8_t in_slot[PST_PORT_PLAN_SLOTS];  /* the worker of each slot of clients */
	uint8_t out_slot[PST_PORT_PLAN_SLOTS]; /* the worker of each run of ports */
	uint32_t n_workers;
	uint16_t port_first, port_last;
	uint32_t block_size; /* a power of two, PST_PORT_PLAN_BLOCK_MIN to PST_PORT_PLAN_RUN_PORTS */
	const struct pst_port_plan_group *groups; /* the first that has a client counts; not copied */
	uint32_t n_groups;
};

struct pst_port_plan {
	struct pst_port_plan_params params;
	struct {
		uint8_t below[PST_PORT_PLAN_SLOTS + 1]; /* how many slots before this one are its own */
		uint16_t first, n;		   /* its blocks, in `ports` */
	} workers[PST_WORKERS_MAX];
	uint16_t ports[PST_PORT_PLAN_BLOCKS_MAX]; /* each block's first port */
	uint16_t places[PST_PORT_PLAN_BLOCKS_MAX]; /* by port / block_size: the place in `ports` */
};

void pst_port_plan_init(struct pst_port_plan *plan, const struct pst_port_plan_params *params);

/* A client's block: number of the address and first port; false: it has none. */
bool pst_port_plan_block(
	const struct pst_port_plan *plan, uint32_t client, uint32_t *address, uint16_t *first);

/* Whose that port of an address is; false: nobody's. */
bool pst_port_plan_client(
	const struct pst_port_plan *plan, uint32_t address, uint16_t port, uint32_t *client);

/* How many clients a group has, and for how many its addresses have blocks; all workers'. */
void pst_port_plan_count(
	const struct pst_port_plan *plan, uint32_t group, uint64_t *clients, uint64_t *blocks);
/* Does each client of the group have one? */
bool pst_port_plan_fits(const struct pst_port_plan *plan, uint32_t group);
