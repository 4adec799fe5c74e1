/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Address sets against a bitmap: three bytes an edit, over the lowest and the
 * highest 128 addresses; ranges stay sorted, disjoint and apart.
 */
#include "filter/ipfilter.h"

#include <stdlib.h>
#include <string.h>

#define SPACE 256
#define EDITS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t
address(uint32_t place)
{
	return place < SPACE / 2 ? place : UINT32_MAX - (SPACE - 1 - place);
}

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
check(const struct pst_ipfilter *filter, const bool *model)
{
	struct pst_ipset *set = pst_ipset_create(filter);
	uint32_t before = 0;

	for (uint32_t i = 0; i < SPACE; i++) {
		require(pst_ipfilter_is_included(filter, address(i)) == model[i]);
		require(pst_ipset_has(set, address(i)) == model[i]);
	}
	for (uint32_t i = 0; i < pst_ipset_count(set); i++) {
		uint32_t first, last;

		pst_ipset_range(set, i, &first, &last);
		require(first <= last && (i == 0 || (first > before && first - before >= 2)));
		before = last;
	}
	pst_ipset_unref(set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	bool model[SPACE] = { false };

	for (size_t at = 0; at + 3 <= size && at < 3 * EDITS_MAX; at += 3) {
		uint8_t a = data[at + 1], b = data[at + 2];
		bool add = (data[at] & 1) != 0;
		int ret = (add ? pst_ipfilter_include : pst_ipfilter_exclude)(
			filter, address(a), address(b));

		require((ret == 0) == (a <= b));
		for (uint32_t i = a; i <= b; i++)
			model[i] = add;
		check(filter, model);
	}
	pst_ipfilter_destroy(filter);
	return 0;
}
