/* SPDX-License-Identifier: BSD-3-Clause */
/* Which rows a worker copies for the operator, and which of its connections it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/lcore.h"
#include "eal.h"
#include "nat/nat.h"

#define SESSIONS 4096
#define CLIENTS 20
#define EACH 50 /* connections of a client, as many TCP as UDP */
#define CLIENT 0x0a000001
#define REMOTE 0xcb007101
#define UDP_MS 300000

static struct pst_nat_params params;
static struct pst_nat *nat;
static uint64_t now_ms;
static struct pst_req req;

static void
open_one(uint32_t client, uint32_t k)
{
	uint8_t proto = k % 2 == 0 ? PST_TCP : PST_UDP;
	struct pst_nat_packet p = {
		.key = pst_key_conn(PST_WAY_OUT, proto, rte_cpu_to_be_32(CLIENT + client),
			rte_cpu_to_be_16(10000 + k), rte_cpu_to_be_32(REMOTE + k % 5),
			rte_cpu_to_be_16(k % 10 == 0 ? 443 : 80)),
		.proto = proto,
		.tcp_flags = 2, /* SYN */
		.now_ms = now_ms,
		.through = PST_SLOT_NONE,
	};
	enum pst_drop why;
	uint32_t i = pst_nat_open_out(nat, &p, &why);

	assert_int_not_equal(i, PST_SLOT_NONE);
	pst_conn_count(&nat->conns.hot[i], PST_WAY_OUT, 100 + client * EACH + k);
}

static int
setup(void **state)
{
	const struct pst_nat_share share = { .runs = UINT64_MAX,
		.connections = SESSIONS,
		.listeners = 64,
		.seed = 7,
		.now_ms = now_ms = 1000 };

	(void)state;
	memset(&params, 0, sizeof(params));
	pst_nat_add_address(&params, rte_cpu_to_be_32(0xc6336401));
	params.port_first = 1024;
	params.port_last = 65535;
	params.ports_per_client = params.sessions_per_client = UINT32_MAX;
	for (int k = 0; k < PST_TIMEOUTS; k++)
		params.timeouts_ms[k] = UDP_MS;
	assert_int_equal(pst_nat_rests_create(&params, SOCKET_ID_ANY), 0);
	pst_lcore_set_role(PST_ROLE_WORKER, 0);
	nat = pst_nat_create(&params, &share);
	assert_non_null(nat);
	for (uint32_t c = 0; c < CLIENTS; c++) {
		for (uint32_t k = 0; k < EACH; k++)
			open_one(c, k);
	}
	memset(&req, 0, sizeof(req));
	pst_show_want_all(&req.show.wanted);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	now_ms += UDP_MS + 2000;
	while (pst_nat_expire(nat, now_ms, 256) > 0)
		;
	assert_true(pst_nat_is_empty(nat));
	pst_nat_destroy(nat);
	pst_nat_rests_destroy(&params);
	return 0;
}

/* All rows that are wanted; `check` sees each. */
static uint32_t
rows_of(enum pst_show_table table, bool (*check)(const struct pst_show_row *row))
{
	uint32_t n = 0;

	req.type = PST_REQ_SHOW;
	req.show.table = table;
	req.show.cursor = 0;
	do {
		while (!pst_nat_show(nat, &req, now_ms))
			;
		for (uint32_t i = 0; i < req.show.count; i++)
			assert_true(check == NULL || check(&req.show.rows[i]));
		n += req.show.count;
	} while (req.show.cursor != 0);
	return n;
}

static void
want_client(uint32_t first, uint32_t last)
{
	req.show.wanted.inside.first = CLIENT + first;
	req.show.wanted.inside.last = CLIENT + last;
}

static bool
is_of_third_client(const struct pst_show_row *row)
{
	return row->inside.ip == CLIENT + 3;
}

static void
a_client_has_its_rows(void **state)
{
	(void)state;
	want_client(3, 3);
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, is_of_third_client), EACH);
	assert_int_equal(rows_of(PST_SHOW_BINDS, is_of_third_client), EACH);
	assert_int_equal(rows_of(PST_SHOW_CLIENTS, is_of_third_client), 1);
	want_client(3, 6);
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), 4 * EACH);
	want_client(CLIENTS, CLIENTS);
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), 0);
}

static bool
is_tcp_443(const struct pst_show_row *row)
{
	return row->protocol == PST_TCP && row->remote.port == 443;
}

static void
all_conditions_hold_together(void **state)
{
	struct pst_show_wanted *w = &req.show.wanted;

	(void)state;
	w->protocol = PST_TCP;
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), CLIENTS * EACH / 2);
	w->port_first = w->port_last = 443;
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, is_tcp_443), CLIENTS * EACH / 10);
	w->remote.first = w->remote.last = REMOTE + 1;
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), 0); /* every tenth is of the first */
	w->remote.first = w->remote.last = REMOTE;
	want_client(0, 0);
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, is_tcp_443), EACH / 10);
}

static void
a_port_is_one_of_any_end(void **state)
{
	struct pst_show_wanted *w = &req.show.wanted;

	(void)state;
	w->port_first = w->port_last = 10007; /* no outside port, unless by chance */
	assert_in_range(rows_of(PST_SHOW_CONNECTIONS, NULL), CLIENTS, CLIENTS + 2);
	w->inside.port_first = w->inside.port_last = 10007;
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), CLIENTS);
}

static void
states_are_a_set(void **state)
{
	struct pst_show_wanted *w = &req.show.wanted;

	(void)state;
	w->states = UINT64_C(1) << PST_TCP_SYN_SENT;
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), CLIENTS * EACH / 2);
	w->states |= UINT64_C(1) << PST_UDP_NEW;
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), CLIENTS * EACH);
	w->states = UINT64_C(1) << PST_TCP_ESTABLISHED;
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), 0);
}

