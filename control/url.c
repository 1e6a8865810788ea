/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parser of exporter URLs:
 *	ipfix://HOST[:PORT][?OPTION=VALUE[&...]]   HOST: name, IPv4 address, or [IPv6 address]
 *	netflow9://HOST[:PORT][?OPTION=VALUE[&...]]
 *	json:PATH   json:-
 * There is no percent-encoding. What is not understood is refused, never ignored.
 */
#include "url.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IPFIX_PORT    4739
#define NETFLOW9_PORT 2055
#define SUPPORTED     "supported: ipfix://HOST:PORT (UDP), netflow9://HOST:PORT, json:PATH, json:-"

struct option {
	const char *name;
	size_t offset; /* of a uint32_t in struct plx_url */
	uint32_t min, max, fallback;
};

#define OPTION(name, member, min, max, fallback)                                                   \
	{                                                                                          \
		name, offsetof(struct plx_url, opts.member), min, max, fallback                    \
	}
static const struct option ipfix_options[] = {
	OPTION("template-refresh", template_refresh_s, 1, 86400, 60),
	OPTION("template-packets", template_packets, 1, 1000000, 1000),
	OPTION("mtu", mtu, 512, 65535, 1400),
	OPTION("domain", domain, 1, UINT32_MAX, 0),
	OPTION("rate", rate, 0, 100000000, 100000),
	OPTION("queue", queue, 16, 1048576, 8192),
	OPTION("nat-events", nat_events, 0, 1, 0),
};
#define NR_OPTIONS (sizeof(ipfix_options) / sizeof(ipfix_options[0]))
#undef OPTION

__attribute__((format(printf, 3, 4))) static int refuse(char *ret_err, size_t err_size,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_err, err_size, format, args);
	va_end(args);
	return -EINVAL;
}

