/* SPDX-License-Identifier: BSD-3-Clause */
/* Installed filters and registered protocols (API section 6). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "postern.h"

static const struct pst_guid ids[] = { { { 1 } }, { { 2 } }, { { 3 } }, { { 0 } } };
static const struct pst_primary ftp = { PST_TCP, 21 };

static void
a_filter_is_installed_once(void **state)
{
	struct pst_admin *admin = pst_admin_create();
	struct pst_filter_info info = { .id = ids[0], .name = "one" };

	(void)state;
	assert_int_equal(pst_admin_install_filter(admin, &info), 0);
	assert_int_equal(pst_admin_install_filter(admin, &info), -EEXIST);
	info.id = ids[1];
	assert_int_equal(pst_admin_install_filter(admin, &info), -EEXIST); /* its name */
	info.name = "two";
	assert_int_equal(pst_admin_install_filter(admin, &info), 1);
	info.id = ids[3];
	info.name = "none";
	assert_int_equal(pst_admin_install_filter(admin, &info), -EINVAL);
	assert_string_equal(pst_admin_filter_at(admin, 1)->name, "two");
	assert_null(pst_admin_filter_at(admin, 2));
	pst_admin_destroy(admin);
}

static void
a_protocol_is_of_an_installed_filter(void **state)
{
	struct pst_admin *admin = pst_admin_create();
	struct pst_filter_info info = { .id = ids[0], .name = "one" };

	(void)state;
	assert_int_equal(
		pst_admin_register_protocol(admin, &ids[0], &ids[1], "p", NULL, &ftp, 1), -ENOENT);
	pst_admin_install_filter(admin, &info);
	assert_int_equal(
		pst_admin_register_protocol(admin, &ids[0], &ids[1], "p", NULL, &ftp, 1), 0);
	assert_int_equal(
		pst_admin_register_protocol(admin, &ids[0], &ids[1], "q", NULL, &ftp, 1), -EEXIST);
	assert_int_equal(
		pst_admin_register_protocol(admin, NULL, &ids[2], "p", NULL, NULL, 0), -EEXIST);
	assert_int_equal(pst_admin_primary(admin, PST_TCP, 21), 0);
	assert_int_equal(pst_admin_primary(admin, PST_UDP, 21), -1);
	/* of two protocols with one port the later one has it */
	assert_int_equal(pst_admin_register_protocol(admin, NULL, &ids[2], "q", NULL, &ftp, 1), 1);
	assert_int_equal(pst_admin_primary(admin, PST_TCP, 21), 1);
	assert_int_equal(pst_admin_uninstall_filter(admin, &ids[0]), 0);
	assert_null(pst_admin_protocol(admin, &ids[1]));
	assert_non_null(pst_admin_protocol(admin, &ids[2]));
	assert_int_equal(pst_admin_unregister_protocol(admin, &ids[2]), 0);
	assert_int_equal(pst_admin_unregister_protocol(admin, &ids[2]), -ENOENT);
	assert_int_equal(pst_admin_uninstall_filter(admin, &ids[0]), -ENOENT);
	pst_admin_destroy(admin);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	static const struct pst_primary bad[] = { { PST_TCP, 0 }, { PST_ICMP, 7 } };
	struct pst_admin *admin = pst_admin_create();
	char name[PST_ADMIN_NAME_MAX + 1];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			pst_admin_register_protocol(admin, NULL, &ids[0], "p", NULL, &bad[i], 1),
			-EINVAL);
	assert_int_equal(
		pst_admin_register_protocol(admin, NULL, &ids[0], "", NULL, NULL, 0), -EINVAL);
	assert_int_equal(
		pst_admin_register_protocol(admin, NULL, &ids[3], "p", NULL, NULL, 0), -EINVAL);
	snprintf(name, sizeof(name), "%0*d", PST_ADMIN_NAME_MAX, 0);
	assert_int_equal(
		pst_admin_register_protocol(admin, NULL, &ids[0], name, NULL, NULL, 0), -EINVAL);
	for (int i = 0; i < PST_ADMIN_PROTOCOLS; i++) {
		struct pst_guid id = { { 9, i } };

		snprintf(name, sizeof(name), "p%d", i);
		assert_int_equal(
			pst_admin_register_protocol(admin, NULL, &id, name, NULL, NULL, 0), i);
	}
	assert_int_equal(
		pst_admin_register_protocol(admin, NULL, &ids[0], "p", NULL, NULL, 0), -ENOSPC);
	pst_admin_destroy(admin);
}

static void
a_protocol_may_ask_for_its_place(void **state)
{
	struct pst_admin *admin = pst_admin_create();

	(void)state;
	assert_int_equal(
		pst_admin_register_protocol_at(admin, 5, NULL, &ids[0], "p", NULL, &ftp, 1), 5);
	assert_int_equal(
		pst_admin_register_protocol_at(admin, 5, NULL, &ids[1], "q", NULL, NULL, 0),
		-EEXIST);
	assert_int_equal(
		pst_admin_register_protocol_at(admin, 6, NULL, &ids[0], "q", NULL, NULL, 0),
		-EEXIST);
	assert_int_equal(pst_admin_register_protocol_at(
				 admin, PST_ADMIN_PROTOCOLS, NULL, &ids[1], "q", NULL, NULL, 0),
		-EINVAL);
	assert_int_equal(pst_admin_register_protocol(admin, NULL, &ids[1], "q", NULL, NULL, 0), 0);
	assert_string_equal(pst_admin_protocol_at(admin, 5)->name, "p");
	assert_int_equal(pst_admin_primary(admin, PST_TCP, 21), 5);
	pst_admin_destroy(admin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_is_installed_once),
		cmocka_unit_test(a_protocol_is_of_an_installed_filter),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_protocol_may_ask_for_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
