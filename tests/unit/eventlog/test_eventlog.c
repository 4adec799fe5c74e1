/* SPDX-License-Identifier: BSD-3-Clause */
/* The log as a whole: rings in, file, syslog, IPFIX and watchers out; and what is lost on the way. */
#include "eventlog/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "eal.h"
#include "eventlog/target.h"

#define WALL_MS UINT64_C(1795595400000) /* at now 0: 2026-11-25T08:30 */
#define RING 64
#define FLUSH_MS 10000

static char folder[] = "/tmp/pst-eventlog.XXXXXX";
static char path[256], socket_path[256];
static uint64_t wall_ms;

static uint64_t
wall(void *ctx)
{
	(void)ctx;
	return wall_ms;
}

static int
start(void **state)
{
	(void)state;
	test_eal_init(32);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/events", folder);
	snprintf(socket_path, sizeof(socket_path), "%s/log", folder);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	return rmdir(folder);
}

static struct pst_eventlog *
create(struct pst_eventlog_params p, uint64_t now_ms)
{
	char error[256] = "";
	struct pst_eventlog *log;

	p.wall = wall;
	wall_ms = WALL_MS + now_ms;
	if (p.kinds == 0)
		p.kinds = PST_RECORD_ALL;
	log = pst_eventlog_create(&p, now_ms, error, sizeof(error));
	if (log == NULL)
		fail_msg("%s", error);
	return log;
}

static uint32_t
poll_at(struct pst_eventlog *log, uint64_t now_ms)
{
	wall_ms = WALL_MS + now_ms;
	return pst_eventlog_poll(log, now_ms);
}

static struct pst_record
bind_of(uint64_t time_ms, uint16_t port)
{
	return (struct pst_record){ .type = PST_RECORD_BIND_OPEN,
		.time_ms = time_ms,
		.protocol = PST_UDP,
		.inside = { 0x0a000007, port },
		.outside = { 0xc633640a, port } };
}

/* The lines of a file that hold a text; `first` is the first of these. */
static unsigned int
count_lines(const char *file, const char *text, char *first, size_t size)
{
	char line[PST_RECORD_LINE];
	unsigned int n = 0;
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		assert_int_equal(line[strlen(line) - 1], '\n');
		if (strstr(line, text) == NULL)
			continue;
		if (n++ == 0 && first != NULL)
			snprintf(first, size, "%s", line);
	}
	fclose(f);
	return n;
}

static void
rings_go_to_the_file(void **state)
{
	struct pst_eventlog *log = create((struct pst_eventlog_params){ .file = path }, 1000);
	struct pst_record_queue *queue = pst_record_queue_create("a", RING, SOCKET_ID_ANY);
	struct pst_record r = bind_of(1500, 1);
	char line[PST_RECORD_LINE];
	struct stat st;

	(void)state;
	assert_false(pst_record_is_wanted(queue, PST_RECORD_MASK(BIND)));
	pst_eventlog_add_queue(log, queue);
	assert_true(pst_record_is_wanted(queue, PST_RECORD_MASK(BIND)));
	pst_record_post(queue, &r);
	r = bind_of(1501, 2);
	pst_record_post(queue, &r);
	assert_int_equal(poll_at(log, 2000), 2);
	pst_eventlog_drop_queues(log);
	pst_eventlog_destroy(log, 3000);
	pst_record_queue_destroy(queue);
	assert_int_equal(count_lines(path, "\"seq\":0,\"event\":\"start\"", NULL, 0), 1);
	assert_int_equal(count_lines(path, "bind-open", line, sizeof(line)), 2);
	assert_string_equal(line,
		"{\"time\":\"2026-11-25T08:30:01.500Z\",\"seq\":1,\"event\":\"bind-open\","
		"\"protocol\":\"udp\",\"inside\":\"10.0.0.7:1\",\"outside\":\"198.51.100.10:1\"}"
		"\n");
	assert_int_equal(count_lines(path, "\"seq\":3,\"event\":\"stop\"", NULL, 0), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640 & ~022); /* clients' addresses are in it */
	unlink(path);
}

