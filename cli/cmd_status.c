/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallax status: what the daemon meters, and the ledger that says where every packet went. The
 * ledger is added up again here from the numbers that are shown, so that a line that says it
 * balances is about these numbers and not only the daemon's word. See control/README.md, LEDGER.
 */
#include "cmd.h"

#include <inttypes.h>

#include <json-c/json.h>

#include "client.h"
#include "out.h"

struct tally {
	bool known; /* false: something was missing in the reply */
	int64_t packets;
	int64_t bytes;
};

/* Columns of the ledger. in and out are sums over the interfaces, total is the daemon's. */
enum { WAY_IN, WAY_OUT, WAY_TOTAL, WAY_MAX };
static const char *const way_names[] = {"in", "out"};

struct books {
	struct json_object *ifaces;
	struct json_object *total;
};

static struct json_object *iface_ledger(struct json_object *iface, int way)
{
	return out_member(out_member(iface, "ledger"), way_names[way]);
}

/* ledger[account], or ledger[account][cause] */
static struct tally read_tally(struct json_object *ledger, const char *account, const char *cause)
{
	struct json_object *member = out_member(ledger, account);
	struct json_object *packets, *bytes;

	if (cause)
		member = out_member(member, cause);
	packets = out_member(member, "packets");
	bytes = out_member(member, "bytes");
	return (struct tally){
		.known = json_object_is_type(packets, json_type_int) &&
			 json_object_is_type(bytes, json_type_int),
		.packets = json_object_get_int64(packets),
		.bytes = json_object_get_int64(bytes),
	};
}

static void add_tally(struct tally *sum, struct tally tally)
{
	sum->known &= tally.known;
	sum->packets += tally.packets;
	sum->bytes += tally.bytes;
}

static struct tally way_tally(const struct books *books, int way, const char *account,
			      const char *cause)
{
	struct tally sum = {.known = true};

	if (way == WAY_TOTAL)
		return read_tally(books->total, account, cause);
	for (size_t i = 0; i < json_object_array_length(books->ifaces); i++)
		add_tally(&sum,
			  read_tally(iface_ledger(json_object_array_get_idx(books->ifaces, i), way),
				     account, cause));
	return sum;
}

/* Sum over the causes of "skipped" or "lost". */
static struct tally way_sum(const struct books *books, int way, const char *account)
{
	struct json_object *causes = out_member(books->total, account);
	struct tally sum = {.known = json_object_is_type(causes, json_type_object)};

	if (!sum.known)
		return sum;
	json_object_object_foreach (causes, cause, unused) {
		(void)unused;
		add_tally(&sum, way_tally(books, way, account, cause));
	}
	return sum;
}

static void print_row(struct out_table *table, const char *name, const struct tally tallies[])
{
	char number[OUT_NUMBER_SIZE];

	out_line(table);
	out_cell(table, "%s", name);
	for (int way = 0; way < WAY_MAX; way++) {
		if (!tallies[way].known) {
			out_cell(table, "?");
			out_cell(table, "?");
			continue;
		}
		out_cell(table, "%" PRId64, tallies[way].packets);
		out_cell(table, "%s", out_si(number, tallies[way].bytes));
	}
}

static void print_account(struct out_table *table, const struct books *books, const char *account)
{
	struct tally tallies[WAY_MAX];

	for (int way = 0; way < WAY_MAX; way++)
		tallies[way] = way_tally(books, way, account, NULL);
	print_row(table, account, tallies);
}

/* The causes of an account that took something. */
static void print_each_cause(struct out_table *table, const struct books *books,
			     const char *account, const char *indent)
{
	struct json_object *causes = out_member(books->total, account);
	struct tally tallies[WAY_MAX];

	if (!json_object_is_type(causes, json_type_object))
		return;
	json_object_object_foreach (causes, cause, unused) {
		char name[64];
		bool zero = true;

		(void)unused;
		for (int way = 0; way < WAY_MAX; way++) {
			tallies[way] = way_tally(books, way, account, cause);
			zero &= tallies[way].known && !tallies[way].packets && !tallies[way].bytes;
		}
		if (zero)
			continue;
		snprintf(name, sizeof(name), "%s%s", indent, cause);
		print_row(table, name, tallies);
	}
}

/* The sum of an account that has causes, and below it the causes. */
static void print_causes(struct out_table *table, const struct books *books, const char *account)
{
	struct tally tallies[WAY_MAX];

	for (int way = 0; way < WAY_MAX; way++)
		tallies[way] = way_sum(books, way, account);
	print_row(table, account, tallies);
	print_each_cause(table, books, account, "  ");
}

/* One ledger's own difference; true if there is none. */
static bool check_difference(struct json_object *ledger, const char *whose, const char *way,
			     FILE *stream)
{
	struct tally difference = read_tally(ledger, "difference", NULL);

	if (difference.known && !difference.packets && !difference.bytes)
		return true;
	if (difference.known)
		out_say(stream,
			"LEDGER DOES NOT BALANCE: %s%s: difference %" PRId64 " packets, %" PRId64
			" bytes",
			whose, way, difference.packets, difference.bytes);
	else
		out_say(stream, "LEDGER UNKNOWN: %s%s: no difference in the reply", whose, way);
	return false;
}

