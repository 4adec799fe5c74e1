/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream/opts.h"

#include <string.h>

#define OPT_END 0
#define OPT_NOP 1
#define OPT_MSS 2
#define OPT_SCALE 3
#define OPT_SACK 5
#define OPT_TIMESTAMPS 8
#define TIMESTAMPS_LEN 10
#define SCALE_MAX 14 /* RFC 7323 section 2.3 */

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}

/* The offset of the option behind `at`, or of the first for -1; -1 at the end. */
static int
next_option(const struct pst_stream_segment *seg, int at)
{
	int k = at < 0 ? 0 : seg->options[at] == OPT_NOP ? at + 1 : at + seg->options[at + 1];

	if (k >= seg->options_len || seg->options[k] == OPT_END)
		return -1;
	if (seg->options[k] == OPT_NOP)
		return k;
	if (k + 1 >= seg->options_len || seg->options[k + 1] < 2 ||
		k + seg->options[k + 1] > seg->options_len)
		return -1;
	return k;
}

static int
find_option(const struct pst_stream_segment *seg, uint8_t kind)
{
	int at = next_option(seg, -1);

	while (at >= 0 && seg->options[at] != kind)
		at = next_option(seg, at);
	return at;
}

void
opts_of_syn(const struct pst_stream_segment *seg, struct syn_options *out)
{
	int mss = find_option(seg, OPT_MSS), scale = find_option(seg, OPT_SCALE);
	int ts = find_option(seg, OPT_TIMESTAMPS);

	*out = (struct syn_options){ .scale = -1 };
	if (mss >= 0 && seg->options[mss + 1] == 4)
		out->mss = seg->options[mss + 2] << 8 | seg->options[mss + 3];
	if (scale >= 0 && seg->options[scale + 1] == 3)
		out->scale = seg->options[scale + 2] < SCALE_MAX ? seg->options[scale + 2] :
								   SCALE_MAX;
	out->timestamps = ts >= 0 && seg->options[ts + 1] == TIMESTAMPS_LEN;
}

bool
opts_timestamps(const struct pst_stream_segment *seg, struct timestamps *out)
{
	int at = find_option(seg, OPT_TIMESTAMPS);

	if (at < 0 || seg->options[at + 1] != TIMESTAMPS_LEN)
		return false;
	out->value = get32(seg->options + at + 2);
	out->echo = get32(seg->options + at + 6);
	return true;
}

void
opts_put_timestamps(struct pst_stream_segment *seg, struct timestamps ts)
{
	seg->options[0] = seg->options[1] = OPT_NOP;
	seg->options[2] = OPT_TIMESTAMPS;
	seg->options[3] = TIMESTAMPS_LEN;
	put32(seg->options + 4, ts.value);
	put32(seg->options + 8, ts.echo);
	seg->options_len = 12;
}

void
opts_map_sack(struct pst_stream_segment *seg,
	bool (*map)(const void *ctx, uint32_t *left, uint32_t *right), const void *ctx)
{
	int at = find_option(seg, OPT_SACK), len, kept = 2;
	uint8_t *option;

	if (at < 0)
		return;
	option = seg->options + at;
	len = option[1];
	for (int k = 2; k + 8 <= len; k += 8) {
		uint32_t left = get32(option + k), right = get32(option + k + 4);

		if (!map(ctx, &left, &right))
			continue;
		put32(option + kept, left);
		put32(option + kept + 4, right);
		kept += 8;
	}
	if (kept == 2)
		kept = 0;
	else
		option[1] = kept;
	memset(option + kept, OPT_NOP, len - kept);
}
