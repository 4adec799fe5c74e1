/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-classify-bench: packet filters against DPDK's rte_acl.
 *
 * Both are given the same list, and packets half of which have an end or a port of some filter;
 * each packet is asked about by itself, as when a connection begins. Their answers must agree.
 * The two take turns in windows on the same packets; disturbed windows are left out. rte_acl has
 * one range a field in a rule, so a filter with lists is as many rules as there are combinations.
 *
 * Arguments: those of the EAL, then "--" and the lengths of lists.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_acl.h>
#include <rte_cycles.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_malloc.h>

#include "lists.h"
#include "meter.h"

#define PACKETS (1u << 14)
#define WINDOW (1u << 12) /* packets */
#define WINDOWS 400 /* of each */
#define SEED 0x9e3779b97f4a7c15
#define DIRECTION_BITS 6 /* in `kind`, over the protocol */

/* What rte_acl reads; addresses and ports in network order. */
struct key {
	uint8_t kind, pad[3];
	uint32_t source, destination;
	uint16_t source_port, destination_port;
};

enum { KIND, SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT, FIELDS };

RTE_ACL_RULE_DEF(acl_rule, FIELDS);

struct bench {
	struct pst_list list;
	struct pst_packet_filters *own;
	struct rte_acl_ctx *acl;
	struct pst_packet packets[PACKETS];
	struct key keys[PACKETS];
	double own_s, acl_s;
	uint32_t n_acl_rules;
};

static struct rte_acl_config config = {
	.num_categories = 1,
	.num_fields = FIELDS,
	.defs = {
		{ RTE_ACL_FIELD_TYPE_BITMASK, 1, KIND, 0, offsetof(struct key, kind) },
		{ RTE_ACL_FIELD_TYPE_MASK, 4, SOURCE, 1, offsetof(struct key, source) },
		{ RTE_ACL_FIELD_TYPE_MASK, 4, DESTINATION, 2, offsetof(struct key, destination) },
		{ RTE_ACL_FIELD_TYPE_RANGE, 2, SOURCE_PORT, 3, offsetof(struct key, source_port) },
		{ RTE_ACL_FIELD_TYPE_RANGE, 2, DESTINATION_PORT, 3,
			offsetof(struct key, destination_port) },
	},
};

static double
seconds_since(uint64_t tsc)
{
	return (double)(rte_rdtsc() - tsc) / rte_get_tsc_hz();
}

/* All ranges of addresses are prefixes here. */
static void
set_prefix(struct rte_acl_field *field, const struct pst_rule_range *r)
{
	if (r == NULL)
		return;
	field->value.u32 = r->first;
	field->mask_range.u32 = 32 - __builtin_popcount(r->last - r->first);
}

static void
set_ports(struct rte_acl_field *field, const struct pst_rule_range *r)
{
	field->value.u16 = r != NULL ? r->first : 0;
	field->mask_range.u16 = r != NULL ? r->last : UINT16_MAX;
}

static uint8_t
kind_of(uint8_t directions, uint8_t protocol)
{
	return directions << DIRECTION_BITS | protocol;
}

static void
set_kind(struct rte_acl_field *field, const struct pst_packet_filter *f)
{
	if (f->directions != (PST_PACKET_IN | PST_PACKET_OUT)) {
		field->value.u8 = kind_of(f->directions, 0);
		field->mask_range.u8 = kind_of(3, 0);
	}
	if (f->protocol != PST_PACKET_ANY_PROTOCOL) {
		field->value.u8 |= f->protocol;
		field->mask_range.u8 |= kind_of(0, (1 << DIRECTION_BITS) - 1);
	}
}

/* The kth range of a field, NULL when it has none. */
static const struct pst_rule_range *
range_of(const struct pst_packet_filter *f, enum pst_class_field field, uint32_t k)
{
	return f->where.fields[field].n > 0 ? &f->where.fields[field].ranges[k] : NULL;
}

static uint32_t
count_of(const struct pst_packet_filter *f, enum pst_class_field field)
{
	return RTE_MAX(f->where.fields[field].n, 1u);
}

static void
add_acl(struct bench *b, uint32_t i)
{
	const struct pst_packet_filter *f = &b->list.filters[i];

	for (uint32_t s = 0; s < count_of(f, PST_CLASS_SOURCE); s++) {
		for (uint32_t d = 0; d < count_of(f, PST_CLASS_DESTINATION); d++) {
			struct acl_rule rule = { .data = { .category_mask = 1,
							 .priority = (int32_t)(b->list.n - i),
							 .userdata = i + 1 } };

			set_kind(&rule.field[KIND], f);
			set_prefix(&rule.field[SOURCE], range_of(f, PST_CLASS_SOURCE, s));
			set_prefix(&rule.field[DESTINATION], range_of(f, PST_CLASS_DESTINATION, d));
			set_ports(&rule.field[SOURCE_PORT], NULL);
			set_ports(&rule.field[DESTINATION_PORT],
				range_of(f, PST_CLASS_DESTINATION_PORT, 0));
			RTE_VERIFY(rte_acl_add_rules(
					   b->acl, (const struct rte_acl_rule *)&rule, 1) == 0);
			b->n_acl_rules++;
		}
	}
}

