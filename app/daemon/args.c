/* SPDX-License-Identifier: BSD-3-Clause */
#include "args.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS_MAX 256

static void
print_help(void)
{
	printf("usage: postern [-c FILE] [--check] [--prepare] [--whose WHAT] [--version] [--help]\n"
	       "               [-- EAL-ARGUMENT...]\n"
	       "\n"
	       "  -c FILE    the configuration, by default " PST_DEFAULT_CONFIG "\n"
	       "  --check    check the configuration and exit: 0 if it is good, else 2\n"
	       "  --prepare  reserve hugepages, raise the lcores' clock and bind the devices to\n"
	       "             vfio-pci, as the configuration needs it, and exit: 0 if all is there\n"
	       "  --whose WHAT\n"
	       "             with deterministic ports: whose ADDRESS:PORT is, or which ports the\n"
	       "             client ADDRESS has, by the configuration; and exit\n"
	       "  --version  print the version and exit\n"
	       "  --help     print this and exit\n"
	       "\n"
	       "What follows -- goes to DPDK's EAL and wins over what the configuration implies.\n");
}

int
pst_args_parse(struct pst_args *args, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "prepare", no_argument, NULL, 'p' },
		{ "whose", required_argument, NULL, 'w' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	*args = (struct pst_args){ .config = PST_DEFAULT_CONFIG };
	while ((opt = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			args->config = optarg;
			break;
		case 'k':
			args->check = true;
			break;
		case 'p':
			args->prepare = true;
			break;
		case 'w':
			args->whose = optarg;
			break;
		case 'V':
			printf("postern %s\n", PST_VERSION);
			return 1;
		case 'h':
			print_help();
			return 1;
		default:
			fprintf(stderr, "postern: see 'postern --help'\n");
			return 3;
		}
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
		fprintf(stderr, "postern: unexpected argument \"%s\"; see 'postern --help'\n",
			argv[optind]);
		return 3;
	}
	args->eal = argv + optind;
	args->n_eal = argc - optind;
	return 0;
}

/* CPUs. */

static uint32_t
usable_cpus(int *cpus)
{
	uint32_t n = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0) {
		cpus[0] = 0;
		return 1;
	}
	for (int c = 0; c < CPU_SETSIZE && n < CPUS_MAX; c++) {
		if (CPU_ISSET(c, &set))
			cpus[n++] = c;
	}
	return n;
}

static bool
has_cpu(const int *cpus, uint32_t n, uint32_t id)
{
	for (uint32_t i = 0; i < n; i++) {
		if (cpus[i] == (int)id)
			return true;
	}
	return false;
}

/* All lcores of the config: workers, editors, main last. */
static uint32_t
all_lcores(const struct pst_config *c, uint32_t *ids, uint32_t *weights)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->lcores.n_workers; i++, n++) {
		ids[n] = c->lcores.workers[i];
		weights[n] = 4;
	}
	for (uint32_t i = 0; i < c->lcores.n_editors; i++, n++) {
		ids[n] = c->lcores.editors[i];
		weights[n] = 2;
	}
	ids[n] = c->lcores.main;
	weights[n++] = 1;
	return n;
}

/* The CPU with the least on it, of equals the last: CPU 0 has the host's own work. */
static uint32_t
least_loaded(const uint32_t *loads, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++) {
		if (loads[i] <= loads[best])
			best = i;
	}
	return best;
}

bool
pst_lcore_map(const struct pst_config *config, const int *cpus, uint32_t n_cpus, char *map,
	size_t size)
{
	uint32_t ids[PST_WORKERS_MAX + PST_EDITORS_MAX + 1], weights[RTE_DIM(ids)];
	uint32_t loads[CPUS_MAX] = { 0 }, n = all_lcores(config, ids, weights);
	bool shared = false;
	size_t at = 0;

	for (uint32_t i = 0; i < n; i++)
		shared = shared || !has_cpu(cpus, n_cpus, ids[i]);
	map[0] = 0;
	for (uint32_t i = 0; i < n && at < size; i++) {
		uint32_t k = least_loaded(loads, n_cpus);
		int cpu = shared ? cpus[k] : (int)ids[i];

		loads[k] += weights[i];
		at += snprintf(
			map + at, size - at, "%s%u@%d", i > 0 ? "," : "", ids[i], cpu);
	}
	return shared;
}

/* The EAL's arguments. */

static void
add(struct pst_eal_args *out, const char *arg)
{
	if (out->argc < PST_EAL_ARGS_MAX)
		out->argv[out->argc++] = strdup(arg);
	out->argv[out->argc] = NULL;
}

/* Is it "--name", "--name=x", or for a short one "-n"? */
static bool
is_option(const char *arg, const char *name)
{
	size_t len = strlen(name);

	return strncmp(arg, name, len) == 0 &&
		(arg[len] == 0 || arg[len] == '=' || (len == 2 && name[0] == '-' && name[1] != '-'));
}

