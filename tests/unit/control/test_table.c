/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "cell.h"
#include "format.h"
#include "table.h"

static void
expect_table(struct pst_table *table, const char *wanted)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	pst_table_print(table, out);
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
}

static void
columns_are_as_wide_as_their_widest_cell(void **state)
{
	struct pst_table table;

	(void)state;
	pst_table_init(&table);
	pst_table_column(&table, "NAME", false);
	pst_table_column(&table, "N", true);
	pst_table_column(&table, "LAST", false);
	pst_table_cell(&table, "a long one");
	pst_table_cell(&table, "7");
	pst_table_cell(&table, "x");
	pst_table_cell(&table, "b");
	pst_table_cell(&table, "12345");
	pst_table_cell(&table, NULL);
	expect_table(&table, "NAME            N  LAST\n"
			     "a long one      7  x\n"
			     "b           12345  -\n");
	pst_table_fini(&table);
}

static void
letters_are_counted_not_bytes(void **state)
{
	struct pst_table table;

	(void)state;
	pst_table_init(&table);
	pst_table_column(&table, "A", false);
	pst_table_column(&table, "B", false);
	pst_table_cell(&table, "caf\xc3\xa9");
	pst_table_cell(&table, "1");
	pst_table_cell(&table, "cafe");
	pst_table_cell(&table, "2");
	expect_table(&table, "A     B\n"
			     "caf\xc3\xa9  1\n"
			     "cafe  2\n");
	pst_table_fini(&table);
}

static void
a_name_cannot_play_with_the_terminal(void **state)
{
	struct pst_table table;

	(void)state;
	pst_table_init(&table);
	pst_table_column(&table, "A", false);
	pst_table_cell(&table, "\x1b[2Jx\ny\x7f");
	expect_table(&table, "A\n?[2Jx?y?\n");
	pst_table_fini(&table);
}

static void
a_thousand_rows_are_as_good_as_one(void **state)
{
	struct pst_table table;
	char text[16];

	(void)state;
	pst_table_init(&table);
	pst_table_column(&table, "A", true);
	pst_table_column(&table, "B", true);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		pst_table_cell(&table, text);
		pst_table_cell(&table, text);
	}
	assert_int_equal(table.n_cells, 2000);
	assert_string_equal(table.text + table.len - 4, "999");
	pst_table_fini(&table);
}

static void
values_are_shown_by_their_kind(void **state)
{
	static const struct {
		const char *json;
		enum pst_cell cell;
		const char *text;
	} cases[] = {
		{ "\"tcp\"", PST_CELL_TEXT, "tcp" },
		{ "null", PST_CELL_TEXT, "-" },
		{ "true", PST_CELL_TEXT, "yes" },
		{ "18446744073", PST_CELL_NUMBER, "18446744073" },
		{ "1536", PST_CELL_BYTES, "1.54 kB" },
		{ "90", PST_CELL_SECONDS, "90 s" },
		{ "null", PST_CELL_SECONDS, "-" },
		{ "0.254", PST_CELL_PERCENT, "25 %" },
		{ "[\"a\",\"b\"]", PST_CELL_LIST, "a, b" },
		{ "[21,2121]", PST_CELL_LIST, "21, 2121" },
		{ "[]", PST_CELL_LIST, "-" },
		{ "{\"edits\":3,\"bad\":0}", PST_CELL_LIST, "edits=3, bad=0" },
		{ "null", PST_CELL_FILTER, "everybody" },
		{ "[]", PST_CELL_FILTER, "nobody" },
		{ "[\"192.0.2.1-192.0.2.9\"]", PST_CELL_FILTER, "192.0.2.1-192.0.2.9" },
		{ "[]", PST_CELL_ALL, "all" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *json = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		struct pst_table table;

		pst_table_init(&table);
		pst_table_column(&table, "A", false);
		pst_cell_add(&table, json, cases[i].cell);
		assert_string_equal(table.text, cases[i].text);
		pst_table_fini(&table);
		json_decref(json);
	}
}

static void
rows_become_lines(void **state)
{
	static const struct pst_cell_column columns[] = {
		{ "NAME", "name", PST_CELL_TEXT },
		{ "MISSED", "port.imissed", PST_CELL_NUMBER },
		{ NULL },
	};
	json_t *rows = json_loads("[{\"name\":\"inside\",\"port\":{\"imissed\":5}},"
				  "{\"name\":\"out\",\"port\":null}]",
		0, NULL);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	pst_cell_print(rows, columns, out);
	fclose(out);
	assert_string_equal(text, "NAME    MISSED\n"
				  "inside       5\n"
				  "out          -\n");
	free(text);
	json_decref(rows);
}

static void
amounts_have_three_digits_and_a_unit(void **state)
{
	static const struct {
		uint64_t n;
		const char *bytes, *seconds;
	} cases[] = {
		{ 0, "0 B", "0 s" },
		{ 119, "119 B", "119 s" },
		{ 120, "120 B", "2 min 00 s" },
		{ 999, "999 B", "16 min 39 s" },
		{ 1000, "1.00 kB", "16 min 40 s" },
		{ 7199, "7.20 kB", "119 min 59 s" },
		{ 7440, "7.44 kB", "2 h 04 min" },
		{ 9999, "10.0 kB", "2 h 46 min" },
		{ 99949, "99.9 kB", "27 h 45 min" },
		{ 99960, "100 kB", "27 h 46 min" },
		{ 999499, "999 kB", "11 d 13 h" },
		{ 999500, "1.00 MB", "11 d 13 h" },
		{ UINT64_MAX, "18.4 EB", NULL },
	};
	char text[PST_FORMAT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(pst_format_bytes(text, cases[i].n), cases[i].bytes);
		if (cases[i].seconds != NULL)
			assert_string_equal(pst_format_seconds(text, cases[i].n), cases[i].seconds);
	}
	pst_format_seconds(text, UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(letters_are_counted_not_bytes),
		cmocka_unit_test(a_name_cannot_play_with_the_terminal),
		cmocka_unit_test(a_thousand_rows_are_as_good_as_one),
		cmocka_unit_test(values_are_shown_by_their_kind),
		cmocka_unit_test(rows_become_lines),
		cmocka_unit_test(amounts_have_three_digits_and_a_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
