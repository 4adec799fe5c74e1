/* SPDX-License-Identifier: BSD-3-Clause */
#include "call.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "rows.h"

#define PATIENCE_S 30 /* without a single byte */

static enum pst_ctl_exit
complain(enum pst_ctl_exit code, const char *socket, const char *why)
{
	fprintf(stderr, "posternctl: %s: %s\n", socket, why);
	return code;
}

/* Who may not ask is refused; where nobody listens, there is no appliance. */
static enum pst_ctl_exit
complain_connect(const char *socket, int err)
{
	if (err == EACCES || err == EPERM)
		return complain(PST_CTL_REFUSED, socket, "you may not talk to the appliance");
	if (err == ENOENT || err == ECONNREFUSED)
		return complain(PST_CTL_ABSENT, socket, "no appliance runs there");
	return complain(PST_CTL_ABSENT, socket, strerror(err));
}

static enum pst_ctl_exit
open_socket(const char *path, int *fd)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path))
		return complain(PST_CTL_USAGE, path, "too long for a socket's path");
	strcpy(addr.sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return complain(PST_CTL_ABSENT, path, strerror(errno));
	setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(*fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int err = errno;

		close(*fd);
		return complain_connect(path, err);
	}
	return PST_CTL_OK;
}

/* The first bytes, with a file that goes along; 0: no byte was sent. */
static ssize_t
send_file(int fd, const char *bytes, size_t len, int file)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &file, sizeof(file));
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int
send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= n;
	}
	return 0;
}

/* file -1: none. */
static int
send_request(int fd, const json_t *request, int file)
{
	char *line = json_dumps(request, JSON_COMPACT);
	ssize_t n = 0;
	int ret;

	if (line == NULL)
		return -ENOMEM;
	if (file >= 0)
		n = send_file(fd, line, strlen(line), file);
	ret = n < 0 ? n : send_all(fd, line + n, strlen(line + n));
	if (ret == 0)
		ret = send_all(fd, "\n", 1);
	free(line);
	return ret;
}

/* 0, or -errno: -EPIPE when the appliance left. */
static int
receive(int fd, struct pst_rows *rows)
{
	char bytes[65536];
	int ret = 0;

	while (ret == 0) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EPIPE;
		ret = pst_rows_feed(rows, bytes, n);
	}
	return ret < 0 ? ret : 0;
}

static enum pst_ctl_exit
judge(const char *socket, const json_t *reply)
{
	const char *error = json_string_value(json_object_get(reply, "error"));
	const json_t *line;
	size_t i;

	if (json_is_true(json_object_get(reply, "ok")))
		return PST_CTL_OK;
	if (error == NULL)
		return complain(PST_CTL_REFUSED, socket, "the answer makes no sense");
	json_array_foreach(json_object_get(reply, "problems"), i, line)
		fprintf(stderr, "%s\n", json_string_value(line));
	fprintf(stderr, "posternctl: %s\n", error);
	return PST_CTL_REFUSED;
}

static enum pst_ctl_exit
complain_answer(const char *socket, int err)
{
	if (err == EAGAIN)
		return complain(PST_CTL_REFUSED, socket, "the appliance does not answer");
	if (err == EPIPE || err == ECONNRESET)
		return complain(PST_CTL_ABSENT, socket, "the appliance hung up");
	if (err == EPROTO)
		return complain(PST_CTL_REFUSED, socket, "the answer makes no sense");
	return complain(PST_CTL_REFUSED, socket, strerror(err));
}

/* Takes the reference to `request`. */
static enum pst_ctl_exit
call(const char *socket, json_t *request, struct pst_rows *rows)
{
	int fd, ret;
	enum pst_ctl_exit code = open_socket(socket, &fd);

	if (code != PST_CTL_OK) {
		json_decref(request);
		return code;
	}
	ret = send_request(fd, request, -1);
	json_decref(request);
	if (ret == 0)
		ret = receive(fd, rows);
	close(fd);
	return ret < 0 ? complain_answer(socket, -ret) : judge(socket, rows->reply);
}

