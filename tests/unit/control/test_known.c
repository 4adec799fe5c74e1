/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "appliance.h"
#include "control/known.h"

static struct appliance a;

static int
setup(void **state)
{
	(void)state;
	appliance_start(&a, 0);
	a.workers[0].ifaces[0] = (struct pst_iface_stats){ 3, 300, 4, 400 };
	a.workers[1].ifaces[0] = (struct pst_iface_stats){ 10, 1000, 20, 2000 };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	appliance_stop(&a);
	return 0;
}

static void
expect(json_t *(*make)(const struct pst_control_view *), const char *wanted)
{
	const struct pst_control_view view = { .params = a.params };
	json_t *json = make(&view);
	char *text = json_dumps(json, JSON_COMPACT);

	assert_string_equal(text, wanted);
	free(text);
	json_decref(json);
}

static void
interfaces_have_config_port_and_traffic(void **state)
{
	(void)state;
	expect(pst_known_interfaces,
		"[{\"device\":\"net_af_packet0,iface=lan0\",\"zone\":\"internal\","
		"\"address\":\"10.0.0.1/24\",\"vlan\":0,\"name\":\"inside\",\"mtu\":1492,"
		"\"mac\":\"02:00:00:00:00:01\",\"link\":\"up\",\"speed_mbps\":10000,"
		"\"rx_packets\":13,\"rx_bytes\":1300,\"tx_packets\":24,\"tx_bytes\":2400,"
		"\"port\":{\"ipackets\":7,\"opackets\":0,\"ibytes\":700,\"obytes\":0,"
		"\"imissed\":1,\"ierrors\":0,\"oerrors\":0,\"rx_nombuf\":0},"
		"\"rss\":\"programmed\"},"
		"{\"device\":\"0000:03:00.0\",\"zone\":\"external\","
		"\"address\":\"198.51.100.1/24\",\"mtu\":1500,\"vlan\":5,\"name\":\"outside\","
		"\"mac\":null,\"link\":\"down\",\"speed_mbps\":null,\"rx_packets\":0,"
		"\"rx_bytes\":0,\"tx_packets\":0,\"tx_bytes\":0,\"port\":null,\"rss\":null}]");
}

static void
neighbours_have_a_mac_or_wait_for_it(void **state)
{
	(void)state;
	expect(pst_known_neighbours,
		"[{\"address\":\"10.0.0.9\",\"mac\":\"02:00:00:00:00:09\","
		"\"interface\":\"inside\",\"state\":\"reachable\",\"age_s\":2,\"held\":0},"
		"{\"address\":\"198.51.100.254\",\"mac\":null,\"interface\":\"outside\","
		"\"state\":\"asked\",\"age_s\":0,\"held\":3}]");
}

static void
editors_have_their_own_counters(void **state)
{
	(void)state;
	expect(pst_known_editors,
		"[{\"name\":\"ftp\",\"protocol\":\"FTP client\",\"enabled\":true,"
		"\"tcp_ports\":[21],\"udp_ports\":[],"
		"\"counters\":{\"commands\":10,\"edits\":11}},"
		"{\"name\":\"sip\",\"protocol\":\"SIP\",\"enabled\":true,\"tcp_ports\":[5060],"
		"\"udp_ports\":[5060,5070],\"counters\":{}}]");
}

static void
protocols_are_the_built_in_and_the_configured(void **state)
{
	(void)state;
	expect(pst_known_protocols,
		"[{\"name\":\"FTP client\",\"id\":\"93196b9c-0000-0000-0000-000000000001\","
		"\"transport\":\"tcp\",\"ports\":[21],\"editor\":\"ftp\",\"built_in\":true},"
		"{\"name\":\"SIP\",\"id\":\"02000000-0000-0000-0000-000000000000\","
		"\"transport\":\"tcp\",\"ports\":[5060],\"editor\":\"sip\",\"built_in\":true},"
		"{\"name\":\"SIP\",\"id\":\"02000000-0000-0000-0000-000000000000\","
		"\"transport\":\"udp\",\"ports\":[5060,5070],\"editor\":\"sip\","
		"\"built_in\":true},"
		"{\"id\":\"aa000000-0000-0000-0000-0000000000bb\",\"transport\":\"tcp\","
		"\"ports\":[2121],\"editor\":\"ftp\",\"name\":\"my-ftp\",\"built_in\":false}]");
}

static void
a_server_that_knows_nothing_has_empty_lists(void **state)
{
	(void)state;
	a.params = (struct pst_control_params){ 0 };
	expect(pst_known_interfaces, "[]");
	expect(pst_known_neighbours, "[]");
	expect(pst_known_editors, "[]");
	expect(pst_known_protocols, "[]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interfaces_have_config_port_and_traffic),
		TEST(neighbours_have_a_mac_or_wait_for_it),
		TEST(editors_have_their_own_counters),
		TEST(protocols_are_the_built_in_and_the_configured),
		TEST(a_server_that_knows_nothing_has_empty_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
