/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map of the project. The XDP and the TC object declare the same ones; user space creates
 * them once and lets both use them. Sizes given as 1 are set before load. bpf/README.md has who
 * writes and who reads each.
 */
#ifndef PLX_MAPS_H
#define PLX_MAPS_H

#include <bpf/bpf_helpers.h>
#include <plx/parse.h>

/* Flows that a table takes in one epoch; more go to the spill ring. */
const volatile __u64 flows_limit = 0;
const volatile __u64 tunnels_limit = 0; /* of those with a tunnel in their key */

/* Buffer number -> flow table. The inner maps are made by user space, which knows their size. */
#define FLOW_TABLES(key_type)                                                                      \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                          \
		__uint(max_entries, PLX_NR_BUFFERS);                                               \
		__type(key, __u32);                                                                \
		__array(                                                                           \
			values, struct {                                                           \
				__uint(type, BPF_MAP_TYPE_LRU_HASH);                               \
				__uint(max_entries, 1);                                            \
				__uint(key_size, sizeof(key_type));                                \
				__uint(value_size, sizeof(struct plx_flow_stats));                 \
			});                                                                        \
	}

FLOW_TABLES(struct plx_flow_key4) flows4 SEC(".maps");
FLOW_TABLES(struct plx_flow_key) flows6 SEC(".maps");
FLOW_TABLES(struct plx_flow_key_tunnel) flows_tunnel SEC(".maps");

/* Packets of flows that had no room: struct plx_sample. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} spill SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct plx_frag_key);
	__type(value, struct plx_frag_flow);
} fragments SEC(".maps");

/* Connections under NAT that user space was told of. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct plx_nat_tuple);
	__type(value, struct plx_nat_known);
} nat SEC(".maps");

/* How it is told: struct plx_nat_seen. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} nat_told SEC(".maps");

/* The ledger: index PLX_IF_STATS_INDEX(slot, direction, buffer). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PLX_IF_STATS_MAX);
	__type(key, __u32);
	__type(value, struct plx_if_stats);
} if_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct plx_control);
} control SEC(".maps");

/* What bpf_xdp_ct_lookup() and bpf_skb_ct_lookup() take: struct bpf_ct_opts as it was until 6.9. */
struct ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 protocol;
	__u8 dir;
	__u8 reserved[2];
};

struct nat_question {
	struct bpf_sock_tuple tuple;
	struct ct_opts opts;
	struct plx_nat_seen answer;
	struct plx_nat_known known;
};

struct packet_slot {
	struct plx_parse_in in;
	struct plx_packet packet;
	struct nat_question nat;
};

/*
 * The packet at hand. Programs of one CPU do not interrupt each other: XDP and TC run with softirqs
 * off, TC egress included.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet_slot);
} packet SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct plx_cpu_clock);
} cpu_clock SEC(".maps");

#endif
