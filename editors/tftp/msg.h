/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TFTP datagrams: what kind one is (RFC 1350, RFC 2347).
 *
 * A request is checked whole, for it is what opens a transfer:
 *
 *	opcode  filename 0  mode 0  [option 0 value 0]...
 *	2 bytes
 *
 * Filename and mode are not empty, mode is netascii, octet or mail in any
 * case, options come in pairs with a name that is not empty, nothing follows
 * the last zero, and all is no longer than RFC 2347 allows. What options mean
 * and what the others of the datagrams carry is not looked at.
 */
#pragma once

#include <stdint.h>

#define PST_TFTP_REQUEST_MAX 512 /* RFC 2347, the request's packet format */

/* The values are the opcodes. */
enum pst_tftp_op {
	PST_TFTP_INVALID, /* no TFTP, or a request that is not as it should be */
	PST_TFTP_RRQ,     /* read request */
	PST_TFTP_WRQ,     /* write request */
	PST_TFTP_DATA,
	PST_TFTP_ACK,
	PST_TFTP_ERROR,
	PST_TFTP_OACK, /* acknowledges options (RFC 2347) */
};

/* The kind of datagram with this UDP payload. */
enum pst_tftp_op pst_tftp_parse(const uint8_t *data, uint32_t len);
