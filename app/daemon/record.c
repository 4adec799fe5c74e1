/* SPDX-License-Identifier: BSD-3-Clause */
#include "record.h"

#include <stdio.h>
#include <string.h>

#define REFUSALS_A_SECOND 100u /* that are told one by one */
#define RECORDS 8192	       /* of a worker, that main has not read yet */

int
pst_record_open(struct pst_appliance *a, uint32_t w)
{
	char name[RTE_RING_NAMESIZE];

	if (a->params.eventlog == NULL)
		return 0;
	snprintf(name, sizeof(name), "pst-log-w%u", w);
	a->queues[w] = pst_record_queue_create(name, RECORDS, SOCKET_ID_ANY);
	if (a->queues[w] == NULL)
		return -ENOMEM;
	pst_eventlog_add_queue(a->params.eventlog, a->queues[w]);
	return 0;
}

void
pst_record_look(struct pst_appliance *a, uint64_t now_ms)
{
	struct pst_record r = { .time_ms = now_ms,
		.type = PST_RECORD_LOST,
		.source = PST_RECORD_OF_RATE,
		.since_ms = a->recorded.since_ms };

	if (now_ms / 1000 == a->recorded.second)
		return;
	for (int k = 0; k < PST_RECORD_N_KINDS && a->recorded.n > REFUSALS_A_SECOND; k++) {
		r.why = k;
		r.number = a->recorded.cut[k];
		a->recorded.cut[k] = 0;
		if (r.number > 0)
			pst_eventlog_add(a->params.eventlog, &r);
	}
	a->recorded.second = now_ms / 1000;
	a->recorded.n = 0;
}

/* A flood from outside is not to fill the operator's disk. */
static bool
is_too_much(struct pst_appliance *a, enum pst_record_kind kind, uint64_t now_ms)
{
	pst_record_look(a, now_ms);
	if (++a->recorded.n <= REFUSALS_A_SECOND)
		return false;
	if (a->recorded.n == REFUSALS_A_SECOND + 1)
		a->recorded.since_ms = now_ms;
	a->recorded.cut[kind]++;
	return true;
}

void
pst_record_refusal(struct pst_appliance *a, const struct pst_evt *evt, uint64_t now_ms)
{
	bool is_policy = evt->why == PST_DROP_RULE || evt->why == PST_DROP_PACKET_FILTER;
	/* the name of a rule of another configuration is not known any more */
	bool is_known = evt->ref.gen == a->now->nat.generation;
	const struct pst_record r = { .time_ms = now_ms,
		.type = is_policy ? PST_RECORD_REFUSED : PST_RECORD_LIMIT,
		.protocol = evt->protocol,
		.why = evt->why,
		.inside = evt->client,
		.remote = evt->remote,
		.number = is_known ? evt->cookie : UINT64_MAX };

	if (!is_too_much(a, pst_record_kind_of[r.type], now_ms))
		pst_eventlog_add(a->params.eventlog, &r);
}

void
pst_record_block(
	struct pst_appliance *a, uint32_t worker, const struct pst_evt *evt, uint64_t now_ms)
{
	int32_t ago = (uint32_t)now_ms - evt->ref.gen; /* or ahead: it has read a later time */
	const struct pst_record r = { .time_ms = now_ms - ago,
		.type = evt->why != 0 ? PST_RECORD_BLOCK_CLOSE : PST_RECORD_BLOCK_OPEN,
		.index = worker,
		.inside = evt->client,
		.outside = evt->remote,
		.remote = { 0, evt->ref.index },
		.number = evt->cookie };

	if (evt->cookie != a->records[worker])
		pst_eventlog_lost(a->params.eventlog, worker, PST_RECORD_BLOCK_BIT,
			evt->cookie - a->records[worker], a->recorded_ms[worker], now_ms);
	pst_eventlog_add(a->params.eventlog, &r);
	a->recorded_ms[worker] = r.time_ms;
}

void
pst_record_neighbour(void *ctx, uint16_t iface, rte_be32_t ip, const struct rte_ether_addr *mac)
{
	struct pst_appliance *a = ctx;
	struct pst_record r = { .time_ms = a->now_ms,
		.type = mac != NULL ? PST_RECORD_NEIGHBOUR_UP : PST_RECORD_NEIGHBOUR_DOWN,
		.index = iface,
		.remote = { rte_be_to_cpu_32(ip), 0 } };

	if (mac != NULL)
		memcpy(r.mac, mac->addr_bytes, sizeof(r.mac));
	pst_eventlog_add(a->params.eventlog, &r);
}
