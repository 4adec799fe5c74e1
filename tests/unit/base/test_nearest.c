/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/nearest.h"

static const char *const names[] = { "connections", "clients", "config", "drops", "binds", NULL };

static void
the_nearest_name_is_found(void **state)
{
	static const struct {
		const char *word, *name;
	} cases[] = {
		{ "connection", "connections" },
		{ "conections", "connections" },
		{ "cleints", "clients" },
		{ "conf", "config" },
		{ "drop", "drops" },
		{ "bnids", "binds" },
		{ "binds", "binds" },
		{ "", NULL },
		{ "x", NULL },
		{ "something else", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = pst_nearest(cases[i].word, names);

		if (cases[i].name == NULL) {
			assert_null(name);
		} else {
			assert_non_null(name);
			assert_string_equal(name, cases[i].name);
		}
	}
}

static void
nothing_is_near_a_very_long_word(void **state)
{
	char word[1000];

	(void)state;
	memset(word, 'c', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(pst_nearest(word, names));
	word[40] = '\0';
	assert_null(pst_nearest(word, names));
	assert_null(pst_nearest("config", NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_name_is_found),
		cmocka_unit_test(nothing_is_near_a_very_long_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
