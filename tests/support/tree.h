/* SPDX-License-Identifier: BSD-3-Clause */
/* A folder that stands in for a machine's /sys, /proc and /etc. */
#pragma once

#include <limits.h>

struct tree {
	char root[PATH_MAX];
};

void tree_make(struct tree *tree);
void tree_remove(struct tree *tree);
/* A file with a text, or a link; the folders it is in are made. */
void tree_file(const struct tree *tree, const char *path, const char *text);
void tree_link(const struct tree *tree, const char *path, const char *target);
void tree_folder(const struct tree *tree, const char *path);
/* What is in a file; of the last call. */
const char *tree_read(const struct tree *tree, const char *path);
