/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connection: the handle of one remote endpoint (API section 3).
 *
 * There is one for each watched connection, one for each endpoint that
 * pst_bind_for_client() opened, and one for each connection that such an endpoint
 * accepted. A handle is a session's: only its editor lcore uses it, and it is valid until its
 * TERMINATING event, or until it was killed.
 *
 * Paths. A connection without a data filter takes the fast path: the worker translates
 * its packets and no editor lcore sees them (R39, R40). One with data filters takes the
 * editor path: its bytes or datagrams go by way of them. For an endpoint this
 * is decided when it is bound, and holds for all that it accepts (R43): by way of an editor
 * when PST_FLAG_NO_KERNEL_MODE is given (R23), a data filter is attached in its bind
 * event, a factory matches its address (R44, R79), or any editor is registered for the
 * event of its connections (R42). Data filters of a connection are attached while it is being
 * opened, and at no time later (R41, R53).
 */
#pragma once

#include <stdint.h>

#include "pst_ipfilter.h"
#include "pst_types.h"

struct pst_connection;
struct pst_session;
struct pst_udp_destination;

/*
 * What an editor wants done with the bytes it was shown. A call that sets
 * nothing passes all of them on unchanged.
 *
 * Streams: the first `take` bytes are dealt with. Datagrams: a call gets one whole; `take` is
 * not looked at, and MORE is PASS.
 */
enum pst_edit_op {
	PST_EDIT_PASS,    /* the first `take` bytes go on as they are */
	PST_EDIT_REPLACE, /* `data` goes on in place of the first `take` bytes: edits, injects */
	PST_EDIT_MORE,    /* show them again when there are more; they are held */
	PST_EDIT_UNWATCH, /* pass all, now and for ever, in both directions */
	PST_EDIT_RESET,   /* close the connection at both ends, at once */
	PST_EDIT_DROP,    /* the first `take` bytes, or the datagram, do not go on */
};

struct pst_edit {
	enum pst_edit_op op;
	uint32_t take;       /* bytes, 1 to the number shown; PASS, REPLACE and DROP */
	const uint8_t *data; /* the editor's own, valid until its next call */
	uint32_t data_len;
};

/*
 * What reads and edits the bytes of one connection (R63, R64).
 *
 * data() gets bytes in order, each once, as many as there are: the editor says
 * what becomes of a first part of them and is called again with the rest, until
 * all are dealt with or it needs more. `dir` is that of the connection's first packet or the
 * other. `end` says that the direction is closed behind them: there will be no more.
 * detach() is called once, last.
 */
struct pst_data_filter {
	void (*data)(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
		struct pst_edit *edit);
	void (*detach)(void *context);
};

/*
 * The order of data filters, from the client to the outside: the client's data visits them
 * from the first to the last, the peer's from the last to the first (R63). Inside one class
 * the order is that of attaching. What edits addresses stands at NAT (R64).
 */
enum pst_priority {
	PST_PRIORITY_NAT,
	PST_PRIORITY_INTERNAL,
	PST_PRIORITY_POST_TRUST,
	PST_PRIORITY_MIDDLE,
	PST_PRIORITY_PRE_TRUST,
	PST_PRIORITY_EXTERNAL,
	PST_PRIORITY_EMULATION, /* the source of the data itself */
};

#define PST_DATA_FILTERS_MAX 8 /* of one connection */

/* The session it belongs to. */
struct pst_session *pst_connection_session(const struct pst_connection *conn);

/* TCP or UDP. */
enum pst_proto pst_connection_protocol(const struct pst_connection *conn);

/*
 * Was it begun from outside? Then ORIG is the way in, and what sends in it is the remote
 * peer. Not for endpoints.
 */
bool pst_connection_is_inbound(const struct pst_connection *conn);

/*
 * The two ends as the outside sees them: our address, and the remote peer's
 * (for a bound endpoint that nobody used yet: 0.0.0.0:0).
 */
void pst_connection_external_name(const struct pst_connection *conn, struct pst_endpoint *name);
void pst_connection_external_peer(const struct pst_connection *conn, struct pst_endpoint *peer);

/* The client's own end. */
void pst_connection_client_name(const struct pst_connection *conn, struct pst_endpoint *name);

/*
 * Attach a data filter, inside the connection's CONNECT_TCP, ACCEPTED, BIND_UDP or
 * UDP_DESTINATION event. At a UDP endpoint's bind event it is for the datagrams of all its
 * peers. 0; -EPERM elsewhere (R53) and for BIND_TCP; -ENOSPC when it has
 * PST_DATA_FILTERS_MAX; -EINVAL.
 */
int pst_connection_attach_data_filter(struct pst_connection *conn,
	const struct pst_data_filter *filter, enum pst_priority priority, void *context);

