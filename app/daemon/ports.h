/* SPDX-License-Identifier: BSD-3-Clause */
/* The ethdev ports of the config's devices: queues, promiscuous mode, RSS. */
#pragma once

#include <rte_mempool.h>

#include "config/config.h"
#include "worker/net.h"
#include "worker/steer.h"

struct pst_port {
	uint16_t id;
	uint16_t n_rx, n_tx; /* queues */
	bool is_virtual;     /* no hardware: checksums may be left undone by its peers */
	bool started;
	bool up;           /* its link, when it was last looked at */
	uint32_t mbps;     /* 0: not known */
	uint32_t if_index; /* the kernel's interface under it, 0: none */
	const char *device;
	bool external;
	char rss[96]; /* how it steers, or why it does not */
};

struct pst_ports {
	struct pst_port ports[PST_NET_PORTS];
	uint32_t n_ports;
	uint16_t of_iface[PST_NET_IFACES]; /* number in ports[] */
};

/*
 * Configure a port for each device, one receive and transmit queue a worker as
 * far as it has them, and set its one-bit RSS key. 0 or -errno with a text in error.
 */
int pst_ports_open(struct pst_ports *ports, const struct pst_config *config,
	const struct pst_steer *steer, struct rte_mempool *mbufs, char *error, size_t size);
/* Start them all. 0 or -errno with a text in error. */
int pst_ports_start(struct pst_ports *ports, char *error, size_t size);

/*
 * The MTU of each interface: the config's, to which its device is raised where that has less,
 * or the device's own, as far as a packet of so many bytes (`room`, with L2 headers) is held by
 * an mbuf. 0 or -errno with a text in error. Behind open, before start.
 */
int pst_ports_set_mtus(struct pst_ports *ports, const struct pst_config *config, uint32_t room,
	uint16_t *mtus, char *error, size_t size);

/* Look at its link: up and mbps. */
void pst_port_look(struct pst_port *port);
/* True when each has a link. */
bool pst_ports_are_up(const struct pst_ports *ports);
/* Stop and close. */
void pst_ports_close(struct pst_ports *ports);
