// SPDX-License-Identifier: GPL-2.0-only
#include "harvest/harvest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "harvest/pipe.h"
#include "harvest/remote.h"
#include "image/chain.h"
#include "image/inventory.h"
#include "session/session.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fault.h"
#include "util/log.h"

struct harvest {
	const struct harvest_request *request;
	struct session *session;
	struct harvest_pace pace;
	struct harvest_result result;
	uint64_t taken_us; /* when the last task had been taken */
	unsigned int next_pages_id;
};

static int open_pages(struct harvest *harvest, const struct session_task *task,
		      struct image_pages *ret_pages)
{
	const struct harvest_request *request = harvest->request;

	if (request->server)
		return image_pages_open_remote(ret_pages, request->images, task->image_pid,
					       request->server);
	return image_pages_open(ret_pages, request->images, task->image_pid,
				harvest->next_pages_id++);
}

static int copy_task(struct harvest *harvest, const struct session_task *task,
		     const struct harvest_source *source)
{
	auto_image_pages struct image_pages pages = { 0 };
	auto_range_set struct range_set copy = { 0 };
	struct harvest_plan plan;
	int ret = session_pages_to_copy(task, &copy);

	if (!ret)
		ret = open_pages(harvest, task, &pages);
	if (ret)
		return ret;
	harvest_plan_begin(&plan, &copy, &task->clean);
	ret = fault_error("pages-before") ?:
		      harvest_pipe_run(source, &plan, &pages, harvest->request->jobs,
				       &harvest->pace);
	if (ret)
		return ret;
	harvest->result.pages_written += pages.nr_present;
	harvest->result.pages_in_parent += pages.nr_in_parent;
	return image_pages_commit(&pages);
}

/* A task that ends meanwhile has no images; nobody will ask for them. */
static int harvest_task(struct harvest *harvest, const struct session_task *task)
{
	struct harvest_source source;
	int ret;

	if (task->tracker == TRACK_KIND_NONE)
		return 0;
	ret = harvest_source_open(task->pid, &source);
	if (!ret) {
		ret = copy_task(harvest, task, &source);
		harvest_source_close(&source);
		harvest->result.nr_tasks++;
	}
	return ret == -ESRCH ? 0 : ret;
}

static void take_tasks(struct harvest *harvest)
{
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	const struct session_task *task;

	for (size_t i = 0; (task = session_task_at(harvest->session, i)); i++)
		session_take(harvest->session, task->pid);
	harvest->taken_us = clock_us(CLOCK_MONOTONIC);
	session_settle(harvest->session);
	fault_point("settle-after");
	if (harvest->request->settled)
		harvest->request->settled(harvest->request->argument);
	harvest->result.arm_us = clock_us(CLOCK_MONOTONIC) - start;
}

static int copy_tasks(struct harvest *harvest)
{
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	const struct session_task *task;
	int ret = 0;

	for (size_t i = 0; !ret && (task = session_task_at(harvest->session, i)); i++)
		ret = harvest_task(harvest, task);
	if (!ret && harvest->request->server)
		ret = harvest_remote_end(harvest->session, harvest->request->server);
	harvest->result.copy_us = clock_us(CLOCK_MONOTONIC) - start;
	return ret;
}

static void look_what_is_dirty(struct harvest *harvest)
{
	const struct session_task *task;

	for (size_t i = 0; (task = session_task_at(harvest->session, i)); i++)
		harvest->result.pages_dirty += session_count_written(task);
	harvest->result.dirty_window_us = clock_us(CLOCK_MONOTONIC) - harvest->taken_us;
}

/*
 * uptime_us: when all tasks had been found. CRIU takes a task that began later for another one of
 * the same pid.
 */
