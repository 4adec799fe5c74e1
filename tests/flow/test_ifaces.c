/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces of a whole appliance: addresses announced and answered for, links, VLANs, routes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "box.h"
#include "eal.h"

#define CLIENT IP(10, 1, 1, 7)
#define SERVER IP(198, 18, 0, 9)
#define OUTSIDE IP(198, 18, 0, 1)
#define INSIDE IP(10, 1, 1, 254)

static struct pkt
udp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	return (struct pkt){ .proto = IPPROTO_UDP, .src = src, .sport = sport, .dst = dst,
		.dport = dport, .data = "hello", .len = 5 };
}

static struct pkt
echo(uint32_t src, uint32_t dst, uint16_t id)
{
	return (struct pkt){ .proto = IPPROTO_ICMP, .src = src, .dst = dst, .sport = id,
		.icmp_type = RTE_IP_ICMP_ECHO_REQUEST, .data = "ping", .len = 4 };
}

/* The answer to what came out: from its receiver, by the same VLAN. */
static struct pkt
answer_to(const struct pkt *p)
{
	struct pkt a = udp(p->dst, p->dport, p->src, p->sport);

	a.vlan = p->vlan;
	return a;
}

/* Links. */

static void
link_is(struct box *b, uint32_t iface, bool up)
{
	pst_lcore_set_role(PST_ROLE_MAIN, 0);
	pst_appliance_set_link(b->a, iface, up, b->now_ms);
	box_settle(b);
}

/* How often an address was announced at a port; only with the port's own MAC. */
static uint32_t
announced(const struct box *b, int port, uint32_t ip)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n_announced; i++) {
		if (b->announced[i].port != port || b->announced[i].ip != ip)
			continue;
		assert_true(rte_is_same_ether_addr(&b->announced[i].mac, &b->mac[port]));
		n++;
	}
	return n;
}

/* The interface's own, three beside it, and two that are routed here. */
static void
pool_config(struct pst_config *c)
{
	box_config(c, 2, 1);
	c->nat.pool[1] = (struct pst_range){ IP(198, 18, 0, 20), IP(198, 18, 0, 22) };
	c->nat.pool[2] = (struct pst_range){ IP(203, 0, 113, 8), IP(203, 0, 113, 9) };
	c->nat.n_pool = 3;
}

static void
a_link_that_comes_up_announces_the_addresses_there(void **state)
{
	struct pst_config c;
	struct box b;

	(void)state;
	pool_config(&c);
	box_init(&b, &c, 0);
	box_pass(&b, 3000);
	assert_int_equal(b.n_announced, 0); /* nobody said that there is a link */
	link_is(&b, BOX_OUTSIDE, true);
	assert_int_equal(b.n_announced, 4);
	assert_int_equal(announced(&b, BOX_OUTSIDE, OUTSIDE), 1);
	for (uint32_t i = 20; i <= 22; i++)
		assert_int_equal(announced(&b, BOX_OUTSIDE, IP(198, 18, 0, i)), 1);
	box_pass(&b, 10000);
	assert_int_equal(b.n_announced, 8); /* RFC 5227: once more, in two seconds */
	link_is(&b, BOX_INSIDE, true);
	box_pass(&b, 10000);
	assert_int_equal(announced(&b, BOX_INSIDE, INSIDE), 2);
	assert_int_equal(b.n_announced, 10);
	link_is(&b, BOX_OUTSIDE, false);
	link_is(&b, BOX_OUTSIDE, true);
	assert_int_equal(announced(&b, BOX_OUTSIDE, OUTSIDE), 3);
	link_is(&b, BOX_OUTSIDE, false); /* before the second time */
	box_pass(&b, 10000);
	assert_int_equal(announced(&b, BOX_OUTSIDE, OUTSIDE), 3);
	box_fini(&b);
}

