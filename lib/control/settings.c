/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/settings.h"

#include "config/address.h"
#include "control/doc.h"
#include "eventlog/syslogmsg.h"

json_t *
pst_settings_guid(const struct pst_guid *guid)
{
	const uint8_t *b = guid->bytes;

	return json_sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		b[13], b[14], b[15]);
}

json_t *
pst_settings_interface(const struct pst_config_iface *iface)
{
	return json_pack("{s:o,s:s,s:o,s:o*,s:I}", "device", pst_doc_text(iface->device), "zone",
		iface->zone == PST_ZONE_INTERNAL ? "internal" : "external", "address",
		pst_doc_prefix(iface->ip, iface->prefix_len), "mtu",
		iface->mtu != 0 ? json_integer(iface->mtu) : NULL, "vlan",
		(json_int_t)iface->vlan);
}

json_t *
pst_settings_protocol(const struct pst_config_protocol *protocol)
{
	json_t *ports = json_array();

	for (uint32_t i = 0; i < protocol->n_ports; i++)
		json_array_append_new(ports, json_integer(protocol->ports[i]));
	return json_pack("{s:o,s:o,s:o,s:o}", "id", pst_settings_guid(&protocol->id), "transport",
		pst_doc_proto(protocol->transport), "ports", ports, "editor",
		protocol->editor[0] != '\0' ? pst_doc_text(protocol->editor) : json_null());
}

static json_t *
numbers(const uint32_t *array, uint32_t n)
{
	json_t *json = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(json, json_integer(array[i]));
	return json;
}

static json_t *
rule(const struct pst_config_rule *rule)
{
	json_t *protocols = json_array();

	for (uint32_t i = 0; i < rule->n_protocols; i++)
		json_array_append_new(protocols, pst_doc_text(rule->protocols[i]));
	return json_pack("{s:o,s:s,s:o,s:o,s:o}", "name", pst_doc_text(rule->name), "action",
		rule->allow ? "allow" : "deny", "protocols", protocols, "clients",
		pst_doc_ranges(rule->clients, rule->n_clients), "destinations",
		pst_doc_ranges(rule->destinations, rule->n_destinations));
}

static json_t *
rules(const struct pst_config *config)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < config->n_rules; i++)
		json_array_append_new(array, rule(&config->rules[i]));
	return array;
}

static json_t *
port_ranges(const struct pst_port_range *ranges, uint32_t n)
{
	char text[PST_PORT_RANGE_TEXT];
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(pst_port_range_format(&ranges[i], text)));
	return array;
}

static json_t *
filter(const struct pst_config_filter *f)
{
	char protocol[PST_IP_PROTOCOL_TEXT];

	return json_pack("{s:o,s:s,s:s?,s:s?,s:o,s:o,s:o,s:o}", "name", pst_doc_text(f->name),
		"action", f->allow ? "allow" : "deny", "direction",
		f->in && f->out ? NULL : f->in ? "in" : "out", "protocol",
		f->any_protocol ? NULL : pst_ip_protocol_format(f->protocol, protocol), "source",
		pst_doc_ranges(f->sources, f->n_sources), "destination",
		pst_doc_ranges(f->destinations, f->n_destinations), "source_ports",
		port_ranges(f->source_ports, f->n_source_ports), "destination_ports",
		port_ranges(f->destination_ports, f->n_destination_ports));
}

static json_t *
filters(const struct pst_config *config)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < config->n_filters; i++)
		json_array_append_new(array, filter(&config->filters[i]));
	return array;
}

static json_t *
interfaces(const struct pst_config *config)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < config->n_ifaces; i++)
		json_object_set_new(
			object, config->ifaces[i].name, pst_settings_interface(&config->ifaces[i]));
	return object;
}

static json_t *
routes(const struct pst_config *config)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < config->n_routes; i++) {
		const struct pst_config_route *route = &config->routes[i];

		json_array_append_new(array,
			json_pack("{s:o,s:o}", "to", pst_doc_prefix(route->to.ip, route->to.len),
				"via", pst_doc_ip(route->via)));
	}
	return array;
}

static json_t *
internal_networks(const struct pst_config *config)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < config->n_internal_networks; i++)
		json_array_append_new(array, pst_doc_prefix(config->internal_networks[i].ip,
						     config->internal_networks[i].len));
	return array;
}

