/* SPDX-License-Identifier: BSD-3-Clause */
#include "history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flat.h"
#include "when.h"

/* What is asked of, and what a hole may hide: whose ports, blocks, whole addresses these were. */
enum subject {
	OF_PORTS = 1 << 0,
	OF_BLOCKS = 1 << 1,
	OF_WHOLES = 1 << 2,
	OF_ALL = OF_PORTS | OF_BLOCKS | OF_WHOLES,
};

enum fact_kind {
	OPEN,
	CLOSE,
	CHANGE, /* the client's port is known from now on */
};

/* A thing that was said of a port, or of a range of them. */
struct fact {
	uint64_t ms;
	uint32_t place; /* in the log */
	uint32_t ip;
	uint16_t first, last;
	uint8_t protocol; /* 0: any */
	uint8_t kind;	  /* enum fact_kind */
	uint8_t by;	  /* enum pst_history_by */
	uint32_t client_ip;
	uint16_t client_port;
};

enum hole_kind {
	LOST,	    /* so many records, the appliance says */
	MISSING,    /* so many lines, their numbers say */
	UNREADABLE, /* a line */
	CRASHED,    /* the appliance started, and had not said that it stops */
	BEFORE,	    /* the log began */
};

struct hole {
	uint64_t from_ms, to_ms;
	uint32_t place;
	uint32_t subject; /* enum subject */
	enum hole_kind kind;
	uint64_t count;
};

/* The appliance started, stopped, or said what it logs. */
struct mark {
	uint64_t ms;
	uint32_t place;
	enum { START, STOP, SAID } kind;
	bool has_binds, has_listeners, has_blocks;
	uint32_t port_block;
	bool deterministic;
};

/* A growing list. */
struct list {
	void *items;
	size_t n, room, size;
};

struct pst_history {
	uint32_t ip;
	uint16_t port; /* 0: all are kept */
	struct list points,
		ranges; /* facts of one port, sorted at the end; of several, as they came */
	struct list holes, marks;
	uint32_t place;
	uint64_t first_ms, last_ms; /* NO_TIME: there was no line yet */
	uint64_t seq;		    /* of the next line, NO_SEQ: any */
	bool is_running;	    /* it has started, and not stopped */
	bool unreadable;	    /* the line before: until the next one that can be read */
	uint64_t n_unreadable;
};

#define NO_SEQ UINT64_MAX

/* What a line may say. */
struct line {
	struct pst_flat event, kind, source, kinds;
	struct pst_when time, since;
	bool has_time, has_since, has_seq, has_outside, has_client, has_range, deterministic;
	uint64_t seq, count, port_block;
	uint8_t protocol;
	uint32_t outside_ip, client_ip;
	uint16_t outside_port, client_port, first, last;
};

static bool
add(struct list *l, const void *item)
{
	if (l->n == l->room) {
		size_t room = l->room > 0 ? 2 * l->room : 64;
		void *items = realloc(l->items, room * l->size);

		if (items == NULL)
			return false;
		l->items = items;
		l->room = room;
	}
	memcpy((char *)l->items + l->n++ * l->size, item, l->size);
	return true;
}

struct pst_history *
pst_history_create(uint32_t ip, uint16_t port)
{
	struct pst_history *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->ip = ip;
	h->port = port;
	h->points.size = h->ranges.size = sizeof(struct fact);
	h->holes.size = sizeof(struct hole);
	h->marks.size = sizeof(struct mark);
	h->first_ms = h->last_ms = PST_HISTORY_NO_TIME;
	h->seq = NO_SEQ;
	return h;
}

void
pst_history_destroy(struct pst_history *h)
{
	if (h == NULL)
		return;
	free(h->points.items);
	free(h->ranges.items);
	free(h->holes.items);
	free(h->marks.items);
	free(h);
}

/* Reading a line. */

