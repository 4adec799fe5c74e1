/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-bench: the appliance's own workers on made-up traffic.
 *
 * The traffic maker is an object that the EAL loads; it times the workers from inside their
 * receive queues, writes a report and ends the program with SIGTERM. What remains to be done
 * here: start, wire, wait, print.
 */
#include "asking.h"
#include "bind.h"
#include "edit.h"
#include "frame.h"
#include "load.h"
#include "options.h"
#include "pipeline.h"
#include "print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>

#define EXIT_USAGE 2

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static int
start_eal(const struct pst_bench_options *options, char *program)
{
	struct pst_bench_eal eal;
	char *argv[PST_BENCH_EAL_MAX + 1];
	int ret = pst_bench_eal_make(&eal, options, program);

	if (ret != 0)
		return ret;
	memcpy(argv, eal.argv, sizeof(argv)); /* the EAL reorders its copy */
	ret = rte_eal_init(eal.argc, argv);
	pst_bench_eal_fini(&eal);
	return ret < 0 ? -rte_errno : 0;
}

static int
run(const struct pst_bench_options *options, struct pst_bench_result *result)
{
	struct pst_pipeline_params params = {
		.flows = rte_align32pow2(options->flows),
		.connections = options->connections,
		.workers = options->workers,
		.filters = options->filters,
		.rules = options->rules,
		.mtu = 1500,
		.steady = strcmp(options->mode, "setup") == 0,
		.tcp = strcmp(options->transport, "tcp") == 0,
	};
	struct pst_pipeline *pipeline;
	int ret;

	if (strcmp(options->vlan, "none") != 0)
		params.vlans[strcmp(options->vlan, "outside") == 0] = PST_FRAME_VLAN;
	pipeline = pst_pipeline_create(&params);
	if (pipeline == NULL)
		return -rte_errno;
	ret = pst_pipeline_run(pipeline, &stop);
	pst_pipeline_account(pipeline, &result->account);
	pst_pipeline_memory(pipeline, &result->memory);
	if (params.steady)
		pst_pipeline_turnover(pipeline, &result->turnover);
	pst_pipeline_destroy(pipeline);
	return ret;
}

/* The report goes where the environment says, else to a file of our own. */
static int
choose_report(char *path, size_t size)
{
	const char *wanted = getenv("PST_TRAFFIC_REPORT");
	int fd;

	if (wanted != NULL) {
		snprintf(path, size, "%s", wanted);
		return 0;
	}
	snprintf(path, size, "/tmp/postern-bench.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -errno;
	close(fd);
	return 1;
}

static int
bench(const struct pst_bench_options *options, const char *report, char *program)
{
	struct pst_bench_result result = { 0 };
	bool is_asked = strcmp(options->mode, "show") == 0;
	int ret = pst_bench_options_export(options, report);

	if (ret == 0)
		ret = start_eal(options, program);
	if (ret != 0) {
		fprintf(stderr, "postern-bench: cannot start: %s\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	catch_signals();
	if (options->load)
		ret = pst_bench_load(options, report, &stop);
	else if (is_asked)
		ret = pst_bench_ask(options, report, &stop);
	else
		ret = run(options, &result);
	rte_eal_cleanup();
	if (ret != 0) {
		fprintf(stderr, "postern-bench: cannot run: %s\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	if (options->load || is_asked)
		return EXIT_SUCCESS;
	return pst_bench_print(options, report, &result) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct pst_bench_options options;
	char report[4096];
	int status = pst_bench_options_read(&options, argc, argv), own;

	if (status != 0)
		return status - 1;
	if (strcmp(options.mode, "bind") == 0 && !options.load)
		return pst_bench_bind(options.json, argv[0]) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (strcmp(options.mode, "edit") == 0)
		return pst_bench_edit(options.json, options.seconds) == 0 ? EXIT_SUCCESS :
									    EXIT_FAILURE;
	own = choose_report(report, sizeof(report));
	if (own < 0) {
		fprintf(stderr, "postern-bench: no file for the report: %s\n", strerror(-own));
		return EXIT_FAILURE;
	}
	status = bench(&options, report, argv[0]);
	if (own > 0)
		unlink(report);
	return status;
}
