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
install_editor(struct pst_snapshot *s, const struct pst_editor *ed, char *error, size_t size)
{
	struct pst_filter_info info = { .id = *id_of(ed),
		.name = ed->name,
		.description = ed->description,
		.vendor = "Postern",
		.version = PST_VERSION,
		.editor = ed };
	struct pst_primary primary[PST_EDITOR_PORTS];
	uint32_t n = 0;
	int ret = pst_admin_install_filter(s->admin, &info);

	for (; n < PST_EDITOR_PORTS && ed->ports[n].protocol != 0; n++)
		primary[n] = (struct pst_primary){ ed->ports[n].protocol, ed->ports[n].port };
	if (ret >= 0)
		ret = pst_admin_register_protocol(s->admin, &info.id, &ed->protocol, ed->name,
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

/* Where it was before; a new one where neither config has any. -ENOSPC. */
static int
place_for(const struct pst_snapshot *s, const struct pst_snapshot *before, const struct pst_guid *id)
{
	const struct pst_protocol_info *info;

	for (uint32_t i = 0; before != NULL && i < PST_ADMIN_PROTOCOLS; i++) {
		info = pst_admin_protocol_at(before->admin, i);
		if (info != NULL && memcmp(&info->id, id, sizeof(*id)) == 0)
			return i;
	}
	for (uint32_t i = 0; i < PST_ADMIN_PROTOCOLS; i++) {
		if (pst_admin_protocol_at(s->admin, i) == NULL &&
			(before == NULL || pst_admin_protocol_at(before->admin, i) == NULL))
			return i;
	}
	return -ENOSPC;
}

static int
register_config(const struct pst_appliance *a, struct pst_snapshot *s,
	const struct pst_snapshot *before, const struct pst_config_protocol *c, char *error,
	size_t size)
{
	const struct pst_editor *ed = c->editor[0] != 0 ? editor_named(a, c->editor) : NULL;
	struct pst_primary primary[PST_PROTOCOL_PORTS_MAX];
	int ret = place_for(s, before, &c->id);

	for (uint32_t p = 0; p < c->n_ports; p++)
		primary[p] = (struct pst_primary){ c->transport, c->ports[p] };
	if (ret >= 0)
		ret = pst_admin_register_protocol_at(s->admin, ret, ed != NULL ? id_of(ed) : NULL,
			&c->id, c->name, NULL, primary, c->n_ports);
	return ret < 0 ? refuse(ret, "protocol", c->name, error, size) : 0;
}

static int
fill_admin(const struct pst_appliance *a, struct pst_snapshot *s,
	const struct pst_snapshot *before, char *error, size_t size)
{
	int ret = 0;

	for (int e = 0; ret == 0 && a->params.editors[e] != NULL; e++) {
		if (is_enabled(s->config, a->params.editors[e]))
			s->editors_enabled |= UINT64_C(1) << e;
		ret = install_editor(s, a->params.editors[e], error, size);
	}
	for (uint32_t k = 0; ret == 0 && k < s->config->n_protocols; k++)
		ret = register_config(a, s, before, &s->config->protocols[k], error, size);
	return ret;
}

/* Nothing is registered there: nobody finds it, and nothing is of it. */
static void
empty_place(struct pst_snapshot *s, uint32_t i)
{
	s->protocols[i] = (struct pst_nat_protocol){ .editor = PST_NAT_NO_EDITOR, .is_empty = true };
	s->names[i] = (struct pst_runtime_protocol){ .name = "", .editor = -1 };
	memset(&s->names[i].id, 0xff, sizeof(s->names[i].id));
}

static void
fill_place(struct pst_snapshot *s, uint32_t i, const struct pst_protocol_info *info)
{
	bool on = info->filter >= 0 && (s->editors_enabled >> info->filter & 1);

	s->protocols[i].editor = on ? info->filter : PST_NAT_NO_EDITOR;
	s->names[i] = (struct pst_runtime_protocol){
		.id = info->id, .name = info->name, .editor = info->filter
	};
	for (uint32_t k = 0; k < info->n_primary; k++) {
		uint8_t *table = info->primary[k].protocol == PST_TCP ? s->tcp_protocols :
									 s->udp_protocols;

		table[info->primary[k].port] = i + 1;
	}
	s->protocol_names[i] = info->name;
	s->n_protocols = i + 1;
}

static void
fill_protocols(struct pst_snapshot *s)
{
	for (uint32_t i = 0; i < PST_ADMIN_PROTOCOLS; i++) {
		const struct pst_protocol_info *info = pst_admin_protocol_at(s->admin, i);

		if (info != NULL)
			fill_place(s, i, info);
		else
			empty_place(s, i);
	}
}

/*
 * Hooks: each editor says what it wants, once, when it is enabled first. Nobody reads what it says
 * before it is enabled.
 */

static int
start_editors(struct pst_appliance *a, uint64_t enabled, char *error, size_t size)
{
	for (int e = 0; a->params.editors[e] != NULL; e++) {
		const struct pst_editor *ed = a->params.editors[e];
		int ret;

		if (!(enabled >> e & 1) || (a->editors_started >> e & 1))
			continue;
		a->editors_started |= UINT64_C(1) << e;
		a->hooks[e] = pst_hooks_default;
		if (ed->init == NULL)
			continue;
		a->hooks[e].n = 0;
		ret = ed->init(&a->hooks[e]);
		if (ret < 0 || a->hooks[e].n > PST_HOOKS_MAX) {
			snprintf(error, size, "editor \"%s\" can't start: %s", ed->name,
				strerror(ret < 0 ? -ret : EINVAL));
			a->editors_started &= ~(UINT64_C(1) << e);
			return ret < 0 ? ret : -EINVAL;
		}
	}
	return 0;
}

static void
hook_ports(const struct pst_snapshot *s, int e, const struct pst_hook *hook, uint32_t event,
	const uint8_t *protocols, uint8_t *table)
{
	bool primary = hook->first == 0 && hook->last == 0;

	if (!(hook->events & event))
		return;
	for (uint32_t port = primary ? 1 : hook->first; port <= (primary ? UINT16_MAX : hook->last);
		port++) {
		if (primary && (protocols[port] == 0 || s->names[protocols[port] - 1].editor != e))
			continue;
		table[port] |= hook->sources & PST_ALL_SOURCES;
	}
}

static void
fill_hooks(const struct pst_appliance *a, struct pst_snapshot *s)
{
	for (int e = 0; a->params.editors[e] != NULL; e++) {
		for (uint32_t i = 0; (s->editors_enabled >> e & 1) && i < a->hooks[e].n; i++) {
			hook_ports(s, e, &a->hooks[e].list[i], PST_EVENT_CONNECT_TCP,
				s->tcp_protocols, s->tcp_hooks);
			hook_ports(s, e, &a->hooks[e].list[i], PST_EVENT_UDP_DESTINATION,
				s->udp_protocols, s->udp_hooks);
		}
	}
}

static bool
create_tables(struct pst_snapshot *s)
{
	s->admin = pst_admin_create();
	s->tcp_protocols = rte_zmalloc("pst_protocols", PORTS, 0);
	s->udp_protocols = rte_zmalloc("pst_protocols", PORTS, 0);
	s->tcp_hooks = rte_zmalloc("pst_hooks", PORTS, 0);
	s->udp_hooks = rte_zmalloc("pst_hooks", PORTS, 0);
	return s->admin != NULL && s->tcp_protocols != NULL && s->udp_protocols != NULL &&
		s->tcp_hooks != NULL && s->udp_hooks != NULL;
}

int
pst_protocols_set(struct pst_appliance *a, struct pst_snapshot *s,
	const struct pst_snapshot *before, char *error, size_t size)
{
	int ret;

	if (!create_tables(s)) {
		snprintf(error, size, "no memory for the protocols");
		return -ENOMEM;
	}
	ret = fill_admin(a, s, before, error, size);
	if (ret < 0)
		return ret;
	fill_protocols(s);
	ret = start_editors(a, s->editors_enabled, error, size);
	if (ret < 0)
		return ret;
	fill_hooks(a, s);
	s->nat.tcp_protocols = s->tcp_protocols;
	s->nat.udp_protocols = s->udp_protocols;
	s->nat.tcp_hooks = s->tcp_hooks;
	s->nat.udp_hooks = s->udp_hooks;
	s->nat.protocols = s->protocols;
	s->nat.n_protocols = s->n_protocols;
	s->nat.n_editor_lcores = a->n_editors;
	return 0;
}

void
pst_protocols_free(struct pst_snapshot *s)
{
	rte_free(s->udp_hooks);
	rte_free(s->tcp_hooks);
	rte_free(s->udp_protocols);
	rte_free(s->tcp_protocols);
	pst_admin_destroy(s->admin);
}

void
pst_protocols_stop(struct pst_appliance *a)
{
	for (int e = 0; a->params.editors[e] != NULL; e++) {
		if ((a->editors_started >> e & 1) && a->params.editors[e]->shutdown != NULL)
			a->params.editors[e]->shutdown();
	}
}
