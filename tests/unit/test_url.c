/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exporter URLs: what is taken, and the exact line that a user reads about what is not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/url.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static struct plx_url parse_good(const char *text)
{
	struct plx_url url;
	char err[256] = "";
	int ret = plx_url_parse(text, &url, err, sizeof(err));

	if (ret)
		fail_msg("%s: %s", text, err);
	assert_int_equal(plx_exporter__check(text, err, sizeof(err)), 0);
	return url;
}

static void hosts_and_ports_are_found(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned int port;
		bool literal_ip6;
	} cases[] = {
		{"ipfix://192.0.2.1:2055", "192.0.2.1", 2055, false},
		{"ipfix://192.0.2.1", "192.0.2.1", 4739, false},
		{"ipfix://collector.example:1", "collector.example", 1, false},
		{"ipfix://collector.example?mtu=512", "collector.example", 4739, false},
		{"ipfix://[2001:db8::1]:65535", "2001:db8::1", 65535, true},
		{"ipfix://[2001:db8::1]", "2001:db8::1", 4739, true},
		{"ipfix://[fe80::1%eth0]:4739?rate=0", "fe80::1%eth0", 4739, true},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct plx_url url = parse_good(cases[i].text);

		assert_int_equal(url.scheme, PLX_URL_IPFIX_UDP);
		assert_string_equal(url.host, cases[i].host);
		assert_int_equal(url.port, cases[i].port);
		assert_int_equal(url.literal_ip6, cases[i].literal_ip6);
	}
}

static void options_have_defaults_and_bounds(void **state)
{
	struct plx_url url;

	(void)state;
	url = parse_good("ipfix://h");
	assert_int_equal(url.opts.template_refresh_s, 60);
	assert_int_equal(url.opts.template_packets, 1000);
	assert_int_equal(url.opts.mtu, 1400);
	assert_int_equal(url.opts.domain, 0);
	assert_int_equal(url.opts.rate, 100000);
	assert_int_equal(url.opts.queue, 8192);
	assert_int_equal(url.opts.nat_events, 0);
	url = parse_good("netflow9://h?mtu=1200");
	assert_int_equal(url.scheme, PLX_URL_NETFLOW9);
	assert_int_equal(url.port, 2055);
	assert_int_equal(url.opts.mtu, 1200);
	assert_int_equal(parse_good("netflow9://[2001:db8::1]:9995").port, 9995);
	url = parse_good("netflow5://h?domain=7");
	assert_int_equal(url.scheme, PLX_URL_NETFLOW5);
	assert_int_equal(url.port, 2055);
	assert_int_equal(url.opts.mtu, 1500); /* 30 records */
	assert_int_equal(url.opts.domain, 7);
	assert_int_equal(parse_good("netflow5://h?mtu=512").opts.mtu, 512);
	assert_int_equal(parse_good("ipfix://h").opts.fields, PLX_FIELDS_DEFAULT);
	assert_int_equal(parse_good("ipfix://h?fields=default").opts.fields, PLX_FIELDS_DEFAULT);
	assert_int_equal(parse_good("ipfix://h?fields=nfdump").opts.fields, PLX_FIELDS_NFDUMP);
	url = parse_good("netflow9://h?mtu=532&fields=full&options-refresh=86400");
	assert_int_equal(url.opts.fields, PLX_FIELDS_FULL);
	assert_int_equal(url.opts.options_refresh_s, 86400);
	url = parse_good("ipfix://h");
	assert_int_equal(parse_good("ipfix://h?nat-events=1").opts.nat_events, 1);
	url = parse_good("ipfix://h?template-refresh=1&template-packets=1&mtu=512&domain=1&rate=0&"
			 "queue=16");
	assert_int_equal(url.opts.template_refresh_s, 1);
	assert_int_equal(url.opts.template_packets, 1);
	assert_int_equal(url.opts.mtu, 512);
	assert_int_equal(url.opts.domain, 1);
	assert_int_equal(url.opts.rate, 0);
	assert_int_equal(url.opts.queue, 16);
	url = parse_good("ipfix://h?rate=100000000&queue=1048576&mtu=1024&domain=4294967295&"
			 "template-packets=1000000&template-refresh=86400");
	assert_int_equal(url.opts.template_refresh_s, 86400);
	assert_int_equal(url.opts.template_packets, 1000000);
	assert_int_equal(url.opts.domain, 4294967295);
	assert_int_equal(url.opts.rate, 100000000);
	assert_int_equal(url.opts.queue, 1048576);
	assert_int_equal(parse_good("ipfix://h?mtu=65535").opts.mtu, 65535);
}

static void json_takes_any_path(void **state)
{
	struct plx_url url;

	(void)state;
	url = parse_good("json:/var/log/flows & more:1.json");
	assert_int_equal(url.scheme, PLX_URL_JSON);
	assert_string_equal(url.path, "/var/log/flows & more:1.json");
	assert_string_equal(parse_good("json:-").path, "-");
	assert_int_equal(parse_good("json:-").opts.nat_events, 0);
	url = parse_good("json:flows?nat-events=1");
	assert_string_equal(url.path, "flows");
	assert_int_equal(url.opts.nat_events, 1);
	assert_string_equal(parse_good("json:flows").path, "flows");
}

