/* SPDX-License-Identifier: BSD-2-Clause */
/* Every kind of error in a configuration file, with its exact message. */
#include "config_file.h"
#include "control/exporter.h"

static void an_unknown_key_is_refused_with_the_known_ones(void **state)
{
	(void)state;
	expect_refused(
		"# comment\n\ntable:\n  flows: 2048\n",
		"c.yaml:3: table: unknown key 'table' (known: interfaces, tunnel, forwarded, nat, "
		"exporters, tables, cache, timeouts, sampling, socket, observation_domain)");
	expect_refused("tables:\n  flows: 2048\n  flow: 1\n",
		       "c.yaml:3: tables.flow: unknown key 'flow' (known: flows, tunnels, ring, "
		       "fragments, nat)");
	expect_refused("interfaces:\n  - name: a\n  - name: b\n    hoook: tc\n",
		       "c.yaml:4: interfaces[1].hoook: unknown key 'hoook' "
		       "(known: name, hook, xdp_mode, direction, tunnel)");
	expect_refused("cache:\n  Flows: 2048\n",
		       "c.yaml:2: cache.Flows: unknown key 'Flows' (known: flows)");
	expect_refused("cache:\n  \"fl\\nows\": 1\n  \"flows\\0\": 2048\n",
		       "c.yaml:2: cache.fl\\x0aows: unknown key 'fl\\x0aows' (known: flows)");
	expect_refused("cache:\n  \"flows\\0\": 2048\n",
		       "c.yaml:2: cache.flows\\x00: unknown key 'flows\\x00' (known: flows)");
	expect_refused("cache:\n  <<: {flows: 2048}\n",
		       "c.yaml:2: cache.<<: unknown key '<<' (known: flows)");
}

static void a_value_of_the_wrong_kind_is_refused(void **state)
{
	(void)state;
	expect_refused("- eth0\n", "c.yaml:1: top level: must be a mapping, not a sequence");
	expect_refused("\neth0\n", "c.yaml:2: top level: must be a mapping, not 'eth0'");
	expect_refused("tables: 4096\n", "c.yaml:1: tables: must be a mapping, not '4096'");
	expect_refused("cache:\ntables:\n  flows: 2048\n",
		       "c.yaml:1: cache: must be a mapping, not ''");
	expect_refused("tables:\n  - flows\n",
		       "c.yaml:2: tables: must be a mapping, not a sequence");
	expect_refused("tables:\n  flows:\n    - 4096\n",
		       "c.yaml:3: tables.flows: must be a single value, not a sequence");
	expect_refused("timeouts: {active: {s: 5}}\n",
		       "c.yaml:1: timeouts.active: must be a single value, not a mapping");
	expect_refused("interfaces: eth0\n",
		       "c.yaml:1: interfaces: must be a sequence, not 'eth0'");
	expect_refused("interfaces:\n  name: eth0\n",
		       "c.yaml:2: interfaces: must be a sequence, not a mapping");
	expect_refused("interfaces:\n  - eth0\n",
		       "c.yaml:2: interfaces[0]: must be a mapping, not 'eth0'");
	expect_refused("interfaces:\n  - name: eth0\n    hook: [tc]\n",
		       "c.yaml:3: interfaces[0].hook: must be a single value, not a sequence");
	expect_refused("exporters: json:-\n",
		       "c.yaml:1: exporters: must be a sequence, not 'json:-'");
	expect_refused("exporters:\n  - json:-\n  - - json:-\n",
		       "c.yaml:3: exporters[1]: must be a single value, not a sequence");
	expect_refused("? [a]\n: b\n", "c.yaml:1: top level: keys must be plain words");
}

static void a_duplicate_key_is_refused_where_it_is_repeated(void **state)
{
	(void)state;
	expect_refused("tables: {flows: 2048}\ncache: {flows: 2048}\ntables: {ring: 8MiB}\n",
		       "c.yaml:3: tables: duplicate key 'tables'");
	expect_refused("tables:\n  flows: 2048\n  flows: 2048\n",
		       "c.yaml:3: tables.flows: duplicate key 'flows'");
	expect_refused("interfaces:\n  - name: a\n  - name: b\n    hook: tc\n    name: c\n",
		       "c.yaml:5: interfaces[1].name: duplicate key 'name'");
}