/*
 * Deny it, inside its CONNECT_TCP, ACCEPTED, BIND_TCP or BIND_UDP event: the client's
 * connect is refused, the accepted connection is reset (R52), the bind fails as "address in use"
 * (R51). 0; -EINVAL when reserved is not 0; -EPERM elsewhere (R54).
 */
int pst_connection_deny(struct pst_connection *conn, uint32_t reserved);

enum pst_set_protocol_flags {
	PST_SET_BIDIRECTIONAL = 1 << 0, /* in BIND_UDP: the client may answer (R24) */
	/* in CONNECT_TCP, and in BIND_TCP of one port: the caller supplies the data itself */
	PST_SET_EMULATE = 1 << 1,
};

/*
 * Say which protocol it is, inside its CONNECT_TCP, BIND_TCP or BIND_UDP event; when the rules
 * allow that protocol to the client, it is allowed. 0; -EACCES when they do not, or nobody
 * registered it; -EBUSY when another emulates it; -EPERM elsewhere; -EINVAL (flags).
 */
int pst_connection_set_protocol(
	struct pst_connection *conn, const struct pst_guid *protocol, uint32_t flags);

/* The same for one peer of a UDP connection, inside UDP_DESTINATION. */
int pst_udp_destination_set_protocol(
	struct pst_udp_destination *destination, const struct pst_guid *protocol, uint32_t flags);
/* What the client sends to that peer is dropped while the peer is in the cache. */
int pst_udp_destination_deny(struct pst_udp_destination *destination, uint32_t reserved);
void pst_udp_destination_peer(
	const struct pst_udp_destination *destination, struct pst_endpoint *peer);

/*
 * Set the client's end of an endpoint that was bound with an all-zero one
 * (R5). 0; -EINVAL when it is not the session's client (R36), -EEXIST when it
 * is set already, -ESHUTDOWN when the endpoint is gone, -EAGAIN when the worker did
 * not answer in time (the address may then still be taken).
 */
int pst_connection_set_client_address(
	struct pst_connection *conn, const struct pst_endpoint *client);

/*
 * Set or replace an endpoint's IP filter: a copy is taken (R80); NULL: everybody. What was
 * accepted before goes on. 0; -EINVAL when it is no endpoint, -ESHUTDOWN when it is
 * gone, -ENOMEM, -EAGAIN.
 */
int pst_connection_set_ipfilter(struct pst_connection *conn, const struct pst_ipfilter *filter);

/*
 * A copy of an endpoint's IP filter (R59), the caller's to destroy; *filter is NULL when
 * everybody may come. 0, -EINVAL, -ENOMEM.
 */
int pst_connection_get_ipfilter(const struct pst_connection *conn, struct pst_ipfilter **filter);

/*
 * Emulation: connections whose outside end is an editor's own. There are two kinds: the
 * client's connect that a handler of CONNECT_TCP took over by pst_connection_set_protocol() with
 * PST_SET_EMULATE and a data filter at PST_PRIORITY_EMULATION, which is answered here and never
 * leaves; and connections towards the client that pst_emulate_connection() makes. Of their
 * data filters that one alone is called: with what the client says, all of which ends there.
 *
 * They have no socket outside, so their outside name is what pst_connection_set_socket_name()
 * says, an address of the firewall's, and has to be said before the first of them is made (R70).
 * 0; -EEXIST when it has a name, as what is really bound has; -EINVAL (an address or port of 0).
 */
int pst_connection_set_socket_name(struct pst_connection *conn, const struct pst_endpoint *name);

/*
 * Connect to the client of a listener that is emulated (pst_emulate_client_bind(), or a bind
 * that was set to PST_SET_EMULATE), as `remote`; to `local`, which is the client's own end, or
 * NULL for the listener's. *made (may be NULL) is the new connection's handle. 0; -EINVAL when
 * the listener is not emulated, is no TCP one or has no name, -EADDRINUSE when the two
 * ends are connected, -ESHUTDOWN, -ENOMEM, -EAGAIN.
 */
int pst_emulate_connection(struct pst_connection *listener, const struct pst_data_filter *filter,
	void *context, const struct pst_endpoint *remote, const struct pst_endpoint *local,
	struct pst_connection **made);

/*
 * Say something to the client of an emulated connection; a datagram, if it is one of UDP. 0;
 * -EINVAL when it is not emulated, -ESHUTDOWN when it is over, -ENOBUFS when the client takes no
 * more for now, -ENOMEM.
 */
int pst_connection_send(struct pst_connection *conn, const uint8_t *bytes, uint32_t len);
/* Say no more on it: the client reads the end. */
void pst_connection_shutdown(struct pst_connection *conn);

/*
 * End the endpoint or connection (R47). The handle is not to be used
 * afterwards. It cannot fail: what can't be told to the worker now is told
 * later. Safe on NULL.
 */
void pst_connection_kill(struct pst_connection *conn);