static int
build(struct bench *b)
{
	struct rte_acl_param params = { .name = "filters",
		.socket_id = SOCKET_ID_ANY,
		.rule_size = RTE_ACL_RULE_SZ(FIELDS),
		.max_rule_num = b->list.n * PST_LIST_RANGES * PST_LIST_RANGES };
	uint64_t start = rte_rdtsc();
	int ret;

	b->own = pst_packet_filters_create(b->list.filters, b->list.n);
	b->own_s = seconds_since(start);
	b->acl = rte_acl_create(&params);
	if (b->own == NULL || b->acl == NULL)
		return -1;
	start = rte_rdtsc();
	for (uint32_t i = 0; i < b->list.n; i++)
		add_acl(b, i);
	ret = rte_acl_build(b->acl, &config);
	b->acl_s = seconds_since(start);
	return ret;
}

static uint32_t
draw_value(struct pst_rng *rng, const struct pst_packet_filter *f, enum pst_class_field field)
{
	uint32_t any = pst_rng_next(rng), n = f->where.fields[field].n;

	return n > 0 && any % 2 == 0 ? f->where.fields[field].ranges[any / 2 % n].first : any;
}

static void
draw_packets(struct bench *b)
{
	struct pst_rng rng;

	pst_rng_init(&rng, SEED);
	for (uint32_t k = 0; k < PACKETS; k++) {
		const struct pst_packet_filter *f =
			&b->list.filters[pst_rng_next(&rng) % b->list.n];
		struct pst_packet *p = &b->packets[k];

		p->direction = pst_rng_next(&rng) % 2 == 0 ? PST_PACKET_IN : PST_PACKET_OUT;
		p->protocol = pst_rng_next(&rng) % 2 == 0 ? IPPROTO_TCP : IPPROTO_UDP;
		p->source = draw_value(&rng, f, PST_CLASS_SOURCE);
		p->destination = draw_value(&rng, f, PST_CLASS_DESTINATION);
		p->source_port = pst_rng_next(&rng);
		p->destination_port = draw_value(&rng, f, PST_CLASS_DESTINATION_PORT);
		b->keys[k] = (struct key){ .kind = kind_of(p->direction, p->protocol),
			.source = rte_cpu_to_be_32(p->source),
			.destination = rte_cpu_to_be_32(p->destination),
			.source_port = rte_cpu_to_be_16(p->source_port),
			.destination_port = rte_cpu_to_be_16(p->destination_port) };
	}
}

static uint32_t
ask_own(const struct bench *b, uint32_t k)
{
	int which;

	pst_packet_filters_pass(b->own, &b->packets[k], &which);
	return which + 1;
}

static uint32_t
ask_acl(const struct bench *b, uint32_t k)
{
	const uint8_t *data = (const uint8_t *)&b->keys[k];
	uint32_t result;

	rte_acl_classify(b->acl, &data, &result, 1, 1);
	return result;
}

static uint32_t
compare(const struct bench *b)
{
	uint32_t matched = 0;

	for (uint32_t k = 0; k < PACKETS; k++) {
		RTE_VERIFY(ask_own(b, k) == ask_acl(b, k));
		matched += ask_own(b, k) != 0;
	}
	return matched;
}

static void
measure(const struct bench *b, uint32_t (*ask)(const struct bench *b, uint32_t k),
	struct pst_meter *meter, uint32_t first)
{
	uint32_t sum = 0;

	meter->open = false;
	pst_meter_turn(meter);
	for (uint32_t k = 0; k < WINDOW; k++)
		sum += ask(b, (first + k) % PACKETS);
	rte_compiler_barrier();
	RTE_VERIFY(sum != UINT32_MAX);
	meter->packets = WINDOW;
	pst_meter_turn(meter);
}

static void
print_row(const char *name, double seconds, struct pst_meter *meter)
{
	struct pst_summary sum;

	if (pst_meter_sum(&meter, 1, &sum) == 0)
		printf("  %-12s built in %8.1f ms, %6.1f/%6.1f/%6.1f ns a packet, %u of %u windows\n",
			name, seconds * 1e3, sum.ns_min, sum.ns_median, sum.ns_p99, sum.kept,
			sum.windows);
}

static int
bench(enum pst_list_shape shape, uint32_t n)
{
	static struct pst_meter own, acl;
	struct bench *b = calloc(1, sizeof(*b));
	int ret;

	RTE_VERIFY(b != NULL);
	memset(&own, 0, sizeof(own));
	memset(&acl, 0, sizeof(acl));
	ret = pst_list_make(&b->list, shape, n, SEED);
	if (ret == 0)
		ret = build(b);
	if (ret == 0) {
		draw_packets(b);
		printf("%u filters, %s (%u rules of rte_acl), %.0f %% of packets match:\n", n,
			pst_list_names[shape], b->n_acl_rules, 100.0 * compare(b) / PACKETS);
		for (uint32_t w = 0; w < WINDOWS; w++) {
			measure(b, ask_acl, &acl, w * WINDOW);
			measure(b, ask_own, &own, w * WINDOW);
		}
		print_row("rte_acl", b->acl_s, &acl);
		print_row("classifier", b->own_s, &own);
		fflush(stdout);
	} else {
		printf("%u filters, %s: rte_acl can't be built: %s\n", n, pst_list_names[shape],
			rte_strerror(-ret));
	}
	rte_acl_free(b->acl);
	pst_packet_filters_destroy(b->own);
	pst_list_fini(&b->list);
	free(b);
	return 0;
}

int
main(int argc, char **argv)
{
	static const uint32_t usual[] = { 100, 1000, 10000 };
	int used = rte_eal_init(argc, argv);

	if (used < 0)
		return 2;
	for (int shape = 0; shape < PST_LIST_SHAPES; shape++) {
		for (int i = used + 1; i < argc; i++)
			bench(shape, strtoul(argv[i], NULL, 10));
		for (size_t i = 0; argc <= used + 1 && i < RTE_DIM(usual); i++)
			bench(shape, usual[i]);
	}
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
