/* SPDX-License-Identifier: BSD-3-Clause */
/* posternctl status: how the appliance is, at a glance. */
#include <stdio.h>

#include "call.h"
#include "cell.h"
#include "ctl.h"
#include "format.h"

static const struct pst_cell_column workers[] = {
	{ "WORKER", "worker", PST_CELL_NUMBER },
	{ "LCORE", "lcore", PST_CELL_NUMBER },
	{ "LOAD", "load", PST_CELL_PERCENT },
	{ "RECEIVED", "received", PST_CELL_NUMBER },
	{ "SENT", "sent", PST_CELL_NUMBER },
	{ "HANDED OVER", "handed_over", PST_CELL_NUMBER },
	{ "TAKEN OVER", "taken_over", PST_CELL_NUMBER },
	{ "LENT", "lent", PST_CELL_NUMBER },
	{ "EDITED", "edited", PST_CELL_NUMBER },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "BINDS", "binds", PST_CELL_NUMBER },
	{ "LISTENERS", "listeners", PST_CELL_NUMBER },
	{ "CLIENTS", "clients", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column editors[] = {
	{ "EDITOR", "editor_lcore", PST_CELL_NUMBER },
	{ "LCORE", "lcore", PST_CELL_NUMBER },
	{ "SESSIONS", "sessions", PST_CELL_NUMBER },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "BINDS", "binds", PST_CELL_NUMBER },
	{ "FAILED", "bind_failures", PST_CELL_NUMBER },
	{ "LATE", "late_replies", PST_CELL_NUMBER },
	{ "EDITS", "edits", PST_CELL_NUMBER },
	{ "RESENT", "retransmits", PST_CELL_NUMBER },
	{ "SPLIT", "splits", PST_CELL_NUMBER },
	{ "LATCHED", "latched", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column mempools[] = {
	{ "PACKET POOL", "name", PST_CELL_TEXT },
	{ "SIZE", "size", PST_CELL_NUMBER },
	{ "IN USE", "in_use", PST_CELL_NUMBER },
	{ NULL },
};

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *
text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s != NULL ? s : "?";
}

static void
print_head(const json_t *status)
{
	char up[PST_FORMAT_MAX];

	printf("postern %s, %s, up %s\n", text(status, "version"),
		json_is_true(json_object_get(status, "ready")) ? "ready" : "not ready yet",
		pst_format_seconds(up, number(status, "uptime_s")));
}

/* "dropped     12  ttl 9, no_route 3" */
static void
print_reasons(const json_t *account, const char *what)
{
	json_t *reasons = json_object_get(account, what), *n;
	const char *reason, *comma = "  ";
	long long total = 0;

	json_object_foreach(reasons, reason, n) total += json_integer_value(n);
	printf("  %-10s %14lld", what, total);
	json_object_foreach(reasons, reason, n)
	{
		if (json_integer_value(n) == 0)
			continue;
		printf("%s%s %lld", comma, reason, (long long)json_integer_value(n));
		comma = ", ";
	}
	printf("\n");
}

static void
print_account(const json_t *account)
{
	printf("\npackets\n");
	printf("  %-10s %14lld\n", "received", number(account, "received"));
	print_reasons(account, "originated");
	printf("  %-10s %14lld\n", "sent", number(account, "sent"));
	print_reasons(account, "dropped");
	print_reasons(account, "consumed");
	printf("  %-10s %14lld\n", "held", number(account, "held"));
}

static void
print_rows(const json_t *rows, const struct pst_cell_column *columns)
{
	if (json_array_size(rows) == 0)
		return;
	printf("\n");
	pst_cell_print(rows, columns, stdout);
}

static void
print_memory(const json_t *memory)
{
	const json_t *heap = json_object_get(memory, "heap");
	char used[PST_FORMAT_MAX], total[PST_FORMAT_MAX];

	printf("\nmemory: %s of %s in use, %lld allocations\n",
		pst_format_bytes(used, number(heap, "allocated")),
		pst_format_bytes(total, number(heap, "total")), number(heap, "allocations"));
	print_rows(json_object_get(memory, "mempools"), mempools);
}

/* "event log: 120 records; file 120 written, 3 lost (No space left on device)" */
static void
print_events(const json_t *events)
{
	static const char *const ways[] = { "file", "syslog", "ipfix" };
	const char *kind, *word = "; lost in rings:";
	json_t *n;

	if (!json_is_object(events))
		return;
	printf("\nevent log: %lld records", number(events, "records"));
	json_object_foreach(json_object_get(events, "lost"), kind, n)
	{
		printf("%s %s %lld", word, kind, (long long)json_integer_value(n));
		word = ",";
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const json_t *way = json_object_get(events, ways[i]);
		const char *fault = json_string_value(json_object_get(way, "fault"));

		if (!json_is_object(way))
			continue;
		printf("; %s %lld, %lld lost", ways[i], number(way, "sent"), number(way, "lost"));
		if (fault != NULL)
			printf(" (%s)", fault);
	}
	printf("; %lld watch\n", number(events, "watchers"));
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	json_t *status = NULL;
	enum pst_ctl_exit code;

	if (args->words[1] != NULL) {
		fprintf(stderr, "posternctl: status takes no arguments\n");
		return PST_CTL_USAGE;
	}
	code = pst_call(args->socket, json_pack("{s:s}", "command", "status"), &status);
	if (code != PST_CTL_OK)
		return code;
	if (args->json) {
		pst_ctl_print_json(status);
	} else {
		print_head(status);
		print_account(json_object_get(status, "account"));
		print_rows(json_object_get(status, "workers"), workers);
		print_rows(json_object_get(status, "editors"), editors);
		print_events(json_object_get(status, "events"));
		print_memory(json_object_get(status, "memory"));
	}
	json_decref(status);
	return PST_CTL_OK;
}

const struct pst_ctl_command pst_ctl_status = {
	.name = "status",
	.help = "how the appliance is",
	.run = run,
};
