/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/keys.h"

#include <string.h>

#include <rte_common.h>

#include "config/config.h"
#include "eventlog/record.h"

#define AT(field) .offset = offsetof(struct pst_config, field)
#define OF(element, field) .offset = offsetof(struct pst_config_##element, field)
#define WITHIN(low, high) .min = low, .max = high
#define ENTRIES(low, high) .least = low, .most = high
#define LCORE_LAST 127
#define WEEK 604800
#define MEBI 1048576
#define SESSIONS_LAST (64 * MEBI)

static const char *const idles[] = { "auto", "poll", "sleep", NULL };
static const char *const zones[] = { "internal", "external", NULL };
static const char *const windows[] = { "strict", "lenient", NULL };
static const char *const others[] = { "drop", "map", NULL };
static const char *const behaviours[] = { "endpoint-independent", "address-dependent",
	"address-and-port-dependent", NULL };
static const char *const actions[] = { "deny", "allow", NULL };
static const char *const directions[] = { "in", "out", NULL };
static const char *const transports[] = { "tcp", "udp", NULL };
static const char *const published[] = { "tcp", "udp", "any", NULL };
static const char *const forbidden[] = { "keep", "drain", "cut", NULL };
static const char *const levels[] = { "error", "warning", "notice", "info", "debug", NULL };
static const char *const syslog_formats[] = { "auto", "rfc5424", "rfc3164", NULL };

#define SECONDS(key, seconds)                                                                      \
	{                                                                                          \
		"/nat/timeouts", #key, PST_KEY_U32, AT(nat.timeouts.key), WITHIN(1, WEEK),         \
			.fallback = #seconds                                                       \
	}

