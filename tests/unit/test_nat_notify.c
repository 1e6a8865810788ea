/* SPDX-License-Identifier: BSD-2-Clause */
/* What the table of NAT connections tells of them: each begins once and ends once. */
#include "nat_conns.h"

#define MAX_TOLD 64

static struct {
	bool begins;
	struct plx_nat_mapping original;
	uint64_t at_ns;
} told[MAX_TOLD];
static size_t nr_told;

static void on_event(void *arg, bool begins, const struct plx_nat_mapping *original, uint64_t at_ns)
{
	assert_ptr_equal(arg, told);
	assert_true(nr_told < MAX_TOLD);
	assert_false(original->reply);
	told[nr_told].begins = begins;
	told[nr_told].original = *original;
	told[nr_told++].at_ns = at_ns;
}

static struct plx_nat_table *make_telling(void)
{
	struct plx_nat_table *table = make(8);

	nr_told = 0;
	plx_nat_table_notify(table, on_event, told);
	return table;
}

/* The next thing told, and nothing after it. */
static void expect(bool begins, const struct plx_nat_conn *conn, uint64_t at_ns)
{
	assert_int_equal(nr_told, 1);
	assert_int_equal(told[0].begins, begins);
	check_tuple(told[0].original.before, conn->tuple[0]);
	assert_int_equal(told[0].at_ns, at_ns);
	nr_told = 0;
}

static void a_connection_begins_and_ends_once(void **state)
{
	struct plx_nat_table *table = make_telling();
	struct plx_nat_conn conn = snat(1, 1, 4000, 4001);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	check_tuple(told[0].original.after, tuple(UDP, PUBLIC, 4001, SERVER, 53));
	expect(true, &conn, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &conn, START + 1);
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &conn, START + 2);
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &conn, START + 3);
	assert_int_equal(nr_told, 0);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START + 4);
	expect(false, &conn, START + 4);
	/* again, or late */
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &conn, START + 5);
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &conn, START + 3);
	plx_nat_table_expire(table, START + 100 * RETENTION, 10);
	assert_int_equal(nr_told, 0);
	plx_nat_table_free(table);
}

static void a_packet_and_an_event_are_one_beginning(void **state)
{
	struct plx_nat_table *table = make_telling();
	struct plx_nat_conn packet = snat(0, 1, 4000, 4001), event = snat(7, 1, 4000, 4001);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &packet, START);
	expect(true, &packet, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &event, START + 1);
	assert_int_equal(nr_told, 0);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &event, START + 2);
	expect(false, &event, START + 2);
	plx_nat_table_free(table);
}

static void what_was_there_only_ends(void **state)
{
	struct plx_nat_table *table = make_telling();
	struct plx_nat_conn old = snat(1, 1, 4000, 4001), unseen = snat(2, 2, 4000, 4002);
	struct plx_nat_conn late = snat(3, 3, 4000, 4003);

	(void)state;
	plx_nat_table_begin(table);
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &old, START);
	plx_nat_table_end(table);
	assert_false(plx_nat_table_sweep(table, START, 100));
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &unseen, START + 1);
	expect(false, &unseen, START + 1);
	/* of a later dump: an overrun had hidden this one, and the end of the other */
	plx_nat_table_begin(table);
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &late, START + 2);
	expect(true, &late, START + 2);
	plx_nat_table_end(table);
	assert_false(plx_nat_table_sweep(table, START + 3, 100));
	expect(false, &old, START + 3);
	plx_nat_table_free(table);
}

static void one_that_takes_the_place_of_another_ends_it(void **state)
{
	struct plx_nat_table *table = make_telling();
	struct plx_nat_conn old = snat(1, 1, 4000, 4001), next = snat(2, 1, 4000, 4002);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &old, START);
	nr_told = 0;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &next, START + 1);
	assert_int_equal(nr_told, 2);
	assert_false(told[0].begins);
	check_tuple(told[0].original.after, tuple(UDP, PUBLIC, 4001, SERVER, 53));
	assert_true(told[1].begins);
	check_tuple(told[1].original.after, tuple(UDP, PUBLIC, 4002, SERVER, 53));
	/* and so does one without translation */
	nr_told = 0;
	next.tuple[1] = tuple(UDP, SERVER, 53, CLIENT(1), 4000);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &next, START + 2);
	expect(false, &next, START + 2);
	plx_nat_table_free(table);
}

static void silence_is_an_end_where_packets_alone_tell(void **state)
{
	struct plx_nat_table *table = make_telling();
	struct plx_nat_conn conn = snat(0, 1, 4000, 4001);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_PACKET, &conn, START);
	expect(true, &conn, START);
	plx_nat_table_silence(table, START + 20 * SECOND, 16 * SECOND, 10);
	expect(false, &conn, START + 20 * SECOND);
	plx_nat_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_begins_and_ends_once),
		cmocka_unit_test(a_packet_and_an_event_are_one_beginning),
		cmocka_unit_test(what_was_there_only_ends),
		cmocka_unit_test(one_that_takes_the_place_of_another_ends_it),
		cmocka_unit_test(silence_is_an_end_where_packets_alone_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
