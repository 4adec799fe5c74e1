/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FTP editor: however a stream is cut, the output and the counters are the
 * same, and no address is sent that a bind did not give.
 *
 * Byte 0 seeds the cuts and picks the direction and whether binds fail; the
 * rest is what one side says. The fake API checks what is asked of it.
 */
#include "ftp/ftp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "fake_api.h"
#include "ftp/parse.h"

#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	uint8_t *out;
	uint32_t out_len, n_binds;
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

static void
talk(enum pst_dir dir, const uint8_t *bytes, uint32_t len, int bind_ret, struct pst_rng *cuts,
	struct result *r)
{
	uint32_t at = 0;

	fake_init(&pst_ftp_editor);
	fake.bind_ret = bind_ret;
	/* A server that says 234 matters only after AUTH. */
	if (dir == PST_DIR_REPLY)
		fake_feed(PST_DIR_ORIG, "AUTH TLS\r\n", 10, false);
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
	r->unwatched = fake.unwatched;
	memcpy(r->counters, fake.counters, sizeof(r->counters));
	fake_fini();
}

/* What the editor may have done to one line of the input. */
static void
check_line(const uint8_t *in, uint32_t in_len, const uint8_t *out, uint32_t out_len,
	uint32_t n_binds)
{
	struct pst_ftp_command was, is;

	if (in_len == out_len && memcmp(in, out, in_len) == 0)
		return;
	pst_ftp_parse_command(in, in_len, &was);
	pst_ftp_parse_command(out, out_len, &is);
	require(was.verb == PST_FTP_PORT || was.verb == PST_FTP_EPRT, "changed what is no command");
	require(is.verb == was.verb && is.delimiter == was.delimiter, "changed the command");
	require(memcmp(in, out, was.at) == 0 && is.at == was.at, "changed the spelling");
	if (pst_endpoint_is_unset(&is.endpoint))
		return;
	require(is.endpoint.ip == FAKE_OUTSIDE && is.endpoint.port >= 30000 &&
			is.endpoint.port < 30000 + n_binds,
		"an address that no bind gave");
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

		check_line(in, a, out, b, r->n_binds);
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
	enum pst_dir dir;
	struct pst_rng rng;
	int bind_ret;

	if (size < 1 || size > INPUT_MAX)
		return 0;
	dir = (data[0] & 0x80) != 0 ? PST_DIR_REPLY : PST_DIR_ORIG;
	bind_ret = (data[0] & 0x40) != 0 ? -ENOSPC : 0;
	pst_rng_init(&rng, data[0]);
	talk(dir, data + 1, size - 1, bind_ret, NULL, &once);
	talk(dir, data + 1, size - 1, bind_ret, &rng, &cut);
	require(once.out_len == cut.out_len && once.n_binds == cut.n_binds &&
			once.unwatched == cut.unwatched,
		"cutting changes the result");
	require(once.out_len == 0 || memcmp(once.out, cut.out, once.out_len) == 0,
		"cutting changes the output");
	require(memcmp(once.counters, cut.counters, sizeof(once.counters)) == 0,
		"cutting changes the counters");
	if (dir == PST_DIR_REPLY)
		require(once.out_len == size - 1 &&
				(size == 1 || memcmp(once.out, data + 1, size - 1) == 0),
			"a reply was changed");
	else
		check_output(data + 1, size - 1, &once);
	free(once.out);
	free(cut.out);
	return 0;
}
