/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-hash-bench: the flow table against DPDK's rte_hash.
 *
 * Both find the session of a 16-byte key for bursts of 32 random keys that exist, and write the
 * session's cache line, as a NAT does. rte_hash keeps keys of its own, so it is asked for the
 * session's number in bulk and the line follows; the flow table keeps them in the session. The
 * two take turns in windows on the same keys; disturbed windows are left out.
 *
 * Arguments: those of the EAL, then "--" and the numbers of sessions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>

#include "frame.h"
#include "meter.h"
#include "nat/flowtable.h"
#include "nat/key.h"

#define BURST 32
#define WINDOW (1u << 14) /* lookups */
#define WINDOWS 2000 /* of each */
#define CAPACITY (1u << 21) /* at the least: a table sized to the test flatters it */
#define SEED 0x5851f42d4c957f2d

struct session {
	struct pst_flow_key key;
	uint64_t packets;
	uint64_t rest[5];
} __rte_cache_aligned;

struct tables {
	struct pst_plan plan;
	struct session *sessions;
	struct rte_hash *hash;
	struct pst_flowtable flows;
};

typedef uint32_t (*burst_fn)(struct tables *t, const struct pst_flow_key *keys);

static struct pst_flow_key
key_of(const struct pst_plan *plan, uint32_t flow)
{
	struct pst_endpoint4 client = pst_plan_client(plan, flow);
	struct pst_endpoint4 server = pst_plan_server(plan, flow);

	return pst_key_conn(PST_WAY_OUT, 17, client.addr, client.port, server.addr, server.port);
}

static bool
is_session(const void *ctx, uint32_t value, struct pst_flow_key key)
{
	const struct session *s = &((const struct session *)ctx)[value];

	return s->key.a == key.a && s->key.b == key.b;
}

static uint32_t
burst_flowtable(struct tables *t, const struct pst_flow_key *keys)
{
	uint64_t hashes[BURST];
	uint32_t found = 0;

	for (uint32_t i = 0; i < BURST; i++) {
		hashes[i] = pst_flow_hash(&t->flows, keys[i]);
		pst_flow_prefetch(&t->flows, hashes[i]);
	}
	for (uint32_t i = 0; i < BURST; i++) {
		uint32_t guess = pst_flow_guess(
			pst_flow_home(&t->flows, hashes[i]), pst_flow_sig(hashes[i]));

		if (guess != PST_FLOW_NONE)
			rte_prefetch0(&t->sessions[guess]);
	}
	for (uint32_t i = 0; i < BURST; i++) {
		uint32_t s = pst_flow_find(&t->flows, hashes[i], is_session, t->sessions, keys[i]);

		if (likely(s != PST_FLOW_NONE)) {
			t->sessions[s].packets++;
			found++;
		}
	}
	return found;
}

static uint32_t
burst_rte_hash(struct tables *t, const struct pst_flow_key *keys)
{
	const void *pointers[BURST];
	void *data[BURST];
	uint64_t hits = 0;

	for (uint32_t i = 0; i < BURST; i++)
		pointers[i] = &keys[i];
	rte_hash_lookup_bulk_data(t->hash, pointers, BURST, &hits, data);
	for (uint32_t i = 0; i < BURST; i++)
		if (likely(hits >> i & 1))
			rte_prefetch0(&t->sessions[(uintptr_t)data[i]]);
	for (uint32_t i = 0; i < BURST; i++)
		if (likely(hits >> i & 1))
			t->sessions[(uintptr_t)data[i]].packets++;
	return __builtin_popcountll(hits);
}

/* One window of lookups; all keys are to be found. */
static void
run_window(struct tables *t, burst_fn burst, uint32_t *cursor, uint32_t key)
{
	struct pst_flow_key keys[BURST];
	uint32_t found = 0;

	for (uint32_t done = 0; done < WINDOW; done += BURST) {
		for (uint32_t i = 0; i < BURST; i++)
			keys[i] = key_of(&t->plan, pst_plan_shuffle(&t->plan, (*cursor)++, key));
		found += burst(t, keys);
	}
	RTE_VERIFY(found == WINDOW);
}

static void
measure(struct tables *t, burst_fn burst, struct pst_meter *meter, uint32_t cursor, uint32_t key)
{
	meter->open = false;
	pst_meter_turn(meter);
	run_window(t, burst, &cursor, key);
	meter->packets = WINDOW;
	pst_meter_turn(meter);
}

