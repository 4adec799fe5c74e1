/* SPDX-License-Identifier: BSD-3-Clause */
#include "asking.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include <rte_cycles.h>
#include <rte_launch.h>

#include "bindbox.h"
#include "control/server.h"
#include "frame.h"

#define MBUFS 32767
#define SESSIONS (1u << 21) /* as in mode forward */
#define FLOWS_PER_ADDRESS 32768
#define WAIT_US 50
#define WORDS_MOST 16
#define TIMES_MOST 1000

extern char **environ;

/* Questions of an operator: of one client, of a whole network that has none, of the largest. */
static const char *const questions[] = {
	NULL, /* nobody asks, for as long as that took */
	"show connections client 10.0.1.7",
	"show connections client 10.0.1.0/28 dport 4000",
	"show connections client 192.0.2.0/24",
	"show connections sort bytes limit 10",
	"show clients sort connections limit 10",
};

#define QUESTIONS RTE_DIM(questions)

/* What was seen while one question was asked. */
struct seen {
	uint32_t times;
	double seconds[TIMES_MOST];
	size_t rows;
	uint64_t ticks, received, walk_ticks, timed_loops;
	uint64_t stages[PST_STAGES];
};

struct asking {
	struct pst_bindbox box;
	const volatile sig_atomic_t *stop;
	volatile bool done;
	uint32_t flows;
	char folder[64], socket[96], answer[96], program[PATH_MAX];
	struct pst_control *control;
	struct seen seen[QUESTIONS];
};

static int
work(void *arg)
{
	struct asking *a = arg;

	pst_lcore_set_role(PST_ROLE_WORKER, 0);
	while (!a->done)
		pst_worker_poll(a->box.a->workers[0], pst_bindbox_now(NULL));
	return 0;
}

static void
look_after(struct asking *a)
{
	uint64_t now_ms = pst_bindbox_now(NULL);

	if (pst_appliance_poll(a->box.a, now_ms) + pst_control_poll(a->control, now_ms) == 0)
		rte_delay_us_sleep(WAIT_US);
}

static int
make_box(struct asking *a)
{
	struct pst_config *c = &a->box.config;
	int ret = pst_bindbox_init(&a->box, MBUFS);

	c->nat.sessions = RTE_MAX(SESSIONS, 2 * a->flows);
	c->nat.pool[0].first = pst_ipv4(192, 0, 2, 0);
	c->nat.pool[0].last = c->nat.pool[0].first + a->flows / FLOWS_PER_ADDRESS;
	c->nat.n_pool = 1;
	c->routes[0] =
		(struct pst_config_route){ { pst_ipv4(10, 0, 0, 0), 8 }, pst_ipv4(172, 16, 0, 2) };
	c->routes[1] = (struct pst_config_route){ { 0, 0 }, pst_ipv4(198, 51, 100, 254) };
	c->n_routes = 2;
	if (ret == 0)
		ret = pst_bindbox_add_port(&a->box, 0, PST_ZONE_INTERNAL, pst_ipv4(172, 16, 0, 1));
	if (ret == 0)
		ret = pst_bindbox_add_port(
			&a->box, 1, PST_ZONE_EXTERNAL, pst_ipv4(198, 51, 100, 1));
	return ret == 0 ? pst_bindbox_start(&a->box, NULL) : ret;
}

static const char *
state_name(uint8_t protocol, uint8_t state)
{
	(void)protocol;
	return state < PST_STATES ? pst_state_names[state] : NULL;
}

/* posternctl lies beside the program. */
static int
open_control(struct asking *a)
{
	struct pst_control_params p = { .socket = a->socket,
		.config = &a->box.config,
		.started = pst_bindbox_now(NULL),
		.workers = { a->box.a->main_chans[0] },
		.worker_stats = { pst_worker_stats(a->box.a->workers[0]) },
		.n_workers = 1,
		.state_name = state_name };
	char self[PATH_MAX], error[256];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	strcpy(a->folder, "/tmp/postern-ask.XXXXXX");
	if (len < 0 || mkdtemp(a->folder) == NULL)
		return -errno;
	self[len] = '\0';
	snprintf(a->program, sizeof(a->program), "%s/posternctl", dirname(self));
	snprintf(a->socket, sizeof(a->socket), "%s/control.sock", a->folder);
	snprintf(a->answer, sizeof(a->answer), "%s/answer.json", a->folder);
	a->control = pst_control_create(&p, error, sizeof(error));
	if (a->control == NULL)
		fprintf(stderr, "postern-bench: %s\n", error);
	return a->control != NULL ? 0 : -rte_errno;
}

