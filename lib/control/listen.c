/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

static int
refuse(char *error, size_t size, const char *path, const char *why, int err)
{
	snprintf(error, size, "%s: %s", path, why);
	return -err;
}

static int
refuse_errno(char *error, size_t size, const char *path, int err)
{
	return refuse(error, size, path, strerror(err), err);
}

static void
make_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = '\0';
	mkdir(folder, 0755); /* what is wrong with it, bind() will say */
}

static int
new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Remove what a dead process left. 0, or -errno when the path is not to be had. */
static int
clear_path(const struct sockaddr_un *addr, char *error, size_t size)
{
	struct stat st;
	int fd, ret;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : refuse_errno(error, size, addr->sun_path, errno);
	if (!S_ISSOCK(st.st_mode))
		return refuse(error, size, addr->sun_path, "is there, and is no socket", EEXIST);
	fd = new_socket();
	if (fd < 0)
		return refuse_errno(error, size, addr->sun_path, errno);
	ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? errno : 0;
	close(fd);
	if (ret == 0 || ret == EAGAIN)
		return refuse(error, size, addr->sun_path, "another postern runs and answers on it",
			EADDRINUSE);
	if (ret != ECONNREFUSED && ret != ENOENT)
		return refuse_errno(error, size, addr->sun_path, ret);
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return refuse_errno(error, size, addr->sun_path, errno);
	return 0;
}

/*
 * The file gets the mode of the socket's own inode, less the umask: it is set there
 * first, so at no moment others may connect, and the umask, which is
 * the whole process', need not be touched.
 */
static int
bind_file(struct pst_listen *listener, const struct sockaddr_un *addr)
{
	struct stat st;

	if (fchmod(listener->fd, 0600) < 0 ||
		bind(listener->fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	if (lstat(addr->sun_path, &st) < 0)
		return -errno;
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	if (chmod(addr->sun_path, 0600) < 0 || listen(listener->fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

int
pst_listen_init(struct pst_listen *listener, const char *path, char *error, size_t size)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int ret;

	memset(listener, 0, sizeof(*listener));
	listener->fd = -1;
	if (path[0] == '\0' || strlen(path) >= sizeof(addr.sun_path))
		return refuse(error, size, path, "not a path for a socket, or too long", EINVAL);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	snprintf(listener->path, sizeof(listener->path), "%s", path);
	make_folder(path);
	ret = clear_path(&addr, error, size);
	if (ret < 0)
		return ret;
	listener->fd = new_socket();
	if (listener->fd < 0)
		return refuse_errno(error, size, path, errno);
	ret = bind_file(listener, &addr);
	if (ret < 0) {
		pst_listen_fini(listener);
		return refuse_errno(error, size, path, -ret);
	}
	return 0;
}

void
pst_listen_fini(struct pst_listen *listener)
{
	struct stat st;

	if (listener->fd < 0)
		return;
	if (lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
		st.st_ino == listener->ino)
		unlink(listener->path);
	close(listener->fd);
	listener->fd = -1;
}
