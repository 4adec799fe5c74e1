/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text may be given as a config: it loads and comes back from JSON the same, or it says why. */
#include <stdlib.h>
#include <string.h>

#include "config/dump.h"
#include "config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const editors[] = { "ftp", NULL };

static void
check_problems(const struct pst_problems *problems, int ret)
{
	if ((ret == 0) != (problems->errors == 0) || (ret < 0 && problems->n == 0))
		abort();
	for (uint32_t i = 0; i < problems->n; i++) {
		if (problems->list[i].line == 0 || problems->list[i].text[0] == 0 ||
			strchr(problems->list[i].text, '\n') != NULL ||
			strchr(problems->list[i].pointer, '\n') != NULL)
			abort();
	}
}

static void
check_back(const struct pst_config *config)
{
	static struct pst_config back;
	struct pst_problems problems;
	json_t *json = pst_config_to_json(config);
	char *text = json_dumps(json, 0);

	if (text == NULL ||
		pst_config_parse(text, strlen(text), "fuzz", editors, &back, &problems) < 0 ||
		memcmp(config, &back, offsetof(struct pst_config, filters)) != 0 ||
		(back.n_filters > 0 &&
			memcmp(config->filters, back.filters,
				back.n_filters * sizeof(*back.filters)) != 0))
		abort();
	pst_config_fini(&back);
	pst_problems_fini(&problems);
	free(text);
	json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pst_config config;
	struct pst_problems problems;
	int ret;

	ret = pst_config_parse((const char *)data, size, "fuzz", editors, &config, &problems);
	check_problems(&problems, ret);
	if (ret == 0)
		check_back(&config);
	pst_config_fini(&config);
	pst_problems_fini(&problems);
	return 0;
}
