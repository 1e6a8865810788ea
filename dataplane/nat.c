/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctnetlink: events and dumps over one socket, read without blocking, into nat_table.c. Messages
 * are read in batches and their attributes parsed with libnl; its conntrack objects are not used,
 * since they do not know zones of one direction.
 *
 * A dump is asked for at the beginning, after an overrun, and from time to time where connections
 * end without an event. Its answer comes through the same queue as the events, in which the kernel
 * puts a piece of it whenever something is read. After an overrun the kernel drops all events until
 * the queue has been empty once, so a dump asked for before that would be outdated when it came.
 */
#include <plx/nat.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netfilter/nfnl.h>
#include <netlink/netlink.h>

#include "clock.h"
#include "nat_table.h"
#include "sysctl.h"

#define ERROR_MAX 256

/* Datagrams of one system call; none is larger, since the kernel makes dumps of pages. */
#define BATCH	       32
#define DATAGRAM_BYTES 8192

/* Work of one call of plx_nat__read(), some milliseconds: messages, entries looked at. */
#define READ_BUDGET  4096
#define TABLE_BUDGET 16384

/* Between dumps: so long, and so many times as long as the last one took. */
#define PAUSE_NS    1000000000ULL
#define PAUSE_TIMES 4

#define EVENTS_PATH "/proc/sys/net/netfilter/nf_conntrack_events"

struct plx_nat {
	struct plx_nat_opts opts;
	char error[ERROR_MAX];
	struct nl_sock *sk;
	struct plx_nat_table *table;

	bool wanted;	    /* a dump, as soon as the queue was empty once */
	int64_t queued;	    /* octets to read until it was for sure */
	uint64_t pause_ns;  /* no dump before */
	bool dumping;	    /* one was asked for, and its end not read yet */
	uint64_t asked_ns;  /* when */
	bool spoiled;	    /* an event was lost meanwhile */
	bool sweeping;	    /* its end was read, what is missing in it not yet ended */
	int dump_err;	    /* what became of it, to be told */
	uint32_t dump_seq;  /* of the request */
	uint64_t resync_ns; /* when the next one is due */
	bool synced;
	uint64_t overruns;
	uint64_t dumps; /* completed */
	uint64_t unreadable;
	uint64_t seen; /* by packets */

	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_nl senders[BATCH];
	unsigned char (*datagrams)[DATAGRAM_BYTES];
};

__attribute__((format(printf, 3, 4))) static int fail(struct plx_nat *nat, int err, const char *fmt,
						      ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(nat->error, sizeof(nat->error), fmt, ap);
	va_end(ap);
	return err;
}

/* An error of libnl, which has numbers of its own. */
static int fail_nl(struct plx_nat *nat, int nl_err)
{
	switch (-nl_err) {
	case NLE_PERM:
		return fail(nat, -EPERM, "ctnetlink: needs CAP_NET_ADMIN");
	case NLE_NOMEM:
		return fail(nat, -ENOMEM, "ctnetlink: out of memory");
	case NLE_AF_NOSUPPORT:
	case NLE_PROTO_MISMATCH:
		return fail(nat, -EOPNOTSUPP, "the kernel has no nfnetlink");
	default:
		return fail(nat, -EIO, "ctnetlink: %s", nl_geterror(nl_err));
	}
}

const char *plx_nat__error(const struct plx_nat *nat)
{
	return nat->error;
}

int plx_nat__fd(const struct plx_nat *nat)
{
	return nat->sk ? nl_socket_get_fd(nat->sk) : -1;
}

void plx_nat__seen(struct plx_nat *nat, const struct plx_nat_seen *seen)
{
	const struct plx_nat_conn conn = {
		.tuple = {seen->tuple[0], seen->tuple[1]},
		.seen_reply = seen->status & IPS_SEEN_REPLY,
		.assured = seen->status & IPS_ASSURED,
	};

	nat->seen++;
	plx_nat_table_tell(nat->table, PLX_NAT_TOLD_PACKET, &conn, seen->ns);
}