static void a_bad_choice_is_refused_with_the_good_ones(void **state)
{
	(void)state;
	expect_refused("interfaces:\n  - name: a\n    hook: XDP\n",
		       "c.yaml:3: interfaces[0].hook: must be auto, xdp or tc, not 'XDP'");
	expect_refused("interfaces:\n  - name: a\n  - name: b\n    xdp_mode: offload\n",
		       "c.yaml:4: interfaces[1].xdp_mode: must be auto, native or generic, "
		       "not 'offload'");
	expect_refused("interfaces: [{name: a, direction: 1}]\n",
		       "c.yaml:1: interfaces[0].direction: must be in, out or both, not '1'");
	expect_refused("interfaces: [{name: a, direction: }]\n",
		       "c.yaml:1: interfaces[0].direction: must be in, out or both, not ''");
	expect_refused("interfaces:\n  - name: a\n    tunnel: 'off'\n",
		       "c.yaml:3: interfaces[0].tunnel: must be both, inner or outer, not 'off'");
	expect_refused("cache: {}\ntunnel: 2\n",
		       "c.yaml:2: tunnel: must be both, inner or outer, not '2'");
	expect_refused("forwarded: joined\n",
		       "c.yaml:1: forwarded: must be join or both, not 'joined'");
	expect_refused("nat: on\n",
		       "c.yaml:1: nat: must be auto, kfuncs, ctnetlink or off, not 'on'");
	expect_refused("sampling:\n  by: chance\n",
		       "c.yaml:2: sampling.by: must be packet or flow, not 'chance'");
	expect_refused("tunnel: [inner]\n",
		       "c.yaml:1: tunnel: must be a single value, not a sequence");
}

static void an_interface_needs_a_valid_unique_name(void **state)
{
	static const char *const names[] = {"''", "sixteen-letters-", "a/b", "a:b", "'a b'", "..",
					    "."};
	char text[128], want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool quoted = names[i][0] == '\'';

		snprintf(text, sizeof(text), "interfaces:\n  - name: %s\n", names[i]);
		snprintf(want, sizeof(want),
			 "c.yaml:2: interfaces[0].name: must be an interface name of 1 to 15 bytes "
			 "without space, '/' or ':', not %s%s%s",
			 quoted ? "" : "'", names[i], quoted ? "" : "'");
		expect_refused(text, want);
	}
	expect_refused("interfaces:\n  - name: a\n  - hook: tc\n    direction: in\n",
		       "c.yaml:3: interfaces[1].name: required key 'name' is missing");
	expect_refused("interfaces:\n  - {}\n",
		       "c.yaml:2: interfaces[0].name: required key 'name' is missing");
	expect_refused("interfaces:\n  - name: eth0\n  - name: eth1\n  - name: eth0\n",
		       "c.yaml:4: interfaces[2].name: duplicate interface 'eth0'");
	plx_config__free(load("interfaces: [{name: fifteen-letters}]\n", NULL, 0));
}

static void a_bad_exporter_url_is_refused_with_the_exporters_message(void **state)
{
	char what[256], want[512];

	(void)state;
	assert_int_not_equal(plx_exporter__check("nonsense://x", what, sizeof(what)), 0);
	snprintf(want, sizeof(want), "c.yaml:3: exporters[1]: %s", what);
	expect_refused("exporters:\n  - json:-\n  - nonsense://x\n", want);
	snprintf(want, sizeof(want), "--set exporters=[nonsense://x]: exporters[0]: %s", what);
	expect_set_refused("exporters=[nonsense://x]", want);
}

static void a_socket_path_fits_a_socket_address(void **state)
{
	char text[256], want[512], path[109];
	struct plx_config *config;

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[107] = '\0';
	snprintf(text, sizeof(text), "socket: {path: %s}\n", path);
	config = load(text, NULL, 0);
	assert_string_equal(config->socket.path, path);
	plx_config__free(config);

	path[107] = 'x';
	path[108] = '\0';
	snprintf(text, sizeof(text), "socket: {path: %s}\n", path);
	snprintf(want, sizeof(want),
		 "c.yaml:1: socket.path: must be a path of 1 to 107 bytes, not '%s'", path);
	expect_refused(text, want);
	expect_refused("socket:\n  path: ''\n",
		       "c.yaml:2: socket.path: must be a path of 1 to 107 bytes, not ''");
}

