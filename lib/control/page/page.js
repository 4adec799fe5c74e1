/* What is asked, and where it is shown. */

const EVERY_MS = 2000;
const PATIENCE_MS = 5000;

const charts = {};
let before = null;

const put = (id, text) => { document.getElementById(id).textContent = text; };

/* The rows of a series that have these labels. */
function rows(figures, name, labels) {
	return (figures[name] || []).filter(row =>
		Object.entries(labels || {}).every(([key, value]) => row[key] === value));
}

function sum(figures, name, labels) {
	return rows(figures, name, labels).reduce((total, row) => total + row.value, 0);
}

/* How much more a second than before; null when that is not known: the program was started anew. */
function rate(figures, name, labels) {
	const passed = before && sum(figures, "postern_uptime_seconds") -
		sum(before, "postern_uptime_seconds");

	if (!passed || passed < 0)
		return null;
	return Math.max(0, (sum(figures, name, labels) - sum(before, name, labels)) / passed);
}

const names = (figures, name, label) => [...new Set(rows(figures, name).map(row => row[label]))];

/* Tables. */

/* Lines of cells; a cell is a text, or an element. */
function fill(id, lines, kinds) {
	const body = document.querySelector(`#${id} tbody`);

	body.replaceChildren(...lines.map(cells => {
		const line = make("tr");

		line.append(...cells.map((cell, i) => {
			const td = make("td", undefined, kinds[i]);

			td.append(cell);
			return td;
		}));
		return line;
	}));
}

function showInterfaces(figures) {
	const total = (name, i) => whole(sum(figures, name, { interface: i }));

	fill("interfaces", names(figures, "postern_interface_up", "interface").map(i => {
		const up = sum(figures, "postern_interface_up", { interface: i }) > 0;

		return [i, make("span", up ? "up" : "down", up ? "" : "down"),
			total("postern_interface_received_packets_total", i),
			total("postern_interface_sent_packets_total", i),
			total("postern_interface_received_bytes_total", i),
			total("postern_interface_sent_bytes_total", i),
			total("postern_port_missed_packets_total", i)];
	}), ["", "", "n", "n", "n", "n", "n"]);
}

function showPorts(figures) {
	const used = rows(figures, "postern_ports_used");

	fill("ports", used.map(row => {
		const limit = sum(figures, "postern_ports_limit",
			{ address: row.address, protocol: row.protocol });
		const bar = make("meter");

		bar.max = limit || 1;
		bar.high = 0.9 * bar.max;
		bar.value = row.value;
		bar.setAttribute("aria-label", `${row.value} of ${limit}`);
		return [row.address, row.protocol, bar, whole(row.value), whole(limit)];
	}), ["", "", "wide", "n", "n"]);
}

function showAccount(figures) {
	const one = (fate, name) => [[fate, "", whole(sum(figures, name))]];
	const each = (fate, name) => rows(figures, name).filter(row => row.value > 0)
		.sort((a, b) => b.value - a.value)
		.map(row => [fate, row.reason, whole(row.value)]);

	fill("account", [
		...one("received", "postern_received_packets_total"),
		...each("originated", "postern_originated_packets_total"),
		...one("sent", "postern_sent_packets_total"),
		...each("dropped", "postern_dropped_packets_total"),
		...each("consumed", "postern_consumed_packets_total"),
		...one("held", "postern_held_packets"),
	], ["", "", "n"]);
}

/* The bound below which this part of all calls lies. */
function quantile(figures, part) {
	const all = sum(figures, "postern_bind_seconds_count");
	const bound = names(figures, "postern_bind_seconds_bucket", "le").find(le =>
		sum(figures, "postern_bind_seconds_bucket", { le }) >= part * all);

	if (all === 0)
		return "–";
	return bound === "+Inf" ? "longer than 100 ms" : short(Number(bound) * 1e6) + " µs";
}

function showBinds(figures) {
	put("binds", whole(sum(figures, "postern_editor_binds_total")));
	put("bind-failures", whole(sum(figures, "postern_editor_bind_failures_total")));
	put("bind-p50", quantile(figures, 0.5));
	put("bind-p99", quantile(figures, 0.99));
	put("listeners", whole(sum(figures, "postern_listeners")));
}

function showEndpoints(endpoints, figures) {
	const filter = e => e.filter === null ? "everybody" : e.filter.length === 0 ? "nobody" :
		e.filter.map(range => range.split("-")).map(([a, b]) => a === b ? a : `${a}–${b}`)
			.join(", ");

	fill("endpoints", endpoints.map(e => [e.protocol, e.external, e.client || "not known yet",
		e.editor || (e.flags.includes("published") ? "published" : "–"), filter(e),
		whole(e.connections), seconds(e.age_s)]),
	["", "", "", "", "filter", "n", "n"]);
	put("listeners-shown", endpoints.length < sum(figures, "postern_listeners") ?
		`, the first ${endpoints.length} are below` : "");
}

