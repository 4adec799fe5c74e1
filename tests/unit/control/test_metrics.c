/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "appliance.h"
#include "base/rng.h"
#include "control/metrics.h"
#include "eal.h"

static struct appliance a;
static struct pst_control_view view;
static struct pst_sample sample;
static char *text; /* of the last show() */

static int
setup(void **state)
{
	(void)state;
	appliance_start(&a, 0);
	view = (struct pst_control_view){ .params = a.params, .now = 63500, .load = { 0.25, 0 } };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	appliance_stop(&a);
	return 0;
}

static const char *
show(enum pst_metrics_format format)
{
	struct pst_buf buf = { 0 };

	pst_sample_fill(&sample, &view);
	pst_metrics_text(&buf, &sample, format);
	assert_false(buf.failed);
	free(text);
	text = strndup(buf.data + buf.start, pst_buf_len(&buf));
	pst_buf_fini(&buf);
	return text;
}

/* What is behind the next newline; the text ends in one. */
static const char *
next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	assert_non_null(end);
	return end + 1;
}

/* Is this a line of the text? */
static bool
has(const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	}
	return false;
}

static void
assert_has(const char *line)
{
	if (!has(line))
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void
fill(void)
{
	a.workers[0].account.received = 100;
	a.workers[0].account.sent = 70;
	a.workers[0].account.dropped[PST_DROP_TTL] = 9;
	a.workers[1].account.received = 50;
	a.workers[1].account.dropped[PST_DROP_TTL] = 1;
	a.editor.account.originated[PST_ORIGINATED_EDITOR] = 6;
	a.main_account.consumed[PST_CONSUMED_ARP] = 4;
	a.workers[0].ifaces[1] = (struct pst_iface_stats){ 1, 2, 3, 4 };
	a.workers[1].ifaces[1] = (struct pst_iface_stats){ 10, 20, 30, 40 };
	a.workers[1].connections = 12;
	a.workers[1].connections_total = 1200;
	a.workers[1].connections_most = 4096;
	a.workers[1].handed_over = 11;
	a.workers[1].busy_ticks = 2000;
	a.workers[1].stage_ticks[PST_STAGE_SERVE] = 100;
	a.editor.sessions = 2;
	a.editor.late_replies = 1;
}

/* A line of each kind of walk, as both forms have it. */
static void
numbers_are_where_they_belong(void **state)
{
	static const char *const lines[] = {
		"postern_received_packets_total 150",
		"postern_sent_packets_total 70",
		"postern_dropped_packets_total{reason=\"ttl\"} 10",
		"postern_dropped_packets_total{reason=\"mtu\"} 0",
		"postern_originated_packets_total{reason=\"editor\"} 6",
		"postern_consumed_packets_total{reason=\"arp\"} 4",
		"postern_held_packets 72",
		"postern_interface_received_packets_total{interface=\"outside\"} 11",
		"postern_interface_received_bytes_total{interface=\"outside\"} 22",
		"postern_interface_sent_packets_total{interface=\"outside\"} 33",
		"postern_interface_sent_bytes_total{interface=\"outside\"} 44",
		"postern_interface_sent_bytes_total{interface=\"inside\"} 0",
		"postern_interface_up{interface=\"inside\"} 1",
		"postern_interface_up{interface=\"outside\"} 0",
		"postern_interface_speed_bytes{interface=\"inside\"} 1250000000",
		"postern_interface_mtu_bytes{interface=\"inside\"} 1492",
		"postern_port_missed_packets_total{interface=\"inside\"} 1",
		"postern_connections{worker=\"0\"} 0",
		"postern_connections{worker=\"1\"} 12",
		"postern_connections_opened_total{worker=\"1\"} 1200",
		"postern_connections_limit{worker=\"1\"} 4096",
		"postern_worker_handed_over_packets_total{worker=\"1\"} 11",
		"postern_worker_load_ratio{worker=\"0\"} 0.25",
		"postern_worker_busy_cycles_total{worker=\"1\"} 127000",
		"postern_worker_stage_cycles_total{worker=\"1\",stage=\"serve\"} 6350",
		"postern_editor_sessions{editor_lcore=\"0\"} 2",
		"postern_editor_late_replies_total{editor_lcore=\"0\"} 1",
		"postern_editor_events_total{editor=\"ftp\",event=\"edits\"} 11",
		"postern_ports_used{address=\"198.51.100.20\",protocol=\"tcp\"} 12",
		"postern_ports_limit{address=\"198.51.100.20\",protocol=\"udp\"} 64512",
		"postern_uptime_seconds 62.5",
		"postern_ready 0",
	};

	(void)state;
	fill();
	for (int format = PST_METRICS_OPENMETRICS; format <= PST_METRICS_PROMETHEUS; format++) {
		show(format);
		for (size_t i = 0; i < RTE_DIM(lines); i++)
			assert_has(lines[i]);
		/* what nobody knows is not told */
		assert_null(strstr(text, "mtu_bytes{interface=\"outside\"}"));
		assert_null(strstr(text, "port_missed_packets_total{interface=\"outside\"}"));
		assert_null(strstr(text, "speed_bytes{interface=\"outside\"}"));
	}
}

static void
the_forms_differ_in_what_describes(void **state)
{
	static const char *const new[] = {
		"# TYPE postern_received_packets counter",
		"# UNIT postern_received_packets packets",
		"# HELP postern_received_packets Packets that ports received.",
		"# TYPE postern_build info",
		"# TYPE postern_bind_seconds histogram",
		"# TYPE postern_connections gauge",
	};
	static const char *const old[] = {
		"# TYPE postern_received_packets_total counter",
		"# HELP postern_received_packets_total Packets that ports received.",
		"# TYPE postern_build_info gauge",
		"# TYPE postern_bind_seconds histogram",
		"# TYPE postern_connections gauge",
	};

	(void)state;
	show(PST_METRICS_OPENMETRICS);
	for (size_t i = 0; i < RTE_DIM(new); i++)
		assert_has(new[i]);
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	assert_has(new[0]);
	assert_false(has(old[0]));
	show(PST_METRICS_PROMETHEUS);
	for (size_t i = 0; i < RTE_DIM(old); i++)
		assert_has(old[i]);
	assert_false(has(new[0]));
	assert_null(strstr(text, "# UNIT"));
	assert_null(strstr(text, "# EOF"));
}

/* A name may hold anything that JSON can write. */
static void
labels_are_escaped(void **state)
{
	static const struct {
		const char *name, *label;
	} cases[] = {
		{ "lan", "lan" },
		{ "a\"b", "a\\\"b" },
		{ "a\\b", "a\\\\b" },
		{ "a\nb", "a\\nb" },
		{ "\\n", "\\\\n" },
		{ "\"} 1", "\\\"} 1" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "", "" },
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		snprintf(a.config.ifaces[0].name, sizeof(a.config.ifaces[0].name), "%s",
			cases[i].name);
		snprintf(line, sizeof(line), "postern_interface_up{interface=\"%s\"} 1",
			cases[i].label);
		show(PST_METRICS_OPENMETRICS);
		assert_has(line);
		show(PST_METRICS_PROMETHEUS);
		assert_has(line);
	}
}

/* The sum of all series of a name, as a reader of the text adds them. */
static int64_t
sum_of(const char *name)
{
	size_t len = strlen(name);
	int64_t sum = 0;
	bool found = false;

	for (const char *line = text; *line != '\0'; line = next_line(line)) {
		if (strncmp(line, name, len) != 0 || strchr(" {", line[len]) == NULL)
			continue;
		sum += strtoll(strchr(line, ' '), NULL, 10);
		found = true;
	}
	assert_true(found);
	return sum;
}

static uint64_t
scatter(struct pst_rng *rng, uint64_t *counts, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += counts[i] = pst_rng_next(rng) % 1000000;
	return sum;
}

/* received + originated - sent - dropped - consumed, whatever the lcores count. */
static int64_t
make_account(struct pst_rng *rng, struct pst_account *account)
{
	int64_t held = scatter(rng, &account->received, 1);

	held -= scatter(rng, &account->sent, 1);
	held -= scatter(rng, account->dropped, PST_DROP_COUNT);
	held -= scatter(rng, account->consumed, PST_CONSUMED_COUNT);
	return held + scatter(rng, account->originated, PST_ORIGINATED_COUNT);
}

static void
the_account_adds_up(void **state)
{
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 6);
	for (int round = 0; round < 200; round++) {
		int64_t held = make_account(&rng, &a.main_account);

		for (int w = 0; w < WORKERS; w++)
			held += make_account(&rng, &a.workers[w].account);
		held += make_account(&rng, &a.editor.account);
		show(round % 2 == 0 ? PST_METRICS_OPENMETRICS : PST_METRICS_PROMETHEUS);
		assert_int_equal(sum_of("postern_held_packets"), held);
		assert_int_equal(sum_of("postern_received_packets_total") +
					 sum_of("postern_originated_packets_total") -
					 sum_of("postern_sent_packets_total") -
					 sum_of("postern_dropped_packets_total") -
					 sum_of("postern_consumed_packets_total"),
			held);
	}
}

