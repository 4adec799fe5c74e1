/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "base/clock.h"
#include "base/err.h"
#include "control/buf.h"
#include "control/capture.h"
#include "control/doc.h"
#include "control/explain.h"
#include "control/kill.h"
#include "control/listen.h"
#include "control/passed.h"
#include "control/request.h"
#include "control/show.h"
#include "control/watch.h"

#define ERROR_MAX 256
#define STALL_MS 30000 /* a client that takes nothing for so long is gone */
#define WATCHERS_MOST (PST_CONTROL_CLIENTS_MAX / 2) /* others are to get a word in */

struct client {
	int fd;	       /* -1: nobody */
	bool at_end;   /* it will ask no more */
	bool skipping; /* the rest of a line that is too long */
	char *in;      /* PST_CONTROL_LINE_MAX bytes */
	size_t in_start, in_end;
	struct pst_buf out;
	uint64_t progress; /* when it last took something, or had all */
	struct pst_dump dump;
	struct pst_kill kill;
	struct pst_inquiry inquiry;
	int ticket; /* of a command that is under way; 0: none */
	int passed; /* a file that came along; -1: none */
	bool captures;
	struct pst_watch watch;
};

struct pst_control {
	struct pst_control_view view;
	struct pst_listen listener;
	struct client clients[PST_CONTROL_CLIENTS_MAX];
	struct pst_capture *capture; /* one at a time */
	struct pollfd fds[1 + PST_CONTROL_CLIENTS_MAX];
	uint64_t sampled; /* when the workers' load was last measured */
	uint64_t busy_ticks[PST_WORKERS_MAX];
};

struct pst_control *
pst_control_create(const struct pst_control_params *params, char *error, size_t size)
{
	struct pst_control *control = calloc(1, sizeof(*control));
	int ret;

	if (control == NULL) {
		snprintf(error, size, "%s", strerror(ENOMEM));
		return pst_null(ENOMEM);
	}
	control->view.params = *params;
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++)
		control->clients[i].fd = control->clients[i].passed = -1;
	ret = pst_listen_init(&control->listener, params->socket, error, size);
	if (ret < 0) {
		free(control);
		return pst_null(-ret);
	}
	return control;
}

static void
hear(void *ctx, const struct pst_record *record, const char *line, size_t len)
{
	struct pst_control *control = ctx;

	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->watch.kinds != 0)
			pst_watch_hear(&client->watch, &client->out,
				control->view.params.eventlog, record, line, len);
	}
}

/* The log is told what all who watch want to hear, together. */
static void
set_watched(struct pst_control *control)
{
	uint32_t kinds = 0;

	control->view.watchers = 0;
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++) {
		kinds |= control->clients[i].watch.kinds;
		control->view.watchers += control->clients[i].watch.kinds != 0;
	}
	if (control->view.params.eventlog != NULL)
		pst_eventlog_watch(control->view.params.eventlog, kinds, hear, control);
}

static void
let_go(struct pst_control *control, struct client *client)
{
	if (client->dump.active)
		pst_dump_cancel(&client->dump, &control->view.params);
	if (client->kill.active)
		pst_kill_cancel(&client->kill, &control->view.params);
	pst_inquiry_fini(&client->inquiry, control->view.params.workers);
	if (client->captures)
		pst_capture_abort(control->capture);
	if (client->passed >= 0)
		close(client->passed);
	close(client->fd);
	free(client->in);
	pst_buf_fini(&client->out);
	memset(client, 0, sizeof(*client));
	client->fd = client->passed = -1;
	set_watched(control);
}

void
pst_control_destroy(struct pst_control *control)
{
	if (control == NULL)
		return;
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i].fd >= 0)
			let_go(control, &control->clients[i]);
	}
	pst_ask_collect(&control->view.params);
	pst_capture_destroy(control->capture);
	pst_listen_fini(&control->listener);
	free(control);
}

const struct pst_control_view *
pst_control_view(const struct pst_control *control)
{
	return &control->view;
}

