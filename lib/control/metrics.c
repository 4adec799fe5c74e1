/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/metrics.h"

#include <string.h>

#include "control/walk.h"

/* clang-format off */
#define COUNTER(name, unit, help, walk, ...) \
	{ "postern_" name, PST_METRIC_COUNTER, unit, help, walk, ##__VA_ARGS__ }
#define GAUGE(name, unit, help, walk, ...) \
	{ "postern_" name, PST_METRIC_GAUGE, unit, help, walk, ##__VA_ARGS__ }
#define OF_SAMPLE(field) offsetof(struct pst_sample, field)
#define OF_IFACE(field) offsetof(struct pst_sample_iface, field)
#define OF_WORKER(field) offsetof(struct pst_worker_stats, field)
#define OF_EDITOR(field) offsetof(struct pst_editor_stats, field)
/* A table of the workers: how many entries there are, were ever, can be. */
#define TABLE(what, things) \
	GAUGE(#what, "", "There are so many " things ".", pst_walk_workers, OF_WORKER(what)), \
	COUNTER(#what "_opened", "", "There were so many " things " ever.", pst_walk_workers, \
		OF_WORKER(what##_total)), \
	GAUGE(#what "_limit", "", "There is room for so many " things ".", pst_walk_workers, \
		OF_WORKER(what##_most))
/* clang-format on */

const struct pst_metric pst_metrics[] = {
	COUNTER("received_packets", "packets", "Packets that ports received.", pst_walk_one,
		OF_SAMPLE(account.received)),
	COUNTER("originated_packets", "packets",
		"Packets that the appliance made, by what they are.", pst_walk_originated),
	COUNTER("sent_packets", "packets", "Packets that ports took to send.", pst_walk_one,
		OF_SAMPLE(account.sent)),
	COUNTER("dropped_packets", "packets", "Packets that were dropped, by reason.",
		pst_walk_dropped),
	COUNTER("consumed_packets", "packets",
		"Packets that the appliance was the end of, by what took them.", pst_walk_consumed),
	GAUGE("held_packets", "packets",
		"Packets in queues: received and originated, less sent, dropped and consumed.",
		pst_walk_held),

	COUNTER("interface_received_packets", "packets", "Packets that came in.", pst_walk_ifaces,
		OF_IFACE(counts.rx_packets)),
	COUNTER("interface_received_bytes", "bytes",
		"Bytes that came in, frames without their checksum.", pst_walk_ifaces,
		OF_IFACE(counts.rx_bytes)),
	COUNTER("interface_sent_packets", "packets", "Packets that went out.", pst_walk_ifaces,
		OF_IFACE(counts.tx_packets)),
	COUNTER("interface_sent_bytes", "bytes",
		"Bytes that went out, frames without their checksum.", pst_walk_ifaces,
		OF_IFACE(counts.tx_bytes)),
	GAUGE("interface_up", "", "Whether the interface's link is up.", pst_walk_up),
	GAUGE("interface_speed_bytes", "bytes", "Bytes a second that the link can carry each way.",
		pst_walk_speed),
	GAUGE("interface_mtu_bytes", "bytes", "The largest IP packet that is sent.", pst_walk_mtu),
	COUNTER("port_missed_packets", "packets",
		"Packets that the interface's port had no room for, by its own count.",
		pst_walk_ports, OF_IFACE(missed)),
	COUNTER("port_receive_errors", "", "Packets that the interface's port received wrong.",
		pst_walk_ports, OF_IFACE(receive_errors)),
	COUNTER("port_send_errors", "", "Packets that the interface's port could not send.",
		pst_walk_ports, OF_IFACE(send_errors)),
	COUNTER("port_without_buffer_packets", "packets", "Packets that there was no buffer for.",
		pst_walk_ports, OF_IFACE(no_mbuf)),

	TABLE(connections, "connections"),
	TABLE(binds, "inside endpoints with an outside one"),
	TABLE(listeners, "endpoints that editors opened or the operator published"),
	TABLE(clients, "inside hosts with something open"),

	GAUGE("ports_used", "", "Ports, or query ids, of an outside address that are in use.",
		pst_walk_ports_used),
	GAUGE("ports_limit", "", "Ports, or query ids, that an outside address has.",
		pst_walk_ports_limit),

	COUNTER("worker_received_packets", "packets",
		"Packets that the worker received from ports.", pst_walk_workers,
		OF_WORKER(account.received)),
	COUNTER("worker_sent_packets", "packets", "Packets that the worker sent.", pst_walk_workers,
		OF_WORKER(account.sent)),
	COUNTER("worker_handed_over_packets", "packets", "Packets that the worker gave to another.",
		pst_walk_workers, OF_WORKER(handed_over)),
	COUNTER("worker_taken_over_packets", "packets", "Packets that the worker got from another.",
		pst_walk_workers, OF_WORKER(taken_over)),
	COUNTER("worker_lent_packets", "packets", "Packets that the worker lent to editor lcores.",
		pst_walk_workers, OF_WORKER(lent)),
	COUNTER("worker_edited_packets", "packets",
		"Packets that the worker got from editor lcores.", pst_walk_workers,
		OF_WORKER(edited)),
	COUNTER("worker_requests", "",
		"Requests of editor lcores, of other workers and of the operator.",
		pst_walk_workers, OF_WORKER(requests)),
	COUNTER("worker_loops", "", "Rounds of the worker.", pst_walk_workers, OF_WORKER(loops)),
	COUNTER("worker_busy_loops", "", "Rounds in which it found something to do.",
		pst_walk_workers, OF_WORKER(busy_loops)),
	COUNTER("worker_busy_cycles", "cycles",
		"TSC ticks of rounds with something to do, estimated from one in 64 by lot.",
		pst_walk_busy),
	COUNTER("worker_cycles", "cycles", "All TSC ticks since the start.", pst_walk_cycles),
	COUNTER("worker_stage_cycles", "cycles",
		"TSC ticks of all rounds by what they were for, estimated in the same way.",
		pst_walk_stages),
	GAUGE("worker_load_ratio", "ratio", "Busy cycles over all cycles, in the last second.",
		pst_walk_load),

	GAUGE("editor_sessions", "", "Clients that editors look after.", pst_walk_editors,
		OF_EDITOR(sessions)),
	GAUGE("editor_connections", "", "Connections that editors watch.", pst_walk_editors,
		OF_EDITOR(connections)),
	COUNTER("editor_binds", "", "Calls of BindForClient that opened endpoints.",
		pst_walk_editors, OF_EDITOR(binds)),
	COUNTER("editor_bind_failures", "", "Calls of BindForClient that failed.", pst_walk_editors,
		OF_EDITOR(bind_failures)),
	COUNTER("editor_late_replies", "",
		"Answers that came when nobody waited any more, and were undone.", pst_walk_editors,
		OF_EDITOR(late_replies)),
	COUNTER("editor_edits", "", "Places that were changed in a stream or datagram.",
		pst_walk_editors, OF_EDITOR(edits)),
	COUNTER("editor_retransmits", "", "Segments that the stream engine sent again.",
		pst_walk_editors, OF_EDITOR(retransmits)),
	COUNTER("editor_splits", "", "Segments that had grown too long, and were split.",
		pst_walk_editors, OF_EDITOR(splits)),
	COUNTER("editor_latched", "", "Streams given up, as what editors read is another protocol.",
		pst_walk_editors, OF_EDITOR(latched)),
	COUNTER("editor_events", "", "What an editor counts of itself.", pst_walk_events),
	{ "postern_bind_seconds", PST_METRIC_HISTOGRAM, "seconds",
		"From BindForClient's request to the worker's answer, as the editor lcore has it.",
		pst_walk_latencies },

	GAUGE("heap_bytes", "bytes", "Memory of DPDK's heap.", pst_walk_one, OF_SAMPLE(heap_bytes)),
	GAUGE("heap_used_bytes", "bytes", "Memory of DPDK's heap in use.", pst_walk_one,
		OF_SAMPLE(heap_used_bytes)),
	GAUGE("mempool_used", "", "Packet buffers in use, those in the lcores' caches not.",
		pst_walk_mempools_used),
	GAUGE("mempool_limit", "", "Packet buffers.", pst_walk_mempools_limit),
	COUNTER("process_cpu_seconds", "seconds", "CPU time, polling included.", pst_walk_real,
		OF_SAMPLE(process.cpu_seconds)),
	GAUGE("process_resident_memory_bytes", "bytes", "Memory without hugepages.", pst_walk_one,
		OF_SAMPLE(process.resident_bytes)),
	GAUGE("process_virtual_memory_bytes", "bytes", "Address space.", pst_walk_one,
		OF_SAMPLE(process.virtual_bytes)),
	GAUGE("process_open_fds", "", "Files and sockets that are open.", pst_walk_short,
		OF_SAMPLE(process.fds)),
	GAUGE("process_max_fds", "", "Files and sockets that may be open.", pst_walk_short,
		OF_SAMPLE(process.fds_most)),
	GAUGE("process_threads", "", "Threads.", pst_walk_short, OF_SAMPLE(process.threads)),
	GAUGE("process_start_time_seconds", "seconds", "When the process began, since 1970.",
		pst_walk_real, OF_SAMPLE(process.started)),
	GAUGE("uptime_seconds", "seconds", "Since the appliance began.", pst_walk_uptime),
	GAUGE("ready", "", "Whether every port is up, or was once.", pst_walk_ready),
	{ "postern_build", PST_METRIC_INFO, "", "The program and the DPDK it runs with.",
		pst_walk_build },
};

const uint32_t pst_n_metrics = RTE_DIM(pst_metrics);

static bool
is_suffix_of(const struct pst_metric *m, const char *suffix)
{
	if (m->type != PST_METRIC_HISTOGRAM)
		return strcmp(suffix, pst_walk_suffix(m)) == 0;
	return strcmp(suffix, "_bucket") == 0 || strcmp(suffix, "_count") == 0 ||
	       strcmp(suffix, "_sum") == 0;
}

const struct pst_metric *
pst_metric_of(const char *series)
{
	for (uint32_t i = 0; i < pst_n_metrics; i++) {
		size_t len = strlen(pst_metrics[i].name);

		if (strncmp(series, pst_metrics[i].name, len) == 0 &&
			is_suffix_of(&pst_metrics[i], series + len))
			return &pst_metrics[i];
	}
	return NULL;
}
