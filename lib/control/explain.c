/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/explain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/nearest.h"
#include "config/address.h"
#include "control/doc.h"

static int
refuse(char *error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return -EINVAL;
}

static bool
has_ports(uint8_t protocol)
{
	return protocol == PST_TCP || protocol == PST_UDP;
}

/* "ADDRESS:PORT"; the port may be left out where the protocol has none. */
static int
parse_end(const json_t *request, const char *key, uint8_t protocol, struct pst_endpoint *end,
	char *error, size_t size)
{
	const char *text = json_string_value(json_object_get(request, key));

	if (text == NULL)
		return refuse(error, size, "\"explain\" needs a \"%s\"", key);
	*end = (struct pst_endpoint){ 0 };
	if (strchr(text, ':') == NULL) {
		if (!pst_address_parse(text, &end->ip))
			return refuse(error, size, "%s: not an IPv4 address: \"%.40s\"", key, text);
		return has_ports(protocol) ?
			refuse(error, size, "%s: \"%.40s\" has no port: ADDRESS:PORT", key, text) :
			0;
	}
	if (!pst_endpoint_parse(text, end))
		return refuse(error, size, "%s: not an address and a port: \"%.40s\"", key, text);
	if (!has_ports(protocol) && protocol != PST_ICMP)
		return refuse(error, size, "%s: this protocol has no ports: \"%.40s\"", key, text);
	return 0;
}

static int
parse_from(const json_t *request, const struct pst_config *config, struct pst_explain *question,
	char *error, size_t size)
{
	const char *name = json_string_value(json_object_get(request, "from")), *near;
	const char *known[PST_IFACES_MAX + 1] = { NULL };

	question->iface = PST_EXPLAIN_ANY_IFACE;
	if (json_object_get(request, "from") == NULL)
		return 0;
	for (uint32_t i = 0; name != NULL && config != NULL && i < config->n_ifaces; i++) {
		known[i] = config->ifaces[i].name;
		if (strcmp(name, known[i]) == 0)
			question->iface = i;
	}
	if (question->iface != PST_EXPLAIN_ANY_IFACE)
		return 0;
	near = name != NULL ? pst_nearest(name, known) : NULL;
	if (near != NULL)
		return refuse(
			error, size, "no interface \"%.40s\": did you mean \"%s\"?", name, near);
	return refuse(error, size, "no interface \"%.40s\"", name != NULL ? name : "");
}

int
pst_explain_parse(const json_t *request, const struct pst_config *config,
	struct pst_explain *question, char *error, size_t size)
{
	const char *protocol = json_string_value(json_object_get(request, "protocol"));
	int ret;

	*question = (struct pst_explain){ 0 };
	if (protocol == NULL)
		return refuse(error, size, "\"explain\" needs a \"protocol\", such as \"tcp\"");
	if (!pst_ip_protocol_parse(protocol, &question->protocol))
		return refuse(error, size,
			"no protocol \"%.40s\": tcp, udp, icmp, gre, esp, sctp or a number to 255",
			protocol);
	ret = parse_end(request, "source", question->protocol, &question->source, error, size);
	if (ret == 0)
		ret = parse_end(request, "destination", question->protocol,
			&question->destination, error, size);
	return ret == 0 ? parse_from(request, config, question, error, size) : ret;
}

/* The answer. */

static bool
is_with_ports(const struct pst_explain *x)
{
	return has_ports(x->protocol) || x->protocol == PST_ICMP;
}

/* "ADDRESS:PORT", ":*" for a port that is not settled, or the address alone. */
static json_t *
end_of(const struct pst_explain *x, const struct pst_endpoint *ep)
{
	char ip[PST_ADDRESS_TEXT];

	if (!is_with_ports(x) || (x->protocol == PST_ICMP && ep->port == 0 && !x->is_chosen))
		return pst_doc_ip(ep->ip);
	if (ep->port == 0)
		return json_sprintf("%s:*", pst_address_format(ep->ip, ip));
	return pst_doc_endpoint(ep);
}

static json_t *
iface_name(const struct pst_control_params *p, uint16_t i)
{
	if (p->config == NULL || i >= p->config->n_ifaces)
		return json_null();
	return pst_doc_text(p->config->ifaces[i].name);
}

static const char *
message(const struct pst_explain *x)
{
	if (x->protocol == PST_ICMP)
		return x->is_reply ? "echo reply" : "echo request";
	if (x->protocol == PST_TCP)
		return x->has_conn ? "segment" : "syn";
	return x->protocol == PST_UDP ? "datagram" : "packet";
}

