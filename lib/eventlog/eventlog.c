/* SPDX-License-Identifier: BSD-3-Clause */
#define PST_LOG_MODULE PST_LOGTYPE_MAIN
#include "eventlog/eventlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/lcore.h"
#include "base/log.h"
#include "eventlog/file.h"
#include "eventlog/target.h"

#define BURST 64
#define BURSTS 8 /* of a queue in a round: main has other work, too */
#define FILE_ROOM (4 << 20)
#define CLOCK_STEP_MS 10
#define IPFIX_WAIT_MS 250	/* for a message to become full */
#define TEMPLATES_EACH_MS 60000 /* RFC 7011 section 8.1: by UDP they are sent again and again */

/* Records that a way out did not take. */
struct loss {
	uint64_t pending; /* of which it was not said yet */
	uint64_t total;
	uint64_t since_ms;
};

struct source {
	struct pst_record_queue *queue;
	uint64_t lost[PST_RECORD_N_KINDS]; /* of which we know */
	uint64_t oldest_ms;		   /* of what was taken last time, 0: nothing was */
};

struct pst_eventlog {
	struct pst_eventlog_params params;
	struct source sources[PST_WORKERS_MAX];
	uint32_t n_sources;
	uint64_t now_ms, wall_offset_ms;
	uint64_t records;

	struct pst_event_file *file;
	uint64_t seq, lines;
	struct loss file_loss;
	int file_fault; /* that was logged last */

	bool has_syslog, has_ipfix;
	struct pst_event_target syslog, collector;
	struct pst_syslog_head head;
	uint64_t messages;
	struct loss syslog_loss;

	struct pst_ipfix ipfix;
	uint64_t exported;
	struct loss ipfix_loss;
	uint64_t oldest_ms;    /* when the first record went into the message */
	uint64_t templates_ms; /* when they are due */
	uint32_t templates_to; /* the connection they were sent on */

	uint32_t watched;
	void (*hear)(void *ctx, const struct pst_record *record, const char *line, size_t len);
	void *hear_ctx;
};

static uint64_t
system_wall(void *ctx)
{
	struct timeval tv;

	(void)ctx;
	gettimeofday(&tv, NULL);
	return tv.tv_sec * UINT64_C(1000) + tv.tv_usec / 1000;
}

static void
look_at_clock(struct pst_eventlog *log, uint64_t now_ms)
{
	uint64_t offset = log->params.wall(log->params.ctx) - now_ms;
	uint64_t apart = offset - log->wall_offset_ms + CLOCK_STEP_MS;

	log->now_ms = now_ms;
	if (apart > 2 * CLOCK_STEP_MS)
		log->wall_offset_ms = offset;
}

static uint64_t
wall_of(const struct pst_eventlog *log, uint64_t ms)
{
	return ms + log->wall_offset_ms;
}

static size_t
make_line(const struct pst_eventlog *log, const struct pst_record *r, uint64_t seq, char *line)
{
	uint64_t since_ms = r->type == PST_RECORD_LOST ? r->since_ms : r->time_ms;

	return pst_record_json(
		line, r, &log->params.names, seq, wall_of(log, r->time_ms), wall_of(log, since_ms));
}

size_t
pst_eventlog_line(
	const struct pst_eventlog *log, const struct pst_record *r, char line[PST_RECORD_LINE])
{
	return make_line(log, r, PST_RECORD_NO_SEQ, line);
}

static void
lose(struct loss *loss, uint64_t n, uint64_t since_ms)
{
	if (loss->pending == 0 || since_ms < loss->since_ms)
		loss->since_ms = since_ms;
	loss->pending += n;
	loss->total += n;
}

static struct pst_record
record_of_loss(
	const struct pst_eventlog *log, const struct loss *loss, enum pst_record_source source)
{
	return (struct pst_record){ .time_ms = log->now_ms,
		.type = PST_RECORD_LOST,
		.source = source,
		.number = loss->pending,
		.since_ms = loss->since_ms };
}

/* The file. */

static bool
put_line(struct pst_eventlog *log, const struct pst_record *r)
{
	char line[PST_RECORD_LINE + 1];
	size_t len = make_line(log, r, log->seq, line);

	line[len++] = '\n';
	if (!pst_event_file_put(log->file, line, len))
		return false;
	log->seq++;
	log->lines++;
	return true;
}

