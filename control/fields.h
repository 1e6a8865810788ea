/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of records: which there are, what flows have which, how large they are and how they
 * are written. Templates of IPFIX and NetFlow v9, records and FIELDS.md all come from the table in
 * fields.c. Here a record is of a set: bits for what its flow has, and for what its session wants.
 */
#ifndef PLX_FIELDS_H
#define PLX_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

/* What all records of a session are: bits of a set, in no template id */
#define PLX_SESSION_NETFLOW9 (1u << 16)
#define PLX_SESSION_UPTIME   (1u << 17) /* times in ms since boot */
#define PLX_SESSION_SAMPLED  (1u << 18) /* with samplingInterval */
#define PLX_SESSION_LEAN     (1u << 19) /* nothing that nfdump does not know */
#define PLX_SESSION_FULL     (1u << 20) /* all there is */

#define PLX_RECORD_MIN	    100 /* no record of a flow is shorter; events are, */
#define PLX_RECORD_LEAN_MIN 63	/* and lean ones */
#define PLX_RECORD_MAX	    229 /* none is longer, but full ones, */
#define PLX_RECORD_FIELDS   48	/* nor has more fields */
#define PLX_RECORD_FULL_MAX 246
#define PLX_RECORD_PLACES   2498 /* sets that occur, without the bits of a session */

/* What exporters may ask for */
enum plx_field_set {
	PLX_FIELDS_DEFAULT, /* what is known to be understood, or skipped, everywhere */
	PLX_FIELDS_NFDUMP,  /* PLX_SESSION_LEAN */
	PLX_FIELDS_FULL,    /* PLX_SESSION_FULL */
};

struct plx_field {
	const char *name; /* IANA */
	const char *type;
	uint16_t element;
	uint16_t size;
	uint32_t with, without; /* bits that a set has to have, and not to have */
};

struct plx_record_times {
	uint64_t start_ns, end_ns; /* since 1970 */
	uint64_t boot_ms;	   /* same */
};

/* The set of a flow, and of an event, without the bits of a session. */
unsigned int plx_fields_of_flow(const struct plx_flow *flow);
unsigned int plx_fields_of_event(const struct plx_nat_event *event);

/* A set of events with other bits is of no record: sets for other uses of template ids. */
unsigned int plx_fields_spare(unsigned int number);

/* Number of a set among those that occur, below PLX_RECORD_PLACES. */
unsigned int plx_fields_place(unsigned int set);

/* The first field of records of a set, and those that follow it; NULL behind the last. */
const struct plx_field *plx_fields_first(unsigned int set);
const struct plx_field *plx_fields_next(unsigned int set, const struct plx_field *field);
size_t plx_fields_count(unsigned int set);
size_t plx_fields_size(unsigned int set); /* of a record */

/* Is it of what tells flows apart? */
bool plx_field_is_key(const struct plx_field *field);

/* Write a record; returns what is behind. set has the bits of the session. */
uint8_t *plx_fields_put(uint8_t *p, const struct plx_flow *flow,
			const struct plx_record_times *times, unsigned int set);
uint8_t *plx_fields_put_event(uint8_t *p, const struct plx_nat_event *event, uint64_t at_ms,
			      unsigned int set);

/* "TCP", "IPv4, ICMP": what a record is of that has the field; "" when it is in all. */
void plx_field_text(const struct plx_field *field, char *text, size_t size);

/* Walk the table itself: all fields of flows, or of events, in the order of records. */
const struct plx_field *plx_fields_table(bool events, size_t *ret_count);

#endif
