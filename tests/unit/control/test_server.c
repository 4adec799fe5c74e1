/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "appliance.h"
#include "eal.h"

#define SHOW(what) "{\"command\":\"show\",\"what\":\"" what "\"}\n"

static void
expect(struct appliance *a, int fd, const char *wanted)
{
	char *line = appliance_receive(a, fd);

	assert_non_null(line);
	assert_string_equal(line, wanted);
	free(line);
}

/* How many rows the answer has; it must be whole. */
static size_t
receive_rows(struct appliance *a, int fd)
{
	char *line = appliance_receive(a, fd);
	json_t *json;
	size_t n;

	assert_non_null(line);
	json = json_loads(line, 0, NULL);
	assert_true(json_is_true(json_object_get(json, "ok")));
	n = json_array_size(json_object_get(json, "result"));
	json_decref(json);
	free(line);
	return n;
}

static void
an_empty_table_is_an_empty_array(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	appliance_send(a, fd, SHOW("listeners"));
	expect(a, fd, "{\"result\":[],\"ok\":true}");
	close(fd);
}

static void
a_dump_goes_through_all_chunks_of_all_workers(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);
	json_t *json, *row;
	char *line, id[32];

	a->rows[0] = 300;
	a->rows[1] = 5;
	a->chunk = 7;
	appliance_send(a, fd, SHOW("connections"));
	line = appliance_receive(a, fd);
	json = json_loads(line, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "result")), 305);
	for (size_t i = 0; i < 305; i++) {
		row = json_array_get(json_object_get(json, "result"), i);
		if (i < 300)
			snprintf(id, sizeof(id), "0-%zu-0", i);
		else
			snprintf(id, sizeof(id), "1-%zu-1", i - 300);
		assert_string_equal(json_string_value(json_object_get(row, "id")), id);
	}
	assert_int_equal(a->asked, 43 + 1);
	json_decref(json);
	free(line);
	close(fd);
}

static void
a_limit_ends_a_dump_early(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	a->rows[0] = a->rows[1] = 300;
	a->chunk = 10;
	appliance_send(a, fd, "{\"command\":\"show\",\"what\":\"binds\",\"limit\":15}\n");
	assert_int_equal(receive_rows(a, fd), 15);
	assert_int_equal(a->asked, 2);
	close(fd);
}

static void
filters_are_given_back(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	a->rows[0] = 200;
	appliance_send(a, fd, SHOW("listeners"));
	assert_int_equal(receive_rows(a, fd), 200);
	assert_int_equal(a->set.references, 0);
	close(fd);
}

static void
a_worker_that_refuses_is_named(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	a->result = -EINVAL;
	appliance_send(a, fd, SHOW("pools"));
	expect(a, fd, "{\"result\":[],\"ok\":false,\"error\":\"worker 0: Invalid argument\"}");
	close(fd);
}

static void
a_worker_that_is_stuck_is_given_up(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a), fd2 = appliance_connect(a);

	a->stuck = true;
	appliance_send(a, fd, SHOW("binds"));
	appliance_send(a, fd2, SHOW("binds"));
	for (int i = 0; i < 10; i++)
		appliance_step(a);
	a->now += 5000;
	expect(a, fd, "{\"result\":[],\"ok\":false,\"error\":\"worker 0: no answer\"}");
	expect(a, fd2, "{\"result\":[],\"ok\":false,\"error\":\"worker 0: no answer\"}");
	/* and when it comes back, so does its record */
	a->stuck = false;
	a->rows[0] = 3;
	appliance_send(a, fd, SHOW("binds"));
	assert_int_equal(receive_rows(a, fd), 3);
	close(fd);
	close(fd2);
}

static void
a_client_that_leaves_mid_dump_loses_no_record(void **state)
{
	struct appliance *a = *state;

	a->rows[0] = a->rows[1] = 1000;
	a->chunk = 3;
	for (int rounds = 0; rounds < 20; rounds++) {
		int fd = appliance_connect(a);

		appliance_send(a, fd, SHOW("listeners"));
		for (int i = 0; i < rounds; i++) {
			a->stuck = i % 3 == 1;
			appliance_step(a);
		}
		close(fd);
		/* while the worker still has it, and after */
		a->stuck = rounds % 2;
		pst_control_poll(a->control, a->now);
		pst_control_poll(a->control, a->now);
		a->stuck = false;
		appliance_step(a);
		appliance_step(a);
		assert_int_equal(a->set.references, 0);
		assert_int_equal(a->params.workers[0]->n_free, 1);
	}
}

static void
stopping_mid_dump_loses_no_record(void **state)
{
	struct appliance *a = *state;

	a->stuck = true;
	a->rows[0] = 10;
	for (int i = 0; i < 3; i++)
		appliance_send(a, appliance_connect(a), SHOW("listeners"));
	for (int i = 0; i < 5; i++)
		appliance_step(a);
	/* the teardown lets the workers answer, stops the server and counts */
}

