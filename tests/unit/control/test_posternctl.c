/* SPDX-License-Identifier: BSD-3-Clause */
/* The program itself, run against a server in this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance.h"
#include "control/listen.h"
#include "eal.h"
#include "posternctl_path.h"

#define TEXT_MAX (1 << 20)
#define WORDS_MAX 24

static struct appliance appliance;
static char out[TEXT_MAX], err[TEXT_MAX];
static const char *last_word; /* of its arguments, perhaps empty; or NULL */

static int
setup(void **state)
{
	*state = &appliance;
	appliance_start(&appliance, 1);
	return 0;
}

static int
teardown(void **state)
{
	appliance_stop(*state);
	return 0;
}

static void
start(const char *socket, const char *line, int out_fd, int err_fd)
{
	char *argv[WORDS_MAX + 5] = { "posternctl", "-s", (char *)(uintptr_t)socket };
	char *words = strdup(line);
	int n = last_word != NULL ? 1 : 3;

	for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
		argv[n++] = word;
	argv[n] = (char *)(uintptr_t)last_word;
	dup2(out_fd, STDOUT_FILENO);
	dup2(err_fd, STDERR_FILENO);
	execv(POSTERNCTL, argv);
	_exit(127);
}

static bool
drain(int fd, char *text)
{
	size_t len = strlen(text);
	ssize_t n = read(fd, text + len, TEXT_MAX - 1 - len);

	if (n > 0)
		text[len + n] = '\0';
	return n != 0;
}

