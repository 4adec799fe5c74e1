/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine between two TCP models, over hops that cut, shuffle, repeat and
 * lose at random: what arrives is what the editor makes of the plain bytes.
 *
 *	test-unit-stream-property [SEED]	one case again, from its seed
 *	PST_CASES=n				so many cases
 *	PST_EXPECT_FAULT=1			the engine has a planted bug: find it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"

#define CASES 100000
#define IN_FLIGHT 4096
#define TIME_MAX_MS 120000

/* The editor, on plain bytes: by a line's first letter. */

static uint32_t
edit_line(const uint8_t *line, uint32_t len, uint8_t *out)
{
	switch (line[0]) {
	case 'G': /* grows */
		memcpy(out, line, len);
		memcpy(out + len, "and more of it\n", 15);
		return len + 15;
	case 'S': /* shrinks */
		memcpy(out, "s\n", 2);
		return 2;
	case 'D': /* goes */
		return 0;
	case 'X': /* another of the same size */
		memset(out, 'x', len - 1);
		out[len - 1] = '\n';
		return len;
	default:
		memcpy(out, line, len);
		return len;
	}
}

/* What becomes of a stream when lines from the `stop`-th on are left alone. */
static uint32_t
reference(const uint8_t *in, uint32_t len, uint32_t stop, uint8_t *out)
{
	uint32_t n = 0, at = 0, count = 0;

	while (at < len) {
		const uint8_t *nl = memchr(in + at, '\n', len - at);
		uint32_t line = nl != NULL ? nl - (in + at) + 1 : len - at;
		bool left = nl == NULL || count >= stop;

		if (!left && in[at] == 'U')
			stop = count;
		if (left || in[at] == 'U') {
			memcpy(out + n, in + at, line);
			n += line;
		} else {
			n += edit_line(in + at, line, out + n);
		}
		at += line;
		count++;
	}
	return n;
}

/* The world: two peers, two hops, the engine. */

struct flying {
	uint64_t at;
	uint8_t to; /* 0, 1: a peer; 2, 3: the engine, from peer 0, 1 */
	struct pst_stream_segment seg;
	uint8_t data[1600];
};

struct world {
	struct pst_rng rng;
	struct pst_stream *stream;
	struct peer peers[2];
	struct flying *air[IN_FLIGHT];
	uint32_t n_air;
	uint64_t now;
	uint32_t loss, repeat, jitter; /* per mille, per mille, ms */
	bool unwatched;
	uint8_t buf[PEER_BYTES * 2];
	const char *fault;
};

static struct flying *spare[2 * IN_FLIGHT];
static uint32_t n_spare;

static void
fly(struct world *w, uint8_t to, const struct pst_stream_segment *seg)
{
	uint32_t copies = 1 + (pst_rng_below(&w->rng, 1000) < w->repeat);

	if (pst_rng_below(&w->rng, 1000) < w->loss)
		return;
	while (copies-- > 0 && w->n_air < IN_FLIGHT) {
		struct flying *f = n_spare > 0 ? spare[--n_spare] : malloc(sizeof(*f));

		f->at = w->now + 1 + (w->jitter > 0 ? pst_rng_below(&w->rng, w->jitter) : 0);
		f->to = to;
		f->seg = *seg;
		if (seg->len > sizeof(f->data)) {
			w->fault = "a segment too long";
			f->seg.len = 0;
		}
		if (f->seg.len > 0)
			memcpy(f->data, seg->data, f->seg.len);
		w->air[w->n_air++] = f;
	}
}

struct sender {
	struct world *w;
	uint8_t to;
};

static void
from_peer(void *ctx, const struct pst_stream_segment *seg)
{
	const struct sender *s = ctx;

	fly(s->w, s->to, seg);
}

static void
from_engine(void *ctx, enum pst_dir dir, const struct pst_stream_segment *seg)
{
	fly(ctx, dir == PST_DIR_ORIG ? 1 : 0, seg);
}

static void
on_data(void *ctx, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct world *w = ctx;
	const uint8_t *nl = len > 0 ? memchr(bytes, '\n', len) : NULL;

	(void)dir;
	if (nl == NULL) {
		edit->op = end ? PST_EDIT_PASS : PST_EDIT_MORE;
		edit->take = len;
		return;
	}
	edit->take = nl - bytes + 1;
	if (bytes[0] == 'U') {
		w->unwatched = true;
		edit->op = PST_EDIT_UNWATCH;
		return;
	}
	edit->op = strchr("GSDX", bytes[0]) != NULL ? PST_EDIT_REPLACE : PST_EDIT_PASS;
	edit->data = w->buf;
	edit->data_len = edit_line(bytes, edit->take, w->buf);
}

static void
deliver(struct world *w, struct flying *f)
{
	struct sender s = { w, 0 };

	f->seg.data = f->data;
	if (f->to < 2) {
		s.to = 2 + f->to;
		peer_receive(&w->peers[f->to], &f->seg, w->now, from_peer, &s);
	} else {
		pst_stream_input(
			w->stream, f->to == 2 ? PST_DIR_ORIG : PST_DIR_REPLY, &f->seg, w->now);
	}
}

