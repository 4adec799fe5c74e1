/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random numbers from a seed: one generator a lcore, so that a test can
 * replay. xoshiro256** seeded from the system's entropy in production.
 */
#pragma once

#include <stdint.h>

struct pst_rng {
	uint64_t s[4];
};

static inline uint64_t
pst_rng_rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* Seed by splitmix64, so that any seed will do. */
static inline void
pst_rng_init(struct pst_rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = (seed += 0x9e3779b97f4a7c15);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		rng->s[i] = z ^ (z >> 31);
	}
}

static inline uint64_t
pst_rng_next(struct pst_rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t result = pst_rng_rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = pst_rng_rotl(s[3], 45);
	return result;
}

/* A number below n (n > 0), with no bias that matters at n < 2^32. */
static inline uint32_t
pst_rng_below(struct pst_rng *rng, uint32_t n)
{
	return ((pst_rng_next(rng) >> 32) * n) >> 32;
}
