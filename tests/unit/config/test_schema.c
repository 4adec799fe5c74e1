/* SPDX-License-Identifier: BSD-3-Clause */
/* The schema that people read and the table that the loader reads say the same. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "config/keys.h"

static json_t *schema;

/* The schema of a section such as "/interfaces/..." or "/nat/timeouts". */
static json_t *
section_schema(const char *section)
{
	json_t *at = schema;
	char buf[64], *token, *save;

	strcpy(buf, section);
	for (token = strtok_r(buf, "/", &save); token != NULL && at != NULL;
		token = strtok_r(NULL, "/", &save)) {
		if (strcmp(token, "*") != 0)
			at = json_object_get(json_object_get(at, "properties"), token);
		else if (json_object_get(at, "items") != NULL)
			at = json_object_get(at, "items");
		else
			at = json_object_get(at, "additionalProperties");
	}
	return at;
}

static void
check_limits(const struct pst_key *key, json_t *s)
{
	json_t *min = json_object_get(s, "minimum"), *max = json_object_get(s, "maximum");

	if (key->type != PST_KEY_U32 && key->type != PST_KEY_U16)
		return;
	assert_int_equal(json_integer_value(min), key->min);
	assert_int_equal(json_integer_value(max), key->max);
}

static void
check_names(const struct pst_key *key, json_t *s)
{
	json_t *names = json_object_get(s, "enum");
	size_t i;

	if (key->names == NULL)
		return;
	for (i = 0; key->names[i] != NULL; i++)
		assert_string_equal(json_string_value(json_array_get(names, i)), key->names[i]);
	assert_int_equal(json_array_size(names), i);
}

static void
every_key_of_the_table_is_in_the_schema(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < pst_n_keys; i++) {
		const struct pst_key *key = &pst_keys[i];
		json_t *s = json_object_get(
			json_object_get(section_schema(key->section), "properties"), key->name);
		json_t *given;

		if (key->type == PST_KEY_LATER) {
			assert_null(s);
			continue;
		}
		if (s == NULL)
			fail_msg("%s/%s is not in the schema", key->section, key->name);
		assert_non_null(json_object_get(s, "description"));
		check_limits(key, s);
		check_names(key, s);
		given = key->fallback != NULL ? json_loads(key->fallback, JSON_DECODE_ANY, NULL) :
						NULL;
		if (!json_equal(json_object_get(s, "default"), given) &&
			!(given == NULL && json_object_get(s, "default") == NULL))
			fail_msg("%s/%s: another default", key->section, key->name);
		json_decref(given);
	}
}

static bool
is_known(const char *section, const char *name)
{
	for (uint32_t i = 0; i < pst_n_keys; i++) {
		if (strcmp(pst_keys[i].section, section) == 0 &&
			strcmp(pst_keys[i].name, name) == 0)
			return true;
	}
	return false;
}

static void
every_key_of_the_schema_is_in_the_table(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < pst_n_keys; i++) {
		json_t *s = section_schema(pst_keys[i].section), *value;
		const char *name;

		if (s == NULL)
			fail_msg("no schema for %s", pst_keys[i].section);
		assert_true(json_is_false(json_object_get(s, "additionalProperties")));
		json_object_foreach(json_object_get(s, "properties"), name, value) {
			if (!is_known(pst_keys[i].section, name))
				fail_msg("%s/%s is in the schema only", pst_keys[i].section, name);
		}
	}
}

static int
setup(void **state)
{
	(void)state;
	schema = json_load_file(CONFIG_FOLDER "/schema.json", 0, NULL);
	return schema != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	json_decref(schema);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_of_the_table_is_in_the_schema),
		cmocka_unit_test(every_key_of_the_schema_is_in_the_table),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
