/* SPDX-License-Identifier: BSD-3-Clause */
#include "portpool.h"

#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "base/err.h"
#include "base/lcore.h"
#include "base/rng.h"

#define WORD_BITS 64
#define WORDS_MAX (65536 / WORD_BITS)
#define SUMMARIES (WORDS_MAX / WORD_BITS)
#define EVEN_BITS 0x5555555555555555 /* ports of a word start even */

#define TICK_SHIFT 4	/* rest is kept in ticks of 16 ms: 32 bits do for a year */
#define RECENTS 64	/* clients whose last port is remembered */
#define EXPIRE_BURST 16 /* rests ended in a call, beyond what it took or put */
#define RESTING_TRIES 8 /* runs compared when only resting ones are left */

enum parity {
	EVEN,
	ODD,
	PARITIES,
};

struct word {
	uint64_t taken; /* one bit a port; set out of range too */
	uint64_t busy;	/* taken, or resting */
};

/* A resting port, in the list of its parity. Ends point at themselves. */
struct rest {
	uint32_t client;
	uint32_t until; /* ticks */
	uint16_t prev, next;
};

struct pst_port_rests {
	uint16_t first, last;
	struct rest of[]; /* by port - first */
};

struct rest_list {
	uint16_t head, tail; /* the longest and the shortest resting */
	uint32_t count;
};

struct pst_portpool {
	const struct pst_lcore_role *owner;
	uint32_t first, last;
	uint32_t base; /* port of bit 0 of words[0] */
	uint32_t n_words;
	uint32_t used, size; /* ports, of the runs it has */
	uint64_t runs;
	uint8_t run_list[PST_PORT_RUNS];
	uint32_t n_runs;
	uint32_t quarantine_ms;
	uint64_t words_read;
	/* one bit a word, set when it has no port of this parity to give */
	uint64_t full[PARITIES][SUMMARIES];
	uint32_t open_words[PARITIES]; /* bits that are not set */
	struct rest_list lists[PARITIES];
	uint16_t recent[RECENTS]; /* by client: its last resting port, perhaps */
	struct rest *rest;	  /* by port - first; NULL without quarantine */
	struct pst_port_rests *own_rests;
	struct word words[];	  /* and one behind the last, all taken */
};

/* The bits of a word from `bit` on, `n` of them (1 to 64). */
static inline uint64_t
bits(uint32_t bit, uint32_t n)
{
	return (UINT64_MAX >> (WORD_BITS - n)) << bit;
}

static inline uint64_t
parity_bits(enum parity parity)
{
	return (uint64_t)EVEN_BITS << parity;
}

static inline uint32_t
recent_slot(uint32_t client)
{
	return (client * 0x9e3779b1u) >> 26;
}

static inline void
update_summary(struct pst_portpool *pool, uint32_t w)
{
	uint64_t open = ~pool->words[w].busy, bit = UINT64_C(1) << (w % WORD_BITS);

	for (int p = EVEN; p < PARITIES; p++) {
		uint64_t *sum = &pool->full[p][w / WORD_BITS];
		bool was_open = (*sum & bit) == 0, is_open = (open & parity_bits(p)) != 0;

		*sum = is_open ? *sum & ~bit : *sum | bit;
		pool->open_words[p] += is_open - was_open;
	}
}

struct pst_port_rests *
pst_port_rests_create(uint16_t first, uint16_t last, int socket)
{
	struct pst_port_rests *rests;

	if (first > last)
		return pst_null(EINVAL);
	rests = rte_zmalloc_socket("pst_port_rests",
		sizeof(*rests) + (last - first + 1) * sizeof(rests->of[0]), RTE_CACHE_LINE_SIZE,
		socket);
	if (rests == NULL)
		return pst_null(ENOMEM);
	rests->first = first;
	rests->last = last;
	return rests;
}

void
pst_port_rests_destroy(struct pst_port_rests *rests)
{
	rte_free(rests);
}

/* The ports of a run within the range; false: there are none. */
static bool
run_ports(const struct pst_portpool *pool, uint32_t run, uint32_t *first, uint32_t *n)
{
	uint32_t from = RTE_MAX(run * PST_PORT_RUN_PORTS, pool->first);
	uint32_t to = RTE_MIN((run + 1) * PST_PORT_RUN_PORTS, pool->last + 1); /* excluded */

	if (from >= to)
		return false;
	*first = from;
	*n = to - from;
	return true;
}

