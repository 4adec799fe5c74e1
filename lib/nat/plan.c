/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/plan.h"

#include <string.h>

#include <rte_common.h>

#define NO_PLACE UINT16_MAX

void
pst_port_plan_init(struct pst_port_plan *plan, const struct pst_port_plan_params *params)
{
	uint32_t size = params->block_size, n = 0;

	memset(plan, 0, sizeof(*plan));
	memset(plan->places, 0xff, sizeof(plan->places));
	plan->params = *params;
	for (uint32_t w = 0; w < params->n_workers; w++) {
		uint32_t below = 0;

		for (uint32_t s = 0; s < PST_PORT_PLAN_SLOTS; s++) {
			plan->workers[w].below[s] = below;
			below += params->in_slot[s] == w;
		}
		plan->workers[w].below[PST_PORT_PLAN_SLOTS] = below;
		plan->workers[w].first = n;
		for (uint32_t port = 0; port < 65536; port += size) {
			if (port < params->port_first || port + size - 1 > params->port_last ||
				params->out_slot[port / PST_PORT_PLAN_RUN_PORTS] != w)
				continue;
			plan->places[port / size] = n;
			plan->ports[n++] = port;
		}
		plan->workers[w].n = n - plan->workers[w].first;
	}
}

/* How many addresses below this one are of worker w's clients. */
static uint64_t
count_below(const struct pst_port_plan *plan, uint32_t w, uint64_t ip)
{
	const uint8_t *below = plan->workers[w].below;

	return ip / PST_PORT_PLAN_SLOTS * below[PST_PORT_PLAN_SLOTS] + below[ip % PST_PORT_PLAN_SLOTS];
}

static uint64_t
count_range(const struct pst_port_plan *plan, uint32_t w, const struct pst_rule_range *r)
{
	return count_below(plan, w, (uint64_t)r->last + 1) - count_below(plan, w, r->first);
}

/* The client's number among those of its worker in the group; false: it is none of them. */
static bool
number_of(const struct pst_port_plan *plan, const struct pst_port_plan_group *group, uint32_t client,
	uint64_t *number)
{
	uint32_t w = plan->params.in_slot[client % PST_PORT_PLAN_SLOTS];

	*number = 0;
	for (uint32_t i = 0; i < group->n_clients; i++) {
		const struct pst_rule_range *r = &group->clients[i];

		if (client >= r->first && client <= r->last) {
			*number += count_below(plan, w, client) - count_below(plan, w, r->first);
			return true;
		}
		*number += count_range(plan, w, r);
	}
	return false;
}

bool
pst_port_plan_block(const struct pst_port_plan *plan, uint32_t client, uint32_t *address, uint16_t *first)
{
	uint32_t w = plan->params.in_slot[client % PST_PORT_PLAN_SLOTS];
	uint32_t n = plan->workers[w].n;

	for (uint32_t g = 0; g < plan->params.n_groups; g++) {
		const struct pst_port_plan_group *group = &plan->params.groups[g];
		uint64_t number;

		if (!number_of(plan, group, client, &number))
			continue;
		if (number >= (uint64_t)group->n * n)
			return false;
		*address = group->first + number / n;
		*first = plan->ports[plan->workers[w].first + number % n];
		return true;
	}
	return false;
}

/* The nth client of worker w in a range that has more of them than n. */
static uint32_t
nth_of(const struct pst_port_plan *plan, uint32_t w, const struct pst_rule_range *r, uint64_t n)
{
	uint32_t low = r->first, high = r->last;

	n += count_below(plan, w, r->first);
	while (low < high) { /* the lowest with more than n up to and with it */
		uint32_t middle = low + (high - low) / 2;

		if (count_below(plan, w, (uint64_t)middle + 1) > n)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool
client_of(const struct pst_port_plan *plan, uint32_t w, const struct pst_port_plan_group *group,
	uint64_t number, uint32_t *client)
{
	for (uint32_t i = 0; i < group->n_clients; i++) {
		const struct pst_rule_range *r = &group->clients[i];
		uint64_t n = count_range(plan, w, r);

		if (number < n) {
			*client = nth_of(plan, w, r, number);
			return true;
		}
		number -= n;
	}
	return false;
}

bool
pst_port_plan_client(const struct pst_port_plan *plan, uint32_t address, uint16_t port, uint32_t *client)
{
	uint32_t place = plan->places[port / plan->params.block_size], again;
	uint32_t w = plan->params.out_slot[port / PST_PORT_PLAN_RUN_PORTS];
	uint16_t first;

	for (uint32_t g = 0; place != NO_PLACE && g < plan->params.n_groups; g++) {
		const struct pst_port_plan_group *group = &plan->params.groups[g];
		uint64_t number;

		if (address - group->first >= group->n)
			continue;
		number = (uint64_t)(address - group->first) * plan->workers[w].n + place -
			plan->workers[w].first;
		/* an earlier group may have it, or an earlier range */
		return client_of(plan, w, group, number, client) &&
			pst_port_plan_block(plan, *client, &again, &first) && again == address &&
			first == plan->ports[place];
	}
	return false;
}

void
pst_port_plan_count(const struct pst_port_plan *plan, uint32_t group, uint64_t *clients, uint64_t *blocks)
{
	const struct pst_port_plan_group *g = &plan->params.groups[group];

	*clients = *blocks = 0;
	for (uint32_t w = 0; w < plan->params.n_workers; w++) {
		for (uint32_t i = 0; i < g->n_clients; i++)
			*clients += count_range(plan, w, &g->clients[i]);
		*blocks += (uint64_t)g->n * plan->workers[w].n;
	}
}

bool
pst_port_plan_fits(const struct pst_port_plan *plan, uint32_t group)
{
	const struct pst_port_plan_group *g = &plan->params.groups[group];

	for (uint32_t w = 0; w < plan->params.n_workers; w++) {
		uint64_t clients = 0;

		for (uint32_t i = 0; i < g->n_clients; i++)
			clients += count_range(plan, w, &g->clients[i]);
		if (clients > (uint64_t)g->n * plan->workers[w].n)
			return false;
	}
	return true;
}