static bool
is_large(const struct pst_show_row *row)
{
	return row->bytes[PST_DIR_ORIG] >= 100 + CLIENTS * EACH - 7;
}

static void
the_floor_lets_the_most_pass(void **state)
{
	struct pst_show_wanted *w = &req.show.wanted;

	(void)state;
	w->order = PST_ORDER_BYTES;
	w->floor = 100 + CLIENTS * EACH - 7;
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, is_large), 7);
	w->order = PST_ORDER_CONNECTIONS;
	w->floor = EACH;
	assert_int_equal(rows_of(PST_SHOW_CLIENTS, NULL), CLIENTS);
	w->floor = EACH + 1;
	assert_int_equal(rows_of(PST_SHOW_CLIENTS, NULL), 0);
	w->ascending = true;
	w->floor = ~(uint64_t)EACH;
	assert_int_equal(rows_of(PST_SHOW_CLIENTS, NULL), CLIENTS);
}

/* However much is looked at or found, a piece is small. */
static void
a_piece_is_small(void **state)
{
	uint32_t pieces = 0;

	(void)state;
	req.type = PST_REQ_SHOW;
	req.show.table = PST_SHOW_CONNECTIONS;
	while (!pst_nat_show(nat, &req, now_ms)) {
		assert_in_range(req.show.count, 1, 16 * ++pieces);
		assert_int_equal(req.result, req.show.count);
	}
	assert_int_equal(req.show.count, PST_SHOW_ROWS);
	want_client(CLIENTS, CLIENTS + 1); /* nobody */
	req.show.cursor = 0;
	for (pieces = 1; !pst_nat_show(nat, &req, now_ms); pieces++)
		assert_int_equal(req.show.cursor, 256 * pieces);
	assert_int_equal(pieces, (CLIENTS * EACH + 255) / 256);
	want_client(CLIENTS, CLIENTS); /* who is known not to be here */
	req.show.cursor = 0;
	assert_true(pst_nat_show(nat, &req, now_ms));
	assert_int_equal(req.show.count, 0);
	assert_int_equal(req.show.cursor, 0);
}

static uint32_t
end_all(enum pst_show_table table)
{
	uint32_t n = 0;

	req.type = PST_REQ_END;
	req.show.table = table;
	req.show.cursor = 0;
	do {
		while (!pst_nat_end(nat, &req, now_ms))
			;
		n += req.show.count;
	} while (req.show.cursor != 0);
	return n;
}

static void
what_is_wanted_is_ended(void **state)
{
	(void)state;
	want_client(3, 3);
	assert_int_equal(end_all(PST_SHOW_CONNECTIONS), EACH);
	assert_int_equal(end_all(PST_SHOW_CONNECTIONS), 0);
	assert_int_equal(rows_of(PST_SHOW_CLIENTS, NULL), 0);
	pst_show_want_all(&req.show.wanted);
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), (CLIENTS - 1) * EACH);
	req.show.wanted.protocol = PST_UDP;
	assert_int_equal(end_all(PST_SHOW_CONNECTIONS), (CLIENTS - 1) * EACH / 2);
	pst_show_want_all(&req.show.wanted);
	assert_int_equal(rows_of(PST_SHOW_CONNECTIONS, NULL), (CLIENTS - 1) * EACH / 2);
}

static void
open_listener(uint32_t client, struct pst_req *bind)
{
	memset(bind, 0, sizeof(*bind));
	bind->type = PST_REQ_BIND;
	bind->bind.client_ip = CLIENT + client;
	bind->bind.n = 1;
	bind->bind.protocol = PST_TCP;
	bind->bind.ends[0].client = (struct pst_endpoint){ CLIENT + client, 5000 };
	pst_nat_serve(nat, bind, now_ms);
	assert_int_equal(bind->result, 0);
}

/* Its editor hears of the end, as it does of one by the timer. */
static void
a_clients_listeners_are_ended(void **state)
{
	static struct pst_req bind;
	struct pst_evt evt;

	(void)state;
	open_listener(3, &bind);
	open_listener(4, &bind);
	want_client(3, 3);
	assert_int_equal(end_all(PST_SHOW_LISTENERS), 1);
	assert_int_equal(end_all(PST_SHOW_LISTENERS), 0);
	assert_true(pst_nat_next_event(nat, 0, &evt));
	assert_int_equal(evt.type, PST_EVT_ENDPOINT_END);
	pst_nat_told(nat, 0);
	want_client(0, CLIENTS);
	assert_int_equal(rows_of(PST_SHOW_LISTENERS, NULL), 1);
	assert_int_equal(end_all(PST_SHOW_LISTENERS), 1);
	assert_true(pst_nat_next_event(nat, 0, &evt));
	pst_nat_told(nat, 0);
	assert_false(pst_nat_next_event(nat, 0, &evt));
}

static void
unknown_tables_are_refused(void **state)
{
	(void)state;
	req.show.table = PST_SHOW_BLOCKS + 1;
	assert_true(pst_nat_show(nat, &req, now_ms));
	assert_int_equal(req.result, -EINVAL);
	req.show.table = PST_SHOW_POOLS;
	assert_true(pst_nat_end(nat, &req, now_ms));
	assert_int_equal(req.result, -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_has_its_rows),
		TEST(all_conditions_hold_together),
		TEST(a_port_is_one_of_any_end),
		TEST(states_are_a_set),
		TEST(the_floor_lets_the_most_pass),
		TEST(a_piece_is_small),
		TEST(what_is_wanted_is_ended),
		TEST(a_clients_listeners_are_ended),
		TEST(unknown_tables_are_refused),
	};

	test_eal_init(256);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
