/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which rows of a table an operator wants to see, or ended: it goes with the request, so that
 * a worker copies these alone. And in which order: whoever keeps the first n of all rows says
 * with `floor` what a row must be worth to be among them, and few come.
 *
 * Addresses and ports are in host byte order.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pst_types.h"

/* What rows are sorted by. */
enum pst_show_order {
	PST_ORDER_NONE,
	PST_ORDER_BYTES,
	PST_ORDER_PACKETS,
	PST_ORDER_AGE,
	PST_ORDER_EXPIRES,
	PST_ORDER_CLIENT,
	PST_ORDER_CONNECTIONS,
	PST_ORDER_PORTS,
};

/* Endpoints; all of them from 0 to the largest. */
struct pst_show_span {
	uint32_t first, last; /* addresses */
	uint16_t port_first, port_last;
};

enum pst_show_path {
	PST_PATH_ANY,
	PST_PATH_FAST,
	PST_PATH_EDITOR,
};

#define PST_WANT_ANY_EDITOR (-1)

struct pst_show_wanted {
	struct pst_show_span inside, outside, remote;
	uint16_t port_first, port_last; /* of any of the three */
	uint8_t protocol;		/* 0: any */
	uint8_t path;			/* enum pst_show_path */
	uint8_t order;			/* enum pst_show_order, of `floor` */
	bool ascending;			/* in that order the small come first */
	int32_t editor;			/* index, or PST_WANT_ANY_EDITOR */
	uint64_t states;		/* of connections: bit n for state n */
	uint64_t floor;			/* worth (below) that a row has at least */
};

/* All rows. */
static inline void
pst_show_want_all(struct pst_show_wanted *wanted)
{
	const struct pst_show_span all = { .last = UINT32_MAX, .port_last = UINT16_MAX };

	*wanted = (struct pst_show_wanted){ .inside = all,
		.outside = all,
		.remote = all,
		.port_last = UINT16_MAX,
		.editor = PST_WANT_ANY_EDITOR,
		.states = UINT64_MAX };
}

/* A sortable value as what is compared: the more a row is worth, the earlier it comes. */
static inline uint64_t
pst_show_worth(const struct pst_show_wanted *wanted, uint64_t value)
{
	return wanted->ascending ? ~value : value;
}

static inline bool
pst_show_is_in(const struct pst_show_span *span, struct pst_endpoint ep)
{
	return ep.ip >= span->first && ep.ip <= span->last && ep.port >= span->port_first &&
	       ep.port <= span->port_last;
}

/* Is one of three ports among those wanted? */
static inline bool
pst_show_has_port(const struct pst_show_wanted *w, uint16_t a, uint16_t b, uint16_t c)
{
	uint16_t width = w->port_last - w->port_first;

	return (uint16_t)(a - w->port_first) <= width || (uint16_t)(b - w->port_first) <= width ||
	       (uint16_t)(c - w->port_first) <= width;
}
