/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What editors and protocols there are: the editors installed, their protocols and the
 * config's registered, each editor asked what it wants to hear, and of all that the tables by
 * port that workers look at. A protocol keeps its place in the list for as long as any config in
 * turn has its id, and a place that one of them empties is taken by the next but one at the earliest:
 * open connections are known by it.
 */
#pragma once

#include "appliance.h"

/* Fill in the snapshot's part, which is to follow `before`, or NULL. 0, or -errno and a text. */
int pst_protocols_set(struct pst_appliance *a, struct pst_snapshot *s,
	const struct pst_snapshot *before, char *error, size_t size);
void pst_protocols_free(struct pst_snapshot *s);
/* Shut the editors down that were started. */
void pst_protocols_stop(struct pst_appliance *a);
