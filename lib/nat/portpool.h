/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port pool: the outside ports of one public address and one protocol, over
 * a worker's range.
 *
 * Connections take one port, of the inside port's parity where there is one
 * (RFC 4787 REQ-4). Editors take runs of n, the lowest a multiple of n, so an
 * RTP/RTCP pair starts even. The search starts at a random place (RFC 6056),
 * reads each bitmap word at most once, and finds a run whenever there is one.
 *
 * A port that was put back rests for the quarantine time (RFC 6888 REQ-8). The
 * client that had it may take it again at once; other clients get it only when
 * nothing rested is left, and then what has rested longest (a run: the best of
 * a few). So the quarantine never makes a pool look full.
 *
 * Ports are in host byte order. client_ip only tells clients apart.
 *
 * Owner: the worker it is created for; no other lcore touches it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pst_lcore_role;
struct pst_portpool;
struct pst_rng;

#define PST_PORT_RUN_MAX 1024

/* Create a pool over [first, last]. Returns NULL and sets rte_errno. */
struct pst_portpool *pst_portpool_create(uint16_t first, uint16_t last, uint32_t quarantine_ms,
	const struct pst_lcore_role *owner, int socket);
/* Safe on NULL. */
void pst_portpool_destroy(struct pst_portpool *pool);

/* Take a run of n ports. Returns the lowest, -EINVAL or -ENOSPC. */
int pst_portpool_take(struct pst_portpool *pool, unsigned int n, uint32_t client_ip,
	struct pst_rng *rng, uint64_t now_ms);

/* Take one port, of the inside port's parity as long as there is any. The port or -ENOSPC. */
int pst_portpool_take_port(struct pst_portpool *pool, uint16_t inside_port, uint32_t client_ip,
	struct pst_rng *rng, uint64_t now_ms);

/*
 * Take exactly this port. Returns it, -EINVAL when it is out of range, or
 * -EADDRINUSE when it is taken or still rests from another client.
 */
int pst_portpool_take_fixed(
	struct pst_portpool *pool, uint16_t port, uint32_t client_ip, uint64_t now_ms);

/* Give back a run, whole or in part. A port of it that is not taken is passed over. */
void pst_portpool_put(struct pst_portpool *pool, uint16_t lowest, unsigned int n,
	uint32_t client_ip, uint64_t now_ms);

/* Ports that can be taken (resting ones too); ports taken. */
uint32_t pst_portpool_free_count(const struct pst_portpool *pool);
uint32_t pst_portpool_used(const struct pst_portpool *pool);

/* Of those that can be taken: ports that another client should not get yet. */
uint32_t pst_portpool_resting(const struct pst_portpool *pool, uint64_t now_ms);

/* Also true of a port out of range. */
bool pst_portpool_is_taken(const struct pst_portpool *pool, uint16_t port);

/* Bitmap words read so far by searches: what taking has cost. */
uint64_t pst_portpool_words_read(const struct pst_portpool *pool);
