/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walks: from a sample to the numbers of one metric, each with its labels. The metric's offset
 * says what a walk takes, where several share one.
 */
#pragma once

#include "control/metrics.h"

/* What a metric's numbers are called behind its name; a histogram's say so themselves. */
const char *pst_walk_suffix(const struct pst_metric *m);

#define PST_WALK(name)                                                                             \
	void pst_walk_##name(const struct pst_metric *m, const struct pst_sample *s,               \
		pst_metric_put put, void *ctx)

/* A word of struct pst_sample, 64 bits, 32, or a double. */
PST_WALK(one);
PST_WALK(short);
PST_WALK(real);

/* The packet account; of the sums by reason, each reason. */
PST_WALK(held);
PST_WALK(dropped);
PST_WALK(consumed);
PST_WALK(originated);

/* By interface: a word of struct pst_sample_iface, also if its port counts; what has a type. */
PST_WALK(ifaces);
PST_WALK(ports);
PST_WALK(up);
PST_WALK(speed);
PST_WALK(mtu);

/* By worker: a word of struct pst_worker_stats; cycles (stats.h), also by stage; the load. */
PST_WALK(workers);
PST_WALK(busy);
PST_WALK(cycles);
PST_WALK(stages);
PST_WALK(load);

/* By editor lcore: a word of struct pst_editor_stats, how long binds took; what editors count. */
PST_WALK(editors);
PST_WALK(latencies);
PST_WALK(events);

/* By outside address and protocol. */
PST_WALK(ports_used);
PST_WALK(ports_limit);

PST_WALK(mempools_used);
PST_WALK(mempools_limit);
PST_WALK(ready);
PST_WALK(uptime);
PST_WALK(build);
