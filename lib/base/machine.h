/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine as the kernel describes it in /sys and /proc: CPUs, NUMA nodes, hugepages, PCI
 * devices. All is read below a root: "" for this machine, or a folder that holds another one's
 * (a mounted image, a test). Needs libc only: posternctl has it too.
 *
 * Paths are printf formats. What a kernel without NUMA leaves out is node 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PST_MACHINE_CPUS 1024
#define PST_MACHINE_NODES 64
#define PST_MACHINE_LINE 4096

/* The first line of a file; false, and an empty text, when it can't be read. */
bool pst_machine_read(const char *root, char *text, size_t size, const char *path, ...)
	__attribute__((format(printf, 4, 5)));
/* 0 or -errno. The file must be there. */
int pst_machine_write(const char *root, const char *text, const char *path, ...)
	__attribute__((format(printf, 3, 4)));
bool pst_machine_has(const char *root, const char *path, ...) __attribute__((format(printf, 2, 3)));
/* The last part of what a symbolic link points to; false when there is none. */
bool pst_machine_link(const char *root, char *name, size_t size, const char *path, ...)
	__attribute__((format(printf, 4, 5)));
/* The first entry of a folder; false when it has none. */
bool pst_machine_entry(const char *root, char *name, size_t size, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

/* A set of CPUs. */
struct pst_cpuset {
	uint64_t bits[PST_MACHINE_CPUS / 64];
};

static inline bool
pst_cpuset_has(const struct pst_cpuset *set, uint32_t cpu)
{
	return cpu < PST_MACHINE_CPUS && (set->bits[cpu / 64] >> (cpu % 64) & 1);
}

/* From the kernel's form, "0-3,8"; what is no list is empty. */
void pst_cpuset_parse(struct pst_cpuset *set, const char *text);

/* A CPU's NUMA node. */
uint32_t pst_machine_node_of(const char *root, uint32_t cpu);

/* Hugepages of one size on one node. */
struct pst_hugepages {
	uint32_t node;
	uint32_t kb; /* of a page */
	uint64_t total, free;
};

/* All of them, by node and size; how many, at most `most`. */
uint32_t pst_machine_hugepages(const char *root, struct pst_hugepages *list, uint32_t most);

/*
 * How the EAL spreads so many megabytes (-m) over the nodes: by their lcores. `cpus` are those of
 * the lcores. Rounded up.
 */
void pst_machine_spread(const char *root, uint32_t megabytes, const uint32_t *cpus, uint32_t n,
	uint32_t of_node[PST_MACHINE_NODES]);

#define PST_MACHINE_PCI 16 /* "0000:03:00.0" */

/*
 * The PCI address that a device of the config is, with or without a domain, perhaps with arguments
 * behind a comma. False when it is none.
 */
bool pst_machine_pci(const char *device, char address[PST_MACHINE_PCI]);
/* Does this driver hand a device to a program in userland, or share it with one? */
bool pst_machine_is_dpdk_driver(const char *driver);