/* Run it, with the appliance going on meanwhile. Its exit status, -1 if a signal ended it. */
static int
run_on(struct appliance *a, const char *socket, const char *line)
{
	int out_pipe[2], err_pipe[2], status;
	bool more = true;
	pid_t pid;

	assert_int_equal(pipe2(out_pipe, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err_pipe, O_CLOEXEC), 0);
	memset(out, 0, sizeof(out));
	memset(err, 0, sizeof(err));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		start(socket, line, out_pipe[1], err_pipe[1]);
	close(out_pipe[1]);
	close(err_pipe[1]);
	fcntl(out_pipe[0], F_SETFL, O_NONBLOCK);
	fcntl(err_pipe[0], F_SETFL, O_NONBLOCK);
	while (more) {
		if (a->control != NULL)
			appliance_step(a);
		poll(NULL, 0, 1);
		more = drain(out_pipe[0], out);
		more = drain(err_pipe[0], err) || more;
	}
	close(out_pipe[0]);
	close(err_pipe[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (a->control != NULL)
		appliance_step(a);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
run(struct appliance *a, const char *line)
{
	return run_on(a, a->socket, line);
}

static void
an_empty_table_is_said_in_words(void **state)
{
	struct appliance *a = *state;

	assert_int_equal(run(a, "show listeners"), 0);
	assert_string_equal(out, "no listeners\n");
	assert_int_equal(run(a, "show listeners --json"), 0);
	assert_string_equal(out, "[]\n");
	assert_int_equal(run(a, "show drops"), 0);
	assert_string_equal(out, "no drops\n");
	assert_string_equal(err, "");
}

static void
listeners_are_a_table(void **state)
{
	struct appliance *a = *state;

	a->rows[1] = 1;
	assert_int_equal(run(a, "show listeners"), 0);
	assert_string_equal(out,
		"PROTOCOL  EXTERNAL           CLIENT         EDITOR  PATH  CONNECTIONS  AGE  "
		"EXPIRES  FLAGS  FILTER\n"
		"tcp       198.51.100.1:2000  10.0.0.9:1000  -       fast            0  0 s  "
		"    2 s  -      203.0.113.9-203.0.113.10\n");
}

static void
json_is_one_document(void **state)
{
	struct appliance *a = *state;
	json_t *json;

	a->rows[0] = 250;
	assert_int_equal(run(a, "--json show connections"), 0);
	json = json_loads(out, 0, NULL);
	assert_int_equal(json_array_size(json), 250);
	json_decref(json);
	assert_int_equal(run(a, "show connections --limit 3 --json"), 0);
	json = json_loads(out, 0, NULL);
	assert_int_equal(json_array_size(json), 3);
	json_decref(json);
	assert_int_equal(run(a, "status --json"), 0);
	json = json_loads(out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "version")), PST_VERSION);
	json_decref(json);
}

static void
only_what_was_dropped_is_listed(void **state)
{
	struct appliance *a = *state;

	a->workers[1].account.dropped[PST_DROP_TTL] = 12;
	assert_int_equal(run(a, "show drops"), 0);
	assert_string_equal(out, "REASON  TOTAL  WORKER 0  WORKER 1  EDITOR 0  MAIN\n"
				 "ttl        12         0        12         0     0\n");
}

static void
status_is_read_at_a_glance(void **state)
{
	struct appliance *a = *state;

	a->workers[0].account.received = 20;
	a->workers[0].account.dropped[PST_DROP_TTL] = 12;
	a->workers[0].account.dropped[PST_DROP_MTU] = 1;
	a->now = 1000 + 7440 * 1000;
	pst_control_set_ready(a->control, true);
	assert_int_equal(run(a, "status"), 0);
	assert_non_null(strstr(out, "postern " PST_VERSION ", ready, up 2 h 04 min\n"));
	assert_non_null(strstr(out, "  received               20\n"));
	assert_non_null(strstr(out, "  dropped                13  ttl 12, mtu 1\n"));
	assert_non_null(strstr(out, "  held                    7\n"));
	assert_non_null(strstr(out, "WORKER  LCORE  LOAD"));
	assert_string_equal(err, "");
}

static void
a_packet_is_explained(void **state)
{
	struct appliance *a = *state;

	a->explained = (struct pst_explain){ .verdict = PST_EXPLAIN_FORWARD,
		.is_out = true,
		.is_steered = true,
		.slot = 9,
		.asked_rules = true,
		.filter = -1,
		.rule = -1,
		.protocol_index = -1,
		.editor = -1,
		.has_client = true,
		.client_ip = 0x0a000009,
		.ports = { 1, 2048 },
		.sessions = { 3, 4096 },
		.timer = "tcp_opening",
		.timer_ms = 240000,
		.mapping = PST_MAPPING_POOL,
		.is_new = true,
		.is_chosen = true,
		.inside = { 0x0a000009, 5 },
		.outside = { 0xc6336401, 0 },
		.choice = { .parity = 1, .runs = 6, .free = 1500 },
		.has_route = true,
		.route = { .via = 0xc63364fe, .next_hop = 0xc63364fe, .iface = 1 },
		.out_source = { 0xc6336401, 0 },
		.out_destination = { 0xcb007109, 80 } };
	assert_int_equal(run(a, "explain tcp 10.0.0.9:5 203.0.113.9:80"), 0);
	assert_string_equal(out,
		"tcp 10.0.0.9:5 > 203.0.113.9:80 (syn)\n"
		"  comes in by    inside\n"
		"  worker         1, by slot 9 of the source address\n"
		"  rule           none matches: the rest is denied\n"
		"  client         10.0.0.9\n"
		"                 1 of 2048 ports\n"
		"                 3 of 4096 sessions\n"
		"  mapping        pool, would be made: 10.0.0.9:5 is 198.51.100.1:* outside\n"
		"                 an odd port by lot, of 1024-3071; 1500 are free there\n"
		"  timer          tcp_opening, 4 min 00 s\n"
		"  leaves by      outside, route 0.0.0.0/0 via 198.51.100.254\n"
		"  neighbour      198.51.100.254, no MAC address yet, asked\n"
		"  leaves as      198.51.100.1:* > 203.0.113.9:80\n"
		"forwarded\n");
	assert_string_equal(err, "");
}

static size_t
size_of(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 ? (size_t)s.st_size : 0;
}

/* Into a file that posternctl opens and the appliance writes. */
static void
a_capture_ends_when_it_has_enough(void **state)
{
	struct appliance *a = *state;
	char line[256], path[64];

	a->tapped = 2;
	snprintf(path, sizeof(path), "%s/capture", a->folder);
	snprintf(line, sizeof(line), "capture %s --count 3 --snap 128 ip", path);
	assert_int_equal(run(a, line), 0);
	assert_string_equal(out, "");
	assert_string_equal(err, "3 frames, 0 lost\n");
	assert_true(size_of(path) > 3 * 60);
	assert_null(a->taps[0]);
	assert_null(a->taps[1]);
	snprintf(line, sizeof(line), "capture %s --seconds 1 --json", path);
	a->ticks = true;
	assert_int_equal(run(a, line), 0);
	assert_string_equal(out, "{\n  \"frames\": 4,\n  \"lost\": 0\n}\n");
	unlink(path);
}

static void
a_capture_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *words, *error;
		int code;
	} cases[] = {
		{ "--snap 63", "posternctl: \"snap\" is a number from 64 to 65535\n", 1 },
		{ "--interface lan", "posternctl: no interface \"lan\"\n", 1 },
		{ "--count x", "posternctl: --count: not a number of frames: \"x\"\n", 2 },
		{ "tpc port 5", "posternctl: \"tpc port 5\": can't parse filter expression: "
				"syntax error\n", 2 },
	};
	struct appliance *a = *state;
	char line[256], path[64];

	snprintf(path, sizeof(path), "%s/capture", a->folder);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		snprintf(line, sizeof(line), "capture %s %s", path, cases[i].words);
		assert_int_equal(run(a, line), cases[i].code);
		assert_string_equal(err, cases[i].error);
		assert_null(a->taps[0]);
	}
	unlink(path);
	assert_int_equal(run(a, "capture"), 2);
	assert_int_equal(run(a, "capture /nowhere/x"), 1);
	assert_string_equal(err, "posternctl: /nowhere/x: No such file or directory\n");
	assert_int_equal(run(a, "status --count 5"), 2);
}

