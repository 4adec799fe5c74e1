/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 addresses as the config writes them; all in host byte order. */
#pragma once

#include "config/config.h"

bool pst_address_parse(const char *text, uint32_t *ip);
/* "10.0.0.1/24"; bare addresses are /32 if `bare` allows them. */
bool pst_prefix_parse(const char *text, bool bare, struct pst_prefix *prefix);
/* "10.0.0.1", "10.0.0.1-10.0.0.9" or "10.0.0.0/24" */
bool pst_range_parse(const char *text, struct pst_range *range);

static inline uint32_t
pst_prefix_mask(uint8_t len)
{
	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

/* Room for "255.255.255.255" */
#define PST_ADDRESS_TEXT 16
const char *pst_address_format(uint32_t ip, char text[PST_ADDRESS_TEXT]);
