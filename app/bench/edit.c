/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>
#include <rte_tcp.h>

#include "base/rng.h"
#include "meter.h"
#include "stream/stream.h"

#define STREAMS 64
#define SEGMENT 1460u
#define RECORDS 64u /* different ones, then they come again */
#define PERIOD (RECORDS * SEGMENT)
#define EDITED 8u	 /* bytes at the beginning of a record */
#define IN_FLIGHT 10u	 /* segments */
#define ACK_EVERY 2u	 /* segments (RFC 1122 section 4.2.3.2) */
#define CHECK_EVERY 64u
#define WINDOW 4096u	 /* segments between two looks at the clock */
#define ISS_CLIENT 1000u
#define ISS_SERVER 4000000000u
#define MTU_MSS 0x05, 0xb4 /* 1,460 */
#define UNACKED_MAX 65536u

struct wire {
	struct pst_stream *stream;
	struct bench *bench;
	uint64_t sent; /* bytes, of the client's */
	uint64_t seen; /* bytes, at the server */
	uint64_t shown; /* bytes, to the editor */
	uint32_t acked; /* by the server: its next expected sequence number when it said so */
	uint64_t segments;
};

struct bench {
	bool edits;
	uint8_t in[PERIOD], out[PERIOD];
	uint8_t replacement[EDITED + 1];
	struct wire wires[STREAMS];
	struct pst_meter meter;
	uint64_t segments_out, acks, compared, bad;
};

/* One editor: it replaces the first bytes of each record, one byte fewer and one more in turn. */
static void
on_data(void *ctx, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct wire *w = ctx;
	uint32_t place = w->shown % SEGMENT;

	(void)bytes;
	(void)end;
	if (dir != PST_DIR_ORIG)
		return;
	if (!w->bench->edits) {
		w->shown += len;
		return;
	}
	edit->op = PST_EDIT_PASS;
	edit->take = RTE_MIN(len, SEGMENT - place);
	if (place == 0 && len >= EDITED) {
		edit->op = PST_EDIT_REPLACE;
		edit->take = EDITED;
		edit->data = w->bench->replacement;
		edit->data_len = w->shown / SEGMENT % 2 == 0 ? EDITED - 1 : EDITED + 1;
	}
	w->shown += edit->take;
}

/* The server: is this what follows, and is it right? */
static void
on_output(void *ctx, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	struct wire *w = ctx;
	struct bench *b = w->bench;
	uint32_t place = w->seen % PERIOD, first = RTE_MIN(seg->len, PERIOD - place);

	if (dir != PST_DIR_ORIG) {
		b->acks++;
		return;
	}
	if (seg->len == 0)
		return;
	b->bad += seg->seq != ISS_CLIENT + 1 + (uint32_t)w->seen;
	if (b->segments_out++ % CHECK_EVERY == 0) {
		b->compared++;
		b->bad += memcmp(seg->data, b->out + place, first) != 0 ||
			memcmp(seg->data + first, b->out, seg->len - first) != 0;
	}
	w->seen += seg->len;
}

static void
say(struct wire *w, enum pst_dir dir, struct pst_stream_segment *seg)
{
	pst_stream_input(w->stream, dir, seg, 0);
}

static int
open_wire(struct bench *b, struct wire *w)
{
	static const struct pst_stream_params params = { .line_max = UNACKED_MAX,
		.reorder_max = UNACKED_MAX,
		.unacked_max = UNACKED_MAX,
		.rto_ms = 1000,
		.rto_max_ms = 60000,
		.retries = 8 };
	static const struct pst_stream_ops ops = { on_data, on_output };
	struct pst_stream_segment syn = { .seq = ISS_CLIENT,
		.window = UINT16_MAX,
		.flags = RTE_TCP_SYN_FLAG,
		.options_len = 4,
		.options = { 2, 4, MTU_MSS } };
	struct pst_stream_segment answer = syn;

	*w = (struct wire){ .bench = b, .acked = ISS_CLIENT + 1 };
	w->stream = pst_stream_create(&params, &ops, w);
	if (w->stream == NULL)
		return -ENOMEM;
	answer.seq = ISS_SERVER;
	answer.ack = ISS_CLIENT + 1;
	answer.flags |= RTE_TCP_ACK_FLAG;
	say(w, PST_DIR_ORIG, &syn);
	say(w, PST_DIR_REPLY, &answer);
	return 0;
}

static void
send_segment(struct bench *b, struct wire *w)
{
	struct pst_stream_segment seg = { .seq = ISS_CLIENT + 1 + (uint32_t)w->sent,
		.ack = ISS_SERVER + 1,
		.window = UINT16_MAX,
		.flags = RTE_TCP_ACK_FLAG,
		.data = b->in + w->sent % PERIOD,
		.len = SEGMENT };

	say(w, PST_DIR_ORIG, &seg);
	w->sent += SEGMENT;
	w->segments++;
}

