/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "ctl.h"

static const struct {
	const char *name;
	enum pst_ctl_exit (*run)(const struct pst_ctl_args *args);
} commands[] = {
	{ "status", pst_ctl_status },
	{ "show", pst_ctl_show },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

enum pst_ctl_exit
pst_ctl_unknown(const char *what, const char *word, const char *const *known)
{
	const char *near = pst_nearest(word, known);

	if (near != NULL)
		fprintf(stderr, "posternctl: unknown %s \"%s\": did you mean \"%s\"?\n", what, word,
			near);
	else
		fprintf(stderr, "posternctl: unknown %s \"%s\"; see posternctl --help\n", what,
			word);
	return PST_CTL_USAGE;
}

void
pst_ctl_print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(4));
	putchar('\n');
}

static void
print_help(void)
{
	const char *const *what = pst_ctl_shown();

	printf("usage: posternctl [-s SOCKET] [--json] COMMAND\n"
	       "\n"
	       "commands:\n"
	       "  status               how the appliance is\n"
	       "  show WHAT            what it has in its tables; WHAT is one of\n");
	for (; *what != NULL; what++)
		printf("                         %s\n", *what);
	printf("\n"
	       "options:\n"
	       "  -s, --socket SOCKET  the appliance's control socket\n"
	       "                       (" PST_CTL_SOCKET ")\n"
	       "      --json           one JSON document, not a table\n"
	       "      --limit ROWS     show at most so many\n"
	       "      --version        print the version\n"
	       "  -h, --help           print this\n"
	       "\n"
	       "exit status: 0 done, 1 refused (the reason is on stderr), 2 usage,\n"
	       "3 no appliance on that socket\n");
}

/* What to exit with, or -1 to go on. */
static int
parse_option(int option, struct pst_ctl_args *args)
{
	char *end;

	switch (option) {
	case 's':
		args->socket = optarg;
		return -1;
	case 'j':
		args->json = true;
		return -1;
	case 'l':
		errno = 0;
		args->limit = strtoll(optarg, &end, 10);
		if (errno == 0 && *end == '\0' && args->limit > 0)
			return -1;
		fprintf(stderr, "posternctl: --limit: not a number of rows: \"%s\"\n", optarg);
		return PST_CTL_USAGE;
	case 'V':
		puts("posternctl " PST_VERSION);
		return PST_CTL_OK;
	case 'h':
		print_help();
		return PST_CTL_OK;
	}
	return PST_CTL_USAGE; /* getopt has said why */
}

static int
parse_options(int argc, char **argv, struct pst_ctl_args *args)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "limit", required_argument, NULL, 'l' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int option, code = -1;

	args->socket = PST_CTL_SOCKET;
	while (code < 0 && (option = getopt_long(argc, argv, "s:h", options, NULL)) != -1)
		code = parse_option(option, args);
	args->words = argv + optind;
	return code;
}

static int
run(const struct pst_ctl_args *args)
{
	const char *known[COMMANDS + 1] = { NULL };

	if (args->words[0] == NULL) {
		fprintf(stderr, "posternctl: no command; see posternctl --help\n");
		return PST_CTL_USAGE;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(args->words[0], commands[i].name) == 0)
			return commands[i].run(args);
		known[i] = commands[i].name;
	}
	return pst_ctl_unknown("command", args->words[0], known);
}

/* A reader that has seen enough (head) is no fault. */
static void
leave(int signal_number)
{
	(void)signal_number;
	_exit(PST_CTL_OK);
}

int
main(int argc, char **argv)
{
	struct pst_ctl_args args = { 0 };
	int code;

	signal(SIGPIPE, leave);
	code = parse_options(argc, argv, &args);
	if (code < 0)
		code = run(&args);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "posternctl: standard output cannot be written\n");
		return PST_CTL_REFUSED;
	}
	return code;
}
