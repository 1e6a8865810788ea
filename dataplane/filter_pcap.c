/* SPDX-License-Identifier: BSD-2-Clause */
/* What libpcap does of plx/filter.h. */
#include <plx/filter.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

_Static_assert(sizeof(struct plx_cbpf_insn) == sizeof(struct bpf_insn) &&
		       offsetof(struct plx_cbpf_insn, jt) == offsetof(struct bpf_insn, jt) &&
		       offsetof(struct plx_cbpf_insn, jf) == offsetof(struct bpf_insn, jf) &&
		       offsetof(struct plx_cbpf_insn, k) == offsetof(struct bpf_insn, k),
	       "struct plx_cbpf_insn is that of libpcap");

int plx_cbpf__compile(const char *text, struct plx_cbpf *ret_program, char *ret_err,
		      size_t err_size)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	struct bpf_program program;
	int err = 0;

	if (!pcap)
		return -ENOMEM;
	if (pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN)) {
		snprintf(ret_err, err_size, "%s: '%s'", pcap_geterr(pcap), text);
		err = -EINVAL;
		goto out;
	}
	ret_program->nr = program.bf_len;
	ret_program->insns = calloc(program.bf_len, sizeof(*ret_program->insns));
	if (ret_program->insns)
		memcpy(ret_program->insns, program.bf_insns,
		       program.bf_len * sizeof(*ret_program->insns));
	else
		err = -ENOMEM;
	pcap_freecode(&program);
out:
	pcap_close(pcap);
	return err;
}

void plx_cbpf__free(struct plx_cbpf *program)
{
	free(program->insns);
	*program = (struct plx_cbpf){};
}

uint32_t plx_cbpf__run(const struct plx_cbpf *program, const void *packet, uint32_t length,
		       uint32_t captured)
{
	return bpf_filter((const struct bpf_insn *)program->insns, packet, length, captured);
}
