/* SPDX-License-Identifier: BSD-3-Clause */
/* posternctl metrics: all figures, as http://LISTEN/metrics has them. */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "ctl.h"

static bool
is_asked_wrong(const struct pst_ctl_args *args)
{
	static const char *const formats[] = { "openmetrics", "prometheus", NULL };
	const char *format = args->words[1];

	if (format != NULL && (args->words[2] != NULL || args->json)) {
		fprintf(stderr, "posternctl: metrics takes a format, or --json\n");
		return true;
	}
	for (int i = 0; format != NULL; i++) {
		if (formats[i] == NULL) {
			pst_ctl_unknown("format", format, formats);
			return true;
		}
		if (strcmp(format, formats[i]) == 0)
			break;
	}
	return false;
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	const char *format = args->words[1] != NULL ? args->words[1] : "openmetrics";
	json_t *result = NULL;
	enum pst_ctl_exit code;

	if (is_asked_wrong(args))
		return PST_CTL_USAGE;
	code = pst_call(args->socket,
		json_pack(
			"{s:s,s:s}", "command", "metrics", "format", args->json ? "json" : format),
		&result);
	if (code != PST_CTL_OK)
		return code;
	if (args->json)
		pst_ctl_print_json(result);
	else
		fwrite(json_string_value(result), 1, json_string_length(result), stdout);
	json_decref(result);
	return PST_CTL_OK;
}

const struct pst_ctl_command pst_ctl_metrics = {
	.name = "metrics",
	.usage = "[openmetrics|prometheus]",
	.help = "all figures as text, for tools",
	.run = run,
};
