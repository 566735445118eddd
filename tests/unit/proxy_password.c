/* RFC 7617 over crypt(3): who is let in, who is not, and how often one may try. */
#include "proxy/password.h"

#include <criterion/criterion.h>
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/limpid-password-XXXXXX";
static struct passwords *p;
static unsigned line;

static void write_file(const char *text)
{
        int fd = mkstemp(path);

        cr_assert(fd >= 0);
        cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
}

static int read_file(const char *text)
{
        write_file(text);
        return passwords_read(&p, path, &line);
}

/* Ann's password is "sesame", Bob's is "a:b", Carl's account is locked. */
static void open_file(void)
{
        struct crypt_data data = {0};
        char text[1024], ann[CRYPT_OUTPUT_SIZE], bob[CRYPT_OUTPUT_SIZE];

        snprintf(ann, sizeof ann, "%s", crypt_r("sesame", "$5$rounds=1000$salt", &data));
        snprintf(bob, sizeof bob, "%s", crypt_r("a:b", "$6$rounds=1000$pepper", &data));
        snprintf(text, sizeof text, "# the page\n\nann:%s\r\nbob:%s\ncarl:*\n", ann, bob);
        cr_assert_eq(read_file(text), 0);
}

static void close_file(void)
{
        passwords_free(&p);
        passwords_free(&p);
        unlink(path);
}

TestSuite(password, .init = open_file, .fini = close_file);
TestSuite(password_file, .fini = close_file);

#define ANN "Basic YW5uOnNlc2FtZQ==" /* ann:sesame */

Test(password, the_right_one)
{
        cr_expect_eq(passwords_check(p, ANN, 0), PASSWORD_RIGHT);
        cr_expect_eq(passwords_check(p, "basic YW5uOnNlc2FtZQ==", 0), PASSWORD_RIGHT);
        cr_expect_eq(passwords_check(p, "Basic YW5uOnNlc2FtZQ", 0), PASSWORD_RIGHT);
}

Test(password, may_hold_a_colon)
{
        cr_expect_eq(passwords_check(p, "Basic Ym9iOmE6Yg==", 0), PASSWORD_RIGHT); /* bob:a:b */
}

Test(password, wrong_ones)
{
        static const char *const table[] = {
                "Basic YW5uOnNlc2FtYQ==",     /* ann:sesama */
                "Basic YW5uOg==",             /* ann: */
                "Basic YW5u",                 /* ann */
                "Basic Ym9iOnNlc2FtZQ==",     /* bob:sesame */
                "Basic ZGF2ZTpzZXNhbWU=",     /* dave:sesame */
                "Basic Y2FybDoq",             /* carl:* */
                "Basic YW5uOnNlc2FtZQAx",     /* ann:sesame, zero, 1 */
                "Basic YW5uOnNlc2FtZQ==x",    /* no base64 */
                "Basic YW5u\x01OnNlc2FtZQ==", /* neither */
                "Basic ",
                "Bearer YW5uOnNlc2FtZQ==",
                "",
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                cr_expect_eq(passwords_check(p, table[i], (int64_t)i * 1000), PASSWORD_WRONG, "%s", table[i]);
        cr_expect_eq(passwords_check(p, NULL, 0), PASSWORD_WRONG);
}

Test(password, one_that_does_not_fit_is_wrong)
{
        char text[5000];

        memset(text, 'A', sizeof text);
        memcpy(text, "Basic ", 6);
        text[sizeof text - 1] = '\0';
        cr_expect_eq(passwords_check(p, text, 0), PASSWORD_WRONG);
        text[1000] = '\0';
        cr_expect_eq(passwords_check(p, text, 0), PASSWORD_WRONG);
}

Test(password, guessing_is_slow_and_stops_nobody_who_is_in)
{
        cr_expect_eq(passwords_check(p, ANN, 0), PASSWORD_RIGHT);
        for (int i = 0; i < 4; i++)
                cr_expect_eq(passwords_check(p, "Basic YW5uOnNlc2FtYQ==", 5000 + i), PASSWORD_WRONG);
        cr_expect_eq(passwords_check(p, "Basic YW5uOnNlc2FtYQ==", 5100), PASSWORD_LATER);
        cr_expect_eq(passwords_check(p, "Basic Ym9iOmE6Yg==", 5100), PASSWORD_LATER);
        cr_expect_eq(passwords_check(p, ANN, 5100), PASSWORD_RIGHT);
        cr_expect_eq(passwords_check(p, "Basic Ym9iOmE6Yg==", 6000), PASSWORD_RIGHT);
}

Test(password_file, that_is_not_there)
{
        cr_expect_eq(passwords_read(&p, "/nonexistent/file", &line), ENOENT);
        cr_expect_null(p);
}

Test(password_file, names_the_line_that_is_wrong)
{
        cr_expect_eq(read_file("ann:x\n# fine\nbob\n"), EINVAL);
        cr_expect_eq(line, 3);
        cr_expect_null(p);
}

Test(password_file, a_user_has_a_name_and_a_hash)
{
        cr_expect_eq(read_file(":x\n"), EINVAL);
        cr_expect_eq(line, 1);
}

Test(password_file, an_empty_hash_is_no_open_door)
{
        cr_expect_eq(read_file("ann:\n"), EINVAL);
        cr_expect_eq(line, 1);
}

Test(password_file, must_have_a_user)
{
        cr_expect_eq(read_file("# nobody\n\n"), EINVAL);
        cr_expect_eq(line, 0);
}
