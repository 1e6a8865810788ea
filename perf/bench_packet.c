/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_packet: what the programs cost per packet, by BPF_PROG_TEST_RUN with many repetitions. Each
 * repetition is a packet of another flow (bench_tuple.h). All programs take turns in each round, so
 * that a busy moment of the machine hits all of them; ratios are taken within a round. Checked
 * afterwards: every packet is in the ledger and in a table.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/types.h>
#include <netlink/addr.h>
#include <netlink/netfilter/ct.h>
#include <netlink/netfilter/nfnl.h>
#include <netlink/netlink.h>

#include <plx/abi.h>

#include "bench.h"

#define LOOPBACK    1	/* ifindex of what test runs claim to come from */
#define TABLE_SLACK 256 /* per CPU, as in dataplane.c */

/* As in dataplane.c; connections are fewer than both have room for. */
#define NAT_KNOWN	32768
#define NAT_RING_BYTES	(4 << 20)
#define NAT_CONNECTIONS 16384

/* The programs of both objects, in the order in which they take turns. */
enum { EMPTY, TUPLE, PARSE, IN, OUT, NR_KINDS };
static const char *const kind_name[NR_KINDS] = {"bench_empty", "bench_tuple_only", "bench_parse",
						"bench_in", "bench_out"};

struct object {
	const char *dir, *file;
	int tables[PLX_NR_FAMILIES]
		  [PLX_NR_BUFFERS]; /* ingress counts into buffer 0, egress into 1 */
	struct bpf_object *obj;
	int fd[NR_KINDS]; /* -1: not in this object */
	struct plx_control *control;
	__u64 *count, *in_turn;
	bool kfuncs;	 /* programs ask connection tracking for NAT */
	__u64 accounted; /* packets that must be in the ledger */
	struct samples ns[NR_KINDS], ratio[NR_KINDS];
};

struct shape {
	const char *name;
	__u8 bytes[192];
	__u32 size;
	__u32 source_at; /* low 32 bits of the source address that the flow has */
	int family;
};

/*
 * Network order; addresses are documentation ones, source addresses get another end. IPv4 begins
 * with version and header length, then the total length.
 */
#define ETHERNET(type)		  "\2\0\0\0\0\2\2\0\0\0\0\1" type
#define IPV4(begin, protocol)	  begin "\0\0\x40\0\x40" protocol "\0\0\0\0\0\0\xc0\0\2\1"
#define IPV4_46(protocol)	  IPV4("\x45\0\0\x2e", protocol)
#define IPV6_ADDRESS		  "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define IPV6(length, next)	  "\x60\0\0\0\0" length next "\x40" IPV6_ADDRESS IPV6_ADDRESS
#define PORTS			  "\4\0\1\xbb"
#define UDP(length)		  PORTS "\0" length "\0\0"
#define TCP_ACK(offset)		  PORTS "\0\0\0\0\0\0\0\0" offset "\x10\4\0\0\0\0\0"
#define TCP			  TCP_ACK("\x50")
#define TIMESTAMPS		  "\1\1\x8\xa\0\0\0\1\0\0\0\2"
#define SACK			  "\1\1\5\xa\0\0\0\1\0\0\0\2"
#define INNER			  IPV4_46("\6") TCP "\0\0\0\0\0\0" /* 46 octets of IP */
#define TUNNEL_PORT(port, length) "\xc0\1" port "\0" length "\0\0"

