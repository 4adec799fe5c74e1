/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST 4096
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
	free(table->text);
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

static void
clean(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

void
pst_table_column(struct pst_table *table, const char *title, bool right)
{
	char *copy;

	if (table->n_columns == PST_TABLE_COLUMNS_MAX)
		return;
	copy = check_memory(strdup(title));
	clean(copy);
	table->columns[table->n_columns].title = copy;
	table->columns[table->n_columns].right = right;
	table->columns[table->n_columns].width = width(copy);
	table->n_columns++;
}

void
pst_table_cell(struct pst_table *table, const char *text)
{
	const char *shown = text != NULL && text[0] != '\0' ? text : "-";
	unsigned int column = table->n_cells % table->n_columns;
	size_t len = strlen(shown) + 1, w = width(shown);

	if (table->size - table->len < len) {
		table->size = table->size * 2 + len + TEXT_FIRST;
		table->text = check_memory(realloc(table->text, table->size));
	}
	memcpy(table->text + table->len, shown, len);
	clean(table->text + table->len);
	table->len += len;
	table->n_cells++;
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
pst_table_print(struct pst_table *table, FILE *out)
{
	const char *text = table->text;

	for (unsigned int i = 0; i < table->n_columns && !table->has_titles; i++)
		print_cell(table, i, table->columns[i].title, out);
	table->has_titles = true;
	for (size_t i = 0; i < table->n_cells && !ferror(out); i++) {
		print_cell(table, i % table->n_columns, text, out);
		text += strlen(text) + 1;
	}
	table->n_cells = table->len = 0;
}
