/* cache/store_damage.c: whatever becomes of a store's file, the program that uses it ends once at the most, and goes on
 * with an empty store after that. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/sanitizer.h"
#include "store_made.h"

enum { SIZE = 1 << 20, PAGE = 4096, OBJECTS = 60, BODY = 6000, LARGE = 60000, SECONDS = 10, NOT_OPEN = 8, WRONG = 9 };

TestSuite(damage, .timeout = 220);

static const struct stored plain = {.status = 200, .lifetime = 5, .last_modified = -1, .stale_if_error = -1};
static const struct message request;

static void put_object(struct store *s, int n)
{
        static char body[LARGE];
        char url[32];
        size_t len = n % 10 == 0 ? LARGE : (size_t)(n % 3) * BODY / 2;
        struct key k;
        struct put p = {.id = store_next_id(s), .key = &k, .stored = &plain, .length = len};

        snprintf(url, sizeof url, "http://a%d:80/", n);
        k = key_of_url(url);
        memset(body, n, sizeof body);
        if (len > INLINE_MAX)
                store_put_slice(s, p.id, 0, body, len, NULL, NULL);
        else
                p.body = (struct span){body, len};
        store_put_response(s, &p);
}

/* Only what was put may be found. */
static void find_objects(struct store *s)
{
        struct reader *r;

        if (reader_open(&r, s) != 0 || reader_begin(r) != 0)
                return;
        for (int n = 0; n < OBJECTS; n++) {
                char url[32];
                struct key k;
                struct found f;

                snprintf(url, sizeof url, "http://a%d:80/", n);
                k = key_of_url(url);
                if (reader_find(r, &k, &request, true, &f) != FIND_HIT || !f.inlined)
                        continue;
                for (size_t i = 0; i < f.body.len; i++)
                        if (f.body.at[i] != (char)n)
                                _exit(WRONG);
        }
        reader_end(r);
        reader_close(&r);
}

static void tell_nothing(void *context, const struct listed *l)
{
        (void)context;
        (void)l;
}

static void died(void)
{
        if (store)
                store_died(store);
}

/* As the program does (proxy/main.c). */
static void on_death(int sign, siginfo_t *info, void *context)
{
        uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1);

        (void)context;
        if (sign == SIGBUS && store && store_sigbus(store, info->si_addr)) {
                mmap((void *)page, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
                return;
        }
        died();
        signal(sign, SIG_DFL);
}

static void open_damaged(void)
{
        struct store_options o = {.path = path, .size = SIZE, .prefaults = 1};

        if (store_open(&store, &o, message) != 0)
                _exit(NOT_OPEN);
}

/* What a sanitizer ends would have died a moment later. */
static void watch_sanitizer(void)
{
#if SANITIZER
        void __sanitizer_set_death_callback(void (*)(void));

        __sanitizer_set_death_callback(died);
#endif
}

/* What a day does to a store, in a process that may die of it. Closing it waits for what is queued; store_sync would
 * wait for a purge in a store that is out of use. */
static void use(void)
{
        static const int deaths[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL};
        struct sigaction action = {.sa_sigaction = on_death, .sa_flags = SA_SIGINFO};
        char host[] = "a7";

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++)
                sigaction(deaths[i], &action, NULL);
        watch_sanitizer();
        alarm(SECONDS);
        if (!freopen("/dev/null", "w", stderr))
                _exit(NOT_OPEN);
        open_damaged();
        find_objects(store);
        store_list(store, SPAN("http://a3:80/"), tell_nothing, NULL);
        for (int n = 0; n < OBJECTS; n++)
                put_object(store, n);
        store_purge(store, PURGE_HOST, (struct span){host, 2}, NULL, NULL);
        store_close(&store);
        open_damaged();
        find_objects(store);
        store_purge(store, PURGE_ALL, SPAN(""), NULL, NULL);
        store_close(&store);
        _exit(0);
}

/* How it ended: 0 well, else what wait(2) says. */
static int end_of_use(void)
{
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
                use();
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        return status;
}

/* ---- damage --------------------------------------------------------------------------------------------------------
 */

static void zero(char *page)
{
        memset(page, 0, PAGE);
}

static void ones(char *page)
{
        memset(page, 0xff, PAGE);
}

static void number(char *page)
{
        page[1] ^= 0x55;
}

static void flags(char *page)
{
        page[10] ^= 3;
}

static void bounds(char *page)
{
        page[12] ^= 0x7e;
        page[14] ^= 0x7e;
        page[15] ^= 0xf;
}

static void nodes(char *page)
{
        for (int i = 16; i < 64; i += 2)
                page[i] ^= 0x7e;
}

static void children(char *page)
{
        for (int i = PAGE / 2; i < PAGE; i++)
                page[i] ^= 0x11;
}

static const struct {
        const char *name;
        void (*change)(char *page);
} damages[] = {{"zero", zero},     {"ones", ones},   {"number", number},    {"flags", flags},
               {"bounds", bounds}, {"nodes", nodes}, {"children", children}};
enum { DAMAGES = sizeof damages / sizeof damages[0] };

/* The store's file, sound, in memory. It lies in memory as well: thousands of stores are opened and closed, each within
 * its SECONDS, and no disk is to have a say in that. */
static char *make_file(size_t *len)
{
        char file[80], *bytes;
        struct stat st;
        int fd;

        make_store_in("/dev/shm", SIZE);
        for (int n = 0; n < OBJECTS; n++) {
                put_object(store, n);
                if (n % 7 == 0)
                        store_sync(store);
        }
        close_store();
        snprintf(file, sizeof file, "%s/data.mdb", path);
        fd = open(file, O_RDONLY);
        cr_assert_eq(fstat(fd, &st), 0);
        *len = (size_t)st.st_size;
        bytes = malloc(*len);
        cr_assert_eq(read(fd, bytes, *len), st.st_size);
        close(fd);
        return bytes;
}

/* With nothing beside it. */
static void write_file(const char *bytes, size_t len)
{
        static const char *const beside[] = {"data.mdb", "lock.mdb", "damaged", "data.mdb.aside-1", "data.mdb.aside-2"};
        int directory = open(path, O_RDONLY | O_DIRECTORY), fd;

        for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++)
                unlinkat(directory, beside[i], 0);
        fd = openat(directory, "data.mdb", O_WRONLY | O_CREAT | O_EXCL, 0600);
        cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
        close(fd);
        close(directory);
}

/* Pages of the trees in each way; those of bodies, which nobody but a checksum looks into, in one. */
static bool is_asked(const char *page, size_t number, size_t damage)
{
        return (page[10] & 4) == 0 || number % DAMAGES == damage;
}

Test(damage, ends_the_program_once_at_the_most)
{
#ifdef __SANITIZE_THREAD__
        cr_skip_test("a copy of nearly 2^64 bytes, which LMDB tries, is looked at byte by byte there");
#endif
        size_t len, deaths = 0;
        char *sound = make_file(&len), *bad = malloc(len);

        for (size_t at = 0; at < len; at += PAGE)
                for (size_t d = 0; d < DAMAGES; d++) {
                        int first;

                        if (!is_asked(sound + at, at / PAGE, d))
                                continue;
                        memcpy(bad, sound, len);
                        damages[d].change(bad + at);
                        write_file(bad, len);
                        first = end_of_use();
                        deaths += first != 0;
                        if (first)
                                cr_expect_eq(end_of_use(), 0, "%s of page %zu: %x, and again", damages[d].name,
                                             at / PAGE, first);
                }
        cr_expect_gt(deaths, 0, "of some of them it dies");
        free(bad);
        free(sound);
        open_store(SIZE);
        remove_store();
}
