/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"
#include "params.h"

#define WORDS 16

static int
read_words(struct pst_bench_options *options, char *const *words)
{
	static char *argv[WORDS + 1];
	int argc = 1;

	argv[0] = (char *)"postern-bench";
	while (words[argc - 1] != NULL) {
		argv[argc] = words[argc - 1];
		argc++;
	}
	argv[argc] = NULL;
	optind = 0;
	return pst_bench_options_read(options, argc, argv);
}

#define READ(options, ...) read_words(options, (char *[]){ __VA_ARGS__, NULL })

static bool
has(const struct pst_bench_eal *eal, const char *word)
{
	for (int i = 0; i < eal->argc; i++)
		if (strcmp(eal->argv[i], word) == 0)
			return true;
	return false;
}

static void
numbers_are_read(void **state)
{
	struct pst_bench_options options;

	(void)state;
	assert_int_equal(READ(&options, "--mode", "setup", "--flows", "20000", "--transport", "tcp",
				 "--connections", "10000000", "--filters", "10", "--rules", "1024",
				 "--json"), 0);
	assert_string_equal(options.mode, "setup");
	assert_int_equal(options.flows, 20000);
	assert_int_equal(options.connections, 10000000);
	assert_string_equal(options.transport, "tcp");
	assert_int_equal(options.filters, 10);
	assert_int_equal(options.rules, 1024);
	assert_int_equal(options.packet_size, 64);
	assert_string_equal(options.vlan, "none");
	assert_true(options.json);
	assert_int_equal(options.n_eal, 0);
}

static void
what_cannot_be_measured_is_refused(void **state)
{
	struct pst_bench_options options;

	(void)state;
	assert_int_equal(READ(&options, "--mode", "bind"), 0);
	assert_int_equal(READ(&options, "--mode", "edit"), 0);
	assert_int_equal(READ(&options, "--mode", "show"), 0);
	assert_int_equal(READ(&options, "--mode", "show", "--workers", "2"), 3);
	assert_int_equal(READ(&options, "--mode", "bind", "--load"), 0);
	assert_true(options.load);
	assert_int_equal(READ(&options, "--mode", "setup", "--load"), 3);
	assert_int_equal(READ(&options, "--mode", "x"), 3);
	assert_int_equal(READ(&options, "--transport", "sctp"), 3);
	assert_int_equal(READ(&options, "--rules", "1025"), 3);
	assert_int_equal(READ(&options, "--flows", "0"), 3);
	assert_int_equal(READ(&options, "--flows", "12k"), 3);
	assert_int_equal(READ(&options, "--flows", "-1"), 3);
	assert_int_equal(READ(&options, "--packet-size", "63"), 3);
	assert_int_equal(READ(&options, "--packet-size", "1519"), 3);
	assert_int_equal(READ(&options, "--packet-size", "mixed"), 3);
	assert_int_equal(READ(&options, "--vlan", "5"), 3);
	assert_int_equal(READ(&options, "--mode", "setup", "--flows", "16383"), 3);
	assert_int_equal(READ(&options, "--mode", "setup", "--workers", "2"), 3);
	assert_int_equal(READ(&options, "stray"), 3);
}

static void
help_is_no_error(void **state)
{
	struct pst_bench_options options;

	(void)state;
	assert_int_equal(READ(&options, "--help"), 1);
}

static void
eal_arguments_of_the_user_win(void **state)
{
	struct pst_bench_options options;
	struct pst_bench_eal eal;

	(void)state;
	assert_int_equal(READ(&options, "--", "--lcores=0@0,1@0", "-m", "64", "-d", "x.so"), 0);
	assert_int_equal(pst_bench_eal_make(&eal, &options, "postern-bench"), 0);
	assert_false(has(&eal, "--lcores"));
	assert_false(has(&eal, "--in-memory") || has(&eal, "--no-huge"));
	assert_true(has(&eal, "--vdev=net_null0,size=60,copy=0"));
	assert_true(has(&eal, "x.so"));
	assert_null(eal.argv[eal.argc]);
	pst_bench_eal_fini(&eal);
}

