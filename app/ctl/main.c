/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "complete.h"
#include "help.h"

/* One line adds a command. */
static const struct pst_ctl_command *const commands[] = {
	&pst_ctl_status,
	&pst_ctl_show,
	&pst_ctl_kill,
	&pst_ctl_explain,
	&pst_ctl_capture,
	&pst_ctl_watch,
	&pst_ctl_who_had,
	&pst_ctl_reload,
	&pst_ctl_confirm,
	&pst_ctl_top,
	&pst_ctl_metrics,
	&pst_ctl_doctor,
	NULL,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))
#define WORDS_MAX 256
#define OWN_FIRST 256 /* what getopt calls a command's first option; a global one is its letter */

static const struct pst_ctl_option globals[] = {
	{ "socket", "SOCKET", "the appliance's control socket\n(" PST_CTL_SOCKET ")", 's' },
	{ "json", NULL, "one JSON document, not a table", 'j' },
	{ "version", NULL, "print the version", 'V' },
	{ "help", NULL, "print this, or what a command takes", 'h' },
	{ NULL },
};

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

const char *
pst_ctl_option(const struct pst_ctl_args *args, const char *name)
{
	for (unsigned int i = 0; i < args->n_given; i++) {
		if (strcmp(args->given[i].option->name, name) == 0)
			return args->given[i].value;
	}
	return NULL;
}

bool
pst_ctl_number(const struct pst_ctl_args *args, const char *name, const char *what, long long *n)
{
	const char *text = pst_ctl_option(args, name);
	char *end;

	*n = 0;
	if (text == NULL)
		return true;
	errno = 0;
	*n = strtoll(text, &end, 10);
	if (errno == 0 && *end == '\0' && *n > 0)
		return true;
	fprintf(stderr, "posternctl: --%s: not a number of %s: \"%s\"\n", name, what, text);
	return false;
}

enum pst_ctl_exit
pst_ctl_give(struct pst_ctl_args *args, const struct pst_ctl_option *option, const char *value)
{
	if (pst_ctl_option(args, option->name) != NULL || args->n_given == PST_CTL_GIVEN_MAX) {
		fprintf(stderr, "posternctl: %s is given twice\n", option->name);
		return PST_CTL_USAGE;
	}
	args->given[args->n_given++] = (struct pst_ctl_given){ option, value };
	return PST_CTL_OK;
}

static const struct pst_ctl_command *
find_command(const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i];
	}
	return NULL;
}

/* Options of both tables in getopt's form; `own` may be NULL. */
struct forms {
	struct option longs[PST_CTL_GIVEN_MAX + 8];
	char shorts[2 * PST_CTL_GIVEN_MAX + 16];
	int n, n_shorts;
};

static void
add_form(struct forms *f, const struct pst_ctl_option *option, int number)
{
	f->longs[f->n++] = (struct option){ option->name,
		option->value != NULL ? required_argument : no_argument, NULL, number };
	if (option->letter == 0)
		return;
	f->shorts[f->n_shorts++] = option->letter;
	if (option->value != NULL)
		f->shorts[f->n_shorts++] = ':';
}

static void
make_forms(struct forms *f, const struct pst_ctl_option *own)
{
	*f = (struct forms){ 0 };
	if (own == NULL)
		f->shorts[f->n_shorts++] = '+'; /* up to the command */
	for (const struct pst_ctl_option *o = globals; o->name != NULL; o++)
		add_form(f, o, o->letter);
	for (int i = 0; own != NULL && own[i].name != NULL && i < PST_CTL_GIVEN_MAX; i++)
		add_form(f, &own[i], OWN_FIRST + i);
}

/* Which of the command's options it is, by number or letter. */
static const struct pst_ctl_option *
own_option(const struct pst_ctl_option *own, int option)
{
	if (option >= OWN_FIRST)
		return &own[option - OWN_FIRST];
	for (; own->name != NULL && own->letter != option; own++)
		;
	return own->name != NULL ? own : NULL;
}

/* What to exit with, or -1 to go on. */
static int
parse_option(int option, struct pst_ctl_args *args, const struct pst_ctl_command *command)
{
	const struct pst_ctl_option *own;

	switch (option) {
	case 's':
		args->socket = optarg;
		args->has_socket = true;
		return -1;
	case 'j':
		args->json = true;
		return -1;
	case 'V':
		puts("posternctl " PST_VERSION);
		return PST_CTL_OK;
	case 'h':
		if (command != NULL)
			pst_help_command(command, globals);
		else
			pst_help_print(commands, globals);
		return PST_CTL_OK;
	}
	own = option != '?' && command != NULL && command->options != NULL
		      ? own_option(command->options, option)
		      : NULL;
	if (own == NULL)
		return PST_CTL_USAGE; /* getopt has said why */
	if (pst_ctl_give(args, own, optarg != NULL ? optarg : "") != PST_CTL_OK)
		return PST_CTL_USAGE;
	return -1;
}

static int
parse_options(
	int argc, char **argv, struct pst_ctl_args *args, const struct pst_ctl_command *command)
{
	static const struct pst_ctl_option none[] = { { NULL } };
	const struct pst_ctl_option *own = NULL;
	struct forms forms;
	int option, code = -1;

	if (command != NULL)
		own = command->options != NULL ? command->options : none;
	make_forms(&forms, own);
	optind = 0; /* getopt is to begin anew */
	while (code < 0 &&
		(option = getopt_long(argc, argv, forms.shorts, forms.longs, NULL)) != -1)
		code = parse_option(option, args, command);
	return code;
}

static int
complain_command(const char *name)
{
	const char *known[COMMANDS] = { NULL };

	if (name == NULL) {
		fprintf(stderr, "posternctl: no command; see posternctl --help\n");
		return PST_CTL_USAGE;
	}
	for (size_t i = 0; commands[i] != NULL; i++)
		known[i] = commands[i]->name;
	return pst_ctl_unknown("command", name, known);
}

/* What stands before the command is for all of them; what stands behind it may be its own. */
static int
run(int argc, char **argv, struct pst_ctl_args *args)
{
	static char *rest[WORDS_MAX + 2];
	const struct pst_ctl_command *command;
	int code = parse_options(argc, argv, args, NULL), n = 0;

	if (code >= 0)
		return code;
	command = argv[optind] != NULL ? find_command(argv[optind]) : NULL;
	if (command == NULL)
		return complain_command(argv[optind]);
	if (argc - optind > WORDS_MAX) {
		fprintf(stderr, "posternctl: more than %d words behind the command\n", WORDS_MAX);
		return PST_CTL_USAGE;
	}
	rest[n++] = argv[0];
	for (int i = optind + 1; i < argc; i++)
		rest[n++] = argv[i];
	code = parse_options(n, rest, args, command);
	if (code >= 0)
		return code;
	rest[optind - 1] =
		(char *)(uintptr_t)command->name; /* an option that was read, or argv[0] */
	args->words = rest + optind - 1;
	return command->run(args);
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
	static struct pst_ctl_args args = { .socket = PST_CTL_SOCKET };
	int code;

	signal(SIGPIPE, leave);
	if (argc > 1 && strcmp(argv[1], "complete") == 0) {
		/* the shell asks: complete -- WORDS */
		pst_complete(commands, globals, argv + (argc > 2 ? 3 : 2));
		return PST_CTL_OK;
	}
	code = run(argc, argv, &args);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "posternctl: standard output cannot be written\n");
		return PST_CTL_REFUSED;
	}
	return code;
}
