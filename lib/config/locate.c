/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/locate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTER_MAX 1024
#define KEY_MAX 256
#define DEPTH_MAX 64
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

struct walker {
	const char *at, *end;
	uint32_t line;
	char pointer[POINTER_MAX];
	size_t pointer_len;
	unsigned int depth;
	pst_locate_visit visit;
	void *ctx;
};

/* The keys of one object, as hashes of their text, to see which come again. */
struct keys {
	uint64_t *slots; /* 0: free */
	size_t n, room;	 /* room: a power of two */
};

static void walk_value(struct walker *w, uint32_t line, bool again);

static int
peek(struct walker *w)
{
	while (w->at < w->end && *w->at != 0 && strchr(" \t\r\n", *w->at) != NULL)
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

static unsigned int
read_hex(struct walker *w)
{
	unsigned int value = 0;

	for (int i = 0; i < 4 && w->at < w->end && isxdigit((unsigned char)*w->at); i++) {
		char digit[2] = { *w->at++, 0 };

		value = value << 4 | strtoul(digit, NULL, 16);
	}
	return value;
}

/* One code point as UTF-8. */
static size_t
encode(unsigned int code, char out[4])
{
	if (code < 0x80) {
		out[0] = code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = 0xc0 | code >> 6;
		out[1] = 0x80 | (code & 0x3f);
		return 2;
	}
	if (code < 0x10000) {
		out[0] = 0xe0 | code >> 12;
		out[1] = 0x80 | (code >> 6 & 0x3f);
		out[2] = 0x80 | (code & 0x3f);
		return 3;
	}
	out[0] = 0xf0 | code >> 18;
	out[1] = 0x80 | (code >> 12 & 0x3f);
	out[2] = 0x80 | (code >> 6 & 0x3f);
	out[3] = 0x80 | (code & 0x3f);
	return 4;
}

/* What stands behind a backslash (RFC 8259 section 7). */
static size_t
read_escape(struct walker *w, char out[4])
{
	static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
	const char *letter = strchr(letters, *w->at);
	unsigned int code;

	if (*w->at != 'u') {
		out[0] = letter != NULL ? meant[letter - letters] : *w->at;
		w->at++;
		return 1;
	}
	w->at++;
	code = read_hex(w);
	if (code >> 10 == 0xd800 >> 10 && w->end - w->at >= 2 && w->at[0] == '\\' &&
		w->at[1] == 'u') {
		w->at += 2;
		code = 0x10000 + ((code & 0x3ff) << 10) + (read_hex(w) & 0x3ff);
	}
	return encode(code, out);
}

/* A string with its escapes resolved: as much as fits into buf, and the hash of all of it. */
static uint64_t
read_string(struct walker *w, char *buf, size_t size)
{
	uint64_t hash = FNV_BASIS;
	size_t n = 0;

	w->at++;
	while (w->at < w->end && *w->at != '"') {
		char bytes[4] = { *w->at++ };
		size_t len = 1;

		if (bytes[0] == '\\' && w->at < w->end)
			len = read_escape(w, bytes);
		for (size_t i = 0; i < len; i++)
			hash = (hash ^ (unsigned char)bytes[i]) * FNV_PRIME;
		if (n + len < size) {
			memcpy(buf + n, bytes, len);
			n += len;
		}
	}
	if (size > 0)
		buf[n] = 0;
	if (w->at < w->end)
		w->at++;
	return hash;
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

/* The key's slot, or the free one that it would get. */
static uint64_t *
slot_of(const struct keys *keys, uint64_t key)
{
	size_t i = key & (keys->room - 1);

	while (keys->slots[i] != 0 && keys->slots[i] != key)
		i = (i + 1) & (keys->room - 1);
	return &keys->slots[i];
}

/* Twice the room, so that half of it stays free at least. */
static bool
grow_keys(struct keys *keys)
{
	struct keys more = { .n = keys->n, .room = keys->room != 0 ? 2 * keys->room : 16 };

	more.slots = calloc(more.room, sizeof(*more.slots));
	if (more.slots == NULL)
		return false;
	for (size_t i = 0; i < keys->room; i++) {
		if (keys->slots[i] != 0)
			*slot_of(&more, keys->slots[i]) = keys->slots[i];
	}
	free(keys->slots);
	*keys = more;
	return true;
}

static bool
seen_before(struct keys *keys, uint64_t key)
{
	uint64_t *slot;

	key += key == 0;
	if (2 * keys->n >= keys->room && !grow_keys(keys))
		return false;
	slot = slot_of(keys, key);
	if (*slot == key)
		return true;
	*slot = key;
	keys->n++;
	return false;
}

static void
walk_object(struct walker *w)
{
	struct keys keys = { 0 };
	char name[KEY_MAX];

	w->at++;
	while (peek(w) == '"') {
		uint32_t line = w->line;
		uint64_t key = read_string(w, name, sizeof(name));
		size_t before;

		if (!skip(w, ':'))
			break;
		before = push(w, name);
		walk_value(w, line, seen_before(&keys, key));
		pop(w, before);
		if (!skip(w, ','))
			break;
	}
	skip(w, '}');
	free(keys.slots);
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
		walk_value(w, w->line, false);
		pop(w, before);
		if (!skip(w, ',') || w->at == start)
			break;
	}
	skip(w, ']');
}

/* line: of its key, or of its start when it has none. */
static void
walk_value(struct walker *w, uint32_t line, bool again)
{
	int c = peek(w);

	if (c < 0)
		return;
	w->visit(w->ctx, w->pointer, line, again);
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
	struct walker w = { .at = text, .end = text + len, .line = 1, .visit = visit, .ctx = ctx };

	peek(&w);
	walk_value(&w, w.line, false);
}

/* Places. */

static uint64_t
hash_of(const char *pointer, size_t len)
{
	uint64_t hash = FNV_BASIS;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)pointer[i]) * FNV_PRIME;
	return hash;
}