static bool
tell_file_loss(struct pst_eventlog *log)
{
	struct pst_record r = record_of_loss(log, &log->file_loss, PST_RECORD_OF_FILE);

	/* with some room behind it: else it is one hole after another */
	if (!pst_event_file_has_room(log->file, BURST * PST_RECORD_LINE) || !put_line(log, &r))
		return false;
	log->file_loss.pending = 0;
	return true;
}

static void
to_file(struct pst_eventlog *log, const struct pst_record *r)
{
	if (log->file_loss.pending == 0 || tell_file_loss(log)) {
		if (put_line(log, r))
			return;
	}
	log->seq++; /* the numbers have a gap there, too */
	lose(&log->file_loss, 1, r->time_ms);
}

/* Syslog. */

static bool
send_message(struct pst_eventlog *log, const struct pst_record *r, const char *json)
{
	char message[PST_SYSLOG_LINE];
	size_t len = pst_syslog_message(message, &log->head, r, wall_of(log, r->time_ms), json);

	if (!pst_event_target_send(&log->syslog, message, len, log->now_ms))
		return false;
	log->messages++;
	return true;
}

static bool
tell_syslog_loss(struct pst_eventlog *log)
{
	struct pst_record r = record_of_loss(log, &log->syslog_loss, PST_RECORD_OF_SYSLOG);
	char line[PST_RECORD_LINE];

	pst_eventlog_line(log, &r, line);
	if (!send_message(log, &r, line))
		return false;
	log->syslog_loss.pending = 0;
	return true;
}

static void
to_syslog(struct pst_eventlog *log, const struct pst_record *r, const char *json)
{
	if (log->syslog_loss.pending == 0 || tell_syslog_loss(log)) {
		if (send_message(log, r, json))
			return;
	}
	lose(&log->syslog_loss, 1, r->time_ms);
}

/* IPFIX. */

/* The collector's sequence numbers show what is lost here. */
static void
send_ipfix(struct pst_eventlog *log)
{
	uint32_t records;
	size_t len = pst_ipfix_finish(&log->ipfix, wall_of(log, log->now_ms), &records);

	if (pst_event_target_send(&log->collector, log->ipfix.message, len, log->now_ms))
		log->exported += records;
	else
		lose(&log->ipfix_loss, records, log->oldest_ms);
}

/* Each collector is to know the templates before it sees a record, and not to forget them. */
static void
keep_templates(struct pst_eventlog *log)
{
	bool is_new;

	if (!pst_event_target_connect(&log->collector, log->now_ms))
		return;
	is_new = log->templates_to != log->collector.connects;
	if (!is_new && log->now_ms < log->templates_ms)
		return;
	if (log->ipfix.records > 0)
		send_ipfix(log);
	pst_ipfix_add_templates(&log->ipfix);
	send_ipfix(log);
	log->templates_to = log->collector.connects;
	log->templates_ms = log->now_ms + TEMPLATES_EACH_MS;
}

static void
to_ipfix(struct pst_eventlog *log, const struct pst_record *r)
{
	enum pst_ipfix_added added;

	added = pst_ipfix_add(&log->ipfix, r, wall_of(log, r->time_ms));
	if (added == PST_IPFIX_FULL) {
		send_ipfix(log);
		added = pst_ipfix_add(&log->ipfix, r, wall_of(log, r->time_ms));
	}
	if (added == PST_IPFIX_ADDED && log->ipfix.records == 1)
		log->oldest_ms = log->now_ms;
}

/* All ways. */

static void
deliver(struct pst_eventlog *log, const struct pst_record *r)
{
	uint32_t kind = UINT32_C(1) << pst_record_kind_of[r->type];
	bool is_logged = (log->params.kinds & kind) != 0, is_watched = (log->watched & kind) != 0;
	char line[PST_RECORD_LINE];
	size_t len = 0;

	log->records++;
	if ((is_logged && log->has_syslog) || is_watched)
		len = pst_eventlog_line(log, r, line);
	if (is_watched)
		log->hear(log->hear_ctx, r, line, len);
	if (!is_logged)
		return;
	if (log->file != NULL)
		to_file(log, r);
	if (log->has_syslog)
		to_syslog(log, r, line);
	if (log->has_ipfix)
		to_ipfix(log, r);
}

