/* SPDX-License-Identifier: BSD-3-Clause */
/* Amounts for people: three digits or so, and a unit. */
#pragma once

#include <stdint.h>

#define PST_FORMAT_MAX 32

/* "512 B", "1.50 kB", "23.4 MB" */
const char *pst_format_bytes(char text[PST_FORMAT_MAX], uint64_t bytes);
/* "45 s", "12 min 05 s", "3 h 07 min", "4 d 02 h" */
const char *pst_format_seconds(char text[PST_FORMAT_MAX], uint64_t seconds);
