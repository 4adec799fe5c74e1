/* SPDX-License-Identifier: BSD-3-Clause */
/* What the operator allows: the config's rules and packet filters, compiled for the workers. */
#pragma once

#include "appliance.h"

/* Fill in the snapshot's part, behind its protocols. 0, or -errno and a text. */
int pst_policy_set(struct pst_snapshot *s, char *error, size_t size);
void pst_policy_free(struct pst_snapshot *s);
