/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who watches the event log over the control socket.
 *
 *	{"command":"watch","kinds":["binds","links"]}	{"ok":true,"result":{"watching":[...]}}
 *							{"time":"...","event":"bind-open",...}
 *							...
 *
 * From then on the connection has a line for each event, until either side ends it. One who reads
 * slower than it happens loses events, and is told how many, and since when.
 */
#pragma once

#include "control/buf.h"
#include "control/params.h"

struct pst_watch {
	uint32_t kinds;		 /* 0: no watcher */
	uint64_t lost, since_ms; /* events that there was no room for, not said yet */
};

/* "kinds" of a request: all without it. 0, or -EINVAL and a text. */
int pst_watch_parse(const json_t *request, uint32_t *kinds, char *error, size_t size);

/* What is answered to the request, a new reference. */
json_t *pst_watch_answer(uint32_t kinds);

/* An event happened: its line, if it is one of those. */
void pst_watch_hear(struct pst_watch *watch, struct pst_buf *out, const struct pst_eventlog *log,
	const struct pst_record *record, const char *line, size_t len);

/* Say what was lost, once there is room. True when that was done. */
bool pst_watch_tell_loss(struct pst_watch *watch, struct pst_buf *out,
	const struct pst_eventlog *log, uint64_t now_ms);
