/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcap-filter(7) for XDP and TC: an expression to a classic BPF program, by libpcap, and that to
 * eBPF. The eBPF says of each packet what libpcap says of its image on the wire. Needs nothing else
 * of this library. README.md has the rules of the translation.
 *
 * The two kinds of instruction are both called struct bpf_insn, by <pcap/bpf.h> and <linux/bpf.h>,
 * so this header names neither and goes with both.
 */
#ifndef PLX_FILTER_H
#define PLX_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of classic BPF: struct sock_filter of <linux/filter.h>, struct bpf_insn of <pcap/bpf.h>. */
struct plx_cbpf_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

struct plx_cbpf {
	struct plx_cbpf_insn *insns;
	size_t nr;
};

struct plx_ebpf {
	void *insns; /* struct bpf_insn of <linux/bpf.h> */
	size_t nr;
};

/*
 * The classic program of an expression, for Ethernet. -EINVAL with libpcap's own words in ret_err
 * when it is none; -ENOMEM. Names of hosts are looked up, which may take long.
 */
int plx_cbpf__compile(const char *text, struct plx_cbpf *ret_program, char *ret_err,
		      size_t err_size);
void plx_cbpf__free(struct plx_cbpf *program);

/* What libpcap says of a packet: 0 when the program does not match. */
uint32_t plx_cbpf__run(const struct plx_cbpf *program, const void *packet, uint32_t length,
		       uint32_t captured);

enum plx_filter_hook {
	PLX_FILTER_XDP,
	PLX_FILTER_TC,
};

/* Octets up to here are read from the packet itself, if its linear part has them. */
#define PLX_FILTER_DIRECT 0x7fff

/*
 * Translate a program that libpcap made. The result is a function: the context of the hook (struct
 * xdp_md, struct __sk_buff) in r1, what the classic program returns in r0. It is a program as it
 * stands, and a subprogram that others may call; it uses 168 octets of stack, calls helpers and
 * has no maps. direct: what is farther away is read by helpers; PLX_FILTER_DIRECT, or less to test
 * that way. -EINVAL: not a program of libpcap, -E2BIG: a jump is too far, -ENOMEM.
 */
int plx_cbpf__translate(const struct plx_cbpf *program, enum plx_filter_hook hook, uint32_t direct,
			struct plx_ebpf *ret_code);
void plx_ebpf__free(struct plx_ebpf *code);

#endif
