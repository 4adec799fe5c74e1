/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who had an outside port, by the event log.
 *
 * Lines are read one after the other; what they say of ports is kept, and where the log has a
 * hole: lines that are missing or can't be read, records that were lost, an end of the appliance
 * that was not said. An answer is what is certain:
 *
 *	the last thing said before the moment, if there is no hole in between: somebody got the
 *	port, or gave it back, or the appliance started, and nobody had any;
 *	or else the first thing said after it, if there is no hole in between: who gives it back
 *	had it, and before somebody gets it nobody had.
 *
 * What is neither is not known, and why. Where ports are given in blocks and mappings are not
 * logged, who has the block had the port.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pst_history;

enum pst_history_verdict {
	PST_HISTORY_UNKNOWN, /* `reason` says why */
	PST_HISTORY_NOBODY,
	PST_HISTORY_CLIENT,
};

enum pst_history_by {
	PST_HISTORY_BY_BIND,
	PST_HISTORY_BY_LISTENER,
	PST_HISTORY_BY_BLOCK,
};

#define PST_HISTORY_NO_TIME UINT64_MAX

struct pst_history_answer {
	enum pst_history_verdict verdict;
	enum pst_history_by by; /* CLIENT */
	uint32_t client_ip;
	uint16_t client_port;	     /* 0: not known, or any */
	uint64_t since_ms, until_ms; /* CLIENT; NO_TIME: the log doesn't say */
	uint64_t next_ms;	     /* when the log has the next thing of the port, or NO_TIME */
	char reason[192];
};

/* What is kept: of one port, or of all (port 0). NULL: no memory. */
struct pst_history *pst_history_create(uint32_t ip, uint16_t port);
void pst_history_destroy(struct pst_history *history);

/* The next line, in the order of the log. False: no memory is left. */
bool pst_history_line(struct pst_history *history, const char *line, size_t len);

/* The end of all lines: before the first question. */
void pst_history_finish(struct pst_history *history);

/* Who had it; protocol is IP's number: TCP, UDP or ICMP. */
void pst_history_ask(const struct pst_history *history, uint32_t ip, uint16_t port,
	uint8_t protocol, uint64_t at_ms, struct pst_history_answer *answer);

/* When the log begins and ends; false: it is empty. */
bool pst_history_span(const struct pst_history *history, uint64_t *first_ms, uint64_t *last_ms);

/* A line's time alone; false: it has none. */
bool pst_history_time_of(const char *line, size_t len, uint64_t *ms);
