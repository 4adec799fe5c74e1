/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command "capture": packets into a file that the client has opened, and passed along with
 * the request (SCM_RIGHTS). It ends by itself when enough was written or the time is over, when
 * the client says no more (shutdown), or hangs up; then comes the answer.
 *
 *	{"command":"capture","interface":"outside","count":100,"snap":128,"seconds":10,
 *	 "expression":"tcp port 80","filter":[[40,0,0,12],...]}
 *
 * All keys may be left out. filter is what libpcap made of the expression at the client's, for
 * names in it may take their time; it is checked before it runs.
 *
 *	worker -- tap's ring --> a thread that writes; main starts and stops both, without waiting
 *
 * One at a time. Owner: main.
 */
#pragma once

#include "control/params.h"

struct pst_capture;

/*
 * Begin. NULL, with a text in error; fd is the caller's then, else the capture's. fd -1: none was
 * passed.
 */
struct pst_capture *pst_capture_start(const struct pst_control_params *params,
	const json_t *request, int fd, char *error, size_t size);

/* The client wants no more of it. */
void pst_capture_stop(struct pst_capture *c);
/* And does not wait for what is left to be written. */
void pst_capture_abort(struct pst_capture *c);

/* Go on without waiting. True when it has ended: pst_capture_result(), and _destroy(). */
bool pst_capture_step(struct pst_capture *c, uint64_t now);

/* A worker's answer to it. */
void pst_capture_take(struct pst_req *req, struct pst_chan *worker);

/* A new reference; or NULL and a text in error. */
json_t *pst_capture_result(const struct pst_capture *c, char *error, size_t size);

/* It has ended, or the workers have stopped. Safe on NULL. */
void pst_capture_destroy(struct pst_capture *c);
