/* SPDX-License-Identifier: BSD-3-Clause */
/* The program itself, on machines that are made up: a healthy one, and one thing at a time wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "config/load.h"
#include "doctor.h"
#include "posternctl_path.h"
#include "tree.h"

#define CPU "/sys/devices/system/cpu"
#define NODE(n) "/sys/devices/system/node/node" #n
#define PAGES "/hugepages/hugepages-2048kB"
#define PCI "/sys/bus/pci"
#define INSIDE PCI "/devices/0000:03:00.0"
#define OUTSIDE PCI "/devices/0000:03:00.1"

static const char config[] = "{ \"lcores\": { \"main\": 0, \"workers\": [1], \"editors\": [2] },"
			     "  \"memory\": { \"megabytes\": 300 }, \"interfaces\": {"
			     "  \"inside\": { \"device\": \"0000:03:00.0\" }, \"guests\": { "
			     "\"device\": \"0000:03:00.0\" },"
			     "  \"outside\": { \"device\": \"0000:03:00.1\" } } }";

struct machine {
	struct tree tree;
	json_t *report;
	int code;
};

static void
add_nic(struct machine *m, const char *path, const char *number)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/driver", path);
	tree_link(&m->tree, name, "../../drivers/vfio-pci");
	snprintf(name, sizeof(name), "%s/numa_node", path);
	tree_file(&m->tree, name, number);
}

/* Eight CPUs on two nodes, siblings four apart; all that polls is on node 0, as the NICs are. */
static int
setup(void **state)
{
	static struct machine m;
	char path[128], text[16];

	memset(&m, 0, sizeof(m));
	tree_make(&m.tree);
	tree_file(&m.tree, "/etc/postern/postern.json", config);
	tree_file(&m.tree, "/proc/self/limits",
		"Limit    Soft  Hard  Units\nMax locked memory   8388608 unlimited bytes\n");
	tree_file(&m.tree, "/proc/self/status", "Name:\tsh\nCapEff:\t000001ffffffffff\n");
	for (int cpu = 0; cpu < 8; cpu++) {
		snprintf(path, sizeof(path), CPU "/cpu%d/cpufreq/scaling_governor", cpu);
		tree_file(&m.tree, path, "performance\n");
		snprintf(path, sizeof(path), CPU "/cpu%d/topology/thread_siblings_list", cpu);
		snprintf(text, sizeof(text), "%d,%d\n", cpu % 4, cpu % 4 + 4);
		tree_file(&m.tree, path, text);
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpu%d", cpu % 4 / 3,
			cpu);
		tree_folder(&m.tree, path);
	}
	tree_file(&m.tree, CPU "/online", "0-7\n");
	tree_file(&m.tree, CPU "/isolated", "1-2\n");
	tree_file(&m.tree, CPU "/nohz_full", "1-2\n");
	tree_file(&m.tree, NODE(0) "/cpulist", "0-2,4-6\n");
	tree_file(&m.tree, NODE(1) "/cpulist", "3,7\n");
	tree_file(&m.tree, NODE(0) PAGES "/nr_hugepages", "160\n");
	tree_file(&m.tree, NODE(0) PAGES "/free_hugepages", "150\n");
	tree_file(&m.tree, NODE(1) PAGES "/nr_hugepages", "0\n");
	tree_file(&m.tree, NODE(1) PAGES "/free_hugepages", "0\n");
	tree_folder(&m.tree, PCI "/drivers/vfio-pci");
	tree_folder(&m.tree, "/sys/kernel/iommu_groups/7");
	add_nic(&m, INSIDE, "0\n");
	add_nic(&m, OUTSIDE, "0\n");
	*state = &m;
	return 0;
}

static int
teardown(void **state)
{
	struct machine *m = *state;

	json_decref(m->report);
	tree_remove(&m->tree);
	return 0;
}

static void
examine(struct machine *m)
{
	char command[PATH_MAX + 256];
	json_error_t error;
	FILE *f;

	snprintf(command, sizeof(command), "%s --json doctor --root %s", POSTERNCTL, m->tree.root);
	f = popen(command, "r");
	assert_non_null(f);
	json_decref(m->report);
	m->report = json_loadf(f, 0, &error);
	m->code = WEXITSTATUS(pclose(f));
	assert_non_null(m->report);
}

static long long
total(const struct machine *m, const char *key)
{
	return json_integer_value(json_object_get(m->report, key));
}

