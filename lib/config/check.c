/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules across keys, on a config whose keys are each right by themselves; and defaults from others. */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "config/address.h"
#include "config/problems.h"

#define POINTER_MAX 512
#define POOL_MAX 256
#define NAMES_MAX 128
#define LCORES 128

/* Where a key of an interface is; false when it holds nothing to check. */
static bool
iface_pointer(
	const struct pst_loader *l, char *at, const struct pst_config_iface *f, const char *key)
{
	snprintf(at, POINTER_MAX, "/interfaces/%s%s%s", f->name, key[0] != 0 ? "/" : "", key);
	return f->name[0] != 0 && !pst_problem_is_at(l, at);
}

static bool
has_address(const struct pst_loader *l, const struct pst_config_iface *f)
{
	char at[POINTER_MAX];

	return iface_pointer(l, at, f, "address");
}

static bool
is_in(uint32_t ip, uint32_t network, uint8_t len)
{
	return ((ip ^ network) & pst_prefix_mask(len)) == 0;
}

static uint32_t
host_bits(const struct pst_config_iface *f)
{
	return ~pst_prefix_mask(f->prefix_len);
}

/* The networks of two interfaces share addresses. */
static bool
is_overlap(const struct pst_config_iface *a, const struct pst_config_iface *b)
{
	return is_in(a->ip, b->ip, a->prefix_len < b->prefix_len ? a->prefix_len : b->prefix_len);
}

static void
check_address(struct pst_loader *l, const struct pst_config_iface *f)
{
	uint32_t host = host_bits(f);
	char at[POINTER_MAX], text[PST_ADDRESS_TEXT];

	if (!iface_pointer(l, at, f, "address"))
		return;
	pst_address_format(f->ip, text);
	if (f->prefix_len < 8)
		pst_problem(
			l, at, "a prefix of %u bits is too short for an interface", f->prefix_len);
	else if (f->ip >> 24 == 0 || f->ip >> 24 == 127 || f->ip >= 0xe0000000)
		pst_problem(l, at, "%s is no host's address", text);
	else if (f->prefix_len < 31 && (f->ip & host) == 0)
		pst_problem(l, at, "%s is the network's own address", text);
	else if (f->prefix_len < 31 && (f->ip & host) == host)
		pst_problem(l, at, "%s is the network's broadcast address", text);
}

/*
 * Inside and outside may overlap (RFC 4787 REQ-7), so that is told only; one zone may not with
 * itself, nor may two interfaces have one address.
 */
static void
check_networks(
	struct pst_loader *l, const struct pst_config_iface *a, const struct pst_config_iface *b)
{
	char at[POINTER_MAX], text[PST_ADDRESS_TEXT];

	if (!has_address(l, a) || !iface_pointer(l, at, b, "address") || !is_overlap(a, b))
		return;
	if (a->ip == b->ip)
		pst_problem(l, at, "%s is the address of \"%s\" already",
			pst_address_format(b->ip, text), a->name);
	else if (a->zone == b->zone)
		pst_problem(l, at, "its network overlaps that of \"%s\"", a->name);
	else
		pst_warning(l, at, "its network overlaps that of \"%s\"", a->name);
}

/* The device's name: what comes before its arguments. */
static bool
is_same_device(const char *a, const char *b)
{
	size_t len = strcspn(a, ",");

	return len > 0 && len == strcspn(b, ",") && strncmp(a, b, len) == 0;
}

static void
check_devices(
	struct pst_loader *l, const struct pst_config_iface *a, const struct pst_config_iface *b)
{
	char at[POINTER_MAX];

	if (!is_same_device(a->device, b->device))
		return;
	if (strcmp(a->device, b->device) != 0) {
		if (iface_pointer(l, at, b, "device"))
			pst_problem(
				l, at, "is the device of \"%s\", with other arguments", a->name);
		return;
	}
	if (a->vlan != b->vlan)
		return;
	iface_pointer(l, at, a, "vlan");
	if (pst_problem_is_at(l, at))
		return;
	if (iface_pointer(l, at, b, "vlan")) {
		iface_pointer(l, at, b, "device");
		pst_problem(l, at, "\"%s\" has this device and VLAN already", a->name);
	}
}

