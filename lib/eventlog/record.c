/* SPDX-License-Identifier: BSD-3-Clause */
#include "eventlog/record.h"

#include <stddef.h>

const char *const pst_record_kinds[PST_RECORD_N_KINDS + 1] = {
#define X(id, name) name,
	PST_RECORD_KINDS(X)
#undef X
		NULL,
};

const char *const pst_record_types[PST_RECORD_N_TYPES] = {
#define X(id, kind, name) name,
	PST_RECORD_TYPES(X)
#undef X
};

const uint8_t pst_record_kind_of[PST_RECORD_N_TYPES] = {
#define X(id, kind, name) PST_RECORD_##kind##_BIT,
	PST_RECORD_TYPES(X)
#undef X
};
