/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema of the configuration, its defaults and ranges, and the way from text to structure:
 * the file and each --set are one source each (config_source.h), loaded by libcyaml as strings,
 * checked here and laid over what came before. Numbers are strings to libcyaml because it wraps
 * negative ones, cuts "1.5" to 1 and reads "010" as 8.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <cyaml/cyaml.h>

#include "config_source.h"
#include "config_text.h"
#include "exporter.h"

/* A source as libcyaml loads it; NULL is "not set". */
struct raw {
	struct plx_config_iface *interfaces;
	size_t nr_interfaces;
	enum plx_policy tunnel; /* where the source sets it, as the next two */
	enum plx_forwarded forwarded;
	enum plx_nat_source nat;
	char **exporters;
	size_t nr_exporters;
	struct {
		char *flows, *tunnels, *ring, *fragments, *nat;
	} tables;
	struct {
		char *flows;
	} cache;
	struct {
		char *active, *inactive, *tcp_end, *epoch;
	} timeouts;
	struct {
		char *interval;
		enum plx_sampling_by by; /* as tunnel */
	} sampling;
	struct {
		char *path, *group, *admin_group;
	} socket;
	char *observation_domain;
};

static const cyaml_strval_t hooks[] = {
	{"auto", PLX_HOOK_AUTO},
	{"xdp", PLX_HOOK_XDP},
	{"tc", PLX_HOOK_TC},
};

static const cyaml_strval_t xdp_modes[] = {
	{"auto", PLX_XDP_AUTO},
	{"native", PLX_XDP_NATIVE},
	{"generic", PLX_XDP_GENERIC},
};

static const cyaml_strval_t directions[] = {
	{"in", PLX_DIRECTION_IN},
	{"out", PLX_DIRECTION_OUT},
	{"both", PLX_DIRECTION_BOTH},
};

static const cyaml_strval_t forwardings[] = {
	{"join", PLX_FORWARDED_JOIN},
	{"both", PLX_FORWARDED_BOTH},
};

static const cyaml_strval_t nat_sources[] = {
	{"auto", PLX_NAT_AUTO},
	{"kfuncs", PLX_NAT_KFUNCS},
	{"ctnetlink", PLX_NAT_CTNETLINK},
	{"off", PLX_NAT_OFF},
};

static const cyaml_strval_t samplings[] = {
	{"packet", PLX_SAMPLING_PACKET},
	{"flow", PLX_SAMPLING_FLOW},
};

static const cyaml_strval_t policies[] = {
	{"both", PLX_POLICY_BOTH},
	{"inner", PLX_POLICY_INNER},
	{"outer", PLX_POLICY_OUTER},
};

#define TEXT_FLAGS (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(KEY, MEMBER)                                                                          \
	CYAML_FIELD_STRING_PTR(KEY, TEXT_FLAGS, struct raw, MEMBER, 0, CYAML_UNLIMITED)
#define ENUM_FLAGS (CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL)
#define ENUM(KEY, OWNER, MEMBER, NAMES)                                                            \
	CYAML_FIELD_ENUM(KEY, ENUM_FLAGS, OWNER, MEMBER, NAMES, CYAML_ARRAY_LEN(NAMES))
/* A mapping whose keys are members of struct raw itself: TEXT() has their full offset. */
#define SECTION(KEY, FIELDS)                                                                       \
	{                                                                                          \
		.key = KEY, .value = {                                                             \
			CYAML_VALUE_MAPPING(CYAML_FLAG_OPTIONAL, struct raw, FIELDS)               \
		}                                                                                  \
	}

/* What an interface leaves out is 0: the default, but for tunnel, see set_policies(). */
static const cyaml_schema_field_t iface_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct plx_config_iface, name, 0,
			       CYAML_UNLIMITED),
	ENUM("hook", struct plx_config_iface, opts.hook, hooks),
	ENUM("xdp_mode", struct plx_config_iface, opts.xdp_mode, xdp_modes),
	ENUM("direction", struct plx_config_iface, opts.direction, directions),
	ENUM("tunnel", struct plx_config_iface, opts.tunnel, policies),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t iface_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plx_config_iface, iface_fields),
};

