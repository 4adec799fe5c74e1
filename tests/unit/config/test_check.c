/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "expect.h"

#define GUID_1 "\"id\": \"6f1a8a52-7c0e-4b8e-9d5c-3f0b7a4e2d11\""
#define GUID_2 "\"id\": \"c2d94a9e-1b7f-4f0a-8a63-58d1f6e0b742\""

struct a_case {
	const char *more, *lines;
};

static void
run(const struct a_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		test_config_says(cases[i].more, cases[i].lines);
}

/* Interfaces, each on a line of its own from line 2 on. */
static void
run_ifaces(const struct a_case *cases, size_t n)
{
	static struct pst_config c;

	for (size_t i = 0; i < n; i++) {
		char text[1024];

		snprintf(text, sizeof(text),
			"{ \"interfaces\": {\n%s },\n\"rules\": [ { \"action\": \"allow\" } ] }",
			cases[i].more);
		test_load_says(text, &c, cases[i].lines);
	}
}

#define IFACE(name, device, zone, address)                                                         \
	"\"" name "\": { \"device\": \"" device "\", \"zone\": \"" zone                            \
	"\", \"address\": \"" address "\" }"
#define IN IFACE("in", "a", "internal", "10.0.0.1/24") ",\n"
#define OUT IFACE("out", "b", "external", "192.0.2.1/24")

static void
both_zones_are_needed(void **state)
{
	static const struct a_case cases[] = {
		{ IN OUT, "" },
		{ OUT, "t:1: /interfaces: none is in the zone \"internal\"\n" },
		{ IFACE("in", "a", "internal", "10.0.0.1/24"),
			"t:1: /interfaces: none is in the zone \"external\"\n" },
	};

	(void)state;
	run_ifaces(cases, RTE_DIM(cases));
}

static void
an_interface_has_a_hosts_address(void **state)
{
	static const struct a_case cases[] = {
		{ IN IFACE("x", "b", "external", "192.0.2.0/24"),
			"t:3: /interfaces/x/address: 192.0.2.0 is the network's own address\n" },
		{ IN IFACE("x", "b", "external", "192.0.2.255/24"),
			"t:3: /interfaces/x/address: 192.0.2.255 is the network's broadcast "
			"address\n" },
		{ IN IFACE("x", "b", "external", "192.0.2.0/31"), "" },
		{ IN IFACE("x", "b", "external", "192.0.2.255/32"), "" },
		{ IN IFACE("x", "b", "external", "224.0.0.1/24"),
			"t:3: /interfaces/x/address: 224.0.0.1 is no host's address\n" },
		{ IN IFACE("x", "b", "external", "127.0.0.1/8"),
			"t:3: /interfaces/x/address: 127.0.0.1 is no host's address\n" },
		{ IN IFACE("x", "b", "external", "0.0.0.0/0"),
			"t:3: /interfaces/x/address: a prefix of 0 bits is too short for an "
			"interface\n" },
	};

	(void)state;
	run_ifaces(cases, RTE_DIM(cases));
}

static void
interfaces_do_not_collide(void **state)
{
	static const struct a_case cases[] = {
		{ IN OUT ",\n" IFACE("x", "c", "internal", "10.0.0.9/16"),
			"t:4: /interfaces/x/address: its network overlaps that of \"in\"\n" },
		{ IN OUT ",\n" IFACE("x", "c", "internal", "192.0.2.9/24"),
			"t:4: warning: /interfaces/x/address: its network overlaps that of "
			"\"out\"\n" },
		/* a warning keeps no check from what it is about */
		{ IN OUT ",\n" IFACE("x", "c", "internal",
			  "192.0.2.9/24") " },\n\"nat\": { \"pool\": [ \"192.0.2.9\" ]",
			"t:4: warning: /interfaces/x/address: its network overlaps that of "
			"\"out\"\n"
			"t:5: /nat/pool/0: holds 192.0.2.9, which is internal interface \"x\"\n" },
		{ IN OUT ",\n" IFACE("x", "c", "internal", "192.0.2.1/24"),
			"t:4: /interfaces/x/address: 192.0.2.1 is the address of \"out\" "
			"already\n" },
		{ IN OUT ",\n" IFACE("x", "a", "internal", "10.0.1.1/24"),
			"t:4: /interfaces/x/device: \"in\" has this device and VLAN already\n" },
		{ IN OUT ",\n\"x\": { \"device\": \"a\", \"zone\": \"internal\", \"vlan\": 9,"
			 " \"address\": \"10.0.1.1/24\" }",
			"" },
	};

	(void)state;
	run_ifaces(cases, RTE_DIM(cases));
}

