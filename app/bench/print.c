/* SPDX-License-Identifier: BSD-3-Clause */
#include "print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <rte_common.h>

static double
number(const json_t *report, const char *group, const char *key)
{
	const json_t *from = group == NULL ? report : json_object_get(report, group);

	return json_number_value(json_object_get(from, key));
}

static double
bytes_each(const struct pst_pipeline_memory *memory)
{
	return memory->connections > 0 ? (double)memory->bytes / memory->connections : 0;
}

static bool
is_setup(const struct pst_bench_options *options)
{
	return strcmp(options->mode, "setup") == 0;
}

static void
print_turnover(const json_t *report, const struct pst_pipeline_turnover *turnover)
{
	printf("%10.3f million connections a second, while %" PRIu64 " live\n",
		number(report, NULL, "connections_per_s") / 1e6, turnover->live);
	printf("%10" PRIu64 " connections began, %" PRIu64 " expired\n", turnover->begun,
		turnover->expired);
}

static void
print_counts(const json_t *report)
{
	if (json_is_object(json_object_get(report, "counts")))
		printf("%10.1f cycles a packet, %.1f instructions, %.3f LLC misses\n",
			number(report, "counts", "cycles"),
			number(report, "counts", "instructions"),
			number(report, "counts", "llc_misses"));
	else
		printf("           cycles, instructions, LLC misses: not available\n");
}

static void
print_rounds(const json_t *report, const char *kind, const char *what)
{
	static const char *const names[] = { "p50", "p99", "p999", "p9999", "max" };
	double us[RTE_DIM(names)];
	char key[32];

	for (size_t i = 0; i < RTE_DIM(names); i++) {
		snprintf(key, sizeof(key), "%s_%s_us", kind, names[i]);
		us[i] = number(report, NULL, key);
	}
	printf("%10.1f us %s (p50; p99 %.1f, p99.9 %.1f, p99.99 %.1f, max %.1f)\n", us[0], what,
		us[1], us[2], us[3], us[4]);
}

static void
print_loops(const json_t *report)
{
	print_rounds(report, "loop", "a loop");
	print_rounds(report, "idle", "one that only waits as long");
	printf("%10.0f of %.0f half milliseconds were left alone: those count in these two\n",
		number(report, NULL, "left_alone"), number(report, NULL, "stretches"));
	print_rounds(report, "every", "a loop, also where the CPU was taken away");
}

static void
print_table(const struct pst_bench_options *options, const json_t *report,
	const struct pst_bench_result *result)
{
	const struct pst_account *account = &result->account;
	const struct pst_pipeline_memory *memory = &result->memory;
	double ns = number(report, "ns", "median");
	char size[16] = "mixed";

	if (options->packet_size > 0)
		snprintf(size, sizeof(size), "%u", options->packet_size);
	printf("mode %s, %.0f flows, bytes of a packet: %s, VLAN: %s, %u worker%s\n",
		options->mode, number(report, NULL, "flows"), size, options->vlan,
		options->workers, options->workers == 1 ? "" : "s");
	printf("%10.3f million packets a second and worker\n", number(report, NULL, "mpps"));
	printf("%10.2f ns a packet (min %.2f, p99 %.2f, p99.9 %.2f, max %.2f)\n", ns,
		number(report, "ns", "min"), number(report, "ns", "p99"),
		number(report, "ns", "p999"), number(report, "ns", "max"));
	printf("%10.1f TSC ticks a packet\n", number(report, NULL, "tsc"));
	print_counts(report);
	if (is_setup(options))
		print_turnover(report, &result->turnover);
	print_loops(report);
	printf("%10.0f sent, %.0f lost\n", number(report, NULL, "sent"),
		number(report, NULL, "lost"));
	printf("%10.0f checked, %.0f bad, %.0f not translated\n", number(report, NULL, "checked"),
		number(report, NULL, "bad"), number(report, NULL, "untranslated"));
	printf("%10.0f of %.0f windows were quiet\n", number(report, NULL, "kept"),
		number(report, NULL, "windows"));
	if (number(report, NULL, "kept") == 0)
		printf("           so these are figures of a disturbed host\n");
	printf("%10.0f bytes a connection, in tables for %" PRIu64 "\n", bytes_each(memory),
		memory->connections);
	printf("%10.2f GB these tables, %.2f GB ports that rest\n", memory->bytes / 1e9,
		memory->rests / 1e9);
	for (uint32_t i = 0; i < PST_DROP_COUNT; i++)
		if (account->dropped[i] != 0)
			printf("%10" PRIu64 " dropped: %s\n", account->dropped[i],
				pst_drop_names[i]);
}

static void
add_turnover(json_t *report, const struct pst_pipeline_turnover *turnover)
{
	json_object_set_new(report, "live", json_integer(turnover->live));
	json_object_set_new(report, "begun", json_integer(turnover->begun));
	json_object_set_new(report, "expired", json_integer(turnover->expired));
}

static int
print_json(const struct pst_bench_options *options, json_t *report,
	const struct pst_bench_result *result)
{
	const struct pst_account *account = &result->account;
	const struct pst_pipeline_memory *memory = &result->memory;
	json_t *drops = json_object();

	for (uint32_t i = 0; i < PST_DROP_COUNT; i++)
		if (account->dropped[i] != 0)
			json_object_set_new(drops, pst_drop_names[i],
				json_integer(account->dropped[i]));
	json_object_del(report, "raw");
	json_object_set_new(report, "workers", json_integer(options->workers));
	json_object_set_new(report, "packet_size", options->packet_size > 0 ?
		json_integer(options->packet_size) : json_string("imix"));
	json_object_set_new(report, "vlan", json_string(options->vlan));
	json_object_set_new(report, "connections", json_integer(memory->connections));
	json_object_set_new(report, "bytes_per_connection", json_real(bytes_each(memory)));
	json_object_set_new(report, "table_bytes", json_integer(memory->bytes));
	json_object_set_new(report, "rest_bytes", json_integer(memory->rests));
	json_object_set_new(report, "dropped", drops);
	if (is_setup(options))
		add_turnover(report, &result->turnover);
	if (json_dumpf(report, stdout, JSON_INDENT(1)) != 0)
		return -1;
	return putchar('\n') == EOF ? -1 : 0;
}

int
pst_bench_print(const struct pst_bench_options *options, const char *path,
	const struct pst_bench_result *result)
{
	json_error_t error;
	json_t *report = json_load_file(path, 0, &error);
	const char *failure;
	int ret = 0;

	if (report == NULL) {
		fprintf(stderr, "postern-bench: no report: %s\n", error.text);
		return -1;
	}
	failure = json_string_value(json_object_get(report, "failure"));
	if (failure != NULL)
		fprintf(stderr, "postern-bench: %s\n", failure);
	if (failure != NULL || number(report, NULL, "lost") != 0 ||
		number(report, NULL, "bad") != 0 || number(report, NULL, "untranslated") != 0)
		ret = -1;
	if (is_setup(options) && !result->turnover.is_steady) {
		fprintf(stderr, "postern-bench: not as many connections ended as began\n");
		ret = -1;
	}
	if (!options->json)
		print_table(options, report, result);
	else if (print_json(options, report, result) != 0)
		ret = -1;
	json_decref(report);
	return ret;
}