static int write_inventory(const struct harvest *harvest, uint64_t uptime_us)
{
	const struct image_inventory inventory = {
		.img_version = IMAGE_FORMAT_VERSION,
		.has_dump_uptime = true,
		.dump_uptime_us = uptime_us,
		.has_pre_dump_mode = true,
		.pre_dump_mode = IMAGE_PRE_DUMP_SPLICE,
	};
	const struct image_stats stats = {
		.memdump_time_us = (uint32_t)harvest->result.arm_us,
		.memwrite_time_us = (uint32_t)harvest->result.copy_us,
		.pages_scanned = harvest->result.pages_written + harvest->result.pages_in_parent,
		.pages_skipped_parent = harvest->result.pages_in_parent,
		.pages_written = harvest->result.pages_written,
	};
	int ret = image_inventory_write(harvest->request->images, &inventory);

	return ret ? ret : image_stats_write(harvest->request->images, &stats);
}

static void write_stats(const struct harvest *harvest)
{
	const struct session_figures figures = {
		.command = "pre-dump",
		.pages_written = harvest->result.pages_written,
		.pages_in_parent = harvest->result.pages_in_parent,
		.copy_us = harvest->result.copy_us,
		.threads = harvest->request->jobs,
	};

	session_write_stats(harvest->session, &figures);
}

/* CRIU's parent link. One that is there already is replaced, which CRIU does not do. */
static int link_parent(const struct harvest_request *request)
{
	if (unlinkat(request->images, "parent", 0) && errno != ENOENT)
		return -errno;
	if (request->parent && symlinkat(request->parent, request->images, "parent"))
		return -errno;
	return 0;
}

/* Before anything is written: the parent link and pages of a chain in use would be lost. */
static int check_chain(const struct harvest_request *request)
{
	struct image_error error;
	int ret = request->server ?
			  0 :
			  image_chain_check_parents(request->images, request->parent, &error);

	if (ret)
		log_error("pre-dump of %d failed: %s", request->root, error.text);
	return ret;
}

/* session_ functions log their own failures. */
static int failed(const struct harvest *harvest, const char *what, int ret)
{
	if (ret)
		log_error("pre-dump of %d failed: %s: %s", harvest->request->root, what,
			  strerror(-ret));
	return ret;
}

static int iterate(struct harvest *harvest)
{
	struct image_page_client *server = harvest->request->server;
	uint64_t uptime_us;
	int ret = check_chain(harvest->request);

	if (!ret)
		ret = failed(harvest, "parent link", link_parent(harvest->request));
	if (!ret)
		ret = failed(harvest, "images directory",
			     session_set_images(harvest->session, harvest->request->images));
	if (!ret && server)
		ret = failed(harvest,
			     "asking the page server, which must be of a CRIU like the one here",
			     harvest_remote_begin(harvest->session, server));
	if (!ret)
		ret = session_adopt(harvest->session);
	uptime_us = clock_us(CLOCK_BOOTTIME);
	harvest->result.smaps_us = session_smaps_us(harvest->session);
	if (!ret)
		take_tasks(harvest);
	if (!ret)
		ret = failed(harvest,
			     server ? "sending memory to the page server" : "copying memory",
			     copy_tasks(harvest));
	if (!ret)
		ret = failed(harvest, "inventory", write_inventory(harvest, uptime_us));
	if (!ret) {
		write_stats(harvest);
		ret = session_commit(harvest->session);
	}
	if (!ret && harvest->request->auto_dedup)
		session_dedup(harvest->session);
	if (!ret)
		look_what_is_dirty(harvest);
	return ret;
}

int harvest_run(const struct harvest_request *request, struct harvest_result *ret_result)
{
	struct harvest harvest = {
		.request = request,
		.pace = { .bytes_a_second = request->bytes_a_second },
		.next_pages_id = 1,
	};
	uint64_t start = clock_us(CLOCK_MONOTONIC);
	int ret = session_open(request->root, "pre-dump", request->keeper, TRACK_KIND_UFFD_WP,
			       &harvest.session);

	if (ret)
		return ret;
	ret = iterate(&harvest);
	session_close(harvest.session);
	if (ret)
		return ret;
	harvest.result.total_us = clock_us(CLOCK_MONOTONIC) - start;
	*ret_result = harvest.result;
	return 0;
}
