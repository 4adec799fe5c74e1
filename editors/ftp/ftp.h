/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FTP editor (RFC 959, RFC 2428): clients inside, and servers inside.
 *
 * Who is inside announces an address of its own: a client by PORT or EPRT, a server by 227 or
 * 229. The editor opens an endpoint for it with pst_bind_for_client(), which only the
 * peer of that control connection may use (R60), and the peer reads the endpoint's address
 * instead (R46). It has the control connection's outside address. What the peer outside
 * announces is not edited: the host inside is allowed to connect there, as rules may not.
 *
 * - An address that is not the host's own (R81), or not the peer's, a port below 1024, EPRT
 *   for IPv6 and what cannot be read pass as they are, counted. A server that knows its
 *   outside address and announces that gets just that port.
 * - A Firewall client announces what it holds on the firewall: that is approved, and passes;
 *   only an inside address that it has no map for is edited (R3, R61).
 * - When no endpoint can be had, the server gets an address of zeros: it
 *   refuses the command at once, and the client says so, instead of waiting
 *   for a data connection; no inside address leaves. A passive reply becomes a refusal.
 * - A control connection has one endpoint that waits: a further announcement, and the
 *   control connection's end, close one that nobody used. A running transfer
 *   goes on.
 * - Only a line that may become an announcement is held. All else passes as it
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
	PST_FTP_PASSIVE,         /* 227 and 229, understood */
	PST_FTP_PERMITS,         /* connections allowed that the host inside will make */
	PST_FTP_PERMIT_FAILED,
	PST_FTP_MAPS,            /* announced by Firewall clients, and approved */
};

extern const struct pst_editor pst_ftp_editor;
