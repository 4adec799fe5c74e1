/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"

static const char *const editors[] = { "ftp", "sip", NULL };

#define INSIDE "\"inside\": {\"device\": \"0000:03:00.0\", \"zone\": \"internal\", " \
	"\"address\": \"10.0.0.1/24\"}"
#define OUTSIDE "\"outside\": {\"device\": \"0000:03:00.1\", \"zone\": \"external\", " \
	"\"address\": \"198.51.100.1/24\"}"
#define IFACES "\"interfaces\": {" INSIDE "," OUTSIDE "}"
#define ALLOW "\"rules\": [{\"action\": \"allow\"}]"

/* The lines that a config gives. */
static char *
lines_of(const char *text, int *ret)
{
	struct pst_problems problems;
	struct pst_config config;
	size_t size;
	char *lines;
	FILE *out = open_memstream(&lines, &size);

	*ret = pst_config_parse(text, strlen(text), "f", editors, &config, &problems);
	pst_problems_print(&problems, out);
	fclose(out);
	pst_problems_fini(&problems);
	return lines;
}

static void
each_problem_is_one_line(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "{", "f:1: string or '}' expected near end of file\n" },
		{ "[]", "f:1: must be an object, not a list\n" },
		{ "{" ALLOW "}", "f:1: lacks \"interfaces\"\n" },
		{ "{" IFACES ",\n\"interface\": {}," ALLOW "}",
			"f:2: /interface: unknown key \"interface\", did you mean \"interfaces\"?\n" },
		{ "{" IFACES ",\n\"publish\": []," ALLOW "}",
			"f:2: /publish: \"publish\" is not supported by this version\n" },
		{ "{" IFACES "," ALLOW ",\n\"nat\": {\n\"pool\": [\"10.0.0.x\"],\n"
		  "\"sessions\": 5, \"hairpin\": 1, \"mapping\": \"none\",\n\"ports\": \"9-8\"}}",
			"f:3: /nat/pool/0: not an IPv4 range: \"10.0.0.x\"\n"
			"f:4: /nat/sessions: must be from 1024 to 67108864, not 5\n"
			"f:4: /nat/hairpin: must be true or false, not a number\n"
			"f:4: /nat/mapping: must be one of \"endpoint-independent\", "
			"\"address-dependent\", \"address-and-port-dependent\", not \"none\"\n"
			"f:5: /nat/ports: not a range of ports: \"9-8\"\n" },
		{ "{\"interfaces\": {\n\"a\": {\"zone\": \"internal\", \"address\": \"dhcp\"}}," ALLOW
		  "}",
			"f:2: /interfaces/a: lacks \"device\"\n"
			"f:2: /interfaces/a/address: \"dhcp\" is not supported by this version\n" },
		{ "{\"interfaces\": {" INSIDE "}," ALLOW "}",
			"f:1: /interfaces: none is in the zone \"external\"\n" },
		{ "{" IFACES "," ALLOW ",\n\"routes\": [{\"to\": \"0.0.0.0/0\", \"via\": "
		  "\"192.0.2.1\"}]}",
			"f:2: /routes/0/via: 192.0.2.1 is in no interface's network\n" },
		{ "{" IFACES ",\"rules\": [\n{\"action\": \"deny\", \"protocols\": [\"ftq\"]}]}",
			"f:2: /rules/0/protocols/0: unknown protocol \"ftq\", did you mean \"ftp\"?\n" },
		{ "{" IFACES "," ALLOW ",\"lcores\": {\"workers\": [1, 2],\n\"editors\": [2]}}",
			"f:2: /lcores/editors/0: lcore 2 has a role already\n" },
		{ "{" IFACES "," ALLOW ",\"nat\": {\"pool\": [\"10.0.0.0/24\"]}}",
			"f:1: /nat/pool/0: holds 10.0.0.1, which is internal interface \"inside\"\n" },
		{ "{" IFACES "," ALLOW ",\"protocols\": {\"x\": {\"id\": \"zz\", \"transport\": "
		  "\"tcp\", \"ports\": [0]}}}",
			"f:1: /protocols/x/id: not a GUID: \"zz\"\n"
			"f:1: /protocols/x/ports/0: must be from 1 to 65535, not 0\n" },
		{ "{" IFACES "," ALLOW ",\n\"editors\": {\"fpt\": {}}}",
			"f:2: /editors/fpt: unknown editor \"fpt\", did you mean \"ftp\"?\n" },
		{ "{" IFACES "," ALLOW ",\n\"log\": {\"level\": 3}}",
			"f:2: /log/level: must be a text, not a number\n" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *lines;
		int ret;

		lines = lines_of(cases[i].text, &ret);
		assert_string_equal(lines, cases[i].lines);
		assert_true(ret < 0);
		free(lines);
	}
}