void
pst_control_set_params(struct pst_control *control, const struct pst_control_params *params)
{
	control->view.params = *params;
}

void
pst_control_set_ready(struct pst_control *control, bool ready)
{
	control->view.ready = ready;
}

/* Takes the reference to lines that say more; NULL: there are none. */
static void
reply_problems(struct client *client, const char *error, json_t *lines)
{
	json_t *json = json_pack("{s:b,s:o}", "ok", 0, "error", pst_doc_text(error));

	if (lines != NULL)
		json_object_set_new(json, "problems", lines);

	pst_buf_json(&client->out, json);
	pst_buf_text(&client->out, "\n");
	json_decref(json);
}

static void
reply_error(struct client *client, const char *error)
{
	reply_problems(client, error, NULL);
}

/* Takes the reference. */
static void
reply(struct client *client, json_t *result)
{
	pst_buf_text(&client->out, "{\"ok\":true,\"result\":");
	pst_buf_json(&client->out, result);
	pst_buf_text(&client->out, "}\n");
	json_decref(result);
}

/* Takes the reference to result. */
static void
reply_result(struct client *client, int ret, json_t *result, const char *error)
{
	if (ret < 0)
		reply_problems(client, error[0] != '\0' ? error : strerror(-ret), result);
	else
		reply(client, result != NULL ? result : json_object());
}

static void
run_command(struct pst_control *control, struct client *client, const struct pst_request *request)
{
	const struct pst_control_params *p = &control->view.params;
	char error[ERROR_MAX] = "";
	json_t *result = NULL;
	int ret = -ENOTSUP;

	if (p->command != NULL)
		ret = p->command(
			p->ctx, request->command, request->json, &result, error, sizeof(error));
	if (ret > 0)
		client->ticket = ret;
	else
		reply_result(client, ret, result, error);
}

/* A command that took time may be done. */
static bool
take_answer(struct pst_control *control, struct client *client)
{
	const struct pst_control_params *p = &control->view.params;
	char error[ERROR_MAX] = "";
	json_t *result = NULL;
	int ret = p->answer(p->ctx, client->ticket, &result, error, sizeof(error));

	if (ret == -EINPROGRESS)
		return false;
	client->ticket = 0;
	reply_result(client, ret, result, error);
	return true;
}

static void
explain(struct pst_control *control, struct client *client, const struct pst_request *request)
{
	const struct pst_control_params *p = &control->view.params;
	struct pst_explain question;
	char error[ERROR_MAX];

	if (pst_explain_parse(request->json, p->config, &question, error, sizeof(error)) < 0)
		reply_error(client, error);
	else
		pst_inquiry_start(&client->inquiry, &question, p->ipset_unref);
}

static int
step_inquiry(struct pst_control *control, struct client *client)
{
	const struct pst_control_params *p = &control->view.params;
	struct pst_inquiry *q = &client->inquiry;
	int ret = pst_inquiry_step(q, p->workers, p->n_workers, control->view.now);
	char error[ERROR_MAX];

	if (ret == 0)
		return 0;
	snprintf(error, sizeof(error), "worker %u: no answer", q->worker);
	if (ret > 0)
		reply(client, pst_explain_doc(p, q));
	else
		reply_error(client, error);
	pst_inquiry_fini(q, p->workers);
	return 1;
}

/* It asks nothing more, and is not let go for being slow. */
static void
start_watch(struct pst_control *control, struct client *client, uint32_t kinds)
{
	if (control->view.params.eventlog == NULL) {
		reply_error(client, "there is no event log");
		return;
	}
	if (control->view.watchers == WATCHERS_MOST) {
		reply_error(client, "too many watch already");
		return;
	}
	reply(client, pst_watch_answer(kinds));
	client->watch.kinds = kinds;
	set_watched(control);
}

static void
capture(struct pst_control *control, struct client *client, const struct pst_request *request)
{
	char error[ERROR_MAX] = "another capture is under way";

	if (control->capture == NULL) {
		control->capture = pst_capture_start(&control->view.params, request->json,
			client->passed, error, sizeof(error));
		client->captures = control->capture != NULL;
	}
	if (client->captures)
		client->passed = -1; /* it has the file */
	else
		reply_error(client, error);
}

