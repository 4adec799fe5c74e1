/* SPDX-License-Identifier: BSD-3-Clause */
#include "events.h"

#include <stdio.h>

#include "editors.h"
#include "nat/nat.h"

static const char *
rule_name(const void *ctx, bool is_filter, uint64_t place)
{
	const struct pst_daemon_events *e = ctx;
	const struct pst_appliance *a = *e->appliance;
	int64_t i = (int64_t)place;

	if (a == NULL || i < 0)
		return NULL;
	return is_filter ? pst_packet_filters_name(a->now->filters, i)
			 : pst_ruleset_rule(a->now->rules, i)->name;
}

static const char *
text_or_null(const char *text)
{
	return text[0] != 0 ? text : NULL;
}

struct pst_eventlog *
pst_daemon_events_open(struct pst_daemon_events *e, const struct pst_config *config,
	struct pst_appliance *const *appliance, uint64_t now_ms, char *error, size_t size)
{
	const struct pst_config_nat *nat = &config->nat;
	struct pst_eventlog_params p = { .syslog = text_or_null(config->log_syslog),
		.syslog_format = config->log_syslog_format,
		.ipfix = text_or_null(config->log_ipfix),
		.ipfix_domain = config->log_ipfix_domain,
		.limits = { .sessions = nat->sessions,
			.ports_per_client = nat->ports_per_client,
			.sessions_per_client = nat->sessions_per_client,
			.clients = pst_nat_clients_of(nat->sessions) },
		.kinds = config->log_kinds,
		.names = { .ifaces = e->ifaces,
			.n_ifaces = config->n_ifaces,
			.editors = e->editors,
			.rule = rule_name,
			.ctx = e,
			.port_block = nat->port_block,
			.deterministic = nat->deterministic } };

	snprintf(e->file, sizeof(e->file), "%s", config->log_events);
	p.file = text_or_null(e->file);
	e->appliance = appliance;
	for (uint32_t i = 0; i < config->n_ifaces; i++) {
		snprintf(e->iface_names[i], sizeof(e->iface_names[i]), "%s",
			config->ifaces[i].name);
		e->ifaces[i] = e->iface_names[i];
	}
	for (e->n_editors = 0; pst_editors[e->n_editors] != NULL; e->n_editors++)
		e->editors[e->n_editors] = pst_editors[e->n_editors]->name;
	p.names.n_editors = e->n_editors;
	return pst_eventlog_create(&p, now_ms, error, size);
}
