/* SPDX-License-Identifier: BSD-3-Clause */
#include "chan/chan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"

#define RECORDS 4
#define LAPS 5

static struct pst_chan *
create(uint32_t records)
{
	return pst_chan_create(&(struct pst_chan_params){ .name = "test", .records = records });
}

/* Of any number under way, and wherever in a lap it begins. */
static void
requests_and_answers_keep_their_order(void **state)
{
	struct pst_chan *chan = create(RECORDS);
	struct pst_req *asked[RECORDS], *got[RECORDS + 1];

	(void)state;
	for (uint32_t round = 0; round < LAPS * RECORDS; round++) {
		uint32_t n = round % RECORDS + 1;

		assert_null(pst_chan_request(chan));
		for (uint32_t i = 0; i < n; i++) {
			asked[i] = pst_chan_take(chan);
			assert_non_null(asked[i]);
			pst_chan_post(chan, asked[i]);
		}
		assert_int_equal(pst_chan_requests(chan, got, RECORDS + 1), n);
		for (uint32_t i = 0; i < n; i++) {
			assert_ptr_equal(got[i], asked[i]);
			assert_null(pst_chan_answer(chan));
			pst_chan_reply(chan, &got[i], 1);
			assert_ptr_equal(pst_chan_answer(chan), asked[i]);
			pst_chan_put(chan, asked[i]);
		}
	}
	pst_chan_destroy(chan);
}

static void
records_are_the_credits(void **state)
{
	struct pst_chan *chan = create(RECORDS);
	struct pst_req *got[RECORDS + 1];

	(void)state;
	for (uint32_t i = 0; i < RECORDS; i++)
		pst_chan_post(chan, pst_chan_take(chan));
	assert_null(pst_chan_take(chan));
	assert_int_equal(pst_chan_requests(chan, got, 1), 1);
	assert_int_equal(pst_chan_requests(chan, got + 1, RECORDS), RECORDS - 1);
	pst_chan_destroy(chan);
}

static void
what_one_end_writes_the_other_does_not_read(void **state)
{
	(void)state;
	assert_true(offsetof(struct pst_chan, records) % RTE_CACHE_LINE_SIZE == 0);
	assert_true(sizeof(struct pst_chan) % RTE_CACHE_LINE_SIZE == 0);
	assert_true(sizeof(struct pst_req) % RTE_CACHE_LINE_SIZE == 0);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(64);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_and_answers_keep_their_order),
		cmocka_unit_test(records_are_the_credits),
		cmocka_unit_test(what_one_end_writes_the_other_does_not_read),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
