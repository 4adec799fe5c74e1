/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runtime: one editor lcore. It runs the editors for the clients that are its
 * own: sessions, handles, watched streams, and the calls to workers.
 *
 * Each round: answers, events, packets lent by workers, timers, and requests
 * that found no free record before. A call of an editor that waits for a worker
 * (pst_bind_for_client) looks at answers only: no packet or worker's event is worked on
 * meanwhile. What an editor hears inside one of its calls is what that call itself raises.
 *
 * Owner: one editor lcore.
 */
#pragma once

#include <rte_mempool.h>

#include "chan/chan.h"
#include "pst_editor.h"
#include "worker/stats.h"

#define PST_EDITOR_COUNTERS 32

struct pst_runtime;
struct pst_ruleset;

/* What an editor hears that does not say: CONNECT_TCP and UDP_DESTINATION of its primary ports. */
extern const struct pst_hooks pst_hooks_default;

/* A known protocol; its place in the list is the protocol_index of messages. */
struct pst_runtime_protocol {
	struct pst_guid id;
	const char *name;
	int editor; /* index, -1: none */
};

/* What a config says of it: const, and another one after a reload. */
struct pst_runtime_settings {
	uint64_t enabled; /* a bit for each editor */
	const struct pst_runtime_protocol *protocols;
	uint32_t n_protocols;
	const struct pst_ruleset *rules; /* NULL: all is allowed */
};

/* Set by main before launch, const after; but for the settings, which the lcore itself changes. */
struct pst_runtime_params {
	uint32_t index;
	struct pst_chan *const *workers; /* by worker; the runtime is the asker */
	uint32_t n_workers;
	const struct pst_editor *const *editors; /* NULL at the end */
	struct pst_runtime_settings settings;
	const struct pst_hooks *hooks;		 /* by editor; NULL: pst_hooks_default for all */
	struct pst_chan *main;			 /* main's, to ask for other settings; NULL: none */
	struct rte_mempool *mbufs; /* with PST_MBUF_PRIV */
	uint64_t seed;
	uint32_t handles; /* 0: 16384; connections and endpoints at a time */
	uint32_t bind_timeout_ms;
	/* the worker that owns a client */
	uint32_t (*worker_of)(void *ctx, uint32_t client_ip);
	void *worker_ctx;
	/* run while a call waits; and the clock it waits by, in ms */
	void (*idle)(void *ctx);
	uint64_t (*now)(void *ctx);
	void *ctx;
};

/* Of the calls to workers, and of what had no place. The lcore writes, others read (relaxed). */
struct pst_runtime_figures {
	uint64_t answers;		    /* that came in time */
	uint64_t tsc_sum, tsc_min, tsc_max; /* of their round trips, in TSC ticks */
	uint64_t tsc_log2[64]; /* [i]: how many took 2^i ticks or more, below 2^(i+1) */
	uint64_t unknown;      /* packets of no handle, passed as they were */
};

/* NULL, with rte_errno set. */
struct pst_runtime *pst_runtime_create(const struct pst_runtime_params *params);
/* After its lcore stopped; detaches all editors. Safe on NULL. */
void pst_runtime_destroy(struct pst_runtime *rt);

/* One round. Returns how much there was to do; 0: nothing. */
uint32_t pst_runtime_poll(struct pst_runtime *rt, uint64_t now_ms);

/*
 * An editor is disabled or failed: its endpoints and what they accepted are
 * ended, and it is detached everywhere. Control connections live on, unedited:
 * each goes back to the fast path when nothing edited is in flight any more.
 */
void pst_runtime_detach_editor(struct pst_runtime *rt, uint32_t editor);

/* True when there is no session, no handle and no request under way. */
bool pst_runtime_is_quiet(const struct pst_runtime *rt);

const struct pst_editor_stats *pst_runtime_stats(const struct pst_runtime *rt);
const struct pst_runtime_figures *pst_runtime_figures(const struct pst_runtime *rt);
/* An editor's own counters, PST_EDITOR_COUNTERS of them; any lcore may read them. */
const uint64_t *pst_runtime_counters(const struct pst_runtime *rt, uint32_t editor);
