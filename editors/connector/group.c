/* SPDX-License-Identifier: BSD-3-Clause */
#include "connector/group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "connector/connector.h"

#define BACKLOG 16 /* of an endpoint that many may come to */

struct pst_connector_group *
pst_connector_group_create(uintptr_t id, const struct pst_connector_line *line)
{
	struct pst_connector_group *group =
		calloc(1, sizeof(*group) + 3 * line->n * sizeof(void *));
	void **places = (void **)(group + 1);

	if (group == NULL)
		return NULL;
	group->id = id;
	group->line = *line;
	group->endpoints = (struct pst_connection **)places;
	group->permits = (struct pst_action **)(places + line->n);
	group->used = (struct pst_connection **)(places + 2 * line->n);
	return group;
}

/* A permission that was used or has lapsed can't be cancelled, but is ours to release. */
static void
take_back(struct pst_action *permit)
{
	if (permit == NULL)
		return;
	pst_action_cancel(permit);
	pst_action_release(permit);
}

void
pst_connector_group_destroy(struct pst_connector_group *group)
{
	if (group == NULL)
		return;
	for (unsigned int i = 0; i < group->line.n; i++) {
		pst_connection_kill(group->endpoints[i]);
		take_back(group->permits[i]);
		pst_connection_kill(group->used[i]);
	}
	free(group);
}

/* The control connection's peer and nobody else (R60), or nobody at all (R35). */
static struct pst_ipfilter *
peer_only(const struct pst_connector_side *side, uint32_t words)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct pst_endpoint peer;

	if (filter == NULL || (words & PST_CONNECTOR_NONE))
		return filter;
	pst_connection_external_peer(side->control, &peer);
	if (pst_ipfilter_include(filter, peer.ip, peer.ip) < 0) {
		pst_ipfilter_destroy(filter);
		return NULL;
	}
	return filter;
}

/* A single place is used once and soon. Several are a matter of the whole conversation. */
static uint32_t
bind_flags(const struct pst_connector_line *line)
{
	uint32_t flags = line->n == 1 ? PST_FLAG_TIMEOUT : 0;

	if (line->words & (PST_CONNECTOR_STAY | PST_CONNECTOR_MANY))
		flags = 0; /* R22: several may not be a matter of time */
	if (line->words & PST_CONNECTOR_MANY)
		flags |= PST_FLAG_ALLOW_MULTIPLE;
	if (line->words & PST_CONNECTOR_SLOW)
		flags |= PST_FLAG_NO_KERNEL_MODE;
	if (line->protocol == PST_UDP && !(line->words & PST_CONNECTOR_MUTE))
		flags |= PST_FLAG_BIDIRECTIONAL;
	return flags;
}

int
pst_connector_group_bind(struct pst_connector_group *group, const struct pst_connector_side *side)
{
	const struct pst_connector_line *line = &group->line;
	struct pst_endpoint clients[PST_CONNECTOR_N_MAX];
	struct pst_bind_for_client args = {
		.client_addresses = clients,
		.client_address_len = sizeof(clients[0]),
		.proxy_address = &group->proxy,
		.proxy_address_len = sizeof(group->proxy),
		.protocol = line->protocol,
		.n = line->n,
		.flags = bind_flags(line),
		.backlog = line->words & PST_CONNECTOR_MANY ? BACKLOG : 1,
		.protocol_id = pst_connector_editor.protocol,
		.callback = side->es,
		.callback_context = (void *)group->id,
		.filter = line->words & PST_CONNECTOR_ALL ? NULL : peer_only(side, line->words),
		.connections = group->endpoints,
	};
	int ret;

	/* Without a filter everybody could come: rather nothing is opened. */
	if (args.filter == NULL && !(line->words & PST_CONNECTOR_ALL))
		return -ENOMEM;
	for (unsigned int i = 0; i < line->n; i++)
		clients[i] = (struct pst_endpoint){ line->endpoint.ip, line->endpoint.port + i };
	pst_connection_external_name(side->control, &group->proxy);
	group->proxy.port = PST_PORT_ANY;
	ret = pst_bind_for_client(side->es->session, &args);
	pst_ipfilter_destroy((struct pst_ipfilter *)args.filter);
	return ret;
}

