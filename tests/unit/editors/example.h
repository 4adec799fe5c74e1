/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Call, the example of editors/README.md. A client inside connects to TCP port 4711 of a
 * server and says lines. "CALL IP:PORT" asks the server to connect back to that address of
 * the client's, once; all other lines are the two sides' own.
 */
#pragma once

#include "pst_editor.h"

#define EXAMPLE_PORT 4711

enum example_counter {
	EXAMPLE_OPENED,	 /* endpoints */
	EXAMPLE_REFUSED, /* an address or a port that the client may not announce */
	EXAMPLE_FAILED,	 /* nothing could be opened */
	EXAMPLE_LATCHED, /* not the protocol */
};

extern const struct pst_editor example_editor;
