/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_common.h>

#include "base/rng.h"
#include "expect.h"

#define MUTATIONS 20000

struct a_case {
	const char *more, *lines; /* of test_config_says() */
};

static void
run(const struct a_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		test_config_says(cases[i].more, cases[i].lines);
}

static void
two_interfaces_are_enough(void **state)
{
	static struct pst_config c;

	(void)state;
	test_load_says("{ \"interfaces\": {\n"
		       "\"a\": { \"device\": \"x\", \"zone\": \"internal\","
		       " \"address\": \"10.1.1.1/24\" },\n"
		       "\"b\": { \"device\": \"y\", \"zone\": \"external\","
		       " \"address\": \"198.18.0.1/15\" } } }",
		&c,
		"t:1: warning: /rules: no rules: everything from inside to outside is allowed\n");
	assert_int_equal(c.n_ifaces, 2);
	assert_string_equal(c.ifaces[0].name, "a");
	assert_string_equal(c.ifaces[1].device, "y");
	assert_int_equal(c.ifaces[1].ip, 0xc6120001);
	assert_int_equal(c.ifaces[1].prefix_len, 15);
	assert_int_equal(c.ifaces[0].mtu, 0);
	assert_int_equal(c.ifaces[0].vlan, 0);
	assert_int_equal(c.n_rules, 0);
}

static void
defaults_are_the_contracts(void **state)
{
	static struct pst_config c;

	(void)state;
	test_config_loads("", &c, "");
	assert_int_equal(c.lcores.main, 0);
	assert_int_equal(c.lcores.n_workers, 1);
	assert_int_equal(c.lcores.workers[0], 1);
	assert_int_equal(c.lcores.n_editors, 1);
	assert_int_equal(c.lcores.editors[0], 2);
	assert_int_equal(c.lcores.idle, PST_IDLE_AUTO);
	assert_true(c.memory.hugepages);
	assert_int_equal(c.memory.megabytes, 1024);
	assert_int_equal(c.nat.n_pool, 1);
	assert_int_equal(c.nat.pool[0].first, 0xc0000201);
	assert_int_equal(c.nat.pool[0].last, 0xc0000201);
	assert_int_equal(c.n_internal_networks, 1);
	assert_int_equal(c.internal_networks[0].ip, 0x0a000000);
	assert_int_equal(c.internal_networks[0].len, 24);
	assert_int_equal(c.nat.mapping, PST_ENDPOINT_INDEPENDENT);
	assert_int_equal(c.nat.filtering, PST_ADDRESS_DEPENDENT);
	assert_true(c.nat.hairpin);
	assert_int_equal(c.nat.port_first, 1024);
	assert_int_equal(c.nat.port_last, 65535);
	assert_int_equal(c.nat.ports_per_client, 2048);
	assert_int_equal(c.nat.sessions_per_client, 4096);
	assert_int_equal(c.nat.sessions, 1048576);
	assert_int_equal(c.nat.quarantine_s, 120);
	assert_int_equal(c.nat.timeouts.tcp_opening, 240);
	assert_int_equal(c.nat.timeouts.tcp_established, 7440);
	assert_int_equal(c.nat.timeouts.tcp_closing, 240);
	assert_int_equal(c.nat.timeouts.udp, 300);
	assert_int_equal(c.nat.timeouts.icmp, 60);
	assert_int_equal(c.nat.timeouts.syn_hold, 6);
	assert_int_equal(c.nat.timeouts.bind_accept, 60);
	assert_int_equal(c.nat.timeouts.bind_udp_idle, 300);
	assert_string_equal(c.control_socket, "/run/postern/control.sock");
	assert_int_equal(c.metrics_listen.ip, 0x7f000001);
	assert_int_equal(c.metrics_listen.port, 9469);
	assert_string_equal(c.log_level, "info");
	assert_int_equal(c.n_editors, 0);
}