/* The first ones are measured with many flows, the others, from NR_PLAIN on, with one thousand. */
static const struct shape shapes[] = {
	{"IPv4 UDP", ETHERNET("\x8\0") IPV4_46("\x11") UDP("\x1a"), 60, 26, PLX_FAMILY_IPV4},
	{"IPv4 TCP", ETHERNET("\x8\0") IPV4_46("\6") TCP, 60, 26, PLX_FAMILY_IPV4},
	{"IPv6 UDP", ETHERNET("\x86\xdd") IPV6("\xa", "\x11") UDP("\xa"), 64, 34, PLX_FAMILY_IPV6},
	{"TCP with timestamps",
	 ETHERNET("\x8\0") IPV4("\x45\0\0\x34", "\6") TCP_ACK("\x80") TIMESTAMPS, 66, 26,
	 PLX_FAMILY_IPV4},
	{"TCP with timestamps and SACK",
	 ETHERNET("\x8\0") IPV4("\x45\0\0\x40", "\6") TCP_ACK("\xb0") TIMESTAMPS SACK, 78, 26,
	 PLX_FAMILY_IPV4},
	{"IPv4 with 12 octets of options",
	 ETHERNET("\x8\0") IPV4("\x48\0\0\x34", "\6") "\x94\4\0\0\1\1\1\1\1\1\1\0" TCP, 66, 26,
	 PLX_FAMILY_IPV4},
	{"one VLAN tag", ETHERNET("\x81\0") "\0\xa\x8\0" IPV4_46("\6") TCP, 64, 30,
	 PLX_FAMILY_IPV4},
	{"two VLAN tags", ETHERNET("\x88\xa8") "\0\xa\x81\0\0\xb\x8\0" IPV4_46("\6") TCP, 68, 34,
	 PLX_FAMILY_IPV4},
	{"three MPLS labels",
	 ETHERNET("\x88\x47") "\0\1\0\x40\0\2\0\x40\0\3\1\x40" IPV4_46("\6") TCP, 72, 38,
	 PLX_FAMILY_IPV4},
	{"PPPoE", ETHERNET("\x88\x64") "\x11\0\0\1\0\x30\0\x21" IPV4_46("\6") TCP, 68, 34,
	 PLX_FAMILY_IPV4},
	{"IPv6, hop-by-hop and destination options",
	 ETHERNET("\x86\xdd") IPV6("\x1a", "\0") "\x3c\0\1\4\0\0\0\0\x11\0\1\4\0\0\0\0" UDP("\xa"),
	 80, 34, PLX_FAMILY_IPV6},
	{"IPv4 in IPv4", ETHERNET("\x8\0") IPV4("\x45\0\0\x42", "\4") INNER, 80, 46,
	 PLX_FAMILY_TUNNEL},
	{"GRE with key", ETHERNET("\x8\0") IPV4("\x45\0\0\x4a", "\x2f") "\x20\0\x8\0\0\0\0\7" INNER,
	 88, 54, PLX_FAMILY_TUNNEL},
	{"VXLAN",
	 ETHERNET("\x8\0") IPV4("\x45\0\0\x60", "\x11")
		 TUNNEL_PORT("\x12\xb5", "\x4c") "\x8\0\0\0\0\0\x2a\0" ETHERNET("\x8\0") INNER,
	 110, 76, PLX_FAMILY_TUNNEL},
	{"Geneve with 8 octets of options",
	 ETHERNET("\x8\0") IPV4("\x45\0\0\x68", "\x11") TUNNEL_PORT(
		 "\x17\xc1", "\x54") "\2\0\x65\x58\0\0\x2a\0\1\2\3\1\0\0\0\0" ETHERNET("\x8\0")
		 INNER,
	 118, 84, PLX_FAMILY_TUNNEL},
	{"GTP-U with one extension header",
	 ETHERNET("\x8\0") IPV4("\x45\0\0\x5a", "\x11")
		 TUNNEL_PORT("\x8\x68", "\x46") "\x34\xff\0\x36\0\0\0\7\0\0\0\x85\1\0\1\0" INNER,
	 104, 70, PLX_FAMILY_TUNNEL},
	{"GRE in IPv4 in IPv4",
	 ETHERNET("\x8\0") IPV4("\x45\0\0\x5a", "\4")
		 IPV4("\x45\0\0\x46", "\x2f") "\0\0\x8\0" INNER,
	 104, 70, PLX_FAMILY_TUNNEL},
};
#define NR_SHAPES (sizeof(shapes) / sizeof(shapes[0]))
#define NR_PLAIN  3
#define SHAPE_TCP 1

