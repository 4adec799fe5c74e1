/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inquiries: what becomes of a packet (chan/explain.h), asked of one worker after the other
 * while main goes on: first of any, as if a NIC had put the packet there; then of the one that it
 * would be handed to; and by hairpin once more, as what comes in again.
 */
#pragma once

#include "chan/chan.h"

#define PST_INQUIRY_PASSES 2

struct pst_inquiry {
	bool active;
	bool answered; /* req is back */
	struct pst_explain passes[PST_INQUIRY_PASSES];
	bool redirected[PST_INQUIRY_PASSES]; /* by the port's own worker */
	uint32_t n; /* passes that are answered */
	uint32_t worker, hops;
	uint64_t asked; /* ms */
	struct pst_req *req;
	void (*unref)(struct pst_ipset *set); /* gives the references of listeners' filters back */
};

/* Only what is `in` of the question is looked at. unref may be NULL: there are no filters. */
void pst_inquiry_start(struct pst_inquiry *q, const struct pst_explain *question,
	void (*unref)(struct pst_ipset *set));

/*
 * Go on as far as possible without waiting. 1: passes[] is complete, the last one's verdict is that
 * of the packet; 0: not yet; -ETIMEDOUT: worker `worker` does not answer.
 */
int pst_inquiry_step(
	struct pst_inquiry *q, struct pst_chan *const *workers, uint32_t n_workers, uint64_t now);

/*
 * The end of it, or nobody wants the answer any more: references are given back, and a record
 * under way when it returns.
 */
void pst_inquiry_fini(struct pst_inquiry *q, struct pst_chan *const *workers);
/* Main got this answer from a worker. */
void pst_inquiry_take(
	struct pst_req *req, struct pst_chan *worker, void (*unref)(struct pst_ipset *set));
