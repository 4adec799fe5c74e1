/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as plain structs: what the JSON file says, with defaults
 * filled in. Immutable once it is published. Addresses are in host byte order.
 *
 * JSON ends in this folder: workers and editors see the params structs alone.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lcore.h"
#include "pst_types.h"

#define PST_NAME_MAX 32
#define PST_IFACES_MAX 64
#define PST_ROUTES_MAX 1024
#define PST_POOL_RANGES_MAX 64
#define PST_POOLS_MAX 16
#define PST_POOL_ITEMS_MAX 16
#define PST_NETWORKS_MAX 64
#define PST_BYPASS_MAX 64
#define PST_RULES_MAX 1024
#define PST_FILTERS_MAX 16384
#define PST_FILTER_ITEMS_MAX 16
#define PST_PROTOCOLS_MAX 64
#define PST_PROTOCOL_PORTS_MAX 4
#define PST_RULE_ITEMS_MAX 16
#define PST_EDITOR_SWITCHES_MAX 16
#define PST_PUBLISH_MAX 256
#define PST_WHOLES_MAX 64 /* of these entries */
#define PST_PUBLISH_PORTS_MAX 1024 /* of all entries together */

/* What becomes of open connections that another config forbids. */
enum pst_forbidden {
	PST_FORBIDDEN_KEEP,  /* they live on until they end */
	PST_FORBIDDEN_DRAIN, /* for a time, then they are cut */
	PST_FORBIDDEN_CUT,   /* at once */
};

enum pst_idle {
	PST_IDLE_AUTO, /* sleep where lcores share a CPU, else poll */
	PST_IDLE_POLL,
	PST_IDLE_SLEEP,
};

enum pst_zone {
	PST_ZONE_INTERNAL,
	PST_ZONE_EXTERNAL,
};

/* How an inside endpoint is mapped, and who may send to the mapping (RFC 4787). */
enum pst_behaviour {
	PST_ENDPOINT_INDEPENDENT,
	PST_ADDRESS_DEPENDENT,
	PST_ADDRESS_AND_PORT_DEPENDENT,
};

/* What becomes of a TCP segment that its receiver does not expect. */
enum pst_window {
	PST_WINDOW_STRICT, /* it is dropped */
	PST_WINDOW_LENIENT,
};

/* What becomes of protocols without ports, beside GRE and ESP. */
enum pst_others {
	PST_OTHERS_DROP,
	PST_OTHERS_MAP,
};

struct pst_range {
	uint32_t first, last;
};

/* Both 0 to 65535. */
struct pst_port_range {
	uint16_t first, last;
};

struct pst_prefix {
	uint32_t ip;
	uint8_t len;
};

struct pst_config_iface {
	char name[PST_NAME_MAX];
	char device[256]; /* PCI address or vdev string */
	enum pst_zone zone;
	uint32_t ip;
	uint8_t prefix_len;
	uint16_t mtu;  /* 0: the device's */
	uint16_t vlan; /* 0: untagged */
};

struct pst_config_route {
	struct pst_prefix to;
	uint32_t via;
};

/* Outside addresses of some clients alone. */
struct pst_config_pool {
	struct pst_range clients[PST_POOL_ITEMS_MAX];
	uint32_t n_clients;
	struct pst_range addresses[PST_POOL_ITEMS_MAX];
	uint32_t n_addresses;
};

struct pst_config_nat {
	struct pst_range pool[PST_POOL_RANGES_MAX];
	uint32_t n_pool; /* 0 never: the default is the external interface's address */
	struct pst_config_pool pools[PST_POOLS_MAX];
	uint32_t n_pools;
	struct pst_range bypass[PST_BYPASS_MAX]; /* destinations that see clients' own addresses */
	uint32_t n_bypass;
	enum pst_behaviour mapping, filtering;
	bool hairpin;
	bool refresh_inbound; /* packets from outside keep a mapping alive */
	enum pst_window tcp_window;
	enum pst_others other_protocols;
	uint16_t mss_clamp; /* the most bytes of a TCP segment; 1: what MTUs allow; 0: any */
	uint32_t ports_per_client;
	uint32_t sessions_per_client;
	bool deterministic; /* each client has one block, by arithmetic */
	uint32_t port_block; /* ports that a client gets at a time; 0: one */
	uint32_t new_sessions_per_client; /* a second; 0: any number */
	uint32_t sessions;      /* of all workers together */
	uint32_t quarantine_s;
	uint16_t port_first, port_last;
	struct {
		uint32_t tcp_opening, tcp_established, tcp_closing, udp, icmp, syn_hold,
			bind_accept, bind_udp_idle; /* seconds */
	} timeouts;
};

