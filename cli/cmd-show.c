// SPDX-License-Identifier: GPL-2.0-only
/* `criu-lazy-wp show`: prints a dirty log, a pagemap or statistics, for people or as one JSON object. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "image/dirty-log.h"
#include "image/pagemap.h"
#include "image/stream.h"
#include "util/cleanup.h"
#include "util/json.h"
#include "util/printable.h"

static void print_json_string(const char *key, const char *text)
{
	printf("\"%s\":", key);
	json_print_string(stdout, text);
}

static void print_session(const uint8_t session[IMAGE_SESSION_BYTES])
{
	for (int i = 0; i < IMAGE_SESSION_BYTES; i++)
		printf("%02x", session[i]);
}

static void print_text_header(const struct image_dirty_log_header *header)
{
	printf("session:    ");
	print_session(header->session);
	printf("\nsequence:   %" PRIu64, header->sequence);
	if (header->has_parent)
		printf(" (parent %" PRIu64 ")", header->parent_sequence);
	printf("\ntracker:    ");
	cli_print_safely(header->tracker);
	printf("\nkernel:     ");
	cli_print_safely(header->kernel_release);
	printf("\npid:        %u\nstart time: %" PRIu64 " ticks\n", header->pid,
	       header->start_time);
	if (header->remote)
		printf("pages:      at a page server\n");
	if (header->full_reason[0]) {
		printf("all taken:  ");
		cli_print_safely(header->full_reason);
		putchar('\n');
	}
}

static void print_text_mapping(const struct image_dirty_log_mapping *mapping)
{
	printf("  %012" PRIx64 "-%012" PRIx64 " ", mapping->start, mapping->end);
	cli_print_safely(mapping->perms);
	printf(" %08" PRIx64 " %02x:%02x %" PRIu64 " %s", mapping->pgoff, mapping->dev_major,
	       mapping->dev_minor, mapping->ino, image_tracking_name(mapping->tracking));
	if (mapping->reason[0]) {
		printf(": ");
		cli_print_safely(mapping->reason);
	}
	putchar('\n');
}

static void print_text_log(const struct image_dirty_log *log)
{
	uint64_t nr_pages = 0;

	print_text_header(&log->header);
	printf("mappings:   %zu\n", log->nr_mappings);
	for (size_t i = 0; i < log->nr_mappings; i++)
		print_text_mapping(&log->mappings[i]);
	for (size_t i = 0; i < log->nr_taken; i++)
		nr_pages += log->taken[i].nr_pages;
	printf("taken:      %zu ranges, %" PRIu64 " pages\n", log->nr_taken, nr_pages);
	for (size_t i = 0; i < log->nr_taken; i++)
		printf("  %012" PRIx64 " %" PRIu64 " pages, %s\n", log->taken[i].start,
		       log->taken[i].nr_pages, image_taken_reason_name(log->taken[i].reason));
}

static void print_json_mapping(const struct image_dirty_log_mapping *mapping)
{
	printf("{\"start\":\"0x%" PRIx64 "\",\"end\":\"0x%" PRIx64 "\",", mapping->start,
	       mapping->end);
	print_json_string("perms", mapping->perms);
	printf(",\"pgoff\":\"0x%" PRIx64 "\",\"dev\":\"%x:%x\",\"ino\":%" PRIu64
	       ",\"tracking\":\"%s\"",
	       mapping->pgoff, mapping->dev_major, mapping->dev_minor, mapping->ino,
	       image_tracking_name(mapping->tracking));
	if (mapping->reason[0]) {
		putchar(',');
		print_json_string("reason", mapping->reason);
	}
	putchar('}');
}

static void print_json_header(const struct image_dirty_log_header *header)
{
	printf("\"session\":\"");
	print_session(header->session);
	printf("\",\"sequence\":%" PRIu64 ",", header->sequence);
	if (header->has_parent)
		printf("\"parent_sequence\":%" PRIu64 ",", header->parent_sequence);
	print_json_string("tracker", header->tracker);
	putchar(',');
	print_json_string("kernel_release", header->kernel_release);
	printf(",\"pid\":%u,\"start_time\":%" PRIu64, header->pid, header->start_time);
	if (header->remote)
		printf(",\"remote\":true");
	if (header->full_reason[0]) {
		putchar(',');
		print_json_string("full_reason", header->full_reason);
	}
}

static void print_json_log(const struct image_dirty_log *log)
{
	printf("{\"type\":\"dirty-log\",");
	print_json_header(&log->header);
	printf(",\"mappings\":[");
	for (size_t i = 0; i < log->nr_mappings; i++) {
		printf("%s", i ? "," : "");
		print_json_mapping(&log->mappings[i]);
	}
	printf("],\"taken\":[");
	for (size_t i = 0; i < log->nr_taken; i++)
		printf("%s{\"start\":\"0x%" PRIx64 "\",\"nr_pages\":%" PRIu64 ",\"reason\":\"%s\"}",
		       i ? "," : "", log->taken[i].start, log->taken[i].nr_pages,
		       image_taken_reason_name(log->taken[i].reason));
	printf("]}\n");
}

static void print_text_pagemap(const struct image_pagemap *pagemap)
{
	printf("pages:      pages-%u.img, %" PRIu64 " pages\nentries:    %zu\n", pagemap->pages_id,
	       pagemap->nr_present_pages, pagemap->nr);
	for (size_t i = 0; i < pagemap->nr; i++) {
		const struct image_pagemap_entry *entry = &pagemap->v[i];

		printf("  %012" PRIx64 " %" PRIu64 " pages%s%s%s\n", entry->vaddr, entry->nr_pages,
		       entry->flags & IMAGE_PAGES_PRESENT ? " present" : "",
		       entry->flags & IMAGE_PAGES_IN_PARENT ? " in-parent" : "",
		       entry->flags & IMAGE_PAGES_LAZY ? " lazy" : "");
	}
}

static const char *json_bool(bool value)
{
	return value ? "true" : "false";
}

static void print_json_pagemap(const struct image_pagemap *pagemap)
{
	printf("{\"type\":\"pagemap\",\"pages_id\":%u,\"entries\":[", pagemap->pages_id);
	for (size_t i = 0; i < pagemap->nr; i++) {
		const struct image_pagemap_entry *entry = &pagemap->v[i];

		printf("%s{\"vaddr\":\"0x%" PRIx64 "\",\"nr_pages\":%" PRIu64
		       ",\"present\":%s,\"in_parent\":%s,\"lazy\":%s}",
		       i ? "," : "", entry->vaddr, entry->nr_pages,
		       json_bool(entry->flags & IMAGE_PAGES_PRESENT),
		       json_bool(entry->flags & IMAGE_PAGES_IN_PARENT),
		       json_bool(entry->flags & IMAGE_PAGES_LAZY));
	}
	printf("]}\n");
}

static int show_log(int dir, const char *name, bool json, struct image_error *error)
{
	auto_image_dirty_log struct image_dirty_log log = { 0 };
	int ret = image_dirty_log_read_named(dir, name, &log, error);

	if (!ret)
		(json ? print_json_log : print_text_log)(&log);
	return ret;
}

static int show_pagemap(int dir, const char *name, bool json, struct image_error *error)
{
	auto_image_pagemap struct image_pagemap pagemap = { 0 };
	int ret = image_pagemap_load_named(dir, name, &pagemap, error);

	if (!ret)
		(json ? print_json_pagemap : print_text_pagemap)(&pagemap);
	return ret;
}

/* lazy-wp-stats.json is for people as it is. */
static int show_stats(const char *path, struct image_error *error)
{
	auto_fclose FILE *file = fopen(path, "re");
	int c;

	if (!file)
		return image_fail(error, -errno, "%.80s: cannot open: %s", path, strerror(errno));
	while ((c = fgetc(file)) != EOF)
		putchar(c == '\n' ? c : printable((char)c));
	return ferror(file) ? image_fail(error, -EIO, "%.80s: cannot read", path) : 0;
}

