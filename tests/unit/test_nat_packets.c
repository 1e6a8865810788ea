/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of NAT connections when programs that saw packets tell of them, alone or with events.
 */
#include "nat_conns.h"

/* As a program tells it: without an id. */
static struct plx_nat_conn seen(uint32_t client, uint16_t port, uint16_t public_port)
{
	return snat(0, client, port, public_port);
}

static void a_packet_is_enough(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn conn = seen(1, 4000, 4001);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &conn, START);
	check_tuple(get(table, conn.tuple[0]).after, tuple(UDP, PUBLIC, 4001, SERVER, 53));
	assert_true(has_after(table, tuple(UDP, SERVER, 53, CLIENT(1), 4000)));
	assert_true(get(table, conn.tuple[0]).live);
	conn.assured = true;
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &conn, START + SECOND);
	assert_true(get(table, conn.tuple[0]).assured);
	assert_int_equal(get(table, conn.tuple[0]).created_ns, START);
	assert_int_equal(get(table, conn.tuple[0]).last_ns, START + SECOND);
	assert_int_equal(info_of(table).events, 0);
	assert_int_equal(info_of(table).dumped, 0);
	plx_nat_table_free(table);
}

/* Without events: silent ones have ended, in the order in which packets told of them last. */
static void connections_without_packets_have_ended(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn first = seen(1, 4000, 4001), second = seen(2, 4000, 4002);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &first, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &second, START + SECOND);
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &first, START + 5 * SECOND);
	assert_false(plx_nat_table_silence(table, START + 10 * SECOND, 9 * SECOND + 1, 8));
	check_counts(table, 2, 0);
	assert_false(plx_nat_table_silence(table, START + 10 * SECOND, 9 * SECOND, 8));
	check_counts(table, 1, 1);
	assert_true(get(table, first.tuple[0]).live);
	assert_false(get(table, second.tuple[0]).live);
	/* it speaks again: it had not ended */
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &second, START + 11 * SECOND);
	check_counts(table, 2, 0);
	assert_int_equal(get(table, second.tuple[0]).created_ns, START + SECOND);
	/* more than the budget */
	assert_true(plx_nat_table_silence(table, START + 100 * SECOND, SECOND, 1));
	check_counts(table, 1, 1);
	assert_false(plx_nat_table_silence(table, START + 100 * SECOND, SECOND, 1));
	check_counts(table, 0, 2);
	plx_nat_table_free(table);
}

static void the_next_connection_of_a_tuple_takes_its_place(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn old = seen(1, 4000, 4001), new = seen(1, 4000, 4002);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &old, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &new, START + SECOND);
	/* two CPUs tell in an order of their own */
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &old, START + SECOND / 2);
	check_tuple(get(table, new.tuple[0]).after, tuple(UDP, PUBLIC, 4002, SERVER, 53));
	assert_false(has_after(table, tuple(UDP, PUBLIC, 4001, SERVER, 53)));
	check_counts(table, 1, 0);
	plx_nat_table_free(table);
}

/* What packets and events say of one connection is one connection, whoever is first. */
static void events_know_the_same_connection(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn packet = seen(1, 4000, 4001), event = snat(7, 1, 4000, 4001);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &packet, START);
	assert_int_equal(plx_nat_table_silent(table), 1);
	event.tcp_state = 3;
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &event, START + SECOND);
	check_counts(table, 1, 0);
	assert_int_equal(plx_nat_table_silent(table), 0);
	assert_int_equal(get(table, event.tuple[0]).id, 7);
	assert_int_equal(get(table, event.tuple[0]).created_ns, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &packet, START + 2 * SECOND);
	assert_int_equal(get(table, event.tuple[0]).id, 7);
	assert_int_equal(get(table, event.tuple[0]).tcp_state, 3);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &event, START + 3 * SECOND);
	check_counts(table, 0, 1);
	/* a packet from before the end is read after it */
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &packet, START + 2 * SECOND);
	check_counts(table, 0, 1);
	/* and one that is later is of another connection, whose beginning an event tells of, too */
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &packet, START + 4 * SECOND);
	check_counts(table, 1, 0);
	event.id = 8;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &event, START + 5 * SECOND);
	check_counts(table, 1, 0);
	assert_false(get(table, event.tuple[0]).older);
	plx_nat_table_free(table);
}

/* No event told of it, so a dump has to say that it has ended. */
static void a_dump_ends_what_only_packets_told_of(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn packet = seen(1, 4000, 4001);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &packet, START);
	plx_nat_table_begin(table);
	plx_nat_table_end(table);
	assert_false(plx_nat_table_sweep(table, START + SECOND, 100));
	check_counts(table, 0, 1);
	/* one that spoke since the dump was asked for may be younger than what the dump has seen */
	plx_nat_table_begin(table);
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &packet, START + 2 * SECOND);
	plx_nat_table_end(table);
	assert_false(plx_nat_table_sweep(table, START + 3 * SECOND, 100));
	check_counts(table, 1, 0);
	plx_nat_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_enough),
		cmocka_unit_test(connections_without_packets_have_ended),
		cmocka_unit_test(the_next_connection_of_a_tuple_takes_its_place),
		cmocka_unit_test(events_know_the_same_connection),
		cmocka_unit_test(a_dump_ends_what_only_packets_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