/* Tiles. */

function showTiles(figures) {
	const loads = rows(figures, "postern_worker_load_ratio").map(row => row.value);
	const percent = load => (100 * load).toFixed(load < 0.1 ? 1 : 0) + " %";

	put("tile-rx", short(rate(figures, "postern_received_packets_total")));
	put("tile-tx", short(rate(figures, "postern_sent_packets_total")));
	put("tile-drops", short(rate(figures, "postern_dropped_packets_total")));
	for (const what of ["connections", "clients"]) {
		put(`tile-${what}`, whole(sum(figures, `postern_${what}`)));
		put(`tile-${what}-limit`, "of " + short(sum(figures, `postern_${what}_limit`)));
	}
	put("tile-load", percent(Math.max(0, ...loads)));
	put("tile-load-of", loads.length > 1 ? `the busiest of ${loads.length}` : "");
}

/* Charts. */

function byInterface(figures, what, factor) {
	const values = {};

	for (const i of names(figures, "postern_interface_up", "interface")) {
		for (const [way, name] of [["in", "received"], ["out", "sent"]]) {
			const series = `postern_interface_${name}_${what}_total`;
			const n = rate(figures, series, { interface: i });

			values[`${i} ${way}`] = n === null ? null : n * factor;
		}
	}
	return values;
}

/* Of an interface both lines have one colour. */
const interfaceLook = figures => name => ({
	colour: names(figures, "postern_interface_up", "interface").indexOf(
		name.replace(/ (in|out)$/, "")),
	dashed: name.endsWith(" out"),
});

/* Those that have a line already, or are not zero and there is a colour left; then the others. */
function capped(chart, all) {
	const values = chart.series.has("others") ? { others: 0 } : {};
	let room = COLOURS - 1 - chart.series.size;

	for (const name in all) {
		if (chart.series.has(name) || (all[name] > 0 && room-- > 0))
			values[name] = all[name];
		else if (all[name] > 0)
			values.others = (values.others || 0) + all[name];
	}
	return values;
}

function byReason(figures) {
	const series = "postern_dropped_packets_total";

	return Object.fromEntries(names(figures, series, "reason")
		.map(reason => [reason, rate(figures, series, { reason })]));
}

function byAddress(figures) {
	return Object.fromEntries(rows(figures, "postern_ports_used")
		.map(row => [`${row.address} ${row.protocol}`, row.value]));
}

function showCharts(figures) {
	const look = interfaceLook(figures);

	charts.bits.add(byInterface(figures, "bytes", 8), look);
	charts.packets.add(byInterface(figures, "packets", 1), look);
	charts.connections.add({ connections: sum(figures, "postern_connections") });
	charts.begun.add({ connections: rate(figures, "postern_connections_opened_total") });
	charts.drops.add(capped(charts.drops, byReason(figures)));
	charts.ports.add(capped(charts.ports, byAddress(figures)));
	charts.binds.add({ done: rate(figures, "postern_editor_binds_total"),
		failed: rate(figures, "postern_editor_bind_failures_total") });
}

/* Asking. */

function showState(figures) {
	const info = rows(figures, "postern_build_info")[0];
	const ready = sum(figures, "postern_ready") > 0;

	document.getElementById("state").className = ready ? "good" : "bad";
	put("state", `${info.version}, ${ready ? "ready" : "not ready yet"}, up ` +
		seconds(sum(figures, "postern_uptime_seconds")));
}

async function ask(path) {
	const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS),
		cache: "no-store" });

	if (!answer.ok)
		throw new Error(`${path}: ${answer.status}`);
	return answer.json();
}

async function look() {
	const [figures, listeners] = await Promise.all(
		["/figures.json", "/listeners.json"].map(ask));

	showState(figures);
	showTiles(figures);
	showCharts(figures);
	showInterfaces(figures);
	showPorts(figures);
	showAccount(figures);
	showBinds(figures);
	showEndpoints(listeners.result, figures);
	before = figures;
	document.body.dataset.looks = Number(document.body.dataset.looks || 0) + 1;
}

async function go() {
	const start = performance.now();

	try {
		await look();
	} catch (error) {
		document.getElementById("state").className = "bad";
		put("state", `no answer: ${error.message}`);
	}
	setTimeout(go, Math.max(0, EVERY_MS - (performance.now() - start)));
}

for (const name of ["bits", "packets", "connections", "begun", "drops", "binds", "ports"])
	charts[name] = new Chart(`chart-${name}`);
window.addEventListener("resize", () => Object.values(charts).forEach(chart => chart.paint()));
go();
