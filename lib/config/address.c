/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
pst_address_parse(const char *text, uint32_t *ip)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		return false;
	*ip = ntohl(a.s_addr);
	return true;
}

static bool
parse_cut(const char *text, size_t len, uint32_t *ip)
{
	char buf[PST_ADDRESS_TEXT];

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = 0;
	return pst_address_parse(buf, ip);
}

bool
pst_prefix_parse(const char *text, bool bare, struct pst_prefix *prefix)
{
	const char *slash = strchr(text, '/');
	unsigned long len;
	char *end;

	if (slash == NULL) {
		prefix->len = 32;
		return bare && pst_address_parse(text, &prefix->ip);
	}
	if (slash[1] < '0' || slash[1] > '9')
		return false;
	len = strtoul(slash + 1, &end, 10);
	prefix->len = len;
	return *end == 0 && len <= 32 && parse_cut(text, slash - text, &prefix->ip);
}

bool
pst_range_parse(const char *text, struct pst_range *range)
{
	const char *dash = strchr(text, '-');
	struct pst_prefix prefix;

	if (dash != NULL)
		return parse_cut(text, dash - text, &range->first) &&
			pst_address_parse(dash + 1, &range->last) && range->first <= range->last;
	if (!pst_prefix_parse(text, true, &prefix))
		return false;
	range->first = prefix.ip & pst_prefix_mask(prefix.len);
	range->last = range->first | ~pst_prefix_mask(prefix.len);
	return prefix.ip == range->first; /* no host bits: "10.0.0.1/24" is meant otherwise */
}

const char *
pst_address_format(uint32_t ip, char text[PST_ADDRESS_TEXT])
{
	snprintf(text, PST_ADDRESS_TEXT, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
		ip & 255);
	return text;
}
