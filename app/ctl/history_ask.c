/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to what was read: what was said before and after, and the holes in between. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "history_priv.h"
#include "when.h"

struct question {
	uint32_t ip;
	uint16_t port;
	uint8_t protocol;
	uint64_t at_ms;
	uint32_t subject;
};

/* The last thing before the moment, and the first one after: of a port, or a mark. */
struct around {
	const struct fact *before, *after;
	const struct mark *mark_before, *mark_after;
};

static enum subject
subject_of(const struct fact *f)
{
	if (f->by == PST_HISTORY_BY_BLOCK)
		return OF_BLOCKS;
	return f->first == f->last ? OF_PORTS : OF_WHOLES;
}

static bool
is_meant(const struct question *q, const struct fact *f)
{
	return f->ip == q->ip && q->port >= f->first && q->port <= f->last &&
	       (f->protocol == 0 || f->protocol == q->protocol) && subject_of(f) == q->subject;
}

static bool
is_later(uint64_t ms, uint32_t place, const struct fact *than)
{
	return than == NULL || ms > than->ms || (ms == than->ms && place > than->place);
}

static void
look_at(const struct question *q, const struct fact *f, struct around *a)
{
	if (!is_meant(q, f))
		return;
	if (f->ms <= q->at_ms) {
		if (is_later(f->ms, f->place, a->before))
			a->before = f;
	} else if (a->after == NULL || !is_later(f->ms, f->place, a->after)) {
		a->after = f;
	}
}

