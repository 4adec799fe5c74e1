/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes on: two looks at an appliance, and what happened between them, a second.
 *
 * The document is what `top --json` prints and what the screen is made of.
 */
#pragma once

#include "ctl.h"

/* A look: what the appliance said, and when. */
struct pst_look {
	double at; /* seconds, of a clock that only goes on */
	json_t *status, *interfaces, *pools;
};

/* Ask for all of it. */
enum pst_ctl_exit pst_look_take(struct pst_look *look, const char *socket);
void pst_look_fini(struct pst_look *look);

/* A new reference. Where counters went back (it was started again) a rate is 0. */
json_t *pst_rates(const struct pst_look *before, const struct pst_look *now);
