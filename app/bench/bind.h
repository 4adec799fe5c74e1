/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bind: round trips of BindForClient between an editor lcore and a worker lcore.
 *
 * A whole appliance of one worker with two ports that nobody sends on but this; the worker's
 * loop is its own, and the calls are made as an editor makes them. Each call is
 * timed alone; its endpoints are killed, and the kills answered, before the next. Measured on
 * two CPUs and on a single one that both lcores share, with an empty pool of 64,512
 * ports and then with more and more of it taken, up to 99 %: one port after the other, at random
 * places, but for five whole blocks of 64.
 */
#pragma once

#include <stdbool.h>

/* Measure and print. 0 or -errno, having said why. */
int pst_bench_bind(bool json, const char *program);
