/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Session: one client of the firewall, and what an editor asks in its name
 * (API section 2).
 *
 * All watched connections of a client meet in one session on one editor
 * lcore. The calls may be made from an editor's callbacks only.
 *
 * Two kinds of client. A SecureNAT client is a plain host behind the gateway: it knows
 * nothing of the firewall and announces its own, inside address. A Firewall client asks the
 * firewall itself for its ports (PCP, NAT-PMP, SOCKS): it holds maps on the firewall and
 * announces the outside address of one. For it an editor calls
 * pst_retroactive_allow_bind() first, and pst_bind_for_client() only when that finds no
 * such bind and an inside address is about to leave (R2, R3, R61).
 */
#pragma once

#include <stdint.h>

#include "pst_action.h"
#include "pst_connection.h"
#include "pst_events.h"
#include "pst_ipfilter.h"
#include "pst_types.h"

struct pst_editor_session;

enum pst_bind_flags {
	PST_FLAG_ALLOW_MULTIPLE = 1 << 0, /* several connections or sources (R17, R18) */
	PST_FLAG_TIMEOUT = 1 << 1,        /* closed by the worker when idle (R19, R20) */
	PST_FLAG_NO_KERNEL_MODE = 1 << 2, /* every packet by way of the editor lcore (R23) */
	PST_FLAG_BIDIRECTIONAL = 1 << 3,  /* UDP: the client may answer (R24, R25) */
	PST_FLAG_ADDRESS_BASED = 1 << 4,  /* the client address's, not the session's */
	/*
	 * pst_bind_for_client(): the client asked the firewall itself for this endpoint (a map),
	 * which makes it a Firewall client. With a protocol_id of zero nobody may connect
	 * until pst_retroactive_allow_bind() says for which protocol it is.
	 */
	PST_FLAG_MAP = 1 << 5,
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
 * All or nothing (R76). Raises BIND_TCP or BIND_UDP for each endpoint, and LISTEN, before
 * anything is asked of the worker (R37). Returns 0, or -EINVAL (an argument, or a client
 * address that is not the session client's, R81), -EACCES (rules deny the
 * protocol, or it is not registered, R27, R28), -EADDRINUSE (R29, or an editor denied it,
 * R51), -EADDRNOTAVAIL (R30), -ENOSPC (no block of n ports is left, or the client's
 * quota is used up), -ENOMEM, -EAGAIN (the worker did not answer in time; what it
 * still does is undone).
 */
int pst_bind_for_client(struct pst_session *session, const struct pst_bind_for_client *args);

/* The parameters of AllowFutureConnect. */
struct pst_allow_future_connect {
	/* where the client may connect to; ip 0: anywhere, port 0: any port */
	struct pst_endpoint address;
	/* the outside address it leaves from; NULL: any. The port is not looked at */
	const struct pst_endpoint *proxy_address;
	enum pst_proto protocol; /* PST_TCP or PST_UDP */
	uint32_t flags; /* ALLOW_MULTIPLE, TIMEOUT, NO_KERNEL_MODE, ADDRESS_BASED */
	struct pst_guid protocol_id;
	struct pst_editor_session *callback; /* hears ESTABLISHED; NULL: nobody */
	void *callback_context;
};

/*
 * Let the client open a secondary outbound connection, as part of the named protocol: once
 * (R66), or with ALLOW_MULTIPLE any number of times; with TIMEOUT for about a minute
 * (R67). With PST_FLAG_ADDRESS_BASED it outlives the session's last connection. *action (may be
 * NULL) is the way to take it back. 0; -EINVAL, -EACCES (R28), -EADDRNOTAVAIL, -ENOSPC (the
 * client's quota of permissions), -ENOMEM, -EAGAIN.
 */
int pst_allow_future_connect(struct pst_session *session,
	const struct pst_allow_future_connect *args, struct pst_action **action);

/* The parameters of RedirectConnections. */
struct pst_redirect_connections {
	const struct pst_endpoint *connect_addresses; /* n of them, outside */
	uint32_t n;				      /* 1 to PST_BIND_MAX */
	struct pst_endpoint *internal_address; /* out: ours inside, with the lowest port */
	const struct pst_endpoint *proxy_address; /* that they leave from; NULL: any */
	enum pst_proto protocol;
	uint32_t flags; /* ALLOW_MULTIPLE, TIMEOUT, NO_KERNEL_MODE */
	struct pst_guid protocol_id;
	struct pst_editor_session *callback; /* hears ESTABLISHED; NULL: nobody */
	void *callback_context;
	struct pst_action **actions; /* room for n; actions[i] is port lowest + i */
};

/*
 * The mirror image of BindForClient: listen on n consecutive ports of our inside address, the
 * lowest a multiple of n; when the session's client connects to port lowest + i, it is
 * connected to connect_addresses[i]. Errors as pst_allow_future_connect().
 */
int pst_redirect_connections(
	struct pst_session *session, const struct pst_redirect_connections *args);

/* The parameters of RetroactiveAllowBind. */
struct pst_retroactive_allow_bind {
	enum pst_proto protocol;
	struct pst_endpoint address; /* ours outside; ip 0: any, the port not */
	struct pst_guid protocol_id;
	uint32_t flags; /* BIDIRECTIONAL */
	const struct pst_ipfilter *filter; /* as of pst_bind_for_client() */
};

/*
 * Approve a map that the Firewall client already holds on the firewall, and tie it to a
 * protocol. Where `address` is what NAT itself bound for the client, whom the filter admits may
 * send there too, as long as the client's connections keep it. 0; 1 when it is there and
 * allowed already (R62); -EINVAL (port 0, R62; flags); -ENOENT when the client holds
 * neither; -ENOSPC (too many different ones are admitted); -ESHUTDOWN, -EACCES, -ENOMEM, -EAGAIN.
 */
int pst_retroactive_allow_bind(
	struct pst_session *session, const struct pst_retroactive_allow_bind *args);

/* The parameters of EmulateClientBind. */
struct pst_emulate_client_bind {
	struct pst_endpoint client; /* the session's own end, which listens inside */
	struct pst_endpoint proxy;  /* what the bind event says; nothing is bound there */
	enum pst_proto protocol;    /* PST_TCP */
	struct pst_guid protocol_id;
};

/*
 * For a primary inbound connection that an editor serves itself: raises BIND_TCP as a bind
 * would, and binds no port (R69). Give the handle a name (R70), then pst_emulate_connection()
 * connects to the client. 0; -EINVAL, -EACCES, -EADDRINUSE (denied, R51), -ENOMEM.
 */
int pst_emulate_client_bind(struct pst_session *session,
	const struct pst_emulate_client_bind *args, struct pst_connection **connection);

/*
 * A data filter's maker: called when the event happens, with the connection it is for.
 * Returns the data filter and its context, or NULL: none for this connection. *failed set:
 * there is no memory, and the request fails (R74).
 */
typedef const struct pst_data_filter *(*pst_data_filter_factory)(
	void *factory_context, struct pst_connection *conn, void **filter_context, bool *failed);

/* The parameters of SetDataFilterFactory. */
struct pst_set_data_filter_factory {
	enum pst_event_type event; /* CONNECT_TCP, UDP_DESTINATION, BIND_UDP or ACCEPTED */
	/* the remote address of CONNECT_TCP and UDP_DESTINATION, else the bind address (R79);
	 * ip 0: any address, port 0: any port */
	struct pst_endpoint address;
	pst_data_filter_factory create;
	enum pst_priority priority;
	void *context;
	uint32_t flags; /* ADDRESS_BASED */
};

/*
 * Have the firewall make and attach a data filter by itself when the event happens at a
 * matching address. What is bound already keeps its path (R43). 0; -EINVAL, -ENOMEM,
 * -ENOSPC, -EAGAIN.
 */
int pst_set_data_filter_factory(struct pst_session *session,
	const struct pst_set_data_filter_factory *args, struct pst_action **action);

/*
 * EnableInternalAddressTranslation: from its next inbound connection on, the client sees the
 * peer as an inside address of the firewall's, or (as from the start) as what it is; for the
 * whole client, until it is switched off or the session ends. 0, -ENOMEM, -EAGAIN,
 * -EADDRNOTAVAIL (there is no inside address).
 */
int pst_session_translate_internal_addresses(struct pst_session *session, bool on);

/* The client's inside address; the port is 0. */
void pst_session_client_address(const struct pst_session *session, struct pst_endpoint *client);

enum pst_session_flags {
	PST_SESSION_FIREWALL_CLIENT = 1 << 0, /* it holds a map; else it is SecureNAT */
};

/* enum pst_session_flags, as they are now. */
uint32_t pst_session_flags(const struct pst_session *session);

/* May the client use this protocol, wherever to? 0, or -EACCES. */
int pst_session_access_check(const struct pst_session *session, const struct pst_guid *protocol);

/* May the client use this protocol towards this host? 0, or -EACCES. */
int pst_session_host_access_check(
	const struct pst_session *session, const struct pst_guid *protocol, uint32_t ip);

/*
 * Attach an editor, by its name, to this session before its first event. 0, also when it
 * is attached; -ENOENT when it is not enabled or not known, -ENOMEM.
 */
int pst_session_attach_editor(struct pst_session *session, const char *name);

/*
 * Note something for the operator: `name` is one of the editor's counters,
 * listed in struct pst_editor.
 */
void pst_session_count(struct pst_session *session, unsigned int counter);
