/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Roles: who is running. A table names the role that owns it, and asserts it.
 *
 * The role is settable and not read from the EAL, so that a test can be each
 * worker and each editor in turn, in one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_debug.h>

enum pst_role_kind {
	PST_ROLE_NONE,
	PST_ROLE_MAIN,
	PST_ROLE_WORKER,
	PST_ROLE_EDITOR,
};

#define PST_WORKERS_MAX 32
#define PST_EDITORS_MAX 16

struct pst_lcore_role {
	enum pst_role_kind kind;
	uint32_t index; /* worker 0 .. , editor 0 .. */
};

/* The calling thread's role; {NONE, 0} until it is set. */
const struct pst_lcore_role *pst_lcore_role(void);
void pst_lcore_set_role(enum pst_role_kind kind, uint32_t index);

bool pst_lcore_is(const struct pst_lcore_role *owner);

/* True in builds with RTE_ENABLE_ASSERT, and always in ours with debug on. */
#ifdef PST_ASSERT_OWNER
#define pst_assert_owner(owner) RTE_VERIFY(pst_lcore_is(owner))
#else
#define pst_assert_owner(owner) ((void)(owner))
#endif
