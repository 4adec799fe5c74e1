/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/neigh.h"

#include <string.h>

#include <rte_arp.h>
#include <rte_malloc.h>

#include "base/err.h"
#include "worker/reply.h"

#define PROBES 16 /* slots looked at for one address */
#define TRIES 3
#define RETRY_MS 1000
#define REACHABLE_MS 30000

struct pst_neigh_table *
pst_neigh_create(int socket)
{
	struct pst_neigh_table *t = rte_zmalloc_socket(
		"pst_neigh", sizeof(struct pst_neigh_table), RTE_CACHE_LINE_SIZE, socket);

	if (t == NULL)
		return NULL;
	while (t->n_free < PST_NEIGH_HELD_ALL) {
		t->free_cells[t->n_free] = t->n_free;
		t->n_free++;
	}
	return t;
}

static bool
keep(struct pst_neigh_table *t, struct pst_neigh_own *o, struct rte_mbuf *m)
{
	uint32_t cell;

	if (t->n_free == 0 || o->n_held == PST_NEIGH_HELD ||
		(o->n_held >= PST_NEIGH_HELD_SURE && t->n_free <= PST_NEIGH_HELD_ALL / 2))
		return false;
	cell = t->free_cells[--t->n_free];
	t->cells[cell].m = m;
	if (o->n_held++ == 0)
		o->first_held = cell;
	else
		t->cells[o->last_held].next = cell;
	o->last_held = cell;
	return true;
}

/* The packet that has waited longest, or NULL. */
static struct rte_mbuf *
unkeep(struct pst_neigh_table *t, struct pst_neigh_own *o)
{
	uint32_t cell = o->first_held;

	if (o->n_held == 0)
		return NULL;
	o->n_held--;
	o->first_held = t->cells[cell].next;
	t->free_cells[t->n_free++] = cell;
	return t->cells[cell].m;
}

void
pst_neigh_destroy(struct pst_neigh_table *t)
{
	struct rte_mbuf *m;

	if (t == NULL)
		return;
	for (uint32_t k = 0; k < t->n_used; k++) {
		while ((m = unkeep(t, &t->own[t->used[k]])) != NULL)
			rte_pktmbuf_free(m);
	}
	rte_free(t);
}

static uint64_t
key_of(uint16_t iface, rte_be32_t ip)
{
	return (uint64_t)ip << 32 | (uint64_t)iface << 16 | 1;
}

static uint32_t
home_of(uint64_t key)
{
	/* the address' bytes that differ most are the key's high ones: fold, then spread */
	return ((key ^ key >> 32) * 0x9e3779b97f4a7c15) >> 40;
}

/* The address' slot, or PST_NEIGH_SLOTS. */
static uint32_t
find(const struct pst_neigh_table *t, uint64_t key)
{
	uint32_t home = home_of(key);

	for (uint32_t k = 0; k < PROBES; k++) {
		uint32_t i = (home + k) % PST_NEIGH_SLOTS;

		if (__atomic_load_n(&t->slots[i].key, __ATOMIC_ACQUIRE) == key)
			return i;
	}
	return PST_NEIGH_SLOTS;
}

bool
pst_neigh_lookup(const struct pst_neigh_table *t, uint16_t iface, rte_be32_t ip,
	struct pst_hop *hop)
{
	uint64_t key = key_of(iface, ip), word;
	uint32_t i = find(t, key);

	if (i == PST_NEIGH_SLOTS)
		return false;
	word = __atomic_load_n(&t->slots[i].mac_tag, __ATOMIC_ACQUIRE);
	/* main clears the word before it gives the slot away */
	if (word >> 48 == 0 || __atomic_load_n(&t->slots[i].key, __ATOMIC_ACQUIRE) != key)
		return false;
	hop->id = i;
	hop->tag = word >> 48;
	return true;
}

void
pst_net_set_l2_type(struct rte_mbuf *m, void *payload, const struct pst_iface *iface,
	const struct rte_ether_addr *dst, rte_be16_t ether_type)
{
	struct rte_ether_hdr *eth;
	uint32_t len = sizeof(*eth);
	ptrdiff_t shift;

	if (iface->vlan != 0) {
		struct rte_vlan_hdr *vlan = (struct rte_vlan_hdr *)payload - 1;

		vlan->vlan_tci = rte_cpu_to_be_16(iface->vlan);
		vlan->eth_proto = ether_type;
		len += sizeof(*vlan);
	}
	eth = (struct rte_ether_hdr *)((uint8_t *)payload - len);
	rte_ether_addr_copy(dst, &eth->dst_addr);
	rte_ether_addr_copy(&iface->mac, &eth->src_addr);
	eth->ether_type = iface->vlan != 0 ? RTE_BE16(RTE_ETHER_TYPE_VLAN) : ether_type;
	shift = (uint8_t *)eth - rte_pktmbuf_mtod(m, uint8_t *);
	m->data_off += shift;
	m->data_len -= shift;
	m->pkt_len -= shift;
	m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
}

