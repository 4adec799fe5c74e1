/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event log: what the operator keeps of who had which port, and of what was refused,
 * came and went.
 *
 *	workers -- a ring each --> main --> file     lines of JSON, by a thread of its own
 *	                  main's own -^ --> syslog   the same, a datagram each
 *	                                --> IPFIX    NAT events (RFC 8158)
 *	                                --> watchers who ask at the control socket
 *
 * Nobody waits for it. What a ring, the file or a collector does not take is lost to it alone,
 * counted, and said there as soon as it takes something again, with the time of the first:
 * whoever reads the log later sees where it has a hole.
 *
 * Records have pst_clock's time, and get the wall's here; that follows the system's clock in
 * steps of 10 ms, so that what came later is not seen to be earlier by a hair.
 *
 * Owner: main.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eventlog/ipfix.h"
#include "eventlog/json.h"
#include "eventlog/queue.h"
#include "eventlog/syslogmsg.h"

struct pst_eventlog;

struct pst_eventlog_params {
	const char *file;   /* NULL: none */
	size_t file_room;   /* bytes that may wait for the disk; 0: 4 MB */
	const char *syslog; /* as for pst_event_target_parse(); NULL: none */
	enum pst_syslog_format syslog_format;
	const char *ipfix; /* likewise, by UDP */
	uint32_t ipfix_domain;
	struct pst_ipfix_limits limits;
	uint32_t kinds;		       /* that go there, a bit for each */
	struct pst_record_names names; /* its kinds are filled in here */
	/* ms since 1970; NULL: the system's */
	uint64_t (*wall)(void *ctx);
	void *ctx;
};

/* How a way out does. */
struct pst_eventlog_way {
	bool is_there;
	uint64_t sent, lost; /* records */
	int fault;	     /* errno of what is wrong now, or 0 */
};

struct pst_eventlog_stats {
	uint64_t records;		   /* that came to main */
	uint64_t lost[PST_RECORD_N_KINDS]; /* before they did */
	struct pst_eventlog_way file, syslog, ipfix;
};

/* Begin with a record of the start. NULL, with a text in error. Copies *params. */
struct pst_eventlog *pst_eventlog_create(
	const struct pst_eventlog_params *params, uint64_t now_ms, char *error, size_t size);

/* Worker after worker: its ring, which is the caller's. It is told what is wanted. */
void pst_eventlog_add_queue(struct pst_eventlog *log, struct pst_record_queue *queue);

/* The rings are about to go, and what is in them. log may be NULL. */
void pst_eventlog_drop_queues(struct pst_eventlog *log);

/* Main has something to tell. log may be NULL. */
void pst_eventlog_add(struct pst_eventlog *log, const struct pst_record *record);
/* So many of the worker's records of a kind were lost since then. log may be NULL. */
void pst_eventlog_lost(struct pst_eventlog *log, uint32_t worker, enum pst_record_kind kind,
	uint64_t count, uint64_t since_ms, uint64_t now_ms);

/* Take what there is, and pass it on. How much there was. */
uint32_t pst_eventlog_poll(struct pst_eventlog *log, uint64_t now_ms);

/* Open the file anew, for whoever has moved it away. */
void pst_eventlog_reopen(struct pst_eventlog *log, uint64_t now_ms);

/* All records of these kinds go to hear(), too: a line of JSON without a newline. 0: none. */
void pst_eventlog_watch(struct pst_eventlog *log, uint32_t kinds,
	void (*hear)(void *ctx, const struct pst_record *record, const char *line, size_t len),
	void *ctx);

/* The line of a record, as hear() gets it. */
size_t pst_eventlog_line(const struct pst_eventlog *log, const struct pst_record *record,
	char line[PST_RECORD_LINE]);

void pst_eventlog_stats(const struct pst_eventlog *log, struct pst_eventlog_stats *stats);

/* Wait until the file is written, at most so long. */
bool pst_eventlog_flush(struct pst_eventlog *log, uint32_t most_ms);

/* End with a record of the stop, and write what can be written. Safe on NULL. */
void pst_eventlog_destroy(struct pst_eventlog *log, uint64_t now_ms);
