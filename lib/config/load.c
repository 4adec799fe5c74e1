/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/nearest.h"
#include "config/address.h"
#include "config/keys.h"
#include "config/locate.h"
#include "config/problems.h"

#define POINTER_MAX 512
#define KEYS_MAX 64
#define FILE_MAX (16 << 20)
#define TEXT_OF(json) json_string_value(json)

/* Pointers. */

static void
child(char *out, const char *pointer, const char *name)
{
	size_t at = snprintf(out, POINTER_MAX, "%s/", pointer);

	for (; *name != 0 && at + 3 < POINTER_MAX; name++) {
		if (*name == '~' || *name == '/') {
			out[at++] = '~';
			out[at++] = *name == '~' ? '0' : '1';
		} else {
			out[at++] = *name;
		}
	}
	out[at < POINTER_MAX ? at : POINTER_MAX - 1] = 0;
}

static void
element(char *out, const char *pointer, size_t index)
{
	snprintf(out, POINTER_MAX, "%.480s/%zu", pointer, index);
}

static const char *
kind_of(const json_t *json)
{
	static const char *const kinds[] = { [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",
		[JSON_STRING] = "a text", [JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction",
		[JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null" };

	return kinds[json_typeof(json)];
}

/* True when it is what is wanted; else said. */
static bool
is(struct pst_loader *l, const char *pointer, const json_t *json, json_type type, const char *what)
{
	if (json_typeof(json) == type)
		return true;
	pst_problem(l, pointer, "must be %s, not %s", what, kind_of(json));
	return false;
}

/* Scalars, by the table. */

static void
set_number(struct pst_loader *l, const struct pst_key *key, const char *pointer,
	const json_t *json, void *at)
{
	json_int_t v = json_integer_value(json);

	if (!is(l, pointer, json, JSON_INTEGER, "a number"))
		return;
	if (v < 0 || (uint64_t)v < key->min || (uint64_t)v > key->max) {
		pst_problem(l, pointer, "must be from %" PRIu64 " to %" PRIu64 ", not %lld", key->min,
			key->max, (long long)v);
		return;
	}
	if (key->type == PST_KEY_U16)
		*(uint16_t *)at = v;
	else
		*(uint32_t *)at = v;
}

static void
list_names(char *out, size_t size, const char *const *names)
{
	size_t at = 0;

	out[0] = 0;
	for (int i = 0; names[i] != NULL && at < size; i++)
		at += snprintf(out + at, size - at, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
}

static int
index_of(const char *const *names, const char *name)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

/* One of some names, which a problem lists. -1 when it is none. */
static int
choose(struct pst_loader *l, const char *pointer, const json_t *json, const char *const *names)
{
	char known[256];
	int i;

	if (!is(l, pointer, json, JSON_STRING, "a text"))
		return -1;
	i = index_of(names, TEXT_OF(json));
	if (i < 0) {
		list_names(known, sizeof(known), names);
		pst_problem(l, pointer, "must be one of %s, not \"%s\"", known, TEXT_OF(json));
	}
	return i;
}

static void
set_text(struct pst_loader *l, const struct pst_key *key, const char *pointer, const json_t *json,
	char *at)
{
	if (key->names != NULL && choose(l, pointer, json, key->names) < 0)
		return;
	if (!is(l, pointer, json, JSON_STRING, "a text"))
		return;
	if (strlen(TEXT_OF(json)) < key->min)
		pst_problem(l, pointer, "must not be empty");
	else if (strlen(TEXT_OF(json)) >= key->max)
		pst_problem(l, pointer, "is too long: at most %" PRIu64 " bytes", key->max - 1);
	else
		strcpy(at, TEXT_OF(json));
}

static void
set_scalar(struct pst_loader *l, const struct pst_key *key, const char *pointer,
	const json_t *json, void *base)
{
	void *at = (char *)base + key->offset;
	int i;

	switch (key->type) {
	case PST_KEY_U32:
	case PST_KEY_U16:
		set_number(l, key, pointer, json, at);
		break;
	case PST_KEY_BOOL:
		if (json_is_boolean(json))
			*(bool *)at = json_is_true(json);
		else
			pst_problem(l, pointer, "must be true or false, not %s", kind_of(json));
		break;
	case PST_KEY_TEXT:
		set_text(l, key, pointer, json, at);
		break;
	case PST_KEY_ENUM:
		i = choose(l, pointer, json, key->names);
		if (i >= 0)
			*(int *)at = i;
		break;
	default:
		break;
	}
}

static const struct pst_key *
find_key(const char *section, const char *name)
{
	for (uint32_t i = 0; i < pst_n_keys; i++) {
		if (strcmp(pst_keys[i].section, section) == 0 &&
			strcmp(pst_keys[i].name, name) == 0)
			return &pst_keys[i];
	}
	return NULL;
}

static void
unknown_key(struct pst_loader *l, const char *section, const char *pointer, const char *name)
{
	const char *names[KEYS_MAX], *near;
	uint32_t n = 0;

	for (uint32_t i = 0; i < pst_n_keys && n + 1 < KEYS_MAX; i++) {
		if (strcmp(pst_keys[i].section, section) == 0)
			names[n++] = pst_keys[i].name;
	}
	names[n] = NULL;
	near = pst_nearest(name, names);
	if (near != NULL)
		pst_problem(l, pointer, "unknown key \"%s\", did you mean \"%s\"?", name, near);
	else
		pst_problem(l, pointer, "unknown key \"%s\"", name);
}

/* All keys of an object: unknown ones are said, scalars set at base. */
static bool
read_object(struct pst_loader *l, const char *section, const char *pointer, json_t *json,
	void *base)
{
	const char *name;
	json_t *value;

	if (!is(l, pointer, json, JSON_OBJECT, "an object"))
		return false;
	json_object_foreach(json, name, value) {
		const struct pst_key *key = find_key(section, name);
		char at[POINTER_MAX];

		child(at, pointer, name);
		if (key == NULL)
			unknown_key(l, section, at, name);
		else if (key->type == PST_KEY_LATER)
			pst_problem(l, at, "\"%s\" is not supported by this version", name);
		else
			set_scalar(l, key, at, value, base);
	}
	return true;
}

static void
set_defaults(const char *section, void *base)
{
	struct pst_loader none = { 0 };

	for (uint32_t i = 0; i < pst_n_keys; i++) {
		const struct pst_key *key = &pst_keys[i];
		json_t *json;

		if (key->fallback == NULL || strcmp(key->section, section) != 0)
			continue;
		json = json_loads(key->fallback, JSON_DECODE_ANY, NULL);
		set_scalar(&none, key, "", json, base);
		json_decref(json);
	}
}

/* A value that must be there. */
static json_t *
want(struct pst_loader *l, const char *pointer, json_t *object, const char *name)
{
	json_t *json = json_object_get(object, name);

	if (json == NULL)
		pst_problem(l, pointer, "lacks \"%s\"", name);
	return json;
}

static const char *
text_at(struct pst_loader *l, const char *pointer, const json_t *json)
{
	return is(l, pointer, json, JSON_STRING, "a text") ? TEXT_OF(json) : NULL;
}

/* A list with room for `most`. */
static size_t
list_size(struct pst_loader *l, const char *pointer, const json_t *json, size_t most)
{
	if (json == NULL || !is(l, pointer, json, JSON_ARRAY, "a list"))
		return 0;
	if (json_array_size(json) > most) {
		pst_problem(l, pointer, "has %zu entries, and may have %zu",
			json_array_size(json), most);
		return 0;
	}
	return json_array_size(json);
}

/* Sections. */

static uint32_t
read_lcore_list(struct pst_loader *l, const char *pointer, const json_t *json, uint32_t *ids,
	size_t most)
{
	size_t n = list_size(l, pointer, json, most);
	const struct pst_key key = { .type = PST_KEY_U32, .min = 0, .max = 127 };

	for (size_t i = 0; i < n; i++) {
		char at[POINTER_MAX];

		element(at, pointer, i);
		set_number(l, &key, at, json_array_get(json, i), &ids[i]);
	}
	return n;
}

static void
read_lcores(struct pst_loader *l, json_t *json)
{
	struct pst_config *c = l->config;
	json_t *list;

	c->lcores.workers[0] = 1;
	c->lcores.editors[0] = 2;
	c->lcores.n_workers = c->lcores.n_editors = 1;
	set_defaults("/lcores", c);
	if (json == NULL || !read_object(l, "/lcores", "/lcores", json, c))
		return;
	list = json_object_get(json, "workers");
	if (list != NULL)
		c->lcores.n_workers = read_lcore_list(
			l, "/lcores/workers", list, c->lcores.workers, PST_WORKERS_MAX);
	list = json_object_get(json, "editors");
	if (list != NULL)
		c->lcores.n_editors = read_lcore_list(
			l, "/lcores/editors", list, c->lcores.editors, PST_EDITORS_MAX);
}

static void
read_name(struct pst_loader *l, const char *pointer, const char *name, char *out)
{
	if (name[0] == 0 || strlen(name) >= PST_NAME_MAX)
		pst_problem(l, pointer, "a name has from 1 to %d bytes", PST_NAME_MAX - 1);
	else
		strcpy(out, name);
}

static void
read_iface_address(struct pst_loader *l, const char *pointer, const json_t *json,
	struct pst_config_iface *f)
{
	const char *text = text_at(l, pointer, json);
	struct pst_prefix p;

	if (text == NULL)
		return;
	if (strcmp(text, "dhcp") == 0)
		pst_problem(l, pointer, "\"dhcp\" is not supported by this version");
	else if (!pst_prefix_parse(text, false, &p))
		pst_problem(l, pointer, "not an IPv4 address with a prefix length: \"%s\"", text);
	else {
		f->ip = p.ip;
		f->prefix_len = p.len;
	}
}

static void
read_ifaces(struct pst_loader *l, json_t *json)
{
	struct pst_config *c = l->config;
	const char *name;
	json_t *value;

	if (json == NULL) {
		pst_problem(l, "", "lacks \"interfaces\"");
		return;
	}
	if (!is(l, "/interfaces", json, JSON_OBJECT, "an object"))
		return;
	json_object_foreach(json, name, value) {
		struct pst_config_iface *f = &c->ifaces[c->n_ifaces];
		char pointer[POINTER_MAX], at[POINTER_MAX];
		json_t *address;

		child(pointer, "/interfaces", name);
		if (c->n_ifaces == PST_IFACES_MAX) {
			pst_problem(l, pointer, "more than %d interfaces", PST_IFACES_MAX);
			return;
		}
		c->n_ifaces++;
		read_name(l, pointer, name, f->name);
		set_defaults("/interfaces/*", f);
		if (!read_object(l, "/interfaces/*", pointer, value, f))
			continue;
		want(l, pointer, value, "device");
		want(l, pointer, value, "zone");
		address = want(l, pointer, value, "address");
		child(at, pointer, "address");
		if (address != NULL)
			read_iface_address(l, at, address, f);
	}
}

static void
read_routes(struct pst_loader *l, const json_t *json)
{
	size_t n = list_size(l, "/routes", json, PST_ROUTES_MAX);

	for (size_t i = 0; i < n; i++) {
		struct pst_config_route *r = &l->config->routes[l->config->n_routes++];
		json_t *value = json_array_get(json, i), *to, *via;
		char pointer[POINTER_MAX], at[POINTER_MAX];
		const char *text;

		element(pointer, "/routes", i);
		if (!read_object(l, "/routes/*", pointer, value, r))
			continue;
		to = want(l, pointer, value, "to");
		via = want(l, pointer, value, "via");
		child(at, pointer, "to");
		text = to != NULL ? text_at(l, at, to) : NULL;
		if (text != NULL && !pst_prefix_parse(text, true, &r->to))
			pst_problem(l, at, "not an IPv4 network: \"%s\"", text);
		else if (text != NULL && (r->to.ip & ~pst_prefix_mask(r->to.len)) != 0)
			pst_problem(l, at, "has bits behind the prefix: \"%s\"", text);
		child(at, pointer, "via");
		text = via != NULL ? text_at(l, at, via) : NULL;
		if (text != NULL && !pst_address_parse(text, &r->via))
			pst_problem(l, at, "not an IPv4 address: \"%s\"", text);
	}
}

static void
read_networks(struct pst_loader *l, const json_t *json)
{
	size_t n = list_size(l, "/internal_networks", json, PST_NETWORKS_MAX);

	for (size_t i = 0; i < n; i++) {
		struct pst_prefix *p = &l->config->internal_networks[i];
		const char *text;
		char at[POINTER_MAX];

		element(at, "/internal_networks", i);
		text = text_at(l, at, json_array_get(json, i));
		if (text != NULL && !pst_prefix_parse(text, true, p))
			pst_problem(l, at, "not an IPv4 network: \"%s\"", text);
	}
	l->config->n_internal_networks = n;
}

/* Ranges of addresses; returns how many. */
static uint32_t
read_ranges(struct pst_loader *l, const char *pointer, const json_t *json, struct pst_range *ranges,
	size_t most)
{
	size_t n = list_size(l, pointer, json, most);

	for (size_t i = 0; i < n; i++) {
		const char *text;
		char at[POINTER_MAX];

		element(at, pointer, i);
		text = text_at(l, at, json_array_get(json, i));
		if (text != NULL && !pst_range_parse(text, &ranges[i]))
			pst_problem(l, at, "not an IPv4 range: \"%s\"", text);
	}
	return n;
}

static void
read_ports(struct pst_loader *l, const json_t *json)
{
	const char *text = text_at(l, "/nat/ports", json);
	unsigned int first, last;
	int end = 0;

	if (text == NULL)
		return;
	if (sscanf(text, "%5u-%5u%n", &first, &last, &end) != 2 || text[end] != 0 || first == 0 ||
		first > last || last > 65535) {
		pst_problem(l, "/nat/ports", "not a range of ports: \"%s\"", text);
		return;
	}
	l->config->nat.port_first = first;
	l->config->nat.port_last = last;
}

static void
read_nat(struct pst_loader *l, json_t *json)
{
	struct pst_config *c = l->config;
	json_t *value;

	set_defaults("/nat", c);
	set_defaults("/nat/timeouts", c);
	c->nat.port_first = 1024;
	c->nat.port_last = 65535;
	if (json == NULL || !read_object(l, "/nat", "/nat", json, c))
		return;
	value = json_object_get(json, "timeouts");
	if (value != NULL)
		read_object(l, "/nat/timeouts", "/nat/timeouts", value, c);
	value = json_object_get(json, "ports");
	if (value != NULL)
		read_ports(l, value);
	value = json_object_get(json, "pool");
	if (value != NULL)
		c->nat.n_pool = read_ranges(l, "/nat/pool", value, c->nat.pool, PST_POOL_RANGES_MAX);
}

static bool
parse_guid(const char *text, struct pst_guid *guid)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	uint32_t n = 0;

	if (strlen(text) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; shape[i] != 0;) {
		char two[3] = { text[i], text[i + 1], 0 }, *end;

		if (shape[i] == '-') {
			if (text[i++] != '-')
				return false;
			continue;
		}
		if (strspn(two, "0123456789abcdefABCDEF") != 2)
			return false;
		guid->bytes[n++] = strtoul(two, &end, 16);
		i += 2;
	}
	return true;
}

static void
read_protocol_ports(struct pst_loader *l, const char *pointer, const json_t *json,
	struct pst_config_protocol *p)
{
	const struct pst_key key = { .type = PST_KEY_U16, .min = 1, .max = 65535 };
	size_t n = list_size(l, pointer, json, PST_PROTOCOL_PORTS_MAX);

	for (size_t i = 0; i < n; i++) {
		char at[POINTER_MAX];

		element(at, pointer, i);
		set_number(l, &key, at, json_array_get(json, i), &p->ports[i]);
	}
	p->n_ports = n;
}

static void
read_protocol(struct pst_loader *l, const char *pointer, json_t *json,
	struct pst_config_protocol *p)
{
	static const char *const transports[] = { "tcp", "udp", NULL };
	json_t *id, *transport, *ports;
	char at[POINTER_MAX];
	const char *text;

	if (!read_object(l, "/protocols/*", pointer, json, p))
		return;
	id = want(l, pointer, json, "id");
	transport = want(l, pointer, json, "transport");
	ports = want(l, pointer, json, "ports");
	child(at, pointer, "id");
	text = id != NULL ? text_at(l, at, id) : NULL;
	if (text != NULL && !parse_guid(text, &p->id))
		pst_problem(l, at, "not a GUID: \"%s\"", text);
	child(at, pointer, "transport");
	if (transport != NULL)
		p->transport = choose(l, at, transport, transports) == 1 ? PST_UDP : PST_TCP;
	child(at, pointer, "ports");
	read_protocol_ports(l, at, ports, p);
}

static void
read_protocols(struct pst_loader *l, json_t *json)
{
	struct pst_config *c = l->config;
	const char *name;
	json_t *value;

	if (json == NULL || !is(l, "/protocols", json, JSON_OBJECT, "an object"))
		return;
	json_object_foreach(json, name, value) {
		struct pst_config_protocol *p = &c->protocols[c->n_protocols];
		char pointer[POINTER_MAX];

		child(pointer, "/protocols", name);
		if (c->n_protocols == PST_PROTOCOLS_MAX) {
			pst_problem(l, pointer, "more than %d protocols", PST_PROTOCOLS_MAX);
			return;
		}
		c->n_protocols++;
		read_name(l, pointer, name, p->name);
		read_protocol(l, pointer, value, p);
	}
}

static uint32_t
read_names(struct pst_loader *l, const char *pointer, const json_t *json,
	char (*names)[PST_NAME_MAX], size_t most)
{
	size_t n = list_size(l, pointer, json, most);

	for (size_t i = 0; i < n; i++) {
		const char *text;
		char at[POINTER_MAX];

		element(at, pointer, i);
		text = text_at(l, at, json_array_get(json, i));
		if (text != NULL)
			read_name(l, at, text, names[i]);
	}
	return n;
}

static void
read_rule(struct pst_loader *l, const char *pointer, json_t *json, struct pst_config_rule *r)
{
	static const char *const actions[] = { "deny", "allow", NULL };
	json_t *action;
	char at[POINTER_MAX];

	if (!is(l, pointer, json, JSON_OBJECT, "an object"))
		return;
	action = want(l, pointer, json, "action");
	child(at, pointer, "action");
	if (action != NULL)
		r->allow = choose(l, at, action, actions) == 1;
	child(at, pointer, "protocols");
	r->n_protocols = read_names(
		l, at, json_object_get(json, "protocols"), r->protocols, PST_RULE_ITEMS_MAX);
	child(at, pointer, "clients");
	r->n_clients = read_ranges(
		l, at, json_object_get(json, "clients"), r->clients, PST_RULE_ITEMS_MAX);
	child(at, pointer, "destinations");
	r->n_destinations = read_ranges(
		l, at, json_object_get(json, "destinations"), r->destinations, PST_RULE_ITEMS_MAX);
	read_object(l, "/rules/*", pointer, json, r);
}

static void
read_rules(struct pst_loader *l, const json_t *json)
{
	size_t n = list_size(l, "/rules", json, PST_RULES_MAX);

	for (size_t i = 0; i < n; i++) {
		struct pst_config_rule *r = &l->config->rules[l->config->n_rules++];
		char pointer[POINTER_MAX];

		snprintf(r->name, sizeof(r->name), "rule %zu", i + 1);
		element(pointer, "/rules", i);
		read_rule(l, pointer, json_array_get(json, i), r);
	}
}

static void
read_editors(struct pst_loader *l, json_t *json)
{
	struct pst_config *c = l->config;
	const char *name;
	json_t *value;

	if (json == NULL || !is(l, "/editors", json, JSON_OBJECT, "an object"))
		return;
	json_object_foreach(json, name, value) {
		struct pst_config_editor *e = &c->editors[c->n_editors];
		char pointer[POINTER_MAX];

		child(pointer, "/editors", name);
		if (c->n_editors == PST_EDITOR_SWITCHES_MAX) {
			pst_problem(l, pointer, "more than %d editors", PST_EDITOR_SWITCHES_MAX);
			return;
		}
		c->n_editors++;
		e->enabled = true;
		read_name(l, pointer, name, e->name);
		read_object(l, "/editors/*", pointer, value, e);
	}
}

static void
read_root(struct pst_loader *l, json_t *root)
{
	static const char *const plain[] = { "memory", "control", "log" };

	if (!read_object(l, "", "", root, l->config))
		return;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		char section[16];
		json_t *json = json_object_get(root, plain[i]);

		snprintf(section, sizeof(section), "/%s", plain[i]);
		set_defaults(section, l->config);
		if (json != NULL)
			read_object(l, section, section, json, l->config);
	}
	read_lcores(l, json_object_get(root, "lcores"));
	read_ifaces(l, json_object_get(root, "interfaces"));
	read_routes(l, json_object_get(root, "routes"));
	read_networks(l, json_object_get(root, "internal_networks"));
	read_nat(l, json_object_get(root, "nat"));
	read_protocols(l, json_object_get(root, "protocols"));
	read_rules(l, json_object_get(root, "rules"));
	read_editors(l, json_object_get(root, "editors"));
	if (json_object_get(root, "rules") == NULL)
		pst_warning(l, "", "no \"rules\": everything from inside to outside is allowed");
}

/* Whole files. */

static void
note_again(void *ctx, const char *pointer, uint32_t line, bool again)
{
	if (again)
		pst_problem_at(ctx, line, pointer, "this key is there twice");
}

int
pst_config_parse(const char *text, size_t len, const char *name, const char *const *editors,
	struct pst_config *config, struct pst_problems *problems)
{
	struct pst_loader l = { text, len, editors, config, problems };
	json_error_t error;
	json_t *root;

	memset(config, 0, sizeof(*config));
	memset(problems, 0, sizeof(*problems));
	problems->file = strdup(name);
	snprintf(config->path, sizeof(config->path), "%s", name);
	root = json_loadb(text, len, 0, &error);
	if (root == NULL) {
		pst_problem_at(&l, error.line > 0 ? error.line : 1, "", error.text);
		return -EINVAL;
	}
	pst_locate_walk(text, len, note_again, &l);
	read_root(&l, root);
	json_decref(root);
	if (problems->errors == 0)
		pst_config_check(&l);
	return problems->errors == 0 ? 0 : -EINVAL;
}

static int
unreadable(const char *path, struct pst_config *config, struct pst_problems *problems, int err)
{
	struct pst_loader l = { .problems = problems };
	char text[128];

	memset(config, 0, sizeof(*config));
	memset(problems, 0, sizeof(*problems));
	problems->file = strdup(path);
	snprintf(text, sizeof(text), "can't be read: %s", strerror(err));
	pst_problem_at(&l, 0, "", text);
	return -EINVAL;
}

int
pst_config_load(const char *path, const char *const *editors, struct pst_config *config,
	struct pst_problems *problems)
{
	FILE *f = fopen(path, "rb");
	char *text;
	size_t len;
	int ret;

	if (f == NULL)
		return unreadable(path, config, problems, errno);
	text = malloc(FILE_MAX);
	len = text != NULL ? fread(text, 1, FILE_MAX, f) : 0;
	if (text == NULL || ferror(f) || len == FILE_MAX) {
		ret = unreadable(path, config, problems,
			text == NULL ? ENOMEM : ferror(f) ? EISDIR : EFBIG);
	} else {
		ret = pst_config_parse(text, len, path, editors, config, problems);
	}
	free(text);
	fclose(f);
	return ret;
}
