/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>
#include <rte_lcore.h>

#include "base/err.h"
#include "control/buf.h"
#include "control/metrics.h"
#include "control/page.h"

#define MS_IN_S UINT64_C(1000)
#define MEMORY_OF_ONE 16384 /* bytes for a connection's headers, both ways */
#define NOWHERE                                                                                    \
	"nothing is here: there are / (the status page), /metrics, /figures.json and "             \
	"/listeners.json\n"
#define NOT_SO "only GET and HEAD are possible here\n"
#define SILENT "the appliance does not answer: it is busy, or stopping\n"
#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json"

/* A connection that is open, to be ended at a certain age. */
struct peer {
	int fd; /* -1: none */
	uint64_t since_ms;
};

struct pst_http {
	struct MHD_Daemon *daemon;
	struct pst_sampler *sampler;
	uint64_t age_ms;
	pthread_t thread;
	int wake; /* an eventfd: written to, once, to end the thread */
	uint16_t port;
	struct peer peers[PST_HTTP_CONNECTIONS];
	struct pst_sample sample;
};

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * MS_IN_S + now.tv_nsec / 1000000;
}

/* Answers. */

/* Takes the response over. */
static enum MHD_Result
reply(struct MHD_Connection *connection, unsigned int status, struct MHD_Response *response,
	const char *type)
{
	enum MHD_Result ret;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	ret = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return ret;
}

static enum MHD_Result
reply_text(struct MHD_Connection *connection, unsigned int status, const char *text,
	const char *name, const char *value)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);

	if (response != NULL && name != NULL)
		MHD_add_response_header(response, name, value);
	return reply(connection, status, response, TEXT);
}

static enum MHD_Result
reply_silent(struct MHD_Connection *connection)
{
	return reply_text(
		connection, MHD_HTTP_SERVICE_UNAVAILABLE, SILENT, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

/* What the buffer holds, which is the response's then. */
static enum MHD_Result
reply_buf(struct MHD_Connection *connection, struct pst_buf *buf, const char *type)
{
	struct MHD_Response *response;

	if (buf->failed) {
		pst_buf_fini(buf);
		return reply_silent(connection);
	}
	response =
		MHD_create_response_from_buffer(pst_buf_len(buf), buf->data, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		pst_buf_fini(buf);
	return reply(connection, MHD_HTTP_OK, response, type);
}

static enum MHD_Result
get_page(struct pst_http *http, struct MHD_Connection *connection)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		pst_page_len, (void *)(uintptr_t)pst_page, MHD_RESPMEM_PERSISTENT);

	(void)http;
	if (response != NULL) {
		MHD_add_response_header(response, "Content-Security-Policy", pst_page_policy);
		MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	}
	return reply(connection, MHD_HTTP_OK, response, "text/html; charset=utf-8");
}

static enum MHD_Result
get_metrics(struct pst_http *http, struct MHD_Connection *connection)
{
	static const char *const types[] = {
		[PST_METRICS_OPENMETRICS] =
			"application/openmetrics-text; version=1.0.0; charset=utf-8",
		[PST_METRICS_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
	};
	enum pst_metrics_format format = pst_http_format(
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
	struct pst_buf buf = { 0 };

	if (pst_sampler_figures(http->sampler, &http->sample) < 0)
		return reply_silent(connection);
	pst_metrics_text(&buf, &http->sample, format);
	return reply_buf(connection, &buf, types[format]);
}

static enum MHD_Result
get_figures(struct pst_http *http, struct MHD_Connection *connection)
{
	struct pst_buf buf = { 0 };
	json_t *json;

	if (pst_sampler_figures(http->sampler, &http->sample) < 0)
		return reply_silent(connection);
	json = pst_metrics_json(&http->sample);
	pst_buf_json(&buf, json);
	json_decref(json);
	return reply_buf(connection, &buf, JSON);
}

static enum MHD_Result
get_listeners(struct pst_http *http, struct MHD_Connection *connection)
{
	char *json;

	if (pst_sampler_endpoints(http->sampler, &json) < 0)
		return reply_silent(connection);
	return reply(connection, MHD_HTTP_OK,
		MHD_create_response_from_buffer(strlen(json), json, MHD_RESPMEM_MUST_FREE), JSON);
}

static const struct {
	const char *path;
	enum MHD_Result (*get)(struct pst_http *http, struct MHD_Connection *connection);
} paths[] = {
	{ "/", get_page },
	{ "/metrics", get_metrics },
	{ "/figures.json", get_figures },
	{ "/listeners.json", get_listeners },
};

/* Called for a request's head, for its body, and at its end: what is refused is so at once. */
static enum MHD_Result
answer(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *body, size_t *body_len, void **request)
{
	struct pst_http *http = ctx;
	bool is_head = *request == NULL;

	(void)version;
	(void)body;
	if (*body_len > 0) { /* nobody reads it */
		*body_len = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, NOT_SO,
			MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	*request = http;
	for (size_t i = 0; i < RTE_DIM(paths); i++) {
		if (strcmp(url, paths[i].path) == 0)
			return is_head ? MHD_YES : paths[i].get(http, connection);
	}
	return reply_text(connection, MHD_HTTP_NOT_FOUND, NOWHERE, NULL, NULL);
}

/* Connections. */

static void
note_peer(void *ctx, struct MHD_Connection *connection, void **peer,
	enum MHD_ConnectionNotificationCode code)
{
	struct pst_http *http = ctx;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED && *peer != NULL) {
		((struct peer *)*peer)->fd = -1;
		return;
	}
	for (size_t i = 0; i < RTE_DIM(http->peers); i++) {
		struct peer *p = &http->peers[i];

		if (p->fd >= 0)
			continue;
		p->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
				->connect_fd;
		p->since_ms = now_ms();
		*peer = p;
		return;
	}
}

/* Those that are too old: the library sees that they are at their end. How long till the next. */
static int
end_old(struct pst_http *http)
{
	uint64_t now = now_ms(), most = http->age_ms, next = most;

	for (size_t i = 0; i < RTE_DIM(http->peers); i++) {
		struct peer *p = &http->peers[i];

		if (p->fd < 0)
			continue;
		if (now - p->since_ms >= most)
			shutdown(p->fd, SHUT_RDWR);
		else
			next = RTE_MIN(next, most - (now - p->since_ms));
	}
	return next;
}

static void *
run(void *arg)
{
	struct pst_http *http = arg;
	struct pollfd fds[] = {
		{ .fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
			.events = POLLIN },
		{ .fd = http->wake, .events = POLLIN },
	};
	MHD_UNSIGNED_LONG_LONG idle;
	int timeout = end_old(http);

	for (;;) {
		if (MHD_get_timeout(http->daemon, &idle) == MHD_YES)
			timeout = RTE_MIN(idle, (MHD_UNSIGNED_LONG_LONG)timeout);
		if (poll(fds, RTE_DIM(fds), timeout) < 0 && errno != EINTR)
			return NULL;
		if (fds[1].revents != 0)
			return NULL;
		MHD_run(http->daemon);
		timeout = end_old(http);
	}
}

/* Start and stop. */

/* A socket that listens, or -errno. */
static int
open_socket(const struct pst_endpoint *listen_at, uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(listen_at->ip),
		.sin_port = htons(listen_at->port) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, ret;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		listen(fd, PST_HTTP_CONNECTIONS) < 0 ||
		getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	*port = ntohs(addr.sin_port);
	return fd;
}

/* Takes the socket over, whatever becomes of it. */
static int
start_daemon(struct pst_http *http, int fd)
{
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, http,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)PST_HTTP_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned int)PST_HTTP_CONNECTIONS_OF_ONE, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)PST_HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)MEMORY_OF_ONE, MHD_OPTION_NOTIFY_CONNECTION, note_peer, http,
		MHD_OPTION_END);
	if (http->daemon != NULL)
		return 0;
	close(fd);
	return -ENOMEM;
}

