/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flow records as a table. Cells are made first, then the columns that fit are chosen, then
 * libsmartcols prints; its own cutting is not used, for it takes the end of an address or number.
 */
#include "flow_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "out.h"

enum column {
	COLUMN_SOURCE,
	COLUMN_SOURCE_PORT,
	COLUMN_DEST,
	COLUMN_DEST_PORT,
	COLUMN_PROTO,
	COLUMN_NAT,
	COLUMN_TUNNEL,
	COLUMN_OUTER,
	COLUMN_PACKETS,
	COLUMN_LEFT,
	COLUMN_OCTETS,
	COLUMN_IN_IF,
	COLUMN_OUT_IF,
	COLUMN_DIR,
	COLUMN_FLAGS,
	COLUMN_DURATION,
	COLUMN_IDLE,
	COLUMN_MAX,
};

static const struct out_column columns[COLUMN_MAX] = {
	[COLUMN_SOURCE] = {"SOURCE", false},	[COLUMN_SOURCE_PORT] = {"PORT", true},
	[COLUMN_DEST] = {"DESTINATION", false}, [COLUMN_DEST_PORT] = {"PORT", true},
	[COLUMN_PROTO] = {"PROTO", false},	[COLUMN_NAT] = {"NAT", false},
	[COLUMN_TUNNEL] = {"TUNNEL", false},	[COLUMN_OUTER] = {"OUTER", false},
	[COLUMN_PACKETS] = {"PACKETS", true},	[COLUMN_LEFT] = {"LEFT", true},
	[COLUMN_OCTETS] = {"OCTETS", true},	[COLUMN_IN_IF] = {"IN-IF", false},
	[COLUMN_OUT_IF] = {"OUT-IF", false},	[COLUMN_DIR] = {"DIR", false},
	[COLUMN_FLAGS] = {"FLAGS", false},	[COLUMN_DURATION] = {"DURATION", true},
	[COLUMN_IDLE] = {"IDLE", true},
};

/* What a narrow terminal does without, first to last. */
static const enum column expendable[] = {COLUMN_IDLE,  COLUMN_FLAGS, COLUMN_DURATION, COLUMN_OUT_IF,
					 COLUMN_OUTER, COLUMN_IN_IF, COLUMN_DIR,      COLUMN_LEFT,
					 COLUMN_NAT,   COLUMN_TUNNEL};
#define NR_EXPENDABLE (sizeof(expendable) / sizeof(expendable[0]))

#define OUTER_SIZE 96 /* two IPv6 addresses */
#define NAT_SIZE   (2 * OUT_END_SIZE)

/* There only if a flow has something in it. */
static const enum column optional[] = {COLUMN_NAT, COLUMN_TUNNEL, COLUMN_OUTER, COLUMN_LEFT};
#define NR_OPTIONAL (sizeof(optional) / sizeof(optional[0]))

#define ADDRESS_LEN_MIN 23 /* prefix and interface part of an IPv6 address stay recognisable */

struct cells {
	char *(*rows)[COLUMN_MAX]; /* escaped; NULL once the table has it */
	size_t nr_rows;
	size_t width[COLUMN_MAX];
	bool shown[COLUMN_MAX];
};

/* Named here: /etc/protocols is in a package that need not be installed. */
static const char *protocol_name(uint64_t protocol)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {
		{1, "icmp"},   {2, "igmp"},   {4, "ipip"},   {6, "tcp"},   {17, "udp"},
		{33, "dccp"},  {41, "ipv6"},  {46, "rsvp"},  {47, "gre"},  {50, "esp"},
		{51, "ah"},    {58, "icmp6"}, {88, "eigrp"}, {89, "ospf"}, {103, "pim"},
		{112, "vrrp"}, {115, "l2tp"}, {132, "sctp"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].protocol == protocol)
			return names[i].name;
	return NULL;
}

static void fmt_protocol(char *buffer, size_t size, struct json_object *record)
{
	uint64_t protocol;
	const char *name;

	if (!out_member_u64(record, "protocolIdentifier", &protocol)) {
		snprintf(buffer, size, "?");
		return;
	}
	name = protocol_name(protocol);
	if (name)
		snprintf(buffer, size, "%s", name);
	else
		snprintf(buffer, size, "%" PRIu64, protocol);
}

/* Letters of the TCP flags that were seen, in the order of a connection's life. */
static void fmt_flags(char *buffer, size_t size, struct json_object *record)
{
	static const struct {
		uint16_t bit;
		char letter;
	} letters[] = {{0x02, 'S'}, {0x10, 'A'}, {0x08, 'P'}, {0x20, 'U'},
		       {0x40, 'E'}, {0x80, 'C'}, {0x01, 'F'}, {0x04, 'R'}};
	uint64_t flags, protocol = 0;
	size_t used = 0;

	(void)out_member_u64(record, "protocolIdentifier", &protocol); /* 0 is not TCP either */
	if (protocol == 6 && out_member_u64(record, "tcpControlBits", &flags))
		for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]) && used + 1 < size; i++)
			if (flags & letters[i].bit)
				buffer[used++] = letters[i].letter;
	if (!used)
		buffer[used++] = '-';
	buffer[used] = '\0';
}

