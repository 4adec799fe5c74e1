/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket: an operator asks a line of JSON and gets a line of JSON.
 *
 *	{"command":"status"}                       {"ok":true,"result":{...}}
 *	{"command":"show","what":"listeners"}      {"result":[...],"ok":true}
 *	{"command":"shwo"}                         {"ok":false,"error":"..."}
 *
 *	{"command":"watch"}                        {"ok":true,"result":{...}}, then a line each event
 *
 * Several clients at once, each answered in the order of its lines; a client that
 * doesn't read is not read from, and is let go when it takes nothing for half a minute.
 * Nothing here waits: main calls pst_control_poll() in its loop.
 *
 * Owner: main.
 */
#pragma once

#include "control/params.h"

#define PST_CONTROL_LINE_MAX 65536 /* bytes of a request, its newline included */
#define PST_CONTROL_CLIENTS_MAX 16

struct pst_control;

/* Listen. NULL, with rte_errno set and a text in error. Copies *params. */
struct pst_control *pst_control_create(
	const struct pst_control_params *params, char *error, size_t size);

/*
 * Stop listening and let all clients go. Call before the channels are destroyed, after the
 * workers have stopped. Safe on NULL.
 */
void pst_control_destroy(struct pst_control *control);

/*
 * Do what there is to do, without waiting: accept, read, ask workers, answer. `now` is
 * pst_clock_now(). How much there was, 0 for nothing.
 */
int pst_control_poll(struct pst_control *control, uint64_t now);

/* What documents are made from; what changes in it does so in pst_control_poll(). */
const struct pst_control_view *pst_control_view(const struct pst_control *control);

/* After a reload, before what they pointed to is freed. The socket stays; copies *params. */
void pst_control_set_params(
	struct pst_control *control, const struct pst_control_params *params);
/* Every port is up. */
void pst_control_set_ready(struct pst_control *control, bool ready);
