/* SPDX-License-Identifier: BSD-3-Clause */
/* Are the configuration's devices there, DPDK's, near, and as many-queued as workers are? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

#define PCI "/sys/bus/pci/devices"

/* One device, however many interfaces it has. */
struct device {
	const char *name; /* as the configuration has it */
	char address[PST_MACHINE_PCI];
	char driver[32];
	char label[32]; /* for its findings */
};

static void
look_at_vfio(struct pst_doctor *d)
{
	char unsafe[8], group[64];

	if (!pst_machine_has(d->root, "/sys/bus/pci/drivers/vfio-pci")) {
		pst_doctor_find(d, PST_DOCTOR_WRONG, "vfio", "vfio-pci is not loaded");
		pst_doctor_advise(d, "modprobe vfio-pci");
		return;
	}
	pst_doctor_find(d, PST_DOCTOR_OK, "vfio", "vfio-pci is loaded");
	if (pst_machine_entry(d->root, group, sizeof(group), "/sys/kernel/iommu_groups")) {
		pst_doctor_find(d, PST_DOCTOR_OK, "IOMMU", "it is on");
		return;
	}
	pst_machine_read(d->root, unsafe, sizeof(unsafe),
		"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	if (unsafe[0] == 'Y') {
		pst_doctor_find(d, PST_DOCTOR_WARNING, "IOMMU",
			"it is off, and vfio does without: a NIC can write to all memory");
	} else {
		pst_doctor_find(d, PST_DOCTOR_WRONG, "IOMMU", "it is off, and vfio needs it");
		pst_doctor_advise(
			d, "echo Y > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	}
	pst_doctor_advise(d, "add intel_iommu=on iommu=pt to the kernel's command line (AMD: "
			     "iommu=pt, and switch it on in the firmware)");
}

static void
look_at_driver(struct pst_doctor *d, const struct device *device)
{
	char name[32];

	if (pst_machine_is_dpdk_driver(device->driver)) {
		pst_doctor_find(d, PST_DOCTOR_OK, device->label, "bound to %s", device->driver);
		return;
	}
	pst_doctor_find(d, PST_DOCTOR_WRONG, device->label, "bound to %s, not to vfio-pci",
		device->driver[0] != 0 ? device->driver : "no driver");
	if (pst_machine_entry(d->root, name, sizeof(name), PCI "/%s/net", device->address))
		pst_doctor_advise(
			d, "ip link set %s down   # if the host is not managed by it", name);
	pst_doctor_advise(d, "dpdk-devbind.py -b vfio-pci %s", device->address);
}

/* CPUs of other nodes reach it, its descriptors and packets, by way of the other socket. */
static void
look_at_node(struct pst_doctor *d, const struct device *device)
{
	const struct pst_doctor_config *c = &d->config;
	char text[16], cpus[PST_MACHINE_LINE];
	uint32_t far = 0;
	int node;

	pst_machine_read(d->root, text, sizeof(text), PCI "/%s/numa_node", device->address);
	node = text[0] != 0 ? atoi(text) : -1;
	for (uint32_t i = 0; node >= 0 && i < c->n_workers; i++)
		far += pst_machine_node_of(d->root, c->workers[i]) != (uint32_t)node;
	if (far == 0) {
		pst_doctor_find(d, PST_DOCTOR_OK, device->label, "on its workers' NUMA node");
		return;
	}
	pst_machine_read(
		d->root, cpus, sizeof(cpus), "/sys/devices/system/node/node%d/cpulist", node);
	pst_doctor_find(d, PST_DOCTOR_WARNING, device->label,
		"on NUMA node %d; of %u workers %u are on others", node, c->n_workers, far);
	pst_doctor_advise(d, "set \"workers\" to CPUs of %s", cpus);
}

static void
look_at_pci(struct pst_doctor *d, struct device *device)
{
	snprintf(device->label, sizeof(device->label), "%s", device->address);
	pst_machine_link(
		d->root, device->driver, sizeof(device->driver), PCI "/%s/driver", device->address);
	if (!pst_machine_has(d->root, PCI "/%s", device->address)) {
		pst_doctor_find(d, PST_DOCTOR_WRONG, device->label, "there is no such device");
		pst_doctor_advise(d, "dpdk-devbind.py --status");
		return;
	}
	look_at_driver(d, device);
	look_at_node(d, device);
}

/* A vdev over an interface of the kernel's. */
static void
look_at_vdev(struct pst_doctor *d, struct device *device)
{
	const char *iface = strstr(device->name, ",iface=");
	char name[16];

	snprintf(device->label, sizeof(device->label), "%.*s", (int)strcspn(device->name, ","),
		device->name);
	if (iface == NULL) {
		pst_doctor_find(d, PST_DOCTOR_OK, device->label, "a virtual device");
		return;
	}
	iface += strlen(",iface=");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(iface, ","), iface);
	if (!pst_machine_has(d->root, "/sys/class/net/%s", name)) {
		pst_doctor_find(d, PST_DOCTOR_WRONG, device->label,
			"there is no interface %s of the kernel's", name);
		pst_doctor_advise(d, "ip link");
		return;
	}
	pst_doctor_find(d, PST_DOCTOR_WARNING, device->label,
		"goes by the kernel's interface %s, which is slower than vfio-pci", name);
}

/* What the appliance that runs says of how its NICs sort packets to workers. */
static void
look_at_rss(struct pst_doctor *d, const char *name, const char *label)
{
	const json_t *row;
	const char *rss = NULL;
	size_t i;

	json_array_foreach(d->status, i, row)
	{
		const char *device = json_string_value(json_object_get(row, "device"));

		if (device != NULL && strcmp(device, name) == 0)
			rss = json_string_value(json_object_get(row, "rss"));
	}
	if (rss == NULL)
		return;
	if (strncmp(rss, "off", 3) != 0 || d->config.n_workers == 1)
		pst_doctor_find(d, PST_DOCTOR_OK, label, "rss %s", rss);
	else
		pst_doctor_find(d, PST_DOCTOR_WARNING, label,
			"rss %s: workers hand packets to each other by rings", rss);
}

static void
look_at_device(struct pst_doctor *d, const char *name, bool *has_pci)
{
	struct device device = { .name = name };

	if (pst_machine_pci(name, device.address)) {
		if (!*has_pci)
			look_at_vfio(d);
		*has_pci = true;
		look_at_pci(d, &device);
	} else {
		look_at_vdev(d, &device);
	}
	look_at_rss(d, name, device.label);
}

static const char *
device_of(const json_t *iface)
{
	return json_string_value(json_object_get(iface, "device"));
}

/* Has an earlier interface this device too? */
static bool
is_known(const json_t *interfaces, const char *before, const char *device)
{
	json_t *object = (json_t *)(uintptr_t)interfaces, *iface;
	const char *key;

	json_object_foreach(object, key, iface)
	{
		const char *other = device_of(iface);

		if (strcmp(key, before) == 0)
			return false;
		if (other != NULL && strcmp(other, device) == 0)
			return true;
	}
	return false;
}

void
pst_doctor_devices(struct pst_doctor *d)
{
	json_t *object = (json_t *)(uintptr_t)d->config.interfaces, *iface;
	bool has_pci = false;
	const char *key;

	json_object_foreach(object, key, iface)
	{
		const char *device = device_of(iface);

		if (device != NULL && !is_known(object, key, device))
			look_at_device(d, device, &has_pci);
	}
	if (d->config.n_workers > 1 && d->status == NULL)
		pst_doctor_find(d, PST_DOCTOR_WARNING, "RSS",
			"what the NICs do for %u workers is seen when the appliance runs",
			d->config.n_workers);
}