static const cyaml_schema_value_t exporter_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t tables_fields[] = {
	TEXT("flows", tables.flows), TEXT("tunnels", tables.tunnels),
	TEXT("ring", tables.ring),   TEXT("fragments", tables.fragments),
	TEXT("nat", tables.nat),     CYAML_FIELD_END,
};

static const cyaml_schema_field_t cache_fields[] = {
	TEXT("flows", cache.flows),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t timeouts_fields[] = {
	TEXT("active", timeouts.active),
	TEXT("inactive", timeouts.inactive),
	TEXT("tcp_end", timeouts.tcp_end),
	TEXT("epoch", timeouts.epoch),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t sampling_fields[] = {
	TEXT("interval", sampling.interval),
	ENUM("by", struct raw, sampling.by, samplings),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t socket_fields[] = {
	TEXT("path", socket.path),
	TEXT("group", socket.group),
	TEXT("admin_group", socket.admin_group),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t top_fields[] = {
	CYAML_FIELD_SEQUENCE_COUNT("interfaces", TEXT_FLAGS, struct raw, interfaces, nr_interfaces,
				   &iface_schema, 0, CYAML_UNLIMITED),
	ENUM("tunnel", struct raw, tunnel, policies),
	ENUM("forwarded", struct raw, forwarded, forwardings),
	ENUM("nat", struct raw, nat, nat_sources),
	CYAML_FIELD_SEQUENCE_COUNT("exporters", TEXT_FLAGS, struct raw, exporters, nr_exporters,
				   &exporter_schema, 0, CYAML_UNLIMITED),
	SECTION("tables", tables_fields),
	SECTION("cache", cache_fields),
	SECTION("timeouts", timeouts_fields),
	SECTION("sampling", sampling_fields),
	SECTION("socket", socket_fields),
	TEXT("observation_domain", observation_domain),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t top_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, top_fields),
};

static const cyaml_config_t cyaml_config = {
	.mem_fn = cyaml_mem, /* realloc() and free() */
	.flags = CYAML_CFG_NO_ALIAS,
};

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit no_units[] = {{"", 1}, {}};
static const struct unit size_units[] = {
	{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {}};
static const struct unit time_units[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", 1000000000ULL},
	{"m", 60000000000ULL},
	{"h", 3600000000000ULL},
	{},
};

/* Every number: its range and default are texts, as a user would write them. */
struct number {
	const char *path;
	size_t raw_offset;
	size_t offset;
	size_t size; /* of the member: 4 or 8 */
	const struct unit *units;
	const char *min, *max, *initial;
	bool power_of_two;
};

#define MEMBER(RAW, CONFIG)                                                                        \
	offsetof(struct raw, RAW), offsetof(struct plx_config, CONFIG),                            \
		sizeof(((struct plx_config *)NULL)->CONFIG)

static const struct number numbers[] = {
	{"tables.flows", MEMBER(tables.flows, tables.flows), no_units, "1024", "16777216", "131072",
	 false},
	{"tables.tunnels", MEMBER(tables.tunnels, tables.tunnels), no_units, "1024", "16777216",
	 "32768", false},
	{"tables.ring", MEMBER(tables.ring, tables.ring), size_units, "4096", "1GiB", "8MiB", true},
	{"tables.fragments", MEMBER(tables.fragments, tables.fragments), no_units, "64", "1048576",
	 "8192", false},
	{"tables.nat", MEMBER(tables.nat, tables.nat), no_units, "1024", "16777216", "262144",
	 false},
	{"cache.flows", MEMBER(cache.flows, cache.flows), no_units, "1024", "67108864", "2097152",
	 false},
	{"timeouts.active", MEMBER(timeouts.active, timeouts.active_ns), time_units, "100ms", "24h",
	 "60s", false},
	{"timeouts.inactive", MEMBER(timeouts.inactive, timeouts.inactive_ns), time_units, "100ms",
	 "24h", "15s", false},
	{"timeouts.tcp_end", MEMBER(timeouts.tcp_end, timeouts.linger_ns), time_units, "0s", "60s",
	 "2s", false},
	{"timeouts.epoch", MEMBER(timeouts.epoch, timeouts.epoch_ns), time_units, "100ms", "60s",
	 "1s", false},
	{"sampling.interval", MEMBER(sampling.interval, sampling.interval), no_units, "1",
	 "1000000", "1", false},
	{"observation_domain", MEMBER(observation_domain, observation_domain), no_units, "1",
	 "4294967295", "1", false},
};

/*
 * Digits and one of units: -EINVAL when text is anything else, -ERANGE when it exceeds 64 bits.
 * 0 needs no unit. A leading 0 is refused, since YAML 1.1 would make the number octal.
 */
static int parse_number(const char *text, const struct unit *units, uint64_t *ret_value)
{
	size_t nr_digits = strspn(text, "0123456789");
	const char *suffix = text + nr_digits;
	const struct unit *unit = units;
	bool overflow = false;
	uint64_t value = 0;

	if (!nr_digits || (nr_digits > 1 && text[0] == '0'))
		return -EINVAL;
	while (unit->name && strcmp(unit->name, suffix))
		unit++;
	if (!unit->name && strcmp(text, "0"))
		return -EINVAL;
	for (size_t i = 0; i < nr_digits; i++)
		overflow |= __builtin_mul_overflow(value, 10, &value) ||
			    __builtin_add_overflow(value, text[i] - '0', &value);
	overflow |= unit->name && __builtin_mul_overflow(value, unit->factor, &value);
	if (overflow)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

/* Store text into its member of config. With text a default, it does not fail. */
static int set_number(struct plx_config *config, const struct number *number, const char *text,
		      struct config_source *source)
{
	void *member = (char *)config + number->offset;
	char quoted[CONFIG_QUOTE_SIZE];
	uint64_t value, min, max;
	const char *kind;
	int err;

	(void)parse_number(number->min, number->units, &min); /* ours, well formed */
	(void)parse_number(number->max, number->units, &max);
	err = parse_number(text, number->units, &value);
	if (err || value < min || value > max || (number->power_of_two && (value & (value - 1)))) {
		kind = number->power_of_two ? "a power of two, "
		       : err != -EINVAL	    ? ""
		       : number->units == time_units
			       ? "a whole number with unit ns, us, ms, s, m or h, "
			       : "a whole decimal number, ";
		return config_source_refuse(source, number->path, "must be %s%s to %s, not %s",
					    kind, number->min, number->max,
					    config_quote(quoted, text, strlen(text)));
	}
	if (number->size == sizeof(uint32_t))
		*(uint32_t *)member = value;
	else
		*(uint64_t *)member = value;
	return 0;
}

static int set_numbers(struct plx_config *config, const struct raw *raw,
		       struct config_source *source)
{
	const char *text;
	int err;

	for (size_t i = 0; i < CYAML_ARRAY_LEN(numbers); i++) {
		text = *(char *const *)((const char *)raw + numbers[i].raw_offset);
		if (!text)
			continue;
		err = set_number(config, &numbers[i], text, source);
		if (err)
			return err;
	}
	return 0;
}

static int check_socket(const struct raw *raw, struct config_source *source)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	const char *path = raw->socket.path;
	char quoted[CONFIG_QUOTE_SIZE];

	if (path && (!*path || strlen(path) > max))
		return config_source_refuse(source, "socket.path",
					    "must be a path of 1 to %zu bytes, not %s", max,
					    config_quote(quoted, path, strlen(path)));
	return 0;
}

/* As the kernel's dev_valid_name(). */
static bool is_interface_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= sizeof(((struct plx_iface_info *)NULL)->name))
		return false;
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
			return false;
	return true;
}

static int check_interfaces(const struct raw *raw, struct config_source *source)
{
	char path[64], quoted[CONFIG_QUOTE_SIZE];

	for (size_t i = 0; i < raw->nr_interfaces; i++) {
		const char *name = raw->interfaces[i].name;

		snprintf(path, sizeof(path), "interfaces[%zu].name", i);
		config_quote(quoted, name, strlen(name));
		if (!is_interface_name(name))
			return config_source_refuse(source, path,
						    "must be an interface name of 1 to 15 bytes "
						    "without space, '/' or ':', not %s",
						    quoted);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(raw->interfaces[j].name, name))
				return config_source_refuse(source, path, "duplicate interface %s",
							    quoted);
	}
	return 0;
}

/* Which interfaces have a policy of their own. */
static void mark_own_policies(struct raw *raw, const struct config_source *source)
{
	char path[64];

	for (size_t i = 0; i < raw->nr_interfaces; i++) {
		snprintf(path, sizeof(path), "interfaces[%zu].tunnel", i);
		raw->interfaces[i].own_tunnel = config_source_find(source, path);
	}
}

static int check_exporters(const struct raw *raw, struct config_source *source)
{
	char path[64], what[256], escaped[384];
	int err;

	for (size_t i = 0; i < raw->nr_exporters; i++) {
		err = plx_exporter__check(raw->exporters[i], what, sizeof(what));
		if (!err)
			continue;
		snprintf(path, sizeof(path), "exporters[%zu]", i);
		return config_source_refuse(
			source, path, "%s",
			config_escape(escaped, sizeof(escaped), what, strlen(what)));
	}
	return 0;
}

/* The old value goes to raw, and is freed with it. */
#define SWAP(A, B)                                                                                 \
	do {                                                                                       \
		__typeof__(A) swap_ = (A);                                                         \
		(A) = (B);                                                                         \
		(B) = swap_;                                                                       \
	} while (0)

static void take_rest(struct plx_config *config, struct raw *raw,
		      const struct config_source *source)
{
	if (config_source_find(source, "interfaces")) {
		mark_own_policies(raw, source);
		SWAP(config->interfaces, raw->interfaces);
		SWAP(config->nr_interfaces, raw->nr_interfaces);
	}
	if (config_source_find(source, "tunnel"))
		config->tunnel = raw->tunnel;
	if (config_source_find(source, "forwarded"))
		config->forwarded = raw->forwarded;
	if (config_source_find(source, "sampling.by"))
		config->sampling.by = raw->sampling.by;
	if (config_source_find(source, "nat"))
		config->nat = raw->nat;
	if (config_source_find(source, "exporters")) {
		SWAP(config->exporters, raw->exporters);
		SWAP(config->nr_exporters, raw->nr_exporters);
	}
	if (raw->socket.path)
		SWAP(config->socket.path, raw->socket.path);
	if (raw->socket.group)
		SWAP(config->socket.group, raw->socket.group);
	if (raw->socket.admin_group)
		SWAP(config->socket.admin_group, raw->socket.admin_group);
}

/* Lay one text over config. On failure config is partly changed. */
static int apply_text(struct plx_config *config, struct config_source *source, const char *text,
		      size_t size)
{
	cyaml_data_t *data = NULL;
	cyaml_err_t cyaml_err;
	struct raw *raw;
	int err;

	err = config_source_check(source, text, size, &top_schema);
	if (err || !source->nr_places)
		goto out;
	cyaml_err = cyaml_load_data((const uint8_t *)text, size, &cyaml_config, &top_schema, &data,
				    NULL);
	if (cyaml_err) {
		err = cyaml_err == CYAML_ERR_OOM
			      ? -ENOMEM
			      : config_source_refuse(source, "", "%s", cyaml_strerror(cyaml_err));
		goto out;
	}
	raw = data;
	err = set_numbers(config, raw, source);
	if (err)
		goto out;
	err = check_socket(raw, source);
	if (err)
		goto out;
	err = check_interfaces(raw, source);
	if (err)
		goto out;
	err = check_exporters(raw, source);
	if (err)
		goto out;
	take_rest(config, raw, source);
out:
	(void)cyaml_free(&cyaml_config, &top_schema, data, 0); /* fails on NULL schema only */
	return err;
}

static int apply_file(struct plx_config *config, const char *path, char *ret_err, size_t err_size)
{
	struct config_source source = {
		.name = path, .has_lines = true, .err = ret_err, .err_size = err_size};
	char *text = NULL;
	size_t size = 0;
	int err;

	err = config_text_of_file(path, &text, &size);
	if (err == -EFBIG) {
		(void)config_source_refuse(&source, "", "cannot be read: larger than %d bytes",
					   CONFIG_TEXT_MAX);
		goto out;
	}
	if (err) {
		(void)config_source_refuse(&source, "", "cannot be read: %s", strerror(-err));
		goto out;
	}
	err = apply_text(config, &source, text, size);
out:
	free(text);
	config_source_done(&source);
	return err;
}

static int apply_set(struct plx_config *config, const char *set, char *ret_err, size_t err_size)
{
	struct config_source source = {.err = ret_err, .err_size = err_size};
	const char *equals = strchr(set, '=');
	char *name = NULL, *text = NULL;
	size_t size;
	int err;

	if (asprintf(&name, "--set %s", set) < 0)
		return -ENOMEM;
	source.name = name;
	if (!equals || equals == set) {
		err = config_source_refuse(&source, "", "must be KEY=VALUE");
		goto out;
	}
	/* A line break would start another key. */
	for (const char *c = set; *c; c++) {
		if (iscntrl((unsigned char)*c)) {
			err = config_source_refuse(&source, "", "must have no control characters");
			goto out;
		}
	}
	err = config_text_of_set(set, equals, &text, &size);
	if (err)
		goto out;
	err = apply_text(config, &source, text, size);
out:
	free(text);
	free(name);
	config_source_done(&source);
	return err;
}

static struct plx_config *new_config(void)
{
	struct plx_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	for (size_t i = 0; i < CYAML_ARRAY_LEN(numbers); i++)
		(void)set_number(config, &numbers[i], numbers[i].initial, NULL);
	config->socket.path = strdup("/run/parallax/parallaxd.sock");
	config->socket.group = strdup("parallax");
	config->socket.admin_group = strdup("");
	if (!config->socket.path || !config->socket.group || !config->socket.admin_group) {
		plx_config__free(config);
		return NULL;
	}
	return config;
}

/* When all sources have been read: a later one may set the policy of the others' interfaces. */
static void set_policies(struct plx_config *config)
{
	for (size_t i = 0; i < config->nr_interfaces; i++)
		if (!config->interfaces[i].own_tunnel)
			config->interfaces[i].opts.tunnel = config->tunnel;
}

int plx_config__load(const char *path, const char *const *sets, size_t nr_sets,
		     struct plx_config **ret_config, char *ret_err, size_t err_size)
{
	struct plx_config *config;
	int err;

	config = new_config();
	if (!config) {
		err = -ENOMEM;
		goto out;
	}
	if (path) {
		err = apply_file(config, path, ret_err, err_size);
		if (err)
			goto out;
	}
	for (size_t i = 0; i < nr_sets; i++) {
		err = apply_set(config, sets[i], ret_err, err_size);
		if (err)
			goto out;
	}
	set_policies(config);
	*ret_config = config;
	config = NULL;
	err = 0;
out:
	if (err == -ENOMEM)
		snprintf(ret_err, err_size, "configuration: %s", strerror(ENOMEM));
	plx_config__free(config);
	return err;
}

int plx_config__add_iface(struct plx_config *config, const char *name, char *ret_err,
			  size_t err_size)
{
	struct plx_config_iface *list;
	char quoted[CONFIG_QUOTE_SIZE];

	if (!is_interface_name(name)) {
		snprintf(ret_err, err_size, "no interface %s",
			 config_quote(quoted, name, strlen(name)));
		return -EINVAL;
	}
	for (size_t i = 0; i < config->nr_interfaces; i++)
		if (!strcmp(config->interfaces[i].name, name))
			return 0;
	list = realloc(config->interfaces, (config->nr_interfaces + 1) * sizeof(*list));
	if (!list)
		goto no_memory;
	config->interfaces = list;
	list[config->nr_interfaces] = (struct plx_config_iface){.name = strdup(name)};
	if (!list[config->nr_interfaces].name)
		goto no_memory;
	config->nr_interfaces++;
	set_policies(config);
	return 0;
no_memory:
	snprintf(ret_err, err_size, "interface '%s': %s", name, strerror(ENOMEM));
	return -ENOMEM;
}

int plx_config__add_exporter(struct plx_config *config, const char *url, char *ret_err,
			     size_t err_size)
{
	char **list;
	int err;

	err = plx_exporter__check(url, ret_err, err_size);
	if (err)
		return err;
	for (size_t i = 0; i < config->nr_exporters; i++)
		if (!strcmp(config->exporters[i], url))
			return 0;
	list = realloc(config->exporters, (config->nr_exporters + 1) * sizeof(*list));
	if (!list)
		goto no_memory;
	config->exporters = list;
	list[config->nr_exporters] = strdup(url);
	if (!list[config->nr_exporters])
		goto no_memory;
	config->nr_exporters++;
	return 0;
no_memory:
	snprintf(ret_err, err_size, "exporter '%s': %s", url, strerror(ENOMEM));
	return -ENOMEM;
}

struct plx_cache_opts plx_config__cache(const struct plx_config *config, plx_emit_fn emit,
					void *arg)
{
	return (struct plx_cache_opts){
		.capacity = config->cache.flows,
		.active_ns = config->timeouts.active_ns,
		.inactive_ns = config->timeouts.inactive_ns,
		.linger_ns = config->timeouts.linger_ns,
		.join = config->forwarded == PLX_FORWARDED_JOIN,
		.emit = emit,
		.arg = arg,
	};
}

void plx_config__free(struct plx_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->nr_interfaces; i++)
		free(config->interfaces[i].name);
	free(config->interfaces);
	for (size_t i = 0; i < config->nr_exporters; i++)
		free(config->exporters[i]);
	free(config->exporters);
	free(config->socket.path);
	free(config->socket.group);
	free(config->socket.admin_group);
	free(config);
}