/* Main's side. */

static struct rte_ether_addr
mac_of(uint64_t word)
{
	struct rte_ether_addr mac;

	for (int i = 0; i < RTE_ETHER_ADDR_LEN; i++)
		mac.addr_bytes[i] = word >> (8 * i);
	return mac;
}

static bool
publish(struct pst_neigh_table *t, uint32_t i, const struct rte_ether_addr *mac)
{
	uint64_t word = 0;

	for (int k = RTE_ETHER_ADDR_LEN - 1; k >= 0; k--)
		word = word << 8 | mac->addr_bytes[k];
	if (((t->slots[i].mac_tag ^ word) & UINT64_C(0xffffffffffff)) == 0 &&
		t->slots[i].mac_tag >> 48 != 0)
		return false; /* what it was: the connections' hops stay good */
	t->own[i].gen = t->own[i].gen == UINT16_MAX ? 1 : t->own[i].gen + 1;
	__atomic_store_n(&t->slots[i].mac_tag, word | (uint64_t)t->own[i].gen << 48,
		__ATOMIC_RELEASE);
	return true;
}

static void
tell(const struct pst_neigh_table *t, const struct pst_neigh_ops *ops, uint32_t i,
	const struct rte_ether_addr *mac)
{
	if (ops->changed != NULL)
		ops->changed(ops->ctx, t->slots[i].key >> 16, t->slots[i].key >> 32, mac);
}

static void
send_to(const struct pst_net *net, const struct pst_neigh_ops *ops, struct rte_mbuf *m,
	uint16_t iface, const struct rte_ether_addr *mac)
{
	struct pst_view v;

	pst_view_parse(&v, m);
	pst_net_set_l2(m, v.ip, &net->ifaces[iface], mac);
	ops->send(ops->ctx, m, iface);
}

static void
ask(struct pst_neigh_table *t, const struct pst_net *net, const struct pst_neigh_ops *ops,
	uint32_t i, uint64_t now_ms)
{
	uint64_t key = t->slots[i].key, word = t->slots[i].mac_tag;
	uint16_t iface = key >> 16;
	struct rte_mbuf *m = ops->alloc(ops->ctx);
	struct rte_ether_addr mac = mac_of(word);

	t->own[i].tries++;
	t->own[i].next_ms = now_ms + RETRY_MS;
	t->next_ms = RTE_MIN(t->next_ms, t->own[i].next_ms);
	if (m == NULL)
		return;
	/* RFC 1122 section 2.3.2.1: a known neighbour is asked directly, at first */
	pst_reply_arp_request(m, &net->ifaces[iface], key >> 32,
		word >> 48 != 0 && t->own[i].tries == 1 ? &mac : NULL);
	ops->send(ops->ctx, m, iface);
}

static bool
is_free(const struct pst_neigh_own *o)
{
	return o->state == PST_NEIGH_EMPTY || o->state == PST_NEIGH_FAILED;
}

/* A slot for a new address: an empty one, or one whose neighbour is gone. */
static uint32_t
add(struct pst_neigh_table *t, uint64_t key)
{
	uint32_t home = home_of(key);

	for (uint32_t k = 0; k < PROBES; k++) {
		uint32_t i = (home + k) % PST_NEIGH_SLOTS;
		struct pst_neigh_own *o = &t->own[i];

		if (!is_free(o))
			continue;
		if (o->state == PST_NEIGH_EMPTY)
			t->used[t->n_used++] = i;
		o->state = PST_NEIGH_INCOMPLETE;
		o->tries = 0;
		__atomic_store_n(&t->slots[i].key, key, __ATOMIC_RELEASE);
		return i;
	}
	return PST_NEIGH_SLOTS;
}