static void
sessions_default_to_what_memory_holds(void **state)
{
	static struct pst_config c;

	(void)state;
	test_config_loads(", \"memory\": { \"megabytes\": 256 }", &c, "");
	assert_int_equal(c.nat.sessions, 256 * 1024);
	test_config_loads(", \"memory\": { \"megabytes\": 4096 }", &c, "");
	assert_int_equal(c.nat.sessions, 1048576);
	test_config_loads(
		", \"memory\": { \"megabytes\": 64 }, \"nat\": { \"sessions\": 200000 }", &c, "");
	assert_int_equal(c.nat.sessions, 200000);
}

static void
every_example_loads(void **state)
{
	static const char *const names[] = { "minimal", "postern", "lab", "full" };
	static const char *const built_in[] = { "ftp", "tftp", NULL };
	static struct pst_config c;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(names); i++) {
		struct pst_problems problems;
		char path[512];

		snprintf(path, sizeof(path), PST_CONFIG_DIR "/%s.json", names[i]);
		assert_int_equal(pst_config_load(path, built_in, &c, &problems), 0);
		assert_int_equal(problems.n, i == 0); /* minimal has no rules */
		assert_string_equal(c.path, path);
		pst_problems_fini(&problems);
		pst_config_fini(&c);
	}
	assert_int_equal(c.n_ifaces, 3);
	assert_string_equal(c.ifaces[1].name, "guests"); /* the file's order */
	assert_int_equal(c.ifaces[1].vlan, 9);
	assert_int_equal(c.n_routes, 1);
	assert_int_equal(c.routes[0].via, 0xc63364fe);
	assert_int_equal(c.nat.pool[0].last - c.nat.pool[0].first, 7);
	assert_int_equal(c.protocols[0].id.bytes[1], 0x9c);
	assert_string_equal(c.protocols[0].editor, "ftp");
	assert_string_equal(c.protocols[1].editor, "");
	assert_int_equal(c.protocols[1].ports[0], 6667);
	assert_false(c.rules[0].allow);
	assert_string_equal(c.rules[0].protocols[0], "irc");
	assert_int_equal(c.rules[0].clients[0].last, 0x0a0009ff);
	assert_int_equal(c.rules[1].destinations[0].first, 0xc0000200);
	assert_true(c.rules[2].allow);
	assert_int_equal(c.rules[2].n_clients, 0);
}

