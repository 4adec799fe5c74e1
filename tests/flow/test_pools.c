/* SPDX-License-Identifier: BSD-3-Clause */
/* Outside addresses that are some clients' alone (nat.pools). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define SERVER IP(198, 18, 0, 9)
#define SALES IP(10, 1, 9, 0) /* /24: they have .20 to .21 */
#define BOSS IP(10, 1, 8, 7)  /* has .30 */
#define OTHERS IP(10, 1, 1, 0) /* have .1 and .2 */

static struct pkt
udp(uint32_t src, uint16_t sport)
{
	return (struct pkt){ .proto = IPPROTO_UDP, .src = src, .sport = sport, .dst = SERVER,
		.dport = 53, .data = "hello", .len = 5 };
}

static void
config(struct pst_config *c, uint32_t workers)
{
	box_config(c, workers, 1);
	c->nat.pool[0].last = IP(198, 18, 0, 2);
	c->nat.n_pools = 2;
	c->nat.pools[0] = (struct pst_config_pool){ .clients = { { SALES, SALES + 255 } },
		.n_clients = 1,
		.addresses = { { IP(198, 18, 0, 20), IP(198, 18, 0, 20) },
			{ IP(198, 18, 0, 21), IP(198, 18, 0, 21) } },
		.n_addresses = 2 };
	c->nat.pools[1] = (struct pst_config_pool){ .clients = { { IP(10, 1, 7, 1), IP(10, 1, 7, 1) },
						      { BOSS, BOSS } },
		.n_clients = 2,
		.addresses = { { IP(198, 18, 0, 30), IP(198, 18, 0, 30) } },
		.n_addresses = 1 };
}

/* The outside address of a new connection, which an answer finds too; 0: there is none. */
static uint32_t
address_of(struct box *b, uint32_t client, uint16_t sport)
{
	struct pkt in = udp(client, sport), out, back, got;

	if (!box_pass_through(b, BOX_INSIDE, &in, &out)) {
		rte_pktmbuf_free(box_get(b, BOX_INSIDE)); /* prohibited (RFC 6888 REQ-11) */
		return 0;
	}
	back = in;
	back.src = SERVER;
	back.sport = 53;
	back.dst = out.src;
	back.dport = out.sport;
	assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &got));
	assert_int_equal(got.dst, client);
	assert_int_equal(got.dport, sport);
	return out.src;
}

/* All of `hosts` clients from first on; in mask a bit for each last byte of their addresses. */
static uint64_t
addresses_of(struct box *b, uint32_t first, uint32_t hosts)
{
	uint64_t mask = 0;

	for (uint32_t i = 0; i < hosts; i++) {
		uint32_t one = address_of(b, first + i, 5000);

		assert_int_equal(one & ~UINT32_C(63), IP(198, 18, 0, 0));
		for (uint16_t k = 1; k < 4; k++) /* RFC 4787 REQ-2 */
			assert_int_equal(address_of(b, first + i, 5000 + k), one);
		mask |= UINT64_C(1) << (one & 63);
	}
	return mask;
}

#define BIT(n) (UINT64_C(1) << (n))

static void
each_client_has_addresses_of_its_own_pool(void **state)
{
	struct pst_config c;
	struct box b;

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		config(&c, workers);
		box_init(&b, &c, 0);
		assert_true(addresses_of(&b, SALES + 1, 24) == (BIT(20) | BIT(21)));
		assert_true(addresses_of(&b, OTHERS + 1, 24) == (BIT(1) | BIT(2)));
		assert_true(addresses_of(&b, BOSS, 1) == BIT(30));
		assert_true(addresses_of(&b, IP(10, 1, 7, 1), 1) == BIT(30));
		assert_true((addresses_of(&b, IP(10, 1, 7, 2), 1) & ~(BIT(1) | BIT(2))) == 0);
		box_fini(&b);
	}
}

static void
a_full_pool_takes_nothing_of_another(void **state)
{
	struct pst_config c;
	struct box b;

	(void)state;
	config(&c, 1);
	c.nat.port_first = 2000;
	c.nat.port_last = 2003;
	box_init(&b, &c, 0);
	for (uint16_t i = 0; i < 8; i++) /* a client each: four on one address, four on the other */
		assert_in_range(address_of(&b, SALES + 1 + i, 5000), IP(198, 18, 0, 20),
			IP(198, 18, 0, 21));
	assert_int_equal(address_of(&b, SALES + 9, 5000), 0);
	assert_int_equal(box_drops(&b, PST_DROP_NO_PORT), 1);
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(address_of(&b, BOSS, 5000 + i), IP(198, 18, 0, 30));
	assert_int_equal(address_of(&b, BOSS, 5004), 0);
	assert_int_equal(box_drops(&b, PST_DROP_NO_PORT), 2);
	for (uint16_t i = 0; i < 8; i++)
		assert_in_range(address_of(&b, OTHERS + 1 + i, 5000), IP(198, 18, 0, 1),
			IP(198, 18, 0, 2));
	box_fini(&b);
}

