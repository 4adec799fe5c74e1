/* SPDX-License-Identifier: BSD-3-Clause */
/* Is there the memory that the configuration asks for, where its lcores are? */
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

#define SIZES 8 /* of hugepages, on a node */
#define LISTED (PST_MACHINE_NODES * SIZES)

struct pages {
	struct pst_hugepages list[LISTED];
	uint32_t n;
};

static uint64_t
free_mb(const struct pages *p, uint32_t node)
{
	uint64_t kb = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		if (p->list[i].node == node)
			kb += p->list[i].free * p->list[i].kb;
	}
	return kb / 1024;
}

/* Of the smallest pages there: that many more make up for what is missing. */
static void
advise_pages(struct pst_doctor *d, const struct pages *p, uint32_t node, uint64_t missing_mb)
{
	for (uint32_t i = 0; i < p->n; i++) {
		const struct pst_hugepages *h = &p->list[i];

		if (h->node != node)
			continue;
		pst_doctor_advise(d, "postern --prepare");
		pst_doctor_advise(d,
			"echo %" PRIu64 " > /sys/devices/system/node/node%u/hugepages/"
			"hugepages-%ukB/nr_hugepages",
			h->total + (missing_mb * 1024 + h->kb - 1) / h->kb, node, h->kb);
		return;
	}
	pst_doctor_advise(
		d, "add hugepages=%" PRIu64 " to the kernel's command line", (missing_mb + 1) / 2);
}

static void
look_at_hugepages(struct pst_doctor *d)
{
	uint32_t want[PST_MACHINE_NODES];
	struct pages p;
	uint64_t sum = 0;

	p.n = pst_machine_hugepages(d->root, p.list, LISTED);
	pst_machine_spread(
		d->root, d->config.megabytes, d->config.lcores, d->config.n_lcores, want);
	for (uint32_t node = 0; node < PST_MACHINE_NODES; node++)
		sum += free_mb(&p, node);
	for (uint32_t node = 0; node < PST_MACHINE_NODES; node++) {
		uint64_t have = free_mb(&p, node);

		if (want[node] == 0)
			continue;
		/* with enough on other nodes it starts, and its tables are far from its CPUs */
		pst_doctor_find(d,
			have >= want[node]	     ? PST_DOCTOR_OK
			: sum >= d->config.megabytes ? PST_DOCTOR_WARNING
						     : PST_DOCTOR_WRONG,
			"hugepages", "node %u: %" PRIu64 " MB are free, %u MB are asked for", node,
			have, want[node]);
		if (have < want[node])
			advise_pages(d, &p, node, want[node] - have);
	}
}

/* Of a process: the value behind a line's beginning; false when it has none. */
static bool
read_line(const struct pst_doctor *d, const char *file, const char *begins, char value[32])
{
	char path[PATH_MAX], line[256], process[16] = "self";
	bool found = false;
	FILE *f;

	if (d->pid != 0)
		snprintf(process, sizeof(process), "%d", (int)d->pid);
	snprintf(path, sizeof(path), "%s/proc/%s/%s", d->root, process, file);
	f = fopen(path, "r");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = strncmp(line, begins, strlen(begins)) == 0 &&
			sscanf(line + strlen(begins), "%31s", value) == 1;
	if (f != NULL)
		fclose(f);
	return found;
}

/*
 * vfio locks all memory that devices may write to: of the appliance, or else of one that was started
 * as doctor was. What has CAP_IPC_LOCK, as root and the unit have, is not limited.
 */
static void
look_at_memlock(struct pst_doctor *d)
{
	char caps[32], most[32];

	if (!read_line(d, "limits", "Max locked memory", most) ||
		!read_line(d, "status", "CapEff:", caps))
		return; /* a root without processes */
	if ((strtoull(caps, NULL, 16) >> CAP_IPC_LOCK & 1) || strcmp(most, "unlimited") == 0 ||
		strtoull(most, NULL, 10) >> 20 >= d->config.megabytes) {
		pst_doctor_find(
			d, PST_DOCTOR_OK, "memlock", "%u MB may be locked", d->config.megabytes);
		return;
	}
	pst_doctor_find(d, PST_DOCTOR_WARNING, "memlock",
		"%s bytes may be locked, and vfio locks all %u MB; the unit has no limit", most,
		d->config.megabytes);
	pst_doctor_advise(d, "ulimit -l unlimited");
}

void
pst_doctor_memory(struct pst_doctor *d)
{
	if (!d->config.hugepages) {
		pst_doctor_find(d, PST_DOCTOR_WARNING, "hugepages",
			"memory.hugepages is false: small pages are slow, and good for labs");
		pst_doctor_advise(d, "set \"hugepages\": true");
	} else if (d->pid != 0) {
		pst_doctor_find(d, PST_DOCTOR_OK, "hugepages", "the appliance has them");
	} else {
		look_at_hugepages(d);
	}
	look_at_memlock(d);
}
