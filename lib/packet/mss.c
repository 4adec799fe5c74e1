/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/mss.h"

#include <string.h>

#include "packet/csum.h"

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_MSS_LEN 4

/* An option may begin at any byte: then its value lies across two words of the sum. */
static void
set_mss(struct rte_tcp_hdr *tcp, uint8_t *at, uint16_t mss)
{
	rte_be16_t before, after = rte_cpu_to_be_16(mss);
	bool is_odd = (at - (uint8_t *)tcp) % 2 != 0;

	memcpy(&before, at, sizeof(before));
	memcpy(at, &after, sizeof(after));
	if (is_odd) {
		before = rte_bswap16(before);
		after = rte_bswap16(after);
	}
	tcp->cksum = pst_csum_apply(tcp->cksum, pst_csum_fold(pst_csum_change16(before, after)));
}

bool
pst_mss_lower(struct rte_tcp_hdr *tcp, uint16_t most)
{
	uint8_t *at = (uint8_t *)(tcp + 1);
	const uint8_t *end = (const uint8_t *)tcp + (tcp->data_off >> 4) * 4;
	bool lowered = false;

	while (at < end && *at != OPTION_END) {
		if (*at == OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			break;
		/* one that comes twice may be read at either place */
		if (at[0] == OPTION_MSS && at[1] == OPTION_MSS_LEN && (at[2] << 8 | at[3]) > most) {
			set_mss(tcp, at + 2, most);
			lowered = true;
		}
		at += at[1];
	}
	return lowered;
}
