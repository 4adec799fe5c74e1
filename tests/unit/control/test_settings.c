/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "appliance.h"
#include "control/settings.h"
#include "eventlog/syslogmsg.h"

static struct appliance a;

static int
setup(void **state)
{
	(void)state;
	appliance_start(&a, 0);
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
expect(json_t *json, const char *wanted)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, wanted);
	free(text);
}

static void
rules_have_the_file_s_keys(void **state)
{
	const struct pst_control_view view = { .params = a.params };
	json_t *rules = pst_settings_rules(&view);

	(void)state;
	expect(rules, "[{\"name\":\"no irc\",\"action\":\"deny\",\"protocols\":[\"irc\"],"
		      "\"clients\":[\"10.0.9.0-10.0.9.255\"],\"destinations\":[],"
		      "\"connections\":0}]");
	json_decref(rules);
}

static void
packet_filters_have_the_file_s_keys(void **state)
{
	static const uint64_t counts[2][2] = { { 3, 0 }, { 4, 1 } };
	struct pst_config_filter filters[] = {
		{ .name = "bad", .in = true, .any_protocol = true,
			.sources = { { 0xc0000200, 0xc00002ff } }, .n_sources = 1 },
		{ .name = "web", .allow = true, .in = true, .out = true, .protocol = 6,
			.source_ports = { { 1024, 65535 } }, .n_source_ports = 1,
			.destinations = { { 0x0a000001, 0x0a000001 } }, .n_destinations = 1,
			.destination_ports = { { 80, 80 }, { 443, 444 } },
			.n_destination_ports = 2 },
	};
	struct pst_control_view view = { .params = a.params };
	json_t *json;

	(void)state;
	a.config.filters = filters;
	a.config.n_filters = 2;
	view.params.n_workers = 2;
	view.params.filter_counts[0] = counts[0];
	view.params.filter_counts[1] = counts[1];
	json = pst_settings_filters(&view);
	expect(json,
		"[{\"name\":\"bad\",\"action\":\"deny\",\"direction\":\"in\",\"protocol\":null,"
		"\"source\":[\"192.0.2.0-192.0.2.255\"],\"destination\":[],\"source_ports\":[],"
		"\"destination_ports\":[],\"packets\":7},"
		"{\"name\":\"web\",\"action\":\"allow\",\"direction\":null,"
		"\"protocol\":\"tcp\",\"source\":[],\"destination\":[\"10.0.0.1-10.0.0.1\"],"
		"\"source_ports\":[\"1024-65535\"],\"destination_ports\":[\"80\",\"443-444\"],"
		"\"packets\":1}]");
	json_decref(json);
	json = pst_settings(&view);
	assert_int_equal(json_array_size(json_object_get(json, "packet_filters")), 2);
	json_decref(json);
	a.config.filters = NULL;
	a.config.n_filters = 0;
}