static void unreadable_yaml_is_refused_with_the_line(void **state)
{
	(void)state;
	expect_refused("tables:\n  flows: 2048\n ring: 8MiB\n",
		       "c.yaml:3: not valid YAML: while parsing a block mapping, "
		       "did not find expected key in ' ring: 8MiB'");
	expect_refused("exporters: [json:-\ntables: {}\n",
		       "c.yaml:2: not valid YAML: while parsing a flow sequence, "
		       "did not find expected ',' or ']' in 'tables: {}'");
	expect_refused(
		"cache:\n\tflows: 2048\n",
		"c.yaml:2: not valid YAML: while scanning for the next token, found character "
		"that cannot start any token in '\\x09flows: 2048'");
	expect_refused("cache: {}\nsocket: 'open\n",
		       "c.yaml:3: not valid YAML: while scanning a quoted scalar, "
		       "found unexpected end of stream");
	expect_refused("cache: {}\n# caf\xe9\n",
		       "c.yaml:2: not valid YAML: incomplete UTF-8 octet sequence in '# caf\\xe9'");
	expect_refused("cache: {}\n\nsocket: {path: \x01}\n",
		       "c.yaml:3: not valid YAML: control characters are not allowed in "
		       "'socket: {path: \\x01}'");
}

static void yaml_that_would_be_half_read_is_refused(void **state)
{
	(void)state;
	expect_refused("cache: {}\n---\ntables: {}\n",
		       "c.yaml:2: top level: must be one document, not several");
	expect_refused("exporters: [&x json:-, *x]\n",
		       "c.yaml:1: exporters[1]: must be a single value, not an alias");
	expect_refused("socket:\n  path: \"/run\\0/x\"\n",
		       "c.yaml:2: socket.path: must have no NUL byte, not '/run\\x00/x'");
}

static void a_value_is_escaped_and_cut_in_the_message(void **state)
{
	char text[1024], *x = text + sprintf(text, "tables: {flows: ");

	(void)state;
	expect_refused("tables: {flows: \"\\e[2J\\n\xc3\xa9\"}\n",
		       "c.yaml:1: tables.flows: must be a whole decimal number, "
		       "1024 to 16777216, not '\\x1b[2J\\x0a\\xc3\\xa9'");
	memset(x, 'x', 900);
	strcpy(x + 900, "}\n");
	expect_refused(text,
		       "c.yaml:1: tables.flows: must be a whole decimal number, "
		       "1024 to 16777216, not 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		       "xxxxxxxx...'");
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	const size_t max = 1 << 20;
	char *text = calloc(1, max + 2);

	(void)state;
	expect_error("absent.yaml", NULL, 0, -ENOENT,
		     "absent.yaml: cannot be read: No such file or directory");
	expect_error(".", NULL, 0, -EISDIR, ".: cannot be read: Is a directory");
	expect_error("a\nb", NULL, 0, -ENOENT,
		     "a\\x0ab: cannot be read: No such file or directory");

	assert_non_null(text);
	memset(text, '#', max);
	plx_config__free(load(text, NULL, 0));
	text[max] = '#';
	write_bytes(text, max + 1);
	free(text);
	expect_error(FILE_NAME, NULL, 0, -EFBIG,
		     "c.yaml: cannot be read: larger than 1048576 bytes");
}

static void the_number_of_entries_is_limited(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	fprintf(out, "exporters:\n");
	for (int i = 0; i < 16384; i++)
		fprintf(out, "- json:-\n");
	assert_int_equal(fclose(out), 0);
	expect_refused(text, "c.yaml:16385: exporters[16383]: more than 16384 keys and entries");
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_key_is_refused_with_the_known_ones),
		cmocka_unit_test(a_value_of_the_wrong_kind_is_refused),
		cmocka_unit_test(a_duplicate_key_is_refused_where_it_is_repeated),
		cmocka_unit_test(a_bad_choice_is_refused_with_the_good_ones),
		cmocka_unit_test(an_interface_needs_a_valid_unique_name),
		cmocka_unit_test(a_bad_exporter_url_is_refused_with_the_exporters_message),
		cmocka_unit_test(a_socket_path_fits_a_socket_address),
		cmocka_unit_test(unreadable_yaml_is_refused_with_the_line),
		cmocka_unit_test(yaml_that_would_be_half_read_is_refused),
		cmocka_unit_test(a_value_is_escaped_and_cut_in_the_message),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(the_number_of_entries_is_limited),
	};

	return cmocka_run_group_tests(tests, enter_temp_folder, remove_temp_folder);
}