const char *plx_nat_tcp_state_name(uint8_t state)
{
	/* enum tcp_conntrack, by the names that conntrack(8) has for them */
	static const char *const names[] = {
		[TCP_CONNTRACK_NONE] = "",
		[TCP_CONNTRACK_SYN_SENT] = "SYN_SENT",
		[TCP_CONNTRACK_SYN_RECV] = "SYN_RECV",
		[TCP_CONNTRACK_ESTABLISHED] = "ESTABLISHED",
		[TCP_CONNTRACK_FIN_WAIT] = "FIN_WAIT",
		[TCP_CONNTRACK_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCP_CONNTRACK_LAST_ACK] = "LAST_ACK",
		[TCP_CONNTRACK_TIME_WAIT] = "TIME_WAIT",
		[TCP_CONNTRACK_CLOSE] = "CLOSE",
		[TCP_CONNTRACK_SYN_SENT2] = "SYN_SENT2",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* Attributes. All that is used must be there and long enough, else the message is unreadable. */

static bool parse_addresses(struct nlattr *attr, struct plx_nat_tuple *tuple)
{
	static struct nla_policy policy[CTA_IP_MAX + 1] = {
		[CTA_IP_V4_SRC] = {.type = NLA_U32},
		[CTA_IP_V4_DST] = {.type = NLA_U32},
		[CTA_IP_V6_SRC] = {.minlen = 16},
		[CTA_IP_V6_DST] = {.minlen = 16},
	};
	struct nlattr *ip[CTA_IP_MAX + 1], *source, *dest;
	size_t size = tuple->version == 4 ? 4 : 16;

	if (nla_parse_nested(ip, CTA_IP_MAX, attr, policy) < 0)
		return false;
	source = ip[tuple->version == 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC];
	dest = ip[tuple->version == 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST];
	if (!source || !dest)
		return false;
	memcpy(tuple->source, nla_data(source), size);
	memcpy(tuple->dest, nla_data(dest), size);
	return true;
}

/* Ports of protocols that have some in a flow key, too: those of GRE are its key. */
static bool parse_ports(struct nlattr *attr, struct plx_nat_tuple *tuple, uint16_t *ret_icmp_id)
{
	static struct nla_policy policy[CTA_PROTO_MAX + 1] = {
		[CTA_PROTO_NUM] = {.type = NLA_U8},
		[CTA_PROTO_SRC_PORT] = {.type = NLA_U16},
		[CTA_PROTO_DST_PORT] = {.type = NLA_U16},
		[CTA_PROTO_ICMP_ID] = {.type = NLA_U16},
		[CTA_PROTO_ICMP_TYPE] = {.type = NLA_U8},
		[CTA_PROTO_ICMP_CODE] = {.type = NLA_U8},
		[CTA_PROTO_ICMPV6_ID] = {.type = NLA_U16},
		[CTA_PROTO_ICMPV6_TYPE] = {.type = NLA_U8},
		[CTA_PROTO_ICMPV6_CODE] = {.type = NLA_U8},
	};
	struct nlattr *proto[CTA_PROTO_MAX + 1], *id, *type, *code;

	if (nla_parse_nested(proto, CTA_PROTO_MAX, attr, policy) < 0 || !proto[CTA_PROTO_NUM])
		return false;
	tuple->protocol = nla_get_u8(proto[CTA_PROTO_NUM]);
	id = proto[tuple->version == 4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID];
	type = proto[tuple->version == 4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE];
	code = proto[tuple->version == 4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE];
	switch (tuple->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (!proto[CTA_PROTO_SRC_PORT] || !proto[CTA_PROTO_DST_PORT])
			return false;
		tuple->source_port = nla_get_u16(proto[CTA_PROTO_SRC_PORT]);
		tuple->dest_port = nla_get_u16(proto[CTA_PROTO_DST_PORT]);
		return true;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		/* one of the two in IP of the other version is a protocol like any other */
		if (tuple->protocol != (tuple->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
			return true;
		if (!id || !type || !code)
			return false;
		tuple->dest_port = htons(nla_get_u8(type) << 8 | nla_get_u8(code));
		*ret_icmp_id = nla_get_u16(id);
		return true;
	default:
		return true;
	}
}

static bool parse_tuple(struct nlattr *attr, uint8_t version, struct plx_nat_tuple *ret_tuple,
			uint16_t *ret_zone, uint16_t *ret_icmp_id)
{
	static struct nla_policy policy[CTA_TUPLE_MAX + 1] = {
		[CTA_TUPLE_IP] = {.type = NLA_NESTED},
		[CTA_TUPLE_PROTO] = {.type = NLA_NESTED},
		[CTA_TUPLE_ZONE] = {.type = NLA_U16},
	};
	struct nlattr *parts[CTA_TUPLE_MAX + 1];

	ret_tuple->version = version;
	if (nla_parse_nested(parts, CTA_TUPLE_MAX, attr, policy) < 0 || !parts[CTA_TUPLE_IP] ||
	    !parts[CTA_TUPLE_PROTO])
		return false;
	if (parts[CTA_TUPLE_ZONE])
		*ret_zone = ntohs(nla_get_u16(parts[CTA_TUPLE_ZONE]));
	return parse_addresses(parts[CTA_TUPLE_IP], ret_tuple) &&
	       parse_ports(parts[CTA_TUPLE_PROTO], ret_tuple, ret_icmp_id);
}

static bool parse_tcp_state(struct nlattr *attr, uint8_t *ret_state)
{
	static struct nla_policy policy[CTA_PROTOINFO_MAX + 1] = {
		[CTA_PROTOINFO_TCP] = {.type = NLA_NESTED},
	};
	static struct nla_policy tcp_policy[CTA_PROTOINFO_TCP_MAX + 1] = {
		[CTA_PROTOINFO_TCP_STATE] = {.type = NLA_U8},
	};
	struct nlattr *info[CTA_PROTOINFO_MAX + 1], *tcp[CTA_PROTOINFO_TCP_MAX + 1];

	if (nla_parse_nested(info, CTA_PROTOINFO_MAX, attr, policy) < 0)
		return false;
	if (!info[CTA_PROTOINFO_TCP])
		return true;
	if (nla_parse_nested(tcp, CTA_PROTOINFO_TCP_MAX, info[CTA_PROTOINFO_TCP], tcp_policy) < 0)
		return false;
	if (tcp[CTA_PROTOINFO_TCP_STATE])
		*ret_state = nla_get_u8(tcp[CTA_PROTOINFO_TCP_STATE]);
	return true;
}

static bool parse_counters(struct nlattr *attr, uint64_t *ret_packets, uint64_t *ret_octets)
{
	static struct nla_policy policy[CTA_COUNTERS_MAX + 1] = {
		[CTA_COUNTERS_PACKETS] = {.type = NLA_U64},
		[CTA_COUNTERS_BYTES] = {.type = NLA_U64},
	};
	struct nlattr *counters[CTA_COUNTERS_MAX + 1];

	if (nla_parse_nested(counters, CTA_COUNTERS_MAX, attr, policy) < 0 ||
	    !counters[CTA_COUNTERS_PACKETS] || !counters[CTA_COUNTERS_BYTES])
		return false;
	*ret_packets = be64toh(nla_get_u64(counters[CTA_COUNTERS_PACKETS]));
	*ret_octets = be64toh(nla_get_u64(counters[CTA_COUNTERS_BYTES]));
	return true;
}

static bool parse_conn(struct nlmsghdr *hdr, struct plx_nat_conn *ret)
{
	static struct nla_policy policy[CTA_MAX + 1] = {
		[CTA_TUPLE_ORIG] = {.type = NLA_NESTED},
		[CTA_TUPLE_REPLY] = {.type = NLA_NESTED},
		[CTA_STATUS] = {.type = NLA_U32},
		[CTA_PROTOINFO] = {.type = NLA_NESTED},
		[CTA_COUNTERS_ORIG] = {.type = NLA_NESTED},
		[CTA_COUNTERS_REPLY] = {.type = NLA_NESTED},
		[CTA_ID] = {.type = NLA_U32},
		[CTA_ZONE] = {.type = NLA_U16},
	};
	uint8_t version = nfnlmsg_family(hdr) == AF_INET ? 4 : 6;
	struct nlattr *ct[CTA_MAX + 1];
	uint16_t reply_icmp_id;
	uint32_t status;

	memset(ret, 0, sizeof(*ret));
	if (nlmsg_parse(hdr, sizeof(struct nfgenmsg), ct, CTA_MAX, policy) < 0 ||
	    !ct[CTA_TUPLE_ORIG] || !ct[CTA_TUPLE_REPLY] || !ct[CTA_STATUS] || !ct[CTA_ID])
		return false;
	if (ct[CTA_ZONE]) /* of both directions */
		ret->zone[0] = ret->zone[1] = ntohs(nla_get_u16(ct[CTA_ZONE]));
	if (!parse_tuple(ct[CTA_TUPLE_ORIG], version, &ret->tuple[0], &ret->zone[0],
			 &ret->icmp_id) ||
	    !parse_tuple(ct[CTA_TUPLE_REPLY], version, &ret->tuple[1], &ret->zone[1],
			 &reply_icmp_id))
		return false;
	if (ct[CTA_PROTOINFO] && !parse_tcp_state(ct[CTA_PROTOINFO], &ret->tcp_state))
		return false;
	ret->counted = ct[CTA_COUNTERS_ORIG] && ct[CTA_COUNTERS_REPLY];
	if (ret->counted &&
	    (!parse_counters(ct[CTA_COUNTERS_ORIG], &ret->packets[0], &ret->octets[0]) ||
	     !parse_counters(ct[CTA_COUNTERS_REPLY], &ret->packets[1], &ret->octets[1])))
		return false;
	status = ntohl(nla_get_u32(ct[CTA_STATUS]));
	ret->seen_reply = status & IPS_SEEN_REPLY;
	ret->assured = status & IPS_ASSURED;
	ret->id = ntohl(nla_get_u32(ct[CTA_ID]));
	return true;
}

/* Dumps. */

/* No more is to come of a dump: let others have the CPU before the next one, if that is due. */
static void dump_over(struct plx_nat *nat, uint64_t now)
{
	uint64_t pause = PAUSE_TIMES * (now - nat->asked_ns);

	nat->dumping = false;
	nat->pause_ns = now + (pause > PAUSE_NS ? pause : PAUSE_NS);
}

static void dump_failed(struct plx_nat *nat, uint64_t now)
{
	dump_over(nat, now);
	plx_nat_table_abort(nat->table);
	nat->wanted = true;
}

static void dump_refused(struct plx_nat *nat, int err, uint64_t now)
{
	dump_failed(nat, now);
	if (err == -ENOBUFS || err == -EBUSY) /* no room to answer; the last one is still sent */
		return;
	nat->dump_err = err;
	if (err == -EINVAL) /* the answer of nfnetlink to what nobody is there for */
		nat->dump_err = fail(nat, -EOPNOTSUPP,
				     "the kernel has no ctnetlink (CONFIG_NF_CT_NETLINK)");
	else if (err == -EPERM)
		fail(nat, err, "ctnetlink: a dump needs CAP_NET_ADMIN");
	else
		fail(nat, err, "ctnetlink: dump: %s", strerror(-err));
}

static void dump_ended(struct plx_nat *nat, uint64_t now)
{
	if (nat->spoiled) {
		dump_failed(nat, now);
		return;
	}
	dump_over(nat, now);
	plx_nat_table_end(nat->table);
	nat->sweeping = true;
	nat->resync_ns = now + nat->opts.resync_ns;
	nat->dumps++;
}

static int ask_for_dump(struct plx_nat *nat, uint64_t now)
{
	struct nl_msg *msg = nfnlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET,
						  NLM_F_DUMP, AF_UNSPEC, 0);
	int err = -NLE_NOMEM;

	nat->wanted = nat->spoiled = nat->sweeping = false;
	nat->dumping = true;
	nat->asked_ns = now;
	plx_nat_table_begin(nat->table);
	if (msg) {
		err = nl_send_auto(nat->sk, msg);
		nat->dump_seq = nlmsg_hdr(msg)->nlmsg_seq;
	}
	nlmsg_free(msg); /* takes NULL */
	if (err >= 0)
		return 0;
	dump_failed(nat, now);
	return fail_nl(nat, err);
}

/*
 * Where the sysctl is 2, the default since Linux 5.19, connections that are older than their first
 * listener end without an event, and where it is 0 all do: then dumps have to tell. Where it is 1,
 * or not there, events are complete.
 */
static bool needs_resync(const struct plx_nat *nat)
{
	char events = plx_sysctl(EVENTS_PATH);

	return events == '0' || (events && events != '1' && plx_nat_table_silent(nat->table) > 0);
}

/* Reading. */

static void overrun(struct plx_nat *nat)
{
	socklen_t size = sizeof(int);
	int queue = INT32_MAX;

	nat->overruns++;
	nat->synced = false;
	/* The limit counts more than the octets that are read, so these are a queueful for sure. */
	(void)getsockopt(nl_socket_get_fd(nat->sk), SOL_SOCKET, SO_RCVBUF, &queue, &size);
	nat->queued = queue;
	nat->sweeping = false;
	if (nat->dumping)
		nat->spoiled = true;
	else
		nat->wanted = true;
}

static void message(struct plx_nat *nat, struct nlmsghdr *hdr, uint64_t now)
{
	bool answer = nat->dumping && hdr->nlmsg_seq == nat->dump_seq &&
		      hdr->nlmsg_pid == nl_socket_get_local_port(nat->sk);
	enum plx_nat_told told = PLX_NAT_TOLD_UPDATE;
	struct plx_nat_conn conn;
	int err = 0;

	if (hdr->nlmsg_type == NLMSG_ERROR || hdr->nlmsg_type == NLMSG_DONE) {
		/* both begin with an error */
		if (nlmsg_datalen(hdr) >= (int)sizeof(err))
			memcpy(&err, nlmsg_data(hdr), sizeof(err));
		if (answer && err < 0)
			dump_refused(nat, err, now);
		else if (answer && hdr->nlmsg_type == NLMSG_DONE)
			dump_ended(nat, now);
		return;
	}
	if (nfnlmsg_subsys(hdr) != NFNL_SUBSYS_CTNETLINK ||
	    !nlmsg_valid_hdr(hdr, sizeof(struct nfgenmsg)))
		return;
	if (hdr->nlmsg_flags & NLM_F_MULTI) {
		if (!answer) /* of a dump that was given up */
			return;
		told = PLX_NAT_TOLD_DUMP;
	} else if (nfnlmsg_subtype(hdr) == IPCTNL_MSG_CT_DELETE) {
		told = PLX_NAT_TOLD_END;
	} else if (hdr->nlmsg_flags & NLM_F_CREATE) {
		told = PLX_NAT_TOLD_NEW;
	}
	if (parse_conn(hdr, &conn))
		plx_nat_table_tell(nat->table, told, &conn, now);
	else
		nat->unreadable++;
}

/*
 * One batch. Returns messages read, or a negative errno; *ret_more says whether there may be more.
 * A batch that is not full ended at an empty queue, or at an error: that makes the socket readable.
 */
static int read_batch(struct plx_nat *nat, bool *ret_more)
{
	int nr, err, read = 0;
	uint64_t now;

	for (int i = 0; i < BATCH; i++) {
		nat->messages[i].msg_hdr.msg_namelen = sizeof(nat->senders[i]);
		nat->messages[i].msg_hdr.msg_flags = 0;
	}
	nr = recvmmsg(nl_socket_get_fd(nat->sk), nat->messages, BATCH, MSG_DONTWAIT, NULL);
	err = -errno;
	now = plx_now_ns();
	*ret_more = nr == BATCH;
	if (nr < 0) {
		if (err == -ENOBUFS)
			overrun(nat);
		*ret_more = err == -ENOBUFS || err == -EINTR;
		return *ret_more || err == -EAGAIN ? 0 : err;
	}
	for (int i = 0; i < nr; i++) {
		struct nlmsghdr *hdr = (struct nlmsghdr *)nat->datagrams[i];
		int left = nat->messages[i].msg_len;

		nat->queued -= left;
		if (nat->senders[i].nl_pid != 0) /* not of the kernel */
			continue;
		if (nat->messages[i].msg_hdr.msg_flags & MSG_TRUNC)
			nat->unreadable++;
		for (; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left), read++)
			message(nat, hdr, now);
	}
	return read;
}

static void sweep(struct plx_nat *nat, uint64_t now)
{
	if (!nat->sweeping)
		return;
	nat->sweeping = plx_nat_table_sweep(nat->table, now, TABLE_BUDGET);
	nat->synced = !nat->sweeping;
}

/* Nobody says when connections end. */
static int pass_time(struct plx_nat *nat, uint64_t now)
{
	uint64_t silence_ns = nat->opts.retention_ns;
	bool more;

	/* Packets tell of a connection again, but not always. */
	if (silence_ns < 2 * PLX_NAT_TELL_NS)
		silence_ns = 2 * PLX_NAT_TELL_NS;
	more = plx_nat_table_silence(nat->table, now, silence_ns, READ_BUDGET);
	return plx_nat_table_expire(nat->table, now, READ_BUDGET) || more;
}

int plx_nat__read(struct plx_nat *nat)
{
	int nr = 0, handled = 0, err = 0;
	uint64_t now = plx_now_ns();
	bool more = true;

	if (!nat->sk)
		return pass_time(nat, now);
	if (nat->opts.resync_ns && !nat->wanted && !nat->dumping && now >= nat->resync_ns) {
		nat->resync_ns = now + nat->opts.resync_ns;
		nat->wanted = needs_resync(nat);
	}
	for (; more && handled < READ_BUDGET; handled += nr + 1)
		nr = read_batch(nat, &more);
	if (nr < 0)
		err = fail(nat, nr, "ctnetlink: %s", strerror(-nr));
	if (nat->dump_err) {
		err = nat->dump_err;
		nat->dump_err = 0;
	}
	now = plx_now_ns();
	if (err == 0 && nat->wanted && now >= nat->pause_ns && (!more || nat->queued <= 0)) {
		err = ask_for_dump(nat, now);
		more = true; /* the kernel answers at once */
	}
	sweep(nat, now);
	more = plx_nat_table_expire(nat->table, now, READ_BUDGET) || more || nat->sweeping;
	return err ? err : more;
}

/* Open and close. */

static int connect_socket(struct plx_nat *nat)
{
	int bytes = nat->opts.buffer_bytes, fd, err;

	nat->sk = nl_socket_alloc();
	if (!nat->sk)
		return fail(nat, -ENOMEM, "out of memory");
	err = nfnl_connect(nat->sk);
	if (err)
		return fail_nl(nat, err);
	/* As far as it goes without CAP_NET_ADMIN in the first user namespace. */
	fd = nl_socket_get_fd(nat->sk);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	err = nl_socket_add_memberships(nat->sk, NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE,
					NFNLGRP_CONNTRACK_DESTROY, 0);
	return err ? fail_nl(nat, err) : 0;
}

static int listen_to_kernel(struct plx_nat *nat)
{
	const struct plx_nat_opts *opts = &nat->opts;
	int err;

	if (opts->buffer_bytes == 0 || opts->buffer_bytes > INT32_MAX / 2)
		return fail(nat, -EINVAL, "buffer of %u octets: not from 1 to 2^30 - 1",
			    opts->buffer_bytes);
	nat->datagrams = calloc(BATCH, sizeof(*nat->datagrams));
	if (!nat->datagrams)
		return fail(nat, -ENOMEM, "out of memory");
	for (int i = 0; i < BATCH; i++) {
		nat->vectors[i].iov_base = nat->datagrams[i];
		nat->vectors[i].iov_len = sizeof(nat->datagrams[i]);
		nat->messages[i].msg_hdr.msg_iov = &nat->vectors[i];
		nat->messages[i].msg_hdr.msg_iovlen = 1;
		nat->messages[i].msg_hdr.msg_name = &nat->senders[i];
	}
	err = connect_socket(nat);
	if (err)
		return err;
	err = ask_for_dump(nat, plx_now_ns());
	if (err)
		return err;
	/* The kernel has answered already, if only that it cannot. */
	err = plx_nat__read(nat);
	return err < 0 ? err : 0;
}

static int open_nat(struct plx_nat *nat)
{
	const struct plx_nat_opts *opts = &nat->opts;

	if (opts->capacity == 0 || opts->capacity > 1U << 30)
		return fail(nat, -EINVAL, "capacity %u: not from 1 to 2^30", opts->capacity);
	nat->table = plx_nat_table_new(opts->capacity, opts->retention_ns);
	if (!nat->table)
		return fail(nat, -ENOMEM, "out of memory");
	plx_nat_table_notify(nat->table, opts->event, opts->arg);
	return opts->ctnetlink ? listen_to_kernel(nat) : 0;
}

int plx_nat__open(const struct plx_nat_opts *opts, struct plx_nat **ret_nat, char *ret_err,
		  size_t err_size)
{
	struct plx_nat *nat = calloc(1, sizeof(*nat));
	int err;

	if (!nat) {
		snprintf(ret_err, err_size, "out of memory");
		return -ENOMEM;
	}
	nat->opts = *opts;
	err = open_nat(nat);
	if (err) {
		snprintf(ret_err, err_size, "%s", nat->error);
		plx_nat__close(nat);
		return err;
	}
	*ret_nat = nat;
	return 0;
}

void plx_nat__close(struct plx_nat *nat)
{
	if (!nat)
		return;
	nl_socket_free(nat->sk); /* takes NULL */
	plx_nat_table_free(nat->table);
	free(nat->datagrams);
	free(nat);
}

bool plx_nat__find_before(struct plx_nat *nat, const struct plx_nat_tuple *before,
			  struct plx_nat_mapping *ret)
{
	return plx_nat_table_find_before(nat->table, before, ret);
}

bool plx_nat__find_after(struct plx_nat *nat, const struct plx_nat_tuple *after,
			 struct plx_nat_mapping *ret)
{
	return plx_nat_table_find_after(nat->table, after, ret);
}

bool plx_nat__next(const struct plx_nat *nat, uint64_t *cursor, struct plx_nat_mapping *ret)
{
	return plx_nat_table_next(nat->table, cursor, ret);
}

void plx_nat__info(const struct plx_nat *nat, struct plx_nat_info *ret_info)
{
	plx_nat_table_info(nat->table, ret_info);
	ret_info->synced = nat->synced;
	ret_info->silent = plx_sysctl(EVENTS_PATH) == '0';
	ret_info->overruns = nat->overruns;
	ret_info->resyncs = nat->dumps ? nat->dumps - 1 : 0;
	ret_info->unreadable = nat->unreadable;
	ret_info->seen = nat->seen;
	ret_info->memory_bytes += (nat->sk ? BATCH * DATAGRAM_BYTES : 0) + sizeof(*nat);
}
