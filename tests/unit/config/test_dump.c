/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "config/dump.h"
#include "expect.h"

static void
load_example(const char *name, struct pst_config *c)
{
	struct pst_problems problems;
	char path[512];

	snprintf(path, sizeof(path), PST_CONFIG_DIR "/%s.json", name);
	assert_int_equal(pst_config_load(path, test_editors, c, &problems), 0);
	pst_problems_fini(&problems);
}

static void
what_is_dumped_loads_as_the_same(void **state)
{
	static const char *const names[] = { "minimal", "postern", "lab", "full" };
	static struct pst_config before, after;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(names); i++) {
		struct pst_problems problems;
		json_t *json;
		char *text;

		load_example(names[i], &before);
		json = pst_config_to_json(&before);
		assert_non_null(json);
		text = json_dumps(json, 0);
		assert_int_equal(pst_config_parse(text, strlen(text), before.path, test_editors,
					 &after, &problems),
			0);
		assert_memory_equal(&before, &after, offsetof(struct pst_config, filters));
		if (before.n_filters > 0)
			assert_memory_equal(before.filters, after.filters,
				before.n_filters * sizeof(*before.filters));
		pst_config_fini(&before);
		pst_config_fini(&after);
		pst_problems_fini(&problems);
		free(text);
		json_decref(json);
	}
}

/* Every key of the full example is there, with its value, and more beside. */
static void
holds(const json_t *whole, const json_t *part)
{
	const char *name;
	json_t *value;
	size_t i;

	assert_non_null(whole);
	assert_int_equal(json_typeof(whole), json_typeof(part));
	if (json_is_object(part)) {
		json_object_foreach((json_t *)(uintptr_t)part, name, value)
			holds(json_object_get(whole, name), value);
	} else if (json_is_array(part)) {
		assert_int_equal(json_array_size(whole), json_array_size(part));
		json_array_foreach((json_t *)(uintptr_t)part, i, value)
			holds(json_array_get(whole, i), value);
	} else if (!json_is_string(part) || strchr(json_string_value(part), '/') == NULL) {
		assert_true(json_equal(whole, part)); /* a network may come as a range */
	}
}

static void
every_key_of_the_file_is_dumped(void **state)
{
	static struct pst_config c;
	json_t *file, *json;

	(void)state;
	load_example("full", &c);
	file = json_load_file(PST_CONFIG_DIR "/full.json", 0, NULL);
	json = pst_config_to_json(&c);
	holds(json, file);
	pst_config_fini(&c);
	json_decref(json);
	json_decref(file);
}

static void
defaults_are_filled_in(void **state)
{
	static struct pst_config c;
	json_t *json, *nat;

	(void)state;
	load_example("minimal", &c);
	json = pst_config_to_json(&c);
	nat = json_object_get(json, "nat");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(nat, "pool"), 0)), "198.51.100.1");
	assert_string_equal(json_string_value(json_object_get(nat, "ports")), "1024-65535");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(json, "internal_networks"), 0)),
		"10.0.0.0/24");
	assert_null(json_object_get( /* the device's */
		json_object_get(json_object_get(json, "interfaces"), "inside"), "mtu"));
	json_decref(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_dumped_loads_as_the_same),
		cmocka_unit_test(every_key_of_the_file_is_dumped),
		cmocka_unit_test(defaults_are_filled_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
