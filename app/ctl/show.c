/* SPDX-License-Identifier: BSD-3-Clause */
/* posternctl show: what the appliance has in its tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "filter.h"
#include "listing.h"

#define NAMES_MOST 32
#define PAGE 1000 /* rows whose columns are laid out together, and all that a terminal gets */

static const struct pst_ctl_option options[] = {
	PST_FILTER_OPTIONS,
	{ "sort", "KEY",
		"by bytes, packets, age, connections or ports, the largest first;\n"
		"by expires or client, the smallest first",
		0, "bytes packets age connections ports expires client" },
	{ "reverse", NULL, "the other end first", 'r' },
	{ "limit", "ROWS",
		"show at most so many, or all; on a terminal, 1,000 unless\n"
		"it is said",
		'n' },
	{ NULL },
};

static void
add_drop_columns(struct pst_table *table, const json_t *drops)
{
	static const struct {
		const char *key, *title;
	} kinds[] = { { "workers", "WORKER" }, { "editors", "EDITOR" } };
	const json_t *first = json_array_get(drops, 0);
	char title[32];

	pst_table_column(table, "REASON", false);
	pst_table_column(table, "TOTAL", true);
	for (size_t k = 0; k < 2; k++) {
		size_t n = json_array_size(json_object_get(first, kinds[k].key));

		for (size_t i = 0; i < n; i++) {
			snprintf(title, sizeof(title), "%s %zu", kinds[k].title, i);
			pst_table_column(table, title, true);
		}
	}
	pst_table_column(table, "MAIN", true);
}

/* Reasons that nothing was dropped for are left out. */
static void
print_drops(const json_t *drops, const char *none)
{
	struct pst_table table;
	json_t *drop, *n;
	size_t i, j;

	pst_table_init(&table);
	add_drop_columns(&table, drops);
	json_array_foreach(drops, i, drop)
	{
		if (json_integer_value(json_object_get(drop, "total")) == 0)
			continue;
		pst_cell_add(&table, json_object_get(drop, "reason"), PST_CELL_TEXT);
		pst_cell_add(&table, json_object_get(drop, "total"), PST_CELL_NUMBER);
		json_array_foreach(json_object_get(drop, "workers"), j, n)
			pst_cell_add(&table, n, PST_CELL_NUMBER);
		json_array_foreach(json_object_get(drop, "editors"), j, n)
			pst_cell_add(&table, n, PST_CELL_NUMBER);
		pst_cell_add(&table, json_object_get(drop, "main"), PST_CELL_NUMBER);
	}
	if (table.n_cells > 0)
		pst_table_print(&table, stdout);
	else
		puts(none);
	pst_table_fini(&table);
}

/* A document that is no table of ours. */
static enum pst_ctl_exit
show_document(const struct pst_ctl_args *args, const struct pst_listing *listing, json_t *request)
{
	json_t *result = NULL;
	enum pst_ctl_exit code = pst_call(args->socket, request, &result);

	if (code != PST_CTL_OK)
		return code;
	if (!args->json && strcmp(listing->what, "drops") == 0)
		print_drops(result, listing->none);
	else
		pst_ctl_print_json(result);
	json_decref(result);
	return PST_CTL_OK;
}

struct rows {
	const struct pst_cell_column *columns;
	struct pst_table table;
	size_t n, most; /* most 0: any number */
};

static void
print_json_row(void *ctx, const json_t *row)
{
	struct rows *rows = ctx;

	fputs(rows->n++ == 0 ? "[\n" : ",\n", stdout);
	json_dumpf(row, stdout, JSON_REAL_PRECISION(4));
}

static enum pst_ctl_exit
show_json_rows(const struct pst_ctl_args *args, json_t *request)
{
	struct rows rows = { 0 };
	enum pst_ctl_exit code = pst_call_rows(args->socket, request, print_json_row, &rows);

	if (rows.n > 0)
		puts("\n]"); /* whole, even if an error cut it short */
	else if (code == PST_CTL_OK)
		puts("[]");
	return code;
}

static void
add_row(void *ctx, const json_t *row)
{
	struct rows *rows = ctx;

	if (rows->n++ == rows->most && rows->most > 0)
		return;
	pst_cell_row(&rows->table, rows->columns, row);
	if (rows->n % PAGE == 0)
		pst_table_print(&rows->table, stdout);
}

static enum pst_ctl_exit
show_table(const struct pst_ctl_args *args, const struct pst_listing *listing, json_t *request,
	size_t most)
{
	struct rows rows = { .columns = listing->columns, .most = most };
	enum pst_ctl_exit code;

	pst_table_init(&rows.table);
	pst_cell_columns(&rows.table, rows.columns);
	code = pst_call_rows(args->socket, request, add_row, &rows);
	if (rows.n > 0)
		pst_table_print(&rows.table, stdout);
	else if (code == PST_CTL_OK)
		puts(listing->none);
	if (most > 0 && rows.n > most) {
		fflush(stdout);
		fprintf(stderr, "posternctl: these are the first %zu; --limit all shows the rest\n",
			most);
	}
	pst_table_fini(&rows.table);
	return code;
}