static void
list_runs(struct pst_portpool *pool)
{
	uint32_t first, n;

	pool->n_runs = 0;
	pool->size = 0;
	for (uint32_t run = 0; run < PST_PORT_RUNS; run++) {
		if ((pool->runs >> run & 1) == 0 || !run_ports(pool, run, &first, &n))
			continue;
		pool->run_list[pool->n_runs++] = run;
		pool->size += n;
	}
}

/* Set whether the ports of a run can be taken. */
static void
set_run(struct pst_portpool *pool, uint32_t run, bool open)
{
	uint32_t port, left, count;

	if (!run_ports(pool, run, &port, &left))
		return;
	for (; left > 0; port += count, left -= count) {
		uint32_t w = (port - pool->base) / WORD_BITS, bit = port % WORD_BITS;
		struct word *word = &pool->words[w];
		uint64_t mask;

		count = RTE_MIN(left, WORD_BITS - bit);
		mask = bits(bit, count);
		word->taken = open ? word->taken & ~mask : word->taken | mask;
		word->busy = open ? word->busy & ~mask : word->busy | mask;
		update_summary(pool, w);
	}
}

void
pst_portpool_run_add(struct pst_portpool *pool, uint32_t run)
{
	pool->runs |= UINT64_C(1) << run;
	set_run(pool, run, true);
	list_runs(pool);
}

void
pst_portpool_run_remove(struct pst_portpool *pool, uint32_t run)
{
	pool->runs &= ~(UINT64_C(1) << run);
	set_run(pool, run, false);
	list_runs(pool);
}

static int
set_rests(struct pst_portpool *pool, struct pst_port_rests *rests, int socket)
{
	if (pool->quarantine_ms == 0)
		return 0;
	if (rests == NULL)
		rests = pool->own_rests = pst_port_rests_create(pool->first, pool->last, socket);
	if (rests == NULL)
		return -ENOMEM;
	pool->rest = rests->of;
	return 0;
}

struct pst_portpool *
pst_portpool_create_of(const struct pst_portpool_params *p)
{
	struct pst_portpool *pool;
	uint32_t n_words = p->last / WORD_BITS - p->first / WORD_BITS + 1;

	if (p->first > p->last || (p->rests != NULL && (p->rests->first != p->first ||
							p->rests->last != p->last)))
		return pst_null(EINVAL);
	pool = rte_zmalloc_socket("pst_portpool",
		sizeof(*pool) + (n_words + 1) * sizeof(pool->words[0]), RTE_CACHE_LINE_SIZE,
		p->socket);
	if (pool == NULL)
		return pst_null(ENOMEM);
	pool->owner = p->owner;
	pool->first = p->first;
	pool->last = p->last;
	pool->base = RTE_ALIGN_FLOOR((uint32_t)p->first, WORD_BITS);
	pool->n_words = n_words;
	pool->quarantine_ms = p->quarantine_ms;
	pool->runs = p->runs;
	memset(pool->full, 0xff, sizeof(pool->full));
	memset(pool->words, 0xff, (n_words + 1) * sizeof(pool->words[0]));
	list_runs(pool);
	for (uint32_t i = 0; i < pool->n_runs; i++)
		set_run(pool, pool->run_list[i], true);
	if (set_rests(pool, p->rests, p->socket) == 0)
		return pool;
	rte_free(pool);
	return pst_null(ENOMEM);
}

struct pst_portpool *
pst_portpool_create(uint16_t first, uint16_t last, uint32_t quarantine_ms,
	const struct pst_lcore_role *owner, int socket)
{
	return pst_portpool_create_of(&(struct pst_portpool_params){ .first = first,
		.last = last,
		.runs = PST_PORT_RUNS_ALL,
		.quarantine_ms = quarantine_ms,
		.owner = owner,
		.socket = socket });
}

void
pst_portpool_destroy(struct pst_portpool *pool)
{
	if (pool == NULL)
		return;
	pst_port_rests_destroy(pool->own_rests);
	rte_free(pool);
}

