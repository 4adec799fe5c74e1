/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics: the names by which an operator's tools know the figures of a sample.
 *
 * One table, from which all forms are made: OpenMetrics text, the older text format of
 * Prometheus, JSON for the status page, and the commands of DPDK's telemetry. A name ends in its
 * unit, if it has one; forms add what belongs to the type (a counter's "_total").
 */
#pragma once

#include <jansson.h>

#include "control/buf.h"
#include "control/sample.h"

#define PST_METRIC_LABELS 3
#define PST_METRIC_NAME_MAX 80 /* with all that is added */

enum pst_metric_type {
	PST_METRIC_COUNTER,
	PST_METRIC_GAUGE,
	PST_METRIC_HISTOGRAM,
	PST_METRIC_INFO,
};

struct pst_metric_label {
	const char *name; /* NULL: no more labels */
	const char *value;
};

/* One number. */
struct pst_metric_point {
	const char *suffix; /* "_total" */
	struct pst_metric_label labels[PST_METRIC_LABELS];
	bool is_real;
	int64_t n;
	double real;
};

typedef void (*pst_metric_put)(void *ctx, const struct pst_metric_point *point);

struct pst_metric {
	const char *name;
	enum pst_metric_type type;
	const char *unit; /* "": none */
	const char *help;
	void (*walk)(const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put,
		void *ctx);
	size_t offset; /* in what the walk goes over */
};

extern const struct pst_metric pst_metrics[];
extern const uint32_t pst_n_metrics;

/* The metric that a series of this name is of: "postern_bind_seconds_bucket". NULL: of none. */
const struct pst_metric *pst_metric_of(const char *series);

enum pst_metrics_format {
	PST_METRICS_OPENMETRICS, /* version 1.0.0 */
	PST_METRICS_PROMETHEUS,	 /* text format 0.0.4 */
};

/* All of them as text. */
void pst_metrics_text(
	struct pst_buf *buf, const struct pst_sample *s, enum pst_metrics_format format);

/* {"postern_interface_sent_bytes_total": [{"interface": "inside", "value": 5}], ...} */
json_t *pst_metrics_json(const struct pst_sample *s);

/* For the control socket: two texts, and the JSON. New references, NULL when there is no memory. */
json_t *pst_metrics_openmetrics(const struct pst_control_view *view);
json_t *pst_metrics_prometheus(const struct pst_control_view *view);
json_t *pst_metrics_document(const struct pst_control_view *view);
