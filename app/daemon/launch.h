/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which lcore does what, and how it idles.
 *
 * With "poll" a loop never gives its CPU away. With "sleep" a loop that finds
 * nothing to do pauses, then yields, then sleeps for 50 us at a time: lcores
 * that share a CPU take turns in a fraction of a millisecond.
 */
#pragma once

#include <stdatomic.h>

#include "appliance.h"
#include "base/clock.h"

struct pst_launch {
	struct pst_appliance *appliance;
	const struct pst_config *config;
	const struct pst_clock *clock;
	bool sleeps;
	atomic_bool stop_workers, stop_editors;
	atomic_uint running_workers, running_editors;
};

struct pst_idler {
	uint32_t rounds; /* with nothing to do, in a row */
};

/* One round of a loop is over; it did so much. */
void pst_idle(struct pst_idler *idler, uint32_t done, bool sleeps);

/* Start workers and editors on their lcores. 0 or -errno. */
int pst_launch_start(struct pst_launch *launch);
/* Stop editors, then workers; returns when all their loops have ended. */
void pst_launch_stop(struct pst_launch *launch);