static void
check_ifaces(struct pst_loader *l, bool sure)
{
	const struct pst_config *c = l->config;
	uint32_t zones[2] = { 0, 0 };

	for (uint32_t i = 0; i < c->n_ifaces; i++) {
		zones[c->ifaces[i].zone]++;
		check_address(l, &c->ifaces[i]);
		for (uint32_t k = 0; k < i; k++) {
			check_devices(l, &c->ifaces[k], &c->ifaces[i]);
			check_networks(l, &c->ifaces[k], &c->ifaces[i]);
		}
	}
	if (sure && zones[PST_ZONE_INTERNAL] == 0)
		pst_problem(l, "/interfaces", "none is in the zone \"internal\"");
	if (sure && zones[PST_ZONE_EXTERNAL] == 0)
		pst_problem(l, "/interfaces", "none is in the zone \"external\"");
}

static void
check_via(struct pst_loader *l, uint32_t i, bool sure)
{
	const struct pst_config *c = l->config;
	uint32_t via = c->routes[i].via;
	char at[POINTER_MAX], text[PST_ADDRESS_TEXT];
	bool found = false;

	snprintf(at, sizeof(at), "/routes/%u/via", i);
	if (pst_problem_is_at(l, at))
		return;
	pst_address_format(via, text);
	for (uint32_t k = 0; k < c->n_ifaces; k++) {
		const struct pst_config_iface *f = &c->ifaces[k];

		if (!has_address(l, f) || !is_in(via, f->ip, f->prefix_len))
			continue;
		found = true;
		if (via == f->ip)
			pst_problem(l, at, "%s is our own address on \"%s\"", text, f->name);
		else if (f->prefix_len < 31 && (via & host_bits(f)) == 0)
			pst_problem(l, at, "%s is the network of \"%s\"", text, f->name);
		else if (f->prefix_len < 31 && (via & host_bits(f)) == host_bits(f))
			pst_problem(l, at, "%s is the broadcast address of \"%s\"", text, f->name);
	}
	if (!found && sure)
		pst_problem(l, at, "%s is in no interface's network", text);
}

static void
check_routes(struct pst_loader *l, bool sure)
{
	const struct pst_config *c = l->config;

	for (uint32_t i = 0; i < c->n_routes; i++) {
		const struct pst_prefix *to = &c->routes[i].to;
		char at[POINTER_MAX];

		check_via(l, i, sure);
		snprintf(at, sizeof(at), "/routes/%u/to", i);
		for (uint32_t k = 0; k < i && !pst_problem_is_at(l, at); k++) {
			char other[POINTER_MAX];

			snprintf(other, sizeof(other), "/routes/%u/to", k);
			if (c->routes[k].to.ip == to->ip && c->routes[k].to.len == to->len &&
				!pst_problem_is_at(l, other))
				pst_problem(l, at, "/routes/%u goes there already", k);
		}
	}
}

static void
check_lcore_list(struct pst_loader *l, const char *list, const uint32_t *ids, uint32_t n,
	uint32_t seen[LCORES])
{
	for (uint32_t i = 0; i < n; i++) {
		char at[POINTER_MAX];

		snprintf(at, sizeof(at), "%s/%u", list, i);
		if (!pst_problem_is_at(l, at) && seen[ids[i]]++ > 0)
			pst_problem(l, at, "lcore %u has a role already", ids[i]);
	}
}

static void
check_lcores(struct pst_loader *l)
{
	const struct pst_config *c = l->config;
	uint32_t seen[LCORES] = { 0 };

	if (!pst_problem_is_at(l, "/lcores/main"))
		seen[c->lcores.main]++;
	check_lcore_list(l, "/lcores/workers", c->lcores.workers, c->lcores.n_workers, seen);
	check_lcore_list(l, "/lcores/editors", c->lcores.editors, c->lcores.n_editors, seen);
}

static bool
holds(const struct pst_range *r, uint32_t ip)
{
	return r->first <= ip && ip <= r->last;
}

