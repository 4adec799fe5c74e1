/* SPDX-License-Identifier: BSD-3-Clause */
/* The one list of editors. */
#pragma once

#include "pst_editor.h"

/* All editors that are built in, NULL at the end. */
extern const struct pst_editor *const pst_editors[];
