/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where datagrams of the event log go: a syslog daemon's Unix socket, or a collector by UDP.
 *
 * Nothing here waits. A send that would have to fails, and so does all that comes while nobody
 * is there; who was away is tried again, once a second.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>
#include <sys/un.h>

struct pst_event_target {
	struct sockaddr_storage address;
	socklen_t address_len;
	int fd; /* -1: not connected */
	uint64_t retry_ms;
	uint32_t connects; /* so many times */
	int fault;	   /* errno of the last failure, 0: the last one went well */
};

/* "/dev/log", or "192.0.2.1:514". False: it is neither. */
bool pst_event_target_parse(const char *text, struct pst_event_target *target);
/* It is a Unix socket. */
bool pst_event_target_is_local(const struct pst_event_target *target);

/* False: it did not go out. */
bool pst_event_target_send(
	struct pst_event_target *target, const void *bytes, size_t len, uint64_t now_ms);
/* Connect, unless it is; false: nobody is there. */
bool pst_event_target_connect(struct pst_event_target *target, uint64_t now_ms);
void pst_event_target_close(struct pst_event_target *target);
