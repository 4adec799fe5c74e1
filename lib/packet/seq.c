/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/seq.h"

#include <stdbool.h>
#include <string.h>

#include <rte_byteorder.h>

#include "packet/csum.h"

#define OPT_END 0
#define OPT_NOP 1
#define OPT_SACK 5

/*
 * Shift a word of the header; returns the change of the sum. A word at an odd
 * offset has its bytes in the other halves of the checksum's words (RFC 1071).
 */
static uint64_t
shift(uint8_t *at, int32_t by, bool odd)
{
	uint32_t old, new;
	uint16_t sum;

	memcpy(&old, at, sizeof(old));
	new = rte_cpu_to_be_32(rte_be_to_cpu_32(old) + by);
	memcpy(at, &new, sizeof(new));
	sum = pst_csum_fold(pst_csum_change32(old, new));
	return odd ? rte_bswap16(sum) : sum;
}

static uint64_t
shift_sack(uint8_t *option, uint8_t len, int32_t by, bool odd)
{
	uint64_t sum = 0;

	for (uint8_t at = 2; at + 4 <= len; at += 4)
		sum += shift(option + at, by, odd);
	return sum;
}

static uint64_t
shift_options(struct rte_tcp_hdr *tcp, int32_t by)
{
	uint8_t *options = (uint8_t *)(tcp + 1);
	uint32_t len = (tcp->data_off >> 4) * 4 - sizeof(*tcp), at = 0;
	uint64_t sum = 0;

	while (at < len && options[at] != OPT_END) {
		if (options[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (at + 2 > len || options[at + 1] < 2 || at + options[at + 1] > len)
			break;
		if (options[at] == OPT_SACK)
			sum += shift_sack(options + at, options[at + 1], by, at % 2 != 0);
		at += options[at + 1];
	}
	return sum;
}

void
pst_seq_shift(struct rte_tcp_hdr *tcp, int32_t seq, int32_t ack)
{
	uint64_t sum = 0;

	if (seq != 0)
		sum += shift((uint8_t *)&tcp->sent_seq, seq, false);
	if (ack != 0 && (tcp->tcp_flags & RTE_TCP_ACK_FLAG)) {
		sum += shift((uint8_t *)&tcp->recv_ack, ack, false);
		sum += shift_options(tcp, ack);
	}
	if (sum != 0)
		tcp->cksum = pst_csum_apply(tcp->cksum, pst_csum_fold(sum));
}
