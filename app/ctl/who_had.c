/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * posternctl who-had ADDRESS PORT TIME [PROTOCOL]: which client had that outside port then, by
 * the event log's file and those that logrotate made of it, compressed ones too. It asks the
 * appliance for the file's name, if it is not told.
 */
#include <arpa/inet.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

#include "call.h"
#include "ctl.h"
#include "history.h"
#include "when.h"

#define LINE_MOST 65536
#define BUFFER (1 << 17)
#define ANSWERS_MOST 16 /* of a protocol, within the time that was asked for */

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = { { "tcp", 6 }, { "udp", 17 }, { "icmp", 1 } };

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

struct question {
	uint32_t ip;
	uint16_t port;
	struct pst_when when;
	int protocol;		    /* its place in the list, -1: all */
	const char *address, *time; /* as they were asked */
};

/* A file of the log, and when it begins. */
struct part {
	char *path;
	uint64_t first_ms;
};

static enum pst_ctl_exit
usage(const char *what, const char *word)
{
	fprintf(stderr, "posternctl: who-had: %s: \"%s\"\n", what, word);
	return PST_CTL_USAGE;
}

static enum pst_ctl_exit
parse(const struct pst_ctl_args *args, struct question *q)
{
	char *const *words = args->words + 1;
	unsigned long port;
	struct in_addr ip;
	char *end;

	if (words[0] == NULL || words[1] == NULL || words[2] == NULL ||
		(words[3] != NULL && words[4] != NULL)) {
		fprintf(stderr, "posternctl: who-had takes ADDRESS PORT TIME [PROTOCOL]\n");
		return PST_CTL_USAGE;
	}
	*q = (struct question){ .protocol = -1, .address = words[0], .time = words[2] };
	if (inet_pton(AF_INET, words[0], &ip) != 1)
		return usage("not an IPv4 address", words[0]);
	q->ip = ntohl(ip.s_addr);
	port = strtoul(words[1], &end, 10);
	if (*end != '\0' || words[1][0] < '0' || words[1][0] > '9' || port == 0 ||
		port > UINT16_MAX)
		return usage("not a port", words[1]);
	q->port = port;
	if (!pst_when_parse(words[2], strlen(words[2]), true, &q->when))
		return usage("not a time such as 2026-11-25T08:30:00Z", words[2]);
	if (q->when.ms > (uint64_t)time(NULL) * 1000 + 1000)
		return usage("that time has not come", words[2]);
	for (size_t i = 0; words[3] != NULL && i < PROTOCOLS; i++) {
		if (strcmp(words[3], protocols[i].name) == 0)
			q->protocol = i;
	}
	if (words[3] != NULL && q->protocol < 0)
		return usage("not a protocol (tcp, udp, icmp)", words[3]);
	return PST_CTL_OK;
}

/* The file that the appliance writes. */
static enum pst_ctl_exit
ask_for_file(const struct pst_ctl_args *args, char **file)
{
	json_t *config = NULL;
	enum pst_ctl_exit code = pst_call(
		args->socket, json_pack("{s:s,s:s}", "command", "show", "what", "config"), &config);
	const char *events;

	if (code != PST_CTL_OK) {
		fprintf(stderr, "posternctl: to read a log without it, say --log FILE\n");
		return code;
	}
	events = json_string_value(json_object_get(json_object_get(config, "log"), "events"));
	*file = events != NULL ? strdup(events) : NULL;
	json_decref(config);
	if (*file != NULL)
		return PST_CTL_OK;
	fprintf(stderr, "posternctl: the appliance has no event log (log.events)\n");
	return PST_CTL_REFUSED;
}

/*
 * Whole lines of a file, compressed or not; take() says whether to go on. The last one is whole
 * only with its newline: the appliance may be writing it. False: it can't be read, said.
 */
static bool
read_lines(const char *path, bool (*take)(void *ctx, const char *line, size_t len), void *ctx)
{
	gzFile file = gzopen(path, "rb");
	static char line[LINE_MOST];
	const char *why = "can't be opened";
	bool go_on = file != NULL, is_cut = false;
	int err = Z_OK;

	if (file != NULL)
		gzbuffer(file, BUFFER);
	while (go_on && gzgets(file, line, sizeof(line)) != NULL) {
		size_t len = strlen(line);

		if (len > 0 && line[len - 1] == '\n') {
			go_on = take(ctx, line, is_cut ? 0 : len - 1);
			is_cut = false;
		} else {
			is_cut = true; /* it is longer than any of ours */
		}
	}
	if (file != NULL) {
		why = gzerror(file, &err);
		gzclose(file);
	}
	if (file != NULL && (err == Z_OK || err == Z_BUF_ERROR || !go_on))
		return true;
	fprintf(stderr, "posternctl: %s: %s\n", path, why);
	return false;
}

