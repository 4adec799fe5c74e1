/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/dump.h"

#include <string.h>

#include "config/address.h"
#include "config/keys.h"
#include "eventlog/record.h"

/*
 * Both take the value over. Without memory the whole becomes NULL, and with it
 * what it was to be put into.
 */
static json_t *
with(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *
append(json_t *list, json_t *value)
{
	if (json_array_append_new(list, value) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *
scalar(const struct pst_key *key, const void *base)
{
	const void *at = (const char *)base + key->offset;

	switch (key->type) {
	case PST_KEY_U32:
		return json_integer(*(const uint32_t *)at);
	case PST_KEY_U16:
		return json_integer(*(const uint16_t *)at);
	case PST_KEY_BOOL:
		return json_boolean(*(const bool *)at);
	case PST_KEY_LIMIT:
		if (*(const uint16_t *)at <= 1)
			return json_boolean(*(const uint16_t *)at);
		return json_integer(*(const uint16_t *)at);
	case PST_KEY_ENUM:
		return json_string(key->names[*(const int *)at]);
	default:
		return json_string(at);
	}
}

/* A number that has no default and was not written. */
static bool
is_left_out(const struct pst_key *key, const void *base)
{
	return key->type == PST_KEY_U16 && key->fallback == NULL && !key->required &&
		*(const uint16_t *)((const char *)base + key->offset) == 0;
}

/* The scalars of a section; an empty text is none. */
static json_t *
section(const char *name, const void *base)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < pst_n_keys; i++) {
		const struct pst_key *key = &pst_keys[i];

		if (key->type > PST_KEY_ENUM || strcmp(key->section, name) != 0)
			continue;
		if (key->type == PST_KEY_TEXT && ((const char *)base)[key->offset] == 0)
			continue;
		if (is_left_out(key, base))
			continue;
		object = with(object, key->name, scalar(key, base));
	}
	return object;
}

static json_t *
numbers(const uint32_t *list, uint32_t n)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++)
		array = append(array, json_integer(list[i]));
	return array;
}

static json_t *
ranges(const struct pst_range *list, uint32_t n)
{
	json_t *array = json_array();
	char text[PST_RANGE_TEXT];

	for (uint32_t i = 0; i < n; i++)
		array = append(array, json_string(pst_range_format(&list[i], text)));
	return array;
}

static json_t *
prefix(uint32_t ip, uint8_t len)
{
	char text[PST_PREFIX_TEXT];

	return json_string(pst_prefix_format(ip, len, text));
}

static json_t *
lcores(const struct pst_config *c)
{
	json_t *object = section("/lcores", c);

	object = with(object, "workers", numbers(c->lcores.workers, c->lcores.n_workers));
	return with(object, "editors", numbers(c->lcores.editors, c->lcores.n_editors));
}

static json_t *
interfaces(const struct pst_config *c)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < c->n_ifaces; i++) {
		const struct pst_config_iface *f = &c->ifaces[i];
		json_t *iface = section("/interfaces/*", f);

		iface = with(iface, "address", prefix(f->ip, f->prefix_len));
		object = with(object, f->name, iface);
	}
	return object;
}

static json_t *
routes(const struct pst_config *c)
{
	json_t *array = json_array();
	char via[PST_ADDRESS_TEXT];

	for (uint32_t i = 0; i < c->n_routes; i++) {
		const struct pst_config_route *r = &c->routes[i];
		json_t *route = with(json_object(), "to", prefix(r->to.ip, r->to.len));

		array = append(
			array, with(route, "via", json_string(pst_address_format(r->via, via))));
	}
	return array;
}

static json_t *
networks(const struct pst_config *c)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < c->n_internal_networks; i++)
		array = append(
			array, prefix(c->internal_networks[i].ip, c->internal_networks[i].len));
	return array;
}

static json_t *
pools(const struct pst_config *c)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < c->nat.n_pools; i++) {
		const struct pst_config_pool *p = &c->nat.pools[i];
		json_t *pool = with(json_object(), "clients", ranges(p->clients, p->n_clients));

		array = append(
			array, with(pool, "addresses", ranges(p->addresses, p->n_addresses)));
	}
	return array;
}

static json_t *
nat(const struct pst_config *c)
{
	json_t *object = section("/nat", c);

	object = with(object, "pool", ranges(c->nat.pool, c->nat.n_pool));
	object = with(object, "pools", pools(c));
	object = with(object, "bypass", ranges(c->nat.bypass, c->nat.n_bypass));
	object = with(object, "ports", json_sprintf("%u-%u", c->nat.port_first, c->nat.port_last));
	return with(object, "timeouts", section("/nat/timeouts", c));
}

static json_t *
protocols(const struct pst_config *c)
{
	json_t *object = json_object();
	char id[PST_GUID_TEXT];

	for (uint32_t i = 0; i < c->n_protocols; i++) {
		const struct pst_config_protocol *p = &c->protocols[i];
		json_t *protocol = section("/protocols/*", p), *ports = json_array();

		for (uint32_t k = 0; k < p->n_ports; k++)
			ports = append(ports, json_integer(p->ports[k]));
		protocol = with(protocol, "id", json_string(pst_guid_format(&p->id, id)));
		protocol = with(protocol, "transport",
			json_string(p->transport == PST_UDP ? "udp" : "tcp"));
		object = with(object, p->name, with(protocol, "ports", ports));
	}
	return object;
}