static void
everything_can_be_shown(void **state)
{
	static const char *const whats[] = { "interfaces", "clients", "connections", "binds",
		"listeners", "filters", "permissions", "pools", "blocks", "drops", "neighbours",
		"editors", "protocols", "rules", "config" };
	struct appliance *a = *state;
	char line[64];

	a->rows[0] = 3;
	for (size_t i = 0; i < RTE_DIM(whats); i++) {
		json_t *json;

		snprintf(line, sizeof(line), "show %s", whats[i]);
		assert_int_equal(run(a, line), 0);
		assert_int_not_equal(out[0], '\0');
		assert_string_equal(err, "");
		snprintf(line, sizeof(line), "show %s --json", whats[i]);
		assert_int_equal(run(a, line), 0);
		json = json_loads(out, 0, NULL);
		assert_non_null(json);
		json_decref(json);
	}
}

/* As conntrack has it, as ss has it, and mixed. */
static void
filters_may_be_options_or_words(void **state)
{
	static const char *const lines[] = {
		"show connections --client 10.0.0.7 --protocol tcp --state established --dport 443",
		"show connections client 10.0.0.7 tcp state established dport 443",
		"show connections --src 10.0.0.7 -p tcp state established -d :443",
		"show --client 10.0.0.7 connections protocol 6 state established remote :443",
	};
	struct appliance *a = *state;

	for (size_t i = 0; i < RTE_DIM(lines); i++) {
		memset(&a->wanted, 0, sizeof(a->wanted));
		assert_int_equal(run(a, lines[i]), 0);
		assert_string_equal(err, "");
		assert_int_equal(a->wanted.inside.first, 0x0a000007);
		assert_int_equal(a->wanted.inside.last, 0x0a000007);
		assert_int_equal(a->wanted.protocol, PST_TCP);
		assert_int_equal(a->wanted.states, 1 << 3);
		assert_int_equal(a->wanted.remote.last, UINT32_MAX);
		assert_int_equal(a->wanted.remote.port_first, 443);
		assert_int_equal(a->wanted.remote.port_last, 443);
	}
	assert_int_equal(run(a, "show connections sport 5060 src 10.0.0.0/24"), 0);
	assert_int_equal(a->wanted.inside.last, 0x0a0000ff);
	assert_int_equal(a->wanted.inside.port_last, 5060);
}

static void
the_first_rows_are_sorted(void **state)
{
	struct appliance *a = *state;
	json_t *json;
	const char *id;

	a->rows[0] = 500;
	assert_int_equal(run(a, "--json show connections sort bytes limit 2"), 0);
	json = json_loads(out, 0, NULL);
	assert_int_equal(json_array_size(json), 2);
	id = json_string_value(json_object_get(json_array_get(json, 0), "id"));
	assert_string_equal(id, "0-499-0");
	json_decref(json);
	assert_int_equal(run(a, "show connections --sort bytes -r -n 1"), 0);
	assert_non_null(strstr(out, "0-0-0\n"));
}

/* What reads a pipe gets all, with the columns of each thousand rows in line. */
static void
a_pipe_gets_every_row(void **state)
{
	struct appliance *a = *state;
	unsigned int lines = 0;

	a->rows[0] = 2100;
	assert_int_equal(run(a, "show connections"), 0);
	for (const char *c = out; *c != '\0'; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 1 + 2100);
	assert_non_null(strstr(out, "0-2099-0\n"));
	assert_string_equal(err, "");
}

