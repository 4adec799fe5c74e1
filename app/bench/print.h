/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What postern-bench prints: the traffic maker's report, and where packets were dropped.
 */
#pragma once

#include "options.h"
#include "pipeline.h"
#include "worker/stats.h"

struct pst_bench_result {
	struct pst_account account;
	struct pst_pipeline_memory memory;
	struct pst_pipeline_turnover turnover; /* mode setup */
};

/* Returns 0 when nothing was lost or wrong, else -1. */
int pst_bench_print(const struct pst_bench_options *options, const char *report,
	const struct pst_bench_result *result);
