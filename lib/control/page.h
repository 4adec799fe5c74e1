/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The status page: one HTML file that needs no other, made of those in page/ when the program is
 * built (tools/embed). It asks /figures.json and /listeners.json every two seconds.
 */
#pragma once

#include <stddef.h>

extern const char pst_page[];
extern const size_t pst_page_len;
/* Its content security policy: its own style and script by their hashes, and nothing else. */
extern const char pst_page_policy[];
