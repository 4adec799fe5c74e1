/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stream engine under a script of segments, timers and editor's answers.
 * Whatever comes: no fault, bounded memory, and a byte that went out at a
 * sequence number is the same whenever it goes out again, until it is acknowledged.
 */
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream/stream.h"

#define SPAN 8192
#define MEMORY_MAX 100000 /* what the parameters below come to, with room to grow by doubling */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
	const uint8_t *at, *end;
	size_t memory; /* in use before; a sanitizer's allocator says 0 */
	struct pst_stream *stream;
	uint32_t base[PST_DIRS];  /* first sequence number of each direction */
	uint32_t acked[PST_DIRS]; /* by its receiver, offset */
	uint8_t sent[PST_DIRS][SPAN];
	uint8_t is_sent[PST_DIRS][SPAN];
	bool plain;
	uint8_t edit[300];
};

static uint8_t
next(struct script *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

static void
on_data(void *ctx, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct script *s = ctx;
	uint8_t what = next(s);

	(void)dir;
	(void)end;
	if (len > 0 && bytes[len - 1] == 0xff && bytes[0] == 0xfe)
		return; /* read both ends: a sanitizer looks on */
	edit->op = what % 16 < 12 ? what % 3 : what % 5;
	edit->take = next(s) % (len + 2);
	edit->data = s->edit;
	edit->data_len = next(s);
	memset(s->edit, 'e' + what % 8, sizeof(s->edit));
	if (edit->op == PST_EDIT_UNWATCH)
		s->plain = true; /* what comes again then is the sender's own affair */
}

static void
on_output(void *ctx, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct script *s = ctx;
	uint32_t offset = seg->seq - s->base[dir];

	if (seg->len > 4000 || seg->options_len > 40 || seg->options_len % 4 != 0)
		abort();
	for (uint32_t i = 0; i < seg->len && !s->plain; i++, offset++) {
		if (offset >= SPAN || offset < s->acked[dir])
			continue;
		if (s->is_sent[dir][offset] && s->sent[dir][offset] != seg->data[i])
			abort();
		s->is_sent[dir][offset] = 1;
		s->sent[dir][offset] = seg->data[i];
	}
}

static uint32_t
near(struct script *s, uint32_t base)
{
	uint32_t v = next(s);

	return base + (v & 0x80 ? (v & 0x7f) * 8u : v);
}

static void
segment(struct script *s, enum pst_dir dir, uint64_t now)
{
	static uint8_t payload[300];
	struct pst_stream_segment seg = { .seq = near(s, s->base[dir]),
		.ack = near(s, s->base[pst_dir_other(dir)]),
		.window = next(s) * 16,
		.data = payload };
	uint8_t what = next(s);

	seg.flags = 0x10 | (what % 16 == 0 ? 1 : 0) | (what % 32 == 1 ? 4 : 0);
	seg.len = next(s);
	if (what & 0x40) {
		seg.options_len = 4 * (next(s) % 11);
		for (int i = 0; i < seg.options_len; i++)
			seg.options[i] = next(s);
	}
	for (uint32_t i = 0; i < seg.len; i++) /* a sender repeats itself truly */
		payload[i] = (seg.seq - s->base[dir] + i) * 7;
	pst_stream_input(s->stream, dir, &seg, now);
	if ((int32_t)(seg.ack - s->base[pst_dir_other(dir)] - s->acked[pst_dir_other(dir)]) > 0)
		s->acked[pst_dir_other(dir)] = seg.ack - s->base[pst_dir_other(dir)];
}

static void
handshake(struct script *s)
{
	struct pst_stream_segment syn = {
		.flags = 2, .window = 4000, .options_len = 8, .options = { 2, 4, 1, 0, 1, 3, 3, 2 }
	};

	for (int dir = 0; dir < PST_DIRS; dir++) {
		s->base[dir] = (uint32_t)next(s) << 24 | 0xffff00;
		syn.seq = s->base[dir] - 1;
		syn.ack = s->base[0];
		syn.flags = dir == 0 ? 0x02 : 0x12;
		pst_stream_input(s->stream, dir, &syn, 1000);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pst_stream_ops ops = { .data = on_data, .output = on_output };
	static const struct pst_stream_params params = { .line_max = 200,
		.reorder_max = 2000,
		.unacked_max = 4000,
		.rto_ms = 100,
		.rto_max_ms = 1000,
		.retries = 5 };
	static struct script s;
	int32_t offset[PST_DIRS];
	uint64_t now = 1000;

	memset(&s, 0, sizeof(s));
	s.memory = mallinfo2().uordblks;
	s.at = data;
	s.end = data + size;
	s.stream = pst_stream_create(&params, &ops, &s);
	handshake(&s);
	while (s.at < s.end) {
		uint8_t what = next(&s);

		if (what % 8 == 0) {
			now += 50;
			if (pst_stream_deadline(s.stream) <= now)
				pst_stream_timer(s.stream, now);
		} else {
			segment(&s, what & 1, now);
		}
		if (pst_stream_is_done(s.stream, offset))
			s.plain = true;
		if (mallinfo2().uordblks > s.memory + MEMORY_MAX)
			abort();
	}
	pst_stream_destroy(s.stream);
	return 0;
}
