/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hooks of ports where an endpoint's own port was asked for: what it accepts goes by way of the
 * editors that want to hear of it, whichever port they name (R42, R72).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eal.h"
#include "probe.h"

static struct probe probe;

static struct probe *
start(uint32_t event, uint16_t port)
{
	memset(&probe, 0, sizeof(probe));
	probe.hooks[1] = (struct pst_hooks){ .n = 1,
		.list = { { .events = event,
			.sources = PST_ALL_SOURCES,
			.first = port,
			.last = port } } };
	probe_start(&probe, NULL);
	return &probe;
}

/* The client's port is 3000. */
static void
accepted_is_heard_of_by_either_port(void **state)
{
	static const uint16_t hooked[] = { 3000, 9000, 3001 };

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(hooked); i++) {
		struct probe *p = start(PST_EVENT_ACCEPTED, hooked[i]);
		struct pst_bind_for_client args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);

		args.proxy_address->port = 9000;
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
		assert_true(probe_connect(p, SERVER, 20, 9000));
		assert_int_equal(probe_count(p, 1, PST_EVENT_ACCEPTED), i < 2);
		probe_stop(p);
	}
}

static void
a_udp_destination_is_heard_of_by_the_peers_port(void **state)
{
	static const uint16_t hooked[] = { 5000, 9000 };

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(hooked); i++) {
		struct probe *p = start(PST_EVENT_UDP_DESTINATION, hooked[i]);
		struct pst_bind_for_client args = probe_args(p, PST_UDP, 1, PST_FLAG_TIMEOUT);
		struct pkt in;

		args.proxy_address->port = 9000;
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
		in = probe_packet(PST_UDP, SERVER, 5000, OUTSIDE, 9000, 0);
		assert_true(probe_reaches(p, &in, 3000));
		assert_int_equal(probe_count(p, 1, PST_EVENT_UDP_DESTINATION), i < 1);
		probe_stop(p);
	}
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
		cmocka_unit_test(accepted_is_heard_of_by_either_port),
		cmocka_unit_test(a_udp_destination_is_heard_of_by_the_peers_port),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
