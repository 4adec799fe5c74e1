/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From struct pst_config back to JSON: the config in force, with every default
 * filled in. Loading what comes out gives the same struct.
 */
#pragma once

#include <jansson.h>

#include "config/config.h"

/* A new reference; NULL when there is no memory. */
json_t *pst_config_to_json(const struct pst_config *config);
