/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-count: a known number of packets, connections or binds, for a profiler to count what
 * they cost; and the packets that came to another worker than their owner.
 *
 * It times nothing. Under callgrind, --toggle-collect=pst_stepped_measured counts what workers
 * do, --toggle-collect=pst_count_bind what BindForClient does, on both lcores. tools/profile
 * runs it so.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "base/lcore.h"
#include "noter.h"
#include "stepped.h"

#define EXIT_USAGE 2
#define SERVER_PORT 4433
#define CLIENT 0x0a000000 /* the client of flow 0 */
#define FLOWS 1024
#define ROUNDS 4

static const char usage[] =
	"usage: postern-count MODE [OPTION...]\n"
	"\n"
	"forward-udp, forward-tcp  packets of established connections, both ways\n"
	"setup-udp, setup-tcp      connections that begin, each with a bind of its own\n"
	"bind                      BindForClient, one UDP port a call\n"
	"\n"
	"  --workers N   stepped in one thread (1)\n"
	"  --flows N     of each worker, a power of two (1024)\n"
	"  --rounds N    forward: packets of each flow each way; bind: calls / 64 (4)\n"
	"  --block N     clients get ports in blocks of N (0: one by one)\n"
	"  --any-queue   the NIC knows nothing of workers\n"
	"  --huge        in hugepages, for who takes the time\n";

struct options {
	const char *mode;
	uint32_t workers, flows, rounds, block;
	bool any_queue, huge;
};

/* A profiler is told to count from the call of this function to its return. */
int pst_count_bind(const struct pst_bind_for_client *args);

__rte_noinline int
pst_count_bind(const struct pst_bind_for_client *args)
{
	return pst_bind_for_client(pst_noter_session(), args);
}

/* Each call alone: its endpoint is gone before the next. */
static int
bind_once(struct pst_stepped *s)
{
	struct pst_endpoint client = { CLIENT, 2000 }, proxy = { 0, PST_PORT_ANY };
	struct pst_connection *handle;
	const struct pst_bind_for_client args = { .client_addresses = &client,
		.client_address_len = sizeof(client),
		.proxy_address = &proxy,
		.proxy_address_len = sizeof(proxy),
		.protocol = PST_UDP,
		.n = 1,
		.protocol_id = pst_noter_protocol,
		.connections = &handle };
	int ret;

	pst_lcore_set_role(PST_ROLE_EDITOR, 0);
	ret = pst_count_bind(&args);
	if (ret == 0)
		pst_connection_kill(handle);
	pst_stepped_settle(s);
	return ret;
}

/* Modes. Each returns how many of what it is about were measured, or a negative errno. */

static int64_t
bind_ports(struct pst_stepped *s, const struct options *o)
{
	uint32_t calls = o->rounds * 64;

	pst_stepped_open(s);
	if (pst_noter_session() == NULL)
		return -ENOENT;
	for (uint32_t i = 0; i <= calls; i++) { /* one more: the first one finds nothing cached */
		int ret = bind_once(s);

		if (ret < 0)
			return ret;
	}
	return calls + 1;
}

static int64_t
set_up(struct pst_stepped *s, const struct options *o)
{
	pst_stepped_measure(s);
	pst_stepped_open(s);
	return (int64_t)o->workers * o->flows;
}

static int64_t
forward(struct pst_stepped *s, const struct options *o)
{
	pst_stepped_open(s);
	pst_stepped_forward(s);
	pst_stepped_measure(s);
	for (uint32_t i = 0; i < o->rounds; i++)
		pst_stepped_forward(s);
	return (int64_t)o->workers * o->flows * o->rounds * 2;
}

static const struct mode {
	const char *name;
	bool tcp;
	int64_t (*run)(struct pst_stepped *s, const struct options *o);
} modes[] = {
	{ "forward-udp", false, forward },
	{ "forward-tcp", true, forward },
	{ "setup-udp", false, set_up },
	{ "setup-tcp", true, set_up },
	{ "bind", true, bind_ports },
};

