/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Editor: what a protocol editor offers (API sections 5 and 7).
 *
 * An editor is attached to a session at the first event it watches there; it
 * then hears the session's events and is detached when the session closes. Its callbacks
 * run on one editor lcore and never at once for one session. It may block in
 * nothing but the calls of pst_session.h and pst_connection.h.
 */
#pragma once

#include "pst_session.h"

enum pst_event_type {
	PST_EVENT_CONNECT_TCP,   /* the client connects to one of the editor's ports */
	PST_EVENT_ESTABLISHED,   /* a bound endpoint got a connection (R31); callback only (R55) */
	PST_EVENT_TERMINATING,   /* drop all references to `connection` (R56, R57) */
};

struct pst_event {
	enum pst_event_type type;
	struct pst_connection *connection;
	struct pst_endpoint remote; /* CONNECT_TCP, ESTABLISHED: the peer outside */
	/* ESTABLISHED: the endpoint that was connected to, and the call's context */
	struct pst_connection *endpoint;
	void *context;
};

/* An editor's part of a session; an editor embeds it first in its own struct. */
struct pst_editor_session {
	struct pst_session *session; /* set by the runtime before attach returns to it */
};

struct pst_editor_port {
	enum pst_proto protocol;
	uint16_t port;
};

#define PST_EDITOR_PORTS 4

struct pst_editor {
	const char *name;           /* as in the config: "ftp" */
	const char *protocol_name;  /* "FTP client" */
	struct pst_guid protocol;   /* registered for it (R27) */
	struct pst_editor_port ports[PST_EDITOR_PORTS]; /* primary ports; protocol 0 ends them */
	bool default_on;            /* without a word in the config (RFC 5382 REQ-6) */
	const char *const *counters; /* names, NULL at the end; may be NULL */

	/* A session starts. NULL when there is no memory: the connection is refused (R74). */
	struct pst_editor_session *(*attach)(struct pst_session *session);
	/* 0, or -ENOMEM: the request that raised the event fails (R74). */
	int (*event)(struct pst_editor_session *es, const struct pst_event *event);
	/* The session closes: release everything. */
	void (*detach)(struct pst_editor_session *es);
};
