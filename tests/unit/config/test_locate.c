/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "config/locate.h"

static uint32_t
line(const char *text, const char *pointer)
{
	struct pst_places places;
	uint32_t at;

	pst_places_init(&places, text, strlen(text));
	at = pst_places_line(&places, pointer);
	pst_places_fini(&places);
	return at;
}

static void
a_value_is_at_its_keys_line(void **state)
{
	static const char text[] = "{\n"
				   "  \"a\": 1,\n"
				   "  \"b\":\n"
				   "    { \"c\": [\n"
				   "      1, 2,\n"
				   "      [ { \"d\": null } ]\n"
				   "    ] }, \"e\": 0\n"
				   "}\n";
	static const struct {
		const char *pointer;
		uint32_t line;
	} cases[] = {
		{ "", 1 },
		{ "/a", 2 },
		{ "/b", 3 },
		{ "/b/c", 4 },
		{ "/b/c/0", 5 },
		{ "/b/c/1", 5 },
		{ "/b/c/2", 6 },
		{ "/b/c/2/0/d", 6 },
		{ "/e", 7 },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		assert_int_equal(line(text, cases[i].pointer), cases[i].line);
}

static void
what_is_not_there_is_at_its_nearest_parent(void **state)
{
	static const char text[] = "{\n\"a\": {\n\"b\": [\n0 ] } }";

	(void)state;
	assert_int_equal(line(text, "/a/c"), 2);
	assert_int_equal(line(text, "/a/b/1/x"), 3);
	assert_int_equal(line(text, "/a/b/0"), 4);
	assert_int_equal(line(text, "/ab"), 1);
	assert_int_equal(line(text, "/z"), 1);
	assert_int_equal(line("\n\n{}", "/z"), 3);
	assert_int_equal(line("", "/z"), 1);
}

static void
escapes_are_resolved(void **state)
{
	/* "a/b", "~", a quote, "A" written as \u0041, and U+1F600 as two surrogates */
	static const char text[] = "{\n\"a/b\": {\n\"~\": 0 },\n\"\\\"\": 1,\n\"\\u0041\": 2,\n"
				   "\"\\ud83d\\ude00\": 3,\n\"\\u00e9\": 4,\n\"\\u20ac\": 5,\n"
				   "\"]}\\\\\": 6 }";

	(void)state;
	assert_int_equal(line(text, "/a~1b"), 2);
	assert_int_equal(line(text, "/a~1b/~0"), 3);
	assert_int_equal(line(text, "/\""), 4);
	assert_int_equal(line(text, "/A"), 5);
	assert_int_equal(line(text, "/\xf0\x9f\x98\x80"), 6);
	assert_int_equal(line(text, "/\xc3\xa9"), 7);
	assert_int_equal(line(text, "/\xe2\x82\xac"), 8);
	assert_int_equal(line(text, "/]}\\"), 9);
}

static void
note_again(void *ctx, const char *pointer, uint32_t at, bool again)
{
	char *said = ctx;

	if (again)
		sprintf(said + strlen(said), "%s:%u ", pointer, at);
}

static void
keys_that_come_again_are_found(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "{ \"a\": 1, \"b\": 2 }", "" },
		{ "{ \"a\": 1,\n\"a\": 2 }", "/a:2 " },
		{ "{ \"a\": 1,\n\"\\u0061\": 2,\n\"a\": 3 }", "/a:2 /a:3 " },
		{ "{ \"n\": 1,\n\"\\n\": 2 }", "" },
		{ "[ { \"a\": 1 }, { \"a\": 1,\n\"a\": 1 } ]", "/1/a:2 " },
		{ "{ \"a\": { \"b\": 0 }, \"b\": 0 }", "" },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		char said[256] = "";

		pst_locate_walk(cases[i].text, strlen(cases[i].text), note_again, said);
		assert_string_equal(said, cases[i].said);
	}
}

static void
long_keys_that_differ_at_their_end_are_two(void **state)
{
	char text[1300], said[2048] = "";

	(void)state;
	snprintf(text, sizeof(text), "{ \"%0600d\": 1, \"%0600d\": 2 }", 1, 2);
	pst_locate_walk(text, strlen(text), note_again, said);
	assert_string_equal(said, "");
}

static void
one_of_very_many_keys_that_comes_again_is_found(void **state)
{
	enum { KEYS = 50000 };
	size_t len = 0;
	char *text = NULL, said[256] = "";
	FILE *f = open_memstream(&text, &len);

	(void)state;
	fputs("{", f);
	for (int i = 0; i < KEYS; i++)
		fprintf(f, "\"key-%d\": 0,\n", i);
	fputs("\"key-777\": 0 }", f);
	fclose(f);
	pst_locate_walk(text, len, note_again, said);
	assert_string_equal(said, "/key-777:50001 ");
	assert_int_equal(line(text, "/key-777"), 778);
	free(text);
}

static void
deep_nesting_ends_the_walk(void **state)
{
	static char text[100000];

	(void)state;
	memset(text, '[', sizeof(text) - 1);
	assert_int_equal(line(text, "/0/0/0"), 1);
}

static void
count(void *ctx, const char *pointer, uint32_t at, bool again)
{
	(void)pointer;
	(void)at;
	(void)again;
	++*(unsigned int *)ctx;
}

static void
a_cut_text_is_not_read_beyond(void **state)
{
	static const char text[] =
		"{ \"a\\u0041\\ud83d\\ude00\": [ \"\\\"x\", { \"b\": null } ], \"c\": 1.5e3 }";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		char *copy = malloc(len + (len == 0)); /* a sanitizer sees one byte too many */
		unsigned int n = 0;

		memcpy(copy, text, len);
		pst_locate_walk(copy, len, count, &n);
		assert_true(n <= 6);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_at_its_keys_line),
		cmocka_unit_test(what_is_not_there_is_at_its_nearest_parent),
		cmocka_unit_test(escapes_are_resolved),
		cmocka_unit_test(keys_that_come_again_are_found),
		cmocka_unit_test(long_keys_that_differ_at_their_end_are_two),
		cmocka_unit_test(one_of_very_many_keys_that_comes_again_is_found),
		cmocka_unit_test(deep_nesting_ends_the_walk),
		cmocka_unit_test(a_cut_text_is_not_read_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
