/* SPDX-License-Identifier: BSD-3-Clause */
/* What /proc says of this process: proc(5). */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "control/sample.h"

/* How many entries a folder has, but for itself and the one above; 0 when it can't be read. */
static uint32_t
count_entries(const char *path)
{
	DIR *dir = opendir(path);
	uint32_t n = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n > 2 ? n - 2 : 0;
}

/* The file as one text, cut at `size`; empty when it can't be read. */
static void
read_file(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, size - 1, f);
		fclose(f);
	}
	text[n] = '\0';
}

/* The name in front, in brackets, may hold anything: fields are counted from its end. */
static void
fill_stat(struct pst_sample_process *p)
{
	const double hz = sysconf(_SC_CLK_TCK);
	uint64_t user, system, start, size, pages;
	struct timespec real, boot;
	char text[2048], *fields;
	uint32_t threads;

	read_file("/proc/self/stat", text, sizeof(text));
	fields = strrchr(text, ')');
	if (fields == NULL ||
		sscanf(fields + 1,
			" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
			" %*d %*d %*d %*d %" SCNu32 " %*d %" SCNu64 " %" SCNu64 " %" SCNu64,
			&user, &system, &threads, &start, &size, &pages) != 6)
		return;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	p->cpu_seconds = (user + system) / hz;
	p->threads = threads;
	p->started = real.tv_sec - boot.tv_sec + (real.tv_nsec - boot.tv_nsec) / 1e9 + start / hz;
	p->virtual_bytes = size;
	p->resident_bytes = pages * sysconf(_SC_PAGESIZE);
}

void
pst_sample_fill_process(struct pst_sample_process *p)
{
	struct rlimit limit;

	memset(p, 0, sizeof(*p));
	fill_stat(p);
	p->fds = count_entries("/proc/self/fd");
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		p->fds_most = limit.rlim_cur;
}