/* Enter all sessions into both. Returns -1 when one of them does not take them. */
static int
fill(struct tables *t, struct pst_meter *rte, struct pst_meter *own)
{
	uint32_t n = t->plan.flows;

	for (uint32_t s = 0; s < n; s++)
		t->sessions[s].key = key_of(&t->plan, s);
	pst_meter_turn(rte);
	for (uint32_t s = 0; s < n; s++)
		if (rte_hash_add_key_data(t->hash, &t->sessions[s].key, (void *)(uintptr_t)s) != 0)
			return -1;
	rte->packets = n;
	pst_meter_turn(rte);
	pst_meter_turn(own);
	for (uint32_t s = 0; s < n; s++)
		pst_flowtable_add(&t->flows, pst_flow_hash(&t->flows, t->sessions[s].key), s);
	own->packets = n;
	pst_meter_turn(own);
	return 0;
}

static int
create(struct tables *t, uint32_t sessions)
{
	struct rte_hash_parameters params = {
		.name = "sessions",
		.key_len = sizeof(struct pst_flow_key),
		.hash_func = rte_hash_crc,
		.socket_id = SOCKET_ID_ANY,
	};

	memset(t, 0, sizeof(*t));
	t->plan = (struct pst_plan){
		.flows = rte_align32pow2(sessions),
		.bits = rte_log2_u32(sessions),
		.per_client_bits = 8,
		.servers = 1,
		.client_net = pst_ipv4(10, 0, 1, 0),
		.server_net = pst_ipv4(203, 0, 113, 1),
		.server_port = 4000,
	};
	params.entries = RTE_MAX(t->plan.flows, CAPACITY);
	t->sessions = rte_zmalloc("sessions", (size_t)t->plan.flows * sizeof(*t->sessions),
		RTE_CACHE_LINE_SIZE);
	t->hash = rte_hash_create(&params);
	if (t->sessions == NULL || t->hash == NULL)
		return -1;
	return pst_flowtable_init(&t->flows, params.entries, SEED, SOCKET_ID_ANY);
}

static void
destroy(struct tables *t)
{
	pst_flowtable_fini(&t->flows);
	rte_hash_free(t->hash);
	rte_free(t->sessions);
}

static void
print_row(const char *name, struct pst_meter *meter, double add_ns)
{
	struct pst_summary sum;

	if (pst_meter_sum(&meter, 1, &sum) != 0)
		return;
	printf("  %-24s %6.1f/%6.1f/%6.1f ns a lookup, %6.1f ns an insert, %u of %u windows\n",
		name, sum.ns_min, sum.ns_median, sum.ns_p99, add_ns, sum.kept, sum.windows);
}

static double
take_add_cost(struct pst_meter *meter)
{
	double ns = (double)meter->windows[0].cpu_ns / meter->windows[0].packets;

	memset(meter, 0, sizeof(*meter));
	return ns;
}

static int
bench(uint32_t sessions, struct pst_meter *rte, struct pst_meter *own)
{
	struct tables t;
	double rte_add, own_add;
	uint32_t cursor = 0;
	int ret = create(&t, sessions);

	memset(rte, 0, sizeof(*rte));
	memset(own, 0, sizeof(*own));
	if (ret == 0)
		ret = fill(&t, rte, own);
	if (ret != 0) {
		fprintf(stderr, "postern-hash-bench: no room for %u sessions\n", sessions);
		destroy(&t);
		return ret;
	}
	rte_add = take_add_cost(rte);
	own_add = take_add_cost(own);
	for (uint32_t w = 0; w < WINDOWS; w++, cursor += WINDOW) {
		measure(&t, burst_rte_hash, rte, cursor, w * 2 + 1);
		measure(&t, burst_flowtable, own, cursor, w * 2 + 2);
	}
	printf("%u sessions, bursts of %d, min/median/p99:\n", t.plan.flows, BURST);
	print_row("rte_hash_lookup_bulk_data", rte, rte_add);
	print_row("pst_flow_find", own, own_add);
	destroy(&t);
	return 0;
}

int
main(int argc, char **argv)
{
	static const uint32_t usual[] = { 1 << 10, 1 << 16, 1 << 20 };
	static struct pst_meter rte, own;
	int used = rte_eal_init(argc, argv), ret = 0;

	if (used < 0)
		return 2;
	for (int i = used + 1; ret == 0 && i < argc; i++)
		ret = bench(strtoul(argv[i], NULL, 10), &rte, &own);
	for (size_t i = 0; ret == 0 && argc <= used + 1 && i < RTE_DIM(usual); i++)
		ret = bench(usual[i], &rte, &own);
	rte_eal_cleanup();
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
