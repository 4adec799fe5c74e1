/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "config/address.h"
#include "control/best.h"
#include "control/known.h"
#include "control/metrics.h"
#include "control/settings.h"
#include "control/status.h"
#include "control/watch.h"

#define COMMANDS_MOST 32
#define NAME_SHOWN 40 /* bytes of a wrong name that are repeated */

/* clang-format off */
#define TABLES(X) \
	X("connections", PST_SHOW_CONNECTIONS) \
	X("binds", PST_SHOW_BINDS) \
	X("listeners", PST_SHOW_LISTENERS) \
	X("filters", PST_SHOW_FILTERS) \
	X("permissions", PST_SHOW_PERMISSIONS) \
	X("pools", PST_SHOW_POOLS) \
	X("clients", PST_SHOW_CLIENTS) \
	X("blocks", PST_SHOW_BLOCKS)

#define DOCUMENTS(X) \
	X("interfaces", pst_known_interfaces) \
	X("neighbours", pst_known_neighbours) \
	X("editors", pst_known_editors) \
	X("protocols", pst_known_protocols) \
	X("rules", pst_settings_rules) \
	X("packet_filters", pst_settings_filters) \
	X("config", pst_settings) \
	X("drops", pst_status_drops)
/* clang-format on */

static const struct {
	const char *name;
	enum pst_show_table table;
} tables[] = {
#define X(name, table) { name, table },
	TABLES(X)
#undef X
};

static const struct {
	const char *name;
	json_t *(*make)(const struct pst_control_view *view);
} documents[] = {
#define X(name, make) { name, make },
	DOCUMENTS(X)
#undef X
};

static const char *const shown[] = {
#define X(name, what) name,
	TABLES(X) DOCUMENTS(X)
#undef X
		NULL,
};

static int
refuse(char *error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return -EINVAL;
}

/* "unknown command "shwo": did you mean "show"?" */
static int
refuse_name(char *error, size_t size, const char *what, const char *name, const char *const *known)
{
	const char *near = pst_nearest(name, known);

	if (near == NULL)
		return refuse(error, size, "unknown %s \"%.*s\"", what, NAME_SHOWN, name);
	return refuse(error, size, "unknown %s \"%.*s\": did you mean \"%s\"?", what, NAME_SHOWN,
		name, near);
}

static int
check_keys(const json_t *json, const char *const *known, char *error, size_t size)
{
	void *at = json_object_iter((json_t *)(uintptr_t)json);

	for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
		const char *key = json_object_iter_key(at);
		const char *const *name = known;

		while (*name != NULL && strcmp(*name, key) != 0)
			name++;
		if (*name == NULL)
			return refuse_name(error, size, "key", key, known);
	}
	return 0;
}

static int
parse_limit(struct pst_request *request, char *error, size_t size)
{
	const json_t *limit = json_object_get(request->json, "limit");

	if (limit == NULL)
		return 0;
	if (request->kind != PST_REQUEST_DUMP || !json_is_integer(limit) ||
		json_integer_value(limit) < 1)
		return refuse(error, size, "\"limit\" is a number of rows, 1 or more, of a table");
	request->limit = json_integer_value(limit);
	return 0;
}

static int
parse_order(struct pst_request *request, const char *what, char *error, size_t size)
{
	const json_t *sort = json_object_get(request->json, "sort");
	const json_t *reverse = json_object_get(request->json, "reverse");
	int ret;

	if (sort == NULL && reverse == NULL)
		return 0;
	if (!json_is_string(sort))
		return refuse(error, size, "\"sort\" is what to sort by, such as \"bytes\"");
	if (reverse != NULL && !json_is_boolean(reverse))
		return refuse(error, size, "\"reverse\" is true or false");
	ret = pst_want_order(
		&request->want, request->table, what, json_string_value(sort), error, size);
	request->want.wanted.ascending ^= json_is_true(reverse);
	if (ret == 0 && request->limit > PST_BEST_MAX)
		return refuse(error, size, "a sorted table has at most %u rows", PST_BEST_MAX);
	return ret;
}

static int
parse_filter(struct pst_request *request, const struct pst_control_params *params, const char *what,
	char *error, size_t size)
{
	const json_t *filter = json_object_get(request->json, "filter");

	if (filter == NULL)
		return 0;
	return pst_want_filter(&request->want, params, request->table, what, filter, error, size);
}

static int
parse_dump(struct pst_request *request, const struct pst_control_params *params, const char *what,
	char *error, size_t size)
{
	int ret = parse_limit(request, error, size);

	if (ret == 0)
		ret = parse_order(request, what, error, size);
	return ret < 0 ? ret : parse_filter(request, params, what, error, size);
}

