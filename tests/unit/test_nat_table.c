/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of NAT connections by itself: what ctnetlink would say comes from here, in any order.
 * The tuples of a mapping are written out in each test, not computed as the table does it.
 */
#include "nat_conns.h"

static void both_directions_are_found_by_both_tuples(void **state)
{
	struct plx_nat_table *table = make(8);
	/* client 10.0.0.1:4000 -> PUBLIC:80, sent on as PUBLIC:5000 -> SERVER:8080 */
	struct plx_nat_tuple in = tuple(TCP, CLIENT(1), 4000, PUBLIC, 80);
	struct plx_nat_tuple out = tuple(TCP, PUBLIC, 5000, SERVER, 8080);
	struct plx_nat_tuple back_in = tuple(TCP, SERVER, 8080, PUBLIC, 5000);
	struct plx_nat_tuple back_out = tuple(TCP, PUBLIC, 80, CLIENT(1), 4000);
	struct plx_nat_conn conn = {
		.tuple = {in, back_in},
		.zone = {3, 4},
		.id = 77,
		.seen_reply = true,
		.tcp_state = 3,
		.counted = true,
		.packets = {10, 20},
		.octets = {1000, 2000},
	};
	struct plx_nat_mapping m;

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	assert_true(plx_nat_table_find_before(table, &in, &m));
	check_tuple(m.before, in);
	check_tuple(m.after, out);
	assert_false(m.reply);
	assert_true(m.live);
	assert_false(m.older);
	assert_true(m.seen_reply);
	assert_false(m.assured);
	assert_int_equal(m.kind, PLX_NAT_SOURCE | PLX_NAT_DEST);
	assert_int_equal(m.tcp_state, 3);
	assert_int_equal(m.zone, 3);
	assert_int_equal(m.id, 77);
	assert_int_equal(m.created_ns, START);
	assert_int_equal(m.last_ns, START);
	assert_int_equal(m.packets, 10);
	assert_int_equal(m.octets, 1000);

	assert_true(plx_nat_table_find_before(table, &back_in, &m));
	check_tuple(m.before, back_in);
	check_tuple(m.after, back_out);
	assert_true(m.reply);
	assert_int_equal(m.kind, PLX_NAT_SOURCE | PLX_NAT_DEST);
	assert_int_equal(m.zone, 4);
	assert_int_equal(m.packets, 20);

	assert_true(plx_nat_table_find_after(table, &out, &m));
	check_tuple(m.before, in);
	assert_false(m.reply);
	assert_true(plx_nat_table_find_after(table, &back_out, &m));
	check_tuple(m.before, back_in);
	assert_true(m.reply);

	/* and by nothing else */
	assert_false(has(table, out));
	assert_false(has(table, back_out));
	assert_false(has_after(table, in));
	assert_false(has_after(table, back_in));
	plx_nat_table_free(table);
}

static void kind_is_of_the_direction(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn source = snat(1, 1, 4000, 4000);
	struct plx_nat_conn port = {
		.tuple = {tuple(UDP, CLIENT(1), 4000, PUBLIC, 80),
			  tuple(UDP, PUBLIC, 8080, CLIENT(1), 4000)},
	};

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &source, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &port, START);
	assert_int_equal(get(table, source.tuple[0]).kind, PLX_NAT_SOURCE);
	assert_int_equal(get(table, source.tuple[1]).kind, PLX_NAT_DEST);
	assert_int_equal(get(table, port.tuple[0]).kind, PLX_NAT_DEST);
	assert_int_equal(get(table, port.tuple[1]).kind, PLX_NAT_SOURCE);
	plx_nat_table_free(table);
}

static void ipv6_differs_in_all_words(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn conn = {
		.tuple = {{.source = {1, 2, 3, 4},
			   .dest = {5, 6, 7, 8},
			   .source_port = 9,
			   .dest_port = 10,
			   .protocol = TCP,
			   .version = 6},
			  {.source = {5, 6, 7, 8},
			   .dest = {1, 2, 3, 11},
			   .source_port = 10,
			   .dest_port = 9,
			   .protocol = TCP,
			   .version = 6}},
	};
	struct plx_nat_mapping m;

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	m = get(table, conn.tuple[0]);
	check_tuple(m.after, (struct plx_nat_tuple){.source = {1, 2, 3, 11},
						    .dest = {5, 6, 7, 8},
						    .source_port = 9,
						    .dest_port = 10,
						    .protocol = TCP,
						    .version = 6});
	assert_int_equal(m.kind, PLX_NAT_SOURCE);
	plx_nat_table_free(table);
}

