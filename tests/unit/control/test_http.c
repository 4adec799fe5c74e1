/* SPDX-License-Identifier: BSD-3-Clause */
/* The server's thread against raw sockets; the test's own thread is main. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "appliance.h"
#include "control/http.h"
#include "eal.h"

#define ANSWER_MAX (1 << 20)
#define AGE_S 3

static struct appliance a;
static struct pst_sampler *sampler;
static struct pst_http *http;
static char got[ANSWER_MAX];

static int
setup(void **state)
{
	struct pst_http_params p = { .listen = { INADDR_LOOPBACK, 0 }, .age_s = AGE_S };
	char error[128] = "";

	(void)state;
	appliance_start(&a, 2);
	p.sampler = sampler = pst_sampler_create();
	http = pst_http_create(&p, error, sizeof(error));
	assert_string_equal(error, "");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pst_sampler_close(sampler, pst_control_view(a.control));
	pst_http_destroy(http);
	pst_sampler_destroy(sampler);
	appliance_stop(&a);
	return 0;
}

static int
connect_to(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that comes until the server hangs up, while main goes on. */
static const char *
receive(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0) {
		appliance_step(&a);
		pst_sampler_poll(sampler, pst_control_view(a.control));
		if (poll(&wait, 1, 1) == 0)
			continue;
		n = recv(fd, got + len, sizeof(got) - 1 - len, 0);
		len += n > 0 ? n : 0;
	}
	got[len] = '\0';
	close(fd);
	return got;
}

static const char *
ask(const char *request)
{
	int fd = connect_to(pst_http_port(http));

	send_text(fd, request);
	return receive(fd);
}

static const char *
get(const char *path, const char *headers)
{
	char request[1024];

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, headers);
	return ask(request);
}

static void
assert_status(int status)
{
	char line[32];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	if (strncmp(got, line, strlen(line)) != 0)
		fail_msg("no %d: %.200s", status, got);
}

static void
assert_holds(const char *text)
{
	if (strstr(got, text) == NULL)
		fail_msg("no \"%s\" in: %.600s", text, got);
}

