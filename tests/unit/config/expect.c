/* SPDX-License-Identifier: BSD-3-Clause */
#include "expect.h"

#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BEFORE                                                                                     \
	"{ \"interfaces\": {\n"                                                                    \
	"\"in\": { \"device\": \"a\", \"zone\": \"internal\", \"address\": \"10.0.0.1/24\" },\n"   \
	"\"out\": { \"device\": \"b\", \"zone\": \"external\", \"address\": \"192.0.2.1/24\" } }," \
	"\n\"rules\": [ { \"action\": \"allow\" } ]\n"

const char *const test_editors[] = { "ftp", "sip", "tftp", NULL };

int
test_load_says(const char *text, struct pst_config *config, const char *lines)
{
	struct pst_problems problems;
	char *said = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&said, &len);
	int ret;

	assert_non_null(out);
	ret = pst_config_parse(text, strlen(text), "t", test_editors, config, &problems);
	pst_problems_print(&problems, out);
	fclose(out);
	assert_string_equal(said, lines);
	assert_int_equal(ret, problems.errors > 0 ? -EINVAL : 0);
	pst_problems_fini(&problems);
	free(said);
	return ret;
}

static int
load(const char *more, struct pst_config *config, const char *lines)
{
	char *text = NULL;
	int ret;

	assert_true(asprintf(&text, "%s%s}", BEFORE, more) > 0);
	ret = test_load_says(text, config, lines);
	free(text);
	return ret;
}

void
test_config_says(const char *more, const char *lines)
{
	static struct pst_config config;

	load(more, &config, lines);
	pst_config_fini(&config);
}

void
test_config_loads(const char *more, struct pst_config *config, const char *lines)
{
	assert_int_equal(load(more, config, lines), 0);
}