/* Size and place of a global variable in the initial value of its section. */
static void *find_global(struct bpf_object *obj, const char *section, const char *name)
{
	const struct btf *btf = bpf_object__btf(obj);
	const struct btf_var_secinfo *var;
	const struct btf_type *type;
	struct bpf_map *map;
	size_t size;
	char *data;

	bpf_object__for_each_map (map, obj) {
		if (!strstr(bpf_map__name(map), section))
			continue;
		data = (char *)bpf_map__initial_value(map, &size);
		type = btf__type_by_id(btf, bpf_map__btf_value_type_id(map));
		var = btf_var_secinfos(type);
		for (int i = 0; i < btf_vlen(type); i++, var++)
			if (strcmp(btf__name_by_offset(btf,
						       btf__type_by_id(btf, var->type)->name_off),
				   name) == 0)
				return data + var->offset;
	}
	die("no variable %s in section %s", name, section);
}

static struct bpf_map *find_map(const struct object *o, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(o->obj, name);

	if (!map)
		die("%s: no map %s", o->file, name);
	return map;
}

static void set_globals(struct object *o, const struct shape *shape, __u32 flows)
{
	__u64 limit = (__u64)flows * 2 + 1;

	memcpy(find_global(o->obj, ".rodata", "flows_limit"), &limit, sizeof(limit));
	memcpy(find_global(o->obj, ".rodata", "tunnels_limit"), &limit, sizeof(limit));
	memcpy(find_global(o->obj, ".rodata", "nat_kfuncs"), &o->kfuncs, sizeof(o->kfuncs));
	memcpy(find_global(o->obj, ".rodata", "bench_flows"), &flows, sizeof(flows));
	memcpy(find_global(o->obj, ".rodata", "bench_source_at"), &shape->source_at,
	       sizeof(shape->source_at));
}

static void map_control(struct object *o)
{
	__u32 ifindex = LOOPBACK;

	o->control = mmap(NULL, sizeof(*o->control), PROT_READ | PROT_WRITE, MAP_SHARED,
			  bpf_map__fd(find_map(o, "control")), 0);
	if (o->control == MAP_FAILED)
		die("control: %s", strerror(errno));
	o->control->if_index[LOOPBACK] = ifindex;
}

static const char *const outer_name[PLX_NR_FAMILIES] = {"flows4", "flows6", "flows_tunnel"};

/* With keys and values as the object wants them: those of a variant may have another size. */
static void make_tables(struct object *o, int family, __u32 flows)
{
	struct bpf_map *outer = find_map(o, outer_name[family]);
	struct bpf_map *inner = bpf_map__inner_map(outer);
	__u32 size = (flows < 512 ? 1024 : flows * 2) + TABLE_SLACK * libbpf_num_possible_cpus();

	for (int buffer = PLX_NR_BUFFERS - 1; buffer >= 0; buffer--) {
		int fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "bench_flows",
					bpf_map__key_size(inner), bpf_map__value_size(inner), size,
					NULL);

		if (fd < 0)
			die("table of %u flows: %s", size, strerror(errno));
		o->tables[family][buffer] = fd;
	}
	bpf_map__set_inner_map_fd(outer, o->tables[family][0]);
}

static void open_object(struct object *o, const struct shape *shape, __u32 flows)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", o->dir, o->file);
	o->obj = bpf_object__open_file(path, NULL);
	if (!o->obj)
		die("%s: %s", path, strerror(errno));
	set_globals(o, shape, flows);
	for (int family = 0; family < PLX_NR_FAMILIES; family++)
		make_tables(o, family, family == shape->family ? flows : 1);
	bpf_map__set_max_entries(find_map(o, "fragments"), 64);
	if (o->kfuncs) {
		bpf_map__set_max_entries(find_map(o, "nat"), NAT_KNOWN);
		bpf_map__set_max_entries(find_map(o, "nat_told"), NAT_RING_BYTES);
	}
}

