/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event log's file. Main puts lines into memory, a thread of its own writes them:
 * a disk that is slow, full or gone makes main lose lines, which main is told, and wait for
 * nothing. What was accepted is written once the disk takes it again, in order and whole.
 *
 * The file is opened anew when asked (SIGHUP), for logrotate: what was put before goes to
 * the old one. A FIFO will do: as long as nobody reads it, nothing is written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pst_event_file;

/*
 * Open it, to append, and start the thread; room: bytes that may wait. NULL, with rte_errno set
 * and a text in error, when the file can't be opened now.
 */
struct pst_event_file *pst_event_file_create(
	const char *path, size_t room, char *error, size_t size);

/* Main: take these bytes, all or none. False: there is no room. */
bool pst_event_file_put(struct pst_event_file *file, const char *bytes, size_t len);
/* Room for so many more? */
bool pst_event_file_has_room(struct pst_event_file *file, size_t len);
void pst_event_file_reopen(struct pst_event_file *file);

/* What is wrong with it now: a positive errno, or 0. */
int pst_event_file_fault(const struct pst_event_file *file);

/* Wait until all is written, at most so long; false: it was not. For the end, and for tests. */
bool pst_event_file_flush(struct pst_event_file *file, uint32_t most_ms);

/* Writes what it can within a second, and stops the thread. Safe on NULL. */
void pst_event_file_destroy(struct pst_event_file *file);