static void
a_large_pool_is_announced_whole(void **state)
{
	struct pst_config c;
	struct box b;

	(void)state;
	box_config(&c, 1, 1);
	c.ifaces[BOX_OUTSIDE].prefix_len = 16;
	c.nat.pool[0] = (struct pst_range){ IP(198, 18, 1, 0), IP(198, 18, 1, 69) };
	box_init(&b, &c, 0);
	link_is(&b, BOX_OUTSIDE, true);
	assert_int_equal(b.n_announced, 71);
	for (uint32_t i = 0; i < 70; i++)
		assert_int_equal(announced(&b, BOX_OUTSIDE, IP(198, 18, 1, i)), 1);
	box_fini(&b);
}

static void
arp_is_answered_for_the_pool_outside_alone(void **state)
{
	const struct box_arp *answer;
	struct pst_config c;
	struct box b;

	(void)state;
	pool_config(&c);
	box_init(&b, &c, 0);
	for (uint32_t i = 20; i <= 22; i++) {
		answer = box_ask(&b, BOX_OUTSIDE, 0, IP(198, 18, 0, i));
		assert_non_null(answer);
		assert_int_equal(answer->ip, IP(198, 18, 0, i));
		assert_true(rte_is_same_ether_addr(&answer->mac, &b.mac[BOX_OUTSIDE]));
	}
	assert_non_null(box_ask(&b, BOX_OUTSIDE, 0, OUTSIDE));
	assert_null(box_ask(&b, BOX_OUTSIDE, 0, IP(198, 18, 0, 23)));
	assert_null(box_ask(&b, BOX_OUTSIDE, 0, SERVER));
	assert_null(box_ask(&b, BOX_INSIDE, 0, IP(198, 18, 0, 20)));
	assert_non_null(box_ask(&b, BOX_INSIDE, 0, INSIDE));
	box_fini(&b);
}

static void
a_link_that_goes_down_takes_its_neighbours_along(void **state)
{
	struct pkt in = udp(CLIENT, 5000, SERVER, 53), out, back, got;
	struct box b;
	struct pst_config c;

	(void)state;
	box_config(&c, 2, 1);
	box_init(&b, &c, 0);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	back = answer_to(&out);
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &back, &got));
	link_is(&b, BOX_OUTSIDE, false);
	b.no_arp = true;
	assert_true(box_pass_through(&b, BOX_OUTSIDE, &back, &got)); /* the inside is known still */
	assert_false(box_pass_through(&b, BOX_INSIDE, &in, &out));
	assert_false(box_pass_through(&b, BOX_INSIDE, &in, &out));
	link_is(&b, BOX_OUTSIDE, false); /* what waited is not kept for another network */
	assert_int_equal(box_drops(&b, PST_DROP_NO_NEIGHBOUR), 2);
	b.no_arp = false;
	link_is(&b, BOX_OUTSIDE, true);
	assert_true(box_pass_through(&b, BOX_INSIDE, &in, &out));
	assert_int_equal(box_connections(&b), 1);
	box_fini(&b);
}

/* VLANs. */

#define TRUNK 0 /* both zones, by their tags */
#define PLAIN 1 /* one more network outside */
#define STAFF 10
#define GUESTS 20
#define PROVIDER 30
#define OTHER_PROVIDER 40
#define PRIORITY (5 << 13) /* IEEE 802.1Q: the tag's upper bits are no part of the id */

static void
set_iface(struct pst_config *c, const char *name, const char *device, uint16_t vlan,
	enum pst_zone zone, uint32_t ip, uint8_t prefix_len)
{
	struct pst_config_iface *f = &c->ifaces[c->n_ifaces++];

	*f = (struct pst_config_iface){ .vlan = vlan, .zone = zone, .ip = ip,
		.prefix_len = prefix_len, .mtu = 1500 };
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->device, sizeof(f->device), "%s", device);
}

static void
add_route(struct pst_config *c, uint32_t to, uint8_t len, uint32_t via)
{
	c->routes[c->n_routes++] = (struct pst_config_route){ .to = { to, len }, .via = via };
}

