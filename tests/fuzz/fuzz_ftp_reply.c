/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FTP's 227 and 229: the address is within the line, and what is written in
 * its place is read back as it was meant.
 *
 * The input is one line; a LF is put behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ftp/parse.h"

#define INPUT_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* The line with this endpoint in it is the same reply with this endpoint. */
static void
check_replaced(const uint8_t *line, uint32_t len, const struct pst_ftp_command *was,
	const struct pst_endpoint *endpoint)
{
	uint8_t out[INPUT_MAX + 1 + PST_FTP_ADDRESS_MAX];
	uint32_t tail = was->at + was->len, address_len;
	char address[PST_FTP_ADDRESS_MAX];
	struct pst_ftp_command is;

	address_len = pst_ftp_format_address(was, endpoint, address);
	require(address_len < PST_FTP_ADDRESS_MAX, "address too long");
	memcpy(out, line, was->at);
	memcpy(out + was->at, address, address_len);
	memcpy(out + was->at + address_len, line + tail, len - tail);
	pst_ftp_parse_reply(out, len - was->len + address_len, &is);
	require(is.verb == was->verb && is.delimiter == was->delimiter, "another reply");
	require(is.at == was->at && is.len == address_len, "another place");
	require(is.endpoint.port == endpoint->port, "another port");
	require(is.verb == PST_FTP_EPSV || is.endpoint.ip == endpoint->ip, "another address");
}

static void
check_line(const uint8_t *line, uint32_t len)
{
	static const struct pst_endpoint other = { 0xc6336407, 50001 };
	struct pst_ftp_command c;

	pst_ftp_parse_reply(line, len, &c);
	for (uint32_t n = 0; c.verb != PST_FTP_OTHER && n <= len; n++)
		require(pst_ftp_may_have_reply_address(line, n), "read, but not expected");
	if (c.verb == PST_FTP_OTHER || c.verb == PST_FTP_UNPARSED) {
		require(c.len == 0, "an address in what is not read");
		return;
	}
	require(c.verb == PST_FTP_PASV || c.verb == PST_FTP_EPSV, "no verb of a reply");
	require(c.len > 0 && c.at >= 4 && c.at + c.len < len, "not within the line");
	check_replaced(line, len, &c, &c.endpoint);
	check_replaced(line, len, &c, &other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *line;

	if (size > INPUT_MAX)
		return 0;
	line = malloc(size + 1);
	require(line != NULL, "no memory");
	if (size > 0)
		memcpy(line, data, size);
	line[size] = '\n';
	check_line(line, size + 1);
	free(line);
	return 0;
}
