/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Incremental checksums (RFC 1624), on words as they lie in the packet: the
 * ones' complement sum does not care for byte order (RFC 1071).
 *
 * A delta is the folded sum of (~old + new) of all words that change, so a connection
 * computes it once; the other way round it is the complement.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

/* Two such sums of 32 bits together. */
static inline uint32_t
pst_csum_add32(uint32_t a, uint32_t b)
{
	uint32_t sum = a + b;

	return sum + (sum < b);
}

static inline uint16_t
pst_csum_fold32(uint32_t sum)
{
	/* both halves are in the high one then, and their carry */
	return (sum + (sum << 16 | sum >> 16)) >> 16;
}

static inline uint16_t
pst_csum_fold(uint64_t sum)
{
	return pst_csum_fold32(pst_csum_add32(sum, sum >> 32));
}

/*
 * Is a sum of words, not all of them 0, zero as ones' complement numbers are? Folding keeps
 * the remainder by 65535, and 2^64 leaves 1 too: to be divided by it is one multiplication.
 */
static inline bool
pst_csum_is_zero(uint64_t sum)
{
	return sum * ~UINT64_C(0x0001000100010000) <= UINT64_MAX / 65535;
}

/* Two such sums together. */
static inline uint64_t
pst_csum_join(uint64_t a, uint64_t b)
{
	return a + b + (a + b < a);
}

/* Sum to add for a 32-bit or 16-bit word that changes from old to new. */
static inline uint64_t
pst_csum_change32(uint32_t old, uint32_t new)
{
	return (uint64_t)(uint32_t)~old + new;
}

static inline uint32_t
pst_csum_change16(uint16_t old, uint16_t new)
{
	return UINT16_MAX - (uint32_t)old + new; /* which is ~old, and a sum with others */
}

/* The checksum field after a delta: HC' = ~(~HC + ~m + m') (RFC 1624, eqn. 3). */
static inline uint16_t
pst_csum_apply(uint16_t field, uint16_t delta)
{
	uint32_t sum = (uint16_t)~field + (uint32_t)delta;

	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The same of UDP, where 0 says that there is none (RFC 768). */
static inline uint16_t
pst_csum_apply_udp(uint16_t field, uint16_t delta)
{
	uint16_t sum = pst_csum_apply(field, delta);

	if (field == 0)
		return 0;
	return sum != 0 ? sum : 0xffff;
}

/* The same of both with what is not folded: a sum of 32 bits, and changes of less than 2^18. */
static inline uint16_t
pst_csum_apply_sum(uint16_t field, uint32_t sum, uint32_t more)
{
	return ~pst_csum_fold32(pst_csum_add32(sum, UINT16_MAX - (uint32_t)field + more));
}

static inline uint16_t
pst_csum_apply_sum_udp(uint16_t field, uint32_t sum, uint32_t more)
{
	uint16_t folded = pst_csum_apply_sum(field, sum, more);

	if (field == 0)
		return 0;
	return folded != 0 ? folded : 0xffff;
}

/* Two deltas in one. */
static inline uint16_t
pst_csum_add(uint16_t a, uint16_t b)
{
	uint32_t sum = (uint32_t)a + b;

	return (sum & 0xffff) + (sum >> 16);
}

/* Of a TTL that is one less, in the word with the protocol: the ones' complement of 0x0100. */
#define PST_CSUM_TTL_DELTA ((uint16_t)~RTE_BE16(0x0100))
