/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files behind runtime.h share. */
#pragma once

#include <sys/queue.h>

#include <rte_hash.h>

#include "base/lcore.h"
#include "base/rng.h"
#include "runtime/runtime.h"
#include "runtime/timers.h"
#include "stream/stream.h"

#ifndef PST_PLANTED_BUG
#define PST_PLANTED_BUG 0 /* the chaos test is built with each, and must see it */
#endif

#define EDITORS_MAX 64
#define PACKETS_A_ROUND 64
#define EVENTS_A_ROUND 64
#define TIMERS_A_ROUND 64
#define NO_EDITOR EDITORS_MAX

struct watch;

enum handle_kind {
	HANDLE_WATCHED,	    /* a connection that is, or was at its start, lent to us */
	HANDLE_ENDPOINT,    /* what pst_bind_for_client() opened */
	HANDLE_ESTABLISHED, /* a connection that a call asked for, on the fast path */
	HANDLE_ACTION,	    /* what a struct pst_action is */
};

/* An action's data filter factory. */
struct factory {
	enum pst_event_type event;
	struct pst_endpoint address;
	pst_data_filter_factory create;
	enum pst_priority priority;
	void *context;
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
	bool deny_wanted, deny_posted;
	bool inbound;  /* WATCHED: begun from outside */
	bool by_editor; /* ENDPOINT: what it accepts is lent to us; WATCHED: it stays lent */
	bool emulated;	/* ENDPOINT: nothing is bound; WATCHED: its packets end here */
	bool named;	/* emulated: pst_connection_set_socket_name() was called */
	bool is_map;	/* ENDPOINT: its client asked for it (R61) */
	bool at_worker; /* ACTION: the worker has a part of it */
	bool finished;	/* ACTION */
	bool is_translation; /* ACTION: internal address translation */
	bool released;	/* ACTION: nobody has the handle any more */
	bool address_based; /* ACTION */
	enum pst_proto proto;
	uint32_t flags; /* ENDPOINT, ACTION: enum pst_bind_flags */
	uint32_t worker;
	struct pst_ref ref;
	uint32_t editor; /* whose handle it is; NO_EDITOR: nobody's, or more than one's */
	uint64_t told;	 /* the editors that were told an event of it: a bit for each */
	struct pst_endpoint client, external, remote;
	struct pst_editor_session *callback; /* ENDPOINT, ACTION */
	void *context;
	struct pst_ipset *ipset;	/* ENDPOINT: a reference */
	struct pst_connection *parent;	/* of a UDP endpoint's peer: that endpoint */
	uint32_t peers;			/* ENDPOINT: handles whose parent it is */
	struct filters *filters;	/* NULL: none */
	struct factory factory;		/* ACTION: event 0 when it is none */
	struct watch *watch;
	struct emulation *emulation; /* the outside end is ours */
};

LIST_HEAD(handle_list, pst_connection);
STAILQ_HEAD(kill_list, pst_connection);

struct pst_session {
	LIST_ENTRY(pst_session) all;
	struct pst_runtime *rt;
	uint32_t client_ip;
	uint32_t worker;
	bool closing; /* its editors are being detached */
	uint32_t maps; /* a Firewall client has some */
	uint32_t factories; /* of its actions: where there are none, none is looked for */
	struct handle_list handles;
	struct pst_editor_session *editors[EDITORS_MAX]; /* attached ones */
};

LIST_HEAD(session_list, pst_session);

/* An event that is being raised, and what its handlers have decided. */
struct decision {
	struct decision *outer; /* it was raised inside that one */
	struct pst_connection *conn; /* a destination's own handle, not the endpoint's */
	enum pst_event_type type;
	enum pst_access access;
	bool denied_by_rules; /* nobody may allow it */
	uint32_t flags;	      /* of set_protocol() */
	int protocol;	      /* place in the list, -1: none */
	uint32_t editor;      /* whose handler runs */
	bool is_one_of_many;  /* of the ports of one bind */
};

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
	struct timers origins; /* of emulated ends */
	uint64_t now_ms;

	/* a call that waits for this answer; others' answers are put off */
	struct pst_req *awaited;
	bool answered;
	struct deferred *deferred;
	uint32_t n_deferred;

	struct decision *deciding; /* the innermost event that is being raised */
	uint32_t current;			 /* editor whose callback runs */
	uint16_t ip_id;
	struct pst_rng rng;
	struct pst_editor_stats stats; /* main reads, relaxed */
	struct pst_runtime_figures figures;
	uint64_t counters[EDITORS_MAX][PST_EDITOR_COUNTERS];
};

