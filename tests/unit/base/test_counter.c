/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/counter.h"

static void
every_reason_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < PST_DROP_COUNT; i++) {
		assert_non_null(pst_drop_names[i]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(pst_drop_names[i], pst_drop_names[j]);
	}
}

static void
what_is_not_accounted_for_is_held(void **state)
{
	struct pst_account a = { .received = 10, .sent = 4 }, sum = { 0 };

	(void)state;
	a.originated[PST_ORIGINATED_ARP] = 1;
	a.dropped[PST_DROP_TTL] = 2;
	a.consumed[PST_CONSUMED_ARP] = 3;
	assert_int_equal(pst_account_held(&a), 2);
	pst_account_add(&sum, &a);
	pst_account_add(&sum, &a);
	assert_int_equal(pst_account_held(&sum), 4);
	assert_int_equal(sum.dropped[PST_DROP_TTL], 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_a_name_of_its_own),
		cmocka_unit_test(what_is_not_accounted_for_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