static void
metrics_are_of_the_format_that_is_asked_for(void **state)
{
	(void)state;
	a.workers[0].account.received = 77;
	get("/metrics", "");
	assert_status(200);
	assert_holds("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	assert_holds("\r\nCache-Control: no-store\r\n");
	assert_holds("\n# TYPE postern_received_packets_total counter\n");
	assert_holds("\npostern_received_packets_total 77\n");
	get("/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n");
	assert_status(200);
	assert_holds("\r\nContent-Type: application/openmetrics-text; version=1.0.0; "
		     "charset=utf-8\r\n");
	assert_holds("\n# TYPE postern_received_packets counter\n");
	assert_string_equal(got + strlen(got) - 6, "# EOF\n");
}

/* It is whole: what it shows comes with it, and a browser lets it run nothing else. */
static void
the_page_needs_no_other_place(void **state)
{
	const char *at;

	(void)state;
	get("/", "");
	assert_status(200);
	assert_holds("\r\nContent-Type: text/html; charset=utf-8\r\n");
	assert_holds("\r\nContent-Security-Policy: default-src 'none'; script-src 'sha256-");
	assert_holds("; style-src 'sha256-");
	assert_null(strstr(got, "unsafe"));
	assert_holds("<!DOCTYPE html>");
	assert_string_equal(got + strlen(got) - 8, "</html>\n");
	assert_null(strstr(got, "{{"));
	assert_null(strstr(got, " src="));
	assert_null(strstr(got, "https:"));
	at = strstr(got, "http:"); /* a name, which nobody asks for */
	assert_memory_equal(at, "http://www.w3.org/2000/svg", 26);
	assert_null(strstr(at + 1, "http:"));
}

static void
a_question_mark_changes_nothing(void **state)
{
	(void)state;
	get("/metrics?x=1", "");
	assert_status(200);
}

static void
a_body_is_passed_over(void **state)
{
	(void)state;
	ask("GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
	assert_status(200);
	assert_holds("\npostern_ready 0\n");
}

static void
a_head_has_no_body(void **state)
{
	(void)state;
	ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_status(200);
	assert_string_equal(got + strlen(got) - 4, "\r\n\r\n");
}

static json_t *
body(void)
{
	json_t *json = json_loads(strstr(got, "\r\n\r\n") + 4, 0, NULL);

	assert_non_null(json);
	return json;
}

static void
figures_and_listeners_are_json(void **state)
{
	json_t *json;

	(void)state;
	a.rows[1] = 3;
	get("/figures.json", "");
	assert_status(200);
	assert_holds("\r\nContent-Type: application/json\r\n");
	json = body();
	assert_int_equal(json_array_size(json_object_get(json, "postern_interface_up")), 2);
	json_decref(json);
	get("/listeners.json", "");
	assert_status(200);
	json = body();
	assert_int_equal(json_array_size(json_object_get(json, "result")), 3);
	json_decref(json);
}

static void
what_is_not_there_is_404_and_says_what_is(void **state)
{
	static const char *const paths[] = { "/metric", "/metrics/", "//metrics", "/../metrics",
		"/METRICS" };

	(void)state;
	for (size_t i = 0; i < RTE_DIM(paths); i++) {
		get(paths[i], "");
		assert_status(404);
		assert_holds("/metrics");
	}
}

static void
other_methods_are_405(void **state)
{
	static const char *const requests[] = {
		"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
		"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		"OPTIONS /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(requests); i++) {
		ask(requests[i]);
		assert_status(405);
		assert_holds("\r\nAllow: GET, HEAD\r\n");
	}
}

/* Whatever it says to these, it goes on. */
static void
nonsense_is_no_harm(void **state)
{
	char *longest = malloc(100001);
	int fd;

	(void)state;
	memset(longest, 'a', 100000);
	longest[100000] = '\0';
	ask("\r\n\r\n");
	ask("hello\r\n\r\n");
	ask("GET\r\n\r\n");
	ask("GET /metrics HTTP/9.9\r\n\r\n");
	fd = connect_to(pst_http_port(http));
	send(fd, longest, 100000, MSG_NOSIGNAL);
	get("/metrics", "");
	assert_status(200);
	close(fd);
	free(longest);
}

static void
a_silent_main_is_503(void **state)
{
	int fd = connect_to(pst_http_port(http));
	ssize_t n;

	(void)state;
	send_text(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	n = recv(fd, got, sizeof(got) - 1, 0);
	assert_true(n > 0);
	got[n] = '\0';
	assert_status(503);
	assert_holds("\r\nRetry-After: 1\r\n");
	close(fd);
}

/* A crowd of idle connections gets no more than its part, and leaves when its time is over. */
static void
a_crowd_is_waited_for_no_longer_than_it_may(void **state)
{
	int fds[2 * PST_HTTP_CONNECTIONS];
	struct timespec start, end;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (size_t i = 0; i < RTE_DIM(fds); i++)
		fds[i] = connect_to(pst_http_port(http));
	do { /* the many of one address are refused, until the idle ones have gone */
		get("/metrics", "");
		clock_gettime(CLOCK_MONOTONIC, &end);
	} while (got[0] == '\0' && end.tv_sec - start.tv_sec <= 3 * PST_HTTP_IDLE_S);
	assert_status(200);
	for (size_t i = 0; i < RTE_DIM(fds); i++)
		close(fds[i]);
}

/* A client that is never idle, and never at its request's end. */
static void
a_trickle_is_cut_off(void **state)
{
	int fd = connect_to(pst_http_port(http)), n = 0;
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	(void)state;
	send_text(fd, "GET /metrics HTTP/1.1\r\nX: ");
	while (poll(&wait, 1, 50) == 0) {
		assert_in_range(++n, 1, 2 * AGE_S * 20);
		if (send(fd, "x", 1, MSG_NOSIGNAL) < 0)
			break;
	}
	assert_in_range(n, AGE_S * 20 / 2, 2 * AGE_S * 20);
	close(fd);
}

static void
a_port_that_is_taken_is_said(void **state)
{
	const struct pst_http_params taken = { .listen = { INADDR_LOOPBACK, pst_http_port(http) } };
	const struct pst_http_params foreign = { .listen = { 0xc0000201, 9469 } };
	char error[128];

	(void)state;
	assert_null(pst_http_create(&taken, error, sizeof(error)));
	assert_string_equal(error, "Address already in use");
	assert_null(pst_http_create(&foreign, error, sizeof(error)));
	assert_string_equal(error, "Cannot assign requested address");
}

static void
the_header_says_which_format(void **state)
{
	static const struct {
		const char *accept;
		enum pst_metrics_format format;
	} cases[] = {
		{ NULL, PST_METRICS_PROMETHEUS },
		{ "", PST_METRICS_PROMETHEUS },
		{ "*/*", PST_METRICS_PROMETHEUS },
		{ "text/plain", PST_METRICS_PROMETHEUS },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", PST_METRICS_PROMETHEUS },
		{ "application/openmetrics-text", PST_METRICS_OPENMETRICS },
		{ "Application/OpenMetrics-Text", PST_METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0", PST_METRICS_OPENMETRICS },
		{ "application/openmetrics-text ; version=0.0.1 ; q=0.5", PST_METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=2.0.0", PST_METRICS_PROMETHEUS },
		{ "application/openmetrics-text;q=0", PST_METRICS_PROMETHEUS },
		{ "application/openmetrics-text;q=0.3,text/plain;q=0.5", PST_METRICS_PROMETHEUS },
		{ "application/openmetrics-text;q=0.3,text/*;q=0.5", PST_METRICS_PROMETHEUS },
		{ "application/openmetrics-text;q=0.5,text/plain;q=0.5", PST_METRICS_OPENMETRICS },
		{ "text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.75",
			PST_METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
			PST_METRICS_OPENMETRICS },
		{ ",,;;q=,=;", PST_METRICS_PROMETHEUS },
		{ "application/openmetrics-text;q=0.1234567890", PST_METRICS_PROMETHEUS },
		{ "application/openmetrics-textual", PST_METRICS_PROMETHEUS },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		assert_int_equal(pst_http_format(cases[i].accept), cases[i].format);
}

static int
start_eal(void **state)
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
		TEST(metrics_are_of_the_format_that_is_asked_for),
		TEST(the_page_needs_no_other_place),
		TEST(a_question_mark_changes_nothing),
		TEST(a_body_is_passed_over),
		TEST(a_head_has_no_body),
		TEST(figures_and_listeners_are_json),
		TEST(what_is_not_there_is_404_and_says_what_is),
		TEST(other_methods_are_405),
		TEST(nonsense_is_no_harm),
		TEST(a_silent_main_is_503),
		TEST(a_crowd_is_waited_for_no_longer_than_it_may),
		TEST(a_trickle_is_cut_off),
		TEST(a_port_that_is_taken_is_said),
		cmocka_unit_test(the_header_says_which_format),
	};

	return cmocka_run_group_tests(tests, start_eal, NULL);
}