/* A number up to `most`, and the sign behind it (0: the end). */
static bool
read_number(const char **at, const char *end, uint32_t most, char behind, uint32_t *number)
{
	const char *first = *at;

	for (*number = 0; *at < end && **at >= '0' && **at <= '9'; ++*at) {
		*number = *number * 10 + **at - '0';
		if (*number > most)
			return false;
	}
	if (*at == first || (behind == 0 ? *at != end : *at == end || **at != behind))
		return false;
	*at += behind != 0;
	return true;
}

/* "10.0.0.7:5000", or without a port, which is 0 then. */
static bool
read_endpoint(const struct pst_flat *m, uint32_t *ip, uint16_t *port)
{
	const char *at = m->value, *end = at + m->value_len;
	bool has_port = memchr(at, ':', m->value_len) != NULL;
	uint32_t part[4], number = 0;

	for (int i = 0; i < 4; i++) {
		if (!read_number(&at, end, 255, i < 3 ? '.' : has_port ? ':' : 0, &part[i]))
			return false;
	}
	if (has_port && !read_number(&at, end, UINT16_MAX, 0, &number))
		return false;
	*ip = part[0] << 24 | part[1] << 16 | part[2] << 8 | part[3];
	*port = number;
	return m->is_text;
}

static bool
read_range(const struct pst_flat *m, uint16_t *first, uint16_t *last)
{
	const char *at = m->value, *end = at + m->value_len;
	uint32_t low, high;

	if (!read_number(&at, end, UINT16_MAX, '-', &low) ||
		!read_number(&at, end, UINT16_MAX, 0, &high))
		return false;
	*first = low;
	*last = high;
	return m->is_text && low <= high;
}

static uint8_t
read_protocol(const struct pst_flat *m)
{
	return pst_flat_is(m, "tcp")	? 6
	       : pst_flat_is(m, "udp")	? 17
	       : pst_flat_is(m, "icmp") ? 1
					: 0;
}

static void
see(void *ctx, const struct pst_flat *m)
{
	struct line *l = ctx;

	if (pst_flat_is_named(m, "time"))
		l->has_time = pst_when_parse(m->value, m->value_len, false, &l->time);
	else if (pst_flat_is_named(m, "seq"))
		l->has_seq = pst_flat_number(m, &l->seq);
	else if (pst_flat_is_named(m, "event"))
		l->event = *m;
	else if (pst_flat_is_named(m, "protocol"))
		l->protocol = read_protocol(m);
	else if (pst_flat_is_named(m, "outside") || pst_flat_is_named(m, "external") ||
		 pst_flat_is_named(m, "address"))
		l->has_outside = read_endpoint(m, &l->outside_ip, &l->outside_port);
	else if (pst_flat_is_named(m, "inside") || pst_flat_is_named(m, "client"))
		l->has_client = read_endpoint(m, &l->client_ip, &l->client_port);
	else if (pst_flat_is_named(m, "range"))
		l->has_range = read_range(m, &l->first, &l->last);
	else if (pst_flat_is_named(m, "source"))
		l->source = *m;
	else if (pst_flat_is_named(m, "kind"))
		l->kind = *m;
	else if (pst_flat_is_named(m, "kinds"))
		l->kinds = *m;
	else if (pst_flat_is_named(m, "count"))
		pst_flat_number(m, &l->count);
	else if (pst_flat_is_named(m, "since"))
		l->has_since = pst_when_parse(m->value, m->value_len, false, &l->since);
	else if (pst_flat_is_named(m, "port_block"))
		pst_flat_number(m, &l->port_block);
	else if (pst_flat_is_named(m, "deterministic"))
		l->deterministic = pst_flat_is(m, "true");
}

bool
pst_history_time_of(const char *text, size_t len, uint64_t *ms)
{
	struct line l = { 0 };

	if (!pst_flat_read(text, len, see, &l) || !l.has_time)
		return false;
	*ms = l.time.ms;
	return true;
}

/* What it says. */

