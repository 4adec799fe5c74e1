/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

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
