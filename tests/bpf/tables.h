/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of each kind of flow table, and what the ledger says of them. Read testrun.h first. */
#ifndef TABLES_H
#define TABLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "testrun.h"

#define RING 65536

static struct testrun run;
static struct packet packet;

/* A packet of each kind of table, and where the headers begin that its flows are known by. */
static const struct {
	const char *sample;
	size_t ttl_at;
	size_t tcp_at;
} families[PLX_NR_FAMILIES] = {
	[PLX_FAMILY_IPV4] = {"tcp_over_ipv4", 14 + 8, 14 + 20},
	[PLX_FAMILY_IPV6] = {"tcp_over_ipv6", 14 + 7, 14 + 40},
	[PLX_FAMILY_TUNNEL] = {"tcp_over_ipv6_in_vxlan", 64 + 7, 64 + 40},
};

/* Flow number of a family: its ports. */
static inline void build_flow(struct packet *p, int family, uint32_t flow)
{
	sample_build(sample_find(families[family].sample), p);
	packet_set32(p, families[family].tcp_at, flow);
}

static inline int family_of(const struct plx_flow_record *rec)
{
	if (rec->key.flags & PLX_KEY_TUNNEL)
		return PLX_FAMILY_TUNNEL;
	return rec->key.flags & PLX_KEY_IPV4 ? PLX_FAMILY_IPV4 : PLX_FAMILY_IPV6;
}

static inline uint32_t flow_of(const struct plx_flow_record *rec)
{
	const uint8_t *ports = (const uint8_t *)&rec->key.source_port;

	return (uint32_t)ports[0] << 24 | ports[1] << 16 | ports[2] << 8 | ports[3];
}

static inline void send_flow(enum testrun_hook hook, int family, uint32_t flow)
{
	build_flow(&packet, family, flow);
	testrun_packet(&run, hook, packet.bytes, packet.size, NULL);
}

static inline void swap(void)
{
	if (plx_dataplane__swap(run.dp))
		fail_msg("%s", plx_dataplane__error(run.dp));
}

/* The ledger when everything has been delivered: no difference anywhere. */
static inline void check_ledger(int direction, uint64_t sent, uint64_t lost_in_ring)
{
	struct plx_if_ledger ledger;

	assert_int_equal(plx_dataplane__ledger(run.dp, 0, direction, &ledger), 0);
	assert_int_equal(ledger.seen.packets, sent);
	assert_int_equal(ledger.metered.packets, sent);
	assert_int_equal(ledger.ring_full.packets, lost_in_ring);
	assert_int_equal(ledger.evicted.packets, 0);
	assert_int_equal(ledger.evicted.bytes, 0);
	assert_int_equal(ledger.unexplained.packets, 0);
	assert_int_equal(ledger.unexplained.bytes, 0);
	assert_int_equal(ledger.held.packets, 0);
	assert_int_equal(ledger.held.bytes, 0);
	assert_int_equal(ledger.delivered.packets, sent - lost_in_ring);
}

#endif
