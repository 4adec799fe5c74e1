/* SPDX-License-Identifier: BSD-3-Clause */
/* Port blocks of clients, against a naive model that reads the records as an operator would. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/lcore.h"
#include "eal.h"
#include "nat/nat.h"

#define CLIENT 0x0a000001u
#define CLIENTS 24
#define SERVER 0xc6120009u
#define OUTSIDE 0xc6120001u
#define ADDRESSES 2
#define FIRST 3000 /* the blocks at both ends are not whole */
#define LAST 5200
#define SIZE 64
#define QUARANTINE_MS 120000
#define UDP_MS 300000
#define LIMIT 256 /* ports of a client: four blocks */

static const struct pst_lcore_role worker = { PST_ROLE_WORKER, 0 };

static struct pst_nat_params params;
static struct pst_nat *nat;
static struct pst_rng rng;
static uint64_t now_ms;

/* By the records: whose each port is, 0 for nobody's; and when its block was left. */
static uint32_t owner[ADDRESSES][65536];
static uint64_t records;

static void
start(uint32_t size, uint32_t addresses, uint16_t first, uint16_t last)
{
	struct pst_nat_share share = { .runs = UINT64_MAX,
		.connections = 20000,
		.listeners = 2048,
		.seed = 7,
		.now_ms = now_ms = 1000 };

	memset(&params, 0, sizeof(params));
	params.mapping = PST_NAT_ENDPOINT_INDEPENDENT;
	for (uint32_t i = 0; i < addresses; i++)
		pst_nat_add_address(&params, rte_cpu_to_be_32(OUTSIDE + i));
	params.port_first = first;
	params.port_last = last;
	params.ports_per_client = LIMIT;
	params.sessions_per_client = 20000;
	params.quarantine_ms = QUARANTINE_MS;
	params.block_size = size;
	for (int t = 0; t < PST_TIMEOUTS; t++)
		params.timeouts_ms[t] = UDP_MS;
	assert_int_equal(pst_nat_rests_create(&params, 0), 0);
	pst_lcore_set_role(worker.kind, worker.index);
	nat = pst_nat_create(&params, &share);
	assert_non_null(nat);
	memset(owner, 0, sizeof(owner));
	records = 0;
	pst_rng_init(&rng, 1);
}

static void
read_records(void)
{
	const struct pst_block_record *r;

	while ((r = pst_nat_next_record(nat)) != NULL) {
		assert_int_equal(r->number, records++);
		for (uint32_t port = r->first; port <= r->last; port++) {
			uint32_t *o = &owner[r->address - OUTSIDE][port];

			assert_int_equal(*o, r->given_back ? r->client_ip : 0);
			*o = r->given_back ? 0 : r->client_ip;
		}
		pst_nat_record_told(nat);
	}
}

static void
pass(uint64_t ms)
{
	for (uint64_t end = now_ms + ms; now_ms < end;) {
		now_ms += RTE_MIN(end - now_ms, (uint64_t)1000);
		while (pst_nat_expire(nat, now_ms, 256) > 0)
			read_records();
		read_records();
	}
}

static void
finish(void)
{
	pass(UDP_MS + QUARANTINE_MS + 2000);
	assert_true(pst_nat_is_empty(nat));
	for (uint32_t a = 0; a < ADDRESSES; a++) {
		for (uint32_t port = 0; port < 65536; port++)
			assert_int_equal(owner[a][port], 0);
	}
	pst_nat_destroy(nat);
	pst_nat_rests_destroy(&params);
}

