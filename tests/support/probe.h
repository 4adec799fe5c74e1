/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Probes: two test editors in a box (and the FTP editor), whose callbacks run what a test says. Calls of the API are
 * made where they may be made, from a callback: the control connection of the client
 * to port 4700 (probe 0) or 4702 (probe 1) carries a byte each time the test has something
 * to do.
 *
 *	probe_start(&p, ...)       a box, and the control connection of CLIENT
 *	probe_do(&p, fn)           fn(&p) inside probe 0's data callback
 *	probe_stop(&p)             the end of it: nothing may be left
 */
#pragma once

#include "box.h"
#include "pst_editor.h"

#define CLIENT IP(10, 1, 1, 7)
#define OTHER_CLIENT IP(10, 1, 1, 8)
#define SERVER IP(198, 18, 0, 9)
#define SECOND IP(198, 18, 0, 10)
#define OUTSIDE IP(198, 18, 0, 1)
#define GATE_INSIDE IP(10, 1, 1, 254)

#define PROBES 2
#define PROBE_PORT 4700
#define PROBE_PORT_1 4702
#define PROBE_EVENTS 8192

#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_PSH 0x08
#define TCP_FIN 0x01

extern const struct pst_guid probe_protocol[PROBES], probe_unknown;

struct probe;

struct probe_event {
	uint32_t editor;
	struct pst_event event;
};

/* A data filter of a test. */
struct probe_filter {
	struct probe *probe;
	const char *name;    /* appended to what passes, when not NULL */
	enum pst_edit_op op; /* PASS */
	uint32_t calls, bytes, detached;
	enum pst_dir last_dir;
};

struct probe {
	struct box box;
	struct pst_hooks hooks[PROBES]; /* what init() says; n 0: the default */
	/* what a handler does, when a test wants anything */
	int (*on_event)(struct probe *p, uint32_t editor, const struct pst_event *event);
	struct probe_event events[PROBE_EVENTS];
	uint32_t n_events;
	struct pst_session *session; /* of the last attach */
	struct pst_connection *control;
	struct pst_editor_session *part[PROBES];
	uint32_t attached[PROBES], detached[PROBES], started, stopped;
	bool attach_fails;
	/* of the test */
	struct pst_connection *handles[PST_BIND_MAX];
	struct pst_action *action, *actions[8];
	struct pst_endpoint at; /* the proxy address of the last probe_bind() */
	int ret;
	struct probe_filter filters[4];
	char seen[256]; /* the names of filters, in the order they were called */
	/* the control connection */
	uint32_t seq, calls;
	uint16_t control_port;
	uint64_t put_before;
	void (*todo)(struct probe *p);
};

extern const struct pst_data_filter probe_filter_ops;

/* Config of a box that has the probes for editors; a test may change it. */
void probe_config(struct pst_config *c, uint32_t workers);

/* Start it. config NULL: probe_config() with two workers. hooks are set before. */
void probe_init(struct probe *p, const struct pst_config *config);
/* And connect CLIENT to port 4700 outside. */
void probe_start(struct probe *p, const struct pst_config *config);
/* Asserts that the test did something, and that nothing is left. */
void probe_stop(struct probe *p);

/* Run fn inside probe 0's data callback. */
void probe_do(struct probe *p, void (*fn)(struct probe *p));
/* End the control connection by RST. */
void probe_hang_up(struct probe *p);

/* How many events of a kind were told to a probe, and the last of them. */
uint32_t probe_count(const struct probe *p, uint32_t editor, enum pst_event_type type);
const struct pst_event *probe_last(const struct probe *p, uint32_t editor, enum pst_event_type type);

/* A BindForClient with sane arguments: n TCP ports for CLIENT's 3000, 3001 .., for probe 0. */
struct pst_bind_for_client probe_args(struct probe *p, enum pst_proto protocol, uint32_t n,
	uint32_t flags);
/* Make it, from a callback: the result is in p->ret, p->at and p->handles. */
void probe_bind(struct probe *p, const struct pst_bind_for_client *args);

/* Packets. */

struct pkt probe_packet(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
	uint8_t flags);
/* A packet from outside to a port of ours arrives at the client's port `to`; 0: any. */
bool probe_reaches(struct probe *p, const struct pkt *in, uint16_t to);
/* What the packet is dropped for, all of it. */
void probe_dropped(struct probe *p, int port, const struct pkt *in, enum pst_drop why);
/* A whole handshake from a host outside to one of our ports; true when the client's got it. */
bool probe_connect(struct probe *p, uint32_t from, uint16_t sport, uint16_t port);
/* As probe_connect, from the client to a place outside. */
bool probe_connect_out(struct probe *p, uint16_t sport, uint32_t to, uint16_t port);