static const char *
behaviour(enum pst_behaviour b)
{
	static const char *const names[] = {
		[PST_ENDPOINT_INDEPENDENT] = "endpoint-independent",
		[PST_ADDRESS_DEPENDENT] = "address-dependent",
		[PST_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent",
	};

	return (unsigned int)b < RTE_DIM(names) ? names[b] : "?";
}

static json_t *
timeouts(const struct pst_config_nat *nat)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "tcp_opening",
		(json_int_t)nat->timeouts.tcp_opening, "tcp_established",
		(json_int_t)nat->timeouts.tcp_established, "tcp_closing",
		(json_int_t)nat->timeouts.tcp_closing, "udp", (json_int_t)nat->timeouts.udp, "icmp",
		(json_int_t)nat->timeouts.icmp, "syn_hold", (json_int_t)nat->timeouts.syn_hold,
		"bind_accept", (json_int_t)nat->timeouts.bind_accept, "bind_udp_idle",
		(json_int_t)nat->timeouts.bind_udp_idle);
}

static json_t *
pools(const struct pst_config_nat *nat)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < nat->n_pools; i++) {
		const struct pst_config_pool *p = &nat->pools[i];

		json_array_append_new(array,
			json_pack("{s:o,s:o}", "clients", pst_doc_ranges(p->clients, p->n_clients),
				"addresses", pst_doc_ranges(p->addresses, p->n_addresses)));
	}
	return array;
}

static json_t *
nat(const struct pst_config_nat *nat)
{
	return json_pack("{s:o,s:o,s:o,s:s,s:s,s:b,s:b,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:I,s:b,s:I,s:I,s:o}", "pool",
		pst_doc_ranges(nat->pool, nat->n_pool), "pools", pools(nat), "bypass",
		pst_doc_ranges(nat->bypass, nat->n_bypass), "mapping",
		behaviour(nat->mapping), "filtering", behaviour(nat->filtering), "hairpin",
		nat->hairpin, "refresh_inbound", nat->refresh_inbound, "tcp_window",
		nat->tcp_window == PST_WINDOW_LENIENT ? "lenient" : "strict",
		"other_protocols", nat->other_protocols == PST_OTHERS_MAP ? "map" : "drop",
		"mss_clamp",
		nat->mss_clamp <= 1 ? json_boolean(nat->mss_clamp) : json_integer(nat->mss_clamp),
		"ports",
		json_sprintf("%u-%u", nat->port_first, nat->port_last), "ports_per_client",
		(json_int_t)nat->ports_per_client, "sessions_per_client",
		(json_int_t)nat->sessions_per_client, "new_sessions_per_client",
		(json_int_t)nat->new_sessions_per_client, "port_block",
		(json_int_t)nat->port_block, "deterministic", nat->deterministic,
		"sessions", (json_int_t)nat->sessions,
		"quarantine", (json_int_t)nat->quarantine_s, "timeouts", timeouts(nat));
}

static json_t *
protocols(const struct pst_config *config)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < config->n_protocols; i++)
		json_object_set_new(object, config->protocols[i].name,
			pst_settings_protocol(&config->protocols[i]));
	return object;
}

static json_t *
published_end(const struct pst_config_publish *p, const struct pst_endpoint *first)
{
	return p->whole ? pst_doc_ip(first->ip) : pst_doc_endpoints(first, p->more);
}

static json_t *
publish(const struct pst_config *config)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < config->n_publish; i++) {
		const struct pst_config_publish *p = &config->publish[i];

		json_array_append_new(array,
			json_pack("{s:o,s:o,s:o,s:o}", "name", pst_doc_text(p->name), "protocol",
				pst_doc_proto(p->whole ? 0 : p->transport), "external",
				published_end(p, &p->external), "internal",
				published_end(p, &p->internal)));
	}
	return array;
}

static json_t *
editors(const struct pst_config *config)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < config->n_editors; i++)
		json_object_set_new(object, config->editors[i].name,
			json_pack("{s:b}", "enabled", config->editors[i].enabled));
	return object;
}

static json_t *
lcores(const struct pst_config *config)
{
	static const char *const idle[] = {
		[PST_IDLE_AUTO] = "auto",
		[PST_IDLE_POLL] = "poll",
		[PST_IDLE_SLEEP] = "sleep",
	};

	return json_pack("{s:I,s:o,s:o,s:s}", "main", (json_int_t)config->lcores.main, "workers",
		numbers(config->lcores.workers, config->lcores.n_workers), "editors",
		numbers(config->lcores.editors, config->lcores.n_editors), "idle",
		idle[config->lcores.idle]);
}

