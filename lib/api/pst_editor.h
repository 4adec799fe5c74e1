/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Editor: what a protocol editor offers (API section 5: filter and session filter).
 *
 * An editor is one const struct. init() is called once before any traffic and says which
 * events it wants to hear; shutdown() once after the last. To a session (a client) it is
 * attached at the first event it watches there: attach() returns its part of the session,
 * which hears the session's events until detach().
 *
 * Callbacks of one session run on one editor lcore, never two at once; those of different
 * sessions may run on different lcores at once, so what an editor shares between sessions
 * is its own to guard. A callback may block in nothing but the calls of pst_session.h and
 * pst_connection.h. Such a call may raise further events, also for the editor that made it:
 * inside pst_bind_for_client() comes BIND_TCP.
 */
#pragma once

#include "pst_admin.h"
#include "pst_events.h"
#include "pst_session.h"

/* An editor's part of a session; an editor embeds it first in its own struct. */
struct pst_editor_session {
	struct pst_session *session; /* set by the runtime after attach returned */
	/*
	 * Set by attach: the events this session's part wants, NULL for what init said. Of
	 * CONNECT_TCP and UDP_DESTINATION it can only want less than that.
	 */
	const struct pst_hooks *hooks;
};

struct pst_editor_port {
	enum pst_proto protocol;
	uint16_t port;
};

#define PST_EDITOR_PORTS 4

struct pst_editor {
	const char *name;	   /* as in the config: "ftp" */
	const char *description;   /* for people, may be NULL */
	struct pst_guid id;	   /* of the editor; zero: its protocol's */
	const char *protocol_name; /* "FTP client" */
	struct pst_guid protocol;  /* registered for it (R27) */
	struct pst_editor_port ports[PST_EDITOR_PORTS]; /* primary ports; protocol 0 ends them */
	bool default_on;	   /* without a word in the config (RFC 5382 REQ-6) */
	const char *const *counters; /* names, NULL at the end; may be NULL */

	/*
	 * Once, on main, before launch: fill in what to hear. 0, or a negative errno: the
	 * program does not start. NULL: CONNECT_TCP and UDP_DESTINATION of the primary ports.
	 */
	int (*init)(struct pst_hooks *hooks);
	/* Once, on main, after all lcores stopped. May be NULL. */
	void (*shutdown)(void);

	/* A session starts. NULL when there is no memory: the request is refused (R74). */
	struct pst_editor_session *(*attach)(struct pst_session *session);
	/* 0, or -ENOMEM: the request that raised the event fails (R74). */
	int (*event)(struct pst_editor_session *es, const struct pst_event *event);
	/* The session closes: release everything. */
	void (*detach)(struct pst_editor_session *es);
};
