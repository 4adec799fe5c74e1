/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP filter: a set of IPv4 addresses that may reach an endpoint (API section 4).
 *
 * Where a call takes a filter, a NULL pointer admits everybody (R34) and a
 * filter with no ranges admits nobody (R35). Bounds are inclusive and in host
 * byte order. The set is kept as sorted, disjoint, non-adjacent ranges, so two
 * filters over the same addresses are the same, whatever calls made them.
 *
 * A filter belongs to the editor lcore that made it. pst_bind_for_client()
 * takes a copy (R80): edits made later do not alter the endpoint.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pst_ipfilter;

/* A filter with no ranges, the caller's to destroy. NULL when there is no memory. */
struct pst_ipfilter *pst_ipfilter_create(void);
void pst_ipfilter_destroy(struct pst_ipfilter *filter);

/* An independent copy (R59), the caller's; filter is not NULL. NULL when there is no memory. */
struct pst_ipfilter *pst_ipfilter_clone(const struct pst_ipfilter *filter);

/* Add or take away [first, last]; the last call wins. 0, -EINVAL when first > last, -ENOMEM. */
int pst_ipfilter_include(struct pst_ipfilter *filter, uint32_t first, uint32_t last);
int pst_ipfilter_exclude(struct pst_ipfilter *filter, uint32_t first, uint32_t last);

/*
 * Add or take away all that is in another filter, which may be the same one; NULL is
 * everybody. 0, or -ENOMEM: the filter is as it was.
 */
int pst_ipfilter_include_filter(struct pst_ipfilter *filter, const struct pst_ipfilter *other);
int pst_ipfilter_exclude_filter(struct pst_ipfilter *filter, const struct pst_ipfilter *other);

/* True when both admit the same addresses, by whatever calls they came to that; NULL: everybody. */
bool pst_ipfilter_is_equal(const struct pst_ipfilter *a, const struct pst_ipfilter *b);

/* True when ip is in the set. filter may be NULL: everybody is. */
bool pst_ipfilter_is_included(const struct pst_ipfilter *filter, uint32_t ip);

/* How many ranges there are, and the i-th of them in rising order. */
uint32_t pst_ipfilter_count(const struct pst_ipfilter *filter);
void pst_ipfilter_range(
	const struct pst_ipfilter *filter, uint32_t i, uint32_t *first, uint32_t *last);
