/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classifier: the first of an ordered list of entries that a packet matches.
 *
 * An entry names, for each field, the ranges of values it holds for, or none where it does not
 * care; it matches when all its fields do. The operator's packet filters (packet.h) and rules
 * (rule.h) are both such lists, and are looked through when a connection begins.
 *
 * The list is compiled into a tree. A node takes the field that tells the entries apart best and
 * cuts its values where ranges begin and end; each piece has the entries that hold there. Those
 * that do not care for the field are not copied into every piece: they go into a tree of their
 * own, `rest`, that is asked as well. A path meets each field once at the most, so the depth is
 * bounded; a short list is looked through in order, and so is one that cutting would only
 * multiply. An entry behind one that holds for all of a piece is never in it.
 *
 * Lists within an entry cost their sum, not their product. rte_acl has one range a field in an
 * entry, so that 16 sources and 16 destinations are 256 of its; it answers as fast, but where
 * some entries name the source alone and others the destination, it builds for seconds and in
 * gigabytes. `postern-classify-bench` compares the two.
 *
 * A classifier is made by one lcore and never changes: any may ask it, and whoever published it
 * destroys it once none does. Values are in host byte order.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PST_CLASS_NONE UINT32_MAX
#define PST_CLASS_RANGES_MAX 64 /* of a field of an entry */

struct pst_rule_range {
	uint32_t first, last; /* inclusive, host byte order */
};

enum pst_class_field {
	PST_CLASS_KIND, /* what the list's owner makes of it: a protocol, a direction */
	PST_CLASS_SOURCE,
	PST_CLASS_DESTINATION,
	PST_CLASS_SOURCE_PORT,
	PST_CLASS_DESTINATION_PORT,
	PST_CLASS_FIELDS,
};

struct pst_class_entry {
	struct {
		const struct pst_rule_range *ranges;
		uint32_t n; /* 0: any value */
	} fields[PST_CLASS_FIELDS];
};

struct pst_classifier;

/*
 * Compile n entries, which are copied. NULL and rte_errno: EINVAL (a count, or a range that ends
 * before it begins), ENOMEM.
 */
struct pst_classifier *pst_classifier_create(const struct pst_class_entry *entries, uint32_t n);
/* Safe on NULL. */
void pst_classifier_destroy(struct pst_classifier *c);

/* The number of the first entry that matches these values, or PST_CLASS_NONE. */
uint32_t pst_classifier_find(
	const struct pst_classifier *c, const uint32_t values[PST_CLASS_FIELDS]);

/* How many bytes it takes. */
size_t pst_classifier_size(const struct pst_classifier *c);
