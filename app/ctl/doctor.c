/* SPDX-License-Identifier: BSD-3-Clause */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "call.h"

#define CONFIG "/etc/postern/postern.json"
#define LINE 512

static const char *const states[] = { "ok", "warning", "wrong" };

void
pst_doctor_find(
	struct pst_doctor *d, enum pst_doctor_state state, const char *check, const char *text, ...)
{
	char line[LINE];
	va_list args;

	va_start(args, text);
	vsnprintf(line, sizeof(line), text, args);
	va_end(args);
	json_array_append_new(d->findings, json_pack("{s:s,s:s,s:s,s:[]}", "check", check, "state",
						   states[state], "text", line, "advice"));
	d->counts[state]++;
}

void
pst_doctor_advise(struct pst_doctor *d, const char *line, ...)
{
	const json_t *last = json_array_get(d->findings, json_array_size(d->findings) - 1);
	char text[LINE];
	va_list args;

	va_start(args, line);
	vsnprintf(text, sizeof(text), line, args);
	va_end(args);
	json_array_append_new(json_object_get(last, "advice"), json_string(text));
}

/* NULL, and a finding, when it can't be read. */
static json_t *
load(struct pst_doctor *d, const struct pst_ctl_args *args)
{
	const char *given = pst_ctl_option(args, "config"), *file = given != NULL ? given : CONFIG;
	char path[PST_MACHINE_LINE];
	json_error_t error;
	json_t *json;

	snprintf(path, sizeof(path), "%s%s", given != NULL ? "" : d->root, file);
	json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(json)) {
		pst_doctor_find(d, PST_DOCTOR_OK, "configuration", "%s is read", path);
		return json;
	}
	if (json != NULL)
		pst_doctor_find(d, PST_DOCTOR_WRONG, "configuration", "%s:1: no object", path);
	else if (access(path, R_OK) < 0)
		pst_doctor_find(
			d, PST_DOCTOR_WRONG, "configuration", "%s: %s", path, strerror(errno));
	else
		pst_doctor_find(d, PST_DOCTOR_WRONG, "configuration", "%s:%d: %s", path, error.line,
			error.text);
	json_decref(json);
	pst_doctor_advise(d, "postern -c %s --check", path);
	return NULL;
}

/* The appliance that runs. */

/* Its process; 0 with errno when there is none. */
static pid_t
find_appliance(const char *socket_path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool found;

	if (fd < 0)
		return 0;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", socket_path);
	found = connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0;
	close(fd);
	return found ? peer.pid : 0;
}

static void
look_for_appliance(struct pst_doctor *d, const char *socket_path)
{
	int err;

	errno = 0;
	d->pid = find_appliance(socket_path);
	err = errno;
	if (d->pid != 0 && pst_call(socket_path,
				   json_pack("{s:s,s:s}", "command", "show", "what", "interfaces"),
				   &d->status) == PST_CTL_OK) {
		pst_doctor_find(
			d, PST_DOCTOR_OK, "appliance", "it runs and answers on %s", socket_path);
	} else if (d->pid != 0) {
		pst_doctor_find(d, PST_DOCTOR_WRONG, "appliance",
			"it runs, and does not answer on %s", socket_path);
		pst_doctor_advise(d, "systemctl status postern");
	} else if (err == EACCES || err == EPERM) {
		pst_doctor_find(d, PST_DOCTOR_WARNING, "appliance", "you may not ask on %s: %s",
			socket_path, strerror(err));
		pst_doctor_advise(d, "sudo posternctl doctor");
	} else {
		pst_doctor_find(d, PST_DOCTOR_WARNING, "appliance", "none runs (%s)", socket_path);
		pst_doctor_advise(d, "systemctl start postern");
	}
}

/* The report. */

static void
print_finding(const json_t *finding)
{
	const json_t *line;
	size_t i;

	printf("%-8s %-14s %s\n", json_string_value(json_object_get(finding, "state")),
		json_string_value(json_object_get(finding, "check")),
		json_string_value(json_object_get(finding, "text")));
	json_array_foreach(json_object_get(finding, "advice"), i, line)
		printf("%-23s   %s\n", "", json_string_value(line));
}

static void
report(const struct pst_doctor *d, bool as_json)
{
	const json_t *finding;
	json_t *document;
	size_t i;

	if (as_json) {
		document = json_pack("{s:O,s:I,s:I}", "findings", d->findings, "warnings",
			(json_int_t)d->counts[PST_DOCTOR_WARNING], "wrong",
			(json_int_t)d->counts[PST_DOCTOR_WRONG]);
		pst_ctl_print_json(document);
		json_decref(document);
		return;
	}
	json_array_foreach(d->findings, i, finding) print_finding(finding);
	printf("%u ok, %u warnings, %u wrong\n", d->counts[PST_DOCTOR_OK],
		d->counts[PST_DOCTOR_WARNING], d->counts[PST_DOCTOR_WRONG]);
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	const char *root = pst_ctl_option(args, "root");
	struct pst_doctor d = { .root = root != NULL ? root : "" };
	json_t *config;

	if (args->words[1] != NULL) {
		fprintf(stderr, "posternctl: doctor takes no arguments but --config and --root\n");
		return PST_CTL_USAGE;
	}
	d.findings = json_array();
	config = load(&d, args);
	if (config != NULL) {
		pst_doctor_configure(&d.config, config);
		if (root == NULL)
			look_for_appliance(&d, args->has_socket ? args->socket : d.config.socket);
		pst_doctor_memory(&d);
		pst_doctor_cpus(&d);
		pst_doctor_devices(&d);
	}
	report(&d, args->json);
	json_decref(d.findings);
	json_decref(d.status);
	json_decref(config);
	return d.counts[PST_DOCTOR_WRONG] > 0 ? PST_CTL_REFUSED : PST_CTL_OK;
}

static const struct pst_ctl_option options[] = {
	{ "config", "FILE", "the configuration (" CONFIG ")" },
	{ "root", "FOLDER", "another machine's root, with its /etc and /sys" },
	{ NULL },
};

const struct pst_ctl_command pst_ctl_doctor = {
	.name = "doctor",
	.help = "what this machine lacks for its configuration, and what to type",
	.options = options,
	.run = run,
};