static void
a_device_is_described_in_one_way(void **state)
{
#define TRUNK(name, device, zone, vlan, address)                                                   \
	"\"" name "\": { \"device\": \"" device "\", \"zone\": \"" zone "\", \"vlan\": " vlan      \
	", \"address\": \"" address "\" }"
	static const struct a_case cases[] = {
		{ TRUNK("in", "net_tap0,iface=t", "internal", "1", "10.0.0.1/24") ",\n" TRUNK(
			  "out", "net_tap0,iface=t", "external", "2", "192.0.2.1/24"),
			"" },
		{ TRUNK("in", "net_tap0,iface=t", "internal", "1", "10.0.0.1/24") ",\n" TRUNK(
			  "out", "net_tap0,iface=u", "external", "2", "192.0.2.1/24"),
			"t:3: /interfaces/out/device: is the device of \"in\", with other "
			"arguments\n" },
		{ TRUNK("in", "net_tap0,iface=t", "internal", "1", "10.0.0.1/24") ",\n" TRUNK(
			  "out", "net_tap01,iface=t", "external", "2", "192.0.2.1/24"),
			"" },
	};

	(void)state;
	run_ifaces(cases, RTE_DIM(cases));
}

static void
a_wrong_key_spoils_no_check_of_others(void **state)
{
	static const struct a_case cases[] = {
		/* the zone is not known: nothing is said of zones that lack */
		{ IN IFACE("x", "b", "extern", "192.0.2.0/24"),
			"t:3: /interfaces/x/zone: must be one of \"internal\", \"external\", "
			"not \"extern\"\n"
			"t:3: /interfaces/x/address: 192.0.2.0 is the network's own address\n" },
		/* the address is not: it overlaps nothing */
		{ IN OUT ",\n" IFACE("x", "a", "internal", "10.0.0"),
			"t:4: /interfaces/x/address: not an IPv4 address with a prefix length: "
			"\"10.0.0\"\n"
			"t:4: /interfaces/x/device: \"in\" has this device and VLAN already\n" },
	};

	(void)state;
	run_ifaces(cases, RTE_DIM(cases));
}