/* Its client may be gone. */
static int
step_capture(struct pst_control *control)
{
	char error[ERROR_MAX];
	json_t *result;

	if (control->capture == NULL || !pst_capture_step(control->capture, control->view.now))
		return 0;
	result = pst_capture_result(control->capture, error, sizeof(error));
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0 || !client->captures)
			continue;
		client->captures = false;
		if (result != NULL)
			reply(client, json_incref(result));
		else
			reply_error(client, error);
	}
	json_decref(result);
	pst_capture_destroy(control->capture);
	control->capture = NULL;
	return 1;
}

static void
answer_line(struct pst_control *control, struct client *client, const char *line, size_t len)
{
	struct pst_request request;
	char error[ERROR_MAX];

	if (pst_request_parse(&request, &control->view.params, line, len, error, sizeof(error)) <
		0) {
		reply_error(client, error);
		return;
	}
	switch (request.kind) {
	case PST_REQUEST_DOCUMENT:
		reply(client, request.make(&control->view));
		break;
	case PST_REQUEST_DUMP:
		pst_dump_start(&client->dump, &request, &client->out);
		break;
	case PST_REQUEST_KILL:
		pst_kill_start(&client->kill, &request);
		break;
	case PST_REQUEST_EXPLAIN:
		explain(control, client, &request);
		break;
	case PST_REQUEST_CAPTURE:
		capture(control, client, &request);
		break;
	case PST_REQUEST_WATCH:
		start_watch(control, client, request.kinds);
		break;
	case PST_REQUEST_COMMAND:
		run_command(control, client, &request);
		break;
	}
	pst_request_fini(&request);
}

/* Answer the next line, if there is a whole one. */
static bool
take_line(struct pst_control *control, struct client *client)
{
	char *line = client->in + client->in_start;
	size_t len = client->in_end - client->in_start;
	char *end = memchr(line, '\n', len);

	if (end == NULL) {
		if (client->skipping || len == PST_CONTROL_LINE_MAX) {
			client->in_start = client->in_end = 0;
			if (!client->skipping)
				reply_error(client, "the line is longer than 65536 bytes");
			client->skipping = true;
		}
		return false;
	}
	client->in_start += end + 1 - line;
	if (client->skipping)
		client->skipping = false;
	else
		answer_line(control, client, line, end - line);
	return true;
}

/* Read once. False when the client is gone. */
static bool
read_some(struct client *client)
{
	ssize_t n;

	if (client->in_start > 0) {
		client->in_end -= client->in_start;
		memmove(client->in, client->in + client->in_start, client->in_end);
		client->in_start = 0;
	}
	if (client->in_end == PST_CONTROL_LINE_MAX)
		return true;
	n = pst_passed_recv(client->fd, client->in + client->in_end,
		PST_CONTROL_LINE_MAX - client->in_end, &client->passed);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		client->at_end = true;
	client->in_end += n;
	return true;
}

