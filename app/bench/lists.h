/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists of packet filters and rules to measure with: like those that operators have, of any
 * length, the same for the same seed.
 *
 * Prefixes of others are drawn from what the traffic maker does not use, so that its packets
 * match no filter and no rule but the last, which allows.
 */
#pragma once

#include <stdint.h>

#include "base/rng.h"
#include "filter/packet.h"
#include "filter/rule.h"

#define PST_LIST_RANGES 4

enum pst_list_shape {
	PST_LIST_BLOCKED, /* sources that may not come in */
	PST_LIST_EITHER,  /* sources, and destinations */
	PST_LIST_SERVERS, /* ports of addresses */
	PST_LIST_MIXED,	  /* of all kinds, with clients' networks and ports of theirs */
	PST_LIST_LISTS,	  /* four sources and four destinations each */
	PST_LIST_SHAPES,
};

extern const char *const pst_list_names[PST_LIST_SHAPES];

struct pst_list {
	struct pst_packet_filter *filters;
	struct pst_rule_range (*ranges)[PST_CLASS_FIELDS][PST_LIST_RANGES];
	uint32_t n;
};

/* Make n filters; 0 or -ENOMEM. pst_list_fini() in any case. */
int pst_list_make(struct pst_list *list, enum pst_list_shape shape, uint32_t n, uint64_t seed);
void pst_list_fini(struct pst_list *list);

/* n - 1 deny rules and one that allows the rest; NULL and rte_errno. */
struct pst_ruleset *pst_list_rules(uint32_t n, uint64_t seed);