static void
routes_lead_to_neighbours(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"routes\": [ { \"to\": \"0.0.0.0/0\", \"via\": \"192.0.2.254\" } ]", "" },
		{ ",\"routes\": [ { \"to\": \"0.0.0.0/0\", \"via\": \"203.0.113.1\" } ]",
			"t:5: /routes/0/via: 203.0.113.1 is in no interface's network\n" },
		{ ",\"routes\": [ { \"to\": \"0.0.0.0/0\", \"via\": \"192.0.2.1\" } ]",
			"t:5: /routes/0/via: 192.0.2.1 is our own address on \"out\"\n" },
		{ ",\"routes\": [ { \"to\": \"0.0.0.0/0\", \"via\": \"192.0.2.0\" } ]",
			"t:5: /routes/0/via: 192.0.2.0 is the network of \"out\"\n" },
		{ ",\"routes\": [ { \"to\": \"0.0.0.0/0\", \"via\": \"192.0.2.255\" } ]",
			"t:5: /routes/0/via: 192.0.2.255 is the broadcast address of \"out\"\n" },
		{ ",\"routes\": [ { \"to\": \"0.0.0.0/0\", \"via\": \"192.0.2.254\" },\n"
		  "{ \"to\": \"0.0.0.0/0\", \"via\": \"192.0.2.253\" } ]",
			"t:6: /routes/1/to: /routes/0 goes there already\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
an_lcore_has_one_role(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"lcores\": { \"main\": 3, \"workers\": [0, 1], \"editors\": [2] }", "" },
		{ ",\"lcores\": { \"workers\": [1, 1] }",
			"t:5: /lcores/workers/1: lcore 1 has a role already\n" },
		{ ",\"lcores\": { \"main\": 1 }",
			"t:5: /lcores/workers/0: lcore 1 has a role already\n" },
		{ ",\"lcores\": { \"workers\": [1, 2] }",
			"t:5: /lcores/editors/0: lcore 2 has a role already\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
the_pool_is_free_for_nat(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"nat\": { \"pool\": [ \"192.0.2.1\", \"192.0.2.8-192.0.2.9\" ] }", "" },
		{ ",\"nat\": { \"pool\": [ \"198.51.100.0/24\" ] }", "" },
		{ ",\"nat\": { \"pool\": [ \"192.0.2.8/30\",\n\"192.0.2.11\" ] }",
			"t:6: /nat/pool/1: overlaps /nat/pool/0\n" },
		{ ",\"nat\": { \"pool\": [ \"10.0.0.1\" ] }",
			"t:5: /nat/pool/0: holds 10.0.0.1, which is internal interface \"in\"\n" },
		{ ",\"nat\": { \"pool\": [ \"192.0.2.0/30\" ] }",
			"t:5: /nat/pool/0: holds 192.0.2.0, which is the network of \"out\"\n" },
		{ ",\"nat\": { \"pool\": [ \"192.0.2.255\" ] }",
			"t:5: /nat/pool/0: holds 192.0.2.255, which is the broadcast address of "
			"\"out\"\n" },
		{ ",\"nat\": { \"pool\": [ \"224.0.0.1\" ] }",
			"t:5: /nat/pool/0: holds addresses that are no host's\n" },
		{ ",\"nat\": { \"pool\": [ \"127.0.0.1\" ] }",
			"t:5: /nat/pool/0: holds addresses that are no host's\n" },
		{ ",\"nat\": { \"pool\": [ \"198.51.100.0/23\" ] }",
			"t:5: /nat/pool: has 512 addresses, and may have 256\n" },
		{ ",\"nat\": { \"pool\": [ \"192.0.2.250-192.0.2.254\" ] },\n"
		  "\"routes\": [ { \"to\": \"0.0.0.0/0\", \"via\": \"192.0.2.254\" } ]",
			"t:5: /nat/pool/0: holds 192.0.2.254, which is the router of /routes/0\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
deterministic_ports_need_blocks(void **state)
{
	(void)state;
	test_config_says(",\"nat\": { \"deterministic\": true, \"port_block\": 64 }", "");
	test_config_says(",\"nat\": { \"deterministic\": true }",
		"t:5: /nat/deterministic: needs \"port_block\", the ports of a client\n");
}

static void
each_client_and_address_is_in_one_pool(void **state)
{
#define POOLS(list) ",\"nat\": { \"pools\": [" list "]"
#define POOL(clients, addresses)                                                                   \
	"{ \"clients\": [ " clients " ],\n\"addresses\": [ " addresses " ] }"
	static const struct a_case cases[] = {
		{ POOLS(POOL("\"10.0.9.0/24\"", "\"192.0.2.8/30\"") ",\n" POOL(
			  "\"10.0.8.1\", \"10.0.8.2\"", "\"192.0.2.12\"")) "}",
			"" },
		{ POOLS("") "}", "" },
		{ POOLS("{ }") "}",
			"t:5: /nat/pools/0/clients: is missing\n"
			"t:5: /nat/pools/0/addresses: is missing\n" },
		{ POOLS(POOL("", "\"192.0.2.300\"")) "}",
			"t:5: /nat/pools/0/clients: must not be empty\n"
			"t:6: /nat/pools/0/addresses/0: not an IPv4 range: \"192.0.2.300\"\n" },
		{ POOLS(POOL("\"10.0.9.0/24\"", "\"192.0.2.8\"") ",\n" POOL(
			  "\"10.0.8.1\", \"10.0.9.9\"", "\"192.0.2.9\"")) "}",
			"t:7: /nat/pools/1/clients/1: overlaps /nat/pools/0/clients/0\n" },
		{ POOLS(POOL("\"10.0.9.0/24\", \"10.0.9.255-10.0.10.3\"", "\"192.0.2.8\"")) "}",
			"t:5: /nat/pools/0/clients/1: overlaps /nat/pools/0/clients/0\n" },
		{ POOLS(POOL("\"10.0.9.0/24\"", "\"192.0.2.8\"") ",\n" POOL(
			  "\"10.0.8.1\"", "\"192.0.2.9\", \"192.0.2.8\"")) "}",
			"t:8: /nat/pools/1/addresses/1: overlaps /nat/pools/0/addresses/0\n" },
		{ POOLS(POOL("\"10.0.9.0/24\"", "\"192.0.2.8\"")) ",\"pool\": [ \"192.0.2.8/31\" ] }",
			"t:6: /nat/pools/0/addresses/0: overlaps /nat/pool/0\n" },
		{ POOLS(POOL("\"10.0.9.0/24\"", "\"192.0.2.1\"")) "}",
			"t:6: /nat/pools/0/addresses/0: holds 192.0.2.1, which is all other "
			"clients' while there is no nat.pool\n" },
		{ POOLS(POOL("\"10.0.9.0/24\"", "\"192.0.2.1\"")) ",\"pool\": [ \"192.0.2.9\" ] }",
			"" },
		{ POOLS(POOL("\"10.0.9.0/24\"", "\"192.0.2.255\", \"10.0.0.1\"")) "}",
			"t:6: /nat/pools/0/addresses/0: holds 192.0.2.255, which is the broadcast "
			"address of \"out\"\n"
			"t:6: /nat/pools/0/addresses/1: holds 10.0.0.1, which is internal "
			"interface \"in\"\n" },
		{ POOLS(POOL("\"10.0.9.0/24\"", "\"198.51.100.0/24\"")) ",\"pool\": [ \"192.0.2.8\" ] }",
			"t:5: /nat/pools: has 257 addresses with nat.pool, and may have 256\n" },
		{ POOLS(POOL("\"10.0.9.0/24\"", "\"192.0.2.8\"")) "},\n\"publish\": [ { \"protocol\": "
			"\"tcp\", \"external\": \"192.0.2.8:80\", \"internal\": \"10.0.0.2:80\" } ]",
			"" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
a_whole_address_is_one_host_s(void **state)
{
#define WHOLE(name, external, internal)                                                            \
	"{ \"name\": \"" name "\", \"protocol\": \"any\", \"external\": \"" external                    \
	"\",\n\"internal\": \"" internal "\" }"
#define PUBLISH(list) IN OUT "},\n\"publish\": [ " list " ],\n\"memory\": {"
	static const struct a_case cases[] = {
		{ PUBLISH(WHOLE("a", "192.0.2.30", "10.0.0.9")), "" },
		{ PUBLISH(WHOLE("a", "192.0.2.30:80", "10.0.0.9:80")),
			"t:4: /publish/0/external: not an IPv4 address: \"192.0.2.30:80\"\n"
			"t:5: /publish/0/internal: not an IPv4 address: \"10.0.0.9:80\"\n" },
		{ PUBLISH(WHOLE("a", "192.0.2.1", "10.0.9.9")),
			"t:4: /publish/0/external: 192.0.2.1 is of nat.pool, so it is not one "
			"host's\n"
			"t:5: /publish/0/internal: 10.0.9.9 is in no internal network\n" },
		{ PUBLISH(WHOLE("a", "10.0.0.1", "10.0.0.9")),
			"t:4: /publish/0/external: 10.0.0.1 is our own address on \"in\"\n" },
		{ PUBLISH(WHOLE("a", "192.0.2.30", "10.0.0.9") ",\n" WHOLE(
			  "b", "192.0.2.31", "10.0.0.9")),
			"t:6: /publish/1/external: its host has the address of \"a\"\n" },
		{ PUBLISH(WHOLE("a", "192.0.2.30", "10.0.0.9") ",\n" WHOLE(
			  "b", "192.0.2.30", "10.0.0.8")),
			"t:4: /publish/0/external: is published by \"b\", too\n"
			"t:6: /publish/1/external: is published by \"a\", too\n" },
		{ PUBLISH(WHOLE("a", "224.0.0.30", "10.0.0.9")),
			"t:4: /publish/0/external: 224.0.0.30 is no host's address\n" },
	};

	(void)state;
	run_ifaces(cases, RTE_DIM(cases));
}

static void
bypass_is_a_list_of_ranges(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"nat\": { \"bypass\": [ \"172.16.0.0/12\", \"192.0.2.1-192.0.2.9\" ] }", "" },
		{ ",\"nat\": { \"bypass\": [ ] }", "" },
		{ ",\"nat\": { \"bypass\": \"172.16.0.0/12\" }",
			"t:5: /nat/bypass: must be a list, not a text\n" },
		{ ",\"nat\": { \"bypass\": [ \"172.16.0.0/12\",\n\"172.16.0.1/12\", \"all\" ] }",
			"t:6: /nat/bypass/1: has bits behind the prefix: \"172.16.0.1/12\"\n"
			"t:6: /nat/bypass/2: not an IPv4 range: \"all\"\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
odd_numbers_are_warned_of(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"nat\": { \"ports\": \"2000-2999\" }",
			"t:5: warning: /nat/ports_per_client: 2048 is more than the 1000 ports of "
			"an "
			"address\n" },
		{ ",\"nat\": { \"ports\": \"1023-65535\" }",
			"t:5: warning: /nat/ports: holds privileged ports, below 1024\n" },
		{ ",\"nat\": { \"sessions\": 2048 }", "t:5: warning: /nat/sessions_per_client: "
						      "4096 is more than the 2048 sessions of "
						      "all clients\n" },
		{ ",\"nat\": { \"timeouts\": { \"udp\": 120, \"tcp_established\": 7440,"
		  " \"tcp_opening\": 240, \"tcp_closing\": 240, \"icmp\": 60 } }",
			"" },
		{ ",\"nat\": { \"timeouts\": {\n\"udp\": 119,\n\"tcp_established\": 7439,\n"
		  "\"tcp_opening\": 239,\n\"tcp_closing\": 239,\n\"icmp\": 59 } }",
			"t:6: warning: /nat/timeouts/udp: 119 s is less than the 120 s of RFC 4787 "
			"REQ-5\n"
			"t:7: warning: /nat/timeouts/tcp_established: 7439 s is less than the 7440 "
			"s of "
			"RFC 5382 REQ-5\n"
			"t:8: warning: /nat/timeouts/tcp_opening: 239 s is less than the 240 s of "
			"RFC 5382 REQ-5\n"
			"t:9: warning: /nat/timeouts/tcp_closing: 239 s is less than the 240 s of "
			"RFC 5382 REQ-5\n"
			"t:10: warning: /nat/timeouts/icmp: 59 s is less than the 60 s of RFC 5508 "
			"REQ-2\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
no_rules_are_warned_of(void **state)
{
	static struct pst_config c;

	(void)state;
	test_load_says("{ \"interfaces\": {\n" IN OUT " },\n\"rules\": [] }", &c,
		"t:4: warning: /rules: no rules: everything from inside to outside is allowed\n");
}

static void
rules_that_allow_nothing_are_warned_of(void **state)
{
	static const struct a_case cases[] = {
		{ "{ \"action\": \"deny\", \"clients\": [ \"10.0.0.9\" ] }",
			"t:4: warning: /rules: none allows: everything from inside to outside is "
			"denied\n" },
		{ "{ \"action\": \"deny\" }, { \"action\": \"allow\" }", "" },
		/* which it is, is not known */
		{ "{ \"action\": \"alow\" }",
			"t:4: /rules/0/action: must be one of \"deny\", \"allow\", not "
			"\"alow\"\n" },
	};
	static struct pst_config c;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		char text[1024];

		snprintf(text, sizeof(text),
			"{ \"interfaces\": {\n" IN OUT " },\n\"rules\": [ %s ] }", cases[i].more);
		test_load_says(text, &c, cases[i].lines);
	}
}

/* Of the config's, 64 at most; the two editors of these tests have one each. */
static void
editors_take_places_of_protocols(void **state)
{
	(void)state;
	for (int n = 61; n <= 62; n++) {
		char *text = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);

		fputs(",\n\"protocols\": {", f);
		for (int i = 0; i < n; i++)
			fprintf(f,
				"%s\n\"p%d\": { \"id\": \"00000000-0000-4000-8000-%012d\", "
				"\"transport\": \"tcp\", \"ports\": [ %d ] }",
				i > 0 ? "," : "", i, i, 5000 + i);
		fputs(" }", f);
		fclose(f);
		test_config_says(text, n == 61 ? ""
					       : "t:6: /protocols: has 62 entries, and may have 61 "
						 "beside the 3 editors\n");
		free(text);
	}
}

static void
protocols_are_distinct(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"protocols\": { \"a\": { " GUID_1
		  ", \"transport\": \"tcp\", \"ports\": [1] },\n"
		  "\"b\": { " GUID_2
		  ", \"transport\": \"udp\", \"ports\": [1], \"editor\": \"sip\" } }",
			"" },
		{ ",\"protocols\": { \"a\": { " GUID_1
		  ", \"transport\": \"tcp\", \"ports\": [1] },\n"
		  "\"b\": { " GUID_1 ", \"transport\": \"tcp\", \"ports\": [2,\n1] } }",
			"t:6: /protocols/b/id: protocol \"a\" has this id\n"
			"t:7: /protocols/b/ports/1: tcp port 1 is protocol \"a\"'s\n" },
		{ ",\"protocols\": { \"a\": { " GUID_1
		  ", \"transport\": \"tcp\", \"ports\": [1, 1] } }",
			"t:5: /protocols/a/ports/1: port 1 is listed already\n" },
		{ ",\"protocols\": { \"ftp\": { " GUID_1
		  ", \"transport\": \"tcp\", \"ports\": [1] } }",
			"t:5: /protocols/ftp: is the name of a built-in protocol\n" },
		{ ",\"protocols\": { \"a\": { " GUID_1 ", \"transport\": \"tcp\", \"ports\": [1],"
		  " \"editor\": \"fpt\" } }",
			"t:5: /protocols/a/editor: unknown editor \"fpt\", did you mean "
			"\"ftp\"?\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
names_in_rules_and_editors_are_known(void **state)
{
	static struct pst_config c;

	(void)state;
	test_load_says("{ \"interfaces\": {\n" IN OUT " },\n"
		       "\"protocols\": { \"irc\": { " GUID_1
		       ", \"transport\": \"tcp\", \"ports\": [6667] } },\n"
		       "\"rules\": [ { \"action\": \"deny\", \"protocols\": [ \"irc\", \"ftp\",\n"
		       "\"ircc\" ] },\n"
		       "{ \"action\": \"allow\", \"protocols\": [ \"gopher\" ] } ] }",
		&c,
		"t:6: /rules/0/protocols/2: unknown protocol \"ircc\", did you mean \"irc\"?\n"
		"t:7: /rules/1/protocols/0: unknown protocol \"gopher\"\n");
	test_config_says(",\"editors\": { \"ftp\": {}, \"spi\": { \"enabled\": false } }",
		"t:5: /editors/spi: unknown editor \"spi\", did you mean \"sip\"?\n");
}

static void
a_published_server_is_inside_and_its_endpoint_ours(void **state)
{
	static const struct a_case cases[] = {
		{ IN OUT "},\n\"publish\": [ { \"protocol\": \"tcp\", \"external\": "
			 "\"192.0.2.1:80\", \"internal\": \"10.0.0.9:8080\" } ],\n\"memory\": {",
			"" },
		{ IN OUT "},\n\"publish\": [ { \"protocol\": \"tcp\", \"external\": "
			 "\"192.0.2.2:80\", \"internal\": \"10.0.1.9:8080\" } ],\n\"memory\": {",
			"t:4: /publish/0/external: 192.0.2.2 is no address of nat.pool\n"
			"t:4: /publish/0/internal: 10.0.1.9 is in no internal network\n" },
		{ IN OUT "},\n\"publish\": [ { \"protocol\": \"sctp\", \"external\": "
			 "\"192.0.2.1\", \"internal\": \"10.0.0.9:0\" } ],\n\"memory\": {",
			"t:4: /publish/0/protocol: must be one of \"tcp\", \"udp\", \"any\", not "
			"\"sctp\"\n"
			"t:4: /publish/0/external: not \"ADDRESS:PORT\" or \"ADDRESS:FIRST-LAST\": "
			"\"192.0.2.1\"\n"
			"t:4: /publish/0/internal: not \"ADDRESS:PORT\" or \"ADDRESS:FIRST-LAST\": "
			"\"10.0.0.9:0\"\n" },
		{ IN OUT "},\n\"publish\": [ { \"name\": \"a\", \"protocol\": \"tcp\", "
			 "\"external\": \"192.0.2.1:80\", \"internal\": \"10.0.0.9:1\" },\n"
			 "{ \"name\": \"a\", \"protocol\": \"tcp\", \"external\": "
			 "\"192.0.2.1:80\", \"internal\": \"10.0.0.9:2\" },\n"
			 "{ \"name\": \"b\", \"protocol\": \"udp\", \"external\": "
			 "\"192.0.2.1:80\", \"internal\": \"10.0.0.9:2\" } ],\n\"memory\": {",
			"t:5: /publish/1/external: is published by \"a\" already\n"
			"t:5: /publish/1/name: another entry has the name \"a\"\n" },
		{ IN OUT "},\n\"publish\": [ "
			 "{ \"name\": \"a\", \"protocol\": \"udp\", \"external\": \"192.0.2.1:2000-2009\", "
			 "\"internal\": \"10.0.0.9:3000-3009\" } ],\n\"memory\": {",
			"" },
		{ IN OUT "},\n\"publish\": [ "
			 "{ \"name\": \"a\", \"protocol\": \"udp\", \"external\": \"192.0.2.1:2000-2009\", "
			 "\"internal\": \"10.0.0.9:3000-3008\" } ],\n\"memory\": {",
			"t:4: /publish/0/internal: has 9 ports, and \"external\" 10\n" },
		{ IN OUT "},\n\"publish\": [ "
			 "{ \"name\": \"a\", \"protocol\": \"udp\", \"external\": \"192.0.2.1:2000-2009\", "
			 "\"internal\": \"10.0.0.9:3000-3009\" },\n"
			 "{ \"name\": \"b\", \"protocol\": \"udp\", \"external\": \"192.0.2.1:2009\", "
			 "\"internal\": \"10.0.0.9:3000\" } ],\n\"memory\": {",
			"t:5: /publish/1/external: is published by \"a\" already\n" },
		{ IN OUT "},\n\"publish\": [ "
			 "{ \"name\": \"a\", \"protocol\": \"udp\", \"external\": \"192.0.2.1:2000-3024\", "
			 "\"internal\": \"10.0.0.9:3000-4024\" } ],\n\"memory\": {",
			"t:4: /publish: has 1025 ports, and may have 1024\n" },
		{ IN OUT "},\n\"publish\": [ "
			 "{ \"name\": \"a\", \"protocol\": \"udp\", \"external\": \"192.0.2.1:9-5\", "
			 "\"internal\": \"10.0.0.9:9\" } ],\n\"memory\": {",
			"t:4: /publish/0/external: not \"ADDRESS:PORT\" or \"ADDRESS:FIRST-LAST\": "
			"\"192.0.2.1:9-5\"\n" },
	};

	(void)state;
	run_ifaces(cases, RTE_DIM(cases));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_published_server_is_inside_and_its_endpoint_ours),
		cmocka_unit_test(both_zones_are_needed),
		cmocka_unit_test(an_interface_has_a_hosts_address),
		cmocka_unit_test(interfaces_do_not_collide),
		cmocka_unit_test(a_device_is_described_in_one_way),
		cmocka_unit_test(a_wrong_key_spoils_no_check_of_others),
		cmocka_unit_test(routes_lead_to_neighbours),
		cmocka_unit_test(an_lcore_has_one_role),
		cmocka_unit_test(the_pool_is_free_for_nat),
		cmocka_unit_test(deterministic_ports_need_blocks),
		cmocka_unit_test(each_client_and_address_is_in_one_pool),
		cmocka_unit_test(a_whole_address_is_one_host_s),
		cmocka_unit_test(bypass_is_a_list_of_ranges),
		cmocka_unit_test(odd_numbers_are_warned_of),
		cmocka_unit_test(no_rules_are_warned_of),
		cmocka_unit_test(rules_that_allow_nothing_are_warned_of),
		cmocka_unit_test(editors_take_places_of_protocols),
		cmocka_unit_test(protocols_are_distinct),
		cmocka_unit_test(names_in_rules_and_editors_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
