/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/status.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_mempool.h>

#include "base/clock.h"
#include "control/doc.h"

/* Another lcore writes it meanwhile. */
static json_int_t
read_count(const uint64_t *n)
{
	return (json_int_t)__atomic_load_n(n, __ATOMIC_RELAXED);
}

static void
sum_accounts(const struct pst_control_params *p, struct pst_account *sum)
{
	for (uint32_t i = 0; i < p->n_workers; i++)
		pst_account_add(sum, &p->worker_stats[i]->account);
	for (uint32_t i = 0; i < p->n_editors; i++)
		pst_account_add(sum, &p->editor_stats[i]->account);
	if (p->main_account != NULL)
		pst_account_add(sum, p->main_account);
}

static json_t *
by_name(const uint64_t *counts, const char *const *names, uint32_t n)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < n; i++)
		json_object_set_new(object, names[i], pst_doc_number(counts[i]));
	return object;
}

static json_t *
account(const struct pst_control_params *p)
{
	struct pst_account sum = { 0 };

	sum_accounts(p, &sum);
	return json_pack("{s:I,s:o,s:I,s:o,s:o,s:I}", "received", (json_int_t)sum.received,
		"originated", by_name(sum.originated, pst_originated_names, PST_ORIGINATED_COUNT),
		"sent", (json_int_t)sum.sent, "dropped",
		by_name(sum.dropped, pst_drop_names, PST_DROP_COUNT), "consumed",
		by_name(sum.consumed, pst_consumed_names, PST_CONSUMED_COUNT), "held",
		(json_int_t)pst_account_held(&sum));
}

static json_t *
worker(const struct pst_control_view *view, uint32_t i)
{
	const struct pst_worker_stats *s = view->params.worker_stats[i];

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f}",
		"worker", (json_int_t)i, "lcore", (json_int_t)view->params.worker_lcores[i],
		"received", read_count(&s->account.received), "sent", read_count(&s->account.sent),
		"handed_over", read_count(&s->handed_over), "taken_over",
		read_count(&s->taken_over), "lent", read_count(&s->lent), "edited",
		read_count(&s->edited), "connections", read_count(&s->connections),
		"connections_total", read_count(&s->connections_total), "binds",
		read_count(&s->binds), "binds_total", read_count(&s->binds_total), "listeners",
		read_count(&s->listeners), "listeners_total", read_count(&s->listeners_total),
		"clients", read_count(&s->clients), "requests", read_count(&s->requests), "load",
		view->load[i]);
}

static json_t *
editor_lcore(const struct pst_control_params *p, uint32_t i)
{
	const struct pst_editor_stats *s = p->editor_stats[i];

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "editor_lcore",
		(json_int_t)i, "lcore", (json_int_t)p->editor_lcores[i], "sessions",
		read_count(&s->sessions), "connections", read_count(&s->connections), "binds",
		read_count(&s->binds), "bind_failures", read_count(&s->bind_failures),
		"late_replies", read_count(&s->late_replies), "edits", read_count(&s->edits),
		"retransmits", read_count(&s->retransmits), "splits", read_count(&s->splits),
		"latched", read_count(&s->latched));
}

static json_t *
way(const struct pst_eventlog_way *w)
{
	if (!w->is_there)
		return json_null();
	return json_pack("{s:I,s:I,s:o}", "sent", (json_int_t)w->sent, "lost", (json_int_t)w->lost,
		"fault", w->fault != 0 ? pst_doc_text(strerror(w->fault)) : json_null());
}

/* The event log: what it took, and what it could not. */
static json_t *
events(const struct pst_control_view *view)
{
	struct pst_eventlog_stats s;
	json_t *lost = json_object();

	if (view->params.eventlog == NULL) {
		json_decref(lost);
		return json_null();
	}
	pst_eventlog_stats(view->params.eventlog, &s);
	for (int k = 0; k < PST_RECORD_N_KINDS; k++) {
		if (s.lost[k] > 0)
			json_object_set_new(lost, pst_record_kinds[k], pst_doc_number(s.lost[k]));
	}
	return json_pack("{s:I,s:o,s:o,s:o,s:o,s:I}", "records", (json_int_t)s.records, "lost", lost,
		"file", way(&s.file), "syslog", way(&s.syslog), "ipfix", way(&s.ipfix), "watchers",
		(json_int_t)view->watchers);
}