/* Ten segments behind: what was acknowledged is what the server had then. */
static void
acknowledge(struct wire *w)
{
	struct pst_stream_segment ack = { .seq = ISS_SERVER + 1,
		.window = UINT16_MAX,
		.flags = RTE_TCP_ACK_FLAG };
	uint64_t behind = RTE_MIN(w->seen, (uint64_t)IN_FLIGHT * SEGMENT);

	w->acked = ISS_CLIENT + 1 + (uint32_t)(w->seen - behind);
	ack.ack = w->acked;
	say(w, PST_DIR_REPLY, &ack);
}

static void
fill(struct bench *b)
{
	struct pst_rng rng;
	uint32_t to = 0;

	pst_rng_init(&rng, 1);
	for (uint32_t i = 0; i < PERIOD; i++)
		b->in[i] = pst_rng_next(&rng);
	memset(b->replacement, '0', sizeof(b->replacement));
	memcpy(b->out, b->in, PERIOD);
	for (uint32_t r = 0; b->edits && r < RECORDS; r++) {
		uint32_t len = r % 2 == 0 ? EDITED - 1 : EDITED + 1;

		memcpy(b->out + to, b->replacement, len);
		memcpy(b->out + to + len, b->in + r * SEGMENT + EDITED, SEGMENT - EDITED);
		to += len + SEGMENT - EDITED;
	}
}

static uint64_t
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* For so long, less than a second more or less; every stream has a segment in a round. */
static void
run(struct bench *b, uint32_t seconds)
{
	uint64_t end = now_s() + seconds;

	for (uint32_t round = 1; now_s() < end; round++)
		for (uint32_t i = 0; i < STREAMS; i++) {
			send_segment(b, &b->wires[i]);
			if (round % ACK_EVERY == 0)
				acknowledge(&b->wires[i]);
			pst_meter_note(&b->meter, 1, WINDOW);
		}
}

/* Whatever went in has come out. */
static uint64_t
count_lost(const struct bench *b)
{
	uint64_t lost = 0;

	for (uint32_t i = 0; i < STREAMS; i++) {
		const struct wire *w = &b->wires[i];
		/* behind an odd number of records, one byte is still to be added again */
		uint64_t expected = w->sent - (b->edits && w->segments % 2 == 1);

		lost += w->seen != expected;
	}
	return lost;
}

static int
print(const struct bench *b, bool json, bool first)
{
	struct pst_meter *const meters[] = { (struct pst_meter *)(uintptr_t)&b->meter };
	struct pst_summary sum;
	uint64_t in = 0, lost = count_lost(b);
	int ret = pst_meter_sum(meters, 1, &sum);

	if (ret != 0)
		return ret;
	for (uint32_t i = 0; i < STREAMS; i++)
		in += b->wires[i].segments;
	if (json)
		printf("%s\n  {\"edits\": %s, \"ns\": %.1f, \"segments_a_second\": %.0f, "
		       "\"segments_in\": %" PRIu64 ", \"segments_out\": %" PRIu64
		       ", \"acknowledgements\": %" PRIu64 ", \"compared\": %" PRIu64
		       ", \"bad\": %" PRIu64 ", \"incomplete\": %" PRIu64
		       ", \"windows\": %u, \"kept\": %u}",
			first ? "" : ",", b->edits ? "true" : "false", sum.ns_median,
			1e9 / sum.ns_median, in, b->segments_out, b->acks, b->compared, b->bad,
			lost, sum.windows, sum.kept);
	else
		printf("%-26s %8.1f %11.2f %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %6" PRIu64
		       " %5u of %u\n",
			b->edits ? "one edit each 1,460 bytes" : "no edits", sum.ns_median,
			1e3 / sum.ns_median, in, b->segments_out, b->acks, b->bad + lost, sum.kept,
			sum.windows);
	if (b->bad + lost == 0)
		return 0;
	fprintf(stderr, "postern-bench: %" PRIu64 " segments came out wrong, %" PRIu64
		" streams are incomplete\n", b->bad, lost);
	return -EIO;
}

static int
measure(struct bench *b, bool json, bool edits, uint32_t seconds)
{
	int ret = 0;

	memset(b, 0, sizeof(*b));
	b->edits = edits;
	fill(b);
	for (uint32_t i = 0; ret == 0 && i < STREAMS; i++)
		ret = open_wire(b, &b->wires[i]);
	if (ret == 0) {
		run(b, seconds);
		ret = print(b, json, !edits);
	}
	for (uint32_t i = 0; i < STREAMS; i++)
		pst_stream_destroy(b->wires[i].stream);
	return ret;
}

int
pst_bench_edit(bool json, uint32_t seconds)
{
	struct bench *b = malloc(sizeof(*b));
	int ret = b == NULL ? -ENOMEM : 0;

	if (json)
		printf("[");
	else
		printf("%-26s %8s %11s %12s %12s %12s %6s  quiet windows\n", "", "ns", "M a second",
			"segments in", "out", "ACKs", "wrong");
	for (int edits = 0; ret == 0 && edits <= 1; edits++)
		ret = measure(b, json, edits != 0, seconds);
	if (json)
		printf("\n]\n");
	if (ret < 0)
		fprintf(stderr, "postern-bench: edits can't be measured: %s\n", strerror(-ret));
	free(b);
	return ret;
}