/* session.c */

/* The client's session, made if need be; NULL when there is no memory. */
struct pst_session *session_get(struct pst_runtime *rt, uint32_t client_ip);
/* Close it when nothing is left of it but actions of its own; or now, whatever there is. */
void session_check(struct pst_session *session);
void session_close(struct pst_session *session);
/* Attach an editor; false when it refuses. */
bool session_attach(struct pst_session *session, uint32_t editor);
/* How events name it. */
enum pst_event_source session_source(const struct pst_session *session);
/* Detach one from it; nothing if it is not attached. */
void session_detach(struct pst_session *session, uint32_t editor);
/* The editor that this is the part of; NO_EDITOR when it is not attached here. */
uint32_t session_editor_of(const struct pst_session *session, const struct pst_editor_session *es);
/* Tell an editor of the session, if it is there; 0 or what it says. */
int session_tell(struct pst_session *session, uint32_t editor, const struct pst_event *event);

/* handle.c */

struct pst_connection *handle_new(struct pst_session *session, enum handle_kind kind);
/* An action is used up, has lapsed or is cancelled: the handle stays for whoever has it. */
void handle_finish(struct pst_connection *action);
/* Tell whoever knows it, then forget it (R56). */
void handle_end(struct pst_connection *conn);
/* Forget it: its filters are detached, its watch ended, its session closed if it was the last. */
void handle_free(struct pst_connection *conn);
/* Its place at the worker is known from now on. False when there is no memory. */
bool handle_bind_ref(struct pst_connection *conn, uint32_t worker, struct pst_ref ref);
struct pst_connection *handle_by_ref(
	const struct pst_runtime *rt, uint32_t worker, struct pst_ref ref);
/* The handle of a cookie, or NULL when it is gone. */
struct pst_connection *handle_by_cookie(const struct pst_runtime *rt, uint64_t cookie);
static inline uint64_t
handle_cookie(const struct pst_connection *conn)
{
	return (uint64_t)conn->gen << 32 | conn->index;
}
/* Of the i-th handle that will be made: it has its name already. There are as many. */
static inline uint64_t
handle_cookie_ahead(const struct pst_runtime *rt, uint32_t i)
{
	uint32_t index = rt->free_handles[rt->n_free - 1 - i];

	return (uint64_t)rt->handles[index].gen << 32 | index;
}
/* An editor is leaving: its own handles end, a watched connection goes on without it. */
void handle_forsake(struct pst_connection *conn, uint32_t editor);
/* Post the kills and unwatches that are wanted, as records allow. */
uint32_t handle_post_wanted(struct pst_runtime *rt);
/* The worker is to drop what comes of it, soon. */
void handle_want_deny(struct pst_connection *conn);
/* The connection goes back to the fast path with these offsets, soon. */
void handle_want_unwatch(struct pst_connection *conn);

/* event.c */

/*
 * Raise an event to all that are registered for it, and to the data filter factories that match.
 * Returns 0, or -ENOMEM: the request fails (R74). `port` and `other_port` are what hooks are
 * compared with; `primary` is the protocol whose primary port it is, -1: none.
 */
struct occasion {
	struct pst_event event;
	uint16_t port, other_port;
	int primary;
	struct pst_endpoint bound; /* what factories of ACCEPTED and BIND_UDP compare */
};
int event_raise(struct pst_session *session, struct occasion *occasion, struct decision *d);
/* Is there anybody to raise it to? */
bool event_is_heard(const struct pst_session *session, struct occasion *occasion);
/* Would anybody hear of an event on that port? 0: any port, as it may be. */
bool event_is_hooked(const struct pst_session *session, enum pst_event_type type, uint16_t port);
/* Is there a factory for it? */
bool event_has_factory(const struct pst_session *session, enum pst_event_type type,
	const struct pst_endpoint *address);
/* The place of a registered protocol, or -EACCES (R27). */
int protocol_find(const struct pst_runtime *rt, const struct pst_guid *id);

/* filters.c: the data filters of one connection */

struct filters;

