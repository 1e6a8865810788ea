/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration: YAML file and --set overrides through one schema into a checked structure.
 * control/man/parallax.yaml.5 is the reference of the keys.
 */
#ifndef PLX_CONFIG_H
#define PLX_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plx/dataplane.h>

#include "flow_cache.h"

struct plx_config_iface {
	char *name;
	struct plx_iface_opts opts;
	bool own_tunnel; /* opts.tunnel is this interface's own, not that of the configuration */
};

/* forwarded: both sides of a forwarded flow are one record, or one each */
enum plx_forwarded { PLX_FORWARDED_JOIN, PLX_FORWARDED_BOTH };

/* nat: who says what is translated; auto is both of the next two, as far as they are there */
enum plx_nat_source { PLX_NAT_AUTO, PLX_NAT_KFUNCS, PLX_NAT_CTNETLINK, PLX_NAT_OFF };

/* sampling.by: what of, 1 in sampling.interval is chosen */
enum plx_sampling_by { PLX_SAMPLING_PACKET, PLX_SAMPLING_FLOW };

struct plx_config {
	/* interfaces: [{name, hook, xdp_mode, direction, tunnel}] */
	struct plx_config_iface *interfaces;
	size_t nr_interfaces;
	enum plx_policy tunnel; /* tunnel: of captures, and of interfaces that have no own one */
	char **exporters;	/* exporters: [URL] */
	size_t nr_exporters;
	struct {
		uint32_t flows;	    /* tables.flows: 1024 .. 16777216, default 131072 */
		uint32_t tunnels;   /* tables.tunnels: 1024 .. 16777216, default 32768 */
		uint32_t ring;	    /* tables.ring: bytes, 4096 .. 1 GiB, power of two, 8 MiB */
		uint32_t fragments; /* tables.fragments: 64 .. 1048576, default 8192 */
		uint32_t nat;	    /* tables.nat: connections, 1024 .. 16777216, default 262144 */
	} tables;
	struct {
		uint32_t flows; /* cache.flows: 1024 .. 67108864, default 2097152 */
	} cache;
	struct {
		uint64_t active_ns;   /* timeouts.active: 100ms .. 24h, default 60s */
		uint64_t inactive_ns; /* timeouts.inactive: 100ms .. 24h, default 15s */
		uint64_t linger_ns;   /* timeouts.tcp_end: 0s .. 60s, default 2s */
		uint64_t epoch_ns;    /* timeouts.epoch: 100ms .. 60s, default 1s */
	} timeouts;
	struct {
		uint32_t interval; /* sampling.interval: 1 .. 1000000, default 1, which is all */
		enum plx_sampling_by by;
	} sampling;
	struct {
		char *path;	   /* socket.path */
		char *group;	   /* socket.group: may read; default "parallax" where it exists */
		char *admin_group; /* socket.admin_group: may change; default "" (root only) */
	} socket;
	enum plx_forwarded forwarded;
	enum plx_nat_source nat;
	uint32_t observation_domain; /* observation_domain: 1 .. 4294967295, default 1 */
};

/*
 * Load path (NULL: no file, defaults only), then apply nr_sets overrides "key.path=value" in
 * order. All or nothing: on failure *ret_config is untouched, and ret_err has one line
 * "FILE:LINE: key: what is wrong, with the value" or "--set KEY=VALUE: key: what is wrong".
 * Returns -EINVAL for bad content, or why the file cannot be read. Free with plx_config__free().
 */
int plx_config__load(const char *path, const char *const *sets, size_t nr_sets,
		     struct plx_config **ret_config, char *ret_err, size_t err_size);

/*
 * -i and -e: append an interface with the options of one that has only a name, or an exporter. One
 * that is there already is left as it is. On failure ret_err has one line that repeats the value.
 */
int plx_config__add_iface(struct plx_config *config, const char *name, char *ret_err,
			  size_t err_size);
int plx_config__add_exporter(struct plx_config *config, const char *url, char *ret_err,
			     size_t err_size);

/* The flow cache that config asks for, with emit and its argument. */
struct plx_cache_opts plx_config__cache(const struct plx_config *config, plx_emit_fn emit,
					void *arg);

/* Frees all of it; NULL is allowed. */
void plx_config__free(struct plx_config *config);

/*
 * "auto|xdp|tc", "auto|native|generic", "in|out|both", "both|inner|outer": 0, or -EINVAL. Shared
 * with the control socket.
 */
int plx_parse_hook(const char *text, enum plx_hook *ret_hook);
int plx_parse_xdp_mode(const char *text, enum plx_xdp_mode *ret_mode);
int plx_parse_direction(const char *text, enum plx_direction *ret_direction);
int plx_parse_policy(const char *text, enum plx_policy *ret_policy);
const char *plx_hook_name(enum plx_hook hook);
const char *plx_xdp_mode_name(enum plx_xdp_mode mode);
const char *plx_direction_name(enum plx_direction direction);
const char *plx_policy_name(enum plx_policy policy);

#endif