/* Made whole at once: there is nothing to choose. */
static int
check_document(const struct pst_request *request, const char *what, char *error, size_t size)
{
	static const char *const keys[] = { "filter", "sort", "reverse" };

	for (size_t i = 0; i < RTE_DIM(keys); i++) {
		if (json_object_get(request->json, keys[i]) != NULL)
			return refuse(error, size,
				"\"%s\" is for tables of the workers, not for %s", keys[i], what);
	}
	return 0;
}

static int
parse_show(struct pst_request *request, const struct pst_control_params *params, char *error,
	size_t size)
{
	const char *what = json_string_value(json_object_get(request->json, "what"));

	if (what == NULL)
		return refuse(error, size, "\"show\" needs a \"what\", such as \"listeners\"");
	for (size_t i = 0; i < RTE_DIM(tables); i++) {
		if (strcmp(what, tables[i].name) != 0)
			continue;
		request->kind = PST_REQUEST_DUMP;
		request->table = tables[i].table;
		return parse_dump(request, params, what, error, size);
	}
	for (size_t i = 0; i < RTE_DIM(documents); i++) {
		if (strcmp(what, documents[i].name) != 0)
			continue;
		request->kind = PST_REQUEST_DOCUMENT;
		request->make = documents[i].make;
		if (parse_limit(request, error, size) < 0)
			return -EINVAL;
		return check_document(request, what, error, size);
	}
	return refuse_name(error, size, "thing to show", what, shown);
}

static int
parse_status(struct pst_request *request, const struct pst_control_params *params, char *error,
	size_t size)
{
	(void)params;
	(void)error;
	(void)size;
	request->kind = PST_REQUEST_DOCUMENT;
	request->make = pst_status;
	return 0;
}

/* "0-17-3", as rows have it: worker, entry, generation. */
static int
parse_connection(struct pst_request *request, const struct pst_control_params *params,
	const char *id, char *error, size_t size)
{
	unsigned int worker, index, gen;
	char behind;

	request->kill.kind = PST_KILL_CONNECTION;
	if (strspn(id, "0123456789-") != strlen(id) ||
		sscanf(id, "%9u-%10u-%10u%c", &worker, &index, &gen, &behind) != 3)
		return refuse(error, size,
			"not the id of a connection: \"%.*s\" (such as 0-17-3; show connections "
			"has "
			"them)",
			NAME_SHOWN, id);
	if (worker >= params->n_workers)
		return refuse(error, size, "no connection %s: there is no worker %u", id, worker);
	request->want.worker = worker;
	request->kill.ref = (struct pst_ref){ index, gen };
	return 0;
}

static int
parse_client(struct pst_request *request, const struct pst_control_params *params, const char *id,
	char *error, size_t size)
{
	struct pst_show_span *inside = &request->want.wanted.inside;

	(void)params;
	request->kill.kind = PST_KILL_CLIENT;
	if (!pst_address_parse(id, &request->kill.client))
		return refuse(error, size, "not the address of a client: \"%.*s\"", NAME_SHOWN, id);
	inside->first = inside->last = request->kill.client;
	return 0;
}

static int
parse_kill(struct pst_request *request, const struct pst_control_params *params, char *error,
	size_t size)
{
	static const char *const known[] = { "connection", "client", "connections", NULL };
	const char *what = json_string_value(json_object_get(request->json, "what"));
	const char *id = json_string_value(json_object_get(request->json, "id"));
	const json_t *filter = json_object_get(request->json, "filter");

	request->kind = PST_REQUEST_KILL;
	request->table = PST_SHOW_CONNECTIONS;
	if (what == NULL)
		return refuse(error, size, "\"kill\" needs a \"what\", such as \"connection\"");
	if (strcmp(what, "connections") == 0) {
		request->kill.kind = PST_KILL_CONNECTIONS;
		if (id != NULL || json_object_size(filter) == 0)
			return refuse(error, size, "\"connections\" to kill need a \"filter\"");
		return parse_filter(request, params, what, error, size);
	}
	if (strcmp(what, "connection") != 0 && strcmp(what, "client") != 0)
		return refuse_name(error, size, "thing to kill", what, known);
	if (id == NULL || filter != NULL)
		return refuse(error, size, "a %s to kill needs an \"id\"", what);
	if (strcmp(what, "client") == 0)
		return parse_client(request, params, id, error, size);
	return parse_connection(request, params, id, error, size);
}

