/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_thash.h>

#include "base/lcore.h"
#include "base/rng.h"
#include "eal.h"
#include "worker/steer.h"

static const uint32_t reta_sizes[] = { 64, 128, 256, 512 };
static struct pst_rng rng;

static uint32_t
cases(uint32_t most)
{
	const char *s = getenv("PST_CASES");
	uint32_t n = s != NULL ? strtoul(s, NULL, 0) : most;

	return n > 0 && n < most ? n : most;
}

static void
no_workers_or_too_many_are_refused(void **state)
{
	struct pst_steer steer;

	(void)state;
	assert_int_equal(pst_steer_init(&steer, 0), -EINVAL);
	assert_int_equal(pst_steer_init(&steer, PST_WORKERS_MAX + 1), -EINVAL);
}

static void
slots_are_shared_evenly_and_contiguously(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= PST_WORKERS_MAX; n++) {
		uint32_t in[PST_WORKERS_MAX] = { 0 }, out[PST_WORKERS_MAX] = { 0 };
		struct pst_steer steer;

		assert_int_equal(pst_steer_init(&steer, n), 0);
		assert_int_equal(steer.out_slot[0], 0);
		for (int i = 0; i < PST_STEER_SLOTS; i++)
			in[steer.in_slot[i]]++;
		for (int i = 1; i < PST_STEER_SLOTS; i++) {
			out[steer.out_slot[i]]++;
			assert_true(steer.out_slot[i] - steer.out_slot[i - 1] <= 1);
		}
		for (uint32_t w = 0; w < n; w++) {
			assert_in_range(in[w], 64 / n, (64 + n - 1) / n);
			assert_in_range(out[w], 63 / n, (63 + n - 1) / n);
		}
	}
}

static void
runs_are_the_ports_a_worker_owns(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= PST_WORKERS_MAX; n++) {
		uint32_t next = 0;
		struct pst_steer steer;

		pst_steer_init(&steer, n);
		for (uint32_t w = 0; w < n; w++) {
			uint64_t runs = pst_steer_runs(&steer, w);

			for (uint32_t run = 0; run < PST_STEER_SLOTS; run++) {
				bool owned = (runs >> run & 1) != 0;

				assert_int_equal(pst_steer_outside(&steer, run * 1024) == w, owned);
				assert_int_equal(
					pst_steer_outside(&steer, run * 1024 + 1023) == w, owned);
				assert_true(!owned || run == next); /* contiguous, in order */
				next += owned;
			}
		}
		assert_int_equal(next, PST_STEER_SLOTS);
	}
}

static void
a_run_changes_its_owner(void **state)
{
	struct pst_steer steer;
	uint64_t before;

	(void)state;
	pst_steer_init(&steer, 2);
	before = pst_steer_runs(&steer, 0);
	pst_steer_move(&steer, 63, 0);
	assert_true(pst_steer_runs(&steer, 0) == (before | UINT64_C(1) << 63));
	assert_true((pst_steer_runs(&steer, 1) & pst_steer_runs(&steer, 0)) == 0);
	assert_int_equal(pst_steer_outside(&steer, 65535), 0);
	assert_int_equal(pst_steer_outside(&steer, 62 * 1024 + 1023), 1);
	assert_true(pst_steer_runs(&steer, 2) == 0);
}

static void
keys_have_a_single_bit(void **state)
{
	(void)state;
	for (uint32_t len = 40; len <= 52; len += 12) {
		uint8_t key[52], want[52] = { 0 };

		want[13] = 0x01; /* bit 111 */
		assert_int_equal(pst_steer_rss_key(PST_STEER_OUTSIDE, 512, key, len), 0);
		assert_memory_equal(key, want, len);
		memset(want, 0, sizeof(want));
		want[7] = 0x40; /* bit 57 = 63 - 6 */
		assert_int_equal(pst_steer_rss_key(PST_STEER_INSIDE, 64, key, len), 0);
		assert_memory_equal(key, want, len);
	}
}

static void
odd_sizes_are_refused(void **state)
{
	static const uint32_t bad[] = { 0, 1, 32, 63, 65, 96, 4096 };
	struct pst_steer steer;
	uint16_t reta[64];
	uint8_t key[40];

	(void)state;
	pst_steer_init(&steer, 4);
	for (uint32_t i = 0; i < RTE_DIM(bad); i++) {
		assert_int_equal(
			pst_steer_rss_key(PST_STEER_INSIDE, bad[i], key, sizeof(key)), -EINVAL);
		assert_int_equal(
			pst_steer_fill_reta(&steer, PST_STEER_INSIDE, NULL, reta, bad[i]), -EINVAL);
	}
	assert_int_equal(pst_steer_rss_key(PST_STEER_INSIDE, 64, key, 16), -EINVAL);
}

