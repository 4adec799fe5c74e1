/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "steady.h"

#define FLOWS 65536
#define BURST 64

/* How much of each connection was seen. */
struct seen {
	uint8_t packets;
};

static void
see(struct seen *seen, const struct pst_step *step, uint16_t port)
{
	static const struct {
		enum pst_frame_part part;
		uint16_t port;
	} order[] = { { PST_FRAME_SYN, 0 }, { PST_FRAME_SYN_ACK, 1 }, { PST_FRAME_ACK, 0 },
		{ PST_FRAME_TO_SERVER, 0 }, { PST_FRAME_FIN, 0 }, { PST_FRAME_FIN_BACK, 1 },
		{ PST_FRAME_ACK, 0 } };
	struct seen *of = &seen[step->number];

	assert_true(of->packets < PST_STEADY_STAGES);
	assert_int_equal(step->part, order[of->packets].part);
	assert_int_equal(port, order[of->packets].port);
	of->packets++;
}

static void
a_connection_is_seven_segments_in_order(void **state)
{
	struct seen *seen = calloc(FLOWS, sizeof(*seen));
	struct pst_step steps[BURST];
	struct pst_steady steady;
	uint32_t whole = 0;

	(void)state;
	assert_non_null(seen);
	pst_steady_init(&steady, FLOWS, true);
	for (uint32_t round = 0; round < FLOWS / 8; round++)
		for (uint16_t port = 0; port < 2; port++) {
			uint32_t n = pst_steady_next(&steady, port, BURST, FLOWS, steps);

			assert_true(n <= BURST);
			for (uint32_t i = 0; i < n; i++)
				see(seen, &steps[i], port);
		}
	assert_int_equal(steady.done[0], FLOWS);
	for (uint32_t i = 0; i < FLOWS; i++)
		whole += seen[i].packets == PST_STEADY_STAGES;
	assert_int_equal(whole, FLOWS - (PST_STEADY_STAGES - 1) * steady.gap);
	free(seen);
}

/* A packet has to have come through before it is answered, in the same turn at the earliest. */
static void
others_have_their_turn_in_between(void **state)
{
	struct pst_step steps[BURST];
	struct pst_steady steady;

	(void)state;
	pst_steady_init(&steady, PST_STEADY_FLOWS_MIN, true);
	assert_true(steady.gap > 2 * BURST / 5);
	for (uint32_t round = 0; round < 10000; round++) {
		pst_steady_next(&steady, round % 2, BURST, UINT64_MAX, steps);
		for (uint32_t k = 1; k < PST_STEADY_STAGES; k++)
			assert_true(steady.done[k] == 0 ||
				steady.done[k] + steady.gap <= steady.done[k - 1]);
		assert_true(steady.done[0] - steady.done[PST_STEADY_STAGES - 1] <
			PST_STEADY_UNDER_WAY);
	}
}

static void
the_mix_is_the_same_all_the_time(void **state)
{
	struct pst_step steps[BURST];
	struct pst_steady steady;

	(void)state;
	pst_steady_init(&steady, FLOWS, true);
	for (uint32_t round = 0; round < 4000; round++) {
		uint32_t out = pst_steady_next(&steady, 0, BURST, UINT64_MAX, steps);
		uint32_t in = pst_steady_next(&steady, 1, BURST, UINT64_MAX, steps);

		if (round > 1000) {
			assert_int_equal(out, 60);
			assert_int_equal(in, 24);
		}
	}
}

static void
a_datagram_is_a_connection(void **state)
{
	struct pst_step steps[BURST];
	struct pst_steady steady;

	(void)state;
	pst_steady_init(&steady, FLOWS, false);
	for (uint32_t round = 0; round < 100; round++) {
		assert_int_equal(pst_steady_next(&steady, 0, BURST, 70 * BURST, steps),
			round < 70 ? BURST : 0);
		assert_int_equal(pst_steady_next(&steady, 1, BURST, 70 * BURST, steps), 0);
		if (round < 70)
			assert_int_equal(steps[5].number, round * BURST + 5);
		assert_int_equal(steps[5].part, PST_FRAME_UDP);
	}
}

/* The last one of a flow has ended before the next one begins, and there are ports for all. */
static void
flows_and_ports_suffice(void **state)
{
	(void)state;
	for (uint32_t flows = PST_STEADY_FLOWS_MIN; flows <= 1 << 24; flows *= 2)
		for (int tcp = 0; tcp < 2; tcp++) {
			struct pst_steady steady;
			uint32_t late = 2 * pst_steady_rate(flows, tcp) + BURST;
			uint32_t most, addresses = flows / PST_STEADY_FLOWS_PER_ADDRESS;

			pst_steady_init(&steady, flows, tcp);
			most = pst_steady_live(flows) + late + (tcp ? 5 * steady.gap : 0);
			assert_true(most < flows);
			if (addresses > 0)
				assert_true(most < addresses * (65536 - 1024));
		}
}

static void
a_timeout_is_as_long_as_what_lives(void **state)
{
	(void)state;
	for (uint32_t flows = PST_STEADY_FLOWS_MIN; flows <= 1 << 24; flows *= 2) {
		assert_int_equal(pst_steady_ms(flows, false, pst_steady_live(flows)), 300000);
		assert_int_equal(pst_steady_ms(flows, true, pst_steady_live(flows)), 240000);
		assert_int_equal(pst_steady_ms(flows, true, 1000ull * pst_steady_live(flows)),
			240000000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_seven_segments_in_order),
		cmocka_unit_test(others_have_their_turn_in_between),
		cmocka_unit_test(the_mix_is_the_same_all_the_time),
		cmocka_unit_test(a_datagram_is_a_connection),
		cmocka_unit_test(flows_and_ports_suffice),
		cmocka_unit_test(a_timeout_is_as_long_as_what_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
