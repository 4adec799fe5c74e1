/* SPDX-License-Identifier: BSD-3-Clause */
#include "protocols.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

#define PORTS (UINT16_MAX + 1)

static bool
is_enabled(const struct pst_config *c, const struct pst_editor *editor)
{
	for (uint32_t i = 0; i < c->n_editors; i++) {
		if (strcmp(c->editors[i].name, editor->name) == 0)
			return c->editors[i].enabled;
	}
	return editor->default_on;
}

static const struct pst_guid *
id_of(const struct pst_editor *editor)
{
	static const struct pst_guid none;

	return memcmp(&editor->id, &none, sizeof(none)) != 0 ? &editor->id : &editor->protocol;
}

static int
refuse(int ret, const char *what, const char *name, char *error, size_t size)
{
	snprintf(error, size, "%s \"%s\": %s", what, name,
		ret == -EEXIST	 ? "its name or id is there already" :
		ret == -ENOSPC ? "there are too many" :
				 strerror(-ret));
	return ret;
}

/* An editor's place in the admin's list is its place in params.editors. */
static int
install_editor(struct pst_appliance *a, const struct pst_editor *ed, char *error, size_t size)
{
	struct pst_filter_info info = { .id = *id_of(ed),
		.name = ed->name,
		.description = ed->description,
		.vendor = "Postern",
		.version = PST_VERSION,
		.editor = ed };
	struct pst_primary primary[PST_EDITOR_PORTS];
	uint32_t n = 0;
	int ret = pst_admin_install_filter(a->admin, &info);

	for (; n < PST_EDITOR_PORTS && ed->ports[n].protocol != 0; n++)
		primary[n] = (struct pst_primary){ ed->ports[n].protocol, ed->ports[n].port };
	if (ret >= 0)
		ret = pst_admin_register_protocol(a->admin, &info.id, &ed->protocol, ed->name,
			ed->protocol_name, primary, n);
	return ret < 0 ? refuse(ret, "editor", ed->name, error, size) : 0;
}

static const struct pst_editor *
editor_named(const struct pst_appliance *a, const char *name)
{
	for (int e = 0; a->params.editors[e] != NULL; e++) {
		if (strcmp(a->params.editors[e]->name, name) == 0)
			return a->params.editors[e];
	}
	return NULL;
}

static int
register_config(struct pst_appliance *a, const struct pst_config_protocol *c, char *error,
	size_t size)
{
	const struct pst_editor *ed = c->editor[0] != 0 ? editor_named(a, c->editor) : NULL;
	struct pst_primary primary[PST_PROTOCOL_PORTS_MAX];
	int ret;

	for (uint32_t p = 0; p < c->n_ports; p++)
		primary[p] = (struct pst_primary){ c->transport, c->ports[p] };
	ret = pst_admin_register_protocol(a->admin, ed != NULL ? id_of(ed) : NULL, &c->id,
		c->name, NULL, primary, c->n_ports);
	return ret < 0 ? refuse(ret, "protocol", c->name, error, size) : 0;
}

static int
fill_admin(struct pst_appliance *a, char *error, size_t size)
{
	int ret = 0;

	for (int e = 0; ret == 0 && a->params.editors[e] != NULL; e++) {
		if (is_enabled(a->config, a->params.editors[e]))
			a->editors_enabled |= UINT64_C(1) << e;
		ret = install_editor(a, a->params.editors[e], error, size);
	}
	for (uint32_t k = 0; ret == 0 && k < a->config->n_protocols; k++)
		ret = register_config(a, &a->config->protocols[k], error, size);
	return ret;
}

static void
fill_protocols(struct pst_appliance *a)
{
	const struct pst_protocol_info *info;

	for (uint32_t i = 0; (info = pst_admin_protocol_at(a->admin, i)) != NULL; i++) {
		bool on = info->filter >= 0 && (a->editors_enabled >> info->filter & 1);

		a->protocols[i].editor = on ? info->filter : PST_NAT_NO_EDITOR;
		a->names[i] = (struct pst_runtime_protocol){
			.id = info->id, .name = info->name, .editor = info->filter
		};
		for (uint32_t k = 0; k < info->n_primary; k++) {
			uint8_t *table = info->primary[k].protocol == PST_TCP ? a->tcp_protocols :
										 a->udp_protocols;

			table[info->primary[k].port] = i + 1;
		}
		a->protocol_names[i] = info->name;
		a->n_protocols++;
	}
}

