/* SPDX-License-Identifier: BSD-3-Clause */
/* Between load.c and the sections that have a file of their own. */
#pragma once

#include "config/read.h"

/* A value of an object, its key and its pointer. */
struct pst_member {
	const struct pst_key *key;
	json_t *json; /* NULL: not there */
	char at[PST_POINTER_MAX];
};

void pst_member_find(struct pst_member *m, const char *section, const char *pointer,
	const json_t *json, const char *name);

/* Its text; NULL when it is not there, or none, said. */
const char *pst_member_text(struct pst_loader *l, const struct pst_member *m);

/* A list of ranges of addresses: how many; what is wrong with one is said. */
uint32_t pst_member_ranges(
	struct pst_loader *l, const struct pst_member *m, struct pst_range *ranges);

/* "log", but for scalars; behind "nat", on which a default depends */
void pst_load_log(struct pst_loader *l, const json_t *log);

/* "packet_filters" */
void pst_load_filters(struct pst_loader *l, const struct pst_member *m);

/* load.c: the whole, and its checks */
void pst_load_root(struct pst_loader *l, const json_t *root);
