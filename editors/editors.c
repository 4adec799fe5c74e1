/* SPDX-License-Identifier: BSD-3-Clause */
#include "editors.h"

#include <stddef.h>

const struct pst_editor *const pst_editors[] = {
	NULL,
};
