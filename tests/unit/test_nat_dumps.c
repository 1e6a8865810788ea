/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of NAT connections when a dump tells it what there is, and events go on meanwhile. */
#include "nat_conns.h"

static void a_dump_adds_what_is_older(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn conn = snat(1, 1, 4000, 4000);
	struct plx_nat_mapping m;

	(void)state;
	plx_nat_table_begin(table);
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &conn, START);
	plx_nat_table_end(table);
	assert_false(plx_nat_table_sweep(table, START + 1, 100));
	m = get(table, conn.tuple[0]);
	assert_true(m.live);
	assert_true(m.older);
	assert_int_equal(m.created_ns, START);
	assert_int_equal(plx_nat_table_silent(table), 1);
	/* an event says that there will be others */
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &conn, START + 2);
	assert_int_equal(plx_nat_table_silent(table), 0);
	assert_true(get(table, conn.tuple[0]).older);
	assert_int_equal(get(table, conn.tuple[0]).created_ns, START);
	plx_nat_table_free(table);
}

static void a_dump_undoes_no_event(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn gone = snat(1, 1, 4000, 4000), known = snat(2, 2, 4000, 4002);
	struct plx_nat_conn again = snat(3, 3, 4000, 4003), changed = snat(4, 4, 4000, 4004);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &known, START);
	plx_nat_table_begin(table);
	/* ended meanwhile: one that was never seen, and one that was */
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &gone, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &known, START);
	/* ended and came up again with another public port, and the same id */
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &again, START);
	again.tuple[1] = tuple(UDP, SERVER, 53, PUBLIC, 4444);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &again, START);
	changed.assured = true;
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &changed, START);
	/* now what the dump found before */
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &gone, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &known, START);
	again = snat(3, 3, 4000, 4003);
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &again, START);
	changed.assured = false;
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &changed, START);
	/* and what is ended is there as long as that can happen */
	assert_false(plx_nat_table_expire(table, START + 100 * RETENTION, 100));
	check_counts(table, 2, 2);
	plx_nat_table_end(table);
	assert_false(plx_nat_table_sweep(table, START + 1, 100));
	check_counts(table, 2, 2);
	assert_false(get(table, gone.tuple[0]).live);
	assert_false(get(table, known.tuple[0]).live);
	check_tuple(get(table, again.tuple[0]).after, tuple(UDP, PUBLIC, 4444, SERVER, 53));
	assert_true(get(table, changed.tuple[0]).assured);
	assert_false(plx_nat_table_expire(table, START + 100 * RETENTION, 100));
	check_counts(table, 2, 0);
	plx_nat_table_free(table);
}

/* After an overrun: ends were lost, beginnings, and both of the same tuple. */
static void a_resync_mends_what_an_overrun_broke(void **state)
{
	struct plx_nat_table *table = make(16);
	struct plx_nat_conn gone = snat(1, 1, 4000, 4001), stays = snat(2, 2, 4000, 4002);
	struct plx_nat_conn replaced = snat(3, 3, 4000, 4003), unseen = snat(4, 4, 4000, 4004);
	struct plx_nat_conn ended = snat(5, 5, 4000, 4005), during = snat(6, 6, 4000, 4006);
	unsigned int calls = 1;

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &gone, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &stays, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &replaced, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &ended, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &ended, START);

	plx_nat_table_begin(table);
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &stays, START + SECOND);
	replaced = snat(7, 3, 4000, 4007);
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &replaced, START + SECOND);
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &unseen, START + SECOND);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &during, START + SECOND);
	/* came up again with the same id, and the kernel says so only now */
	plx_nat_table_tell(table, PLX_NAT_TOLD_DUMP, &ended, START + SECOND);
	plx_nat_table_end(table);
	assert_true(get(table, gone.tuple[0]).live); /* not yet looked at */
	while (plx_nat_table_sweep(table, START + 2 * SECOND, 1))
		calls++;
	assert_int_equal(calls, 6);

	check_counts(table, 5, 1);
	assert_false(get(table, gone.tuple[0]).live);
	assert_int_equal(get(table, gone.tuple[0]).last_ns, START + 2 * SECOND);
	assert_int_equal(get(table, stays.tuple[0]).created_ns, START);
	check_tuple(get(table, replaced.tuple[0]).after, tuple(UDP, PUBLIC, 4007, SERVER, 53));
	assert_false(has(table, tuple(UDP, SERVER, 53, PUBLIC, 4003)));
	assert_true(get(table, unseen.tuple[1]).live);
	assert_true(get(table, during.tuple[1]).live);
	assert_true(get(table, ended.tuple[1]).live);
	assert_int_equal(get(table, ended.tuple[1]).created_ns, START + SECOND);
	plx_nat_table_free(table);
}

/* A dump that missed some, since the kernel's table was resized: an event brings them back. */
static void what_was_only_missing_is_not_new(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn conn = snat(1, 1, 4000, 4000), other = snat(2, 2, 4000, 4002);
	struct plx_nat_mapping m;

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &other, START);
	plx_nat_table_begin(table);
	plx_nat_table_end(table);
	assert_false(plx_nat_table_sweep(table, START + SECOND, 100));
	check_counts(table, 0, 2);
	plx_nat_table_tell(table, PLX_NAT_TOLD_UPDATE, &conn, START + 2 * SECOND);
	m = get(table, conn.tuple[0]);
	assert_true(m.live);
	assert_int_equal(m.created_ns, START);
	assert_int_equal(m.last_ns, START + 2 * SECOND);
	/* the end that an event tells counts, rather than when it was missed */
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &other, START + 3 * SECOND);
	assert_int_equal(get(table, other.tuple[0]).last_ns, START + 3 * SECOND);
	assert_false(plx_nat_table_expire(table, START + 2 * SECOND + RETENTION, 100));
	check_counts(table, 1, 1);
	plx_nat_table_free(table);
}

static void a_dump_that_was_given_up_ends_nothing(void **state)
{
	struct plx_nat_table *table = make(8);
	struct plx_nat_conn conn = snat(1, 1, 4000, 4000), ended = snat(2, 2, 4000, 4002);

	(void)state;
	plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &conn, START);
	plx_nat_table_tell(table, PLX_NAT_TOLD_END, &ended, START);
	plx_nat_table_begin(table);
	plx_nat_table_abort(table);
	assert_false(plx_nat_table_sweep(table, START + 1, 100));
	assert_true(get(table, conn.tuple[0]).live);
	assert_false(plx_nat_table_expire(table, START + RETENTION, 100));
	check_counts(table, 1, 0);
	plx_nat_table_free(table);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_adds_what_is_older),
		cmocka_unit_test(a_dump_undoes_no_event),
		cmocka_unit_test(a_resync_mends_what_an_overrun_broke),
		cmocka_unit_test(what_was_only_missing_is_not_new),
		cmocka_unit_test(a_dump_that_was_given_up_ends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
