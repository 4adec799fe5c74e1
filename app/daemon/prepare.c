/* SPDX-License-Identifier: BSD-3-Clause */
#include "prepare.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/machine.h"

#define SIZES 8 /* of hugepages, on a node */
#define LISTED (PST_MACHINE_NODES * SIZES)

struct work {
	const struct pst_config *config;
	const char *root;
	FILE *out, *err;
	uint32_t cpus[PST_WORKERS_MAX + PST_EDITORS_MAX + 1];
	uint32_t n_cpus;
	int failures;
};

static void
find_cpus(struct work *w)
{
	const struct pst_config *c = w->config;

	for (uint32_t i = 0; i < c->lcores.n_workers; i++)
		w->cpus[w->n_cpus++] = c->lcores.workers[i];
	for (uint32_t i = 0; i < c->lcores.n_editors; i++)
		w->cpus[w->n_cpus++] = c->lcores.editors[i];
	w->cpus[w->n_cpus++] = c->lcores.main;
}

/* Hugepages. */

static uint64_t
free_kb(const struct work *w, uint32_t node, struct pst_hugepages *smallest)
{
	struct pst_hugepages list[LISTED];
	uint32_t n = pst_machine_hugepages(w->root, list, LISTED);
	uint64_t sum = 0;

	memset(smallest, 0, sizeof(*smallest));
	for (uint32_t i = 0; i < n; i++) {
		if (list[i].node != node)
			continue;
		sum += list[i].free * list[i].kb;
		if (smallest->kb == 0)
			*smallest = list[i];
	}
	return sum;
}

static int
set_pages(const struct work *w, const struct pst_hugepages *h, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	if (pst_machine_has(w->root, "/sys/devices/system/node/node%u/hugepages", h->node))
		return pst_machine_write(w->root, text,
			"/sys/devices/system/node/node%u/hugepages/hugepages-%ukB/nr_hugepages",
			h->node, h->kb);
	return pst_machine_write(
		w->root, text, "/sys/kernel/mm/hugepages/hugepages-%ukB/nr_hugepages", h->kb);
}

static void
reserve(struct work *w, uint32_t node, uint32_t megabytes)
{
	struct pst_hugepages h;
	uint64_t want = (uint64_t)megabytes * 1024, have = free_kb(w, node, &h), more;
	int ret;

	if (have >= want)
		return;
	more = h.kb > 0 ? (want - have + h.kb - 1) / h.kb : 0;
	ret = h.kb > 0 ? set_pages(w, &h, h.total + more) : -ENOENT;
	have = free_kb(w, node, &h);
	if (ret == 0 && have >= want) {
		fprintf(w->out, "node %u: %" PRIu64 " more hugepages of %u kB\n", node, more, h.kb);
		return;
	}
	w->failures++;
	if (ret < 0)
		fprintf(w->err, "node %u: no hugepages can be reserved: %s\n", node,
			strerror(-ret));
	else
		fprintf(w->err,
			"node %u: %" PRIu64
			" MB of %u MB are there in free hugepages; memory is too "
			"scattered, or too little: reserve at boot, by hugepages= on the kernel's "
			"command line\n",
			node, have / 1024, megabytes);
}

static void
prepare_memory(struct work *w)
{
	uint32_t of_node[PST_MACHINE_NODES];

	if (!w->config->memory.hugepages)
		return;
	pst_machine_spread(w->root, w->config->memory.megabytes, w->cpus, w->n_cpus, of_node);
	for (uint32_t node = 0; node < PST_MACHINE_NODES; node++)
		reserve(w, node, of_node[node]);
}

/* CPUs. */

static void
speed_up(struct work *w, uint32_t cpu)
{
	char governor[32];

	if (!pst_machine_read(w->root, governor, sizeof(governor),
		    "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu) ||
		strcmp(governor, "performance") == 0)
		return;
	if (pst_machine_write(w->root, "performance",
		    "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu) < 0)
		return; /* slower, but it works: posternctl doctor tells */
	fprintf(w->out, "CPU %u: governor performance, was %s\n", cpu, governor);
}

/* Devices. */

static bool
is_up(const struct work *w, const char *address, char *name, size_t size)
{
	char flags[16];
	unsigned int n = 0;

	if (!pst_machine_entry(w->root, name, size, "/sys/bus/pci/devices/%s/net", address))
		return false;
	pst_machine_read(w->root, flags, sizeof(flags), "/sys/bus/pci/devices/%s/net/%s/flags",
		address, name);
	return sscanf(flags, "%x", &n) == 1 && (n & 1); /* IFF_UP */
}

static const char *
take_device(const struct work *w, const char *address, const char *driver)
{
	if (!pst_machine_has(w->root, "/sys/bus/pci/drivers/vfio-pci"))
		return "there is no vfio-pci: modprobe vfio-pci";
	if (pst_machine_write(
		    w->root, "vfio-pci", "/sys/bus/pci/devices/%s/driver_override", address) < 0)
		return "its driver can't be overridden";
	if (driver[0] != 0 && pst_machine_write(w->root, address,
				      "/sys/bus/pci/devices/%s/driver/unbind", address) < 0)
		return "its driver does not let it go";
	if (pst_machine_write(w->root, address, "/sys/bus/pci/drivers_probe") < 0)
		return "vfio-pci does not take it";
	return NULL;
}

static void
prepare_device(struct work *w, const char *device)
{
	char address[PST_MACHINE_PCI], driver[32], name[32];
	const char *why = NULL;

	if (!pst_machine_pci(device, address))
		return;
	pst_machine_link(
		w->root, driver, sizeof(driver), "/sys/bus/pci/devices/%s/driver", address);
	if (pst_machine_is_dpdk_driver(driver))
		return;
	if (!pst_machine_has(w->root, "/sys/bus/pci/devices/%s", address)) {
		why = "there is no such device";
	} else if (is_up(w, address, name, sizeof(name))) {
		fprintf(w->err,
			"%s: it is up as %s; if the host is managed by another: ip link set %s "
			"down\n",
			address, name, name);
		w->failures++;
		return;
	} else {
		why = take_device(w, address, driver);
	}
	if (why == NULL) {
		fprintf(w->out, "%s: bound to vfio-pci\n", address);
		return;
	}
	fprintf(w->err, "%s: %s\n", address, why);
	w->failures++;
}

/* Several interfaces may be VLANs of one device. */
static bool
is_first(const struct pst_config *config, uint32_t i)
{
	uint32_t k = 0;

	while (strcmp(config->ifaces[k].device, config->ifaces[i].device) != 0)
		k++;
	return k == i;
}

int
pst_prepare(const struct pst_config *config, const char *root, FILE *out, FILE *err)
{
	struct work w = { .config = config, .root = root, .out = out, .err = err };

	find_cpus(&w);
	prepare_memory(&w);
	for (uint32_t i = 0; i < w.n_cpus; i++)
		speed_up(&w, w.cpus[i]);
	for (uint32_t i = 0; i < config->n_ifaces; i++) {
		if (is_first(config, i))
			prepare_device(&w, config->ifaces[i].device);
	}
	return w.failures;
}
