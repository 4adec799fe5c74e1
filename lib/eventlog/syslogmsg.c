/* SPDX-License-Identifier: BSD-3-Clause */
#include "eventlog/syslogmsg.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* RFC 5424 section 6.2.1. */
static int
priority_of(const struct pst_record *r)
{
	switch (r->type) {
	case PST_RECORD_LOST:
	case PST_RECORD_LINK_DOWN:
	case PST_RECORD_RELOAD_REFUSED:
		return LOG_DAEMON | LOG_WARNING;
	case PST_RECORD_LIMIT:
	case PST_RECORD_REFUSED:
	case PST_RECORD_LINK_UP:
	case PST_RECORD_NEIGHBOUR_DOWN:
	case PST_RECORD_START:
	case PST_RECORD_STOP:
	case PST_RECORD_RELOAD_APPLIED:
	case PST_RECORD_RELOAD_ROLLED_BACK:
		return LOG_DAEMON | LOG_NOTICE;
	default:
		return LOG_DAEMON | LOG_INFO;
	}
}

void
pst_syslog_head_init(struct pst_syslog_head *head, enum pst_syslog_format format)
{
	memset(head, 0, sizeof(*head));
	head->format = format;
	head->pid = getpid();
	if (gethostname(head->host, sizeof(head->host) - 1) < 0 || head->host[0] == 0)
		strcpy(head->host, "-"); /* RFC 5424's NILVALUE */
}

/* "Nov 25 08:30:00", in local time. */
static void
old_time(uint64_t wall_ms, char *text, size_t size)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	time_t seconds = wall_ms / 1000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	snprintf(text, size, "%s %2d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec);
}

size_t
pst_syslog_message(char out[PST_SYSLOG_LINE], const struct pst_syslog_head *head,
	const struct pst_record *record, uint64_t wall_ms, const char *json)
{
	int priority = priority_of(record);
	char time[PST_RECORD_TIME];

	if (head->format == PST_SYSLOG_RFC3164) {
		old_time(wall_ms, time, sizeof(time));
		return snprintf(out, PST_SYSLOG_LINE, "<%d>%s postern[%u]: %s", priority, time,
			head->pid, json);
	}
	return snprintf(out, PST_SYSLOG_LINE, "<%d>1 %s %s postern %u %s - %s", priority,
		pst_record_time(wall_ms, time), head->host, head->pid,
		pst_record_types[record->type], json);
}