static void bad_urls_are_refused_with_one_line(void **state)
{
#define SUPPORTED                                                                                  \
	"supported: ipfix://HOST:PORT (UDP), netflow9://HOST:PORT, netflow5://HOST:PORT, "         \
	"json:PATH, json:-"
#define KNOWN                                                                                      \
	" of ipfix; known: template-refresh, template-packets, mtu, domain, rate, queue, "         \
	"nat-events, fields, options-refresh"
	static const struct {
		const char *text;
		int err;
		const char *message;
	} cases[] = {
		{"", -EINVAL, "exporter \"\" has no scheme; " SUPPORTED},
		{"collector", -EINVAL, "exporter \"collector\" has no scheme; " SUPPORTED},
		{"netflow9:h:2055", -EINVAL, "\"netflow9:h:2055\" is not netflow9://HOST:PORT"},
		{"netflow9://", -EINVAL, "the host is missing in \"netflow9://\""},
		{"netflow9://2001:db8::1", -EINVAL,
		 "host \"2001:db8::1\": an IPv6 address goes in brackets, "
		 "netflow9://[2001:db8::1]:2055"},
		{"netflow9://h?mtu=1", -EINVAL, "option mtu: \"1\" is not a number in 512..65535"},
		{"netflow7://h:2055", -EPROTONOSUPPORT,
		 "scheme \"netflow7\" is not supported; " SUPPORTED},
		{"netflow5://h?fields=full", -EINVAL,
		 "unknown option \"fields\" of netflow5; known: mtu, domain, rate, queue"},
		{"netflow5://h?template-refresh=1", -EINVAL,
		 "unknown option \"template-refresh\" of netflow5; known: mtu, domain, rate, "
		 "queue"},
		{"ipfix://h?fields=all", -EINVAL,
		 "option fields: \"all\" is not default, nfdump or full"},
		{"ipfix://h?fields=full&mtu=531", -EINVAL,
		 "fields=full needs mtu=532 or more, not 531"},
		{"ipfix://h?options-refresh=86401", -EINVAL,
		 "option options-refresh: \"86401\" is not a number in 0..86400"},
		{"ipfix+tcp://h", -EPROTONOSUPPORT,
		 "scheme \"ipfix+tcp\" is not supported; " SUPPORTED},
		{"IPFIX://h", -EPROTONOSUPPORT, "scheme \"IPFIX\" is not supported; " SUPPORTED},
		{"ipfix:h:4739", -EINVAL, "\"ipfix:h:4739\" is not ipfix://HOST:PORT"},
		{"ipfix://", -EINVAL, "the host is missing in \"ipfix://\""},
		{"ipfix://:4739", -EINVAL, "the host is missing in \"ipfix://:4739\""},
		{"ipfix://[]:4739", -EINVAL, "the host is missing in \"ipfix://[]:4739\""},
		{"ipfix://?mtu=512", -EINVAL, "the host is missing in \"ipfix://\""},
		{"ipfix://h:", -EINVAL, "port \"\" is not a number in 1..65535"},
		{"ipfix://h:0", -EINVAL, "port \"0\" is not a number in 1..65535"},
		{"ipfix://h:65536", -EINVAL, "port \"65536\" is not a number in 1..65535"},
		{"ipfix://h:-1", -EINVAL, "port \"-1\" is not a number in 1..65535"},
		{"ipfix://h:+1", -EINVAL, "port \"+1\" is not a number in 1..65535"},
		{"ipfix://h: 1", -EINVAL, "port \" 1\" is not a number in 1..65535"},
		{"ipfix://h:0x10", -EINVAL, "port \"0x10\" is not a number in 1..65535"},
		{"ipfix://h:4739/", -EINVAL, "port \"4739/\" is not a number in 1..65535"},
		{"ipfix://h:4294968035", -EINVAL,
		 "port \"4294968035\" is not a number in 1..65535"},
		{"ipfix://h:18446744073709556355", -EINVAL,
		 "port \"18446744073709556355\" is not a number in 1..65535"},
		{"ipfix://2001:db8::1", -EINVAL,
		 "host \"2001:db8::1\": an IPv6 address goes in brackets, "
		 "ipfix://[2001:db8::1]:4739"},
		{"ipfix://[2001:db8::1", -EINVAL, "no \"]\" behind \"[2001:db8::1\""},
		{"ipfix://[2001:db8::1]4739", -EINVAL, "\"4739\" behind \"]\" is not :PORT"},
		{"ipfix://user@h", -EINVAL, "host \"user@h\" is neither a name nor an address"},
		{"ipfix://h/path", -EINVAL, "host \"h/path\" is neither a name nor an address"},
		{"ipfix://a b", -EINVAL, "host \"a b\" is neither a name nor an address"},
		{"ipfix://h?", -EINVAL, "option \"\" is not NAME=VALUE"},
		{"ipfix://h?mtu", -EINVAL, "option \"mtu\" is not NAME=VALUE"},
		{"ipfix://h?mtu=600&", -EINVAL, "option \"\" is not NAME=VALUE"},
		{"ipfix://h?biflow=0", -EINVAL, "unknown option \"biflow\"" KNOWN},
		{"ipfix://h?MTU=600", -EINVAL, "unknown option \"MTU\"" KNOWN},
		{"ipfix://h?mtu=511", -EINVAL, "option mtu: \"511\" is not a number in 512..65535"},
		{"ipfix://h?mtu=65536", -EINVAL,
		 "option mtu: \"65536\" is not a number in 512..65535"},
		{"ipfix://h?mtu=", -EINVAL, "option mtu: \"\" is not a number in 512..65535"},
		{"ipfix://h?mtu=1400=1", -EINVAL,
		 "option mtu: \"1400=1\" is not a number in 512..65535"},
		{"ipfix://h?mtu=600&rate=1&mtu=600", -EINVAL, "option \"mtu\" is given twice"},
		{"ipfix://h?template-refresh=0", -EINVAL,
		 "option template-refresh: \"0\" is not a number in 1..86400"},
		{"ipfix://h?template-refresh=86401", -EINVAL,
		 "option template-refresh: \"86401\" is not a number in 1..86400"},
		{"ipfix://h?template-packets=0", -EINVAL,
		 "option template-packets: \"0\" is not a number in 1..1000000"},
		{"ipfix://h?template-packets=1000001", -EINVAL,
		 "option template-packets: \"1000001\" is not a number in 1..1000000"},
		{"ipfix://h?domain=0", -EINVAL,
		 "option domain: \"0\" is not a number in 1..4294967295"},
		{"ipfix://h?domain=4294967296", -EINVAL,
		 "option domain: \"4294967296\" is not a number in 1..4294967295"},
		{"ipfix://h?rate=100000001", -EINVAL,
		 "option rate: \"100000001\" is not a number in 0..100000000"},
		{"ipfix://h?rate=1.5", -EINVAL,
		 "option rate: \"1.5\" is not a number in 0..100000000"},
		{"ipfix://h?nat-events=2", -EINVAL,
		 "option nat-events: \"2\" is not a number in 0..1"},
		{"ipfix://h?queue=15", -EINVAL,
		 "option queue: \"15\" is not a number in 16..1048576"},
		{"ipfix://h?queue=1048577", -EINVAL,
		 "option queue: \"1048577\" is not a number in 16..1048576"},
		{"ipfix://h?queue=1048576&mtu=1025", -EINVAL,
		 "queue=1048576 messages of mtu=1025 bytes would take more than 1 GiB"},
		{"json:", -EINVAL, "the path is missing in \"json:\""},
		{"json:?nat-events=1", -EINVAL, "the path is missing in \"json:\""},
		{"json:/tmp/x?mtu=512", -EINVAL,
		 "unknown option \"mtu\" of json; known: nat-events"},
		{"ipfix://h\n", -EINVAL, "exporter has a control character (0x0a) at byte 9"},
		{"json:/tmp/\033[2J", -EINVAL,
		 "exporter has a control character (0x1b) at byte 10"},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct plx_url url = {.port = 12345};
		char err[256] = "";

		assert_int_equal(plx_url_parse(cases[i].text, &url, err, sizeof(err)),
				 cases[i].err);
		assert_string_equal(err, cases[i].message);
		assert_int_equal(url.port, 12345); /* nothing is returned on failure */
		memset(err, 0, sizeof(err));
		assert_int_equal(plx_exporter__check(cases[i].text, err, sizeof(err)),
				 cases[i].err);
		assert_string_equal(err, cases[i].message);
	}
}

