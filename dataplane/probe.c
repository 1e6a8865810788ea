/* SPDX-License-Identifier: BSD-2-Clause */
/* See <plx/probe.h>. */
#include <plx/probe.h>

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/magic.h>
#include <linux/sockios.h>

#include "internal.h"
#include "sysctl.h"

#define TEXT_MAX 256

struct probe {
	plx_probe_fn found;
	void *arg;
};

__attribute__((format(printf, 4, 5))) static void
say(const struct probe *probe, const char *what, enum plx_probe_state state, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	probe->found(probe->arg, what, state, text);
}

static void probe_release(const struct probe *probe)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	uname(&name); /* cannot fail: the buffer is ours */
	(void)sscanf(name.release, "%u.%u", &major, &minor);
	if (major > 6 || (major == 6 && minor >= 1))
		say(probe, "kernel", PLX_PROBE_OK, "Linux %s", name.release);
	else
		say(probe, "kernel", PLX_PROBE_LIMITED, "Linux %s; nobody has tried one before 6.1",
		    name.release);
}

static void probe_capabilities(const struct probe *probe)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = {
		{CAP_BPF, "CAP_BPF"},
		{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		{CAP_PERFMON, "CAP_PERFMON"},
	};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	char missing[TEXT_MAX] = "";
	size_t len = 0;

	(void)syscall(SYS_capget, &header, data); /* should it fail there are none */
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(data[needed[i].number / 32].effective & 1U << needed[i].number % 32))
			len += snprintf(missing + len, sizeof(missing) - len, "%s%s",
					len ? ", " : "", needed[i].name);
	if (len)
		say(probe, "privileges", PLX_PROBE_MISSING,
		    "no %s; captures (-r) can be read without", missing);
	else
		say(probe, "privileges", PLX_PROBE_OK, "all that is needed");
}

void plx_probe_kernel(plx_probe_fn found, void *arg)
{
	const struct probe probe = {found, arg};
	struct statfs fs;
	char jit = plx_sysctl("/proc/sys/net/core/bpf_jit_enable");

	probe_release(&probe);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		say(&probe, "BTF", PLX_PROBE_MISSING, "/sys/kernel/btf/vmlinux: %s",
		    strerror(errno));
	else
		say(&probe, "BTF", PLX_PROBE_OK, "there");
	probe_capabilities(&probe);
	/* without the file there is no interpreter either, so programs are compiled */
	if (jit == '0')
		say(&probe, "JIT", PLX_PROBE_LIMITED,
		    "off: programs are interpreted, many times slower "
		    "(sysctl net.core.bpf_jit_enable=1)");
	else
		say(&probe, "JIT", PLX_PROBE_OK, "on");
	if (statfs("/sys/fs/bpf", &fs) || fs.f_type != BPF_FS_MAGIC)
		say(&probe, "bpffs", PLX_PROBE_LIMITED,
		    "not mounted at /sys/fs/bpf: no XDP program beside ours on an interface");
	else
		say(&probe, "bpffs", PLX_PROBE_OK, "mounted at /sys/fs/bpf");
}

void plx_probe_nat(plx_probe_fn found, void *arg)
{
	const struct probe probe = {found, arg};
	char why[TEXT_MAX], events = plx_sysctl("/proc/sys/net/netfilter/nf_conntrack_events");
	bool loaded = access("/proc/sys/net/netfilter/nf_conntrack_max", F_OK) == 0;

	if (plx_kfuncs_find(why, sizeof(why)) == 0)
		say(&probe, "NAT, kfuncs", PLX_PROBE_OK,
		    "programs ask for the connections of new flows");
	else if (!loaded)
		say(&probe, "NAT, kfuncs", PLX_PROBE_OK,
		    "looked for when nf_conntrack is there; parallaxd loads it");
	else
		say(&probe, "NAT, kfuncs", PLX_PROBE_LIMITED, "%.200s; ctnetlink is enough", why);
	if (!loaded)
		say(&probe, "NAT, ctnetlink", PLX_PROBE_OK,
		    "nothing is tracked yet; parallaxd loads the module");
	else if (events == '0')
		say(&probe, "NAT, ctnetlink", PLX_PROBE_LIMITED,
		    "no events: a dump a minute (sysctl net.netfilter.nf_conntrack_events=1)");
	else
		say(&probe, "NAT, ctnetlink", PLX_PROBE_OK, "a dump, then events");
	if (loaded && plx_sysctl("/proc/sys/net/netfilter/nf_conntrack_acct") != '1')
		say(&probe, "NAT, counters", PLX_PROBE_LIMITED,
		    "connections have no octets in `parallax nat` "
		    "(sysctl net.netfilter.nf_conntrack_acct=1)");
}

/* What an interface is; false when there is none. */
static bool look_at(const char *name, char ret_driver[32], bool *ret_ethernet, bool *ret_up)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq req = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool there;

	if (fd < 0)
		return false;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	there = ioctl(fd, SIOCGIFFLAGS, &req) == 0;
	*ret_up = there && req.ifr_flags & IFF_UP;
	*ret_ethernet = there && ioctl(fd, SIOCGIFHWADDR, &req) == 0 &&
			(req.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
			 req.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK);
	req.ifr_data = (void *)&info;
	snprintf(ret_driver, 32, "%s",
		 there && ioctl(fd, SIOCETHTOOL, &req) == 0 ? info.driver : "unknown");
	close(fd);
	return there;
}

int plx_probe_iface(const char *name, plx_probe_fn found, void *arg)
{
	const struct probe probe = {found, arg};
	unsigned int ifindex = if_nametoindex(name);
	bool ethernet = false, up = false;
	uint32_t prog_id = 0;
	char driver[32];

	if (!ifindex || !look_at(name, driver, &ethernet, &up))
		return -ENODEV;
	if (!ethernet)
		say(&probe, name, PLX_PROBE_LIMITED, "not Ethernet: it cannot be metered");
	else if (!up)
		say(&probe, name, PLX_PROBE_LIMITED, "driver %s; the interface is down", driver);
	else if (bpf_xdp_query_id(ifindex, 0, &prog_id) == 0 && prog_id &&
		 !plx_prog_is(prog_id, "plx_xdp"))
		say(&probe, name, PLX_PROBE_LIMITED,
		    "driver %s; XDP program %u is attached: ours goes beside it where libxdp's "
		    "dispatcher works, else ingress is metered at TC",
		    driver, prog_id);
	else if (prog_id)
		say(&probe, name, PLX_PROBE_OK, "driver %s; metered at XDP now", driver);
	else
		say(&probe, name, PLX_PROBE_OK,
		    "driver %s; ingress at native XDP if the driver has it, else at TC", driver);
	return 0;
}

void plx_probe_ifaces(plx_probe_fn found, void *arg)
{
	struct if_nameindex *all = if_nameindex();

	for (size_t i = 0; all && all[i].if_index; i++) {
		bool ethernet = false, up = false;
		char driver[32];

		/* who wants to meter the loopback asks for it by name */
		if (strcmp(all[i].if_name, "lo") != 0 &&
		    look_at(all[i].if_name, driver, &ethernet, &up) && ethernet && up)
			(void)plx_probe_iface(all[i].if_name, found, arg);
	}
	if_freenameindex(all);
}
