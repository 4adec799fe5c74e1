/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/telemetry.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "control/metrics.h"

#define FOLDER "/postern/"
#define COMMAND_MAX 56 /* telemetry's own */

/* Held by whoever runs a command, so that the sampler does not go away meanwhile. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pst_sampler *asked;

/* Rows of one metric, a part of them. */
struct answer {
	struct rte_tel_data *rows;
	uint64_t first, n; /* of the first shown; of those seen */
	int ret;
};

static const char *
name_of(const struct pst_metric *m)
{
	return m->name + strlen("postern_");
}

static int
add_value(struct rte_tel_data *row, const struct pst_metric_point *point)
{
	char text[32];

	if (point->is_real) {
		snprintf(text, sizeof(text), "%.15g", point->real);
		return rte_tel_data_add_dict_string(row, "value", text);
	}
	if (point->n < 0)
		return rte_tel_data_add_dict_int(row, "value", point->n);
	return rte_tel_data_add_dict_u64(row, "value", point->n);
}

static int
fill_row(struct rte_tel_data *row, const struct pst_metric_point *point)
{
	bool says_more = strcmp(point->suffix, "") != 0 && strcmp(point->suffix, "_total") != 0 &&
			 strcmp(point->suffix, "_info") != 0;
	int ret = rte_tel_data_start_dict(row);

	if (ret == 0 && says_more)
		ret = rte_tel_data_add_dict_string(row, "series", point->suffix + 1);
	for (int i = 0; i < PST_METRIC_LABELS && point->labels[i].name != NULL; i++) {
		if (ret == 0)
			ret = rte_tel_data_add_dict_string(
				row, point->labels[i].name, point->labels[i].value);
	}
	return ret == 0 ? add_value(row, point) : ret;
}

static void
add_row(void *ctx, const struct pst_metric_point *point)
{
	struct answer *answer = ctx;
	struct rte_tel_data *row;
	uint64_t number = answer->n++;
	char name[24];

	if (answer->ret < 0 || number < answer->first ||
		number - answer->first >= PST_TELEMETRY_ROWS)
		return;
	snprintf(name, sizeof(name), "%" PRIu64, number);
	row = rte_tel_data_alloc();
	answer->ret = row != NULL ? fill_row(row, point) : -ENOMEM;
	if (answer->ret == 0)
		answer->ret = rte_tel_data_add_dict_container(answer->rows, name, row, 0);
	if (answer->ret < 0)
		rte_tel_data_free(row);
}

static const struct pst_metric *
metric_of(const char *command)
{
	for (uint32_t i = 0; i < pst_n_metrics; i++) {
		if (strcmp(command + strlen(FOLDER), name_of(&pst_metrics[i])) == 0)
			return &pst_metrics[i];
	}
	return NULL;
}

/* The row to begin with; nothing is 0. False when it is no number. */
static bool
parse_first(const char *params, uint64_t *first)
{
	char *end;

	*first = 0;
	if (params == NULL || *params == '\0')
		return true;
	errno = 0;
	*first = strtoull(params, &end, 10);
	return errno == 0 && *end == '\0' && *params >= '0' && *params <= '9';
}

static int
take_sample(struct pst_sample *sample)
{
	int ret = -ESHUTDOWN;

	pthread_mutex_lock(&lock);
	if (asked != NULL)
		ret = pst_sampler_figures(asked, sample);
	pthread_mutex_unlock(&lock);
	return ret;
}

static int
run(const char *command, const char *params, struct rte_tel_data *out)
{
	const struct pst_metric *m = metric_of(command);
	struct answer answer = { .rows = out };
	struct pst_sample *sample;
	int ret;

	if (m == NULL || !parse_first(params, &answer.first))
		return -EINVAL;
	sample = malloc(sizeof(*sample));
	if (sample == NULL)
		return -ENOMEM;
	ret = take_sample(sample);
	if (ret == 0)
		ret = rte_tel_data_start_dict(out);
	if (ret == 0) {
		m->walk(m, sample, add_row, &answer);
		ret = answer.ret;
	}
	free(sample);
	return ret;
}

int
pst_telemetry_register(struct pst_sampler *sampler)
{
	char command[COMMAND_MAX];
	int ret = 0;

	pthread_mutex_lock(&lock);
	asked = sampler;
	pthread_mutex_unlock(&lock);
	for (uint32_t i = 0; i < pst_n_metrics && ret == 0; i++) {
		snprintf(command, sizeof(command), FOLDER "%s", name_of(&pst_metrics[i]));
		ret = rte_telemetry_register_cmd(command, run, pst_metrics[i].help);
	}
	return ret;
}

void
pst_telemetry_forget(void)
{
	pthread_mutex_lock(&lock);
	asked = NULL;
	pthread_mutex_unlock(&lock);
}