static void load(struct object *o, const struct shape *shape, __u32 flows)
{
	int err;

	open_object(o, shape, flows);
	err = bpf_object__load(o->obj);
	if (err)
		die("%s/%s: loading: %s", o->dir, o->file, strerror(-err));
	for (int family = 0; family < PLX_NR_FAMILIES; family++)
		for (__u32 buffer = 0; buffer < PLX_NR_BUFFERS; buffer++)
			if (bpf_map_update_elem(bpf_map__fd(find_map(o, outer_name[family])),
						&buffer, &o->tables[family][buffer], BPF_ANY))
				die("%s: %s", outer_name[family], strerror(errno));
	for (int kind = 0; kind < NR_KINDS; kind++) {
		struct bpf_program *prog =
			bpf_object__find_program_by_name(o->obj, kind_name[kind]);

		o->fd[kind] = prog ? bpf_program__fd(prog) : -1;
		o->ns[kind].nr = o->ratio[kind].nr = 0;
	}
	map_control(o);
	o->accounted = 0;
	/* From here on the section is mapped, and its initial value is the live one. */
	o->count = find_global(o->obj, ".bss", "bench_count");
	o->in_turn = find_global(o->obj, ".bss", "bench_in_turn");
}

static void unload(struct object *o)
{
	munmap(o->control, sizeof(*o->control));
	bpf_object__close(o->obj);
	o->obj = NULL;
	for (int family = 0; family < PLX_NR_FAMILIES; family++)
		for (int buffer = 0; buffer < PLX_NR_BUFFERS; buffer++)
			close(o->tables[family][buffer]);
}

/* ns per run of one program, by the kernel's own clock. */
static double measure(struct object *o, int kind, const struct shape *shape, __u32 repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, run_opts, .data_in = shape->bytes,
		    .data_size_in = shape->size, .repeat = repeat);
	const __u32 pass = strstr(o->file, "xdp") ? 2 /* XDP_PASS */ : (__u32)-1; /* UNSPEC */
	int err;

	o->control->epoch = kind == OUT;
	err = bpf_prog_test_run_opts(o->fd[kind], &run_opts);
	if (err || run_opts.retval != pass)
		die("%s: %s: %s, returned %d", o->file, kind_name[kind], strerror(-err),
		    run_opts.retval);
	if (kind == IN || kind == OUT)
		o->accounted += repeat;
	return run_opts.duration;
}

/* Each flow once, in turn: afterwards all are known. Returns ns per packet. */
static double fill(struct object *o, int kind, const struct shape *shape, __u32 flows)
{
	double ns;

	*o->in_turn = 1;
	*o->count = 0;
	ns = measure(o, kind, shape, flows);
	*o->in_turn = 0;
	return ns;
}

/* Every packet of IN and OUT: seen, metered, and in no table but ours. */
static void check(const struct object *o)
{
	int nr_cpus = libbpf_num_possible_cpus();
	struct plx_if_stats *percpu = calloc(nr_cpus, sizeof(*percpu));
	__u64 seen = 0, metered = 0, elsewhere = 0;

	for (int dir = 0; percpu && dir < PLX_NR_DIRS; dir++) {
		/* egress was counted in the other epoch */
		__u32 index = PLX_IF_STATS_INDEX(LOOPBACK, dir, dir);

		if (bpf_map_lookup_elem(bpf_map__fd(find_map(o, "if_stats")), &index, percpu))
			die("if_stats: %s", strerror(errno));
		for (int cpu = 0; cpu < nr_cpus; cpu++) {
			seen += percpu[cpu].seen.packets;
			metered += percpu[cpu].metered.packets;
			elsewhere += percpu[cpu].spilled.packets + percpu[cpu].ring_full.packets;
		}
	}
	free(percpu);
	if (seen != o->accounted || metered != o->accounted || elsewhere)
		die("%s: %llu packets, but seen %llu, metered %llu, not in the table %llu", o->file,
		    (unsigned long long)o->accounted, (unsigned long long)seen,
		    (unsigned long long)metered, (unsigned long long)elsewhere);
}

static void one_round(struct object *o, const struct shape *shape, __u32 repeat)
{
	double ns[NR_KINDS];

	for (int kind = 0; kind < NR_KINDS; kind++) {
		if (o->fd[kind] < 0)
			continue;
		ns[kind] = measure(o, kind, shape, repeat);
		samples_add(&o->ns[kind], ns[kind]);
		samples_add(&o->ratio[kind], ns[kind] / ns[PARSE]);
	}
}

