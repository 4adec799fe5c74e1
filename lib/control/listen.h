/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listening UNIX socket that is its owner's alone, mode 0600 from the first moment.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct pst_listen {
	int fd;
	char path[108]; /* sun_path's length */
	dev_t dev;	/* the file we made, not another's of the same name */
	ino_t ino;
};

/*
 * Listen on `path`, not blocking. A socket that nobody answers on any more is replaced;
 * the last folder of the path is made when it is missing. 0, or -errno with a
 * text in error: -EADDRINUSE when somebody answers, -EEXIST when it is no socket.
 */
int pst_listen_init(struct pst_listen *listener, const char *path, char *error, size_t size);
/* Close, and remove the file if it is still ours. */
void pst_listen_fini(struct pst_listen *listener);
