/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

static char full[2 * PATH_MAX];

/* The path below the root, and its folders. */
static const char *
place(const struct tree *tree, const char *path)
{
	snprintf(full, sizeof(full), "%s%s", tree->root, path);
	for (char *slash = full + strlen(tree->root) + 1; (slash = strchr(slash, '/')) != NULL;
		slash++) {
		*slash = 0;
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	return full;
}

void
tree_make(struct tree *tree)
{
	snprintf(tree->root, sizeof(tree->root), "/tmp/pst-tree-XXXXXX");
	assert_non_null(mkdtemp(tree->root));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
tree_remove(struct tree *tree)
{
	assert_int_equal(nftw(tree->root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void
tree_file(const struct tree *tree, const char *path, const char *text)
{
	FILE *f = fopen(place(tree, path), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

void
tree_link(const struct tree *tree, const char *path, const char *target)
{
	unlink(place(tree, path));
	assert_int_equal(symlink(target, full), 0);
}

void
tree_folder(const struct tree *tree, const char *path)
{
	assert_true(mkdir(place(tree, path), 0755) == 0 || errno == EEXIST);
}

const char *
tree_read(const struct tree *tree, const char *path)
{
	static char text[4096];
	FILE *f = fopen(place(tree, path), "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}
