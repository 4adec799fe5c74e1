/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>

#include "base/err.h"
#include "base/rng.h"
#include "runtime/runtime_priv.h"

#define HANDLES 16384
#define HASH_ENTRIES_MIN 64 /* rte_hash makes none of less than a bucket */

static struct rte_hash *
create_hash(const struct pst_runtime *rt, const char *what, uint32_t key_len)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters p = { .name = name,
		/* a cuckoo table fills to nine tenths at least */
		.entries = RTE_MAX(rt->n_handles * 2, (uint32_t)HASH_ENTRIES_MIN),
		.key_len = key_len,
		.hash_func = rte_hash_crc,
		.hash_func_init_val = (uint32_t)rt->params.seed,
		.socket_id = SOCKET_ID_ANY };

	snprintf(name, sizeof(name), "pst-e%u-%s", rt->params.index, what);
	return rte_hash_create(&p);
}

static bool
create_tables(struct pst_runtime *rt)
{
	uint32_t records = 0;

	for (uint32_t w = 0; w < rt->params.n_workers; w++)
		records += rt->params.workers[w]->n_records;
	rt->by_client = create_hash(rt, "client", sizeof(uint32_t));
	rt->by_ref = create_hash(rt, "ref", 3 * sizeof(uint32_t));
	rt->handles = calloc(rt->n_handles, sizeof(*rt->handles));
	rt->free_handles = calloc(rt->n_handles, sizeof(*rt->free_handles));
	/* a handle is killed once and unwatched once; what has no handle holds a record */
	rt->deferred = calloc(2 * rt->n_handles + records, sizeof(*rt->deferred));
	if (rt->by_client == NULL || rt->by_ref == NULL || rt->handles == NULL ||
		rt->free_handles == NULL || rt->deferred == NULL)
		return false;
	for (uint32_t i = 0; i < rt->n_handles; i++)
		rt->free_handles[rt->n_free++] = rt->n_handles - 1 - i;
	return true;
}

struct pst_runtime *
pst_runtime_create(const struct pst_runtime_params *params)
{
	struct pst_runtime *rt = rte_zmalloc("pst_runtime", sizeof(*rt), RTE_CACHE_LINE_SIZE);

	if (rt == NULL)
		return pst_null(ENOMEM);
	rt->params = *params;
	while (params->editors[rt->n_editors] != NULL)
		rt->n_editors++;
	rt->n_handles = params->handles != 0 ? params->handles : HANDLES;
	rt->current = NO_EDITOR;
	pst_latency_init(&rt->stats.bind_latency, rte_get_tsc_hz());
	pst_rng_init(&rt->rng, params->seed);
	rt->ip_id = pst_rng_next(&rt->rng);
	LIST_INIT(&rt->sessions);
	timers_init(&rt->timers);
	timers_init(&rt->origins);
	for (uint32_t w = 0; w < PST_WORKERS_MAX; w++)
		STAILQ_INIT(&rt->kills[w]);
	if (rt->n_editors > EDITORS_MAX || params->n_workers > PST_WORKERS_MAX ||
		!create_tables(rt)) {
		pst_runtime_destroy(rt);
		return pst_null(ENOMEM);
	}
	return rt;
}

void
pst_runtime_destroy(struct pst_runtime *rt)
{
	struct pst_session *s;

	if (rt == NULL)
		return;
	while ((s = LIST_FIRST(&rt->sessions)) != NULL) /* nobody is there to answer */
		session_close(s);
	call_abandon(rt);
	rte_hash_free(rt->by_ref);
	rte_hash_free(rt->by_client);
	free(rt->deferred);
	free(rt->free_handles);
	free(rt->handles);
	rte_free(rt);
}

/* The call that asked for it: an endpoint's, or an action's. */
static struct pst_connection *
established_handle(struct pst_connection *of, uint32_t worker, uint32_t editor,
	const struct pst_evt *evt)
{
	struct pst_connection *conn = handle_by_ref(of->session->rt, worker, evt->ref);

	if (conn != NULL) /* it is watched */
		return conn;
	conn = handle_new(of->session, HANDLE_ESTABLISHED);
	if (conn == NULL)
		return NULL;
	conn->proto = of->proto;
	conn->client = of->client;
	conn->external = of->external;
	conn->remote = evt->remote;
	conn->editor = editor;
	if (!handle_bind_ref(conn, worker, evt->ref)) {
		handle_free(conn);
		return NULL;
	}
	return conn;
}

/* R31, R55: the editor named in the call, and no other, hears of it; it may refuse (R74). */
static void
established(struct pst_runtime *rt, uint32_t worker, const struct pst_evt *evt)
{
	struct pst_connection *of = handle_by_cookie(rt, evt->cookie), *conn;
	struct pst_event event = { .type = PST_EVENT_ESTABLISHED, .remote = evt->remote };
	uint32_t editor;

	if (of == NULL || of->kill_wanted)
		return;
	editor = session_editor_of(of->session, of->callback);
	if (editor == NO_EDITOR) /* R32 */
		return;
	conn = established_handle(of, worker, editor, evt);
	if (conn == NULL)
		return;
	conn->told |= UINT64_C(1) << editor;
	event.source = session_source(conn->session);
	event.connection = conn;
	event.endpoint = of->kind == HANDLE_ENDPOINT ? of : NULL;
	event.context = of->context;
	if (session_tell(conn->session, editor, &event) < 0)
		pst_connection_kill(conn);
}