static void print_rows(const struct object *o, const struct shape *shape, __u32 flows)
{
	double net = samples_median(&o->ns[IN]) - samples_median(&o->ns[EMPTY]);

	printf("| %s | %u | %s | %s | %s | %s | %.0f | %s |", shape->name, flows,
	       samples_text(&o->ns[EMPTY], 0), samples_text(&o->ns[TUPLE], 0),
	       samples_text(&o->ns[PARSE], 0), samples_text(&o->ns[IN], 0), net,
	       samples_text(&o->ratio[IN], 1));
	if (o->fd[OUT] >= 0)
		printf(" %s | %.0f | %s |", samples_text(&o->ns[OUT], 0),
		       samples_median(&o->ns[OUT]) - samples_median(&o->ns[EMPTY]),
		       samples_text(&o->ratio[OUT], 1));
	printf("\n");
	fflush(stdout);
}

static void print_header(bool tc)
{
	printf("\n| packet | flows | empty | tuple | parse | %s | net | %s ÷ parse |%s\n",
	       tc ? "TC in" : "XDP", tc ? "in" : "XDP", tc ? " TC out | net | out ÷ parse |" : "");
	printf("|---|---|---|---|---|---|---|---|%s\n", tc ? "---|---|---|" : "");
}

static const __u32 nr_flows[] = {1, 1000, 100000, 1000000};
#define NR_CASES     (sizeof(nr_flows) / sizeof(nr_flows[0]))
#define SHAPES_FLOWS 1000

/* Known flows, uniformly at random, for all shapes and numbers of flows. */
static void known_flows(const struct bench_opts *opts, bool tc)
{
	struct object o = {.dir = opts->objects[0],
			   .file = tc ? "bench_tc.bpf.o" : "bench_xdp.bpf.o"};
	__u32 repeat = opts->quick ? 200000 : 1000000;

	print_header(tc);
	for (size_t s = 0; s < NR_SHAPES; s++) {
		if (opts->quick && s == 0)
			continue;
		for (size_t i = 0; i < NR_CASES; i++) {
			if (s >= NR_PLAIN && nr_flows[i] != SHAPES_FLOWS)
				continue;
			load(&o, &shapes[s], nr_flows[i]);
			fill(&o, IN, &shapes[s], nr_flows[i]);
			if (o.fd[OUT] >= 0)
				fill(&o, OUT, &shapes[s], nr_flows[i]);
			for (int round = 0; round < opts->rounds; round++)
				one_round(&o, &shapes[s], repeat);
			check(&o);
			print_rows(&o, &shapes[s], nr_flows[i]);
			unload(&o);
		}
	}
}

/* Every packet begins a flow: fresh tables in each round. */
static void new_flows(const struct bench_opts *opts)
{
	struct object o = {.dir = opts->objects[0], .file = "bench_xdp.bpf.o"};

	printf("\n| packet | new flows | ns, net of an empty program |\n|---|---|---|\n");
	for (size_t s = 0; s < NR_PLAIN; s++) {
		if (s == SHAPE_TCP)
			continue;
		for (size_t i = 1; i < NR_CASES; i++) {
			struct samples net = {};

			for (int round = 0; round < opts->rounds; round++) {
				load(&o, &shapes[s], nr_flows[i]);
				samples_add(&net, fill(&o, IN, &shapes[s], nr_flows[i]) -
							  measure(&o, EMPTY, &shapes[s], 100000));
				check(&o);
				unload(&o);
			}
			printf("| %s | %u | %s |\n", shapes[s].name, nr_flows[i],
			       samples_text(&net, 0));
			fflush(stdout);
		}
	}
}

static void nat_tuple(struct nfnl_ct *ct, int reply, __u32 source, __u32 dest, int source_port,
		      int dest_port)
{
	struct nl_addr *from = nl_addr_build(AF_INET, &source, sizeof(source));
	struct nl_addr *to = nl_addr_build(AF_INET, &dest, sizeof(dest));

	if (!from || !to || nfnl_ct_set_src(ct, reply, from) || nfnl_ct_set_dst(ct, reply, to))
		die("connection: out of memory");
	nfnl_ct_set_src_port(ct, reply, source_port);
	nfnl_ct_set_dst_port(ct, reply, dest_port);
	nl_addr_put(from);
	nl_addr_put(to);
}

