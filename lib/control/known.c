/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/known.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "control/doc.h"
#include "control/settings.h"

#define NEIGHBOURS_MOST 65536

static json_t *
port_stats(const struct pst_control_iface *know)
{
	const struct rte_eth_stats *s = &know->port_stats;

	if (!know->has_port_stats)
		return json_null();
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "ipackets", (json_int_t)s->ipackets,
		"opackets", (json_int_t)s->opackets, "ibytes", (json_int_t)s->ibytes, "obytes",
		(json_int_t)s->obytes, "imissed", (json_int_t)s->imissed, "ierrors",
		(json_int_t)s->ierrors, "oerrors", (json_int_t)s->oerrors, "rx_nombuf",
		(json_int_t)s->rx_nombuf);
}

static void
sum_iface(const struct pst_control_params *p, uint32_t i, struct pst_iface_stats *sum)
{
	for (uint32_t w = 0; w < p->n_workers; w++) {
		const struct pst_iface_stats *s = &p->worker_stats[w]->ifaces[i];

		sum->rx_packets += __atomic_load_n(&s->rx_packets, __ATOMIC_RELAXED);
		sum->rx_bytes += __atomic_load_n(&s->rx_bytes, __ATOMIC_RELAXED);
		sum->tx_packets += __atomic_load_n(&s->tx_packets, __ATOMIC_RELAXED);
		sum->tx_bytes += __atomic_load_n(&s->tx_bytes, __ATOMIC_RELAXED);
	}
}

static json_t *
interface(const struct pst_control_params *p, uint32_t i)
{
	struct pst_control_iface know = { 0 };
	struct pst_iface_stats sum = { 0 };
	json_t *json = pst_settings_interface(&p->config->ifaces[i]);
	bool known = p->iface != NULL && p->iface(p->ctx, i, &know) == 0;

	if (json == NULL)
		return NULL;
	sum_iface(p, i, &sum);
	json_object_set_new(json, "name", pst_doc_text(p->config->ifaces[i].name));
	if (know.mtu != 0)
		json_object_set_new(json, "mtu", json_integer(know.mtu));
	json_object_set_new(json, "mac", known ? pst_doc_mac(know.mac) : json_null());
	json_object_set_new(json, "link", json_string(known && know.up ? "up" : "down"));
	json_object_set_new(json, "speed_mbps",
		know.up && know.mbps > 0 ? json_integer(know.mbps) : json_null());
	json_object_set_new(json, "rx_packets", pst_doc_number(sum.rx_packets));
	json_object_set_new(json, "rx_bytes", pst_doc_number(sum.rx_bytes));
	json_object_set_new(json, "tx_packets", pst_doc_number(sum.tx_packets));
	json_object_set_new(json, "tx_bytes", pst_doc_number(sum.tx_bytes));
	json_object_set_new(json, "port", port_stats(&know));
	json_object_set_new(json, "rss", pst_doc_text(know.rss));
	return json;
}

json_t *
pst_known_interfaces(const struct pst_control_view *view)
{
	const struct pst_control_params *p = &view->params;
	json_t *array = json_array();

	for (uint32_t i = 0; p->config != NULL && i < p->config->n_ifaces; i++)
		json_array_append_new(array, interface(p, i));
	return array;
}

static json_t *
neighbour(const struct pst_control_params *p, const struct pst_control_neighbour *n)
{
	const char *iface = NULL;

	if (p->config != NULL && n->iface < p->config->n_ifaces)
		iface = p->config->ifaces[n->iface].name;
	return json_pack("{s:o,s:o,s:o,s:o,s:I,s:I}", "address", pst_doc_ip(n->ip), "mac",
		n->has_mac ? pst_doc_mac(n->mac) : json_null(), "interface", pst_doc_text(iface),
		"state", pst_doc_text(n->state), "age_s", (json_int_t)(n->age_ms / PST_MS_PER_S),
		"held", (json_int_t)n->held);
}