static void
the_traffic_maker_hears_the_options(void **state)
{
	struct pst_bench_options options;
	struct pst_traffic_params params = { 0 };

	(void)state;
	assert_int_equal(READ(&options, "--flows", "1000", "--packet-size", "128"), 0);
	assert_int_equal(pst_bench_options_export(&options, "report"), 0);
	assert_int_equal(pst_params_read(&params), 0);
	assert_int_equal(params.mode, PST_TRAFFIC_FORWARD);
	assert_int_equal(params.plan.flows, 1024);
	assert_int_equal(params.plan.bits, 10);
	assert_int_equal(params.plan.n_sizes, 1);
	assert_int_equal(params.plan.sizes[0], 124);
	assert_false(params.plan.tagged[0] || params.plan.tagged[1]);
	assert_string_equal(params.report, "report");
}

/* Connections end by the second: windows with half of one would differ. */
static void
a_window_of_setup_has_whole_seconds(void **state)
{
	struct pst_traffic_params params = { 0 };

	(void)state;
	setenv("PST_TRAFFIC_MODE", "setup", 1);
	for (uint32_t bits = 14; bits <= 24; bits++) {
		for (int tcp = 0; tcp < 2; tcp++) {
			char flows[16];
			uint32_t second;

			snprintf(flows, sizeof(flows), "%u", 1u << bits);
			setenv("PST_TRAFFIC_FLOWS", flows, 1);
			setenv("PST_TRAFFIC_TRANSPORT", tcp ? "tcp" : "udp", 1);
			assert_int_equal(pst_params_read(&params), 0);
			second = pst_steady_rate(1u << bits, tcp) * pst_steady_packets(tcp);
			assert_int_equal(params.window % second, 0);
			assert_in_range(params.window, 2048, 2048 + second);
		}
	}
	setenv("PST_TRAFFIC_FLOWS", "8192", 1);
	assert_int_not_equal(pst_params_read(&params), 0);
	unsetenv("PST_TRAFFIC_FLOWS");
	unsetenv("PST_TRAFFIC_TRANSPORT");
	unsetenv("PST_TRAFFIC_MODE");
}

static void
mixed_sizes_and_tags_are_heard_of_too(void **state)
{
	struct pst_bench_options options;
	struct pst_traffic_params params = { 0 };

	(void)state;
	assert_int_equal(READ(&options, "--packet-size", "imix", "--vlan", "outside"), 0);
	assert_int_equal(pst_bench_options_export(&options, "report"), 0);
	assert_int_equal(pst_params_read(&params), 0);
	assert_int_equal(params.plan.n_sizes, 3);
	assert_int_equal(params.plan.sizes[0], 60);
	assert_int_equal(params.plan.sizes[2], 1514);
	assert_false(params.plan.tagged[0]);
	assert_true(params.plan.tagged[1]);
}

static void
wrong_parameters_are_refused(void **state)
{
	struct pst_traffic_params params = { 0 };

	(void)state;
	setenv("PST_TRAFFIC_SERVERS", "none", 1);
	assert_int_not_equal(pst_params_read(&params), 0);
	unsetenv("PST_TRAFFIC_SERVERS");
	setenv("PST_TRAFFIC_CLIENT_NET", "10.0.0", 1);
	assert_int_not_equal(pst_params_read(&params), 0);
	unsetenv("PST_TRAFFIC_CLIENT_NET");
	setenv("PST_TRAFFIC_VLAN", "both", 1);
	assert_int_not_equal(pst_params_read(&params), 0);
	unsetenv("PST_TRAFFIC_VLAN");
	assert_int_equal(pst_params_read(&params), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(what_cannot_be_measured_is_refused),
		cmocka_unit_test(help_is_no_error),
		cmocka_unit_test(eal_arguments_of_the_user_win),
		cmocka_unit_test(the_traffic_maker_hears_the_options),
		cmocka_unit_test(mixed_sizes_and_tags_are_heard_of_too),
		cmocka_unit_test(a_window_of_setup_has_whole_seconds),
		cmocka_unit_test(wrong_parameters_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
