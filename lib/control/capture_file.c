/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/capture_file.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "base/counter.h"
#include "chan/tap.h"
#include "packet/pcapng.h"

#define ROOM (256 * 1024)
#define BLOCK_MOST (UINT16_MAX + 1024) /* of a packet, or the file's head */
#define PATIENCE_MS 100 /* of a wait, until it is looked whether all of it is to end */
#define NAP_NS 1000000
#define ORDER_HZ 1000 /* a millisecond: what is older comes in order */
#define COMMENT_MAX 96

/* Any error is the end of it. */
static void
fail(struct pst_capture_file *f, int error)
{
	if (f->error == 0)
		f->error = error;
	atomic_store(&f->is_full, true);
	f->len = 0;
}

/* A pipe takes so much at once without a wait, when it takes anything (POSIX: PIPE_BUF). */
static void
flush(struct pst_capture_file *f)
{
	struct pollfd out = { .fd = f->fd, .events = POLLOUT };
	uint32_t done = 0;

	while (done < f->len) {
		ssize_t n = 0;

		if (atomic_load(&f->abort)) {
			f->len = 0;
			return;
		}
		if (poll(&out, 1, PATIENCE_MS) > 0)
			n = write(f->fd, f->buf + done,
				f->is_pipe ? RTE_MIN(f->len - done, (uint32_t)PIPE_BUF) :
					     f->len - done);
		if (n < 0 && errno != EINTR && errno != EAGAIN) {
			fail(f, errno);
			return;
		}
		done += n > 0 ? n : 0;
	}
	f->len = 0;
}

static uint8_t *
room(struct pst_capture_file *f)
{
	if (ROOM - f->len < BLOCK_MOST)
		flush(f);
	return f->buf + f->len;
}

static uint64_t
to_ns(const struct pst_capture_file *f, uint64_t tsc)
{
	uint64_t ticks = tsc - f->tsc;

	return f->ns + ticks / f->hz * NS_PER_S + ticks % f->hz * NS_PER_S / f->hz;
}

/* There is room for all of it, so nothing is written to the file yet. */
static void
write_head(struct pst_capture_file *f, const char *expression)
{
	f->len += pst_pcapng_section(room(f), BLOCK_MOST, "postern " PST_VERSION);
	for (uint32_t i = 0; i < f->n_ifaces; i++)
		f->len += pst_pcapng_iface(
			room(f), BLOCK_MOST, f->names[i], NULL, expression, f->snap);
}

static const char *
name_of(const struct pst_capture_file *f, uint16_t iface)
{
	return iface < f->n_ifaces ? f->names[iface] : "nowhere";
}

static bool
is_out(const struct pst_tap_record *r)
{
	return r->fate == PST_TAP_LEFT || r->fate == PST_TAP_MADE || r->fate == PST_TAP_EDITED;
}

static bool
is_arp(const struct pst_tap_record *r)
{
	static const uint8_t arp[] = { 0x08, 0x06 }, tag[] = { 0x81, 0x00 };

	return (r->caplen >= 14 && memcmp(r->bytes + 12, arp, 2) == 0) ||
		(r->caplen >= 18 && memcmp(r->bytes + 12, tag, 2) == 0 &&
			memcmp(r->bytes + 16, arp, 2) == 0);
}

/* In a few words, what became of it, or where it is from. */
static void
comment(const struct pst_capture_file *f, const struct pst_tap_record *r, char *text)
{
	switch (r->fate) {
	case PST_TAP_SENT:
		snprintf(text, COMMENT_MAX, "left by %s", name_of(f, r->to));
		break;
	case PST_TAP_DROPPED:
		snprintf(text, COMMENT_MAX, "dropped: %s",
			r->to < PST_DROP_COUNT ? pst_drop_names[r->to] : "?");
		break;
	case PST_TAP_CONSUMED:
		snprintf(text, COMMENT_MAX, "consumed: %s",
			r->to < PST_CONSUMED_COUNT ? pst_consumed_names[r->to] : "?");
		break;
	case PST_TAP_HANDED:
		snprintf(text, COMMENT_MAX, "handed to worker %u", r->to);
		break;
	case PST_TAP_LENT:
		snprintf(text, COMMENT_MAX, "handed to an editor");
		break;
	case PST_TAP_MAIN:
		snprintf(text, COMMENT_MAX, "%s",
			is_arp(r) ? "consumed: arp" : "waits for its next hop's address");
		break;
	case PST_TAP_HELD:
		snprintf(text, COMMENT_MAX, "waits for its first fragment");
		break;
	case PST_TAP_LEFT:
		if (r->to < f->n_ifaces)
			snprintf(text, COMMENT_MAX, "came in by %s", f->names[r->to]);
		else
			snprintf(text, COMMENT_MAX, "came in before");
		break;
	case PST_TAP_EDITED:
		snprintf(text, COMMENT_MAX, "from an editor");
		break;
	default:
		snprintf(text, COMMENT_MAX, "made by the appliance");
	}
}

