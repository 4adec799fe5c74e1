/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The traffic maker's parameters, from the environment (all with a default):
 *
 * PST_TRAFFIC_MODE        forward (established flows, both ways) or setup (new connections)
 * PST_TRAFFIC_TRANSPORT   udp or tcp
 * PST_TRAFFIC_FLOWS       how many, rounded up to a power of two; 16384 or more in mode setup
 * PST_TRAFFIC_PER_CLIENT  flows of one client address, likewise
 * PST_TRAFFIC_SERVERS     server addresses, likewise
 * PST_TRAFFIC_CLIENT_NET  the lowest client address; PST_TRAFFIC_SERVER_NET the lowest server
 * PST_TRAFFIC_PORT        the servers' port
 * PST_TRAFFIC_SIZE        bytes in the mbuf, or imix: of 12 frames 7 of 60, 4 of 590, 1 of 1514
 * PST_TRAFFIC_VLAN        none, or inside or outside: frames of that side have a tag
 * PST_TRAFFIC_SECONDS     how long to measure
 * PST_TRAFFIC_WINDOW      packets between two looks at the clock
 * PST_TRAFFIC_SETTLE_MS   how long each step before the measurement may take
 * PST_TRAFFIC_SWAPPED     1: the program answers each packet instead of forwarding it
 * PST_TRAFFIC_BRIDGED     1: the program leaves tags as they are
 * PST_TRAFFIC_REPORT      file for the report; without it, standard error
 */
#pragma once

#include "traffic.h"

/* Returns 0, or -EINVAL after saying on standard error what is wrong. */
int pst_params_read(struct pst_traffic_params *params);
