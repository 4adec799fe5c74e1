/* SPDX-License-Identifier: BSD-3-Clause */
#define PST_LOG_MODULE PST_LOGTYPE_PORTS
#include "ports.h"

#include <stdio.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_ethdev.h>

#include "base/log.h"
#include "netdev.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024

static int
find_port(const char *device, uint16_t *id)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	size_t len = strcspn(device, ",");

	snprintf(name, sizeof(name), "%.*s", (int)len, device);
	return rte_eth_dev_get_port_by_name(name, id);
}

/* The zones that a device carries: a trunk of both gets no RSS key. */
static bool
is_mixed(const struct pst_config *config, const char *device)
{
	bool internal = false, external = false;

	for (uint32_t i = 0; i < config->n_ifaces; i++) {
		if (strcmp(config->ifaces[i].device, device) != 0)
			continue;
		internal = internal || config->ifaces[i].zone == PST_ZONE_INTERNAL;
		external = external || config->ifaces[i].zone == PST_ZONE_EXTERNAL;
	}
	return internal && external;
}

static void
program_rss(struct pst_port *port, const struct pst_config *config, enum pst_zone zone,
	const struct pst_steer *steer)
{
	char why[64] = "";
	int ret;

	if (port->n_rx < 2) {
		snprintf(port->rss, sizeof(port->rss), "off: one queue");
	} else if (is_mixed(config, port->device)) {
		snprintf(port->rss, sizeof(port->rss), "off: it carries both zones");
	} else {
		ret = pst_steer_program_rss(port->id,
			zone == PST_ZONE_INTERNAL ? PST_STEER_INSIDE : PST_STEER_OUTSIDE, steer,
			port->n_rx, why, sizeof(why));
		if (ret == 0)
			snprintf(port->rss, sizeof(port->rss), "programmed");
		else
			snprintf(port->rss, sizeof(port->rss), "off: %s", why);
	}
	PST_LOG(INFO, "%s: rss: %s", port->device, port->rss);
}

static int
setup_queues(struct pst_port *port, const struct rte_eth_dev_info *info,
	struct rte_mempool *mbufs)
{
	uint16_t rxd = RX_DESCRIPTORS, txd = TX_DESCRIPTORS;
	struct rte_eth_txconf txconf = info->default_txconf;
	int socket = rte_eth_dev_socket_id(port->id), ret;

	ret = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rxd, &txd);
	for (uint16_t q = 0; ret == 0 && q < port->n_rx; q++)
		ret = rte_eth_rx_queue_setup(port->id, q, rxd, socket, NULL, mbufs);
	for (uint16_t q = 0; ret == 0 && q < port->n_tx; q++)
		ret = rte_eth_tx_queue_setup(port->id, q, txd, socket, &txconf);
	return ret;
}

/*
 * DPDK 22.11's net_af_packet asks the kernel to put fragments together (PACKET_FANOUT_FLAG_DEFRAG),
 * and nobody can ask it not to: we get the whole, as far as it fits the driver's frame, and drop
 * it as truncated if it does not.
 */
static void
tell_of_fragments(const struct pst_port *port, const struct rte_eth_dev_info *info)
{
	if (strcmp(info->driver_name, "net_af_packet") == 0)
		PST_LOG(NOTICE,
			"%s: the kernel puts fragments together for this driver, and what "
			"is then too large for it is lost; net_af_xdp gets them as they are",
			port->device);
}

static int
open_port(struct pst_port *port, const struct pst_config *config, const char **what,
	struct rte_mempool *mbufs)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	int ret;

	*what = "describe itself";
	ret = rte_eth_dev_info_get(port->id, &info);
	if (ret < 0)
		return ret;
	port->is_virtual = info.device == NULL || rte_dev_bus(info.device) == NULL ||
		strcmp(rte_bus_name(rte_dev_bus(info.device)), "vdev") == 0;
	port->if_index = info.if_index;
	tell_of_fragments(port, &info);
	port->n_rx = RTE_MIN(config->lcores.n_workers, (uint32_t)info.max_rx_queues);
	port->n_tx = RTE_MIN(config->lcores.n_workers, (uint32_t)info.max_tx_queues);
	if (port->n_rx > 1 && info.flow_type_rss_offloads != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	*what = "be configured";
	ret = rte_eth_dev_configure(port->id, port->n_rx, port->n_tx, &conf);
	if (ret < 0)
		return ret;
	*what = "set its queues up";
	return setup_queues(port, &info, mbufs);
}

static uint16_t
number_of(const struct pst_ports *ports, const char *device)
{
	uint16_t k = 0;

	while (k < ports->n_ports && strcmp(ports->ports[k].device, device) != 0)
		k++;
	return k;
}

