/* SPDX-License-Identifier: BSD-3-Clause */
#include "bindbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_tcp.h>

#include "noter.h"

#define SERVER 0xc6120009 /* 198.18.0.9 */
#define RING 64
#define DESCRIPTORS 512
#define SESSION_MS 2000

static uint32_t client_ip;

uint64_t
pst_bindbox_now(void *ctx)
{
	(void)ctx;
	return rte_rdtsc() * 1000 / rte_get_tsc_hz();
}

/* The appliance. */

static void
set_config(struct pst_config *c)
{
	memset(c, 0, sizeof(*c));
	c->lcores.n_workers = c->lcores.n_editors = 1;
	c->nat.ports_per_client = 65535;
	c->nat.sessions_per_client = 4096;
	c->nat.port_first = 1024;
	c->nat.port_last = 65535;
	c->nat.timeouts.tcp_opening = c->nat.timeouts.tcp_closing = 240;
	c->nat.timeouts.tcp_established = 7440;
	c->nat.timeouts.udp = c->nat.timeouts.bind_udp_idle = 3600;
	c->nat.timeouts.icmp = 60;
	c->nat.timeouts.bind_accept = 3600;
	c->nat.timeouts.syn_hold = 6;
}

int
pst_bindbox_init(struct pst_bindbox *box, uint32_t mbufs)
{
	memset(box, 0, sizeof(*box));
	set_config(&box->config);
	box->params.config = &box->config;
	box->params.mbufs = rte_pktmbuf_pool_create("bindbox", mbufs, 0, PST_MBUF_PRIV,
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return box->params.mbufs != NULL ? 0 : -ENOMEM;
}

static int
make_ring_port(struct pst_bindbox *box, uint32_t iface)
{
	struct rte_ring *out;
	char name[32];

	snprintf(name, sizeof(name), "bindbox-%u-in", iface);
	box->in[iface] = rte_ring_create(name, RING, SOCKET_ID_ANY, 0);
	snprintf(name, sizeof(name), "bindbox-%u-out", iface);
	out = rte_ring_create(name, RING, SOCKET_ID_ANY, 0);
	if (box->in[iface] == NULL || out == NULL)
		return -ENOMEM;
	snprintf(name, sizeof(name), "bindbox%u", iface);
	return rte_eth_from_rings(name, &box->in[iface], 1, &out, 1, 0);
}

int
pst_bindbox_add_port(struct pst_bindbox *box, int port, enum pst_zone zone, uint32_t ip)
{
	struct rte_eth_conf conf = { 0 };
	uint32_t k = box->config.n_ifaces++;
	struct pst_appliance_iface iface = { .mtu = 1500, .n_rx = 1, .n_tx = 1 };

	snprintf(box->config.ifaces[k].name, sizeof(box->config.ifaces[k].name), "if%u", k);
	box->config.ifaces[k].zone = zone;
	box->config.ifaces[k].ip = ip;
	box->config.ifaces[k].prefix_len = 24;
	box->config.ifaces[k].mtu = 1500;
	if (port == PST_BINDBOX_RING)
		port = make_ring_port(box, k);
	if (port < 0)
		return port;
	iface.port = port;
	if (rte_eth_dev_configure(port, 1, 1, &conf) < 0 ||
		rte_eth_rx_queue_setup(
			port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, box->params.mbufs) < 0 ||
		rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL) < 0 ||
		rte_eth_macaddr_get(port, &iface.mac) < 0 || rte_eth_dev_start(port) < 0)
		return -ENODEV;
	box->params.ifaces[k] = iface;
	return 0;
}

int
pst_bindbox_start(struct pst_bindbox *box, void (*idle)(void *ctx))
{
	char error[256] = "";

	box->params.seed = 1;
	box->params.now_ms = pst_bindbox_now(NULL);
	box->params.editors = pst_noter_editors;
	box->params.idle = idle;
	box->params.now = pst_bindbox_now;
	box->a = pst_appliance_create(&box->params, error, sizeof(error));
	if (box->a == NULL)
		fprintf(stderr, "postern-bench: %s\n", error);
	return box->a != NULL ? 0 : -ENOMEM;
}

void
pst_bindbox_fini(struct pst_bindbox *box)
{
	pst_appliance_destroy(box->a);
	box->a = NULL;
}

/* The session. */

static struct rte_mbuf *
make_syn(struct rte_mempool *mbufs, const struct pst_appliance_iface *iface)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mbufs);
	uint32_t len = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) +
		sizeof(struct rte_tcp_hdr);
	struct rte_ether_hdr *eth;
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;

	eth = m != NULL ? (struct rte_ether_hdr *)rte_pktmbuf_append(m, len) : NULL;
	if (eth == NULL)
		return NULL;
	memset(eth, 0, len);
	eth->dst_addr = iface->mac;
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip = (struct rte_ipv4_hdr *)(eth + 1);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(len - sizeof(*eth));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_TCP;
	ip->src_addr = rte_cpu_to_be_32(client_ip);
	ip->dst_addr = rte_cpu_to_be_32(SERVER);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp = (struct rte_tcp_hdr *)(ip + 1);
	tcp->src_port = rte_cpu_to_be_16(5000);
	tcp->dst_port = rte_cpu_to_be_16(PST_NOTER_PORT);
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	tcp->tcp_flags = RTE_TCP_SYN_FLAG;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	m->port = iface->port;
	return m;
}

int
pst_bindbox_open_session(struct pst_bindbox *box, uint32_t iface, uint32_t client)
{
	uint64_t end = pst_bindbox_now(NULL) + SESSION_MS;
	struct rte_mbuf *m;

	client_ip = client;
	m = make_syn(box->params.mbufs, &box->params.ifaces[iface]);
	if (m == NULL || rte_ring_enqueue(box->in[iface], m) != 0)
		return -ENOBUFS;
	while (pst_noter_session() == NULL && pst_bindbox_now(NULL) < end)
		pst_runtime_poll(box->a->runtimes[0], pst_bindbox_now(NULL));
	return pst_noter_session() != NULL ? 0 : -ETIMEDOUT;
}

int
pst_bindbox_bind(uint32_t address, uint32_t n, struct pst_connection **handles)
{
	static struct pst_endpoint clients[PST_BIND_MAX];
	struct pst_endpoint proxy = { address, PST_PORT_ANY };
	const struct pst_bind_for_client args = { .client_addresses = clients,
		.client_address_len = sizeof(clients[0]),
		.proxy_address = &proxy,
		.proxy_address_len = sizeof(proxy),
		.protocol = PST_UDP,
		.n = n,
		.protocol_id = pst_noter_protocol,
		.connections = handles };

	for (uint32_t i = 0; i < n; i++)
		clients[i] = (struct pst_endpoint){ client_ip, 2000 + i };
	return pst_bind_for_client(pst_noter_session(), &args);
}

void
pst_bindbox_kill(uint32_t n, struct pst_connection **handles)
{
	for (uint32_t i = 0; i < n; i++)
		pst_connection_kill(handles[i]);
}

void
pst_bindbox_settle(struct pst_bindbox *box)
{
	const struct pst_chan *chan = box->a->editor_chans[0][0];
	struct pst_runtime *rt = box->a->runtimes[0];

	do {
		pst_runtime_poll(rt, pst_bindbox_now(NULL));
		if (chan->n_free != chan->n_records)
			box->params.idle(NULL);
	} while (chan->n_free != chan->n_records);
	pst_runtime_poll(rt, pst_bindbox_now(NULL));
}
