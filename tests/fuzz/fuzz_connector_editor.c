/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connector editor: however the two streams are cut, the output and the counters are the
 * same, and no address is sent that a bind did not give.
 *
 * Byte 0 seeds the cuts and picks the side that talks, the side that is inside and whether
 * calls fail; the rest is what that side says. The fake API checks what is asked of it.
 */
#include "connector/connector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "connector/msg.h"
#include "fake_api.h"

#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	uint8_t *out;
	uint32_t out_len, n_binds, n_actions;
	unsigned int counters[FAKE_COUNTERS];
	bool unwatched;
};

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* A server's lines matter only as answers. */
static void
ask(void)
{
	static const char asked[] = "CONNECT tcp 1 10.0.0.8:5000\r\nCONNECT udp 4 10.0.0.8:5000\r\n"
				    "LISTEN tcp 2 10.0.0.8:5000\r\nCONNECT tcp 1 10.0.0.8:5000\r\n";

	fake_feed(PST_DIR_ORIG, asked, sizeof(asked) - 1, false);
}

static void
talk(uint8_t kind, const uint8_t *bytes, uint32_t len, struct pst_rng *cuts, struct result *r)
{
	enum pst_dir dir = (kind & 0x80) != 0 ? PST_DIR_REPLY : PST_DIR_ORIG;
	uint32_t at = 0;

	if ((kind & 0x40) != 0)
		fake_init_inbound(&pst_connector_editor);
	else
		fake_init(&pst_connector_editor);
	fake.may_kill_used = true;
	fake.bind_ret = fake.allow_ret = (kind & 0x20) != 0 ? -ENOSPC : 0;
	fake.is_firewall_client = (kind & 0x10) != 0 && !fake.inbound;
	if (dir == PST_DIR_REPLY)
		ask();
	while (cuts != NULL && at < len) {
		uint32_t n = 1 + pst_rng_below(cuts, 24);

		n = n < len - at ? n : len - at;
		fake_feed(dir, bytes + at, n, false);
		at += n;
	}
	fake_feed(dir, bytes + at, len - at, true);
	r->out = fake.streams[dir].out;
	r->out_len = fake.streams[dir].out_len;
	fake.streams[dir].out = NULL;
	r->n_binds = fake.n_binds;
	r->n_actions = fake.n_actions;
	r->unwatched = fake.unwatched;
	memcpy(r->counters, fake.counters, sizeof(r->counters));
	fake_fini();
}

/* What the editor may have done to one line of the input. */
static void
check_line(const uint8_t *in, uint32_t in_len, const uint8_t *out, uint32_t out_len)
{
	struct pst_connector_line was, is;

	if (in_len == out_len && memcmp(in, out, in_len) == 0)
		return;
	pst_connector_parse(in, in_len, &was);
	pst_connector_parse(out, out_len, &is);
	require(was.n != 0, "changed what announces nothing");
	require(is.verb == was.verb && is.protocol == was.protocol && is.n == was.n,
		"changed the line");
	require(memcmp(in, out, was.at) == 0 && is.at == was.at, "changed the spelling");
	if (pst_endpoint_is_unset(&is.endpoint))
		return;
	require(is.endpoint.ip == FAKE_OUTSIDE, "another address than ours");
	if (was.verb == PST_CONNECTOR_CONNECT)
		require(is.endpoint.port == was.endpoint.port, "changed CONNECT's port");
	else
		require(is.endpoint.port >= 30000 && is.endpoint.port % is.n == 0,
			"a port that no bind gave");
}

static uint32_t
line_len(const uint8_t *bytes, uint32_t len)
{
	const uint8_t *lf = len > 0 ? memchr(bytes, '\n', len) : NULL;

	return lf != NULL ? lf - bytes + 1 : len;
}

static void
check_output(const uint8_t *in, uint32_t in_len, const struct result *r)
{
	const uint8_t *out = r->out;
	uint32_t left = r->out_len;

	while (in_len > 0 && left > 0) {
		uint32_t a = line_len(in, in_len), b = line_len(out, left);

		check_line(in, a, out, b);
		in += a;
		in_len -= a;
		out += b;
		left -= b;
	}
	require(in_len == 0 && left == 0, "lines lost or invented");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result once, cut;
	struct pst_rng rng;

	if (size < 1 || size > INPUT_MAX)
		return 0;
	pst_rng_init(&rng, data[0]);
	talk(data[0], data + 1, size - 1, NULL, &once);
	talk(data[0], data + 1, size - 1, &rng, &cut);
	require(once.out_len == cut.out_len && once.n_binds == cut.n_binds &&
			once.n_actions == cut.n_actions && once.unwatched == cut.unwatched,
		"cutting changes the result");
	require(once.out_len == 0 || memcmp(once.out, cut.out, once.out_len) == 0,
		"cutting changes the output");
	require(memcmp(once.counters, cut.counters, sizeof(once.counters)) == 0,
		"cutting changes the counters");
	check_output(data + 1, size - 1, &once);
	free(once.out);
	free(cut.out);
	return 0;
}