static void
trunk_config(struct pst_config *c, uint32_t workers)
{
	box_config(c, workers, 1);
	c->n_ifaces = 0;
	set_iface(c, "staff", "trunk", STAFF, PST_ZONE_INTERNAL, INSIDE, 16);
	set_iface(c, "guests", "trunk", GUESTS, PST_ZONE_INTERNAL, IP(10, 2, 1, 254), 16);
	set_iface(c, "provider", "trunk", PROVIDER, PST_ZONE_EXTERNAL, OUTSIDE, 24);
	set_iface(c, "other", "trunk", OTHER_PROVIDER, PST_ZONE_EXTERNAL, IP(203, 0, 113, 1), 24);
	set_iface(c, "partner", "plain", 0, PST_ZONE_EXTERNAL, IP(192, 0, 2, 1), 24);
	add_route(c, 0, 0, IP(198, 18, 0, 254));
	add_route(c, IP(100, 64, 0, 0), 10, IP(203, 0, 113, 254));
	add_route(c, IP(172, 16, 0, 0), 12, IP(192, 0, 2, 254));
	add_route(c, IP(10, 3, 0, 0), 16, IP(10, 2, 9, 9)); /* behind the guests' network */
}

/* A client to a server and back, three times: the first packets are not like the others. */
static void
goes_and_returns(struct box *b, struct pkt in, int port, uint16_t vlan)
{
	uint16_t from = in.vlan;
	struct pkt out, got;

	in.vlan = from | PRIORITY;
	for (int i = 0; i < 3; i++) {
		struct pkt back;

		assert_true(box_pass_to(b, TRUNK, port, &in, &out));
		assert_int_equal(out.vlan, vlan);
		assert_int_equal(out.src, OUTSIDE);
		assert_int_equal(out.dst, in.dst);
		assert_int_equal(out.len, in.len);
		back = answer_to(&out);
		assert_true(box_pass_to(b, port, TRUNK, &back, &got));
		assert_int_equal(got.vlan, from);
		assert_int_equal(got.dst, in.src);
		assert_int_equal(got.dport, in.sport);
	}
}

static void
from_everywhere_to_everywhere(struct box *b)
{
	static const struct {
		uint16_t vlan;
		uint32_t client;
	} from[] = { { STAFF, CLIENT }, { GUESTS, IP(10, 2, 1, 7) }, { GUESTS, IP(10, 3, 1, 7) } };
	static const struct {
		int port;
		uint16_t vlan;
		uint32_t server;
	} to[] = { { TRUNK, PROVIDER, SERVER }, { TRUNK, PROVIDER, IP(8, 8, 8, 8) },
		{ TRUNK, OTHER_PROVIDER, IP(203, 0, 113, 9) },
		{ TRUNK, OTHER_PROVIDER, IP(100, 64, 1, 1) }, { PLAIN, 0, IP(192, 0, 2, 9) },
		{ PLAIN, 0, IP(172, 16, 1, 1) } };

	for (size_t f = 0; f < RTE_DIM(from); f++) {
		for (size_t t = 0; t < RTE_DIM(to); t++) {
			struct pkt in = udp(from[f].client, 5000, to[t].server, 53);

			in.vlan = from[f].vlan;
			goes_and_returns(b, in, to[t].port, to[t].vlan);
		}
	}
}

static void
each_network_is_reached_by_its_interface(void **state)
{
	struct pst_config c;

	(void)state;
	for (uint32_t workers = 1; workers <= 2; workers++) {
		for (int strips = 0; strips < 2; strips++) {
			struct box b;

			trunk_config(&c, workers);
			box_init(&b, &c, 0);
			b.strips_tags = strips;
			from_everywhere_to_everywhere(&b);
			box_fini(&b);
		}
	}
}

