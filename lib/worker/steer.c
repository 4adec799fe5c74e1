/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ethdev.h>

#include "base/lcore.h"

/*
 * Bits of the RSS input of IPv4 TCP and UDP, the first on the wire is 0:
 * source, destination, source port, destination port.
 */
#define SRC_END 32
#define DST_PORT_BIT 80
#define HASH_BITS 32

#define PORTED (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)
#define PORTLESS (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER)

int
pst_steer_init(struct pst_steer *steer, uint32_t n_workers)
{
	if (n_workers == 0 || n_workers > PST_WORKERS_MAX)
		return -EINVAL;
	*steer = (struct pst_steer){ .n_workers = n_workers };
	for (uint32_t i = 0; i < PST_STEER_SLOTS; i++)
		steer->in_slot[i] = i % n_workers;
	for (uint32_t i = 1; i < PST_STEER_SLOTS; i++)
		steer->out_slot[i] = (i - 1) * n_workers / (PST_STEER_SLOTS - 1);
	return 0;
}

uint64_t
pst_steer_runs(const struct pst_steer *steer, uint32_t worker)
{
	uint64_t runs = 0;

	for (uint32_t i = 0; i < PST_STEER_SLOTS; i++)
		runs |= (uint64_t)(steer->out_slot[i] == worker) << i;
	return runs;
}

static bool
is_reta_size(uint32_t size)
{
	return size >= PST_STEER_SLOTS && size <= PST_STEER_RETA_MAX && rte_is_power_of_2(size);
}

/*
 * Input bit i makes bit i + 31 - b of the hash, where b is the only bit of
 * the key: so b says which input bit becomes bit 0, the next one bit 1.
 */
int
pst_steer_rss_key(enum pst_steer_zone zone, uint32_t reta_size, uint8_t *key, uint32_t key_len)
{
	uint32_t bit = DST_PORT_BIT;

	if (!is_reta_size(reta_size) || key_len < PST_STEER_KEY_MIN)
		return -EINVAL;
	if (zone == PST_STEER_INSIDE)
		bit = SRC_END - rte_log2_u32(reta_size);
	bit += HASH_BITS - 1;
	memset(key, 0, key_len);
	key[bit / 8] = 0x80 >> (bit % 8);
	return 0;
}

static uint32_t
reverse(uint32_t value, uint32_t n_bits)
{
	uint32_t out = 0;

	for (uint32_t i = 0; i < n_bits; i++)
		out |= (value >> i & 1) << (n_bits - 1 - i);
	return out;
}

int
pst_steer_fill_reta(const struct pst_steer *steer, enum pst_steer_zone zone, const uint16_t *queues,
	uint16_t *reta, uint32_t reta_size)
{
	if (!is_reta_size(reta_size))
		return -EINVAL;
	for (uint32_t i = 0; i < reta_size; i++) {
		uint32_t copied = reverse(i, rte_log2_u32(reta_size)), worker;

		if (zone == PST_STEER_INSIDE)
			worker = steer->in_slot[copied % PST_STEER_SLOTS];
		else
			worker = pst_steer_outside(steer, copied * (65536 / reta_size));
		reta[i] = queues != NULL ? queues[worker] : worker;
	}
	return 0;
}

/* Programming a port. */

struct reason {
	char *text;
	size_t size;
};

static int fail(const struct reason *why, int ret, const char *fmt, ...) __rte_format_printf(3, 4);

static int
fail(const struct reason *why, int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, why->size, fmt, ap);
	va_end(ap);
	return ret;
}

/* A driver that does not say takes the classic length. */
static uint32_t
key_size(const struct rte_eth_dev_info *info)
{
	return info->hash_key_size != 0 ? info->hash_key_size : PST_STEER_KEY_MIN;
}

