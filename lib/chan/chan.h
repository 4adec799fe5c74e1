/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Channel: the rings between one asker (an editor lcore, main, or another
 * worker) and one worker. Every ring has one producer and one consumer.
 *
 *	asker  -- requests (lent records) -->  worker
 *	asker  <-- answers (the records)  --   worker
 *	asker  <-- events                 --   worker
 *	asker  <-- packets lent           --   worker
 *	asker  -- packets given back      -->  worker
 *
 * What one end writes lies in no line that the other one reads, but for the rings' own.
 *
 * Created and destroyed by main, before launch and after the last lcore stopped.
 */
#pragma once

#include <stdalign.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "chan/msg.h"

struct pst_chan_params {
	const char *name;    /* unique; names of the rings start with it */
	uint32_t records;    /* requests that may be under way at once, a power of two */
	uint32_t events;     /* a power of two; 0: no event ring */
	uint32_t packets;    /* a power of two; 0: no packet rings */
	int socket;
};

struct pst_chan {
	/* const after create */
	struct rte_ring *requests, *answers; /* of struct pst_req * */
	struct rte_ring *events;             /* of struct pst_evt */
	struct rte_ring *to_asker, *to_worker; /* of mbufs */
	/* asker only */
	alignas(RTE_CACHE_LINE_SIZE) struct pst_req *records;
	struct pst_req **free;
	uint32_t n_free, n_records;
};

#define PST_CHAN_EXPECTED 2 /* requests whose lines are asked for before they are taken */

/* NULL, with rte_errno set. */
struct pst_chan *pst_chan_create(const struct pst_chan_params *params);
/* Frees packets still in the rings. Safe on NULL. */
void pst_chan_destroy(struct pst_chan *chan);

/* Asker: a record to fill in, NULL when all are lent. */
struct pst_req *pst_chan_take(struct pst_chan *chan);
/* Asker: give back a record that is not lent. */
void pst_chan_put(struct pst_chan *chan, struct pst_req *req);
/* Asker: lend a record to the worker. */
void pst_chan_post(struct pst_chan *chan, struct pst_req *req);
/* Asker: the next answer, NULL if there is none. The record is the asker's again. */
struct pst_req *pst_chan_answer(struct pst_chan *chan);

/* Worker: the next request, NULL if there is none. */
struct pst_req *pst_chan_request(struct pst_chan *chan);
/* The answer is written there: the asker's CPU is not asked a second time for that. */
static inline void
pst_chan_prefetch(const struct pst_req *req)
{
	rte_prefetch0_write(req);
	rte_prefetch0_write(req->bind.ends);
}

/*
 * Worker: soon it looks for requests; the lines of their ring come meanwhile. again: they were
 * asked for a while ago, and say what the first requests are, whose own lines come then.
 */
static inline void
pst_chan_expect(const struct pst_chan *chan, bool again)
{
	const struct rte_ring *r = chan->requests;
	struct pst_req *const *slots = (struct pst_req *const *)(r + 1);
	uint32_t head = r->cons.head, n = again ? r->prod.tail - head : 0;

	rte_prefetch0(&r->prod);
	rte_prefetch0(&slots[head & r->mask]);
	for (uint32_t k = 0; k < RTE_MIN(n, (uint32_t)PST_CHAN_EXPECTED); k++)
		pst_chan_prefetch(slots[(head + k) & r->mask]);
}

/* Worker: the next ones, at most `most`; their first lines are asked for. Returns how many. */
uint32_t pst_chan_requests(struct pst_chan *chan, struct pst_req **reqs, uint32_t most);
/* Worker: answer n of them. */
void pst_chan_reply(struct pst_chan *chan, struct pst_req **reqs, uint32_t n);
/* Worker: tell an event; false when the ring is full: try again later. */
bool pst_chan_tell(struct pst_chan *chan, const struct pst_evt *evt);
/* Is less than half of the event ring in use? For what may be missed. */
bool pst_chan_has_event_room(const struct pst_chan *chan);
/* Asker: the next event; false if there is none. */
bool pst_chan_hear(struct pst_chan *chan, struct pst_evt *evt);
