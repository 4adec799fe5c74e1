/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/locate.h"

#define TEXT_MAX_LEN 512

static void
add(struct pst_loader *l, bool warning, uint32_t line, const char *pointer, const char *text)
{
	struct pst_problems *ps = l->problems;
	struct pst_problem *p;
	uint32_t i;

	ps->errors += !warning;
	if (ps->n == ps->room) {
		uint32_t room = ps->room != 0 ? 2 * ps->room : 16;
		struct pst_problem *list = realloc(ps->list, room * sizeof(*list));

		if (list == NULL)
			return;
		ps->list = list;
		ps->room = room;
	}
	for (i = ps->n; i > 0 && ps->list[i - 1].line > line; i--)
		ps->list[i] = ps->list[i - 1];
	p = &ps->list[i];
	*p = (struct pst_problem){ .warning = warning, .line = line, .pointer = strdup(pointer),
		.text = strdup(text) };
	ps->n++;
}

static uint32_t
line_of(const struct pst_loader *l, const char *pointer)
{
	return l->text != NULL ? pst_locate_line(l->text, l->len, pointer) : 0;
}

void
pst_problem(struct pst_loader *l, const char *pointer, const char *fmt, ...)
{
	char text[TEXT_MAX_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add(l, false, line_of(l, pointer), pointer, text);
}

void
pst_warning(struct pst_loader *l, const char *pointer, const char *fmt, ...)
{
	char text[TEXT_MAX_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add(l, true, line_of(l, pointer), pointer, text);
}

void
pst_problem_at(struct pst_loader *l, uint32_t line, const char *pointer, const char *text)
{
	add(l, false, line, pointer, text);
}

void
pst_problems_print(const struct pst_problems *problems, FILE *out)
{
	for (uint32_t i = 0; i < problems->n; i++) {
		const struct pst_problem *p = &problems->list[i];

		fprintf(out, "%s:", problems->file);
		if (p->line > 0)
			fprintf(out, "%u:", p->line);
		fprintf(out, " %s%s%s%s\n", p->warning ? "warning: " : "", p->pointer,
			p->pointer[0] != 0 ? ": " : "", p->text);
	}
}

void
pst_problems_fini(struct pst_problems *problems)
{
	for (uint32_t i = 0; i < problems->n; i++) {
		free(problems->list[i].pointer);
		free(problems->list[i].text);
	}
	free(problems->list);
	free(problems->file);
	memset(problems, 0, sizeof(*problems));
}
