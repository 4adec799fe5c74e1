/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/listen.h"

static char folder[32], path[64], error[256];

static int
setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/postern-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

static mode_t
mode(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(name, &st), 0);
	return st.st_mode & 07777;
}

static void
the_mode_is_0600_whatever_the_umask(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	struct pst_listen listener;

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		mode_t old = umask(masks[i]);

		assert_int_equal(pst_listen_init(&listener, path, error, sizeof(error)), 0);
		assert_int_equal(umask(old), masks[i]);
		assert_int_equal(mode(path), 0600);
		pst_listen_fini(&listener);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static atomic_bool stop;
static atomic_uint looks;

/* Anything but 0600 that is ever seen there. */
static void *
watch(void *seen)
{
	struct stat st;

	while (!stop) {
		if (lstat(path, &st) == 0 && (st.st_mode & 0777) != 0600)
			*(mode_t *)seen = st.st_mode & 0777;
		looks++;
	}
	return NULL;
}

static void
nobody_ever_sees_it_wider(void **state)
{
	struct pst_listen listener;
	mode_t seen = 0600, old = umask(0);
	pthread_t watcher;

	(void)state;
	stop = false;
	looks = 0;
	assert_int_equal(pthread_create(&watcher, NULL, watch, &seen), 0);
	for (int i = 0; i < 1000 || looks < 1000; i++) {
		assert_int_equal(pst_listen_init(&listener, path, error, sizeof(error)), 0);
		pst_listen_fini(&listener);
	}
	stop = true;
	pthread_join(watcher, NULL);
	umask(old);
	assert_int_equal(seen, 0600);
}

static void
a_dead_socket_is_replaced(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct pst_listen listener;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(pst_listen_init(&listener, path, error, sizeof(error)), 0);
	assert_int_equal(mode(path), 0600);
	pst_listen_fini(&listener);
}

static void
a_live_socket_is_left_alone(void **state)
{
	struct pst_listen first, second;
	char wanted[128];

	(void)state;
	assert_int_equal(pst_listen_init(&first, path, error, sizeof(error)), 0);
	assert_int_equal(pst_listen_init(&second, path, error, sizeof(error)), -EADDRINUSE);
	snprintf(wanted, sizeof(wanted), "%s: another postern runs and answers on it", path);
	assert_string_equal(error, wanted);
	assert_int_equal(access(path, F_OK), 0);
	pst_listen_fini(&second);
	assert_int_equal(access(path, F_OK), 0);
	pst_listen_fini(&first);
}

static void
a_file_of_another_kind_is_left_alone(void **state)
{
	struct pst_listen listener;

	(void)state;
	close(open(path, O_CREAT | O_WRONLY, 0644));
	assert_int_equal(pst_listen_init(&listener, path, error, sizeof(error)), -EEXIST);
	assert_int_equal(mode(path), 0644);
	unlink(path);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(pst_listen_init(&listener, path, error, sizeof(error)), -EEXIST);
	unlink(path);
}

static void
another_s_socket_is_not_removed_at_the_end(void **state)
{
	struct pst_listen first, second;

	(void)state;
	assert_int_equal(pst_listen_init(&first, path, error, sizeof(error)), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(pst_listen_init(&second, path, error, sizeof(error)), 0);
	pst_listen_fini(&first);
	assert_int_equal(access(path, F_OK), 0);
	pst_listen_fini(&second);
}

static void
a_missing_folder_is_made(void **state)
{
	struct pst_listen listener;
	char sub[64], deep[128];

	(void)state;
	snprintf(sub, sizeof(sub), "%s/run", folder);
	snprintf(deep, sizeof(deep), "%s/control.sock", sub);
	assert_int_equal(pst_listen_init(&listener, deep, error, sizeof(error)), 0);
	assert_int_equal(mode(deep), 0600);
	pst_listen_fini(&listener);
	assert_int_equal(rmdir(sub), 0);
}

static void
a_path_that_cannot_be_is_refused(void **state)
{
	struct pst_listen listener;
	char name[200];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(pst_listen_init(&listener, name, error, sizeof(error)), -EINVAL);
	assert_int_equal(pst_listen_init(&listener, "", error, sizeof(error)), -EINVAL);
	snprintf(name, sizeof(name), "%s/a/b/c.sock", folder);
	assert_int_equal(pst_listen_init(&listener, name, error, sizeof(error)), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_mode_is_0600_whatever_the_umask),
		TEST(nobody_ever_sees_it_wider),
		TEST(a_dead_socket_is_replaced),
		TEST(a_live_socket_is_left_alone),
		TEST(a_file_of_another_kind_is_left_alone),
		TEST(another_s_socket_is_not_removed_at_the_end),
		TEST(a_missing_folder_is_made),
		TEST(a_path_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
