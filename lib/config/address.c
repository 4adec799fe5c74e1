/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#define SERVICE_OFF "off"

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

/* A number without sign or leading zeros, up to `most`; *end is behind it. */
static bool
parse_number(const char *text, unsigned long most, const char **end, unsigned long *number)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 5 || (digits > 1 && text[0] == '0'))
		return false;
	*number = strtoul(text, NULL, 10);
	*end = text + digits;
	return *number <= most;
}

bool
pst_prefix_parse(const char *text, bool bare, struct pst_prefix *prefix)
{
	const char *slash = strchr(text, '/'), *end;
	unsigned long len;

	if (slash == NULL) {
		prefix->len = 32;
		return bare && pst_address_parse(text, &prefix->ip);
	}
	if (!parse_number(slash + 1, 32, &end, &len) || *end != 0)
		return false;
	prefix->len = len;
	return parse_cut(text, slash - text, &prefix->ip);
}

enum pst_range_fault
pst_range_parse(const char *text, struct pst_range *range)
{
	const char *dash = strchr(text, '-');
	struct pst_prefix prefix;

	if (dash != NULL) {
		if (!parse_cut(text, dash - text, &range->first) ||
			!pst_address_parse(dash + 1, &range->last))
			return PST_RANGE_NONE;
		return range->first <= range->last ? PST_RANGE_FINE : PST_RANGE_BACKWARDS;
	}
	if (!pst_prefix_parse(text, true, &prefix))
		return PST_RANGE_NONE;
	range->first = prefix.ip & pst_prefix_mask(prefix.len);
	range->last = range->first | ~pst_prefix_mask(prefix.len);
	return prefix.ip == range->first ? PST_RANGE_FINE : PST_RANGE_HOST_BITS;
}

bool
pst_service_parse(const char *text, struct pst_endpoint *service)
{
	const char *colon = strchr(text, ':'), *end;
	unsigned long port;

	if (strcmp(text, SERVICE_OFF) == 0) {
		*service = (struct pst_endpoint){ 0, 0 };
		return true;
	}
	if (colon == NULL || !parse_cut(text, colon - text, &service->ip) ||
		!parse_number(colon + 1, UINT16_MAX, &end, &port) || *end != 0)
		return false;
	service->port = port;
	return port != 0;
}

bool
pst_endpoint_parse(const char *text, struct pst_endpoint *endpoint)
{
	return pst_service_parse(text, endpoint) && endpoint->ip != 0;
}

bool
pst_endpoints_parse(const char *text, struct pst_endpoint *first, uint16_t *more)
{
	const char *colon = strchr(text, ':');
	uint16_t last;

	*more = 0;
	if (colon == NULL || strchr(colon, '-') == NULL)
		return pst_endpoint_parse(text, first);
	if (!parse_cut(text, colon - text, &first->ip) ||
		!pst_ports_parse(colon + 1, &first->port, &last))
		return false;
	*more = last - first->port;
	return first->ip != 0;
}

bool
pst_ports_parse(const char *text, uint16_t *first, uint16_t *last)
{
	unsigned long low, high;
	const char *end;

	if (!parse_number(text, UINT16_MAX, &end, &low) || *end != '-' ||
		!parse_number(end + 1, UINT16_MAX, &end, &high) || *end != 0)
		return false;
	if (low == 0 || low > high)
		return false;
	*first = low;
	*last = high;
	return true;
}

bool
pst_port_range_parse(const char *text, struct pst_port_range *range)
{
	unsigned long port;
	const char *end;

	if (pst_ports_parse(text, &range->first, &range->last))
		return true;
	if (!parse_number(text, UINT16_MAX, &end, &port) || *end != 0 || port == 0)
		return false;
	range->first = range->last = port;
	return true;
}

