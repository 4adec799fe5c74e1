/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "counts.h"

#define PAGES 16
#define PAGE 4096

/* Events that every kernel has: page faults in the place of each counter. */
static int
open_faults(void)
{
	const struct perf_event_attr fault = { .type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_PAGE_FAULTS };
	const struct perf_event_attr events[PST_COUNTS] = { fault, fault, fault };
	int fd = pst_counts_open_events(events);

	if (fd == -EACCES || fd == -EPERM || fd == -ENOSYS)
		skip(); /* the kernel lets nobody count, or not us */
	assert_true(fd >= 0);
	return fd;
}

static void
touch_pages(void)
{
	volatile char *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	madvise((void *)(uintptr_t)pages, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		pages[i * PAGE] = 1;
	munmap((void *)(uintptr_t)pages, PAGES * PAGE);
}

static void
what_the_thread_does_is_counted(void **state)
{
	struct pst_counts before, after;
	int fd = open_faults();

	(void)state;
	assert_true(pst_counts_read(fd, &before));
	touch_pages();
	assert_true(pst_counts_read(fd, &after));
	for (int i = 0; i < PST_COUNTS; i++)
		assert_true(after.of[i] - before.of[i] >= PAGES);
}

static void
an_event_that_is_not_there_counts_nothing(void **state)
{
	const struct perf_event_attr none = { .type = PERF_TYPE_SOFTWARE, .config = UINT64_MAX };
	const struct perf_event_attr events[PST_COUNTS] = { none, none, none };
	struct pst_counts counts = { { 1, 2, 3 } };
	int fd = pst_counts_open_events(events);

	(void)state;
	assert_true(fd < 0);
	assert_false(pst_counts_read(fd, &counts));
	assert_int_equal(counts.of[PST_COUNT_MISSES], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_thread_does_is_counted),
		cmocka_unit_test(an_event_that_is_not_there_counts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
