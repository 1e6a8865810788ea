/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of NAT connections against a model of it that is too simple to be wrong. */
#include "nat_conns.h"
#include "packet.h"

/* What the table shall say, the simple way: connections by number, looked at one by one. */
struct model {
	struct plx_nat_conn conn;
	bool there, live;
	uint64_t created, ended;
};

static const struct model *model_find(const struct model *models, size_t nr,
				      const struct plx_nat_tuple *before, int *ret_dir)
{
	const struct model *best = NULL;

	for (size_t i = 0; i < nr; i++) {
		const struct model *m = &models[i];

		for (int dir = 0; dir < 2; dir++) {
			if (!m->there || memcmp(&m->conn.tuple[dir], before, sizeof(*before)) != 0)
				continue;
			if (best && best->live > m->live)
				continue;
			if (best && best->live == m->live &&
			    (m->live ? best->created > m->created : best->ended > m->ended))
				continue;
			best = m;
			*ret_dir = dir;
		}
	}
	return best;
}

/*
 * Random histories against the model: few tuples, so that most are shared, but more than there can
 * be without some in one bucket.
 */
static void random_histories_agree_with_a_simple_model(void **state)
{
	enum { CLIENTS = 256, ZONES = 6, CONNS = CLIENTS * ZONES, PORTS = 64, STEPS = 20000 };
	static struct model models[CONNS];
	struct plx_nat_table *table = make(CONNS);
	uint64_t seed = random_seed(), now = START;
	uint32_t id = 1;

	(void)state;
	memset(models, 0, sizeof(models));
	for (int step = 0; step < STEPS; step++, now++) {
		/* a connection is its client, port and zone; the public port is shared by many */
		uint32_t n = random_next(&seed) % CONNS;
		struct model *m = &models[n];
		uint32_t live = 0, ended = 0;

		if (random_next(&seed) % 2) {
			m->conn = snat(id++, n % CLIENTS, 4000, 5000 + random_next(&seed) % PORTS);
			m->conn.zone[0] = m->conn.zone[1] = n / CLIENTS;
			m->there = m->live = true;
			m->created = now;
			plx_nat_table_tell(table, PLX_NAT_TOLD_NEW, &m->conn, now);
		} else if (m->there && m->live) {
			m->live = false;
			m->ended = now;
			plx_nat_table_tell(table, PLX_NAT_TOLD_END, &m->conn, now);
		} else if (m->there && random_next(&seed) % 4 == 0) {
			/* all that ended up to now, at once */
			plx_nat_table_expire(table, m->ended + RETENTION, CONNS);
			for (size_t i = 0; i < CONNS; i++)
				if (!models[i].live && models[i].ended <= m->ended)
					models[i].there = false;
		}
		for (size_t i = 0; i < CONNS; i++) {
			live += models[i].there && models[i].live;
			ended += models[i].there && !models[i].live;
		}
		check_counts(table, live, ended);
		for (int dir = 0; dir < 2; dir++) {
			uint64_t random = random_next(&seed);
			struct plx_nat_tuple before =
				dir ? tuple(UDP, SERVER, 53, PUBLIC, 5000 + random % PORTS)
				    : tuple(UDP, CLIENT(random % CLIENTS), 4000, SERVER, 53);
			int found_dir = -1;
			const struct model *want = model_find(models, CONNS, &before, &found_dir);
			struct plx_nat_mapping got;

			assert_int_equal(plx_nat_table_find_before(table, &before, &got), !!want);
			if (want) {
				assert_int_equal(got.id, want->conn.id);
				assert_int_equal(got.live, want->live);
				assert_int_equal(got.reply, found_dir);
			}
		}
	}
	plx_nat_table_free(table);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories_agree_with_a_simple_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
