/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A record as a line of JSON, the form in which the file, syslog and who watches have it:
 *
 *	{"time":"2026-11-25T08:30:00.125Z","seq":17,"event":"bind-open","protocol":"udp",
 *	 "inside":"10.0.0.7:5000","outside":"198.51.100.10:40001"}
 *
 * Names are those of posternctl show. "seq" numbers the lines of the file: a gap is seen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "eventlog/record.h"

#define PST_RECORD_LINE 1024 /* bytes that are enough for any */
#define PST_RECORD_TIME 32   /* "2026-11-25T08:30:00.125Z" */
#define PST_RECORD_NO_SEQ UINT64_MAX

/* What records mean by their numbers; the strings are the caller's. */
struct pst_record_names {
	const char *const *ifaces; /* by number */
	uint32_t n_ifaces;
	const char *const *editors;
	uint32_t n_editors;
	/* the name of a rule, or (is_filter) of a packet filter; NULL: none. May be NULL */
	const char *(*rule)(const void *ctx, bool is_filter, uint64_t place);
	const void *ctx;
	/* what START says of the log that follows */
	uint32_t kinds; /* that are logged */
	uint32_t port_block;
	bool deterministic;
};

/*
 * The line without its newline. wall_ms: the record's time, since_wall_ms: LOST's, in
 * milliseconds since 1970. Returns its length.
 */
size_t pst_record_json(char out[PST_RECORD_LINE], const struct pst_record *record,
	const struct pst_record_names *names, uint64_t seq, uint64_t wall_ms,
	uint64_t since_wall_ms);

/* RFC 3339, in UTC, with milliseconds. */
const char *pst_record_time(uint64_t wall_ms, char text[PST_RECORD_TIME]);
