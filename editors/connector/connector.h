/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connector editor: a model for authors of editors, and a vehicle for tests. msg.h is the
 * protocol; README.md beside the editors' folders reads this aloud.
 *
 * One side of a control connection is inside: the client that connected out, or a
 * server that somebody outside has reached. What a side says it waits at matters:
 *
 *	it is inside     its address can't be reached: endpoints are opened for it and the
 *	                 other side reads theirs (R46), or, of a Firewall client's
 *	                 own maps, they are approved (R61)
 *	it is outside    the side inside will connect there: each place is permitted once, so
 *	                 that it passes as a part of this protocol where the
 *	                 rules allow that and nothing else
 *
 * LISTEN of the client and AT of the server are the same thing, said by one or the other.
 * CONNECT of a client inside says where it will come from: the other side reads the address
 * that it will be seen with; its port is not known before.
 *
 * - A side may announce its own address alone (R81), and no port below 1024. AT must be the
 *   answer to a CONNECT of the same protocol and number. All else passes as it is, counted.
 * - What can't be opened is announced as 0.0.0.0:0, nowhere: no inside address leaves, and
 *   the other side says NO at once.
 * - After NO nobody may come to the endpoints, but they stay: asked again for the same,
 *   the server is told of the same and may change its mind.
 * - BYE, and the control connection's end, end all that came of it. It has GROUPS_MAX
 *   announcements at a time; one more ends the oldest.
 * - A connection whose first line of either side is not the protocol's is never edited (NAT
 *   slipstreaming), nor one with a line that has no end, or with ASKS_MAX questions open.
 * - A session has CONTROLS_MAX control connections; more are denied.
 */
#pragma once

#include "pst_editor.h"

/* The indices of its counters. */
enum pst_connector_counter {
	PST_CONNECTOR_ANNOUNCED,       /* LISTEN, and AT that was asked for, with an address */
	PST_CONNECTOR_BOUND,	       /* endpoints opened */
	PST_CONNECTOR_PERMITTED,       /* future connections permitted */
	PST_CONNECTOR_MAPS,	       /* announcements of a client's own maps, approved */
	PST_CONNECTOR_USED,	       /* secondaries that came */
	PST_CONNECTOR_REFUSED_ADDRESS, /* not its own */
	PST_CONNECTOR_REFUSED_PORT,    /* below 1024 */
	PST_CONNECTOR_NOT_PARSED,      /* LISTEN, CONNECT or AT with other contents */
	PST_CONNECTOR_NOT_ASKED,       /* AT without its CONNECT */
	PST_CONNECTOR_DENIED,	       /* by the rules */
	PST_CONNECTOR_FAILED,	       /* could not be opened */
	PST_CONNECTOR_LATCHED,	       /* not the protocol: not edited any more */
	PST_CONNECTOR_CROWDED,	       /* control connections denied: too many */
};

extern const struct pst_editor pst_connector_editor;