static bool
add_hole(struct pst_history *h, enum hole_kind kind, uint32_t subject, uint64_t from_ms,
	uint64_t to_ms, uint64_t count)
{
	const struct hole hole = { .from_ms = from_ms < to_ms ? from_ms : to_ms,
		.to_ms = from_ms < to_ms ? to_ms : from_ms,
		.place = h->place,
		.subject = subject,
		.kind = kind,
		.count = count };

	return add(&h->holes, &hole);
}

/* Is it there, in a list of texts? */
static bool
has_kind(const struct pst_flat *kinds, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = kinds->value; at + len + 2 <= kinds->value + kinds->value_len; at++) {
		if (*at == '"' && memcmp(at + 1, name, len) == 0 && at[len + 1] == '"')
			return true;
	}
	return false;
}

static bool
add_mark(struct pst_history *h, const struct line *l, int kind)
{
	const struct mark mark = { .ms = l->time.ms,
		.place = h->place,
		.kind = kind,
		.has_binds = has_kind(&l->kinds, "binds"),
		.has_listeners = has_kind(&l->kinds, "listeners"),
		.has_blocks = has_kind(&l->kinds, "blocks"),
		.port_block = l->port_block,
		.deterministic = l->deterministic };

	return add(&h->marks, &mark);
}

/* An end that was not said is a hole: nobody knows when it came. */
static bool
started(struct pst_history *h, const struct line *l)
{
	bool is_good = true;

	if (h->is_running)
		is_good = add_hole(h, CRASHED, OF_ALL, h->last_ms, l->time.ms, 0);
	h->is_running = true;
	return is_good && add_mark(h, l, START);
}

static bool
lost(struct pst_history *h, const struct line *l)
{
	uint32_t subject = OF_ALL;

	if (!l->has_since)
		return add_hole(h, UNREADABLE, OF_ALL, h->last_ms, l->time.ms, 1);
	if (pst_flat_is(&l->source, "worker"))
		subject = pst_flat_is(&l->kind, "blocks")      ? OF_BLOCKS
			  : pst_flat_is(&l->kind, "binds")     ? OF_PORTS
			  : pst_flat_is(&l->kind, "listeners") ? OF_PORTS | OF_WHOLES
							       : 0;
	else if (!pst_flat_is(&l->source, "file"))
		subject = 0; /* of another way out */
	return subject == 0 || add_hole(h, LOST, subject, l->since.ms, l->time.ms, l->count);
}

static bool
add_fact(struct pst_history *h, const struct line *l, enum fact_kind kind, enum pst_history_by by)
{
	struct fact f = { .ms = l->time.ms,
		.place = h->place,
		.ip = l->outside_ip,
		.first = l->outside_port,
		.last = l->outside_port,
		.protocol = l->protocol,
		.kind = kind,
		.by = by,
		.client_ip = l->client_ip,
		.client_port = l->client_port };

	if (by == PST_HISTORY_BY_BLOCK) {
		f.first = l->first;
		f.last = l->last;
		f.protocol = 0;
	} else if (by == PST_HISTORY_BY_LISTENER && f.first == 0 && f.protocol == 0) {
		f.last = UINT16_MAX; /* a host's own address */
	} else if (f.first == 0 || f.protocol == 0) {
		return true; /* without ports: that is no port's */
	}
	if (h->port != 0 && (f.ip != h->ip || h->port < f.first || h->port > f.last))
		return true;
	return add(f.first == f.last && by != PST_HISTORY_BY_BLOCK ? &h->points : &h->ranges, &f);
}

