/* SPDX-License-Identifier: BSD-3-Clause */
/* What top makes of two looks, and how it fits on a screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rates.h"
#include "topview.h"

static struct pst_view view;

/* An appliance with so many of everything, after so many seconds of steady traffic. */
static struct pst_look
look_at(double at, int n, int loads)
{
	struct pst_look look = { .at = at,
		.status = json_pack("{s:s,s:b,s:i,s:[],s:{s:I,s:I,s:{},s:i}}", "version", "1.2.3",
			"ready", 1, "uptime_s", (int)at, "workers", "account", "received",
			(json_int_t)(at * 3e6), "sent", (json_int_t)(at * 2e6), "dropped", "held",
			3),
		.interfaces = json_array(),
		.pools = json_array() };
	json_t *dropped = json_object_get(json_object_get(look.status, "account"), "dropped");
	char name[64];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "interface-with-a-long-name-%d", i);
		json_array_append_new(look.interfaces,
			json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:{s:I}}", "name", name, "zone",
				"internal", "link", "up", "rx_packets", (json_int_t)(at * 1000),
				"rx_bytes", (json_int_t)(at * 1e9), "tx_packets",
				(json_int_t)(at * 50), "tx_bytes", (json_int_t)(at * 64), "port",
				"imissed", (json_int_t)at));
		json_array_append_new(json_object_get(look.status, "workers"),
			json_pack("{s:i,s:i,s:f,s:I,s:I,s:I,s:i,s:i,s:i}", "worker", i, "lcore",
				i + 1, "load", loads / 100.0, "received", (json_int_t)(at * 1e6),
				"connections", (json_int_t)1048576, "connections_total",
				(json_int_t)(at * 1234), "binds", 7, "listeners", 2, "clients", 1));
		json_array_append_new(look.pools,
			json_pack("{s:s,s:s,s:i,s:i,s:i}", "address", "255.255.255.255", "protocol",
				"tcp", "used", 1000, "free", 63000, "resting", 5));
		snprintf(name, sizeof(name), "reason_%d", i);
		json_object_set_new(dropped, name, json_integer((json_int_t)(at * i)));
	}
	return look;
}

static json_t *
rates_of(double from, double to, int n, int loads)
{
	struct pst_look before = look_at(from, n, loads), now = look_at(to, n, loads);
	json_t *rates = pst_rates(&before, &now);

	pst_look_fini(&before);
	pst_look_fini(&now);
	assert_non_null(rates);
	return rates;
}

static double
number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void
rates_are_of_a_second(void **state)
{
	json_t *rates = rates_of(10, 14, 3, 50);
	const json_t *row = json_array_get(json_object_get(rates, "interfaces"), 1);

	(void)state;
	assert_int_equal(number(rates, "interval_s"), 4);
	assert_int_equal(number(rates, "received_per_s"), 3000000);
	assert_int_equal(number(rates, "connections"), 3 * 1048576);
	assert_int_equal(number(rates, "connections_per_s"), 3 * 1234);
	assert_int_equal(number(rates, "dropped_per_s"), 0 + 1 + 2);
	assert_int_equal(number(row, "rx_packets_per_s"), 1000);
	assert_true(number(row, "rx_bits_per_s") == 8e9);
	assert_int_equal(number(row, "missed_per_s"), 1);
	row = json_array_get(json_object_get(rates, "ports"), 0);
	assert_int_equal(json_array_size(json_object_get(rates, "ports")), 1); /* of all workers */
	assert_int_equal(number(row, "used"), 3000);
	row = json_array_get(json_object_get(rates, "drops"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "reason")), "reason_2");
	assert_int_equal(json_array_size(json_object_get(rates, "drops")), 2); /* of 0 none */
	json_decref(rates);
}

static void
an_appliance_that_began_anew_has_no_rates(void **state)
{
	struct pst_look before = look_at(100, 2, 0), now = look_at(3, 2, 0);
	json_t *rates;

	(void)state;
	now.at = 101;
	rates = pst_rates(&before, &now);
	assert_true(number(rates, "received_per_s") == 0);
	assert_true(number(rates, "connections_per_s") == 0);
	json_decref(rates);
	pst_look_fini(&before);
	pst_look_fini(&now);
}

static void
make_view(unsigned int width, unsigned int height, int n)
{
	json_t *rates = rates_of(1, 2, n, 100);

	view.width = width;
	view.height = height;
	pst_view_make(&view, rates);
	json_decref(rates);
}

static void
no_screen_is_too_small(void **state)
{
	static const unsigned int sizes[][2] = { { 80, 24 }, { 80, 25 }, { 40, 10 }, { 200, 60 },
		{ 1, 1 }, { 20, 5 }, { 80, 16 } };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int n = 0; n < 40; n += 13) {
			make_view(sizes[i][0], sizes[i][1], n);
			assert_in_range(view.n, 1, sizes[i][1]);
			for (unsigned int k = 0; k < view.n; k++)
				assert_in_range(strlen(view.lines[k]), 0, sizes[i][0]);
		}
	}
}

static bool
has_line(const char *text)
{
	for (unsigned int i = 0; i < view.n; i++) {
		if (strncmp(view.lines[i], text, strlen(text)) == 0)
			return true;
	}
	return false;
}

static void
what_has_no_room_is_counted(void **state)
{
	(void)state;
	make_view(80, 24, 20);
	assert_int_equal(view.n, 24);
	assert_true(has_line("INTERFACE"));
	assert_true(has_line("DROPPED"));
	assert_true(has_line("(17 more)"));
	make_view(80, 0, 20);
	assert_false(has_line("(17 more)"));
	assert_true(has_line("19 "));
}

static void
numbers_are_read_at_a_glance(void **state)
{
	(void)state;
	make_view(80, 24, 1);
	assert_string_equal(view.lines[0], "postern 1.2.3, ready, up 2 s");
	assert_string_equal(view.lines[1],
		"packets/s    received 3.00 M    sent 2.00 M    dropped 0         held 3");
	assert_string_equal(view.lines[2], "connections  1,048,576    new/s 1.23 k");
	assert_true(has_line("interface-with-a-l up        1.00 k     8.00 G         50        512"
			     "        1"));
	assert_true(
		has_line("0           1  #################### 100 %      1.00 M     1,048,576    "
			 "1.23 k"));
	assert_true(has_line("255.255.255.255    tcp        1.6 %        1,000       63,000"
			     "            5"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_of_a_second),
		cmocka_unit_test(an_appliance_that_began_anew_has_no_rates),
		cmocka_unit_test(no_screen_is_too_small),
		cmocka_unit_test(what_has_no_room_is_counted),
		cmocka_unit_test(numbers_are_read_at_a_glance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