/* A random port of its runs, each run as likely; it has some. */
static uint32_t
random_port(const struct pst_portpool *pool, struct pst_rng *rng)
{
	uint32_t lot = pst_rng_below(rng, pool->n_runs * PST_PORT_RUN_PORTS), first = 0, n = 0;

	run_ports(pool, pool->run_list[lot / PST_PORT_RUN_PORTS], &first, &n);
	return first + lot % PST_PORT_RUN_PORTS * n / PST_PORT_RUN_PORTS;
}

/* Is this port of the range at rest? */
static inline bool
is_resting(const struct pst_portpool *pool, uint32_t port)
{
	const struct word *word = &pool->words[(port - pool->base) / WORD_BITS];

	return ((word->busy & ~word->taken) >> (port % WORD_BITS) & 1) != 0;
}

static inline bool
is_over(uint32_t until, uint64_t now_ms)
{
	return (int32_t)((uint32_t)(now_ms >> TICK_SHIFT) - until) >= 0;
}

static void
rest_append(struct pst_portpool *pool, uint32_t port, uint32_t client, uint64_t now_ms)
{
	struct rest_list *list = &pool->lists[port & 1];
	uint16_t i = port - pool->first;
	uint64_t end_ms = now_ms + pool->quarantine_ms;

	pool->rest[i] = (struct rest){
		.client = client,
		.until = RTE_ALIGN_CEIL(end_ms, UINT64_C(1) << TICK_SHIFT) >> TICK_SHIFT,
		.prev = list->count > 0 ? list->tail : i,
		.next = i,
	};
	if (list->count++ > 0)
		pool->rest[list->tail].next = i;
	else
		list->head = i;
	list->tail = i;
	pool->recent[recent_slot(client)] = i;
}

static void
rest_remove(struct pst_portpool *pool, uint32_t port)
{
	struct rest_list *list = &pool->lists[port & 1];
	uint16_t i = port - pool->first;
	uint16_t prev = pool->rest[i].prev, next = pool->rest[i].next;

	list->count--;
	if (prev == i) {
		list->head = next;
		pool->rest[next].prev = next;
	}
	if (next == i) {
		list->tail = prev;
		pool->rest[prev].next = prev;
	}
	if (prev != i && next != i) {
		pool->rest[prev].next = next;
		pool->rest[next].prev = prev;
	}
}

/* End the rests that are over, in the order they began; `most` of each parity. */
static void
rest_expire(struct pst_portpool *pool, uint32_t most, uint64_t now_ms)
{
	for (int p = EVEN; p < PARITIES; p++) {
		struct rest_list *list = &pool->lists[p];

		for (uint32_t i = 0; i < most && list->count > 0; i++) {
			uint32_t port = pool->first + list->head;
			uint32_t w = (port - pool->base) / WORD_BITS;

			if (!is_over(pool->rest[list->head].until, now_ms))
				break;
			rest_remove(pool, port);
			pool->words[w].busy &= ~(UINT64_C(1) << (port % WORD_BITS));
			update_summary(pool, w);
		}
	}
}

/* Mark [port, port + n), all of it free or resting, as taken. */
static void
mark_taken(struct pst_portpool *pool, uint32_t port, uint32_t n)
{
	pool->used += n;
	while (n > 0) {
		uint32_t w = (port - pool->base) / WORD_BITS, bit = port % WORD_BITS;
		uint32_t count = RTE_MIN(n, WORD_BITS - bit);
		uint64_t mask = bits(bit, count);
		struct word *word = &pool->words[w];

		for (uint64_t left = word->busy & mask; left != 0; left &= left - 1)
			rest_remove(pool, pool->base + w * WORD_BITS + __builtin_ctzll(left));
		word->taken |= mask;
		word->busy |= mask;
		update_summary(pool, w);
		port += count;
		n -= count;
	}
}

/* The word at or behind w, around the end, with a port of this parity; -1: none has. */
static int
next_open_word(struct pst_portpool *pool, enum parity parity, uint32_t w)
{
	uint64_t mask = UINT64_MAX << (w % WORD_BITS);
	uint32_t s = w / WORD_BITS;

	for (int i = 0; i <= SUMMARIES; i++) {
		uint64_t open = ~pool->full[parity][s] & mask;

		pool->words_read++;
		if (open != 0)
			return s * WORD_BITS + __builtin_ctzll(open);
		mask = UINT64_MAX;
		s = (s + 1) % SUMMARIES;
	}
	return -1;
}

