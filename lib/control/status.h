/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the lcores count, as JSON. All return a new reference, NULL when there is no
 * memory.
 */
#pragma once

#include "control/params.h"

json_t *pst_status(const struct pst_control_view *view);
/* By reason: in all, of each worker, of each editor lcore, of main. */
json_t *pst_status_drops(const struct pst_control_view *view);