static int
start(struct pst_http *http, const struct pst_endpoint *listen_at)
{
	int fd = open_socket(listen_at, &http->port), ret;

	if (fd < 0)
		return fd;
	ret = start_daemon(http, fd);
	if (ret < 0)
		return ret;
	http->wake = eventfd(0, EFD_CLOEXEC);
	if (http->wake < 0) {
		ret = -errno;
		goto err_daemon;
	}
	ret = rte_ctrl_thread_create(&http->thread, "pst-http", NULL, run, http);
	if (ret == 0)
		return 0;
	close(http->wake);
err_daemon:
	MHD_stop_daemon(http->daemon);
	return ret;
}

struct pst_http *
pst_http_create(const struct pst_http_params *params, char *error, size_t size)
{
	struct pst_http *http = calloc(1, sizeof(*http));
	int ret = -ENOMEM;

	if (http != NULL) {
		http->sampler = params->sampler;
		http->age_ms = (params->age_s != 0 ? params->age_s : PST_HTTP_AGE_S) * MS_IN_S;
		for (size_t i = 0; i < RTE_DIM(http->peers); i++)
			http->peers[i].fd = -1;
		ret = start(http, &params->listen);
	}
	if (ret == 0)
		return http;
	snprintf(error, size, "%s", strerror(-ret));
	free(http);
	return pst_null(-ret);
}

void
pst_http_destroy(struct pst_http *http)
{
	if (http == NULL)
		return;
	eventfd_write(http->wake, 1);
	pthread_join(http->thread, NULL);
	MHD_stop_daemon(http->daemon);
	close(http->wake);
	free(http);
}

uint16_t
pst_http_port(const struct pst_http *http)
{
	return http->port;
}