/* A port of this parity that is neither taken nor resting, or -1. */
static inline int
find_rested(struct pst_portpool *pool, enum parity parity, struct pst_rng *rng)
{
	uint64_t open, behind;
	uint32_t at;
	int w;

	if (pool->open_words[parity] == 0)
		return -1;
	at = random_port(pool, rng) - pool->base;
	w = at / WORD_BITS;
	open = ~pool->words[w].busy & parity_bits(parity);
	pool->words_read++;
	if (open == 0) {
		w = next_open_word(pool, parity, w);
		if (w < 0)
			return -1;
		open = ~pool->words[w].busy & parity_bits(parity);
		pool->words_read++;
	}
	behind = open & (UINT64_MAX << (at % WORD_BITS));
	return pool->base + w * WORD_BITS + __builtin_ctzll(behind != 0 ? behind : open);
}

/* The client's own last resting port, else the one of this parity that rests longest, or -1. */
static int
find_resting(const struct pst_portpool *pool, enum parity parity, uint32_t client)
{
	uint32_t own = pool->first + pool->recent[recent_slot(client)];

	if (pool->lists[parity].count == 0)
		return -1;
	if ((own & 1) == parity && is_resting(pool, own) &&
		pool->rest[own - pool->first].client == client)
		return own;
	return pool->first + pool->lists[parity].head;
}

/* The parity of a port for this inside port, or -ENOSPC. */
static int
choose_parity(const struct pst_portpool *pool, uint16_t inside_port)
{
	int parity = inside_port & 1;

	if (likely(pool->open_words[parity] > 0 || pool->lists[parity].count > 0))
		return parity;
	parity ^= 1;
	return pool->open_words[parity] > 0 || pool->lists[parity].count > 0 ? parity : -ENOSPC;
}

/* There is one, rested or not. */
static int
take_single(struct pst_portpool *pool, enum parity parity, uint32_t client, struct pst_rng *rng)
{
	int port = find_rested(pool, parity, rng);

	if (unlikely(port < 0))
		port = find_resting(pool, parity, client);
	mark_taken(pool, port, 1);
	return port;
}

/* What a run must not have in it: taken ports, or resting ones neither. */
static inline uint64_t
open_bits(const struct word *word, bool resting_too)
{
	return ~(resting_too ? word->taken : word->busy);
}

/* Of the ports `starts`: where n <= 64 open ones of low, continued in high, begin. */
static inline uint64_t
run_starts(uint64_t low, uint64_t high, uint32_t n, uint64_t starts)
{
	unsigned __int128 open = (unsigned __int128)high << WORD_BITS | low;
	uint32_t have = 1;

	while (have < n && ((uint64_t)open & starts) != 0) {
		uint32_t shift = RTE_MIN(have, n - have);

		open &= open >> shift;
		have += shift;
	}
	return (uint64_t)open & starts;
}

/* The bit of word w where its first multiple of n is. */
static inline uint32_t
first_multiple(const struct pst_portpool *pool, uint32_t w, uint32_t n)
{
	return (n - (pool->base + w * WORD_BITS) % n) % n;
}

/* A run of n <= 64 at or behind `start`, around the end; -1 if there is none. */
static int
find_short_run(struct pst_portpool *pool, uint32_t n, uint32_t start, bool resting_too)
{
	const uint32_t step = WORD_BITS % n; /* a word further, multiples are so much earlier */
	uint64_t multiples = 0, from = UINT64_MAX << (start % WORD_BITS);
	uint32_t w = (start - pool->base) / WORD_BITS;
	uint32_t shift = first_multiple(pool, w, n);

	for (uint32_t bit = 0; bit < WORD_BITS; bit += n)
		multiples |= UINT64_C(1) << bit;
	/* the start's word comes twice: its end first, its beginning last */
	for (uint32_t i = 0; i <= pool->n_words; i++) {
		uint64_t open = open_bits(&pool->words[w], resting_too);
		uint64_t starts = multiples << shift & (i == 0 ? from : UINT64_MAX);

		starts = run_starts(open, open_bits(&pool->words[w + 1], resting_too), n, starts);
		pool->words_read++;
		if (starts != 0)
			return pool->base + w * WORD_BITS + __builtin_ctzll(starts);
		if (++w < pool->n_words) {
			shift += shift < step ? n - step : -step;
		} else {
			w = 0;
			shift = first_multiple(pool, 0, n);
		}
	}
	return -1;
}

