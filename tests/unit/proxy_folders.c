/* Directories are made with their owner; what is there already is nobody's business. */
#include "proxy/folders.h"

#include <criterion/criterion.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/limpid-folders-XXXXXX";
static char store_path[64], log_path[64], control_path[64];
static struct config_store store;
static struct config config;
static struct passwd owner;

static void set_up(void)
{
        const struct passwd *p = geteuid() ? getpwuid(geteuid()) : getpwnam("nobody");

        cr_assert_not_null(p);
        owner = *p;
        cr_assert_not_null(mkdtemp(top));
        snprintf(store_path, sizeof store_path, "%s/a/b/store/", top);
        snprintf(log_path, sizeof log_path, "%s/log/access.log", top);
        snprintf(control_path, sizeof control_path, "%s/run/control", top);
        store = (struct config_store){"main", store_path, 16 << 20};
        config = (struct config){.stores = &store, .store_count = 1, .user = geteuid() ? "" : "nobody"};
        config.log.access = log_path;
        config.admin.control = control_path;
}

static void tear_down(void)
{
        char command[128];

        snprintf(command, sizeof command, "rm -rf %s", top);
        cr_expect_eq(system(command), 0);
}

TestSuite(folders, .init = set_up, .fini = tear_down);

static void expect_folder(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
        char path[128];
        struct stat s;

        snprintf(path, sizeof path, "%s/%s", top, name);
        cr_assert_eq(stat(path, &s), 0, "%s", path);
        cr_expect(S_ISDIR(s.st_mode));
        cr_expect_eq(s.st_mode & 07777, mode, "%s: %o", name, s.st_mode);
        cr_expect_eq(s.st_uid, uid, "%s", name);
        cr_expect_eq(s.st_gid, gid, "%s", name);
}

Test(folders, each_has_its_owner_and_mode)
{
        folders_make(&config);
        expect_folder("a", 0755, geteuid(), getegid());
        expect_folder("a/b", 0755, geteuid(), getegid());
        expect_folder("a/b/store", 0750, owner.pw_uid, owner.pw_gid);
        expect_folder("log", 0750, owner.pw_uid, owner.pw_gid);
        expect_folder("run", 01775, geteuid(), owner.pw_gid);
        folders_make(&config);
        expect_folder("a/b/store", 0750, owner.pw_uid, owner.pw_gid);
}

Test(folders, what_exists_is_left_alone)
{
        char path[128];

        snprintf(path, sizeof path, "%s/log", top);
        cr_assert_eq(mkdir(path, 0700), 0);
        folders_make(&config);
        expect_folder("log", 0700, geteuid(), getegid());
}

Test(folders, none_is_wanted)
{
        config.store_count = 0;
        config.log.access = "";
        config.admin.control = "/control";
        folders_make(&config);
        cr_expect_eq(rmdir(top), 0, "nothing was made");
        cr_assert_eq(mkdir(top, 0700), 0);
}

/* Said, and survived; the next one is made nevertheless. */
Test(folders, one_that_cannot_be_made)
{
        char path[128];
        FILE *f;

        snprintf(path, sizeof path, "%s/a", top);
        f = fopen(path, "w");
        cr_assert_not_null(f);
        fclose(f);
        folders_make(&config);
        expect_folder("log", 0750, owner.pw_uid, owner.pw_gid);
}

Test(folders, what_is_not_there_is_noticed)
{
        cr_expect_not(folders_there(&config));
        folders_make(&config);
        cr_expect(folders_there(&config));
        cr_expect_eq(rmdir(store_path), 0);
        cr_expect_not(folders_there(&config));
        config.store_count = 0;
        cr_expect(folders_there(&config));
        config.log.access = config.admin.control = ""; /* none is wanted */
        cr_expect(folders_there(&config));
}
