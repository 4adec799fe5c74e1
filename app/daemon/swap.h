/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Swap: the lcores go from one snapshot to the next, while packets flow.
 *
 * Main asks each lcore by a ring, and the lcore itself changes over, between two bursts: so no burst
 * is treated by two configs, nobody waits, and the answer says that the old snapshot is read no
 * more. (A published pointer and rte_rcu_qsbr would tell main the same, but every lcore
 * would report in every loop; and its tables, published servers and timers have to be changed
 * by the lcore in any case.)
 *
 *	0  ports of outside addresses that are new: main makes the pools, workers take them
 *	1  servers that are new are published, each in two steps (nat.h); one that can't be ends
 *	   it all, and those before it are taken back
 *	2  editor lcores go by the new settings, with editors of the old ones enabled still
 *	3  workers go by the new snapshot
 *	4  editor lcores detach the editors that are disabled: nothing more is lent to them
 *	5  workers walk through what is open (nat/walk.c), a piece between two bursts
 *	6  published ports that are another server's now are published anew
 *
 * To ask what a config would do (PST_SWAP_COUNT) is step 5 alone, with nothing changed; to cut what
 * the running config forbids (PST_SWAP_CUT) is step 5 alone, too. An outside address that a config
 * has no more is retired, until nothing is open on it: to look for that (PST_SWAP_LOOK) is step 5
 * with nothing changed, and to forget it (PST_SWAP_FORGET) is to apply the running config again.
 * Its pools stay with the workers for the next address that comes. One swap at a time.
 *
 * Owner: main.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pst_appliance;
struct pst_config;
struct pst_snapshot;
struct pst_req;

enum pst_swap_kind {
	PST_SWAP_APPLY,
	PST_SWAP_COUNT,
	PST_SWAP_CUT,
	PST_SWAP_LOOK,
	PST_SWAP_FORGET,
};

struct pst_swap_params {
	enum pst_swap_kind kind;
	/* APPLY: it takes the place of the running one, and has to live as long; COUNT; else NULL */
	const struct pst_config *config;
	bool cuts;   /* connections that it forbids */
	bool arms;   /* timers of open connections anew */
	bool routes; /* open connections look for their next hops anew */
};

/* Until the next one is started. */
struct pst_swap_result {
	bool busy;
	int ret; /* 0, or -errno: nothing was changed, with a text */
	char error[256];
	char warning[256];	  /* what could not be done after all; or empty */
	uint64_t kept, forbidden; /* connections */
	uint64_t cut;		  /* of the forbidden: they were ended, or would be */
	uint64_t retired; /* connections and endpoints on retired addresses, at the end of a LOOK */
};

struct pst_swap;

/* NULL: no memory. */
struct pst_swap *pst_swap_create(struct pst_appliance *a);
/* After all lcores stopped, before the workers are destroyed. Safe on NULL. */
void pst_swap_destroy(struct pst_swap *swap);

/* 0; -EBUSY; or -errno, and the text is in the result. */
int pst_swap_start(struct pst_swap *swap, const struct pst_swap_params *params);

/* Go on as answers come. Returns how much there was to do. */
uint32_t pst_swap_poll(struct pst_swap *swap, uint64_t now_ms);

const struct pst_swap_result *pst_swap_result(const struct pst_swap *swap);