/* Ports; for ICMP the destination's is "type/code". */
static void fmt_port(char *buffer, size_t size, struct json_object *record, bool source)
{
	uint64_t value;

	if (!source && (out_member_u64(record, "icmpTypeCodeIPv4", &value) ||
			out_member_u64(record, "icmpTypeCodeIPv6", &value)))
		snprintf(buffer, size, "%u/%u", (unsigned int)(value >> 8 & 255),
			 (unsigned int)(value & 255));
	else if (out_member_u64(record, source ? "sourceTransportPort" : "destinationTransportPort",
				&value))
		snprintf(buffer, size, "%" PRIu64, value);
	else
		snprintf(buffer, size, "-");
}

/* Name, else index, else "-". */
static const char *iface_text(char buffer[OUT_NUMBER_SIZE], struct json_object *record,
			      const char *name_key, const char *index_key)
{
	const char *name = out_member_text(record, name_key);
	uint64_t index;

	if (name[0] && strcmp(name, "-"))
		return name;
	if (!out_member_u64(record, index_key, &index) || !index)
		return "-";
	return out_member_count(buffer, record, index_key);
}

static const char *address_text(struct json_object *record, const char *key4, const char *key6)
{
	return out_member_text(record, out_member(record, key4) ? key4 : key6);
}

static bool has_outer(struct json_object *record)
{
	return json_object_is_type(out_member(record, "outer"), json_type_object);
}

/* "vxlan 42": what kind of tunnel the outer header is of, and which one if it has a number. */
static void fmt_tunnel(char *buffer, size_t size, struct json_object *record)
{
	static const struct {
		uint8_t protocol;
		uint16_t port; /* of UDP */
		const char *name;
		const char *id;
	} kinds[] = {
		{4, 0, "ipip", ""},
		{41, 0, "ipip", ""},
		{47, 0, "nvgre", "layer2SegmentId"},
		{47, 0, "gre", "greKey"}, /* and without a key */
		{17, 4789, "vxlan", "layer2SegmentId"},
		{17, 8472, "vxlan", "layer2SegmentId"},
		{17, 4790, "vxlan", "layer2SegmentId"},
		{17, 6081, "geneve", "layer2SegmentId"},
		{17, 2152, "gtpu", "gtpuTEid"},
	};
	struct json_object *outer = out_member(record, "outer");
	uint64_t protocol = 0, port = 0, id;
	const char *name = "?";

	(void)out_member_u64(outer, "protocolIdentifier", &protocol); /* 0 and 0 are no tunnel */
	(void)out_member_u64(outer, "destinationTransportPort", &port);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].protocol != protocol || kinds[i].port != port)
			continue;
		name = kinds[i].name;
		if (!out_member_u64(record, kinds[i].id, &id))
			continue;
		/* the highest octet of layer2SegmentId is its type */
		snprintf(buffer, size, "%s %" PRIu64, name, id & (UINT64_MAX >> 8));
		return;
	}
	snprintf(buffer, size, "%s", name);
}

static void fmt_outer(char *buffer, size_t size, struct json_object *record)
{
	struct json_object *outer = out_member(record, "outer");

	snprintf(buffer, size, "%s>%s",
		 address_text(outer, "sourceIPv4Address", "sourceIPv6Address"),
		 address_text(outer, "destinationIPv4Address", "destinationIPv6Address"));
}

static bool has_nat(struct json_object *record)
{
	return out_member(record, "postNATSourceIPv4Address") ||
	       out_member(record, "postNATSourceIPv6Address");
}

/* Names of one end of a flow. */
struct end {
	const char *ipv4, *ipv6, *port;
};

/* Address and port behind NAT; nothing when they are those before it. */
static const char *nat_end_text(char buffer[OUT_END_SIZE], struct json_object *record,
				const struct end *before, const struct end *after)
{
	const char *address = address_text(record, after->ipv4, after->ipv6);
	bool same = !strcmp(address, address_text(record, before->ipv4, before->ipv6));
	uint64_t port, port_before = 0;

	if (!out_member_u64(record, after->port, &port))
		return same ? "" : address;
	if (same && out_member_u64(record, before->port, &port_before) && port == port_before)
		return "";
	return out_end_text(buffer, address, port);
}