static void
hear(struct pst_runtime *rt, uint32_t worker, const struct pst_evt *evt)
{
	struct pst_connection *conn;

	switch (evt->type) {
	case PST_EVT_ESTABLISHED:
		established(rt, worker, evt);
		return;
	case PST_EVT_ENDPOINT_END:
		conn = handle_by_cookie(rt, evt->cookie);
		/* a kill that is on its way frees it when it is answered */
		if (conn == NULL || conn->kill_posted)
			return;
		if (conn->kind == HANDLE_ACTION)
			handle_finish(conn);
		else
			handle_end(conn);
		return;
	case PST_EVT_BLOCK: /* are for main */
	case PST_EVT_REFUSED:
		return;
	case PST_EVT_CONN_END:
		conn = handle_by_ref(rt, worker, evt->ref);
		if (conn != NULL)
			handle_end(conn);
		return;
	}
}

static uint32_t
hear_events(struct pst_runtime *rt, uint32_t worker, uint32_t most)
{
	struct pst_evt evt;
	uint32_t n = 0;

	while (n < most && pst_chan_hear(rt->params.workers[worker], &evt)) {
		hear(rt, worker, &evt);
		n++;
	}
	return n;
}

static uint32_t
take_packets(struct pst_runtime *rt, uint32_t worker, uint32_t most)
{
	struct rte_ring *ring = rt->params.workers[worker]->to_asker;
	uint32_t n = 0;
	void *m;

	while (n < most && rte_ring_sc_dequeue(ring, &m) == 0) {
		watch_input(rt, worker, m);
		n++;
	}
	return n;
}

void
runtime_drain(struct pst_runtime *rt, uint32_t worker)
{
	take_packets(rt, worker, rte_ring_count(rt->params.workers[worker]->to_asker));
}

/*
 * An end that is told before its connection's last packets were taken would
 * orphan them: what was lent before the events that there are now comes first.
 */
static uint32_t
poll_worker(struct pst_runtime *rt, uint32_t worker)
{
	const struct pst_chan *chan = rt->params.workers[worker];
	uint32_t events = RTE_MIN(rte_ring_count(chan->events), (uint32_t)EVENTS_A_ROUND);
	uint32_t packets = events > 0 ? rte_ring_count(chan->to_asker) : PACKETS_A_ROUND;
	uint32_t done = take_packets(rt, worker, packets);

	return done + hear_events(rt, worker, events);
}

/* No call of an editor is under way: all of what one does goes by the same settings. */
static void
take_settings(struct pst_runtime *rt, const struct pst_runtime_settings *next)
{
	uint64_t gone = rt->params.settings.enabled & ~next->enabled;

	rt->params.settings = *next;
	for (uint32_t e = 0; gone != 0; e++, gone >>= 1) {
		if (gone & 1)
			pst_runtime_detach_editor(rt, e);
	}
}

static uint32_t
hear_main(struct pst_runtime *rt)
{
	struct pst_req *req = rt->params.main != NULL ? pst_chan_request(rt->params.main) : NULL;

	if (req == NULL)
		return 0;
	take_settings(rt, req->runtime);
	req->result = 0;
	pst_chan_reply(rt->params.main, &req, 1);
	return 1;
}

uint32_t
pst_runtime_poll(struct pst_runtime *rt, uint64_t now_ms)
{
	uint32_t done;

	rt->now_ms = now_ms;
	done = call_collect(rt) + rt->n_deferred;
	call_deferred(rt);
	for (uint32_t w = 0; w < rt->params.n_workers; w++)
		done += poll_worker(rt, w);
	done += watch_timers(rt) + emulation_timers(rt);
	return done + handle_post_wanted(rt) + hear_main(rt);
}

/* A handle that goes may be its session's last: neither is looked at then. */
static void
forsake_session(struct pst_session *s, uint32_t editor)
{
	struct pst_connection *conn = LIST_FIRST(&s->handles), *next;
	bool was_closing = s->closing;

	s->closing = true; /* not before it is through */
	for (; conn != NULL; conn = next) {
		next = LIST_NEXT(conn, of_session);
		handle_forsake(conn, editor);
	}
	session_detach(s, editor);
	s->closing = was_closing;
	session_check(s);
}

void
pst_runtime_detach_editor(struct pst_runtime *rt, uint32_t editor)
{
	struct pst_session *s = LIST_FIRST(&rt->sessions), *next;

	rt->params.settings.enabled &= ~(UINT64_C(1) << editor);
	for (; s != NULL; s = next) {
		next = LIST_NEXT(s, all);
		forsake_session(s, editor);
	}
}

bool
pst_runtime_is_quiet(const struct pst_runtime *rt)
{
	for (uint32_t w = 0; w < rt->params.n_workers; w++) {
		if (rt->params.workers[w]->n_free != rt->params.workers[w]->n_records)
			return false;
	}
	return LIST_EMPTY(&rt->sessions) && rt->n_free == rt->n_handles && rt->n_deferred == 0;
}

const struct pst_editor_stats *
pst_runtime_stats(const struct pst_runtime *rt)
{
	return &rt->stats;
}

const struct pst_runtime_figures *
pst_runtime_figures(const struct pst_runtime *rt)
{
	return &rt->figures;
}

const uint64_t *
pst_runtime_counters(const struct pst_runtime *rt, uint32_t editor)
{
	return rt->counters[editor];
}
