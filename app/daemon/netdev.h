/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's interface under a virtual device (af_packet, af_xdp, tap). DPDK 22.11's drivers
 * say that such a link is always up and its MTU 1500; the kernel knows better.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pst_netdev {
	bool running; /* up, and with a carrier */
	uint16_t mtu; /* bytes of an IP packet; 65535: that or more */
};

/* Ask the kernel of an interface by its index; false when there is none. */
bool pst_netdev_get(uint32_t index, struct pst_netdev *netdev);
