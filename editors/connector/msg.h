/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connector: a small protocol whose lines make connections. This is its
 * specification. It is for tests, and shows authors of editors each way in
 * which a protocol can announce a secondary connection.
 *
 * The client opens a TCP connection to port 4701 of the server, the control
 * connection. Both sides send lines on it. A line ends in CR LF; LF alone is
 * read as well. With its end it has 512 bytes at most. Words are read in any
 * case and parted by exactly one blank.
 *
 * The client says:
 *
 *	LISTEN tcp|udp N IP:PORT
 *		It waits at N consecutive ports of IP, the first of them PORT: for
 *		TCP connections or UDP datagrams of the server (inbound
 *		secondaries). The server answers OK or NO and, after OK, may come
 *		to each of the ports.
 *
 *	CLOSE tcp|udp 1 IP:PORT
 *		It does not wait at that place any more. The server answers OK.
 *
 *	CONNECT tcp|udp N IP:PORT
 *		It asks for N consecutive ports of the server to connect to. IP:PORT
 *		is where it will come from: the first port from PORT, the next from
 *		the port after it. The server answers AT or NO.
 *
 *	BYE
 *		The end. The server answers OK and closes.
 *
 * The server says, one line to each of the client's, in their order:
 *
 *	AT tcp|udp N IP:PORT
 *		It waits at N consecutive ports of IP, the first of them PORT, for
 *		the client (outbound secondaries). Protocol and N are CONNECT's.
 *
 *	OK
 *		Done.
 *
 *	NO text
 *		Not done; the text says why and may be missing. Also the answer to
 *		a line that is none of the above.
 *
 * N is 1 to 1024. IP is a dotted quad without leading zeros, PORT is 1 to
 * 65535, and so is the last port, PORT + N - 1. Numbers are decimal and have
 * no more digits than 1024 and 65535. The one exception is 0.0.0.0:0, which
 * is nowhere: its answer is NO, so a firewall that can open nothing writes it.
 *
 * Behind LISTEN's IP:PORT words may stand, for a firewall between that opens something. The
 * server does not look at them.
 *
 *	many	any number of connections may come, or datagrams from several places
 *	stay	for as long as the control connection, however idle
 *	slow	every packet is to go by way of the editor
 *	mute	udp: nothing is ever answered
 *	all	anybody may come, not the server alone
 *	none	nobody may, until another LISTEN for the same says otherwise
 *
 * Secondaries outlive the line that made them, but not the control connection.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pst_types.h"

#define PST_CONNECTOR_PORT 4701
#define PST_CONNECTOR_LINE_MAX 512   /* with its end */
#define PST_CONNECTOR_N_MAX 1024     /* ports of one line */
#define PST_CONNECTOR_ADDRESS_MAX 22 /* "255.255.255.255:65535" and its zero */

enum pst_connector_verb {
	PST_CONNECTOR_OTHER, /* no line of this protocol */
	PST_CONNECTOR_LISTEN,
	PST_CONNECTOR_CONNECT,
	PST_CONNECTOR_CLOSE,
	PST_CONNECTOR_BYE,
	PST_CONNECTOR_AT,
	PST_CONNECTOR_OK,
	PST_CONNECTOR_NO,
	PST_CONNECTOR_UNPARSED, /* LISTEN, CONNECT or AT with other contents */
};

enum pst_connector_words {
	PST_CONNECTOR_MANY = 1 << 0,
	PST_CONNECTOR_STAY = 1 << 1,
	PST_CONNECTOR_SLOW = 1 << 2,
	PST_CONNECTOR_MUTE = 1 << 3,
	PST_CONNECTOR_ALL = 1 << 4,
	PST_CONNECTOR_NONE = 1 << 5,
};

struct pst_connector_line {
	enum pst_connector_verb verb;
	/* LISTEN, CONNECT, CLOSE and AT alone; else 0 */
	enum pst_proto protocol;
	unsigned int n;
	uint32_t words; /* enum pst_connector_words; LISTEN alone */
	struct pst_endpoint endpoint; /* the first port; unset when nowhere */
	uint32_t at, len;             /* where in the line IP:PORT stands */
};

/* Does a line that begins with these bytes carry an address, or may it yet? */
bool pst_connector_may_have_address(const uint8_t *bytes, uint32_t len);

/* Read a whole line of either side, its LF included. */
void pst_connector_parse(const uint8_t *bytes, uint32_t len, struct pst_connector_line *line);

/* Write IP:PORT with its zero. Returns its length without it. */
uint32_t pst_connector_format_address(
	const struct pst_endpoint *endpoint, char buf[PST_CONNECTOR_ADDRESS_MAX]);
