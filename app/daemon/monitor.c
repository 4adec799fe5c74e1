/* SPDX-License-Identifier: BSD-3-Clause */
#define PST_LOG_MODULE PST_LOGTYPE_CONTROL
#include "monitor.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "config/address.h"
#include "control/telemetry.h"

#define LOOPBACK 127 /* the first byte of its addresses */

static int
open_http(struct pst_monitor *m, const struct pst_endpoint *listen, char *error, size_t size)
{
	const struct pst_http_params p = { .listen = *listen, .sampler = m->sampler };
	char text[PST_ENDPOINT_TEXT], why[128];

	pst_service_format(listen, text);
	m->http = pst_http_create(&p, why, sizeof(why));
	if (m->http == NULL) {
		snprintf(error, size, "metrics.listen: %s: %s", text, why);
		return -EADDRNOTAVAIL;
	}
	PST_LOG(INFO, "metrics and the status page are at http://%s/", text);
	if (listen->ip >> 24 != LOOPBACK)
		PST_LOG(NOTICE, "whoever reaches %s may read them", text);
	return 0;
}

int
pst_monitor_open(struct pst_monitor *m, const struct pst_config *config, char *error, size_t size)
{
	m->sampler = pst_sampler_create();
	if (m->sampler == NULL) {
		snprintf(error, size, "no memory for metrics");
		return -ENOMEM;
	}
	if (pst_telemetry_register(m->sampler) < 0)
		PST_LOG(WARNING, "DPDK's telemetry does not take the appliance's commands");
	if (config->metrics_listen.port == 0)
		return 0;
	return open_http(m, &config->metrics_listen, error, size);
}

unsigned int
pst_monitor_poll(struct pst_monitor *m, const struct pst_control *control)
{
	return pst_sampler_poll(m->sampler, pst_control_view(control));
}

void
pst_monitor_close(struct pst_monitor *m, const struct pst_control *control)
{
	if (m->sampler == NULL)
		return;
	pst_sampler_close(m->sampler, pst_control_view(control));
	pst_telemetry_forget();
	pst_http_destroy(m->http);
	pst_sampler_destroy(m->sampler);
}