static void
write_record(struct pst_capture_file *f, const struct pst_tap_record *r)
{
	char text[COMMENT_MAX];
	struct pst_pcapng_packet p = { .iface = r->iface,
		.ns = to_ns(f, r->tsc),
		.caplen = r->caplen,
		.len = r->len,
		.dir = is_out(r) ? PST_PCAPNG_OUT : PST_PCAPNG_IN,
		.id = r->id,
		.comment = text,
		.bytes = r->bytes };

	if (r->iface >= f->n_ifaces || atomic_load(&f->is_full))
		return; /* of no interface of ours; or enough */
	comment(f, r, text);
	f->len += pst_pcapng_packet(room(f), BLOCK_MOST, &p);
	f->frames++;
	if (f->count != 0 && f->frames == f->count)
		atomic_store(&f->is_full, true);
}

/* A record of each tap, read and not yet written. */
struct heads {
	struct pst_tap_record *records[PST_WORKERS_MAX];
	bool is_there[PST_WORKERS_MAX];
};

static void
free_heads(struct heads *h)
{
	for (uint32_t k = 0; k < PST_WORKERS_MAX; k++)
		free(h->records[k]);
}

static bool
make_heads(const struct pst_capture_file *f, struct heads *h)
{
	*h = (struct heads){ 0 };
	for (uint32_t k = 0; k < f->n_taps; k++) {
		h->records[k] = malloc(pst_tap_record_size(f->snap));
		if (h->records[k] == NULL)
			return false;
	}
	return true;
}

/* The tap whose head is the oldest; n_taps: there is none. */
static uint32_t
find_oldest(const struct pst_capture_file *f, struct heads *h)
{
	uint32_t oldest = f->n_taps;

	for (uint32_t k = 0; k < f->n_taps; k++) {
		if (!h->is_there[k])
			h->is_there[k] = pst_tap_read(f->taps[k], h->records[k]);
		if (h->is_there[k] && (oldest == f->n_taps ||
					      h->records[k]->tsc < h->records[oldest]->tsc))
			oldest = k;
	}
	return oldest;
}

/*
 * What was copied before a moment, in the order of time: by then all workers have written what
 * they copied so early.
 */
static uint32_t
drain(struct pst_capture_file *f, struct heads *h, uint64_t before)
{
	uint32_t n = 0, k;

	while (!atomic_load(&f->abort)) {
		k = find_oldest(f, h);
		if (k == f->n_taps || h->records[k]->tsc >= before)
			break;
		write_record(f, h->records[k]);
		h->is_there[k] = false;
		n++;
	}
	return n;
}

static void
copy_all(struct pst_capture_file *f, struct heads *h)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };

	while (!atomic_load(&f->abort)) {
		bool last = atomic_load(&f->finish); /* read before the taps are */
		uint64_t before = last ? UINT64_MAX : rte_rdtsc() - f->hz / ORDER_HZ;

		if (drain(f, h, before) > 0)
			continue;
		flush(f);
		if (last)
			return;
		nanosleep(&nap, NULL);
	}
}

static void *
run(void *arg)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	struct pst_capture_file *f = arg;
	struct heads heads;

	while (!atomic_load(&f->begun) && !atomic_load(&f->abort))
		nanosleep(&nap, NULL);
	if (!make_heads(f, &heads))
		fail(f, ENOMEM);
	else if (!atomic_load(&f->abort)) {
		flush(f); /* the head */
		copy_all(f, &heads);
	}
	free_heads(&heads);
	atomic_store(&f->is_done, true);
	return NULL;
}

static void
set_clock(struct pst_capture_file *f)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	f->tsc = rte_rdtsc();
	f->hz = rte_get_tsc_hz();
	f->ns = (uint64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int
pst_capture_file_start(struct pst_capture_file *f)
{
	struct stat stat;

	f->buf = malloc(ROOM);
	if (f->buf == NULL)
		return -ENOMEM;
	f->is_pipe = fstat(f->fd, &stat) < 0 || !S_ISREG(stat.st_mode);
	f->n_ifaces = f->config->n_ifaces;
	for (uint32_t i = 0; i < f->n_ifaces; i++)
		snprintf(f->names[i], sizeof(f->names[i]), "%s", f->config->ifaces[i].name);
	set_clock(f);
	write_head(f, f->expression);
	if (pthread_create(&f->thread, NULL, run, f) != 0)
		return -EAGAIN;
	f->is_started = true;
	return 0;
}

void
pst_capture_file_begin(struct pst_capture_file *f)
{
	atomic_store(&f->begun, true);
}

void
pst_capture_file_finish(struct pst_capture_file *f)
{
	atomic_store(&f->begun, true);
	atomic_store(&f->finish, true);
}

void
pst_capture_file_abort(struct pst_capture_file *f)
{
	atomic_store(&f->abort, true);
}

bool
pst_capture_file_is_full(const struct pst_capture_file *f)
{
	return atomic_load(&f->is_full);
}

bool
pst_capture_file_is_done(const struct pst_capture_file *f)
{
	return atomic_load(&f->is_done);
}

void
pst_capture_file_stop(struct pst_capture_file *f)
{
	if (f->is_started) {
		atomic_store(&f->abort, true);
		pthread_join(f->thread, NULL);
	}
	free(f->buf);
	if (f->fd >= 0)
		close(f->fd);
}
