/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern --prepare: what the machine has to have before the appliance starts, and what only root
 * can give. The unit runs it so, and the appliance without.
 *
 * - hugepages for memory.megabytes, on the NUMA nodes where the EAL will look for them;
 * - the lcores' CPUs at full clock;
 * - the PCI devices bound to vfio-pci, but for those whose drivers share them with DPDK. A device
 *   that is up as an interface of the kernel's stays: it may be the one that the host is managed by.
 *
 * What is so already is left alone, so that it can be run again.
 */
#pragma once

#include <stdio.h>

#include "config/config.h"

/*
 * Below `root` ("" for this machine). A line for each thing that was done on `out`; the number of
 * things that failed, a line for each on `err`.
 */
int pst_prepare(const struct pst_config *config, const char *root, FILE *out, FILE *err);
