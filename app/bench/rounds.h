/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds: how long an lcore's loop takes each time, and whether the lcore had its CPU meanwhile.
 *
 * Each round of the loop is timed by the TSC, as it is what a packet may have to wait for. All are
 * kept, so the quantiles are exact. Rounds come in stretches of half a millisecond. Of a stretch is
 * noted whether the CPU was taken away in it: the thread's own clock stood for a while (another
 * thread ran, or the host had another guest run), or an interrupt came, be it the timer's tick.
 * What counts are the stretches that were left alone, with the two before them: whoever was there
 * leaves a cold cache. How long the rounds took has no part in that.
 *
 * Interrupts show in a segment register. ES has no use in 64-bit code, and whatever null selector
 * is in it, the CPU makes it 0 when an interrupt returns to the program; a system call does not.
 * A CPU that returns in another way shows no interrupt.
 *
 * What else stops a virtual CPU nobody in it can see. So behind each stretch there are some rounds
 * in which the lcore does nothing but look at the TSC, as long as its last one: a stretch of its
 * own, judged alike. How much longer these take is the machine's part.
 *
 * Owner: the lcore whose loop it is. They are gathered when it has stopped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_cycles.h>

#define PST_ROUNDS_MOST (1u << 22)
#define PST_ROUNDS_STRETCHES (1u << 17)
#define PST_ROUNDS_STRETCHES_A_SECOND 2000
#define PST_ROUNDS_WAITS 8 /* behind a stretch */

struct pst_stretch {
	uint32_t end; /* rounds up to it, from the first stretch on */
	uint32_t window; /* of the meter, that it is in */
	bool waits; /* nothing but looks at the TSC */
	bool taken; /* the CPU was, at least once */
};

struct pst_round_log {
	uint64_t round_start, stretch_start; /* TSC */
	uint64_t wall_ns, cpu_ns; /* when the stretch began */
	uint64_t stretch_ticks; /* how long one is; the owner says */
	uint32_t n, n_stretches;
	struct pst_stretch stretches[PST_ROUNDS_STRETCHES];
	uint32_t ticks[PST_ROUNDS_MOST];
};

/* TSC ticks a round. */
struct pst_rounds {
	uint32_t n;
	uint32_t p50, p99, p999, p9999, max;
};

enum pst_rounds_kind {
	PST_ROUNDS_LOOP, /* of the loop, left alone */
	PST_ROUNDS_IDLE, /* waits, left alone */
	PST_ROUNDS_EVERY, /* of the loop, left alone or not */
};

/* A stretch begins, and a round. */
void pst_rounds_begin(struct pst_round_log *log);
/* The stretch ends with the last round. */
void pst_rounds_end(struct pst_round_log *log, uint32_t window, bool waits);
/* Behind a stretch: wait in rounds as long as the last two, or the shorter of these. */
void pst_rounds_wait(struct pst_round_log *log, uint32_t window);

/* A round ends, and the next one begins. True: so may the stretch. */
static inline bool
pst_rounds_next(struct pst_round_log *log)
{
	uint64_t now = rte_rdtsc();

	if (likely(log->n < PST_ROUNDS_MOST))
		log->ticks[log->n++] = RTE_MIN(now - log->round_start, UINT32_MAX);
	log->round_start = now;
	return now - log->stretch_start >= log->stretch_ticks;
}

/* Those in quiet windows, of which there are so many; `to` has room for all. Returns how many. */
uint32_t pst_rounds_gather(const struct pst_round_log *log, enum pst_rounds_kind kind,
	const bool *quiet, uint32_t windows, uint32_t *to);
/* How many stretches of the loop there are in quiet windows, and how many were left alone. */
void pst_rounds_count(const struct pst_round_log *log, const bool *quiet, uint32_t windows,
	uint32_t *stretches, uint32_t *left);
/* The quantiles of n of them, which are sorted on the way. */
void pst_rounds_sum(uint32_t *ticks, uint32_t n, struct pst_rounds *sum);