/* False: no memory. */
static bool
take_in(struct pst_history *h, const struct line *l)
{
	static const struct {
		const char *event;
		uint8_t kind, by;
	} facts[] = {
		{ "bind-open", OPEN, PST_HISTORY_BY_BIND },
		{ "bind-close", CLOSE, PST_HISTORY_BY_BIND },
		{ "block-open", OPEN, PST_HISTORY_BY_BLOCK },
		{ "block-close", CLOSE, PST_HISTORY_BY_BLOCK },
		{ "listener-open", OPEN, PST_HISTORY_BY_LISTENER },
		{ "listener-client", CHANGE, PST_HISTORY_BY_LISTENER },
		{ "listener-close", CLOSE, PST_HISTORY_BY_LISTENER },
	};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		if (!pst_flat_is(&l->event, facts[i].event))
			continue;
		if (!l->has_outside || !l->has_client ||
			(facts[i].by == PST_HISTORY_BY_BLOCK && !l->has_range))
			return add_hole(h, UNREADABLE, OF_ALL, l->time.ms, l->time.ms, 1);
		return add_fact(h, l, facts[i].kind, facts[i].by);
	}
	if (pst_flat_is(&l->event, "start"))
		return started(h, l);
	if (pst_flat_is(&l->event, "reopen"))
		return add_mark(h, l, SAID);
	if (pst_flat_is(&l->event, "lost"))
		return lost(h, l);
	if (!pst_flat_is(&l->event, "stop"))
		return true;
	h->is_running = false;
	return add_mark(h, l, STOP);
}

/* What lies between the line before and this one. */
static bool
look_behind(struct pst_history *h, const struct line *l)
{
	bool is_start = pst_flat_is(&l->event, "start"), is_good = true;

	if (h->first_ms == PST_HISTORY_NO_TIME) {
		h->first_ms = l->time.ms;
		is_good = add_hole(h, BEFORE, OF_ALL, 0, l->time.ms, 0);
		h->last_ms = l->time.ms;
		h->is_running = !is_start; /* it began before */
	}
	if (h->unreadable)
		is_good = is_good &&
			  add_hole(h, UNREADABLE, OF_ALL, h->last_ms, l->time.ms, h->n_unreadable);
	else if (l->has_seq && h->seq != NO_SEQ && l->seq != h->seq && !is_start)
		is_good = is_good && add_hole(h, MISSING, OF_ALL, h->last_ms, l->time.ms,
					     l->seq > h->seq ? l->seq - h->seq : 0);
	h->unreadable = false;
	h->n_unreadable = 0;
	h->seq = l->has_seq ? l->seq + 1 : NO_SEQ;
	return is_good;
}

bool
pst_history_line(struct pst_history *h, const char *text, size_t len)
{
	struct line l = { 0 };
	bool is_good;

	h->place++;
	if (!pst_flat_read(text, len, see, &l) || !l.has_time || l.event.name_len == 0) {
		h->unreadable = true;
		h->n_unreadable++;
		return true;
	}
	is_good = look_behind(h, &l) && take_in(h, &l);
	h->last_ms = l.time.ms;
	return is_good;
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* By port, then in the order in which it happened. */
static int
compare_facts(const void *one, const void *other)
{
	const struct fact *a = one, *b = other;
	int order = compare_numbers(a->ip, b->ip);

	if (order == 0)
		order = compare_numbers(a->first, b->first);
	if (order == 0)
		order = compare_numbers(a->ms, b->ms);
	return order != 0 ? order : compare_numbers(a->place, b->place);
}

void
pst_history_finish(struct pst_history *h)
{
	if (h->unreadable && h->first_ms != PST_HISTORY_NO_TIME)
		add_hole(h, UNREADABLE, OF_ALL, h->last_ms, UINT64_MAX, h->n_unreadable);
	if (h->points.n > 0)
		qsort(h->points.items, h->points.n, h->points.size, compare_facts);
	if (h->ranges.n > 0)
		qsort(h->ranges.items, h->ranges.n, h->ranges.size, compare_facts);
}

bool
pst_history_span(const struct pst_history *h, uint64_t *first_ms, uint64_t *last_ms)
{
	*first_ms = h->first_ms;
	*last_ms = h->last_ms;
	return h->first_ms != PST_HISTORY_NO_TIME;
}

/* Questions. */

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
