/* SPDX-License-Identifier: BSD-3-Clause */
/* posternctl explain: what would become of a packet, step by step. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "ctl.h"
#include "format.h"

static const char *
text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s != NULL ? s : "?";
}

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static bool
is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* "rule          ..." */
static void __attribute__((format(printf, 2, 3)))
line(const char *what, const char *format, ...)
{
	va_list args;

	printf("  %-14s ", what);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void
print_steering(const json_t *pass)
{
	const json_t *steering = json_object_get(pass, "steering");

	line("comes in by", "%s", text(pass, "interface"));
	if (json_is_object(steering))
		line("worker", "%lld, %s slot %lld of the %s", number(steering, "worker"),
			is_true(steering, "redirected") ? "to whom a port was lent, by" : "by",
			number(steering, "slot"), text(steering, "by"));
}

/* A rule or a packet filter; null: there are none. */
static void
print_decision(const json_t *pass, const char *key, const char *what, const char *none)
{
	const json_t *decided = json_object_get(pass, key);
	bool allow = is_true(decided, "allow");

	if (!json_is_object(decided))
		return;
	if (json_is_string(json_object_get(decided, "name")))
		line(what, "\"%s\" %s it", text(decided, "name"), allow ? "allows" : "denies");
	else
		line(what, "%s", none);
}

static void
print_limit(const char *what, const json_t *limit, const char *key, const char *of)
{
	const json_t *l = json_object_get(limit, key);

	if (json_is_object(l))
		line(what, "%lld of %lld %s", number(l, "now"), number(l, "most"), of);
}

static void
print_client(const json_t *pass)
{
	const json_t *client = json_object_get(pass, "client");

	if (!json_is_object(client))
		return;
	line("client", "%s", text(client, "address"));
	print_limit("", client, "ports", "ports");
	print_limit("", client, "sessions", "sessions");
	print_limit("", client, "new_sessions", "new sessions in this second");
}

static void
print_policy(const json_t *pass)
{
	print_decision(pass, "packet_filter", "packet filter", "none matches: it may pass");
	if (json_is_string(json_object_get(pass, "application")))
		line("protocol", "%s, editor %s", text(pass, "application"),
			json_is_string(json_object_get(pass, "editor")) ? text(pass, "editor") :
									   "none");
	print_decision(pass, "rule", "rule",
		is_true(pass, "left_to_editor") ? "none matches: an editor decides" :
						  "none matches: the rest is denied");
}

static void
print_filter(const json_t *filter)
{
	const json_t *range;
	size_t i;

	if (!json_is_array(filter)) {
		line("", "everybody may come");
		return;
	}
	printf("  %-14s who may come:", "");
	json_array_foreach(filter, i, range) printf(" %s", json_string_value(range));
	puts(json_array_size(filter) == 0 ? " nobody" : "");
}

static void
print_entries(const json_t *pass)
{
	const json_t *permission = json_object_get(pass, "permission");
	const json_t *listener = json_object_get(pass, "listener");
	const json_t *connection = json_object_get(pass, "connection");

	if (json_is_object(permission))
		line("permission", "of %s to %s", text(permission, "editor"),
			text(permission, "to"));
	if (json_is_object(listener)) {
		line("listener", "%s to %s, by %s", text(listener, "external"),
			json_is_string(json_object_get(listener, "client")) ?
				text(listener, "client") :
				"nobody yet",
			json_is_string(json_object_get(listener, "editor")) ?
				text(listener, "editor") :
				"the operator");
		print_filter(json_object_get(listener, "filter"));
		print_limit("", pass, "backlog", "connections not established yet");
	}
	if (json_is_object(connection))
		line("connection", "%s, %s, ends in %lld s unless it goes on",
			text(connection, "id"), text(connection, "state"),
			number(connection, "expires_s"));
}

/* "an odd port by lot, of 1024-2047,3072-4095; 500 are free there" */
static void
print_choice(const json_t *choice)
{
	bool known = json_is_string(json_object_get(choice, "range"));

	line("", "an %s port by lot, of %s; %lld are free there", text(choice, "parity"),
		known ? text(choice, "range") : "a block that the client gets",
		number(choice, "free"));
}

static void
print_mapping(const json_t *pass)
{
	const json_t *mapping = json_object_get(pass, "mapping");
	const json_t *timer = json_object_get(pass, "timer");
	char left[PST_FORMAT_MAX];

	if (json_is_object(mapping)) {
		line("mapping", "%s, %s: %s is %s outside", text(mapping, "kind"),
			is_true(mapping, "new") ? "would be made" : "is there",
			text(mapping, "inside"), text(mapping, "outside"));
		if (json_is_object(json_object_get(mapping, "choice")))
			print_choice(json_object_get(mapping, "choice"));
	}
	if (json_is_object(timer))
		line("timer", "%s, %s", text(timer, "name"),
			pst_format_seconds(left, number(timer, "seconds")));
}

static void
print_route(const json_t *pass)
{
	const json_t *route = json_object_get(pass, "route");
	const json_t *neighbour = json_object_get(route, "neighbour");

	if (!json_is_object(route))
		return;
	line("leaves by", "%s, route %s%s%s", text(route, "interface"), text(route, "to"),
		json_is_string(json_object_get(route, "via")) ? " via " : "",
		json_is_string(json_object_get(route, "via")) ? text(route, "via") : "");
	line("neighbour", "%s, %s, %s", text(neighbour, "address"),
		json_is_string(json_object_get(neighbour, "mac")) ? text(neighbour, "mac") :
								     "no MAC address yet",
		text(neighbour, "state"));
}

static void
print_pass(const json_t *pass)
{
	const json_t *as = json_object_get(pass, "leaves_as");

	printf("%s %s > %s (%s)\n", text(pass, "protocol"), text(pass, "source"),
		text(pass, "destination"), text(pass, "message"));
	print_steering(pass);
	print_policy(pass);
	print_entries(pass);
	print_client(pass);
	print_mapping(pass);
	print_route(pass);
	if (json_is_object(as))
		line("leaves as", "%s > %s", text(as, "source"), text(as, "destination"));
}

static void
print(const json_t *answer)
{
	const json_t *pass;
	size_t i;

	json_array_foreach(json_object_get(answer, "passes"), i, pass)
	{
		if (i > 0)
			puts("by hairpin, as if from outside:");
		print_pass(pass);
	}
	if (json_is_string(json_object_get(answer, "reason")))
		printf("dropped: %s\n", text(answer, "reason"));
	else
		printf("%s\n", text(answer, "verdict"));
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	const char *from = pst_ctl_option(args, "from");
	char *const *words = args->words;
	json_t *request, *answer = NULL;
	enum pst_ctl_exit code;

	if (words[1] == NULL || words[2] == NULL || words[3] == NULL || words[4] != NULL) {
		fprintf(stderr, "posternctl: explain PROTO SRC:PORT DST:PORT [--from INTERFACE]\n");
		return PST_CTL_USAGE;
	}
	request = json_pack("{s:s,s:s,s:s,s:s}", "command", "explain", "protocol", words[1],
		"source", words[2], "destination", words[3]);
	if (request == NULL) {
		fprintf(stderr, "posternctl: that is no text in UTF-8\n");
		return PST_CTL_USAGE;
	}
	if (from != NULL)
		json_object_set_new(request, "from", json_string(from));
	code = pst_call(args->socket, request, &answer);
	if (code != PST_CTL_OK)
		return code;
	if (args->json)
		pst_ctl_print_json(answer);
	else
		print(answer);
	json_decref(answer);
	return PST_CTL_OK;
}

static const struct pst_ctl_option options[] = {
	{ "from", "INTERFACE", "where it comes in (the one that leads to its source)", 0,
		"@interfaces name" },
	{ NULL },
};

static void
print_more(void)
{
	printf("\nOf icmp the port is the identifier; gre and esp have none.\n");
}

const struct pst_ctl_command pst_ctl_explain = {
	.name = "explain",
	.usage = "PROTO SRC:PORT DST:PORT",
	.help = "what would become of such a packet now, and why",
	.options = options,
	.print_more = print_more,
	.run = run,
};