static const struct mode *
find_mode(const char *name)
{
	for (size_t i = 0; i < RTE_DIM(modes); i++) {
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	}
	return NULL;
}

/* The command line. */

static bool
read_number(const char *text, uint32_t least, uint32_t most, uint32_t *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*number = value;
	return *text >= '0' && *text <= '9' && *end == '\0' && value >= least && value <= most;
}

static bool
read_option(struct options *o, int option)
{
	switch (option) {
	case 'w':
		return read_number(optarg, 1, PST_STEPPED_WORKERS_MAX, &o->workers);
	case 'f':
		return read_number(optarg, 1, 1u << 20, &o->flows) && rte_is_power_of_2(o->flows);
	case 'r':
		return read_number(optarg, 1, 1000000, &o->rounds);
	case 'b':
		return read_number(optarg, 0, 1024, &o->block);
	case 'q':
		o->any_queue = true;
		return true;
	case 'h':
		o->huge = true;
		return true;
	default:
		return false;
	}
}

static bool
read_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "workers", required_argument, NULL, 'w' },
		{ "flows", required_argument, NULL, 'f' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "block", required_argument, NULL, 'b' },
		{ "any-queue", no_argument, NULL, 'q' },
		{ "huge", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	*o = (struct options){ .workers = 1, .flows = FLOWS, .rounds = ROUNDS };
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (!read_option(o, option))
			return false;
	}
	if (optind != argc - 1)
		return false;
	o->mode = argv[optind];
	return find_mode(o->mode) != NULL;
}

/* The run. */

/* One lcore that may run on any CPU there is: nothing here is timed. */
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
	if (at < size)
		snprintf(map + at, size - at, ")");
}

static int
start(const char *program, const struct options *o)
{
	/* tables, and mbufs for a packet of each flow each way, twice: in rings, and on the way */
	uint32_t megabytes = 256 * o->workers + o->workers * o->flows / 256;
	char map[1024], mb[16];
	char *argv[] = { (char *)(uintptr_t)program, "-m", mb, "--no-pci", "--no-telemetry",
		"--log-level=error", "--lcores", map, o->huge ? "--in-memory" : "--no-huge",
		"--no-shconf", NULL };

	snprintf(mb, sizeof(mb), "%u", megabytes);
	any_cpu(map, sizeof(map));
	return rte_eal_init(RTE_DIM(argv) - 1, argv) < 0 ? -rte_errno : 0;
}

static int
count(const struct options *o)
{
	const struct mode *mode = find_mode(o->mode);
	bool is_bind = mode->run == bind_ports;
	const struct pst_stepped_params params = { .workers = o->workers,
		.flows = is_bind ? 1 : o->workers * o->flows,
		.port_block = o->block,
		.tcp = mode->tcp,
		.any_queue = o->any_queue,
		.server_port = is_bind ? PST_NOTER_PORT : SERVER_PORT,
		.editors = is_bind ? pst_noter_editors : NULL };
	struct pst_stepped *s = pst_stepped_create(&params);
	struct pst_stepped_result r;
	int64_t n;

	if (s == NULL)
		return -rte_errno;
	n = mode->run(s, o);
	r = pst_stepped_result(s);
	pst_stepped_destroy(s);
	if (n < 0)
		return n;
	printf("{\"mode\": \"%s\", \"workers\": %u, \"measured\": %" PRId64
	       ", \"packets\": %" PRIu64 ", \"handed_over\": %" PRIu64 ", \"wrong\": %" PRIu64
	       "}\n",
		o->mode, o->workers, n, r.packets, r.handed_over, r.wrong);
	return r.wrong == 0 ? 0 : -EBADMSG;
}

int
main(int argc, char **argv)
{
	struct options o;
	int ret;

	if (!read_options(&o, argc, argv)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	ret = start(argv[0], &o);
	if (ret == 0)
		ret = count(&o);
	if (ret < 0)
		fprintf(stderr, "postern-count: %s: %s\n", o.mode, strerror(-ret));
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
