/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines: one log type a module, "postern.<module>".
 *
 * A source file names its module before it includes this:
 *	#define PST_LOG_MODULE PST_LOGTYPE_NAT
 * The packet path does not log, it counts.
 */
#pragma once

#include <rte_log.h>

/* clang-format off */
#define PST_LOGTYPES(X) \
	X(MAIN, main) \
	X(NAT, nat) \
	X(WORKER, worker) \
	X(RUNTIME, runtime) \
	X(EDITOR, editor) \
	X(CONFIG, config) \
	X(CONTROL, control) \
	X(PORTS, ports)
/* clang-format on */

enum pst_logtype {
#define X(id, name) PST_LOGTYPE_##id,
	PST_LOGTYPES(X)
#undef X
	PST_LOGTYPE_COUNT,
};

extern int pst_logtypes[PST_LOGTYPE_COUNT];

#define PST_LOG(level, fmt, ...)                                                                   \
	rte_log(RTE_LOG_##level, pst_logtypes[PST_LOG_MODULE], "postern: " fmt "\n", ##__VA_ARGS__)

/* Register the log types at a level (RTE_LOG_INFO ...). Call after the EAL is up. */
void pst_log_init(uint32_t level);
/* From now on. */
void pst_log_set_level(uint32_t level);
/* Of a name in the config; RTE_LOG_INFO for others. */
uint32_t pst_log_level_of(const char *name);
