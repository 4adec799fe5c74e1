/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The editor of the benches: it takes note of its one session, for whose client they then bind.
 *
 * Owner: the editor lcore.
 */
#pragma once

#include "pst_editor.h"

#define PST_NOTER_PORT 4700 /* TCP: a connection to there begins the session */

extern const struct pst_guid pst_noter_protocol;
/* The one list of editors, for an appliance. */
extern const struct pst_editor *const pst_noter_editors[];

/* The session, or NULL: there is none. */
struct pst_session *pst_noter_session(void);
