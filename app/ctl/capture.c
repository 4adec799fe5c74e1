/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * posternctl capture: opens the file and hands it to the appliance, which writes to it. The filter
 * is compiled here: what libpcap has to look up for it takes its time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "call.h"
#include "ctl.h"

#define EXPRESSION_MAX 4096
#define FRAME_MOST 65535

/* The words behind the file, as one. false: too long. */
static bool
join(char *const *words, char text[EXPRESSION_MAX])
{
	size_t len = 0;

	text[0] = '\0';
	for (; *words != NULL; words++) {
		int n = snprintf(text + len, EXPRESSION_MAX - len, "%s%s", len > 0 ? " " : "",
			*words);

		if (n < 0 || (size_t)n >= EXPRESSION_MAX - len)
			return false;
		len += n;
	}
	return true;
}

/* As BPF instructions; NULL: it is none, and that was said. */
static json_t *
compile(const char *expression)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, FRAME_MOST);
	struct bpf_program program;
	json_t *insns;

	if (pcap == NULL || pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		fprintf(stderr, "posternctl: \"%s\": %s\n", expression,
			pcap != NULL ? pcap_geterr(pcap) : strerror(ENOMEM));
		if (pcap != NULL)
			pcap_close(pcap);
		return NULL;
	}
	insns = json_array();
	for (unsigned int i = 0; i < program.bf_len; i++) {
		const struct bpf_insn *insn = &program.bf_insns[i];

		json_array_append_new(insns, json_pack("[i,i,i,I]", insn->code, insn->jt, insn->jf,
						     (json_int_t)insn->k));
	}
	pcap_freecode(&program);
	pcap_close(pcap);
	return insns;
}

/* false: it is no number, and that was said. */
static bool
set_number(json_t *request, const struct pst_ctl_args *args, const char *name, const char *what)
{
	long long n;

	if (!pst_ctl_number(args, name, what, &n))
		return false;
	if (n > 0)
		json_object_set_new(request, name, json_integer(n));
	return true;
}

static bool
set_options(json_t *request, const struct pst_ctl_args *args)
{
	const char *interface = pst_ctl_option(args, "interface");

	if (interface != NULL)
		json_object_set_new(request, "interface", json_string(interface));
	return set_number(request, args, "count", "frames") &&
		set_number(request, args, "snap", "bytes") &&
		set_number(request, args, "seconds", "seconds");
}

static json_t *
make_request(const struct pst_ctl_args *args)
{
	json_t *request = json_pack("{s:s}", "command", "capture"), *filter;
	char expression[EXPRESSION_MAX];

	if (!join(args->words + 2, expression)) {
		fprintf(stderr, "posternctl: the filter is longer than %u bytes\n", EXPRESSION_MAX);
		json_decref(request);
		return NULL;
	}
	if (!set_options(request, args)) {
		json_decref(request);
		return NULL;
	}
	if (expression[0] == '\0')
		return request;
	filter = compile(expression);
	if (filter == NULL) {
		json_decref(request);
		return NULL;
	}
	json_object_set_new(request, "filter", filter);
	json_object_set_new(request, "expression", json_string(expression));
	return request;
}

static int
open_file(const char *path)
{
	int fd;

	if (strcmp(path, "-") != 0) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0)
			fprintf(stderr, "posternctl: %s: %s\n", path, strerror(errno));
		return fd;
	}
	if (isatty(STDOUT_FILENO)) {
		fprintf(stderr, "posternctl: a capture is nothing for a terminal: "
				"posternctl capture - | tcpdump -r -\n");
		return -1;
	}
	return STDOUT_FILENO;
}

static void
print(const struct pst_ctl_args *args, const json_t *result, bool is_stdout)
{
	if (args->json && !is_stdout)
		pst_ctl_print_json(result);
	else
		fprintf(stderr, "%lld frames, %lld lost\n",
			(long long)json_integer_value(json_object_get(result, "frames")),
			(long long)json_integer_value(json_object_get(result, "lost")));
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	json_t *request, *result = NULL;
	enum pst_ctl_exit code;
	int file;

	if (args->words[1] == NULL) {
		fprintf(stderr, "posternctl: capture FILE [--interface NAME] [--count FRAMES] "
				"[--snap BYTES] [--seconds N] [FILTER]\n");
		return PST_CTL_USAGE;
	}
	request = make_request(args);
	if (request == NULL)
		return PST_CTL_USAGE;
	file = open_file(args->words[1]);
	if (file < 0) {
		json_decref(request);
		return PST_CTL_REFUSED;
	}
	code = pst_call_with_file(args->socket, request, file, &result);
	if (code == PST_CTL_OK)
		print(args, result, file == STDOUT_FILENO);
	json_decref(result);
	return code;
}

static const struct pst_ctl_option options[] = {
	{ "interface", "NAME", "only what comes in or leaves by it", 0, "@interfaces name" },
	{ "count", "FRAMES", "so many, and end" },
	{ "snap", "BYTES", "so much of each, 64 or more" },
	{ "seconds", "N", "for so long, and end" },
	{ NULL },
};

static void
print_more(void)
{
	printf("\nPackets as they come in and leave, until Ctrl-C, as pcapng with what became of\n"
	       "them; of FILTER, in tcpdump's language, on either side. FILE - is standard output.\n");
}

const struct pst_ctl_command pst_ctl_capture = {
	.name = "capture",
	.usage = "FILE [FILTER]",
	.help = "copy packets into a file, with their fate",
	.options = options,
	.print_more = print_more,
	.run = run,
};
