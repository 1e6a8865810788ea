/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: defaults, every bound, --set, and that the sample says what it shows. Which
 * files are refused, and with which message, is in test_config_refused.c.
 */
#include "config_file.h"

#define GIB (1024U * 1024 * 1024)
#define MS  1000000ULL
#define S   (1000 * MS)

static void assert_defaults(const struct plx_config *config)
{
	assert_int_equal(config->tunnel, PLX_POLICY_BOTH);
	assert_int_equal(config->forwarded, PLX_FORWARDED_JOIN);
	assert_int_equal(config->nat, PLX_NAT_AUTO);
	assert_int_equal(config->sampling.interval, 1);
	assert_int_equal(config->sampling.by, PLX_SAMPLING_PACKET);
	assert_int_equal(config->tables.flows, 131072);
	assert_int_equal(config->tables.tunnels, 32768);
	assert_int_equal(config->tables.ring, 8 * 1024 * 1024);
	assert_int_equal(config->tables.fragments, 8192);
	assert_int_equal(config->tables.nat, 262144);
	assert_int_equal(config->cache.flows, 2097152);
	assert_int_equal(config->timeouts.active_ns, 60 * S);
	assert_int_equal(config->timeouts.inactive_ns, 15 * S);
	assert_int_equal(config->timeouts.linger_ns, 2 * S);
	assert_int_equal(config->timeouts.epoch_ns, 1 * S);
	assert_string_equal(config->socket.path, "/run/parallax/parallaxd.sock");
	assert_string_equal(config->socket.group, "parallax");
	assert_string_equal(config->socket.admin_group, "");
	assert_int_equal(config->observation_domain, 1);
}

static void no_file_gives_the_defaults(void **state)
{
	struct plx_config *config = load(NULL, NULL, 0);

	(void)state;
	assert_defaults(config);
	assert_int_equal(config->nr_interfaces, 0);
	assert_int_equal(config->nr_exporters, 0);
	plx_config__free(config);
}

static void a_file_that_sets_nothing_gives_the_defaults(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n",
		"# only a comment\n",
		"---\n",
		"--- # nothing\n...\n",
		"{}\n",
		"tables: {}\ntimeouts: {}\ninterfaces: []\nexporters: []\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct plx_config *config = load(texts[i], NULL, 0);

		assert_defaults(config);
		assert_int_equal(config->nr_interfaces, 0);
		assert_int_equal(config->nr_exporters, 0);
		plx_config__free(config);
	}
}