/* Attach one more; 0, -ENOSPC, -ENOMEM. */
int filters_attach(struct filters **fs, const struct pst_data_filter *filter,
	enum pst_priority priority, void *context, uint32_t editor);
/* Detach all, or an editor's alone. Safe on NULL. */
void filters_destroy(struct filters *fs, struct pst_runtime *rt);
void filters_forsake(struct filters *fs, struct pst_runtime *rt, uint32_t editor);
/* How many still look. */
uint32_t filters_count(const struct filters *fs);
/* Bytes of a stream, by the contract of struct pst_data_filter. */
void filters_stream(struct filters *fs, struct pst_runtime *rt, enum pst_dir dir, bool from_client,
	const uint8_t *bytes, uint32_t len, bool end, struct pst_edit *edit);
/* A filter that has left holds bytes of this direction: it is to be run again. */
bool filters_is_stuck(const struct filters *fs, enum pst_dir dir);
/* One datagram: PASS, REPLACE, DROP or RESET. */
void filters_datagram(struct filters *fs, struct pst_runtime *rt, enum pst_dir dir,
	bool from_client, const uint8_t *bytes, uint32_t len, struct pst_edit *edit);

/* open.c: the first packet of a connection that was lent to us */

/* Its handle; NULL: nobody wants to see it, or *denied. */
struct pst_connection *open_new(
	struct pst_runtime *rt, uint32_t worker, const struct rte_mbuf *m, bool *denied);

/* emulate.c: connections whose outside end is an editor's */

/* The client's SYN is answered here, by the filter at PST_PRIORITY_EMULATION. */
bool emulation_accept(struct pst_connection *conn);
/* A packet of the client's. */
void emulation_input(struct pst_connection *conn, struct rte_mbuf *m);
void emulation_end(struct pst_connection *conn);
uint32_t emulation_timers(struct pst_runtime *rt);
/* The filter at that class; false when there is none. */
bool filters_emulation(const struct filters *fs, const struct pst_data_filter **filter,
	void **context, uint32_t *editor);

/* datagram.c */

void datagram_input(struct pst_connection *conn, struct rte_mbuf *m);

/* watch.c */

/* To the worker, as an edited packet; its tag says of which connection. */
void watch_give_back(struct pst_runtime *rt, uint32_t worker, struct rte_mbuf *m);
void watch_drop(struct pst_runtime *rt, struct rte_mbuf *m, enum pst_drop why);
/* Answer a SYN with a reset, as if from its receiver (R52). */
void watch_refuse(struct pst_runtime *rt, uint32_t worker, const struct rte_mbuf *syn);

/* A packet lent by a worker. */
void watch_input(struct pst_runtime *rt, uint32_t worker, struct rte_mbuf *m);
/* Begin to edit a connection's stream with its filter; false when there is no memory. */
bool watch_start(struct pst_connection *conn);
void watch_end(struct pst_connection *conn);
/* Returns how many timers were looked at. */
uint32_t watch_timers(struct pst_runtime *rt);
/* Offsets once nothing of the stream is in hand; zero without a watch. */
void watch_offsets(const struct pst_connection *conn, int32_t offset[PST_DIRS]);

/* bind.c: raise the events of a bind. 0, or why it fails. */
int call_raise_bind(struct pst_connection *conn, const struct pst_guid *protocol, int backlog,
	bool many);

/* call.c */

/* A record to ask a worker with; where all are lent, the next to come back in time. */
struct pst_req *call_take(struct pst_runtime *rt, uint32_t worker, uint64_t give_up);
uint64_t call_bound(const struct pst_runtime *rt);
/* Lend it, and wait for it, with no other call between. False: no answer came; it is abandoned. */
void call_post(struct pst_runtime *rt, uint32_t worker, struct pst_req *req);
bool call_await(struct pst_runtime *rt, uint64_t give_up);
/* Both. */
bool call_wait(struct pst_runtime *rt, uint32_t worker, struct pst_req *req, uint64_t give_up);

/* Fetch answers; put those off that are not for the call that waits. */
uint32_t call_collect(struct pst_runtime *rt);
/* Work on the answers that were put off. */
void call_deferred(struct pst_runtime *rt);
/* The lcores have stopped: take back what unanswered calls hold. */
void call_abandon(struct pst_runtime *rt);

/* runtime.c */

/* All that a worker has lent until now. */
void runtime_drain(struct pst_runtime *rt, uint32_t worker);
