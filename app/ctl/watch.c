/* SPDX-License-Identifier: BSD-3-Clause */
/* posternctl watch: the event log as it happens, a line each event. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "ctl.h"

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* Without SA_RESTART: waiting for the next event ends, too. */
static void
catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

struct watching {
	const struct pst_ctl_args *args;
	bool is_answered;
	enum pst_ctl_exit code;
	long long seen, limit; /* 0: all */
};

static void
print_value(const json_t *value)
{
	size_t i;
	const json_t *one;

	if (json_is_string(value))
		fputs(json_string_value(value), stdout);
	else if (json_is_array(value))
		json_array_foreach(value, i, one)
			printf("%s%s", i > 0 ? "," : "", json_string_value(one));
	else
		json_dumpf(value, stdout, JSON_ENCODE_ANY);
}

/* "2026-11-25T08:30:00.125Z bind-open         protocol udp  inside 10.0.0.7:5000  ..." */
static void
print_event(json_t *event)
{
	const char *name;
	json_t *value;

	printf("%s %-16s", json_string_value(json_object_get(event, "time")),
		json_string_value(json_object_get(event, "event")));
	json_object_foreach(event, name, value)
	{
		if (strcmp(name, "time") == 0 || strcmp(name, "event") == 0)
			continue;
		printf("  %s ", name);
		print_value(value);
	}
	printf("\n");
}

/* The answer to the request: may we? */
static bool
take_answer(struct watching *w, const json_t *answer)
{
	const char *error = json_string_value(json_object_get(answer, "error"));

	w->is_answered = true;
	if (json_is_true(json_object_get(answer, "ok")))
		return true;
	fprintf(stderr, "posternctl: %s\n", error != NULL ? error : "the answer makes no sense");
	w->code = PST_CTL_REFUSED;
	return false;
}

static bool
take(void *ctx, const char *line, size_t len)
{
	struct watching *w = ctx;
	json_t *json = json_loadb(line, len, 0, NULL);
	bool go_on = true;

	if (!w->is_answered || json == NULL) {
		go_on = take_answer(w, json);
	} else {
		if (w->args->json)
			printf("%.*s\n", (int)len, line);
		else
			print_event(json);
		/* who reads it is to see it now, and may be gone */
		go_on = fflush(stdout) == 0 && ++w->seen != w->limit;
	}
	json_decref(json);
	return go_on;
}

/* -1: it is none, and that was said. */
static long long
read_limit(const struct pst_ctl_args *args)
{
	const char *text = pst_ctl_option(args, "limit");
	long long limit;
	char *end;

	if (text == NULL)
		return 0;
	errno = 0;
	limit = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && limit > 0)
		return limit;
	fprintf(stderr, "posternctl: --limit: not a number of events: \"%s\"\n", text);
	return -1;
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	struct watching w = { .args = args, .code = PST_CTL_OK, .limit = read_limit(args) };
	json_t *request, *kinds;
	enum pst_ctl_exit code;

	if (w.limit < 0)
		return PST_CTL_USAGE;
	request = json_pack("{s:s}", "command", "watch");
	kinds = json_array();
	for (char *const *word = args->words + 1; *word != NULL; word++)
		json_array_append_new(kinds, json_string(*word));
	if (json_array_size(kinds) > 0)
		json_object_set(request, "kinds", kinds);
	json_decref(kinds);
	catch_signals();
	code = pst_call_lines(args->socket, request, take, &w, &stop);
	return code != PST_CTL_OK ? code : w.code;
}

static const struct pst_ctl_option options[] = {
	{ "limit", "EVENTS", "end after so many", 'n' },
	{ NULL },
};

static const char kinds_known[] =
	"binds blocks listeners connections limits filters neighbours links config";

static void
print_more(void)
{
	printf("\nWithout a KIND it is all; kinds are\n%s.\nCtrl-C ends it.\n", kinds_known);
}

static void
complete(const char *socket, unsigned int n, const char *what)
{
	(void)n;
	(void)what;
	pst_ctl_offer_all(socket, kinds_known);
}

const struct pst_ctl_command pst_ctl_watch = {
	.name = "watch",
	.usage = "[KIND...]",
	.help = "events as they happen, those of some kinds alone",
	.options = options,
	.print_more = print_more,
	.complete = complete,
	.run = run,
};