void
pst_eventlog_add(struct pst_eventlog *log, const struct pst_record *record)
{
	if (log != NULL)
		deliver(log, record);
}

void
pst_eventlog_lost(struct pst_eventlog *log, uint32_t worker, enum pst_record_kind kind,
	uint64_t count, uint64_t since_ms, uint64_t now_ms)
{
	const struct pst_record r = { .time_ms = now_ms,
		.type = PST_RECORD_LOST,
		.source = PST_RECORD_OF_WORKER,
		.index = worker,
		.why = kind,
		.number = count,
		.since_ms = since_ms };

	pst_eventlog_add(log, &r);
}

/* Workers' rings. */

/*
 * The ring was full when it lost something, so what was the oldest in it then is older. That is
 * what was taken first, either this time or the time before: between the count and the taking.
 */
static void
look_for_losses(struct pst_eventlog *log, struct source *s, const uint64_t *lost,
	const struct pst_record *oldest)
{
	uint64_t since_ms = log->now_ms;

	if (s->oldest_ms != 0)
		since_ms = s->oldest_ms;
	else if (oldest != NULL)
		since_ms = oldest->time_ms;
	for (int k = 0; k < PST_RECORD_N_KINDS; k++) {
		if (lost[k] != s->lost[k])
			pst_eventlog_lost(log, s - log->sources, k, lost[k] - s->lost[k], since_ms,
				log->now_ms);
		s->lost[k] = lost[k];
	}
}

static uint32_t
drain(struct pst_eventlog *log, struct source *s)
{
	struct pst_record records[BURST];
	uint64_t lost[PST_RECORD_N_KINDS];
	uint32_t total = 0, n;

	for (int k = 0; k < PST_RECORD_N_KINDS; k++)
		lost[k] = __atomic_load_n(&s->queue->lost[k], __ATOMIC_ACQUIRE);
	n = pst_record_take(s->queue, records, BURST);
	look_for_losses(log, s, lost, n > 0 ? records : NULL);
	s->oldest_ms = n > 0 ? records[0].time_ms : 0;
	while (n > 0) {
		for (uint32_t i = 0; i < n; i++)
			deliver(log, &records[i]);
		total += n;
		if (n < BURST || total == BURST * BURSTS)
			break;
		n = pst_record_take(s->queue, records, BURST);
	}
	return total;
}

static void
want(struct pst_eventlog *log)
{
	for (uint32_t i = 0; i < log->n_sources; i++)
		pst_record_queue_want(log->sources[i].queue, log->params.kinds | log->watched);
}

void
pst_eventlog_add_queue(struct pst_eventlog *log, struct pst_record_queue *queue)
{
	log->sources[log->n_sources++].queue = queue;
	want(log);
}

void
pst_eventlog_drop_queues(struct pst_eventlog *log)
{
	if (log != NULL)
		log->n_sources = 0;
}

void
pst_eventlog_watch(struct pst_eventlog *log, uint32_t kinds,
	void (*hear)(void *ctx, const struct pst_record *record, const char *line, size_t len),
	void *ctx)
{
	log->watched = kinds;
	log->hear = hear;
	log->hear_ctx = ctx;
	want(log);
}

/* What is said once, in the program's own log. */
static void
look_at_file(struct pst_eventlog *log)
{
	int fault = pst_event_file_fault(log->file);

	if (fault == log->file_fault)
		return;
	log->file_fault = fault;
	if (fault != 0)
		PST_LOG(ERR, "%s: %s; events wait, and are lost when there are too many",
			log->params.file, strerror(fault));
	else
		PST_LOG(NOTICE, "%s is written again", log->params.file);
}

uint32_t
pst_eventlog_poll(struct pst_eventlog *log, uint64_t now_ms)
{
	uint32_t total = 0;

	look_at_clock(log, now_ms);
	if (log->has_ipfix)
		keep_templates(log);
	for (uint32_t i = 0; i < log->n_sources; i++)
		total += drain(log, &log->sources[i]);
	if (log->ipfix.records > 0 && now_ms >= log->oldest_ms + IPFIX_WAIT_MS)
		send_ipfix(log);
	if (log->file != NULL) {
		look_at_file(log);
		if (log->file_loss.pending > 0)
			tell_file_loss(log);
	}
	if (log->syslog_loss.pending > 0)
		tell_syslog_loss(log);
	return total;
}

