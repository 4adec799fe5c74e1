/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking: posternctl looks for connections while the worker forwards at its full rate.
 *
 * The traffic maker sends established flows both ways through an appliance of one worker (as in
 * mode forward), and checks what comes out. On the other CPU main serves the control socket, and
 * the program itself, with all that it does from its start to its end, asks one question after
 * the other. How long that took is the wall clock's word. What it took of the worker is the
 * worker's account: of the serve stage, in which tables are walked, in one loop of 64, and of the
 * walks alone, exactly; both against the TSC ticks that went by between two questions. And what
 * packets say: how many came in that time, beside those while nobody asked.
 */
#pragma once

#include <signal.h>

#include "options.h"

/* After the EAL is up, until *stop: measure and print. 0 or -errno, having said why. */
int pst_bench_ask(const struct pst_bench_options *options, const char *report,
	const volatile sig_atomic_t *stop);