static void every_key_is_taken_from_the_file(void **state)
{
	struct plx_config *config =
		load("interfaces:\n"
		     "  - name: eth0\n"
		     "    hook: xdp\n"
		     "    xdp_mode: generic\n"
		     "    direction: in\n"
		     "    tunnel: outer\n"
		     "  - {name: eth1, hook: tc, xdp_mode: native, direction: out, tunnel: both}\n"
		     "  - name: eth2\n"
		     "tunnel: inner\n"
		     "exporters:\n"
		     "  - json:-\n"
		     "  - ipfix://192.0.2.1:4739\n"
		     "tables: {flows: 2048, tunnels: 1025, ring: 16MiB, fragments: 128}\n"
		     "cache: {flows: 4096}\n"
		     "timeouts:\n"
		     "  active: 2m\n"
		     "  inactive: 250ms\n"
		     "  tcp_end: 0\n"
		     "  epoch: 500000us\n"
		     "socket:\n"
		     "  path: /tmp/it's here # a comment\n"
		     "  group: \"wheel\"\n"
		     "  admin_group: adm\n"
		     "sampling: {interval: 100, by: flow}\n"
		     "observation_domain: 4294967295\n",
		     NULL, 0);

	(void)state;
	assert_int_equal(config->nr_interfaces, 3);
	assert_string_equal(config->interfaces[0].name, "eth0");
	assert_int_equal(config->interfaces[0].opts.hook, PLX_HOOK_XDP);
	assert_int_equal(config->interfaces[0].opts.xdp_mode, PLX_XDP_GENERIC);
	assert_int_equal(config->interfaces[0].opts.direction, PLX_DIRECTION_IN);
	assert_int_equal(config->interfaces[0].opts.tunnel, PLX_POLICY_OUTER);
	assert_string_equal(config->interfaces[1].name, "eth1");
	assert_int_equal(config->interfaces[1].opts.hook, PLX_HOOK_TC);
	assert_int_equal(config->interfaces[1].opts.xdp_mode, PLX_XDP_NATIVE);
	assert_int_equal(config->interfaces[1].opts.direction, PLX_DIRECTION_OUT);
	assert_int_equal(config->interfaces[1].opts.tunnel, PLX_POLICY_BOTH);
	assert_string_equal(config->interfaces[2].name, "eth2");
	assert_int_equal(config->interfaces[2].opts.hook, PLX_HOOK_AUTO);
	assert_int_equal(config->interfaces[2].opts.xdp_mode, PLX_XDP_AUTO);
	assert_int_equal(config->interfaces[2].opts.direction, PLX_DIRECTION_BOTH);
	assert_int_equal(config->interfaces[2].opts.tunnel, PLX_POLICY_INNER);
	assert_int_equal(config->tunnel, PLX_POLICY_INNER);
	assert_int_equal(config->nr_exporters, 2);
	assert_string_equal(config->exporters[0], "json:-");
	assert_string_equal(config->exporters[1], "ipfix://192.0.2.1:4739");
	assert_int_equal(config->tables.flows, 2048);
	assert_int_equal(config->tables.tunnels, 1025);
	assert_int_equal(config->tables.ring, 16 * 1024 * 1024);
	assert_int_equal(config->tables.fragments, 128);
	assert_int_equal(config->cache.flows, 4096);
	assert_int_equal(config->timeouts.active_ns, 120 * S);
	assert_int_equal(config->timeouts.inactive_ns, 250 * MS);
	assert_int_equal(config->timeouts.linger_ns, 0);
	assert_int_equal(config->timeouts.epoch_ns, 500 * MS);
	assert_int_equal(config->sampling.interval, 100);
	assert_int_equal(config->sampling.by, PLX_SAMPLING_FLOW);
	assert_string_equal(config->socket.path, "/tmp/it's here");
	assert_string_equal(config->socket.group, "wheel");
	assert_string_equal(config->socket.admin_group, "adm");
	assert_int_equal(config->observation_domain, UINT32_MAX);
	plx_config__free(config);
}

/* The number at offset of a configuration where only key is set, to value. */
static uint64_t number_after(const char *key, const char *value, size_t offset, size_t size)
{
	struct plx_config *config;
	uint64_t number;
	char *member;
	char set[128];
	const char *sets[] = {set};

	snprintf(set, sizeof(set), "%s=%s", key, value);
	config = load(NULL, sets, 1);
	member = (char *)config + offset;
	number = size == sizeof(uint32_t) ? *(uint32_t *)member : *(uint64_t *)member;
	plx_config__free(config);
	return number;
}

#define NUMBER_AFTER(KEY, VALUE, MEMBER)                                                           \
	number_after(KEY, VALUE, offsetof(struct plx_config, MEMBER),                              \
		     sizeof(((struct plx_config *)NULL)->MEMBER))

