/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Incremental checksums (RFC 1624), on words as they lie in the packet: the
 * ones' complement sum does not care for byte order (RFC 1071).
 *
 * A delta is the folded sum of (~old + new) of all words that change, so a connection
 * computes it once; the other way round it is the complement.
 */
#pragma once

#include <stdint.h>

static inline uint16_t
pst_csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Sum to add for a 32-bit or 16-bit word that changes from old to new. */
static inline uint64_t
pst_csum_change32(uint32_t old, uint32_t new)
{
	return (uint64_t)(uint32_t)~old + new;
}

static inline uint64_t
pst_csum_change16(uint16_t old, uint16_t new)
{
	return (uint64_t)(uint16_t)~old + new;
}

/* The checksum field after a delta: HC' = ~(~HC + ~m + m') (RFC 1624, eqn. 3). */
static inline uint16_t
pst_csum_apply(uint16_t field, uint16_t delta)
{
	uint32_t sum = (uint16_t)~field + (uint32_t)delta;

	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}
