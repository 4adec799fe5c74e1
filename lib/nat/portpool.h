/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port pool: the outside ports of one public address and one protocol, of a
 * worker's runs of 1,024 ports (steer.h). Runs that nothing is taken of may move
 * to another worker's pool of the same address and protocol.
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
#define PST_PORT_RUN_PORTS 1024
#define PST_PORT_RUNS 64
#define PST_PORT_RUNS_ALL UINT64_MAX

/*
 * Where the rest of given ports is kept. The workers' pools of an address and protocol share
 * one, each the part of its own runs, so a run moves without a copy.
 */
struct pst_port_rests;

/* NULL and rte_errno. */
struct pst_port_rests *pst_port_rests_create(uint16_t first, uint16_t last, int socket);
/* Safe on NULL. After the pools that use it. */
void pst_port_rests_destroy(struct pst_port_rests *rests);

struct pst_portpool_params {
	uint16_t first, last;	/* the ports that there are */
	uint64_t runs;		/* bit n: ports n * 1024 to n * 1024 + 1023 are the pool's */
	uint32_t quarantine_ms; /* 0: none, and no rests */
	struct pst_port_rests *rests; /* of first to last; NULL: its own */
	const struct pst_lcore_role *owner;
	int socket;
};

/* NULL and rte_errno. */
struct pst_portpool *pst_portpool_create_of(const struct pst_portpool_params *params);

/* Create a pool of all ports of [first, last]. Returns NULL and sets rte_errno. */
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
 * What taking such a port would give now. *port: the one, when it is settled; 0: one of this
 * parity by lot, of those that are neither taken nor at rest. 0 or -ENOSPC.
 */
int pst_portpool_look(const struct pst_portpool *pool, uint16_t inside_port, uint32_t client_ip,
	uint64_t now_ms, uint16_t *parity, uint16_t *port);

/*
 * Ask for the lines that pst_portpool_take_port() will write to. Returns the port that it would take
 * now, most likely; -ENOSPC: none, or one of the other parity. rng is a copy of the one for taking;
 * it goes on as that one will.
 */
int pst_portpool_prefetch_take(struct pst_portpool *pool, uint16_t inside_port, uint32_t client_ip,
	struct pst_rng *rng);

/*
 * One of n ports from `first` on, of parity 0 or 1, that lie in one run of the pool; they begin
 * at a multiple of n, a power of two from 16 on. For pools without quarantine. It, or -ENOSPC.
 */
int pst_portpool_take_in(struct pst_portpool *pool, uint16_t first, uint32_t n, uint16_t parity,
	struct pst_rng *rng);
/* Is there any? */
bool pst_portpool_has_in(
	const struct pst_portpool *pool, uint16_t first, uint32_t n, uint16_t parity);
/* Are all n ports from `first` on the pool's, and none taken or resting? Take these. */
bool pst_portpool_is_free(struct pst_portpool *pool, uint16_t first, uint32_t n);
void pst_portpool_take_exact(struct pst_portpool *pool, uint16_t first, uint32_t n);

/*
 * Take exactly this port. Returns it, -EINVAL when it is out of range, or
 * -EADDRINUSE when it is taken or still rests from another client.
 */
int pst_portpool_take_fixed(
	struct pst_portpool *pool, uint16_t port, uint32_t client_ip, uint64_t now_ms);

/* Give back a run, whole or in part. A port of it that is not taken is passed over. */
void pst_portpool_put(struct pst_portpool *pool, uint16_t lowest, unsigned int n,
	uint32_t client_ip, uint64_t now_ms);

/* Ask for the lines that giving this port back writes to. */
void pst_portpool_prefetch_put(const struct pst_portpool *pool, uint16_t port);

/*
 * Ports that can be taken (resting ones too); ports taken. Main may ask too, of a pool in use: each
 * is right by itself, the first but for what is taken or moves meanwhile.
 */
uint32_t pst_portpool_free_count(const struct pst_portpool *pool);
uint32_t pst_portpool_used(const struct pst_portpool *pool);

/* Of those that can be taken: ports that another client should not get yet. */
uint32_t pst_portpool_resting(const struct pst_portpool *pool, uint64_t now_ms);

/* Is it a port of the pool's runs? */
bool pst_portpool_has(const struct pst_portpool *pool, uint16_t port);

/* Nothing of this run is taken, nothing rests. Ends rests that are over. */
bool pst_portpool_run_is_idle(struct pst_portpool *pool, uint32_t run, uint64_t now_ms);
/* Give an idle run away, or get one. */
void pst_portpool_run_remove(struct pst_portpool *pool, uint32_t run);
void pst_portpool_run_add(struct pst_portpool *pool, uint32_t run);

/* Also true of a port that is not the pool's. */
bool pst_portpool_is_taken(const struct pst_portpool *pool, uint16_t port);

/* Bitmap words read so far by searches: what taking has cost. */
uint64_t pst_portpool_words_read(const struct pst_portpool *pool);