/* clang-format off */
const struct pst_key pst_keys[] = {
	{ "", "lcores", PST_KEY_OBJECT },
	{ "", "memory", PST_KEY_OBJECT },
	{ "", "interfaces", PST_KEY_MAP, true, ENTRIES(0, PST_IFACES_MAX) },
	{ "", "routes", PST_KEY_LIST, ENTRIES(0, PST_ROUTES_MAX) },
	{ "", "internal_networks", PST_KEY_LIST, ENTRIES(1, PST_NETWORKS_MAX) },
	{ "", "nat", PST_KEY_OBJECT },
	{ "", "protocols", PST_KEY_MAP, ENTRIES(0, PST_PROTOCOLS_MAX) },
	{ "", "rules", PST_KEY_LIST, ENTRIES(0, PST_RULES_MAX) },
	{ "", "packet_filters", PST_KEY_LIST, ENTRIES(0, PST_FILTERS_MAX) },
	{ "", "publish", PST_KEY_LIST, ENTRIES(0, PST_PUBLISH_MAX) },
	{ "", "editors", PST_KEY_MAP, ENTRIES(0, PST_EDITOR_SWITCHES_MAX) },
	{ "", "reload", PST_KEY_OBJECT },
	{ "", "control", PST_KEY_OBJECT },
	{ "", "log", PST_KEY_OBJECT },
	{ "", "metrics", PST_KEY_OBJECT },

	{ "/lcores", "main", PST_KEY_U32, AT(lcores.main), WITHIN(0, LCORE_LAST), .fallback = "0" },
	{ "/lcores", "workers", PST_KEY_LIST, WITHIN(0, LCORE_LAST), ENTRIES(1, PST_WORKERS_MAX),
		.fallback = "[1]" },
	{ "/lcores", "editors", PST_KEY_LIST, WITHIN(0, LCORE_LAST), ENTRIES(1, PST_EDITORS_MAX),
		.fallback = "[2]" },
	{ "/lcores", "idle", PST_KEY_ENUM, AT(lcores.idle), .fallback = "\"auto\"", .names = idles },

	{ "/memory", "hugepages", PST_KEY_BOOL, AT(memory.hugepages), .fallback = "true" },
	{ "/memory", "megabytes", PST_KEY_U32, AT(memory.megabytes), WITHIN(64, MEBI),
		.fallback = "1024" },

	{ "/interfaces/*", "device", PST_KEY_TEXT, true, OF(iface, device), WITHIN(1, 255) },
	{ "/interfaces/*", "zone", PST_KEY_ENUM, true, OF(iface, zone), .names = zones },
	{ "/interfaces/*", "address", PST_KEY_SHAPE, true },
	{ "/interfaces/*", "mtu", PST_KEY_U16, OF(iface, mtu), WITHIN(576, 9000) },
	{ "/interfaces/*", "vlan", PST_KEY_U16, OF(iface, vlan), WITHIN(0, 4094), .fallback = "0" },

	{ "/routes/*", "to", PST_KEY_SHAPE, true },
	{ "/routes/*", "via", PST_KEY_SHAPE, true },

	{ "/nat", "pool", PST_KEY_LIST, ENTRIES(1, PST_POOL_RANGES_MAX) },
	{ "/nat", "pools", PST_KEY_LIST, ENTRIES(0, PST_POOLS_MAX) },
	{ "/nat/pools/*", "clients", PST_KEY_LIST, true, ENTRIES(1, PST_POOL_ITEMS_MAX) },
	{ "/nat/pools/*", "addresses", PST_KEY_LIST, true, ENTRIES(1, PST_POOL_ITEMS_MAX) },
	{ "/nat", "bypass", PST_KEY_LIST, ENTRIES(0, PST_BYPASS_MAX) },
	{ "/nat", "mapping", PST_KEY_ENUM, AT(nat.mapping),
		.fallback = "\"endpoint-independent\"", .names = behaviours },
	{ "/nat", "filtering", PST_KEY_ENUM, AT(nat.filtering),
		.fallback = "\"address-dependent\"", .names = behaviours },
	{ "/nat", "hairpin", PST_KEY_BOOL, AT(nat.hairpin), .fallback = "true" },
	{ "/nat", "refresh_inbound", PST_KEY_BOOL, AT(nat.refresh_inbound), .fallback = "true" },
	{ "/nat", "tcp_window", PST_KEY_ENUM, AT(nat.tcp_window), .fallback = "\"strict\"",
		.names = windows },
	{ "/nat", "other_protocols", PST_KEY_ENUM, AT(nat.other_protocols),
		.fallback = "\"drop\"", .names = others },
	{ "/nat", "mss_clamp", PST_KEY_LIMIT, AT(nat.mss_clamp), WITHIN(536, 8960),
		.fallback = "true" },
	{ "/nat", "ports", PST_KEY_SHAPE, .fallback = "\"1024-65535\"" },
	{ "/nat", "ports_per_client", PST_KEY_U32, AT(nat.ports_per_client), WITHIN(1, 65535),
		.fallback = "2048" },
	{ "/nat", "sessions_per_client", PST_KEY_U32, AT(nat.sessions_per_client),
		WITHIN(1, SESSIONS_LAST), .fallback = "4096" },
	{ "/nat", "port_block", PST_KEY_U32, AT(nat.port_block), WITHIN(0, 1024),
		.fallback = "0" },
	{ "/nat", "deterministic", PST_KEY_BOOL, AT(nat.deterministic), .fallback = "false" },
	{ "/nat", "new_sessions_per_client", PST_KEY_U32, AT(nat.new_sessions_per_client),
		WITHIN(0, SESSIONS_LAST), .fallback = "0" },
	{ "/nat", "sessions", PST_KEY_U32, AT(nat.sessions), WITHIN(1024, SESSIONS_LAST),
		.fallback = "1048576" },
	{ "/nat", "quarantine", PST_KEY_U32, AT(nat.quarantine_s), WITHIN(0, 3600),
		.fallback = "120" },
	{ "/nat", "timeouts", PST_KEY_OBJECT },
	SECONDS(tcp_opening, 240),
	SECONDS(tcp_established, 7440),
	SECONDS(tcp_closing, 240),
	SECONDS(udp, 300),
	SECONDS(icmp, 60),
	{ "/nat/timeouts", "syn_hold", PST_KEY_U32, AT(nat.timeouts.syn_hold), WITHIN(0, WEEK),
		.fallback = "6" },
	SECONDS(bind_accept, 60),
	SECONDS(bind_udp_idle, 300),

	{ "/protocols/*", "id", PST_KEY_SHAPE, true },
	{ "/protocols/*", "transport", PST_KEY_SHAPE, true, .names = transports },
	{ "/protocols/*", "ports", PST_KEY_LIST, true, WITHIN(1, 65535),
		ENTRIES(1, PST_PROTOCOL_PORTS_MAX) },
	{ "/protocols/*", "editor", PST_KEY_TEXT, OF(protocol, editor), WITHIN(1, PST_NAME_MAX - 1) },

	{ "/rules/*", "name", PST_KEY_TEXT, OF(rule, name), WITHIN(1, PST_NAME_MAX - 1) },
	{ "/rules/*", "action", PST_KEY_SHAPE, true, .names = actions },
	{ "/rules/*", "protocols", PST_KEY_LIST, ENTRIES(1, PST_RULE_ITEMS_MAX) },
	{ "/rules/*", "clients", PST_KEY_LIST, ENTRIES(1, PST_RULE_ITEMS_MAX) },
	{ "/rules/*", "destinations", PST_KEY_LIST, ENTRIES(1, PST_RULE_ITEMS_MAX) },

	{ "/packet_filters/*", "name", PST_KEY_TEXT, OF(filter, name), WITHIN(1, PST_NAME_MAX - 1) },
	{ "/packet_filters/*", "action", PST_KEY_SHAPE, true, .names = actions },
	{ "/packet_filters/*", "direction", PST_KEY_SHAPE, .names = directions },
	{ "/packet_filters/*", "protocol", PST_KEY_SHAPE },
	{ "/packet_filters/*", "source", PST_KEY_LIST, ENTRIES(1, PST_FILTER_ITEMS_MAX) },
	{ "/packet_filters/*", "destination", PST_KEY_LIST, ENTRIES(1, PST_FILTER_ITEMS_MAX) },
	{ "/packet_filters/*", "source_ports", PST_KEY_LIST, ENTRIES(1, PST_FILTER_ITEMS_MAX) },
	{ "/packet_filters/*", "destination_ports", PST_KEY_LIST,
		ENTRIES(1, PST_FILTER_ITEMS_MAX) },

	{ "/publish/*", "name", PST_KEY_TEXT, OF(publish, name), WITHIN(1, PST_NAME_MAX - 1) },
	{ "/publish/*", "protocol", PST_KEY_SHAPE, true, .names = published },
	{ "/publish/*", "external", PST_KEY_SHAPE, true },
	{ "/publish/*", "internal", PST_KEY_SHAPE, true },

	{ "/editors/*", "enabled", PST_KEY_BOOL, OF(editor, enabled), .fallback = "true" },

	{ "/reload", "forbidden_connections", PST_KEY_ENUM, AT(reload.forbidden_connections),
		.fallback = "\"drain\"", .names = forbidden },
	{ "/reload", "drain_time", PST_KEY_U32, AT(reload.drain_time), WITHIN(1, 86400),
		.fallback = "60" },

	{ "/control", "socket", PST_KEY_TEXT, AT(control_socket), WITHIN(1, 107),
		.fallback = "\"/run/postern/control.sock\"" },

	{ "/metrics", "listen", PST_KEY_SHAPE, .fallback = "\"127.0.0.1:9469\"" },

	{ "/log", "level", PST_KEY_TEXT, AT(log_level), WITHIN(1, 15), .fallback = "\"info\"",
		.names = levels },
	{ "/log", "events", PST_KEY_TEXT, AT(log_events), WITHIN(1, 255) },
	{ "/log", "kinds", PST_KEY_LIST, ENTRIES(1, PST_RECORD_N_KINDS - 1) },
	{ "/log", "syslog", PST_KEY_SHAPE },
	{ "/log", "syslog_format", PST_KEY_ENUM, AT(log_syslog_format), .fallback = "\"auto\"",
		.names = syslog_formats },
	{ "/log", "ipfix", PST_KEY_SHAPE },
	{ "/log", "ipfix_domain", PST_KEY_U32, AT(log_ipfix_domain), WITHIN(0, UINT32_MAX),
		.fallback = "1" },
};
/* clang-format on */

const uint32_t pst_n_keys = RTE_DIM(pst_keys);

const struct pst_key *
pst_key_find(const char *section, const char *name)
{
	for (uint32_t i = 0; i < pst_n_keys; i++) {
		if (strcmp(pst_keys[i].section, section) == 0 &&
			strcmp(pst_keys[i].name, name) == 0)
			return &pst_keys[i];
	}
	return NULL;
}
