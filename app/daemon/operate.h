/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control socket is told of the appliance. */
#pragma once

#include "appliance.h"
#include "base/clock.h"
#include "control/server.h"
#include "ports.h"
#include "reload.h"

struct pst_operate {
	struct pst_reload *reload;
	const struct pst_clock *clock;
	uint64_t started;
	struct pst_appliance *appliance;
	struct pst_ports *ports;
	char rss[PST_NET_PORTS][128]; /* by number in ports */
	enum pst_rss_verdict verdict[PST_NET_PORTS];
	struct pst_rss_check base[PST_NET_PORTS]; /* counts of before the last table */
	bool rebase; /* a table was written: count from the next look on */
	struct pst_steer steer;			  /* as the tables have it */
	uint64_t next_look_ms;
};

void pst_operate_init(struct pst_operate *o, struct pst_reload *reload,
	const struct pst_clock *clock, struct pst_appliance *appliance, struct pst_ports *ports);

/*
 * Once a second: write RSS tables anew and log it when runs of ports have moved between workers;
 * log what came of a port's RSS key, when that is known or changes.
 */
void pst_operate_watch(struct pst_operate *o, uint64_t now_ms);

/* How the appliance is, in a line: what it waits for, or what it has. */
void pst_operate_summary(const struct pst_operate *o, char *text, size_t size);

/* Open the control socket. NULL, with a text in error. */
struct pst_control *pst_operate_open(struct pst_operate *o, char *error, size_t size);
/* Another config runs: have it show that. */
void pst_operate_refresh(struct pst_operate *o, const struct pst_config *config,
	struct pst_control *control);