static int
check_device(const struct rte_eth_dev_info *info, const struct pst_steer *steer, uint16_t nb_queues,
	const struct reason *why)
{
	if (nb_queues < steer->n_workers)
		return fail(
			why, -EINVAL, "%u rx queues for %u workers", nb_queues, steer->n_workers);
	if ((info->flow_type_rss_offloads & PORTED) != PORTED)
		return fail(
			why, -ENOTSUP, "%s does not hash TCP and UDP over IPv4", info->driver_name);
	if (key_size(info) < PST_STEER_KEY_MIN || key_size(info) > PST_STEER_KEY_MAX)
		return fail(why, -ENOTSUP, "%s has an RSS key of %u bytes", info->driver_name,
			info->hash_key_size);
	if (!is_reta_size(info->reta_size))
		return fail(why, -ENOTSUP, "%s has an RSS table of %u entries", info->driver_name,
			info->reta_size);
	return 0;
}

static int
write_key(uint16_t port_id, enum pst_steer_zone zone, const struct rte_eth_dev_info *info)
{
	uint8_t key[PST_STEER_KEY_MAX];
	struct rte_eth_rss_conf conf = {
		.rss_key = key,
		.rss_key_len = key_size(info),
		.rss_hf = PORTED,
	};
	int ret;

	/* the source address is there without ports, too; the destination port is not */
	if (zone == PST_STEER_INSIDE)
		conf.rss_hf |= PORTLESS & info->flow_type_rss_offloads;
	ret = pst_steer_rss_key(zone, info->reta_size, key, key_size(info));
	return ret < 0 ? ret : rte_eth_dev_rss_hash_update(port_id, &conf);
}

static int
write_reta(uint16_t port_id, enum pst_steer_zone zone, const struct pst_steer *steer,
	uint16_t reta_size)
{
	struct rte_eth_rss_reta_entry64 conf[PST_STEER_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE];
	uint16_t reta[PST_STEER_RETA_MAX];
	int ret;

	ret = pst_steer_fill_reta(steer, zone, NULL, reta, reta_size);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < reta_size; i++) {
		conf[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		conf[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = reta[i];
	}
	return rte_eth_dev_rss_reta_update(port_id, conf, reta_size);
}

int
pst_steer_program_rss(uint16_t port_id, enum pst_steer_zone zone, const struct pst_steer *steer,
	uint16_t nb_queues, char *why, size_t size)
{
	struct reason reason = { why, size };
	struct rte_eth_dev_info info;
	int ret;

	ret = rte_eth_dev_info_get(port_id, &info);
	if (ret < 0)
		return fail(&reason, ret, "port %u: %s", port_id, rte_strerror(-ret));
	ret = check_device(&info, steer, nb_queues, &reason);
	if (ret < 0)
		return ret;
	ret = write_key(port_id, zone, &info);
	if (ret < 0)
		return fail(&reason, ret, "%s refuses the RSS key: %s", info.driver_name,
			rte_strerror(-ret));
	ret = write_reta(port_id, zone, steer, info.reta_size);
	if (ret < 0)
		return fail(&reason, ret, "%s refuses the RSS table: %s", info.driver_name,
			rte_strerror(-ret));
	return 0;
}

int
pst_steer_update_rss(uint16_t port_id, const struct pst_steer *steer)
{
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(port_id, &info);

	return ret < 0 ? ret : write_reta(port_id, PST_STEER_OUTSIDE, steer, info.reta_size);
}

enum pst_rss_verdict
pst_rss_check_verdict(const struct pst_rss_check *check)
{
	if (check->missteered > 0)
		return PST_RSS_FALLBACK;
	return check->received >= PST_RSS_CHECK_PACKETS ? PST_RSS_EXACT : PST_RSS_PROGRAMMED;
}

void
pst_rss_check_print(const struct pst_rss_check *check, char *text, size_t size)
{
	switch (pst_rss_check_verdict(check)) {
	case PST_RSS_EXACT:
		snprintf(text, size, "exact");
		break;
	case PST_RSS_FALLBACK:
		snprintf(text, size,
			"fallback: %" PRIu64 " of %" PRIu64 " packets came to another worker",
			check->missteered, check->received);
		break;
	default:
		snprintf(text, size, "programmed: %" PRIu64 " packets seen", check->received);
	}
}
