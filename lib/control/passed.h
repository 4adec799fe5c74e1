/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading from a socket on which a file may be passed along (SCM_RIGHTS). */
#pragma once

#include <sys/types.h>

/*
 * As recv() with MSG_DONTWAIT. A file that came with the bytes is in *fd, which was another or -1:
 * the other is closed. Of several the last is kept.
 */
ssize_t pst_passed_recv(int sock, void *buf, size_t len, int *fd);