json_t *
pst_known_neighbours(const struct pst_control_view *view)
{
	const struct pst_control_params *p = &view->params;
	json_t *array = json_array();

	for (uint32_t i = 0; p->neighbour != NULL && i < NEIGHBOURS_MOST; i++) {
		struct pst_control_neighbour n = { 0 };

		if (p->neighbour(p->ctx, i, &n) != 0)
			break;
		json_array_append_new(array, neighbour(p, &n));
	}
	return array;
}

static bool
is_enabled(const struct pst_config *config, const struct pst_editor *editor)
{
	for (uint32_t i = 0; config != NULL && i < config->n_editors; i++) {
		if (strcmp(config->editors[i].name, editor->name) == 0)
			return config->editors[i].enabled;
	}
	return editor->default_on;
}

static json_t *
ports(const struct pst_editor *editor, enum pst_proto transport)
{
	json_t *array = json_array();

	for (int i = 0; i < PST_EDITOR_PORTS && editor->ports[i].protocol != 0; i++) {
		if (editor->ports[i].protocol == transport)
			json_array_append_new(array, json_integer(editor->ports[i].port));
	}
	return array;
}

static json_t *
counters(const struct pst_control_params *p, uint32_t e)
{
	const char *const *names = p->editors[e]->counters;
	json_t *object = json_object();

	for (uint32_t i = 0; names != NULL && p->editor_counter != NULL && names[i] != NULL; i++)
		json_object_set_new(
			object, names[i], pst_doc_number(p->editor_counter(p->ctx, e, i)));
	return object;
}

json_t *
pst_known_editors(const struct pst_control_view *view)
{
	const struct pst_control_params *p = &view->params;
	json_t *array = json_array();

	for (uint32_t e = 0; p->editors != NULL && p->editors[e] != NULL; e++) {
		const struct pst_editor *editor = p->editors[e];

		json_array_append_new(array,
			json_pack("{s:o,s:o,s:b,s:o,s:o,s:o}", "name", pst_doc_text(editor->name),
				"protocol", pst_doc_text(editor->protocol_name), "enabled",
				is_enabled(p->config, editor), "tcp_ports", ports(editor, PST_TCP),
				"udp_ports", ports(editor, PST_UDP), "counters", counters(p, e)));
	}
	return array;
}

static void
add_built_in(json_t *array, const struct pst_editor *editor, enum pst_proto transport)
{
	json_t *list = ports(editor, transport);

	if (json_array_size(list) == 0) {
		json_decref(list);
		return;
	}
	json_array_append_new(array,
		json_pack("{s:o,s:o,s:o,s:o,s:o,s:b}", "name", pst_doc_text(editor->protocol_name),
			"id", pst_settings_guid(&editor->protocol), "transport",
			pst_doc_proto(transport), "ports", list, "editor",
			pst_doc_text(editor->name), "built_in", true));
}

static bool
is_configured(const struct pst_config *config, const struct pst_guid *id)
{
	for (uint32_t i = 0; config != NULL && i < config->n_protocols; i++) {
		if (memcmp(&config->protocols[i].id, id, sizeof(*id)) == 0)
			return true;
	}
	return false;
}

json_t *
pst_known_protocols(const struct pst_control_view *view)
{
	const struct pst_control_params *p = &view->params;
	json_t *array = json_array(), *one;

	for (uint32_t e = 0; p->editors != NULL && p->editors[e] != NULL; e++) {
		if (is_configured(p->config, &p->editors[e]->protocol))
			continue;
		add_built_in(array, p->editors[e], PST_TCP);
		add_built_in(array, p->editors[e], PST_UDP);
	}
	for (uint32_t i = 0; p->config != NULL && i < p->config->n_protocols; i++) {
		one = pst_settings_protocol(&p->config->protocols[i]);
		json_object_set_new(one, "name", pst_doc_text(p->config->protocols[i].name));
		json_object_set_new(one, "built_in", json_false());
		json_array_append_new(array, one);
	}
	return array;
}