int
pst_ports_open(struct pst_ports *ports, const struct pst_config *config,
	const struct pst_steer *steer, struct rte_mempool *mbufs, char *error, size_t size)
{
	const char *what = "be found";
	int ret;

	memset(ports, 0, sizeof(*ports));
	for (uint32_t i = 0; i < config->n_ifaces; i++) {
		const struct pst_config_iface *f = &config->ifaces[i];
		uint16_t k = number_of(ports, f->device);

		ports->of_iface[i] = k;
		if (k < ports->n_ports)
			continue;
		ports->ports[k].device = f->device;
		ret = find_port(f->device, &ports->ports[k].id);
		if (ret == 0 && ports->ports[k].id >= PST_NET_PORTS)
			ret = -ENOSPC;
		if (ret == 0) {
			ports->n_ports++;
			ret = open_port(&ports->ports[k], config, &what, mbufs);
		}
		if (ret < 0) {
			snprintf(error, size, "interface \"%s\": device \"%s\" can't %s: %s",
				f->name, f->device, what, rte_strerror(-ret));
			return ret;
		}
		ports->ports[k].external = f->zone == PST_ZONE_EXTERNAL;
		program_rss(&ports->ports[k], config, f->zone, steer);
	}
	return 0;
}

int
pst_ports_start(struct pst_ports *ports, char *error, size_t size)
{
	for (uint32_t k = 0; k < ports->n_ports; k++) {
		struct pst_port *p = &ports->ports[k];
		int ret = rte_eth_dev_start(p->id);

		if (ret < 0) {
			snprintf(error, size, "device \"%s\" can't start: %s", p->device,
				rte_strerror(-ret));
			return ret;
		}
		p->started = true;
	}
	return 0;
}

/* The largest MTU that interfaces of a port ask for, and which; 0: none does. */
static uint16_t
wanted_mtu(const struct pst_ports *ports, const struct pst_config *config, uint16_t k,
	uint32_t *iface)
{
	uint16_t most = 0;

	for (uint32_t i = 0; i < config->n_ifaces; i++) {
		if (ports->of_iface[i] == k && config->ifaces[i].mtu > most) {
			most = config->ifaces[i].mtu;
			*iface = i;
		}
	}
	return most;
}

static uint16_t
device_mtu(const struct pst_port *port)
{
	struct pst_netdev netdev;
	uint16_t mtu = RTE_ETHER_MTU;

	rte_eth_dev_get_mtu(port->id, &mtu);
	if (port->is_virtual && pst_netdev_get(port->if_index, &netdev))
		mtu = RTE_MIN(mtu, netdev.mtu);
	return mtu;
}

/* Raise a device's MTU to what an interface asks for. */
static int
raise_mtu(const struct pst_port *port, uint16_t wanted, uint16_t has, const char *iface,
	char *error, size_t size)
{
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(port->id, &info);

	if (ret == 0 && wanted > info.max_mtu) {
		has = info.max_mtu;
		ret = -EINVAL;
	}
	if (ret == 0)
		ret = rte_eth_dev_set_mtu(port->id, wanted);
	if (ret < 0)
		snprintf(error, size,
			"interface \"%s\": an mtu of %u is more than device \"%s\" takes: %u",
			iface, wanted, port->device, has);
	return ret;
}

/* What an interface without a word of its own has. */
static uint16_t
capped(const struct pst_config_iface *f, uint16_t device, uint32_t room)
{
	uint32_t most = room - sizeof(struct rte_ether_hdr) - sizeof(struct rte_vlan_hdr);

	if (device <= most)
		return device;
	PST_LOG(NOTICE, "interface %s: the device's MTU is %u, %u of it are used; set \"mtu\" for more",
		f->name, device, most);
	return most;
}

int
pst_ports_set_mtus(struct pst_ports *ports, const struct pst_config *config, uint32_t room,
	uint16_t *mtus, char *error, size_t size)
{
	uint16_t device[PST_NET_PORTS];

	for (uint16_t k = 0; k < ports->n_ports; k++) {
		uint32_t iface = 0;
		uint16_t wanted = wanted_mtu(ports, config, k, &iface);
		int ret = 0;

		device[k] = device_mtu(&ports->ports[k]);
		if (wanted > device[k])
			ret = raise_mtu(&ports->ports[k], wanted, device[k],
				config->ifaces[iface].name, error, size);
		if (ret < 0)
			return ret;
	}
	for (uint32_t i = 0; i < config->n_ifaces; i++) {
		const struct pst_config_iface *f = &config->ifaces[i];

		mtus[i] = f->mtu != 0 ? f->mtu : capped(f, device[ports->of_iface[i]], room);
	}
	return 0;
}

void
pst_port_look(struct pst_port *port)
{
	struct rte_eth_link link = { 0 };
	struct pst_netdev netdev;

	port->up = rte_eth_link_get_nowait(port->id, &link) == 0 &&
		link.link_status == RTE_ETH_LINK_UP;
	if (port->is_virtual && pst_netdev_get(port->if_index, &netdev))
		port->up = port->up && netdev.running;
	port->mbps = port->up && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN ? link.link_speed : 0;
}

bool
pst_ports_are_up(const struct pst_ports *ports)
{
	for (uint32_t k = 0; k < ports->n_ports; k++) {
		if (!ports->ports[k].up)
			return false;
	}
	return true;
}

void
pst_ports_close(struct pst_ports *ports)
{
	for (uint32_t k = 0; k < ports->n_ports; k++) {
		if (ports->ports[k].started)
			rte_eth_dev_stop(ports->ports[k].id);
		rte_eth_dev_close(ports->ports[k].id);
	}
	ports->n_ports = 0;
}
