/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter/rule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_errno.h>

/* Protocol 0 for 10..19; no protocol 63 at all; none of it to 200..210. */
static const struct pst_rule rules[] = {
	{ .name = "some", .allow = true, .protocols = 1, .clients = { { 10, 14 }, { 15, 19 } },
		.n_clients = 2 },
	{ .name = "all of 30", .allow = true, .clients = { { 30, 30 } }, .n_clients = 1 },
	{ .name = "not 63", .protocols = UINT64_C(1) << 63 },
	{ .name = "not there", .destinations = { { 200, 210 } }, .n_destinations = 1 },
	{ .name = "again", .allow = true, .protocols = 1, .clients = { { 10, 10 } },
		.n_clients = 1 },
};

#define NOBODY 5

static const struct {
	int protocol;
	uint32_t client, dest;
	bool allowed;
	uint32_t why; /* index of the rule, or NOBODY */
} cases[] = {
	{ 0, 10, 1, true, 0 },
	{ 0, 19, 1, true, 0 },
	{ 0, 20, 1, false, NOBODY },
	{ 0, 9, 1, false, NOBODY },
	{ 1, 10, 1, false, NOBODY },
	{ -1, 10, 1, false, NOBODY },
	{ -1, 30, 1, true, 1 },
	{ 62, 30, 1, true, 1 },
	{ 63, 30, 1, false, 2 },
	{ 64, 10, 1, false, NOBODY },
	{ 0, 10, 199, true, 0 },
	{ 0, 10, 200, false, 3 },
	{ 0, 10, 210, false, 3 },
	{ -1, 30, 205, false, 3 },
	{ 63, 30, 205, false, 2 },
	{ 0, 10, 211, true, 0 },
};

static void
deny_wins_and_the_rest_is_denied(void **state)
{
	struct pst_ruleset *set = pst_ruleset_create(rules, 5);

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pst_rule *why = &rules[0];

		assert_int_equal(pst_ruleset_check(set, cases[i].protocol, cases[i].client,
					 cases[i].dest, &why),
			cases[i].allowed);
		assert_int_equal(pst_ruleset_check(set, cases[i].protocol, cases[i].client,
					 cases[i].dest, NULL),
			cases[i].allowed);
		if (cases[i].why == NOBODY)
			assert_null(why);
		else
			assert_ptr_equal(why, pst_ruleset_rule(set, cases[i].why));
	}
	assert_int_equal(pst_ruleset_count(set), 5);
	pst_ruleset_destroy(set);
}

static void
no_rules_allow_all(void **state)
{
	struct pst_ruleset *set = pst_ruleset_create(NULL, 0);
	const struct pst_rule *why = &rules[0];

	(void)state;
	assert_true(pst_ruleset_check(set, 0, 1, 2, &why));
	assert_null(why);
	assert_true(pst_ruleset_check(NULL, -1, 1, 2, &why));
	pst_ruleset_destroy(set);
}

static void
bad_rules_are_refused(void **state)
{
	struct pst_rule bad = { .n_clients = PST_RULE_RANGES_MAX + 1 };

	(void)state;
	assert_null(pst_ruleset_create(&bad, 1));
	assert_int_equal(rte_errno, EINVAL);
	bad = (struct pst_rule){ .destinations = { { 2, 1 } }, .n_destinations = 1 };
	assert_null(pst_ruleset_create(&bad, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deny_wins_and_the_rest_is_denied),
		cmocka_unit_test(no_rules_allow_all),
		cmocka_unit_test(bad_rules_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