int
pst_connector_group_permit(
	struct pst_connector_group *group, const struct pst_connector_side *side)
{
	struct pst_endpoint from;
	struct pst_allow_future_connect args = {
		.address = group->line.endpoint,
		.proxy_address = &from, /* the peer knows us by that address */
		.protocol = group->line.protocol,
		.flags = PST_FLAG_TIMEOUT,
		.protocol_id = pst_connector_editor.protocol,
		.callback = side->es,
		.callback_context = (void *)group->id,
	};
	int ret = 0;

	pst_connection_external_name(side->control, &from);
	for (unsigned int i = 0; ret == 0 && i < group->line.n; i++) {
		args.address.port = group->line.endpoint.port + i;
		ret = pst_allow_future_connect(side->es->session, &args, &group->permits[i]);
	}
	return ret;
}

int
pst_connector_approve_maps(
	const struct pst_connector_line *line, const struct pst_connector_side *side)
{
	struct pst_ipfilter *filter = peer_only(side, 0);
	struct pst_retroactive_allow_bind args = {
		.protocol = line->protocol,
		.address = line->endpoint,
		.protocol_id = pst_connector_editor.protocol,
		.flags = line->protocol == PST_UDP ? PST_FLAG_BIDIRECTIONAL : 0,
		.filter = filter,
	};
	int ret = 0;

	if (filter == NULL)
		return -ENOMEM;
	/* 1: it was allowed before (R62) */
	for (unsigned int i = 0; ret >= 0 && i < line->n; i++) {
		args.address.port = line->endpoint.port + i;
		ret = pst_retroactive_allow_bind(side->es->session, &args);
	}
	pst_ipfilter_destroy(filter);
	return ret < 0 ? ret : 0;
}

/* What it has is a copy: changed, and given back. */
static int
admit_to(struct pst_connection *endpoint, uint32_t ip, bool yes)
{
	struct pst_ipfilter *filter;
	int ret = pst_connection_get_ipfilter(endpoint, &filter);

	if (ret < 0 || filter == NULL) /* NULL: everybody may come already */
		return ret;
	ret = yes ? pst_ipfilter_include(filter, ip, ip) : pst_ipfilter_exclude(filter, ip, ip);
	if (ret == 0)
		ret = pst_connection_set_ipfilter(endpoint, filter);
	pst_ipfilter_destroy(filter);
	return ret;
}

int
pst_connector_group_admit(struct pst_connector_group *group, uint32_t ip, bool yes)
{
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < group->line.n; i++) {
		if (group->endpoints[i] != NULL)
			ret = admit_to(group->endpoints[i], ip, yes);
	}
	return ret;
}

bool
pst_connector_group_close(
	struct pst_connector_group *group, const struct pst_connector_line *line)
{
	unsigned int i = (unsigned int)line->endpoint.port - group->line.endpoint.port;

	if (group->line.protocol != line->protocol || i >= group->line.n ||
		group->line.endpoint.ip != line->endpoint.ip || group->endpoints[i] == NULL)
		return false;
	pst_connection_kill(group->endpoints[i]);
	group->endpoints[i] = NULL;
	return true;
}

bool
pst_connector_group_is_for(
	const struct pst_connector_group *group, const struct pst_connector_line *line)
{
	if (group->line.protocol != line->protocol || group->line.n != line->n ||
		group->line.words != line->words ||
		!pst_endpoint_is_equal(&group->line.endpoint, &line->endpoint))
		return false;
	for (unsigned int i = 0; i < line->n; i++) {
		if (group->endpoints[i] == NULL || group->used[i] != NULL)
			return false;
	}
	return true;
}

/* Which place it is: the endpoint that it came to, or the address that it went to. */
void
pst_connector_group_use(struct pst_connector_group *group, const struct pst_event *event)
{
	unsigned int i = 0;

	if (event->endpoint == NULL)
		i = (unsigned int)event->remote.port - group->line.endpoint.port;
	else
		while (i < group->line.n && group->endpoints[i] != event->endpoint)
			i++;
	if (i < group->line.n)
		group->used[i] = event->connection;
}

void
pst_connector_group_forget(struct pst_connector_group *group, const struct pst_connection *conn)
{
	for (unsigned int i = 0; i < group->line.n; i++) {
		if (group->endpoints[i] == conn)
			group->endpoints[i] = NULL;
		if (group->used[i] == conn)
			group->used[i] = NULL;
	}
}
