/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parser says of each packet of a capture file: tab-separated, one line each, under a line
 * of names. No test by itself, test_tshark.py compares it with tshark's opinion. Of a skipped
 * packet only the number and the reason are given. Read bpf/include/plx/parse.h first.
 *
 *   parse_capture FILE
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>
#include <pcap/pcap.h>

#include <plx/sample.h>

#define SKIP_NAME(symbol, name) name,
static const char *const verdicts[] = {PLX_SKIP_REASONS(SKIP_NAME) "metered"};
#undef SKIP_NAME

static const char names[] =
	"packet\tverdict\tversion\tsource\tdest\tprotocol\tsource_port\tdest_port\ttos\tttl\t"
	"flow_label\toctets\tframe_octets\tvlan\tpriority\tcustomer_vlan\tmpls\ttcp_flags\t"
	"fragment\tfragment_flags\tfragment_id\tfragment_protocol\tsource_mac\tdest_mac\t"
	"ip_offset\theader_octets\tip_options\ttcp_options\ttcp_window\tlimits\ttunnel\touter";

#define LIMIT_NAME(symbol, name) name,
static const char *const limits[] = {PLX_LIMIT_REASONS(LIMIT_NAME)};
#undef LIMIT_NAME

static const char *const tunnel_types[] = {
	[PLX_TUNNEL_IP] = "ip",	      [PLX_TUNNEL_GRE] = "gre",	    [PLX_TUNNEL_GREKEY] = "grekey",
	[PLX_TUNNEL_NVGRE] = "nvgre", [PLX_TUNNEL_VXLAN] = "vxlan", [PLX_TUNNEL_GENEVE] = "geneve",
	[PLX_TUNNEL_GTPU] = "gtpu",
};

static void print_mac(const __u8 mac[6])
{
	printf("\t%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/* The id, or nothing when there is no tag: a tag of id 0 is one. */
static void print_vlan(unsigned int vlan)
{
	if (vlan & PLX_VLAN_PRESENT)
		printf("\t%u", vlan & 0xfff);
	else
		printf("\t");
}

static void print_limits(unsigned int set)
{
	const char *comma = "";

	printf("\t");
	for (int i = 0; i < PLX_LIMIT_MAX; i++)
		if (set >> i & 1) {
			printf("%s%s", comma, limits[i]);
			comma = ",";
		}
}

static const char *address_text(int version, const __be32 address[4])
{
	static char text[INET6_ADDRSTRLEN];

	return inet_ntop(version == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
}

/* Type and id; addresses, protocol and ports of the outer header. Both empty without a tunnel. */
static void print_tunnel(const struct plx_packet *p)
{
	const struct plx_flow_first *first = &p->sample.stats.first;
	const struct plx_tunnel *tunnel = &p->sample.tunnel;

	if (!(p->sample.key.flags & PLX_KEY_TUNNEL)) {
		printf("\t\t");
		return;
	}
	printf("\t%s %u", tunnel_types[tunnel->type], tunnel->id);
	printf("\t%s ", address_text(tunnel->version, tunnel->source));
	printf("%s %u %u %u", address_text(tunnel->version, tunnel->dest), tunnel->protocol,
	       ntohs(first->outer_source_port), ntohs(first->outer_dest_port));
}

static void print_packet(const struct plx_packet *p)
{
	const struct plx_flow_stats *stats = &p->sample.stats;
	const struct plx_flow_key *key = &p->sample.key;
	const struct plx_flow_first *first = &stats->first;
	const struct plx_layer *layer = &p->layer;
	const char *fragment = layer->first_fragment   ? "first"
			       : layer->later_fragment ? "later"
						       : "no";

	printf("\t%u", layer->version);
	printf("\t%s", address_text(layer->version, key->source));
	printf("\t%s", address_text(layer->version, key->dest));
	printf("\t%u\t%u\t%u\t%u\t%u\t%u", key->protocol, ntohs(key->source_port),
	       ntohs(key->dest_port), first->tos, PLX_SHAPE_MIN_TTL(stats->shape),
	       first->flow_label);
	printf("\t%llu\t%llu", (unsigned long long)stats->octets,
	       (unsigned long long)stats->frame_octets);
	print_vlan(key->vlan);
	printf("\t%u", first->vlan_priority);
	print_vlan(first->customer_vlan);
	for (int i = 0; i < PLX_MPLS_KEPT; i++)
		printf("%s%02x%02x%02x", i ? "," : "\t", first->mpls[i][0], first->mpls[i][1],
		       first->mpls[i][2]);
	printf("\t%u\t%s\t%u\t%u\t%u", PLX_SHAPE_TCP_FLAGS(stats->shape), fragment,
	       PLX_MARKS_FRAGMENT_FLAGS(stats->marks),
	       layer->version == 4 ? ntohs(layer->fragment_id) : ntohl(layer->fragment_id),
	       layer->fragment_protocol);
	print_mac(first->source_mac);
	print_mac(first->dest_mac);
	printf("\t%u\t%u", p->ip_offset, p->header_octets);
	printf("\t%u\t%llu\t%u", PLX_MARKS_IP_OPTIONS(stats->marks),
	       (unsigned long long)stats->tcp_options, first->tcp_window);
	print_limits(p->limits);
	print_tunnel(p);
}

/* In memory that ends where the packet ends, so that the address sanitizer sees an overread. */
static void parse(const struct pcap_pkthdr *header, const u_char *data, unsigned long number)
{
	const struct plx_parse_in in = {.length = header->len};
	static struct plx_packet p;
	struct plx_wire wire;
	enum plx_skip skip;
	u_char *copy = malloc(header->caplen + !header->caplen);

	if (!copy)
		abort();
	memcpy(copy, data, header->caplen);
	skip = plx_parse(copy, copy + header->caplen, &in, &p);
	free(copy);
	printf("%lu\t%s", number, verdicts[skip]);
	if (skip == PLX_PARSE_OK) {
		plx_wire_frame(&wire, header->len, p.ip_octets);
		plx_sample_fill(&p, &wire, 0, PLX_DIR_IN, PLX_POLICY_BOTH, 1, 0);
		print_packet(&p);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	unsigned long number = 0;
	const u_char *data;
	pcap_t *pcap;
	int ret;

	if (argc != 2) {
		fprintf(stderr, "usage: parse_capture FILE\n");
		return 2;
	}
	pcap = pcap_open_offline(argv[1], err);
	if (!pcap) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	if (pcap_datalink(pcap) != DLT_EN10MB) {
		fprintf(stderr, "%s: link type is not Ethernet\n", argv[1]);
		pcap_close(pcap);
		return 1;
	}
	puts(names);
	while ((ret = pcap_next_ex(pcap, &header, &data)) == 1)
		parse(header, data, ++number);
	if (ret != PCAP_ERROR_BREAK)
		fprintf(stderr, "%s: %s\n", argv[1], pcap_geterr(pcap));
	pcap_close(pcap);
	return ret == PCAP_ERROR_BREAK && fflush(stdout) == 0 ? 0 : 1;
}
