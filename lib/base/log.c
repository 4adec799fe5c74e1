/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <string.h>

int pst_logtypes[PST_LOGTYPE_COUNT];

void
pst_log_init(uint32_t level)
{
	static const char *const names[PST_LOGTYPE_COUNT] = {
#define X(id, name) [PST_LOGTYPE_##id] = "postern." #name,
		PST_LOGTYPES(X)
#undef X
	};

	for (int i = 0; i < PST_LOGTYPE_COUNT; i++)
		pst_logtypes[i] = rte_log_register_type_and_pick_level(names[i], level);
}

void
pst_log_set_level(uint32_t level)
{
	for (int i = 0; i < PST_LOGTYPE_COUNT; i++)
		rte_log_set_level(pst_logtypes[i], level);
}

uint32_t
pst_log_level_of(const char *name)
{
	static const struct {
		const char *name;
		uint32_t level;
	} levels[] = { { "error", RTE_LOG_ERR }, { "warning", RTE_LOG_WARNING },
		{ "notice", RTE_LOG_NOTICE }, { "info", RTE_LOG_INFO }, { "debug", RTE_LOG_DEBUG } };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].name, name) == 0)
			return levels[i].level;
	}
	return RTE_LOG_INFO;
}
