/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data filters of one connection, in the order of their priority (R63).
 *
 * One filter is shown the stream engine's bytes themselves. Of several each has the output
 * of the one before it, kept until it is dealt with. What some filter holds must stay held
 * by the engine too, which acknowledges and later delivers it: so the last byte that was shown
 * is not dealt with while any filter has something in hand. `shown` says how many of
 * the bytes at the front have been through the chain before.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime_priv.h"

#define HELD_MAX 4096 /* what a filter may hold; past it, it has left */

struct held {
	uint8_t *bytes;
	uint32_t len, room;
};

struct attached {
	const struct pst_data_filter *filter;
	void *context;
	enum pst_priority priority;
	uint32_t editor;
	bool left; /* it sees nothing any more */
	struct held in[PST_DIRS];
};

struct filters {
	struct attached list[PST_DATA_FILTERS_MAX];
	uint32_t n;
	struct held out[PST_DIRS], emitted;
	uint32_t shown[PST_DIRS];
};

int
filters_attach(struct filters **fs, const struct pst_data_filter *filter,
	enum pst_priority priority, void *context, uint32_t editor)
{
	uint32_t at;

	if (*fs == NULL)
		*fs = calloc(1, sizeof(**fs));
	if (*fs == NULL)
		return -ENOMEM;
	if ((*fs)->n == PST_DATA_FILTERS_MAX)
		return -ENOSPC;
	at = (*fs)->n++;
	while (at > 0 && (*fs)->list[at - 1].priority > priority) {
		(*fs)->list[at] = (*fs)->list[at - 1];
		at--;
	}
	(*fs)->list[at] = (struct attached){
		.filter = filter, .context = context, .priority = priority, .editor = editor
	};
	return 0;
}

static void
leave(struct attached *a, struct pst_runtime *rt)
{
	uint32_t before = rt->current;

	if (a->filter != NULL && a->filter->detach != NULL) {
		rt->current = a->editor;
		a->filter->detach(a->context);
		rt->current = before;
	}
	a->filter = NULL;
	a->left = true;
}

void
filters_destroy(struct filters *fs, struct pst_runtime *rt)
{
	if (fs == NULL)
		return;
	for (uint32_t i = 0; i < fs->n; i++) {
		leave(&fs->list[i], rt);
		free(fs->list[i].in[PST_DIR_ORIG].bytes);
		free(fs->list[i].in[PST_DIR_REPLY].bytes);
	}
	free(fs->out[PST_DIR_ORIG].bytes);
	free(fs->out[PST_DIR_REPLY].bytes);
	free(fs->emitted.bytes);
	free(fs);
}

void
filters_forsake(struct filters *fs, struct pst_runtime *rt, uint32_t editor)
{
	for (uint32_t i = 0; fs != NULL && i < fs->n; i++) {
		if (fs->list[i].editor == editor)
			leave(&fs->list[i], rt);
	}
}

bool
filters_emulation(const struct filters *fs, const struct pst_data_filter **filter, void **context,
	uint32_t *editor)
{
	for (uint32_t i = 0; fs != NULL && i < fs->n; i++) {
		if (fs->list[i].priority != PST_PRIORITY_EMULATION || fs->list[i].left)
			continue;
		*filter = fs->list[i].filter;
		*context = fs->list[i].context;
		*editor = fs->list[i].editor;
		return true;
	}
	return false;
}

uint32_t
filters_count(const struct filters *fs)
{
	uint32_t n = 0;

	for (uint32_t i = 0; fs != NULL && i < fs->n; i++)
		n += !fs->list[i].left;
	return n;
}

static void
ask(struct attached *a, struct pst_runtime *rt, enum pst_dir dir, const uint8_t *bytes,
	uint32_t len, bool end, struct pst_edit *edit)
{
	uint32_t before = rt->current;

	*edit = (struct pst_edit){ .op = PST_EDIT_PASS, .take = len };
	rt->current = a->editor;
	a->filter->data(a->context, dir, bytes, len, end, edit);
	rt->current = before;
}

/* Bytes in hand. */

static bool
add(struct held *h, const uint8_t *bytes, uint32_t len)
{
	if (h->room - h->len < len) {
		uint32_t room = RTE_MAX(h->len + len, 2 * h->room);
		uint8_t *grown = realloc(h->bytes, room);

		if (grown == NULL)
			return false;
		h->bytes = grown;
		h->room = room;
	}
	if (len > 0)
		memcpy(h->bytes + h->len, bytes, len);
	h->len += len;
	return true;
}

static void
take(struct held *h, uint32_t n)
{
	h->len -= n;
	memmove(h->bytes, h->bytes + n, h->len);
}

/* The i-th filter on the way of these bytes. */
static struct attached *
nth(struct filters *fs, uint32_t i, bool from_client)
{
	return &fs->list[from_client ? i : fs->n - 1 - i];
}

static struct held *
behind(struct filters *fs, uint32_t i, enum pst_dir dir, bool from_client)
{
	return i + 1 < fs->n ? &nth(fs, i + 1, from_client)->in[dir] : &fs->out[dir];
}

enum step { AGAIN, DONE, RESET, FAILED };

