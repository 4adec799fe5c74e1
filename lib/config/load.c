/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/load.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "config/address.h"
#include "config/load_priv.h"

#define METRICS_PORT 9469
#define SESSIONS_A_MEGABYTE 1024 /* the tables take about half of the memory then */

void
pst_member_find(struct pst_member *m, const char *section, const char *pointer,
	const json_t *json, const char *name)
{
	m->key = pst_key_find(section, name);
	m->json = json_object_get(json, name);
	pst_pointer_child(m->at, pointer, name);
}

const char *
pst_member_text(struct pst_loader *l, const struct pst_member *m)
{
	return m->json != NULL ? pst_read_text(l, m->at, m->json) : NULL;
}

/* Addresses. */

static void
read_network(struct pst_loader *l, const char *at, const char *text, struct pst_prefix *p)
{
	if (!pst_prefix_parse(text, true, p))
		pst_problem(l, at, "not an IPv4 network: \"%s\"", text);
	else if ((p->ip & ~pst_prefix_mask(p->len)) != 0)
		pst_problem(l, at, "has bits behind the prefix: \"%s\"", text);
}

static void
read_range(struct pst_loader *l, const char *at, const char *text, struct pst_range *range)
{
	static const char *const faults[] = { [PST_RANGE_NONE] = "not an IPv4 range",
		[PST_RANGE_BACKWARDS] = "ends before it starts",
		[PST_RANGE_HOST_BITS] = "has bits behind the prefix" };
	enum pst_range_fault fault = pst_range_parse(text, range);

	if (fault == PST_RANGE_FINE)
		return;
	pst_problem(l, at, "%s: \"%s\"", faults[fault], text);
	memset(range, 0, sizeof(*range));
}

uint32_t
pst_member_ranges(struct pst_loader *l, const struct pst_member *m, struct pst_range *ranges)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);

	for (size_t i = 0; i < n; i++) {
		char at[PST_POINTER_MAX];
		const char *text;

		pst_pointer_element(at, m->at, i);
		text = pst_read_text(l, at, json_array_get(m->json, i));
		if (text != NULL)
			read_range(l, at, text, &ranges[i]);
	}
	return n;
}

/* Sections. */

static uint32_t
read_lcore_list(struct pst_loader *l, const struct pst_member *m, uint32_t *ids)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);
	struct pst_key id = *m->key;

	id.type = PST_KEY_U32;
	for (size_t i = 0; i < n; i++) {
		char at[PST_POINTER_MAX];

		pst_pointer_element(at, m->at, i);
		pst_read_scalar(l, &id, at, json_array_get(m->json, i), &ids[i]);
	}
	return n;
}

static void
read_lcores(struct pst_loader *l, const json_t *json)
{
	struct pst_config *c = l->config;
	struct pst_member m;

	pst_read_defaults("/lcores", c);
	c->lcores.workers[0] = 1;
	c->lcores.editors[0] = 2;
	c->lcores.n_workers = c->lcores.n_editors = 1;
	if (json == NULL || !pst_read_object(l, "/lcores", "/lcores", json, c))
		return;
	pst_member_find(&m, "/lcores", "/lcores", json, "workers");
	if (m.json != NULL)
		c->lcores.n_workers = read_lcore_list(l, &m, c->lcores.workers);
	pst_member_find(&m, "/lcores", "/lcores", json, "editors");
	if (m.json != NULL)
		c->lcores.n_editors = read_lcore_list(l, &m, c->lcores.editors);
}

static void
read_iface_address(struct pst_loader *l, const struct pst_member *m, struct pst_config_iface *f)
{
	const char *text = pst_member_text(l, m);
	struct pst_prefix p;

	if (text == NULL)
		return;
	if (strcmp(text, "dhcp") == 0) {
		pst_problem(l, m->at, "\"dhcp\" is not supported by this version");
	} else if (!pst_prefix_parse(text, false, &p)) {
		pst_problem(l, m->at, "not an IPv4 address with a prefix length: \"%s\"", text);
	} else {
		f->ip = p.ip;
		f->prefix_len = p.len;
	}
}

static void
read_iface(struct pst_loader *l, const char *pointer, const char *name, const json_t *json)
{
	struct pst_config_iface *f = &l->config->ifaces[l->config->n_ifaces++];
	struct pst_member m;

	pst_read_name(l, pointer, name, f->name);
	pst_read_defaults("/interfaces/*", f);
	if (!pst_read_object(l, "/interfaces/*", pointer, json, f))
		return;
	pst_member_find(&m, "/interfaces/*", pointer, json, "address");
	read_iface_address(l, &m, f);
}