/* An IPv4 tuple in host order, as rte_softrss() reads it. */
struct tuple {
	uint32_t words[RTE_THASH_V4_L4_LEN];
};

static struct tuple
any_tuple(void)
{
	uint64_t a = pst_rng_next(&rng), b = pst_rng_next(&rng);

	return (struct tuple){ { a >> 32, a, b } };
}

static void
check_tuples(enum pst_steer_zone zone, uint32_t reta_size, uint32_t key_len, uint32_t n_workers)
{
	uint16_t reta[PST_STEER_RETA_MAX], queues[PST_WORKERS_MAX];
	uint32_t n = cases(1000000);
	struct pst_steer steer;
	uint8_t key[52];

	for (uint32_t i = 0; i < PST_WORKERS_MAX; i++)
		queues[i] = 100 + i;
	pst_steer_init(&steer, n_workers);
	assert_int_equal(pst_steer_rss_key(zone, reta_size, key, key_len), 0);
	assert_int_equal(pst_steer_fill_reta(&steer, zone, queues, reta, reta_size), 0);
	for (uint32_t i = 0; i < n; i++) {
		struct tuple t = any_tuple();
		uint32_t four = rte_softrss(t.words, RTE_THASH_V4_L4_LEN, key) % reta_size, two;

		if (zone == PST_STEER_OUTSIDE) {
			if (reta[four] != 100 + pst_steer_outside(&steer, t.words[2] & 0xffff))
				fail_msg("tuple %u goes astray", i);
			continue;
		}
		two = rte_softrss(t.words, RTE_THASH_V4_L3_LEN, key) % reta_size;
		if (reta[four] != 100 + pst_steer_inside(&steer, t.words[0]) || two != four)
			fail_msg("tuple %u goes astray", i);
	}
}

static void
nic_steers_outside_packets_as_we_do(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(reta_sizes); i++)
		check_tuples(PST_STEER_OUTSIDE, reta_sizes[i], i % 2 ? 40 : 52, 3 + 5 * i);
}

static void
nic_steers_inside_packets_as_we_do(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(reta_sizes); i++)
		check_tuples(PST_STEER_INSIDE, reta_sizes[i], i % 2 ? 40 : 52, 3 + 5 * i);
}

static void
outside_packets_without_ports_share_a_queue(void **state)
{
	uint8_t key[40];

	(void)state;
	pst_steer_rss_key(PST_STEER_OUTSIDE, 128, key, sizeof(key));
	for (int i = 0; i < 1000; i++) {
		struct tuple t = any_tuple();

		assert_int_equal(rte_softrss(t.words, RTE_THASH_V4_L3_LEN, key), 0);
	}
}

/* The null device hashes nothing, but it keeps what it is told. */
static uint16_t
make_port(uint16_t n_queues)
{
	struct rte_eth_conf conf = { .rxmode = { .mq_mode = RTE_ETH_MQ_RX_RSS } };
	struct rte_mempool *mp;
	uint16_t id;

	assert_int_equal(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_null0", &id), 0);
	assert_int_equal(rte_eth_dev_configure(id, n_queues, n_queues, &conf), 0);
	mp = rte_pktmbuf_pool_create("null", 511, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	assert_non_null(mp);
	for (uint16_t q = 0; q < n_queues; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(id, q, 64, 0, NULL, mp), 0);
		assert_int_equal(rte_eth_tx_queue_setup(id, q, 64, 0, NULL), 0);
	}
	return id;
}

static void
drop_port(uint16_t id)
{
	rte_eth_dev_close(id);
	rte_eal_hotplug_remove("vdev", "net_null0");
	rte_mempool_free(rte_mempool_lookup("null"));
}

static void
check_programmed(uint16_t id, enum pst_steer_zone zone, const struct pst_steer *steer)
{
	struct rte_eth_rss_reta_entry64 conf[PST_STEER_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE];
	uint8_t key[PST_STEER_KEY_MAX], want[PST_STEER_KEY_MAX];
	struct rte_eth_rss_conf rss = { .rss_key = key, .rss_key_len = sizeof(key) };
	uint16_t reta[PST_STEER_RETA_MAX];
	struct rte_eth_dev_info info;

	assert_int_equal(rte_eth_dev_info_get(id, &info), 0);
	pst_steer_rss_key(zone, info.reta_size, want, PST_STEER_KEY_MIN);
	pst_steer_fill_reta(steer, zone, NULL, reta, info.reta_size);
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(id, &rss), 0);
	assert_memory_equal(key, want, PST_STEER_KEY_MIN);
	memset(conf, 0xff, sizeof(conf));
	assert_int_equal(rte_eth_dev_rss_reta_query(id, conf, info.reta_size), 0);
	for (uint32_t i = 0; i < info.reta_size; i++)
		assert_int_equal(
			conf[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE],
			reta[i]);
}