#define NAMES(ARRAY) (ARRAY), CYAML_ARRAY_LEN(ARRAY)

static const cyaml_strval_t *find_name(const cyaml_strval_t *names, size_t nr, const char *text)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(names[i].str, text))
			return &names[i];
	return NULL;
}

static const char *name_of(const cyaml_strval_t *names, size_t nr, int64_t value)
{
	for (size_t i = 0; i < nr; i++)
		if (names[i].val == value)
			return names[i].str;
	return "unknown";
}

int plx_parse_hook(const char *text, enum plx_hook *ret_hook)
{
	const cyaml_strval_t *name = find_name(NAMES(hooks), text);

	if (!name)
		return -EINVAL;
	*ret_hook = name->val;
	return 0;
}

int plx_parse_xdp_mode(const char *text, enum plx_xdp_mode *ret_mode)
{
	const cyaml_strval_t *name = find_name(NAMES(xdp_modes), text);

	if (!name)
		return -EINVAL;
	*ret_mode = name->val;
	return 0;
}

int plx_parse_direction(const char *text, enum plx_direction *ret_direction)
{
	const cyaml_strval_t *name = find_name(NAMES(directions), text);

	if (!name)
		return -EINVAL;
	*ret_direction = name->val;
	return 0;
}

int plx_parse_policy(const char *text, enum plx_policy *ret_policy)
{
	const cyaml_strval_t *name = find_name(NAMES(policies), text);

	if (!name)
		return -EINVAL;
	*ret_policy = name->val;
	return 0;
}

const char *plx_hook_name(enum plx_hook hook)
{
	return name_of(NAMES(hooks), hook);
}

const char *plx_xdp_mode_name(enum plx_xdp_mode mode)
{
	return name_of(NAMES(xdp_modes), mode);
}

const char *plx_direction_name(enum plx_direction direction)
{
	return name_of(NAMES(directions), direction);
}

const char *plx_policy_name(enum plx_policy policy)
{
	return name_of(NAMES(policies), policy);
}
