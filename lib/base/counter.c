/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/counter.h"

#define X(id, name) [PST_DROP_##id] = name,
const char *const pst_drop_names[PST_DROP_COUNT] = { PST_DROPS(X) };
#undef X
#define X(id, name) [PST_CONSUMED_##id] = name,
const char *const pst_consumed_names[PST_CONSUMED_COUNT] = { PST_CONSUMEDS(X) };
#undef X
#define X(id, name) [PST_ORIGINATED_##id] = name,
const char *const pst_originated_names[PST_ORIGINATED_COUNT] = { PST_ORIGINATEDS(X) };
#undef X

static void
add_all(uint64_t *a, const uint64_t *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		a[i] += __atomic_load_n(&b[i], __ATOMIC_RELAXED);
}

static uint64_t
sum(const uint64_t *a, unsigned int n)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < n; i++)
		total += a[i];
	return total;
}

void
pst_account_add(struct pst_account *a, const struct pst_account *b)
{
	add_all(&a->received, &b->received, 1);
	add_all(&a->sent, &b->sent, 1);
	add_all(a->dropped, b->dropped, PST_DROP_COUNT);
	add_all(a->consumed, b->consumed, PST_CONSUMED_COUNT);
	add_all(a->originated, b->originated, PST_ORIGINATED_COUNT);
}

int64_t
pst_account_held(const struct pst_account *a)
{
	return (int64_t)(a->received + sum(a->originated, PST_ORIGINATED_COUNT)) -
		(int64_t)(a->sent + sum(a->dropped, PST_DROP_COUNT) +
			sum(a->consumed, PST_CONSUMED_COUNT));
}