static void
the_same_address_in_a_packet_of_another_vlan_is_dropped(void **state)
{
	struct pkt p = udp(CLIENT, 5000, SERVER, 53);
	struct pst_config c;
	struct box b;

	(void)state;
	for (int strips = 0; strips < 2; strips++) {
		trunk_config(&c, 1);
		box_init(&b, &c, 0);
		b.strips_tags = strips;
		p.vlan = 50;
		box_is_dropped(&b, TRUNK, &p, PST_DROP_VLAN);
		p.vlan = 0;
		box_is_dropped(&b, TRUNK, &p, PST_DROP_VLAN);
		p.vlan = STAFF;
		box_is_dropped(&b, PLAIN, &p, PST_DROP_VLAN);
		assert_null(box_ask(&b, TRUNK, 50, INSIDE));
		box_fini(&b);
	}
}

/* ARP, pings and errors: all that the gateway says itself leaves by the VLAN that asked. */
static void
own_answers_are_tagged(void **state)
{
	struct pst_config c;
	struct box b;

	(void)state;
	for (int strips = 0; strips < 2; strips++) {
		trunk_config(&c, 1);
		box_init(&b, &c, 0);
		b.strips_tags = strips;
		for (uint32_t i = 0; i < c.n_ifaces; i++) {
			int port = i < 4 ? TRUNK : PLAIN;
			const struct box_arp *answer =
				box_ask(&b, port, c.ifaces[i].vlan, c.ifaces[i].ip);
			struct pkt in = echo(c.ifaces[i].ip + 1, c.ifaces[i].ip, 9), out;

			assert_non_null(answer);
			assert_int_equal(answer->vlan, c.ifaces[i].vlan);
			in.vlan = c.ifaces[i].vlan;
			assert_true(box_pass_to(&b, port, port, &in, &out));
			assert_int_equal(out.vlan, in.vlan);
			assert_int_equal(out.icmp_type, RTE_IP_ICMP_ECHO_REPLY);
			if (c.ifaces[i].zone != PST_ZONE_INTERNAL)
				continue;
			in.dst = SERVER;
			in.ttl = 1;
			assert_true(box_pass_to(&b, port, port, &in, &out));
			assert_int_equal(out.vlan, in.vlan);
			assert_int_equal(out.icmp_type, 11);
		}
		box_fini(&b);
	}
}

static void
each_vlan_is_told_of_its_own_addresses(void **state)
{
	struct pst_config c;
	struct box b;

	(void)state;
	trunk_config(&c, 2);
	c.nat.pool[1] = (struct pst_range){ IP(203, 0, 113, 20), IP(203, 0, 113, 20) };
	c.nat.n_pool = 2;
	box_init(&b, &c, 0);
	for (uint32_t i = 0; i < c.n_ifaces; i++)
		link_is(&b, i, true);
	assert_int_equal(b.n_announced, 6);
	for (uint32_t i = 0; i < b.n_announced; i++) {
		static const uint32_t own[] = { INSIDE, IP(10, 2, 1, 254), OUTSIDE,
			IP(203, 0, 113, 1), IP(203, 0, 113, 20), IP(192, 0, 2, 1) };
		static const uint16_t vlan[] = { STAFF, GUESTS, PROVIDER, OTHER_PROVIDER,
			OTHER_PROVIDER, 0 };

		assert_int_equal(b.announced[i].ip, own[i]);
		assert_int_equal(b.announced[i].vlan, vlan[i]);
	}
	box_fini(&b);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(512);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_that_comes_up_announces_the_addresses_there),
		cmocka_unit_test(a_large_pool_is_announced_whole),
		cmocka_unit_test(arp_is_answered_for_the_pool_outside_alone),
		cmocka_unit_test(a_link_that_goes_down_takes_its_neighbours_along),
		cmocka_unit_test(each_network_is_reached_by_its_interface),
		cmocka_unit_test(the_same_address_in_a_packet_of_another_vlan_is_dropped),
		cmocka_unit_test(own_answers_are_tagged),
		cmocka_unit_test(each_vlan_is_told_of_its_own_addresses),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