static void
step(struct world *w)
{
	uint32_t n = w->n_air;

	for (uint32_t i = 0; i < n;) {
		struct flying *f = w->air[i];

		if (f->at > w->now) {
			i++;
			continue;
		}
		w->air[i] = w->air[--w->n_air];
		n = n < w->n_air ? n : w->n_air;
		deliver(w, f);
		spare[n_spare++] = f;
	}
	if (pst_stream_deadline(w->stream) <= w->now)
		pst_stream_timer(w->stream, w->now);
	for (int k = 0; k < 2; k++) {
		struct sender s = { w, 2 + k };

		peer_timer(&w->peers[k], w->now, from_peer, &s);
	}
}

/* The next moment at which something happens. */
static void
advance(struct world *w)
{
	uint64_t next = pst_stream_deadline(w->stream);

	for (uint32_t i = 0; i < w->n_air; i++)
		next = next < w->air[i]->at ? next : w->air[i]->at;
	for (int k = 0; k < 2; k++) {
		const struct peer *p = &w->peers[k];

		next = next < peer_deadline(p) ? next : peer_deadline(p);
		if (p->unread > 0 || p->written < p->n_out)
			next = next < w->now / 10 * 10 + 10 ? next : w->now / 10 * 10 + 10;
	}
	w->now = next > w->now ? next : w->now + 1;
}

static void
plan_lines(struct world *w, struct peer *p, uint32_t lines, bool may_unwatch)
{
	static const char letters[] = "PPPGSDX";

	for (uint32_t i = 0; i < lines; i++) {
		uint32_t len =
			1 + pst_rng_below(&w->rng, pst_rng_below(&w->rng, 8) == 0 ? 300 : 40);
		uint8_t *at = p->out + p->n_out;

		memset(at, 'a' + i % 26, len);
		at[0] = letters[pst_rng_below(&w->rng, sizeof(letters) - 1)];
		if (may_unwatch && i > 2 && pst_rng_below(&w->rng, 6) == 0)
			at[0] = 'U';
		if (i + 1 < lines || pst_rng_below(&w->rng, 4) != 0)
			at[len++] = '\n';
		p->n_out += len;
	}
}

static struct peer_options
random_options(struct pst_rng *rng)
{
	static const uint16_t sizes[] = { 100, 300, 536, 1460 };
	static const uint32_t rooms[] = { 600, 2000, 8000, 200000 };

	return (struct peer_options){ .nagle = pst_rng_below(rng, 2),
		.sack = pst_rng_below(rng, 2),
		.timestamps = pst_rng_below(rng, 2),
		.delayed_ack = pst_rng_below(rng, 2),
		.scale = (int8_t)pst_rng_below(rng, 5) - 1,
		.mss = sizes[pst_rng_below(rng, 4)],
		.room = rooms[pst_rng_below(rng, 4)],
		.read_most = pst_rng_below(rng, 3) == 0 ? 50 + pst_rng_below(rng, 500) : 0 };
}

static void
init_world(struct world *w, uint64_t seed)
{
	static const struct pst_stream_ops ops = { .data = on_data, .output = from_engine };
	struct pst_stream_params params = {
		.line_max = 1000, .rto_ms = 100, .rto_max_ms = 2000, .retries = 100
	};

	memset(w, 0, sizeof(*w));
	pst_rng_init(&w->rng, seed);
	/* tight bounds too: what is past them is only sent again */
	params.reorder_max = pst_rng_below(&w->rng, 4) == 0 ? 1600 : 20000;
	params.unacked_max = pst_rng_below(&w->rng, 4) == 0 ? 3000 : 20000;
	w->stream = pst_stream_create(&params, &ops, w);
	w->now = 1000;
	for (int k = 0; k < 2; k++) {
		struct peer_options o = random_options(&w->rng);

		peer_init(&w->peers[k], k == 0 ? "client" : "server", &o, &w->rng);
	}
}

static void
fini_world(struct world *w)
{
	while (w->n_air > 0)
		spare[n_spare++] = w->air[--w->n_air];
	pst_stream_destroy(w->stream);
}

/* Does what `to` got match some reading of what `from` said? */
static bool
matches(const struct world *w, const struct peer *from, const struct peer *to)
{
	uint8_t expected[PEER_BYTES * 2];
	uint32_t lines = w->unwatched ? 200 : 0;

	/* an UNWATCH in one direction leaves the other alone from some line on */
	for (uint32_t stop = 0; stop <= lines; stop++) {
		uint32_t n = reference(
			from->out, from->n_out, w->unwatched ? stop : UINT32_MAX, expected);

		if (n == peer_received(to) && memcmp(expected, to->in, n) == 0)
			return true;
	}
	return false;
}

static const char *
judge(const struct world *w)
{
	for (int k = 0; k < 2; k++) {
		if (w->peers[k].fault != NULL)
			return w->peers[k].fault;
		if (w->peers[k].reset)
			return "a reset";
	}
	if (w->fault != NULL)
		return w->fault;
	if (!peer_is_done(&w->peers[0]) || !peer_is_done(&w->peers[1]))
		return "it hangs";
	if (!matches(w, &w->peers[0], &w->peers[1]) || !matches(w, &w->peers[1], &w->peers[0]))
		return "other bytes arrived";
	return NULL;
}

