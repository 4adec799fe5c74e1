"use strict";

/* Elements, numbers for people, and charts of lines over time. */

function make(name, text, kind) {
	const e = document.createElement(name);

	if (text !== undefined)
		e.textContent = text;
	if (kind)
		e.className = kind;
	return e;
}

function draw(name, attributes) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", name);

	for (const key in attributes)
		e.setAttribute(key, attributes[key]);
	return e;
}

/* Three digits and a unit: 12, 1.23 k, 45.6 M. */
function short(n) {
	const units = ["", " k", " M", " G", " T", " P"];
	let unit = 0;

	if (n === null || n === undefined)
		return "–";
	while (Math.abs(n) >= 999.5 && unit < units.length - 1) {
		n /= 1000;
		unit++;
	}
	if (unit === 0 && Number.isInteger(n))
		return String(n);
	return n.toFixed(Math.abs(n) >= 99.95 ? 0 : Math.abs(n) >= 9.995 ? 1 : 2) + units[unit];
}

/* All digits, in groups. */
function whole(n) {
	return Math.round(n).toLocaleString("en-US");
}

function seconds(s) {
	if (s < 120)
		return Math.floor(s) + " s";
	if (s < 7200)
		return Math.floor(s / 60) + " min";
	if (s < 172800)
		return Math.floor(s / 3600) + " h";
	return Math.floor(s / 86400) + " d";
}

/* The lowest of 1, 2 and 5 times a power of ten that is not below n. */
function roundUp(n) {
	const power = Math.pow(10, Math.floor(Math.log10(n)));

	return [1, 2, 5, 10].map(x => x * power).find(x => x >= n * 0.999999);
}

const POINTS = 150;
const COLOURS = 8;

/* Lines that share a time axis; the newest point is at the right. */
class Chart {
	constructor(id) {
		this.host = document.getElementById(id);
		this.series = new Map();
		this.length = 0;
		this.at = null;		/* the point that is pointed at, from the right */
		this.svg = draw("svg", { role: "img" });
		this.legend = make("ul", undefined, "legend");
		this.legend.append(make("li", "none so far"));
		this.host.append(this.svg, this.legend);
		this.svg.addEventListener("pointermove", event => this.point(event));
		this.svg.addEventListener("pointerleave", () => this.point(null));
	}

	/* values: name -> number, or null where it is not known. */
	add(values, look) {
		this.length = Math.min(this.length + 1, POINTS);
		for (const name in values) {
			if (!this.series.has(name))
				this.begin(name, look ? look(name) : {});
		}
		for (const [name, line] of this.series) {
			line.points.push(name in values ? values[name] : null);
			if (line.points.length > POINTS)
				line.points.shift();
		}
		this.paint();
	}

	begin(name, look) {
		if (this.series.size === 0)
			this.legend.replaceChildren();
		const colour = (look.colour ?? this.series.size) % COLOURS;
		const kind = "k" + colour + (look.dashed ? " dashed" : "");
		const item = make("li"), key = draw("svg", { viewBox: "0 0 24 8" });
		const value = make("b");

		key.append(draw("path", { class: kind, d: "M0 4H24" }));
		item.append(key, name + " ", value);
		this.legend.append(item);
		this.series.set(name,
			{ points: new Array(this.length - 1).fill(null), kind, value });
	}

	point(event) {
		const box = this.svg.getBoundingClientRect();
		const x = event && (event.clientX - box.left - this.left) / (box.width - this.left);

		this.at = event && x >= 0 ? Math.round((1 - x) * (POINTS - 1)) : null;
		this.paint();
	}

	highest() {
		let most = 0;

		for (const line of this.series.values())
			most = Math.max(most, ...line.points);
		return most > 0 ? roundUp(most) : 1;
	}

	paint() {
		const box = this.svg.getBoundingClientRect();
		const width = box.width || 400, height = box.height || 176, foot = 16, head = 6;
		const top = this.highest(), left = this.left = 46;
		const x = i => left + (width - left - 2) * (1 - i / (POINTS - 1));
		const y = v => head + (height - head - foot) * (1 - v / top);

		this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
		this.svg.replaceChildren();
		for (const part of [0, 0.5, 1]) {
			const at = y(part * top);
			const line = draw("line", { x1: left, x2: width, y1: at, y2: at });
			const label = draw("text",
				{ x: left - 6, y: at + 4, "text-anchor": "end" });

			label.textContent = short(part * top);
			this.svg.append(line, label);
		}
		this.axis(x, height);
		for (const { kind, points } of this.series.values())
			this.svg.append(draw("path", { class: kind, d: path(points, x, y) }));
		if (this.at !== null)
			this.svg.append(draw("line", { class: "here", x1: x(this.at),
				x2: x(this.at), y1: head, y2: height - foot }));
		this.tell();
	}

	axis(x, height) {
		const ends = [[POINTS - 1, "5 min ago", "start"], [0, "now", "end"]];

		for (const [i, text, anchor] of ends) {
			const label = draw("text",
				{ x: x(i), y: height - 2, "text-anchor": anchor });

			label.textContent = text;
			this.svg.append(label);
		}
	}

	/* The legend has the numbers, of now or of where it is pointed at. */
	tell() {
		const words = [];

		for (const [name, line] of this.series) {
			const n = line.points[line.points.length - 1 - (this.at ?? 0)];

			line.value.textContent = short(n);
			words.push(`${name} ${short(n)}`);
		}
		this.svg.setAttribute("aria-label", words.join(", "));
	}
}

/* What is not known is a gap. */
function path(points, x, y) {
	let d = "", pen = "M";

	points.forEach((v, k) => {
		if (v === null) {
			pen = "M";
			return;
		}
		d += pen + x(points.length - 1 - k).toFixed(1) + " " + y(v).toFixed(1);
		pen = "L";
	});
	return d;
}