static const struct {
	const char *name;
	uint8_t number;
} ip_protocols[] = { { "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
	{ "gre", IPPROTO_GRE }, { "esp", IPPROTO_ESP }, { "sctp", IPPROTO_SCTP } };

bool
pst_ip_protocol_parse(const char *text, uint8_t *protocol)
{
	unsigned long number;
	const char *end;

	for (size_t i = 0; i < RTE_DIM(ip_protocols); i++) {
		if (strcmp(text, ip_protocols[i].name) == 0) {
			*protocol = ip_protocols[i].number;
			return true;
		}
	}
	if (!parse_number(text, UINT8_MAX, &end, &number) || *end != 0)
		return false;
	*protocol = number;
	return true;
}

bool
pst_guid_parse(const char *text, struct pst_guid *guid)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	uint32_t n = 0;

	if (strlen(text) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; shape[i] != 0;) {
		char two[3] = { text[i], text[i + 1], 0 };

		if (shape[i] == '-') {
			if (text[i++] != '-')
				return false;
			continue;
		}
		if (strspn(two, "0123456789abcdefABCDEF") != 2)
			return false;
		guid->bytes[n++] = strtoul(two, NULL, 16);
		i += 2;
	}
	return true;
}

const char *
pst_address_format(uint32_t ip, char text[PST_ADDRESS_TEXT])
{
	snprintf(text, PST_ADDRESS_TEXT, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
		ip & 255);
	return text;
}

const char *
pst_prefix_format(uint32_t ip, uint8_t len, char text[PST_PREFIX_TEXT])
{
	char address[PST_ADDRESS_TEXT];

	snprintf(text, PST_PREFIX_TEXT, "%s/%u", pst_address_format(ip, address), len);
	return text;
}

const char *
pst_range_format(const struct pst_range *range, char text[PST_RANGE_TEXT])
{
	char first[PST_ADDRESS_TEXT], last[PST_ADDRESS_TEXT];

	pst_address_format(range->first, first);
	if (range->first == range->last)
		snprintf(text, PST_RANGE_TEXT, "%s", first);
	else
		snprintf(text, PST_RANGE_TEXT, "%s-%s", first,
			pst_address_format(range->last, last));
	return text;
}

const char *
pst_service_format(const struct pst_endpoint *service, char text[PST_ENDPOINT_TEXT])
{
	if (service->port != 0)
		return pst_endpoint_format(service, text);
	strcpy(text, SERVICE_OFF);
	return text;
}

const char *
pst_endpoint_format(const struct pst_endpoint *ep, char text[PST_ENDPOINT_TEXT])
{
	char address[PST_ADDRESS_TEXT];

	snprintf(text, PST_ENDPOINT_TEXT, "%s:%u", pst_address_format(ep->ip, address), ep->port);
	return text;
}

const char *
pst_endpoints_format(const struct pst_endpoint *first, uint16_t more, char text[PST_ENDPOINT_TEXT])
{
	size_t at = strlen(pst_endpoint_format(first, text));

	if (more > 0)
		snprintf(text + at, PST_ENDPOINT_TEXT - at, "-%u", first->port + more);
	return text;
}

const char *
pst_guid_format(const struct pst_guid *guid, char text[PST_GUID_TEXT])
{
	size_t at = 0;

	for (size_t i = 0; i < sizeof(guid->bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[at++] = '-';
		at += snprintf(text + at, PST_GUID_TEXT - at, "%02x", guid->bytes[i]);
	}
	return text;
}

const char *
pst_port_range_format(const struct pst_port_range *range, char text[PST_PORT_RANGE_TEXT])
{
	if (range->first == range->last)
		snprintf(text, PST_PORT_RANGE_TEXT, "%u", range->first);
	else
		snprintf(text, PST_PORT_RANGE_TEXT, "%u-%u", range->first, range->last);
	return text;
}

const char *
pst_ip_protocol_format(uint8_t protocol, char text[PST_IP_PROTOCOL_TEXT])
{
	for (size_t i = 0; i < RTE_DIM(ip_protocols); i++) {
		if (protocol == ip_protocols[i].number) {
			snprintf(text, PST_IP_PROTOCOL_TEXT, "%s", ip_protocols[i].name);
			return text;
		}
	}
	snprintf(text, PST_IP_PROTOCOL_TEXT, "%u", protocol);
	return text;
}
