/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The metrics as commands of DPDK's telemetry, which dpdk-telemetry.py and collectors know.
 *
 *	/postern/connections        {"0": {"worker": "0", "value": 12}, "1": ...}
 *	/postern/ports_used,100     rows from that number on: an answer has 100 at most
 *	/postern/bind_seconds       a histogram's rows say of which "series" they are: "bucket"
 *
 * Rows have numbers, as telemetry has no lists of objects (22.11), and keys without dots.
 * They are the table of metrics.h, without "postern_" and what text forms add: the same numbers.
 * What is no whole number is text, as telemetry has no others.
 *
 * Telemetry's own threads run them; they ask main for a sample.
 */
#pragma once

#include "control/sampler.h"

#define PST_TELEMETRY_ROWS 100

/* Once a program: commands can't be taken back. 0, or -errno. */
int pst_telemetry_register(struct pst_sampler *sampler);
/* The sampler, which was closed, is going away: from now on commands fail. */
void pst_telemetry_forget(void);
