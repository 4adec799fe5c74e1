/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static void
on_line(struct rig *r, const uint8_t *bytes, uint32_t line, uint32_t len, struct pst_edit *edit)
{
	edit->op = PST_EDIT_REPLACE;
	edit->take = line;
	edit->data = r->edited;
	switch (bytes[0]) {
	case 'G': /* grows at its end */
		memcpy(r->edited, bytes, line - 1);
		memset(r->edited + line - 1, '+', 3);
		r->edited[line + 2] = '\n';
		edit->data_len = line + 3;
		return;
	case 'S': /* shrinks */
		memcpy(r->edited, "s\n", 2);
		edit->data_len = 2;
		return;
	case 'D': /* goes */
		edit->data_len = 0;
		return;
	case 'I': /* takes nothing */
		edit->take = 0;
		edit->data_len = 1;
		return;
	case 'J': /* takes more than there is */
		edit->take = len + 1;
		edit->data_len = 1;
		return;
	case 'U':
		edit->op = PST_EDIT_UNWATCH;
		return;
	case 'R':
		edit->op = PST_EDIT_RESET;
		return;
	default:
		edit->op = PST_EDIT_PASS;
	}
}

static void
on_data(void *ctx, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct rig *r = ctx;
	const uint8_t *nl = len > 0 ? memchr(bytes, '\n', len) : NULL;

	(void)dir;
	r->calls++;
	if (nl != NULL)
		on_line(r, bytes, nl - bytes + 1, len, edit);
	else if (!end || r->stubborn)
		edit->op = PST_EDIT_MORE;
}

static void
on_output(void *ctx, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct rig *r = ctx;
	struct rig_output *o = &r->out[r->n];

	assert_true(r->n < RIG_OUTPUTS && seg->len < RIG_DATA);
	r->n++;
	o->dir = dir;
	o->seg = *seg;
	if (seg->len > 0)
		memcpy(o->data, seg->data, seg->len);
	o->data[seg->len] = '\0';
}

static void
send_syn(struct rig *r, enum pst_dir dir, const uint8_t *options, uint8_t options_len)
{
	struct pst_stream_segment syn = { .seq = r->iss[dir],
		.flags = dir == C ? SYN : SYN | ACK,
		.window = r->window,
		.options_len = 4 + options_len,
		.options = { 2, 4, 1000 >> 8, 1000 & 255 } };

	if (dir == S)
		syn.ack = r->iss[C] + 1;
	if (options_len > 0)
		memcpy(syn.options + 4, options, options_len);
	assert_int_equal(pst_stream_input(r->stream, dir, &syn, r->now), PST_STREAM_FORWARDED);
}

void
rig_start(struct rig *r, const uint8_t *options, uint8_t options_len)
{
	static const struct pst_stream_ops ops = { .data = on_data, .output = on_output };
	static const struct pst_stream_params params = { .line_max = 100,
		.reorder_max = 5000,
		.unacked_max = 20000,
		.rto_ms = 100,
		.rto_max_ms = 400,
		.retries = 5 };

	if (r->params.line_max == 0)
		r->params = params;
	if (r->iss[C] == 0 && r->iss[S] == 0) {
		r->iss[C] = 1000;
		r->iss[S] = 50000;
	}
	r->window = r->window != 0 ? r->window : 10000;
	r->now = 1000;
	r->stream = pst_stream_create(&r->params, &ops, r);
	assert_non_null(r->stream);
	if (r->without_syns)
		return;
	send_syn(r, C, options, options_len);
	send_syn(r, S, options, options_len);
	rig_in(r, C, 0, 0, ACK, "");
	r->at = r->n;
}

void
rig_end(struct rig *r)
{
	pst_stream_destroy(r->stream);
}

enum pst_stream_fate
rig_in_seg(struct rig *r, enum pst_dir dir, struct pst_stream_segment seg)
{
	seg.seq += r->iss[dir] + 1;
	seg.ack += r->iss[pst_dir_other(dir)] + 1;
	return pst_stream_input(r->stream, dir, &seg, r->now);
}

enum pst_stream_fate
rig_in(struct rig *r, enum pst_dir dir, uint32_t seq, uint32_t ack, uint8_t flags, const char *text)
{
	struct pst_stream_segment seg = { .seq = seq,
		.ack = ack,
		.flags = flags,
		.window = r->window,
		.data = (const uint8_t *)text,
		.len = strlen(text) };

	return rig_in_seg(r, dir, seg);
}

const struct rig_output *
rig_next(struct rig *r, enum pst_dir dir)
{
	while (r->at < r->n) {
		const struct rig_output *o = &r->out[r->at++];

		if (o->dir == dir)
			return o;
	}
	fail_msg("no output in direction %d", dir);
	return NULL;
}

uint32_t
rig_seq(const struct rig *r, const struct rig_output *o)
{
	return o->seg.seq - r->iss[o->dir] - 1;
}

uint32_t
rig_ack(const struct rig *r, const struct rig_output *o)
{
	return o->seg.ack - r->iss[pst_dir_other(o->dir)] - 1;
}

void
rig_expect(struct rig *r, enum pst_dir dir, uint32_t seq, uint32_t ack, const char *text)
{
	const struct rig_output *o = rig_next(r, dir);

	assert_string_equal(o->data, text);
	assert_int_equal(rig_seq(r, o), seq);
	assert_int_equal(rig_ack(r, o), ack);
}

void
rig_expect_nothing(struct rig *r)
{
	assert_int_equal(r->at, r->n);
}

bool
rig_timer(struct rig *r)
{
	uint64_t at = pst_stream_deadline(r->stream);

	if (at == UINT64_MAX)
		return false;
	r->now = at > r->now ? at : r->now;
	pst_stream_timer(r->stream, r->now);
	return true;
}
