/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parser of exporter URLs:
 *	ipfix://HOST[:PORT][?OPTION=VALUE[&...]]   HOST: name, IPv4 address, or [IPv6 address]
 *	netflow9://HOST[:PORT][?...]   netflow5://HOST[:PORT][?...]
 *	json:PATH[?...]   json:-[?...]
 * There is no percent-encoding. What is not understood is refused, never ignored.
 */
#include "url.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUPPORTED                                                                                  \
	"supported: ipfix://HOST:PORT (UDP), netflow9://HOST:PORT, netflow5://HOST:PORT, "         \
	"json:PATH, json:-"

static const struct {
	const char *name;
	uint16_t port; /* by default */
} schemes[PLX_NR_URL_SCHEMES] = {
	[PLX_URL_IPFIX_UDP] = {"ipfix", 4739},
	[PLX_URL_NETFLOW9] = {"netflow9", 2055},
	[PLX_URL_NETFLOW5] = {"netflow5", 2055},
	[PLX_URL_JSON] = {"json", 0},
};

#define FULL_MTU 532 /* over IPv6, the largest record with its template */

enum option_kind { NUMBER, FIELD_SET }; /* each a uint32_t */

struct option {
	const char *name;
	enum option_kind kind;
	unsigned int schemes; /* bits: those that have it */
	size_t offset;	      /* of a uint32_t in struct plx_url */
	uint32_t min, max, fallback;
};

#define IPFIX	       (1 << PLX_URL_IPFIX_UDP)
#define NETFLOW9       (1 << PLX_URL_NETFLOW9)
#define NETFLOW5       (1 << PLX_URL_NETFLOW5)
#define JSON	       (1 << PLX_URL_JSON)
#define TEMPLATES      (IPFIX | NETFLOW9)
#define UDP	       (TEMPLATES | NETFLOW5)
#define MEMBER(member) offsetof(struct plx_url, opts.member)
/* The first one of a name that the scheme has is it. */
static const struct option options[] = {
	{"template-refresh", NUMBER, TEMPLATES, MEMBER(template_refresh_s), 1, 86400, 60},
	{"template-packets", NUMBER, TEMPLATES, MEMBER(template_packets), 1, 1000000, 1000},
	{"mtu", NUMBER, TEMPLATES, MEMBER(mtu), 512, 65535, 1400},
	{"mtu", NUMBER, NETFLOW5, MEMBER(mtu), 512, 65535, 1500}, /* 30 records */
	{"domain", NUMBER, UDP, MEMBER(domain), 1, UINT32_MAX, 0},
	{"rate", NUMBER, UDP, MEMBER(rate), 0, 100000000, 100000},
	{"queue", NUMBER, UDP, MEMBER(queue), 16, 1048576, 8192},
	{"nat-events", NUMBER, TEMPLATES | JSON, MEMBER(nat_events), 0, 1, 0},
	{"fields", FIELD_SET, TEMPLATES, MEMBER(fields), 0, 0, PLX_FIELDS_DEFAULT},
	{"options-refresh", NUMBER, TEMPLATES, MEMBER(options_refresh_s), 0, 86400, 0},
};
#define NR_OPTIONS (sizeof(options) / sizeof(options[0]))
#undef MEMBER

static const char *const field_sets[] = {
	[PLX_FIELDS_DEFAULT] = "default",
	[PLX_FIELDS_NFDUMP] = "nfdump",
	[PLX_FIELDS_FULL] = "full",
};
#define NR_FIELD_SETS (sizeof(field_sets) / sizeof(field_sets[0]))

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

static bool has_option(const struct plx_url *url, const struct option *option)
{
	return option->schemes & 1u << url->scheme;
}

static int refuse_unknown(const struct plx_url *url, const char *name, char *ret_err,
			  size_t err_size)
{
	char known[256] = "";

	for (size_t i = 0; i < NR_OPTIONS; i++) {
		if (!has_option(url, &options[i]))
			continue;
		strcat(known, known[0] ? ", " : "");
		strcat(known, options[i].name);
	}
	return refuse(ret_err, err_size, "unknown option \"%s\" of %s; known: %s", name,
		      schemes[url->scheme].name, known);
}

