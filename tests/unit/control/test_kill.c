/* SPDX-License-Identifier: BSD-3-Clause */
/* Kills over the control socket; what workers then do is theirs (nat-show). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance.h"
#include "eal.h"

#define CONNECTION(id) "{\"command\":\"kill\",\"what\":\"connection\",\"id\":\"" id "\"}"
#define CLIENT "{\"command\":\"kill\",\"what\":\"client\",\"id\":\"10.0.0.9\"}"
#define FILTER "{\"command\":\"kill\",\"what\":\"connections\",\"filter\":{\"protocol\":\"tcp\"}}"

static void
expect_ended(struct appliance *a, const char *request, int connections, int listeners)
{
	json_t *json = appliance_ask(a, request);
	int c = -1, l = -1;

	assert_int_equal(
		json_unpack(json, "{s:{s:i,s:i}}", "result", "connections", &c, "listeners", &l),
		0);
	assert_int_equal(c, connections);
	assert_int_equal(l, listeners);
	json_decref(json);
}

static void
expect_error(struct appliance *a, const char *request, const char *error)
{
	json_t *json = appliance_ask(a, request);

	assert_true(json_is_false(json_object_get(json, "ok")));
	assert_string_equal(json_string_value(json_object_get(json, "error")), error);
	json_decref(json);
}

static void
its_worker_alone_ends_a_connection(void **state)
{
	struct appliance *a = *state;

	a->rows[1] = 8;
	expect_ended(a, CONNECTION("1-7-1"), 1, 0);
	assert_int_equal(a->asked, 1);
	expect_error(a, CONNECTION("1-8-1"), "no connection 1-8-1: it has ended");
	expect_error(a, CONNECTION("0-7-1"), "no connection 0-7-1: it has ended");
}

static void
all_of_a_client_is_ended(void **state)
{
	struct appliance *a = *state;

	a->rows[0] = 300;
	a->rows[1] = 5;
	expect_ended(a, CLIENT, 305, 2);
	a->chunk = 7;
	a->asked = 0;
	expect_ended(a, CLIENT, 305, 2);
	assert_int_equal(a->asked, 43 + 1 + 1 + 1);
}

static void
connections_of_a_kind_are_ended(void **state)
{
	struct appliance *a = *state;

	a->rows[0] = 3;
	expect_ended(a, FILTER, 3, 0);
}

static void
where_there_is_none_it_is_said(void **state)
{
	struct appliance *a = *state;

	expect_error(a, CLIENT, "client 10.0.0.9 has nothing open");
	expect_error(a, FILTER, "no connection is like that");
}

static void
a_worker_that_is_stuck_is_given_up(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);
	char *line;

	a->stuck = true;
	appliance_send(a, fd, CLIENT "\n");
	appliance_step(a);
	a->now += 5000;
	line = appliance_receive(a, fd);
	assert_string_equal(line, "{\"ok\":false,\"error\":\"worker 0: no answer\"}");
	free(line);
	close(fd);
}

static void
a_client_that_leaves_loses_no_record(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	a->stuck = true;
	appliance_send(a, fd, CLIENT "\n");
	appliance_step(a);
	close(fd);
	appliance_step(a);
	a->stuck = false;
	appliance_step(a);
	appliance_step(a);
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
		TEST(its_worker_alone_ends_a_connection),
		TEST(all_of_a_client_is_ended),
		TEST(connections_of_a_kind_are_ended),
		TEST(where_there_is_none_it_is_said),
		TEST(a_worker_that_is_stuck_is_given_up),
		TEST(a_client_that_leaves_loses_no_record),
	};

	return cmocka_run_group_tests(tests, start_eal, NULL);
}
