/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_log.h>

#include "eal.h"

/* One lcore that may run on any CPU there is: tests run side by side. */
static void
any_cpu(char *map, size_t size)
{
	size_t at = snprintf(map, size, "0@(");
	const char *comma = "";
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE && at < size; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		at += snprintf(map + at, size - at, "%s%d", comma, cpu);
		comma = ",";
	}
	snprintf(map + at, size - at, ")");
}

void
test_eal_init(unsigned int megabytes)
{
	char mb[16], map[1024];
	char *argv[] = { "test", "--no-huge", "-m", mb, "--no-shconf", "--no-pci",
		"--no-telemetry", "--lcores", map, "--log-level", "lib.eal:error", NULL };

	any_cpu(map, sizeof(map));
	snprintf(mb, sizeof(mb), "%u", megabytes);
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0) {
		fprintf(stderr, "the EAL does not start\n");
		exit(1);
	}
}