/* Type and code stand in the ports, and the answer to a request has another type. */
static void icmp_answers_have_their_type(void **state)
{
	static const struct {
		uint8_t version, protocol, request, answer;
	} types[] = {{4, ICMP, 8, 0},	 {4, ICMP, 13, 14},	{4, ICMP, 15, 16},
		     {4, ICMP, 17, 18},	 {6, ICMPV6, 128, 129}, {6, ICMPV6, 139, 140},
		     {6, ICMP, 8, 8} /* ICMP in IPv6 is no ICMP: no ports, nothing to turn around */};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct plx_nat_table *table = make(8);
		bool plain = types[i].request == types[i].answer;
		struct plx_nat_tuple request = tuple(types[i].protocol, CLIENT(1), 0, SERVER,
						     plain ? 0 : types[i].request << 8 | 5);
		struct plx_nat_tuple sent = tuple(types[i].protocol, PUBLIC, 0, SERVER,
						  plain ? 0 : types[i].request << 8 | 5);
		struct plx_nat_tuple answer = tuple(types[i].protocol, SERVER, 0, PUBLIC,
						    plain ? 0 : types[i].answer << 8 | 5);
		struct plx_nat_tuple given = tuple(types[i].protocol, SERVER, 0, CLIENT(1),
						   plain ? 0 : types[i].answer << 8 | 5);
		struct plx_nat_conn conn;
		struct plx_nat_mapping m;

		request.version = sent.version = answer.version = given.version = types[i].version;
		conn = (struct plx_nat_conn){.tuple = {request, answer}, .icmp_id = 99};
		plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
		m = get(table, request);
		check_tuple(m.after, sent);
		assert_int_equal(m.kind, PLX_NAT_SOURCE);
		m = get(table, answer);
		check_tuple(m.after, given);
		assert_int_equal(m.kind, PLX_NAT_DEST);
		assert_true(plx_nat_table_find_after(table, &sent, &m));
		check_tuple(m.before, request);
		assert_true(plx_nat_table_find_after(table, &given, &m));
		check_tuple(m.before, answer);
		plx_nat_table_free(table);
	}
}

static void without_translation_it_is_counted_and_not_kept(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn conn = {
		.tuple = {tuple(UDP, CLIENT(1), 4000, SERVER, 53),
			  tuple(UDP, SERVER, 53, CLIENT(1), 4000)},
	};
	/* only the id is translated, which no flow has */
	struct plx_nat_conn echo = {
		.tuple = {tuple(ICMP, PUBLIC, 0, SERVER, 8 << 8),
			  tuple(ICMP, SERVER, 0, PUBLIC, 0)},
		.icmp_id = 5,
	};

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &conn, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &echo, START);
	check_counts(table, 0, 0);
	assert_int_equal(info_of(table).untranslated, 2);
	assert_int_equal(info_of(table).events, 4);
	/* those of the first dump, too, and no later one, which finds the same */
	for (int i = 0; i < 2; i++) {
		plx_nat_table_begin(table);
		plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &conn, START);
		plx_nat_table_end(table);
		assert_int_equal(info_of(table).untranslated, 3);
	}
	assert_int_equal(info_of(table).dumped, 2);
	plx_nat_table_free(table);
}

/* The rules of a router were taken away: the same connection comes up again, as it is. */
static void without_translation_it_replaces_one_that_had_some(void **state)
{
	static const enum plx_nat_told told[] = {PLX_NAT_TOLD_NEW, PLX_NAT_TOLD_DUMP};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct plx_nat_table *table = make(8);
		struct plx_nat_conn conn = snat(1, 1, 4000, 4000), plain = conn;

		plain.id = 2;
		plain.tuple[1] = tuple(UDP, SERVER, 53, CLIENT(1), 4000);
		plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
		plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START);
		plx_nat_table_begin(table);
		plx_nat_table_tell(table, told[i], &plain, START);
		check_counts(table, 0, 0);
		assert_false(has(table, conn.tuple[0]));
		assert_false(has(table, conn.tuple[1]));
		plx_nat_table_free(table);
	}
}