static bool
says(const struct pst_args *args, const char *name)
{
	for (int i = 0; i < args->n_eal; i++) {
		if (is_option(args->eal[i], name))
			return true;
	}
	return false;
}

static void
add_memory(struct pst_eal_args *out, const struct pst_args *args, const struct pst_config *config)
{
	char mb[16];

	if (!says(args, "-m") && !says(args, "--socket-mem")) {
		snprintf(mb, sizeof(mb), "%u", config->memory.megabytes);
		add(out, "-m");
		add(out, mb);
	}
	if (says(args, "--no-huge") || says(args, "--in-memory") || says(args, "--huge-dir"))
		return;
	if (config->memory.hugepages) {
		add(out, "--in-memory"); /* leaves no files behind */
	} else {
		add(out, "--no-huge");
		if (!says(args, "--no-shconf"))
			add(out, "--no-shconf");
	}
}

/* A vdev has letters before its first comma that a PCI address has not. */
static bool
is_vdev(const char *device)
{
	return strncmp(device, "net_", 4) == 0 || strncmp(device, "eth_", 4) == 0 ||
		strncmp(device, "virtio_user", 11) == 0;
}

static size_t
name_len(const char *device)
{
	return strcspn(device, ",");
}

static const char *
value_of(const struct pst_args *args, int i)
{
	const char *eq = strchr(args->eal[i], '=');

	if (eq != NULL)
		return eq + 1;
	return i + 1 < args->n_eal ? args->eal[i + 1] : "";
}

/* A device named in both places must be named alike. */
static int
check_device(const struct pst_args *args, const char *device, bool *given, char *error, size_t size)
{
	size_t len = name_len(device);

	*given = false;
	for (int i = 0; i < args->n_eal; i++) {
		const char *value = value_of(args, i);

		if (!is_option(args->eal[i], "--vdev") && !is_option(args->eal[i], "-a") &&
			!is_option(args->eal[i], "--allow"))
			continue;
		if (name_len(value) != len || strncmp(value, device, len) != 0)
			continue;
		if (strcmp(value, device) != 0) {
			snprintf(error, size,
				"the configuration's device \"%s\" and the command line's \"%s\" "
				"are one device, described in two ways",
				device, value);
			return -EINVAL;
		}
		*given = true;
	}
	return 0;
}

static bool
is_repeated(const struct pst_config *config, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++) {
		if (strcmp(config->ifaces[k].device, config->ifaces[i].device) == 0)
			return true;
	}
	return false;
}

static int
add_devices(struct pst_eal_args *out, const struct pst_args *args, const struct pst_config *config,
	char *error, size_t size)
{
	bool pci = false, given;

	for (uint32_t i = 0; i < config->n_ifaces; i++) {
		const char *device = config->ifaces[i].device;

		pci = pci || !is_vdev(device);
		if (is_repeated(config, i))
			continue;
		if (check_device(args, device, &given, error, size) < 0)
			return -EINVAL;
		if (given)
			continue;
		add(out, is_vdev(device) ? "--vdev" : "-a");
		add(out, device);
	}
	if (!pci && !says(args, "-a") && !says(args, "--allow") && !says(args, "--no-pci"))
		add(out, "--no-pci");
	return 0;
}

static void
add_lcores(struct pst_eal_args *out, const struct pst_args *args, const struct pst_config *config)
{
	char map[1024], main_lcore[16];
	int cpus[CPUS_MAX];
	uint32_t n = usable_cpus(cpus);

	out->shared_cpus = pst_lcore_map(config, cpus, n, map, sizeof(map));
	if (!says(args, "--lcores") && !says(args, "-l") && !says(args, "-c")) {
		add(out, "--lcores");
		add(out, map);
	}
	if (!says(args, "--main-lcore")) {
		snprintf(main_lcore, sizeof(main_lcore), "%u", config->lcores.main);
		add(out, "--main-lcore");
		add(out, main_lcore);
	}
}

int
pst_eal_args_make(struct pst_eal_args *out, const struct pst_args *args,
	const struct pst_config *config, char *error, size_t size)
{
	memset(out, 0, sizeof(*out));
	add(out, "postern");
	add_lcores(out, args, config);
	add_memory(out, args, config);
	if (add_devices(out, args, config, error, size) < 0) {
		pst_eal_args_fini(out);
		return -EINVAL;
	}
	for (int i = 0; i < args->n_eal; i++)
		add(out, args->eal[i]);
	if (out->argc == PST_EAL_ARGS_MAX) {
		snprintf(error, size, "too many arguments for the EAL");
		pst_eal_args_fini(out);
		return -EINVAL;
	}
	return 0;
}

void
pst_eal_args_fini(struct pst_eal_args *args)
{
	for (int i = 0; i < args->argc; i++)
		free(args->argv[i]);
	args->argc = 0;
}
