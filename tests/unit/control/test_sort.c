/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorted tables over the control socket: the first rows of all workers, and few copied for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance.h"
#include "control/best.h"
#include "eal.h"

static const char *
id_of(const json_t *json, size_t i)
{
	const json_t *row = json_array_get(json_object_get(json, "result"), i);

	return json_string_value(json_object_get(row, "id"));
}

static void
the_first_rows_of_all_workers_come_sorted(void **state)
{
	struct appliance *a = *state;
	json_t *json;

	a->rows[0] = 300;
	a->rows[1] = 302;
	json = appliance_ask(a, "{\"command\":\"show\",\"what\":\"connections\",\"sort\":\"bytes\","
				"\"limit\":4}");
	assert_true(json_is_true(json_object_get(json, "ok")));
	assert_int_equal(json_array_size(json_object_get(json, "result")), 4);
	assert_string_equal(id_of(json, 0), "1-301-1");
	assert_string_equal(id_of(json, 1), "1-300-1");
	assert_string_equal(id_of(json, 2), "0-299-0");
	assert_string_equal(id_of(json, 3), "1-299-1");
	json_decref(json);
}

static void
reversed_the_last_come_first(void **state)
{
	struct appliance *a = *state;
	json_t *json;

	a->rows[0] = 3;
	a->rows[1] = 1;
	json = appliance_ask(a, "{\"command\":\"show\",\"what\":\"connections\",\"sort\":\"bytes\","
				"\"reverse\":true}");
	assert_int_equal(json_array_size(json_object_get(json, "result")), 4);
	assert_string_equal(id_of(json, 0), "0-0-0");
	assert_string_equal(id_of(json, 1), "1-0-1");
	assert_string_equal(id_of(json, 3), "0-2-0");
	json_decref(json);
}

/* Rows that cannot be among the first do not leave their worker. */
static void
few_rows_are_copied_for_a_limit(void **state)
{
	struct appliance *a = *state;
	json_t *json;

	a->rows[0] = a->rows[1] = 50000;
	json = appliance_ask(a,
		"{\"command\":\"show\",\"what\":\"connections\",\"sort\":\"expires\","
		"\"limit\":10}");
	assert_int_equal(json_array_size(json_object_get(json, "result")), 10);
	assert_string_equal(id_of(json, 0), "0-0-0");
	assert_string_equal(id_of(json, 9), "1-4-1");
	assert_in_range(a->copied, 10, 2 * PST_SHOW_ROWS);
	json_decref(json);
}

static void
filters_of_rows_left_out_are_given_back(void **state)
{
	struct appliance *a = *state;
	json_t *json;

	a->rows[0] = a->rows[1] = 500;
	json = appliance_ask(a, "{\"command\":\"show\",\"what\":\"listeners\",\"sort\":\"age\","
				"\"limit\":3}");
	assert_int_equal(json_array_size(json_object_get(json, "result")), 3);
	assert_int_equal(a->set.references, 0);
	json_decref(json);
}

/* What is not kept is not left out in silence. */
static void
too_many_to_sort_are_refused(void **state)
{
	struct appliance *a = *state;
	json_t *json;

	a->rows[0] = PST_BEST_MAX;
	json = appliance_ask(a, "{\"command\":\"show\",\"what\":\"clients\",\"sort\":\"ports\"}");
	assert_int_equal(json_array_size(json_object_get(json, "result")), PST_BEST_MAX);
	json_decref(json);
	a->rows[1] = 1;
	json = appliance_ask(a, "{\"command\":\"show\",\"what\":\"clients\",\"sort\":\"ports\"}");
	assert_string_equal(json_string_value(json_object_get(json, "error")),
		"more than 65536 rows are to be sorted: give a limit, or a filter");
	assert_int_equal(json_array_size(json_object_get(json, "result")), 0);
	json_decref(json);
}

static void
one_worker_alone_is_asked(void **state)
{
	struct appliance *a = *state;
	json_t *json;

	a->rows[0] = a->rows[1] = 5;
	json = appliance_ask(
		a, "{\"command\":\"show\",\"what\":\"binds\",\"filter\":{\"worker\":1}}");
	assert_int_equal(json_array_size(json_object_get(json, "result")), 5);
	assert_int_equal(a->asked, 1);
	json_decref(json);
}

static void
a_client_that_leaves_gives_its_rows_back(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	a->rows[0] = 300;
	a->chunk = 10;
	appliance_send(a, fd, "{\"command\":\"show\",\"what\":\"listeners\",\"sort\":\"age\"}\n");
	for (int i = 0; i < 20; i++)
		appliance_step(a);
	assert_in_range(a->set.references, 1, 299);
	close(fd);
	while (a->set.references > 0)
		appliance_step(a);
}

static void
the_best_are_kept_whatever_their_order(void **state)
{
	struct pst_best best = { .most = 100 };
	struct pst_show_row row = { 0 }, out;
	int error = 0;

	(void)state;
	for (uint64_t i = 0; i < 10000; i++) {
		row.worth = i * 7919 % 10007;
		if (pst_best_offer(&best, 0, &row, &out, &error))
			assert_in_range(out.worth, 0, pst_best_floor(&best));
	}
	pst_best_sort(&best);
	assert_int_equal(error, 0);
	assert_int_equal(best.n, 100);
	for (uint32_t i = 1; i < best.n; i++)
		assert_true(best.rows[i - 1].row.worth > best.rows[i].row.worth);
	/* seven of the 10,007 remainders do not come */
	assert_in_range(best.rows[99].row.worth, 10006 - 107, 10006 - 99);
	pst_best_fini(&best);
}

static int
start_eal(void **state)
{
	(void)state;
	test_eal_init(64);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, appliance_setup, appliance_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_rows_of_all_workers_come_sorted),
		TEST(reversed_the_last_come_first),
		TEST(few_rows_are_copied_for_a_limit),
		TEST(filters_of_rows_left_out_are_given_back),
		TEST(too_many_to_sort_are_refused),
		TEST(one_worker_alone_is_asked),
		TEST(a_client_that_leaves_gives_its_rows_back),
		cmocka_unit_test(the_best_are_kept_whatever_their_order),
	};

	return cmocka_run_group_tests(tests, start_eal, NULL);
}