/* In which form; the first, if nothing is said. */
static int
parse_metrics(struct pst_request *request, const struct pst_control_params *params, char *error,
	size_t size)
{
	static const char *const formats[] = { "openmetrics", "prometheus", "json", NULL };
	static json_t *(*const make[])(const struct pst_control_view *view) = {
		pst_metrics_openmetrics, pst_metrics_prometheus, pst_metrics_document };
	const json_t *format = json_object_get(request->json, "format");
	const char *name = format != NULL ? json_string_value(format) : formats[0];

	(void)params;
	request->kind = PST_REQUEST_DOCUMENT;
	for (int i = 0; name != NULL && formats[i] != NULL; i++) {
		if (strcmp(name, formats[i]) != 0)
			continue;
		request->make = make[i];
		return 0;
	}
	return refuse_name(error, size, "format", name != NULL ? name : "", formats);
}

/* The question is read when it is asked: see explain.h. */
static int
parse_explain(struct pst_request *request, const struct pst_control_params *params, char *error,
	size_t size)
{
	(void)params;
	(void)error;
	(void)size;
	request->kind = PST_REQUEST_EXPLAIN;
	return 0;
}

/* The same of a capture: see capture.h. */
static int
parse_capture(struct pst_request *request, const struct pst_control_params *params, char *error,
	size_t size)
{
	(void)params;
	(void)error;
	(void)size;
	request->kind = PST_REQUEST_CAPTURE;
	return 0;
}

static int
parse_watch(struct pst_request *request, const struct pst_control_params *params, char *error,
	size_t size)
{
	(void)params;
	request->kind = PST_REQUEST_WATCH;
	return pst_watch_parse(request->json, &request->kinds, error, size);
}

#define KEYS_MOST 8

/* One line adds a command that is answered here. Keys are those beside "command". */
static const struct {
	const char *name;
	int (*parse)(struct pst_request *request, const struct pst_control_params *params,
		char *error, size_t size);
	const char *keys[KEYS_MOST];
} own[] = {
	{ "show", parse_show, { "what", "limit", "filter", "sort", "reverse" } },
	{ "status", parse_status },
	{ "metrics", parse_metrics, { "format" } },
	{ "kill", parse_kill, { "what", "id", "filter" } },
	{ "explain", parse_explain, { "protocol", "source", "destination", "from" } },
	{ "capture", parse_capture,
		{ "interface", "count", "snap", "seconds", "expression", "filter" } },
	{ "watch", parse_watch, { "kinds" } },
};

static int
parse_own(struct pst_request *request, size_t i, const struct pst_control_params *params,
	char *error, size_t size)
{
	const char *known[KEYS_MOST + 2] = { "command" };
	int ret;

	for (size_t k = 0; k < KEYS_MOST; k++)
		known[k + 1] = own[i].keys[k];
	ret = check_keys(request->json, known, error, size);
	return ret < 0 ? ret : own[i].parse(request, params, error, size);
}

static int
parse_command(struct pst_request *request, const struct pst_control_params *params, char *error,
	size_t size)
{
	const char *known[COMMANDS_MOST + RTE_DIM(own) + 1] = { NULL };
	const char *const *commands = params->commands;
	uint32_t n = 0;

	for (; n < RTE_DIM(own); n++) {
		if (strcmp(request->command, own[n].name) == 0)
			return parse_own(request, n, params, error, size);
		known[n] = own[n].name;
	}
	request->kind = PST_REQUEST_COMMAND;
	for (; commands != NULL && *commands != NULL && n < RTE_DIM(known) - 1; commands++) {
		if (strcmp(request->command, *commands) == 0)
			return 0;
		known[n++] = *commands;
	}
	return refuse_name(error, size, "command", request->command, known);
}

int
pst_request_parse(struct pst_request *request, const struct pst_control_params *params,
	const char *line, size_t len, char *error, size_t size)
{
	json_error_t where;
	int ret;

	memset(request, 0, sizeof(*request));
	pst_want_all(&request->want);
	request->json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
	if (request->json == NULL)
		return refuse(error, size, "not a JSON object: %s", where.text);
	request->command = json_string_value(json_object_get(request->json, "command"));
	if (request->command == NULL)
		ret = refuse(error, size, "a request is an object with a \"command\"");
	else
		ret = parse_command(request, params, error, size);
	if (ret < 0)
		pst_request_fini(request);
	return ret;
}

void
pst_request_fini(struct pst_request *request)
{
	json_decref(request->json);
	memset(request, 0, sizeof(*request));
}