static void each_bound_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(NUMBER_AFTER("tables.flows", "1024", tables.flows), 1024);
	assert_int_equal(NUMBER_AFTER("tables.flows", "16777216", tables.flows), 16777216);
	assert_int_equal(NUMBER_AFTER("tables.tunnels", "1024", tables.tunnels), 1024);
	assert_int_equal(NUMBER_AFTER("tables.tunnels", "16777216", tables.tunnels), 16777216);
	assert_int_equal(NUMBER_AFTER("tables.ring", "4096", tables.ring), 4096);
	assert_int_equal(NUMBER_AFTER("tables.ring", "4KiB", tables.ring), 4096);
	assert_int_equal(NUMBER_AFTER("tables.ring", "1GiB", tables.ring), GIB);
	assert_int_equal(NUMBER_AFTER("tables.ring", "1024MiB", tables.ring), GIB);
	assert_int_equal(NUMBER_AFTER("tables.ring", "1073741824", tables.ring), GIB);
	assert_int_equal(NUMBER_AFTER("tables.fragments", "64", tables.fragments), 64);
	assert_int_equal(NUMBER_AFTER("tables.fragments", "1048576", tables.fragments), 1048576);
	assert_int_equal(NUMBER_AFTER("cache.flows", "1024", cache.flows), 1024);
	assert_int_equal(NUMBER_AFTER("cache.flows", "67108864", cache.flows), 67108864);
	assert_int_equal(NUMBER_AFTER("timeouts.active", "100ms", timeouts.active_ns), 100 * MS);
	assert_int_equal(NUMBER_AFTER("timeouts.active", "24h", timeouts.active_ns), 86400 * S);
	assert_int_equal(NUMBER_AFTER("timeouts.inactive", "100ms", timeouts.inactive_ns),
			 100 * MS);
	assert_int_equal(NUMBER_AFTER("timeouts.inactive", "1440m", timeouts.inactive_ns),
			 86400 * S);
	assert_int_equal(NUMBER_AFTER("timeouts.tcp_end", "0", timeouts.linger_ns), 0);
	assert_int_equal(NUMBER_AFTER("timeouts.tcp_end", "0h", timeouts.linger_ns), 0);
	assert_int_equal(NUMBER_AFTER("timeouts.tcp_end", "60s", timeouts.linger_ns), 60 * S);
	assert_int_equal(NUMBER_AFTER("timeouts.epoch", "100000000ns", timeouts.epoch_ns),
			 100 * MS);
	assert_int_equal(NUMBER_AFTER("timeouts.epoch", "1m", timeouts.epoch_ns), 60 * S);
	assert_int_equal(NUMBER_AFTER("observation_domain", "1", observation_domain), 1);
	assert_int_equal(NUMBER_AFTER("observation_domain", "4294967295", observation_domain),
			 UINT32_MAX);
}

static void beyond_each_bound_is_refused_with_the_range(void **state)
{
	static const struct {
		const char *key, *value, *want;
	} cases[] = {
		{"tables.flows", "1023", "1024 to 16777216"},
		{"tables.flows", "16777217", "1024 to 16777216"},
		{"tables.tunnels", "1023", "1024 to 16777216"},
		{"tables.tunnels", "16777217", "1024 to 16777216"},
		{"tables.ring", "2048", "a power of two, 4096 to 1GiB"},
		{"tables.ring", "2KiB", "a power of two, 4096 to 1GiB"},
		{"tables.ring", "2GiB", "a power of two, 4096 to 1GiB"},
		{"tables.ring", "5000", "a power of two, 4096 to 1GiB"},
		{"tables.ring", "3MiB", "a power of two, 4096 to 1GiB"},
		{"tables.ring", "0", "a power of two, 4096 to 1GiB"},
		{"tables.fragments", "63", "64 to 1048576"},
		{"tables.fragments", "1048577", "64 to 1048576"},
		{"cache.flows", "1023", "1024 to 67108864"},
		{"cache.flows", "67108865", "1024 to 67108864"},
		{"timeouts.active", "99999999ns", "100ms to 24h"},
		{"timeouts.active", "25h", "100ms to 24h"},
		{"timeouts.active", "0", "100ms to 24h"},
		{"timeouts.inactive", "99ms", "100ms to 24h"},
		{"timeouts.inactive", "86400001ms", "100ms to 24h"},
		{"timeouts.tcp_end", "60001ms", "0s to 60s"},
		{"timeouts.epoch", "99ms", "100ms to 60s"},
		{"sampling.interval", "0", "1 to 1000000"},
		{"sampling.interval", "1000001", "1 to 1000000"},
		{"timeouts.epoch", "61s", "100ms to 60s"},
		{"observation_domain", "0", "1 to 4294967295"},
		{"observation_domain", "4294967296", "1 to 4294967295"},
	};
	char set[128], want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(set, sizeof(set), "%s=%s", cases[i].key, cases[i].value);
		snprintf(want, sizeof(want), "--set %s: %s: must be %s, not '%s'", set,
			 cases[i].key, cases[i].want, cases[i].value);
		expect_set_refused(set, want);
	}
}

