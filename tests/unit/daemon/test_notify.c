/* SPDX-License-Identifier: BSD-3-Clause */
/* What is told to systemd, read from the socket that it would listen on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

#define WATCHDOG_US "20000000"
#define LOOK_MS 5000 /* a fourth of it */

struct systemd {
	struct pst_notify notify;
	uint64_t loops[2];
	uint64_t now_ms;
	struct sockaddr_un addr;
	int fd;
	char heard[1024];
};

static int
listen_as_systemd(void **state)
{
	static struct systemd s;

	memset(&s, 0, sizeof(s));
	s.addr.sun_family = AF_UNIX;
	snprintf(s.addr.sun_path, sizeof(s.addr.sun_path), "/tmp/pst-notify-%d", getpid());
	s.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(s.fd >= 0);
	assert_int_equal(bind(s.fd, (const struct sockaddr *)&s.addr, sizeof(s.addr)), 0);
	setenv("NOTIFY_SOCKET", s.addr.sun_path, 1);
	setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	s.now_ms = 1000;
	s.notify.pulse.n = 2;
	for (int i = 0; i < 2; i++)
		s.notify.pulse.loops[i] = &s.loops[i];
	pst_notify_init(&s.notify, s.now_ms);
	*state = &s;
	return 0;
}

static int
stop_listening(void **state)
{
	struct systemd *s = *state;

	close(s->fd);
	unlink(s->addr.sun_path);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	return 0;
}

/* All that came since the last call, a message a line. */
static const char *
heard(struct systemd *s)
{
	size_t at = 0;
	ssize_t n;

	while ((n = recv(s->fd, s->heard + at, sizeof(s->heard) - at - 2, 0)) > 0) {
		at += n;
		s->heard[at++] = '\n';
	}
	s->heard[at] = 0;
	return s->heard;
}

/* Some time goes by, in which the workers make so many rounds; then main looks. */
static const char *
look(struct systemd *s, uint64_t first, uint64_t second)
{
	s->loops[0] += first;
	s->loops[1] += second;
	s->now_ms += LOOK_MS;
	assert_true(pst_notify_is_due(&s->notify, s->now_ms));
	pst_notify_poll(&s->notify, s->now_ms, "well");
	return heard(s);
}

static void
looks_four_times_in_the_watchdogs_time(void **state)
{
	struct systemd *s = *state;

	assert_false(pst_notify_is_due(&s->notify, s->now_ms + LOOK_MS - 1));
	assert_true(pst_notify_is_due(&s->notify, s->now_ms + LOOK_MS));
	setenv("WATCHDOG_USEC", "4000000", 1);
	pst_notify_init(&s->notify, s->now_ms);
	assert_false(pst_notify_is_due(&s->notify, s->now_ms + 999));
	assert_true(pst_notify_is_due(&s->notify, s->now_ms + 1000));
}

static void
looks_without_a_watchdog_too(void **state)
{
	struct systemd *s = *state;

	unsetenv("WATCHDOG_USEC");
	pst_notify_init(&s->notify, s->now_ms);
	assert_false(pst_notify_is_due(&s->notify, s->now_ms + 4999));
	assert_true(pst_notify_is_due(&s->notify, s->now_ms + 5000));
}

static void
is_fed_while_all_workers_move(void **state)
{
	struct systemd *s = *state;

	pst_notify_ready(&s->notify);
	assert_string_equal(heard(s), "READY=1\n");
	for (int i = 0; i < 3; i++)
		assert_string_equal(look(s, 1, 1000000), "STATUS=well\nWATCHDOG=1\n");
}

static void
is_not_fed_while_a_worker_hangs(void **state)
{
	struct systemd *s = *state;

	pst_notify_ready(&s->notify);
	look(s, 9, 9);
	for (int i = 0; i < 3; i++)
		assert_string_equal(look(s, 9, 0), "STATUS=worker 1 does not move\n");
	assert_string_equal(look(s, 0, 9), "STATUS=worker 0 does not move\n");
	assert_string_equal(look(s, 0, 0), "STATUS=worker 0 does not move\n");
	assert_string_equal(look(s, 1, 1), "STATUS=well\nWATCHDOG=1\n");
}

static void
a_worker_that_never_moved_hangs(void **state)
{
	struct systemd *s = *state;

	assert_string_equal(look(s, 1, 0), "STATUS=worker 1 does not move\n");
}

static void
asks_for_time_while_it_waits_for_links(void **state)
{
	struct systemd *s = *state;

	assert_string_equal(look(s, 1, 1), "STATUS=well\nEXTEND_TIMEOUT_USEC=30000000\n");
	assert_string_equal(look(s, 1, 1), "STATUS=well\nEXTEND_TIMEOUT_USEC=30000000\n");
	pst_notify_ready(&s->notify);
	assert_string_equal(heard(s), "READY=1\n");
	assert_string_equal(look(s, 1, 1), "STATUS=well\nWATCHDOG=1\n");
	pst_notify_stopping(&s->notify);
	assert_string_equal(heard(s), "STOPPING=1\n");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, listen_as_systemd, stop_listening)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(looks_four_times_in_the_watchdogs_time),
		CASE(looks_without_a_watchdog_too),
		CASE(is_fed_while_all_workers_move),
		CASE(is_not_fed_while_a_worker_hangs),
		CASE(a_worker_that_never_moved_hangs),
		CASE(asks_for_time_while_it_waits_for_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
