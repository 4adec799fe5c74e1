/* SPDX-License-Identifier: BSD-3-Clause */
/* What lies between reading the event log (history.c) and asking it (history_ask.c). */
#pragma once

#include "history.h"

/* What is asked of, and what a hole may hide: whose ports, blocks, whole addresses these were. */
enum subject {
	OF_PORTS = 1 << 0,
	OF_BLOCKS = 1 << 1,
	OF_WHOLES = 1 << 2,
	OF_ALL = OF_PORTS | OF_BLOCKS | OF_WHOLES,
};

enum fact_kind {
	OPEN,
	CLOSE,
	CHANGE, /* the client's port is known from now on */
};

/* A thing that was said of a port, or of a range of them. */
struct fact {
	uint64_t ms;
	uint32_t place; /* in the log */
	uint32_t ip;
	uint16_t first, last;
	uint8_t protocol; /* 0: any */
	uint8_t kind;	  /* enum fact_kind */
	uint8_t by;	  /* enum pst_history_by */
	uint32_t client_ip;
	uint16_t client_port;
};

enum hole_kind {
	LOST,	    /* so many records, the appliance says */
	MISSING,    /* so many lines, their numbers say */
	UNREADABLE, /* a line */
	CRASHED,    /* the appliance started, and had not said that it stops */
	BEFORE,	    /* the log began */
};

struct hole {
	uint64_t from_ms, to_ms;
	uint32_t place;
	uint32_t subject; /* enum subject */
	enum hole_kind kind;
	uint64_t count;
};

/* The appliance started, stopped, or said what it logs. */
struct mark {
	uint64_t ms;
	uint32_t place;
	enum { START, STOP, SAID } kind;
	bool has_binds, has_listeners, has_blocks;
	uint32_t port_block;
	bool deterministic;
};

/* A growing list. */
struct list {
	void *items;
	size_t n, room, size;
};

struct pst_history {
	uint32_t ip;
	uint16_t port;	    /* 0: all are kept */
	struct list points; /* facts of one port */
	struct list ranges; /* and of several; both sorted at the end */
	struct list holes, marks;
	uint32_t place;
	uint64_t first_ms, last_ms; /* NO_TIME: there was no line yet */
	uint64_t seq;		    /* of the next line, NO_SEQ: any */
	bool is_running;	    /* it has started, and not stopped */
	bool unreadable;	    /* the line before: until the next one that can be read */
	uint64_t n_unreadable;
};