static void a_number_beyond_64_bits_does_not_wrap(void **state)
{
	(void)state;
	/* 2^32 + 2048 and 2^64 + 2048. */
	expect_refused("tables: {flows: 4294969344}\n",
		       "c.yaml:1: tables.flows: must be 1024 to 16777216, not '4294969344'");
	expect_refused(
		"tables: {flows: 18446744073709553664}\n",
		"c.yaml:1: tables.flows: must be 1024 to 16777216, not '18446744073709553664'");
	expect_refused("observation_domain: 100000000000000000000000000000000000000001\n",
		       "c.yaml:1: observation_domain: must be 1 to 4294967295, "
		       "not '100000000000000000000000000000000000000001'");
	/* 2^54 KiB is 2^64; (2^64 + 10^9) ns. */
	expect_refused("tables: {ring: 18014398509481988KiB}\n",
		       "c.yaml:1: tables.ring: must be a power of two, 4096 to 1GiB, "
		       "not '18014398509481988KiB'");
	expect_refused("timeouts: {epoch: 18446744074709551616ns}\n",
		       "c.yaml:1: timeouts.epoch: must be 100ms to 60s, "
		       "not '18446744074709551616ns'");
	expect_refused("timeouts: {epoch: 5124095576030431h}\n",
		       "c.yaml:1: timeouts.epoch: must be 100ms to 60s, not '5124095576030431h'");
}

static void only_plain_decimal_digits_are_a_number(void **state)
{
	static const char *const values[] = {
		"-1",	 "-18446744073709549568",
		"+2048", "0x800",
		"04000", "2048.0",
		"2e3",	 "2_048",
		"2048 ", " 2048",
		"2k",	 "many",
		"",
	};
	char set[128], want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(set, sizeof(set), "tables.flows=%s", values[i]);
		snprintf(want, sizeof(want),
			 "--set %s: tables.flows: must be a whole decimal number, "
			 "1024 to 16777216, not '%s'",
			 set, values[i]);
		expect_set_refused(set, want);
	}
	expect_refused("observation_domain: -18446744073709551615\n",
		       "c.yaml:1: observation_domain: must be a whole decimal number, "
		       "1 to 4294967295, not '-18446744073709551615'");
	expect_refused("tables:\n  ring: 0x1000\n",
		       "c.yaml:2: tables.ring: must be a power of two, 4096 to 1GiB, not '0x1000'");
	expect_refused("tables:\n  ring: 8MB\n",
		       "c.yaml:2: tables.ring: must be a power of two, 4096 to 1GiB, not '8MB'");
}

static void a_duration_needs_a_whole_number_and_a_unit(void **state)
{
	static const char *const values[] = {
		"5", "5 s", "1.5s", "-5s", "5S", "5sec", "s", "1m30s", "00", "05s", "5d", "",
	};
	char text[128], want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), "timeouts:\n  # comment\n  active: %s\n", values[i]);
		snprintf(want, sizeof(want),
			 "c.yaml:3: timeouts.active: must be a whole number with unit "
			 "ns, us, ms, s, m or h, 100ms to 24h, not '%s'",
			 values[i]);
		expect_refused(text, want);
	}
}

static void set_overrides_the_file_and_later_sets_win(void **state)
{
	static const char *const sets[] = {
		"tables.flows=4096",	   "timeouts.active=5s",
		"tables.flows=8192",	   "exporters=[json:-, ipfix://192.0.2.1:4739]",
		"exporters=[json:/tmp/x]", "interfaces=[{name: eth1, hook: tc}]",
		"socket.group=",	   "socket.path=/tmp/it's: here #1=2",
		"cache={flows: 4096}",
	};
	struct plx_config *config = load("interfaces: [{name: eth0}, {name: eth2}]\n"
					 "exporters: [json:-]\n"
					 "tables: {flows: 2048, ring: 16MiB}\n"
					 "socket: {group: wheel}\n",
					 sets, sizeof(sets) / sizeof(sets[0]));

	(void)state;
	assert_int_equal(config->tables.flows, 8192);
	assert_int_equal(config->tables.ring, 16 * 1024 * 1024);
	assert_int_equal(config->timeouts.active_ns, 5 * S);
	assert_int_equal(config->cache.flows, 4096);
	assert_int_equal(config->nr_exporters, 1);
	assert_string_equal(config->exporters[0], "json:/tmp/x");
	assert_int_equal(config->nr_interfaces, 1);
	assert_string_equal(config->interfaces[0].name, "eth1");
	assert_int_equal(config->interfaces[0].opts.hook, PLX_HOOK_TC);
	assert_string_equal(config->socket.group, "");
	assert_string_equal(config->socket.path, "/tmp/it's: here #1=2");
	plx_config__free(config);
}