/* The flows of "IPv4 UDP" as connections that connection tracking has, behind one address or not.
 */
static void add_connections(bool translated)
{
	const __u32 dest = htonl(0xc0000201), public = htonl(0xc6336401);
	struct nl_sock *sk = nl_socket_alloc();
	int err;

	if (!sk || nfnl_connect(sk))
		die("ctnetlink: cannot connect");
	for (__u32 i = 0; i < NAT_CONNECTIONS; i++) {
		struct nfnl_ct *ct = nfnl_ct_alloc();

		if (!ct)
			die("connection: out of memory");
		nfnl_ct_set_family(ct, AF_INET);
		nfnl_ct_set_proto(ct, IPPROTO_UDP);
		nfnl_ct_set_timeout(ct, 3600);
		/* flow i has i as its source address, as it is in memory */
		nat_tuple(ct, 0, i, dest, 1024, 443);
		nat_tuple(ct, 1, dest, translated ? public : i, 443, translated ? 1024 + i : 1024);
		err = nfnl_ct_add(sk, ct, NLM_F_CREATE);
		if (err)
			die("connection %u: %s", i, nl_geterror(err));
		nfnl_ct_put(ct);
	}
	nl_socket_free(sk);
}

static void forget_connections(void)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (!sk || nfnl_connect(sk) ||
	    nfnl_send_simple(sk, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, AF_INET,
			     0) < 0 ||
	    nl_wait_for_ack(sk) < 0)
		die("ctnetlink: cannot flush");
	nl_socket_free(sk);
}

/* Known flows with and without kfuncs, in turn: they must cost the same. */
static void nat_known(const struct bench_opts *opts)
{
	struct object o[2] = {};
	struct samples ratio = {}, ns[2] = {};
	const struct shape *shape = &shapes[0];

	for (int kfuncs = 0; kfuncs < 2; kfuncs++) {
		o[kfuncs] = (struct object){
			.dir = opts->objects[0], .file = "bench_xdp.bpf.o", .kfuncs = kfuncs};
		load(&o[kfuncs], shape, NAT_CONNECTIONS);
		fill(&o[kfuncs], IN, shape, NAT_CONNECTIONS);
	}
	for (int round = 0; round < opts->rounds * 3 && round < BENCH_ROUNDS_MAX; round++) {
		double net[2];

		for (int turn = 0; turn < 2; turn++) {
			int k = (round + turn) % 2;
			double empty = measure(&o[k], EMPTY, shape, 200000);

			(void)measure(&o[k], IN, shape, 200000); /* to warm the caches */
			net[k] = measure(&o[k], IN, shape, 1000000) - empty;
			samples_add(&ns[k], net[k]);
		}
		samples_add(&ratio, net[1] / net[0]);
	}
	printf("\n| %u known flows, IPv4 UDP, XDP | ns, net of an empty program |\n|---|---|\n"
	       "| nat off | %s |\n| kfuncs | %s |\n| ratio | %s |\n",
	       NAT_CONNECTIONS, samples_text(&ns[0], 0), samples_text(&ns[1], 0),
	       samples_text(&ratio, 2));
	for (int kfuncs = 0; kfuncs < 2; kfuncs++) {
		check(&o[kfuncs]);
		unload(&o[kfuncs]);
	}
}

