/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parallaxd: options, start order, exit codes (0 done, 1 failed, 2 usage). The work is in daemon.c,
 * or, for captures, in offline.c.
 */
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "daemon.h"
#include "doctor.h"
#include "log.h"
#include "offline.h"

#define DEFAULT_CONFIG "/etc/parallax/parallax.yaml"
#define MAX_OPTIONS    256 /* -i, -e and --set together, each kind */

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

static const char usage_text[] =
	"usage: parallaxd [-c FILE] [-i IFACE]... [-e URL]... [--set KEY=VALUE]...\n"
	"                 [--socket PATH] [--check] [--detach] [-v]...\n"
	"       parallaxd -r CAPTURE [-c FILE] [-e URL]... [--set KEY=VALUE]... [-v]...\n"
	"\n"
	"Meter interfaces and export flows, in the foreground; log to stderr.\n"
	"With -r: the flows of a capture file, without privileges, then exit.\n"
	"\n"
	"  -c, --config FILE    configuration (default " DEFAULT_CONFIG " if there)\n"
	"  -i, --iface IFACE    meter this interface, beside those of the configuration\n"
	"  -r, --read CAPTURE   read packets from this pcap or pcapng file (Ethernet)\n"
	"  -e, --export URL     export there: ipfix://HOST:PORT, netflow9://HOST:PORT,\n"
	"                       netflow5://HOST:PORT, json:PATH, json:-\n"
	"      --set KEY=VALUE  override a configuration key, as in timeouts.active=5s\n"
	"      --socket PATH    control socket, same as --set socket.path=PATH\n"
	"      --check          check the configuration and exit\n"
	"      --detach         take off what a killed parallaxd left on the interfaces\n"
	"                       (all, or those of -i) and exit\n"
	"      --doctor [IFACE]...  what this machine can do, as JSON, see parallax doctor\n"
	"  -v, --verbose        say more; twice: debugging\n"
	"      --version        print the version and exit\n"
	"  -h, --help           print this and exit\n"
	"\n"
	"Without an exporter flows go to json:- when stdout is a terminal, and with -r.\n";

struct options {
	const char *config;
	const char *capture; /* -r, or NULL */
	const char *ifaces[MAX_OPTIONS];
	size_t nr_ifaces;
	const char *exporters[MAX_OPTIONS];
	size_t nr_exporters;
	const char *sets[MAX_OPTIONS];
	size_t nr_sets;
	char *socket_set;
	bool check, detach, doctor;
	int verbose;
};

static bool append(const char **list, size_t *nr, const char *value)
{
	if (*nr == MAX_OPTIONS) {
		plx_log(PLX_LOG_ERROR, "'%s': at most %d of this option", value, MAX_OPTIONS);
		return false;
	}
	list[(*nr)++] = value;
	return true;
}

/* Returns -1 to go on, or an exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	enum { OPT_SET = 256, OPT_SOCKET, OPT_CHECK, OPT_DETACH, OPT_DOCTOR, OPT_VERSION };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"iface", required_argument, NULL, 'i'},
		{"read", required_argument, NULL, 'r'},
		{"export", required_argument, NULL, 'e'},
		{"set", required_argument, NULL, OPT_SET},
		{"socket", required_argument, NULL, OPT_SOCKET},
		{"check", no_argument, NULL, OPT_CHECK},
		{"detach", no_argument, NULL, OPT_DETACH},
		{"doctor", no_argument, NULL, OPT_DOCTOR},
		{"verbose", no_argument, NULL, 'v'},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	bool ok = true;
	int c;

	while (ok && (c = getopt_long(argc, argv, "c:i:r:e:vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'i':
			ok = append(o->ifaces, &o->nr_ifaces, optarg);
			break;
		case 'r':
			o->capture = optarg;
			break;
		case 'e':
			ok = append(o->exporters, &o->nr_exporters, optarg);
			break;
		case OPT_SET:
			ok = append(o->sets, &o->nr_sets, optarg);
			break;
		case OPT_SOCKET:
			free(o->socket_set);
			if (asprintf(&o->socket_set, "socket.path=%s", optarg) < 0)
				o->socket_set = NULL;
			break;
		case OPT_CHECK:
			o->check = true;
			break;
		case OPT_DETACH:
			o->detach = true;
			break;
		case OPT_DOCTOR:
			o->doctor = true;
			break;
		case 'v':
			o->verbose++;
			break;
		case OPT_VERSION:
			puts("parallaxd " PLX_VERSION);
			return EXIT_OK;
		case 'h':
			fputs(usage_text, stdout);
			return EXIT_OK;
		default: /* getopt has said what is wrong */
			ok = false;
		}
	}
	while (ok && o->doctor && optind < argc)
		ok = append(o->ifaces, &o->nr_ifaces, argv[optind++]);
	if (ok && optind < argc) {
		plx_log(PLX_LOG_ERROR, "unexpected argument '%s'", argv[optind]);
		ok = false;
	}
	if (ok && o->capture && (o->nr_ifaces || o->detach || o->socket_set)) {
		plx_log(PLX_LOG_ERROR, "-r reads a file: no -i, --socket or --detach with it");
		ok = false;
	}
	if (ok && o->socket_set)
		ok = append(o->sets, &o->nr_sets, o->socket_set);
	if (!ok)
		fputs("Try 'parallaxd --help'.\n", stderr);
	return ok ? -1 : EXIT_USAGE;
}