static void
only_what_is_chosen_is_logged(void **state)
{
	struct pst_eventlog *log = create(
		(struct pst_eventlog_params){ .file = path, .kinds = PST_RECORD_MASK(LINK) }, 1000);
	struct pst_record_queue *queue = pst_record_queue_create("a", RING, SOCKET_ID_ANY);
	struct pst_record r = bind_of(1500, 1), link = { .type = PST_RECORD_LINK_UP };

	(void)state;
	pst_eventlog_add_queue(log, queue);
	assert_false(pst_record_is_wanted(queue, PST_RECORD_MASK(BIND)));
	pst_eventlog_add(log, &r);
	pst_eventlog_add(log, &link);
	pst_eventlog_drop_queues(log);
	pst_eventlog_destroy(log, 3000);
	pst_record_queue_destroy(queue);
	assert_int_equal(count_lines(path, "bind-open", NULL, 0), 0);
	assert_int_equal(count_lines(path, "link-up", NULL, 0), 1);
	assert_int_equal(count_lines(path, "\"start\"", NULL, 0), 1); /* always */
	unlink(path);
}

/* What a full ring loses is counted by kind, and said with the time of what is older. */
static void
a_full_ring_is_a_hole_that_is_said(void **state)
{
	struct pst_eventlog *log = create((struct pst_eventlog_params){ .file = path }, 1000);
	struct pst_record_queue *queue = pst_record_queue_create("a", RING, SOCKET_ID_ANY);
	struct pst_eventlog_stats stats;
	char line[PST_RECORD_LINE];

	(void)state;
	pst_eventlog_add_queue(log, queue);
	for (uint32_t i = 0; i < RING + 5; i++) {
		struct pst_record r = bind_of(1500 + i, i);

		pst_record_post(queue, &r);
	}
	pst_record_count_lost(queue, PST_RECORD_FILTER_BIT);
	poll_at(log, 2000);
	pst_eventlog_stats(log, &stats);
	assert_int_equal(stats.lost[PST_RECORD_BIND_BIT], 5);
	assert_int_equal(stats.lost[PST_RECORD_FILTER_BIT], 1);
	poll_at(log, 2001);
	pst_eventlog_drop_queues(log);
	pst_eventlog_destroy(log, 3000);
	pst_record_queue_destroy(queue);
	assert_int_equal(count_lines(path, "\"lost\",\"source\"", line, sizeof(line)), 2);
	assert_string_equal(line,
		"{\"time\":\"2026-11-25T08:30:02.000Z\",\"seq\":1,\"event\":\"lost\","
		"\"source\":\"worker\",\"worker\":0,\"kind\":\"binds\","
		"\"count\":5,\"since\":\"2026-11-25T08:30:01.500Z\"}\n");
	assert_int_equal(count_lines(path, "bind-open", NULL, 0), RING);
	unlink(path);
}

/* A FIFO that nobody reads stalls nobody; who reads it later is told what he has missed. */
static void
a_fifo_without_a_reader_loses(void **state)
{
	struct pst_eventlog_stats stats;
	struct pst_eventlog *log;
	char text[1 << 16];
	size_t len = 0;
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	log = create((struct pst_eventlog_params){ .file = path, .file_room = 1 << 17 }, 1000);
	for (uint32_t i = 0; i < 20000; i++) {
		struct pst_record r = bind_of(1500 + i / 1000, i);

		pst_eventlog_add(log, &r);
	}
	poll_at(log, 2000);
	pst_eventlog_stats(log, &stats);
	/* the start, and what was said of losses while there was room again for a moment */
	assert_in_range(stats.file.sent + stats.file.lost, 20001, 20100);
	assert_true(stats.file.lost > 10000);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	do { /* all that waited, then the loss, for which there is room then */
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		poll_at(log, 3000);
		assert_true(poll(&wait, 1, FLUSH_MS) >= 0);
		if (len > sizeof(text) / 2) {
			memmove(text, text + len / 2, len - len / 2);
			len -= len / 2;
		}
		n = read(fd, text + len, sizeof(text) - 1 - len);
		assert_true(n > 0 || errno == EAGAIN || n == 0);
		len += n > 0 ? n : 0;
		text[len] = 0;
	} while (strstr(text, "\"lost\",\"source\":\"file\"") == NULL);
	assert_non_null(strstr(text, "\"since\":\"2026-11-25T08:30:01.5"));
	pst_eventlog_destroy(log, 4000);
	close(fd);
	unlink(path);
}

