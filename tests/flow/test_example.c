/* SPDX-License-Identifier: BSD-3-Clause */
/* The example of editors/README.md through the whole appliance: a pattern to start from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eal.h"
#include "example.h"
#include "talk.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define SOMEBODY IP(198, 18, 0, 10)
#define OUTSIDE IP(198, 18, 0, 1)

static const struct pst_editor *const editors[] = { &example_editor, NULL };

static struct box box;
static struct talk_end client, server;

/* A box of two workers with the example alone, and a control connection. */
static int
connect_control(void **state)
{
	struct pst_config c;

	(void)state;
	box_config(&c, 2, 1);
	c.editors[c.n_editors++] = (struct pst_config_editor){ "example", true };
	box_init_editors(&box, &c, editors);
	client = (struct talk_end){ .port = BOX_INSIDE, .ip = CLIENT, .sport = 4000,
		.peer = SERVER, .dport = EXAMPLE_PORT, .seq = 1000 };
	server = (struct talk_end){ .port = BOX_OUTSIDE, .ip = SERVER, .sport = EXAMPLE_PORT,
		.seq = 7000 };
	talk_connect(&box, &client, &server);
	return 0;
}

/* Nothing may be left. */
static int
hang_up(void **state)
{
	(void)state;
	talk_reset(&box, &client, &server);
	box_fini(&box);
	return 0;
}

/* The client says where it waits; returns the port that the server reads. */
static uint16_t
call(void)
{
	unsigned int port;

	talk_say(&box, &client, &server, "CALL 10.1.1.7:5000\n");
	if (sscanf(server.got, "CALL 198.18.0.1:%u\n", &port) != 1)
		fail_msg("the server got \"%s\"", server.got);
	return port;
}

static struct pkt
syn(uint32_t from, uint16_t port)
{
	return (struct pkt){ .proto = PST_TCP, .src = from, .sport = 2000, .dst = OUTSIDE,
		.dport = port, .seq = 1, .tcp_flags = RTE_TCP_SYN_FLAG };
}

static void
the_server_alone_may_come(void **state)
{
	uint16_t port = call();
	struct pkt p = syn(SOMEBODY, port), seen;

	(void)state;
	box_is_dropped(&box, BOX_OUTSIDE, &p, PST_DROP_IP_FILTER);
	p = syn(SERVER, port);
	assert_true(box_pass_through(&box, BOX_OUTSIDE, &p, &seen));
	assert_int_equal(seen.dst, CLIENT);
	assert_int_equal(seen.dport, 5000);
	talk_answer(&box, BOX_OUTSIDE, &p, &seen);
}

static void
nobody_comes_after_a_minute(void **state)
{
	uint16_t port = call();
	struct pkt p = syn(SERVER, port);

	(void)state;
	box_pass(&box, 61000);
	box_is_dropped(&box, BOX_OUTSIDE, &p, PST_DROP_NO_MAPPING);
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
#define T(f) cmocka_unit_test_setup_teardown(f, connect_control, hang_up)
	const struct CMUnitTest tests[] = {
		T(the_server_alone_may_come),
		T(nobody_comes_after_a_minute),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
