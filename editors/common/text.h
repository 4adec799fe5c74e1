/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text protocols: lines, decimal numbers, IPv4 addresses.
 *
 * Nothing here needs a terminating zero or allocates. A reader takes a cursor
 * and an end, and moves the cursor only when it succeeds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PST_TEXT_IPV4_MAX 16 /* "255.255.255.255" and its zero */

/* The length of the first line with its LF; 0 when there is no LF. */
uint32_t pst_text_line(const uint8_t *bytes, uint32_t len);

/* True when the bytes begin as `word` does (capitals), in any case, as far as both go. */
bool pst_text_may_begin(const uint8_t *bytes, uint32_t len, const char *word);

/*
 * A decimal number up to max. Leading zeros are allowed, but no more digits
 * than max itself has, so nothing overflows.
 */
bool pst_text_number(const uint8_t **at, const uint8_t *end, uint32_t max, uint32_t *value);

/* This one character. */
bool pst_text_char(const uint8_t **at, const uint8_t *end, uint8_t c);

/*
 * A dotted quad. A leading zero is refused: some read such a number as octal,
 * and an address that two programs read differently is a hole.
 */
bool pst_text_ipv4(const uint8_t **at, const uint8_t *end, uint32_t *ip);

/* Write a dotted quad with its zero. Returns its length without it. */
uint32_t pst_text_format_ipv4(char buf[PST_TEXT_IPV4_MAX], uint32_t ip);
