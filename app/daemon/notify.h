/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What systemd is told: that the appliance is ready, how it is, that it stops; and that it lives,
 * which is said only while every worker's loop goes round. Main looks four times in the watchdog's
 * time. A worker that hangs is then not spoken for, and neither is a main that hangs, and systemd
 * starts the appliance anew.
 *
 * Editor lcores are not looked at: one that hangs costs its clients their editors and is counted,
 * while connections go on, which a restart would end.
 *
 * A port without a link may keep the appliance from being ready for hours. As long as the workers
 * move meanwhile, systemd is asked for more time to start.
 *
 * Owner: main.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/lcore.h"

/* Does each worker move? */
struct pst_pulse {
	const uint64_t *loops[PST_WORKERS_MAX]; /* what each worker counts */
	uint64_t seen[PST_WORKERS_MAX];
	uint32_t n;
};

/* The first worker whose count is what it was at the last call; n: all have moved. */
uint32_t pst_pulse_still(struct pst_pulse *pulse);

struct pst_notify {
	struct pst_pulse pulse;
	uint64_t interval_ms, next_ms;
	bool ready;
};

/* Behind pulse.loops and pulse.n: how often to look, by what systemd has in the environment. */
void pst_notify_init(struct pst_notify *notify, uint64_t now_ms);
bool pst_notify_is_due(const struct pst_notify *notify, uint64_t now_ms);
/* When due: it lives, if it does; and how it is, in words. */
void pst_notify_poll(struct pst_notify *notify, uint64_t now_ms, const char *status);
void pst_notify_ready(struct pst_notify *notify);
void pst_notify_stopping(struct pst_notify *notify);