static bool
is_open(struct pst_portpool *pool, uint32_t port, uint32_t n, bool resting_too)
{
	while (n > 0) {
		uint32_t w = (port - pool->base) / WORD_BITS, bit = port % WORD_BITS;
		uint32_t count = RTE_MIN(n, WORD_BITS - bit);

		pool->words_read++;
		if ((~open_bits(&pool->words[w], resting_too) & bits(bit, count)) != 0)
			return false;
		port += count;
		n -= count;
	}
	return true;
}

/* A run of n: number `k` of those that lie in [low, high], or the next, around the end. */
static int
find_long_run(struct pst_portpool *pool, uint32_t n, uint32_t k, bool resting_too)
{
	uint32_t low = (pool->first + n - 1) / n, high = (pool->last + 1) / n; /* excluded */

	for (uint32_t i = low; i < high; i++) {
		if (is_open(pool, k * n, n, resting_too))
			return k * n;
		k = k + 1 < high ? k + 1 : low;
	}
	return -1;
}

/* A run of n from a random place on, or -1. */
static int
find_run(struct pst_portpool *pool, uint32_t n, struct pst_rng *rng, bool resting_too)
{
	uint32_t low = (pool->first + n - 1) / n, high = (pool->last + 1) / n, k;

	if (low >= high)
		return -1;
	k = random_port(pool, rng) / n;
	k = k < low ? low : RTE_MIN(k, high - 1);
	if (n <= WORD_BITS)
		return find_short_run(pool, n, k * n, resting_too);
	return find_long_run(pool, n, k, resting_too);
}

/* How long until all of an open run has rested, in ticks. The client's own ports need not. */
static uint32_t
rest_left(const struct pst_portpool *pool, uint32_t port, uint32_t n, uint32_t client,
	uint64_t now_ms)
{
	uint32_t left = 0;

	for (uint32_t i = port; i < port + n; i++) {
		const struct rest *r = &pool->rest[i - pool->first];

		if (is_resting(pool, i) && r->client != client && !is_over(r->until, now_ms))
			left = RTE_MAX(left, r->until - (uint32_t)(now_ms >> TICK_SHIFT));
	}
	return left;
}

/* A run with resting ports in it, of a few the one that needs least rest, or -1. */
static int
find_resting_run(struct pst_portpool *pool, uint32_t n, uint32_t client, struct pst_rng *rng,
	uint64_t now_ms)
{
	uint32_t least = UINT32_MAX;
	int best = -1;

	for (int i = 0; i < RESTING_TRIES && least > 0; i++) {
		int port = find_run(pool, n, rng, true);
		uint32_t left;

		if (port < 0)
			return -1;
		left = rest_left(pool, port, n, client, now_ms);
		if (left < least) {
			least = left;
			best = port;
		}
	}
	return best;
}

static int
take_run(struct pst_portpool *pool, uint32_t n, uint32_t client, struct pst_rng *rng,
	uint64_t now_ms)
{
	int port;

	if (pool->size - pool->used < n)
		return -ENOSPC;
	port = find_run(pool, n, rng, false);
	if (port < 0 && pool->rest != NULL)
		port = find_resting_run(pool, n, client, rng, now_ms);
	if (port < 0)
		return -ENOSPC;
	mark_taken(pool, port, n);
	return port;
}

int
pst_portpool_take_port(struct pst_portpool *pool, uint16_t inside_port, uint32_t client_ip,
	struct pst_rng *rng, uint64_t now_ms)
{
	int parity;

	pst_assert_owner(pool->owner);
	rest_expire(pool, EXPIRE_BURST, now_ms);
	parity = choose_parity(pool, inside_port);
	return likely(parity >= 0) ? take_single(pool, parity, client_ip, rng) : parity;
}

int
pst_portpool_look(const struct pst_portpool *pool, uint16_t inside_port, uint32_t client_ip,
	uint64_t now_ms, uint16_t *parity, uint16_t *port)
{
	int chosen = choose_parity(pool, inside_port);
	const struct rest_list *list;

	if (chosen < 0)
		return chosen;
	list = &pool->lists[chosen];
	*parity = chosen;
	*port = 0;
	/* what has rested long enough is open as soon as one is taken */
	if (pool->open_words[chosen] == 0 && !is_over(pool->rest[list->head].until, now_ms))
		*port = find_resting(pool, chosen, client_ip);
	return 0;
}

