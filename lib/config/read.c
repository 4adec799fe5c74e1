/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

#define KEYS_MAX 64

/* Pointers. */

void
pst_pointer_child(char out[PST_POINTER_MAX], const char *pointer, const char *name)
{
	size_t at = snprintf(out, PST_POINTER_MAX, "%.*s/", PST_POINTER_MAX - 4, pointer);

	for (; *name != 0 && at + 3 < PST_POINTER_MAX; name++) {
		if (*name == '~' || *name == '/') {
			out[at++] = '~';
			out[at++] = *name == '~' ? '0' : '1';
		} else {
			out[at++] = *name;
		}
	}
	out[at] = 0;
}

void
pst_pointer_element(char out[PST_POINTER_MAX], const char *pointer, size_t index)
{
	snprintf(out, PST_POINTER_MAX, "%.*s/%zu", PST_POINTER_MAX - 32, pointer, index);
}

/* Values. */

static const char *
kind_of(const json_t *json)
{
	static const char *const kinds[] = { [JSON_OBJECT] = "an object",
		[JSON_ARRAY] = "a list",
		[JSON_STRING] = "a text",
		[JSON_INTEGER] = "a number",
		[JSON_REAL] = "a fraction",
		[JSON_TRUE] = "true",
		[JSON_FALSE] = "false",
		[JSON_NULL] = "null" };

	return kinds[json_typeof(json)];
}

bool
pst_read_is(struct pst_loader *l, const char *pointer, const json_t *json, json_type type,
	const char *what)
{
	if (json_typeof(json) == type)
		return true;
	pst_problem(l, pointer, "must be %s, not %s", what, kind_of(json));
	return false;
}

const char *
pst_read_text(struct pst_loader *l, const char *pointer, const json_t *json)
{
	if (!pst_read_is(l, pointer, json, JSON_STRING, "a text"))
		return NULL;
	return json_string_value(json);
}

static void
set_number(struct pst_loader *l, const struct pst_key *key, const char *pointer, const json_t *json,
	void *at)
{
	json_int_t v = json_integer_value(json);

	if (!pst_read_is(l, pointer, json, JSON_INTEGER, "a whole number"))
		return;
	if (v < 0 || (uint64_t)v < key->min || (uint64_t)v > key->max) {
		pst_problem(l, pointer, "must be from %" PRIu64 " to %" PRIu64 ", not %lld",
			key->min, key->max, (long long)v);
		return;
	}
	if (key->type == PST_KEY_U32)
		*(uint32_t *)at = v;
	else
		*(uint16_t *)at = v;
}

static void
list_names(char *out, size_t size, const char *const *names)
{
	size_t at = 0;

	out[0] = 0;
	for (int i = 0; names[i] != NULL && at < size; i++)
		at += snprintf(out + at, size - at, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
}

static int
index_of(const char *const *names, const char *name)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

int
pst_read_choice(
	struct pst_loader *l, const char *pointer, const json_t *json, const char *const *names)
{
	const char *text = pst_read_text(l, pointer, json);
	char known[256];
	int i;

	if (text == NULL)
		return -1;
	i = index_of(names, text);
	if (i < 0) {
		list_names(known, sizeof(known), names);
		pst_problem(l, pointer, "must be one of %s, not \"%s\"", known, text);
	}
	return i;
}

static void
set_text(struct pst_loader *l, const struct pst_key *key, const char *pointer, const json_t *json,
	char *at)
{
	const char *text;

	if (key->names != NULL && pst_read_choice(l, pointer, json, key->names) < 0)
		return;
	text = pst_read_text(l, pointer, json);
	if (text == NULL)
		return;
	if (strlen(text) < key->min)
		pst_problem(l, pointer, "must not be empty");
	else if (strlen(text) > key->max)
		pst_problem(l, pointer, "is too long: at most %" PRIu64 " bytes", key->max);
	else
		strcpy(at, text);
}

void
pst_read_name(struct pst_loader *l, const char *pointer, const char *name, char *out)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t len = strlen(name);

	if (len == 0 || len >= PST_NAME_MAX)
		pst_problem(l, pointer, "a name has from 1 to %d bytes", PST_NAME_MAX - 1);
	else if (strspn(name, letters) != len)
		pst_problem(l, pointer, "a name has letters, digits, \"_\", \".\" and \"-\" only");
	else
		strcpy(out, name);
}