static void
read_routes(struct pst_loader *l, const struct pst_member *m)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);

	for (size_t i = 0; i < n; i++) {
		struct pst_config_route *r = &l->config->routes[i];
		json_t *json = json_array_get(m->json, i);
		char pointer[PST_POINTER_MAX];
		struct pst_member to, via;
		const char *text;

		pst_pointer_element(pointer, m->at, i);
		if (!pst_read_object(l, "/routes/*", pointer, json, r))
			continue;
		pst_member_find(&to, "/routes/*", pointer, json, "to");
		text = pst_member_text(l, &to);
		if (text != NULL)
			read_network(l, to.at, text, &r->to);
		pst_member_find(&via, "/routes/*", pointer, json, "via");
		text = pst_member_text(l, &via);
		if (text != NULL && !pst_address_parse(text, &r->via))
			pst_problem(l, via.at, "not an IPv4 address: \"%s\"", text);
	}
	l->config->n_routes = n;
}

static void
read_networks(struct pst_loader *l, const struct pst_member *m)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);

	for (size_t i = 0; i < n; i++) {
		char at[PST_POINTER_MAX];
		const char *text;

		pst_pointer_element(at, m->at, i);
		text = pst_read_text(l, at, json_array_get(m->json, i));
		if (text != NULL)
			read_network(l, at, text, &l->config->internal_networks[i]);
	}
	l->config->n_internal_networks = n;
}

static void
read_ports(struct pst_loader *l, const struct pst_member *m)
{
	const char *text = pst_member_text(l, m);
	struct pst_config_nat *nat = &l->config->nat;

	if (text != NULL && !pst_ports_parse(text, &nat->port_first, &nat->port_last))
		pst_problem(l, m->at, "not a range of ports, \"FIRST-LAST\": \"%s\"", text);
}

static void
read_pools(struct pst_loader *l, const struct pst_member *m)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);

	for (size_t i = 0; i < n; i++) {
		struct pst_config_pool *p = &l->config->nat.pools[i];
		json_t *json = json_array_get(m->json, i);
		char pointer[PST_POINTER_MAX];
		struct pst_member list;

		pst_pointer_element(pointer, m->at, i);
		if (!pst_read_object(l, "/nat/pools/*", pointer, json, p))
			continue;
		pst_member_find(&list, "/nat/pools/*", pointer, json, "clients");
		p->n_clients = pst_member_ranges(l, &list, p->clients);
		pst_member_find(&list, "/nat/pools/*", pointer, json, "addresses");
		p->n_addresses = pst_member_ranges(l, &list, p->addresses);
	}
	l->config->nat.n_pools = n;
}

static void
read_nat(struct pst_loader *l, const json_t *json)
{
	struct pst_config *c = l->config;
	struct pst_member m;

	pst_read_defaults("/nat", c);
	pst_read_defaults("/nat/timeouts", c);
	c->nat.sessions = RTE_MIN(c->nat.sessions, c->memory.megabytes * SESSIONS_A_MEGABYTE);
	c->nat.port_first = 1024;
	c->nat.port_last = 65535;
	if (json == NULL || !pst_read_object(l, "/nat", "/nat", json, c))
		return;
	pst_member_find(&m, "/nat", "/nat", json, "timeouts");
	if (m.json != NULL)
		pst_read_object(l, "/nat/timeouts", m.at, m.json, c);
	pst_member_find(&m, "/nat", "/nat", json, "ports");
	read_ports(l, &m);
	pst_member_find(&m, "/nat", "/nat", json, "pool");
	c->nat.n_pool = pst_member_ranges(l, &m, c->nat.pool);
	pst_member_find(&m, "/nat", "/nat", json, "pools");
	read_pools(l, &m);
	pst_member_find(&m, "/nat", "/nat", json, "bypass");
	c->nat.n_bypass = pst_member_ranges(l, &m, c->nat.bypass);
}

static void
read_protocol_ports(struct pst_loader *l, const struct pst_member *m, struct pst_config_protocol *p)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);
	struct pst_key port = *m->key;

	port.type = PST_KEY_U16;
	for (size_t i = 0; i < n; i++) {
		char at[PST_POINTER_MAX];

		pst_pointer_element(at, m->at, i);
		pst_read_scalar(l, &port, at, json_array_get(m->json, i), &p->ports[i]);
	}
	p->n_ports = n;
}

