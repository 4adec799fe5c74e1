/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/lcore.h"

static __thread struct pst_lcore_role role;

const struct pst_lcore_role *
pst_lcore_role(void)
{
	return &role;
}

void
pst_lcore_set_role(enum pst_role_kind kind, uint32_t index)
{
	role.kind = kind;
	role.index = index;
}

bool
pst_lcore_is(const struct pst_lcore_role *owner)
{
	return owner->kind == role.kind && owner->index == role.index;
}