/* What a rule does not name it is not bound to: an empty list would say the contrary. */
static json_t *
rule(const struct pst_config_rule *r)
{
	json_t *object = section("/rules/*", r), *names = json_array();

	for (uint32_t i = 0; i < r->n_protocols; i++)
		names = append(names, json_string(r->protocols[i]));
	object = with(object, "action", json_string(r->allow ? "allow" : "deny"));
	if (r->n_protocols > 0)
		object = with(object, "protocols", json_incref(names));
	json_decref(names);
	if (r->n_clients > 0)
		object = with(object, "clients", ranges(r->clients, r->n_clients));
	if (r->n_destinations > 0)
		object = with(object, "destinations", ranges(r->destinations, r->n_destinations));
	return object;
}

static json_t *
rules(const struct pst_config *c)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < c->n_rules; i++)
		array = append(array, rule(&c->rules[i]));
	return array;
}

static json_t *
port_ranges(const struct pst_port_range *list, uint32_t n)
{
	json_t *array = json_array();
	char text[PST_PORT_RANGE_TEXT];

	for (uint32_t i = 0; i < n; i++)
		array = append(array, json_string(pst_port_range_format(&list[i], text)));
	return array;
}

static json_t *
filter(const struct pst_config_filter *f)
{
	json_t *object = section("/packet_filters/*", f);
	char text[PST_IP_PROTOCOL_TEXT];

	object = with(object, "action", json_string(f->allow ? "allow" : "deny"));
	if (!f->in || !f->out)
		object = with(object, "direction", json_string(f->in ? "in" : "out"));
	if (!f->any_protocol)
		object = with(object, "protocol",
			json_string(pst_ip_protocol_format(f->protocol, text)));
	if (f->n_sources > 0)
		object = with(object, "source", ranges(f->sources, f->n_sources));
	if (f->n_destinations > 0)
		object = with(object, "destination", ranges(f->destinations, f->n_destinations));
	if (f->n_source_ports > 0)
		object = with(object, "source_ports",
			port_ranges(f->source_ports, f->n_source_ports));
	if (f->n_destination_ports > 0)
		object = with(object, "destination_ports",
			port_ranges(f->destination_ports, f->n_destination_ports));
	return object;
}

static json_t *
filters(const struct pst_config *c)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < c->n_filters; i++)
		array = append(array, filter(&c->filters[i]));
	return array;
}

static json_t *
publish(const struct pst_config *c)
{
	json_t *array = json_array();
	char text[PST_ENDPOINT_TEXT];

	for (uint32_t i = 0; i < c->n_publish; i++) {
		const struct pst_config_publish *p = &c->publish[i];
		json_t *object = section("/publish/*", p);

		object = with(object, "protocol",
			json_string(p->whole ? "any" : p->transport == PST_UDP ? "udp" : "tcp"));
		if (p->whole) {
			object = with(object, "external",
				json_string(pst_address_format(p->external.ip, text)));
			object = with(object, "internal",
				json_string(pst_address_format(p->internal.ip, text)));
			array = append(array, object);
			continue;
		}
		object = with(object, "external",
			json_string(pst_endpoints_format(&p->external, p->more, text)));
		object = with(object, "internal",
			json_string(pst_endpoints_format(&p->internal, p->more, text)));
		array = append(array, object);
	}
	return array;
}

static json_t *
editors(const struct pst_config *c)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < c->n_editors; i++)
		object = with(object, c->editors[i].name, section("/editors/*", &c->editors[i]));
	return object;
}

static json_t *
metrics(const struct pst_config *config)
{
	char text[PST_ENDPOINT_TEXT];

	return with(json_object(), "listen",
		json_string(pst_service_format(&config->metrics_listen, text)));
}

static json_t *
log_of(const struct pst_config *c)
{
	json_t *object = section("/log", c), *kinds = json_array();

	for (int k = 0; k < PST_RECORD_LOST_BIT; k++) {
		if ((c->log_kinds >> k & 1) != 0)
			kinds = append(kinds, json_string(pst_record_kinds[k]));
	}
	object = with(object, "kinds", kinds);
	if (c->log_syslog[0] != 0)
		object = with(object, "syslog", json_string(c->log_syslog));
	if (c->log_ipfix[0] != 0)
		object = with(object, "ipfix", json_string(c->log_ipfix));
	return object;
}

json_t *
pst_config_to_json(const struct pst_config *config)
{
	json_t *object = with(json_object(), "lcores", lcores(config));

	object = with(object, "memory", section("/memory", config));
	object = with(object, "interfaces", interfaces(config));
	object = with(object, "routes", routes(config));
	object = with(object, "internal_networks", networks(config));
	object = with(object, "nat", nat(config));
	object = with(object, "protocols", protocols(config));
	object = with(object, "rules", rules(config));
	object = with(object, "packet_filters", filters(config));
	object = with(object, "publish", publish(config));
	object = with(object, "editors", editors(config));
	object = with(object, "reload", section("/reload", config));
	object = with(object, "control", section("/control", config));
	object = with(object, "metrics", metrics(config));
	return with(object, "log", log_of(config));
}