static void
close_control(struct asking *a)
{
	pst_control_destroy(a->control);
	unlink(a->answer);
	rmdir(a->folder);
}

static pid_t
spawn(struct asking *a, const char *question)
{
	char words[256], *at = NULL,
			 *argv[WORDS_MOST + 5] = { a->program, "-s", a->socket, "--json" };
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int n = 4;

	snprintf(words, sizeof(words), "%s", question);
	for (char *w = strtok_r(words, " ", &at); w != NULL && n < WORDS_MOST + 4;
		w = strtok_r(NULL, " ", &at))
		argv[n++] = w;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(
		&actions, STDOUT_FILENO, a->answer, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (posix_spawn(&pid, a->program, &actions, NULL, argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/* Word by word, as main reads any worker's. */
static void
read_seen(const struct asking *a, struct seen *to)
{
	const struct pst_worker_stats *s = pst_worker_stats(a->box.a->workers[0]);

	to->ticks = rte_rdtsc();
	to->received = __atomic_load_n(&s->account.received, __ATOMIC_RELAXED);
	to->walk_ticks = __atomic_load_n(&s->walk_ticks, __ATOMIC_RELAXED);
	to->timed_loops = __atomic_load_n(&s->timed_loops, __ATOMIC_RELAXED);
	for (int i = 0; i < PST_STAGES; i++)
		to->stages[i] = __atomic_load_n(&s->stage_ticks[i], __ATOMIC_RELAXED);
}

static void
add_seen(struct seen *sum, const struct seen *before, const struct seen *after)
{
	sum->seconds[sum->times++] = (double)(after->ticks - before->ticks) / rte_get_tsc_hz();
	sum->ticks += after->ticks - before->ticks;
	sum->received += after->received - before->received;
	sum->walk_ticks += after->walk_ticks - before->walk_ticks;
	sum->timed_loops += after->timed_loops - before->timed_loops;
	for (int i = 0; i < PST_STAGES; i++)
		sum->stages[i] += after->stages[i] - before->stages[i];
}

/* The program has printed an array; what it says is counted. */
static int
count_rows(struct asking *a, struct seen *seen, int status)
{
	json_error_t error;
	json_t *json;

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return -EIO;
	json = json_load_file(a->answer, 0, &error);
	if (!json_is_array(json)) {
		fprintf(stderr, "postern-bench: %s: %s\n", a->program, error.text);
		return -EIO;
	}
	seen->rows = json_array_size(json);
	json_decref(json);
	return 0;
}

static int
ask(struct asking *a, size_t q)
{
	struct seen before, after;
	int status = 0;
	pid_t pid;

	read_seen(a, &before);
	pid = spawn(a, questions[q]);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, WNOHANG) == 0)
		look_after(a);
	read_seen(a, &after);
	if (*a->stop != 0 || a->seen[q].times == TIMES_MOST)
		return 0;
	add_seen(&a->seen[q], &before, &after);
	return count_rows(a, &a->seen[q], status);
}

static void
ask_nothing(struct asking *a)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz();
	struct seen before, after;

	read_seen(a, &before);
	while (rte_rdtsc() < end && *a->stop == 0)
		look_after(a);
	read_seen(a, &after);
	if (*a->stop == 0 && a->seen[0].times < TIMES_MOST)
		add_seen(&a->seen[0], &before, &after);
}

static int
measure(struct asking *a)
{
	const struct pst_worker_stats *s = pst_worker_stats(a->box.a->workers[0]);
	int ret = 0;

	while (*a->stop == 0 && __atomic_load_n(&s->connections, __ATOMIC_RELAXED) < a->flows)
		look_after(a);
	while (ret == 0 && *a->stop == 0) {
		ask_nothing(a);
		for (size_t q = 1; q < QUESTIONS && ret == 0 && *a->stop == 0; q++)
			ret = ask(a, q);
	}
	return ret;
}

/* What is printed. */

static int
compare(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

struct row {
	double median, worst; /* s */
	double serve, walk;   /* shares of the worker's ticks */
	double packets;	      /* a second */
};

static void
sum_up(struct seen *s, struct row *row)
{
	double all = 0;

	memset(row, 0, sizeof(*row));
	if (s->times == 0 || s->timed_loops == 0)
		return;
	qsort(s->seconds, s->times, sizeof(*s->seconds), compare);
	row->median = s->seconds[s->times / 2];
	row->worst = s->seconds[s->times - 1];
	for (int i = 0; i < PST_STAGES; i++)
		all += s->stages[i];
	row->serve = s->stages[PST_STAGE_SERVE] / all;
	row->walk = (double)s->walk_ticks / s->ticks;
	row->packets = s->received * (double)rte_get_tsc_hz() / s->ticks;
}

static double
number(const json_t *report, const char *key)
{
	return json_number_value(json_object_get(report, key));
}

static void
print_table(struct asking *a, const struct row *rows, const json_t *report)
{
	printf("%-46s %5s %9s %9s %9s %8s %8s %7s\n", "posternctl --json", "times", "rows",
		"median s", "worst s", "serve", "walk", "Mpps");
	for (size_t q = 0; q < QUESTIONS; q++)
		printf("%-46s %5u %9zu %9.3f %9.3f %6.2f %% %6.2f %% %7.2f\n",
			questions[q] != NULL ? questions[q] : "(nobody asks)", a->seen[q].times,
			a->seen[q].rows, rows[q].median, rows[q].worst, 100 * rows[q].serve,
			100 * rows[q].walk, rows[q].packets / 1e6);
	printf("%u connections; %.0f packets checked, %.0f bad, %.0f lost\n", a->flows,
		number(report, "checked"), number(report, "bad"), number(report, "lost"));
}

static void
print_json(struct asking *a, const struct row *rows, const json_t *report)
{
	json_t *all = json_pack("{s:i, s:O, s:O, s:O, s:[]}", "connections", (int)a->flows,
		"checked", json_object_get(report, "checked"), "bad",
		json_object_get(report, "bad"), "lost", json_object_get(report, "lost"), "asked");

	for (size_t q = 0; q < QUESTIONS; q++)
		json_array_append_new(json_object_get(all, "asked"),
			json_pack("{s:s?, s:i, s:i, s:f, s:f, s:f, s:f, s:f}", "question",
				questions[q], "times", (int)a->seen[q].times, "rows",
				(int)a->seen[q].rows, "median_s", rows[q].median, "worst_s",
				rows[q].worst, "serve_share", rows[q].serve, "walk_share",
				rows[q].walk, "forward_pps", rows[q].packets));
	json_dumpf(all, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(all);
}

/* -EIO when the maker says that packets were lost or came out wrong. */
static int
print(struct asking *a, const char *path, bool json)
{
	struct row rows[QUESTIONS];
	json_error_t error;
	json_t *report = json_load_file(path, 0, &error);
	const char *failure = json_string_value(json_object_get(report, "failure"));
	bool good = report != NULL && failure == NULL && number(report, "lost") == 0 &&
		    number(report, "bad") == 0 && number(report, "untranslated") == 0;

	for (size_t q = 0; q < QUESTIONS; q++)
		sum_up(&a->seen[q], &rows[q]);
	if (report == NULL || failure != NULL)
		fprintf(stderr, "postern-bench: %s\n", report == NULL ? error.text : failure);
	else if (json)
		print_json(a, rows, report);
	else
		print_table(a, rows, report);
	json_decref(report);
	return good ? 0 : -EIO;
}

int
pst_bench_ask(const struct pst_bench_options *options, const char *report,
	const volatile sig_atomic_t *stop)
{
	static struct asking a;
	int ret;

	a.stop = stop;
	a.flows = rte_align32pow2(options->flows);
	pst_lcore_set_role(PST_ROLE_MAIN, 0);
	ret = make_box(&a);
	if (ret == 0)
		ret = open_control(&a);
	if (ret == 0) {
		rte_delay_us_sleep(50000); /* for the traffic maker to find the ports */
		rte_eal_remote_launch(work, &a, 1);
		ret = measure(&a);
	}
	a.done = true;
	rte_eal_mp_wait_lcore();
	if (ret == 0)
		ret = print(&a, report, options->json);
	close_control(&a);
	pst_bindbox_fini(&a.box);
	return ret;
}
