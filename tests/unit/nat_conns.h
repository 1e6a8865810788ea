/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections as connection tracking would tell them, and what a table of them has. */
#ifndef NAT_CONNS_H
#define NAT_CONNS_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/nat_table.h"

#define SECOND	  1000000000ULL
#define START	  (1000 * SECOND)
#define RETENTION (30 * SECOND)

#define TCP    6
#define UDP    17
#define ICMP   1
#define ICMPV6 58

/* 10.0.0.N, and addresses that are not of this kind */
#define CLIENT(n) (0x0a000000 + (n))
#define PUBLIC	  0xc6336401
#define SERVER	  0xcb007105

static inline struct plx_nat_tuple tuple(uint8_t protocol, uint32_t source, uint16_t source_port,
					 uint32_t dest, uint16_t dest_port)
{
	return (struct plx_nat_tuple){
		.source = {htonl(source)},
		.dest = {htonl(dest)},
		.source_port = htons(source_port),
		.dest_port = htons(dest_port),
		.protocol = protocol,
		.version = 4,
	};
}

/* A client behind PUBLIC, source NAT: port is that of both sides. */
static inline struct plx_nat_conn snat(uint32_t id, uint32_t client, uint16_t port,
				       uint16_t public_port)
{
	return (struct plx_nat_conn){
		.tuple = {tuple(UDP, CLIENT(client), port, SERVER, 53),
			  tuple(UDP, SERVER, 53, PUBLIC, public_port)},
		.id = id,
	};
}

static inline struct plx_nat_table *make(uint32_t capacity)
{
	struct plx_nat_table *table = plx_nat_table_new(capacity, RETENTION);

	assert_non_null(table);
	return table;
}

static inline void check_tuple(struct plx_nat_tuple got, struct plx_nat_tuple want)
{
	assert_memory_equal(&got, &want, sizeof(want));
}

static inline struct plx_nat_info info_of(const struct plx_nat_table *table)
{
	struct plx_nat_info info;

	plx_nat_table_info(table, &info);
	return info;
}

static inline void check_counts(const struct plx_nat_table *table, uint32_t live, uint32_t ended)
{
	struct plx_nat_info info = info_of(table);

	assert_int_equal(info.live, live);
	assert_int_equal(info.ended, ended);
}

static inline struct plx_nat_mapping get(struct plx_nat_table *table, struct plx_nat_tuple before)
{
	struct plx_nat_mapping m;

	assert_true(plx_nat_table_find_before(table, &before, &m));
	check_tuple(m.before, before);
	return m;
}

static inline bool has(struct plx_nat_table *table, struct plx_nat_tuple before)
{
	struct plx_nat_mapping m;

	return plx_nat_table_find_before(table, &before, &m);
}

static inline bool has_after(struct plx_nat_table *table, struct plx_nat_tuple after)
{
	struct plx_nat_mapping m;

	return plx_nat_table_find_after(table, &after, &m);
}

#endif
