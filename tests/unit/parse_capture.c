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
	"ip_offset\theader_octets";

static void print_mac(const __u8 mac[6])
{
	printf("\t%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void print_address(int version, const __be32 address[4])
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(version == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	printf("\t%s", text);
}

/* The id, or nothing when there is no tag: a tag of id 0 is one. */
static void print_vlan(unsigned int vlan)
{
	if (vlan & PLX_VLAN_PRESENT)
		printf("\t%u", vlan & 0xfff);
	else
		printf("\t");
}

static void print_packet(const struct plx_packet *p)
{
	const struct plx_flow_stats *stats = &p->sample.stats;
	const struct plx_flow_key *key = &p->sample.key;
	const struct plx_flow_first *first = &stats->first;
	const char *fragment = p->first_fragment ? "first" : p->later_fragment ? "later" : "no";

	printf("\t%u", p->version);
	print_address(p->version, key->source);
	print_address(p->version, key->dest);
	printf("\t%u\t%u\t%u\t%u\t%u\t%u", key->protocol, ntohs(key->source_port),
	       ntohs(key->dest_port), first->tos, PLX_SHAPE_MIN_TTL(stats->shape),
	       first->flow_label);
	printf("\t%llu\t%llu", (unsigned long long)stats->octets,
	       (unsigned long long)stats->frame_octets);
	print_vlan(key->vlan);
	printf("\t%u", first->vlan_priority);
	print_vlan(first->customer_vlan);
	printf("\t%u,%u,%u", first->mpls[0], first->mpls[1], first->mpls[2]);
	printf("\t%u\t%s\t%u\t%u\t%u", PLX_SHAPE_TCP_FLAGS(stats->shape), fragment,
	       stats->fragment_flags,
	       p->version == 4 ? ntohs(p->fragment_id) : ntohl(p->fragment_id),
	       p->fragment_protocol);
	print_mac(first->source_mac);
	print_mac(first->dest_mac);
	printf("\t%u\t%u", p->ip_offset, p->header_octets);
}

/* In memory that ends where the packet ends, so that the address sanitizer sees an overread. */
static void parse(const struct pcap_pkthdr *header, const u_char *data, unsigned long number)
{
	const struct plx_parse_in in = {};
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
		plx_sample_fill(&p, &wire, 0, PLX_DIR_IN, !plx_is_fragment(&p), 0);
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
