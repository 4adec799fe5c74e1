/* SPDX-License-Identifier: BSD-3-Clause */
#include "rounds.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOST_NS 2000 /* more than the two clocks can differ by */
#define BEFORE 2     /* stretches before one that have to be left alone too */
#define NULL_SELECTOR 1 /* null with any privilege level; not 0, which is what it becomes */

static uint64_t
read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
watch_interrupts(void)
{
	__asm__ volatile("movw %w0, %%es" : : "r"(NULL_SELECTOR));
}

static bool
was_interrupted(void)
{
	uint16_t selector;

	__asm__ volatile("movw %%es, %w0" : "=r"(selector));
	return selector != NULL_SELECTOR;
}

void
pst_rounds_begin(struct pst_round_log *log)
{
	log->wall_ns = read_ns(CLOCK_MONOTONIC);
	log->cpu_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
	watch_interrupts();
	log->stretch_start = log->round_start = rte_rdtsc();
}

void
pst_rounds_end(struct pst_round_log *log, uint32_t window, bool waits)
{
	bool interrupted = was_interrupted();
	uint64_t cpu_ns = read_ns(CLOCK_THREAD_CPUTIME_ID) - log->cpu_ns;
	uint64_t wall_ns = read_ns(CLOCK_MONOTONIC) - log->wall_ns;

	if (log->n_stretches == PST_ROUNDS_STRETCHES)
		return;
	log->stretches[log->n_stretches++] = (struct pst_stretch){
		.end = log->n,
		.window = window,
		.waits = waits,
		.taken = interrupted || wall_ns > cpu_ns + LOST_NS,
	};
}

static uint32_t
start_of(const struct pst_round_log *log, uint32_t i)
{
	return i == 0 ? 0 : log->stretches[i - 1].end;
}

void
pst_rounds_wait(struct pst_round_log *log, uint32_t window)
{
	uint64_t length;

	if (log->n_stretches == 0 || log->n < start_of(log, log->n_stretches - 1) + 2)
		return;
	length = RTE_MIN(log->ticks[log->n - 1], log->ticks[log->n - 2]);
	pst_rounds_begin(log);
	for (uint32_t i = 0; i < PST_ROUNDS_WAITS; i++) {
		while (rte_rdtsc() - log->round_start < length)
			;
		pst_rounds_next(log);
	}
	pst_rounds_end(log, window, true);
}

static bool
is_left_alone(const struct pst_round_log *log, uint32_t i)
{
	for (uint32_t k = i - RTE_MIN(i, (uint32_t)BEFORE); k <= i; k++)
		if (log->stretches[k].taken)
			return false;
	return true;
}

static bool
is_wanted(const struct pst_round_log *log, uint32_t i, enum pst_rounds_kind kind)
{
	if (log->stretches[i].waits != (kind == PST_ROUNDS_IDLE))
		return false;
	return kind == PST_ROUNDS_EVERY || is_left_alone(log, i);
}

uint32_t
pst_rounds_gather(const struct pst_round_log *log, enum pst_rounds_kind kind, const bool *quiet,
	uint32_t windows, uint32_t *to)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < log->n_stretches; i++) {
		const struct pst_stretch *s = &log->stretches[i];
		uint32_t start = start_of(log, i);

		if (s->window >= windows || !quiet[s->window] || !is_wanted(log, i, kind))
			continue;
		memcpy(&to[n], &log->ticks[start], (s->end - start) * sizeof(*to));
		n += s->end - start;
	}
	return n;
}

void
pst_rounds_count(const struct pst_round_log *log, const bool *quiet, uint32_t windows,
	uint32_t *stretches, uint32_t *left)
{
	for (uint32_t i = 0; i < log->n_stretches; i++) {
		const struct pst_stretch *s = &log->stretches[i];

		if (s->window >= windows || !quiet[s->window])
			continue;
		*stretches += is_wanted(log, i, PST_ROUNDS_EVERY);
		*left += is_wanted(log, i, PST_ROUNDS_LOOP);
	}
}

static int
by_ticks(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t
quantile(const uint32_t *sorted, uint32_t n, double q)
{
	return sorted[(uint32_t)(q * (n - 1) + 0.5)];
}

void
pst_rounds_sum(uint32_t *ticks, uint32_t n, struct pst_rounds *sum)
{
	*sum = (struct pst_rounds){ .n = n };
	if (n == 0)
		return;
	qsort(ticks, n, sizeof(*ticks), by_ticks);
	sum->p50 = quantile(ticks, n, 0.5);
	sum->p99 = quantile(ticks, n, 0.99);
	sum->p999 = quantile(ticks, n, 0.999);
	sum->p9999 = quantile(ticks, n, 0.9999);
	sum->max = ticks[n - 1];
}
