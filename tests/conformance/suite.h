/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A conformance test: named by the number of its rule and its claim, in rules.h. A program
 * takes the beginning of names as its argument, to run some of its tests alone.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eal.h"
#include "probe.h"

#define RULE_TESTS(...)                                                                            \
	static int suite_setup(void **state)                                                       \
	{                                                                                          \
		(void)state;                                                                       \
		test_eal_init(1024);                                                                \
		return 0;                                                                          \
	}                                                                                          \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };                                 \
		char pattern[64];                                                                  \
		if (argc > 1) {                                                                    \
			snprintf(pattern, sizeof(pattern), "%s*", argv[1]);                        \
			cmocka_set_test_filter(pattern);                                           \
		}                                                                                  \
		return cmocka_run_group_tests(tests, suite_setup, NULL);                           \
	}

/* What a test keeps: too big for a stack frame with room to spare. */
static struct probe probe;

static inline struct probe *
fresh_probe(void)
{
	memset(&probe, 0, sizeof(probe));
	return &probe;
}

static inline void
hook(struct probe *p, uint32_t editor, uint32_t events, uint16_t first, uint16_t last)
{
	struct pst_hooks *hooks = &p->hooks[editor];

	if (hooks->n == 0) /* the control connection is heard of in any case */
		hooks->list[hooks->n++] = (struct pst_hook){ .events = PST_EVENT_CONNECT_TCP,
			.sources = PST_ALL_SOURCES };
	hooks->list[hooks->n++] = (struct pst_hook){ .events = events,
		.sources = PST_ALL_SOURCES,
		.first = first,
		.last = last };
}