static void long_urls_are_refused_and_cut_in_the_message(void **state)
{
	char text[PLX_EXPORTER_URL_MAX + 1], err[256], small[8];
	struct plx_url url;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "ipfix://", 8);
	text[PLX_EXPORTER_URL_MAX] = '\0';
	assert_int_equal(plx_url_parse(text, &url, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "exporter \"ipfix://aaaaaaaaaaaaaaaaaaaaaaaa...\" has more than "
				 "511 bytes");
	text[PLX_EXPORTER_URL_MAX - 1] = '\0';
	assert_int_equal(plx_url_parse(text, &url, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "host \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\" is longer than 255 "
				 "characters");
	memcpy(text, "json:/aa", 8);
	assert_int_equal(plx_url_parse(text, &url, err, sizeof(err)), 0);
	assert_string_equal(url.path, text + 5);
	/* A small buffer gets the beginning. */
	assert_int_equal(plx_url_parse("ipfix://", &url, small, sizeof(small)), -EINVAL);
	assert_string_equal(small, "the hos");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_and_ports_are_found),
		cmocka_unit_test(options_have_defaults_and_bounds),
		cmocka_unit_test(json_takes_any_path),
		cmocka_unit_test(bad_urls_are_refused_with_one_line),
		cmocka_unit_test(long_urls_are_refused_and_cut_in_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
