/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"
#include "steady.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIRE_OVERHEAD 4 /* the frame check sequence */
#define RUN_MB 1024
#define FLOWS_A_MB 2048 /* each takes less than half a kilobyte */
#define CONNECTIONS_A_MB 4096 /* room for each, a fourth */

static const char usage[] =
	"usage: postern-bench [options] [-- EAL arguments]\n"
	"\n"
	"Runs the appliance's worker on made-up traffic and times it.\n"
	"\n"
	"  --mode MODE         forward: established flows, both ways (default)\n"
	"                      setup: connections begin, and as many expire; one worker\n"
	"                      bind: round trips of BindForClient; the other options but\n"
	"                      --json and --load do not matter to it\n"
	"                      edit: the stream engine alone; --seconds and --json matter\n"
	"                      show: posternctl looks for connections while the worker\n"
	"                      forwards so many flows, for so many seconds, at its full rate\n"
	"  --transport NAME    udp (default), or tcp: established, or seven segments for each\n"
	"                      connection in mode setup\n"
	"  --flows N           flows; rounded up to a power of two (default 65536). Mode setup\n"
	"                      wants 16384 or more, and 61 of 64 have a connection at a time\n"
	"  --connections N     what the tables have room for, of all workers (default twice\n"
	"                      the flows, and 2097152 at least)\n"
	"  --packet-size N     bytes on the wire, 64 to 1518 (default 64), or imix: 64, 594 and\n"
	"                      1518 mixed, 7 to 4 to 1\n"
	"  --vlan SIDE         inside or outside: frames of that side have an 802.1Q tag\n"
	"  --workers N         worker lcores (default 1)\n"
	"  --filters N         packet filters, none of which matches, 0 to 16384 (default 0)\n"
	"  --rules N           rules, of which the last allows all, 0 to 1024 (default 0)\n"
	"  --seconds N         how long to measure (default 2)\n"
	"  --load              mode bind: while the worker forwards so many flows, for so many\n"
	"                      seconds, at its full rate\n"
	"  --json              one JSON document instead of a table\n"
	"  --help\n"
	"\n"
	"The exit status is 1 when a packet was lost or came out wrong.\n";

enum option_id {
	OPT_MODE = 256, /* no letter */
	OPT_TRANSPORT,
	OPT_FLOWS,
	OPT_CONNECTIONS,
	OPT_SIZE,
	OPT_VLAN,
	OPT_WORKERS,
	OPT_FILTERS,
	OPT_RULES,
	OPT_SECONDS,
	OPT_LOAD,
	OPT_JSON,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "transport", required_argument, NULL, OPT_TRANSPORT },
	{ "flows", required_argument, NULL, OPT_FLOWS },
	{ "connections", required_argument, NULL, OPT_CONNECTIONS },
	{ "packet-size", required_argument, NULL, OPT_SIZE },
	{ "vlan", required_argument, NULL, OPT_VLAN },
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "filters", required_argument, NULL, OPT_FILTERS },
	{ "rules", required_argument, NULL, OPT_RULES },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "load", no_argument, NULL, OPT_LOAD },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

static int
refuse(const char *name, const char *why)
{
	fprintf(stderr, "postern-bench: %s: %s\n", name, why);
	return -EINVAL;
}

static int
read_number(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	unsigned long number;
	char why[64], *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < min || number > max) {
		snprintf(why, sizeof(why), "want a number from %u to %u", min, max);
		return refuse(name, why);
	}
	*value = number;
	return 0;
}

static int
read_mode(struct pst_bench_options *options, const char *text)
{
	options->mode = text;
	if (strcmp(text, "forward") == 0 || strcmp(text, "setup") == 0 ||
		strcmp(text, "bind") == 0 || strcmp(text, "edit") == 0 ||
		strcmp(text, "show") == 0)
		return 0;
	return refuse(text, "no such mode: use forward, setup, bind, edit or show");
}

static int
read_transport(struct pst_bench_options *options, const char *text)
{
	options->transport = text;
	if (strcmp(text, "udp") == 0 || strcmp(text, "tcp") == 0)
		return 0;
	return refuse(text, "no such transport: use udp or tcp");
}

static int
read_size(struct pst_bench_options *options, const char *text)
{
	options->packet_size = 0;
	if (strcmp(text, "imix") == 0)
		return 0;
	return read_number("--packet-size", text, 64, 1518, &options->packet_size);
}

