/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_log.h>

#include "eal.h"

void
test_eal_init(unsigned int megabytes)
{
	char mb[16];
	char *argv[] = { "test", "--no-huge", "-m", mb, "--no-shconf", "--no-pci",
		"--no-telemetry", "--lcores", "0@(0-63)", "--log-level", "lib.eal:error", NULL };

	snprintf(mb, sizeof(mb), "%u", megabytes);
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0) {
		fprintf(stderr, "the EAL does not start\n");
		exit(1);
	}
}