static void
the_next_client_in_a_slot_gets_no_rows_of_the_last(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	a->stuck = true;
	a->rows[0] = 10;
	appliance_send(a, fd, SHOW("listeners"));
	for (int i = 0; i < 5; i++)
		appliance_step(a);
	close(fd);
	appliance_step(a);
	fd = appliance_connect(a);
	appliance_send(a, fd, SHOW("connections"));
	a->stuck = false;
	a->rows[0] = 4;
	assert_int_equal(receive_rows(a, fd), 4);
	close(fd);
}

static void
a_line_may_come_in_pieces(void **state)
{
	struct appliance *a = *state;
	const char *request = SHOW("binds");
	int fd = appliance_connect(a);
	char byte[2] = "";

	for (; *request != '\0'; request++) {
		byte[0] = *request;
		appliance_send(a, fd, byte);
	}
	expect(a, fd, "{\"result\":[],\"ok\":true}");
	close(fd);
}

static void
several_lines_are_answered_in_order(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	a->rows[0] = 2;
	appliance_send(a, fd, SHOW("binds") "{}\n" SHOW("bnids") SHOW("clients"));
	assert_int_equal(receive_rows(a, fd), 2);
	expect(a, fd, "{\"ok\":false,\"error\":\"a request is an object with a \\\"command\\\"\"}");
	expect(a, fd,
		"{\"ok\":false,\"error\":\"unknown thing to show \\\"bnids\\\": did you mean "
		"\\\"binds\\\"?\"}");
	assert_int_equal(receive_rows(a, fd), 2);
	close(fd);
}

static void
what_was_asked_before_the_end_is_answered(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	a->rows[0] = 2;
	appliance_send(a, fd, SHOW("binds") SHOW("clients") "{\"comm");
	shutdown(fd, SHUT_WR);
	assert_int_equal(receive_rows(a, fd), 2);
	assert_int_equal(receive_rows(a, fd), 2);
	assert_null(appliance_receive(a, fd));
	close(fd);
}

static void
too_long_a_line_is_refused_and_skipped(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);
	char *text = malloc(200001);

	memset(text, ' ', 200000);
	text[200000] = '\0';
	appliance_send(a, fd, text);
	expect(a, fd, "{\"ok\":false,\"error\":\"the line is longer than 65536 bytes\"}");
	appliance_send(a, fd, text);
	appliance_send(a, fd, "\n" SHOW("binds"));
	expect(a, fd, "{\"result\":[],\"ok\":true}");
	free(text);
	close(fd);
}

static void
the_longest_line_is_answered(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);
	char *text = malloc(PST_CONTROL_LINE_MAX + 1);

	memset(text, ' ', PST_CONTROL_LINE_MAX);
	memcpy(text, "{\"command\":\"status\"}", 20);
	text[PST_CONTROL_LINE_MAX - 1] = '\n';
	text[PST_CONTROL_LINE_MAX] = '\0';
	appliance_send(a, fd, text);
	free(text);
	text = appliance_receive(a, fd);
	assert_memory_equal(text, "{\"ok\":true,", 11);
	free(text);
	close(fd);
}

static void
who_reads_slowly_is_waited_for(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);
	uint32_t asked;

	a->rows[0] = 20000;
	appliance_send(a, fd, SHOW("connections"));
	for (int i = 0; i < 5000; i++)
		appliance_step(a);
	asked = a->asked;
	assert_in_range(asked, 2, 20); /* about 256 KiB of rows, and the socket's own buffer */
	for (int i = 0; i < 1000; i++)
		appliance_step(a);
	assert_int_equal(a->asked, asked);
	assert_int_equal(receive_rows(a, fd), 20000);
	close(fd);
}

static void
who_reads_nothing_is_let_go(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);
	char byte;

	a->rows[0] = 20000;
	appliance_send(a, fd, SHOW("connections"));
	for (int i = 0; i < 100; i++)
		appliance_step(a);
	a->now += 29000;
	appliance_step(a);
	a->now += 1000;
	for (int i = 0; i < 10; i++)
		appliance_step(a);
	while (recv(fd, &byte, 1, 0) == 1)
		;
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

static void
an_idle_client_may_stay(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	for (int i = 0; i < 100; i++) {
		appliance_step(a);
		a->now += 60000;
	}
	appliance_send(a, fd, SHOW("binds"));
	expect(a, fd, "{\"result\":[],\"ok\":true}");
	close(fd);
}

static void
many_clients_share_one_record(void **state)
{
	struct appliance *a = *state;
	int fd[PST_CONTROL_CLIENTS_MAX];

	a->rows[0] = a->rows[1] = 100;
	a->chunk = 9;
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++) {
		fd[i] = appliance_connect(a);
		appliance_send(a, fd[i], i % 2 ? SHOW("listeners") : SHOW("connections"));
	}
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++)
		assert_int_equal(receive_rows(a, fd[i]), 200);
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++)
		close(fd[i]);
}

