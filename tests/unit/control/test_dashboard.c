/* SPDX-License-Identifier: BSD-3-Clause */
/* config/grafana.json asks for nothing that there is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "appliance.h"
#include "control/metrics.h"
#include "eal.h"

#define NAME_BEGINS "postern_"

static struct appliance a;
static struct rte_mempool *mbufs;
static json_t *dashboard, *figures;

/* All series that an appliance has that has something of everything. */
static json_t *
all_figures(void)
{
	const struct pst_control_view view = { .params = a.params, .now = 5000 };

	return pst_metrics_document(&view);
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init(64);
	appliance_start(&a, 0);
	mbufs = rte_pktmbuf_pool_create("mbufs", 63, 0, 0, 128, SOCKET_ID_ANY);
	figures = all_figures();
	dashboard = json_load_file(PST_CONFIG_DIR "/grafana.json", JSON_REJECT_DUPLICATES, NULL);
	return dashboard != NULL && figures != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	json_decref(dashboard);
	json_decref(figures);
	rte_mempool_free(mbufs);
	appliance_stop(&a);
	return 0;
}

/* How many series an expression names; each is one of ours. */
static int
count_series(const char *expression)
{
	char name[PST_METRIC_NAME_MAX];
	int n = 0;

	while ((expression = strstr(expression, NAME_BEGINS)) != NULL) {
		size_t len = 0;

		while (isalnum((unsigned char)expression[len]) || expression[len] == '_')
			len++;
		snprintf(name, sizeof(name), "%.*s", (int)len, expression);
		if (pst_metric_of(name) == NULL || json_object_get(figures, name) == NULL)
			fail_msg("there is no %s, which is in \"%s\"", name, expression);
		expression += len;
		n++;
	}
	return n;
}

static void
each_panel_asks_for_series_that_there_are(void **state)
{
	const json_t *panels = json_object_get(dashboard, "panels"), *panel, *target;
	size_t i, k;
	int n = 0;

	(void)state;
	json_array_foreach(panels, i, panel)
	{
		const json_t *targets = json_object_get(panel, "targets");

		assert_true(json_string_length(json_object_get(panel, "title")) > 0);
		assert_true(json_array_size(targets) > 0);
		json_array_foreach(targets, k, target)
		{
			const char *expression = json_string_value(json_object_get(target, "expr"));

			assert_non_null(expression);
			assert_true(count_series(expression) > 0);
			n++;
		}
	}
	assert_true(n > 20);
}

/* "{{interface}}" in a legend is a label of the first series that its expression names. */
static void
each_legend_names_labels_that_there_are(void **state)
{
	const json_t *panels = json_object_get(dashboard, "panels"), *panel, *target;
	size_t i, k;

	(void)state;
	json_array_foreach(panels, i, panel)
	{
		json_array_foreach(json_object_get(panel, "targets"), k, target)
		{
			const char *at = strstr(
				json_string_value(json_object_get(target, "expr")), NAME_BEGINS);
			const char *legend =
				json_string_value(json_object_get(target, "legendFormat"));
			char name[PST_METRIC_NAME_MAX], label[32];
			const json_t *row;

			assert_int_equal(sscanf(at, "%79[a-z0-9_]", name), 1);
			row = json_array_get(json_object_get(figures, name), 0);
			while ((legend = strstr(legend, "{{")) != NULL) {
				assert_int_equal(sscanf(legend, "{{%31[a-z_]}}", label), 1);
				if (json_object_get(row, label) == NULL)
					fail_msg("%s has no label %s", name, label);
				legend += 2;
			}
		}
	}
}

static void
panels_are_apart(void **state)
{
	const json_t *panels = json_object_get(dashboard, "panels"), *one, *other;
	size_t i, k;

	(void)state;
	json_array_foreach(panels, i, one)
	{
		for (k = 0; k < i; k++) {
			int ax, ay, aw, ah, bx, by, bw, bh, a_id, b_id;

			other = json_array_get(panels, k);
			assert_int_equal(json_unpack((json_t *)(uintptr_t)one,
						 "{s:i,s:{s:i,s:i,s:i,s:i}}", "id", &a_id,
						 "gridPos", "x", &ax, "y", &ay, "w", &aw, "h", &ah),
				0);
			assert_int_equal(json_unpack((json_t *)(uintptr_t)other,
						 "{s:i,s:{s:i,s:i,s:i,s:i}}", "id", &b_id,
						 "gridPos", "x", &bx, "y", &by, "w", &bw, "h", &bh),
				0);
			assert_int_not_equal(a_id, b_id);
			assert_true(
				ax + aw <= bx || bx + bw <= ax || ay + ah <= by || by + bh <= ay);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_panel_asks_for_series_that_there_are),
		cmocka_unit_test(each_legend_names_labels_that_there_are),
		cmocka_unit_test(panels_are_apart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