/* -i and -e join the lists of the configuration. */
static int add_options(struct plx_config *config, const struct options *o, char *err,
		       size_t err_size)
{
	for (size_t i = 0; i < o->nr_ifaces; i++)
		if (plx_config__add_iface(config, o->ifaces[i], err, err_size))
			return -EINVAL;
	for (size_t i = 0; i < o->nr_exporters; i++)
		if (plx_config__add_exporter(config, o->exporters[i], err, err_size))
			return -EINVAL;
	if (config->nr_exporters == 0 && (o->capture || isatty(STDOUT_FILENO)))
		return plx_config__add_exporter(config, "json:-", err, err_size);
	return 0;
}

/* A bad file is a failure, a bad option is misuse. */
static int configure(const struct options *o, struct plx_config **ret_config)
{
	char why[512];

	if (plx_config__load(o->config, NULL, 0, ret_config, why, sizeof(why))) {
		plx_log(PLX_LOG_ERROR, "%s", why);
		return EXIT_FAILED;
	}
	plx_config__free(*ret_config);
	*ret_config = NULL;
	if (plx_config__load(o->config, o->sets, o->nr_sets, ret_config, why, sizeof(why)) ||
	    add_options(*ret_config, o, why, sizeof(why))) {
		plx_log(PLX_LOG_ERROR, "%s", why);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static int detach_leftovers(const struct options *o)
{
	struct if_nameindex *all = if_nameindex();
	int status = EXIT_OK;

	for (size_t i = 0; o->nr_ifaces ? i < o->nr_ifaces : all && all[i].if_index; i++) {
		const char *name = o->nr_ifaces ? o->ifaces[i] : all[i].if_name;
		int err = plx_dataplane__reclaim(name);

		/* An interface that a daemon meters is not a leftover. */
		if (err && (o->nr_ifaces || err != -EADDRINUSE)) {
			plx_log(PLX_LOG_ERROR, "%s: %s", name,
				err == -EADDRINUSE ? "metered by a running parallaxd"
				: err == -ENODEV   ? "no such interface"
						   : strerror(-err));
			status = EXIT_FAILED;
		}
	}
	if_freenameindex(all);
	return status;
}

static int run(const struct plx_config *config)
{
	struct plx_daemon *daemon;
	char why[512];
	int err;

	err = plx_daemon__new(config, &daemon, why, sizeof(why));
	if (err) {
		plx_log(PLX_LOG_ERROR, "%s", why);
		return EXIT_FAILED;
	}
	err = plx_daemon__run(daemon);
	if (err)
		plx_log(PLX_LOG_ERROR, "event loop: %s", strerror(-err));
	plx_daemon__free(daemon);
	return err ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options options = {};
	struct plx_config *config = NULL;
	int status;

	status = parse_options(argc, argv, &options);
	if (status >= 0)
		goto out;
	plx_log_set_level(options.verbose > 1	? PLX_LOG_DEBUG
			  : options.verbose > 0 ? PLX_LOG_INFO
						: PLX_LOG_NOTICE);
	signal(SIGPIPE, SIG_IGN);
	if (options.doctor) {
		status = plx_doctor(options.ifaces, options.nr_ifaces) ? EXIT_FAILED : EXIT_OK;
		goto out;
	}
	if (options.detach) {
		status = detach_leftovers(&options);
		goto out;
	}
	/* A capture is anybody's to read, with a daemon of other exporters on the same machine. */
	if (!options.config && !options.capture && access(DEFAULT_CONFIG, F_OK) == 0)
		options.config = DEFAULT_CONFIG;
	status = configure(&options, &config);
	if (status != EXIT_OK)
		goto out;
	if (options.check) {
		printf("%s: ok\n", options.config ? options.config : "defaults");
		status = EXIT_OK;
		goto out;
	}
	if (options.capture) {
		status = plx_offline__run(config, options.capture) ? EXIT_FAILED : EXIT_OK;
		goto out;
	}
	if (config->nr_interfaces == 0)
		plx_log(PLX_LOG_WARNING,
			"no interfaces yet: use -i, the configuration, or 'parallax iface add'");
	status = run(config);
out:
	plx_config__free(config);
	free(options.socket_set);
	return status;
}
