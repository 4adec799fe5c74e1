/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP windows: is a segment one that its receiver may expect?
 *
 * For each side the highest sequence number it sent, the highest one that the other side lets it
 * send, and the largest window it offered, scaled (RFC 7323). A segment is in the window when it
 * begins no later than it may, ends no earlier than what may still be under way, and
 * acknowledges nothing that was not sent, nor what is too long ago. A forged RST has to
 * guess that well to do anything (RFC 5961 is about the rest of its way).
 *
 * A side that was not seen yet is learnt from its first segment; so are both when a
 * connection comes back from an editor. SYNs pass at any time, for a host that has
 * forgotten a connection begins it anew, and its peer knows what to say (RFC 5961 section 4).
 *
 * Owner: one worker. Sequence numbers are in host byte order.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_tcp.h>

#include "pst_types.h"

#define PST_TCP_ACK_BEHIND 66000u /* an ACK may be so far behind: windows unscaled, and a bit */

struct pst_conn_tcp {
	uint32_t end[PST_DIRS];	    /* one past the highest byte sent */
	uint32_t limit[PST_DIRS];   /* one past the highest byte it may send */
	uint32_t window[PST_DIRS];  /* the largest it offered; 0: it was not seen yet */
	uint8_t scale[PST_DIRS];    /* what its window fields are shifted by */
	uint8_t offered[PST_DIRS];  /* the scale that its SYN offered, UINT8_MAX: none */
	bool limited[PST_DIRS];	    /* its limit is known */
	bool settled;		    /* both sides were seen, and have limits */
} __rte_aligned(32);
_Static_assert(sizeof(struct pst_conn_tcp) == 32, "two in a cache line");

/* A SYN or SYN-ACK of a connection that opens: the scales hold if both sides offer one. */
void pst_tcp_window_syn(struct pst_conn_tcp *t, enum pst_dir dir, const struct rte_tcp_hdr *tcp,
	uint32_t len);

/* Forget all but the scales; what comes next is learnt. */
void pst_tcp_window_relearn(struct pst_conn_tcp *t);

static inline bool
pst_seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* The same of a connection of which something is not known yet, or a segment without ACK. */
bool pst_tcp_window_learn(struct pst_conn_tcp *t, enum pst_dir dir, const struct rte_tcp_hdr *tcp,
	uint8_t flags, uint32_t len);

/*
 * A segment with `len` bytes behind its header: true when it is in the window, and then it moves
 * it. flags are the segment's; without ACK its acknowledgement is not looked at.
 */
static __rte_always_inline bool
pst_tcp_window_pass(struct pst_conn_tcp *t, enum pst_dir dir, const struct rte_tcp_hdr *tcp,
	uint8_t flags, uint32_t len)
{
	enum pst_dir other = (enum pst_dir)!dir;
	uint32_t seq = rte_be_to_cpu_32(tcp->sent_seq), ack = rte_be_to_cpu_32(tcp->recv_ack);
	uint32_t end = seq + len, window, behind, room;

	if (unlikely(!t->settled || !(flags & RTE_TCP_ACK_FLAG)))
		return pst_tcp_window_learn(t, dir, tcp, flags, len);
	end += !!(flags & RTE_TCP_FIN_FLAG) + !!(flags & RTE_TCP_SYN_FLAG);
	/* no later than it may: a probe of a closed window is one byte behind it */
	room = (t->limit[dir] + 1 - seq) | (end + t->window[other] + 1 - t->end[dir]);
	behind = t->end[other] - ack;
	if (unlikely((int32_t)room < 0 ||
		    (behind > PST_TCP_ACK_BEHIND + 1 && behind > t->window[dir] + 1)))
		return false;
	if (pst_seq_before(t->end[dir], end))
		t->end[dir] = end;
	window = (uint32_t)rte_be_to_cpu_16(tcp->rx_win) << t->scale[dir];
	window += window == 0; /* which stands for: not seen yet */
	if (unlikely(window > t->window[dir]))
		t->window[dir] = window;
	if (pst_seq_before(t->limit[other], ack + window))
		t->limit[other] = ack + window;
	return true;
}