/* The only finding that is not well: its state, its check, and parts of what it says and advises. */
static void
finds(struct machine *m, const char *state, const char *check, const char *text, const char *advice)
{
	const json_t *finding, *found = NULL;
	char *dump;
	size_t i;

	examine(m);
	json_array_foreach(json_object_get(m->report, "findings"), i, finding)
	{
		if (strcmp(json_string_value(json_object_get(finding, "state")), "ok") == 0)
			continue;
		assert_null(found);
		found = finding;
	}
	assert_non_null(found);
	assert_string_equal(json_string_value(json_object_get(found, "state")), state);
	assert_string_equal(json_string_value(json_object_get(found, "check")), check);
	assert_non_null(strstr(json_string_value(json_object_get(found, "text")), text));
	dump = json_dumps(json_object_get(found, "advice"), JSON_ENCODE_ANY);
	assert_non_null(strstr(dump, advice));
	free(dump);
	assert_int_equal(m->code, strcmp(state, "wrong") == 0);
	assert_int_equal(total(m, "wrong") + total(m, "warnings"), 1);
}

static void
a_healthy_machine_has_nothing(void **state)
{
	struct machine *m = *state;

	examine(m);
	assert_int_equal(m->code, 0);
	assert_int_equal(total(m, "wrong"), 0);
	assert_int_equal(total(m, "warnings"), 0);
	/* each device once: configuration, hugepages, memlock, CPUs, cores, isolation, ticks, clock,
	 * vfio, IOMMU, two of each device */
	assert_int_equal(json_array_size(json_object_get(m->report, "findings")), 14);
}

static void
hugepages_are_missing(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, NODE(0) PAGES "/free_hugepages", "100\n");
	finds(m, "wrong", "hugepages", "node 0: 200 MB are free, 300 MB are asked for",
		"echo 210 > "
		"/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages");
	/* enough, but far from the CPUs */
	tree_file(&m->tree, NODE(1) PAGES "/free_hugepages", "50\n");
	finds(m, "warning", "hugepages", "node 0: 200 MB", "postern --prepare");
}

static void
hugepages_are_counted_by_node(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, "/etc/postern/postern.json",
		"{ \"lcores\": { \"workers\": [1], \"editors\": [3] },"
		"  \"memory\": { \"megabytes\": 300 }, \"interfaces\": {} }");
	finds(m, "warning", "hugepages", "node 1: 0 MB are free, 100 MB are asked for",
		"echo 50 > /sys/devices/system/node/node1");
}

static void
small_pages_are_for_labs(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, "/etc/postern/postern.json",
		"{ \"memory\": { \"hugepages\": false }, \"interfaces\": {} }");
	finds(m, "warning", "hugepages", "small pages are slow", "true");
}

static void
memory_may_not_be_locked(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, "/proc/self/status", "Name:\tsh\nCapEff:\t0000000000000000\n");
	finds(m, "warning", "memlock", "8388608 bytes may be locked", "ulimit -l unlimited");
	tree_file(&m->tree, "/proc/self/limits", "Max locked memory   unlimited unlimited bytes\n");
	examine(m);
	assert_int_equal(total(m, "warnings"), 0);
}

static void
lcores_share_cpus(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, CPU "/online", "0-1\n");
	finds(m, "warning", "CPUs", "there is no CPU 2", "lcores");
}

static void
a_worker_shares_its_core(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, CPU "/cpu1/topology/thread_siblings_list", "1-2\n");
	finds(m, "warning", "cores", "CPUs 1", "lscpu");
}

static void
a_worker_is_disturbed(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, CPU "/isolated", "2-3\n");
	finds(m, "warning", "isolation", "other tasks: 1", "isolcpus=managed_irq,domain,1 ");
	tree_file(&m->tree, CPU "/isolated", "1\n");
	tree_file(&m->tree, CPU "/nohz_full", "(null)\n");
	finds(m, "warning", "ticks", "ticks: 1", "nohz_full=1 ");
}

static void
a_clock_is_slow(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, CPU "/cpu2/cpufreq/scaling_governor", "schedutil\n");
	finds(m, "warning", "clock", "not: 2", "cpupower -c 2 ");
}

static void
vfio_is_not_loaded(void **state)
{
	struct machine *m = *state;
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s" PCI "/drivers/vfio-pci", m->tree.root);
	assert_int_equal(remove(path), 0);
	finds(m, "wrong", "vfio", "not loaded", "modprobe vfio-pci");
}

