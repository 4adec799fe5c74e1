/* SPDX-License-Identifier: BSD-3-Clause */
/* posternctl kill: end connections, or all that a client has open, as their timers would. */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "filter.h"

static const struct pst_ctl_option options[] = {
	PST_FILTER_OPTIONS,
	{ NULL },
};

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void
print_ended(const json_t *ended)
{
	long long connections = number(ended, "connections"),
		  listeners = number(ended, "listeners");

	printf("ended %lld connection%s", connections, connections == 1 ? "" : "s");
	if (listeners > 0)
		printf(" and %lld listener%s", listeners, listeners == 1 ? "" : "s");
	printf("\n");
}

/* Takes the reference to `request`. */
static enum pst_ctl_exit
ask(const struct pst_ctl_args *args, json_t *request)
{
	json_t *ended = NULL;
	enum pst_ctl_exit code = pst_call(args->socket, request, &ended);

	if (code != PST_CTL_OK)
		return code;
	if (args->json)
		pst_ctl_print_json(ended);
	else
		print_ended(ended);
	json_decref(ended);
	return PST_CTL_OK;
}

static enum pst_ctl_exit
kill_like(const struct pst_ctl_args *args)
{
	struct pst_ctl_args all = *args;
	json_t *filter;
	enum pst_ctl_exit code = pst_filter_words(&all, 2, options);

	if (code == PST_CTL_OK)
		code = pst_filter_make(&all, &filter);
	if (code != PST_CTL_OK)
		return code;
	if (filter == NULL) {
		fprintf(stderr,
			"posternctl: which connections? Name a client, a state or the like: "
			"kill --help\n");
		return PST_CTL_USAGE;
	}
	return ask(args, json_pack("{s:s,s:s,s:o}", "command", "kill", "what", "connections",
				 "filter", filter));
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	static const char *const known[] = { "connection", "client", "connections", NULL };
	const char *what = args->words[1], *id = what != NULL ? args->words[2] : NULL;

	if (what != NULL && strcmp(what, "connections") == 0)
		return kill_like(args);
	if (what != NULL && strcmp(what, "connection") != 0 && strcmp(what, "client") != 0)
		return pst_ctl_unknown("thing to kill", what, known);
	if (id == NULL || args->words[3] != NULL || args->n_given > 0) {
		fprintf(stderr,
			"posternctl: kill connection ID, client ADDRESS, or connections with "
			"a filter\n");
		return PST_CTL_USAGE;
	}
	return ask(args, json_pack("{s:s,s:s,s:s}", "command", "kill", "what", what, "id", id));
}

static void
print_more(void)
{
	printf("\n"
	       "  kill connection ID       the one that show connections gives this id\n"
	       "  kill client ADDRESS      all its connections, and what editors opened for it\n"
	       "  kill connections FILTER  those that show connections shows with that filter\n"
	       "Their editors hear of it. The client may begin anew at once: rules keep it out.\n");
}

static void
complete(const char *socket, unsigned int n, const char *what)
{
	if (n == 1)
		pst_ctl_offer_all(socket, "connection client connections");
	else if (n == 2 && strcmp(what, "client") == 0)
		pst_ctl_offer_all(socket, "@clients client");
	else if (n == 2 && strcmp(what, "connection") == 0)
		pst_ctl_offer_all(socket, "@connections id");
	else if (strcmp(what, "connections") == 0)
		pst_filter_offer(options);
}

const struct pst_ctl_command pst_ctl_kill = {
	.name = "kill",
	.usage = "connection|client ID",
	.help = "end a connection, or all that a client has open",
	.options = options,
	.print_more = print_more,
	.complete = complete,
	.run = run,
};