static void
buckets_hold_those_below_too(void **state)
{
	struct pst_latency *l = &a.editor.bind_latency;

	(void)state;
	pst_latency_init(l, rte_get_tsc_hz());
	pst_latency_note(l, 0);
	pst_latency_note(l, rte_get_tsc_hz() / 1000000); /* 1 us */
	pst_latency_note(l, rte_get_tsc_hz() / 1000000);
	pst_latency_note(l, rte_get_tsc_hz()); /* above all */
	show(PST_METRICS_OPENMETRICS);
	assert_has("postern_bind_seconds_bucket{editor_lcore=\"0\",le=\"2.5e-07\"} 1");
	assert_has("postern_bind_seconds_bucket{editor_lcore=\"0\",le=\"5e-07\"} 1");
	assert_has("postern_bind_seconds_bucket{editor_lcore=\"0\",le=\"1e-06\"} 3");
	assert_has("postern_bind_seconds_bucket{editor_lcore=\"0\",le=\"0.1\"} 3");
	assert_has("postern_bind_seconds_bucket{editor_lcore=\"0\",le=\"+Inf\"} 4");
	assert_has("postern_bind_seconds_count{editor_lcore=\"0\"} 4");
	assert_non_null(strstr(text, "postern_bind_seconds_sum{editor_lcore=\"0\"} 1.00000"));
}

