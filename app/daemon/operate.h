/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control socket is told of the appliance. */
#pragma once

#include "appliance.h"
#include "base/clock.h"
#include "control/server.h"
#include "ports.h"

struct pst_operate {
	const struct pst_config *config;
	const struct pst_clock *clock;
	struct pst_appliance *appliance;
	struct pst_ports *ports;
	char rss[PST_NET_PORTS][128]; /* by number in ports */
	enum pst_rss_verdict verdict[PST_NET_PORTS];
	uint64_t next_look_ms;
};

void pst_operate_init(struct pst_operate *o, const struct pst_config *config,
	const struct pst_clock *clock, struct pst_appliance *appliance, struct pst_ports *ports);

/* Once a second: log what came of a port's RSS key, when that is known or changes. */
void pst_operate_watch_rss(struct pst_operate *o, uint64_t now_ms);

/* Open the control socket. NULL, with a text in error. */
struct pst_control *pst_operate_open(struct pst_operate *o, char *error, size_t size);
