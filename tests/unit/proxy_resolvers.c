/* proxy/resolvers.c: who is believed. */
#include "proxy/resolvers.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char path[] = "/tmp/limpid-resolvers-XXXXXX";
static struct resolvers trusted;

static void read_text(const char *text)
{
        static const struct config config;
        int fd = mkstemp(path);
        FILE *f = fdopen(fd, "w");

        fputs(text, f);
        fclose(f);
        resolvers_read(&trusted, &config, path);
        unlink(path);
}

static bool has(const char *text)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_port = htons(53)}};

        if (inet_pton(AF_INET, text, &a.in.sin_addr) != 1) {
                a = (union address){.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)}};
                cr_assert_eq(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
        }
        return resolvers_have(&trusted, &a);
}

Test(resolvers, those_of_resolv_conf)
{
        read_text("# nameserver 192.0.2.9\nsearch example\n nameserver 192.0.2.1\nnameserver\t2001:db8::1%eth0 \n"
                  "nameservers 192.0.2.8\nnameserver\nnameserver nonsense\nnameserver 192.0.2.2");
        cr_assert_eq(trusted.count, 3);
        cr_assert(has("192.0.2.1") && has("2001:db8::1") && has("192.0.2.2"));
        cr_assert_not(has("192.0.2.9") || has("192.0.2.8") || has("::"));
}

Test(resolvers, those_of_the_configuration_alone_where_it_names_some)
{
        static const char *const named[] = {"192.0.2.53", "2001:db8::53"};
        struct config config = {.dns = {.trusted_resolvers = named, .trusted_resolver_count = 2}};

        resolvers_read(&trusted, &config, "/etc/resolv.conf");
        cr_assert_eq(trusted.count, 2);
        cr_assert(has("192.0.2.53") && has("2001:db8::53"));
}

Test(resolvers, more_than_there_is_room_for_are_left_out)
{
        char text[4096] = "";

        for (int i = 0; i < 100; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "nameserver 192.0.2.%d\n", i);
        read_text(text);
        cr_assert_eq(trusted.count, RESOLVERS_MAX);
}

static void rewrite(const char *name, const char *text)
{
        FILE *f = fopen(name, "w");

        fputs(text, f);
        fclose(f);
}

static bool reread(const char *name)
{
        static int64_t now;

        return resolvers_reread(&trusted, name, ++now);
}

Test(resolvers, a_change_of_the_file_is_followed)
{
        static const struct config config;
        char name[] = "/tmp/limpid-resolvers-XXXXXX", other[sizeof name + 4];

        close(mkstemp(name));
        snprintf(other, sizeof other, "%s.new", name);
        rewrite(name, "nameserver 192.0.2.1\n");
        resolvers_read(&trusted, &config, name);
        cr_assert_not(reread(name));
        rewrite(name, "nameserver 192.0.2.22\n");
        cr_assert(reread(name) && has("192.0.2.22") && !has("192.0.2.1"), "written again");
        rewrite(other, "nameserver 2001:db8::1\n");
        cr_assert_eq(rename(other, name), 0);
        cr_assert(reread(name) && has("2001:db8::1") && trusted.count == 1, "another in its place");
        cr_assert_not(reread(name));
        rewrite(name, "");
        cr_assert(!reread(name) && has("2001:db8::1"), "it names nobody");
        unlink(name);
        cr_assert(!reread(name) && has("2001:db8::1"), "it is gone");
        rewrite(name, "nameserver 192.0.2.3\n");
        cr_assert(reread(name) && has("192.0.2.3"));
        unlink(name);
}

Test(resolvers, the_file_is_looked_at_once_a_second)
{
        static const struct config config;
        char name[] = "/tmp/limpid-resolvers-XXXXXX";

        close(mkstemp(name));
        rewrite(name, "nameserver 192.0.2.1\n");
        resolvers_read(&trusted, &config, name);
        cr_assert_not(resolvers_reread(&trusted, name, 7));
        rewrite(name, "nameserver 192.0.2.22\n");
        cr_assert_not(resolvers_reread(&trusted, name, 7));
        cr_assert(resolvers_reread(&trusted, name, 8));
        unlink(name);
}

Test(resolvers, no_file_no_trust)
{
        static const struct config config;

        resolvers_read(&trusted, &config, "/nonexistent/resolv.conf");
        cr_assert_eq(trusted.count, 0);
}

/* ---- another file in its place while it is read: a pipe holds up whoever opens it ----------------------------------
 */

static _Atomic pid_t reader;

static void *read_it(void *file)
{
        static const struct config config;

        reader = gettid();
        resolvers_read(&trusted, &config, file);
        return NULL;
}

/* proc(5): the number of the call that a thread is in. */
static bool is_opening(void)
{
        char file[64], line[64] = "";
        FILE *f;

        snprintf(file, sizeof file, "/proc/self/task/%d/syscall", reader);
        f = reader ? fopen(file, "re") : NULL;
        if (!f)
                return false;
        (void)!fgets(line, sizeof line, f);
        fclose(f);
        return strtol(line, NULL, 10) == SYS_openat && line[0] != 'r';
}

static void put(const char *name, const char *text)
{
        FILE *f = fopen(name, "we");

        cr_assert_not_null(f);
        fputs(text, f);
        fclose(f);
}

Test(resolvers, a_file_that_is_replaced_while_the_old_one_is_read, .timeout = 60)
{
        char folder[] = "/tmp/limpid-resolvers-XXXXXX", file[64], same[64], fresh[64];
        pthread_t thread;

        cr_assert_not_null(mkdtemp(folder));
        snprintf(file, sizeof file, "%s/resolv.conf", folder);
        snprintf(same, sizeof same, "%s/same", folder);
        snprintf(fresh, sizeof fresh, "%s/fresh", folder);
        cr_assert_eq(mkfifo(file, 0600) | link(file, same), 0);
        put(fresh, "nameserver 192.0.2.2\n");
        cr_assert_eq(pthread_create(&thread, NULL, read_it, file), 0);
        while (!is_opening())
                sched_yield();
        cr_assert_eq(rename(fresh, file), 0);
        put(same, "nameserver 192.0.2.1\n");
        pthread_join(thread, NULL);
        cr_expect(has("192.0.2.1"));
        cr_expect(resolvers_reread(&trusted, file, 1), "it is another one than was read");
        cr_expect(has("192.0.2.2"));
        unlink(file);
        unlink(same);
        rmdir(folder);
}