/* Write once. False when the client is gone. */
static bool
write_some(struct client *client, uint64_t now)
{
	ssize_t n;

	if (client->out.failed)
		return false;
	if (pst_buf_len(&client->out) == 0) {
		client->progress = now;
		return true;
	}
	n = send(client->fd, client->out.data + client->out.start, pst_buf_len(&client->out),
		MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	if (n > 0) {
		pst_buf_take(&client->out, n);
		client->progress = now;
	}
	return now < client->progress + STALL_MS || client->watch.kinds != 0;
}

/* Is an answer to it under way? */
static bool
is_pending(const struct client *client)
{
	return client->dump.active || client->kill.active || client->inquiry.active ||
		client->captures || client->ticket != 0 || client->watch.kinds != 0 ||
		pst_buf_len(&client->out) > 0;
}

/* One step for one client. How much was done. */
static int
serve(struct pst_control *control, struct client *client, short revents)
{
	int worked = revents != 0;
	bool here = (revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;

	if (here && revents & POLLIN)
		here = read_some(client);
	if (here && client->ticket != 0)
		worked += take_answer(control, client);
	if (here && !is_pending(client))
		worked += take_line(control, client);
	if (here && client->captures && client->at_end)
		pst_capture_stop(control->capture);
	if (here && client->inquiry.active)
		worked += step_inquiry(control, client);
	if (here && client->dump.active)
		worked += pst_dump_step(&client->dump, &control->view, &client->out);
	if (here && client->kill.active)
		worked += pst_kill_step(&client->kill, &control->view, &client->out);
	if (here && client->watch.lost > 0)
		worked += pst_watch_tell_loss(&client->watch, &client->out,
			control->view.params.eventlog, control->view.now);
	if (here)
		here = write_some(client, control->view.now);
	if (here && client->at_end && !is_pending(client) &&
		memchr(client->in + client->in_start, '\n', client->in_end - client->in_start) ==
			NULL)
		here = false;
	if (!here)
		let_go(control, client);
	return worked;
}

static struct client *
free_client(struct pst_control *control)
{
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i].fd < 0)
			return &control->clients[i];
	}
	return NULL;
}

static void
accept_one(struct pst_control *control)
{
	static const char full[] = "{\"ok\":false,\"error\":\"too many clients at once\"}\n";
	int fd = accept4(control->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	if (fd < 0)
		return;
	client = free_client(control);
	if (client != NULL)
		client->in = malloc(PST_CONTROL_LINE_MAX);
	if (client == NULL || client->in == NULL) {
		if (send(fd, full, sizeof(full) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			errno = 0; /* it will see that the connection ended */
		close(fd);
		return;
	}
	client->fd = fd;
	client->progress = control->view.now;
}

/* What to look at: fds[0] is the listener, fds[1 + i] client i. */
static void
fill_fds(struct pst_control *control)
{
	control->fds[0] = (struct pollfd){ .fd = control->listener.fd, .events = POLLIN };
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++) {
		const struct client *client = &control->clients[i];
		struct pollfd *fd = &control->fds[1 + i];

		*fd = (struct pollfd){ .fd = client->fd };
		if (client->fd < 0)
			continue;
		if (!client->at_end && client->in_end - client->in_start < PST_CONTROL_LINE_MAX)
			fd->events |= POLLIN;
		if (pst_buf_len(&client->out) > 0)
			fd->events |= POLLOUT;
	}
}

/* The part of the last second's cycles that a worker had something to do in (stats.h). */
static void
sample_load(struct pst_control *control)
{
	struct pst_control_view *view = &control->view;
	double cycles = (double)(view->now - control->sampled) * rte_get_tsc_hz() / PST_MS_PER_S;
	bool is_first = control->sampled == 0;

	if (!is_first && view->now < control->sampled + PST_MS_PER_S)
		return;
	control->sampled = view->now;
	for (uint32_t i = 0; i < view->params.n_workers; i++) {
		const struct pst_worker_stats *s = view->params.worker_stats[i];
		uint64_t busy = __atomic_load_n(&s->busy_ticks, __ATOMIC_RELAXED);

		view->load[i] = is_first ? 0 :
			(busy - control->busy_ticks[i]) * PST_TIMED_MEAN / cycles;
		if (view->load[i] > 1) /* it is an estimate */
			view->load[i] = 1;
		control->busy_ticks[i] = busy;
	}
}

int
pst_control_poll(struct pst_control *control, uint64_t now)
{
	int worked;

	control->view.now = now;
	sample_load(control);
	worked = pst_ask_collect(&control->view.params) + step_capture(control);
	fill_fds(control);
	if (poll(control->fds, RTE_DIM(control->fds), 0) < 0)
		return worked;
	for (int i = 0; i < PST_CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i].fd >= 0)
			worked += serve(control, &control->clients[i], control->fds[1 + i].revents);
	}
	if (control->fds[0].revents & POLLIN) {
		accept_one(control);
		worked++;
	}
	return worked;
}