static int show(const char *path, bool json, struct image_error *error)
{
	size_t len = strlen(path), suffix = strlen(".json");
	uint32_t magics[2];
	int ret;

	if (len > suffix && !strcmp(path + len - suffix, ".json"))
		return show_stats(path, error);
	ret = image_read_magics(AT_FDCWD, path, magics, error);

	if (ret)
		return ret;
	if (magics[0] == IMAGE_MAGIC_SERVICE && magics[1] == IMAGE_MAGIC_DIRTY_LOG)
		return show_log(AT_FDCWD, path, json, error);
	if (magics[0] == IMAGE_MAGIC_COMMON && magics[1] == IMAGE_MAGIC_PAGEMAP)
		return show_pagemap(AT_FDCWD, path, json, error);
	return image_fail(
		error, -EBADMSG,
		"%.80s: no dirty log, pagemap or lazy-wp-stats.json: crit shows other images",
		path);
}

int cli_cmd_show(int argc, char **argv)
{
	const char *path = NULL;
	struct image_error error;
	bool json = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (path || argv[i][0] == '-') {
			fprintf(stderr, "Error: show: '%s' is not understood: show FILE [--json]\n",
				argv[i]);
			return 1;
		} else {
			path = argv[i];
		}
	}
	if (!path) {
		fprintf(stderr, "Error: show: no file is named: show FILE [--json]\n");
		return 1;
	}
	if (show(path, json, &error)) {
		fprintf(stderr, "Error: show: %s\n", error.text);
		return 1;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "Error: show: cannot write to standard output: %s\n",
			strerror(errno));
		return 1;
	}
	return 0;
}
