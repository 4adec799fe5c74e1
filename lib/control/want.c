/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/want.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "config/address.h"

#define STATES_MOST 64
#define NAMES_MOST 160
#define TEXT_SHOWN 60 /* bytes of a wrong value that are repeated */

#define OF(table) (1u << PST_SHOW_##table)
#define ENDPOINTS (OF(LISTENERS) | OF(FILTERS))
#define OF_CLIENTS                                                                                 \
	(OF(CONNECTIONS) | OF(BINDS) | ENDPOINTS | OF(PERMISSIONS) | OF(CLIENTS) | OF(BLOCKS))
#define ALL UINT32_MAX

/* What a value is read with. */
struct reader {
	struct pst_want *want;
	const struct pst_control_params *params;
	char *error;
	size_t size;
};

static int
refuse(const struct reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->error, r->size, format, args);
	va_end(args);
	return -EINVAL;
}

/* "unknown state "opne": did you mean "open"?" */
static int
refuse_unknown(const struct reader *r, const char *what, const char *text, const char *const *known)
{
	const char *near = pst_nearest(text, known);

	if (near == NULL)
		return refuse(r, "unknown %s \"%.*s\"", what, TEXT_SHOWN, text);
	return refuse(r, "unknown %s \"%.*s\": did you mean \"%s\"?", what, TEXT_SHOWN, text, near);
}

void
pst_want_all(struct pst_want *want)
{
	pst_show_want_all(&want->wanted);
	want->worker = -1;
}

/* "443" or "5000-5999" */
static bool
read_ports(const char *text, uint16_t *first, uint16_t *last)
{
	struct pst_port_range range;

	if (!pst_port_range_parse(text, &range))
		return false;
	*first = range.first;
	*last = range.last;
	return true;
}

/* "10.0.0.7", a network or a range, with or without ":443"; or ":443" alone */
static int
read_span(const struct reader *r, const char *text, struct pst_show_span *span)
{
	const char *colon = strchr(text, ':');
	struct pst_range range = { 0, UINT32_MAX };
	char address[PST_RANGE_TEXT + 1];
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);

	if (colon != NULL && !read_ports(colon + 1, &span->port_first, &span->port_last))
		return refuse(r, "not a port: \"%.*s\"", TEXT_SHOWN, colon + 1);
	if (len == 0 && colon != NULL)
		return 0;
	snprintf(address, sizeof(address), "%.*s", (int)RTE_MIN(len, sizeof(address) - 1), text);
	if (len >= sizeof(address) || pst_range_parse(address, &range) != PST_RANGE_FINE)
		return refuse(r,
			"not an address, network or range: \"%.*s\" (such as 10.0.0.7, 10.0.0.0/24 "
			"or "
			"10.0.0.7:443)",
			TEXT_SHOWN, text);
	span->first = range.first;
	span->last = range.last;
	return 0;
}

static int
read_client(const struct reader *r, const char *text)
{
	return read_span(r, text, &r->want->wanted.inside);
}

static int
read_outside(const struct reader *r, const char *text)
{
	return read_span(r, text, &r->want->wanted.outside);
}

static int
read_remote(const struct reader *r, const char *text)
{
	return read_span(r, text, &r->want->wanted.remote);
}

static int
read_port(const struct reader *r, const char *text)
{
	struct pst_show_wanted *w = &r->want->wanted;

	if (!read_ports(text, &w->port_first, &w->port_last))
		return refuse(r, "not a port or a range of ports: \"%.*s\"", TEXT_SHOWN, text);
	return 0;
}

static int
read_protocol(const struct reader *r, const char *text)
{
	uint8_t *protocol = &r->want->wanted.protocol;

	if (!pst_ip_protocol_parse(text, protocol) || *protocol == 0)
		return refuse(r,
			"not a protocol: \"%.*s\" (tcp, udp, icmp, gre, esp, sctp or a number)",
			TEXT_SHOWN, text);
	return 0;
}

/* States have their names by protocol; a name may be that of several. */
static uint64_t
states_named(const struct pst_control_params *p, const char *name, const char **known)
{
	static const uint8_t protocols[] = { PST_TCP, PST_UDP, PST_ICMP };
	uint64_t mask = 0;
	uint32_t n = 0;

	for (size_t k = 0; k < RTE_DIM(protocols) && p->state_name != NULL; k++) {
		for (uint32_t s = 0; s < STATES_MOST; s++) {
			const char *is = p->state_name(protocols[k], s);

			if (is == NULL || strcmp(is, "?") == 0)
				continue;
			if (strcasecmp(is, name) == 0)
				mask |= UINT64_C(1) << s;
			if (n < NAMES_MOST)
				known[n++] = is;
		}
	}
	known[n] = NULL;
	return mask;
}

/* "established", or several with commas */
static int
read_state(const struct reader *r, const char *text)
{
	const char *known[NAMES_MOST + 1];
	char list[256], *at = NULL;
	uint64_t all = 0, mask;

	snprintf(list, sizeof(list), "%s", text);
	for (char *name = strtok_r(list, ",", &at); name != NULL; name = strtok_r(NULL, ",", &at)) {
		mask = states_named(r->params, name, known);
		if (mask == 0)
			return refuse_unknown(r, "state", name, known);
		all |= mask;
	}
	if (all == 0)
		return refuse(r, "no state is named");
	r->want->wanted.states = all;
	return 0;
}

