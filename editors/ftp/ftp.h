/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FTP editor: active mode of clients inside (RFC 959, RFC 2428).
 *
 * A client behind the firewall says PORT or EPRT with its own address; the
 * editor opens an endpoint for it with pst_bind_for_client(), which only the
 * server of that control connection may use (R60), and the server reads the
 * endpoint's address instead (R46). It has the control connection's outside
 * address. Passive mode needs nothing and passes.
 *
 * - An address that is not the client's (R81), a port below 1024, EPRT for
 *   IPv6 and what cannot be read pass as they are, counted.
 * - When no endpoint can be had, the server gets an address of zeros: it
 *   refuses the command at once, and the client says so, instead of waiting
 *   for a data connection; no inside address leaves.
 * - A control connection has one endpoint that waits: a further PORT, and the
 *   control connection's end, close one that nobody used. A running transfer
 *   goes on.
 * - Only a line that may become PORT or EPRT is held. All else passes as it
 *   comes; such a line without an end is not waited for and ends the watch.
 * - A stream that does not begin as FTP on either side is never edited (NAT
 *   slipstreaming), and after AUTH TLS and 234 there is nothing to read.
 */
#pragma once

#include "pst_editor.h"

/* The indices of its counters. */
enum pst_ftp_counter {
	PST_FTP_COMMANDS,        /* PORT and EPRT for IPv4, understood */
	PST_FTP_BINDS,           /* endpoints opened */
	PST_FTP_REFUSED_ADDRESS, /* not the client's own */
	PST_FTP_REFUSED_PORT,    /* below 1024 */
	PST_FTP_NOT_PARSED,      /* PORT or EPRT with other contents */
	PST_FTP_IPV6,            /* EPRT with family 2 */
	PST_FTP_LATCHED,         /* not FTP, or a line without an end: not edited any more */
	PST_FTP_BIND_FAILED,     /* zeros sent instead */
	PST_FTP_TLS,             /* AUTH accepted: not watched any more */
	PST_FTP_DATA,            /* data connections that came */
};

extern const struct pst_editor pst_ftp_editor;