static void
add_place(void *ctx, const char *pointer, uint32_t line, bool again)
{
	struct pst_places *places = ctx;

	(void)again;
	if (places->n == places->room) {
		size_t room = places->room != 0 ? 2 * places->room : 64;
		struct pst_place *list = realloc(places->list, room * sizeof(*list));

		if (list == NULL)
			return;
		places->list = list;
		places->room = room;
	}
	places->list[places->n++] =
		(struct pst_place){ .pointer = hash_of(pointer, strlen(pointer)), .line = line };
}

/* What comes again in the text comes behind its first place. */
static int
compare(const void *a, const void *b)
{
	const struct pst_place *p = a, *q = b;

	if (p->pointer != q->pointer)
		return p->pointer < q->pointer ? -1 : 1;
	return (p->line > q->line) - (p->line < q->line);
}

void
pst_places_init(struct pst_places *places, const char *text, size_t len)
{
	memset(places, 0, sizeof(*places));
	pst_locate_walk(text, len, add_place, places);
	if (places->n > 0)
		qsort(places->list, places->n, sizeof(places->list[0]), compare);
}

void
pst_places_fini(struct pst_places *places)
{
	free(places->list);
	memset(places, 0, sizeof(*places));
}

/* The first line of a pointer; 0 when it is not there. */
static uint32_t
lookup(const struct pst_places *places, uint64_t pointer)
{
	size_t low = 0, high = places->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (places->list[middle].pointer < pointer)
			low = middle + 1;
		else
			high = middle;
	}
	return low < places->n && places->list[low].pointer == pointer ? places->list[low].line : 0;
}

uint32_t
pst_places_line(const struct pst_places *places, const char *pointer)
{
	size_t len = strlen(pointer);
	uint32_t line = lookup(places, hash_of(pointer, len));

	while (line == 0 && len > 0) {
		do
			len--;
		while (len > 0 && pointer[len] != '/');
		line = lookup(places, hash_of(pointer, len));
	}
	return line != 0 ? line : 1;
}
