/* SPDX-License-Identifier: BSD-3-Clause */
#define PST_LOG_MODULE PST_LOGTYPE_MAIN
#include "notify.h"

#include <systemd/sd-daemon.h>

#include "base/log.h"

#define LOOKS 4		  /* in the watchdog's time: a look or two may find a worker preempted */
#define UNWATCHED_MS 5000 /* between looks when there is no watchdog */
#define MORE_US 30000000  /* to start, each time; several looks */

uint32_t
pst_pulse_still(struct pst_pulse *pulse)
{
	uint32_t still = pulse->n;

	for (uint32_t i = pulse->n; i-- > 0;) {
		uint64_t loops = __atomic_load_n(pulse->loops[i], __ATOMIC_RELAXED);

		if (loops == pulse->seen[i])
			still = i;
		pulse->seen[i] = loops;
	}
	return still;
}

void
pst_notify_init(struct pst_notify *notify, uint64_t now_ms)
{
	uint64_t us = 0;

	notify->interval_ms = UNWATCHED_MS;
	if (sd_watchdog_enabled(0, &us) > 0 && us / 1000 / LOOKS < UNWATCHED_MS)
		notify->interval_ms = us / 1000 / LOOKS;
	notify->next_ms = now_ms + notify->interval_ms;
	notify->ready = false;
	pst_pulse_still(&notify->pulse);
}

bool
pst_notify_is_due(const struct pst_notify *notify, uint64_t now_ms)
{
	return now_ms >= notify->next_ms;
}

void
pst_notify_poll(struct pst_notify *notify, uint64_t now_ms, const char *status)
{
	uint32_t still = pst_pulse_still(&notify->pulse);

	notify->next_ms = now_ms + notify->interval_ms;
	if (still < notify->pulse.n) {
		PST_LOG(WARNING, "worker %u does not move", still);
		sd_notifyf(0, "STATUS=worker %u does not move", still);
	} else if (notify->ready) {
		sd_notifyf(0, "STATUS=%s\nWATCHDOG=1", status);
	} else {
		sd_notifyf(0, "STATUS=%s\nEXTEND_TIMEOUT_USEC=%u", status, MORE_US);
	}
}

void
pst_notify_ready(struct pst_notify *notify)
{
	notify->ready = true;
	sd_notify(0, "READY=1");
}

void
pst_notify_stopping(struct pst_notify *notify)
{
	notify->ready = false;
	sd_notify(0, "STOPPING=1");
}
