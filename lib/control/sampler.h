/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sampler: how threads beside the lcores get a sample of the appliance, or the endpoints that are
 * open, from main.
 *
 * A thread asks and waits. Main looks once a round whether anybody asks; it never waits, not for
 * the lock either. Samples younger than PST_SAMPLER_MS serve again, so that however many ask, main
 * takes ten a second at most; endpoints come from the workers, PST_SAMPLER_ENDPOINTS at most,
 * by the same requests as "posternctl show listeners", once a second at most.
 */
#pragma once

#include "control/sample.h"

#define PST_SAMPLER_MS 100
#define PST_SAMPLER_ENDPOINTS_MS 1000
#define PST_SAMPLER_ENDPOINTS 100

struct pst_sampler;

/* NULL, with rte_errno. */
struct pst_sampler *pst_sampler_create(void);

/*
 * Main, while it can still ask the workers' channels: who waits is told -ESHUTDOWN, and so is who
 * asks from now on.
 */
void pst_sampler_close(struct pst_sampler *sampler, const struct pst_control_view *view);
/* When nobody asks any more. Safe on NULL. */
void pst_sampler_destroy(struct pst_sampler *sampler);

/* Main: answer who asks. How much there was to do. */
unsigned int pst_sampler_poll(struct pst_sampler *sampler, const struct pst_control_view *view);

/* Any other thread; both wait two seconds at most. 0, -ESHUTDOWN, -ETIMEDOUT or -ENOMEM. */

int pst_sampler_figures(struct pst_sampler *sampler, struct pst_sample *sample);
/* A line of JSON, as the control socket answers; to be freed. */
int pst_sampler_endpoints(struct pst_sampler *sampler, char **json);
