/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TFTP datagrams: the kind is the opcode or none; a request ends in a zero and
 * stays one in other letters' case and with one more option.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tftp/msg.h"

#define INPUT_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void
check_request(const uint8_t *data, uint32_t len, enum pst_tftp_op op)
{
	static const uint8_t option[] = "tsize\0000";
	uint8_t other[PST_TFTP_REQUEST_MAX + sizeof(option)];

	require(len <= PST_TFTP_REQUEST_MAX && data[len - 1] == '\0', "no whole request");
	require(pst_tftp_parse(data, len - 1) != op, "one without its last zero");
	for (uint32_t i = 0; i < len; i++)
		other[i] = islower(data[i]) ? toupper(data[i]) : tolower(data[i]);
	require(pst_tftp_parse(other, len) == op, "upper and lower case differ");
	memcpy(other + len, option, sizeof(option));
	if (len + sizeof(option) <= PST_TFTP_REQUEST_MAX)
		require(pst_tftp_parse(other, len + sizeof(option)) == op, "no more options");
	else
		require(pst_tftp_parse(other, len + sizeof(option)) == PST_TFTP_INVALID,
			"too long");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum pst_tftp_op op;
	uint8_t *copy;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	copy = malloc(size);
	require(copy != NULL, "no memory");
	memcpy(copy, data, size);
	op = pst_tftp_parse(copy, size);
	if (op != PST_TFTP_INVALID)
		require(size >= 2 && copy[0] == 0 && copy[1] == op, "not the opcode");
	if (op == PST_TFTP_RRQ || op == PST_TFTP_WRQ)
		check_request(copy, size, op);
	free(copy);
	return 0;
}
