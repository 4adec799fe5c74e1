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

static void
iface_pointer(char *at, const struct pst_config_iface *f, const char *key)
{
	snprintf(at, POINTER_MAX, "/interfaces/%s/%s", f->name, key);
}

static bool
is_in(uint32_t ip, uint32_t network, uint8_t len)
{
	return ((ip ^ network) & pst_prefix_mask(len)) == 0;
}

static void
check_address(struct pst_loader *l, const struct pst_config_iface *f)
{
	uint32_t host = ~pst_prefix_mask(f->prefix_len);
	char at[POINTER_MAX], text[PST_ADDRESS_TEXT];

	iface_pointer(at, f, "address");
	pst_address_format(f->ip, text);
	if (f->prefix_len < 8)
		pst_problem(l, at, "a prefix of %u bits is too short for an interface",
			f->prefix_len);
	else if (f->ip >> 24 == 0 || f->ip >> 24 == 127 || f->ip >= 0xe0000000)
		pst_problem(l, at, "%s is no host's address", text);
	else if (f->prefix_len < 31 && (f->ip & host) == 0)
		pst_problem(l, at, "%s is the network's own address", text);
	else if (f->prefix_len < 31 && (f->ip & host) == host)
		pst_problem(l, at, "%s is the network's broadcast address", text);
}

static void
check_pair(struct pst_loader *l, const struct pst_config_iface *a, const struct pst_config_iface *b)
{
	uint8_t len = a->prefix_len < b->prefix_len ? a->prefix_len : b->prefix_len;
	char at[POINTER_MAX];

	if (strcmp(a->device, b->device) == 0 && a->vlan == b->vlan) {
		iface_pointer(at, b, "device");
		pst_problem(l, at, "\"%s\" has this device and VLAN already", a->name);
	}
	/* inside and outside may overlap (RFC 4787 REQ-7), one zone may not with itself */
	if (a->zone == b->zone && is_in(a->ip, b->ip, len)) {
		iface_pointer(at, b, "address");
		pst_problem(l, at, "its network overlaps that of \"%s\"", a->name);
	}
}

static void
check_ifaces(struct pst_loader *l)
{
	const struct pst_config *c = l->config;
	uint32_t zones[2] = { 0, 0 };

	for (uint32_t i = 0; i < c->n_ifaces; i++) {
		zones[c->ifaces[i].zone]++;
		check_address(l, &c->ifaces[i]);
		for (uint32_t k = 0; k < i; k++)
			check_pair(l, &c->ifaces[k], &c->ifaces[i]);
	}
	if (zones[PST_ZONE_INTERNAL] == 0)
		pst_problem(l, "/interfaces", "none is in the zone \"internal\"");
	if (zones[PST_ZONE_EXTERNAL] == 0)
		pst_problem(l, "/interfaces", "none is in the zone \"external\"");
}

static void
check_routes(struct pst_loader *l)
{
	const struct pst_config *c = l->config;

	for (uint32_t i = 0; i < c->n_routes; i++) {
		char at[POINTER_MAX], text[PST_ADDRESS_TEXT];
		bool found = false;

		snprintf(at, sizeof(at), "/routes/%u/via", i);
		pst_address_format(c->routes[i].via, text);
		for (uint32_t k = 0; k < c->n_ifaces; k++) {
			const struct pst_config_iface *f = &c->ifaces[k];

			found = found || is_in(c->routes[i].via, f->ip, f->prefix_len);
			if (c->routes[i].via == f->ip)
				pst_problem(l, at, "%s is our own address on \"%s\"", text, f->name);
		}
		if (!found)
			pst_problem(l, at, "%s is in no interface's network", text);
	}
}

static void
check_lcores(struct pst_loader *l)
{
	const struct pst_config *c = l->config;
	uint32_t seen[128] = { 0 };
	char at[POINTER_MAX];

	if (c->lcores.n_workers == 0)
		pst_problem(l, "/lcores/workers", "one worker is needed at least");
	if (c->lcores.n_editors == 0)
		pst_problem(l, "/lcores/editors", "one editor is needed at least");
	seen[c->lcores.main]++;
	for (uint32_t i = 0; i < c->lcores.n_workers; i++) {
		snprintf(at, sizeof(at), "/lcores/workers/%u", i);
		if (seen[c->lcores.workers[i]]++ > 0)
			pst_problem(l, at, "lcore %u has a role already", c->lcores.workers[i]);
	}
	for (uint32_t i = 0; i < c->lcores.n_editors; i++) {
		snprintf(at, sizeof(at), "/lcores/editors/%u", i);
		if (seen[c->lcores.editors[i]]++ > 0)
			pst_problem(l, at, "lcore %u has a role already", c->lcores.editors[i]);
	}
}

