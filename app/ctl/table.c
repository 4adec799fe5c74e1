/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2 /* blanks between columns */

static void *
check_memory(void *memory)
{
	if (memory != NULL)
		return memory;
	fputs("posternctl: out of memory\n", stderr);
	exit(1);
}

void
pst_table_init(struct pst_table *table)
{
	memset(table, 0, sizeof(*table));
}

void
pst_table_fini(struct pst_table *table)
{
	for (unsigned int i = 0; i < table->n_columns; i++)
		free(table->columns[i].title);
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	memset(table, 0, sizeof(*table));
}

/* Columns on the screen: letters, however many bytes they have in UTF-8. */
static size_t
width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static char *
clean_copy(const char *text)
{
	char *copy = check_memory(strdup(text));

	for (char *c = copy; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return copy;
}

void
pst_table_column(struct pst_table *table, const char *title, bool right)
{
	if (table->n_columns == PST_TABLE_COLUMNS_MAX)
		return;
	table->columns[table->n_columns].title = clean_copy(title);
	table->columns[table->n_columns].right = right;
	table->columns[table->n_columns].width = width(title);
	table->n_columns++;
}

void
pst_table_cell(struct pst_table *table, const char *text)
{
	unsigned int column = table->n_cells % table->n_columns;
	char *copy = clean_copy(text != NULL && text[0] != '\0' ? text : "-");
	size_t w = width(copy);

	if (table->n_cells == table->size) {
		table->size = table->size > 0 ? table->size * 2 : 256;
		table->cells =
			check_memory(realloc(table->cells, table->size * sizeof(*table->cells)));
	}
	table->cells[table->n_cells++] = copy;
	if (w > table->columns[column].width)
		table->columns[column].width = w;
}

static void
print_cell(const struct pst_table *table, unsigned int column, const char *text, FILE *out)
{
	int pad = (int)(table->columns[column].width - width(text));
	bool last = column + 1 == table->n_columns;

	if (table->columns[column].right)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
	fprintf(out, "%*s", last ? 0 : GAP, "");
	if (last)
		fputc('\n', out);
}

void
pst_table_print(const struct pst_table *table, FILE *out)
{
	for (unsigned int i = 0; i < table->n_columns; i++)
		print_cell(table, i, table->columns[i].title, out);
	for (size_t i = 0; i < table->n_cells && !ferror(out); i++)
		print_cell(table, i % table->n_columns, table->cells[i], out);
}
