// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gives a fuzz target each file of the directories, and each of the files, in its arguments; without
 * any, those of test/fuzz/corpus/NAME, seen from the project's root, for the target fuzz_NAME.
 * A target that does not like an input ends the process; its name was printed before.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "test/fuzz/support.h"
#include "util/cleanup.h"

#define INPUT_BYTES_MAX (1024 * 1024)

static int replay_file(const char *path)
{
	auto_fclose FILE *file = fopen(path, "re");
	auto_free uint8_t *bytes = malloc(INPUT_BYTES_MAX), *exact = NULL;
	size_t size;

	if (!file || !bytes)
		return -errno;
	size = fread(bytes, 1, INPUT_BYTES_MAX, file);
	if (ferror(file))
		return -EIO;
	/* Of exactly this size, so that a sanitizer sees the first byte read beyond it. */
	exact = malloc(size ? size : 1);
	if (!exact)
		return -ENOMEM;
	memcpy(exact, bytes, size);
	printf("%s: %zu bytes\n", path, size);
	fflush(stdout);
	LLVMFuzzerTestOneInput(exact, size);
	return 1;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_directory(const char *path)
{
	struct dirent **entries;
	int nr = scandir(path, &entries, is_visible, alphasort), ret = nr < 0 ? -errno : 0;

	for (int i = 0; i < nr; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (ret >= 0)
			ret = replay_file(name);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
	return ret < 0 ? ret : nr;
}

/* The number of inputs. Fails when there is none: a test without input tests nothing. */
static int replay(const char *path)
{
	struct stat stat_buffer;
	int ret;

	if (stat(path, &stat_buffer))
		ret = -errno;
	else
		ret = S_ISDIR(stat_buffer.st_mode) ? replay_directory(path) : replay_file(path);
	if (ret > 0)
		return ret;
	fprintf(stderr, "Error: %s: %s\n", path, ret ? strerror(-ret) : "no input");
	exit(1);
}

int main(int argc, char **argv)
{
	const char *name = strstr(program_invocation_short_name, "fuzz_");
	char corpus[256];
	int nr = 0;

	for (int i = 1; i < argc; i++)
		nr += replay(argv[i]);
	if (argc == 1 && name) {
		snprintf(corpus, sizeof(corpus), "test/fuzz/corpus/%s", name + strlen("fuzz_"));
		nr = replay(corpus);
	}
	printf("%d inputs\n", nr);
	return 0;
}