/* A datagram of a client. Its outside end, or the reason. */
static bool
open_out(uint32_t client, uint8_t proto, uint16_t port, struct pst_endpoint *out, enum pst_drop *why)
{
	struct pst_nat_packet p = { .key = pst_key_conn(PST_WAY_OUT, proto, rte_cpu_to_be_32(client),
					    rte_cpu_to_be_16(port), rte_cpu_to_be_32(SERVER),
					    rte_cpu_to_be_16(53)),
		.proto = proto,
		.tcp_flags = 2, /* SYN */
		.now_ms = now_ms,
		.through = PST_SLOT_NONE };
	uint32_t i = pst_nat_open_out(nat, &p, why);

	*out = (struct pst_endpoint){ OUTSIDE, 0 };
	read_records();
	if (i == PST_SLOT_NONE)
		return false;
	*out = pst_key_endpoint(nat->conns.hot[i].local[PST_WAY_IN]);
	return true;
}

static uint32_t
owner_of(const struct pst_endpoint *end)
{
	return owner[end->ip - OUTSIDE][end->port];
}

static uint32_t
blocks_of(uint32_t client)
{
	uint32_t n = 0;

	for (uint32_t a = 0; a < ADDRESSES; a++) {
		for (uint32_t port = 0; port < 65536; port += SIZE)
			n += owner[a][port] == client;
	}
	return n;
}

static void
a_block_has_a_record_and_its_ports_none(void **state)
{
	struct pst_endpoint out, first = { 0 };
	enum pst_drop why;

	(void)state;
	start(SIZE, ADDRESSES, 1024, 65535);
	for (uint32_t i = 0; i < LIMIT; i++) {
		assert_true(open_out(CLIENT, i % 2 ? PST_UDP : PST_TCP, 5000 + i, &out, &why));
		first = i == 0 ? out : first;
		assert_int_equal(out.ip, first.ip);
		assert_int_equal(owner_of(&out), CLIENT);
		if (i < SIZE) /* RFC 4787 REQ-4, as long as the block has any */
			assert_int_equal(out.port % 2, i % 2);
	}
	assert_int_equal(records, LIMIT / 2 / SIZE); /* a block is of all protocols */
	assert_false(open_out(CLIENT, PST_UDP, 9999, &out, &why));
	assert_int_equal(why, PST_DROP_CLIENT_PORTS);
	finish();
	assert_int_equal(records, 2 * (LIMIT / 2 / SIZE));
}

static void
a_left_block_rests_and_its_client_may_have_it_again(void **state)
{
	struct pst_endpoint out, again;
	enum pst_drop why;

	(void)state;
	start(1024, ADDRESSES, 2048, 4095); /* two blocks on each */
	assert_true(open_out(CLIENT, PST_UDP, 5000, &out, &why));
	pass(UDP_MS + 1000);
	assert_int_equal(pst_slots_used(&nat->binds.slots), 0);
	assert_int_equal(owner_of(&out), CLIENT); /* for two minutes more */
	assert_true(open_out(CLIENT, PST_UDP, 6000, &again, &why));
	assert_int_equal(again.port / 1024, out.port / 1024);
	assert_int_equal(records, 1);
	pass(UDP_MS + QUARANTINE_MS + 1000);
	assert_int_equal(owner_of(&out), 0);
	assert_int_equal(records, 2);
	finish();
}

/* Where nothing else is left, the block that was left first goes to who needs one. */
static void
a_busy_pool_does_not_starve(void **state)
{
	struct pst_endpoint out[4], got;
	enum pst_drop why;

	(void)state;
	start(1024, 1, 2048, 6143);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(open_out(CLIENT + i, PST_UDP, 5000, &out[i], &why));
		pass(1000);
	}
	assert_false(open_out(CLIENT + 4, PST_UDP, 5000, &got, &why));
	assert_int_equal(why, PST_DROP_NO_PORT);
	pass(UDP_MS);
	assert_true(open_out(CLIENT + 4, PST_UDP, 5000, &got, &why));
	assert_int_equal(got.port / 1024, out[0].port / 1024);
	assert_int_equal(owner_of(&got), CLIENT + 4);
	finish();
}

