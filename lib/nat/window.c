/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/window.h"

#include <string.h>

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_SCALE 3
#define SCALE_MAX 14 /* RFC 7323 section 2.3 */
#define NO_SCALE UINT8_MAX

/* The scale that a SYN offers, or NO_SCALE. The header is whole. */
static uint8_t
offered_scale(const struct rte_tcp_hdr *tcp)
{
	const uint8_t *option = (const uint8_t *)(tcp + 1);
	const uint8_t *end = (const uint8_t *)tcp + (tcp->data_off >> 4) * 4;

	while (option < end && *option != OPTION_END) {
		if (*option == OPTION_NOP) {
			option++;
			continue;
		}
		if (end - option < 2 || option[1] < 2 || option[1] > end - option)
			break;
		if (*option == OPTION_SCALE && option[1] == 3)
			return RTE_MIN(option[2], SCALE_MAX);
		option += option[1];
	}
	return NO_SCALE;
}

static bool
is_settled(const struct pst_conn_tcp *t)
{
	return t->limited[0] && t->limited[1] && t->window[0] != 0 && t->window[1] != 0;
}

bool
pst_tcp_window_learn(struct pst_conn_tcp *t, enum pst_dir dir, const struct rte_tcp_hdr *tcp,
	uint8_t flags, uint32_t len)
{
	enum pst_dir other = (enum pst_dir)!dir;
	uint32_t seq = rte_be_to_cpu_32(tcp->sent_seq), end = seq + len;
	uint32_t ack = rte_be_to_cpu_32(tcp->recv_ack), limit;
	uint32_t window = (uint32_t)rte_be_to_cpu_16(tcp->rx_win) << t->scale[dir];
	uint32_t behind = RTE_MAX(t->window[dir], PST_TCP_ACK_BEHIND);

	end += !!(flags & RTE_TCP_FIN_FLAG) + !!(flags & RTE_TCP_SYN_FLAG);
	if (t->limited[dir] && unlikely(pst_seq_before(t->limit[dir] + 1, seq)))
		return false;
	if (t->window[dir] != 0 &&
		unlikely(pst_seq_before(end, t->end[dir] - t->window[other] - 1)))
		return false;
	if ((flags & RTE_TCP_ACK_FLAG) && t->window[other] != 0 &&
		unlikely(pst_seq_before(t->end[other], ack) ||
			pst_seq_before(ack, t->end[other] - behind - 1)))
		return false;
	if (t->window[dir] == 0 || pst_seq_before(t->end[dir], end))
		t->end[dir] = end;
	window = RTE_MAX(window, 1u);
	t->window[dir] = RTE_MAX(t->window[dir], window);
	if (flags & RTE_TCP_ACK_FLAG) {
		limit = ack + window;
		if (!t->limited[other] || pst_seq_before(t->limit[other], limit))
			t->limit[other] = limit;
		t->limited[other] = true;
	}
	t->settled = is_settled(t);
	return true;
}

void
pst_tcp_window_syn(struct pst_conn_tcp *t, enum pst_dir dir, const struct rte_tcp_hdr *tcp,
	uint32_t len)
{
	enum pst_dir other = (enum pst_dir)!dir;
	bool both;

	if (dir == PST_DIR_ORIG && !(tcp->tcp_flags & RTE_TCP_ACK_FLAG)) {
		memset(t, 0, sizeof(*t)); /* another SYN of this side is another beginning */
		t->offered[PST_DIR_REPLY] = NO_SCALE;
	}
	t->offered[dir] = offered_scale(tcp);
	t->scale[dir] = 0; /* its own window is not scaled */
	t->window[dir] = 0;
	pst_tcp_window_learn(t, dir, tcp, tcp->tcp_flags, len);
	/* the other's SYN said how much it takes, but not from where on */
	if (t->window[other] != 0 && !t->limited[dir]) {
		t->limit[dir] = t->end[dir] + t->window[other];
		t->limited[dir] = true;
	}
	t->settled = is_settled(t);
	both = t->offered[PST_DIR_ORIG] != NO_SCALE && t->offered[PST_DIR_REPLY] != NO_SCALE;
	for (int d = 0; d < PST_DIRS; d++)
		t->scale[d] = both ? t->offered[d] : 0;
}

void
pst_tcp_window_relearn(struct pst_conn_tcp *t)
{
	for (int d = 0; d < PST_DIRS; d++) {
		t->window[d] = 0;
		t->limited[d] = false;
	}
	t->settled = false;
}
