/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an operator wants of a table: {"filter":{"client":"10.0.0.0/24","port":"443"},
 * "sort":"bytes","reverse":true}, checked against what the table has.
 */
#pragma once

#include "control/params.h"

struct pst_want {
	struct pst_show_wanted wanted;
	int32_t worker; /* the only one to be asked, or -1 */
};

/* All of a table. */
void pst_want_all(struct pst_want *want);

/*
 * The members of a "filter" object, and the name of an order. `what` is the table's name, for
 * the error. 0, or -EINVAL with a text in error.
 */
int pst_want_filter(struct pst_want *want, const struct pst_control_params *params,
	enum pst_show_table table, const char *what, const json_t *filter, char *error,
	size_t size);
int pst_want_order(struct pst_want *want, enum pst_show_table table, const char *what,
	const char *order, char *error, size_t size);
