/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTER_MAX 1024
#define DEPTH_MAX 64

struct walker {
	const char *at, *end;
	uint32_t line;
	char pointer[POINTER_MAX];
	size_t pointer_len;
	unsigned int depth;
	pst_locate_visit visit;
	void *ctx;
};

/* The keys of one object, to see which come again. */
struct keys {
	char **list;
	size_t n;
};

static void walk_value(struct walker *w, bool again);

static int
peek(struct walker *w)
{
	while (w->at < w->end && strchr(" \t\r\n", *w->at) != NULL && *w->at != 0)
		w->line += *w->at++ == '\n';
	return w->at < w->end ? (unsigned char)*w->at : -1;
}

static bool
skip(struct walker *w, char c)
{
	if (peek(w) != c)
		return false;
	w->at++;
	return true;
}

/* A string, as it is written, into buf; its escapes stay but for those of quotes. */
static void
read_string(struct walker *w, char *buf, size_t size)
{
	size_t n = 0;

	if (!skip(w, '"'))
		return;
	while (w->at < w->end && *w->at != '"' && *w->at != '\n') {
		if (*w->at == '\\' && w->at + 1 < w->end)
			w->at++;
		if (n + 1 < size)
			buf[n++] = *w->at;
		w->at++;
	}
	if (size > 0)
		buf[n] = 0;
	if (w->at < w->end && *w->at == '"')
		w->at++;
}

/* A reference token behind the pointer, with RFC 6901's escapes. */
static size_t
push(struct walker *w, const char *token)
{
	size_t before = w->pointer_len;
	char *p = w->pointer;

	if (w->pointer_len + 2 < POINTER_MAX)
		p[w->pointer_len++] = '/';
	for (; *token != 0 && w->pointer_len + 3 < POINTER_MAX; token++) {
		if (*token == '~' || *token == '/') {
			p[w->pointer_len++] = '~';
			p[w->pointer_len++] = *token == '~' ? '0' : '1';
		} else {
			p[w->pointer_len++] = *token;
		}
	}
	p[w->pointer_len] = 0;
	return before;
}

static void
pop(struct walker *w, size_t before)
{
	w->pointer_len = before;
	w->pointer[before] = 0;
}

static bool
seen_before(struct keys *keys, const char *key)
{
	char **list;

	for (size_t i = 0; i < keys->n; i++) {
		if (strcmp(keys->list[i], key) == 0)
			return true;
	}
	list = realloc(keys->list, (keys->n + 1) * sizeof(*list));
	if (list == NULL)
		return false;
	keys->list = list;
	list[keys->n] = strdup(key);
	keys->n += list[keys->n] != NULL;
	return false;
}

static void
walk_object(struct walker *w)
{
	struct keys keys = { NULL, 0 };
	char key[256];

	w->at++;
	while (peek(w) == '"') {
		size_t before;
		bool again;

		read_string(w, key, sizeof(key));
		if (!skip(w, ':'))
			break;
		again = seen_before(&keys, key);
		before = push(w, key);
		walk_value(w, again);
		pop(w, before);
		if (!skip(w, ','))
			break;
	}
	skip(w, '}');
	for (size_t i = 0; i < keys.n; i++)
		free(keys.list[i]);
	free(keys.list);
}

static void
walk_array(struct walker *w)
{
	char index[16];

	w->at++;
	for (unsigned int i = 0; peek(w) != ']' && peek(w) >= 0; i++) {
		size_t before;
		const char *start = w->at;

		snprintf(index, sizeof(index), "%u", i);
		before = push(w, index);
		walk_value(w, false);
		pop(w, before);
		if (!skip(w, ',') || w->at == start)
			break;
	}
	skip(w, ']');
}

static void
walk_value(struct walker *w, bool again)
{
	int c = peek(w);

	if (c < 0)
		return;
	w->visit(w->ctx, w->pointer, w->line, again);
	if (++w->depth > DEPTH_MAX)
		w->at = w->end;
	else if (c == '{')
		walk_object(w);
	else if (c == '[')
		walk_array(w);
	else if (c == '"')
		read_string(w, NULL, 0);
	else
		while (w->at < w->end && strchr(",]} \t\r\n", *w->at) == NULL)
			w->at++;
	w->depth--;
}

void
pst_locate_walk(const char *text, size_t len, pst_locate_visit visit, void *ctx)
{
	struct walker w = {
		.at = text, .end = text + len, .line = 1, .visit = visit, .ctx = ctx
	};

	walk_value(&w, false);
}

struct search {
	const char *pointer;
	size_t best; /* length of the nearest parent found */
	uint32_t line;
};

static void
look(void *ctx, const char *pointer, uint32_t line, bool again)
{
	struct search *s = ctx;
	size_t len = strlen(pointer);

	if (again || strncmp(s->pointer, pointer, len) != 0)
		return;
	if ((s->pointer[len] == 0 || s->pointer[len] == '/') && (len > s->best || s->line == 0)) {
		s->best = len;
		s->line = line;
	}
}

uint32_t
pst_locate_line(const char *text, size_t len, const char *pointer)
{
	struct search s = { pointer, 0, 0 };

	pst_locate_walk(text, len, look, &s);
	return s.line != 0 ? s.line : 1;
}
