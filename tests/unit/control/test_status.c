/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "appliance.h"
#include "control/status.h"
#include "eal.h"

static struct appliance a;
static struct pst_control_view view;

static int
setup(void **state)
{
	(void)state;
	appliance_start(&a, 0);
	a.workers[0].account.received = 100;
	a.workers[0].account.sent = 70;
	a.workers[0].account.dropped[PST_DROP_TTL] = 9;
	a.workers[1].account.received = 50;
	a.workers[1].account.dropped[PST_DROP_TTL] = 1;
	a.workers[1].account.consumed[PST_CONSUMED_ARP] = 4;
	a.editor.account.originated[PST_ORIGINATED_EDITOR] = 6;
	a.editor.account.sent = 6;
	a.main_account.dropped[PST_DROP_NO_NEIGHBOUR] = 3;
	a.workers[1].handed_over = 11;
	a.workers[1].connections = 12;
	a.editor.sessions = 2;
	a.editor.late_replies = 1;
	view = (struct pst_control_view){ .params = a.params, .now = 63999, .load = { 0.5, 0 } };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	appliance_stop(&a);
	return 0;
}

static json_int_t
number(const json_t *json, const char *a_key, const char *b_key)
{
	const json_t *value = json_object_get(json, a_key);

	if (b_key != NULL)
		value = json_object_get(value, b_key);
	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void
the_account_is_the_sum_of_all_lcores(void **state)
{
	json_t *status = pst_status(&view);
	const json_t *account = json_object_get(status, "account");

	(void)state;
	assert_int_equal(number(account, "received", NULL), 150);
	assert_int_equal(number(account, "sent", NULL), 76);
	assert_int_equal(number(account, "dropped", "ttl"), 10);
	assert_int_equal(number(account, "dropped", "no_neighbour"), 3);
	assert_int_equal(number(account, "dropped", "mtu"), 0);
	assert_int_equal(number(account, "consumed", "arp"), 4);
	assert_int_equal(number(account, "originated", "editor"), 6);
	assert_int_equal(number(account, "held", NULL), 150 + 6 - 76 - 13 - 4);
	json_decref(status);
}

static void
status_says_who_runs_where_and_how_long(void **state)
{
	json_t *status = pst_status(&view), *worker, *editor;
	char *lcores = json_dumps(json_object_get(status, "lcores"), JSON_COMPACT);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(status, "version")), PST_VERSION);
	assert_int_equal(number(status, "uptime_s", NULL), 62);
	assert_true(json_is_false(json_object_get(status, "ready")));
	assert_string_equal(lcores, "{\"main\":0,\"workers\":[1,2],\"editors\":[3]}");
	assert_int_equal(json_array_size(json_object_get(status, "workers")), 2);
	worker = json_array_get(json_object_get(status, "workers"), 1);
	assert_int_equal(number(worker, "worker", NULL), 1);
	assert_int_equal(number(worker, "lcore", NULL), 2);
	assert_int_equal(number(worker, "handed_over", NULL), 11);
	assert_int_equal(number(worker, "connections", NULL), 12);
	editor = json_array_get(json_object_get(status, "editors"), 0);
	assert_int_equal(number(editor, "lcore", NULL), 3);
	assert_int_equal(number(editor, "sessions", NULL), 2);
	assert_int_equal(number(editor, "late_replies", NULL), 1);
	free(lcores);
	json_decref(status);
}

static void
memory_counts_packets_in_use(void **state)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("packets", 63, 0, 0, 256, 0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	json_t *status = pst_status(&view);
	const json_t *memory = json_object_get(status, "memory"), *one;

	(void)state;
	one = json_array_get(json_object_get(memory, "mempools"), 0);
	assert_string_equal(json_string_value(json_object_get(one, "name")), "packets");
	assert_int_equal(number(one, "size", NULL), 63);
	assert_int_equal(number(one, "in_use", NULL), 1);
	assert_true(number(memory, "heap", "total") > 0);
	assert_int_equal(number(memory, "heap", "total"),
		number(memory, "heap", "free") + number(memory, "heap", "allocated"));
	assert_true(number(memory, "heap", "allocations") > 0);
	json_decref(status);
	rte_pktmbuf_free(m);
	rte_mempool_free(pool);
}

static void
drops_are_told_by_reason_and_lcore(void **state)
{
	json_t *drops = pst_status_drops(&view);
	char *text = json_dumps(json_array_get(drops, PST_DROP_TTL), JSON_COMPACT);

	(void)state;
	assert_int_equal(json_array_size(drops), PST_DROP_COUNT);
	assert_string_equal(text,
		"{\"reason\":\"ttl\",\"total\":10,\"workers\":[9,1],\"editors\":[0],\"main\":0}");
	free(text);
	text = json_dumps(json_array_get(drops, PST_DROP_NO_NEIGHBOUR), JSON_COMPACT);
	assert_string_equal(text,
		"{\"reason\":\"no_neighbour\",\"total\":3,\"workers\":[0,0],\"editors\":[0],"
		"\"main\":3}");
	free(text);
	json_decref(drops);
}

static int
start_eal(void **state)
{
	(void)state;
	test_eal_init(64);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_account_is_the_sum_of_all_lcores),
		TEST(status_says_who_runs_where_and_how_long),
		TEST(memory_counts_packets_in_use),
		TEST(drops_are_told_by_reason_and_lcore),
	};

	return cmocka_run_group_tests(tests, start_eal, NULL);
}