static bool parse_field_set(const char *text, uint32_t *ret)
{
	for (uint32_t i = 0; i < NR_FIELD_SETS; i++) {
		if (strcmp(text, field_sets[i]))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static int set_option(struct plx_url *url, const struct option *option, const char *value,
		      char *ret_err, size_t err_size)
{
	switch (option->kind) {
	case FIELD_SET:
		if (parse_field_set(value, option_value(url, option)))
			return 0;
		return refuse(ret_err, err_size, "option %s: \"%s\" is not default, nfdump or full",
			      option->name, value);
	default:
		if (parse_number(value, option->min, option->max, option_value(url, option)))
			return 0;
		return refuse(ret_err, err_size, "option %s: \"%s\" is not a number in %u..%u",
			      option->name, value, option->min, option->max);
	}
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
	for (size_t i = 0; i < NR_OPTIONS && !option; i++) {
		if (has_option(url, &options[i]) && !strcmp(text, options[i].name))
			option = &options[i];
	}
	if (!option)
		return refuse_unknown(url, text, ret_err, err_size);
	if (*seen & 1u << (option - options))
		return refuse(ret_err, err_size, "option \"%s\" is given twice", text);
	*seen |= 1u << (option - options);
	return set_option(url, option, value, ret_err, err_size);
}

static int parse_options(char *query, struct plx_url *url, char *ret_err, size_t err_size)
{
	uint32_t seen = 0;
	char *text;
	int err;

	for (size_t i = 0; i < NR_OPTIONS; i++)
		if (has_option(url, &options[i]))
			*option_value(url, &options[i]) = options[i].fallback;
	while ((text = strsep(&query, "&"))) {
		err = parse_option(text, url, &seen, ret_err, err_size);
		if (err)
			return err;
	}
	if ((uint64_t)url->opts.queue * url->opts.mtu > PLX_URL_QUEUE_BYTES)
		return refuse(ret_err, err_size,
			      "queue=%u messages of mtu=%u bytes would take more than 1 GiB",
			      url->opts.queue, url->opts.mtu);
	if (url->opts.fields == PLX_FIELDS_FULL && url->opts.mtu < FULL_MTU)
		return refuse(ret_err, err_size, "fields=full needs mtu=%u or more, not %u",
			      FULL_MTU, url->opts.mtu);
	return 0;
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
				      text, schemes[url->scheme].name, schemes[url->scheme].port);
		if (end) {
			*end = '\0';
			port = end + 1;
		}
	}
	if (!*host)
		return refuse(ret_err, err_size, "the host is missing in \"%s://%s%s%s\"",
			      schemes[url->scheme].name, url->literal_ip6 ? "[]" : "",
			      port ? ":" : "", port ? port : "");
	if (strlen(host) >= sizeof(url->host))
		return refuse(ret_err, err_size, "host \"%.32s...\" is longer than %d characters",
			      host, PLX_URL_HOST_MAX - 1);
	if (strpbrk(host, url->literal_ip6 ? "/?#@[ " : "/?#@[]% "))
		return refuse(ret_err, err_size, "host \"%s\" is neither a name nor an address",
			      host);
	number = schemes[url->scheme].port;
	if (port && !parse_number(port, 1, 65535, &number))
		return refuse(ret_err, err_size, "port \"%s\" is not a number in 1..65535", port);
	url->port = (uint16_t)number;
	strcpy(url->host, host);
	return 0;
}

static int parse_udp(char *rest, struct plx_url *url, char *ret_err, size_t err_size)
{
	char *query;
	int err;

	if (strncmp(rest, "//", 2))
		return refuse(ret_err, err_size, "\"%s:%s\" is not %s://HOST:PORT",
			      schemes[url->scheme].name, rest, schemes[url->scheme].name);
	rest += 2;
	query = strchr(rest, '?');
	if (query)
		*query++ = '\0';
	err = parse_authority(rest, url, ret_err, err_size);
	if (err)
		return err;
	return parse_options(query, url, ret_err, err_size);
}

static int parse_json(char *path, struct plx_url *url, char *ret_err, size_t err_size)
{
	char *query = strchr(path, '?');

	if (query)
		*query++ = '\0';
	if (!*path)
		return refuse(ret_err, err_size, "the path is missing in \"json:\"");
	strcpy(url->path, path);
	return parse_options(query, url, ret_err, err_size);
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
	while (url.scheme < PLX_NR_URL_SCHEMES && strcmp(copy, schemes[url.scheme].name))
		url.scheme++;
	if (url.scheme == PLX_NR_URL_SCHEMES) {
		(void)refuse(ret_err, err_size, "scheme \"%s\" is not supported; " SUPPORTED, copy);
		err = -EPROTONOSUPPORT;
	} else if (url.scheme == PLX_URL_JSON) {
		err = parse_json(rest, &url, ret_err, err_size);
	} else {
		err = parse_udp(rest, &url, ret_err, err_size);
	}
	if (!err)
		*ret_url = url;
	return err;
}
