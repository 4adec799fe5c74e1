/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration in force as JSON, with the config file's own keys and every default
 * filled in. All return a new reference, NULL when there is no memory.
 */
#pragma once

#include "control/params.h"

json_t *pst_settings(const struct pst_control_view *view);
json_t *pst_settings_rules(const struct pst_control_view *view);
json_t *pst_settings_filters(const struct pst_control_view *view);

/* Parts of it, without their name. */
json_t *pst_settings_interface(const struct pst_config_iface *iface);
json_t *pst_settings_protocol(const struct pst_config_protocol *protocol);
json_t *pst_settings_guid(const struct pst_guid *guid);