/* The two equations of the total, from the numbers in the table. */
static bool check_sums(const struct books *books, FILE *stream)
{
	struct tally seen = way_tally(books, WAY_TOTAL, "seen", NULL);
	struct tally metered = way_tally(books, WAY_TOTAL, "metered", NULL);
	struct tally unmetered = way_sum(books, WAY_TOTAL, "skipped");
	struct tally ways = way_tally(books, WAY_TOTAL, "exported", NULL);

	add_tally(&unmetered, way_tally(books, WAY_TOTAL, "unsampled", NULL));
	add_tally(&ways, way_tally(books, WAY_TOTAL, "held", NULL));
	add_tally(&ways, way_sum(books, WAY_TOTAL, "lost"));
	if (!seen.known || !metered.known || !unmetered.known || !ways.known) {
		out_say(stream, "LEDGER UNKNOWN: total: numbers are missing in the reply");
		return false;
	}
	if (seen.packets == metered.packets + unmetered.packets &&
	    seen.bytes == metered.bytes + unmetered.bytes && metered.packets == ways.packets &&
	    metered.bytes == ways.bytes)
		return true;
	out_say(stream,
		"LEDGER DOES NOT BALANCE: total: seen - skipped - unsampled - metered = %" PRId64
		" packets, %" PRId64 " bytes",
		seen.packets - metered.packets - unmetered.packets,
		seen.bytes - metered.bytes - unmetered.bytes);
	out_say(stream,
		"LEDGER DOES NOT BALANCE: total: metered - exported - held - lost = %" PRId64
		" packets, %" PRId64 " bytes",
		metered.packets - ways.packets, metered.bytes - ways.bytes);
	return false;
}

static enum cli_exit print_ledger(const struct cli *cli, const struct books *books, FILE *stream)
{
	static const struct out_column columns[] = {
		{"LEDGER", false}, {"IN PACKETS", true},    {"BYTES", true}, {"OUT PACKETS", true},
		{"BYTES", true},   {"TOTAL PACKETS", true}, {"BYTES", true},
	};
	static const struct tally unknown[WAY_MAX];
	struct out_table table;
	enum cli_exit status;
	bool balances;

	out_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]), "  ");
	print_account(&table, books, "seen");
	print_causes(&table, books, "skipped");
	print_account(&table, books, "unsampled");
	print_account(&table, books, "metered");
	/* Without a sum: a packet can be in several of these, and is in metered once. */
	if (json_object_is_type(out_member(books->total, "limited"), json_type_object))
		print_each_cause(&table, books, "limited", "  of which ");
	else
		print_row(&table, "  of which limited", unknown);
	print_account(&table, books, "exported");
	print_account(&table, books, "held");
	print_causes(&table, books, "lost");
	status = out_table_done(cli, &table, stream);
	if (status != CLI_DONE)
		return status;

	balances = check_difference(books->total, "total", "", stream);
	balances &= check_sums(books, stream);
	for (size_t i = 0; i < json_object_array_length(books->ifaces); i++) {
		struct json_object *iface = json_object_array_get_idx(books->ifaces, i);
		const char *name = out_member_text(iface, "name");

		balances &= check_difference(iface_ledger(iface, WAY_IN), name, " in", stream);
		balances &= check_difference(iface_ledger(iface, WAY_OUT), name, " out", stream);
	}
	if (balances)
		out_say(stream, "ledger balances: seen = skipped + unsampled + metered, metered = "
				"exported + held + lost");
	return CLI_DONE;
}

static enum cli_exit print_ifaces(const struct cli *cli, struct json_object *ifaces, FILE *stream)
{
	static const struct out_column columns[] = {
		{"INTERFACE", false}, {"IFINDEX", true}, {"INGRESS", false}, {"EGRESS", false},
		{"DIR", false},	      {"TUNNEL", false}, {"IN SEEN", true},  {"METERED", true},
		{"OUT SEEN", true},   {"METERED", true},
	};
	char number[OUT_NUMBER_SIZE], hook[OUT_HOOK_SIZE];
	struct out_table table;
	enum cli_exit status;

	if (json_object_array_length(ifaces) == 0) {
		out_say(stream, "no interfaces");
		return CLI_DONE;
	}
	out_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]), " ");
	for (size_t i = 0; i < json_object_array_length(ifaces); i++) {
		struct json_object *iface = json_object_array_get_idx(ifaces, i);

		out_line(&table);
		out_cell(&table, "%s", out_member_text(iface, "name"));
		out_cell(&table, "%s", out_member_count(number, iface, "ifindex"));
		out_cell(&table, "%s", out_member_hook(hook, iface));
		out_cell(&table, "%s", out_member_text(iface, "hook_out"));
		out_cell(&table, "%s", out_member_text(iface, "direction"));
		out_cell(&table, "%s", out_member_text(iface, "tunnel"));
		for (int way = 0; way < WAY_TOTAL; way++) {
			struct json_object *ledger = iface_ledger(iface, way);

			out_cell(&table, "%s",
				 out_member_count(number, out_member(ledger, "seen"), "packets"));
			out_cell(
				&table, "%s",
				out_member_count(number, out_member(ledger, "metered"), "packets"));
		}
	}
	status = out_table_done(cli, &table, stream);
	if (status != CLI_DONE)
		return status;
	cmd_iface_print_reasons(ifaces, stream);
	return CLI_DONE;
}