static void
it_is_opened_anew(void **state)
{
	struct pst_eventlog *log = create((struct pst_eventlog_params){ .file = path }, 1000);
	struct pst_record r = bind_of(1500, 1);
	char old[300];

	(void)state;
	snprintf(old, sizeof(old), "%s.1", path);
	pst_eventlog_add(log, &r);
	assert_true(pst_eventlog_flush(log, FLUSH_MS));
	assert_int_equal(rename(path, old), 0);
	pst_eventlog_reopen(log, 2000);
	assert_true(pst_eventlog_flush(log, FLUSH_MS));
	pst_eventlog_add(log, &r);
	pst_eventlog_destroy(log, 3000);
	assert_int_equal(count_lines(old, "bind-open", NULL, 0), 1);
	assert_int_equal(count_lines(path, "bind-open", NULL, 0), 1);
	assert_int_equal(count_lines(path, "\"seq\":3,", NULL, 0), 1); /* the numbers go on */
	unlink(old);
	unlink(path);
}

/* The process before was killed in the midst of a line. */
static void
half_a_line_is_ended(void **state)
{
	FILE *f = fopen(path, "w");
	struct pst_eventlog *log;

	(void)state;
	assert_non_null(f);
	fputs("{\"time\":\"2026", f);
	fclose(f);
	log = create((struct pst_eventlog_params){ .file = path }, 1000);
	pst_eventlog_destroy(log, 3000);
	assert_int_equal(count_lines(path, "", NULL, 0), 3);
	assert_int_equal(count_lines(path, "{\"time\":\"2026\n", NULL, 0), 1);
	unlink(path);
}

static void
a_file_that_cannot_be_is_an_error(void **state)
{
	struct pst_eventlog_params p = { .file = "/nowhere/at/all", .kinds = 1, .wall = wall };
	char error[256] = "";

	(void)state;
	assert_null(pst_eventlog_create(&p, 1000, error, sizeof(error)));
	assert_string_equal(error, "/nowhere/at/all: No such file or directory");
}

