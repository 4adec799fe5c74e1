/* SPDX-License-Identifier: BSD-3-Clause */
#include "chan/chan.h"

#include <stdio.h>

#include <rte_malloc.h>

#include "base/err.h"

static struct rte_ring *
ring(const struct pst_chan_params *p, const char *what, unsigned int esize, uint32_t count)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s-%s", p->name, what);
	return rte_ring_create_elem(name, esize, count, p->socket,
		RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

static uintptr_t *
slots(const struct pst_chan_params *p)
{
	return rte_zmalloc_socket("pst_slots", sizeof(uintptr_t) * p->records,
		RTE_CACHE_LINE_SIZE, p->socket);
}

static bool
create_rings(struct pst_chan *chan, const struct pst_chan_params *p)
{
	chan->requests = slots(p);
	chan->answers = slots(p);
	if (chan->requests == NULL || chan->answers == NULL)
		return false;
	chan->n_slots = p->records;
	if (p->events > 0) {
		chan->events = ring(p, "evt", sizeof(struct pst_evt), p->events);
		if (chan->events == NULL)
			return false;
	}
	if (p->packets > 0) {
		chan->to_asker = ring(p, "out", sizeof(void *), p->packets);
		chan->to_worker = ring(p, "in", sizeof(void *), p->packets);
		if (chan->to_asker == NULL || chan->to_worker == NULL)
			return false;
	}
	return true;
}

static bool
create_records(struct pst_chan *chan, const struct pst_chan_params *p)
{
	chan->records = rte_zmalloc_socket(
		"pst_req", sizeof(*chan->records) * p->records, RTE_CACHE_LINE_SIZE, p->socket);
	chan->free = rte_zmalloc_socket("pst_req", sizeof(*chan->free) * p->records, 0, p->socket);
	if (chan->records == NULL || chan->free == NULL)
		return false;
	chan->n_records = p->records;
	for (uint32_t i = 0; i < p->records; i++)
		chan->free[chan->n_free++] = &chan->records[i];
	return true;
}

struct pst_chan *
pst_chan_create(const struct pst_chan_params *params)
{
	struct pst_chan *chan;

	if (!rte_is_power_of_2(params->records))
		return pst_null(EINVAL);
	chan = rte_zmalloc_socket("pst_chan", sizeof(*chan), RTE_CACHE_LINE_SIZE, params->socket);
	if (chan == NULL)
		return pst_null(ENOMEM);
	if (!create_rings(chan, params) || !create_records(chan, params)) {
		pst_chan_destroy(chan);
		return pst_null(ENOMEM);
	}
	return chan;
}

static void
free_packets(struct rte_ring *r)
{
	void *m;

	while (r != NULL && rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void
pst_chan_destroy(struct pst_chan *chan)
{
	if (chan == NULL)
		return;
	free_packets(chan->to_asker);
	free_packets(chan->to_worker);
	rte_ring_free(chan->events);
	rte_free(chan->answers);
	rte_free(chan->requests);
	rte_free(chan->free);
	rte_free(chan->records);
	rte_free(chan);
}

/* The slots are written in turn: bit 0 tells what this lap wrote from what the last one left. */

static inline void
put_in_slot(const struct pst_chan *chan, uintptr_t *to, uint32_t *n, const struct pst_req *req)
{
	uintptr_t even = (*n & chan->n_slots) == 0;

	__atomic_store_n(&to[*n & (chan->n_slots - 1)], (uintptr_t)req | even, __ATOMIC_RELEASE);
	++*n;
}

static inline struct pst_req *
get_from_slot(const struct pst_chan *chan, const uintptr_t *from, uint32_t *n)
{
	uintptr_t even = (*n & chan->n_slots) == 0;
	uintptr_t slot = __atomic_load_n(&from[*n & (chan->n_slots - 1)], __ATOMIC_ACQUIRE);

	if ((slot & 1) != even)
		return NULL;
	++*n;
	return (struct pst_req *)(slot - even);
}

struct pst_req *
pst_chan_take(struct pst_chan *chan)
{
	return chan->n_free > 0 ? chan->free[--chan->n_free] : NULL;
}

void
pst_chan_put(struct pst_chan *chan, struct pst_req *req)
{
	RTE_ASSERT(!req->busy && chan->n_free < chan->n_records);
	req->abandoned = false;
	chan->free[chan->n_free++] = req;
}

void
pst_chan_post(struct pst_chan *chan, struct pst_req *req)
{
	req->busy = true;
	put_in_slot(chan, chan->requests, &chan->posted, req);
}

struct pst_req *
pst_chan_answer(struct pst_chan *chan)
{
	struct pst_req *req = get_from_slot(chan, chan->answers, &chan->answered);

	if (req != NULL)
		req->busy = false;
	return req;
}

struct pst_req *
pst_chan_request(struct pst_chan *chan)
{
	return get_from_slot(chan, chan->requests, &chan->taken);
}

uint32_t
pst_chan_requests(struct pst_chan *chan, struct pst_req **reqs, uint32_t most)
{
	uint32_t n = 0;

	while (n < most && (reqs[n] = pst_chan_request(chan)) != NULL) {
		rte_prefetch0(reqs[n]);
		rte_prefetch0(&reqs[n]->bind.ends);
		n++;
	}
	return n;
}

void
pst_chan_reply(struct pst_chan *chan, struct pst_req *req)
{
	put_in_slot(chan, chan->answers, &chan->replied, req);
}

bool
pst_chan_tell(struct pst_chan *chan, const struct pst_evt *evt)
{
	return rte_ring_sp_enqueue_elem(chan->events, (void *)(uintptr_t)evt, sizeof(*evt)) == 0;
}

bool
pst_chan_has_event_room(const struct pst_chan *chan)
{
	return rte_ring_free_count(chan->events) > rte_ring_get_capacity(chan->events) / 2;
}

bool
pst_chan_hear(struct pst_chan *chan, struct pst_evt *evt)
{
	return rte_ring_sc_dequeue_elem(chan->events, evt, sizeof(*evt)) == 0;
}
