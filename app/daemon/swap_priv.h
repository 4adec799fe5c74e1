/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files behind swap.h share. */
#pragma once

#include "appliance.h"

enum pst_swap_step {
	PST_STEP_POOLS,	  /* of addresses that are new */
	PST_STEP_PUBLISH, /* what is new */
	PST_STEP_EDITORS, /* those that are enabled */
	PST_STEP_WORKERS,
	PST_STEP_DISABLED, /* editors */
	PST_STEP_WALK,
	PST_STEP_REPUBLISH, /* what is another server's */
	PST_STEP_DONE,
};

struct pst_swap {
	struct pst_appliance *a;
	struct pst_swap_params params;
	struct pst_swap_result result;
	struct pst_snapshot *next; /* APPLY, until it runs; COUNT */
	enum pst_swap_step step;
	/* of the lcores that a step asks: a bit for each */
	uint64_t asked, answered;
	uint32_t cursors[PST_WORKERS_MAX]; /* PST_STEP_POOLS */
	/* PST_STEP_EDITORS: both configs' editors */
	struct pst_runtime_settings both;
	struct pst_counts counts[PST_WORKERS_MAX]; /* by worker; for the next snapshot */
	/* by worker and number, until it has them */
	struct pst_portpool *(*pools)[PST_NAT_ADDRESSES_MAX * PST_POOLS];
	/* PST_STEP_PUBLISH, PST_STEP_REPUBLISH */
	uint8_t *todo;	 /* by server: the step that it is for, or PST_STEP_DONE */
	uint32_t server; /* that is under way */
	enum pst_publish_step publishing;
	uint32_t publisher, port_worker; /* who is asked; who has the port */
	uint64_t give_up_ms;		 /* 0: it was not tried in vain */
	uint64_t retry_ms;		 /* when it is tried again; 0: it is not to be */
	bool undoing;
};

/* Where the lcores go, or have gone. */
static inline const struct pst_snapshot *
pst_swap_going_to(const struct pst_swap *s)
{
	return s->next != NULL ? s->next : s->a->now;
}

/* swap_publish.c */

/* What is to be done of each server of the next snapshot, and when. 0 or -ENOMEM. */
int pst_swap_plan_servers(struct pst_swap *s);
/* Go on with those of this step, or with taking them back; true when all is done. */
bool pst_swap_publish(struct pst_swap *s, uint64_t now_ms, uint32_t *done);