static int
read_editor(const struct reader *r, const char *text)
{
	const char *known[NAMES_MOST + 1] = { NULL };

	for (uint32_t e = 0;
		r->params->editors != NULL && r->params->editors[e] != NULL && e < NAMES_MOST;
		e++) {
		known[e] = r->params->editors[e]->name;
		if (strcmp(known[e], text) == 0) {
			r->want->wanted.editor = e;
			return 0;
		}
	}
	return refuse_unknown(r, "editor", text, known);
}

static int
read_path(const struct reader *r, const char *text)
{
	static const char *const known[] = { "fast", "editor", NULL };

	for (int k = 0; known[k] != NULL; k++) {
		if (strcmp(text, known[k]) == 0) {
			r->want->wanted.path = PST_PATH_FAST + k;
			return 0;
		}
	}
	return refuse_unknown(r, "path", text, known);
}

static int
read_worker(const struct reader *r, const char *text)
{
	uint32_t n = r->params->n_workers;
	unsigned int worker;
	char behind;

	if (sscanf(text, "%3u%c", &worker, &behind) != 1 || worker >= n)
		return refuse(r, "no worker \"%.*s\": they are 0 to %u", TEXT_SHOWN, text,
			n > 0 ? n - 1 : 0);
	r->want->worker = worker;
	return 0;
}

/* One line adds a filter. */
static const struct {
	const char *name;
	uint32_t tables;
	int (*read)(const struct reader *r, const char *text);
} filters[] = {
	{ "client", OF_CLIENTS, read_client },
	{ "protocol", ALL & ~(OF(CLIENTS) | OF(BLOCKS)), read_protocol },
	{ "state", OF(CONNECTIONS), read_state },
	{ "port", OF(CONNECTIONS) | OF(BINDS) | ENDPOINTS | OF(PERMISSIONS), read_port },
	{ "remote", OF(CONNECTIONS) | OF(BINDS) | OF(PERMISSIONS), read_remote },
	{ "outside", ALL & ~OF(PERMISSIONS), read_outside },
	{ "editor", OF(CONNECTIONS) | ENDPOINTS | OF(PERMISSIONS), read_editor },
	{ "path", OF(CONNECTIONS) | ENDPOINTS, read_path },
	{ "worker", ALL, read_worker },
};

static const struct {
	const char *name;
	enum pst_show_order order;
	uint32_t tables;
	bool ascending;
} orders[] = {
	{ "bytes", PST_ORDER_BYTES, OF(CONNECTIONS), false },
	{ "packets", PST_ORDER_PACKETS, OF(CONNECTIONS), false },
	{ "age", PST_ORDER_AGE, ALL & ~(OF(POOLS) | OF(BLOCKS)), false },
	{ "expires", PST_ORDER_EXPIRES, OF(CONNECTIONS) | ENDPOINTS | OF(PERMISSIONS), true },
	{ "client", PST_ORDER_CLIENT, OF_CLIENTS, true },
	{ "connections", PST_ORDER_CONNECTIONS,
		OF(BINDS) | ENDPOINTS | OF(PERMISSIONS) | OF(CLIENTS), false },
	{ "ports", PST_ORDER_PORTS, OF(CLIENTS) | OF(POOLS) | OF(BLOCKS), false },
};

static int
read_filter(const struct reader *r, uint32_t table, const char *what, const char *key,
	const json_t *value)
{
	const char *known[RTE_DIM(filters) + 1] = { NULL };
	char number[32];
	uint32_t n = 0;

	for (size_t i = 0; i < RTE_DIM(filters); i++) {
		if ((filters[i].tables & table) == 0)
			continue;
		known[n++] = filters[i].name;
		if (strcmp(key, filters[i].name) != 0)
			continue;
		if (json_is_string(value))
			return filters[i].read(r, json_string_value(value));
		if (!json_is_integer(value))
			return refuse(r, "\"%s\" is a text", key);
		snprintf(
			number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return filters[i].read(r, number);
	}
	for (size_t i = 0; i < RTE_DIM(filters); i++) {
		if (strcmp(key, filters[i].name) == 0)
			return refuse(r, "%s have no %s to filter by", what, key);
	}
	return refuse_unknown(r, "filter", key, known);
}

int
pst_want_filter(struct pst_want *want, const struct pst_control_params *params,
	enum pst_show_table table, const char *what, const json_t *filter, char *error, size_t size)
{
	const struct reader r = { want, params, error, size };
	json_t *object = (json_t *)(uintptr_t)filter, *value;
	const char *key;
	int ret = 0;

	if (!json_is_object(filter))
		return refuse(&r, "\"filter\" is an object, such as {\"client\":\"10.0.0.7\"}");
	json_object_foreach(object, key, value)
	{
		if (ret == 0)
			ret = read_filter(&r, 1u << table, what, key, value);
	}
	return ret;
}

int
pst_want_order(struct pst_want *want, enum pst_show_table table, const char *what,
	const char *order, char *error, size_t size)
{
	const struct reader r = { want, NULL, error, size };
	const char *known[RTE_DIM(orders) + 1] = { NULL };
	uint32_t n = 0;

	for (size_t i = 0; i < RTE_DIM(orders); i++) {
		if ((orders[i].tables & 1u << table) == 0)
			continue;
		known[n++] = orders[i].name;
		if (strcmp(order, orders[i].name) != 0)
			continue;
		want->wanted.order = orders[i].order;
		want->wanted.ascending = orders[i].ascending;
		return 0;
	}
	for (size_t i = 0; i < RTE_DIM(orders); i++) {
		if (strcmp(order, orders[i].name) == 0)
			return refuse(&r, "%s have no %s to sort by", what, order);
	}
	return refuse_unknown(&r, "order", order, known);
}