void
pst_read_scalar(struct pst_loader *l, const struct pst_key *key, const char *pointer,
	const json_t *json, void *base)
{
	void *at = (char *)base + key->offset;
	int i;

	switch (key->type) {
	case PST_KEY_U32:
	case PST_KEY_U16:
		set_number(l, key, pointer, json, at);
		break;
	case PST_KEY_BOOL:
		if (json_is_boolean(json))
			*(bool *)at = json_is_true(json);
		else
			pst_problem(l, pointer, "must be true or false, not %s", kind_of(json));
		break;
	case PST_KEY_LIMIT:
		if (json_is_boolean(json))
			*(uint16_t *)at = json_is_true(json);
		else if (json_is_number(json))
			set_number(l, key, pointer, json, at);
		else
			pst_problem(l, pointer, "must be true, false or a number, not %s",
				kind_of(json));
		break;
	case PST_KEY_TEXT:
		set_text(l, key, pointer, json, at);
		break;
	case PST_KEY_ENUM:
		i = pst_read_choice(l, pointer, json, key->names);
		if (i >= 0)
			*(int *)at = i;
		break;
	default:
		break;
	}
}

/* Objects and lists. */

static void
unknown_key(struct pst_loader *l, const char *section, const char *pointer, const char *name)
{
	const char *names[KEYS_MAX], *near;
	uint32_t n = 0;

	for (uint32_t i = 0; i < pst_n_keys && n + 1 < KEYS_MAX; i++) {
		if (strcmp(pst_keys[i].section, section) == 0)
			names[n++] = pst_keys[i].name;
	}
	names[n] = NULL;
	near = pst_nearest(name, names);
	if (near != NULL)
		pst_problem(l, pointer, "unknown key \"%s\", did you mean \"%s\"?", name, near);
	else
		pst_problem(l, pointer, "unknown key \"%s\"", name);
}

static void
missing_keys(struct pst_loader *l, const char *section, const char *pointer, const json_t *json)
{
	for (uint32_t i = 0; i < pst_n_keys; i++) {
		const struct pst_key *key = &pst_keys[i];
		char at[PST_POINTER_MAX];

		if (!key->required || strcmp(key->section, section) != 0)
			continue;
		pst_pointer_child(at, pointer, key->name);
		if (json_object_get(json, key->name) == NULL)
			pst_problem(l, at, "is missing");
	}
}

bool
pst_read_object(struct pst_loader *l, const char *section, const char *pointer, const json_t *json,
	void *base)
{
	const char *name;
	json_t *value;

	if (!pst_read_is(l, pointer, json, JSON_OBJECT, "an object"))
		return false;
	json_object_foreach((json_t *)(uintptr_t)json, name, value)
	{
		const struct pst_key *key = pst_key_find(section, name);
		char at[PST_POINTER_MAX];

		pst_pointer_child(at, pointer, name);
		if (key == NULL)
			unknown_key(l, section, at, name);
		else
			pst_read_scalar(l, key, at, value, base);
	}
	missing_keys(l, section, pointer, json);
	return true;
}

void
pst_read_defaults(const char *section, void *base)
{
	struct pst_loader none = { 0 };

	for (uint32_t i = 0; i < pst_n_keys; i++) {
		const struct pst_key *key = &pst_keys[i];
		json_t *json;

		if (key->fallback == NULL || strcmp(key->section, section) != 0)
			continue;
		json = json_loads(key->fallback, JSON_DECODE_ANY, NULL);
		if (json != NULL)
			pst_read_scalar(&none, key, "", json, base);
		json_decref(json);
	}
}

size_t
pst_read_list(
	struct pst_loader *l, const struct pst_key *key, const char *pointer, const json_t *json)
{
	size_t n;

	if (json == NULL || !pst_read_is(l, pointer, json, JSON_ARRAY, "a list"))
		return 0;
	n = json_array_size(json);
	if (n >= key->least && n <= key->most)
		return n;
	if (n < key->least)
		pst_problem(l, pointer, "must not be empty");
	else
		pst_problem(l, pointer, "has %zu entries, and may have %u", n, key->most);
	return 0;
}
