/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, ports and GUIDs as the config writes them; all in host byte order. */
#pragma once

#include "config/config.h"

bool pst_address_parse(const char *text, uint32_t *ip);
/* "10.0.0.1/24"; bare addresses are /32 if `bare` allows them. */
bool pst_prefix_parse(const char *text, bool bare, struct pst_prefix *prefix);

enum pst_range_fault {
	PST_RANGE_FINE,
	PST_RANGE_NONE, /* it is no range at all */
	PST_RANGE_BACKWARDS,
	PST_RANGE_HOST_BITS, /* "10.0.0.1/24": an address, or a network? */
};

/* "10.0.0.1", "10.0.0.1-10.0.0.9" or "10.0.0.0/24" */
enum pst_range_fault pst_range_parse(const char *text, struct pst_range *range);
/* "10.0.0.1:80"; no address or port of zero */
/* "ADDRESS:PORT", or "ADDRESS:FIRST-LAST" with so many ports more than the first. */
bool pst_endpoints_parse(const char *text, struct pst_endpoint *first, uint16_t *more);
bool pst_endpoint_parse(const char *text, struct pst_endpoint *endpoint);
/* "127.0.0.1:9469", where a service is to be: "0.0.0.0" is all addresses; "off" has no port. */
bool pst_service_parse(const char *text, struct pst_endpoint *service);
/* "1024-65535" */
bool pst_ports_parse(const char *text, uint16_t *first, uint16_t *last);
/* "80" or "80-90"; from 1 */
bool pst_port_range_parse(const char *text, struct pst_port_range *range);
/* "tcp", "udp", "icmp", "gre", "esp", "sctp" or an IP protocol's number, to 255. */
bool pst_ip_protocol_parse(const char *text, uint8_t *protocol);
/* RFC 9562's text form, in letters of either case. */
bool pst_guid_parse(const char *text, struct pst_guid *guid);

static inline uint32_t
pst_prefix_mask(uint8_t len)
{
	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

#define PST_ADDRESS_TEXT 16 /* "255.255.255.255" */
#define PST_PREFIX_TEXT 20
#define PST_RANGE_TEXT 32
#define PST_ENDPOINT_TEXT 32 /* a range of ports, too */
#define PST_GUID_TEXT 37
#define PST_PORT_RANGE_TEXT 12
#define PST_IP_PROTOCOL_TEXT 8
const char *pst_address_format(uint32_t ip, char text[PST_ADDRESS_TEXT]);
const char *pst_prefix_format(uint32_t ip, uint8_t len, char text[PST_PREFIX_TEXT]);
const char *pst_range_format(const struct pst_range *range, char text[PST_RANGE_TEXT]);
const char *pst_endpoints_format(
	const struct pst_endpoint *first, uint16_t more, char text[PST_ENDPOINT_TEXT]);
const char *pst_service_format(const struct pst_endpoint *service, char text[PST_ENDPOINT_TEXT]);
const char *pst_endpoint_format(const struct pst_endpoint *ep, char text[PST_ENDPOINT_TEXT]);
const char *pst_guid_format(const struct pst_guid *guid, char text[PST_GUID_TEXT]);
const char *pst_port_range_format(
	const struct pst_port_range *range, char text[PST_PORT_RANGE_TEXT]);
const char *pst_ip_protocol_format(uint8_t protocol, char text[PST_IP_PROTOCOL_TEXT]);
