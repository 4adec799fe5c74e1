/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shift TCP sequence numbers by constants: what is left of a stream's edits
 * once they are all acknowledged.
 */
#pragma once

#include <stdint.h>

#include <rte_tcp.h>

/*
 * Add to SEQ, and to ACK and to the edges of SACK blocks (RFC 2018 section 3) if the
 * header has them; keep the checksum right. The header is whole.
 */
void pst_seq_shift(struct rte_tcp_hdr *tcp, int32_t seq, int32_t ack);
