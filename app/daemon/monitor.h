/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What watches the appliance from outside: DPDK's telemetry, and HTTP where the config says so.
 * Owner: main.
 */
#pragma once

#include "config/config.h"
#include "control/http.h"
#include "control/server.h"

struct pst_monitor {
	struct pst_sampler *sampler;
	struct pst_http *http; /* NULL: nowhere */
};

/* 0, or -errno with a text in error. */
int pst_monitor_open(
	struct pst_monitor *m, const struct pst_config *config, char *error, size_t size);
/* Once a round. How much there was to do. */
unsigned int pst_monitor_poll(struct pst_monitor *m, const struct pst_control *control);
/* Before the control socket is closed. Nothing, if it was not opened. */
void pst_monitor_close(struct pst_monitor *m, const struct pst_control *control);