/* As pst_bind_for_client() asks; 0 and the address, or -errno. */
static int
bind_for(struct box *b, uint32_t client, uint32_t address, uint16_t port, uint32_t *got,
	struct pst_ref *ref)
{
	struct pst_chan *chan = b->a->editor_chans[0][pst_steer_inside(&b->a->steer, client)];
	struct pst_req *req = pst_chan_take(chan);
	int ret;

	memset(&req->bind, 0, sizeof(req->bind));
	req->type = PST_REQ_BIND;
	req->bind.client_ip = client;
	req->bind.protocol = PST_TCP;
	req->bind.n = 1;
	req->bind.backlog = 1;
	req->bind.proxy = (struct pst_endpoint){ address, port };
	req->bind.ends[0].client = (struct pst_endpoint){ client, 3000 };
	pst_chan_post(chan, req);
	box_settle(b);
	assert_ptr_equal(pst_chan_answer(chan), req);
	ret = req->result;
	*got = req->bind.proxy.ip;
	*ref = req->bind.ends[0].ref;
	pst_chan_put(chan, req);
	return ret;
}

static void
kill_one(struct box *b, uint32_t client, struct pst_ref ref)
{
	struct pst_chan *chan = b->a->editor_chans[0][pst_steer_inside(&b->a->steer, client)];
	struct pst_req *req = pst_chan_take(chan);

	memset(&req->bind, 0, sizeof(req->bind));
	req->type = PST_REQ_KILL;
	req->bind.n = 1;
	req->bind.ends[0].ref = ref;
	pst_chan_post(chan, req);
	box_settle(b);
	assert_ptr_equal(pst_chan_answer(chan), req);
	pst_chan_put(chan, req);
}

static void
what_an_editor_binds_is_of_the_clients_pool(void **state)
{
	static const struct {
		uint32_t client, address;
		uint16_t port;
		int ret;
	} cases[] = {
		{ SALES + 1, 0, PST_PORT_ANY, 0 },
		{ SALES + 2, IP(198, 18, 0, 21), PST_PORT_ANY, 0 },
		{ SALES + 2, IP(198, 18, 0, 21), 2000, 0 },
		{ SALES + 2, IP(198, 18, 0, 21), 60000, 0 }, /* another worker's */
		{ SALES + 2, 0, 60000, 0 },
		{ SALES + 2, IP(198, 18, 0, 30), PST_PORT_ANY, -EADDRNOTAVAIL },
		{ SALES + 2, IP(198, 18, 0, 30), 2000, -EADDRNOTAVAIL },
		{ SALES + 2, IP(198, 18, 0, 1), 60000, -EADDRNOTAVAIL },
		{ BOSS, 0, PST_PORT_ANY, 0 },
		{ BOSS, IP(198, 18, 0, 2), PST_PORT_ANY, -EADDRNOTAVAIL },
		{ OTHERS + 1, IP(198, 18, 0, 2), PST_PORT_ANY, 0 },
		{ OTHERS + 1, IP(198, 18, 0, 20), PST_PORT_ANY, -EADDRNOTAVAIL },
		{ OTHERS + 1, IP(198, 18, 0, 99), PST_PORT_ANY, -EADDRNOTAVAIL },
	};
	struct pst_config c;
	struct box b;

	(void)state;
	config(&c, 2);
	box_init(&b, &c, 0);
	b.no_runtimes = true;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint32_t group = cases[i].client >> 8, got;
		struct pst_ref ref;

		assert_int_equal(bind_for(&b, cases[i].client, cases[i].address, cases[i].port,
					 &got, &ref),
			cases[i].ret);
		if (cases[i].ret < 0)
			continue;
		if (group == SALES >> 8)
			assert_in_range(got, IP(198, 18, 0, 20), IP(198, 18, 0, 21));
		else if (group == BOSS >> 8)
			assert_int_equal(got, IP(198, 18, 0, 30));
		else
			assert_in_range(got, IP(198, 18, 0, 1), IP(198, 18, 0, 2));
		assert_int_equal(address_of(&b, cases[i].client, 5000 + i), got);
		kill_one(&b, cases[i].client, ref);
		box_pass(&b, 301000);
	}
	box_fini(&b);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(512);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_client_has_addresses_of_its_own_pool),
		cmocka_unit_test(a_full_pool_takes_nothing_of_another),
		cmocka_unit_test(what_an_editor_binds_is_of_the_clients_pool),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