static json_t *
steering(const struct pst_explain *x, bool redirected)
{
	static const char *const by[] = { [PST_STEERED_BY_SOURCE] = "source address",
		[PST_STEERED_BY_PORT] = "destination port",
		[PST_STEERED_BY_PEER] = "remote address",
		[PST_STEERED_BY_HOST] = "client's address" };

	if (!x->is_steered)
		return json_null();
	return json_pack("{s:s,s:i,s:i,s:b}", "by", by[x->steered_by], "slot", x->slot, "worker",
		(int)x->worker, "redirected", redirected);
}

/* What decided of the operator's list, null: there is none; {"name":null}: none decided. */
static json_t *
decided(bool asked, const char *name, bool allow)
{
	if (!asked)
		return json_null();
	return json_pack("{s:o,s:b}", "name", pst_doc_text(name), "allow", allow);
}

static json_t *
filter(const struct pst_control_params *p, const struct pst_explain *x)
{
	const struct pst_config *c = p->config;
	bool known = c != NULL && x->filter >= 0 && (uint32_t)x->filter < c->n_filters;

	return decided(x->asked_filters, known ? c->filters[x->filter].name : NULL,
		!known || c->filters[x->filter].allow);
}

static json_t *
rule(const struct pst_control_params *p, const struct pst_explain *x)
{
	const struct pst_config *c = p->config;
	bool known = c != NULL && x->rule >= 0 && (uint32_t)x->rule < c->n_rules;

	return decided(x->asked_rules, known ? c->rules[x->rule].name : NULL,
		known && c->rules[x->rule].allow);
}

/* A known protocol. */
static json_t *
application(const struct pst_control_params *p, const struct pst_explain *x)
{
	if (p->protocol_names == NULL || x->protocol_index < 0 ||
		(uint32_t)x->protocol_index >= p->n_protocols)
		return json_null();
	return pst_doc_text(p->protocol_names[x->protocol_index]);
}

static json_t *
limit(const struct pst_explain_limit *l)
{
	return json_pack("{s:I,s:I}", "now", (json_int_t)l->now, "most", (json_int_t)l->most);
}

static json_t *
client(const struct pst_explain *x)
{
	json_t *json;

	if (!x->has_client)
		return json_null();
	json = json_pack("{s:o,s:o,s:o}", "address", pst_doc_ip(x->client_ip), "ports",
		limit(&x->ports), "sessions", limit(&x->sessions));
	json_object_set_new(json, "new_sessions",
		x->new_sessions.most != 0 ? limit(&x->new_sessions) : json_null());
	return json;
}

/* The ports of which one is taken by lot; range null: of a block that the client gets. */
static json_t *
choice(const struct pst_control_params *p, const struct pst_explain *x)
{
	const struct pst_explain_choice *c = &x->choice;
	json_t *range = json_null();

	if (c->first != 0)
		range = json_sprintf("%u-%u", c->first, c->last);
	else if (c->runs != 0 && p->config != NULL)
		range = pst_doc_runs(&p->config->nat, c->runs);
	return json_pack("{s:s,s:o,s:I}", "parity", c->parity ? "odd" : "even", "range", range,
		"free", (json_int_t)c->free);
}

static json_t *
mapping(const struct pst_control_params *p, const struct pst_explain *x)
{
	static const char *const kinds[] = { [PST_MAPPING_POOL] = "pool",
		[PST_MAPPING_UNTRANSLATED] = "untranslated",
		[PST_MAPPING_ADDRESS] = "address",
		[PST_MAPPING_OWN_ADDRESS] = "own address",
		[PST_MAPPING_LISTENER] = "listener" };

	if (x->mapping == PST_MAPPING_NONE || x->inside.ip == 0)
		return json_null();
	return json_pack("{s:s,s:b,s:o,s:o,s:b,s:o}", "kind", kinds[x->mapping], "new", x->is_new,
		"inside", end_of(x, &x->inside), "outside", end_of(x, &x->outside), "port_kept",
		!x->is_chosen && x->inside.port == x->outside.port, "choice",
		x->is_chosen ? choice(p, x) : json_null());
}

/* Main's own table says in what state a neighbour is. */
static const char *
neighbour_state(const struct pst_control_params *p, uint32_t ip, uint16_t iface)
{
	struct pst_control_neighbour row;

	for (uint32_t i = 0; p->neighbour != NULL && p->neighbour(p->ctx, i, &row) == 0; i++) {
		if (row.ip == ip && row.iface == iface)
			return row.state;
	}
	return "not asked yet";
}

