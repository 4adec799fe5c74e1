/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of the event log, and what is kept of them. */
#include <stdlib.h>
#include <string.h>

#include "flat.h"
#include "history_priv.h"
#include "when.h"

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
