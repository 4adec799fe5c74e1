/* SPDX-License-Identifier: BSD-3-Clause */
#include "cell.h"

#include <stdlib.h>
#include <string.h>

#include "format.h"

static bool
is_right(enum pst_cell cell)
{
	return cell == PST_CELL_NUMBER || cell == PST_CELL_BYTES || cell == PST_CELL_SECONDS ||
	       cell == PST_CELL_PERCENT;
}

static void
print_scalar(FILE *out, const json_t *value)
{
	if (json_is_string(value))
		fputs(json_string_value(value), out);
	else if (json_is_integer(value))
		fprintf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		fprintf(out, "%.3g", json_real_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
}

static void
print_list(FILE *out, const json_t *value)
{
	json_t *object = (json_t *)(uintptr_t)value, *item;
	const char *key, *comma = "";
	size_t i;

	json_array_foreach(value, i, item)
	{
		fputs(comma, out);
		print_scalar(out, item);
		comma = ", ";
	}
	json_object_foreach(object, key, item)
	{
		fprintf(out, "%s%s=", comma, key);
		print_scalar(out, item);
		comma = ", ";
	}
}

/* What is no single string or number. */
static void
add_printed(struct pst_table *table, const json_t *value, const char *none)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL) {
		pst_table_cell(table, "?");
		return;
	}
	if (json_is_array(value) || json_is_object(value))
		print_list(out, value);
	else
		print_scalar(out, value);
	fclose(out);
	pst_table_cell(table, text != NULL && text[0] != '\0' ? text : none);
	free(text);
}

void
pst_cell_add(struct pst_table *table, const json_t *value, enum pst_cell cell)
{
	char text[PST_FORMAT_MAX];

	if (cell == PST_CELL_FILTER)
		add_printed(table, value, json_is_array(value) ? "nobody" : "everybody");
	else if (cell == PST_CELL_ALL)
		add_printed(table, value, "all");
	else if (cell == PST_CELL_BYTES && json_is_integer(value))
		pst_table_cell(table, pst_format_bytes(text, json_integer_value(value)));
	else if (cell == PST_CELL_SECONDS && json_is_integer(value))
		pst_table_cell(table, pst_format_seconds(text, json_integer_value(value)));
	else if (json_is_string(value))
		pst_table_cell(table, json_string_value(value));
	else if (cell == PST_CELL_PERCENT && json_is_number(value)) {
		snprintf(text, sizeof(text), "%.0f %%", json_number_value(value) * 100);
		pst_table_cell(table, text);
	} else
		add_printed(table, value, NULL);
}

static const json_t *
find(const json_t *object, const char *key)
{
	const char *dot = strchr(key, '.');
	char first[32];

	if (dot == NULL || dot - key >= (ptrdiff_t)sizeof(first))
		return json_object_get(object, key);
	memcpy(first, key, dot - key);
	first[dot - key] = '\0';
	return json_object_get(json_object_get(object, first), dot + 1);
}

void
pst_cell_columns(struct pst_table *table, const struct pst_cell_column *columns)
{
	for (; columns->title != NULL; columns++)
		pst_table_column(table, columns->title, is_right(columns->cell));
}

void
pst_cell_row(struct pst_table *table, const struct pst_cell_column *columns, const json_t *row)
{
	for (; columns->title != NULL; columns++)
		pst_cell_add(table, find(row, columns->key), columns->cell);
}

void
pst_cell_print(const json_t *array, const struct pst_cell_column *columns, FILE *out)
{
	struct pst_table table;
	const json_t *row;
	size_t i;

	pst_table_init(&table);
	pst_cell_columns(&table, columns);
	json_array_foreach(array, i, row) pst_cell_row(&table, columns, row);
	pst_table_print(&table, out);
	pst_table_fini(&table);
}