/* As BindForClient asks. The lowest port, or -errno. */
static int
bind_ports(uint32_t client, uint32_t n, uint16_t port, struct pst_req *req)
{
	memset(req, 0, sizeof(*req));
	req->type = PST_REQ_BIND;
	req->bind.client_ip = client;
	req->bind.protocol = PST_UDP;
	req->bind.n = n;
	req->bind.backlog = 1;
	req->bind.proxy.port = port;
	for (uint32_t i = 0; i < n; i++)
		req->bind.ends[i].client = (struct pst_endpoint){ client, 3000 };
	pst_nat_serve(nat, req, now_ms);
	read_records();
	return req->result < 0 ? req->result : req->bind.proxy.port;
}

static void
kill_ports(struct pst_req *req)
{
	struct pst_evt evt;

	req->type = PST_REQ_KILL;
	pst_nat_serve(nat, req, now_ms);
	while (pst_nat_next_event(nat, 0, &evt))
		pst_nat_told(nat, 0);
	read_records();
}

static void
runs_come_out_of_the_clients_blocks(void **state)
{
	static struct pst_req req;

	(void)state;
	start(SIZE, ADDRESSES, 1024, 65535);
	for (uint32_t n = 1; n <= LIMIT; n++) {
		int low = bind_ports(CLIENT, n, 0, &req);
		uint32_t a = req.bind.proxy.ip - OUTSIDE;

		assert_true(low > 0);
		assert_int_equal(low % n, 0);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(owner[a][low + i], CLIENT);
		kill_ports(&req);
	}
	assert_true(blocks_of(CLIENT) <= LIMIT / SIZE);
	assert_int_equal(bind_ports(CLIENT, LIMIT + 1, 0, &req), -ENOSPC);
	finish();
}

static void
a_fixed_port_is_of_its_client_or_shared(void **state)
{
	static struct pst_req one, two, three;
	struct pst_endpoint out;
	enum pst_drop why;

	(void)state;
	start(1024, ADDRESSES, 2048, 4095);
	assert_int_equal(bind_ports(CLIENT, 1, 2100, &one), 2100);
	assert_true(owner[0][2048] == CLIENT || owner[1][2048] == CLIENT);
	assert_int_equal(bind_ports(CLIENT, 1, 2101, &two), 2101);
	assert_int_equal(records, 1);
	/* it is another's block now */
	three = one;
	assert_int_equal(bind_ports(CLIENT + 2, 1, 2102, &three),
		one.bind.proxy.ip == three.bind.proxy.ip ? -EADDRINUSE : 2102);
	assert_true(open_out(CLIENT, PST_UDP, 5000, &out, &why));
	assert_int_equal(out.ip, one.bind.proxy.ip);
	kill_ports(&one);
	kill_ports(&two);
	if (three.result == 0)
		kill_ports(&three);
	finish();
}

/* The rows that the operator sees. */
static uint32_t
show(struct pst_show_row *rows)
{
	static struct pst_req req;
	uint32_t n = 0;

	memset(&req, 0, sizeof(req));
	req.type = PST_REQ_SHOW;
	req.show.table = PST_SHOW_BLOCKS;
	pst_show_want_all(&req.show.wanted);
	do {
		while (!pst_nat_show(nat, &req, now_ms))
			;
		assert_int_equal(req.result, req.show.count);
		for (uint32_t i = 0; i < req.show.count; i++)
			rows[n++] = req.show.rows[i];
	} while (req.show.cursor != 0);
	return n;
}

