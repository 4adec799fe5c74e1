/* SPDX-License-Identifier: BSD-3-Clause */
#include "flat.h"

#include <string.h>

struct cursor {
	const char *at, *end;
};

static void
skip_space(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r'))
		c->at++;
}

static bool
take(struct cursor *c, char sign)
{
	skip_space(c);
	if (c->at == c->end || *c->at != sign)
		return false;
	c->at++;
	return true;
}

/* Escapes are stepped over, not read: nothing that is asked for has any. */
static bool
text(struct cursor *c, const char **at, size_t *len)
{
	if (!take(c, '"'))
		return false;
	for (*at = c->at; c->at < c->end && *c->at != '"'; c->at++) {
		if ((unsigned char)*c->at < ' ')
			return false;
		if (*c->at == '\\' && ++c->at == c->end)
			return false;
	}
	*len = c->at - *at;
	return take(c, '"');
}

/* [ "a", "b" ] */
static bool
list(struct cursor *c, struct pst_flat *m)
{
	bool is_first = true;
	const char *at;
	size_t len;

	if (!take(c, '['))
		return false;
	m->value = c->at;
	for (; !take(c, ']'); is_first = false) {
		if (!is_first && !take(c, ','))
			return false;
		if (!text(c, &at, &len))
			return false;
	}
	m->value_len = c->at - 1 - m->value;
	return true;
}

/* A number, true, false, null. */
static bool
word(struct cursor *c, struct pst_flat *m)
{
	for (m->value = c->at; c->at < c->end; c->at++) {
		char sign = *c->at;

		if (!(sign >= '0' && sign <= '9') && !(sign >= 'a' && sign <= 'z') && sign != '-' &&
			sign != '+' && sign != '.' && sign != 'E')
			break;
	}
	m->value_len = c->at - m->value;
	return m->value_len > 0;
}

static bool
value(struct cursor *c, struct pst_flat *m)
{
	skip_space(c);
	m->is_text = c->at < c->end && *c->at == '"';
	if (m->is_text)
		return text(c, &m->value, &m->value_len);
	if (c->at < c->end && *c->at == '[')
		return list(c, m);
	return word(c, m);
}

bool
pst_flat_read(const char *line, size_t len, void (*see)(void *ctx, const struct pst_flat *member),
	void *ctx)
{
	struct cursor c = { line, line + len };
	struct pst_flat m;

	if (!take(&c, '{'))
		return false;
	do {
		if (!text(&c, &m.name, &m.name_len) || !take(&c, ':') || !value(&c, &m))
			return false;
		see(ctx, &m);
	} while (take(&c, ','));
	if (!take(&c, '}'))
		return false;
	skip_space(&c);
	return c.at == c.end;
}

bool
pst_flat_is_named(const struct pst_flat *m, const char *name)
{
	return strlen(name) == m->name_len && memcmp(name, m->name, m->name_len) == 0;
}

bool
pst_flat_is(const struct pst_flat *m, const char *text_wanted)
{
	return strlen(text_wanted) == m->value_len &&
	       memcmp(text_wanted, m->value, m->value_len) == 0;
}

bool
pst_flat_number(const struct pst_flat *m, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < m->value_len; i++) {
		if (m->value[i] < '0' || m->value[i] > '9' || *number > UINT64_MAX / 10 - 9)
			return false;
		*number = *number * 10 + m->value[i] - '0';
	}
	return m->value_len > 0 && !m->is_text;
}
