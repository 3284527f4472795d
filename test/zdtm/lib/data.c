// SPDX-License-Identifier: GPL-2.0-only
/* Random data with a CRC-32, the small files of /proc and /sys, and streams. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "zdtmtst.h"

static uint32_t crc_byte(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	for (int bit = 0; bit < 8; bit++)
		crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320 : 0);
	return crc;
}

int datasum(const uint8_t *buffer, unsigned length, uint32_t *crc)
{
	for (unsigned i = 0; crc && i < length; i++)
		*crc = crc_byte(*crc, buffer[i]);
	return 0;
}

void datagen2(uint8_t *buffer, unsigned length, uint32_t *crc)
{
	for (unsigned i = 0; i < length; i++)
		buffer[i] = (uint8_t)(mrand48() >> 8);
	datasum(buffer, length, crc);
}

void datagen(uint8_t *buffer, unsigned length, uint32_t *crc)
{
	if (length < sizeof(*crc))
		return;
	datagen2(buffer, length - sizeof(*crc), crc);
	if (crc)
		memcpy(buffer + length - sizeof(*crc), crc, sizeof(*crc));
}

int datachk(const uint8_t *buffer, unsigned length, uint32_t *crc)
{
	uint32_t found;

	if (length < sizeof(found))
		return 1;
	datasum(buffer, length - sizeof(found), crc);
	memcpy(&found, buffer + length - sizeof(found), sizeof(found));
	if (found == *crc)
		return 0;
	test_msg("CRC mismatch: should be %08x have %08x\n", *crc, found);
	return 1;
}

int set_nonblock(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return flags;
	return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int read_data(int fd, unsigned char *buf, int len)
{
	for (int done = 0; done < len;) {
		ssize_t ret = read(fd, buf + done, (size_t)(len - done));

		if (ret <= 0)
			return -1;
		done += (int)ret;
	}
	return 0;
}

int write_data(int fd, const unsigned char *buf, int len)
{
	for (int done = 0; done < len;) {
		ssize_t ret = write(fd, buf + done, (size_t)(len - done));

		if (ret <= 0)
			return -1;
		done += (int)ret;
	}
	return 0;
}

int pipe_in2out(int infd, int outfd, uint8_t *buffer, int length)
{
	for (;;) {
		ssize_t got = read(infd, buffer, (size_t)length);

		if (got <= 0)
			return (int)got;
		if (write_data(outfd, buffer, (int)got))
			return -1;
	}
}

int write_value(const char *path, const char *value)
{
	cleanup_close int fd = open(path, O_WRONLY);
	size_t len = strlen(value);

	if (fd >= 0 && write(fd, value, len) == (ssize_t)len)
		return 0;
	pr_perror("writing \"%s\" to %s", value, path);
	return -1;
}

int read_value(const char *path, char *value, int size)
{
	cleanup_close int fd = open(path, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, value, (size_t)size);

	if (got < 0 || got == size) {
		pr_perror("reading %s", path);
		return -1;
	}
	value[got] = 0;
	return 0;
}

dev_t get_mapping_dev(void *addr)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	unsigned int major_number, minor_number;
	char line[512];
	dev_t device = 0;

	while (maps && !device && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %*s %x:%x", &start, &end, &major_number,
			   &minor_number) == 4 &&
		    start <= (uintptr_t)addr && (uintptr_t)addr < end)
			device = makedev(major_number, minor_number);
	if (maps)
		fclose(maps);
	return device;
}
