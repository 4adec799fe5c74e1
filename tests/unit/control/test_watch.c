/* SPDX-License-Identifier: BSD-3-Clause */
/* Watching the event log over the control socket; by posternctl, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance.h"
#include "eal.h"

#define WATCH "{\"command\":\"watch\"}\n"

static struct appliance appliance;
static struct pst_eventlog *eventlog;

static int
setup(void **state)
{
	const struct pst_eventlog_params p = { .kinds = PST_RECORD_ALL };
	char error[256];

	*state = &appliance;
	eventlog = pst_eventlog_create(&p, 1000, error, sizeof(error));
	appliance_start_logging(&appliance, 1, eventlog);
	return eventlog != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	appliance_stop(*state);
	pst_eventlog_destroy(eventlog, 2000);
	return 0;
}

static void
happen(enum pst_record_type type)
{
	const struct pst_record r = { .time_ms = 1500, .type = type };

	pst_eventlog_add(eventlog, &r);
}

/* The next line holds the text. */
static void
expect(struct appliance *a, int fd, const char *text)
{
	char *line = appliance_receive(a, fd);

	assert_non_null(line);
	if (strstr(line, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, line);
	free(line);
}

static int
watch(struct appliance *a, const char *request)
{
	int fd = appliance_connect(a);

	appliance_send(a, fd, request);
	expect(a, fd, "{\"ok\":true,\"result\":{\"watching\":[");
	return fd;
}

static void
events_come_as_they_happen(void **state)
{
	struct appliance *a = *state;
	int fd = watch(a, WATCH), other;

	happen(PST_RECORD_LINK_UP);
	expect(a, fd, "\"event\":\"link-up\"");
	happen(PST_RECORD_BIND_OPEN);
	happen(PST_RECORD_BIND_CLOSE);
	expect(a, fd, "\"event\":\"bind-open\"");
	expect(a, fd, "\"event\":\"bind-close\"");
	other = appliance_connect(a); /* others ask meanwhile */
	appliance_send(a, other, "{\"command\":\"status\"}\n");
	expect(a, other, "\"watchers\":1}");
	close(other);
	close(fd);
	appliance_step(a);
	happen(PST_RECORD_LINK_UP); /* nobody is there */
}

static void
each_hears_the_kinds_that_it_asked_for(void **state)
{
	struct appliance *a = *state;
	int links = watch(a, "{\"command\":\"watch\",\"kinds\":[\"links\"]}\n");
	int binds = watch(a, "{\"command\":\"watch\",\"kinds\":[\"binds\",\"config\"]}\n");

	happen(PST_RECORD_BIND_OPEN);
	happen(PST_RECORD_LINK_DOWN);
	happen(PST_RECORD_REOPEN);
	expect(a, links, "\"event\":\"link-down\"");
	expect(a, binds, "\"event\":\"bind-open\"");
	expect(a, binds, "\"event\":\"reopen\"");
	close(links);
	close(binds);
}

/* As nc does behind a pipe. */
static void
who_has_said_all_hears_on(void **state)
{
	struct appliance *a = *state;
	int fd = watch(a, WATCH);

	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	for (int i = 0; i < 3; i++)
		appliance_step(a);
	happen(PST_RECORD_LINK_UP);
	expect(a, fd, "\"event\":\"link-up\"");
	close(fd);
}

/* It is neither waited for nor let go; it hears how much it has missed. */
static void
a_slow_reader_loses_and_is_told(void **state)
{
	struct appliance *a = *state;
	int fd = watch(a, WATCH);
	unsigned long seen = 0, lost = 0, n = 50000;
	char *line, *count;

	for (unsigned long i = 0; i < n; i++) {
		happen(PST_RECORD_BIND_OPEN);
		if (i % 64 == 0)
			appliance_step(a);
	}
	a->now += 60000;
	appliance_step(a);
	happen(PST_RECORD_LINK_UP);
	n++;
	while (seen + lost < n) {
		line = appliance_receive(a, fd);
		assert_non_null(line);
		count = strstr(line, "\"source\":\"watch\",\"count\":");
		if (count != NULL)
			lost += strtoul(
				count + strlen("\"source\":\"watch\",\"count\":"), NULL, 10);
		else
			seen++;
		free(line);
	}
	assert_int_equal(seen + lost, n);
	assert_true(lost > 1000 && seen > 1000);
	happen(PST_RECORD_LINK_DOWN);
	expect(a, fd, "\"event\":\"link-down\"");
	close(fd);
}

static void
half_of_the_clients_may_watch(void **state)
{
	struct appliance *a = *state;
	int fds[PST_CONTROL_CLIENTS_MAX / 2], fd;

	for (size_t i = 0; i < RTE_DIM(fds); i++)
		fds[i] = watch(a, WATCH);
	fd = appliance_connect(a);
	appliance_send(a, fd, WATCH);
	expect(a, fd, "{\"ok\":false,\"error\":\"too many watch already\"}");
	appliance_send(a, fd, "{\"command\":\"status\"}\n");
	expect(a, fd, "\"ok\":true");
	close(fds[0]);
	appliance_step(a);
	appliance_send(a, fd, WATCH);
	expect(a, fd, "\"ok\":true");
	close(fd);
	for (size_t i = 1; i < RTE_DIM(fds); i++)
		close(fds[i]);
}

static void
slips_are_answered(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	appliance_send(a, fd, "{\"command\":\"watch\",\"kinds\":[\"bind\"]}\n");
	expect(a, fd,
		"{\"ok\":false,\"error\":\"unknown kind \\\"bind\\\": did you mean "
		"\\\"binds\\\"?\"}");
	appliance_send(a, fd, "{\"command\":\"watch\",\"kinds\":[]}\n");
	expect(a, fd,
		"{\"ok\":false,\"error\":\"\\\"kinds\\\" is a list of names, such as "
		"\\\"binds\\\"\"}");
	appliance_send(a, fd, "{\"command\":\"watch\",\"kinds\":\"binds\"}\n");
	expect(a, fd, "\"ok\":false");
	appliance_send(a, fd, "{\"command\":\"watch\",\"kinds\":[1]}\n");
	expect(a, fd, "\"ok\":false");
	appliance_send(a, fd, "{\"command\":\"watch\",\"kind\":[\"binds\"]}\n");
	expect(a, fd, "unknown key \\\"kind\\\": did you mean \\\"kinds\\\"?");
	appliance_send(a, fd, "{\"command\":\"wach\"}\n");
	expect(a, fd, "did you mean \\\"watch\\\"?");
	close(fd);
}

static int
start(void **state)
{
	(void)state;
	test_eal_init(64);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_come_as_they_happen),
		TEST(each_hears_the_kinds_that_it_asked_for),
		TEST(who_has_said_all_hears_on),
		TEST(a_slow_reader_loses_and_is_told),
		TEST(half_of_the_clients_may_watch),
		TEST(slips_are_answered),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
