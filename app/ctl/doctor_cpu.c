/* SPDX-License-Identifier: BSD-3-Clause */
/* Have the lcores CPUs of their own, undisturbed and at full clock? */
#include <stdio.h>
#include <string.h>

#include "doctor.h"

#define LIST 512
#define CPU "/sys/devices/system/cpu"

/* "1,2,4" of those lcores for which a test holds; their number. */
static uint32_t
list_of(const struct pst_doctor *d, const uint32_t *cpus, uint32_t n,
	bool (*test)(const struct pst_doctor *d, uint32_t cpu, const void *arg), const void *arg,
	char text[LIST])
{
	uint32_t found = 0;
	size_t at = 0;

	text[0] = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!test(d, cpus[i], arg) || at >= LIST - 16)
			continue;
		at += snprintf(text + at, LIST - at, "%s%u", found++ > 0 ? "," : "", cpus[i]);
	}
	return found;
}

static bool
is_none_of(const struct pst_doctor *d, uint32_t cpu, const void *set)
{
	(void)d;
	return !pst_cpuset_has(set, cpu);
}

static bool
read_cpus(const struct pst_doctor *d, struct pst_cpuset *set, const char *name)
{
	char text[PST_MACHINE_LINE];
	bool there = pst_machine_read(d->root, text, sizeof(text), CPU "/%s", name);

	pst_cpuset_parse(set, text);
	return there;
}

/* Without a CPU for each lcore they share: false, and nothing more is to be said. */
static bool
look_at_cpus(struct pst_doctor *d)
{
	struct pst_cpuset online;
	char list[LIST];

	if (!read_cpus(d, &online, "online"))
		return false;
	if (list_of(d, d->config.lcores, d->config.n_lcores, is_none_of, &online, list) == 0) {
		pst_doctor_find(d, PST_DOCTOR_OK, "CPUs", "each of %u lcores has its own",
			d->config.n_lcores);
		return true;
	}
	pst_doctor_find(d, PST_DOCTOR_WARNING, "CPUs",
		"lcores share CPUs, and sleep: there is no CPU %s", list);
	pst_doctor_advise(d, "set \"lcores\" to CPUs that are there");
	return false;
}

/* Only these poll for packets: what runs beside them on their CPUs delays every packet. */
static void
look_at_isolation(struct pst_doctor *d, const char *name, const char *check, const char *means,
	const char *option)
{
	const struct pst_doctor_config *c = &d->config;
	struct pst_cpuset set;
	char list[LIST];

	read_cpus(d, &set, name);
	if (list_of(d, c->workers, c->n_workers, is_none_of, &set, list) == 0) {
		pst_doctor_find(d, PST_DOCTOR_OK, check, "the workers' CPUs have no %s", means);
		return;
	}
	pst_doctor_find(d, PST_DOCTOR_WARNING, check, "CPUs of workers have %s: %s", means, list);
	pst_doctor_advise(d, "add %s%s to the kernel's command line", option, list);
}

static bool
is_slow(const struct pst_doctor *d, uint32_t cpu, const void *arg)
{
	char governor[32];

	(void)arg;
	return pst_machine_read(d->root, governor, sizeof(governor),
		       CPU "/cpu%u/cpufreq/scaling_governor", cpu) &&
	       strcmp(governor, "performance") != 0;
}

static void
look_at_governors(struct pst_doctor *d)
{
	char list[LIST];

	if (list_of(d, d->config.lcores, d->config.n_lcores, is_slow, NULL, list) == 0) {
		pst_doctor_find(
			d, PST_DOCTOR_OK, "clock", "no governor slows the lcores' CPUs down");
		return;
	}
	pst_doctor_find(d, PST_DOCTOR_WARNING, "clock",
		"the clock of CPUs goes down when it should not: %s", list);
	pst_doctor_advise(d, "postern --prepare");
	pst_doctor_advise(d, "cpupower -c %s frequency-set -g performance", list);
}

/* Does a CPU share its core with another lcore's? */
static bool
has_sibling(const struct pst_doctor *d, uint32_t cpu, const void *arg)
{
	char text[PST_MACHINE_LINE];
	struct pst_cpuset set;

	(void)arg;
	pst_machine_read(
		d->root, text, sizeof(text), CPU "/cpu%u/topology/thread_siblings_list", cpu);
	pst_cpuset_parse(&set, text);
	for (uint32_t i = 0; i < d->config.n_lcores; i++) {
		if (d->config.lcores[i] != cpu && pst_cpuset_has(&set, d->config.lcores[i]))
			return true;
	}
	return false;
}

static void
look_at_siblings(struct pst_doctor *d)
{
	const struct pst_doctor_config *c = &d->config;
	char list[LIST];

	if (list_of(d, c->workers, c->n_workers, has_sibling, NULL, list) == 0) {
		pst_doctor_find(d, PST_DOCTOR_OK, "cores", "each worker has a core of its own");
		return;
	}
	pst_doctor_find(d, PST_DOCTOR_WARNING, "cores",
		"workers share their core with another lcore: CPUs %s", list);
	pst_doctor_advise(d, "lscpu --extended=CPU,CORE,NODE");
}

void
pst_doctor_cpus(struct pst_doctor *d)
{
	if (!look_at_cpus(d))
		return;
	look_at_siblings(d);
	look_at_isolation(
		d, "isolated", "isolation", "other tasks", "isolcpus=managed_irq,domain,");
	look_at_isolation(d, "nohz_full", "ticks", "a timer's ticks", "nohz_full=");
	look_at_governors(d);
}