/* What has come, and what of it is not a whole line yet. */
struct lines {
	char bytes[65536];
	size_t len;
};

/* True to go on. */
static bool
hand_over(struct lines *l, bool (*take)(void *ctx, const char *line, size_t len), void *ctx)
{
	char *at = l->bytes, *newline;
	bool go_on = true;

	while (go_on && (newline = memchr(at, '\n', l->bytes + l->len - at)) != NULL) {
		go_on = take(ctx, at, newline - at);
		at = newline + 1;
	}
	l->len -= at - l->bytes;
	memmove(l->bytes, at, l->len);
	return go_on;
}

/* 0, or -errno. */
static int
receive_lines(int fd, bool (*take)(void *ctx, const char *line, size_t len), void *ctx,
	const volatile sig_atomic_t *stop)
{
	static struct lines l;

	l.len = 0;
	while (!*stop) {
		ssize_t n = recv(fd, l.bytes + l.len, sizeof(l.bytes) - l.len, 0);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return l.len == sizeof(l.bytes) ? -EPROTO : -EPIPE;
		l.len += n;
		if (!hand_over(&l, take, ctx))
			return 0;
	}
	return 0;
}

enum pst_ctl_exit
pst_call_lines(const char *socket, json_t *request,
	bool (*take)(void *ctx, const char *line, size_t len), void *ctx,
	const volatile sig_atomic_t *stop)
{
	int fd, ret;
	enum pst_ctl_exit code = open_socket(socket, &fd);

	if (code != PST_CTL_OK) {
		json_decref(request);
		return code;
	}
	ret = send_request(fd, request, -1);
	json_decref(request);
	if (ret == 0)
		ret = receive_lines(fd, take, ctx, stop);
	close(fd);
	return ret < 0 ? complain_answer(socket, -ret) : PST_CTL_OK;
}

enum pst_ctl_exit
pst_call(const char *socket, json_t *request, json_t **result)
{
	struct pst_rows rows = { 0 };
	enum pst_ctl_exit code = call(socket, request, &rows);

	if (code == PST_CTL_OK)
		*result = json_incref(json_object_get(rows.reply, "result"));
	pst_rows_fini(&rows);
	return code;
}

static int enough_fd = -1;

static void
say_enough(int number)
{
	(void)number;
	shutdown(enough_fd, SHUT_WR);
}

/* The first such signal says that it is enough, the second one ends us. */
static void
catch_signals(int fd)
{
	struct sigaction action = { .sa_handler = say_enough, .sa_flags = SA_RESETHAND };

	enough_fd = fd;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

enum pst_ctl_exit
pst_call_with_file(const char *socket, json_t *request, int file, json_t **result)
{
	const struct timeval for_ever = { 0 };
	struct pst_rows rows = { 0 };
	int fd, ret;
	enum pst_ctl_exit code = open_socket(socket, &fd);

	if (code != PST_CTL_OK) {
		json_decref(request);
		return code;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof(for_ever));
	catch_signals(fd);
	ret = send_request(fd, request, file);
	json_decref(request);
	if (ret == 0)
		ret = receive(fd, &rows);
	close(fd);
	code = ret < 0 ? complain_answer(socket, -ret) : judge(socket, rows.reply);
	if (code == PST_CTL_OK)
		*result = json_incref(json_object_get(rows.reply, "result"));
	pst_rows_fini(&rows);
	return code;
}

enum pst_ctl_exit
pst_call_rows(
	const char *socket, json_t *request, void (*row)(void *ctx, const json_t *row), void *ctx)
{
	struct pst_rows rows = { .row = row, .ctx = ctx };
	enum pst_ctl_exit code = call(socket, request, &rows);
	const json_t *one;
	size_t i;

	/* those that came in a reply of another form */
	json_array_foreach(json_object_get(rows.reply, "result"), i, one)
	{
		if (code == PST_CTL_OK)
			row(ctx, one);
	}
	pst_rows_fini(&rows);
	return code;
}