static json_t *
numbers(const uint32_t *array, uint32_t n)
{
	json_t *json = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(json, json_integer(array[i]));
	return json;
}

static json_t *
lcores(const struct pst_control_params *p)
{
	return json_pack("{s:I,s:o,s:o}", "main", (json_int_t)p->main_lcore, "workers",
		numbers(p->worker_lcores, p->n_workers), "editors",
		numbers(p->editor_lcores, p->n_editors));
}

static void
add_mempool(struct rte_mempool *pool, void *array)
{
	json_array_append_new(array, json_pack("{s:o,s:I,s:I}", "name", pst_doc_text(pool->name),
					     "size", (json_int_t)pool->size, "in_use",
					     (json_int_t)rte_mempool_in_use_count(pool)));
}

static json_t *
memory(void)
{
	struct rte_malloc_socket_stats sum = { 0 }, one;
	json_t *mempools = json_array();

	for (unsigned int i = 0; i < rte_socket_count(); i++) {
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &one) != 0)
			continue;
		sum.heap_totalsz_bytes += one.heap_totalsz_bytes;
		sum.heap_freesz_bytes += one.heap_freesz_bytes;
		sum.heap_allocsz_bytes += one.heap_allocsz_bytes;
		sum.alloc_count += one.alloc_count;
	}
	rte_mempool_walk(add_mempool, mempools);
	return json_pack("{s:o,s:{s:I,s:I,s:I,s:I}}", "mempools", mempools, "heap", "total",
		(json_int_t)sum.heap_totalsz_bytes, "free", (json_int_t)sum.heap_freesz_bytes,
		"allocated", (json_int_t)sum.heap_allocsz_bytes, "allocations",
		(json_int_t)sum.alloc_count);
}

json_t *
pst_status(const struct pst_control_view *view)
{
	const struct pst_control_params *p = &view->params;
	json_t *workers = json_array(), *editors = json_array();
	uint64_t up = view->now > p->started ? view->now - p->started : 0;

	for (uint32_t i = 0; i < p->n_workers; i++)
		json_array_append_new(workers, worker(view, i));
	for (uint32_t i = 0; i < p->n_editors; i++)
		json_array_append_new(editors, editor_lcore(p, i));
	return json_pack("{s:s,s:I,s:b,s:o,s:o,s:o,s:o,s:o,s:o}", "version", PST_VERSION, "uptime_s",
		(json_int_t)(up / PST_MS_PER_S), "ready", view->ready, "lcores", lcores(p),
		"workers", workers, "editors", editors, "account", account(p), "memory", memory(),
		"events", events(view));
}

static json_t *
drop(const struct pst_control_params *p, enum pst_drop reason)
{
	json_t *workers = json_array(), *editors = json_array();
	uint64_t main_count = p->main_account != NULL ? p->main_account->dropped[reason] : 0;
	json_int_t total = (json_int_t)main_count, n;

	for (uint32_t i = 0; i < p->n_workers; i++) {
		n = read_count(&p->worker_stats[i]->account.dropped[reason]);
		json_array_append_new(workers, json_integer(n));
		total += n;
	}
	for (uint32_t i = 0; i < p->n_editors; i++) {
		n = read_count(&p->editor_stats[i]->account.dropped[reason]);
		json_array_append_new(editors, json_integer(n));
		total += n;
	}
	return json_pack("{s:s,s:I,s:o,s:o,s:I}", "reason", pst_drop_names[reason], "total", total,
		"workers", workers, "editors", editors, "main", (json_int_t)main_count);
}

json_t *
pst_status_drops(const struct pst_control_view *view)
{
	json_t *array = json_array();

	for (int i = 0; i < PST_DROP_COUNT; i++)
		json_array_append_new(array, drop(&view->params, i));
	return array;
}