/* "SOURCE>", ">DESTINATION" or "SOURCE>DESTINATION": what NAT made of the flow's ends. */
static void fmt_nat(char *buffer, size_t size, struct json_object *record)
{
	static const struct end before[] = {
		{"sourceIPv4Address", "sourceIPv6Address", "sourceTransportPort"},
		{"destinationIPv4Address", "destinationIPv6Address", "destinationTransportPort"},
	};
	static const struct end after[] = {
		{"postNATSourceIPv4Address", "postNATSourceIPv6Address",
		 "postNAPTSourceTransportPort"},
		{"postNATDestinationIPv4Address", "postNATDestinationIPv6Address",
		 "postNAPTDestinationTransportPort"},
	};
	char source[OUT_END_SIZE], dest[OUT_END_SIZE];

	snprintf(buffer, size, "%s>%s", nat_end_text(source, record, &before[0], &after[0]),
		 nat_end_text(dest, record, &before[1], &after[1]));
}

/* Packets seen to leave, "-" when none of the flow were looked for. */
static const char *left_text(char buffer[OUT_NUMBER_SIZE], struct json_object *record)
{
	return out_member(record, "postPacketDeltaCount")
		       ? out_member_count(buffer, record, "postPacketDeltaCount")
		       : "-";
}

static const char *direction_text(struct json_object *record)
{
	uint64_t direction;

	if (!out_member_u64(record, "flowDirection", &direction))
		return "-";
	return direction ? "out" : "in";
}

/* Time from one to the other, "-" if one is missing; clocks that were set give 0. */
static void fmt_span(char buffer[OUT_NUMBER_SIZE], bool known, uint64_t from_ns, uint64_t to_ns)
{
	if (known)
		out_duration(buffer, to_ns > from_ns ? to_ns - from_ns : 0);
	else
		snprintf(buffer, OUT_NUMBER_SIZE, "-");
}

static bool make_row(char *row[COLUMN_MAX], struct json_object *record, uint64_t now_ns)
{
	char source_port[OUT_NUMBER_SIZE], dest_port[OUT_NUMBER_SIZE], proto[OUT_NUMBER_SIZE];
	char packets[OUT_NUMBER_SIZE], octets[OUT_NUMBER_SIZE], flags[OUT_NUMBER_SIZE];
	char left[OUT_NUMBER_SIZE], nat[NAT_SIZE] = "-";
	char in_if[OUT_NUMBER_SIZE], out_if[OUT_NUMBER_SIZE];
	char duration[OUT_NUMBER_SIZE], idle[OUT_NUMBER_SIZE];
	char tunnel[OUT_NUMBER_SIZE + 8] = "-", outer[OUTER_SIZE] = "-";
	uint64_t start_ns = 0, end_ns = 0;
	bool has_start = out_member_u64(record, "flowStartNanoseconds", &start_ns);
	bool has_end = out_member_u64(record, "flowEndNanoseconds", &end_ns);
	const char *texts[COLUMN_MAX] = {
		[COLUMN_SOURCE] = address_text(record, "sourceIPv4Address", "sourceIPv6Address"),
		[COLUMN_SOURCE_PORT] = source_port,
		[COLUMN_DEST] =
			address_text(record, "destinationIPv4Address", "destinationIPv6Address"),
		[COLUMN_DEST_PORT] = dest_port,
		[COLUMN_PROTO] = proto,
		[COLUMN_NAT] = nat,
		[COLUMN_TUNNEL] = tunnel,
		[COLUMN_OUTER] = outer,
		[COLUMN_PACKETS] = out_member_count(packets, record, "packetDeltaCount"),
		[COLUMN_LEFT] = left_text(left, record),
		[COLUMN_OCTETS] = out_member_si(octets, record, "octetDeltaCount"),
		[COLUMN_IN_IF] =
			iface_text(in_if, record, "ingressInterfaceName", "ingressInterface"),
		[COLUMN_OUT_IF] =
			iface_text(out_if, record, "egressInterfaceName", "egressInterface"),
		[COLUMN_DIR] = direction_text(record),
		[COLUMN_FLAGS] = flags,
		[COLUMN_DURATION] = duration,
		[COLUMN_IDLE] = idle,
	};

	fmt_port(source_port, sizeof(source_port), record, true);
	fmt_port(dest_port, sizeof(dest_port), record, false);
	fmt_protocol(proto, sizeof(proto), record);
	fmt_flags(flags, sizeof(flags), record);
	if (has_nat(record))
		fmt_nat(nat, sizeof(nat), record);
	if (has_outer(record)) {
		fmt_tunnel(tunnel, sizeof(tunnel), record);
		fmt_outer(outer, sizeof(outer), record);
	}
	fmt_span(duration, has_start && has_end, start_ns, end_ns);
	fmt_span(idle, has_end, end_ns, now_ns);
	for (size_t i = 0; i < COLUMN_MAX; i++) {
		row[i] = out_escape(texts[i]);
		if (!row[i])
			return false;
	}
	return true;
}

