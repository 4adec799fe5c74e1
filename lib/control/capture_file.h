/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread of a capture: reads the workers' taps and writes pcapng. It may wait for its file, a
 * pipe perhaps, as nobody waits for it.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lcore.h"
#include "config/config.h"

struct pst_tap;

struct pst_capture_file {
	/* set before start, const after */
	int fd; /* the thread's owner closes it by stop */
	struct pst_tap *const *taps;
	uint32_t n_taps;
	const struct pst_config *config; /* names of interfaces; not read after start */
	const char *expression;		 /* NULL: none; likewise */
	uint32_t snap;
	uint64_t count; /* most frames; 0: any number */
	/* what becomes of it; its own once it is done */
	uint64_t frames;
	int error; /* errno; 0: all was written */
	/* the thread's and its owner's */
	atomic_bool begun, finish, abort, is_full, is_done;
	bool is_started;
	pthread_t thread;
	/* the thread's */
	char names[PST_IFACES_MAX][PST_NAME_MAX];
	uint32_t n_ifaces;
	uint8_t *buf;
	uint32_t len;
	bool is_pipe;
	uint64_t tsc, ns, hz; /* the clock's two readings of one moment */
};

/* Start the thread, which waits to begin. 0, or -errno. */
int pst_capture_file_start(struct pst_capture_file *f);
/* The taps are in place: write the head of the file. */
void pst_capture_file_begin(struct pst_capture_file *f);
/* No more comes into the taps: write what is in them, and end. */
void pst_capture_file_finish(struct pst_capture_file *f);
/* End, whatever is left. */
void pst_capture_file_abort(struct pst_capture_file *f);
/* It wants no more. */
bool pst_capture_file_is_full(const struct pst_capture_file *f);
bool pst_capture_file_is_done(const struct pst_capture_file *f);
/* The end of the thread, and the file; aborts what is under way. */
void pst_capture_file_stop(struct pst_capture_file *f);
