// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common/config.h"

#include <bsd/string.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keeper/client/keeper-client.h"
#include "util/cleanup.h"

#define CONFIG_FILE "/etc/criu-lazy-wp.conf"

static struct cli_config config = {
	.tracker = "auto",
	.log_level = LOG_LEVEL_DEBUG,
	.idle_limit_s = KEEPER_IDLE_S,
};

const struct cli_config *cli_config(void)
{
	return &config;
}

/* Each returns what is wanted instead, or NULL. */
static const char *set_tracker(const char *value)
{
	static const char *const names[] = { "auto", "uffd-wp", "soft-dirty", "off" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]))
			continue;
		strlcpy(config.tracker, value, sizeof(config.tracker));
		return NULL;
	}
	return "auto, uffd-wp, soft-dirty or off";
}

static const char *set_real_criu(const char *value)
{
	if (!*value || strlen(value) >= sizeof(config.real_criu))
		return "the path of a program";
	strlcpy(config.real_criu, value, sizeof(config.real_criu));
	return NULL;
}

static const char *set_log_level(const char *value)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]))
			continue;
		config.log_level = (enum log_level)i;
		log_set_level(config.log_level);
		return NULL;
	}
	return "error, warn, info or debug";
}

static const char *set_idle_limit(const char *value)
{
	char *end;
	unsigned long seconds;

	errno = 0;
	seconds = strtoul(value, &end, 10);
	if (errno || !isdigit((unsigned char)value[0]) || *end || seconds > KEEPER_IDLE_MAX_S)
		return "a number of seconds up to 2000000, 0 for no limit,";
	config.idle_limit_s = seconds;
	keeper_set_idle_limit(seconds);
	return NULL;
}

static const struct {
	const char *name;
	const char *(*set)(const char *value);
} keys[] = {
	{ "tracker", set_tracker },
	{ "real-criu", set_real_criu },
	{ "log-level", set_log_level },
	{ "idle-limit", set_idle_limit },
};

int cli_config_set(const char *key, const char *value, const char *where)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *wanted;

		if (strcmp(key, keys[i].name))
			continue;
		wanted = keys[i].set(value);
		if (wanted)
			log_error("%s%s '%s': %s is wanted", where, key, value, wanted);
		return wanted ? -EINVAL : 0;
	}
	log_error("%sthere is no key '%s': tracker, real-criu, log-level or idle-limit", where,
		  key);
	return -EINVAL;
}

static char *strip(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = 0;
	return text;
}

static int parse_line(char *line, const char *where)
{
	char *key, *equals;

	line[strcspn(line, "#")] = 0;
	key = strip(line);
	if (!*key)
		return 0;
	equals = strchr(key, '=');
	if (!equals) {
		log_error("%s'%s': key = value is wanted", where, key);
		return -EINVAL;
	}
	*equals = 0;
	return cli_config_set(strip(key), strip(equals + 1), where);
}

int cli_config_parse(FILE *file, const char *name)
{
	auto_free char *line = NULL;
	size_t size = 0;
	int number = 0, ret = 0;

	while (!ret && getline(&line, &size, file) >= 0) {
		char where[PATH_MAX + 32];

		snprintf(where, sizeof(where), "%s:%d: ", name, ++number);
		ret = parse_line(line, where);
	}
	if (!ret && ferror(file)) {
		ret = -EIO;
		log_error("%s: cannot be read", name);
	}
	return ret;
}

static int load_file(void)
{
	const char *chosen = getenv("LAZY_WP_CONFIG"), *name = chosen ? chosen : CONFIG_FILE;
	auto_fclose FILE *file = fopen(name, "re");

	if (file)
		return cli_config_parse(file, name);
	if (errno == ENOENT && !chosen)
		return 0;
	log_error("%s: %s", name, strerror(errno));
	return -errno;
}

int cli_config_load(void)
{
	const char *criu = getenv("LAZY_WP_CRIU");
	int ret = load_file();

	if (!ret && criu && *criu)
		ret = cli_config_set("real-criu", criu, "LAZY_WP_CRIU: ");
	return ret;
}