static void
the_iommu_is_off(void **state)
{
	struct machine *m = *state;
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/7", m->tree.root);
	assert_int_equal(remove(path), 0);
	finds(m, "wrong", "IOMMU", "vfio needs it", "iommu=pt");
	tree_file(&m->tree, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	finds(m, "warning", "IOMMU", "write to all memory", "iommu=pt");
}

static void
a_device_is_the_kernels(void **state)
{
	struct machine *m = *state;

	tree_link(&m->tree, INSIDE "/driver", "../../drivers/i40e");
	tree_folder(&m->tree, INSIDE "/net/eth7");
	finds(m, "wrong", "0000:03:00.0", "bound to i40e",
		"dpdk-devbind.py -b vfio-pci 0000:03:00.0");
	tree_link(&m->tree, INSIDE "/driver", "../../drivers/mlx5_core");
	examine(m);
	assert_int_equal(m->code, 0);
}

static void
a_device_is_far(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, OUTSIDE "/numa_node", "1\n");
	finds(m, "warning", "0000:03:00.1", "on NUMA node 1; of 1 workers 1 are on others",
		"CPUs of 3,7");
	tree_file(&m->tree, OUTSIDE "/numa_node", "-1\n");
	examine(m);
	assert_int_equal(total(m, "warnings"), 0);
}

static void
a_device_is_not_there(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, "/etc/postern/postern.json",
		"{ \"memory\": { \"megabytes\": 300 }, \"interfaces\": {"
		"  \"inside\": { \"device\": \"0000:77:00.0\" } } }");
	finds(m, "wrong", "0000:77:00.0", "no such device", "dpdk-devbind.py --status");
	tree_file(&m->tree, "/etc/postern/postern.json",
		"{ \"memory\": { \"megabytes\": 300 }, \"interfaces\": {"
		"  \"inside\": { \"device\": \"net_af_packet0,iface=eth9,framecnt=4096\" } } }");
	finds(m, "wrong", "net_af_packet0", "no interface eth9", "ip link");
	tree_folder(&m->tree, "/sys/class/net/eth9");
	finds(m, "warning", "net_af_packet0", "interface eth9, which is slower", "");
}

static void
two_workers_need_rss(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, "/etc/postern/postern.json",
		"{ \"lcores\": { \"workers\": [1, 2], \"editors\": [0] },"
		"  \"memory\": { \"megabytes\": 300 }, \"interfaces\": {} }");
	finds(m, "warning", "RSS", "2 workers", "");
}

static void
the_configuration_is_bad(void **state)
{
	struct machine *m = *state;

	tree_file(&m->tree, "/etc/postern/postern.json", "{\n \"memory\": }\n");
	finds(m, "wrong", "configuration", "postern.json:2: ", "--check");
	tree_file(&m->tree, "/etc/postern/postern.json", "[]\n");
	finds(m, "wrong", "configuration", "no object", "--check");
}

static void
defaults_are_the_appliances(void **state)
{
	static const char text[] =
		"{ \"interfaces\": { \"in\": { \"device\": \"net_null0\", \"zone\": \"internal\","
		"  \"address\": \"10.0.0.1/24\" }, \"out\": { \"device\": \"net_null1\","
		"  \"zone\": \"external\", \"address\": \"198.18.0.1/24\" } } }";
	static const char *const editors[] = { NULL };
	static struct pst_config c;
	struct pst_doctor_config mine;
	struct pst_problems problems;
	json_t *json = json_loads(text, 0, NULL);

	(void)state;
	assert_int_equal(pst_config_parse(text, strlen(text), "test", editors, &c, &problems), 0);
	pst_doctor_configure(&mine, json);
	assert_int_equal(mine.main, c.lcores.main);
	assert_int_equal(mine.n_workers, c.lcores.n_workers);
	assert_int_equal(mine.workers[0], c.lcores.workers[0]);
	assert_int_equal(mine.n_editors, c.lcores.n_editors);
	assert_int_equal(mine.editors[0], c.lcores.editors[0]);
	assert_int_equal(mine.hugepages, c.memory.hugepages);
	assert_int_equal(mine.megabytes, c.memory.megabytes);
	assert_string_equal(mine.socket, c.control_socket);
	assert_int_equal(json_object_size(mine.interfaces), c.n_ifaces);
	pst_problems_fini(&problems);
	pst_config_fini(&c);
	json_decref(json);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_healthy_machine_has_nothing),
		CASE(hugepages_are_missing),
		CASE(hugepages_are_counted_by_node),
		CASE(small_pages_are_for_labs),
		CASE(memory_may_not_be_locked),
		CASE(lcores_share_cpus),
		CASE(a_worker_shares_its_core),
		CASE(a_worker_is_disturbed),
		CASE(a_clock_is_slow),
		CASE(vfio_is_not_loaded),
		CASE(the_iommu_is_off),
		CASE(a_device_is_the_kernels),
		CASE(a_device_is_far),
		CASE(a_device_is_not_there),
		CASE(two_workers_need_rss),
		CASE(the_configuration_is_bad),
		CASE(defaults_are_the_appliances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
