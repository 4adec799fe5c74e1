/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/machine.h"
#include "tree.h"

static struct tree tree;

static int
setup(void **state)
{
	*state = &tree;
	tree_make(&tree);
	return 0;
}

static int
teardown(void **state)
{
	tree_remove(*state);
	return 0;
}

static void
a_list_of_cpus_is_a_set(void **state)
{
	static const struct {
		const char *text;
		uint64_t low;
	} cases[] = {
		{ "", 0 },
		{ "0", 1 },
		{ "0-3", 0xf },
		{ "1,3-4,8", 0x11a },
		{ "2-2", 4 },
		{ "3-1", 0 },
		{ "(null)", 0 },
		{ "1,x", 2 },
	};
	struct pst_cpuset set;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pst_cpuset_parse(&set, cases[i].text);
		assert_int_equal(set.bits[0], cases[i].low);
	}
	pst_cpuset_parse(&set, "1000-99999999");
	assert_true(pst_cpuset_has(&set, 1023));
	assert_false(pst_cpuset_has(&set, 999));
	assert_false(pst_cpuset_has(&set, 1024));
}

static void
memory_is_spread_by_lcores(void **state)
{
	const struct tree *t = *state;
	const uint32_t cpus[] = { 0, 1, 9 };
	uint32_t mb[PST_MACHINE_NODES];

	pst_machine_spread(t->root, 1000, cpus, 3, mb);
	assert_int_equal(mb[0], 1000); /* no NUMA here */
	tree_folder(t, "/sys/devices/system/node/node0/cpu0");
	tree_folder(t, "/sys/devices/system/node/node0/cpu1");
	tree_folder(t, "/sys/devices/system/node/node1/cpu9");
	pst_machine_spread(t->root, 1000, cpus, 3, mb);
	assert_int_equal(mb[0], 667);
	assert_int_equal(mb[1], 334);
	pst_machine_spread(t->root, 1000, cpus + 2, 1, mb);
	assert_int_equal(mb[0], 0);
	assert_int_equal(mb[1], 1000);
}

static void
hugepages_are_found_by_node_and_size(void **state)
{
	const struct tree *t = *state;
	struct pst_hugepages list[8];

	assert_int_equal(pst_machine_hugepages(t->root, list, 8), 0);
	tree_file(t, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "7\n");
	tree_file(t, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "5\n");
	assert_int_equal(pst_machine_hugepages(t->root, list, 8), 1);
	assert_int_equal(list[0].total, 7);
	assert_int_equal(list[0].free, 5);
#define NODE(n) "/sys/devices/system/node/node" #n "/hugepages/hugepages-"
	tree_file(t, NODE(0) "1048576kB/nr_hugepages", "1\n");
	tree_file(t, NODE(0) "2048kB/nr_hugepages", "100\n");
	tree_file(t, NODE(0) "2048kB/free_hugepages", "50\n");
	tree_file(t, NODE(1) "2048kB/nr_hugepages", "20\n");
	assert_int_equal(pst_machine_hugepages(t->root, list, 8), 3);
	assert_int_equal(list[0].kb, 2048);
	assert_int_equal(list[0].free, 50);
	assert_int_equal(list[1].kb, 1048576);
	assert_int_equal(list[1].free, 0);
	assert_int_equal(list[2].node, 1);
	assert_int_equal(pst_machine_hugepages(t->root, list, 2), 2);
}

static void
pci_addresses_are_told_from_vdevs(void **state)
{
	static const struct {
		const char *device, *address; /* NULL: none */
	} cases[] = {
		{ "0000:03:00.0", "0000:03:00.0" },
		{ "03:00.1", "0000:03:00.1" },
		{ "0001:AF:1f.7,mprq_en=1", "0001:af:1f.7" },
		{ "net_af_packet0,iface=eth0", NULL },
		{ "0000:03:00", NULL },
		{ "0000:03:00.0x", NULL },
		{ "", NULL },
	};
	char address[PST_MACHINE_PCI];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is = pst_machine_pci(cases[i].device, address);

		assert_int_equal(is, cases[i].address != NULL);
		if (is)
			assert_string_equal(address, cases[i].address);
	}
}

static void
what_is_not_there_is_empty(void **state)
{
	const struct tree *t = *state;
	char text[16] = "x";

	assert_false(pst_machine_read(t->root, text, sizeof(text), "/sys/%s", "none"));
	assert_string_equal(text, "");
	assert_false(pst_machine_link(t->root, text, sizeof(text), "/sys/none"));
	assert_false(pst_machine_entry(t->root, text, sizeof(text), "/sys/none"));
	assert_true(pst_machine_write(t->root, "x", "/sys/none") < 0);
	tree_link(t, "/sys/driver", "../../bus/pci/drivers/i40e");
	assert_true(pst_machine_link(t->root, text, sizeof(text), "/sys/driver"));
	assert_string_equal(text, "i40e");
	tree_folder(t, "/sys/net/eth7");
	assert_true(pst_machine_entry(t->root, text, sizeof(text), "/sys/net"));
	assert_string_equal(text, "eth7");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_list_of_cpus_is_a_set),
		CASE(memory_is_spread_by_lcores),
		CASE(hugepages_are_found_by_node_and_size),
		CASE(pci_addresses_are_told_from_vdevs),
		CASE(what_is_not_there_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