int
pst_portpool_prefetch_take(struct pst_portpool *pool, uint16_t inside_port, uint32_t client_ip,
	struct pst_rng *rng)
{
	enum parity parity = inside_port & 1;
	int port;

	pst_assert_owner(pool->owner);
	if (pool->used == pool->size)
		return -ENOSPC;
	port = find_rested(pool, parity, rng);
	if (port >= 0)
		return port;
	port = find_resting(pool, parity, client_ip);
	if (port < 0)
		return -ENOSPC;
	/* its own line was written to when it came to the list's head */
	rte_prefetch0(&pool->rest[pool->rest[port - pool->first].next]);
	return port;
}

/* Any port: a parity by lot, the other when only that one has a port that is rested. */
static int
take_any(struct pst_portpool *pool, uint32_t client_ip, struct pst_rng *rng)
{
	enum parity parity = pst_rng_next(rng) >> 63;
	int port;

	if (pool->used == pool->size)
		return -ENOSPC;
	port = find_rested(pool, parity, rng);
	if (port < 0)
		port = find_rested(pool, parity ^ 1, rng);
	if (port < 0)
		port = find_resting(pool, parity, client_ip);
	if (port < 0)
		port = find_resting(pool, parity ^ 1, client_ip);
	if (port < 0)
		return -ENOSPC;
	mark_taken(pool, port, 1);
	return port;
}

int
pst_portpool_take(struct pst_portpool *pool, unsigned int n, uint32_t client_ip,
	struct pst_rng *rng, uint64_t now_ms)
{
	pst_assert_owner(pool->owner);
	if (n == 0 || n > PST_PORT_RUN_MAX)
		return -EINVAL;
	rest_expire(pool, EXPIRE_BURST + n, now_ms);
	return n == 1 ? take_any(pool, client_ip, rng) : take_run(pool, n, client_ip, rng, now_ms);
}

int
pst_portpool_take_fixed(
	struct pst_portpool *pool, uint16_t port, uint32_t client_ip, uint64_t now_ms)
{
	pst_assert_owner(pool->owner);
	if (!pst_portpool_has(pool, port))
		return -EINVAL;
	if (pst_portpool_is_taken(pool, port))
		return -EADDRINUSE;
	if (is_resting(pool, port)) {
		const struct rest *r = &pool->rest[port - pool->first];

		if (r->client != client_ip && !is_over(r->until, now_ms))
			return -EADDRINUSE;
	}
	mark_taken(pool, port, 1);
	return port;
}

int
pst_portpool_take_in(struct pst_portpool *pool, uint16_t first, uint32_t n, uint16_t parity,
	struct pst_rng *rng)
{
	uint32_t count = n < WORD_BITS ? n : WORD_BITS, words = n / count;
	uint32_t at = pst_rng_below(rng, n), bit = at % WORD_BITS;
	uint64_t mine = bits(first % WORD_BITS, count) & parity_bits(parity);

	pst_assert_owner(pool->owner);
	if (count < WORD_BITS)
		bit = first % WORD_BITS + at;
	for (uint32_t k = 0; k < words; k++) {
		uint32_t w = (first - pool->base) / WORD_BITS + (at / count + k) % words;
		uint64_t open = ~pool->words[w].busy & mine, behind = open & UINT64_MAX << bit;
		uint32_t port;

		pool->words_read++;
		if (open == 0)
			continue;
		port = pool->base + w * WORD_BITS + __builtin_ctzll(behind != 0 ? behind : open);
		mark_taken(pool, port, 1);
		return port;
	}
	return -ENOSPC;
}

bool
pst_portpool_has_in(const struct pst_portpool *pool, uint16_t first, uint32_t n, uint16_t parity)
{
	uint32_t count = RTE_MIN(n, (uint32_t)WORD_BITS), w = (first - pool->base) / WORD_BITS;
	uint64_t mine = bits(first % WORD_BITS, count) & parity_bits(parity);

	for (uint32_t k = 0; k < n / count; k++) {
		if ((~pool->words[w + k].busy & mine) != 0)
			return true;
	}
	return false;
}

