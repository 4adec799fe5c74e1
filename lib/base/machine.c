/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
join(char full[PATH_MAX], const char *root, const char *path, va_list args)
{
	int n = snprintf(full, PATH_MAX, "%s", root);

	if (n >= 0 && n < PATH_MAX)
		vsnprintf(full + n, PATH_MAX - n, path, args);
}

#define JOIN(full, root, path)                                                                     \
	do {                                                                                       \
		va_list args;                                                                      \
		va_start(args, path);                                                              \
		join(full, root, path, args);                                                      \
		va_end(args);                                                                      \
	} while (0)

bool
pst_machine_read(const char *root, char *text, size_t size, const char *path, ...)
{
	char full[PATH_MAX];
	ssize_t n;
	int fd;

	JOIN(full, root, path);
	text[0] = 0;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return n >= 0;
}

int
pst_machine_write(const char *root, const char *text, const char *path, ...)
{
	char full[PATH_MAX];
	int fd, ret = 0;

	JOIN(full, root, path);
	fd = open(full, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

bool
pst_machine_has(const char *root, const char *path, ...)
{
	char full[PATH_MAX];

	JOIN(full, root, path);
	return access(full, F_OK) == 0;
}

bool
pst_machine_link(const char *root, char *name, size_t size, const char *path, ...)
{
	char full[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t n;

	JOIN(full, root, path);
	name[0] = 0;
	n = readlink(full, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	slash = strrchr(target, '/');
	snprintf(name, size, "%s", slash != NULL ? slash + 1 : target);
	return true;
}

bool
pst_machine_entry(const char *root, char *name, size_t size, const char *path, ...)
{
	const struct dirent *entry;
	char full[PATH_MAX];
	DIR *dir;

	JOIN(full, root, path);
	name[0] = 0;
	dir = opendir(full);
	if (dir == NULL)
		return false;
	while (name[0] == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			snprintf(name, size, "%s", entry->d_name);
	}
	closedir(dir);
	return name[0] != 0;
}

void
pst_cpuset_parse(struct pst_cpuset *set, const char *text)
{
	memset(set, 0, sizeof(*set));
	while (isdigit((unsigned char)*text)) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long c = first; c <= last && c < PST_MACHINE_CPUS; c++)
			set->bits[c / 64] |= UINT64_C(1) << (c % 64);
		text = *end == ',' ? end + 1 : end;
	}
}

uint32_t
pst_machine_node_of(const char *root, uint32_t cpu)
{
	for (uint32_t node = 0; node < PST_MACHINE_NODES; node++) {
		if (pst_machine_has(root, "/sys/devices/system/node/node%u/cpu%u", node, cpu))
			return node;
	}
	return 0;
}

static uint64_t
read_number(const char *root, const char *folder, const char *name)
{
	char text[32];

	pst_machine_read(root, text, sizeof(text), "%s/%s", folder, name);
	return strtoull(text, NULL, 10);
}

static int
by_size(const void *a, const void *b)
{
	const struct pst_hugepages *x = a, *y = b;

	return x->kb < y->kb ? -1 : x->kb > y->kb;
}

/* Of one folder, smallest first. */
static uint32_t
read_hugepages(const char *root, const char *folder, uint32_t node, struct pst_hugepages *list,
	uint32_t most)
{
	char full[PATH_MAX], path[PATH_MAX];
	const struct dirent *entry;
	uint32_t n = 0;
	DIR *dir;

	snprintf(full, sizeof(full), "%s%s", root, folder);
	dir = opendir(full);
	if (dir == NULL)
		return 0;
	while (n < most && (entry = readdir(dir)) != NULL) {
		struct pst_hugepages *h = &list[n];

		if (sscanf(entry->d_name, "hugepages-%ukB", &h->kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%.64s", folder, entry->d_name);
		h->node = node;
		h->total = read_number(root, path, "nr_hugepages");
		h->free = read_number(root, path, "free_hugepages");
		n++;
	}
	closedir(dir);
	qsort(list, n, sizeof(*list), by_size);
	return n;
}

uint32_t
pst_machine_hugepages(const char *root, struct pst_hugepages *list, uint32_t most)
{
	uint32_t n = 0;
	char folder[128];

	for (uint32_t node = 0; node < PST_MACHINE_NODES; node++) {
		snprintf(folder, sizeof(folder), "/sys/devices/system/node/node%u/hugepages", node);
		n += read_hugepages(root, folder, node, list + n, most - n);
	}
	return n > 0 ? n : read_hugepages(root, "/sys/kernel/mm/hugepages", 0, list, most);
}

void
pst_machine_spread(const char *root, uint32_t megabytes, const uint32_t *cpus, uint32_t n,
	uint32_t of_node[PST_MACHINE_NODES])
{
	memset(of_node, 0, PST_MACHINE_NODES * sizeof(of_node[0]));
	for (uint32_t i = 0; i < n; i++)
		of_node[pst_machine_node_of(root, cpus[i])]++;
	for (uint32_t node = 0; n > 0 && node < PST_MACHINE_NODES; node++)
		of_node[node] = ((uint64_t)megabytes * of_node[node] + n - 1) / n;
}

bool
pst_machine_pci(const char *device, char address[PST_MACHINE_PCI])
{
	unsigned int domain = 0, bus, slot, function;
	int n = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &n) != 4) {
		domain = 0;
		if (sscanf(device, "%2x:%2x.%1x%n", &bus, &slot, &function, &n) != 3)
			return false;
	}
	if (device[n] != 0 && device[n] != ',')
		return false;
	snprintf(address, PST_MACHINE_PCI, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff,
		slot & 0xff, function & 0xf);
	return true;
}

bool
pst_machine_is_dpdk_driver(const char *driver)
{
	static const char *const names[] = { "vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core",
		"mlx4_core" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(driver, names[i]) == 0)
			return true;
	}
	return false;
}