static void
read_protocol(struct pst_loader *l, const char *pointer, const char *name, const json_t *json)
{
	struct pst_config_protocol *p = &l->config->protocols[l->config->n_protocols++];
	struct pst_member m;
	const char *text;

	pst_read_name(l, pointer, name, p->name);
	p->transport = PST_TCP;
	if (!pst_read_object(l, "/protocols/*", pointer, json, p))
		return;
	pst_member_find(&m, "/protocols/*", pointer, json, "id");
	text = pst_member_text(l, &m);
	if (text != NULL && !pst_guid_parse(text, &p->id))
		pst_problem(l, m.at, "not a GUID: \"%s\"", text);
	pst_member_find(&m, "/protocols/*", pointer, json, "transport");
	if (m.json != NULL && pst_read_choice(l, m.at, m.json, m.key->names) == 1)
		p->transport = PST_UDP;
	pst_member_find(&m, "/protocols/*", pointer, json, "ports");
	read_protocol_ports(l, &m, p);
}

static void
read_rule_protocols(struct pst_loader *l, const struct pst_member *m, struct pst_config_rule *r)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);

	for (size_t i = 0; i < n; i++) {
		char at[PST_POINTER_MAX];
		const char *text;

		pst_pointer_element(at, m->at, i);
		text = pst_read_text(l, at, json_array_get(m->json, i));
		if (text != NULL)
			pst_read_name(l, at, text, r->protocols[i]);
	}
	r->n_protocols = n;
}

static void
read_rule(struct pst_loader *l, const char *pointer, const json_t *json, struct pst_config_rule *r)
{
	struct pst_member m;

	if (!pst_read_object(l, "/rules/*", pointer, json, r))
		return;
	pst_member_find(&m, "/rules/*", pointer, json, "action");
	r->allow = m.json != NULL && pst_read_choice(l, m.at, m.json, m.key->names) == 1;
	pst_member_find(&m, "/rules/*", pointer, json, "protocols");
	read_rule_protocols(l, &m, r);
	pst_member_find(&m, "/rules/*", pointer, json, "clients");
	r->n_clients = pst_member_ranges(l, &m, r->clients);
	pst_member_find(&m, "/rules/*", pointer, json, "destinations");
	r->n_destinations = pst_member_ranges(l, &m, r->destinations);
}

static void
read_rules(struct pst_loader *l, const struct pst_member *m)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);

	for (size_t i = 0; i < n; i++) {
		struct pst_config_rule *r = &l->config->rules[i];
		char pointer[PST_POINTER_MAX];

		snprintf(r->name, sizeof(r->name), "rule %zu", i + 1);
		pst_pointer_element(pointer, m->at, i);
		read_rule(l, pointer, json_array_get(m->json, i), r);
	}
	l->config->n_rules = n;
}

static void
read_endpoints(struct pst_loader *l, const struct pst_member *m, struct pst_endpoint *first,
	uint16_t *more)
{
	const char *text = pst_member_text(l, m);

	*more = 0;
	if (text != NULL && !pst_endpoints_parse(text, first, more)) {
		*first = (struct pst_endpoint){ 0, 0 };
		pst_problem(l, m->at,
			"not \"ADDRESS:PORT\" or \"ADDRESS:FIRST-LAST\": \"%s\"", text);
	}
}

/* All ports of an address. */
static void
read_host(struct pst_loader *l, const struct pst_member *m, struct pst_endpoint *host)
{
	const char *text = pst_member_text(l, m);

	if (text != NULL && !pst_address_parse(text, &host->ip))
		pst_problem(l, m->at, "not an IPv4 address: \"%s\"", text);
}

static void
read_published(struct pst_loader *l, const char *pointer, const json_t *json,
	struct pst_config_publish *p)
{
	struct pst_member m;
	uint16_t more;
	int choice;

	p->transport = PST_TCP;
	if (!pst_read_object(l, "/publish/*", pointer, json, p))
		return;
	pst_member_find(&m, "/publish/*", pointer, json, "protocol");
	choice = m.json != NULL ? pst_read_choice(l, m.at, m.json, m.key->names) : 0;
	if (choice == 1)
		p->transport = PST_UDP;
	p->whole = choice == 2;
	pst_member_find(&m, "/publish/*", pointer, json, "external");
	if (p->whole)
		read_host(l, &m, &p->external);
	else
		read_endpoints(l, &m, &p->external, &p->more);
	pst_member_find(&m, "/publish/*", pointer, json, "internal");
	if (p->whole) {
		read_host(l, &m, &p->internal);
		return;
	}
	read_endpoints(l, &m, &p->internal, &more);
	if (p->internal.port != 0 && p->external.port != 0 && more != p->more)
		pst_problem(l, m.at, "has %u ports, and \"external\" %u", more + 1, p->more + 1);
}