static void
the_config_has_the_file_s_keys(void **state)
{
	const struct pst_control_view view = { .params = a.params };
	json_t *config;

	(void)state;
	a.config.nat.n_pool = 1;
	a.config.nat.pool[0] = (struct pst_range){ 0xc633640a, 0xc6336411 };
	a.config.nat.filtering = PST_ADDRESS_DEPENDENT;
	a.config.nat.hairpin = true;
	a.config.nat.n_bypass = 1;
	a.config.nat.bypass[0] = (struct pst_range){ 0xac100000, 0xac1fffff };
	a.config.nat.port_first = 1024;
	a.config.nat.port_last = 65535;
	a.config.nat.timeouts.udp = 300;
	a.config.lcores.workers[0] = 1;
	a.config.lcores.n_workers = 1;
	a.config.n_routes = 1;
	a.config.routes[0] = (struct pst_config_route){ .via = 0xc63364fe };
	a.config.n_internal_networks = 1;
	a.config.internal_networks[0] = (struct pst_prefix){ 0x0a000000, 8 };
	a.config.n_publish = 1;
	a.config.publish[0] = (struct pst_config_publish){ .name = "dns",
		.transport = PST_UDP,
		.external = { 0xc633640a, 53 },
		.internal = { 0x0a000050, 5353 } };
	strcpy(a.config.control_socket, "/run/x.sock");
	strcpy(a.config.log_level, "info");
	strcpy(a.config.log_events, "/var/log/events");
	strcpy(a.config.log_ipfix, "10.0.0.3:4739");
	a.config.log_kinds = PST_RECORD_MASK(BIND) | PST_RECORD_MASK(LINK) | PST_RECORD_MASK(LOST);
	a.config.log_syslog_format = PST_SYSLOG_RFC5424;
	a.config.log_ipfix_domain = 7;
	config = pst_settings(&view);
	expect(json_object_get(config, "lcores"),
		"{\"main\":0,\"workers\":[1],\"editors\":[],\"idle\":\"auto\"}");
	expect(json_object_get(config, "routes"),
		"[{\"to\":\"0.0.0.0/0\",\"via\":\"198.51.100.254\"}]");
	expect(json_object_get(config, "internal_networks"), "[\"10.0.0.0/8\"]");
	expect(json_object_get(config, "nat"),
		"{\"pool\":[\"198.51.100.10-198.51.100.17\"],\"pools\":[{"
		"\"clients\":[\"10.0.9.0-10.0.9.255\"],"
		"\"addresses\":[\"198.51.100.20-198.51.100.23\"]}],"
		"\"bypass\":[\"172.16.0.0-172.31.255.255\"],"
		"\"mapping\":\"endpoint-independent\",\"filtering\":\"address-dependent\","
		"\"hairpin\":true,\"refresh_inbound\":false,\"tcp_window\":\"strict\",\"other_protocols\":\"drop\",\"mss_clamp\":false,"
		"\"ports\":\"1024-65535\",\"ports_per_client\":0,"
		"\"sessions_per_client\":0,\"new_sessions_per_client\":0,\"port_block\":0,\"deterministic\":false,"
		"\"sessions\":0,\"quarantine\":0,"
		"\"timeouts\":{\"tcp_opening\":0,\"tcp_established\":0,\"tcp_closing\":0,"
		"\"udp\":300,\"icmp\":0,\"syn_hold\":0,\"bind_accept\":0,"
		"\"bind_udp_idle\":0}}");
	expect(json_object_get(json_object_get(config, "interfaces"), "outside"),
		"{\"device\":\"0000:03:00.0\",\"zone\":\"external\","
		"\"address\":\"198.51.100.1/24\",\"mtu\":1500,\"vlan\":5}");
	expect(json_object_get(config, "publish"),
		"[{\"name\":\"dns\",\"protocol\":\"udp\",\"external\":\"198.51.100.10:53\","
		"\"internal\":\"10.0.0.80:5353\"}]");
	expect(json_object_get(config, "editors"), "{\"sip\":{\"enabled\":true}}");
	expect(json_object_get(config, "control"), "{\"socket\":\"/run/x.sock\"}");
	expect(json_object_get(config, "metrics"), "{\"listen\":\"off\"}");
	expect(json_object_get(config, "log"),
		"{\"level\":\"info\",\"kinds\":[\"binds\",\"links\"],\"syslog_format\":\"rfc5424\","
		"\"ipfix_domain\":7,\"events\":\"/var/log/events\",\"ipfix\":\"10.0.0.3:4739\"}");
	json_decref(config);
}

static void
no_config_is_null(void **state)
{
	const struct pst_control_view view = { 0 };
	json_t *json = pst_settings(&view);

	(void)state;
	expect(json, "null");
	json_decref(json);
	json = pst_settings_rules(&view);
	expect(json, "[]");
	json_decref(json);
	json = pst_settings_filters(&view);
	expect(json, "[]");
	json_decref(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rules_have_the_file_s_keys),
		TEST(packet_filters_have_the_file_s_keys),
		TEST(the_config_has_the_file_s_keys),
		TEST(no_config_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