static json_t *
reload(const struct pst_config *config)
{
	static const char *const forbidden[] = {
		[PST_FORBIDDEN_KEEP] = "keep",
		[PST_FORBIDDEN_DRAIN] = "drain",
		[PST_FORBIDDEN_CUT] = "cut",
	};

	return json_pack("{s:s,s:I}", "forbidden_connections",
		forbidden[config->reload.forbidden_connections], "drain_time",
		(json_int_t)config->reload.drain_time);
}

static json_t *
log_of(const struct pst_config *config)
{
	static const char *const formats[] = { [PST_SYSLOG_AUTO] = "auto",
		[PST_SYSLOG_RFC5424] = "rfc5424",
		[PST_SYSLOG_RFC3164] = "rfc3164" };
	json_t *kinds = json_array();
	json_t *log;

	for (int k = 0; k < PST_RECORD_LOST_BIT; k++) {
		if ((config->log_kinds >> k & 1) != 0)
			json_array_append_new(kinds, json_string(pst_record_kinds[k]));
	}
	log = json_pack("{s:o,s:o,s:s,s:I}", "level", pst_doc_text(config->log_level), "kinds",
		kinds, "syslog_format", formats[config->log_syslog_format], "ipfix_domain",
		(json_int_t)config->log_ipfix_domain);
	if (config->log_events[0] != 0)
		json_object_set_new(log, "events", pst_doc_text(config->log_events));
	if (config->log_syslog[0] != 0)
		json_object_set_new(log, "syslog", pst_doc_text(config->log_syslog));
	if (config->log_ipfix[0] != 0)
		json_object_set_new(log, "ipfix", pst_doc_text(config->log_ipfix));
	return log;
}

json_t *
pst_settings(const struct pst_control_view *view)
{
	const struct pst_config *config = view->params.config;
	char listen[PST_ENDPOINT_TEXT];

	if (config == NULL)
		return json_null();
	return json_pack("{s:o, s:{s:b,s:I}, s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o, s:{s:o}, "
			 "s:{s:s}, s:o}",
		"lcores", lcores(config), "memory", "hugepages", config->memory.hugepages,
		"megabytes", (json_int_t)config->memory.megabytes, "interfaces", interfaces(config),
		"routes", routes(config), "internal_networks", internal_networks(config), "nat",
		nat(&config->nat), "protocols", protocols(config), "rules", rules(config),
		"packet_filters", filters(config), "publish", publish(config), "editors",
		editors(config), "reload", reload(config), "control", "socket",
		pst_doc_text(config->control_socket), "metrics", "listen",
		pst_service_format(&config->metrics_listen, listen), "log", log_of(config));
}

/* The workers' counts of one place, together. */
static uint64_t
decided_by(const uint64_t *const *counts, const uint64_t *base, uint32_t n_workers, uint32_t place)
{
	uint64_t sum = base != NULL ? base[place] : 0;

	for (uint32_t w = 0; w < n_workers; w++) {
		if (counts[w] != NULL)
			sum += __atomic_load_n(&counts[w][place], __ATOMIC_RELAXED);
	}
	return sum;
}

static json_t *
with_counts(
	json_t *array, const char *name, const uint64_t *const *counts, const uint64_t *base,
	uint32_t n_workers)
{
	json_t *row;
	size_t i;

	json_array_foreach(array, i, row)
		json_object_set_new(
			row, name, pst_doc_number(decided_by(counts, base, n_workers, i)));
	return array;
}

/* With how many new connections each has decided. */
json_t *
pst_settings_rules(const struct pst_control_view *view)
{
	const struct pst_control_params *p = &view->params;

	return with_counts(p->config != NULL ? rules(p->config) : json_array(),
		"connections", p->rule_counts, p->rule_base, p->n_workers);
}

/* With how many first packets each has decided; what it denies may come again. */
json_t *
pst_settings_filters(const struct pst_control_view *view)
{
	const struct pst_control_params *p = &view->params;

	return with_counts(p->config != NULL ? filters(p->config) : json_array(),
		"packets", p->filter_counts, p->filter_base, p->n_workers);
}