static void it_ends_and_is_found_until_the_retention_is_over(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn conn = snat(1, 1, 4000, 4000);
	struct plx_nat_mapping m;

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	conn.seen_reply = conn.assured = true;
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &conn, START + 1 * SECOND);
	m = get(table, conn.tuple[1]);
	assert_true(m.live);
	assert_true(m.assured);
	assert_int_equal(m.created_ns, START);
	assert_int_equal(m.last_ns, START + 1 * SECOND);
	conn.counted = true;
	conn.packets[1] = 5;
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START + 2 * SECOND);
	m = get(table, conn.tuple[1]);
	assert_false(m.live);
	assert_int_equal(m.packets, 5);
	assert_int_equal(m.created_ns, START);
	assert_int_equal(m.last_ns, START + 2 * SECOND);
	check_counts(table, 0, 1);
	assert_false(plx_nat_table_expire(table, START + 2 * SECOND - 1, 10)); /* read before it */
	assert_false(plx_nat_table_expire(table, START + 2 * SECOND + RETENTION - 1, 10));
	check_counts(table, 0, 1);
	assert_true(has_after(table, tuple(UDP, PUBLIC, 4000, SERVER, 53)));
	assert_false(plx_nat_table_expire(table, START + 2 * SECOND + RETENTION, 10));
	check_counts(table, 0, 0);
	assert_false(has(table, conn.tuple[0]));
	assert_false(has(table, conn.tuple[1]));
	assert_int_equal(info_of(table).evicted, 0);
	plx_nat_table_free(table);
}

static void expiry_has_a_budget(void **state)
{
	struct plx_nat_table *table = make(16);

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		struct plx_nat_conn conn = snat(i, i, 4000, 4000 + i);

		plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
		plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START + i * SECOND);
	}
	assert_true(plx_nat_table_expire(table, START + 8 * SECOND + RETENTION, 4));
	check_counts(table, 0, 6);
	assert_false(plx_nat_table_expire(table, START + 8 * SECOND + RETENTION, 5));
	check_counts(table, 0, 1);
	plx_nat_table_free(table);
}

/* The port of a client is used again at once, and gets another public port. */
static void a_new_connection_replaces_an_ended_one(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn old = snat(1, 1, 4000, 4000), new = snat(2, 1, 4000, 4001);
	struct plx_nat_mapping m;

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &old, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &old, START + SECOND);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &new, START + 2 * SECOND);
	check_counts(table, 1, 0);
	m = get(table, new.tuple[0]);
	check_tuple(m.after, tuple(UDP, PUBLIC, 4001, SERVER, 53));
	assert_true(m.live);
	assert_int_equal(m.created_ns, START + 2 * SECOND);
	assert_false(has(table, old.tuple[1]));
	/* the same once more, with the id given again and its end seen late or never */
	old.id = new.id;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &old, START + 3 * SECOND);
	check_counts(table, 1, 0);
	assert_int_equal(get(table, old.tuple[0]).created_ns, START + 3 * SECOND);
	assert_false(has(table, new.tuple[1]));
	plx_nat_table_free(table);
}

/* A public port given to another client: both ended connections and the live one keep their own
 * tuples, and the shared one is that of the live one. */
static void a_live_connection_goes_before_ended_ones_of_its_tuple(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn first = snat(1, 1, 4000, 5000), second = snat(2, 2, 4000, 5000);
	struct plx_nat_conn third = snat(3, 3, 4000, 5000);
	struct plx_nat_tuple given = second.tuple[1];

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &first, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &first, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &second, START);
	assert_int_equal(get(table, given).id, 2);
	assert_int_equal(get(table, first.tuple[0]).id, 1);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &second, START);
	assert_int_equal(get(table, given).id, 2); /* the one that ended last */
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &third, START);
	assert_int_equal(get(table, given).id, 3);
	check_tuple(get(table, given).after, tuple(UDP, SERVER, 53, CLIENT(3), 4000));
	check_counts(table, 1, 2);
	assert_int_equal(info_of(table).ambiguous, 0);
	plx_nat_table_free(table);
}

static void in_two_zones_the_latest_wins_and_it_is_counted(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn one = snat(1, 1, 4000, 5000), two = snat(2, 1, 4000, 6000);
	struct plx_nat_mapping m;

	(void)state;
	one.zone[0] = one.zone[1] = 1;
	two.zone[0] = two.zone[1] = 2;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &one, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &two, START + 1);
	check_counts(table, 2, 0);
	m = get(table, one.tuple[0]);
	assert_int_equal(m.zone, 2);
	check_tuple(m.after, tuple(UDP, PUBLIC, 6000, SERVER, 53));
	assert_int_equal(info_of(table).ambiguous, 1);
	/* their answers are different */
	assert_int_equal(get(table, one.tuple[1]).zone, 1);
	assert_int_equal(get(table, two.tuple[1]).zone, 2);
	assert_int_equal(info_of(table).ambiguous, 1);
	/* an event of the older one changes nothing */
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &one, START + 2);
	assert_int_equal(get(table, one.tuple[0]).zone, 2);
	assert_int_equal(info_of(table).ambiguous, 2);
	/* and when the later one ends, the other is what is left */
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &two, START + 3);
	assert_int_equal(get(table, one.tuple[0]).zone, 1);
	assert_int_equal(info_of(table).ambiguous, 2);
	assert_false(get(table, two.tuple[1]).live);
	/* the same translation in both zones: by after, too, and the zone differs */
	two = one;
	two.id = 3;
	two.zone[0] = two.zone[1] = 3;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &two, START + 4);
	assert_true(has_after(table, tuple(UDP, PUBLIC, 5000, SERVER, 53)));
	assert_int_equal(info_of(table).ambiguous, 3);
	plx_nat_table_free(table);
}