/* Policies of the interfaces a, b, c ..., a letter each, and of the configuration itself, last. */
static void expect_policies(struct plx_config *config, const char *want)
{
	char got[16] = "";
	size_t i;

	for (i = 0; i < config->nr_interfaces; i++)
		got[i] = plx_policy_name(config->interfaces[i].opts.tunnel)[0];
	got[i] = plx_policy_name(config->tunnel)[0];
	assert_string_equal(got, want);
	plx_config__free(config);
}

static void an_interface_without_a_policy_has_that_of_the_configuration(void **state)
{
	static const char three[] =
		"interfaces: [{name: a}, {name: b, tunnel: both}, {name: c, tunnel: inner}]\n";
	static const char *const outer[] = {"tunnel=outer"};
	static const char *const later[] = {"tunnel=outer", "tunnel=inner"};
	static const char *const others[] = {"interfaces=[{name: a, tunnel: inner}, {name: b}]",
					     "tunnel=outer"};
	static const char *const first[] = {"tunnel=outer", "interfaces=[{name: a}]"};
	struct plx_config *config;
	char text[256];

	(void)state;
	expect_policies(load(three, NULL, 0), "bbib");
	expect_policies(load(three, outer, 1), "obio");
	expect_policies(load(three, later, 2), "ibii");
	expect_policies(load(three, others, 2), "ioo");
	expect_policies(load(NULL, first, 2), "oo");
	/* in either order in the file, and beaten by a later source */
	snprintf(text, sizeof(text), "tunnel: inner\n%s", three);
	expect_policies(load(text, NULL, 0), "ibii");
	expect_policies(load(text, outer, 1), "obio");
	snprintf(text, sizeof(text), "%stunnel: inner\n", three);
	expect_policies(load(text, NULL, 0), "ibii");

	/* -i: a new one follows, one that is there stays as it is */
	config = load(three, outer, 1);
	assert_int_equal(plx_config__add_iface(config, "b", message, sizeof(message)), 0);
	assert_int_equal(plx_config__add_iface(config, "d", message, sizeof(message)), 0);
	expect_policies(config, "obioo");
}

static void an_empty_sequence_replaces_a_full_one(void **state)
{
	static const char *const sets[] = {"interfaces=[]", "exporters=[]"};
	struct plx_config *config =
		load("interfaces: [{name: eth0}]\nexporters: [json:-]\n", sets, 2);

	(void)state;
	assert_int_equal(config->nr_interfaces, 0);
	assert_int_equal(config->nr_exporters, 0);
	plx_config__free(config);
}

static void a_bad_set_is_refused_as_it_was_given(void **state)
{
	(void)state;
	expect_set_refused("tables.flows=0", "--set tables.flows=0: tables.flows: "
					     "must be 1024 to 16777216, not '0'");
	expect_set_refused("tables.flow=1", "--set tables.flow=1: tables.flow: unknown key 'flow' "
					    "(known: flows, tunnels, ring, fragments, nat)");
	expect_set_refused("tables.flows.x=1",
			   "--set tables.flows.x=1: tables.flows.x: unknown key "
			   "'flows.x' (known: flows, tunnels, ring, fragments, nat)");
	expect_set_refused("cache.=1", "--set cache.=1: cache.: unknown key '' (known: flows)");
	expect_set_refused(
		"tunnels=outer",
		"--set tunnels=outer: tunnels: unknown key 'tunnels' (known: interfaces, "
		"tunnel, forwarded, nat, exporters, tables, cache, timeouts, sampling, socket, "
		"observation_domain)");
	expect_set_refused("tunnel=Outer",
			   "--set tunnel=Outer: tunnel: must be both, inner or outer, not 'Outer'");
	expect_set_refused("tunnel=",
			   "--set tunnel=: tunnel: must be both, inner or outer, not ''");
	expect_set_refused("interfaces=[{name: a, tunnel: none}]",
			   "--set interfaces=[{name: a, tunnel: none}]: interfaces[0].tunnel: "
			   "must be both, inner or outer, not 'none'");
	expect_set_refused("tables=4096",
			   "--set tables=4096: tables: must be a mapping, not '4096'");
	expect_set_refused("exporters=json:-",
			   "--set exporters=json:-: exporters: must be a sequence, not 'json:-'");
	expect_set_refused("interfaces=[{name: a, hook: x}]",
			   "--set interfaces=[{name: a, hook: x}]: interfaces[0].hook: "
			   "must be auto, xdp or tc, not 'x'");
	expect_set_refused("tables.flows", "--set tables.flows: must be KEY=VALUE");
	expect_set_refused("=1", "--set =1: must be KEY=VALUE");
	expect_set_refused("", "--set : must be KEY=VALUE");
	expect_set_refused(
		"exporters=[json:-",
		"--set exporters=[json:-: not valid YAML: while parsing a flow sequence, "
		"did not find expected ',' or ']'");
}

