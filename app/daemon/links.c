/* SPDX-License-Identifier: BSD-3-Clause */
#define PST_LOG_MODULE PST_LOGTYPE_PORTS
#include "links.h"

#include "base/log.h"

static void
say(const char *name, const struct pst_port *port)
{
	if (!port->up)
		PST_LOG(WARNING, "interface %s: link down", name);
	else if (port->mbps == 0)
		PST_LOG(NOTICE, "interface %s: link up", name);
	else
		PST_LOG(NOTICE, "interface %s: link up, %u Mbit/s", name, port->mbps);
}

static void
record(const struct pst_links *links, uint32_t iface, const struct pst_port *port, uint64_t now_ms)
{
	const struct pst_record r = { .time_ms = now_ms,
		.type = port->up ? PST_RECORD_LINK_UP : PST_RECORD_LINK_DOWN,
		.index = iface,
		.number = port->up ? port->mbps : 0 };

	pst_eventlog_add(links->appliance->params.eventlog, &r);
}

/* All interfaces of a port have its link. */
static void
changed(const struct pst_links *links, uint16_t k, uint64_t now_ms)
{
	const struct pst_net *net = &links->appliance->now->net;

	for (uint32_t i = 0; i < net->n_ifaces; i++) {
		if (links->ports->of_iface[i] != k)
			continue;
		say(net->ifaces[i].name, &links->ports->ports[k]);
		record(links, i, &links->ports->ports[k], now_ms);
		pst_appliance_set_link(links->appliance, i, links->ports->ports[k].up, now_ms);
	}
}

void
pst_links_poll(struct pst_links *links, uint64_t now_ms)
{
	if (now_ms < links->next_ms)
		return;
	links->next_ms = now_ms + PST_LINKS_MS;
	for (uint16_t k = 0; k < links->ports->n_ports; k++) {
		struct pst_port *port = &links->ports->ports[k];
		bool was_up = port->up;

		pst_port_look(port);
		if (port->up != was_up)
			changed(links, k, now_ms);
	}
}
