/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Are there functions by which BPF programs can ask connection tracking? They are in the kernel or
 * in the module nf_conntrack, and are found by the BTF of either.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/netfilter/nfnl.h>
#include <netlink/netlink.h>

static const char *const names[] = {"bpf_xdp_ct_lookup", "bpf_skb_ct_lookup", "bpf_ct_release"};

#define NR_NAMES (sizeof(names) / sizeof(names[0]))

static const char *first_missing(const struct btf *btf)
{
	for (size_t i = 0; i < NR_NAMES; i++)
		if (btf__find_by_name_kind(btf, names[i], BTF_KIND_FUNC) < 0)
			return names[i];
	return NULL;
}

int plx_kfuncs_find(char *ret_why, size_t why_size)
{
	struct btf *kernel = btf__load_vmlinux_btf(), *module = NULL;
	const char *missing = kernel ? first_missing(kernel) : names[0];

	if (kernel && missing) {
		module = btf__load_module_btf("nf_conntrack", kernel);
		if (module)
			missing = first_missing(module);
	}
	if (missing)
		snprintf(ret_why, why_size, "no %s in the BTF of the kernel%s", missing,
			 module ? " or of nf_conntrack" : "; nf_conntrack is not loaded");
	btf__free(module);
	btf__free(kernel);
	return missing ? -ENOENT : 0;
}

void plx_kfuncs_load_module(void)
{
	struct nl_sock *sk = nl_socket_alloc();

	/* A question to ctnetlink makes nfnetlink load it, and that needs nf_conntrack. */
	if (sk && nfnl_connect(sk) == 0 &&
	    nfnl_send_simple(sk, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK,
			     AF_UNSPEC, 0) >= 0)
		(void)nl_wait_for_ack(sk);
	nl_socket_free(sk);
}