static void a_set_cannot_reach_other_keys(void **state)
{
	(void)state;
	expect_set_refused("exporters=[]\ncache: {flows: 2048}",
			   "--set exporters=[]\\x0acache: {flows: 2048}: "
			   "must have no control characters");
	expect_set_refused("exporters=[], cache: {flows: 2048}",
			   "--set exporters=[], cache: {flows: 2048}: not valid YAML: "
			   "while parsing a block mapping, did not find expected key");
	expect_set_refused("cache': {flows: 2048}, 'x=1",
			   "--set cache': {flows: 2048}, 'x=1: cache': {flows: 2048}, 'x: unknown "
			   "key 'cache': {flows: 2048}, 'x' (known: interfaces, tunnel, forwarded, "
			   "nat, exporters, "
			   "tables, cache, timeouts, sampling, socket, observation_domain)");
}

static void one_bad_set_refuses_all(void **state)
{
	static const char *const sets[] = {"exporters=[json:-]", "tables.flows=2048",
					   "cache.flows=1", "cache.flows=2048"};

	(void)state;
	write_bytes("interfaces: [{name: eth0}]\n", 27);
	expect_error(FILE_NAME, sets, 4, -EINVAL,
		     "--set cache.flows=1: cache.flows: must be 1024 to 67108864, not '1'");
}

static void a_set_does_not_mend_a_bad_file(void **state)
{
	static const char *const sets[] = {"tables.flows=2048"};

	(void)state;
	write_bytes("tables: {flows: 1}\n", 19);
	expect_error(FILE_NAME, sets, 1, -EINVAL,
		     "c.yaml:1: tables.flows: must be 1024 to 16777216, not '1'");
}

/* The sample; with its settings, "#key: value" and "#  key: value", made effective if asked. */
static struct plx_config *load_sample(bool effective)
{
	char path[sizeof(top_folder) + 32], *line = NULL, *text = NULL;
	size_t line_size = 0, size;
	struct plx_config *config;
	FILE *in, *out;

	snprintf(path, sizeof(path), "%s/control/dist/parallax.yaml", top_folder);
	in = fopen(path, "r");
	assert_non_null(in);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	while (getline(&line, &line_size, in) > 0) {
		bool setting = line[0] == '#' && line[1] > ' ';

		setting |= !strncmp(line, "#  ", 3);
		fputs(line + (effective && setting), out);
	}
	free(line);
	assert_int_equal(fclose(in), 0);
	assert_int_equal(fclose(out), 0);
	config = load(text, NULL, 0);
	free(text);
	return config;
}

static void the_sample_as_installed_is_the_defaults(void **state)
{
	struct plx_config *config = load_sample(false);

	(void)state;
	assert_defaults(config);
	assert_int_equal(config->nr_interfaces, 0);
	assert_int_equal(config->nr_exporters, 0);
	plx_config__free(config);
}