static void print_tables(struct json_object *tables, struct json_object *cache, FILE *stream)
{
	char n[5][OUT_NUMBER_SIZE];

	out_say(stream,
		"tables  %s flows each, used %s IPv4 + %s IPv6; %s flows in tunnels, used %s",
		out_member_count(n[0], tables, "flows"),
		out_member_count(n[1], tables, "used_ipv4"),
		out_member_count(n[2], tables, "used_ipv6"),
		out_member_count(n[3], tables, "tunnels"),
		out_member_count(n[4], tables, "used_tunnel"));
	out_say(stream, "        %s epochs, %s records, spilled %s, evicted flows %s",
		out_member_count(n[0], tables, "epochs"), out_member_count(n[1], tables, "records"),
		out_member_count(n[2], tables, "spilled"),
		out_member_count(n[3], tables, "evicted_flows"));
	out_say(stream, "        last swap %s, last drain %s for %s records",
		out_member_duration(n[0], tables, "swap_ns"),
		out_member_duration(n[1], tables, "drain_ns"),
		out_member_count(n[2], tables, "drain_records"));
	out_say(stream, "cache   %s of %s flows, expired %s, forced out %s",
		out_member_count(n[0], cache, "flows"), out_member_count(n[1], cache, "capacity"),
		out_member_count(n[2], cache, "expired"), out_member_count(n[3], cache, "forced"));
	out_say(stream, "memory  tables %sB, cache %sB",
		out_member_si(n[0], tables, "memory_bytes"),
		out_member_si(n[1], cache, "memory_bytes"));
}

static void print_nat(struct json_object *nat, FILE *stream)
{
	bool kfuncs = out_member_bool(nat, "kfuncs"), ctnetlink = out_member_bool(nat, "ctnetlink");
	char n[4][OUT_NUMBER_SIZE];
	uint64_t unreadable;

	if (!out_member(nat, "connections")) {
		out_say(stream, "nat     off");
		return;
	}
	out_say(stream,
		"nat     %s%s%s%s: %s translated connections, %s ended, evicted %s, overruns %s",
		kfuncs ? "kfuncs" : "", kfuncs && ctnetlink ? " and " : "",
		ctnetlink ? "ctnetlink" : "",
		!ctnetlink || out_member_bool(nat, "synced") ? "" : " (not in step yet)",
		out_member_count(n[0], nat, "connections"), out_member_count(n[1], nat, "ended"),
		out_member_count(n[2], nat, "evicted"), out_member_count(n[3], nat, "overruns"));
	if (out_member_u64(nat, "unreadable", &unreadable) && unreadable)
		out_say(stream, "        %" PRIu64 " messages of ctnetlink could not be read",
			unreadable);
}

/* Only when not all is metered: then all counts of flows are to be multiplied. */
static void print_sampling(struct json_object *sampling, FILE *stream)
{
	uint64_t interval;

	if (!out_member_u64(sampling, "interval", &interval) || interval <= 1)
		return;
	out_say(stream,
		"sampled: 1 in %" PRIu64 " %ss; what is metered stands for %" PRIu64
		" times as much",
		interval, out_member_text(sampling, "by"), interval);
}

static enum cli_exit render(const struct cli *cli, struct json_object *document, FILE *stream)
{
	struct json_object *exporters;
	char n[4][OUT_NUMBER_SIZE];
	enum cli_exit status;
	struct books books;

	books.ifaces = client_array(cli, document, "interfaces");
	if (!books.ifaces)
		return CLI_FAILED;
	books.total = client_object(cli, document, "total");
	if (!books.total)
		return CLI_FAILED;
	exporters = client_array(cli, document, "exporters");
	if (!exporters)
		return CLI_FAILED;
	out_say(stream, "parallaxd %s, pid %s, up %s, epoch %s, observation domain %s",
		out_member_text(document, "version"), out_member_count(n[0], document, "pid"),
		out_member_duration(n[1], document, "uptime_ns"),
		out_member_duration(n[2], document, "epoch_ns"),
		out_member_count(n[3], document, "observation_domain"));
	fputc('\n', stream);
	status = print_ifaces(cli, books.ifaces, stream);
	if (status != CLI_DONE)
		return status;
	fputc('\n', stream);
	status = print_ledger(cli, &books, stream);
	if (status != CLI_DONE)
		return status;
	print_sampling(out_member(document, "sampling"), stream);
	fputc('\n', stream);
	print_tables(out_member(document, "tables"), out_member(document, "cache"), stream);
	print_nat(out_member(document, "nat"), stream);
	fputc('\n', stream);
	return cmd_export_print(cli, exporters, stream);
}

enum cli_exit cmd_status(const struct cli *cli)
{
	return client_show(cli, client_request("status"), render);
}
