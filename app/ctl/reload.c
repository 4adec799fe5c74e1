/* SPDX-License-Identifier: BSD-3-Clause */
/* posternctl reload, posternctl confirm: change over to another config, or see what that would do. */
#include <stdio.h>

#include "call.h"
#include "ctl.h"
#include "table.h"

#define VALUE_MOST 40 /* columns of a value */

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* A value as one cell: what is too long is in --json. */
static void
add_value(struct pst_table *table, const json_t *value)
{
	char cell[VALUE_MOST + 1];
	char *text = json_is_null(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text == NULL)
		snprintf(cell, sizeof(cell), "-");
	else if (snprintf(cell, sizeof(cell), "%s", text) >= (int)sizeof(cell))
		snprintf(cell + sizeof(cell) - 4, 4, "...");
	pst_table_cell(table, cell);
	free(text);
}

static void
print_changes(const json_t *changes)
{
	struct pst_table table;
	const json_t *change;
	size_t i;

	if (json_array_size(changes) == 0) {
		printf("nothing changes\n");
		return;
	}
	pst_table_init(&table);
	pst_table_column(&table, "KEY", false);
	pst_table_column(&table, "IS", false);
	pst_table_column(&table, "BECOMES", false);
	pst_table_column(&table, "COUNTS FOR", false);
	json_array_foreach(changes, i, change)
	{
		pst_table_cell(&table, json_string_value(json_object_get(change, "key")));
		add_value(&table, json_object_get(change, "from"));
		add_value(&table, json_object_get(change, "to"));
		pst_table_cell(&table, json_string_value(json_object_get(change, "effect")));
	}
	pst_table_print(&table, stdout);
	pst_table_fini(&table);
}

static void
print_connections(const json_t *result)
{
	const json_t *n = json_object_get(result, "connections");
	bool dry_run = json_is_true(json_object_get(result, "dry_run"));
	const char *warning = json_string_value(json_object_get(result, "warning"));

	printf("\nconnections%s: %lld kept, %lld drained", dry_run ? " would be" : "",
		number(n, "kept"), number(n, "drained"));
	if (number(n, "drained") > 0)
		printf(" (cut in %lld s)", number(result, "drain_time"));
	printf(", %lld cut\n", number(n, "cut"));
	if (warning != NULL && warning[0] != '\0')
		printf("warning: %s\n", warning);
	if (number(result, "confirm_within") > 0)
		printf("it goes back in %lld s, unless: posternctl confirm\n",
			number(result, "confirm_within"));
}

/* Takes the reference to `request`. */
static enum pst_ctl_exit
call(const struct pst_ctl_args *args, json_t *request, json_t **result)
{
	enum pst_ctl_exit code;

	if (args->words[1] != NULL) {
		fprintf(stderr, "posternctl: %s takes no arguments\n", args->words[0]);
		json_decref(request);
		return PST_CTL_USAGE;
	}
	code = pst_call(args->socket, request, result);
	if (code == PST_CTL_OK && args->json)
		pst_ctl_print_json(*result);
	return code;
}

static enum pst_ctl_exit
run_reload(const struct pst_ctl_args *args)
{
	bool dry_run = pst_ctl_option(args, "dry-run") != NULL;
	long long confirm;
	json_t *request, *result = NULL;
	enum pst_ctl_exit code;

	if (!pst_ctl_number(args, "confirm", "seconds", &confirm))
		return PST_CTL_USAGE;
	request = json_pack("{s:s,s:b}", "command", "reload", "dry_run", dry_run);
	if (confirm > 0)
		json_object_set_new(request, "confirm", json_integer(confirm));
	code = call(args, request, &result);
	if (code == PST_CTL_OK && !args->json) {
		print_changes(json_object_get(result, "changes"));
		print_connections(result);
	}
	json_decref(result);
	return code;
}

static enum pst_ctl_exit
run_confirm(const struct pst_ctl_args *args)
{
	json_t *result = NULL;
	enum pst_ctl_exit code = call(args, json_pack("{s:s}", "command", "confirm"), &result);

	if (code == PST_CTL_OK && !args->json)
		printf("confirmed\n");
	json_decref(result);
	return code;
}

static const struct pst_ctl_option options[] = {
	{ "dry-run", NULL, "change nothing, print what would change" },
	{ "confirm", "SECONDS", "go back unless confirmed within that time" },
	{ NULL },
};

static void
print_more(void)
{
	printf("\nWhat the file does not allow any more is kept, drained or cut, as it says.\n");
}

const struct pst_ctl_command pst_ctl_reload = {
	.name = "reload",
	.help = "change over to the file that it was started with",
	.options = options,
	.print_more = print_more,
	.run = run_reload,
};

const struct pst_ctl_command pst_ctl_confirm = {
	.name = "confirm",
	.help = "keep what a reload with --confirm changed",
	.run = run_confirm,
};