static void
device_gets_key_and_table(void **state)
{
	uint16_t id = make_port(4);
	struct pst_steer steer;
	char why[128] = "";

	(void)state;
	pst_steer_init(&steer, 4);
	for (int zone = PST_STEER_INSIDE; zone <= PST_STEER_OUTSIDE; zone++) {
		int ret = pst_steer_program_rss(id, zone, &steer, 4, why, sizeof(why));

		if (ret != 0)
			fail_msg("%d: %s", ret, why);
		check_programmed(id, zone, &steer);
	}
	pst_steer_move(&steer, 7, 3);
	assert_int_equal(pst_steer_update_rss(id, &steer), 0);
	check_programmed(id, PST_STEER_OUTSIDE, &steer);
	drop_port(id);
}

static void
device_that_cannot_says_why(void **state)
{
	uint16_t id = make_port(2);
	struct pst_steer steer;
	char why[128] = "";

	(void)state;
	pst_steer_init(&steer, 4);
	assert_int_equal(
		pst_steer_program_rss(id, PST_STEER_INSIDE, &steer, 2, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "2 rx queues for 4 workers");
	drop_port(id);
	assert_int_equal(
		pst_steer_program_rss(id, PST_STEER_INSIDE, &steer, 4, why, sizeof(why)), -ENODEV);
	assert_true(strlen(why) > 0);
}

static void
exact_is_said_after_ten_thousand_packets(void **state)
{
	struct pst_rss_check check = { 0 };
	char text[96];

	(void)state;
	pst_rss_check_add(&check, 9999, 0);
	assert_int_equal(pst_rss_check_verdict(&check), PST_RSS_PROGRAMMED);
	pst_rss_check_print(&check, text, sizeof(text));
	assert_string_equal(text, "programmed: 9999 packets seen");
	pst_rss_check_add(&check, 1, 0);
	assert_int_equal(pst_rss_check_verdict(&check), PST_RSS_EXACT);
	pst_rss_check_print(&check, text, sizeof(text));
	assert_string_equal(text, "exact");
}

static void
one_missteered_packet_means_fallback(void **state)
{
	struct pst_rss_check check = { 0 };
	char text[96];

	(void)state;
	pst_rss_check_add(&check, 32, 1);
	pst_rss_check_add(&check, 20000, 0);
	assert_int_equal(pst_rss_check_verdict(&check), PST_RSS_FALLBACK);
	pst_rss_check_print(&check, text, sizeof(text));
	assert_string_equal(text, "fallback: 1 of 20032 packets came to another worker");
}

static int
set_up(void **state)
{
	(void)state;
	test_eal_init(64);
	pst_rng_init(&rng, 4711);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_workers_or_too_many_are_refused),
		cmocka_unit_test(slots_are_shared_evenly_and_contiguously),
		cmocka_unit_test(runs_are_the_ports_a_worker_owns),
		cmocka_unit_test(a_run_changes_its_owner),
		cmocka_unit_test(keys_have_a_single_bit),
		cmocka_unit_test(odd_sizes_are_refused),
		cmocka_unit_test(nic_steers_outside_packets_as_we_do),
		cmocka_unit_test(nic_steers_inside_packets_as_we_do),
		cmocka_unit_test(outside_packets_without_ports_share_a_queue),
		cmocka_unit_test(device_gets_key_and_table),
		cmocka_unit_test(device_that_cannot_says_why),
		cmocka_unit_test(exact_is_said_after_ten_thousand_packets),
		cmocka_unit_test(one_missteered_packet_means_fallback),
	};

	return cmocka_run_group_tests_name("worker-steer", tests, set_up, NULL);
}
