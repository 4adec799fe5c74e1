/* SPDX-License-Identifier: BSD-3-Clause */
#include "params.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#define WINDOW_LEAST 2048 /* packets */
#define FLOWS_MAX (1u << 24)
#define PER_CLIENT_MAX (1u << 15) /* ports of a client start at 1024 */

static int
refuse(const char *name, const char *text, const char *want)
{
	fprintf(stderr, "traffic: %s=%s: want %s\n", name, text, want);
	return -EINVAL;
}

static int
read_number(const char *name, uint32_t min, uint32_t max, uint32_t *value)
{
	const char *text = getenv(name);
	unsigned long number;
	char want[64], *end;

	if (text == NULL)
		return 0;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < min || number > max) {
		snprintf(want, sizeof(want), "a number from %u to %u", min, max);
		return refuse(name, text, want);
	}
	*value = number;
	return 0;
}

static int
read_address(const char *name, uint32_t *value)
{
	const char *text = getenv(name);
	struct in_addr addr;

	if (text == NULL)
		return 0;
	if (inet_pton(AF_INET, text, &addr) != 1)
		return refuse(name, text, "an IPv4 address");
	*value = ntohl(addr.s_addr);
	return 0;
}

static int
read_mode(enum pst_traffic_mode *mode)
{
	const char *text = getenv("PST_TRAFFIC_MODE");

	if (text == NULL || strcmp(text, "forward") == 0)
		*mode = PST_TRAFFIC_FORWARD;
	else if (strcmp(text, "setup") == 0)
		*mode = PST_TRAFFIC_SETUP;
	else
		return refuse("PST_TRAFFIC_MODE", text, "forward or setup");
	return 0;
}

static int
read_transport(bool *tcp)
{
	const char *text = getenv("PST_TRAFFIC_TRANSPORT");

	*tcp = text != NULL && strcmp(text, "tcp") == 0;
	if (text == NULL || *tcp || strcmp(text, "udp") == 0)
		return 0;
	return refuse("PST_TRAFFIC_TRANSPORT", text, "udp or tcp");
}

/* One size, or the usual mix: 64, 594 and 1,518 bytes on the wire. */
static int
read_sizes(struct pst_plan *plan)
{
	const char *text = getenv("PST_TRAFFIC_SIZE");
	uint32_t size = PST_FRAME_MIN;
	int ret;

	if (text != NULL && strcmp(text, "imix") == 0) {
		plan->n_sizes = 3;
		plan->sizes[0] = PST_FRAME_MIN;
		plan->sizes[1] = 590;
		plan->sizes[2] = PST_FRAME_MAX;
		return 0;
	}
	ret = read_number("PST_TRAFFIC_SIZE", PST_FRAME_MIN, PST_FRAME_MAX, &size);
	plan->n_sizes = 1;
	plan->sizes[0] = size;
	return ret;
}

static int
read_vlan(struct pst_plan *plan)
{
	const char *text = getenv("PST_TRAFFIC_VLAN");

	plan->tagged[0] = text != NULL && strcmp(text, "inside") == 0;
	plan->tagged[1] = text != NULL && strcmp(text, "outside") == 0;
	if (text == NULL || plan->tagged[0] || plan->tagged[1] || strcmp(text, "none") == 0)
		return 0;
	return refuse("PST_TRAFFIC_VLAN", text, "none, inside or outside");
}

static int
read_plan(struct pst_plan *plan, uint32_t least)
{
	uint32_t per_client = 256, swapped = 0, bridged = 0, port = 4000;
	int ret = 0;

	plan->flows = RTE_MAX(1024u, least);
	plan->servers = 1;
	plan->client_net = pst_ipv4(10, 0, 1, 0);
	plan->server_net = pst_ipv4(203, 0, 113, 1);
	ret |= read_number("PST_TRAFFIC_FLOWS", least, FLOWS_MAX, &plan->flows);
	ret |= read_number("PST_TRAFFIC_PER_CLIENT", 1, PER_CLIENT_MAX, &per_client);
	ret |= read_number("PST_TRAFFIC_SERVERS", 1, 1 << 16, &plan->servers);
	ret |= read_number("PST_TRAFFIC_PORT", 1, UINT16_MAX, &port);
	ret |= read_sizes(plan);
	ret |= read_vlan(plan);
	ret |= read_number("PST_TRAFFIC_SWAPPED", 0, 1, &swapped);
	ret |= read_number("PST_TRAFFIC_BRIDGED", 0, 1, &bridged);
	ret |= read_address("PST_TRAFFIC_CLIENT_NET", &plan->client_net);
	ret |= read_address("PST_TRAFFIC_SERVER_NET", &plan->server_net);
	plan->flows = rte_align32pow2(plan->flows);
	plan->bits = rte_log2_u32(plan->flows);
	plan->per_client_bits = rte_log2_u32(per_client);
	plan->servers = rte_align32pow2(plan->servers);
	plan->server_port = port;
	plan->swapped = swapped;
	plan->bridged = bridged;
	return ret;
}

/* Connections end by the second: a window has a few whole ones. */
static uint32_t
setup_window(const struct pst_traffic_params *params)
{
	uint32_t second = pst_steady_rate(params->plan.flows, params->tcp);

	second = RTE_MAX(second, 1u) * pst_steady_packets(params->tcp);
	return (WINDOW_LEAST + second - 1) / second * second;
}

int
pst_params_read(struct pst_traffic_params *params)
{
	bool is_setup;
	int ret;

	params->seconds = 2;
	params->report = getenv("PST_TRAFFIC_REPORT");
	ret = read_mode(&params->mode);
	ret |= read_transport(&params->tcp);
	is_setup = params->mode == PST_TRAFFIC_SETUP;
	ret |= read_plan(&params->plan, is_setup ? PST_STEADY_FLOWS_MIN : 1);
	params->window = is_setup ? setup_window(params) : 1 << 14;
	params->settle_ms = 10000 + params->plan.flows / 100;
	ret |= read_number("PST_TRAFFIC_SECONDS", 1, 3600, &params->seconds);
	ret |= read_number("PST_TRAFFIC_WINDOW", 64, 1 << 28, &params->window);
	ret |= read_number("PST_TRAFFIC_SETTLE_MS", 100, 600000, &params->settle_ms);
	return ret == 0 ? 0 : -EINVAL;
}