static bool
is_name(const char *name)
{
	for (const char *c = name; *c != '\0'; c++) {
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
			return false;
	}
	return strncmp(name, "postern_", 8) == 0 && strlen(name) + 8 < PST_METRIC_NAME_MAX;
}

static bool
ends_in(const char *text_, const char *end)
{
	size_t len = strlen(text_), n = strlen(end);

	return len >= n && strcmp(text_ + len - n, end) == 0;
}

/* What OpenMetrics asks of names. */
static void
names_say_their_unit_and_are_nobody_elses(void **state)
{
	static const char *const taken[] = { "_total", "_created", "_count", "_sum", "_bucket",
		"_info" };

	(void)state;
	for (uint32_t i = 0; i < pst_n_metrics; i++) {
		const struct pst_metric *m = &pst_metrics[i];

		assert_true(is_name(m->name));
		assert_true(ends_in(m->name, m->unit));
		assert_true(strlen(m->help) > 5 && ends_in(m->help, "."));
		for (size_t k = 0; k < RTE_DIM(taken); k++)
			assert_false(ends_in(m->name, taken[k]));
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(m->name, pst_metrics[k].name);
	}
}

/* Each line of numbers stands below its own metric, and no series is there twice. */
static void
series_are_their_metrics_and_there_once(void **state)
{
	char name[PST_METRIC_NAME_MAX], series[256], other[260];
	const struct pst_metric *m = NULL;

	(void)state;
	fill();
	show(PST_METRICS_OPENMETRICS);
	for (const char *line = text; strcmp(line, "# EOF\n") != 0; line = next_line(line)) {
		if (strncmp(line, "# TYPE ", 7) == 0) {
			m = m == NULL ? pst_metrics : m + 1;
			assert_memory_equal(line + 7, m->name, strlen(m->name));
		}
		if (line[0] == '#')
			continue;
		assert_int_equal(sscanf(line, "%79[a-z0-9_]", name), 1);
		assert_ptr_equal(pst_metric_of(name), m);
		assert_int_equal(sscanf(line, "%255[^ ]", series), 1);
		snprintf(other, sizeof(other), "\n%s ", series);
		assert_null(strstr(line + 1, other));
	}
	assert_ptr_equal(m, &pst_metrics[pst_n_metrics - 1]);
}