/* What an interface's network says about a range that NAT is to use. */
static void
check_pool_iface(struct pst_loader *l, const char *at, const struct pst_range *r,
	const struct pst_config_iface *f)
{
	uint32_t host = host_bits(f), network = f->ip & ~host;
	char text[PST_ADDRESS_TEXT];

	if (!has_address(l, f))
		return;
	if (f->zone == PST_ZONE_INTERNAL) {
		if (holds(r, f->ip))
			pst_problem(l, at, "holds %s, which is internal interface \"%s\"",
				pst_address_format(f->ip, text), f->name);
		return;
	}
	if (f->prefix_len < 31 && holds(r, network))
		pst_problem(l, at, "holds %s, which is the network of \"%s\"",
			pst_address_format(network, text), f->name);
	if (f->prefix_len < 31 && holds(r, network | host))
		pst_problem(l, at, "holds %s, which is the broadcast address of \"%s\"",
			pst_address_format(network | host, text), f->name);
}

/* The ranges of nat.pool and of all nat.pools, as one list; NULL behind the last. */
static const struct pst_range *
pool_range(const struct pst_config_nat *n, uint32_t i, char *at)
{
	if (i < n->n_pool) {
		snprintf(at, POINTER_MAX, "/nat/pool/%u", i);
		return &n->pool[i];
	}
	i -= n->n_pool;
	for (uint32_t p = 0; p < n->n_pools; p++) {
		if (i < n->pools[p].n_addresses) {
			snprintf(at, POINTER_MAX, "/nat/pools/%u/addresses/%u", p, i);
			return &n->pools[p].addresses[i];
		}
		i -= n->pools[p].n_addresses;
	}
	return NULL;
}

/* With nat.pool left out, all other clients have the first external interface's address. */
static const struct pst_config_iface *
default_pool(const struct pst_config *c)
{
	for (uint32_t i = 0; c->nat.n_pool == 0 && i < c->n_ifaces; i++) {
		if (c->ifaces[i].zone == PST_ZONE_EXTERNAL)
			return &c->ifaces[i];
	}
	return NULL;
}

static void
check_pool_overlap(struct pst_loader *l, const char *at, const struct pst_range *r, uint32_t i)
{
	const struct pst_config *c = l->config;
	const struct pst_config_iface *f = default_pool(c);
	char other[POINTER_MAX], text[PST_ADDRESS_TEXT];

	for (uint32_t k = 0; k < i; k++) {
		const struct pst_range *o = pool_range(&c->nat, k, other);

		if (o->last != 0 && o->first <= r->last && r->first <= o->last)
			pst_problem(l, at, "overlaps %s", other);
	}
	if (f != NULL && has_address(l, f) && holds(r, f->ip))
		pst_problem(l, at, "holds %s, which is all other clients' while there is no nat.pool",
			pst_address_format(f->ip, text));
}

static void
check_pool_range(struct pst_loader *l, const char *at, const struct pst_range *r, uint32_t i)
{
	const struct pst_config *c = l->config;
	char text[PST_ADDRESS_TEXT];

	if (r->first >> 24 == 0 || r->last >= 0xe0000000 ||
		(r->first >> 24 <= 127 && r->last >> 24 >= 127))
		pst_problem(l, at, "holds addresses that are no host's");
	check_pool_overlap(l, at, r, i);
	for (uint32_t k = 0; k < c->n_ifaces; k++)
		check_pool_iface(l, at, r, &c->ifaces[k]);
	for (uint32_t k = 0; k < c->n_routes; k++) {
		if (c->routes[k].via != 0 && holds(r, c->routes[k].via))
			pst_problem(l, at, "holds %s, which is the router of /routes/%u",
				pst_address_format(c->routes[k].via, text), k);
	}
}

static void
check_pool(struct pst_loader *l)
{
	const struct pst_config_nat *n = &l->config->nat;
	const char *list = n->n_pools > 0 ? "/nat/pools" : "/nat/pool";
	const struct pst_range *r;
	uint64_t addresses = 0;
	char at[POINTER_MAX];

	for (uint32_t i = 0; (r = pool_range(n, i, at)) != NULL; i++) {
		if (!pst_problem_is_at(l, at))
			check_pool_range(l, at, r, i);
		addresses += (uint64_t)r->last - r->first + 1;
	}
	if (addresses > POOL_MAX && !pst_problem_is_at(l, list))
		pst_problem(l, list, "has %llu addresses%s, and may have %d",
			(unsigned long long)addresses, n->n_pools > 0 ? " with nat.pool" : "",
			POOL_MAX);
}