bool
pst_portpool_is_free(struct pst_portpool *pool, uint16_t first, uint32_t n)
{
	return pst_portpool_has(pool, first) && pst_portpool_has(pool, first + n - 1) &&
		is_open(pool, first, n, false);
}

void
pst_portpool_take_exact(struct pst_portpool *pool, uint16_t first, uint32_t n)
{
	pst_assert_owner(pool->owner);
	mark_taken(pool, first, n);
}

static void
put_one(struct pst_portpool *pool, uint32_t port, uint32_t client_ip, uint64_t now_ms)
{
	uint32_t w = (port - pool->base) / WORD_BITS;
	uint64_t bit = UINT64_C(1) << (port % WORD_BITS);

	if (!pst_portpool_has(pool, port) || !pst_portpool_is_taken(pool, port))
		return;
	pool->words[w].taken &= ~bit;
	pool->used--;
	if (pool->rest != NULL) {
		rest_append(pool, port, client_ip, now_ms);
		return;
	}
	pool->words[w].busy &= ~bit;
	update_summary(pool, w);
}

void
pst_portpool_put(struct pst_portpool *pool, uint16_t lowest, unsigned int n, uint32_t client_ip,
	uint64_t now_ms)
{
	uint32_t from = RTE_MAX((uint32_t)lowest, pool->first);
	uint32_t to = RTE_MIN((uint64_t)lowest + n, (uint64_t)pool->last + 1);

	pst_assert_owner(pool->owner);
	for (uint32_t port = from; port < to; port++)
		put_one(pool, port, client_ip, now_ms);
	rest_expire(pool, EXPIRE_BURST + n, now_ms);
}

void
pst_portpool_prefetch_put(const struct pst_portpool *pool, uint16_t port)
{
	if (port < pool->first || port > pool->last)
		return;
	rte_prefetch0(&pool->words[(port - pool->base) / WORD_BITS]);
	if (pool->rest != NULL)
		rte_prefetch0(&pool->rest[port - pool->first]);
}

uint32_t
pst_portpool_free_count(const struct pst_portpool *pool)
{
	uint32_t size = __atomic_load_n(&pool->size, __ATOMIC_RELAXED);

	return size - __atomic_load_n(&pool->used, __ATOMIC_RELAXED);
}

uint32_t
pst_portpool_used(const struct pst_portpool *pool)
{
	return __atomic_load_n(&pool->used, __ATOMIC_RELAXED);
}

uint32_t
pst_portpool_resting(const struct pst_portpool *pool, uint64_t now_ms)
{
	uint32_t count = 0;

	for (int p = EVEN; p < PARITIES; p++) {
		const struct rest_list *list = &pool->lists[p];
		uint32_t over = 0, i = list->head;

		while (over < list->count && is_over(pool->rest[i].until, now_ms)) {
			over++;
			i = pool->rest[i].next;
		}
		count += list->count - over;
	}
	return count;
}

bool
pst_portpool_has(const struct pst_portpool *pool, uint16_t port)
{
	return port >= pool->first && port <= pool->last &&
		(pool->runs >> (port / PST_PORT_RUN_PORTS) & 1) != 0;
}

bool
pst_portpool_run_is_idle(struct pst_portpool *pool, uint32_t run, uint64_t now_ms)
{
	uint32_t first, n, w;

	pst_assert_owner(pool->owner);
	if (!run_ports(pool, run, &first, &n))
		return false;
	rest_expire(pool, PST_PORT_RUN_PORTS, now_ms);
	for (w = (first - pool->base) / WORD_BITS; n > 0; w++) {
		uint32_t count = RTE_MIN(n, WORD_BITS - first % WORD_BITS);

		if ((pool->words[w].busy & bits(first % WORD_BITS, count)) != 0)
			return false;
		first += count;
		n -= count;
	}
	return true;
}

bool
pst_portpool_is_taken(const struct pst_portpool *pool, uint16_t port)
{
	const struct word *word;

	if (port < pool->first || port > pool->last)
		return true;
	word = &pool->words[(port - pool->base) / WORD_BITS];
	return (word->taken >> (port % WORD_BITS) & 1) != 0;
}

uint64_t
pst_portpool_words_read(const struct pst_portpool *pool)
{
	return pool->words_read;
}
