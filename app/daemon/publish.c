/* SPDX-License-Identifier: BSD-3-Clause */
#include "publish.h"

#include <stdio.h>
#include <string.h>

/* The protocol is the inside port's, else the outside one's. */
static uint16_t
protocol_of(const struct pst_appliance *a, const struct pst_config_publish *c)
{
	const uint8_t *table = c->transport == PST_TCP ? a->tcp_protocols : a->udp_protocols;
	uint8_t place = table[c->internal.port] != 0 ? table[c->internal.port] :
						       table[c->external.port];

	return place != 0 ? place - 1 : PST_NAT_NO_PROTOCOL;
}

static bool
covers(const struct pst_appliance *a, int e, const struct pst_hook *hook,
	const struct pst_config_publish *c, uint16_t protocol)
{
	if (hook->first == 0 && hook->last == 0)
		return protocol != PST_NAT_NO_PROTOCOL && a->names[protocol].editor == e;
	return (c->external.port >= hook->first && c->external.port <= hook->last) ||
		(c->internal.port >= hook->first && c->internal.port <= hook->last);
}

/* Is any editor registered for what comes there (R42)? */
static bool
is_hooked(const struct pst_appliance *a, const struct pst_config_publish *c, uint16_t protocol)
{
	uint32_t event =
		c->transport == PST_TCP ? PST_EVENT_ACCEPTED : PST_EVENT_UDP_DESTINATION;

	for (int e = 0; a->params.editors[e] != NULL; e++) {
		for (uint32_t i = 0; (a->editors_enabled >> e & 1) && i < a->hooks[e].n; i++) {
			const struct pst_hook *hook = &a->hooks[e].list[i];

			if ((hook->events & event) && covers(a, e, hook, c, protocol))
				return true;
		}
	}
	return false;
}

static struct pst_nat *
nat_of(const struct pst_appliance *a, uint32_t worker)
{
	pst_lcore_set_role(PST_ROLE_WORKER, worker);
	return pst_worker_nat(a->workers[worker]);
}

/* Nobody runs yet: main does it in the workers' names. */
static int
publish(struct pst_appliance *a, const struct pst_config_publish *c)
{
	struct pst_nat_published what = { .external = c->external,
		.internal = c->internal,
		.protocol = c->whole ? 0 : c->transport,
		.protocol_index = c->whole ? PST_NAT_NO_PROTOCOL : protocol_of(a, c) };
	struct pst_nat *nat = nat_of(a, pst_steer_inside(&a->steer, c->internal.ip));
	struct pst_nat *owner = c->whole ? nat :
		nat_of(a, pst_steer_outside(&a->steer, c->external.port));

	what.editor_path = !c->whole && is_hooked(a, c, what.protocol_index);
	return pst_nat_publish(nat, owner, &what, a->params.now_ms);
}

/* Each port by itself: what is known of the protocol and its editors differs by port. */
static int
publish_all_of(struct pst_appliance *a, const struct pst_config_publish *c)
{
	struct pst_config_publish one = *c;
	int ret = 0;

	one.more = 0;
	for (uint32_t k = 0; ret == 0 && k <= c->more; k++) {
		one.external.port = c->external.port + k;
		one.internal.port = c->internal.port + k;
		ret = publish(a, &one);
	}
	return ret;
}

int
pst_publish_all(struct pst_appliance *a, char *error, size_t size)
{
	struct pst_lcore_role role = *pst_lcore_role();
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < a->config->n_publish; i++) {
		ret = publish_all_of(a, &a->config->publish[i]);
		if (ret < 0)
			snprintf(error, size, "\"%s\" can't be published: %s",
				a->config->publish[i].name, strerror(-ret));
	}
	pst_lcore_set_role(role.kind, role.index);
	return ret;
}
