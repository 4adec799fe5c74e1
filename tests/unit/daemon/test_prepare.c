/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prepare.h"
#include "tree.h"

#define PAGES "/sys/devices/system/node/node0/hugepages/hugepages-2048kB"
#define GOVERNOR "/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor"
#define NIC "/sys/bus/pci/devices/0000:03:00.0"

struct machine {
	struct tree tree;
	struct pst_config config;
	char *out, *err;
};

static int
setup(void **state)
{
	static struct machine m;

	memset(&m, 0, sizeof(m));
	tree_make(&m.tree);
	m.config.lcores.n_workers = 1;
	m.config.lcores.workers[0] = 1;
	*state = &m;
	return 0;
}

static int
teardown(void **state)
{
	struct machine *m = *state;

	free(m->out);
	free(m->err);
	tree_remove(&m->tree);
	return 0;
}

static int
prepare(struct machine *m)
{
	size_t out_size, err_size;
	FILE *out, *err;
	int failures;

	free(m->out);
	free(m->err);
	out = open_memstream(&m->out, &out_size);
	err = open_memstream(&m->err, &err_size);
	failures = pst_prepare(&m->config, m->tree.root, out, err);
	fclose(out);
	fclose(err);
	return failures;
}

static void
add_nic(struct machine *m, const char *flags)
{
	strcpy(m->config.ifaces[m->config.n_ifaces++].device, "0000:03:00.0");
	tree_file(&m->tree, NIC "/driver_override", "(null)\n");
	tree_file(&m->tree, NIC "/net/eth7/flags", flags);
	tree_link(&m->tree, NIC "/driver", "../../../bus/pci/drivers/i40e");
	tree_folder(&m->tree, "/sys/bus/pci/drivers/vfio-pci");
	tree_file(&m->tree, "/sys/bus/pci/drivers_probe", "");
}

static void
enough_hugepages_are_left_alone(void **state)
{
	struct machine *m = *state;

	m->config.memory.hugepages = true;
	m->config.memory.megabytes = 100;
	tree_file(&m->tree, PAGES "/nr_hugepages", "60\n");
	tree_file(&m->tree, PAGES "/free_hugepages", "50\n");
	assert_int_equal(prepare(m), 0);
	assert_string_equal(tree_read(&m->tree, PAGES "/nr_hugepages"), "60\n");
	assert_string_equal(m->out, "");
}

static void
what_is_missing_is_asked_for(void **state)
{
	struct machine *m = *state;

	m->config.memory.hugepages = true;
	m->config.memory.megabytes = 101;
	tree_file(&m->tree, PAGES "/nr_hugepages", "60\n");
	tree_file(&m->tree, PAGES "/free_hugepages", "40\n");
	assert_int_equal(prepare(m), 1); /* no kernel here that would reserve them */
	assert_string_equal(tree_read(&m->tree, PAGES "/nr_hugepages"), "71");
	assert_non_null(strstr(m->err, "node 0: 80 MB of 101 MB are there"));
	m->config.memory.hugepages = false;
	assert_int_equal(prepare(m), 0);
}

/* A page that is asked for is there, and free. */
static void
what_is_missing_is_reserved(void **state)
{
	struct machine *m = *state;

	m->config.memory.hugepages = true;
	m->config.memory.megabytes = 101;
	tree_file(&m->tree, PAGES "/nr_hugepages", "40\n");
	tree_link(&m->tree, PAGES "/free_hugepages", "nr_hugepages");
	assert_int_equal(prepare(m), 0);
	assert_string_equal(tree_read(&m->tree, PAGES "/nr_hugepages"), "51");
	assert_string_equal(m->out, "node 0: 11 more hugepages of 2048 kB\n");
	assert_int_equal(prepare(m), 0);
	assert_string_equal(m->out, "");
}

static void
no_hugepages_at_all_are_told(void **state)
{
	struct machine *m = *state;

	m->config.memory.hugepages = true;
	m->config.memory.megabytes = 64;
	assert_int_equal(prepare(m), 1);
	assert_non_null(strstr(m->err, "no hugepages can be reserved"));
}

static void
an_lcores_cpu_runs_at_full_clock(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, GOVERNOR, "powersave\n");
	assert_int_equal(prepare(m), 0);
	assert_string_equal(tree_read(&m->tree, GOVERNOR), "performance");
	assert_string_equal(m->out, "CPU 1: governor performance, was powersave\n");
	assert_int_equal(prepare(m), 0);
	assert_string_equal(m->out, "");
}

static void
a_device_that_is_down_is_taken(void **state)
{
	struct machine *m = *state;

	add_nic(m, "0x1002\n");
	m->config.ifaces[m->config.n_ifaces++] = m->config.ifaces[0]; /* another VLAN of it */
	tree_file(&m->tree, "/sys/bus/pci/drivers/i40e/unbind", "");
	tree_link(&m->tree, NIC "/driver", "../../drivers/i40e"); /* from where it is in the tree */
	assert_int_equal(prepare(m), 0);
	assert_string_equal(tree_read(&m->tree, NIC "/driver_override"), "vfio-pci");
	assert_string_equal(
		tree_read(&m->tree, "/sys/bus/pci/drivers/i40e/unbind"), "0000:03:00.0");
	assert_string_equal(tree_read(&m->tree, "/sys/bus/pci/drivers_probe"), "0000:03:00.0");
	assert_string_equal(m->out, "0000:03:00.0: bound to vfio-pci\n");
}

static void
a_device_that_is_up_stays(void **state)
{
	struct machine *m = *state;

	add_nic(m, "0x1003\n");
	assert_int_equal(prepare(m), 1);
	assert_non_null(strstr(m->err, "0000:03:00.0: it is up as eth7"));
	assert_string_equal(tree_read(&m->tree, NIC "/driver_override"), "(null)\n");
}

static void
a_device_that_is_shared_stays(void **state)
{
	struct machine *m = *state;

	add_nic(m, "0x1003\n");
	tree_link(&m->tree, NIC "/driver", "../../drivers/mlx5_core");
	assert_int_equal(prepare(m), 0);
	assert_string_equal(m->out, "");
}

static void
what_is_no_device_here_is_told(void **state)
{
	struct machine *m = *state;

	strcpy(m->config.ifaces[m->config.n_ifaces++].device, "net_af_packet0,iface=eth0");
	assert_int_equal(prepare(m), 0);
	strcpy(m->config.ifaces[m->config.n_ifaces++].device, "0000:77:00.0");
	assert_int_equal(prepare(m), 1);
	assert_string_equal(m->err, "0000:77:00.0: there is no such device\n");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(enough_hugepages_are_left_alone),
		CASE(what_is_missing_is_asked_for),
		CASE(what_is_missing_is_reserved),
		CASE(no_hugepages_at_all_are_told),
		CASE(an_lcores_cpu_runs_at_full_clock),
		CASE(a_device_that_is_down_is_taken),
		CASE(a_device_that_is_up_stays),
		CASE(a_device_that_is_shared_stays),
		CASE(what_is_no_device_here_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
