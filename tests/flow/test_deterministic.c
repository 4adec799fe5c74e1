/* SPDX-License-Identifier: BSD-3-Clause */
/* Deterministic ports: what a client gets is what the config says it gets, and nothing is logged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"
#include "probe.h"

#define CLIENTS IP(10, 1, 4, 0) /* a /24, and */
#define OTHERS IP(10, 1, 9, 0)	/* a /26 with a pool of its own */
#define PEER IP(198, 18, 0, 100)
#define OURS IP(198, 18, 0, 1)
#define POOL IP(198, 18, 0, 40) /* two addresses */
#define BLOCK 64

static struct box box;

static struct box *
start(uint32_t workers, void (*change)(struct pst_config *c))
{
	struct pst_config c;

	box_config(&c, workers, 1);
	c.n_internal_networks = 1;
	c.internal_networks[0] = (struct pst_prefix){ CLIENTS, 24 };
	c.nat.n_pools = 1;
	c.nat.pools[0] = (struct pst_config_pool){ .clients = { { OTHERS, OTHERS + 63 } },
		.n_clients = 1,
		.addresses = { { POOL, POOL + 1 } },
		.n_addresses = 1 };
	c.nat.port_block = BLOCK;
	c.nat.deterministic = true;
	if (change != NULL)
		change(&c);
	box_init(&box, &c, 0);
	return &box;
}

static uint64_t
records(const struct box *b)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < b->a->n_workers; w++)
		n += pst_worker_nat(b->a->workers[w])->records_total;
	return n;
}

/* The client's packet leaves from its own block: number of the address, and first port. */
static void
leaves_from_its_block(struct box *b, struct pkt in)
{
	struct pkt out;
	uint32_t address, whose;
	uint16_t first;

	assert_true(pst_port_plan_block(&b->a->now->portplan.plan, in.src, &address, &first));
	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.src, rte_be_to_cpu_32(b->a->now->nat.addresses[address]));
	assert_true(out.sport >= first && out.sport < first + BLOCK);
	assert_true(pst_port_plan_client(&b->a->now->portplan.plan, address, out.sport, &whose));
	assert_int_equal(whose, in.src);
	if (in.proto == IPPROTO_UDP) {
		struct pkt back = pkt_answer(&out), got;

		assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &got));
		assert_int_equal(got.dst, in.src);
	}
}

static void
every_client_has_the_ports_of_the_plan(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start(workers, NULL);

		for (uint32_t k = 0; k < 256; k += 3) {
			leaves_from_its_block(b, pkt_udp(CLIENTS + k, 5000, PEER, 53));
			leaves_from_its_block(
				b, pkt_tcp(CLIENTS + k, 5001, PEER, 80, RTE_TCP_SYN_FLAG));
			leaves_from_its_block(b, pkt_udp(OTHERS + k % 64, 6000 + k, PEER, 53));
		}
		assert_int_equal(records(b), 0);
		box_fini(b);
	}
}

/* The block is all there is, though there are others; when it is idle it is nobody else's. */
static void
a_client_has_one_block(void **state)
{
	struct box *b = start(2, NULL);
	struct pkt in = pkt_udp(CLIENTS + 9, 0, PEER, 53);

	(void)state;
	for (uint16_t k = 0; k < BLOCK; k++) {
		in.sport = 2000 + k;
		leaves_from_its_block(b, in);
	}
	in.sport = 9;
	box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_CLIENT_PORTS);
	rte_pktmbuf_free(box_get(b, BOX_INSIDE)); /* it is told */
	box_pass(b, 1000 * (300 + 120 + 5));
	assert_int_equal(box_connections(b), 0);
	leaves_from_its_block(b, in);
	leaves_from_its_block(b, pkt_udp(CLIENTS + 10, 9, PEER, 53));
	assert_int_equal(records(b), 0);
	box_fini(b);
}

static void
strangers_have_no_ports(void **state)
{
	struct box *b = start(1, NULL);
	struct pkt in = pkt_udp(CLIENTS + 256, 5000, PEER, 53);

	(void)state;
	box_is_dropped(b, BOX_INSIDE, &in, PST_DROP_CLIENT_PORTS);
	rte_pktmbuf_free(box_get(b, BOX_INSIDE));
	box_fini(b);
}

/* BindForClient: runs and ports of the client's own block, and of no other. */

static struct pst_port_plan *plan;

static void
binds(struct probe *p)
{
	struct pst_bind_for_client args = probe_args(p, PST_UDP, 32, PST_FLAG_TIMEOUT);
	uint32_t address;
	uint16_t first;

	assert_true(pst_port_plan_block(plan, CLIENT, &address, &first));
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	assert_int_equal(p->at.port % 32, 0);
	assert_true(p->at.port >= first && p->at.port + 32 <= first + BLOCK);
	args = probe_args(p, PST_UDP, 2 * BLOCK, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, -ENOSPC);
	for (uint32_t port = 1024; port < 65536; port += 1024 + BLOCK) {
		uint32_t whose = CLIENT;
		bool is_anothers = pst_port_plan_client(plan, address, port, &whose) &&
			whose != CLIENT;

		args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
		p->at.port = port + 5;
		probe_bind(p, &args);
		assert_int_equal(p->ret, is_anothers ? -EADDRINUSE : 0);
	}
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	p->at.port = first + 5;
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
}

static void
editors_get_ports_of_the_block(void **state)
{
	static struct probe p;
	struct pst_config c;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		memset(&p, 0, sizeof(p));
		probe_config(&c, workers);
		c.n_internal_networks = 1;
		c.internal_networks[0] = (struct pst_prefix){ IP(10, 1, 0, 0), 23 };
		c.nat.port_block = BLOCK;
		c.nat.deterministic = true;
		probe_start(&p, &c);
		plan = &p.box.a->now->portplan.plan;
		binds(&p);
		probe_stop(&p);
	}
}

static void
fails(void (*change)(struct pst_config *c), const char *why)
{
	static struct pst_config c;
	char error[512] = "";

	box_config(&c, 2, 1);
	c.n_internal_networks = 1;
	c.internal_networks[0] = (struct pst_prefix){ CLIENTS, 24 };
	c.nat.port_block = BLOCK;
	c.nat.deterministic = true;
	assert_int_equal(pst_daemon_plan_check(&c, error, sizeof(error)), 0);
	change(&c);
	assert_int_equal(pst_daemon_plan_check(&c, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, why);
}

static void
too_many_clients(struct pst_config *c)
{
	c->internal_networks[0] = (struct pst_prefix){ IP(10, 1, 0, 0), 21 };
}

static void
publish_in_a_block(struct pst_config *c)
{
	c->n_publish = 1;
	c->publish[0] = (struct pst_config_publish){ .name = "www",
		.transport = PST_TCP,
		.external = { OURS, 1100 },
		.internal = { CLIENTS + 1, 80 } };
}

static void
what_can_not_be_is_said_before(void **state)
{
	(void)state;
	fails(too_many_clients,
		"nat.deterministic: internal_networks: 2048 clients, and 1008 blocks of 64 ports on "
		"1 address: give it more addresses, fewer clients or a smaller nat.port_block");
	fails(publish_in_a_block,
		"nat.deterministic: \"www\" can't be published: 198.18.0.1:1100 is a port of "
		"10.1.4.2's block; leave it out of nat.ports");
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
		cmocka_unit_test(every_client_has_the_ports_of_the_plan),
		cmocka_unit_test(a_client_has_one_block),
		cmocka_unit_test(strangers_have_no_ports),
		cmocka_unit_test(editors_get_ports_of_the_block),
		cmocka_unit_test(what_can_not_be_is_said_before),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
