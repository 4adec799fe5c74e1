/* SPDX-License-Identifier: BSD-3-Clause */
/* config/schema.json and the key table say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <rte_common.h>

#include "config/keys.h"

static json_t *schema;

static int
load_schema(void **state)
{
	(void)state;
	schema = json_load_file(PST_CONFIG_DIR "/schema.json", JSON_REJECT_DUPLICATES, NULL);
	return schema != NULL ? 0 : -1;
}

static int
free_schema(void **state)
{
	(void)state;
	json_decref(schema);
	return 0;
}

/* The node of a section: an object's, or that of a map's or list's elements. */
static json_t *
section_node(const char *section)
{
	json_t *node = schema;

	while (*section == '/') {
		char name[64];
		size_t len = strcspn(++section, "/");

		snprintf(name, sizeof(name), "%.*s", (int)len, section);
		if (strcmp(name, "*") != 0)
			node = json_object_get(json_object_get(node, "properties"), name);
		else if (json_object_get(node, "items") != NULL)
			node = json_object_get(node, "items");
		else
			node = json_object_get(node, "additionalProperties");
		assert_non_null(node);
		section += len;
	}
	return node;
}

static json_t *
key_node(const struct pst_key *key)
{
	return json_object_get(
		json_object_get(section_node(key->section), "properties"), key->name);
}

static void
assert_number(const json_t *node, const char *name, uint64_t number)
{
	assert_true(json_is_integer(json_object_get(node, name)));
	assert_int_equal(json_integer_value(json_object_get(node, name)), number);
}

static void
assert_type(const json_t *node, const char *type)
{
	assert_string_equal(json_string_value(json_object_get(node, "type")), type);
}

static void
assert_names(const json_t *node, const char *const *names)
{
	const json_t *list = json_object_get(node, "enum");
	size_t n = 0;

	for (; names[n] != NULL; n++)
		assert_string_equal(json_string_value(json_array_get(list, n)), names[n]);
	assert_int_equal(json_array_size(list), n);
}

static void
assert_list(const json_t *node, const struct pst_key *key)
{
	assert_type(node, "array");
	assert_number(node, "maxItems", key->most);
	assert_int_equal(json_integer_value(json_object_get(node, "minItems")), key->least);
	if (key->max > 0) {
		assert_type(json_object_get(node, "items"), "integer");
		assert_number(json_object_get(node, "items"), "minimum", key->min);
		assert_number(json_object_get(node, "items"), "maximum", key->max);
	}
}

static void
assert_same(const json_t *node, const struct pst_key *key)
{
	switch (key->type) {
	case PST_KEY_U32:
	case PST_KEY_U16:
		assert_type(node, "integer");
		assert_number(node, "minimum", key->min);
		assert_number(node, "maximum", key->max);
		break;
	case PST_KEY_LIMIT:
		assert_type(json_array_get(json_object_get(node, "anyOf"), 0), "boolean");
		node = json_array_get(json_object_get(node, "anyOf"), 1);
		assert_type(node, "integer");
		assert_number(node, "minimum", key->min);
		assert_number(node, "maximum", key->max);
		break;
	case PST_KEY_BOOL:
		assert_type(node, "boolean");
		break;
	case PST_KEY_TEXT:
		if (key->names == NULL) {
			assert_type(node, "string");
			assert_number(node, "minLength", key->min);
			assert_number(node, "maxLength", key->max);
		}
		break;
	case PST_KEY_SHAPE:
		assert_true(key->names != NULL || json_object_get(node, "pattern") != NULL);
		break;
	case PST_KEY_LIST:
		assert_list(node, key);
		break;
	case PST_KEY_MAP:
		assert_number(node, "maxProperties", key->most);
		/* fall through */
	case PST_KEY_OBJECT:
		assert_type(node, "object");
		break;
	default:
		break;
	}
	if (key->names != NULL)
		assert_names(node, key->names);
}

static void
assert_default(const json_t *node, const struct pst_key *key)
{
	json_t *fallback;

	if (key->fallback == NULL) {
		assert_null(json_object_get(node, "default"));
		return;
	}
	fallback = json_loads(key->fallback, JSON_DECODE_ANY, NULL);
	assert_non_null(fallback);
	assert_true(json_equal(json_object_get(node, "default"), fallback));
	json_decref(fallback);
}

static bool
is_required(const struct pst_key *key)
{
	const json_t *list = json_object_get(section_node(key->section), "required");
	const json_t *name;
	size_t i;

	json_array_foreach(list, i, name)
	{
		if (strcmp(json_string_value(name), key->name) == 0)
			return true;
	}
	return false;
}

static void
each_key_of_the_code_is_in_the_schema(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < pst_n_keys; i++) {
		const struct pst_key *key = &pst_keys[i];
		const json_t *node = key_node(key);

		if (node == NULL)
			fail_msg("%s/%s is not in the schema", key->section, key->name);
		assert_same(node, key);
		assert_default(node, key);
		assert_int_equal(is_required(key), key->required);
	}
}

static void
walk(const json_t *node, const char *section)
{
	const json_t *items = json_object_get(node, "items");
	const json_t *others = json_object_get(node, "additionalProperties");
	const char *name;
	json_t *value;
	char below[256];

	assert_true(json_string_length(json_object_get(node, "description")) > 0);
	json_object_foreach(json_object_get(node, "properties"), name, value)
	{
		if (pst_key_find(section, name) == NULL)
			fail_msg("%s/%s is in the schema only", section, name);
		assert_true(json_string_length(json_object_get(value, "description")) > 0);
		snprintf(below, sizeof(below), "%s/%s", section, name);
		walk(value, below);
	}
	snprintf(below, sizeof(below), "%s/*", section);
	if (json_object_get(items, "properties") != NULL)
		walk(items, below);
	if (json_is_object(others))
		walk(others, below);
	else if (json_object_get(node, "properties") != NULL)
		assert_true(json_is_false(others)); /* other keys are refused */
}

static void
each_key_of_the_schema_is_in_the_code(void **state)
{
	(void)state;
	walk(schema, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_of_the_code_is_in_the_schema),
		cmocka_unit_test(each_key_of_the_schema_is_in_the_code),
	};

	return cmocka_run_group_tests(tests, load_schema, free_schema);
}
