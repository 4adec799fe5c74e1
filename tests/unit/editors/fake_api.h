/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The editor API in memory: one session, one control connection or one of datagrams, and a
 * small driver that feeds an editor's data filter as the runtime does.
 */
#pragma once

#include "pst_editor.h"

#define FAKE_CLIENT 0x0a000008   /* 10.0.0.8 */
#define FAKE_SERVER 0xcb007107   /* 203.0.113.7 */
#define FAKE_OUTSIDE 0xc6336401  /* 198.51.100.1 */
#define FAKE_COUNTERS 16
#define FAKE_BINDS_MAX 4096
#define FAKE_ACTIONS_MAX 16

struct pst_connection {
	bool used;
	unsigned int killed;
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
	bool used, cancelled, released;
};

struct fake {
	const struct pst_editor *editor;
	struct pst_editor_session *es;
	struct pst_connection control;
	struct pst_endpoint name, peer; /* of control, outside */
	bool inbound, is_firewall_client;
	enum pst_proto proto;
	const struct pst_data_filter *filter;
	void *context;
	bool unwatched, reset;
	int bind_ret; /* what the next binds answer */
	uint16_t next_port;
	struct pst_connection binds[FAKE_BINDS_MAX];
	struct pst_endpoint announced[FAKE_BINDS_MAX];
	uint32_t n_binds, n_refused_binds;
	unsigned int counters[FAKE_COUNTERS];
	struct fake_stream streams[PST_DIRS];
	/* of datagrams */
	int allow_ret; /* what the next allowing calls answer */
	uint32_t n_allowed; /* by pst_retroactive_allow_bind() */
	struct pst_action actions[FAKE_ACTIONS_MAX];
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

/* One datagram. Returns what the filter wants, PASS when it looks at nothing any more. */
enum pst_edit_op fake_datagram(enum pst_dir dir, const void *bytes, uint32_t len);

/* Bytes of one direction arrive. What is held is shown again with them. */
void fake_feed(enum pst_dir dir, const void *bytes, uint32_t len, bool end);

/* Tell the editor of a connection to the i-th endpoint, or of an end. */
void fake_established(uint32_t i);
void fake_terminating(struct pst_connection *conn);
