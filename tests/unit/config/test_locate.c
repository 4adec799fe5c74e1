/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/locate.h"

static const char text[] = "{\n"                       /* 1 */
			   "  \"a\": { \"b\": [ 1,\n"  /* 2 */
			   "    { \"c\": true } ],\n"  /* 3 */
			   "    \"x/y~z\": \"}\\\"{\"\n" /* 4 */
			   "  },\n"                     /* 5 */
			   "  \"empty\": [],\n"        /* 6 */
			   "  \"last\":\n"             /* 7 */
			   "    -1.5e3\n"              /* 8 */
			   "}\n";

static void
each_value_has_its_line(void **state)
{
	static const struct {
		const char *pointer;
		uint32_t line;
	} cases[] = {
		{ "", 1 },
		{ "/a", 2 },
		{ "/a/b", 2 },
		{ "/a/b/0", 2 },
		{ "/a/b/1", 3 },
		{ "/a/b/1/c", 3 },
		{ "/a/x~1y~0z", 4 },
		{ "/empty", 6 },
		{ "/last", 8 },
		{ "/a/b/7", 2 },    /* its nearest parent */
		{ "/a/none", 2 },
		{ "/nothing", 1 },
		{ "/lastly", 1 },   /* not a child of /last */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t line = pst_locate_line(text, strlen(text), cases[i].pointer);

		if (line != cases[i].line)
			fail_msg("%s: line %u, not %u", cases[i].pointer, line, cases[i].line);
	}
}

static void
note(void *ctx, const char *pointer, uint32_t line, bool again)
{
	char *out = ctx;

	if (again)
		sprintf(out + strlen(out), "%s@%u ", pointer, line);
}

static void
a_key_that_comes_again_is_found_in_its_own_object_only(void **state)
{
	static const char twice[] = "{ \"a\": { \"k\": 1 }, \"b\": { \"k\": 2,\n \"k\": 3 },\n\"a\": 4 }";
	char found[256] = "";

	(void)state;
	pst_locate_walk(twice, strlen(twice), note, found);
	assert_string_equal(found, "/b/k@2 /a@3 ");
}

static void
text_that_ends_anywhere_is_walked_without_harm(void **state)
{
	(void)state;
	for (size_t len = 0; len <= strlen(text); len++)
		assert_in_range(pst_locate_line(text, len, "/a/b/1/c"), 1, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_value_has_its_line),
		cmocka_unit_test(a_key_that_comes_again_is_found_in_its_own_object_only),
		cmocka_unit_test(text_that_ends_anywhere_is_walked_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
