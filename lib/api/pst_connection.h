/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connection: the handle of one remote endpoint (API section 3).
 *
 * There is one for each watched control connection, one for each endpoint
 * that pst_bind_for_client() opened, and one for each connection that a bound
 * endpoint accepted. A handle is a session's: only its editor lcore uses it.
 */
#pragma once

#include <stdint.h>

#include "pst_types.h"

struct pst_connection;
struct pst_session;

/*
 * What an editor wants done with the bytes it was shown. A call that sets
 * nothing passes all of them on unchanged.
 */
enum pst_edit_op {
	PST_EDIT_PASS,    /* the first `take` bytes go on as they are */
	PST_EDIT_REPLACE, /* `data` goes on in place of the first `take` bytes */
	PST_EDIT_MORE,    /* show them again when there are more; they are held */
	PST_EDIT_UNWATCH, /* pass all, now and for ever, in both directions */
	PST_EDIT_RESET,   /* reset the connection at both ends */
};

struct pst_edit {
	enum pst_edit_op op;
	uint32_t take;       /* bytes, 1 to the number shown; PASS and REPLACE */
	const uint8_t *data; /* the editor's own, valid until its next call */
	uint32_t data_len;
};

/*
 * What reads and edits the bytes of one connection (R63, R64).
 *
 * data() gets bytes in order, each once, as many as there are: the editor says
 * what becomes of a first part of them and is called again with the rest, until
 * all are dealt with or it needs more. `end` says that the direction is closed
 * behind them: there will be no more. detach() is called once, last.
 */
struct pst_data_filter {
	void (*data)(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
		struct pst_edit *edit);
	void (*detach)(void *context);
};

/* The session it belongs to. */
struct pst_session *pst_connection_session(const struct pst_connection *conn);

/*
 * The two ends as the outside sees them: our address, and the remote peer's
 * (for a bound endpoint that nobody used yet: 0.0.0.0:0).
 */
void pst_connection_external_name(const struct pst_connection *conn, struct pst_endpoint *name);
void pst_connection_external_peer(const struct pst_connection *conn, struct pst_endpoint *peer);

/* The client's own end. */
void pst_connection_client_name(const struct pst_connection *conn, struct pst_endpoint *name);

/*
 * Attach a data filter; allowed only inside the connect event of this
 * connection (R53). 0, -EPERM elsewhere, -EBUSY when it has one.
 */
int pst_connection_attach_data_filter(
	struct pst_connection *conn, const struct pst_data_filter *filter, void *context);

/*
 * Set the client's end of an endpoint that was bound with an all-zero one
 * (R5). 0; -EINVAL when it is not the session's client (R36), -EEXIST when it
 * is set already, -ESHUTDOWN when the endpoint is gone, -EAGAIN when the worker did
 * not answer in time (the address may then still be taken).
 */
int pst_connection_set_client_address(
	struct pst_connection *conn, const struct pst_endpoint *client);

/*
 * End the endpoint or connection (R47). The handle is not to be used
 * afterwards. It cannot fail: what can't be told to the worker now is told
 * later. Safe on NULL.
 */
void pst_connection_kill(struct pst_connection *conn);
