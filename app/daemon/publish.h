/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The config's published servers, port by port: what a snapshot has of them, and, before launch,
 * at the workers of their addresses. Those that a reload adds are swap.h's.
 */
#pragma once

#include "appliance.h"

/* Fill in the snapshot's part, behind its protocols. 0, or -errno and a text. */
int pst_publish_set(
	const struct pst_appliance *a, struct pst_snapshot *s, char *error, size_t size);
void pst_publish_free(struct pst_snapshot *s);

/* The name of the entry that has a port. */
const char *pst_publish_name(const struct pst_snapshot *s, const struct pst_nat_published *what);

/* Publish all. 0, or -errno and a text. */
int pst_publish_all(struct pst_appliance *a, char *error, size_t size);