void
pst_eventlog_reopen(struct pst_eventlog *log, uint64_t now_ms)
{
	const struct pst_record r = { .time_ms = now_ms, .type = PST_RECORD_REOPEN };

	if (log->file != NULL)
		pst_event_file_reopen(log->file);
	deliver(log, &r);
}

bool
pst_eventlog_flush(struct pst_eventlog *log, uint32_t most_ms)
{
	return log->file == NULL || pst_event_file_flush(log->file, most_ms);
}

void
pst_eventlog_stats(const struct pst_eventlog *log, struct pst_eventlog_stats *stats)
{
	*stats = (struct pst_eventlog_stats){ .records = log->records,
		.file = { log->file != NULL, log->lines, log->file_loss.total, log->file_fault },
		.syslog = { log->has_syslog, log->messages, log->syslog_loss.total,
			log->syslog.fault },
		.ipfix = { log->has_ipfix, log->exported, log->ipfix_loss.total,
			log->collector.fault } };
	for (uint32_t i = 0; i < log->n_sources; i++) {
		for (int k = 0; k < PST_RECORD_N_KINDS; k++)
			stats->lost[k] += log->sources[i].lost[k];
	}
}

static int
open_target(bool *has, const char *text, struct pst_event_target *target, char *error, size_t size)
{
	if (text == NULL)
		return 0;
	*has = pst_event_target_parse(text, target);
	if (!*has)
		snprintf(error, size, "neither a socket's path nor ADDRESS:PORT: \"%s\"", text);
	return *has ? 0 : -EINVAL;
}

static int
open_ways(struct pst_eventlog *log, char *error, size_t size)
{
	const struct pst_eventlog_params *p = &log->params;
	enum pst_syslog_format format = p->syslog_format;
	int ret = open_target(&log->has_syslog, p->syslog, &log->syslog, error, size);

	if (ret == 0)
		ret = open_target(&log->has_ipfix, p->ipfix, &log->collector, error, size);
	if (ret < 0)
		return ret;
	if (format == PST_SYSLOG_AUTO)
		format = log->has_syslog && pst_event_target_is_local(&log->syslog)
				 ? PST_SYSLOG_RFC3164
				 : PST_SYSLOG_RFC5424;
	pst_syslog_head_init(&log->head, format);
	pst_ipfix_init(&log->ipfix, p->ipfix_domain, &p->limits);
	if (p->file == NULL)
		return 0;
	log->file = pst_event_file_create(
		p->file, p->file_room != 0 ? p->file_room : FILE_ROOM, error, size);
	return log->file != NULL ? 0 : -EIO;
}

struct pst_eventlog *
pst_eventlog_create(
	const struct pst_eventlog_params *params, uint64_t now_ms, char *error, size_t size)
{
	const struct pst_record start = { .time_ms = now_ms, .type = PST_RECORD_START };
	struct pst_eventlog *log = calloc(1, sizeof(*log));

	if (log == NULL) {
		snprintf(error, size, "no memory");
		return NULL;
	}
	log->params = *params;
	log->syslog.fd = log->collector.fd = -1;
	if (log->params.wall == NULL)
		log->params.wall = system_wall;
	if (params->file == NULL && params->syslog == NULL && params->ipfix == NULL)
		log->params.kinds = 0;
	else
		log->params.kinds |= PST_RECORD_MASK(LOST) | PST_RECORD_MASK(CONFIG);
	log->params.names.kinds = log->params.kinds;
	if (open_ways(log, error, size) < 0) {
		free(log);
		return NULL;
	}
	look_at_clock(log, now_ms);
	if (log->has_ipfix)
		keep_templates(log);
	deliver(log, &start);
	return log;
}

void
pst_eventlog_destroy(struct pst_eventlog *log, uint64_t now_ms)
{
	const struct pst_record stop = { .time_ms = now_ms, .type = PST_RECORD_STOP };

	if (log == NULL)
		return;
	while (pst_eventlog_poll(log, now_ms) > 0)
		;
	deliver(log, &stop);
	if (log->ipfix.records > 0)
		send_ipfix(log);
	pst_event_file_destroy(log->file);
	pst_event_target_close(&log->syslog);
	pst_event_target_close(&log->collector);
	free(log);
}