/* A client is of one pool: its ranges share nothing with those before it. */
static void
check_pool_clients(struct pst_loader *l, uint32_t p, uint32_t i)
{
	const struct pst_config_nat *n = &l->config->nat;
	const struct pst_range *r = &n->pools[p].clients[i];
	char at[POINTER_MAX];

	snprintf(at, sizeof(at), "/nat/pools/%u/clients/%u", p, i);
	for (uint32_t q = 0; q <= p; q++) {
		for (uint32_t k = 0; k < (q < p ? n->pools[q].n_clients : i); k++) {
			const struct pst_range *o = &n->pools[q].clients[k];

			if (o->last != 0 && r->last != 0 && o->first <= r->last &&
				r->first <= o->last)
				pst_problem(l, at, "overlaps /nat/pools/%u/clients/%u", q, k);
		}
	}
}

static void
check_pools(struct pst_loader *l)
{
	const struct pst_config_nat *n = &l->config->nat;

	for (uint32_t p = 0; p < n->n_pools; p++) {
		for (uint32_t i = 0; i < n->pools[p].n_clients; i++)
			check_pool_clients(l, p, i);
	}
}

static void
check_nat(struct pst_loader *l)
{
	const struct pst_config_nat *n = &l->config->nat;
	uint32_t ports = n->port_last - n->port_first + 1;

	check_pool(l);
	check_pools(l);
	if (n->port_block != 0 && (n->port_block < 16 || !rte_is_power_of_2(n->port_block)))
		pst_problem(l, "/nat/port_block",
			"must be 0 or a power of two from 16 to 1024, not %u", n->port_block);
	if (n->deterministic && n->port_block == 0)
		pst_problem(l, "/nat/deterministic", "needs \"port_block\", the ports of a client");
	if (n->ports_per_client > ports)
		pst_warning(l, "/nat/ports_per_client",
			"%u is more than the %u ports of an address", n->ports_per_client, ports);
	if (n->sessions_per_client > n->sessions)
		pst_warning(l, "/nat/sessions_per_client",
			"%u is more than the %u sessions of all clients", n->sessions_per_client,
			n->sessions);
	if (n->port_first < 1024)
		pst_warning(l, "/nat/ports", "holds privileged ports, below 1024");
}

/* RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2: less is allowed, and told. */
static void
check_timeouts(struct pst_loader *l)
{
	const struct pst_config_nat *n = &l->config->nat;
	const struct {
		const char *name;
		uint32_t value, least;
		const char *source;
	} rules[] = {
		{ "udp", n->timeouts.udp, 120, "RFC 4787 REQ-5" },
		{ "tcp_established", n->timeouts.tcp_established, 7440, "RFC 5382 REQ-5" },
		{ "tcp_opening", n->timeouts.tcp_opening, 240, "RFC 5382 REQ-5" },
		{ "tcp_closing", n->timeouts.tcp_closing, 240, "RFC 5382 REQ-5" },
		{ "icmp", n->timeouts.icmp, 60, "RFC 5508 REQ-2" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		char at[POINTER_MAX];

		snprintf(at, sizeof(at), "/nat/timeouts/%s", rules[i].name);
		if (rules[i].value < rules[i].least)
			pst_warning(l, at, "%u s is less than the %u s of %s", rules[i].value,
				rules[i].least, rules[i].source);
	}
}

/* Names. */

static bool
is_editor(const struct pst_loader *l, const char *name)
{
	for (int e = 0; l->editors[e] != NULL; e++) {
		if (strcmp(l->editors[e], name) == 0)
			return true;
	}
	return false;
}

static void
unknown_name(struct pst_loader *l, const char *at, const char *what, const char *name,
	const char *const *names)
{
	const char *near = pst_nearest(name, names);

	if (near != NULL)
		pst_problem(l, at, "unknown %s \"%s\", did you mean \"%s\"?", what, name, near);
	else
		pst_problem(l, at, "unknown %s \"%s\"", what, name);
}

/* Among its first n ports. */
static bool
has_port(const struct pst_config_protocol *p, uint32_t n, uint16_t port)
{
	for (uint32_t i = 0; i < n; i++) {
		if (p->ports[i] == port)
			return true;
	}
	return false;
}

/* Of one protocol. */
static void
check_ports(struct pst_loader *l, const struct pst_config_protocol *p)
{
	for (uint32_t i = 0; i < p->n_ports; i++) {
		char at[POINTER_MAX];

		snprintf(at, sizeof(at), "/protocols/%s/ports/%u", p->name, i);
		if (has_port(p, i, p->ports[i]) && !pst_problem_is_at(l, at))
			pst_problem(l, at, "port %u is listed already", p->ports[i]);
	}
}

/* Of two protocols, what may be only one's. */
static void
check_protocol_pair(struct pst_loader *l, const struct pst_config_protocol *a,
	const struct pst_config_protocol *b)
{
	char at[POINTER_MAX], other[POINTER_MAX];

	snprintf(at, sizeof(at), "/protocols/%s/id", b->name);
	snprintf(other, sizeof(other), "/protocols/%s/id", a->name);
	if (memcmp(&a->id, &b->id, sizeof(a->id)) == 0 && !pst_problem_is_at(l, at) &&
		!pst_problem_is_at(l, other))
		pst_problem(l, at, "protocol \"%s\" has this id", a->name);
	snprintf(at, sizeof(at), "/protocols/%s/transport", b->name);
	if (a->transport != b->transport || pst_problem_is_at(l, at))
		return;
	for (uint32_t i = 0; i < b->n_ports; i++) {
		snprintf(at, sizeof(at), "/protocols/%s/ports/%u", b->name, i);
		if (has_port(a, a->n_ports, b->ports[i]) && !pst_problem_is_at(l, at))
			pst_problem(l, at, "%s port %u is protocol \"%s\"'s",
				b->transport == PST_TCP ? "tcp" : "udp", b->ports[i], a->name);
	}
}

/* Each editor brings a protocol of its own, and all of them share one table. */
static void
check_protocol_count(struct pst_loader *l)
{
	uint32_t editors = 0;

	while (l->editors[editors] != NULL)
		editors++;
	if (l->config->n_protocols > 0 && l->config->n_protocols + editors > PST_PROTOCOLS_MAX)
		pst_problem(l, "/protocols",
			"has %u entries, and may have %d beside the %u editors",
			l->config->n_protocols, PST_PROTOCOLS_MAX - (int)editors, editors);
}

static void
check_protocols(struct pst_loader *l)
{
	const struct pst_config *c = l->config;

	check_protocol_count(l);
	for (uint32_t i = 0; i < c->n_protocols; i++) {
		const struct pst_config_protocol *p = &c->protocols[i];
		char at[POINTER_MAX];

		if (p->name[0] == 0)
			continue;
		snprintf(at, sizeof(at), "/protocols/%s", p->name);
		if (is_editor(l, p->name))
			pst_problem(l, at, "is the name of a built-in protocol");
		snprintf(at, sizeof(at), "/protocols/%s/editor", p->name);
		if (p->editor[0] != 0 && !is_editor(l, p->editor))
			unknown_name(l, at, "editor", p->editor, l->editors);
		check_ports(l, p);
		for (uint32_t k = 0; k < i; k++) {
			if (c->protocols[k].name[0] != 0)
				check_protocol_pair(l, &c->protocols[k], p);
		}
	}
}

/* What no rule allows is denied, so deny rules alone shut everybody in. */
static void
check_verdicts(struct pst_loader *l)
{
	const struct pst_config *c = l->config;

	for (uint32_t i = 0; i < c->n_rules; i++) {
		if (c->rules[i].allow)
			return;
	}
	if (c->n_rules > 0 && !pst_problem_is_at(l, "/rules"))
		pst_warning(
			l, "/rules", "none allows: everything from inside to outside is denied");
}

static void
check_rules(struct pst_loader *l)
{
	const struct pst_config *c = l->config;
	const char *names[NAMES_MAX];
	uint32_t n = 0;

	for (int e = 0; l->editors[e] != NULL && n + 1 < NAMES_MAX; e++)
		names[n++] = l->editors[e];
	for (uint32_t i = 0; i < c->n_protocols && n + 1 < NAMES_MAX; i++)
		names[n++] = c->protocols[i].name;
	names[n] = NULL;
	check_verdicts(l);
	for (uint32_t i = 0; i < c->n_rules; i++) {
		for (uint32_t k = 0; k < c->rules[i].n_protocols; k++) {
			const char *name = c->rules[i].protocols[k];
			char at[POINTER_MAX];
			bool known = false;

			for (uint32_t m = 0; m < n; m++)
				known = known || strcmp(names[m], name) == 0;
			snprintf(at, sizeof(at), "/rules/%u/protocols/%u", i, k);
			if (!known && !pst_problem_is_at(l, at))
				unknown_name(l, at, "protocol", name, names);
		}
	}
}

static void
check_editors(struct pst_loader *l)
{
	for (uint32_t i = 0; i < l->config->n_editors; i++) {
		const char *name = l->config->editors[i].name;
		char at[POINTER_MAX];

		snprintf(at, sizeof(at), "/editors/%s", name);
		if (name[0] != 0 && !is_editor(l, name))
			unknown_name(l, at, "editor", name, l->editors);
	}
}

/* Published servers. The pool and the inside are what is written, or what interfaces imply. */

static bool
is_pool_address(const struct pst_config *c, uint32_t ip)
{
	const struct pst_config_iface *f = default_pool(c);
	const struct pst_range *r;
	char at[POINTER_MAX];

	for (uint32_t i = 0; (r = pool_range(&c->nat, i, at)) != NULL; i++) {
		if (holds(r, ip))
			return true;
	}
	return f != NULL && f->ip == ip;
}

static bool
is_inside(const struct pst_config *c, uint32_t ip)
{
	for (uint32_t i = 0; i < c->n_internal_networks; i++) {
		const struct pst_prefix *p = &c->internal_networks[i];

		if (((ip ^ p->ip) & pst_prefix_mask(p->len)) == 0)
			return true;
	}
	for (uint32_t i = 0; c->n_internal_networks == 0 && i < c->n_ifaces; i++) {
		const struct pst_config_iface *f = &c->ifaces[i];

		if (f->zone == PST_ZONE_INTERNAL &&
			((ip ^ f->ip) & pst_prefix_mask(f->prefix_len)) == 0)
			return true;
	}
	return false;
}

/* What may be only one entry's. */
static void
check_published_pair(struct pst_loader *l, const struct pst_config_publish *a,
	const struct pst_config_publish *b, uint32_t i)
{
	char at[POINTER_MAX];

	snprintf(at, sizeof(at), "/publish/%u/external", i);
	if (a->transport == b->transport && b->external.port != 0 &&
		a->external.ip == b->external.ip &&
		a->external.port <= b->external.port + b->more &&
		b->external.port <= a->external.port + a->more && !pst_problem_is_at(l, at))
		pst_problem(l, at, "is published by \"%s\" already", a->name);
	snprintf(at, sizeof(at), "/publish/%u/name", i);
	if (strcmp(a->name, b->name) == 0 && !pst_problem_is_at(l, at))
		pst_problem(l, at, "another entry has the name \"%s\"", a->name);
}

/* An outside address that is one host's: nobody else's, and so of no pool or interface. */
static void
check_whole(struct pst_loader *l, uint32_t i)
{
	const struct pst_config *c = l->config;
	const struct pst_config_publish *p = &c->publish[i], *o;
	char at[POINTER_MAX], text[PST_ADDRESS_TEXT];

	snprintf(at, sizeof(at), "/publish/%u/external", i);
	pst_address_format(p->external.ip, text);
	if (p->external.ip == 0 || pst_problem_is_at(l, at))
		return;
	if (p->external.ip >> 24 == 0 || p->external.ip >> 24 == 127 ||
		p->external.ip >= 0xe0000000)
		pst_problem(l, at, "%s is no host's address", text);
	else if (is_pool_address(c, p->external.ip))
		pst_problem(l, at, "%s is of nat.pool, so it is not one host's", text);
	for (uint32_t k = 0; k < c->n_ifaces; k++) {
		if (c->ifaces[k].ip == p->external.ip && !pst_problem_is_at(l, at))
			pst_problem(l, at, "%s is our own address on \"%s\"", text,
				c->ifaces[k].name);
	}
	for (uint32_t k = 0; k < c->n_publish; k++) {
		o = &c->publish[k];
		if (k == i || pst_problem_is_at(l, at))
			continue;
		if (k < i && o->whole && o->internal.ip == p->internal.ip)
			pst_problem(l, at, "its host has the address of \"%s\"", o->name);
		else if (o->external.ip == p->external.ip)
			pst_problem(l, at, "is published by \"%s\", too", o->name);
	}
}

static void
check_publish(struct pst_loader *l, bool sure)
{
	const struct pst_config *c = l->config;
	char at[POINTER_MAX], text[PST_ADDRESS_TEXT];
	uint32_t ports = 0, wholes = 0;

	for (uint32_t i = 0; i < c->n_publish; i++) {
		const struct pst_config_publish *p = &c->publish[i];

		ports += p->more + 1;
		wholes += p->whole;
		if (p->whole)
			check_whole(l, i);
		snprintf(at, sizeof(at), "/publish/%u/external", i);
		if (sure && !p->whole && p->external.port != 0 &&
			!pst_problem_is_at(l, "/nat/pool") && !is_pool_address(c, p->external.ip))
			pst_problem(l, at, "%s is no address of nat.pool",
				pst_address_format(p->external.ip, text));
		snprintf(at, sizeof(at), "/publish/%u/internal", i);
		if (sure && p->internal.ip != 0 && !pst_problem_is_at(l, "/internal_networks") &&
			!is_inside(c, p->internal.ip))
			pst_problem(l, at, "%s is in no internal network",
				pst_address_format(p->internal.ip, text));
		for (uint32_t k = 0; k < i; k++)
			check_published_pair(l, &c->publish[k], p, i);
	}
	if (ports > PST_PUBLISH_PORTS_MAX && !pst_problem_is_at(l, "/publish"))
		pst_problem(l, "/publish", "has %u ports, and may have %u", ports,
			PST_PUBLISH_PORTS_MAX);
	if (wholes > PST_WHOLES_MAX && !pst_problem_is_at(l, "/publish"))
		pst_problem(l, "/publish", "has %u whole addresses, and may have %u", wholes,
			PST_WHOLES_MAX);
}

/* The pool and the networks that other keys imply. */
static void
derive(struct pst_config *c)
{
	for (uint32_t i = 0; i < c->n_ifaces; i++) {
		const struct pst_config_iface *f = &c->ifaces[i];

		if (f->zone == PST_ZONE_EXTERNAL && c->nat.n_pool == 0) {
			c->nat.pool[0].first = c->nat.pool[0].last = f->ip;
			c->nat.n_pool = 1;
		}
	}
	if (c->n_internal_networks > 0)
		return;
	for (uint32_t i = 0; i < c->n_ifaces; i++) {
		const struct pst_config_iface *f = &c->ifaces[i];

		if (f->zone == PST_ZONE_INTERNAL) {
			struct pst_prefix *p = &c->internal_networks[c->n_internal_networks++];

			p->ip = f->ip & pst_prefix_mask(f->prefix_len);
			p->len = f->prefix_len;
		}
	}
}

void
pst_config_check(struct pst_loader *l)
{
	bool sure = !pst_problem_is_at(l, "/interfaces"); /* of what they do not have */

	check_lcores(l);
	check_ifaces(l, sure);
	check_routes(l, sure);
	check_nat(l);
	check_timeouts(l);
	check_protocols(l);
	check_rules(l);
	check_publish(l, sure);
	check_editors(l);
	derive(l->config); /* last: nothing is to be said of what nobody wrote */
}