static void
read_publish(struct pst_loader *l, const struct pst_member *m)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);

	for (size_t i = 0; i < n; i++) {
		struct pst_config_publish *p = &l->config->publish[i];
		char pointer[PST_POINTER_MAX];

		snprintf(p->name, sizeof(p->name), "publish %zu", i + 1);
		pst_pointer_element(pointer, m->at, i);
		read_published(l, pointer, json_array_get(m->json, i), p);
	}
	l->config->n_publish = n;
}

static void
read_editor(struct pst_loader *l, const char *pointer, const char *name, const json_t *json)
{
	struct pst_config_editor *e = &l->config->editors[l->config->n_editors++];

	pst_read_name(l, pointer, name, e->name);
	pst_read_defaults("/editors/*", e);
	pst_read_object(l, "/editors/*", pointer, json, e);
}

/* Objects by name: read() gets each, as many as there is room for. */
static void
read_map(struct pst_loader *l, const struct pst_member *m,
	void (*read)(
		struct pst_loader *l, const char *pointer, const char *name, const json_t *json))
{
	const char *name;
	json_t *value;

	if (m->json == NULL || !pst_read_is(l, m->at, m->json, JSON_OBJECT, "an object"))
		return;
	if (json_object_size(m->json) > m->key->most) {
		pst_problem(l, m->at, "has %zu entries, and may have %u", json_object_size(m->json),
			m->key->most);
		return;
	}
	json_object_foreach(m->json, name, value)
	{
		char pointer[PST_POINTER_MAX];

		pst_pointer_child(pointer, m->at, name);
		read(l, pointer, name, value);
	}
}

static void
read_metrics(struct pst_loader *l, const json_t *root)
{
	struct pst_endpoint *listen = &l->config->metrics_listen;
	struct pst_member m;
	const char *text;

	pst_member_find(&m, "", "", root, "metrics");
	*listen = (struct pst_endpoint){ INADDR_LOOPBACK, METRICS_PORT };
	if (m.json == NULL || !pst_read_object(l, m.at, m.at, m.json, l->config))
		return;
	pst_member_find(&m, "/metrics", "/metrics", m.json, "listen");
	text = pst_member_text(l, &m);
	if (text != NULL && !pst_service_parse(text, listen))
		pst_problem(l, m.at, "neither \"ADDRESS:PORT\" nor \"off\": \"%s\"", text);
}

static void
read_plain_sections(struct pst_loader *l, const json_t *root)
{
	static const char *const plain[] = { "memory", "reload", "control", "log" };

	for (size_t i = 0; i < RTE_DIM(plain); i++) {
		struct pst_member m;

		pst_member_find(&m, "", "", root, plain[i]);
		pst_read_defaults(m.at, l->config);
		if (m.json != NULL)
			pst_read_object(l, m.at, m.at, m.json, l->config);
	}
}

void
pst_load_root(struct pst_loader *l, const json_t *root)
{
	struct pst_member m;

	if (!pst_read_object(l, "", "", root, l->config))
		return;
	read_plain_sections(l, root);
	read_metrics(l, root);
	read_lcores(l, json_object_get(root, "lcores"));
	pst_member_find(&m, "", "", root, "interfaces");
	read_map(l, &m, read_iface);
	pst_member_find(&m, "", "", root, "routes");
	read_routes(l, &m);
	pst_member_find(&m, "", "", root, "internal_networks");
	read_networks(l, &m);
	read_nat(l, json_object_get(root, "nat")); /* behind memory: a default depends on it */
	pst_load_log(l, json_object_get(root, "log"));
	pst_member_find(&m, "", "", root, "protocols");
	read_map(l, &m, read_protocol);
	pst_member_find(&m, "", "", root, "rules");
	read_rules(l, &m);
	if (m.json == NULL || (json_is_array(m.json) && json_array_size(m.json) == 0))
		pst_warning(l, m.at, "no rules: everything from inside to outside is allowed");
	pst_member_find(&m, "", "", root, "packet_filters");
	pst_load_filters(l, &m);
	pst_member_find(&m, "", "", root, "publish");
	read_publish(l, &m);
	pst_member_find(&m, "", "", root, "editors");
	read_map(l, &m, read_editor);
	pst_config_check(l);
}
