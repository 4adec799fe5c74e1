/* SPDX-License-Identifier: BSD-3-Clause */
/* Points in time, as RFC 3339 writes them: milliseconds since 1970. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PST_WHEN_TEXT 32

struct pst_when {
	uint64_t ms;
	uint32_t span_ms; /* how much time the text names: a second, or what its fraction says */
};

/*
 * "2026-11-25T08:30:00.125Z", "2026-11-25 08:30:00+01:00"; without a zone it is local time if
 * `local` allows it. False: it is none.
 */
bool pst_when_parse(const char *text, size_t len, bool local, struct pst_when *when);

/* In UTC. */
const char *pst_when_format(uint64_t ms, char text[PST_WHEN_TEXT]);
