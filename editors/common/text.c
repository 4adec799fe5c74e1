/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/text.h"

#include <stdio.h>
#include <string.h>

uint32_t
pst_text_line(const uint8_t *bytes, uint32_t len)
{
	const uint8_t *lf = len > 0 ? memchr(bytes, '\n', len) : NULL;

	return lf != NULL ? (uint32_t)(lf - bytes) + 1 : 0;
}

bool
pst_text_may_begin(const uint8_t *bytes, uint32_t len, const char *word)
{
	for (uint32_t i = 0; i < len && word[i] != '\0'; i++) {
		uint8_t c = bytes[i];

		if (c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		if (c != (uint8_t)word[i])
			return false;
	}
	return true;
}

static uint32_t
digits_of(uint32_t n)
{
	uint32_t digits = 1;

	while (n >= 10) {
		n /= 10;
		digits++;
	}
	return digits;
}

bool
pst_text_number(const uint8_t **at, const uint8_t *end, uint32_t max, uint32_t *value)
{
	const uint8_t *p = *at;
	uint32_t room = digits_of(max);
	uint64_t n = 0;

	while (p < end && *p >= '0' && *p <= '9') {
		if (room-- == 0)
			return false;
		n = n * 10 + (*p++ - '0');
	}
	if (p == *at || n > max)
		return false;
	*value = (uint32_t)n;
	*at = p;
	return true;
}

bool
pst_text_char(const uint8_t **at, const uint8_t *end, uint8_t c)
{
	if (*at >= end || **at != c)
		return false;
	(*at)++;
	return true;
}

bool
pst_text_ipv4(const uint8_t **at, const uint8_t *end, uint32_t *ip)
{
	const uint8_t *p = *at;
	uint32_t sum = 0;

	for (int i = 0; i < 4; i++) {
		const uint8_t *start;
		uint32_t byte;

		if (i > 0 && !pst_text_char(&p, end, '.'))
			return false;
		start = p;
		if (!pst_text_number(&p, end, 255, &byte))
			return false;
		if (*start == '0' && p - start > 1)
			return false;
		sum = sum << 8 | byte;
	}
	*ip = sum;
	*at = p;
	return true;
}

uint32_t
pst_text_format_ipv4(char buf[PST_TEXT_IPV4_MAX], uint32_t ip)
{
	return snprintf(buf, PST_TEXT_IPV4_MAX, "%u.%u.%u.%u", (ip >> 24) & 255, (ip >> 16) & 255,
		(ip >> 8) & 255, ip & 255);
}
