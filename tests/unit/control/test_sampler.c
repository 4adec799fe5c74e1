/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads ask, the test's own thread is main. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "appliance.h"
#include "control/sampler.h"
#include "eal.h"

#define ASKERS 8

static struct appliance a;
static struct pst_sampler *sampler;

struct asker {
	pthread_t thread;
	int (*ask)(struct asker *asker);
	int ret;
	uint64_t received; /* what the sample says */
	char *json;
	atomic_bool is_done;
};

static int
setup(void **state)
{
	(void)state;
	appliance_start(&a, 2);
	sampler = pst_sampler_create();
	assert_non_null(sampler);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pst_sampler_close(sampler, pst_control_view(a.control));
	pst_sampler_destroy(sampler);
	appliance_stop(&a);
	return 0;
}

static int
ask_figures(struct asker *asker)
{
	struct pst_sample *sample = malloc(sizeof(*sample));
	int ret = pst_sampler_figures(sampler, sample);

	if (ret == 0)
		asker->received = sample->account.received;
	free(sample);
	return ret;
}

static int
ask_endpoints(struct asker *asker)
{
	return pst_sampler_endpoints(sampler, &asker->json);
}

static void *
run(void *arg)
{
	struct asker *asker = arg;

	asker->ret = asker->ask(asker);
	asker->is_done = true;
	return NULL;
}

static void
start(struct asker *asker, int (*ask)(struct asker *asker))
{
	*asker = (struct asker){ .ask = ask };
	assert_int_equal(pthread_create(&asker->thread, NULL, run, asker), 0);
}

/* Main goes on until they have their answers. */
static void
finish(struct asker *askers, int n)
{
	for (int i = 0; i < n;) {
		appliance_step(&a);
		pst_sampler_poll(sampler, pst_control_view(a.control));
		if (!askers[i].is_done) {
			sched_yield();
			continue;
		}
		pthread_join(askers[i].thread, NULL);
		i++;
	}
}

static void
many_are_answered(void **state)
{
	struct asker askers[ASKERS];

	(void)state;
	a.workers[1].account.received = 42;
	for (int i = 0; i < ASKERS; i++)
		start(&askers[i], ask_figures);
	finish(askers, ASKERS);
	for (int i = 0; i < ASKERS; i++) {
		assert_int_equal(askers[i].ret, 0);
		assert_int_equal(askers[i].received, 42);
	}
}

static uint64_t
ask_once(void)
{
	struct asker asker;

	start(&asker, ask_figures);
	finish(&asker, 1);
	assert_int_equal(asker.ret, 0);
	return asker.received;
}

static void
a_young_sample_serves_again(void **state)
{
	(void)state;
	a.workers[0].account.received = 1;
	assert_int_equal(ask_once(), 1);
	a.workers[0].account.received = 2;
	a.now += PST_SAMPLER_MS - 1;
	assert_int_equal(ask_once(), 1);
	a.now++;
	assert_int_equal(ask_once(), 2);
}

static void
nobody_asks_and_nothing_is_done(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(pst_sampler_poll(sampler, pst_control_view(a.control)), 0);
	ask_once();
	assert_int_equal(pst_sampler_poll(sampler, pst_control_view(a.control)), 0);
}

static size_t
rows_of(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	size_t n = json_array_size(json_object_get(json, "result"));

	assert_true(json_is_true(json_object_get(json, "ok")));
	json_decref(json);
	return n;
}

static void
endpoints_are_the_first_hundred_of_the_workers(void **state)
{
	struct asker askers[2];

	(void)state;
	a.rows[0] = 60;
	a.rows[1] = 2 * PST_SAMPLER_ENDPOINTS;
	a.chunk = 7;
	start(&askers[0], ask_endpoints);
	start(&askers[1], ask_endpoints);
	finish(askers, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(askers[i].ret, 0);
		assert_int_equal(rows_of(askers[i].json), PST_SAMPLER_ENDPOINTS);
		free(askers[i].json);
	}
}

static void
who_waits_hears_of_the_end(void **state)
{
	struct asker askers[2];

	(void)state;
	start(&askers[0], ask_figures);
	start(&askers[1], ask_endpoints);
	a.stuck = true; /* the dump stays in the midst of it */
	while (pst_sampler_poll(sampler, pst_control_view(a.control)) == 0)
		sched_yield();
	appliance_step(&a);
	pst_sampler_close(sampler, pst_control_view(a.control));
	for (int i = 0; i < 2; i++)
		pthread_join(askers[i].thread, NULL);
	assert_int_equal(askers[1].ret, -ESHUTDOWN);
	assert_int_equal(ask_figures(&askers[0]), -ESHUTDOWN);
	a.stuck = false;
	appliance_step(&a);
	appliance_step(&a);
}

static void
a_main_that_is_silent_is_not_waited_for(void **state)
{
	struct asker asker;

	(void)state;
	assert_int_equal(ask_figures(&asker), -ETIMEDOUT);
	assert_int_equal(ask_once(), 0);
}

static int
start_eal(void **state)
{
	(void)state;
	test_eal_init(64);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_are_answered),
		TEST(a_young_sample_serves_again),
		TEST(nobody_asks_and_nothing_is_done),
		TEST(endpoints_are_the_first_hundred_of_the_workers),
		TEST(who_waits_hears_of_the_end),
		TEST(a_main_that_is_silent_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, start_eal, NULL);
}
