/* SPDX-License-Identifier: BSD-3-Clause */
/* The event log may hold anything, cut anywhere: an answer fits what it says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUTSIDE 0xc633640a
#define DAY_MS UINT64_C(1795564800000)

static void
check(const struct pst_history *h, uint8_t protocol, uint64_t at_ms)
{
	struct pst_history_answer a;

	pst_history_ask(h, OUTSIDE, 40001, protocol, at_ms, &a);
	if (a.verdict == PST_HISTORY_UNKNOWN && a.reason[0] == 0)
		abort();
	if (a.next_ms <= at_ms || a.until_ms <= at_ms)
		abort();
	if (a.since_ms != PST_HISTORY_NO_TIME && a.since_ms > at_ms)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t protocols[] = { 1, 6, 17 };
	struct pst_history *h = pst_history_create(OUTSIDE, size % 2 == 0 ? 40001 : 0);
	const char *at = (const char *)data, *end = at + size;

	if (h == NULL)
		abort();
	while (at < end) {
		const char *newline = memchr(at, '\n', end - at);
		size_t len = (newline != NULL ? newline : end) - at;

		if (!pst_history_line(h, at, len))
			abort();
		at += len + 1;
	}
	pst_history_finish(h);
	for (int i = 0; i < 48; i++)
		check(h, protocols[i % 3], DAY_MS + UINT64_C(1800000) * i);
	pst_history_destroy(h);
	return 0;
}
