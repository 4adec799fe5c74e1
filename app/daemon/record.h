/* SPDX-License-Identifier: BSD-3-Clause */
/* What main tells the event log of what it hears from workers and of its neighbours. */
#pragma once

#include "appliance.h"

/* A ring for worker w, if there is a log. 0 or -ENOMEM. */
int pst_record_open(struct pst_appliance *a, uint32_t w);

/* Now and then: how many refusals of the last second were not told, as they were too many. */
void pst_record_look(struct pst_appliance *a, uint64_t now_ms);

/* An event of a worker: PST_EVT_REFUSED, PST_EVT_BLOCK. */
void pst_record_refusal(struct pst_appliance *a, const struct pst_evt *evt, uint64_t now_ms);
void pst_record_block(
	struct pst_appliance *a, uint32_t worker, const struct pst_evt *evt, uint64_t now_ms);

/* As `changed` of struct pst_neigh_ops. */
void pst_record_neighbour(
	void *ctx, uint16_t iface, rte_be32_t ip, const struct rte_ether_addr *mac);
