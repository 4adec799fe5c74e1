/* SPDX-License-Identifier: BSD-3-Clause */
/* The MSS option of a SYN (RFC 9293 section 3.7.1): what its sender is ready to get at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_tcp.h>

/*
 * Lower it to `most` bytes, with the checksum; true if it was more. The header with its
 * options is whole. Without the option, or with options that can't be read, nothing is done.
 */
bool pst_mss_lower(struct rte_tcp_hdr *tcp, uint16_t most);