struct pst_config_protocol {
	char name[PST_NAME_MAX];
	struct pst_guid id;
	enum pst_proto transport;
	uint16_t ports[PST_PROTOCOL_PORTS_MAX];
	uint32_t n_ports;
	char editor[PST_NAME_MAX]; /* empty: none */
};

struct pst_config_rule {
	char name[PST_NAME_MAX];
	bool allow;
	char protocols[PST_RULE_ITEMS_MAX][PST_NAME_MAX];
	uint32_t n_protocols; /* 0: every protocol */
	struct pst_range clients[PST_RULE_ITEMS_MAX];
	uint32_t n_clients; /* 0: everybody */
	struct pst_range destinations[PST_RULE_ITEMS_MAX];
	uint32_t n_destinations;
};

/* A packet filter: what may begin, by the first packet. */
struct pst_config_filter {
	char name[PST_NAME_MAX];
	bool allow;
	bool in, out; /* from outside, from inside */
	bool any_protocol;
	uint8_t protocol; /* its IP number */
	struct pst_range sources[PST_FILTER_ITEMS_MAX], destinations[PST_FILTER_ITEMS_MAX];
	struct pst_port_range source_ports[PST_FILTER_ITEMS_MAX];
	struct pst_port_range destination_ports[PST_FILTER_ITEMS_MAX];
	uint32_t n_sources, n_destinations, n_source_ports, n_destination_ports; /* 0: any */
};

/* Outside endpoints that are a server's inside, port by port. */
struct pst_config_publish {
	char name[PST_NAME_MAX];
	enum pst_proto transport;
	struct pst_endpoint external, internal;
	uint16_t more; /* ports behind the first, of both */
	bool whole; /* all of the addresses; the ports are 0, and there is no transport */
};

struct pst_config_editor {
	char name[PST_NAME_MAX];
	bool enabled;
};

struct pst_config {
	char path[PATH_MAX];

	struct {
		uint32_t main;
		uint32_t workers[PST_WORKERS_MAX];
		uint32_t n_workers; /* default: one */
		uint32_t editors[PST_EDITORS_MAX];
		uint32_t n_editors; /* default: one */
		enum pst_idle idle;
	} lcores;
	struct {
		bool hugepages;
		uint32_t megabytes;
	} memory;

	struct pst_config_iface ifaces[PST_IFACES_MAX];
	uint32_t n_ifaces;
	struct pst_config_route routes[PST_ROUTES_MAX];
	uint32_t n_routes;
	struct pst_prefix internal_networks[PST_NETWORKS_MAX];
	uint32_t n_internal_networks;
	struct pst_config_nat nat;
	struct pst_config_protocol protocols[PST_PROTOCOLS_MAX];
	uint32_t n_protocols;
	struct pst_config_rule rules[PST_RULES_MAX];
	uint32_t n_rules;
	struct pst_config_editor editors[PST_EDITOR_SWITCHES_MAX];
	uint32_t n_editors;
	struct pst_config_publish publish[PST_PUBLISH_MAX];
	uint32_t n_publish;

	struct {
		enum pst_forbidden forbidden_connections;
		uint32_t drain_time; /* seconds */
	} reload;
	char control_socket[108]; /* sun_path's length */
	struct pst_endpoint metrics_listen; /* port 0: nowhere; ip 0: all addresses of the host */
	char log_level[16];
	char log_events[256];	   /* the event log's file; empty: none */
	uint32_t log_kinds;	   /* of it: enum pst_record_kind, a bit for each */
	char log_syslog[108];	   /* empty: none */
	int log_syslog_format;	   /* enum pst_syslog_format */
	char log_ipfix[24];	   /* ADDRESS:PORT; empty: none */
	uint32_t log_ipfix_domain;

	uint32_t n_filters;
	/* of its own, so last: what is before it is comparable. pst_config_fini() */
	struct pst_config_filter *filters;
};
