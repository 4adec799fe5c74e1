/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TFTP editor (RFC 1350): lets the answer to a request come through.
 *
 * A request goes to the server's port 69; the server answers from a port of its own, which
 * nobody announces (section 4). No byte is changed.
 *
 * - A client inside: the server's address alone may send to the client's mapping from
 *   any port, by pst_retroactive_allow_bind(). It may as long as the mapping lives, so one
 *   request of a connection is enough and its later datagrams take the fast path.
 * - A published server inside: it may connect to the client once, within about a minute, from
 *   the published address, by pst_allow_future_connect(). Each request is looked at; one
 *   that comes again takes the place of the one before.
 * - A connection that does not begin with a request is not looked at any more. A request
 *   that the rules forbid an answer to passes, and no more of them are looked at; after
 *   another failure the next one is a new attempt.
 *
 * It is off by default (RFC 4787, REQ-10).
 */
#pragma once

#include "pst_editor.h"

/* The indices of its counters. */
enum pst_tftp_counter {
	PST_TFTP_REQUESTS, /* RRQ and WRQ */
	PST_TFTP_OPENED,   /* whose answer may come */
	PST_TFTP_REFUSED,  /* the rules forbid it */
	PST_TFTP_UNPARSED, /* connections that begin with something else */
	PST_TFTP_FAILED,   /* the firewall could not */
};

extern const struct pst_editor pst_tftp_editor;
