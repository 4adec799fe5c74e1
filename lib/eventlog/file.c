/* SPDX-License-Identifier: BSD-3-Clause */
#include "eventlog/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_lcore.h>

#include "base/err.h"

#define RETRY_MS 100 /* after the disk took nothing */
#define END_MS 1000
#define NS_PER_MS 1000000

/* Lines, whole. */
struct half {
	char *bytes;
	size_t len;
};

struct pst_event_file {
	char path[PATH_MAX];
	pthread_t thread;
	/* main fills one half while the thread writes the other; under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	struct half fill;
	size_t room;
	bool reopen, stop, writing;
	/* the thread's */
	struct half out;
	int fd; /* -1: to be opened */
	atomic_int fault;
};

/* Without waiting for a FIFO's reader. Regular files know no such thing. */
static int
open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
}

/* What a crash left of a line is ended, so that the next one is whole. */
static bool
is_cut(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char last = '\n';

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
		pread(fd, &last, 1, st.st_size - 1) != 1)
		last = '\n';
	close(fd);
	return last != '\n';
}

static void
deadline_of(struct timespec *ts, uint32_t ms)
{
	clock_gettime(CLOCK_MONOTONIC, ts);
	ts->tv_nsec += (long)(ms % 1000) * NS_PER_MS;
	ts->tv_sec += ms / 1000 + ts->tv_nsec / (1000 * NS_PER_MS);
	ts->tv_nsec %= 1000 * NS_PER_MS;
}

/* Until somebody calls, or a while; with the lock. False: the while is over. */
static bool
wait_for(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *deadline)
{
	return pthread_cond_timedwait(cond, lock, deadline) == 0;
}

/* As much as the file takes now. 0, or what is in the way. */
static int
write_out(struct pst_event_file *f)
{
	size_t done = 0;
	ssize_t n = 0;
	int err = 0;

	if (f->fd < 0)
		f->fd = open_file(f->path);
	if (f->fd < 0)
		return errno;
	while (done < f->out.len) {
		n = write(f->fd, f->out.bytes + done, f->out.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += n;
	}
	if (n < 0)
		err = errno;
	f->out.len -= done;
	memmove(f->out.bytes, f->out.bytes + done, f->out.len);
	if (err == EPIPE) { /* a FIFO's reader went: the next one is another */
		close(f->fd);
		f->fd = -1;
	}
	return err;
}

/* Another file by that name, when what is for this one is written, or can't be. */
static void
reopen(struct pst_event_file *f)
{
	int fd = open_file(f->path), err = errno;

	if (fd < 0) { /* better the old one than none */
		atomic_store(&f->fault, err);
		return;
	}
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
}

static void
swap_halves(struct pst_event_file *f)
{
	struct half out = f->out;

	f->out = f->fill;
	f->fill = out;
}

/* The lock is held, but while it writes. */
static void
run_once(struct pst_event_file *f)
{
	bool again = f->reopen;

	if (f->out.len == 0 && f->fill.len > 0)
		swap_halves(f);
	f->reopen = false;
	f->writing = true;
	pthread_mutex_unlock(&f->lock);
	atomic_store(&f->fault, f->out.len > 0 ? write_out(f) : 0);
	if (again)
		reopen(f);
	pthread_mutex_lock(&f->lock);
	f->writing = false;
	if (f->out.len == 0 && f->fill.len == 0)
		pthread_cond_broadcast(&f->idle);
}

static void *
run(void *arg)
{
	struct pst_event_file *f = arg;
	struct timespec retry;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		if (f->out.len > 0) {
			deadline_of(&retry, RETRY_MS);
			while (!f->stop && !f->reopen && wait_for(&f->work, &f->lock, &retry))
				;
		}
		while (!f->stop && !f->reopen && f->out.len == 0 && f->fill.len == 0)
			pthread_cond_wait(&f->work, &f->lock);
		if (!f->stop)
			run_once(f);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static int
start(struct pst_event_file *f)
{
	pthread_condattr_t monotonic;
	int ret;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->work, &monotonic);
	pthread_cond_init(&f->idle, &monotonic);
	pthread_condattr_destroy(&monotonic);
	/* on CPUs that are no lcore's, where there are any */
	ret = rte_ctrl_thread_create(&f->thread, "pst-events", NULL, run, f);
	return ret < 0 ? -ret : ret;
}

static void
free_file(struct pst_event_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->fill.bytes);
	free(f->out.bytes);
	free(f);
}

struct pst_event_file *
pst_event_file_create(const char *path, size_t room, char *error, size_t size)
{
	struct pst_event_file *f = calloc(1, sizeof(*f));
	int err = ENOMEM;

	if (f == NULL)
		goto err_none;
	f->room = room;
	f->fill.bytes = malloc(room);
	f->out.bytes = malloc(room);
	f->fd = open_file(path);
	err = f->fd < 0 ? errno : 0;
	if (err == ENXIO) /* a FIFO that nobody reads yet */
		err = 0;
	else if (f->fill.bytes == NULL || f->out.bytes == NULL)
		err = ENOMEM;
	if (err == 0)
		err = strlen(path) < sizeof(f->path) ? 0 : ENAMETOOLONG;
	if (err == 0) {
		strcpy(f->path, path);
		if (is_cut(path))
			f->fill.bytes[f->fill.len++] = '\n';
		err = start(f);
	}
	if (err == 0)
		return f;
	free_file(f);
err_none:
	snprintf(error, size, "%s: %s", path, strerror(err));
	return pst_null(err);
}

bool
pst_event_file_put(struct pst_event_file *f, const char *bytes, size_t len)
{
	bool fits;

	pthread_mutex_lock(&f->lock);
	fits = f->fill.len + len <= f->room;
	if (fits) {
		if (f->fill.len == 0)
			pthread_cond_signal(&f->work);
		memcpy(f->fill.bytes + f->fill.len, bytes, len);
		f->fill.len += len;
	}
	pthread_mutex_unlock(&f->lock);
	return fits;
}

bool
pst_event_file_has_room(struct pst_event_file *f, size_t len)
{
	bool fits;

	pthread_mutex_lock(&f->lock);
	fits = f->fill.len + len <= f->room;
	pthread_mutex_unlock(&f->lock);
	return fits;
}

void
pst_event_file_reopen(struct pst_event_file *f)
{
	pthread_mutex_lock(&f->lock);
	f->reopen = true;
	pthread_cond_signal(&f->work);
	pthread_mutex_unlock(&f->lock);
}

int
pst_event_file_fault(const struct pst_event_file *f)
{
	return atomic_load(&f->fault);
}

bool
pst_event_file_flush(struct pst_event_file *f, uint32_t most_ms)
{
	struct timespec deadline;
	bool empty;

	deadline_of(&deadline, most_ms);
	pthread_mutex_lock(&f->lock);
	for (;;) {
		empty = f->out.len == 0 && f->fill.len == 0 && !f->writing && !f->reopen;
		if (empty || !wait_for(&f->idle, &f->lock, &deadline))
			break;
	}
	pthread_mutex_unlock(&f->lock);
	return empty;
}

void
pst_event_file_destroy(struct pst_event_file *f)
{
	struct timespec deadline;

	if (f == NULL)
		return;
	pst_event_file_flush(f, END_MS);
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->work);
	pthread_mutex_unlock(&f->lock);
	deadline_of(&deadline, END_MS);
	/* a disk that never answers keeps the thread, and what is its: the process ends anyway */
	if (pthread_clockjoin_np(f->thread, NULL, CLOCK_MONOTONIC, &deadline) == 0)
		free_file(f);
}
