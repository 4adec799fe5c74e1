/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics as text and as JSON.
 *
 * OpenMetrics 1.0.0 names a counter without its "_total" in the lines that describe it, has a
 * line for the unit and one at the end; the older text format names it with it, knows no info, and
 * escapes no quotes in help texts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/doc.h"
#include "control/metrics.h"

struct text {
	struct pst_buf *buf;
	const struct pst_metric *metric;
};

static const char *
type_name(enum pst_metric_type type, enum pst_metrics_format format)
{
	switch (type) {
	case PST_METRIC_COUNTER:
		return "counter";
	case PST_METRIC_HISTOGRAM:
		return "histogram";
	case PST_METRIC_INFO:
		return format == PST_METRICS_OPENMETRICS ? "info" : "gauge";
	default:
		return "gauge";
	}
}

/* Backslashes and newlines, and quotes where they would end the text. */
static void
add_escaped(struct pst_buf *buf, const char *text, bool quotes)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			pst_buf_text(buf, "\\n");
		else if (*text == '\\')
			pst_buf_text(buf, "\\\\");
		else if (*text == '"' && quotes)
			pst_buf_text(buf, "\\\"");
		else
			pst_buf_add(buf, text, 1);
	}
}

static void
add_line(struct pst_buf *buf, const char *keyword, const char *name, const char *suffix)
{
	pst_buf_text(buf, keyword);
	pst_buf_text(buf, name);
	pst_buf_text(buf, suffix);
	pst_buf_text(buf, " ");
}

static void
describe(struct pst_buf *buf, const struct pst_metric *m, enum pst_metrics_format format)
{
	bool is_new = format == PST_METRICS_OPENMETRICS;
	const char *suffix = "";

	if (!is_new && m->type == PST_METRIC_COUNTER)
		suffix = "_total";
	if (!is_new && m->type == PST_METRIC_INFO)
		suffix = "_info";
	add_line(buf, "# TYPE ", m->name, suffix);
	pst_buf_text(buf, type_name(m->type, format));
	pst_buf_text(buf, "\n");
	if (is_new && m->unit[0] != '\0') {
		add_line(buf, "# UNIT ", m->name, suffix);
		pst_buf_text(buf, m->unit);
		pst_buf_text(buf, "\n");
	}
	add_line(buf, "# HELP ", m->name, suffix);
	add_escaped(buf, m->help, is_new);
	pst_buf_text(buf, "\n");
}

static void
add_labels(struct pst_buf *buf, const struct pst_metric_label *labels)
{
	for (int i = 0; i < PST_METRIC_LABELS && labels[i].name != NULL; i++) {
		pst_buf_text(buf, i == 0 ? "{" : ",");
		pst_buf_text(buf, labels[i].name);
		pst_buf_text(buf, "=\"");
		add_escaped(buf, labels[i].value, true);
		pst_buf_text(buf, "\"");
	}
	if (labels[0].name != NULL)
		pst_buf_text(buf, "}");
}

static void
add_point(void *ctx, const struct pst_metric_point *point)
{
	const struct text *text = ctx;
	char value[32];

	pst_buf_text(text->buf, text->metric->name);
	pst_buf_text(text->buf, point->suffix);
	add_labels(text->buf, point->labels);
	if (point->is_real)
		snprintf(value, sizeof(value), " %.15g\n", point->real);
	else
		snprintf(value, sizeof(value), " %" PRId64 "\n", point->n);
	pst_buf_text(text->buf, value);
}

void
pst_metrics_text(struct pst_buf *buf, const struct pst_sample *s, enum pst_metrics_format format)
{
	struct text text = { .buf = buf };

	for (uint32_t i = 0; i < pst_n_metrics; i++) {
		text.metric = &pst_metrics[i];
		describe(buf, text.metric, format);
		text.metric->walk(text.metric, s, add_point, &text);
	}
	if (format == PST_METRICS_OPENMETRICS)
		pst_buf_text(buf, "# EOF\n");
}

/* JSON: series by name. */

struct series {
	json_t *all;
	const struct pst_metric *metric;
};

static void
add_row(void *ctx, const struct pst_metric_point *point)
{
	const struct series *series = ctx;
	char name[PST_METRIC_NAME_MAX];
	json_t *row = json_object(), *rows;

	snprintf(name, sizeof(name), "%s%s", series->metric->name, point->suffix);
	for (int i = 0; i < PST_METRIC_LABELS && point->labels[i].name != NULL; i++)
		json_object_set_new(
			row, point->labels[i].name, pst_doc_text(point->labels[i].value));
	json_object_set_new(
		row, "value", point->is_real ? json_real(point->real) : json_integer(point->n));
	rows = json_object_get(series->all, name);
	if (rows == NULL) {
		rows = json_array();
		json_object_set_new(series->all, name, rows);
	}
	json_array_append_new(rows, row);
}

json_t *
pst_metrics_json(const struct pst_sample *s)
{
	struct series series = { .all = json_object() };

	for (uint32_t i = 0; i < pst_n_metrics; i++) {
		series.metric = &pst_metrics[i];
		series.metric->walk(series.metric, s, add_row, &series);
	}
	return series.all;
}

static json_t *
text_of(const struct pst_sample *s, enum pst_metrics_format format)
{
	struct pst_buf buf = { 0 };
	json_t *json = NULL;

	pst_metrics_text(&buf, s, format);
	if (!buf.failed)
		json = json_stringn(buf.data + buf.start, pst_buf_len(&buf));
	pst_buf_fini(&buf);
	return json;
}

static json_t *
openmetrics_of(const struct pst_sample *s)
{
	return text_of(s, PST_METRICS_OPENMETRICS);
}

static json_t *
prometheus_of(const struct pst_sample *s)
{
	return text_of(s, PST_METRICS_PROMETHEUS);
}

static json_t *
now(const struct pst_control_view *view, json_t *(*make)(const struct pst_sample *s))
{
	struct pst_sample *s = malloc(sizeof(*s));
	json_t *json;

	if (s == NULL)
		return NULL;
	pst_sample_fill(s, view);
	json = make(s);
	free(s);
	return json;
}

json_t *
pst_metrics_openmetrics(const struct pst_control_view *view)
{
	return now(view, openmetrics_of);
}

json_t *
pst_metrics_prometheus(const struct pst_control_view *view)
{
	return now(view, prometheus_of);
}

json_t *
pst_metrics_document(const struct pst_control_view *view)
{
	return now(view, pst_metrics_json);
}
