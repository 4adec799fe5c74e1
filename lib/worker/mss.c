/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSS clamp: no end of a connection hears of segments larger than what both of our links carry.
 * A path whose ICMP errors get lost would swallow them without a word.
 */
#include "packet/mss.h"
#include "worker/worker_priv.h"

#define HEADERS 40 /* IPv4 and TCP, without options (RFC 6691) */

void
pst_worker_clamp_mss(const struct pst_worker *w, const struct job *job, const struct pst_conn *c)
{
	const struct pst_net *net = w->params.net;
	const struct pst_route *route = job->way == PST_WAY_OUT ?
		pst_net_lookup(net, PST_NET_EXTERNAL, pst_key_ip(c->remote)) :
		pst_net_lookup(net, PST_NET_INTERNAL, pst_key_ip(c->local[PST_WAY_OUT]));
	uint16_t mtu;

	if (net->mss_most == 0 || route == NULL)
		return;
	mtu = RTE_MIN(net->ifaces[job->iface].mtu, net->ifaces[route->iface].mtu);
	pst_mss_lower(job->v.l4, RTE_MIN(net->mss_most, mtu - HEADERS));
}
