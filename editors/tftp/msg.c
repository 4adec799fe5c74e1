/* SPDX-License-Identifier: BSD-3-Clause */
#include "tftp/msg.h"

#include <stdbool.h>
#include <string.h>

#include "common/text.h"

#define OPCODE_LEN 2

/* Read a string with its zero; `len` is without it. */
static bool
read_string(const uint8_t **at, const uint8_t *end, uint32_t *len)
{
	const uint8_t *zero = *at < end ? memchr(*at, '\0', end - *at) : NULL;

	if (zero == NULL)
		return false;
	*len = zero - *at;
	*at = zero + 1;
	return true;
}

/* RFC 1350, section 5: in any combination of upper and lower case. */
static bool
is_mode(const uint8_t *bytes, uint32_t len)
{
	static const char *const modes[] = { "NETASCII", "OCTET", "MAIL" };

	for (unsigned int i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (len == strlen(modes[i]) && pst_text_may_begin(bytes, len, modes[i]))
			return true;
	}
	return false;
}

static bool
are_options(const uint8_t *at, const uint8_t *end)
{
	uint32_t name_len, value_len;

	while (at < end) {
		if (!read_string(&at, end, &name_len) || name_len == 0 ||
			!read_string(&at, end, &value_len))
			return false;
	}
	return true;
}

static bool
is_request(const uint8_t *data, uint32_t len)
{
	const uint8_t *at = data + OPCODE_LEN, *end = data + len, *mode;
	uint32_t name_len, mode_len;

	if (len > PST_TFTP_REQUEST_MAX)
		return false;
	if (!read_string(&at, end, &name_len) || name_len == 0)
		return false;
	mode = at;
	return read_string(&at, end, &mode_len) && is_mode(mode, mode_len) && are_options(at, end);
}

enum pst_tftp_op
pst_tftp_parse(const uint8_t *data, uint32_t len)
{
	uint16_t op;

	if (len < OPCODE_LEN)
		return PST_TFTP_INVALID;
	op = data[0] << 8 | data[1];
	if (op > PST_TFTP_OACK)
		return PST_TFTP_INVALID;
	if ((op == PST_TFTP_RRQ || op == PST_TFTP_WRQ) && !is_request(data, len))
		return PST_TFTP_INVALID;
	return op;
}
