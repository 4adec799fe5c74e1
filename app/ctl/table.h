/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables for people: a header, columns as wide as their widest cell, numbers to the
 * right. Cells are added row by row. What is no text for a terminal (control
 * characters) is shown as '?'. Out of memory ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PST_TABLE_COLUMNS_MAX 64

struct pst_table {
	struct {
		char *title;
		bool right;
		size_t width;
	} columns[PST_TABLE_COLUMNS_MAX];
	unsigned int n_columns;
	char *text; /* of all cells, one after the other, each with its end */
	size_t len, size;
	size_t n_cells;
	bool has_titles; /* they were printed */
};

void pst_table_init(struct pst_table *table);
void pst_table_fini(struct pst_table *table);
/* All columns come before the first cell. Those past the most there can be are left out. */
void pst_table_column(struct pst_table *table, const char *title, bool right);
/* The next cell; NULL or "" shows as "-". */
void pst_table_cell(struct pst_table *table, const char *text);
/*
 * Print what was added since the last time, below the titles the first time. Of a long table
 * some rows at a time are printed: a column that grows is not in line with those before.
 */
void pst_table_print(struct pst_table *table, FILE *out);