static void
warnings_do_not_refuse(void **state)
{
	char *lines;
	int ret;

	(void)state;
	lines = lines_of("{" IFACES ",\n\"nat\": {\"timeouts\": {\"udp\": 30}}}", &ret);
	assert_int_equal(ret, 0);
	assert_string_equal(lines,
		"f:1: warning: no \"rules\": everything from inside to outside is allowed\n"
		"f:2: warning: /nat/timeouts/udp: 30 s is less than the 120 s of RFC 4787 REQ-5\n");
	free(lines);
}

static void
defaults_are_filled_in(void **state)
{
	static const char text[] = "{" IFACES "}";
	struct pst_problems problems;
	struct pst_config c;

	(void)state;
	assert_int_equal(
		pst_config_parse(text, strlen(text), "f", editors, &c, &problems), 0);
	pst_problems_fini(&problems);
	assert_int_equal(c.n_ifaces, 2);
	assert_string_equal(c.ifaces[0].name, "inside");
	assert_int_equal(c.ifaces[0].mtu, 1500);
	assert_int_equal(c.nat.n_pool, 1);
	assert_int_equal(c.nat.pool[0].first, c.ifaces[1].ip);
	assert_int_equal(c.n_internal_networks, 1);
	assert_int_equal(c.internal_networks[0].ip, 0x0a000000);
	assert_int_equal(c.nat.filtering, PST_ADDRESS_DEPENDENT);
	assert_int_equal(c.nat.timeouts.tcp_established, 7440);
	assert_int_equal(c.nat.port_first, 1024);
	assert_int_equal(c.lcores.n_workers, 1);
	assert_int_equal(c.lcores.workers[0], 1);
	assert_string_equal(c.control_socket, "/run/postern/control.sock");
}

static void
the_examples_are_good(void **state)
{
	static const char *const files[] = { "minimal", "lab", "full" };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct pst_problems problems;
		struct pst_config c;
		char path[512];

		snprintf(path, sizeof(path), "%s/%s.json", CONFIG_FOLDER, files[i]);
		assert_int_equal(pst_config_load(path, editors, &c, &problems), 0);
		pst_problems_fini(&problems);
	}
}

static void
a_file_that_cannot_be_read_is_a_problem(void **state)
{
	struct pst_problems problems;
	struct pst_config c;

	(void)state;
	assert_true(pst_config_load("/nowhere/postern.json", editors, &c, &problems) < 0);
	assert_int_equal(problems.n, 1);
	assert_string_equal(problems.list[0].text, "can't be read: No such file or directory");
	pst_problems_fini(&problems);
}

/* A good config with one byte changed or cut off: good still, or told why not. */
static void
a_spoilt_config_is_never_silent(void **state)
{
	static const char text[] = "{" IFACES "," ALLOW ",\"nat\": {\"pool\": "
				   "[\"198.51.100.1-198.51.100.9\"], \"timeouts\": {\"udp\": 300}}}";
	static const char bytes[] = "\0{}[]\",:x9-\\\x80";
	char buf[sizeof(text)];

	(void)state;
	for (size_t at = 0; at < sizeof(text); at++) {
		for (size_t k = 0; k <= sizeof(bytes); k++) {
			size_t len = k == sizeof(bytes) ? at : sizeof(text) - 1;
			struct pst_problems problems;
			struct pst_config c;
			int ret;

			memcpy(buf, text, sizeof(text));
			if (k < sizeof(bytes))
				buf[at] = bytes[k];
			ret = pst_config_parse(buf, len, "f", editors, &c, &problems);
			assert_true((ret == 0) == (problems.errors == 0));
			pst_problems_fini(&problems);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_problem_is_one_line),
		cmocka_unit_test(warnings_do_not_refuse),
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(the_examples_are_good),
		cmocka_unit_test(a_file_that_cannot_be_read_is_a_problem),
		cmocka_unit_test(a_spoilt_config_is_never_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
