/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Session: one client of the firewall, and what an editor asks in its name
 * (API section 2).
 *
 * All watched connections of a client meet in one session on one editor
 * lcore. The calls may be made from an editor's callbacks only.
 */
#pragma once

#include <stdint.h>

#include "pst_connection.h"
#include "pst_ipfilter.h"
#include "pst_types.h"

struct pst_editor_session;

enum pst_bind_flags {
	PST_FLAG_ALLOW_MULTIPLE = 1 << 0, /* several connections or sources (R17, R18) */
	PST_FLAG_TIMEOUT = 1 << 1,        /* closed by the worker when idle (R19, R20) */
	/* every packet by way of the editor (R23): accepted; what data filters of bound
	 * endpoints would see comes with them, until then packets take the fast path */
	PST_FLAG_NO_KERNEL_MODE = 1 << 2,
	PST_FLAG_BIDIRECTIONAL = 1 << 3,  /* UDP: the client may answer (R24, R25) */
};

#define PST_BIND_MAX 1024 /* most ports in one call */
#define PST_PORT_ANY 0

/*
 * The thirteen parameters of BindForClient, in the specification's order
 * (the session is the fourteenth, its `this`).
 */
struct pst_bind_for_client {
	/* n endpoints that inbound traffic goes to; all zero: not known yet (R4, R5, R15) */
	const struct pst_endpoint *client_addresses;
	/* sizeof(struct pst_endpoint), or -EINVAL (R82) */
	uint32_t client_address_len;
	/*
	 * In: the address to bind and PST_PORT_ANY, or for n == 1 a port. Out: the
	 * address bound, with the lowest port (R6, R8, R13). ip 0: the outside address of
	 * the client's other connections.
	 */
	struct pst_endpoint *proxy_address;
	/* sizeof(struct pst_endpoint), or -EINVAL (R82) */
	uint32_t proxy_address_len;
	/* PST_TCP or PST_UDP (R10) */
	enum pst_proto protocol;
	/* 1 to PST_BIND_MAX; the lowest port is a multiple of it (R11, R12) */
	uint32_t n;
	/* enum pst_bind_flags; TIMEOUT excludes ALLOW_MULTIPLE (R22) */
	uint32_t flags;
	/* bound of the queue of connections not yet accepted, as of listen() (R26) */
	int backlog;
	/* a protocol that is registered and allowed to the client (R27, R28) */
	struct pst_guid protocol_id;
	/* who hears of each resulting connection; NULL: nobody (R31, R32) */
	struct pst_editor_session *callback;
	void *callback_context;
	/* who may connect; copied (R80). NULL: everybody; no ranges: nobody */
	const struct pst_ipfilter *filter;
	/* room for n handles; connections[i] is port lowest + i (R14) */
	struct pst_connection **connections;
};

/*
 * Open n inbound endpoints for the session's client.
 *
 * All or nothing (R76). Returns 0, or -EINVAL (an argument, or a client
 * address that is not the session client's, R81), -EACCES (rules deny the
 * protocol, or it is not registered, R27, R28), -EADDRINUSE (R29),
 * -EADDRNOTAVAIL (R30), -ENOSPC (no block of n ports is left, or the client's
 * quota is used up), -ENOMEM, -EAGAIN (the worker did not answer in time; what it
 * still does is undone).
 */
int pst_bind_for_client(struct pst_session *session, const struct pst_bind_for_client *args);

/* The client's inside address; the port is 0. */
void pst_session_client_address(const struct pst_session *session, struct pst_endpoint *client);

/*
 * Note something for the operator: `name` is one of the editor's counters,
 * listed in struct pst_editor.
 */
void pst_session_count(struct pst_session *session, unsigned int counter);
