/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connector's lines: the address is within the line, N ports fit at it, and
 * what is written in its place is read back as it was meant.
 *
 * The input is one line; a LF is put behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/msg.h"

#define INPUT_MAX (PST_CONNECTOR_LINE_MAX + 64)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* The line with this endpoint in it is the same line with this endpoint. */
static void
check_replaced(const uint8_t *bytes, uint32_t len, const struct pst_connector_line *was,
	const struct pst_endpoint *endpoint)
{
	uint8_t out[INPUT_MAX + 1 + PST_CONNECTOR_ADDRESS_MAX];
	uint32_t tail = was->at + was->len, address_len;
	char address[PST_CONNECTOR_ADDRESS_MAX];
	struct pst_connector_line is;

	address_len = pst_connector_format_address(endpoint, address);
	require(address_len < PST_CONNECTOR_ADDRESS_MAX, "address too long");
	memcpy(out, bytes, was->at);
	memcpy(out + was->at, address, address_len);
	memcpy(out + was->at + address_len, bytes + tail, len - tail);
	pst_connector_parse(out, len - was->len + address_len, &is);
	require(is.verb == was->verb && is.protocol == was->protocol && is.n == was->n,
		"another line");
	require(is.at == was->at && is.len == address_len, "another place");
	require(pst_endpoint_is_equal(&is.endpoint, endpoint), "another endpoint");
}

static void
check_announcement(const uint8_t *bytes, uint32_t len, const struct pst_connector_line *line)
{
	static const struct pst_endpoint other = { 0xc6336407, 50000 }, nowhere = { 0, 0 };

	for (uint32_t n = 0; n <= len; n++)
		require(pst_connector_may_have_address(bytes, n), "read, but not expected");
	require(line->protocol == PST_TCP || line->protocol == PST_UDP, "no protocol");
	require(line->n >= 1 && line->n <= PST_CONNECTOR_N_MAX, "too few or too many");
	require(line->len >= 9 && line->at + line->len < len, "not within the line");
	require(line->endpoint.port + line->n - 1 <= 65535, "past the last port");
	check_replaced(bytes, len, line, &line->endpoint);
	check_replaced(bytes, len, line, &other);
	check_replaced(bytes, len, line, &nowhere);
}

static void
check_line(const uint8_t *bytes, uint32_t len)
{
	struct pst_connector_line line;

	pst_connector_parse(bytes, len, &line);
	switch (line.verb) {
	case PST_CONNECTOR_LISTEN:
	case PST_CONNECTOR_CONNECT:
	case PST_CONNECTOR_AT:
		check_announcement(bytes, len, &line);
		break;
	default:
		require(line.len == 0 && line.n == 0, "an address in what has none");
	}
	require(line.verb == PST_CONNECTOR_OTHER || len <= PST_CONNECTOR_LINE_MAX, "too long");
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