static void
one_client_too_many_is_told_so(void **state)
{
	struct appliance *a = *state;
	int fd[PST_CONTROL_CLIENTS_MAX + 1];

	for (int i = 0; i <= PST_CONTROL_CLIENTS_MAX; i++) {
		fd[i] = appliance_connect(a);
		appliance_step(a);
	}
	expect(a, fd[PST_CONTROL_CLIENTS_MAX],
		"{\"ok\":false,\"error\":\"too many clients at once\"}");
	assert_null(appliance_receive(a, fd[PST_CONTROL_CLIENTS_MAX]));
	for (int i = 0; i <= PST_CONTROL_CLIENTS_MAX; i++)
		close(fd[i]);
	appliance_step(a);
	fd[0] = appliance_connect(a);
	appliance_send(a, fd[0], SHOW("binds"));
	expect(a, fd[0], "{\"result\":[],\"ok\":true}");
	close(fd[0]);
}

static void
further_commands_are_run(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	appliance_send(a, fd, "{\"command\":\"reload\"}\n{\"command\":\"reload\",\"fail\":true}\n");
	expect(a, fd, "{\"ok\":true,\"result\":{\"generation\":2}}");
	expect(a, fd, "{\"ok\":false,\"error\":\"reload: not now\"}");
	assert_int_equal(a->commands, 2);
	close(fd);
}

/* Others are served meanwhile; its own client's next line comes behind it. */
static void
a_command_may_take_its_time(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a), other = appliance_connect(a);

	a->is_slow = true;
	appliance_send(a, fd, "{\"command\":\"reload\"}\n" SHOW("rules"));
	for (int i = 0; i < 100; i++)
		appliance_step(a);
	appliance_send(a, other, SHOW("nothing"));
	expect(a, other, "{\"ok\":false,\"error\":\"unknown thing to show \\\"nothing\\\"\"}");
	a->is_done = true;
	expect(a, fd, "{\"ok\":true,\"result\":{\"ticket\":1}}");
	assert_int_equal(receive_rows(a, fd), 1);
	a->problem = "t:1: no";
	appliance_send(a, fd, "{\"command\":\"reload\"}\n");
	expect(a, fd, "{\"ok\":false,\"error\":\"refused\",\"problems\":[\"t:1: no\"]}");
	/* one that leaves is not waited for */
	a->is_done = false;
	appliance_send(a, other, "{\"command\":\"reload\"}\n");
	appliance_step(a);
	close(other);
	for (int i = 0; i < 100; i++)
		appliance_step(a);
	close(fd);
}

static void
a_reload_swaps_the_config(void **state)
{
	struct appliance *a = *state;
	struct pst_config *next = calloc(1, sizeof(*next));
	struct pst_control_params params = a->params;
	int fd = appliance_connect(a);

	params.config = next;
	pst_control_set_params(a->control, &params);
	appliance_send(a, fd, SHOW("rules"));
	expect(a, fd, "{\"ok\":true,\"result\":[]}");
	params.config = &a->config;
	pst_control_set_params(a->control, &params);
	appliance_send(a, fd, SHOW("rules"));
	assert_int_equal(receive_rows(a, fd), 1);
	free(next);
	close(fd);
}

static void
load_is_the_busy_part_of_the_last_second(void **state)
{
	struct appliance *a = *state;
	json_t *json;
	double load;

	appliance_step(a);
	a->workers[0].busy_ticks = rte_get_tsc_hz() / 2 / PST_TIMED_MEAN;
	a->now += 2000;
	json = appliance_ask(a, "{\"command\":\"status\"}");
	assert_int_equal(
		json_unpack(json, "{s:{s:[{s:F}]}}", "result", "workers", "load", &load), 0);
	assert_true(load > 0.249 && load < 0.251);
	json_decref(json);
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
		TEST(an_empty_table_is_an_empty_array),
		TEST(a_dump_goes_through_all_chunks_of_all_workers),
		TEST(a_limit_ends_a_dump_early),
		TEST(filters_are_given_back),
		TEST(a_worker_that_refuses_is_named),
		TEST(a_worker_that_is_stuck_is_given_up),
		TEST(a_client_that_leaves_mid_dump_loses_no_record),
		TEST(stopping_mid_dump_loses_no_record),
		TEST(the_next_client_in_a_slot_gets_no_rows_of_the_last),
		TEST(a_line_may_come_in_pieces),
		TEST(several_lines_are_answered_in_order),
		TEST(what_was_asked_before_the_end_is_answered),
		TEST(too_long_a_line_is_refused_and_skipped),
		TEST(the_longest_line_is_answered),
		TEST(who_reads_slowly_is_waited_for),
		TEST(who_reads_nothing_is_let_go),
		TEST(an_idle_client_may_stay),
		TEST(many_clients_share_one_record),
		TEST(one_client_too_many_is_told_so),
		TEST(further_commands_are_run),
		TEST(a_command_may_take_its_time),
		TEST(a_reload_swaps_the_config),
		TEST(load_is_the_busy_part_of_the_last_second),
	};

	return cmocka_run_group_tests(tests, start_eal, NULL);
}
