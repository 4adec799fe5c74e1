/* SPDX-License-Identifier: BSD-3-Clause */
/* "Did you mean": the known name that is nearest to a mistyped one. Needs libc only. */
#pragma once

/* names ends with NULL. NULL when nothing is near enough to be meant. */
const char *pst_nearest(const char *name, const char *const *names);