/* Fresh tables each time, and a fresh map nat. */
static void nat_new(const struct bench_opts *opts)
{
	static const char *const name[] = {"nat off", "kfuncs, no connection",
					   "kfuncs, not translated", "kfuncs, translated, told"};
	const struct shape *shape = &shapes[0];

	printf("\n| %u new flows, IPv4 UDP, XDP | ns, net of an empty program |\n|---|---|\n",
	       NAT_CONNECTIONS);
	for (int how = 0; how < 4; how++) {
		struct object o = {
			.dir = opts->objects[0], .file = "bench_xdp.bpf.o", .kfuncs = how > 0};
		struct samples net = {};

		if (how >= 2)
			add_connections(how == 3);
		for (int round = 0; round < opts->rounds; round++) {
			load(&o, shape, NAT_CONNECTIONS);
			samples_add(&net, fill(&o, IN, shape, NAT_CONNECTIONS) -
						  measure(&o, EMPTY, shape, 100000));
			check(&o);
			unload(&o);
		}
		if (how >= 2)
			forget_connections();
		printf("| %s | %s |\n", name[how], samples_text(&net, 0));
		fflush(stdout);
	}
}

/*
 * The same program built in several ways, one folder each, taking turns within each round; ratios
 * are to the first. What a variant leaves out may be the books, so they are not checked.
 */
static void variants(const struct bench_opts *opts, bool tc, bool ipv6)
{
	struct object o[BENCH_OBJECTS_MAX] = {};
	struct samples ratio[BENCH_OBJECTS_MAX];
	const struct shape *shape = &shapes[ipv6 ? NR_PLAIN - 1 : SHAPE_TCP];

	printf("\n| variant (%s, %s) | flows | ns | net of an empty program | ÷ first |\n"
	       "|---|---|---|---|---|\n",
	       tc ? "TC in" : "XDP", shape->name);
	for (size_t i = 0; i < NR_CASES; i++) {
		memset(ratio, 0, sizeof(ratio));
		for (size_t v = 0; v < opts->nr_objects; v++) {
			o[v].dir = opts->objects[v];
			o[v].file = tc ? "bench_tc.bpf.o" : "bench_xdp.bpf.o";
			load(&o[v], shape, nr_flows[i]);
			fill(&o[v], IN, shape, nr_flows[i]);
		}
		for (int round = 0; round < opts->rounds; round++) {
			double first = 0;

			for (size_t v = 0; v < opts->nr_objects; v++) {
				double empty = measure(&o[v], EMPTY, shape, 200000);
				/* The first part is to bring back into the cache what can be there.
				 */
				double ns = measure(&o[v], IN, shape, 200000);

				ns = measure(&o[v], IN, shape, opts->quick ? 200000 : 500000);
				samples_add(&o[v].ns[IN], ns);
				samples_add(&o[v].ns[EMPTY], ns - empty);
				first = v == 0 ? ns - empty : first;
				samples_add(&ratio[v], (ns - empty) / first);
			}
		}
		for (size_t v = 0; v < opts->nr_objects; v++) {
			const char *name = strrchr(o[v].dir, '/');

			printf("| %s | %u | %s | %s | %s |\n", name ? name + 1 : o[v].dir,
			       nr_flows[i], samples_text(&o[v].ns[IN], 0),
			       samples_text(&o[v].ns[EMPTY], 0), samples_text(&ratio[v], 2));
			unload(&o[v]);
		}
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct rlimit memlock = {RLIM_INFINITY, RLIM_INFINITY};
	struct bench_opts opts;

	bench_options(argc, argv, &opts);
	if (opts.nr_objects == 0)
		opts.objects[opts.nr_objects++] = "build/perf";
	(void)setrlimit(RLIMIT_MEMLOCK, &memlock); /* needed by kernels before 5.11 only */
	pin_cpu(last_cpu());
	if (opts.nr_objects > 1) {
		variants(&opts, opts.only && strncmp(opts.only, "tc", 2) == 0,
			 opts.only && strchr(opts.only, '6'));
		return 0;
	}
	if (!opts.only || strcmp(opts.only, "xdp") == 0)
		known_flows(&opts, false);
	if (!opts.only || strcmp(opts.only, "tc") == 0)
		known_flows(&opts, true);
	if (!opts.only || strcmp(opts.only, "new") == 0)
		new_flows(&opts);
	if (!opts.only || strcmp(opts.only, "nat") == 0) {
		own_netns(); /* its connections are ours */
		nat_known(&opts);
		nat_new(&opts);
	}
	return 0;
}
