/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ip.h>

#include "base/rng.h"
#include "packet/csum.h"
#include "packet/seq.h"

/* A header with options, in a buffer that is summed like a whole packet. */
union header {
	struct rte_tcp_hdr tcp;
	uint8_t bytes[60];
};

static void
fill_sum(union header *h, uint32_t len)
{
	h->tcp.cksum = 0;
	h->tcp.cksum = ~rte_raw_cksum(h, len);
}

static bool
sum_is_right(const union header *h, uint32_t len)
{
	return rte_raw_cksum(h, len) == 0xffff;
}

static void
make(union header *h, struct pst_rng *rng, const uint8_t *options, uint8_t options_len)
{
	for (unsigned int i = 0; i < sizeof(h->bytes); i++)
		h->bytes[i] = pst_rng_next(rng);
	h->tcp.data_off = (20 + options_len) / 4 << 4;
	h->tcp.tcp_flags = RTE_TCP_ACK_FLAG;
	if (options_len > 0)
		memcpy(h->bytes + 20, options, options_len);
	fill_sum(h, 20 + options_len);
}

static uint32_t
get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static void
numbers_and_sack_edges_move_and_the_sum_stays_right(void **state)
{
	/* the block at an even and at an odd offset */
	static const uint8_t even[] = { 1, 1, 5, 10, 0, 0, 0, 10, 0xff, 0xff, 0xff, 0xf0 };
	static const uint8_t odd[] = { 1, 5, 10, 0, 0, 0, 10, 0xff, 0xff, 0xff, 0xf0, 0 };
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 5);
	for (int i = 0; i < 2000; i++) {
		const uint8_t *options = i & 1 ? even : odd;
		uint32_t at = 20 + (i & 1 ? 4 : 3), seq, ack;
		int32_t by = (int32_t)pst_rng_below(&rng, 2001) - 1000;
		union header h;

		make(&h, &rng, options, 12);
		seq = rte_be_to_cpu_32(h.tcp.sent_seq);
		ack = rte_be_to_cpu_32(h.tcp.recv_ack);
		pst_seq_shift(&h.tcp, by, -by);
		assert_true(sum_is_right(&h, 32));
		assert_int_equal(rte_be_to_cpu_32(h.tcp.sent_seq), seq + by);
		assert_int_equal(rte_be_to_cpu_32(h.tcp.recv_ack), ack - by);
		assert_int_equal(get32(h.bytes + at), 10u - by);
		assert_int_equal(get32(h.bytes + at + 4), 0xfffffff0u - by);
	}
}

static void
without_ack_its_number_means_nothing(void **state)
{
	struct pst_rng rng;
	union header h;
	uint32_t ack;

	(void)state;
	pst_rng_init(&rng, 6);
	make(&h, &rng, NULL, 0);
	h.tcp.tcp_flags = RTE_TCP_SYN_FLAG;
	fill_sum(&h, 20);
	ack = h.tcp.recv_ack;
	pst_seq_shift(&h.tcp, 7, 7);
	assert_int_equal(h.tcp.recv_ack, ack);
	assert_true(sum_is_right(&h, 20));
}

static void
bad_options_are_not_followed(void **state)
{
	static const uint8_t bad[][4] = {
		{ 5, 0, 1, 1 },
		{ 5, 40, 1, 1 },
		{ 1, 1, 1, 5 },
		{ 0, 5, 10, 1 },
	};
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 7);
	for (int i = 0; i < 4; i++) {
		union header h, before;

		make(&h, &rng, bad[i], 4);
		before = h;
		pst_seq_shift(&h.tcp, 0, 9);
		assert_true(sum_is_right(&h, 24));
		assert_memory_equal(h.bytes + 20, before.bytes + 20, 40);
	}
}

/* RFC 1624: one word after another, against the sum made anew. */
static void
an_incremental_sum_is_the_sum(void **state)
{
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 8);
	for (int i = 0; i < 100000; i++) {
		uint16_t words[8], old, new, field;
		int k = 1 + pst_rng_below(&rng, 7);

		for (int j = 0; j < 8; j++)
			words[j] = pst_rng_below(&rng, 8) == 0 ? 0xffff : pst_rng_next(&rng);
		words[0] = 0;
		words[0] = ~rte_raw_cksum(words, sizeof(words));
		old = words[k];
		new = pst_rng_below(&rng, 8) == 0 ? 0 : pst_rng_next(&rng);
		field = pst_csum_apply(words[0], pst_csum_fold(pst_csum_change16(old, new)));
		words[k] = new;
		words[0] = field;
		assert_int_equal(rte_raw_cksum(words, sizeof(words)), 0xffff);
	}
}

/* Until nothing is left above 16 bits. */
static uint16_t
naive_fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void
a_sum_is_folded_as_by_hand(void **state)
{
	static const uint64_t ends[] = { 0, 1, 0xffff, 0x10000, 0x1ffff, 0xffff0000, 0xffffffff,
		0x1fffffffe, 0xffffffff00000000, 0xffffffffffffffff };
	struct pst_rng rng;

	(void)state;
	pst_rng_init(&rng, 9);
	for (unsigned int i = 0; i < RTE_DIM(ends); i++)
		assert_int_equal(pst_csum_fold(ends[i]), naive_fold(ends[i]));
	for (int i = 0; i < 100000; i++) {
		uint64_t sum = pst_rng_next(&rng) >> pst_rng_below(&rng, 64);
		uint32_t change = sum, more = pst_rng_below(&rng, 1 << 18);
		uint16_t field = pst_rng_next(&rng), delta = naive_fold((uint64_t)change + more);

		assert_int_equal(pst_csum_fold(sum), naive_fold(sum));
		assert_int_equal(pst_csum_apply_sum(field, change, more),
			pst_csum_apply(field, delta));
		assert_int_equal(pst_csum_apply_sum_udp(field, change, more),
			pst_csum_apply_udp(field, delta));
	}
	assert_int_equal(pst_csum_apply_sum_udp(0, 7, 7), 0); /* it had none */
	assert_int_equal(pst_csum_apply_sum_udp(1, 1, 0), 0xffff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sum_is_folded_as_by_hand),
		cmocka_unit_test(numbers_and_sack_edges_move_and_the_sum_stays_right),
		cmocka_unit_test(without_ack_its_number_means_nothing),
		cmocka_unit_test(bad_options_are_not_followed),
		cmocka_unit_test(an_incremental_sum_is_the_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
