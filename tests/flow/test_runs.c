/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All 64,512 ports of an address, of 1, 2 and 4 workers: clients everywhere use each, no more, and
 * get back what was freed; and one client gets all of them, as runs move to its worker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define PORTS 64512u
#define RUN 1024u
#define SLOTS 64u
#define CLIENTS IP(10, 1, 1, 64) /* 64 of them, one in each slot */
#define SERVER IP(198, 18, 0, 9)
#define UDP_MS 300000
#define QUARANTINE_MS 120000

static uint8_t used[65536]; /* outside ports that some mapping has */
static uint16_t *outside_of; /* by client and inside port */

static void
start(struct box *b, uint32_t workers, uint32_t block)
{
	struct pst_config c;

	box_config(&c, workers, 1);
	c.nat.ports_per_client = 65535;
	c.nat.sessions_per_client = 200000;
	c.nat.sessions = 300000; /* one worker of four gets a client's 64,512 */
	c.nat.port_block = block;
	c.nat.quarantine_s = QUARANTINE_MS / 1000;
	c.nat.timeouts.udp = UDP_MS / 1000;
	box_init(b, &c, 0);
	memset(used, 0, sizeof(used));
	outside_of = calloc((size_t)SLOTS << 16, sizeof(*outside_of));
	assert_non_null(outside_of);
}

static void
finish(struct box *b)
{
	free(outside_of);
	box_fini(b);
}

static uint16_t *
mapping(uint32_t client, uint32_t port)
{
	return &outside_of[(client % SLOTS) << 16 | port];
}

/* ICMP errors about what was refused: read and freed. */
static void
drain(struct box *b)
{
	struct rte_mbuf *m;

	while ((m = box_get(b, BOX_INSIDE)) != NULL)
		rte_pktmbuf_free(m);
}

/* A datagram of the client leaves by a port of its own; false: it was refused, and counted. */
static bool
opens(struct box *b, uint32_t client, uint32_t port)
{
	struct pkt in = pkt_udp(client, port, SERVER, 53), out;
	uint64_t drops = box_drops(b, PST_DROP_NO_PORT);

	if (!box_pass_through(b, BOX_INSIDE, &in, &out)) {
		assert_int_equal(box_drops(b, PST_DROP_NO_PORT), drops + 1);
		drain(b);
		return false;
	}
	assert_true(out.sport >= 1024);
	assert_int_equal(used[out.sport], 0);
	used[out.sport] = 1;
	*mapping(client, port) = out.sport;
	return true;
}

/* Both ways of it go on, by the same port. */
static void
goes_on(struct box *b, uint32_t client, uint32_t port)
{
	struct pkt in = pkt_udp(client, port, SERVER, 53), out, back, got;

	assert_true(box_pass_through(b, BOX_INSIDE, &in, &out));
	assert_int_equal(out.sport, *mapping(client, port));
	back = pkt_answer(&out);
	assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &got));
	assert_int_equal(got.dst, client);
	assert_int_equal(got.dport, port);
}

/* Each client opens one after the other until it is refused. Returns how many there are now. */
static uint32_t
fill(struct box *b, uint32_t first_port)
{
	uint32_t next[SLOTS], count = 0, left = SLOTS;
	bool refused[SLOTS] = { false };

	for (uint32_t c = 0; c < SLOTS; c++)
		next[c] = first_port;
	for (uint32_t c = 0; left > 0; c = (c + 1) % SLOTS) {
		if (refused[c])
			continue;
		refused[c] = !opens(b, CLIENTS + c, next[c]++);
		left -= refused[c];
		count += !refused[c];
	}
	return count;
}

static void
use_every_port(uint32_t block)
{
	uint32_t kept = 0;
	struct box b;

	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		start(&b, workers, block);
		assert_int_equal(fill(&b, 10000), PORTS);
		for (uint32_t c = 0; c < SLOTS; c++) {
			assert_false(opens(&b, CLIENTS + c, 60000));
			goes_on(&b, CLIENTS + c, 10000);
		}
		/* half of the clients go on, the others' ports come back */
		box_pass(&b, UDP_MS * 2 / 3);
		kept = 0;
		for (uint32_t c = 0; c < SLOTS; c += 2) {
			for (uint32_t port = 10000; *mapping(CLIENTS + c, port) != 0; port++, kept++)
				goes_on(&b, CLIENTS + c, port);
		}
		box_pass(&b, UDP_MS * 2 / 3);
		assert_int_equal(box_connections(&b), kept);
		for (uint32_t c = 1; c < SLOTS; c += 2) {
			for (uint32_t port = 10000; *mapping(CLIENTS + c, port) != 0; port++)
				used[*mapping(CLIENTS + c, port)] = 0;
		}
		assert_int_equal(fill(&b, 30000), PORTS - kept);
		finish(&b);
	}
}

static void
all_clients_together_use_every_port(void **state)
{
	(void)state;
	use_every_port(0);
	use_every_port(64);
}

/* How many the client opens in a row. */
static uint32_t
open_all(struct box *b, uint32_t client, uint32_t first_port)
{
	uint32_t n = 0;

	while (opens(b, client, first_port + n))
		n++;
	return n;
}

static void
get_every_run(uint32_t block)
{
	const uint32_t client = CLIENTS, other = CLIENTS + 1;
	struct box b;

	for (uint32_t workers = 2; workers <= 4; workers *= 2) {
		uint32_t n;

		start(&b, workers, block);
		assert_true(opens(&b, other, 5000));
		/* all but the run where the other one is */
		n = open_all(&b, client, 1);
		assert_int_equal(n, PORTS - RUN);
		goes_on(&b, other, 5000);
		goes_on(&b, client, 1);
		goes_on(&b, client, n);
		/* the other one's connection ends, its port rests; then that run goes there, too */
		for (uint64_t ms = 0; ms < UDP_MS + QUARANTINE_MS + 1000; ms += UDP_MS / 3) {
			for (uint32_t port = 1; port <= n; port++) {
				struct pkt p = pkt_udp(client, port, SERVER, 53), out;

				assert_true(box_pass_through(&b, BOX_INSIDE, &p, &out));
			}
			box_pass(&b, UDP_MS / 3);
		}
		used[*mapping(other, 5000)] = 0;
		assert_false(opens(&b, client, n + 1)); /* its worker asks for more now */
		box_pass(&b, 2000);
		assert_int_equal(open_all(&b, client, n + 1), RUN);
		goes_on(&b, client, n + RUN);
		/* nothing is left for the other one, until the client goes */
		assert_false(opens(&b, other, 5001));
		box_pass(&b, UDP_MS + QUARANTINE_MS + 2000);
		memset(used, 0, sizeof(used));
		assert_false(opens(&b, other, 5001));
		box_settle(&b);
		assert_true(opens(&b, other, 5001));
		goes_on(&b, other, 5001);
		finish(&b);
	}
}

static void
one_client_gets_every_run_that_is_idle(void **state)
{
	(void)state;
	get_every_run(0);
	get_every_run(128);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_clients_together_use_every_port),
		cmocka_unit_test(one_client_gets_every_run_that_is_idle),
	};

	test_eal_init(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
