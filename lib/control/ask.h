/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking workers: one request under way, that main does not wait for.
 *
 * A record that nobody wants any more is given back when it returns; a worker that does
 * not answer does not hold the operator up as well.
 */
#pragma once

#include "control/params.h"

struct pst_ask {
	struct pst_req *req; /* taken, lent, or answered */
	uint32_t worker;     /* who is asked */
	bool answered;
	uint64_t since; /* ms, when it first was to be asked; 0: nothing is */
};

/* A record to fill in for ask->worker; NULL: others have them all, try again. */
struct pst_req *pst_ask_take(struct pst_ask *ask, const struct pst_control_view *view);
void pst_ask_post(struct pst_ask *ask, const struct pst_control_view *view);
/* Has the worker kept us waiting too long? */
bool pst_ask_is_late(const struct pst_ask *ask, const struct pst_control_view *view);
/* The answer was read: give the record back. */
void pst_ask_done(struct pst_ask *ask, const struct pst_control_params *params);
/* Nobody wants the answer. */
void pst_ask_cancel(struct pst_ask *ask, const struct pst_control_params *params);

/* Fetch the workers' answers. How many there were. */
unsigned int pst_ask_collect(const struct pst_control_params *params);
