/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What main knows besides the workers' tables: interfaces, neighbours, editors and
 * protocols. All return a new reference, NULL when there is no memory.
 */
#pragma once

#include "control/params.h"

json_t *pst_known_interfaces(const struct pst_control_view *view);
json_t *pst_known_neighbours(const struct pst_control_view *view);
json_t *pst_known_editors(const struct pst_control_view *view);
json_t *pst_known_protocols(const struct pst_control_view *view);
