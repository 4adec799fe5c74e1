/* SPDX-License-Identifier: BSD-3-Clause */
#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The protocol is the inside port's, else the outside one's. */
static uint16_t
protocol_of(const struct pst_snapshot *s, const struct pst_config_publish *c)
{
	const uint8_t *table = c->transport == PST_TCP ? s->tcp_protocols : s->udp_protocols;
	uint8_t place =
		table[c->internal.port] != 0 ? table[c->internal.port] : table[c->external.port];

	return place != 0 ? place - 1 : PST_NAT_NO_PROTOCOL;
}

static bool
covers(const struct pst_snapshot *s, int e, const struct pst_hook *hook,
	const struct pst_config_publish *c, uint16_t protocol)
{
	if (hook->first == 0 && hook->last == 0)
		return protocol != PST_NAT_NO_PROTOCOL && s->names[protocol].editor == e;
	return (c->external.port >= hook->first && c->external.port <= hook->last) ||
	       (c->internal.port >= hook->first && c->internal.port <= hook->last);
}

/* Is any editor registered for what comes there (R42)? */
static bool
is_hooked(const struct pst_appliance *a, const struct pst_snapshot *s,
	const struct pst_config_publish *c, uint16_t protocol)
{
	uint32_t event = c->transport == PST_TCP ? PST_EVENT_ACCEPTED : PST_EVENT_UDP_DESTINATION;

	for (int e = 0; a->params.editors[e] != NULL; e++) {
		for (uint32_t i = 0; (s->editors_enabled >> e & 1) && i < a->hooks[e].n; i++) {
			const struct pst_hook *hook = &a->hooks[e].list[i];

			if ((hook->events & event) && covers(s, e, hook, c, protocol))
				return true;
		}
	}
	return false;
}

/* The number of an address; UINT32_MAX: the config's check has let another one through. */
static uint32_t
address_of(const struct pst_snapshot *s, uint32_t ip)
{
	uint32_t a = 0;

	while (a < s->nat.n_addresses &&
		(s->nat.addresses[a] != rte_cpu_to_be_32(ip) || s->nat.retired[a]))
		a++;
	return a < s->nat.n_addresses ? a : UINT32_MAX;
}

/* Each port by itself: what is known of the protocol and its editors differs by port. */
static void
add_servers(
	const struct pst_appliance *a, struct pst_snapshot *s, const struct pst_config_publish *c)
{
	for (uint32_t k = 0; k <= c->more; k++) {
		struct pst_nat_published *p = &s->servers[s->n_servers++];
		struct pst_config_publish one = *c;

		one.external.port += k;
		one.internal.port += k;
		*p = (struct pst_nat_published){ .external = one.external,
			.internal = one.internal,
			.protocol = c->whole ? 0 : c->transport,
			.address = address_of(s, c->external.ip),
			.protocol_index = c->whole ? PST_NAT_NO_PROTOCOL : protocol_of(s, &one) };
		p->editor_path = !c->whole && is_hooked(a, s, &one, p->protocol_index);
	}
}

static int
compare(const void *a, const void *b)
{
	return pst_nat_published_compare(a, b);
}

int
pst_publish_set(const struct pst_appliance *a, struct pst_snapshot *s, char *error, size_t size)
{
	const struct pst_config *c = s->config;
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_publish; i++)
		n += c->publish[i].more + 1;
	s->servers = calloc(n + 1, sizeof(*s->servers));
	if (s->servers == NULL) {
		snprintf(error, size, "no memory for %u published ports", n);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < c->n_publish; i++) {
		if (address_of(s, c->publish[i].external.ip) == UINT32_MAX) {
			snprintf(error, size, "\"%s\" can't be published: %s", c->publish[i].name,
				strerror(EADDRNOTAVAIL));
			return -EADDRNOTAVAIL;
		}
		add_servers(a, s, &c->publish[i]);
	}
	qsort(s->servers, s->n_servers, sizeof(*s->servers), compare);
	s->nat.servers = s->servers;
	s->nat.n_servers = s->n_servers;
	return 0;
}

void
pst_publish_free(struct pst_snapshot *s)
{
	free(s->servers);
}

const char *
pst_publish_name(const struct pst_snapshot *s, const struct pst_nat_published *what)
{
	for (uint32_t i = 0; i < s->config->n_publish; i++) {
		const struct pst_config_publish *c = &s->config->publish[i];

		if (c->external.ip == what->external.ip &&
			(c->whole ? 0 : c->transport) == what->protocol &&
			what->external.port >= c->external.port &&
			what->external.port <= c->external.port + c->more)
			return c->name;
	}
	return "?";
}

static struct pst_nat *
nat_of(const struct pst_appliance *a, uint32_t worker)
{
	pst_lcore_set_role(PST_ROLE_WORKER, worker);
	return pst_worker_nat(a->workers[worker]);
}

/* Nobody runs yet: main does it in the workers' names. */
static int
publish(struct pst_appliance *a, const struct pst_nat_published *what)
{
	uint32_t client = pst_steer_inside(&a->steer, what->internal.ip), owner = client;
	int ret;

	if (what->protocol != 0)
		owner = pst_steer_outside(&a->steer, what->external.port);
	ret = pst_nat_publish_port(nat_of(a, owner), what, client, a->params.now_ms);
	if (ret < 0)
		return ret;
	return pst_nat_publish(nat_of(a, client), what, owner != client, a->params.now_ms);
}

int
pst_publish_all(struct pst_appliance *a, char *error, size_t size)
{
	struct pst_lcore_role role = *pst_lcore_role();
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < a->now->n_servers; i++) {
		ret = publish(a, &a->now->servers[i]);
		if (ret < 0)
			snprintf(error, size, "\"%s\" can't be published: %s",
				pst_publish_name(a->now, &a->now->servers[i]), strerror(-ret));
	}
	pst_lcore_set_role(role.kind, role.index);
	return ret;
}
