/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow table: from a key's hash to the number of an entry elsewhere.
 *
 * A bucket is one cache line: ten 16-bit signatures, compared at once, and
 * ten values. Keys stay with the entries: the caller's match says whether a value
 * is the one, and reads there the cache line it wants anyway. So a packet costs two
 * cold lines, both prefetched for the whole burst. A bucket that is full goes
 * on in another, from a reserve: one for five home buckets, where keys that nobody aims need 0.184.
 * It can be used up all the same, so whoever adds asks for room first.
 *
 * A full table has eight values in a bucket on average: one value in twenty lies in the
 * reserve, and a value costs 9.6 bytes. Home buckets are found by a
 * multiplication, so their number need not be a power of two.
 *
 * Against rte_hash (32 keys at once, then the session's line): `tools/bench --hash`.
 *
 * The hash is a keyed multiply-and-fold of two words, so that nobody outside can aim at one
 * bucket. Owner: one lcore.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define PST_FLOW_SLOTS 10
#define PST_FLOW_NONE UINT32_MAX

struct pst_flow_key {
	uint64_t a, b;
};

struct pst_flow_bucket {
	uint16_t sig[PST_FLOW_SLOTS]; /* 0: empty */
	uint32_t value[PST_FLOW_SLOTS];
	uint32_t next; /* bucket of the reserve, 0: none */
} __rte_cache_aligned;
_Static_assert(sizeof(struct pst_flow_bucket) == 64, "one cache line");

struct pst_flowtable {
	struct pst_flow_bucket *buckets; /* the home buckets, then the reserve */
	uint64_t seed[2];
	uint32_t home;	/* buckets before the reserve */
	uint32_t free;	/* first free bucket of the reserve, 0: none */
	uint32_t spare; /* how many are free */
	uint32_t count, capacity;
};

/* Room for `capacity` values. 0 or -ENOMEM. */
int pst_flowtable_init(struct pst_flowtable *t, uint32_t capacity, uint64_t seed, int socket);
void pst_flowtable_fini(struct pst_flowtable *t);

/* Can n more values be added, wherever they fall? */
static inline bool
pst_flowtable_has_room(const struct pst_flowtable *t, uint32_t n)
{
	return t->spare >= n && t->capacity - t->count >= n;
}

/* Add a value that is not in it. There is room. */
void pst_flowtable_add(struct pst_flowtable *t, uint64_t hash, uint32_t value);
/* Take out a value that is in it. */
void pst_flowtable_del(struct pst_flowtable *t, uint64_t hash, uint32_t value);

static inline uint64_t
pst_flow_hash(const struct pst_flowtable *t, struct pst_flow_key key)
{
	__uint128_t m = (__uint128_t)(key.a ^ t->seed[0]) * (key.b ^ t->seed[1]);
	uint64_t h = (uint64_t)m ^ (uint64_t)(m >> 64);

	/* once more, by a constant: either word alone may be zero */
	m = (__uint128_t)(h ^ key.a) * 0x9e3779b97f4a7c15;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline struct pst_flow_bucket *
pst_flow_home(const struct pst_flowtable *t, uint64_t hash)
{
	return &t->buckets[((hash & UINT32_MAX) * t->home) >> 32];
}

static inline uint16_t
pst_flow_sig(uint64_t hash)
{
	return (hash >> 48) | 1;
}

static inline void
pst_flow_prefetch(const struct pst_flowtable *t, uint64_t hash)
{
	rte_prefetch0(pst_flow_home(t, hash));
}

/* Bit i is set where slot i has the signature. */
static inline uint32_t
pst_flow_hits(const struct pst_flow_bucket *b, uint16_t sig)
{
#if defined(__SSE2__)
	__m128i want = _mm_set1_epi16(sig);
	__m128i first = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->sig), want);
	__m128i rest = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->sig + 1), want);

	/* what follows the signatures in the second word is not looked at */
	return _mm_movemask_epi8(_mm_packs_epi16(first, rest)) & ((1u << PST_FLOW_SLOTS) - 1);
#else
	uint32_t hits = 0;

	for (unsigned int i = 0; i < PST_FLOW_SLOTS; i++)
		hits |= (b->sig[i] == sig ? 1u : 0u) << i;
	return hits;
#endif
}

/* The first value of a home bucket with this signature: what to prefetch. */
static inline uint32_t
pst_flow_guess(const struct pst_flow_bucket *b, uint16_t sig)
{
	uint32_t hits = pst_flow_hits(b, sig);

	return hits != 0 ? b->value[__builtin_ctz(hits)] : PST_FLOW_NONE;
}

/* The value that match() takes for the key, or PST_FLOW_NONE. match is inlined. */
static __rte_always_inline uint32_t
pst_flow_find(const struct pst_flowtable *t, uint64_t hash,
	bool (*match)(const void *ctx, uint32_t value, struct pst_flow_key key), const void *ctx,
	struct pst_flow_key key)
{
	const struct pst_flow_bucket *b = pst_flow_home(t, hash);
	uint16_t sig = pst_flow_sig(hash);

	for (;;) {
		uint32_t hits = pst_flow_hits(b, sig);

		while (hits != 0) {
			unsigned int i = __builtin_ctz(hits);

			if (likely(match(ctx, b->value[i], key)))
				return b->value[i];
			hits &= hits - 1;
		}
		if (likely(b->next == 0))
			return PST_FLOW_NONE;
		b = &t->buckets[b->next];
	}
}
