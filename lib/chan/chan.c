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

static bool
create_rings(struct pst_chan *chan, const struct pst_chan_params *p)
{
	chan->requests = ring(p, "req", sizeof(void *), p->records);
	chan->answers = ring(p, "ans", sizeof(void *), p->records);
	if (chan->requests == NULL || chan->answers == NULL)
		return false;
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
	rte_ring_free(chan->answers);
	rte_ring_free(chan->requests);
	rte_free(chan->free);
	rte_free(chan->records);
	rte_free(chan);
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
	if (rte_ring_sp_enqueue(chan->requests, req) != 0)
		rte_panic("a request ring is smaller than its records\n");
}

struct pst_req *
pst_chan_answer(struct pst_chan *chan)
{
	void *req;

	if (rte_ring_sc_dequeue(chan->answers, &req) != 0)
		return NULL;
	((struct pst_req *)req)->busy = false;
	return req;
}

struct pst_req *
pst_chan_request(struct pst_chan *chan)
{
	void *req;

	return rte_ring_sc_dequeue(chan->requests, &req) == 0 ? req : NULL;
}

uint32_t
pst_chan_requests(struct pst_chan *chan, struct pst_req **reqs, uint32_t most)
{
	uint32_t n = rte_ring_sc_dequeue_burst(chan->requests, (void **)reqs, most, NULL);

	for (uint32_t k = 0; k < n; k++)
		pst_chan_prefetch(reqs[k]);
	if (n > 0) /* is there room for them? The asker's part of the ring says */
		rte_prefetch0(&chan->answers->cons);
	return n;
}

void
pst_chan_reply(struct pst_chan *chan, struct pst_req **reqs, uint32_t n)
{
	if (rte_ring_sp_enqueue_bulk(chan->answers, (void **)reqs, n, NULL) == 0)
		rte_panic("an answer ring is smaller than its records\n");
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
