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

/* The largest window that a side offered, in bytes; 0 when it was not seen yet. */
static uint32_t
largest(const struct pst_tcp_window *t, const struct pst_tcp_learnt *l, enum pst_way way)
{
	return l->of[way].seen ? (t->room[way] | PST_TCP_SCALE) << l->of[way].scale : 0;
}

/* Say in both rooms whether all is known. */
static void
settle(struct pst_tcp_window *t, const struct pst_tcp_learnt *l)
{
	bool all = l->of[0].seen && l->of[0].limited && l->of[1].seen && l->of[1].limited;

	for (int d = 0; d < PST_WAYS; d++)
		t->room[d] = (t->room[d] & ~PST_TCP_SCALE) |
			(all ? l->of[d].scale : PST_TCP_UNSETTLED);
}

/* ack NULL: there is none to be looked at. */
static bool
is_in_window(const struct pst_tcp_window *t, const struct pst_tcp_learnt *l, enum pst_way way,
	uint32_t seq, uint32_t end, const uint32_t *ack)
{
	enum pst_way other = pst_way_other(way);
	uint32_t behind = RTE_MAX(largest(t, l, way), PST_TCP_ACK_BEHIND);

	if (l->of[way].limited && unlikely(pst_seq_before(t->limit[way] + 1, seq)))
		return false;
	if (l->of[way].seen && unlikely(pst_seq_before(end, t->end[way] - largest(t, l, other) - 1)))
		return false;
	return ack == NULL || !l->of[other].seen ||
		(!pst_seq_before(t->end[other], *ack) &&
			!pst_seq_before(*ack, t->end[other] - behind - 1));
}

/* Another limit, if it is one further on, or the first. */
static void
raise_limit(struct pst_tcp_window *t, struct pst_tcp_learnt *l, enum pst_way way, uint32_t limit)
{
	if (!l->of[way].limited || pst_seq_before(t->limit[way], limit))
		t->limit[way] = limit;
	l->of[way].limited = true;
}

bool
pst_tcp_window_learn(struct pst_tcp_window *t, struct pst_tcp_learnt *l, enum pst_way way,
	const struct rte_tcp_hdr *tcp, uint8_t flags, uint32_t len)
{
	uint32_t seq = rte_be_to_cpu_32(tcp->sent_seq), end = seq + len;
	uint32_t ack = rte_be_to_cpu_32(tcp->recv_ack), window = rte_be_to_cpu_16(tcp->rx_win);
	bool acks = flags & RTE_TCP_ACK_FLAG;

	end += !!(flags & RTE_TCP_FIN_FLAG) + !!(flags & RTE_TCP_SYN_FLAG);
	if (!is_in_window(t, l, way, seq, end, acks ? &ack : NULL))
		return false;
	if (!l->of[way].seen || pst_seq_before(t->end[way], end))
		t->end[way] = end;
	if (!l->of[way].seen || window > (t->room[way] | PST_TCP_SCALE))
		t->room[way] = window;
	l->of[way].seen = true;
	if (acks)
		raise_limit(t, l, pst_way_other(way), ack + (window << l->of[way].scale));
	settle(t, l);
	return true;
}

/* A window in units of another scale: not less than it was. */
static void
set_scale(struct pst_tcp_window *t, struct pst_tcp_learnt *l, enum pst_way way, uint8_t scale)
{
	uint32_t bytes = largest(t, l, way), unit = UINT32_C(1) << scale;

	t->room[way] = RTE_MIN((bytes + unit - 1) >> scale, (uint32_t)UINT16_MAX);
	l->of[way].scale = scale;
}

void
pst_tcp_window_syn(struct pst_tcp_window *t, struct pst_tcp_learnt *l, enum pst_way way,
	bool begins, const struct rte_tcp_hdr *tcp, uint32_t len)
{
	enum pst_way other = pst_way_other(way);
	bool both;

	if (begins) {
		memset(t, 0, sizeof(*t));
		memset(l, 0, sizeof(*l));
		l->of[other].offered = NO_SCALE;
	}
	l->of[way].offered = offered_scale(tcp);
	l->of[way].scale = 0; /* its own window is not scaled */
	l->of[way].seen = false;
	pst_tcp_window_learn(t, l, way, tcp, tcp->tcp_flags, len);
	/* the other's SYN said how much it takes, but not from where on */
	if (l->of[other].seen && !l->of[way].limited)
		raise_limit(t, l, way, t->end[way] + largest(t, l, other));
	both = l->of[0].offered != NO_SCALE && l->of[1].offered != NO_SCALE;
	for (int d = 0; d < PST_WAYS; d++)
		set_scale(t, l, (enum pst_way)d, both ? l->of[d].offered : 0);
	settle(t, l);
}

void
pst_tcp_window_relearn(struct pst_tcp_window *t, struct pst_tcp_learnt *l)
{
	for (int d = 0; d < PST_WAYS; d++)
		l->of[d].seen = l->of[d].limited = false;
	settle(t, l);
}