/* A hash that has no room for all of them: each is told apart from the others all the same. */
static void each_zone_has_a_connection_of_its_own(void **state)
{
	enum { NR = 5000 };
	struct plx_nat_table *table = make(NR);
	struct plx_nat_conn conn = snat(0, 1, 4000, 4000);

	(void)state;
	for (uint32_t i = 0; i < NR; i++) {
		conn.id = conn.zone[0] = conn.zone[1] = i;
		plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	}
	check_counts(table, NR, 0);
	for (uint32_t i = 0; i < NR; i++) {
		conn.id = conn.zone[0] = conn.zone[1] = i;
		plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START);
		check_counts(table, NR - 1 - i, i + 1);
	}
	plx_nat_table_free(table);
}

/* Many of one tuple, as pings with ids of their own are: what is found, and that none gets lost. */
static void connections_of_one_tuple_that_differ_in_the_icmp_id(void **state)
{
	enum { NR = 20000 };
	struct plx_nat_table *table = make(NR);
	struct plx_nat_conn conn = {
		.tuple = {tuple(ICMP, CLIENT(1), 0, SERVER, 8 << 8),
			  tuple(ICMP, SERVER, 0, PUBLIC, 0)},
	};

	(void)state;
	for (uint32_t i = 0; i < NR; i++) {
		conn.id = conn.icmp_id = i;
		plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START + i);
		assert_int_equal(get(table, conn.tuple[0]).id, i);
	}
	check_counts(table, NR, 0);
	/* the same translation: it does not matter which one is found */
	assert_int_equal(info_of(table).ambiguous, 0);
	for (uint32_t i = 0; i < NR; i += 2) {
		conn.id = conn.icmp_id = i;
		plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START + NR);
		assert_int_equal(get(table, conn.tuple[1]).id, NR - 1);
	}
	check_counts(table, NR / 2, NR / 2);
	for (uint32_t i = NR - 1; i < NR; i -= 2) {
		conn.id = conn.icmp_id = i;
		assert_int_equal(get(table, conn.tuple[1]).id, i);
		plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START + NR);
	}
	assert_int_equal(get(table, conn.tuple[0]).id, 1); /* the one that ended last */
	assert_false(plx_nat_table_expire(table, START + NR + RETENTION, NR));
	check_counts(table, 0, 0);
	assert_false(has(table, conn.tuple[0]));
	plx_nat_table_free(table);
}

/* Two clients ping one server through one address: the answers are one flow, but of two. */
static void answers_to_two_clients_are_ambiguous(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn conn = {
		.tuple = {tuple(ICMP, CLIENT(1), 0, SERVER, 8 << 8),
			  tuple(ICMP, SERVER, 0, PUBLIC, 0)},
		.icmp_id = 1,
	};

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	assert_false(get(table, conn.tuple[1]).kind & PLX_NAT_SOURCE);
	assert_int_equal(info_of(table).ambiguous, 0);
	conn.tuple[0] = tuple(ICMP, CLIENT(2), 0, SERVER, 8 << 8);
	conn.icmp_id = 2;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	check_tuple(get(table, conn.tuple[1]).after, tuple(ICMP, SERVER, 0, CLIENT(2), 0));
	assert_int_equal(info_of(table).ambiguous, 1);
	plx_nat_table_free(table);
}

