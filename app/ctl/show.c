/* SPDX-License-Identifier: BSD-3-Clause */
/* posternctl show: what the appliance has in its tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "cell.h"
#include "ctl.h"

static const struct pst_cell_column connections[] = {
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "INSIDE", "inside", PST_CELL_TEXT },
	{ "OUTSIDE", "outside", PST_CELL_TEXT },
	{ "REMOTE", "remote", PST_CELL_TEXT },
	{ "STATE", "state", PST_CELL_TEXT },
	{ "PATH", "path", PST_CELL_TEXT },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "PACKETS", "packets", PST_CELL_NUMBER },
	{ "BYTES", "bytes", PST_CELL_BYTES },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "ID", "id", PST_CELL_TEXT },
	{ NULL },
};

static const struct pst_cell_column binds[] = {
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "INSIDE", "inside", PST_CELL_TEXT },
	{ "OUTSIDE", "outside", PST_CELL_TEXT },
	{ "FOR", "remote", PST_CELL_ALL },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "WORKER", "worker", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column listeners[] = {
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "EXTERNAL", "external", PST_CELL_TEXT },
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "PATH", "path", PST_CELL_TEXT },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "FLAGS", "flags", PST_CELL_LIST },
	{ "FILTER", "filter", PST_CELL_FILTER },
	{ NULL },
};

static const struct pst_cell_column filters[] = {
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "EXTERNAL", "external", PST_CELL_TEXT },
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "APPLICATION", "application", PST_CELL_TEXT },
	{ "ADMITS", "admits", PST_CELL_FILTER },
	{ NULL },
};

static const struct pst_cell_column permissions[] = {
	{ "KIND", "kind", PST_CELL_TEXT },
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "TO", "to", PST_CELL_TEXT },
	{ "AT", "at", PST_CELL_TEXT },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "FLAGS", "flags", PST_CELL_LIST },
	{ NULL },
};

static const struct pst_cell_column pools[] = {
	{ "ADDRESS", "address", PST_CELL_TEXT },
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "WORKER", "worker", PST_CELL_NUMBER },
	{ "PORTS", "range", PST_CELL_TEXT },
	{ "USED", "used", PST_CELL_NUMBER },
	{ "FREE", "free", PST_CELL_NUMBER },
	{ "RESTING", "resting", PST_CELL_NUMBER },
	{ "CLIENTS", "clients", PST_CELL_ALL },
	{ NULL },
};

static const struct pst_cell_column clients[] = {
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "OUTSIDE", "outside", PST_CELL_TEXT },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "PORTS", "ports", PST_CELL_NUMBER },
	{ "BLOCKS", "blocks", PST_CELL_NUMBER },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "WORKER", "worker", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column blocks[] = {
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "ADDRESS", "address", PST_CELL_TEXT },
	{ "PORTS", "range", PST_CELL_TEXT },
	{ "USED", "used", PST_CELL_NUMBER },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "WORKER", "worker", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column interfaces[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "ZONE", "zone", PST_CELL_TEXT },
	{ "ADDRESS", "address", PST_CELL_TEXT },
	{ "MAC", "mac", PST_CELL_TEXT },
	{ "LINK", "link", PST_CELL_TEXT },
	{ "MBIT/S", "speed_mbps", PST_CELL_NUMBER },
	{ "MTU", "mtu", PST_CELL_NUMBER },
	{ "RX PACKETS", "rx_packets", PST_CELL_NUMBER },
	{ "RX BYTES", "rx_bytes", PST_CELL_BYTES },
	{ "TX PACKETS", "tx_packets", PST_CELL_NUMBER },
	{ "TX BYTES", "tx_bytes", PST_CELL_BYTES },
	{ "MISSED", "port.imissed", PST_CELL_NUMBER },
	{ "ERRORS", "port.ierrors", PST_CELL_NUMBER },
	{ "NO MBUF", "port.rx_nombuf", PST_CELL_NUMBER },
	{ "DEVICE", "device", PST_CELL_TEXT },
	{ "RSS", "rss", PST_CELL_TEXT },
	{ NULL },
};

static const struct pst_cell_column neighbours[] = {
	{ "ADDRESS", "address", PST_CELL_TEXT },
	{ "MAC", "mac", PST_CELL_TEXT },
	{ "INTERFACE", "interface", PST_CELL_TEXT },
	{ "STATE", "state", PST_CELL_TEXT },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "HELD", "held", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column editors[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "ENABLED", "enabled", PST_CELL_TEXT },
	{ "TCP PORTS", "tcp_ports", PST_CELL_LIST },
	{ "UDP PORTS", "udp_ports", PST_CELL_LIST },
	{ "COUNTERS", "counters", PST_CELL_LIST },
	{ NULL },
};

static const struct pst_cell_column protocols[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "TRANSPORT", "transport", PST_CELL_TEXT },
	{ "PORTS", "ports", PST_CELL_LIST },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "BUILT IN", "built_in", PST_CELL_TEXT },
	{ "ID", "id", PST_CELL_TEXT },
	{ NULL },
};

static const struct pst_cell_column rules[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "ACTION", "action", PST_CELL_TEXT },
	{ "PROTOCOLS", "protocols", PST_CELL_ALL },
	{ "CLIENTS", "clients", PST_CELL_ALL },
	{ "DESTINATIONS", "destinations", PST_CELL_ALL },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column packet_filters[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "ACTION", "action", PST_CELL_TEXT },
	{ "DIRECTION", "direction", PST_CELL_ALL },
	{ "PROTOCOL", "protocol", PST_CELL_ALL },
	{ "SOURCE", "source", PST_CELL_ALL },
	{ "FROM PORTS", "source_ports", PST_CELL_ALL },
	{ "DESTINATION", "destination", PST_CELL_ALL },
	{ "TO PORTS", "destination_ports", PST_CELL_ALL },
	{ "PACKETS", "packets", PST_CELL_NUMBER },
	{ NULL },
};

static const struct {
	const char *what;
	const struct pst_cell_column *columns; /* NULL: show_document() */
	const char *none;
	bool has_limit;
} listings[] = {
	{ "interfaces", interfaces, "no interfaces" },
	{ "clients", clients, "no clients", true },
	{ "connections", connections, "no connections", true },
	{ "binds", binds, "no binds", true },
	{ "listeners", listeners, "no listeners", true },
	{ "filters", filters, "no endpoint has a filter", true },
	{ "permissions", permissions, "no permissions", true },
	{ "pools", pools, "no pools", true },
	{ "blocks", blocks, "no client has a block of ports", true },
	{ "drops", NULL, "no drops" },
	{ "neighbours", neighbours, "no neighbours" },
	{ "editors", editors, "no editors" },
	{ "protocols", protocols, "no protocols" },
	{ "rules", rules, "no rules: all outbound traffic is allowed" },
	{ "packet_filters", packet_filters, "no packet filters" },
	{ "config", NULL, NULL },
};

