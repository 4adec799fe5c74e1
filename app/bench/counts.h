/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts: what the CPU's own counters say of a thread, where there are any.
 *
 * Cycles, instructions and misses of the last-level cache, of the program and not of the kernel,
 * counted all the time or not at all: a counter that others have in turns tells nothing of a
 * window. Many virtual machines have none.
 *
 * Owner: the thread that opened them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct perf_event_attr;

enum pst_count {
	PST_COUNT_CYCLES,
	PST_COUNT_INSTRUCTIONS,
	PST_COUNT_MISSES,
	PST_COUNTS,
};

struct pst_counts {
	uint64_t of[PST_COUNTS];
};

/* Count for the calling thread until it ends. A file, or -errno: -ENOENT where there are none. */
int pst_counts_open(void);
/* The same with PST_COUNTS other events. */
int pst_counts_open_events(const struct perf_event_attr *events);

/* What was counted so far; false, and zeros, for no file (0 is none either), or none of it. */
bool pst_counts_read(int fd, struct pst_counts *counts);
