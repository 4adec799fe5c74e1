/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/keys.h"

#include <rte_common.h>

#include "config/config.h"

#define AT(field) offsetof(struct pst_config, field)
#define OF(element, field) offsetof(struct pst_config_##element, field)
#define WEEK 604800
#define SECONDS(key, fallback)                                                                     \
	{ "/nat/timeouts", #key, PST_KEY_U32, AT(nat.timeouts.key), 1, WEEK, #fallback, NULL }

static const char *const idles[] = { "auto", "poll", "sleep", NULL };
static const char *const zones[] = { "internal", "external", NULL };
static const char *const behaviours[] = { "endpoint-independent", "address-dependent",
	"address-and-port-dependent", NULL };
static const char *const actions[] = { "deny", "allow", NULL };
const char *const pst_key_levels[] = { "error", "warning", "notice", "info", "debug", NULL };

/* clang-format off */
const struct pst_key pst_keys[] = {
	{ "", "lcores", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "memory", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "interfaces", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "routes", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "internal_networks", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "nat", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "protocols", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "rules", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "editors", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "control", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "log", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "", "packet_filters", PST_KEY_LATER, 0, 0, 0, NULL, NULL },
	{ "", "publish", PST_KEY_LATER, 0, 0, 0, NULL, NULL },
	{ "", "metrics", PST_KEY_LATER, 0, 0, 0, NULL, NULL },

	{ "/lcores", "main", PST_KEY_U32, AT(lcores.main), 0, 127, "0", NULL },
	{ "/lcores", "workers", PST_KEY_SHAPE, 0, 0, 127, "[1]", NULL },
	{ "/lcores", "editors", PST_KEY_SHAPE, 0, 0, 127, "[2]", NULL },
	{ "/lcores", "idle", PST_KEY_ENUM, AT(lcores.idle), 0, 0, "\"auto\"", idles },

	{ "/memory", "hugepages", PST_KEY_BOOL, AT(memory.hugepages), 0, 1, "true", NULL },
	{ "/memory", "megabytes", PST_KEY_U32, AT(memory.megabytes), 64, 1048576, "1024", NULL },

	{ "/interfaces/*", "device", PST_KEY_TEXT, OF(iface, device), 1, 256, NULL, NULL },
	{ "/interfaces/*", "zone", PST_KEY_ENUM, OF(iface, zone), 0, 0, NULL, zones },
	{ "/interfaces/*", "address", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "/interfaces/*", "mtu", PST_KEY_U16, OF(iface, mtu), 576, 9000, "1500", NULL },
	{ "/interfaces/*", "vlan", PST_KEY_U16, OF(iface, vlan), 0, 4094, "0", NULL },

	{ "/routes/*", "to", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "/routes/*", "via", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },

	{ "/nat", "pool", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "/nat", "mapping", PST_KEY_ENUM, AT(nat.mapping), 0, 0, "\"endpoint-independent\"",
		behaviours },
	{ "/nat", "filtering", PST_KEY_ENUM, AT(nat.filtering), 0, 0, "\"address-dependent\"",
		behaviours },
	{ "/nat", "hairpin", PST_KEY_BOOL, AT(nat.hairpin), 0, 1, "true", NULL },
	{ "/nat", "ports", PST_KEY_SHAPE, 0, 0, 0, "\"1024-65535\"", NULL },
	{ "/nat", "ports_per_client", PST_KEY_U32, AT(nat.ports_per_client), 1, 65535, "2048",
		NULL },
	{ "/nat", "sessions_per_client", PST_KEY_U32, AT(nat.sessions_per_client), 1, 67108864,
		"4096", NULL },
	{ "/nat", "sessions", PST_KEY_U32, AT(nat.sessions), 1024, 67108864, "1048576", NULL },
	{ "/nat", "quarantine", PST_KEY_U32, AT(nat.quarantine_s), 0, 3600, "120", NULL },
	{ "/nat", "timeouts", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	SECONDS(tcp_opening, 240),
	SECONDS(tcp_established, 7440),
	SECONDS(tcp_closing, 240),
	SECONDS(udp, 300),
	SECONDS(icmp, 60),
	SECONDS(syn_hold, 6),
	SECONDS(bind_accept, 60),
	SECONDS(bind_udp_idle, 300),

	{ "/protocols/*", "id", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "/protocols/*", "transport", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "/protocols/*", "ports", PST_KEY_SHAPE, 0, 1, 65535, NULL, NULL },
	{ "/protocols/*", "editor", PST_KEY_TEXT, OF(protocol, editor), 0, PST_NAME_MAX, NULL,
		NULL },

	{ "/rules/*", "name", PST_KEY_TEXT, OF(rule, name), 1, PST_NAME_MAX, NULL, NULL },
	{ "/rules/*", "action", PST_KEY_SHAPE, 0, 0, 0, NULL, actions },
	{ "/rules/*", "protocols", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "/rules/*", "clients", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },
	{ "/rules/*", "destinations", PST_KEY_SHAPE, 0, 0, 0, NULL, NULL },

	{ "/editors/*", "enabled", PST_KEY_BOOL, OF(editor, enabled), 0, 1, NULL, NULL },

	{ "/control", "socket", PST_KEY_TEXT, AT(control_socket), 1, 108,
		"\"/run/postern/control.sock\"", NULL },

	{ "/log", "level", PST_KEY_TEXT, AT(log_level), 1, 16, "\"info\"", pst_key_levels },
	{ "/log", "events", PST_KEY_LATER, 0, 0, 0, NULL, NULL },
};
/* clang-format on */

const uint32_t pst_n_keys = RTE_DIM(pst_keys);