/* One question to a filter that has bytes; its answer moves some of them on. */
static enum step
step(struct attached *a, struct pst_runtime *rt, enum pst_dir dir, bool end, struct held *next)
{
	struct held *in = &a->in[dir];
	struct pst_edit edit;
	uint32_t n;

	ask(a, rt, dir, in->bytes, in->len, end, &edit);
	n = edit.take >= 1 && edit.take <= in->len ? edit.take : in->len;
	switch (edit.op) {
	case PST_EDIT_RESET:
		return RESET;
	case PST_EDIT_UNWATCH:
		leave(a, rt);
		n = in->len;
		break;
	case PST_EDIT_MORE:
		if (!end && in->len < HELD_MAX)
			return DONE;
		if (!end) {
			rt->stats.latched++;
			leave(a, rt);
		}
		n = in->len;
		break;
	case PST_EDIT_REPLACE:
		if (!add(next, edit.data, edit.data_len))
			return FAILED;
		take(in, n);
		return AGAIN;
	case PST_EDIT_DROP:
		take(in, n);
		return AGAIN;
	case PST_EDIT_PASS:
		break;
	}
	if (!add(next, in->bytes, n))
		return FAILED;
	take(in, n);
	return AGAIN;
}

static enum step
run_one(struct filters *fs, struct pst_runtime *rt, uint32_t i, enum pst_dir dir,
	bool from_client, bool end)
{
	struct attached *a = nth(fs, i, from_client);
	struct held *next = behind(fs, i, dir, from_client);
	enum step s = AGAIN;
	bool told = false;

	while (s == AGAIN && !a->left && (a->in[dir].len > 0 || (end && !told))) {
		told = end;
		s = step(a, rt, dir, end, next);
	}
	if (!a->left || s == RESET || s == FAILED)
		return s;
	s = add(next, a->in[dir].bytes, a->in[dir].len) ? DONE : FAILED;
	a->in[dir].len = 0;
	return s;
}

static bool
holds(const struct filters *fs, enum pst_dir dir)
{
	for (uint32_t i = 0; i < fs->n; i++) {
		if (fs->list[i].in[dir].len > 0)
			return true;
	}
	return false;
}

/* What the engine is to do: all that came out takes the place of all that was shown. */
static void
settle(struct filters *fs, enum pst_dir dir, const uint8_t *bytes, uint32_t len,
	struct pst_edit *edit)
{
	struct held *out = &fs->out[dir], *emitted = &fs->emitted, keep = *emitted;
	uint32_t rest = holds(fs, dir) ? 1 : 0;

	if (rest > 0 && (out->len == 0 || len <= rest)) {
		edit->op = PST_EDIT_MORE;
		fs->shown[dir] = len;
		return;
	}
	if (rest == 0 && out->len == len && (len == 0 || memcmp(out->bytes, bytes, len) == 0)) {
		*edit = (struct pst_edit){ .op = PST_EDIT_PASS, .take = len };
		out->len = 0;
		fs->shown[dir] = 0;
		return;
	}
	*emitted = *out;
	*out = keep;
	out->len = 0;
	*edit = (struct pst_edit){ .op = PST_EDIT_REPLACE,
		.take = len - rest,
		.data = emitted->bytes,
		.data_len = emitted->len };
	fs->shown[dir] = rest;
}

static void
run_chain(struct filters *fs, struct pst_runtime *rt, enum pst_dir dir, bool from_client,
	const uint8_t *bytes, uint32_t len, bool end, struct pst_edit *edit)
{
	uint32_t shown = RTE_MIN(fs->shown[dir], len);
	bool ok = add(&nth(fs, 0, from_client)->in[dir], bytes + shown, len - shown);

	for (uint32_t i = 0; ok && i < fs->n; i++) {
		enum step s = run_one(fs, rt, i, dir, from_client, end);

		ok = s != FAILED && s != RESET;
	}
	if (!ok) {
		edit->op = PST_EDIT_RESET;
		return;
	}
	settle(fs, dir, bytes, len, edit);
}

void
filters_stream(struct filters *fs, struct pst_runtime *rt, enum pst_dir dir, bool from_client,
	const uint8_t *bytes, uint32_t len, bool end, struct pst_edit *edit)
{
	bool is_idle = fs == NULL || (filters_count(fs) == 0 && !holds(fs, PST_DIR_ORIG) &&
						 !holds(fs, PST_DIR_REPLY) &&
						 fs->shown[PST_DIR_ORIG] + fs->shown[PST_DIR_REPLY] == 0);

	if (is_idle)
		edit->op = PST_EDIT_UNWATCH;
	else if (fs->n == 1 && !fs->list[0].left)
		ask(&fs->list[0], rt, dir, bytes, len, end, edit);
	else if (fs->n == 1)
		edit->op = PST_EDIT_UNWATCH;
	else
		run_chain(fs, rt, dir, from_client, bytes, len, end, edit);
}

bool
filters_is_stuck(const struct filters *fs, enum pst_dir dir)
{
	for (uint32_t i = 0; fs != NULL && i < fs->n; i++) {
		if (fs->list[i].left && fs->list[i].in[dir].len > 0)
			return true;
	}
	return false;
}

void
filters_datagram(struct filters *fs, struct pst_runtime *rt, enum pst_dir dir, bool from_client,
	const uint8_t *bytes, uint32_t len, struct pst_edit *edit)
{
	struct pst_edit all = { .op = PST_EDIT_PASS, .data = bytes, .data_len = len };

	for (uint32_t i = 0; fs != NULL && i < fs->n; i++) {
		struct attached *a = nth(fs, i, from_client);
		struct pst_edit one;

		if (a->left)
			continue;
		ask(a, rt, dir, all.data, all.data_len, false, &one);
		if (one.op == PST_EDIT_UNWATCH)
			leave(a, rt);
		if (one.op == PST_EDIT_REPLACE)
			all = one;
		if (one.op == PST_EDIT_DROP || one.op == PST_EDIT_RESET) {
			all.op = one.op;
			break;
		}
	}
	*edit = all;
}
