/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker's tables together: what they take, and what is refused when a part is used up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_malloc.h>

#include "base/lcore.h"
#include "eal.h"
#include "nat/nat.h"
#include "pst_editor.h"

#define SESSIONS 100000
#define WATCHED 16384 /* of those */
#define UDP_MS 300000
#define HOOKED 21 /* a port that an editor watches */
#define PLAIN 53

static struct pst_nat_params params;
static struct pst_nat *nat;
static uint64_t now_ms, bytes; /* that the tables take */
static uint8_t protocols[65536], hooks[65536];

static uint64_t
heap_bytes(void)
{
	struct rte_malloc_socket_stats stats;
	uint64_t sum = 0;

	for (unsigned int k = 0; k < rte_socket_count(); k++) {
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(k), &stats) == 0)
			sum += stats.heap_allocsz_bytes;
	}
	return sum;
}

static void
start(uint32_t connections)
{
	const struct pst_nat_share share = { .runs = UINT64_MAX,
		.connections = connections,
		.listeners = 1024,
		.seed = 7,
		.now_ms = now_ms = 1000 };

	memset(&params, 0, sizeof(params));
	pst_nat_add_address(&params, rte_cpu_to_be_32(0xc6120001));
	pst_nat_add_address(&params, rte_cpu_to_be_32(0xc6120002));
	params.port_first = 1024;
	params.port_last = 65535;
	params.ports_per_client = params.sessions_per_client = UINT32_MAX;
	for (int k = 0; k < PST_TIMEOUTS; k++)
		params.timeouts_ms[k] = UDP_MS;
	protocols[HOOKED] = 1;
	hooks[HOOKED] = PST_SOURCE_NAT;
	params.udp_protocols = protocols;
	params.udp_hooks = hooks;
	params.n_protocols = 1;
	params.n_editor_lcores = 1;
	assert_int_equal(pst_nat_rests_create(&params, SOCKET_ID_ANY), 0);
	pst_lcore_set_role(PST_ROLE_WORKER, 0);
	bytes = heap_bytes();
	nat = pst_nat_create(&params, &share);
	assert_non_null(nat);
	bytes = heap_bytes() - bytes;
}

static void
expire_all(void)
{
	now_ms += UDP_MS + 2000;
	while (pst_nat_expire(nat, now_ms, 256) > 0)
		;
}

static void
finish(void)
{
	struct pst_evt evt;

	expire_all();
	while (pst_nat_next_event(nat, 0, &evt))
		pst_nat_told(nat, 0);
	assert_true(pst_nat_is_empty(nat));
	pst_nat_destroy(nat);
	pst_nat_rests_destroy(&params);
}

/* The n-th datagram, each from a port of its own, 1,000 of a client. */
static uint32_t
open_nth(uint32_t n, uint16_t dport, enum pst_drop *why)
{
	struct pst_nat_packet p = {
		.key = pst_key_conn(PST_WAY_OUT, PST_UDP, rte_cpu_to_be_32(0x0a000001 + n / 1000),
			rte_cpu_to_be_16(2000 + n % 1000), rte_cpu_to_be_32(0xc6120009),
			rte_cpu_to_be_16(dport)),
		.proto = PST_UDP,
		.now_ms = now_ms,
		.through = PST_SLOT_NONE
	};

	return pst_nat_open_out(nat, &p, why);
}

static void
what_editors_watch_is_refused_by_name_when_there_is_no_room(void **state)
{
	enum pst_drop why = PST_DROP_COUNT;
	uint32_t n = 0;

	(void)state;
	start(SESSIONS);
	while (open_nth(n, HOOKED, &why) != PST_SLOT_NONE)
		n++;
	assert_int_equal(why, PST_DROP_EDITOR_FULL);
	assert_int_equal(n, WATCHED);
	/* it left nothing behind, and is in nobody else's way */
	assert_int_equal(pst_slots_used(&nat->conns.slots), n);
	assert_int_equal(pst_slots_used(&nat->binds.slots), n);
	assert_true(open_nth(n + 1, PLAIN, &why) != PST_SLOT_NONE);
	finish();
}

/* All that a worker's tables take, by the connections they are for: see nat.h. */
static void
a_connection_takes_192_bytes(void **state)
{
	const uint32_t n = 1 << 20;
	uint64_t before = heap_bytes();

	(void)state;
	start(n);
	print_message("%.1f bytes a connection\n", (double)bytes / n);
	assert_true(bytes <= UINT64_C(192) * n);
	finish();
	assert_int_equal(heap_bytes(), before);
}

/* As many as it is for, each with a bind of its own, of as many clients as there may be. */
static void
a_full_table_has_room_for_the_last(void **state)
{
	enum pst_drop why = PST_DROP_COUNT;
	uint32_t n = 0;

	(void)state;
	start(SESSIONS);
	for (; n < SESSIONS; n++)
		assert_true(open_nth(n, PLAIN, &why) != PST_SLOT_NONE);
	assert_int_equal(pst_slots_used(&nat->binds.slots), SESSIONS);
	assert_int_equal(open_nth(n, PLAIN, &why), PST_SLOT_NONE);
	assert_true(why == PST_DROP_NO_BIND || why == PST_DROP_NO_CONNECTION);
	finish();
}

/* Rows of a table, from all its parts. */
static uint32_t
count_rows(enum pst_show_table table)
{
	static struct pst_req req;
	uint32_t rows = 0;

	req.type = PST_REQ_SHOW;
	req.show.table = table;
	pst_show_want_all(&req.show.wanted);
	req.show.cursor = 0;
	do {
		while (!pst_nat_show(nat, &req, now_ms))
			;
		rows += req.show.count;
	} while (req.show.cursor != 0);
	return rows;
}

/* Free entries hold numbers of others where live ones have a state and a timer. */
static void
free_entries_are_no_rows(void **state)
{
	enum pst_drop why = PST_DROP_COUNT;
	const uint32_t n = 10000;

	(void)state;
	start(SESSIONS);
	for (uint32_t k = 0; k < n; k++)
		assert_true(open_nth(k, PLAIN, &why) != PST_SLOT_NONE);
	assert_int_equal(count_rows(PST_SHOW_CONNECTIONS), n);
	assert_int_equal(count_rows(PST_SHOW_BINDS), n);
	assert_int_equal(count_rows(PST_SHOW_CLIENTS), n / 1000);
	expire_all();
	assert_int_equal(count_rows(PST_SHOW_CONNECTIONS), 0);
	assert_int_equal(count_rows(PST_SHOW_BINDS), 0);
	assert_int_equal(count_rows(PST_SHOW_CLIENTS), 0);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_entries_are_no_rows),
		cmocka_unit_test(a_connection_takes_192_bytes),
		cmocka_unit_test(a_full_table_has_room_for_the_last),
		cmocka_unit_test(what_editors_watch_is_refused_by_name_when_there_is_no_room),
	};

	test_eal_init(512);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
