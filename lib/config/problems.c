/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX_LEN 512
#define PROBLEMS_MOST 1000 /* nobody reads more; the last one then says so */

/* A copy without what would break the line or speak to the terminal. */
static char *
copy_plain(const char *text)
{
	char *copy = strdup(text);

	for (char *c = copy; c != NULL && *c != 0; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return copy;
}

static bool
make_room(struct pst_problems *ps)
{
	uint32_t room = ps->room != 0 ? 2 * ps->room : 16;
	struct pst_problem *list;

	if (ps->n < ps->room)
		return true;
	list = realloc(ps->list, room * sizeof(*list));
	if (list == NULL)
		return false;
	ps->list = list;
	ps->room = room;
	return true;
}

/* In the file's order. */
static void
insert(struct pst_problems *ps, bool warning, uint32_t line, const char *pointer, const char *text)
{
	struct pst_problem p = { .warning = warning,
		.line = line,
		.pointer = copy_plain(pointer),
		.text = copy_plain(text) };
	uint32_t i;

	if (p.pointer == NULL || p.text == NULL || !make_room(ps)) {
		free(p.pointer);
		free(p.text);
		return;
	}
	for (i = ps->n; i > 0 && ps->list[i - 1].line > line; i--)
		ps->list[i] = ps->list[i - 1];
	ps->list[i] = p;
	ps->n++;
}

static void
add(struct pst_loader *l, bool warning, uint32_t line, const char *pointer, const char *text)
{
	struct pst_problems *ps = l->problems;

	ps->errors += !warning;
	if (ps->n < PROBLEMS_MOST)
		insert(ps, warning, line, pointer, text);
	else if (ps->n == PROBLEMS_MOST)
		insert(ps, false, UINT32_MAX, "", "and more, which are not listed");
}

static uint32_t
line_of(const struct pst_loader *l, const char *pointer)
{
	if (l->problems->n > PROBLEMS_MOST)
		return 0; /* not worth the search */
	return l->places.n > 0 ? pst_places_line(&l->places, pointer) : 0;
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

static bool
is_above(const char *parent, const char *pointer)
{
	size_t len = strlen(parent);

	return strncmp(parent, pointer, len) == 0 && (pointer[len] == 0 || pointer[len] == '/');
}

bool
pst_problem_is_at(const struct pst_loader *l, const char *pointer)
{
	const struct pst_problems *ps = l->problems;

	for (uint32_t i = 0; i < ps->n; i++) {
		const struct pst_problem *p = &ps->list[i];

		if (!p->warning && (is_above(p->pointer, pointer) || is_above(pointer, p->pointer)))
			return true;
	}
	return false;
}

void
pst_problems_print(const struct pst_problems *problems, FILE *out)
{
	for (uint32_t i = 0; i < problems->n; i++) {
		const struct pst_problem *p = &problems->list[i];

		fprintf(out, "%s:", problems->file);
		if (p->line > 0 && p->line < UINT32_MAX)
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