static int
read_vlan(struct pst_bench_options *options, const char *text)
{
	options->vlan = text;
	if (strcmp(text, "none") == 0 || strcmp(text, "inside") == 0 ||
		strcmp(text, "outside") == 0)
		return 0;
	return refuse(text, "no such side: use inside, outside or none");
}

static int
read_option(struct pst_bench_options *options, int id, const char *text)
{
	switch (id) {
	case OPT_MODE:
		return read_mode(options, text);
	case OPT_TRANSPORT:
		return read_transport(options, text);
	case OPT_FLOWS:
		return read_number("--flows", text, 1, 1 << 24, &options->flows);
	case OPT_CONNECTIONS:
		return read_number("--connections", text, 1, 1 << 26, &options->connections);
	case OPT_SIZE:
		return read_size(options, text);
	case OPT_VLAN:
		return read_vlan(options, text);
	case OPT_WORKERS:
		return read_number("--workers", text, 1, 16, &options->workers);
	case OPT_FILTERS:
		return read_number("--filters", text, 0, 16384, &options->filters);
	case OPT_RULES:
		return read_number("--rules", text, 0, 1024, &options->rules);
	case OPT_SECONDS:
		return read_number("--seconds", text, 1, 3600, &options->seconds);
	case OPT_LOAD:
		options->load = true;
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	default: /* getopt has said why */
		return -EINVAL;
	}
}

/* What modes cannot do. */
static int
check_mode(const struct pst_bench_options *options)
{
	if (strcmp(options->mode, "show") == 0 && options->workers != 1)
		return refuse("--workers", "mode show is for one");
	if (strcmp(options->mode, "setup") != 0)
		return 0;
	if (options->workers != 1)
		return refuse("--workers", "mode setup is for one");
	if (options->flows < PST_STEADY_FLOWS_MIN)
		return refuse("--flows", "too few for mode setup");
	return 0;
}