/* The pool and the networks that other keys imply. */
static void
derive(struct pst_config *c)
{
	for (uint32_t i = 0; i < c->n_ifaces; i++) {
		const struct pst_config_iface *f = &c->ifaces[i];

		if (f->zone == PST_ZONE_EXTERNAL && c->nat.n_pool == 0) {
			c->nat.pool[0] = (struct pst_range){ f->ip, f->ip };
			c->nat.n_pool = 1;
		}
	}
	if (c->n_internal_networks > 0)
		return;
	for (uint32_t i = 0; i < c->n_ifaces; i++) {
		const struct pst_config_iface *f = &c->ifaces[i];

		if (f->zone == PST_ZONE_INTERNAL)
			c->internal_networks[c->n_internal_networks++] = (struct pst_prefix){
				f->ip & pst_prefix_mask(f->prefix_len), f->prefix_len
			};
	}
}

static void
check_pool_range(struct pst_loader *l, uint32_t i)
{
	const struct pst_config *c = l->config;
	const struct pst_range *r = &c->nat.pool[i];
	char at[POINTER_MAX], text[PST_ADDRESS_TEXT];

	snprintf(at, sizeof(at), "/nat/pool/%u", i);
	if (r->first >> 24 == 0 || r->first >> 24 == 127 || r->last >= 0xe0000000)
		pst_problem(l, at, "holds addresses that are no host's");
	for (uint32_t k = 0; k < i; k++) {
		if (c->nat.pool[k].first <= r->last && r->first <= c->nat.pool[k].last)
			pst_problem(l, at, "overlaps /nat/pool/%u", k);
	}
	for (uint32_t k = 0; k < c->n_ifaces; k++) {
		const struct pst_config_iface *f = &c->ifaces[k];

		if (f->zone == PST_ZONE_INTERNAL && f->ip >= r->first && f->ip <= r->last)
			pst_problem(l, at, "holds %s, which is internal interface \"%s\"",
				pst_address_format(f->ip, text), f->name);
	}
}

static void
check_nat(struct pst_loader *l)
{
	const struct pst_config_nat *n = &l->config->nat;
	uint32_t ports = n->port_last - n->port_first + 1;
	uint64_t addresses = 0;

	for (uint32_t i = 0; i < n->n_pool; i++) {
		check_pool_range(l, i);
		addresses += (uint64_t)n->pool[i].last - n->pool[i].first + 1;
	}
	if (addresses > POOL_MAX)
		pst_problem(l, "/nat/pool", "has %llu addresses, and may have %d",
			(unsigned long long)addresses, POOL_MAX);
	if (n->ports_per_client > ports)
		pst_warning(l, "/nat/ports_per_client", "is more than the %u ports of an address",
			ports);
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

static void
check_protocols(struct pst_loader *l)
{
	const struct pst_config *c = l->config;

	for (uint32_t i = 0; i < c->n_protocols; i++) {
		const struct pst_config_protocol *p = &c->protocols[i];
		char at[POINTER_MAX];

		snprintf(at, sizeof(at), "/protocols/%s", p->name);
		if (is_editor(l, p->name))
			pst_problem(l, at, "is the name of a built-in protocol");
		snprintf(at, sizeof(at), "/protocols/%s/editor", p->name);
		if (p->editor[0] != 0 && !is_editor(l, p->editor))
			unknown_name(l, at, "editor", p->editor, l->editors);
		snprintf(at, sizeof(at), "/protocols/%s/id", p->name);
		for (uint32_t k = 0; k < i; k++) {
			if (memcmp(&p->id, &c->protocols[k].id, sizeof(p->id)) == 0)
				pst_problem(l, at, "protocol \"%s\" has this id",
					c->protocols[k].name);
		}
	}
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
	for (uint32_t i = 0; i < c->n_rules; i++) {
		for (uint32_t k = 0; k < c->rules[i].n_protocols; k++) {
			const char *name = c->rules[i].protocols[k];
			char at[POINTER_MAX];
			bool known = false;

			for (uint32_t m = 0; m < n; m++)
				known = known || strcmp(names[m], name) == 0;
			snprintf(at, sizeof(at), "/rules/%u/protocols/%u", i, k);
			if (!known)
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
		if (!is_editor(l, name))
			unknown_name(l, at, "editor", name, l->editors);
	}
}

void
pst_config_check(struct pst_loader *l)
{
	derive(l->config);
	check_lcores(l);
	check_ifaces(l);
	check_routes(l);
	check_nat(l);
	check_timeouts(l);
	check_protocols(l);
	check_rules(l);
	check_editors(l);
}