static void
blocks_are_shown(void **state)
{
	static struct pst_show_row rows[16];
	struct pst_endpoint out;
	enum pst_drop why;

	(void)state;
	start(SIZE, ADDRESSES, 1024, 65535);
	assert_int_equal(show(rows), 0);
	assert_true(open_out(CLIENT, PST_UDP, 5000, &out, &why));
	assert_true(open_out(CLIENT, PST_TCP, 5000, &out, &why));
	assert_int_equal(show(rows), 1);
	assert_int_equal(rows[0].inside.ip, CLIENT);
	assert_int_equal(rows[0].outside.ip, out.ip);
	assert_int_equal(rows[0].outside.port, out.port / SIZE * SIZE);
	assert_int_equal(rows[0].remote.port, out.port / SIZE * SIZE + SIZE - 1);
	assert_int_equal(rows[0].ports_used, 2);
	assert_int_equal(rows[0].expires_ms, UINT32_MAX);
	pass(UDP_MS + 10000);
	assert_int_equal(show(rows), 1);
	assert_int_equal(rows[0].ports_used, 0);
	assert_in_range(rows[0].expires_ms, QUARANTINE_MS - 11000, QUARANTINE_MS - 9000);
	finish();
}

struct mapping {
	uint32_t client;
	struct pst_endpoint out;
	uint64_t until;
};

/* On the client's address, or on all while it has none. */
static void
all_blocks_are_taken(uint32_t client)
{
	for (uint32_t a = 0; a < ADDRESSES; a++) {
		bool here = blocks_of(client) == 0;

		for (uint32_t port = 0; port < 65536; port += SIZE)
			here = here || owner[a][port] == client;
		for (uint32_t port = RTE_ALIGN_CEIL(FIRST, SIZE); here && port + SIZE - 1 <= LAST;
			port += SIZE)
			assert_int_not_equal(owner[a][port], 0);
	}
}

/* Nobody has a port of a block that is not his by the records; nothing is refused that is there. */
static void
pool_does_what_the_naive_model_does(void **state)
{
	static struct mapping live[8192];
	const char *cases = getenv("PST_CASES");
	uint32_t refusals[2] = { 0 };
	uint32_t n = 0, steps = cases != NULL ? RTE_MIN(atoi(cases) * 10, 400000) : 60000;

	(void)state;
	start(SIZE, ADDRESSES, FIRST, LAST);
	for (uint32_t step = 0; step < steps; step++) {
		uint32_t client = CLIENT + pst_rng_below(&rng, CLIENTS);
		struct pst_endpoint out;
		enum pst_drop why;

		if (pst_rng_below(&rng, 200) == 0)
			pass(pst_rng_below(&rng, 20000));
		for (uint32_t i = 0; i < n;) {
			if (live[i].until <= now_ms)
				live[i] = live[--n];
			else
				i++;
		}
		if (!open_out(client, PST_UDP, 1024 + step % 50000, &out, &why)) {
			refusals[why == PST_DROP_NO_PORT]++;
			if (why == PST_DROP_CLIENT_PORTS)
				assert_int_equal(blocks_of(client), LIMIT / SIZE);
			else
				all_blocks_are_taken(client);
			continue;
		}
		assert_int_equal(owner_of(&out), client);
		assert_true(out.port / SIZE * SIZE >= FIRST && out.port / SIZE * SIZE + SIZE - 1 <= LAST);
		assert_true(blocks_of(client) <= LIMIT / SIZE);
		for (uint32_t i = 0; i < n; i++) {
			bool same_block = live[i].out.ip == out.ip &&
				live[i].out.port / SIZE == out.port / SIZE;

			assert_true(!same_block || live[i].client == client);
			assert_true(!same_block || live[i].out.port != out.port);
		}
		assert_true(n < RTE_DIM(live));
		live[n++] = (struct mapping){ client, out, now_ms + UDP_MS };
	}
	assert_true(refusals[0] > 0 && refusals[1] > 0);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_has_a_record_and_its_ports_none),
		cmocka_unit_test(a_left_block_rests_and_its_client_may_have_it_again),
		cmocka_unit_test(a_busy_pool_does_not_starve),
		cmocka_unit_test(runs_come_out_of_the_clients_blocks),
		cmocka_unit_test(a_fixed_port_is_of_its_client_or_shared),
		cmocka_unit_test(blocks_are_shown),
		cmocka_unit_test(pool_does_what_the_naive_model_does),
	};

	test_eal_init(256);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
