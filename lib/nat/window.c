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
	pst_tcp_window_pass(t, dir, tcp, tcp->tcp_flags, len);
	/* the other's SYN said how much it takes, but not from where on */
	if (t->window[other] != 0 && !t->limited[dir]) {
		t->limit[dir] = t->end[dir] + t->window[other];
		t->limited[dir] = true;
	}
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
}