static void the_sample_shows_the_defaults_and_an_interface_and_an_exporter(void **state)
{
	struct plx_config *config = load_sample(true);

	(void)state;
	assert_defaults(config);
	assert_int_equal(config->nr_interfaces, 1);
	assert_string_equal(config->interfaces[0].name, "eth0");
	assert_int_equal(config->interfaces[0].opts.hook, PLX_HOOK_AUTO);
	assert_int_equal(config->interfaces[0].opts.xdp_mode, PLX_XDP_AUTO);
	assert_int_equal(config->interfaces[0].opts.direction, PLX_DIRECTION_BOTH);
	assert_int_equal(config->interfaces[0].opts.tunnel, PLX_POLICY_BOTH);
	assert_int_equal(config->nr_exporters, 1);
	assert_string_equal(config->exporters[0], "ipfix://192.0.2.1:4739");
	plx_config__free(config);
}

static void names_and_values_of_choices_convert_both_ways(void **state)
{
	enum plx_hook hook;
	enum plx_xdp_mode mode;
	enum plx_direction direction;
	enum plx_policy policy;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(plx_parse_hook(plx_hook_name(i), &hook), 0);
		assert_int_equal(hook, i);
		assert_int_equal(plx_parse_xdp_mode(plx_xdp_mode_name(i), &mode), 0);
		assert_int_equal(mode, i);
		assert_int_equal(plx_parse_direction(plx_direction_name(i), &direction), 0);
		assert_int_equal(direction, i);
		assert_int_equal(plx_parse_policy(plx_policy_name(i), &policy), 0);
		assert_int_equal(policy, i);
	}
	assert_string_equal(plx_hook_name(PLX_HOOK_TC), "tc");
	assert_string_equal(plx_xdp_mode_name(PLX_XDP_GENERIC), "generic");
	assert_string_equal(plx_direction_name(PLX_DIRECTION_OUT), "out");
	assert_string_equal(plx_policy_name(PLX_POLICY_INNER), "inner");
	assert_int_equal(plx_parse_hook("XDP", &hook), -EINVAL);
	assert_int_equal(plx_parse_xdp_mode("", &mode), -EINVAL);
	assert_int_equal(plx_parse_direction("inout", &direction), -EINVAL);
	assert_int_equal(direction, 2);
	assert_int_equal(plx_parse_policy("in", &policy), -EINVAL);
	assert_int_equal(policy, 2);
}

static void a_short_message_buffer_is_kept_to(void **state)
{
	static const char *const sets[] = {"tables.flows=0"};
	struct plx_config *config = NULL;
	char small[8];

	(void)state;
	assert_int_equal(plx_config__load(NULL, sets, 1, &config, small, sizeof(small)), -EINVAL);
	assert_string_equal(small, "--set t");
	assert_null(config);
	plx_config__free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_gives_the_defaults),
		cmocka_unit_test(a_file_that_sets_nothing_gives_the_defaults),
		cmocka_unit_test(every_key_is_taken_from_the_file),
		cmocka_unit_test(each_bound_is_allowed),
		cmocka_unit_test(beyond_each_bound_is_refused_with_the_range),
		cmocka_unit_test(a_number_beyond_64_bits_does_not_wrap),
		cmocka_unit_test(only_plain_decimal_digits_are_a_number),
		cmocka_unit_test(a_duration_needs_a_whole_number_and_a_unit),
		cmocka_unit_test(set_overrides_the_file_and_later_sets_win),
		cmocka_unit_test(an_interface_without_a_policy_has_that_of_the_configuration),
		cmocka_unit_test(an_empty_sequence_replaces_a_full_one),
		cmocka_unit_test(a_bad_set_is_refused_as_it_was_given),
		cmocka_unit_test(a_set_cannot_reach_other_keys),
		cmocka_unit_test(one_bad_set_refuses_all),
		cmocka_unit_test(a_set_does_not_mend_a_bad_file),
		cmocka_unit_test(the_sample_as_installed_is_the_defaults),
		cmocka_unit_test(the_sample_shows_the_defaults_and_an_interface_and_an_exporter),
		cmocka_unit_test(names_and_values_of_choices_convert_both_ways),
		cmocka_unit_test(a_short_message_buffer_is_kept_to),
	};

	return cmocka_run_group_tests(tests, enter_temp_folder, remove_temp_folder);
}
