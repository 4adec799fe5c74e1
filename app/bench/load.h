/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Load: BindForClient while the worker forwards at its full rate.
 *
 * The traffic maker sends established flows both ways through an appliance of one worker (as in
 * mode forward), and checks what comes out; an editor lcore on the other CPU, which is main's too,
 * binds and kills as fast as it gets answers, 400 thousand times a second at the most. Slices of
 * ten milliseconds in which the worker did not get full bursts are left out, and in every fourth
 * one nobody calls. What share of the worker's time its serve stage takes is the worker's own
 * account (worker/stats.h); what the calls cost it in packets is the cross-check.
 */
#pragma once

#include <signal.h>

#include "options.h"

/* After the EAL is up, until *stop: measure and print. 0 or -errno, having said why. */
int pst_bench_load(const struct pst_bench_options *options, const char *report,
	const volatile sig_atomic_t *stop);
