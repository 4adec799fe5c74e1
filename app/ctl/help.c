/* SPDX-License-Identifier: BSD-3-Clause */
#include "help.h"

#include <stdio.h>
#include <string.h>

#define HELP_COLUMN 25 /* where texts begin */

/* A name on the left, its text on the right, of which lines after the first are indented. */
static void
print_entry(const char *name, const char *text)
{
	int pad = HELP_COLUMN - (int)strlen(name);
	const char *end;

	printf("%s", name);
	if (pad < 2) {
		printf("\n");
		pad = HELP_COLUMN;
	}
	while ((end = strchr(text, '\n')) != NULL) {
		printf("%*s%.*s\n", pad, "", (int)(end - text), text);
		text = end + 1;
		pad = HELP_COLUMN;
	}
	printf("%*s%s\n", pad, "", text);
}

static void
print_options(const struct pst_ctl_option *option)
{
	char name[64], letter[8];

	for (; option != NULL && option->name != NULL; option++) {
		snprintf(letter, sizeof(letter), option->letter != 0 ? "-%c, " : "    ",
			option->letter);
		snprintf(name, sizeof(name), "  %s--%s%s%s", letter, option->name,
			option->value != NULL ? " " : "",
			option->value != NULL ? option->value : "");
		print_entry(name, option->help);
	}
}

static void
print_status(void)
{
	printf("\nexit status: 0 done, 1 refused (the reason is on stderr), 2 usage,\n"
	       "3 no appliance on that socket\n");
}

void
pst_help_print(const struct pst_ctl_command *const *commands, const struct pst_ctl_option *globals)
{
	char name[64];

	printf("usage: posternctl [-s SOCKET] [--json] COMMAND [ARGUMENTS]\n\ncommands:\n");
	for (; *commands != NULL; commands++) {
		const struct pst_ctl_command *c = *commands;

		snprintf(name, sizeof(name), "  %s%s%s", c->name, c->usage != NULL ? " " : "",
			c->usage != NULL ? c->usage : "");
		print_entry(name, c->help);
	}
	printf("\noptions:\n");
	print_options(globals);
	printf("\nposternctl COMMAND --help tells more of one.\n");
	print_status();
}

void
pst_help_command(const struct pst_ctl_command *command, const struct pst_ctl_option *globals)
{
	printf("usage: posternctl [-s SOCKET] [--json] %s%s%s%s\n\n%s\n", command->name,
		command->usage != NULL ? " " : "", command->usage != NULL ? command->usage : "",
		command->options != NULL ? " [OPTIONS]" : "", command->help);
	if (command->options != NULL) {
		printf("\noptions of %s:\n", command->name);
		print_options(command->options);
	}
	printf("\noptions of all commands:\n");
	print_options(globals);
	if (command->print_more != NULL)
		command->print_more();
	print_status();
}
