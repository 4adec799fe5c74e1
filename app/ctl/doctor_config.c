/* SPDX-License-Identifier: BSD-3-Clause */
/* What a check needs of the configuration: its defaults are those of lib/config. */
#include <string.h>

#include "doctor.h"

static uint32_t
number(const json_t *object, const char *key, uint32_t fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? (uint32_t)json_integer_value(value) : fallback;
}

/* A list of lcores; one that is not there has one. */
static uint32_t
numbers(const json_t *list, uint32_t *array, uint32_t most, uint32_t fallback)
{
	uint32_t n = 0;

	for (; n < json_array_size(list) && n < most; n++)
		array[n] = json_integer_value(json_array_get(list, n));
	if (n == 0)
		array[n++] = fallback;
	return n;
}

void
pst_doctor_configure(struct pst_doctor_config *c, const json_t *json)
{
	const json_t *lcores = json_object_get(json, "lcores"),
		     *memory = json_object_get(json, "memory");
	const char *socket =
		json_string_value(json_object_get(json_object_get(json, "control"), "socket"));

	memset(c, 0, sizeof(*c));
	c->main = number(lcores, "main", 0);
	c->n_workers = numbers(json_object_get(lcores, "workers"), c->workers, PST_DOCTOR_ROLE, 1);
	c->n_editors = numbers(json_object_get(lcores, "editors"), c->editors, PST_DOCTOR_ROLE, 2);
	c->hugepages = !json_is_false(json_object_get(memory, "hugepages"));
	c->megabytes = number(memory, "megabytes", 1024);
	c->socket = socket != NULL ? socket : PST_CTL_SOCKET;
	c->interfaces = json_object_get(json, "interfaces");
	for (uint32_t i = 0; i < c->n_workers; i++)
		c->lcores[c->n_lcores++] = c->workers[i];
	for (uint32_t i = 0; i < c->n_editors; i++)
		c->lcores[c->n_lcores++] = c->editors[i];
	c->lcores[c->n_lcores++] = c->main;
}
