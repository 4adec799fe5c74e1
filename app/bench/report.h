/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Report of a run: totals over all queues, and one line of JSON.
 */
#pragma once

#include <stdint.h>

/* Frames handed out, and frames that came back, so far. */
uint64_t pst_report_made(void);
uint64_t pst_report_seen(void);

/* Write the report. failure says why there are no figures, or is NULL. Returns 0 or -1. */
int pst_report_write(const char *failure);