static void
kills_say_what_has_ended(void **state)
{
	struct appliance *a = *state;

	a->rows[0] = 3;
	assert_int_equal(run(a, "kill connection 0-2-0"), 0);
	assert_string_equal(out, "ended 1 connection\n");
	assert_int_equal(run(a, "kill client 10.0.0.9"), 0);
	assert_string_equal(out, "ended 3 connections and 1 listener\n");
	assert_int_equal(a->wanted.inside.first, 0x0a000009);
	assert_int_equal(run(a, "kill connections udp port 53 --json"), 0);
	assert_string_equal(out, "{\n  \"connections\": 3,\n  \"listeners\": 0\n}\n");
	assert_int_equal(a->wanted.port_first, 53);
	assert_int_equal(run(a, "kill connection 0-3-0"), 1);
	assert_string_equal(err, "posternctl: no connection 0-3-0: it has ended\n");
}

/* A word that is being typed; "" stands for none of it yet. */
static void
expect_completion(struct appliance *a, const char *before, const char *typed, const char *wanted)
{
	char line[256];

	snprintf(line, sizeof(line), "complete -- -s %s %s", a->socket, before);
	last_word = typed;
	assert_int_equal(run(a, line), 0);
	last_word = NULL;
	assert_string_equal(out, wanted);
}

static void
words_are_completed(void **state)
{
	struct appliance *a = *state;

	a->rows[0] = 2;
	expect_completion(a, "", "s", "status\nshow\n");
	expect_completion(a, "show", "conn", "connections\n");
	expect_completion(a, "show connections", "--so", "--socket\n--sort\n");
	expect_completion(a, "show connections", "so", "sort\n");
	expect_completion(a, "show connections --sort", "",
		"bytes\npackets\nage\nconnections\nports\n"
		"expires\nclient\n");
	expect_completion(a, "show connections tcp path", "", "fast\neditor\n");
	expect_completion(a, "show rules", "", "");
	expect_completion(a, "show binds client", "10.", "10.0.0.9\n");
	expect_completion(a, "kill connection", "", "0-0-0\n0-1-0\n");
	expect_completion(a, "kill connections udp", "st", "state\n");
	expect_completion(a, "show listeners editor", "", "ftp\nsip\n");
	expect_completion(a, "top", "--o", "--once\n");
	expect_completion(a, "no such", "", "");
}

static void
metrics_come_as_text_of_either_kind_or_as_json(void **state)
{
	struct appliance *a = *state;
	json_t *json;

	a->workers[0].account.received = 20;
	assert_int_equal(run(a, "metrics"), 0);
	assert_non_null(strstr(out, "\n# TYPE postern_sent_packets counter\n"));
	assert_non_null(strstr(out, "\npostern_received_packets_total 20\n"));
	assert_string_equal(out + strlen(out) - 6, "# EOF\n");
	assert_int_equal(run(a, "metrics prometheus"), 0);
	assert_non_null(strstr(out, "\n# TYPE postern_sent_packets_total counter\n"));
	assert_non_null(strstr(out, "\npostern_received_packets_total 20\n"));
	assert_int_equal(run(a, "--json metrics"), 0);
	json = json_loads(out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "postern_connections")), WORKERS);
	json_decref(json);
	assert_string_equal(err, "");
}

static void
a_refusal_is_1_with_the_reason(void **state)
{
	struct appliance *a = *state;

	a->result = -EINVAL;
	assert_int_equal(run(a, "show binds"), 1);
	assert_string_equal(out, "");
	assert_string_equal(err, "posternctl: worker 0: Invalid argument\n");
}

