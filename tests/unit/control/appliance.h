/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control socket talks to in a test: two workers that answer dumps from a
 * table of made-up rows, and somebody who asks, all in one thread.
 */
#pragma once

#include "control/server.h"

#define WORKERS 2

struct pst_ipset {
	uint32_t n;
	struct pst_range ranges[4];
	int references;
};

struct appliance {
	char folder[32];
	char socket[64];
	struct pst_control_params params;
	struct pst_control *control;
	struct pst_worker_stats workers[WORKERS];
	struct pst_editor_stats editor;
	struct pst_account main_account;
	struct pst_config config;
	uint64_t now;
	bool ticks; /* a millisecond a step */

	uint32_t rows[WORKERS]; /* of any table, each worker has */
	uint32_t chunk;		/* rows in an answer, at most */
	uint32_t asked;		/* what was asked of workers */
	uint32_t copied;	/* rows in their answers */
	struct pst_show_wanted wanted; /* of the last rows that were asked for, or to be ended */
	int result;		/* of the workers' answers */
	bool stuck;		/* workers do not answer */
	struct pst_explain explained; /* what the last one says of a packet; `in` is kept */
	uint32_t explains;
	struct pst_tap *taps[WORKERS]; /* that they have now */
	uint32_t tapped; /* frames that each copies as soon as it has one */
	struct pst_ipset set;
	int commands; /* run */
	bool is_slow; /* they take their time, while */
	bool is_done; /* is not set; and `problem` is told of then */
	const char *problem;
};

/* With its server listening, unless `records` is 0: then there are no channels either. */
void appliance_start(struct appliance *a, uint32_t records);
void appliance_start_logging(
	struct appliance *a, uint32_t records, struct pst_eventlog *eventlog);
/* Asserts that nothing is left: records, filters, the socket's file. */
void appliance_stop(struct appliance *a);
/* Both, of one with a record for each worker, as cmocka calls them. */
int appliance_setup(void **state);
int appliance_teardown(void **state);
/* One round of everybody. */
void appliance_step(struct appliance *a);
/* The workers' part of it. */
void appliance_step_workers(struct appliance *a);

/* A client's end, not blocking. */
int appliance_connect(struct appliance *a);
void appliance_send(struct appliance *a, int fd, const char *text);
/* The next line without its newline, to be freed; NULL: the server hung up. */
char *appliance_receive(struct appliance *a, int fd);
/* One request, one reply, parsed. */
json_t *appliance_ask(struct appliance *a, const char *request);