static bool
take_first(void *ctx, const char *line, size_t len)
{
	return !pst_history_time_of(line, len, ctx);
}

static int
compare_parts(const void *one, const void *other)
{
	const struct part *a = one, *b = other;

	return a->first_ms < b->first_ms ? -1 : a->first_ms > b->first_ms;
}

/* The file's and its predecessors' names: FILE, FILE.1, FILE.2.gz, FILE-20261125. */
static int
find_names(const char *file, glob_t *names)
{
	static const char *const ends[] = { "", ".[0-9]*", "-[0-9]*" };
	int n = 0;

	memset(names, 0, sizeof(*names));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char pattern[4096];
		size_t at = 0;

		for (const char *c = file; *c != '\0' && at < sizeof(pattern) - 16; c++) {
			if (strchr("*?[\\", *c) != NULL)
				pattern[at++] = '\\';
			pattern[at++] = *c;
		}
		strcpy(pattern + at, ends[i]);
		if (glob(pattern, n++ > 0 ? GLOB_APPEND : 0, NULL, names) == GLOB_NOSPACE)
			return -1;
	}
	return names->gl_pathc;
}

static bool
take_line(void *ctx, const char *line, size_t len)
{
	return pst_history_line(ctx, line, len);
}

/* All parts, the oldest first. */
static enum pst_ctl_exit
read_log(struct pst_history *history, const char *file)
{
	enum pst_ctl_exit code = PST_CTL_OK;
	struct part *parts = NULL;
	glob_t names;
	int n = find_names(file, &names);
	int n_parts = 0;

	if (n > 0)
		parts = calloc(n, sizeof(*parts));
	for (int i = 0; parts != NULL && i < n; i++) {
		struct part part = { .path = names.gl_pathv[i], .first_ms = UINT64_MAX };

		if (!read_lines(part.path, take_first, &part.first_ms))
			code = PST_CTL_REFUSED;
		else if (part.first_ms != UINT64_MAX) /* else it is empty, or none of ours */
			parts[n_parts++] = part;
	}
	if (n_parts > 1)
		qsort(parts, n_parts, sizeof(*parts), compare_parts);
	for (int i = 0; code == PST_CTL_OK && i < n_parts; i++) {
		if (!read_lines(parts[i].path, take_line, history))
			code = PST_CTL_REFUSED;
	}
	if (n == 0 || (n_parts == 0 && code == PST_CTL_OK)) {
		fprintf(stderr, "posternctl: %s: no event log is there\n", file);
		code = PST_CTL_REFUSED;
	}
	free(parts);
	globfree(&names);
	return code;
}

/* Answers. */

static const char *const verdicts[] = { [PST_HISTORY_UNKNOWN] = "unknown",
	[PST_HISTORY_NOBODY] = "nobody",
	[PST_HISTORY_CLIENT] = "client" };
static const char *const reasons[] = { [PST_HISTORY_BY_BIND] = "bind",
	[PST_HISTORY_BY_LISTENER] = "listener",
	[PST_HISTORY_BY_BLOCK] = "block" };

static json_t *
time_or_null(uint64_t ms)
{
	char text[PST_WHEN_TEXT];

	return ms == PST_HISTORY_NO_TIME ? json_null() : json_string(pst_when_format(ms, text));
}

static json_t *
client_of(const struct pst_history_answer *a)
{
	uint32_t ip = a->client_ip;

	if (a->client_port == 0)
		return json_sprintf(
			"%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
	return json_sprintf("%u.%u.%u.%u:%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255,
		a->client_port);
}

static json_t *
answer_of(const char *protocol, const struct pst_history_answer *a)
{
	json_t *json = json_pack("{s:s,s:s}", "protocol", protocol, "answer", verdicts[a->verdict]);

	if (a->verdict == PST_HISTORY_UNKNOWN)
		json_object_set_new(json, "reason", json_string(a->reason));
	if (a->verdict != PST_HISTORY_CLIENT)
		return json;
	json_object_set_new(json, "client", client_of(a));
	json_object_set_new(json, "by", json_string(reasons[a->by]));
	json_object_set_new(json, "since", time_or_null(a->since_ms));
	json_object_set_new(json, "until", time_or_null(a->until_ms));
	return json;
}

/* At the moment; and who got it within the second, if that is what was asked of. */
static void
ask(const struct pst_history *history, const struct question *q, size_t protocol, json_t *answers)
{
	uint64_t at = q->when.ms, end = at + q->when.span_ms - 1;
	struct pst_history_answer a;

	for (int n = 0; n < ANSWERS_MOST; n++) {
		pst_history_ask(history, q->ip, q->port, protocols[protocol].number, at, &a);
		if (n == 0 || a.verdict == PST_HISTORY_CLIENT)
			json_array_append_new(answers, answer_of(protocols[protocol].name, &a));
		if (a.next_ms > end)
			break;
		at = a.next_ms;
	}
}

static const char *
text_of(const json_t *json, const char *key, const char *none)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text != NULL ? text : none;
}

