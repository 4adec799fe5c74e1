/* SPDX-License-Identifier: BSD-3-Clause */
/* One line for "fail, and say why". */
#pragma once

#include <stddef.h>

#include <rte_errno.h>

/* NULL, with rte_errno set to err (positive). */
static inline void *
pst_null(int err)
{
	rte_errno = err;
	return NULL;
}