static void
a_series_is_known_by_its_whole_name(void **state)
{
	static const char *const none[] = { "", "postern_", "postern_sent_packets",
		"postern_connections_total", "postern_bind_seconds", "postern_ready_bucket",
		"postern_build", "other_ready" };

	(void)state;
	assert_string_equal(pst_metric_of("postern_ready")->name, "postern_ready");
	assert_string_equal(pst_metric_of("postern_build_info")->name, "postern_build");
	assert_string_equal(
		pst_metric_of("postern_bind_seconds_sum")->name, "postern_bind_seconds");
	assert_string_equal(pst_metric_of("postern_connections_opened_total")->name,
		"postern_connections_opened");
	for (size_t i = 0; i < RTE_DIM(none); i++)
		assert_null(pst_metric_of(none[i]));
}

static void
json_has_the_same_numbers(void **state)
{
	json_t *json, *row;

	(void)state;
	fill();
	json = pst_metrics_document(&view);
	row = json_array_get(json_object_get(json, "postern_ports_used"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "address")), "198.51.100.20");
	assert_string_equal(json_string_value(json_object_get(row, "protocol")), "tcp");
	assert_int_equal(json_integer_value(json_object_get(row, "value")), 12);
	row = json_array_get(json_object_get(json, "postern_worker_load_ratio"), 0);
	assert_true(json_real_value(json_object_get(row, "value")) == 0.25);
	assert_int_equal(json_array_size(json_object_get(json, "postern_bind_seconds_bucket")),
		PST_LATENCY_BOUNDS + 1);
	json_decref(json);
}

/* It is this one: it is some megabytes large, has this very text open, and has used some CPU. */
static void
the_process_is_this_one(void **state)
{
	struct pst_sample_process p;
	FILE *f;
	uint32_t fds;

	(void)state;
	pst_sample_fill_process(&p);
	assert_in_range(p.resident_bytes, 1 << 20, UINT64_C(1) << 40);
	assert_in_range(p.virtual_bytes, p.resident_bytes, UINT64_MAX);
	assert_true(p.started > 1e9 && p.cpu_seconds >= 0 && p.threads >= 1);
	assert_in_range(p.fds, 3, p.fds_most);
	fds = p.fds;
	f = fopen("/proc/self/stat", "r");
	pst_sample_fill_process(&p);
	assert_int_equal(p.fds, fds + 1);
	fclose(f);
}

/* There is nothing yet but the lcores. */
static void
what_is_not_there_is_left_out(void **state)
{
	(void)state;
	view.params.config = NULL;
	view.params.iface = NULL;
	view.params.pool = NULL;
	view.params.editors = NULL;
	view.params.main_account = NULL;
	show(PST_METRICS_PROMETHEUS);
	assert_null(strstr(text, "{interface="));
	assert_null(strstr(text, "{address="));
	assert_null(strstr(text, "{editor="));
	assert_has("postern_received_packets_total 0");
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
		TEST(numbers_are_where_they_belong),
		TEST(the_forms_differ_in_what_describes),
		TEST(labels_are_escaped),
		TEST(the_account_adds_up),
		TEST(buckets_hold_those_below_too),
		TEST(names_say_their_unit_and_are_nobody_elses),
		TEST(series_are_their_metrics_and_there_once),
		TEST(a_series_is_known_by_its_whole_name),
		TEST(json_has_the_same_numbers),
		TEST(the_process_is_this_one),
		TEST(what_is_not_there_is_left_out),
	};

	return cmocka_run_group_tests(tests, start_eal, NULL);
}