static void
print_answers(const json_t *answers, const struct question *q)
{
	const json_t *a;
	size_t i;

	json_array_foreach(answers, i, a)
	{
		const char *verdict = text_of(a, "answer", "?");

		printf("%s:%u %s at %s: ", q->address, q->port, text_of(a, "protocol", "?"),
			q->time);
		if (strcmp(verdict, "client") == 0)
			printf("%s (%s), from %s to %s\n", text_of(a, "client", "?"),
				text_of(a, "by", "?"), text_of(a, "since", "before"),
				text_of(a, "until", "later"));
		else if (strcmp(verdict, "nobody") == 0)
			printf("nobody\n");
		else
			printf("not known: %s\n", text_of(a, "reason", "?"));
	}
}

/* Known if somebody is, or all that may be is nobody. */
static enum pst_ctl_exit
judge(const json_t *answers)
{
	enum pst_ctl_exit code = PST_CTL_OK;
	const json_t *a;
	size_t i;

	json_array_foreach(answers, i, a)
	{
		if (strcmp(text_of(a, "answer", "?"), "client") == 0)
			return PST_CTL_OK;
		if (strcmp(text_of(a, "answer", "?"), "unknown") == 0)
			code = PST_CTL_REFUSED;
	}
	return code;
}

static enum pst_ctl_exit
answer(const struct pst_ctl_args *args, const struct pst_history *history, const struct question *q)
{
	json_t *answers = json_array();
	char text[PST_WHEN_TEXT];
	uint64_t first_ms, last_ms;
	enum pst_ctl_exit code;

	for (size_t p = 0; p < PROTOCOLS; p++) {
		if (q->protocol < 0 || p == (size_t)q->protocol)
			ask(history, q, p, answers);
	}
	code = judge(answers);
	pst_history_span(history, &first_ms, &last_ms);
	if (args->json) {
		json_t *whole = json_pack("{s:s,s:i,s:o,s:O,s:o,s:o}", "address", q->address,
			"port", q->port, "time", time_or_null(q->when.ms), "answers", answers,
			"log_begins", time_or_null(first_ms), "log_ends", time_or_null(last_ms));

		pst_ctl_print_json(whole);
		json_decref(whole);
	} else {
		print_answers(answers, q);
		if (q->when.ms > last_ms)
			printf("(the log's last line is of %s)\n", pst_when_format(last_ms, text));
	}
	json_decref(answers);
	return code;
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	const char *log = pst_ctl_option(args, "log");
	struct pst_history *history = NULL;
	struct question q;
	char *file = NULL;
	enum pst_ctl_exit code = parse(args, &q);

	if (code == PST_CTL_OK && log != NULL)
		file = strdup(log);
	else if (code == PST_CTL_OK)
		code = ask_for_file(args, &file);
	if (code == PST_CTL_OK)
		history = pst_history_create(q.ip, q.port);
	if (code == PST_CTL_OK && (history == NULL || file == NULL)) {
		fprintf(stderr, "posternctl: no memory\n");
		code = PST_CTL_REFUSED;
	}
	if (code == PST_CTL_OK)
		code = read_log(history, file);
	if (code == PST_CTL_OK) {
		pst_history_finish(history);
		code = answer(args, history, &q);
	}
	pst_history_destroy(history);
	free(file);
	return code;
}

static const struct pst_ctl_option options[] = {
	{ "log", "FILE",
		"the event log's file, with those that were rotated; without it the appliance is "
		"asked for it" },
	{ NULL },
};

static void
print_more(void)
{
	printf("\nTIME is 2026-11-25T08:30:00Z, or without the zone in local time; PROTOCOL is tcp, "
	       "udp or\nicmp, without it all. --log reads a log where there is no appliance.\n");
}

const struct pst_ctl_command pst_ctl_who_had = {
	.name = "who-had",
	.usage = "ADDRESS PORT TIME [PROTOCOL]",
	.help = "which client had an outside port, by the event log",
	.options = options,
	.print_more = print_more,
	.run = run,
};
