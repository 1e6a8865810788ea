/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What flowgen.c tells its BPF program before load, and what the program counts. Offsets are from
 * the start of the frame; sums are one's complement sums over what does not change from frame to
 * frame. The includer provides __u8 .. __u64.
 */
#ifndef FLOWGEN_H
#define FLOWGEN_H

#define FLOWGEN_HEADER_MAX 80	 /* Ethernet, a tag, IPv6, TCP, rounded up to words */
#define FLOWGEN_ADDRESSES  65536 /* source addresses used before the source port moves on */
#define FLOWGEN_PORT_MIN   1024

struct flowgen_config {
	__u32 ifindex;
	__u32 cpu; /* the only one that the program runs on */
	__u64 flows;
	__u64 gap_ns; /* between frames, 0: as fast as possible */
	__u32 random;
	__u32 source_base; /* host order; IPv6: the low 32 bits */
	__u32 header_size; /* octets that are written anew in every frame, a multiple of 4 */
	__u32 source_at;   /* of the source address' low 32 bits */
	__u32 ip_check_at; /* 0: IPv6 */
	__u32 ports_at;
	__u32 l4_check_at;
	__u32 ip_sum;
	__u32 l4_sum;
	__u32 udp; /* a checksum of 0 is written as 0xffff */
	__u32 header[FLOWGEN_HEADER_MAX / 4];
};

struct flowgen_counts {
	__u64 sent;	/* frames that the device took */
	__u64 refused;	/* frames that it did not; they are made again */
	__u64 pending;	/* made, and neither yet */
	__u64 next_ns;	/* when the next frame is due */
	__u64 late;	/* times that the schedule was given up, being 10 ms behind */
	__u64 first_ns; /* the first frame was made */
	__u64 last_ns;	/* the last bulk was sent */
};

#endif