int
pst_bench_options_read(struct pst_bench_options *options, int argc, char **argv)
{
	int id;

	*options = (struct pst_bench_options){
		.mode = "forward",
		.transport = "udp",
		.flows = 65536,
		.packet_size = 64,
		.vlan = "none",
		.workers = 1,
		.seconds = 2,
	};
	while ((id = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
		if (id == OPT_HELP || id == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (read_option(options, id, optarg) != 0)
			return 3;
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
		refuse(argv[optind], "not an option; EAL arguments go behind --");
		return 3;
	}
	if (options->load && strcmp(options->mode, "bind") != 0) {
		refuse("--load", "mode bind alone has it");
		return 3;
	}
	if (check_mode(options) != 0)
		return 3;
	options->eal = argv + optind;
	options->n_eal = argc - optind;
	return 0;
}

static int
export_number(const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return setenv(name, text, 1);
}

static int
export_size(uint32_t packet_size)
{
	if (packet_size == 0)
		return setenv("PST_TRAFFIC_SIZE", "imix", 1);
	return export_number("PST_TRAFFIC_SIZE", packet_size - WIRE_OVERHEAD);
}

int
pst_bench_options_export(const struct pst_bench_options *options, const char *report)
{
	bool forwards = options->load || strcmp(options->mode, "show") == 0;
	const char *mode = forwards ? "forward" : options->mode;

	if (setenv("PST_TRAFFIC_MODE", mode, 1) != 0 ||
		setenv("PST_TRAFFIC_TRANSPORT", options->transport, 1) != 0 ||
		export_number("PST_TRAFFIC_FLOWS", options->flows) != 0 ||
		export_size(options->packet_size) != 0 ||
		setenv("PST_TRAFFIC_VLAN", options->vlan, 1) != 0 ||
		export_number("PST_TRAFFIC_SECONDS", options->seconds) != 0 ||
		setenv("PST_TRAFFIC_REPORT", report, 1) != 0)
		return -errno;
	return 0;
}

int
pst_bench_eal_add(struct pst_bench_eal *eal, const char *format, ...)
{
	va_list args;
	int ret;

	if (eal->argc == PST_BENCH_EAL_MAX)
		return -E2BIG;
	va_start(args, format);
	ret = vasprintf(&eal->argv[eal->argc], format, args);
	va_end(args);
	if (ret < 0) {
		eal->argv[eal->argc] = NULL;
		return -ENOMEM;
	}
	eal->argc++;
	return 0;
}

/* True when the user gave one of the options, as a word or with =value. */
static bool
is_given(const struct pst_bench_options *options, const char *const *names)
{
	for (; *names != NULL; names++)
		for (int i = 0; i < options->n_eal; i++) {
			size_t len = strlen(*names);

			if (strncmp(options->eal[i], *names, len) == 0 &&
				(options->eal[i][len] == '\0' || options->eal[i][len] == '='))
				return true;
		}
	return false;
}

/* Lcore 0 on the first CPU we may use, the workers on the last ones. */
static int
add_lcores(struct pst_bench_eal *eal, uint32_t workers)
{
	int cpus[CPU_SETSIZE], n = 0, ret;
	char map[512];
	size_t used;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -errno;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[n++] = cpu;
	used = snprintf(map, sizeof(map), "0@%d", cpus[0]);
	for (uint32_t w = 0; w < workers; w++)
		used += snprintf(map + used, sizeof(map) - used, ",%u@%d", w + 1,
			cpus[n - 1 - w % n]);
	ret = pst_bench_eal_add(eal, "--lcores");
	return ret != 0 ? ret : pst_bench_eal_add(eal, "%s", map);
}

static uint32_t
free_huge_mb(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	uint32_t pages = 0;

	if (file == NULL || access("/dev/hugepages", W_OK) != 0 ||
		fscanf(file, "%" SCNu32, &pages) != 1)
		pages = 0;
	if (file != NULL)
		fclose(file);
	return pages * 2;
}

int
pst_bench_eal_add_memory(struct pst_bench_eal *eal, uint32_t wanted)
{
	uint32_t free_mb = free_huge_mb();
	int ret;

	if (free_mb >= wanted)
		return pst_bench_eal_add(eal, "--in-memory");
	fprintf(stderr,
		"postern-bench: %u MB of free hugepages, %u wanted: using small pages\n",
		free_mb, wanted);
	ret = pst_bench_eal_add(eal, "--no-huge");
	if (ret == 0)
		ret = pst_bench_eal_add(eal, "--no-shconf");
	if (ret == 0)
		ret = pst_bench_eal_add(eal, "-m");
	return ret != 0 ? ret : pst_bench_eal_add(eal, "%u", wanted);
}

/* The traffic maker sets each frame's length itself. */
static int
add_devices(struct pst_bench_eal *eal)
{
	for (int port = 0; port < 2; port++) {
		int ret = pst_bench_eal_add(eal, "--vdev=net_null%d,size=60,copy=0", port);

		if (ret != 0)
			return ret;
	}
	return 0;
}

/* The traffic maker lies beside the program. */
static int
add_traffic(struct pst_bench_eal *eal)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int ret;

	if (len < 0)
		return -errno;
	self[len] = '\0';
	ret = pst_bench_eal_add(eal, "-d");
	return ret != 0 ? ret : pst_bench_eal_add(eal, "%s/libpst_traffic.so", dirname(self));
}

static int
add_defaults(struct pst_bench_eal *eal, const struct pst_bench_options *options)
{
	static const char *const lcores[] = { "--lcores", "-l", "-c", NULL };
	static const char *const memory[] = { "--in-memory", "--no-huge", "-m", "--socket-mem", NULL };
	static const char *const devices[] = { "--vdev", NULL };
	static const char *const traffic[] = { "-d", NULL };
	static const char *const pci[] = { "--no-pci", NULL };
	int ret = 0;

	if (!is_given(options, lcores))
		ret = add_lcores(eal, options->workers);
	if (ret == 0 && !is_given(options, memory))
		ret = pst_bench_eal_add_memory(eal, RUN_MB + options->flows / FLOWS_A_MB +
							options->connections / CONNECTIONS_A_MB);
	if (ret == 0 && !is_given(options, pci))
		ret = pst_bench_eal_add(eal, "--no-pci");
	if (ret == 0 && !is_given(options, devices))
		ret = add_devices(eal);
	if (ret == 0 && !is_given(options, traffic))
		ret = add_traffic(eal);
	return ret;
}

int
pst_bench_eal_make(struct pst_bench_eal *eal, const struct pst_bench_options *options,
	const char *program)
{
	int ret;

	memset(eal, 0, sizeof(*eal));
	ret = pst_bench_eal_add(eal, "%s", program);
	if (ret == 0)
		ret = add_defaults(eal, options);
	for (int i = 0; ret == 0 && i < options->n_eal; i++)
		ret = pst_bench_eal_add(eal, "%s", options->eal[i]);
	if (ret != 0)
		pst_bench_eal_fini(eal);
	return ret;
}

void
pst_bench_eal_fini(struct pst_bench_eal *eal)
{
	for (int i = 0; i < eal->argc; i++)
		free(eal->argv[i]);
	memset(eal, 0, sizeof(*eal));
}
