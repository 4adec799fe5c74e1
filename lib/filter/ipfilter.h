/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP filter, the firewall's side: snapshots of a filter that lcores share.
 *
 * The filter that editors see (pst_ipfilter.h) can be edited and has one
 * owner. A set is a copy of one at a moment: it never changes, so any lcore
 * may read it, and whoever holds a reference keeps it alive. As there, a NULL
 * set is everybody and a set with no ranges nobody (R34, R35).
 *
 * Both are made on the control path and live in the C library's heap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pst_ipfilter.h"

struct pst_ipset;

/*
 * A set of what is in filter now, with one reference. NULL when there is no
 * memory: so filter is not NULL here, as no set is what "everybody" needs.
 */
struct pst_ipset *pst_ipset_create(const struct pst_ipfilter *filter);

/* Take another reference; returns set. Safe on NULL, as unref is. */
struct pst_ipset *pst_ipset_ref(struct pst_ipset *set);
void pst_ipset_unref(struct pst_ipset *set);
/* n more at once; 0: none. Safe on NULL. */
void pst_ipset_ref_many(struct pst_ipset *set, uint32_t n);

/* True when ip is in the set; set may be NULL. */
bool pst_ipset_has(const struct pst_ipset *set, uint32_t ip);

/* True when all of other is in the set; both may be NULL. */
bool pst_ipset_covers(const struct pst_ipset *set, const struct pst_ipset *other);

/* A new set of what is in a or b, which are not NULL, with one reference. NULL: no memory. */
struct pst_ipset *pst_ipset_union(const struct pst_ipset *a, const struct pst_ipset *b);

/* How many ranges there are, and the i-th of them in rising order. */
uint32_t pst_ipset_count(const struct pst_ipset *set);
void pst_ipset_range(const struct pst_ipset *set, uint32_t i, uint32_t *first, uint32_t *last);
