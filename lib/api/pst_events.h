/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: what an editor hears of a client's traffic (API section 7), and how it
 * says which of it.
 *
 *	CONNECT_TCP      the client connects to a primary port, or to an address that
 *	                 pst_allow_future_connect() named; to nothing else (R65). Where the
 *	                 specification's firewall dropped all other connections, here the
 *	                 rules say: without one against it, it is forwarded unseen
 *	UDP_DESTINATION  the first datagram to, or from, a peer that is not in the
 *	                 connection's cache (R73); port: the peer's
 *	BIND_TCP, _UDP   an endpoint is bound for the client: pst_bind_for_client() or
 *	                 pst_emulate_client_bind() (R37, R69); port: the one wanted
 *	LISTEN           a TCP endpoint begins to listen
 *	ACCEPTED         a connection came from outside to an endpoint or a published
 *	                 server; port: that endpoint's, or the inside one's
 *	TERMINATING      `connection` is about to be freed: drop all references to it (R56)
 *	ESTABLISHED      a connection that a call of this editor asked for; heard by the
 *	                 callback of that call alone, never by subscription (R55)
 *
 * The connection's handle exists before its event is raised (R49), and an accepted one's
 * before the client sees anything of it (R50): until all who hear of it have
 * answered, its first packet is parked.
 *
 * Every editor that is registered is told, one after the other in the order of the list of
 * editors. A handler decides by pst_connection_set_protocol(), pst_connection_deny() and
 * pst_connection_attach_data_filter(); `access` says what was decided so far:
 *
 *	DENY     one denied: nothing changes that any more (R51, R52)
 *	EMULATE  one supplies the data itself
 *	ALLOW    one set a protocol that the rules allow: overrides the rules' verdict
 *	PASS     nobody said anything: the rules' verdict on the port's protocol stands,
 *	         and when they say nothing either, it is denied (R71)
 *
 * A handler that returns -ENOMEM, or an attach that returns NULL, fails the request (R74);
 * for TERMINATING it changes nothing. TERMINATING never attaches an editor (R57).
 */
#pragma once

#include "pst_types.h"

struct pst_connection;
struct pst_udp_destination;

/* The values are those of the specification: they may be OR-ed in a hook. */
enum pst_event_type {
	PST_EVENT_CONNECT_TCP = 0x001,
	PST_EVENT_UDP_DESTINATION = 0x002,
	PST_EVENT_BIND_TCP = 0x004,
	PST_EVENT_BIND_UDP = 0x008,
	PST_EVENT_LISTEN = 0x010,
	PST_EVENT_ACCEPTED = 0x020,
	PST_EVENT_TERMINATING = 0x100,
	PST_EVENT_ESTABLISHED = 0x200,
};

/* What kind of client it is about (R72). */
enum pst_event_source {
	PST_SOURCE_NAT = 1,	/* SecureNAT: a plain host behind the gateway */
	PST_SOURCE_FIREWALL = 2, /* a Firewall client: it asks the firewall for ports itself */
	PST_ALL_SOURCES = 3,
};

enum pst_access {
	PST_ACCESS_PASS,
	PST_ACCESS_ALLOW,
	PST_ACCESS_EMULATE,
	PST_ACCESS_DENY,
};

/* Events to hear for a range of ports. ESTABLISHED is ignored (R55). */
struct pst_hook {
	uint32_t events;  /* enum pst_event_type, OR-ed */
	uint32_t sources; /* enum pst_event_source, OR-ed */
	/* inclusive; 0 to 65535: all, and events without a port. 0 to 0: the primary ports of
	 * the editor's protocols, those of the config too */
	uint16_t first, last;
};

#define PST_HOOKS_MAX 8

struct pst_hooks {
	uint32_t n;
	struct pst_hook list[PST_HOOKS_MAX];
};

struct pst_event {
	enum pst_event_type type;
	enum pst_event_source source;
	struct pst_connection *connection;
	/* CONNECT_TCP, UDP_DESTINATION, ACCEPTED, ESTABLISHED: the peer outside */
	struct pst_endpoint remote;
	/* BIND_*, LISTEN: the address wanted; ACCEPTED: ours that it came to */
	struct pst_endpoint local;
	/* BIND_*, ACCEPTED: the protocol it is for; zero: none */
	struct pst_guid protocol;
	enum pst_access access; /* so far */
	/* UDP_DESTINATION */
	struct pst_udp_destination *destination;
	/* LISTEN */
	int backlog;
	/* ACCEPTED: whether the endpoint is a call's, or a published server's */
	bool is_secondary;
	/* ACCEPTED, ESTABLISHED: the endpoint it came to, NULL: none of this editor lcore */
	struct pst_connection *endpoint;
	/* ESTABLISHED: the call's context */
	void *context;
};
