/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP windows: is a segment one that its receiver may expect?
 *
 * A side is known by the way of its packets. For each: the highest sequence number it sent, the
 * highest one that the other side lets it send, and the largest window it offered, scaled
 * (RFC 7323). A segment is in the window when it
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

#include "nat/key.h"

#define PST_TCP_ACK_BEHIND 66000u /* an ACK may be so far behind: windows unscaled, and a bit */

/* What each segment needs. */
struct pst_tcp_window {
	uint32_t end[PST_WAYS];	  /* one past the highest byte sent */
	uint32_t limit[PST_WAYS]; /* one past the highest byte it may send */
	uint16_t room[PST_WAYS];  /* the largest window it offered, and its scale; see below */
};
_Static_assert(sizeof(struct pst_tcp_window) == 20, "without a hole");

/* What is asked for at the beginning, and when a connection is learnt anew. */
struct pst_tcp_learnt {
	struct {
		uint8_t scale : 4;   /* what its window fields are shifted by */
		uint8_t seen : 1;    /* its end and room are known */
		uint8_t limited : 1; /* its limit is known */
		uint8_t offered;     /* the scale that its SYN offered, UINT8_MAX: none */
	} of[PST_WAYS];
};

/*
 * A window as a field of the header has it, its low four bits replaced: in them is the scale, or
 * UNSETTLED as long as not all is known of both sides. So a window is taken for up to 15 of its
 * units more than it was, which lets nothing pass that a receiver would mind.
 */
#define PST_TCP_SCALE 0xfu
#define PST_TCP_UNSETTLED 0xfu /* RFC 7323 section 2.3: a scale is 14 at most */

/*
 * A SYN or SYN-ACK of a connection that opens: the scales hold if both sides offer one. One that
 * begins it is the first side's SYN: what was known is another connection's.
 */
void pst_tcp_window_syn(struct pst_tcp_window *t, struct pst_tcp_learnt *l, enum pst_way way,
	bool begins, const struct rte_tcp_hdr *tcp, uint32_t len);

/* Forget all but the scales; what comes next is learnt. */
void pst_tcp_window_relearn(struct pst_tcp_window *t, struct pst_tcp_learnt *l);

static inline bool
pst_seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* The long way of what is below; it knows all cases. */
bool pst_tcp_window_learn(struct pst_tcp_window *t, struct pst_tcp_learnt *l, enum pst_way way,
	const struct rte_tcp_hdr *tcp, uint8_t flags, uint32_t len);

/*
 * Most segments: an ACK of a connection of which all is known, that carries what comes next or
 * nothing, and offers no larger window than before. True when it is in the window, and then
 * it moved it; false when the long way has to say that.
 */
static __rte_always_inline bool
pst_tcp_window_next(struct pst_tcp_window *t, enum pst_way way, const struct rte_tcp_hdr *tcp,
	uint8_t flags, uint32_t len)
{
	const uint8_t kind = RTE_TCP_ACK_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_SYN_FLAG;
	enum pst_way other = pst_way_other(way);
	uint32_t seq = __builtin_bswap32(tcp->sent_seq), ack = __builtin_bswap32(tcp->recv_ack);
	uint32_t room = t->room[way], scale = room & PST_TCP_SCALE;
	uint32_t window = __builtin_bswap16(tcp->rx_win), end = seq + len, limit;

	if (unlikely(scale == PST_TCP_UNSETTLED || (flags & kind) != RTE_TCP_ACK_FLAG))
		return false;
	/* a probe of a closed window is one byte behind its limit */
	if (unlikely((int32_t)((end - t->end[way]) | (t->limit[way] + 1 - seq)) < 0 ||
		    t->end[other] - ack > PST_TCP_ACK_BEHIND ||
		    window > (room | PST_TCP_SCALE)))
		return false;
	t->end[way] = end;
	limit = ack + (window << scale);
	if (pst_seq_before(t->limit[other], limit))
		t->limit[other] = limit;
	return true;
}

/*
 * A segment with `len` bytes behind its header: true when it is in the window, and then it moves
 * it. flags are the segment's; without ACK its acknowledgement is not looked at.
 */
static inline bool
pst_tcp_window_pass(struct pst_tcp_window *t, struct pst_tcp_learnt *l, enum pst_way way,
	const struct rte_tcp_hdr *tcp, uint8_t flags, uint32_t len)
{
	return pst_tcp_window_next(t, way, tcp, flags, len) ||
		pst_tcp_window_learn(t, l, way, tcp, flags, len);
}
