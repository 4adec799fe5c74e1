/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rig: one editor lcore under test between made-up workers and a toy editor.
 *
 * The workers serve the real rings: they hand out ports, keep what they gave,
 * pass packets back and forth untranslated, and count. A test sets what they
 * do wrong. Time passes only while a call waits, or where a test says so.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pkt.h"
#include "runtime/runtime.h"

#define RIG_WORKERS 2
#define RIG_EVENTS_MAX 64
#define RIG_LISTENERS_MAX 2048
#define RIG_STREAM_MAX 16384
#define RIG_TIMEOUT_MS 100
#define RIG_TTL 61

#define RIG_OUTSIDE IP(198, 18, 0, 1)
#define RIG_SERVER IP(198, 18, 0, 9)

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define P RTE_TCP_PSH_FLAG
#define F RTE_TCP_FIN_FLAG
#define R RTE_TCP_RST_FLAG

struct rig;

/* What a made-up worker opened. */
struct rig_listener {
	bool open;
	uint64_t cookie;
	struct pst_endpoint client;
	struct pst_ipset *filter; /* on the first of a call's */
	uint32_t call;		  /* which of its calls */
};

struct rig_worker {
	struct pst_chan *chan;
	bool stalled;	 /* serves nothing */
	int bind_result; /* of the next calls */
	struct rig_listener listeners[RIG_LISTENERS_MAX];
	uint32_t n_listeners, open;
	uint32_t served[PST_REQ_SHOW + 1]; /* requests, by type */
	struct pst_req last[PST_REQ_SHOW + 1];
	uint16_t next_port;
};

/* One end of a watched connection: what it sent, and what it got in order. */
struct rig_end {
	struct pst_endpoint own, peer;
	uint32_t seq, ack;
	uint32_t acked; /* of its own, by the last packet that came */
	uint8_t got[RIG_STREAM_MAX];
	uint32_t n_got, n_packets;
	uint8_t flags;	  /* of all that came */
	uint32_t largest; /* payload of a packet */
};

struct rig_conn {
	uint32_t worker;
	struct pst_ref ref;
	struct pst_endpoint inside;
	uint16_t protocol;
	struct rig_end ends[PST_DIRS]; /* by the direction they send in */
	bool ended;
};

struct rig_event {
	enum pst_event_type type;
	struct pst_connection *connection, *endpoint;
	struct pst_endpoint remote;
	void *context;
	uint32_t editor;
};

typedef void (*rig_todo)(struct rig *rig);

struct rig {
	struct pst_runtime *rt;
	struct rig_worker workers[RIG_WORKERS];
	struct rte_mempool *mbufs;
	uint64_t now_ms;
	uint64_t lent, returned;
	uint32_t next_ref;
	uint16_t protocol;	/* of the next connections */
	const uint8_t *options; /* TCP's, of the next segments */
	uint8_t options_len;

	/* the toy editors: 0 edits, 1 is another one with a protocol of its own */
	bool attach_fails;
	int event_result;
	bool no_filter; /* attach none in the connect event */
	uint32_t attached[2], detached[2], filters_detached;
	struct pst_session *session;		 /* of the last attach */
	struct pst_editor_session *callbacks[2]; /* of the last attach, by editor */
	struct pst_connection *control;		 /* of the last connect event */
	struct rig_event events[RIG_EVENTS_MAX];
	uint32_t n_events;
	rig_todo todo;		   /* run once inside the next data callback */
	rig_todo at_detach;	   /* run in each detach of a session */
	rig_todo at_filter_detach; /* and of a data filter */
	/* what the toy does with bytes; NULL: pass */
	void (*edit)(struct rig *rig, enum pst_dir dir, const uint8_t *bytes, uint32_t len,
		bool end, struct pst_edit *edit);
};

extern const struct pst_guid rig_protocol, rig_other_protocol, rig_unknown_protocol;

struct rig_params {
	uint32_t records, events, packets, handles; /* 0: plenty */
};

/* The EAL and the mempool, once a process. */
int rig_group_setup(void **state);
int rig_group_teardown(void **state);

struct rig *rig_create(const struct rig_params *params);
/* End what is open, and check that nothing is left and every packet accounted for. */
void rig_destroy(struct rig *rig);

/* The lcores stop as they are: all is freed, whatever was under way. */
void rig_stop(struct rig *rig);

/* Rounds of all until nobody has anything to do. */
void rig_settle(struct rig *rig);
void rig_serve(struct rig *rig, uint32_t worker);
/* Time passes, a millisecond at a time. */
void rig_pass(struct rig *rig, uint32_t ms);

/* A connection of a client is watched: its SYN, and with `shake` its handshake. */
void rig_connect(struct rig *rig, struct rig_conn *c, uint32_t client, bool shake);
/* A segment of the end that sends in `dir` is lent to the runtime. False: the ring is full. */
bool rig_send(struct rig *rig, struct rig_conn *c, enum pst_dir dir, uint8_t flags, uint32_t seq,
	const void *data, uint32_t len);
/* Send text, settle, and let the receiver acknowledge. */
void rig_say(struct rig *rig, struct rig_conn *c, enum pst_dir dir, const char *text);
/* Both ends take in what came back, and nothing is acknowledged. */
void rig_take(struct rig *rig, struct rig_conn *c);
/* The worker tells that the connection has ended. */
void rig_end_conn(struct rig *rig, struct rig_conn *c);
void rig_tell(struct rig *rig, uint32_t worker, const struct pst_evt *evt);
/* Run it inside a data callback of this connection. */
void rig_inside(struct rig *rig, struct rig_conn *c, rig_todo todo);

uint32_t rig_events_of(const struct rig *rig, enum pst_event_type type);
uint64_t rig_drops(const struct rig *rig, enum pst_drop why);