static int
listen_at(const char *text, struct pst_event_target *target)
{
	int fd;

	assert_true(pst_event_target_parse(text, target));
	fd = socket(target->address.ss_family, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(
		bind(fd, (const struct sockaddr *)&target->address, target->address_len), 0);
	return fd;
}

static size_t
hear(int fd, char *text, size_t size)
{
	ssize_t n = recv(fd, text, size - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	text[n] = 0;
	return n;
}

/* A daemon that does not read its socket loses, and hears how many; one that went comes back. */
static void
syslog_is_told_by_its_socket(void **state)
{
	struct pst_event_target target;
	int fd = listen_at(socket_path, &target);
	struct pst_eventlog *log =
		create((struct pst_eventlog_params){ .syslog = socket_path }, 1000);
	struct pst_eventlog_stats stats;
	struct pst_record r = bind_of(1500, 1);
	char text[4096];
	uint32_t n = 0;

	(void)state;
	hear(fd, text, sizeof(text));
	assert_non_null(strstr(text, "postern["));
	assert_true(strncmp(text, "<29>", 4) == 0); /* daemon.notice */
	assert_non_null(strstr(text, "\"event\":\"start\""));
	do { /* until its queue is full */
		pst_eventlog_add(log, &r);
		pst_eventlog_stats(log, &stats);
	} while (++n < 100000 && stats.syslog.lost == 0);
	assert_int_equal(stats.syslog.lost, 1);
	assert_int_equal(stats.syslog.fault, EAGAIN);
	while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
	pst_eventlog_add(log, &r);
	hear(fd, text, sizeof(text));
	assert_true(strncmp(text, "<28>", 4) == 0); /* daemon.warning */
	assert_non_null(strstr(text, "\"source\":\"syslog\",\"count\":1,"));
	hear(fd, text, sizeof(text));
	assert_non_null(strstr(text, "bind-open"));
	close(fd);
	unlink(socket_path);
	pst_eventlog_add(log, &r); /* nobody is there */
	fd = listen_at(socket_path, &target);
	poll_at(log, 5000);
	hear(fd, text, sizeof(text));
	assert_non_null(strstr(text, "\"source\":\"syslog\",\"count\":1,"));
	pst_eventlog_destroy(log, 6000);
	hear(fd, text, sizeof(text));
	assert_non_null(strstr(text, "\"event\":\"stop\""));
	close(fd);
	unlink(socket_path);
}

static void
syslog_by_udp_is_rfc_5424(void **state)
{
	struct pst_syslog_head head = { .format = PST_SYSLOG_RFC5424, .host = "gate", .pid = 42 };
	const struct pst_record r = { .type = PST_RECORD_LINK_DOWN };
	char out[PST_SYSLOG_LINE];
	size_t len;

	(void)state;
	len = pst_syslog_message(out, &head, &r, WALL_MS, "{}");
	assert_string_equal(out, "<28>1 2026-11-25T08:30:00.000Z gate postern 42 link-down - {}");
	assert_int_equal(len, strlen(out));
}

/* A test's own port of the loopback address. */
static int
listen_by_udp(char *text, size_t size)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(text, size, "127.0.0.1:%u", ntohs(in.sin_port));
	return fd;
}

static void
ipfix_has_templates_first_and_again(void **state)
{
	char at[32], text[4096];
	int fd = listen_by_udp(at, sizeof(at));
	struct pst_eventlog *log =
		create((struct pst_eventlog_params){ .ipfix = at, .ipfix_domain = 258 }, 1000);
	struct pst_record r = bind_of(1500, 1);
	struct pst_eventlog_stats stats;

	(void)state;
	hear(fd, text, sizeof(text));
	assert_memory_equal(text + 12, "\0\0\1\2\0\2", 6); /* the domain; a set of templates */
	pst_eventlog_add(log, &r);
	pst_eventlog_add(log, &r);
	poll_at(log, 1100);
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1); /* it may become fuller */
	poll_at(log, 2000);
	assert_int_equal(hear(fd, text, sizeof(text)), 16 + 4 + 2 * 22);
	assert_memory_equal(text + 8, "\0\0\0\0", 4);
	pst_eventlog_add(log, &r);
	poll_at(log, 62000);
	assert_int_equal(hear(fd, text, sizeof(text)), 16 + 4 + 22); /* before the templates */
	assert_memory_equal(text + 8, "\0\0\0\2", 4);
	hear(fd, text, sizeof(text));
	assert_memory_equal(text + 8, "\0\0\0\3\0\0\1\2\0\2", 10);
	pst_eventlog_stats(log, &stats);
	assert_int_equal(stats.ipfix.sent, 3);
	assert_int_equal(stats.ipfix.lost, 0);
	pst_eventlog_destroy(log, 63000);
	close(fd);
}

static struct {
	unsigned int n;
	char line[PST_RECORD_LINE];
} heard;

static void
note(void *ctx, const struct pst_record *record, const char *line, size_t len)
{
	assert_ptr_equal(ctx, &heard);
	assert_true(record->type < PST_RECORD_N_TYPES);
	heard.n++;
	snprintf(heard.line, sizeof(heard.line), "%.*s", (int)len, line);
}

