/* SPDX-License-Identifier: BSD-3-Clause */
#include "call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 30 /* without a single byte */
#define READ_FIRST 65536

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

static int
send_request(int fd, const json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	int ret;

	if (line == NULL)
		return -ENOMEM;
	ret = send_all(fd, line, strlen(line));
	if (ret == 0)
		ret = send_all(fd, "\n", 1);
	free(line);
	return ret;
}

/* The line, without its newline. Its length, or -errno: -EPIPE when the appliance left. */
static ssize_t
read_line(int fd, char **line)
{
	size_t size = 0, len = 0;
	ssize_t n = 0;

	*line = NULL;
	do {
		if (len == size) {
			char *more = realloc(*line, size = size > 0 ? size * 2 : READ_FIRST);

			if (more == NULL)
				return -ENOMEM;
			*line = more;
		}
		n = recv(fd, *line + len, size - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EPIPE;
		len += n;
	} while (n < 0 || (*line)[len - 1] != '\n');
	return len - 1;
}

static enum pst_ctl_exit
read_reply(const char *socket, const char *line, size_t len, json_t **result)
{
	json_t *reply = json_loadb(line, len, 0, NULL);
	const char *error = json_string_value(json_object_get(reply, "error"));
	enum pst_ctl_exit code = PST_CTL_REFUSED;

	if (json_is_true(json_object_get(reply, "ok"))) {
		*result = json_incref(json_object_get(reply, "result"));
		code = PST_CTL_OK;
	} else if (error != NULL) {
		fprintf(stderr, "posternctl: %s\n", error);
	} else {
		complain(code, socket, "the answer makes no sense");
	}
	json_decref(reply);
	return code;
}

enum pst_ctl_exit
pst_call(const char *socket, json_t *request, json_t **result)
{
	char *line = NULL;
	ssize_t len;
	int fd, ret;
	enum pst_ctl_exit code = open_socket(socket, &fd);

	if (code != PST_CTL_OK) {
		json_decref(request);
		return code;
	}
	ret = send_request(fd, request);
	json_decref(request);
	len = ret < 0 ? ret : read_line(fd, &line);
	if (len >= 0)
		code = read_reply(socket, line, len, result);
	else if (len == -EAGAIN)
		code = complain(PST_CTL_REFUSED, socket, "the appliance does not answer");
	else if (len == -EPIPE || len == -ECONNRESET)
		code = complain(PST_CTL_ABSENT, socket, "the appliance hung up");
	else
		code = complain(PST_CTL_REFUSED, socket, strerror(-len));
	free(line);
	close(fd);
	return code;
}
