/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/passed.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILES_MOST 8 /* taken at once; the kernel closes others */

static void
take(int *fd, int passed)
{
	if (*fd >= 0)
		close(*fd);
	*fd = passed;
}

static void
take_all(const struct cmsghdr *head, int *fd)
{
	size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int passed;

		memcpy(&passed, CMSG_DATA(head) + i * sizeof(int), sizeof(passed));
		take(fd, passed);
	}
}

ssize_t
pst_passed_recv(int sock, void *buf, size_t len, int *fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(FILES_MOST * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_all(c, fd);
	}
	return n;
}
