/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The editor API in memory: one session, one control connection or one of datagrams, and a
 * small driver that feeds an editor's data filter as the runtime does.
 *
 * Each call checks what is asked of it, aborts when an editor breaks its contract, and notes
 * what it did for the test to look at.
 */
#pragma once

#include "pst_editor.h"

#define FAKE_CLIENT 0x0a000008   /* 10.0.0.8 */
#define FAKE_SERVER 0xcb007107   /* 203.0.113.7 */
#define FAKE_OUTSIDE 0xc6336401  /* 198.51.100.1 */
#define FAKE_COUNTERS 16
#define FAKE_BINDS_MAX 2048
#define FAKE_ACTIONS_MAX 1024

struct pst_connection {
	bool used;
	unsigned int killed;
	bool denied;
	struct pst_ipfilter *ipfilter; /* an endpoint's; NULL: everybody */
	void *call_context;	       /* of the bind that it came of */
	const struct pst_data_filter *filter;
	void *filter_context;
};

struct fake_stream {
	uint8_t *out;
	uint32_t out_len;
	uint8_t *held;
	uint32_t held_len;
};

/* Actions are never used up by themselves: a test says so. */
struct pst_action {
	struct pst_endpoint to, from;
	enum pst_proto proto;
	void *call_context;
	bool used, cancelled, released;
};

struct fake {
	const struct pst_editor *editor;
	struct pst_editor_session *es;
	struct pst_connection control;
	struct pst_endpoint name, peer; /* of control, outside */
	bool inbound, is_firewall_client;
	enum pst_proto proto;
	struct pst_connection *deciding; /* whose first event is being handled */
	const struct pst_data_filter *filter; /* control's */
	void *context;
	bool unwatched, reset;
	bool may_kill_used; /* the editor may end what is in use */
	int bind_ret; /* what the next binds answer */
	int access_ret, attach_ret; /* and the next checks and attachments */
	uint16_t next_port;
	struct pst_connection binds[FAKE_BINDS_MAX];
	struct pst_connection accepted[FAKE_BINDS_MAX]; /* what came to them */
	struct pst_endpoint announced[FAKE_BINDS_MAX];
	enum pst_proto bind_proto; /* of the last call */
	uint32_t bind_n, bind_flags;
	uint32_t n_binds, n_refused_binds;
	unsigned int counters[FAKE_COUNTERS];
	struct fake_stream streams[PST_DIRS];
	int allow_ret; /* what the next allowing calls answer */
	uint32_t n_allowed; /* by pst_retroactive_allow_bind() */
	struct pst_endpoint allowed; /* the last of them */
	struct pst_action actions[FAKE_ACTIONS_MAX];
	struct pst_connection opened[FAKE_ACTIONS_MAX]; /* what came of them */
	uint32_t n_actions;
};

extern struct fake fake;

/* A session of this editor with its control connection; and its end. */
void fake_init(const struct pst_editor *editor);
/* The same, accepted from outside. */
void fake_init_inbound(const struct pst_editor *editor);
void fake_fini(void);

/* A session with a UDP connection instead, from inside or outside; fake_fini() ends it too. */
void fake_init_udp(const struct pst_editor *editor, uint16_t port, bool inbound);

/* One more connection from inside opens, and what it attached is detached. */
void fake_connect(struct pst_connection *conn);
void fake_disconnect(struct pst_connection *conn);

/* One datagram. Returns what the filter wants, PASS when it looks at nothing any more. */
enum pst_edit_op fake_datagram(enum pst_dir dir, const void *bytes, uint32_t len);

/* Bytes of one direction arrive. What is held is shown again with them. */
void fake_feed(enum pst_dir dir, const void *bytes, uint32_t len, bool end);

/* Tell the editor of a connection to the i-th endpoint, or by the i-th action; or of an end. */
void fake_established(uint32_t i);
void fake_opened(uint32_t i);
void fake_terminating(struct pst_connection *conn);
