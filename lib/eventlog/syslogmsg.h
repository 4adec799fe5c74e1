/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event log's messages to a syslog daemon: a record's JSON behind a header.
 *
 * RFC 5424 is what collectors take by UDP (RFC 5426). The daemon behind /dev/log takes what the C
 * library's syslog() says, which has no host's name and the time of RFC 3164; rsyslog and journald
 * take that for a text which is anything else. The facility is daemon.
 */
#pragma once

#include "eventlog/json.h"

#define PST_SYSLOG_LINE (PST_RECORD_LINE + 512)

enum pst_syslog_format {
	PST_SYSLOG_AUTO, /* by where it goes to */
	PST_SYSLOG_RFC5424,
	PST_SYSLOG_RFC3164,
};

struct pst_syslog_head {
	enum pst_syslog_format format; /* not AUTO */
	char host[256];
	uint32_t pid;
};

/* The host's name and the process' number. */
void pst_syslog_head_init(struct pst_syslog_head *head, enum pst_syslog_format format);

/* The message: `json` is the record's line. Returns its length. */
size_t pst_syslog_message(char out[PST_SYSLOG_LINE], const struct pst_syslog_head *head,
	const struct pst_record *record, uint64_t wall_ms, const char *json);