#define LISTINGS (sizeof(listings) / sizeof(listings[0]))

static const struct pst_ctl_option options[] = {
	{ "limit", "ROWS", "show at most so many, of the workers' tables" },
	{ NULL },
};

static const char *const *
shown(void)
{
	static const char *names[LISTINGS + 1];

	for (size_t i = 0; i < LISTINGS; i++)
		names[i] = listings[i].what;
	return names;
}

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
show_document(const struct pst_ctl_args *args, size_t i, json_t *request)
{
	json_t *result = NULL;
	enum pst_ctl_exit code = pst_call(args->socket, request, &result);

	if (code != PST_CTL_OK)
		return code;
	if (!args->json && strcmp(listings[i].what, "drops") == 0)
		print_drops(result, listings[i].none);
	else
		pst_ctl_print_json(result);
	json_decref(result);
	return PST_CTL_OK;
}

struct rows {
	const struct pst_cell_column *columns;
	struct pst_table table;
	size_t n;
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

	pst_cell_row(&rows->table, rows->columns, row);
	rows->n++;
}

static enum pst_ctl_exit
show_table(const struct pst_ctl_args *args, size_t i, json_t *request)
{
	struct rows rows = { .columns = listings[i].columns };
	enum pst_ctl_exit code;

	pst_table_init(&rows.table);
	pst_cell_columns(&rows.table, rows.columns);
	code = pst_call_rows(args->socket, request, add_row, &rows);
	if (rows.n > 0)
		pst_table_print(&rows.table, stdout);
	else if (code == PST_CTL_OK)
		puts(listings[i].none);
	pst_table_fini(&rows.table);
	return code;
}

/* The rows that --limit allows, 0 when it was not given; -1 after a complaint. */
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
	fprintf(stderr, "posternctl: --limit: not a number of rows: \"%s\"\n", text);
	return -1;
}

static enum pst_ctl_exit
show(const struct pst_ctl_args *args, size_t i)
{
	json_t *request = json_pack("{s:s,s:s}", "command", "show", "what", listings[i].what);
	long long limit = read_limit(args);

	if (limit > 0)
		json_object_set_new(request, "limit", json_integer(limit));
	if (limit < 0) {
		json_decref(request);
		return PST_CTL_USAGE;
	}
	if (listings[i].columns == NULL)
		return show_document(args, i, request);
	if (args->json)
		return show_json_rows(args, request);
	return show_table(args, i, request);
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	const char *what = args->words[1];

	if (what == NULL || args->words[2] != NULL) {
		fprintf(stderr, "posternctl: show what? One of");
		for (size_t i = 0; i < LISTINGS; i++)
			fprintf(stderr, "%s %s", i > 0 ? "," : "", listings[i].what);
		fprintf(stderr, "\n");
		return PST_CTL_USAGE;
	}
	for (size_t i = 0; i < LISTINGS; i++) {
		if (strcmp(what, listings[i].what) != 0)
			continue;
		if (args->n_given == 0 || listings[i].has_limit)
			return show(args, i);
		fprintf(stderr, "posternctl: --limit is for tables of the workers, not for %s\n",
			what);
		return PST_CTL_USAGE;
	}
	return pst_ctl_unknown("thing to show", what, shown());
}

static void
print_more(void)
{
	printf("\nWHAT is one of\n");
	for (size_t i = 0; i < LISTINGS; i++)
		printf("  %s\n", listings[i].what);
}

const struct pst_ctl_command pst_ctl_show = {
	.name = "show",
	.usage = "WHAT",
	.help = "what it has in its tables; show --help names them",
	.options = options,
	.print_more = print_more,
	.run = run,
};
