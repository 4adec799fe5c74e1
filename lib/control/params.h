/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control socket is given: plain pointers to what the lcores count and
 * callbacks for what main knows, so that a test needs no appliance.
 *
 * Everything that may be NULL says so. Strings and arrays are the caller's and live
 * as long as the server.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <rte_ethdev.h>

#include "base/counter.h"
#include "base/lcore.h"
#include "chan/chan.h"
#include "config/config.h"
#include "eventlog/eventlog.h"
#include "pst_editor.h"
#include "worker/stats.h"

/* What main knows of interface i of the config. */
struct pst_control_iface {
	uint8_t mac[6];
	bool up;
	uint32_t mbps;	 /* 0: not known */
	uint16_t mtu;	 /* 0: as the config says */
	const char *rss; /* how the NIC steers, or why it doesn't; NULL: nothing to say */
	bool has_port_stats;
	struct rte_eth_stats port_stats;
};

/* A row of main's neighbour table. */
struct pst_control_neighbour {
	uint32_t ip;
	uint32_t iface; /* index in the config */
	bool has_mac;
	uint8_t mac[6];
	const char *state; /* "reachable" */
	uint32_t age_ms;
	uint32_t held; /* packets that wait for it */
};

/* The ports of an outside address for a protocol, of all workers together. */
struct pst_control_pool {
	uint32_t ip;
	uint8_t protocol; /* enum pst_proto */
	uint32_t used, free;
};

struct pst_control_params {
	const char *socket;
	const struct pst_config *config; /* may be NULL */
	uint64_t started;		 /* pst_clock_now() at the start */

	/* main's channels, records >= 1; nobody else asks on them */
	struct pst_chan *workers[PST_WORKERS_MAX];
	const struct pst_worker_stats *worker_stats[PST_WORKERS_MAX];
	/* by rule: new connections that it decided; may be NULL */
	const uint64_t *rule_counts[PST_WORKERS_MAX];
	/* by packet filter: first packets that it decided; may be NULL */
	const uint64_t *filter_counts[PST_WORKERS_MAX];
	/* the same of before the workers' counters began; may be NULL */
	const uint64_t *rule_base, *filter_base;
	uint32_t worker_lcores[PST_WORKERS_MAX];
	uint32_t n_workers;

	const struct pst_editor_stats *editor_stats[PST_EDITORS_MAX];
	uint32_t editor_lcores[PST_EDITORS_MAX];
	uint32_t n_editors;

	struct pst_eventlog *eventlog; /* may be NULL: nothing can be watched */

	uint32_t main_lcore;
	const struct pst_account *main_account; /* may be NULL */

	/* all editors built in, NULL at the end; rows name them by index; may be NULL */
	const struct pst_editor *const *editors;
	/* counter c of editor e, all editor lcores together; may be NULL */
	uint64_t (*editor_counter)(void *ctx, uint32_t editor, uint32_t counter);

	/* the list that rows' protocol_index points into; may be NULL */
	const char *const *protocol_names;
	uint32_t n_protocols;

	/* a connection's state; may be NULL */
	const char *(*state_name)(uint8_t protocol, uint8_t state);

	/* what reads the set of a listener's filter; NULL: filters have no ranges */
	uint32_t (*ipset_count)(const struct pst_ipset *set);
	void (*ipset_range)(
		const struct pst_ipset *set, uint32_t i, uint32_t *first, uint32_t *last);
	void (*ipset_unref)(struct pst_ipset *set);

	/* 0, or -errno: there is no port yet; may be NULL */
	int (*iface)(void *ctx, uint32_t i, struct pst_control_iface *iface);
	/* 0, or -ENOENT behind the last; may be NULL */
	int (*neighbour)(void *ctx, uint32_t i, struct pst_control_neighbour *neighbour);

	/* likewise; read as published, no worker is asked; may be NULL */
	int (*pool)(void *ctx, uint32_t i, struct pst_control_pool *pool);

	/* names of further commands, NULL at the end, and what runs them; may be NULL */
	const char *const *commands;
	/*
	 * 0 and *result (a new reference); or -errno and a text, and perhaps in *result an array of
	 * lines that say more. It must not block: what takes time returns a number above 0, and
	 * answer() is asked by that until it does not return -EINPROGRESS.
	 */
	int (*command)(void *ctx, const char *name, json_t *request, json_t **result, char *error,
		size_t size);
	int (*answer)(void *ctx, int ticket, json_t **result, char *error, size_t size);
	void *ctx;
};

/* What a document is made from. */
struct pst_control_view {
	struct pst_control_params params;
	uint64_t now;
	bool ready;
	double load[PST_WORKERS_MAX]; /* 0 to 1, over the last second */
	uint32_t watchers;
};