/* Digits only, to the end: strtoul() alone takes signs and leading blanks. */
static bool parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret_number)
{
	size_t len = strlen(text);
	unsigned long long number;

	if (!len || len > 10 || strspn(text, "0123456789") != len)
		return false;
	number = strtoull(text, NULL, 10);
	if (number < min || number > max)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

static uint32_t *option_value(struct plx_url *url, const struct option *option)
{
	return (uint32_t *)((char *)url + option->offset);
}

/* One NAME=VALUE; cut at the "=". */
static int parse_option(char *text, struct plx_url *url, uint32_t *seen, char *ret_err,
			size_t err_size)
{
	char *value = strchr(text, '=');
	const struct option *option = NULL;

	if (!value)
		return refuse(ret_err, err_size, "option \"%s\" is not NAME=VALUE", text);
	*value++ = '\0';
	for (size_t i = 0; i < NR_OPTIONS; i++) {
		if (!strcmp(text, ipfix_options[i].name))
			option = &ipfix_options[i];
	}
	if (!option)
		return refuse(ret_err, err_size,
			      "unknown option \"%s\"; known: template-refresh, template-packets, "
			      "mtu, domain, rate, queue, nat-events",
			      text);
	if (*seen & 1u << (option - ipfix_options))
		return refuse(ret_err, err_size, "option \"%s\" is given twice", text);
	*seen |= 1u << (option - ipfix_options);
	if (!parse_number(value, option->min, option->max, option_value(url, option)))
		return refuse(ret_err, err_size, "option %s: \"%s\" is not a number in %u..%u",
			      text, value, option->min, option->max);
	return 0;
}

static int parse_options(char *query, struct plx_url *url, char *ret_err, size_t err_size)
{
	uint32_t seen = 0;
	char *text;
	int err;

	for (size_t i = 0; i < NR_OPTIONS; i++)
		*option_value(url, &ipfix_options[i]) = ipfix_options[i].fallback;
	while ((text = strsep(&query, "&"))) {
		err = parse_option(text, url, &seen, ret_err, err_size);
		if (err)
			return err;
	}
	if ((uint64_t)url->opts.queue * url->opts.mtu > PLX_URL_QUEUE_BYTES)
		return refuse(ret_err, err_size,
			      "queue=%u messages of mtu=%u bytes would take more than 1 GiB",
			      url->opts.queue, url->opts.mtu);
	return 0;
}

static const char *scheme_name(const struct plx_url *url)
{
	return url->scheme == PLX_URL_NETFLOW9 ? "netflow9" : "ipfix";
}

static int default_port(const struct plx_url *url)
{
	return url->scheme == PLX_URL_NETFLOW9 ? NETFLOW9_PORT : IPFIX_PORT;
}

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT; cut at the end of the host. */
static int parse_authority(char *text, struct plx_url *url, char *ret_err, size_t err_size)
{
	char *host = text, *end, *port = NULL;
	uint32_t number;

	url->literal_ip6 = *text == '[';
	if (url->literal_ip6) {
		host = text + 1;
		end = strchr(host, ']');
		if (!end)
			return refuse(ret_err, err_size, "no \"]\" behind \"%s\"", text);
		if (end[1] && end[1] != ':')
			return refuse(ret_err, err_size, "\"%s\" behind \"]\" is not :PORT",
				      end + 1);
		if (end[1])
			port = end + 2;
		*end = '\0';
	} else {
		end = strchr(text, ':');
		if (end && strchr(end + 1, ':'))
			return refuse(ret_err, err_size,
				      "host \"%s\": an IPv6 address goes in brackets, "
				      "%s://[2001:db8::1]:%d",
				      text, scheme_name(url), default_port(url));
		if (end) {
			*end = '\0';
			port = end + 1;
		}
	}
	if (!*host)
		return refuse(ret_err, err_size, "the host is missing in \"%s://%s%s%s\"",
			      scheme_name(url), url->literal_ip6 ? "[]" : "", port ? ":" : "",
			      port ? port : "");
	if (strlen(host) >= sizeof(url->host))
		return refuse(ret_err, err_size, "host \"%.32s...\" is longer than %d characters",
			      host, PLX_URL_HOST_MAX - 1);
	if (strpbrk(host, url->literal_ip6 ? "/?#@[ " : "/?#@[]% "))
		return refuse(ret_err, err_size, "host \"%s\" is neither a name nor an address",
			      host);
	number = default_port(url);
	if (port && !parse_number(port, 1, 65535, &number))
		return refuse(ret_err, err_size, "port \"%s\" is not a number in 1..65535", port);
	url->port = (uint16_t)number;
	strcpy(url->host, host);
	return 0;
}

static int parse_udp(enum plx_url_scheme scheme, char *rest, struct plx_url *url, char *ret_err,
		     size_t err_size)
{
	char *query;
	int err;

	url->scheme = scheme;
	if (strncmp(rest, "//", 2))
		return refuse(ret_err, err_size, "\"%s:%s\" is not %s://HOST:PORT",
			      scheme_name(url), rest, scheme_name(url));
	rest += 2;
	query = strchr(rest, '?');
	if (query)
		*query++ = '\0';
	err = parse_authority(rest, url, ret_err, err_size);
	if (err)
		return err;
	return parse_options(query, url, ret_err, err_size);
}

static int parse_json(const char *path, struct plx_url *url, char *ret_err, size_t err_size)
{
	const char *query = strchr(path, '?');

	url->scheme = PLX_URL_JSON;
	if (!*path)
		return refuse(ret_err, err_size, "the path is missing in \"json:\"");
	if (query)
		return refuse(ret_err, err_size, "json: has no options, but \"%s\" is given",
			      query);
	strcpy(url->path, path);
	return 0;
}

int plx_url_parse(const char *text, struct plx_url *ret_url, char *ret_err, size_t err_size)
{
	size_t size = strlen(text) + 1;
	struct plx_url url = {};
	char copy[PLX_EXPORTER_URL_MAX];
	char *rest;
	int err;

	if (size > sizeof(copy))
		return refuse(ret_err, err_size, "exporter \"%.32s...\" has more than %d bytes",
			      text, PLX_EXPORTER_URL_MAX - 1);
	/* The messages below repeat parts of it, on one line. */
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return refuse(ret_err, err_size,
				      "exporter has a control character (0x%02x) at byte %zu",
				      (unsigned char)*c, (size_t)(c - text));
	}
	memcpy(copy, text, size);
	rest = strchr(copy, ':');
	if (!rest)
		return refuse(ret_err, err_size, "exporter \"%s\" has no scheme; " SUPPORTED, text);
	*rest++ = '\0';
	if (!strcmp(copy, "ipfix")) {
		err = parse_udp(PLX_URL_IPFIX_UDP, rest, &url, ret_err, err_size);
	} else if (!strcmp(copy, "netflow9")) {
		err = parse_udp(PLX_URL_NETFLOW9, rest, &url, ret_err, err_size);
	} else if (!strcmp(copy, "json")) {
		err = parse_json(rest, &url, ret_err, err_size);
	} else {
		(void)refuse(ret_err, err_size, "scheme \"%s\" is not supported; " SUPPORTED, copy);
		err = -EPROTONOSUPPORT;
	}
	if (!err)
		*ret_url = url;
	return err;
}