void
pst_neigh_hold(struct pst_neigh_table *t, const struct pst_net *net,
	const struct pst_neigh_ops *ops, struct rte_mbuf *m, uint16_t iface, rte_be32_t ip,
	uint64_t now_ms)
{
	uint64_t key = key_of(iface, ip);
	uint32_t i = find(t, key);
	struct pst_neigh_own *o;

	if (i != PST_NEIGH_SLOTS && t->slots[i].mac_tag >> 48 != 0) {
		struct rte_ether_addr mac = mac_of(t->slots[i].mac_tag);

		send_to(net, ops, m, iface, &mac);
		return;
	}
	if (i == PST_NEIGH_SLOTS)
		i = add(t, key);
	if (i == PST_NEIGH_SLOTS) {
		ops->drop(ops->ctx, m, PST_DROP_NEIGHBOUR_QUEUE);
		return;
	}
	o = &t->own[i];
	if (o->state == PST_NEIGH_FAILED) {
		o->state = PST_NEIGH_INCOMPLETE;
		o->tries = 0;
	}
	if (!keep(t, o, m))
		ops->drop(ops->ctx, m, PST_DROP_NEIGHBOUR_QUEUE);
	if (o->tries == 0)
		ask(t, net, ops, i, now_ms);
}

static void
confirm(struct pst_neigh_table *t, const struct pst_net *net, const struct pst_neigh_ops *ops,
	uint32_t i, const struct rte_ether_addr *mac, uint64_t now_ms)
{
	struct pst_neigh_own *o = &t->own[i];
	struct rte_mbuf *m;

	if (publish(t, i, mac))
		tell(t, ops, i, mac);
	o->state = PST_NEIGH_REACHABLE;
	o->tries = 0;
	o->confirmed_ms = now_ms;
	o->next_ms = now_ms + REACHABLE_MS;
	t->next_ms = RTE_MIN(t->next_ms, o->next_ms);
	while ((m = unkeep(t, o)) != NULL)
		send_to(net, ops, m, t->slots[i].key >> 16, mac);
}

void
pst_neigh_input(struct pst_neigh_table *t, const struct pst_net *net,
	const struct pst_neigh_ops *ops, const struct rte_mbuf *m, uint16_t iface, uint64_t now_ms)
{
	const struct rte_arp_hdr *arp = pst_reply_arp_of(m);
	uint32_t i;

	if (arp == NULL || !rte_is_valid_assigned_ether_addr(&arp->arp_data.arp_sha))
		return;
	i = find(t, key_of(iface, arp->arp_data.arp_sip));
	if (i != PST_NEIGH_SLOTS) /* RFC 826: who is known is refreshed, nobody else is added */
		confirm(t, net, ops, i, &arp->arp_data.arp_sha, now_ms);
}

static void
fail(struct pst_neigh_table *t, const struct pst_neigh_ops *ops, uint32_t i)
{
	struct pst_neigh_own *o = &t->own[i];
	struct rte_mbuf *m;

	o->state = PST_NEIGH_FAILED;
	o->tries = 0;
	o->next_ms = UINT64_MAX;
	__atomic_store_n(&t->slots[i].mac_tag, 0, __ATOMIC_RELEASE);
	while ((m = unkeep(t, o)) != NULL)
		ops->drop(ops->ctx, m, PST_DROP_NO_NEIGHBOUR);
	tell(t, ops, i, NULL);
}

void
pst_neigh_forget(struct pst_neigh_table *t, const struct pst_neigh_ops *ops, uint16_t iface)
{
	for (uint32_t k = 0; k < t->n_used; k++) {
		uint32_t i = t->used[k];

		if (!is_free(&t->own[i]) && (uint16_t)(t->slots[i].key >> 16) == iface)
			fail(t, ops, i);
	}
}

uint32_t
pst_neigh_timer(struct pst_neigh_table *t, const struct pst_net *net,
	const struct pst_neigh_ops *ops, uint64_t now_ms)
{
	uint32_t done = 0;

	if (now_ms < t->next_ms)
		return 0;
	t->next_ms = UINT64_MAX;
	for (uint32_t k = 0; k < t->n_used; k++) {
		uint32_t i = t->used[k];
		struct pst_neigh_own *o = &t->own[i];

		if (is_free(o))
			continue;
		if (now_ms >= o->next_ms) {
			done++;
			if (o->state == PST_NEIGH_REACHABLE)
				o->state = PST_NEIGH_PROBE;
			if (o->tries >= TRIES)
				fail(t, ops, i);
			else
				ask(t, net, ops, i, now_ms);
		}
		t->next_ms = RTE_MIN(t->next_ms, o->next_ms);
	}
	return done;
}