static json_t *
route(const struct pst_control_params *p, const struct pst_explain *x)
{
	if (!x->has_route)
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:{s:o,s:o,s:s}}", "to",
		pst_doc_prefix(x->route.network, x->route.prefix_len), "via",
		x->route.via != 0 ? pst_doc_ip(x->route.via) : json_null(), "interface",
		iface_name(p, x->route.iface), "neighbour", "address",
		pst_doc_ip(x->route.next_hop), "mac",
		x->route.has_mac ? pst_doc_mac(x->route.mac) : json_null(), "state",
		neighbour_state(p, x->route.next_hop, x->route.iface));
}

static json_t *
row(const struct pst_control_params *p, const struct pst_explain *x, bool has,
	enum pst_show_table table, const struct pst_show_row *of)
{
	return has ? pst_doc_row(p, table, x->worker, of) : json_null();
}

static const char *
verdict(const struct pst_explain *x)
{
	static const char *const names[] = { [PST_EXPLAIN_DROP] = "dropped",
		[PST_EXPLAIN_FORWARD] = "forwarded",
		[PST_EXPLAIN_EDITOR] = "handed to an editor",
		[PST_EXPLAIN_LOCAL] = "consumed",
		[PST_EXPLAIN_ELSEWHERE] = "handed on", /* for ever: workers disagree */
		[PST_EXPLAIN_AGAIN] = "hairpin" };

	return names[x->verdict];
}

static json_t *
pass(const struct pst_control_params *p, const struct pst_inquiry *q, uint32_t k)
{
	const struct pst_explain *x = &q->passes[k];
	bool leaves = x->verdict == PST_EXPLAIN_FORWARD || x->verdict == PST_EXPLAIN_AGAIN ||
		x->verdict == PST_EXPLAIN_EDITOR;
	json_t *json = json_object();

	json_object_set_new(json, "protocol", pst_doc_proto(x->protocol));
	json_object_set_new(json, "source", end_of(x, &x->source));
	json_object_set_new(json, "destination", end_of(x, &x->destination));
	json_object_set_new(json, "message", json_string(message(x)));
	json_object_set_new(json, "interface", iface_name(p, x->iface));
	json_object_set_new(json, "direction", json_string(x->is_out ? "out" : "in"));
	json_object_set_new(json, "steering", steering(x, q->redirected[k]));
	json_object_set_new(json, "packet_filter", filter(p, x));
	json_object_set_new(json, "rule", rule(p, x));
	json_object_set_new(json, "left_to_editor", json_boolean(x->is_unset));
	json_object_set_new(json, "application", application(p, x));
	json_object_set_new(json, "editor", pst_doc_editor(p, x->editor));
	json_object_set_new(json, "permission",
		row(p, x, x->has_permission, PST_SHOW_PERMISSIONS, &x->permission));
	json_object_set_new(
		json, "listener", row(p, x, x->has_listener, PST_SHOW_LISTENERS, &x->listener));
	json_object_set_new(
		json, "backlog", x->has_listener ? limit(&x->backlog) : json_null());
	json_object_set_new(
		json, "connection", row(p, x, x->has_conn, PST_SHOW_CONNECTIONS, &x->conn));
	json_object_set_new(json, "client", client(x));
	json_object_set_new(json, "mapping", mapping(p, x));
	json_object_set_new(json, "timer", x->timer == NULL ? json_null() :
			json_pack("{s:s,s:I}", "name", x->timer, "seconds",
				(json_int_t)(x->timer_ms / PST_MS_PER_S)));
	json_object_set_new(json, "route", route(p, x));
	json_object_set_new(json, "verdict", json_string(verdict(x)));
	json_object_set_new(json, "reason", x->verdict == PST_EXPLAIN_DROP ?
			json_string(pst_drop_names[x->why]) : json_null());
	json_object_set_new(json, "leaves_as", !leaves ? json_null() :
			json_pack("{s:o,s:o}", "source", end_of(x, &x->out_source),
				"destination", end_of(x, &x->out_destination)));
	return json;
}

json_t *
pst_explain_doc(const struct pst_control_params *params, const struct pst_inquiry *q)
{
	json_t *json = json_object(), *passes = json_array();
	const struct pst_explain *last = &q->passes[q->n - 1];

	for (uint32_t k = 0; k < q->n; k++)
		json_array_append_new(passes, pass(params, q, k));
	json_object_set_new(json, "verdict", json_string(verdict(last)));
	json_object_set_new(json, "reason", last->verdict == PST_EXPLAIN_DROP ?
			json_string(pst_drop_names[last->why]) : json_null());
	json_object_set_new(json, "passes", passes);
	return json;
}
