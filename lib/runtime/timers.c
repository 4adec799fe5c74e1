/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/timers.h"

#include <rte_common.h>

void
timers_init(struct timers *timers)
{
	for (uint32_t i = 0; i < TIMERS_SLOTS; i++)
		LIST_INIT(&timers->slots[i]);
	timers->turn = 0;
}

void
timer_init(struct timer *timer)
{
	timer->at = TIMERS_NEVER;
}

void
timers_set(struct timers *timers, struct timer *timer, uint64_t at_ms)
{
	uint64_t turn;

	if (timer->at == at_ms)
		return;
	if (timer->at != TIMERS_NEVER)
		LIST_REMOVE(timer, of_slot);
	timer->at = at_ms;
	if (at_ms == TIMERS_NEVER)
		return;
	/* never into the slot that is being visited: a round has an end */
	turn = RTE_MAX((at_ms + TIMERS_SLOT_MS - 1) / TIMERS_SLOT_MS, timers->turn + 1);
	turn = RTE_MIN(turn, timers->turn + TIMERS_SLOTS - 1);
	LIST_INSERT_HEAD(&timers->slots[turn % TIMERS_SLOTS], timer, of_slot);
}

uint32_t
timers_poll(struct timers *timers, uint64_t now_ms, uint32_t most,
	void (*visit)(struct timer *timer, void *ctx), void *ctx)
{
	uint32_t n = 0;

	for (; timers->turn <= now_ms / TIMERS_SLOT_MS; timers->turn++) {
		struct timer_list *slot = &timers->slots[timers->turn % TIMERS_SLOTS];
		struct timer *timer;

		while ((timer = LIST_FIRST(slot)) != NULL) {
			if (n++ == most)
				return most;
			LIST_REMOVE(timer, of_slot);
			timer->at = TIMERS_NEVER;
			visit(timer, ctx);
		}
	}
	return n;
}
