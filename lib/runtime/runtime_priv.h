/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files behind runtime.h share. */
#pragma once

#include <sys/queue.h>

#include <rte_hash.h>

#include "base/lcore.h"
#include "runtime/runtime.h"
#include "runtime/timers.h"
#include "stream/stream.h"

#define EDITORS_MAX 64
#define PACKETS_A_ROUND 64
#define EVENTS_A_ROUND 64
#define TIMERS_A_ROUND 64
#define NO_EDITOR EDITORS_MAX

struct watch;

enum handle_kind {
	HANDLE_WATCHED,	 /* a control connection */
	HANDLE_ENDPOINT, /* what pst_bind_for_client() opened */
	HANDLE_ACCEPTED, /* a connection to an endpoint */
};

struct pst_connection {
	LIST_ENTRY(pst_connection) of_session;
	STAILQ_ENTRY(pst_connection) to_kill;
	struct pst_session *session; /* NULL: the handle is free */
	uint32_t index, gen;	     /* its name in cookies */
	uint8_t kind;		     /* enum handle_kind */
	bool listed;		     /* a wish of it is still to be posted */
	bool kill_wanted;
	bool kill_posted;
	bool unwatch_wanted, unwatch_posted;
	enum pst_proto proto;
	uint32_t worker;
	struct pst_ref ref;
	uint32_t editor; /* whose handle it is; NO_EDITOR: nobody's */
	struct pst_endpoint client, external, remote;
	struct pst_editor_session *callback; /* ENDPOINT */
	void *context;
	const struct pst_data_filter *filter; /* WATCHED */
	void *filter_context;
	struct watch *watch;
};

LIST_HEAD(handle_list, pst_connection);
STAILQ_HEAD(kill_list, pst_connection);

struct pst_session {
	LIST_ENTRY(pst_session) all;
	struct pst_runtime *rt;
	uint32_t client_ip;
	uint32_t worker;
	bool closing; /* its editors are being detached */
	struct handle_list handles;
	struct pst_editor_session *editors[EDITORS_MAX]; /* attached ones */
};

LIST_HEAD(session_list, pst_session);

/* What an answer that was put off is about. */
struct deferred {
	enum pst_req_type type;
	uint32_t worker;
	uint64_t cookie;
};

struct pst_runtime {
	struct pst_runtime_params params;
	uint32_t n_editors;
	struct session_list sessions;
	struct rte_hash *by_client; /* client ip -> session */
	struct rte_hash *by_ref;    /* worker and reference -> handle */
	struct pst_connection *handles;
	uint32_t *free_handles, n_free, n_handles;
	/* kill or unwatch still to be posted, by worker: one that is behind holds up no other */
	struct kill_list kills[PST_WORKERS_MAX];
	struct timers timers; /* of the watches */
	uint64_t now_ms;

	/* a call that waits for this answer; others' answers are put off */
	struct pst_req *awaited;
	bool answered;
	struct deferred *deferred;
	uint32_t n_deferred;

	const struct pst_connection *connecting; /* inside its connect event */
	uint32_t current;			 /* editor whose callback runs */
	uint16_t ip_id;
	struct pst_editor_stats stats; /* main reads, relaxed */
	struct pst_runtime_figures figures;
	uint64_t counters[EDITORS_MAX][PST_EDITOR_COUNTERS];
};

/* session.c */

/* The client's session, made if need be; NULL when there is no memory. */
struct pst_session *session_get(struct pst_runtime *rt, uint32_t client_ip);
/* Close it when nothing is left of it. */
void session_check(struct pst_session *session);
/* Attach an editor; false when it refuses. */
bool session_attach(struct pst_session *session, uint32_t editor);
/* Detach one from it; nothing if it is not attached. */
void session_detach(struct pst_session *session, uint32_t editor);
/* The editor that this is the part of; NO_EDITOR when it is not attached here. */
uint32_t session_editor_of(const struct pst_session *session, const struct pst_editor_session *es);
/* Tell an editor of the session, if it is there; 0 or what it says. */
int session_tell(struct pst_session *session, uint32_t editor, const struct pst_event *event);

/* handle.c */

struct pst_connection *handle_new(struct pst_session *session, enum handle_kind kind);
/* Forget it: its filter is detached, its watch ended, its session closed if it was the last. */
void handle_free(struct pst_connection *conn);
/* Its place at the worker is known from now on. False when there is no memory. */
bool handle_bind_ref(struct pst_connection *conn, uint32_t worker, struct pst_ref ref);
struct pst_connection *handle_by_ref(
	const struct pst_runtime *rt, uint32_t worker, struct pst_ref ref);
/* The handle of a cookie, or NULL when it is gone. */
struct pst_connection *handle_by_cookie(const struct pst_runtime *rt, uint64_t cookie);
uint64_t handle_cookie(const struct pst_connection *conn);
/* Its editor is leaving: a control connection goes on unedited, all else ends. */
void handle_forsake(struct pst_connection *conn);
/* Post the kills and unwatches that are wanted, as records allow. */
uint32_t handle_post_wanted(struct pst_runtime *rt);
/* The connection goes back to the fast path with these offsets, soon. */
void handle_want_unwatch(struct pst_connection *conn);

/* watch.c */

/* A packet lent by a worker. */
void watch_input(struct pst_runtime *rt, uint32_t worker, struct rte_mbuf *m);
/* Begin to edit a connection's stream with its filter; false when there is no memory. */
bool watch_start(struct pst_connection *conn);
void watch_end(struct pst_connection *conn);
/* Returns how many timers were looked at. */
uint32_t watch_timers(struct pst_runtime *rt);
/* Offsets once nothing of the stream is in hand; zero without a watch. */
void watch_offsets(const struct pst_connection *conn, int32_t offset[PST_DIRS]);

/* call.c */

/* Fetch answers; put those off that are not for the call that waits. */
uint32_t call_collect(struct pst_runtime *rt);
/* Work on the answers that were put off. */
void call_deferred(struct pst_runtime *rt);
/* The lcores have stopped: take back what unanswered calls hold. */
void call_abandon(struct pst_runtime *rt);

/* runtime.c */

/* All that a worker has lent until now. */
void runtime_drain(struct pst_runtime *rt, uint32_t worker);
