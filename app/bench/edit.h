/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Edit: what the stream engine costs an editor lcore, a segment.
 *
 * Engines of their own, without rings and packets: 64 connections in turn, each with a sender of
 * 1,460-byte segments and a receiver that acknowledges every second one, ten behind. Measured
 * twice: with an editor that reads and passes all, and with one that replaces 8 bytes of every
 * 1,460 by 7 and by 9 in turn, so that the stream's two sides are never a constant apart and
 * every other segment is too long and goes out as two. All that comes out has to follow on what
 * came before, and one segment in 64 is compared to the last byte.
 *
 * A figure is of a segment that the sender made, with its share of the acknowledgements.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Measure and print. 0 or -errno, having said why. */
int pst_bench_edit(bool json, uint32_t seconds);