/* Without any way out nothing is wanted, until somebody watches. */
static void
who_watches_hears_what_was_asked_for(void **state)
{
	struct pst_eventlog *log = create((struct pst_eventlog_params){ 0 }, 1000);
	struct pst_record_queue *queue = pst_record_queue_create("a", RING, SOCKET_ID_ANY);
	struct pst_record r = bind_of(1500, 1), link = { .type = PST_RECORD_LINK_DOWN };

	(void)state;
	pst_eventlog_add_queue(log, queue);
	assert_false(pst_record_is_wanted(queue, PST_RECORD_ALL));
	pst_eventlog_watch(log, PST_RECORD_MASK(BIND), note, &heard);
	assert_true(pst_record_is_wanted(queue, PST_RECORD_MASK(BIND)));
	assert_false(pst_record_is_wanted(queue, PST_RECORD_MASK(CONNECTION)));
	pst_record_post(queue, &r);
	poll_at(log, 2000);
	pst_eventlog_add(log, &link);
	assert_int_equal(heard.n, 1);
	assert_string_equal(heard.line,
		"{\"time\":\"2026-11-25T08:30:01.500Z\",\"event\":\"bind-open\",\"protocol\":"
		"\"udp\","
		"\"inside\":\"10.0.0.7:1\",\"outside\":\"198.51.100.10:1\"}");
	pst_eventlog_watch(log, 0, NULL, NULL);
	assert_false(pst_record_is_wanted(queue, PST_RECORD_ALL));
	pst_eventlog_drop_queues(log);
	pst_eventlog_destroy(log, 3000);
	pst_record_queue_destroy(queue);
}

/* The wall's clock may be set; by less than a step it is not followed. */
static void
time_follows_the_clock_in_steps(void **state)
{
	struct pst_eventlog *log = create((struct pst_eventlog_params){ 0 }, 1000);
	struct pst_record r = bind_of(2000, 1);
	char line[PST_RECORD_LINE];

	(void)state;
	wall_ms = WALL_MS + 2000 - 9;
	pst_eventlog_poll(log, 2000);
	pst_eventlog_line(log, &r, line);
	assert_non_null(strstr(line, "T08:30:02.000Z"));
	wall_ms = WALL_MS + 2000 - 60000;
	pst_eventlog_poll(log, 2000);
	pst_eventlog_line(log, &r, line);
	assert_non_null(strstr(line, "T08:29:02.000Z"));
	pst_eventlog_destroy(log, 3000);
}

static void
targets_are_read(void **state)
{
	static const char *const bad[] = { "", "log", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0",
		"1.2.3.4:65536", "1.2.3.4:5x", "1.2.3:5", "0.0.0.0:5", "1.2.3.4: 5", "host:514",
		"1.2.3.4:-5", "123.123.123.1234:5", "::1:5" };
	struct pst_event_target target;

	(void)state;
	assert_true(pst_event_target_parse("/dev/log", &target));
	assert_true(pst_event_target_is_local(&target));
	assert_true(pst_event_target_parse("192.0.2.1:65535", &target));
	assert_false(pst_event_target_is_local(&target));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(pst_event_target_parse(bad[i], &target));
}

/* A FIFO that a failed test leaves would hold up the next. */
static int
clean(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

#define TEST(f) cmocka_unit_test_teardown(f, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rings_go_to_the_file),
		TEST(only_what_is_chosen_is_logged),
		TEST(a_full_ring_is_a_hole_that_is_said),
		TEST(a_fifo_without_a_reader_loses),
		TEST(it_is_opened_anew),
		TEST(half_a_line_is_ended),
		TEST(a_file_that_cannot_be_is_an_error),
		TEST(syslog_is_told_by_its_socket),
		TEST(syslog_by_udp_is_rfc_5424),
		TEST(ipfix_has_templates_first_and_again),
		TEST(who_watches_hears_what_was_asked_for),
		TEST(time_follows_the_clock_in_steps),
		TEST(targets_are_read),
	};

	umask(022);
	return cmocka_run_group_tests(tests, start, end);
}
