/* SPDX-License-Identifier: BSD-3-Clause */
#include "counts.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
open_one(const struct perf_event_attr *event, int leader)
{
	struct perf_event_attr attr = *event;
	int fd;

	attr.size = sizeof(attr);
	attr.read_format = PERF_FORMAT_GROUP;
	attr.exclude_kernel = attr.exclude_hv = 1;
	attr.pinned = leader < 0;
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, leader, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int
pst_counts_open_events(const struct perf_event_attr *events)
{
	int leader = open_one(&events[0], -1), fd = leader;

	for (int i = 1; fd >= 0 && i < PST_COUNTS; i++)
		fd = open_one(&events[i], leader);
	if (fd < 0 && leader >= 0)
		close(leader);
	return fd < 0 ? fd : leader;
}

int
pst_counts_open(void)
{
	static const struct perf_event_attr events[PST_COUNTS] = {
		[PST_COUNT_CYCLES] = { .type = PERF_TYPE_HARDWARE,
			.config = PERF_COUNT_HW_CPU_CYCLES },
		[PST_COUNT_INSTRUCTIONS] = { .type = PERF_TYPE_HARDWARE,
			.config = PERF_COUNT_HW_INSTRUCTIONS },
		[PST_COUNT_MISSES] = { .type = PERF_TYPE_HARDWARE,
			.config = PERF_COUNT_HW_CACHE_MISSES },
	};

	return pst_counts_open_events(events);
}

bool
pst_counts_read(int fd, struct pst_counts *counts)
{
	struct {
		uint64_t n;
		struct pst_counts counts;
	} group;

	if (fd > 0 && read(fd, &group, sizeof(group)) == sizeof(group)) {
		*counts = group.counts;
		return true;
	}
	memset(counts, 0, sizeof(*counts));
	return false;
}
