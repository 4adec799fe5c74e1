/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON values as cells of a table. */
#pragma once

#include <jansson.h>

#include "table.h"

/* How a value is shown. */
enum pst_cell {
	PST_CELL_TEXT,
	PST_CELL_NUMBER,
	PST_CELL_BYTES,
	PST_CELL_SECONDS,
	PST_CELL_PERCENT, /* of 1 */
	PST_CELL_LIST,	  /* an array with commas, an object as name=value; none: "-" */
	PST_CELL_FILTER,  /* an array; none: "nobody", null: "everybody" */
	PST_CELL_ALL,	  /* an array; none or null: "all" */
};

struct pst_cell_column {
	const char *title;
	const char *key; /* of the row's object; "port.imissed" is a key of an object in it */
	enum pst_cell cell;
};

void pst_cell_add(struct pst_table *table, const json_t *value, enum pst_cell cell);

/* Columns end with a NULL title: those of a new table, and the cells of a row. */
void pst_cell_columns(struct pst_table *table, const struct pst_cell_column *columns);
void pst_cell_row(
	struct pst_table *table, const struct pst_cell_column *columns, const json_t *row);
/* A table of an array of objects. */
void pst_cell_print(const json_t *array, const struct pst_cell_column *columns, FILE *out);
