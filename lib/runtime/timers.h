/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers: which streams are due, to a few milliseconds.
 *
 * A wheel of short slots. Arming and cancelling cost the same however many there are, and a
 * round visits only what is due or stands further off than the wheel goes round: so
 * clients that stop in the middle of a line, each with a timer running, do not slow
 * the others down.
 *
 * Owner: one editor lcore.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#define TIMERS_SLOT_MS 8
#define TIMERS_SLOTS 256
#define TIMERS_NEVER UINT64_MAX

/* Embedded in what it is of; timer_init() first. */
struct timer {
	LIST_ENTRY(timer) of_slot;
	uint64_t at; /* TIMERS_NEVER: not armed */
};

LIST_HEAD(timer_list, timer);

struct timers {
	struct timer_list slots[TIMERS_SLOTS];
	uint64_t turn; /* of the slot that is visited next */
};

void timers_init(struct timers *timers);
void timer_init(struct timer *timer);

/* Visit it at this time from now on; TIMERS_NEVER cancels. */
void timers_set(struct timers *timers, struct timer *timer, uint64_t at_ms);

/*
 * Visit what is due, at most `most` of them. A timer is not armed when it is
 * visited, and may be visited early: it is for the visitor to look and to arm it again.
 * Returns how many were visited.
 */
uint32_t timers_poll(struct timers *timers, uint64_t now_ms, uint32_t most,
	void (*visit)(struct timer *timer, void *ctx), void *ctx);
