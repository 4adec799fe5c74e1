/* SPDX-License-Identifier: BSD-3-Clause */
#include "eventlog/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MS 1000

static bool
parse_path(const char *text, struct pst_event_target *target)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&target->address;

	if (strlen(text) >= sizeof(un->sun_path))
		return false;
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, text);
	target->address_len = sizeof(*un);
	return true;
}

static bool
parse_endpoint(const char *text, struct pst_event_target *target)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&target->address;
	const char *colon = strchr(text, ':');
	char host[INET_ADDRSTRLEN], *end;
	unsigned long port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (colon[1] < '1' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (*end != 0 || port > UINT16_MAX)
		return false;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	target->address_len = sizeof(*in);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1 && in->sin_addr.s_addr != 0;
}

bool
pst_event_target_parse(const char *text, struct pst_event_target *target)
{
	memset(target, 0, sizeof(*target));
	target->fd = -1;
	return text[0] == '/' ? parse_path(text, target) : parse_endpoint(text, target);
}

bool
pst_event_target_is_local(const struct pst_event_target *target)
{
	return target->address.ss_family == AF_UNIX;
}

bool
pst_event_target_connect(struct pst_event_target *target, uint64_t now_ms)
{
	const struct sockaddr *address = (const struct sockaddr *)&target->address;

	if (target->fd >= 0)
		return true;
	if (now_ms < target->retry_ms)
		return false;
	target->fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (target->fd >= 0 && connect(target->fd, address, target->address_len) == 0) {
		target->connects++;
		return true;
	}
	target->fault = errno;
	pst_event_target_close(target);
	target->retry_ms = now_ms + RETRY_MS;
	return false;
}

bool
pst_event_target_send(
	struct pst_event_target *target, const void *bytes, size_t len, uint64_t now_ms)
{
	ssize_t n;

	if (!pst_event_target_connect(target, now_ms))
		return false;
	n = send(target->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == ECONNREFUSED && !pst_event_target_is_local(target))
		/* that is of the one before, by ICMP: this one was not sent yet */
		n = send(target->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	target->fault = n < 0 ? errno : 0;
	if (n >= 0)
		return true;
	if (pst_event_target_is_local(target) && errno != EAGAIN && errno != ENOBUFS &&
		errno != EMSGSIZE) { /* its daemon was started anew, maybe */
		pst_event_target_close(target);
		target->retry_ms = now_ms + RETRY_MS;
	}
	return false;
}

void
pst_event_target_close(struct pst_event_target *target)
{
	if (target->fd >= 0)
		close(target->fd);
	target->fd = -1;
}
