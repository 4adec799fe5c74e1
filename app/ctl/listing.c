/* SPDX-License-Identifier: BSD-3-Clause */
#include "listing.h"

static const struct pst_cell_column connections[] = {
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "INSIDE", "inside", PST_CELL_TEXT },
	{ "OUTSIDE", "outside", PST_CELL_TEXT },
	{ "REMOTE", "remote", PST_CELL_TEXT },
	{ "STATE", "state", PST_CELL_TEXT },
	{ "PATH", "path", PST_CELL_TEXT },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "PACKETS", "packets", PST_CELL_NUMBER },
	{ "BYTES", "bytes", PST_CELL_BYTES },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "ID", "id", PST_CELL_TEXT },
	{ NULL },
};

static const struct pst_cell_column binds[] = {
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "INSIDE", "inside", PST_CELL_TEXT },
	{ "OUTSIDE", "outside", PST_CELL_TEXT },
	{ "FOR", "remote", PST_CELL_ALL },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "WORKER", "worker", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column listeners[] = {
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "EXTERNAL", "external", PST_CELL_TEXT },
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "PATH", "path", PST_CELL_TEXT },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "FLAGS", "flags", PST_CELL_LIST },
	{ "FILTER", "filter", PST_CELL_FILTER },
	{ NULL },
};

static const struct pst_cell_column filters[] = {
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "EXTERNAL", "external", PST_CELL_TEXT },
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "APPLICATION", "application", PST_CELL_TEXT },
	{ "ADMITS", "admits", PST_CELL_FILTER },
	{ NULL },
};

static const struct pst_cell_column permissions[] = {
	{ "KIND", "kind", PST_CELL_TEXT },
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "TO", "to", PST_CELL_TEXT },
	{ "AT", "at", PST_CELL_TEXT },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "FLAGS", "flags", PST_CELL_LIST },
	{ NULL },
};

static const struct pst_cell_column pools[] = {
	{ "ADDRESS", "address", PST_CELL_TEXT },
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "WORKER", "worker", PST_CELL_NUMBER },
	{ "PORTS", "range", PST_CELL_TEXT },
	{ "USED", "used", PST_CELL_NUMBER },
	{ "FREE", "free", PST_CELL_NUMBER },
	{ "RESTING", "resting", PST_CELL_NUMBER },
	{ "CLIENTS", "clients", PST_CELL_ALL },
	{ NULL },
};

static const struct pst_cell_column clients[] = {
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "OUTSIDE", "outside", PST_CELL_TEXT },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ "PORTS", "ports", PST_CELL_NUMBER },
	{ "BLOCKS", "blocks", PST_CELL_NUMBER },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "WORKER", "worker", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column blocks[] = {
	{ "CLIENT", "client", PST_CELL_TEXT },
	{ "ADDRESS", "address", PST_CELL_TEXT },
	{ "PORTS", "range", PST_CELL_TEXT },
	{ "USED", "used", PST_CELL_NUMBER },
	{ "EXPIRES", "expires_s", PST_CELL_SECONDS },
	{ "WORKER", "worker", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column interfaces[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "ZONE", "zone", PST_CELL_TEXT },
	{ "ADDRESS", "address", PST_CELL_TEXT },
	{ "MAC", "mac", PST_CELL_TEXT },
	{ "LINK", "link", PST_CELL_TEXT },
	{ "MBIT/S", "speed_mbps", PST_CELL_NUMBER },
	{ "MTU", "mtu", PST_CELL_NUMBER },
	{ "RX PACKETS", "rx_packets", PST_CELL_NUMBER },
	{ "RX BYTES", "rx_bytes", PST_CELL_BYTES },
	{ "TX PACKETS", "tx_packets", PST_CELL_NUMBER },
	{ "TX BYTES", "tx_bytes", PST_CELL_BYTES },
	{ "MISSED", "port.imissed", PST_CELL_NUMBER },
	{ "ERRORS", "port.ierrors", PST_CELL_NUMBER },
	{ "NO MBUF", "port.rx_nombuf", PST_CELL_NUMBER },
	{ "DEVICE", "device", PST_CELL_TEXT },
	{ "RSS", "rss", PST_CELL_TEXT },
	{ NULL },
};

static const struct pst_cell_column neighbours[] = {
	{ "ADDRESS", "address", PST_CELL_TEXT },
	{ "MAC", "mac", PST_CELL_TEXT },
	{ "INTERFACE", "interface", PST_CELL_TEXT },
	{ "STATE", "state", PST_CELL_TEXT },
	{ "AGE", "age_s", PST_CELL_SECONDS },
	{ "HELD", "held", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column editors[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "PROTOCOL", "protocol", PST_CELL_TEXT },
	{ "ENABLED", "enabled", PST_CELL_TEXT },
	{ "TCP PORTS", "tcp_ports", PST_CELL_LIST },
	{ "UDP PORTS", "udp_ports", PST_CELL_LIST },
	{ "COUNTERS", "counters", PST_CELL_LIST },
	{ NULL },
};

static const struct pst_cell_column protocols[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "TRANSPORT", "transport", PST_CELL_TEXT },
	{ "PORTS", "ports", PST_CELL_LIST },
	{ "EDITOR", "editor", PST_CELL_TEXT },
	{ "BUILT IN", "built_in", PST_CELL_TEXT },
	{ "ID", "id", PST_CELL_TEXT },
	{ NULL },
};

static const struct pst_cell_column rules[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "ACTION", "action", PST_CELL_TEXT },
	{ "PROTOCOLS", "protocols", PST_CELL_ALL },
	{ "CLIENTS", "clients", PST_CELL_ALL },
	{ "DESTINATIONS", "destinations", PST_CELL_ALL },
	{ "CONNECTIONS", "connections", PST_CELL_NUMBER },
	{ NULL },
};

static const struct pst_cell_column packet_filters[] = {
	{ "NAME", "name", PST_CELL_TEXT },
	{ "ACTION", "action", PST_CELL_TEXT },
	{ "DIRECTION", "direction", PST_CELL_ALL },
	{ "PROTOCOL", "protocol", PST_CELL_ALL },
	{ "SOURCE", "source", PST_CELL_ALL },
	{ "FROM PORTS", "source_ports", PST_CELL_ALL },
	{ "DESTINATION", "destination", PST_CELL_ALL },
	{ "TO PORTS", "destination_ports", PST_CELL_ALL },
	{ "PACKETS", "packets", PST_CELL_NUMBER },
	{ NULL },
};

const struct pst_listing pst_listings[] = {
	{ "interfaces", interfaces, "no interfaces" },
	{ "clients", clients, "no clients", true },
	{ "connections", connections, "no connections", true },
	{ "binds", binds, "no binds", true },
	{ "listeners", listeners, "no listeners", true },
	{ "filters", filters, "no endpoint has a filter", true },
	{ "permissions", permissions, "no permissions", true },
	{ "pools", pools, "no pools", true },
	{ "blocks", blocks, "no client has a block of ports", true },
	{ "drops", NULL, "no drops" },
	{ "neighbours", neighbours, "no neighbours" },
	{ "editors", editors, "no editors" },
	{ "protocols", protocols, "no protocols" },
	{ "rules", rules, "no rules: all outbound traffic is allowed" },
	{ "packet_filters", packet_filters, "no packet filters" },
	{ "config", NULL, NULL },
	{ NULL },
};