/* The first fact of the port, or where it would be. */
static size_t
find_point(const struct list *points, uint32_t ip, uint16_t port)
{
	const struct fact *facts = points->items;
	size_t low = 0, high = points->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (facts[middle].ip < ip || (facts[middle].ip == ip && facts[middle].first < port))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
look_around(const struct pst_history *h, const struct question *q, struct around *a)
{
	const struct fact *points = h->points.items, *ranges = h->ranges.items;
	const struct mark *marks = h->marks.items;

	memset(a, 0, sizeof(*a));
	for (size_t i = find_point(&h->points, q->ip, q->port);
		i < h->points.n && points[i].ip == q->ip && points[i].first == q->port; i++)
		look_at(q, &points[i], a);
	for (size_t i = 0; i < h->ranges.n; i++)
		look_at(q, &ranges[i], a);
	for (size_t i = 0; i < h->marks.n; i++) {
		if (marks[i].kind == SAID)
			continue;
		if (marks[i].ms <= q->at_ms)
			a->mark_before = &marks[i];
		else if (a->mark_after == NULL)
			a->mark_after = &marks[i];
	}
	/* what happened before the appliance started is over; what comes after it stopped, too */
	if (a->mark_before != NULL && a->before != NULL &&
		is_later(a->mark_before->ms, a->mark_before->place, a->before))
		a->before = NULL;
	if (a->mark_after != NULL && a->after != NULL &&
		!is_later(a->mark_after->ms, a->mark_after->place, a->after))
		a->after = NULL;
}

/* A hole of which a part lies between two moments; at their edges the places in the log tell. */
static const struct hole *
hole_between(const struct pst_history *h, uint32_t subject, uint64_t from_ms, uint32_t from_place,
	uint64_t to_ms, uint32_t to_place)
{
	const struct hole *holes = h->holes.items;

	for (size_t i = 0; i < h->holes.n; i++) {
		const struct hole *o = &holes[i];

		if ((o->subject & subject) == 0)
			continue;
		if (o->to_ms < from_ms || (o->to_ms == from_ms && o->place <= from_place))
			continue;
		if (o->from_ms > to_ms || (o->from_ms == to_ms && o->place > to_place))
			continue;
		return o;
	}
	return NULL;
}

__attribute__((format(printf, 2, 3))) static void
say_unknown(struct pst_history_answer *answer, const char *format, ...)
{
	va_list args;

	answer->verdict = PST_HISTORY_UNKNOWN;
	va_start(args, format);
	vsnprintf(answer->reason, sizeof(answer->reason), format, args);
	va_end(args);
}

static void
say_hole(struct pst_history_answer *answer, const struct hole *o)
{
	char from[PST_WHEN_TEXT], to[PST_WHEN_TEXT];

	pst_when_format(o->from_ms, from);
	pst_when_format(o->to_ms == UINT64_MAX ? o->from_ms : o->to_ms, to);
	switch (o->kind) {
	case BEFORE:
		say_unknown(answer, "the log begins at %s", to);
		break;
	case CRASHED:
		say_unknown(answer, "the appliance ended between %s and %s without saying so", from,
			to);
		break;
	case LOST:
		say_unknown(answer, "%" PRIu64 " records were lost between %s and %s", o->count,
			from, to);
		break;
	case MISSING:
		if (o->count > 0)
			say_unknown(answer,
				"%" PRIu64 " lines of the log are missing between %s and %s",
				o->count, from, to);
		else
			say_unknown(answer, "lines of the log are out of order between %s and %s",
				from, to);
		break;
	case UNREADABLE:
		say_unknown(answer, "%" PRIu64 " lines of the log can't be read, between %s and %s",
			o->count, from, to);
		break;
	}
}

static void
say_client(struct pst_history_answer *answer, const struct fact *f)
{
	answer->verdict = PST_HISTORY_CLIENT;
	answer->by = f->by;
	answer->client_ip = f->client_ip;
	answer->client_port = f->client_port;
}

/* From what was said before; false: a hole is in between. */
static bool
judge_before(const struct pst_history *h, const struct question *q, const struct around *a,
	struct pst_history_answer *answer, const struct hole **hole)
{
	uint64_t ms = a->before != NULL	       ? a->before->ms
		      : a->mark_before != NULL ? a->mark_before->ms
					       : 0;
	uint32_t place = a->before != NULL	  ? a->before->place
			 : a->mark_before != NULL ? a->mark_before->place
						  : 0;

	*hole = hole_between(h, q->subject, ms, place, q->at_ms, UINT32_MAX);
	if (*hole != NULL)
		return false;
	if (a->before != NULL && a->before->kind != CLOSE) {
		say_client(answer, a->before);
		answer->since_ms = a->before->ms;
	} else {
		answer->verdict = PST_HISTORY_NOBODY;
	}
	return true;
}

/* From what was said after. */
static bool
judge_after(const struct pst_history *h, const struct question *q, const struct around *a,
	struct pst_history_answer *answer)
{
	if (a->after == NULL || hole_between(h, q->subject, q->at_ms, UINT32_MAX, a->after->ms,
					a->after->place) != NULL)
		return false;
	if (a->after->kind == OPEN)
		answer->verdict = PST_HISTORY_NOBODY;
	else
		say_client(answer, a->after);
	return true;
}

/* How long the client had it, when there is no hole until it is said. */
static void
find_end(const struct pst_history *h, const struct question *q, struct around *a,
	struct pst_history_answer *answer)
{
	struct question later = *q;
	uint64_t ms;

	while (a->after != NULL && a->after->kind == CHANGE) { /* that is no end */
		later.at_ms = a->after->ms;
		look_around(h, &later, a);
	}
	if (a->after != NULL)
		ms = a->after->ms;
	else if (a->mark_after != NULL && a->mark_after->kind == STOP)
		ms = a->mark_after->ms;
	else
		return;
	answer->next_ms = ms;
	if (answer->verdict == PST_HISTORY_CLIENT &&
		hole_between(h, q->subject, q->at_ms, UINT32_MAX, ms, UINT32_MAX) == NULL)
		answer->until_ms = ms;
}

/* A listener's first word of it is older than that its port is known. */
static void
find_start(const struct pst_history *h, const struct question *q, struct pst_history_answer *answer,
	const struct fact *f)
{
	struct question before = *q;
	struct around a;

	if (f == NULL || f->kind != CHANGE || answer->verdict != PST_HISTORY_CLIENT)
		return;
	before.at_ms = f->ms - 1;
	look_around(h, &before, &a);
	answer->since_ms =
		a.before != NULL && a.before->kind == OPEN ? a.before->ms : PST_HISTORY_NO_TIME;
}

static void
judge(const struct pst_history *h, const struct question *q, struct pst_history_answer *answer)
{
	const struct hole *hole;
	struct around a;

	memset(answer, 0, sizeof(*answer));
	answer->since_ms = answer->until_ms = answer->next_ms = PST_HISTORY_NO_TIME;
	look_around(h, q, &a);
	if (!judge_before(h, q, &a, answer, &hole) && !judge_after(h, q, &a, answer))
		say_hole(answer, hole);
	find_start(h, q, answer, a.before);
	find_end(h, q, &a, answer);
}

/* What the log says of itself at that moment; NULL: nothing. */
static const struct mark *
logged_at(const struct pst_history *h, uint64_t at_ms)
{
	const struct mark *marks = h->marks.items, *found = NULL;

	for (size_t i = 0; i < h->marks.n; i++) {
		bool is_later_on = marks[i].ms > at_ms;

		if (marks[i].kind != STOP && !is_later_on)
			found = &marks[i];
		else if (marks[i].kind == SAID && found == NULL)
			found = &marks[i]; /* of the same run */
		if (is_later_on)
			break;
	}
	return found;
}

/* Blocks say who has ports, and nothing else is logged that does. */
static bool
are_blocks_all(const struct mark *m)
{
	return m != NULL && m->port_block != 0 && !m->deterministic && m->has_blocks &&
	       !(m->has_binds && m->has_listeners);
}

/* That nobody had it is known only where everything is logged by which somebody gets a port. */
static void
judge_nobody(const struct mark *m, struct pst_history_answer *answer)
{
	if (m != NULL && m->deterministic && !m->has_binds)
		say_unknown(answer, "each client had ports of its own by plan then: ask postern "
				    "--whose ADDRESS:PORT");
	else if (m != NULL && !m->has_binds)
		say_unknown(answer, "\"binds\" were not logged then");
	else if (m != NULL && !m->has_listeners)
		say_unknown(answer, "\"listeners\" were not logged then");
}

void
pst_history_ask(const struct pst_history *h, uint32_t ip, uint16_t port, uint8_t protocol,
	uint64_t at_ms, struct pst_history_answer *answer)
{
	struct question q = { ip, port, protocol, at_ms, OF_WHOLES };
	const struct mark *m = logged_at(h, at_ms);

	judge(h, &q, answer);
	if (answer->verdict == PST_HISTORY_CLIENT)
		return;
	q.subject = OF_PORTS;
	judge(h, &q, answer);
	if (h->first_ms == PST_HISTORY_NO_TIME)
		say_unknown(answer, "the log is empty");
	if (answer->verdict == PST_HISTORY_CLIENT)
		return;
	if (are_blocks_all(m)) {
		q.subject = OF_BLOCKS;
		judge(h, &q, answer);
	} else if (answer->verdict == PST_HISTORY_NOBODY) {
		judge_nobody(m, answer);
	}
}