/* One case; NULL, or what was wrong. */
static const char *
run_case(uint64_t seed)
{
	static struct world w;
	const char *fault;
	uint64_t end;

	init_world(&w, seed);
	w.loss = pst_rng_below(&w.rng, 3) == 0 ? 0 : pst_rng_below(&w.rng, 150);
	w.repeat = pst_rng_below(&w.rng, 100);
	w.jitter = pst_rng_below(&w.rng, 3) == 0 ? 0 : 1 + pst_rng_below(&w.rng, 60);
	plan_lines(&w, &w.peers[0], 1 + pst_rng_below(&w.rng, 14), pst_rng_below(&w.rng, 4) == 0);
	plan_lines(&w, &w.peers[1], 1 + pst_rng_below(&w.rng, 14), false);
	end = w.now + TIME_MAX_MS;
	peer_connect(&w.peers[0], w.now, from_peer, &(struct sender){ &w, 2 });
	while (w.now < end && !(peer_is_done(&w.peers[0]) && peer_is_done(&w.peers[1]))) {
		advance(&w);
		for (int k = 0; k < 2; k++)
			if (w.peers[k].connected && w.now % 10 == 0)
				peer_write(&w.peers[k], 1 + pst_rng_below(&w.rng, 200), w.now,
					from_peer, &(struct sender){ &w, 2 + k });
		step(&w);
		if (w.peers[0].fault != NULL || w.peers[1].fault != NULL || w.peers[0].reset ||
			w.peers[1].reset)
			break;
	}
	fault = judge(&w);
	fini_world(&w);
	return fault;
}

static void
whatever_the_path_does_the_edited_bytes_arrive(void **state)
{
	const char *cases = getenv("PST_CASES");
	unsigned long n = cases != NULL ? strtoul(cases, NULL, 10) : CASES;

	(void)state;
	for (unsigned long seed = 1; seed <= n; seed++) {
		const char *fault = run_case(seed);

		if (fault == NULL)
			continue;
		if (getenv("PST_EXPECT_FAULT") != NULL) {
			print_message("the planted bug was seen in case %lu: %s\n", seed, fault);
			return;
		}
		fail_msg("case %lu: %s", seed, fault);
	}
	if (getenv("PST_EXPECT_FAULT") != NULL)
		fail_msg("%lu cases did not see the planted bug", n);
	print_message("%lu cases\n", n);
}

/* A command in pieces over a path that loses nothing: how long until it is there, in ms. */
static uint64_t
time_command(bool nagle, bool sack, uint32_t piece)
{
	static const char command[] =
		"Gather ye rosebuds while ye may, old time is still a-flying\n";
	static struct world w;
	uint64_t start;

	init_world(&w, piece + 1);
	for (int k = 0; k < 2; k++)
		w.peers[k].o = (struct peer_options){ .nagle = nagle,
			.sack = sack,
			.delayed_ack = true,
			.scale = 7,
			.mss = 1460,
			.room = 65535 };
	memcpy(w.peers[0].out, command, strlen(command));
	w.peers[0].n_out = strlen(command) + 1; /* one byte is never written: no FIN */
	w.peers[1].n_out = 1;
	peer_connect(&w.peers[0], w.now, from_peer, &(struct sender){ &w, 2 });
	while (!w.peers[0].connected || !w.peers[1].connected) {
		advance(&w);
		step(&w);
	}
	start = w.now;
	while (peer_received(&w.peers[1]) < strlen(command) + 15 && w.now < start + 5000) {
		uint32_t left = strlen(command) - w.peers[0].written;

		if (left > 0)
			peer_write(&w.peers[0], piece < left ? piece : left, w.now, from_peer,
				&(struct sender){ &w, 2 });
		w.now++;
		step(&w);
	}
	start = w.now - start;
	fini_world(&w);
	return start;
}

static void
a_command_is_through_within_a_second(void **state)
{
	(void)state;
	for (uint32_t piece = 1; piece <= 64; piece++) {
		for (int k = 0; k < 4; k++) {
			uint64_t ms = time_command(k & 1, k & 2, piece);

			if (ms >= 1000)
				fail_msg("pieces of %u, nagle %d, sack %d: %lu ms", piece, k & 1,
					k >> 1, (unsigned long)ms);
		}
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_path_does_the_edited_bytes_arrive),
		cmocka_unit_test(a_command_is_through_within_a_second),
	};
	int ret;

	if (argc > 1) {
		const char *fault = run_case(strtoull(argv[1], NULL, 10));

		printf("case %s: %s\n", argv[1], fault != NULL ? fault : "good");
		ret = fault != NULL;
	} else if (getenv("PST_EXPECT_FAULT") != NULL) {
		ret = cmocka_run_group_tests_name(
			"planted", ((const struct CMUnitTest[]){ tests[0] }), NULL, NULL);
	} else {
		ret = cmocka_run_group_tests(tests, NULL, NULL);
	}
	while (n_spare > 0)
		free(spare[--n_spare]);
	return ret;
}