static void cells_free(struct cells *cells)
{
	for (size_t i = 0; i < cells->nr_rows; i++)
		for (size_t column = 0; column < COLUMN_MAX; column++)
			free(cells->rows[i][column]);
	free(cells->rows);
}

static bool cells_init(struct cells *cells, struct json_object *flows)
{
	size_t nr = json_object_array_length(flows);
	struct timespec now;

	*cells = (struct cells){.rows = calloc(nr ? nr : 1, sizeof(cells->rows[0]))};
	if (!cells->rows)
		return false;
	cells->nr_rows = nr;
	clock_gettime(CLOCK_REALTIME, &now);
	for (size_t column = 0; column < COLUMN_MAX; column++) {
		cells->shown[column] = true;
		cells->width[column] = strlen(columns[column].name);
	}
	for (size_t i = 0; i < NR_OPTIONAL; i++)
		cells->shown[optional[i]] = false;
	for (size_t i = 0; i < nr; i++) {
		if (!make_row(cells->rows[i], json_object_array_get_idx(flows, i),
			      now.tv_sec * 1000000000ULL + now.tv_nsec))
			return false;
		for (size_t column = 0; column < COLUMN_MAX; column++) {
			size_t len = strlen(cells->rows[i][column]);

			if (len > cells->width[column])
				cells->width[column] = len;
		}
		for (size_t k = 0; k < NR_OPTIONAL; k++)
			if (strcmp(cells->rows[i][optional[k]], "-"))
				cells->shown[optional[k]] = true;
	}
	return true;
}

/* Width of the table if no address were longer than address_len. */
static size_t table_width(const struct cells *cells, size_t address_len)
{
	size_t sum = 0;

	for (size_t column = 0; column < COLUMN_MAX; column++) {
		bool address = column == COLUMN_SOURCE || column == COLUMN_DEST;
		size_t width = cells->width[column];

		if (cells->shown[column])
			sum += 1 + (address && width > address_len ? address_len : width);
	}
	return sum - 1; /* a blank between columns */
}

/* "2001:db8:1:..:789a": the middle of a text that has to become len characters. */
static void shorten(char *text, size_t len)
{
	size_t size = strlen(text), tail = (len - 2) / 2, head = len - 2 - tail;

	if (size <= len)
		return;
	memcpy(text + head, "..", 2);
	memmove(text + head + 2, text + size - tail, tail + 1);
}

static void cells_fit(struct cells *cells, unsigned int width)
{
	size_t len = SIZE_MAX, i;
	bool wanted[COLUMN_MAX];

	memcpy(wanted, cells->shown, sizeof(wanted));
	for (i = 0; i < NR_EXPENDABLE && table_width(cells, ADDRESS_LEN_MIN) > width; i++)
		cells->shown[expendable[i]] = false;
	/* The last one may have been wide: some of those before it may fit in its place. */
	while (i--) {
		cells->shown[expendable[i]] = wanted[expendable[i]];
		if (table_width(cells, ADDRESS_LEN_MIN) > width)
			cells->shown[expendable[i]] = false;
	}
	if (table_width(cells, len) <= width)
		return;
	/* The longest that fits; on a terminal that is hopelessly narrow, still an address. */
	for (len = 46; len > 9 && table_width(cells, len) > width; len--)
		;
	for (i = 0; i < cells->nr_rows; i++) {
		shorten(cells->rows[i][COLUMN_SOURCE], len);
		shorten(cells->rows[i][COLUMN_DEST], len);
	}
}

enum cli_exit flow_table_print(const struct cli *cli, struct json_object *flows, unsigned int width,
			       FILE *stream)
{
	struct out_column shown[COLUMN_MAX];
	struct out_table table;
	struct cells cells;
	enum cli_exit status;
	size_t nr_shown = 0;

	if (!cells_init(&cells, flows)) {
		out_error(cli, "failed", "out of memory");
		status = CLI_FAILED;
		goto out;
	}
	if (width)
		cells_fit(&cells, width);
	for (size_t column = 0; column < COLUMN_MAX; column++)
		if (cells.shown[column])
			shown[nr_shown++] = columns[column];
	out_table_init(&table, shown, nr_shown, " ");
	for (size_t i = 0; i < cells.nr_rows; i++) {
		out_line(&table);
		for (size_t column = 0; column < COLUMN_MAX; column++) {
			if (cells.shown[column]) {
				out_cell_take(&table, cells.rows[i][column]);
				cells.rows[i][column] = NULL;
			}
		}
	}
	status = out_table_done(cli, &table, stream);
out:
	cells_free(&cells);
	return status;
}
