/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What editors and protocols there are: the editors installed, their protocols and the
 * config's registered, each editor asked what it wants to hear, and of all that the tables by
 * port that workers look at.
 */
#pragma once

#include "appliance.h"

/* Fill in the appliance's part. 0, or -errno and a text. */
int pst_protocols_set(struct pst_appliance *a, char *error, size_t size);
/* Shut the editors down that were started. */
void pst_protocols_free(struct pst_appliance *a);
