/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reader of lines of flat JSON, as the event log has them: an object of texts, numbers and
 * lists of texts, one after the other, with nothing allocated. A day's log has millions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A member: its name, and its value without quotes or brackets. In the line. */
struct pst_flat {
	const char *name, *value;
	size_t name_len, value_len;
	bool is_text;
};

/*
 * Hands each member to see(). False when the line is no such object, wherever that shows: members
 * seen until then mean nothing.
 */
bool pst_flat_read(const char *line, size_t len,
	void (*see)(void *ctx, const struct pst_flat *member), void *ctx);

/* Whether the name or the value is that. */
bool pst_flat_is_named(const struct pst_flat *member, const char *name);
bool pst_flat_is(const struct pst_flat *member, const char *value);
/* A whole number; false: it is none. */
bool pst_flat_number(const struct pst_flat *member, uint64_t *number);
