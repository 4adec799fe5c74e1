/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Links: main looks at each port once a second. What it finds changed goes to the log and to
 * the appliance, for all interfaces of the port: announced when it is up, forgotten when down.
 */
#pragma once

#include "appliance.h"
#include "ports.h"

#define PST_LINKS_MS 1000

struct pst_links {
	struct pst_ports *ports; /* up and mbps of each are kept here */
	struct pst_appliance *appliance;
	uint64_t next_ms;
};

void pst_links_poll(struct pst_links *links, uint64_t now_ms);
