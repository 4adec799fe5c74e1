/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bind box: a whole appliance of one worker and one editor lcore, whose editor is the bench's and
 * has one session. Calls are made as an editor makes them; nobody but the caller polls.
 *
 * Owner: the editor lcore, but for what the worker's lcore polls.
 */
#pragma once

#include "appliance.h"
#include "pst_editor.h"

#define PST_BINDBOX_PORTS 3
#define PST_BINDBOX_RING (-1) /* a port of rings that nobody else sends on */

struct pst_bindbox {
	struct pst_config config;
	struct pst_appliance_params params;
	struct pst_appliance *a;
	struct rte_ring *in[PST_BINDBOX_PORTS]; /* what a ring port receives */
};

/* Lcores, quotas and timeouts; pools and the number of sessions are the caller's. */
int pst_bindbox_init(struct pst_bindbox *box, uint32_t mbufs);
/* Interface after interface: of this port, or of a new one of rings. 0 or -errno. */
int pst_bindbox_add_port(struct pst_bindbox *box, int port, enum pst_zone zone, uint32_t ip);
/* All is set: make it. idle is run while a call waits. */
int pst_bindbox_start(struct pst_bindbox *box, void (*idle)(void *ctx));
void pst_bindbox_fini(struct pst_bindbox *box);

/* A client's SYN into a ring port makes the session; the worker's lcore polls. 0 or -errno. */
int pst_bindbox_open_session(struct pst_bindbox *box, uint32_t iface, uint32_t client);

/* UDP endpoints of the session's client on that outside address. 0 or -errno. */
int pst_bindbox_bind(uint32_t address, uint32_t n, struct pst_connection **handles);
/* Want them killed; and wait until all that is under way has been answered. */
void pst_bindbox_kill(uint32_t n, struct pst_connection **handles);
void pst_bindbox_settle(struct pst_bindbox *box);

/* A clock that needs no start. */
uint64_t pst_bindbox_now(void *ctx);