static void
wrong_usage_is_2_with_a_hint(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{ "", "posternctl: no command; see posternctl --help\n" },
		{ "shwo", "posternctl: unknown command \"shwo\": did you mean \"show\"?\n" },
		{ "coffee", "posternctl: unknown command \"coffee\"; see posternctl --help\n" },
		{ "show listner", "posternctl: unknown thing to show \"listner\": did you mean "
				  "\"listeners\"?\n" },
		{ "status all", "posternctl: status takes no arguments\n" },
		{ "explain tcp 10.0.0.9:5",
			"posternctl: explain PROTO SRC:PORT DST:PORT [--from INTERFACE]\n" },
		{ "status --from inside", "posternctl: unrecognized option '--from'\n" },
		{ "show binds --limit x", "posternctl: --limit: not a number of rows: \"x\"\n" },
		{ "show connections client", "posternctl: client needs a value: ADDRESS\n" },
		{ "show connections cleint 10.0.0.1",
			"posternctl: unknown filter \"cleint\": did you mean \"client\"?\n" },
		{ "show connections client 10.0.0.1 src 10.0.0.2",
			"posternctl: client is given twice\n" },
		{ "show connections tcp udp", "posternctl: protocol is given twice\n" },
		{ "kill clinet 10.0.0.1", "posternctl: unknown thing to kill \"clinet\": did you "
					  "mean \"client\"?\n" },
		{ "kill connection",
			"posternctl: kill connection ID, client ADDRESS, or connections with a "
			"filter\n" },
		{ "kill connections",
			"posternctl: which connections? Name a client, a state or the "
			"like: kill --help\n" },
		{ "metrics prometeus", "posternctl: unknown format \"prometeus\": did you mean "
				       "\"prometheus\"?\n" },
		{ "metrics prometheus --json", "posternctl: metrics takes a format, or --json\n" },
		{ "metrics prometheus x", "posternctl: metrics takes a format, or --json\n" },
		{ "show rules --limit 1",
			"posternctl: --limit is for tables of the workers, not for rules\n" },
	};
	struct appliance *a = *state;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		assert_int_equal(run(a, cases[i].line), 2);
		assert_string_equal(out, "");
		assert_string_equal(err, cases[i].error);
	}
	assert_int_equal(run(a, "show"), 2);
	assert_int_equal(run(a, "show binds clients"), 2);
	assert_int_equal(run(a, "--nonsense"), 2);
}

static void
nobody_there_is_3(void **state)
{
	struct appliance *a = *state, nobody = { 0 };
	char path[128], wanted[256];

	snprintf(path, sizeof(path), "%s/other.sock", a->folder);
	assert_int_equal(run_on(&nobody, path, "status"), 3);
	snprintf(wanted, sizeof(wanted), "posternctl: %s: no appliance runs there\n", path);
	assert_string_equal(err, wanted);
	assert_string_equal(out, "");
}

/* The socket of one that was killed. */
static void
a_dead_socket_is_3(void **state)
{
	struct appliance *a = *state, nobody = { 0 };
	struct pst_listen listener;
	char path[128], error[256];

	snprintf(path, sizeof(path), "%s/dead.sock", a->folder);
	assert_int_equal(pst_listen_init(&listener, path, error, sizeof(error)), 0);
	close(listener.fd);
	assert_int_equal(run_on(&nobody, path, "show binds"), 3);
	unlink(path);
}

static void
help_and_version_need_no_appliance(void **state)
{
	struct appliance *a = *state, nobody = { 0 };

	(void)a;
	assert_int_equal(run_on(&nobody, "/nonexistent", "--version"), 0);
	assert_string_equal(out, "posternctl " PST_VERSION "\n");
	assert_int_equal(run_on(&nobody, "/nonexistent", "--help"), 0);
	assert_memory_equal(out, "usage: posternctl", 17);
	assert_int_equal(run_on(&nobody, "/nonexistent", "show --help"), 0);
	assert_non_null(strstr(out, "--client ADDRESS"));
	assert_non_null(strstr(out, "packet_filters"));
	assert_string_equal(err, "");
}

static void
a_closed_pipe_is_no_crash(void **state)
{
	struct appliance *a = *state;
	int fd[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
	pid_t pid;

	a->rows[0] = 1000;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		start(a->socket, "show connections", fd[1], null);
	}
	close(fd[0]);
	close(fd[1]);
	close(null);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		appliance_step(a);
		poll(NULL, 0, 1);
	}
	appliance_step(a);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
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
		TEST(an_empty_table_is_said_in_words),
		TEST(listeners_are_a_table),
		TEST(json_is_one_document),
		TEST(only_what_was_dropped_is_listed),
		TEST(status_is_read_at_a_glance),
		TEST(a_packet_is_explained),
		TEST(a_capture_ends_when_it_has_enough),
		TEST(a_capture_is_refused_with_the_reason),
		TEST(everything_can_be_shown),
		TEST(filters_may_be_options_or_words),
		TEST(the_first_rows_are_sorted),
		TEST(a_pipe_gets_every_row),
		TEST(kills_say_what_has_ended),
		TEST(words_are_completed),
		TEST(metrics_come_as_text_of_either_kind_or_as_json),
		TEST(a_refusal_is_1_with_the_reason),
		TEST(wrong_usage_is_2_with_a_hint),
		TEST(nobody_there_is_3),
		TEST(a_dead_socket_is_3),
		TEST(help_and_version_need_no_appliance),
		TEST(a_closed_pipe_is_no_crash),
	};

	return cmocka_run_group_tests(tests, start_eal, NULL);
}