/* The rows that --limit allows, 0: all; -1 when it was not given, -2 after a complaint. */
static long long
read_limit(const struct pst_ctl_args *args)
{
	const char *text = pst_ctl_option(args, "limit");
	long long limit;

	if (text == NULL)
		return -1;
	if (strcmp(text, "all") == 0)
		return 0;
	return pst_ctl_number(args, "limit", "rows", &limit) ? limit : -2;
}

/* A terminal gets a page, and is told when there is more; what reads a pipe wants all. */
static size_t
page_of(const struct pst_ctl_args *args, const struct pst_listing *listing, long long limit)
{
	return limit == -1 && listing->has_limit && !args->json && isatty(STDOUT_FILENO) ? PAGE : 0;
}

static enum pst_ctl_exit
show(const struct pst_ctl_args *args, const struct pst_listing *listing)
{
	const char *sort = pst_ctl_option(args, "sort");
	long long limit = read_limit(args);
	size_t page = page_of(args, listing, limit);
	json_t *request, *filter;
	enum pst_ctl_exit code;

	if (limit == -2)
		return PST_CTL_USAGE;
	code = pst_filter_make(args, &filter);
	if (code != PST_CTL_OK)
		return code;
	request = json_pack("{s:s,s:s,s:o*,s:s*}", "command", "show", "what", listing->what,
		"filter", filter, "sort", sort);
	if (pst_ctl_option(args, "reverse") != NULL)
		json_object_set_new(request, "reverse", json_true());
	if (limit > 0 || page > 0)
		json_object_set_new(
			request, "limit", json_integer(limit > 0 ? limit : (long long)page + 1));
	if (listing->columns == NULL)
		return show_document(args, listing, request);
	if (args->json)
		return show_json_rows(args, request);
	return show_table(args, listing, request, page);
}

static enum pst_ctl_exit
complain_what(const char *what)
{
	const char *known[NAMES_MOST + 1];
	unsigned int n = 0;

	for (const struct pst_listing *l = pst_listings; l->what != NULL && n < NAMES_MOST; l++)
		known[n++] = l->what;
	known[n] = NULL;
	if (what != NULL)
		return pst_ctl_unknown("thing to show", what, known);
	fprintf(stderr, "posternctl: show what? One of");
	for (unsigned int i = 0; i < n; i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "", known[i]);
	fprintf(stderr, "\n");
	return PST_CTL_USAGE;
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	const struct pst_listing *listing = pst_listings;
	const char *what = args->words[1];
	struct pst_ctl_args all = *args;
	enum pst_ctl_exit code;

	while (what != NULL && listing->what != NULL && strcmp(what, listing->what) != 0)
		listing++;
	if (what == NULL || listing->what == NULL)
		return complain_what(what);
	code = pst_filter_words(&all, 2, options);
	if (code != PST_CTL_OK)
		return code;
	if (all.n_given == 0 || listing->has_limit)
		return show(&all, listing);
	fprintf(stderr, "posternctl: --%s is for tables of the workers, not for %s\n",
		all.given[0].option->name, what);
	return PST_CTL_USAGE;
}

static void
print_more(void)
{
	printf("\nWHAT is one of\n");
	for (const struct pst_listing *l = pst_listings; l->what != NULL; l++)
		printf("  %-15s%s\n", l->what, l->has_limit ? " *" : "");
	printf("of which those with a * take filters, an order and a limit. Their options may be\n"
	       "written as words, too:\n"
	       "  posternctl show connections tcp state established client 10.0.0.0/24 sort "
	       "bytes\n");
}

bool
pst_ctl_has_limit(const char *what)
{
	const struct pst_listing *l = pst_listings;

	while (l->what != NULL && strcmp(l->what, what) != 0)
		l++;
	return l->what != NULL && l->has_limit;
}

static void
complete(const char *socket, unsigned int n, const char *what)
{
	(void)socket;
	if (n == 1) {
		for (const struct pst_listing *l = pst_listings; l->what != NULL; l++)
			pst_ctl_offer(l->what);
	} else if (pst_ctl_has_limit(what)) {
		pst_filter_offer(options);
	}
}

const struct pst_ctl_command pst_ctl_show = {
	.name = "show",
	.usage = "WHAT",
	.help = "what it has in its tables; show --help names them",
	.options = options,
	.print_more = print_more,
	.complete = complete,
	.run = run,
};