static void
unknown_keys_name_the_nearest(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"nat\": { \"filterng\": 1 }", "t:5: /nat/filterng: unknown key \"filterng\", "
						   "did you mean \"filtering\"?\n" },
		{ ",\"log\": { \"evets\": \"x\" }",
			"t:5: /log/evets: unknown key \"evets\", did you mean \"events\"?\n" },
		{ ",\"rotues\": []",
			"t:5: /rotues: unknown key \"rotues\", did you mean \"routes\"?\n" },
		{ ",\"colour\": 1", "t:5: /colour: unknown key \"colour\"\n" },
		{ ",\"log\": { \"levl\": 1 }",
			"t:5: /log/levl: unknown key \"levl\", did you mean \"level\"?\n" },
		{ ",\"a/b~c\": 1", "t:5: /a~1b~0c: unknown key \"a/b~c\"\n" },
		{ ",\"nat\": {\n\"timeouts\": { \"tcp_closed\": 1 } }",
			"t:6: /nat/timeouts/tcp_closed: unknown key \"tcp_closed\", "
			"did you mean \"tcp_closing\"?\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
metrics_are_heard_at_an_endpoint_or_nowhere(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"metrics\": []", "t:5: /metrics: must be an object, not a list\n" },
		{ ",\"metrics\": { \"listen\": \"198.51.100.1:80\" }", "" },
		{ ",\"metrics\": { \"listen\": \"0.0.0.0:1\" }", "" },
		{ ",\"metrics\": { \"listen\": \"off\" }", "" },
		{ ",\"metrics\": {}", "" },
		{ ",\"metrics\": { \"listen\": 9469 }",
			"t:5: /metrics/listen: must be a text, not a number\n" },
		{ ",\"metrics\": { \"listen\": \"127.0.0.1\" }",
			"t:5: /metrics/listen: neither \"ADDRESS:PORT\" nor \"off\": "
			"\"127.0.0.1\"\n" },
		{ ",\"metrics\": { \"listen\": \"127.0.0.1:0\" }",
			"t:5: /metrics/listen: neither \"ADDRESS:PORT\" nor \"off\": "
			"\"127.0.0.1:0\"\n" },
		{ ",\"metrics\": { \"listen\": \"localhost:80\" }",
			"t:5: /metrics/listen: neither \"ADDRESS:PORT\" nor \"off\": "
			"\"localhost:80\"\n" },
		{ ",\"metrics\": { \"lisen\": \"off\" }",
			"t:5: /metrics/lisen: unknown key \"lisen\", did you mean \"listen\"?\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
scalars_have_types_and_bounds(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"nat\": []", "t:5: /nat: must be an object, not a list\n" },
		{ ",\"nat\": { \"sessions\": \"many\" }",
			"t:5: /nat/sessions: must be a whole number, not a text\n" },
		{ ",\"nat\": { \"sessions\": 1.5 }",
			"t:5: /nat/sessions: must be a whole number, not a fraction\n" },
		{ ",\"nat\": { \"sessions\": -1 }",
			"t:5: /nat/sessions: must be from 1024 to 67108864, not -1\n" },
		{ ",\"nat\": { \"hairpin\": 1 }",
			"t:5: /nat/hairpin: must be true or false, not a number\n" },
		{ ",\"nat\": { \"filtering\": \"none\" }",
			"t:5: /nat/filtering: must be one of \"endpoint-independent\", "
			"\"address-dependent\", \"address-and-port-dependent\", not \"none\"\n" },
		{ ",\"nat\": { \"mapping\": null }",
			"t:5: /nat/mapping: must be a text, not null\n" },
		{ ",\"lcores\": { \"main\": 128 }",
			"t:5: /lcores/main: must be from 0 to 127, not 128\n" },
		{ ",\"lcores\": { \"workers\": [1, 200] }",
			"t:5: /lcores/workers/1: must be from 0 to 127, not 200\n" },
		{ ",\"lcores\": { \"workers\": [] }", "t:5: /lcores/workers: must not be empty\n" },
		{ ",\"log\": { \"level\": \"loud\" }", "t:5: /log/level: must be one of \"error\", "
						       "\"warning\", \"notice\", \"info\", "
						       "\"debug\", not \"loud\"\n" },
		{ ",\"control\": { \"socket\": \"\" }",
			"t:5: /control/socket: must not be empty\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
shapes_are_told_from_each_other(void **state)
{
	static const struct a_case cases[] = {
		{ ",\"nat\": { \"pool\": [ \"10.0.0.x\" ] }",
			"t:5: /nat/pool/0: not an IPv4 range: \"10.0.0.x\"\n" },
		{ ",\"nat\": { \"pool\": [ \"10.0.0.9-10.0.0.1\" ] }",
			"t:5: /nat/pool/0: ends before it starts: \"10.0.0.9-10.0.0.1\"\n" },
		{ ",\"nat\": { \"pool\": [ \"192.0.2.9/24\" ] }",
			"t:5: /nat/pool/0: has bits behind the prefix: \"192.0.2.9/24\"\n" },
		{ ",\"nat\": { \"pool\": [] }", "t:5: /nat/pool: must not be empty\n" },
		{ ",\"nat\": { \"pool\": \"192.0.2.9\" }",
			"t:5: /nat/pool: must be a list, not a text\n" },
		{ ",\"nat\": { \"ports\": \"1024\" }",
			"t:5: /nat/ports: not a range of ports, \"FIRST-LAST\": \"1024\"\n" },
		{ ",\"internal_networks\": [ \"10.0.0.1/8\" ]",
			"t:5: /internal_networks/0: has bits behind the prefix: \"10.0.0.1/8\"\n" },
		{ ",\"routes\": [ { \"to\": \"10/8\", \"via\": \"10.0.0\" } ]",
			"t:5: /routes/0/to: not an IPv4 network: \"10/8\"\n"
			"t:5: /routes/0/via: not an IPv4 address: \"10.0.0\"\n" },
		{ ",\"routes\": [\n{}, 7 ]", "t:6: /routes/0/to: is missing\n"
					     "t:6: /routes/0/via: is missing\n"
					     "t:6: /routes/1: must be an object, not a number\n" },
		{ ",\"protocols\": { \"p\": { \"id\": \"7\", \"transport\": \"sctp\", \"ports\": "
		  "[0] } }",
			"t:5: /protocols/p/id: not a GUID: \"7\"\n"
			"t:5: /protocols/p/transport: must be one of \"tcp\", \"udp\", not "
			"\"sctp\"\n"
			"t:5: /protocols/p/ports/0: must be from 1 to 65535, not 0\n" },
		{ ",\"protocols\": { \"a b\": {} }", "t:5: /protocols/a b: a name has letters, "
						     "digits, \"_\", \".\" and \"-\" only\n"
						     "t:5: /protocols/a b/id: is missing\n"
						     "t:5: /protocols/a b/transport: is missing\n"
						     "t:5: /protocols/a b/ports: is missing\n" },
		{ ",\"editors\": { \"ftp\": true }",
			"t:5: /editors/ftp: must be an object, not true\n" },
	};

	(void)state;
	run(cases, RTE_DIM(cases));
}

static void
interfaces_need_device_zone_and_address(void **state)
{
	static struct pst_config c;

	(void)state;
	test_load_says("{ \"rules\": [ { \"action\": \"allow\" } ] }", &c,
		"t:1: /interfaces: is missing\n");
	test_load_says(
		"{ \"interfaces\": {\n"
		"\"a\": {},\n"
		"\"b\": { \"device\": \"x\", \"zone\": \"external\", \"address\": \"dhcp\" },\n"
		"\"c\": { \"device\": \"y\", \"zone\": \"dmz\", \"address\": \"10.1.1.1\","
		" \"mtu\": 100, \"vlan\": 4095 } },\n"
		"\"rules\": [ { \"action\": \"allow\" } ] }",
		&c,
		"t:2: /interfaces/a/device: is missing\n"
		"t:2: /interfaces/a/zone: is missing\n"
		"t:2: /interfaces/a/address: is missing\n"
		"t:3: /interfaces/b/address: \"dhcp\" is not supported by this version\n"
		"t:4: /interfaces/c/zone: must be one of \"internal\", \"external\", not \"dmz\"\n"
		"t:4: /interfaces/c/mtu: must be from 576 to 9000, not 100\n"
		"t:4: /interfaces/c/vlan: must be from 0 to 4094, not 4095\n"
		"t:4: /interfaces/c/address: not an IPv4 address with a prefix length: "
		"\"10.1.1.1\"\n");
}

static void
the_mss_clamp_is_a_switch_or_a_number(void **state)
{
	static const struct {
		const char *text;
		uint16_t value;
	} cases[] = { { "true", 1 }, { "false", 0 }, { "1400", 1400 } };
	static struct pst_config c;
	char text[64];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		snprintf(text, sizeof(text), ", \"nat\": { \"mss_clamp\": %s }", cases[i].text);
		test_config_loads(text, &c, "");
		assert_int_equal(c.nat.mss_clamp, cases[i].value);
	}
	test_config_says(",\n\"nat\": { \"mss_clamp\": 1,\n\"hairpin\": 1 }",
		"t:6: /nat/mss_clamp: must be from 536 to 8960, not 1\n"
		"t:7: /nat/hairpin: must be true or false, not a number\n");
	test_config_says(",\n\"nat\": { \"mss_clamp\": \"on\" }",
		"t:6: /nat/mss_clamp: must be true, false or a number, not a text\n");
}

static void
all_problems_are_told_in_the_files_order(void **state)
{
	(void)state;
	/* of single keys and of keys together */
	test_config_says(",\n\"nat\": {\n\"pool\": [ \"x\",\n\"192.0.2.0/29\" ],\n\"udp\": 1,\n"
			 "\"ports_per_client\": 0 },\n"
			 "\"lcores\": { \"workers\": [0] },\n"
			 "\"rules\": [\n{ \"action\": \"allow\" } ]",
		"t:7: /nat/pool/0: not an IPv4 range: \"x\"\n"
		"t:8: /nat/pool/1: holds 192.0.2.0, which is the network of \"out\"\n"
		"t:9: /nat/udp: unknown key \"udp\"\n"
		"t:10: /nat/ports_per_client: must be from 1 to 65535, not 0\n"
		"t:11: /lcores/workers/0: lcore 0 has a role already\n"
		"t:12: /rules: this key is there twice\n");
}

static void
a_syntax_error_is_one_line(void **state)
{
	static struct pst_config c;

	(void)state;
	test_load_says("{\n\"a\": 1,\n}", &c, "t:3: string or '}' expected near '}'\n");
	test_load_says("", &c, "t:1: '[' or '{' expected near end of file\n");
	test_load_says("{ \"colour\": 1 }\nx", &c, "t:2: end of file expected near 'x'\n");
	test_load_says("[]", &c, "t:1: must be an object, not a list\n");
}

static void
what_would_break_a_line_is_not_printed(void **state)
{
	(void)state;
	test_config_says(",\"a\\n\\u001b[2J\": 1", "t:5: /a??[2J: unknown key \"a??[2J\"\n");
}

static void
too_many_problems_are_cut_off(void **state)
{
	static struct pst_config c;
	struct pst_problems problems;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	fputs("{\n", f);
	for (int i = 0; i < 1500; i++)
		fprintf(f, "\"key-number-%d\": 0%s\n", i, i < 1499 ? "," : "");
	fputs("}", f);
	fclose(f);
	assert_int_equal(pst_config_parse(text, len, "t", test_editors, &c, &problems), -EINVAL);
	assert_int_equal(problems.n, 1001);
	assert_int_equal(problems.errors, 1501); /* interfaces are missing, too */
	assert_string_equal(problems.list[1000].text, "and more, which are not listed");
	pst_problems_fini(&problems);
	free(text);
}

/* It is read on the lcore that keeps the appliance going. */
static void
a_large_file_of_nonsense_is_told_soon(void **state)
{
	static struct pst_config c;
	struct pst_problems problems;
	clock_t start = clock();
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	fputs("{", f);
	for (int i = 0; i < 60000; i++)
		fprintf(f, "\"key-%d\": 0,\n", i);
	fputs("\"nat\": 0 }", f);
	fclose(f);
	assert_int_equal(pst_config_parse(text, len, "t", test_editors, &c, &problems), -EINVAL);
	assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
	pst_problems_fini(&problems);
	free(text);
}

static void
too_many_entries_are_refused(void **state)
{
	(void)state;
	test_config_says(
		",\"protocols\": { \"p\": { \"id\": \"6f1a8a52-7c0e-4b8e-9d5c-3f0b7a4e2d11\","
		"\"transport\": \"tcp\", \"ports\": [1, 2, 3, 4, 5] } }",
		"t:5: /protocols/p/ports: has 5 entries, and may have 4\n");
	test_config_says(
		",\"editors\": { \"a\": {}, \"b\": {}, \"c\": {}, \"d\": {}, \"e\": {},"
		"\"f\": {}, \"g\": {}, \"h\": {}, \"i\": {}, \"j\": {}, \"k\": {}, \"l\": {},"
		"\"m\": {}, \"n\": {}, \"o\": {}, \"p\": {}, \"q\": {} }",
		"t:5: /editors: has 17 entries, and may have 16\n");
}

static void
load_file(const char *path, const char *why)
{
	static struct pst_config c;
	struct pst_problems problems;

	assert_int_equal(pst_config_load(path, test_editors, &c, &problems), -EINVAL);
	assert_int_equal(problems.n, 1);
	assert_int_equal(problems.list[0].line, 0);
	assert_string_equal(problems.list[0].text, why);
	pst_problems_fini(&problems);
}

static void
files_that_can_not_be_read_say_why(void **state)
{
	char path[] = "/tmp/pst-config-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (16 << 20) + 1), 0);
	load_file(path, "can't be read: File too large");
	close(fd);
	unlink(path);
	load_file(path, "can't be read: No such file or directory");
	load_file("/", "can't be read: Is a directory");
}

static char *
read_example(size_t *len)
{
	static char text[16384];
	FILE *f = fopen(PST_CONFIG_DIR "/full.json", "rb");

	assert_non_null(f);
	*len = fread(text, 1, sizeof(text), f);
	assert_true(*len > 1000 && *len < sizeof(text));
	fclose(f);
	return text;
}

/* Loads, or says why not, with a place; the copy shows a sanitizer one byte too many. */
static void
load_or_say(const char *text, size_t len)
{
	static struct pst_config c;
	struct pst_problems problems;
	char *copy = malloc(len + (len == 0));
	int ret;

	memcpy(copy, text, len);
	ret = pst_config_parse(copy, len, "t", test_editors, &c, &problems);
	assert_true(ret == 0 || ret == -EINVAL);
	assert_true((ret == 0) == (problems.errors == 0));
	assert_true(ret == 0 || problems.n > 0);
	for (uint32_t i = 0; i < problems.n; i++) {
		assert_true(problems.list[i].line > 0);
		assert_true(problems.list[i].text[0] != 0);
	}
	pst_config_fini(&c);
	pst_problems_fini(&problems);
	free(copy);
}

static void
a_cut_config_says_so(void **state)
{
	size_t len;
	const char *text = read_example(&len);

	(void)state;
	for (size_t n = 0; n <= len; n++)
		load_or_say(text, n);
}

static void
a_changed_config_loads_or_says_why(void **state)
{
	static const char likely[] = "{}[]\",:0-9.ae\\u\n";
	struct pst_rng rng;
	size_t len;
	char *text = read_example(&len);

	(void)state;
	pst_rng_init(&rng, 1);
	for (int i = 0; i < MUTATIONS; i++) {
		size_t at = i < (int)len ? (size_t)i : pst_rng_below(&rng, len);
		char before = text[at];

		text[at] = pst_rng_below(&rng, 2) != 0
				   ? likely[pst_rng_below(&rng, sizeof(likely) - 1)]
				   : (char)pst_rng_below(&rng, 256);
		load_or_say(text, len);
		text[at] = before;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_interfaces_are_enough),
		cmocka_unit_test(defaults_are_the_contracts),
		cmocka_unit_test(sessions_default_to_what_memory_holds),
		cmocka_unit_test(every_example_loads),
		cmocka_unit_test(unknown_keys_name_the_nearest),
		cmocka_unit_test(metrics_are_heard_at_an_endpoint_or_nowhere),
		cmocka_unit_test(scalars_have_types_and_bounds),
		cmocka_unit_test(shapes_are_told_from_each_other),
		cmocka_unit_test(interfaces_need_device_zone_and_address),
		cmocka_unit_test(the_mss_clamp_is_a_switch_or_a_number),
		cmocka_unit_test(all_problems_are_told_in_the_files_order),
		cmocka_unit_test(a_syntax_error_is_one_line),
		cmocka_unit_test(what_would_break_a_line_is_not_printed),
		cmocka_unit_test(too_many_problems_are_cut_off),
		cmocka_unit_test(a_large_file_of_nonsense_is_told_soon),
		cmocka_unit_test(too_many_entries_are_refused),
		cmocka_unit_test(files_that_can_not_be_read_say_why),
		cmocka_unit_test(a_cut_config_says_so),
		cmocka_unit_test(a_changed_config_loads_or_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
