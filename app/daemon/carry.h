/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What rules and packet filters have counted goes over to those of the next snapshot with the same
 * names. Workers begin anew, each with counters of its own; what they had is added up here.
 */
#pragma once

#include <stdint.h>

struct pst_snapshot;

struct pst_carry {
	uint64_t *base; /* of each: what was counted before this snapshot; NULL: there was none */
	uint32_t
		*to; /* of each of the snapshot before: the one with its name here, or UINT32_MAX */
	uint32_t n_before;
};

/* Counters for a worker; NULL: no memory. rte_free() them. */
uint64_t *pst_carry_counts(uint32_t n);

/* Fill in rule_carry and filter_carry of the one that is to follow. 0 or -ENOMEM. */
int pst_carry_init(struct pst_snapshot *next, const struct pst_snapshot *before);
void pst_carry_fini(struct pst_snapshot *s);

/* What a worker has counted by the snapshot before; each may be NULL. */
void pst_carry_add(struct pst_snapshot *next, const uint64_t *rules, const uint64_t *filters);