/* Hooks: each enabled editor says what it wants. */

static int
start_editors(struct pst_appliance *a, char *error, size_t size)
{
	for (int e = 0; a->params.editors[e] != NULL; e++) {
		const struct pst_editor *ed = a->params.editors[e];
		int ret;

		a->hooks[e] = pst_hooks_default;
		if (!(a->editors_enabled >> e & 1) || ed->init == NULL)
			continue;
		a->hooks[e].n = 0;
		ret = ed->init(&a->hooks[e]);
		if (ret < 0 || a->hooks[e].n > PST_HOOKS_MAX) {
			snprintf(error, size, "editor \"%s\" can't start: %s", ed->name,
				strerror(ret < 0 ? -ret : EINVAL));
			return ret < 0 ? ret : -EINVAL;
		}
		a->editors_started |= UINT64_C(1) << e;
	}
	return 0;
}

static void
hook_ports(struct pst_appliance *a, int e, const struct pst_hook *hook, uint32_t event,
	const uint8_t *protocols, uint8_t *table)
{
	bool primary = hook->first == 0 && hook->last == 0;

	if (!(hook->events & event))
		return;
	for (uint32_t port = primary ? 1 : hook->first; port <= (primary ? UINT16_MAX : hook->last);
		port++) {
		if (primary && (protocols[port] == 0 || a->names[protocols[port] - 1].editor != e))
			continue;
		table[port] |= hook->sources & PST_ALL_SOURCES;
	}
}

static void
fill_hooks(struct pst_appliance *a)
{
	for (int e = 0; a->params.editors[e] != NULL; e++) {
		for (uint32_t i = 0; (a->editors_enabled >> e & 1) && i < a->hooks[e].n; i++) {
			hook_ports(a, e, &a->hooks[e].list[i], PST_EVENT_CONNECT_TCP,
				a->tcp_protocols, a->tcp_hooks);
			hook_ports(a, e, &a->hooks[e].list[i], PST_EVENT_UDP_DESTINATION,
				a->udp_protocols, a->udp_hooks);
		}
	}
}

static bool
create_tables(struct pst_appliance *a)
{
	a->admin = pst_admin_create();
	a->tcp_protocols = rte_zmalloc("pst_protocols", PORTS, 0);
	a->udp_protocols = rte_zmalloc("pst_protocols", PORTS, 0);
	a->tcp_hooks = rte_zmalloc("pst_hooks", PORTS, 0);
	a->udp_hooks = rte_zmalloc("pst_hooks", PORTS, 0);
	return a->admin != NULL && a->tcp_protocols != NULL && a->udp_protocols != NULL &&
		a->tcp_hooks != NULL && a->udp_hooks != NULL;
}

int
pst_protocols_set(struct pst_appliance *a, char *error, size_t size)
{
	int ret;

	if (!create_tables(a)) {
		snprintf(error, size, "no memory for the protocols");
		return -ENOMEM;
	}
	ret = fill_admin(a, error, size);
	if (ret < 0)
		return ret;
	fill_protocols(a);
	ret = start_editors(a, error, size);
	if (ret < 0)
		return ret;
	fill_hooks(a);
	a->nat.tcp_protocols = a->tcp_protocols;
	a->nat.udp_protocols = a->udp_protocols;
	a->nat.tcp_hooks = a->tcp_hooks;
	a->nat.udp_hooks = a->udp_hooks;
	a->nat.protocols = a->protocols;
	a->nat.n_protocols = a->n_protocols;
	a->nat.n_editor_lcores = a->n_editors;
	return 0;
}

void
pst_protocols_free(struct pst_appliance *a)
{
	for (int e = 0; a->params.editors[e] != NULL; e++) {
		if ((a->editors_started >> e & 1) && a->params.editors[e]->shutdown != NULL)
			a->params.editors[e]->shutdown();
	}
	rte_free(a->udp_hooks);
	rte_free(a->tcp_hooks);
	rte_free(a->udp_protocols);
	rte_free(a->tcp_protocols);
	pst_admin_destroy(a->admin);
}
