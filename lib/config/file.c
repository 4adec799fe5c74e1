/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole files: from a text to a config, and what is said of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/load_priv.h"
#include "config/reload.h"

#define FILE_MOST (16 << 20)

static void
note_again(void *ctx, const char *pointer, uint32_t line, bool again)
{
	if (again)
		pst_problem_at(ctx, line, pointer, "this key is there twice");
}

static int
parse(struct pst_loader l, const char *text, size_t len, const char *name)
{
	struct pst_config *config = l.config;
	struct pst_problems *problems = l.problems;
	json_error_t error;
	json_t *root;

	memset(config, 0, sizeof(*config));
	memset(problems, 0, sizeof(*problems));
	problems->file = strdup(name);
	snprintf(config->path, sizeof(config->path), "%s", name);
	root = json_loadb(text, len, 0, &error);
	if (root == NULL) {
		pst_problem_at(&l, error.line > 0 ? error.line : 1, "", error.text);
		return -EINVAL;
	}
	pst_places_init(&l.places, text, len);
	pst_locate_walk(text, len, note_again, &l);
	pst_load_root(&l, root);
	if (l.running != NULL && problems->errors == 0)
		pst_config_check_next(&l);
	pst_places_fini(&l.places);
	json_decref(root);
	if (problems->errors > 0)
		pst_config_fini(config);
	return problems->errors == 0 ? 0 : -EINVAL;
}

int
pst_config_parse(const char *text, size_t len, const char *name, const char *const *editors,
	struct pst_config *config, struct pst_problems *problems)
{
	struct pst_loader l = { .editors = editors, .config = config, .problems = problems };

	return parse(l, text, len, name);
}

int
pst_config_parse_next(const char *text, size_t len, const char *name, const char *const *editors,
	const struct pst_config *running, struct pst_config *next, struct pst_changes *changes,
	struct pst_problems *problems)
{
	struct pst_loader l = { .editors = editors,
		.config = next,
		.problems = problems,
		.running = running,
		.changes = changes };

	memset(changes, 0, sizeof(*changes));
	return parse(l, text, len, name);
}

static int
unreadable(struct pst_loader *l, const char *path, int err)
{
	char text[128];

	memset(l->config, 0, sizeof(*l->config));
	memset(l->problems, 0, sizeof(*l->problems));
	l->problems->file = strdup(path);
	snprintf(text, sizeof(text), "can't be read: %s", strerror(err));
	pst_problem_at(l, 0, "", text);
	return -EINVAL;
}

static int
load(struct pst_loader l, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text;
	size_t len;
	int err = 0, ret;

	if (f == NULL)
		return unreadable(&l, path, errno);
	text = malloc(FILE_MOST + 1);
	errno = 0;
	len = text != NULL ? fread(text, 1, FILE_MOST + 1, f) : 0;
	if (text == NULL)
		err = ENOMEM;
	else if (ferror(f))
		err = errno != 0 ? errno : EIO;
	else if (len > FILE_MOST)
		err = EFBIG;
	ret = err != 0 ? unreadable(&l, path, err) : parse(l, text, len, path);
	free(text);
	fclose(f);
	return ret;
}

int
pst_config_load(const char *path, const char *const *editors, struct pst_config *config,
	struct pst_problems *problems)
{
	struct pst_loader l = { .editors = editors, .config = config, .problems = problems };

	return load(l, path);
}

int
pst_config_load_next(const char *path, const char *const *editors, const struct pst_config *running,
	struct pst_config *next, struct pst_changes *changes, struct pst_problems *problems)
{
	struct pst_loader l = { .editors = editors,
		.config = next,
		.problems = problems,
		.running = running,
		.changes = changes };

	memset(changes, 0, sizeof(*changes));
	return load(l, path);
}

void
pst_config_fini(struct pst_config *config)
{
	free(config->filters);
	config->filters = NULL;
	config->n_filters = 0;
}