static void at_capacity_ended_ones_go_first_then_the_oldest(void **state)
{
	struct plx_nat_table *table = make(4);
	struct plx_nat_conn conn[8];

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		conn[i] = snat(i, i, 4000, 5000 + i);
	for (uint32_t i = 0; i < 4; i++)
		plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn[i], START + i);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn[3], START + 10);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn[1], START + 11);
	/* an update makes nothing younger */
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &conn[0], START + 12);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn[4], START + 13);
	assert_false(has(table, conn[3].tuple[0]));
	assert_true(has(table, conn[1].tuple[0]));
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn[5], START + 14);
	assert_false(has(table, conn[1].tuple[0]));
	assert_true(has(table, conn[0].tuple[0]));
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn[6], START + 15);
	assert_false(has(table, conn[0].tuple[0]));
	assert_false(has(table, conn[0].tuple[1]));
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn[7], START + 16);
	assert_false(has(table, conn[2].tuple[0]));
	for (uint32_t i = 4; i < 8; i++)
		assert_true(has(table, conn[i].tuple[1]));
	check_counts(table, 4, 0);
	assert_int_equal(info_of(table).evicted, 4);
	plx_nat_table_free(table);
}

/* What is told late, or of something that was never told. */
static void events_out_of_order_do_no_harm(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn conn = snat(1, 1, 4000, 4000), other = snat(2, 1, 4000, 4001);
	struct plx_nat_mapping m;

	(void)state;
	/* an end that is all there is: the flow is still to be exported */
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START);
	m = get(table, conn.tuple[0]);
	assert_false(m.live);
	assert_true(m.older);
	/* an update that was overtaken by it */
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &conn, START + 1);
	assert_false(get(table, conn.tuple[0]).live);
	assert_int_equal(get(table, conn.tuple[0]).last_ns, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START + 2);
	assert_int_equal(get(table, conn.tuple[0]).last_ns, START);
	/* an update of one whose beginning was lost */
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &other, START + 3);
	m = get(table, conn.tuple[0]);
	assert_true(m.live);
	assert_true(m.older);
	assert_int_equal(m.id, 2);
	/* the end of the former one, sent again */
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START + 4);
	assert_true(get(table, conn.tuple[0]).live);
	check_counts(table, 1, 0);
	/* the id was given again, to a connection with another translation */
	conn.id = other.id;
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &conn, START + 5);
	check_tuple(get(table, conn.tuple[0]).after, tuple(UDP, PUBLIC, 4000, SERVER, 53));
	assert_false(has(table, other.tuple[1]));
	check_counts(table, 1, 0);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START + 6);
	/* an end of another one, nothing else known of it: the latest that there was */
	other.id = 9;
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &other, START + 7);
	assert_int_equal(get(table, conn.tuple[0]).id, 9);
	check_counts(table, 0, 1);
	plx_nat_table_free(table);
}

static void iteration_gives_each_mapping_once(void **state)
{
	struct plx_nat_table *table = make(100);
	struct plx_nat_mapping m;
	bool seen[50][2] = {};
	uint64_t cursor = 0;
	size_t nr = 0;

	(void)state;
	assert_false(plx_nat_table_next(table, &cursor, &m));
	for (uint32_t i = 0; i < 50; i++) {
		struct plx_nat_conn conn = snat(i, i, 4000, 5000 + i);

		plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
		if (i % 5 == 0)
			plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START);
	}
	assert_false(plx_nat_table_expire(table, START + RETENTION, 100));
	for (; plx_nat_table_next(table, &cursor, &m); nr++) {
		assert_true(m.id % 5 != 0);
		assert_false(seen[m.id][m.reply]);
		seen[m.id][m.reply] = true;
	}
	assert_int_equal(nr, 80);
	plx_nat_table_free(table);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_are_found_by_both_tuples),
		cmocka_unit_test(kind_is_of_the_direction),
		cmocka_unit_test(ipv6_differs_in_all_words),
		cmocka_unit_test(icmp_answers_have_their_type),
		cmocka_unit_test(without_translation_it_is_counted_and_not_kept),
		cmocka_unit_test(without_translation_it_replaces_one_that_had_some),
		cmocka_unit_test(it_ends_and_is_found_until_the_retention_is_over),
		cmocka_unit_test(expiry_has_a_budget),
		cmocka_unit_test(a_new_connection_replaces_an_ended_one),
		cmocka_unit_test(a_live_connection_goes_before_ended_ones_of_its_tuple),
		cmocka_unit_test(in_two_zones_the_latest_wins_and_it_is_counted),
		cmocka_unit_test(each_zone_has_a_connection_of_its_own),
		cmocka_unit_test(connections_of_one_tuple_that_differ_in_the_icmp_id),
		cmocka_unit_test(answers_to_two_clients_are_ambiguous),
		cmocka_unit_test(at_capacity_ended_ones_go_first_then_the_oldest),
		cmocka_unit_test(events_out_of_order_do_no_harm),
		cmocka_unit_test(iteration_gives_each_mapping_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
