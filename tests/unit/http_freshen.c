/* http/freshen.c: what a 304 makes of a stored response. */
#include "http/storing.h"
#include "http_heads.h"

#define DATE      "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define TAG       "ETag: \"a\"\r\n"
#define CC(value) "Cache-Control: " value "\r\n"
#define COOKIE    "Set-Cookie: a=b\r\n"
enum { DATED = 784111777 };

static struct message request;
static char text[4096];

static bool freshen(struct span not_modified, size_t cap, struct stored *updated)
{
        struct message m;
        struct out o = {.at = text, .cap = cap};
        cr_assert_eq(parse_request(&request, SPAN(GET END)).kind, FAULT_NONE);
        cr_assert_eq(parse_response(&m, not_modified, METHOD_GET).kind, FAULT_NONE);
        struct stored old = {.status = 203,
                             .reason = SPAN("Fine"),
                             .flags = STORED_COOKIE_STRIPPED,
                             .fields = SPAN(DATE TAG CC("max-age=9") "X-A: 1\r\nVary: a\r\nContent-Encoding: br\r\n")};
        return storing_freshen(&o, &old, &m, &request, DATED + 10, DATED + 11, FOR_STORE, updated);
}

#define FRESH "HTTP/1.1 304 N\r\nDate: Sun, 06 Nov 1994 08:49:47 GMT\r\n"

Test(freshen, a_304_replaces_what_it_brings_and_keeps_the_rest)
{
        struct stored new;
        cr_assert(freshen(SPAN(FRESH CC("max-age=50") "X-A: 2\r\nX-A: 3\r\nVary: A\r\nContent-Encoding: x\r\n"
                                                      "Content-Length: 7\r\nAge: 2\r\n" COOKIE END),
                          sizeof text, &new));
        cr_expect(span_equal(new.fields, SPAN(TAG "Content-Encoding: br\r\n"
                                                  "Date: Sun, 06 Nov 1994 08:49:47 GMT\r\n" CC(
                                                          "max-age=50") "X-A: 2\r\nX-A: 3\r\nVary: A\r\n")),
                  "%.*s", (int)new.fields.len, new.fields.at);
        cr_expect_eq(new.status, 203);
        cr_expect(span_equal(new.reason, SPAN("Fine")));
        cr_expect(span_equal(new.etag, SPAN("\"a\"")));
        cr_expect_eq(new.lifetime, 50);
        cr_expect_eq(new.age, 2);
        cr_expect_eq(new.date, DATED + 10);
        cr_expect_eq(new.response_time, DATED + 11);
        cr_expect(new.flags &STORED_COOKIE_STRIPPED);
}

Test(freshen, a_304_without_date_is_of_now)
{
        struct stored new;
        cr_assert(freshen(SPAN("HTTP/1.1 304 N\r\n" END), sizeof text, &new));
        cr_expect_eq(new.date, DATED + 11);
        cr_expect_eq(new.lifetime, 9);
}

Test(freshen, a_304_that_forbids_storing_is_used_once)
{
        struct stored new;
        cr_assert(freshen(SPAN(FRESH CC("no-store, max-age=9") END), sizeof text, &new));
        cr_expect(new.flags &STORED_NO_CACHE);
}

Test(freshen, freshening_says_where_it_does_not_fit)
{
        struct stored new;
        cr_expect_not(freshen(SPAN(FRESH END), 60, &new));
}

/* ---- which 304 speaks of what is stored ------------------------------------------------------------------------ */

#define OLD_DATE "Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT\r\n"

/* Whether what is stored with these validators, an hour after it was modified, is freshened by that 304. */
static bool about(const char *tag, bool dated, struct span not_modified)
{
        struct message m;
        struct stored new, old = {.status = 200,
                                  .reason = SPAN("OK"),
                                  .date = DATED,
                                  .etag = {tag, strlen(tag)},
                                  .last_modified = dated ? DATED - 3600 : -1,
                                  .fields = SPAN(DATE CC("max-age=9"))};
        struct out o = {.at = text, .cap = sizeof text};
        cr_assert_eq(parse_request(&request, SPAN(GET END)).kind, FAULT_NONE);
        cr_assert_eq(parse_response(&m, not_modified, METHOD_GET).kind, FAULT_NONE);
        return storing_freshen(&o, &old, &m, &request, DATED + 10, DATED + 11, FOR_STORE, &new);
}
#define ABOUT(tag, dated, fields) about(tag, dated, SPAN(FRESH fields END))

Test(freshen, a_304_with_a_strong_tag_is_about_that_one)
{
        cr_expect(ABOUT("\"a\"", true, TAG));
        cr_expect_not(ABOUT("\"b\"", true, TAG));
        cr_expect_not(ABOUT("\"b\"", true, TAG OLD_DATE));
        cr_expect_not(ABOUT("", false, TAG));
        cr_expect(ABOUT("", true, TAG OLD_DATE));
}

/* Some servers weaken the tag of what they compress, but not the tag of its 304. */
Test(freshen, a_304_that_has_lost_the_weakness_needs_a_strong_date)
{
        cr_expect_not(ABOUT("W/\"a\"", true, TAG));
        cr_expect(ABOUT("W/\"a\"", true, TAG OLD_DATE));
}

Test(freshen, a_304_with_a_weak_tag_is_about_what_corresponds)
{
        cr_expect(ABOUT("\"a\"", false, "ETag: W/\"a\"\r\n"));
        cr_expect(ABOUT("W/\"a\"", false, "ETag: W/\"a\"\r\n"));
        cr_expect_not(ABOUT("W/\"b\"", true, "ETag: W/\"a\"\r\n" OLD_DATE));
        cr_expect_not(ABOUT("", false, "ETag: W/\"a\"\r\n"));
        cr_expect(ABOUT("", true, "ETag: W/\"a\"\r\n" OLD_DATE));
}

Test(freshen, a_304_with_a_date_is_about_that_date)
{
        cr_expect(ABOUT("\"a\"", true, OLD_DATE));
        cr_expect_not(ABOUT("\"a\"", true, "Last-Modified: Sun, 06 Nov 1994 07:49:38 GMT\r\n"));
        cr_expect_not(ABOUT("\"a\"", false, OLD_DATE));
}

Test(freshen, a_304_without_validators_answers_what_was_asked)
{
        cr_expect(ABOUT("\"a\"", true, ""));
        cr_expect(ABOUT("", false, ""));
}

Test(freshen, a_304_with_another_vary_updates_nothing)
{
        struct stored new;
        cr_expect_not(freshen(SPAN(FRESH "Vary: b\r\n" END), sizeof text, &new));
        cr_expect_not(freshen(SPAN(FRESH "Vary: *\r\n" END), sizeof text, &new));
        cr_expect(freshen(SPAN(FRESH "Vary: A, a\r\n" END), sizeof text, &new));
}

/* ---- the updated fields ---------------------------------------------------------------------------------------- */

static struct stored updated;

static bool update(const char *fields, unsigned flags, struct span not_modified)
{
        struct message m;
        struct stored old = {.status = 200,
                             .reason = SPAN("OK"),
                             .flags = (uint16_t)flags,
                             .date = DATED,
                             .last_modified = -1,
                             .fields = {fields, strlen(fields)}};
        struct out o = {.at = text, .cap = sizeof text};
        cr_assert_eq(parse_request(&request, SPAN(GET END)).kind, FAULT_NONE);
        cr_assert_eq(parse_response(&m, not_modified, METHOD_GET).kind, FAULT_NONE);
        return storing_freshen(&o, &old, &m, &request, DATED + 10, DATED + 11, FOR_STORE, &updated);
}
#define NEW_DATE "Date: Sun, 06 Nov 1994 08:49:47 GMT\r\n"
#define UPDATE(was, flags_were, said, expected)                                                                        \
        do {                                                                                                           \
                cr_assert(update(was, flags_were, SPAN("HTTP/1.1 304 N\r\n" NEW_DATE said END)), said);                \
                cr_expect(span_equal(updated.fields, SPAN(expected)), "%.*s", (int)updated.fields.len,                 \
                          updated.fields.at);                                                                          \
        } while (0)

Test(freshen, a_new_max_age_counts_with_the_new_date)
{
        UPDATE(DATE CC("max-age=9") "Expires: 0\r\n", 0, "Expires: Sun, 06 Nov 1994 09:49:47 GMT\r\n",
               CC("max-age=9") NEW_DATE "Expires: Sun, 06 Nov 1994 09:49:47 GMT\r\n");
        cr_expect_eq(updated.lifetime, 9);
        UPDATE(DATE "Expires: 0\r\n", 0, "Expires: Sun, 06 Nov 1994 09:49:47 GMT\r\n",
               NEW_DATE "Expires: Sun, 06 Nov 1994 09:49:47 GMT\r\n");
        cr_expect_eq(updated.lifetime, 3600);
        cr_expect_eq(updated.date, DATED + 10);
        cr_expect_eq(updated.age, 0);
}

Test(freshen, fields_of_one_hop_update_nothing)
{
        UPDATE(DATE "X: 1\r\nY: 1\r\n", 0,
               "Connection: x\r\nX: 2\r\nY: 2\r\nKeep-Alive: 5\r\nContent-Range: bytes */5\r\n",
               "X: 1\r\n" NEW_DATE "Y: 2\r\n");
}

Test(freshen, what_the_new_directives_name_is_dropped)
{
        UPDATE(DATE "X: 1\r\nY: 1\r\n", 0, CC("private=\"x\"") "X: 2\r\n", "Y: 1\r\n" NEW_DATE CC("private=\"x\""));
        UPDATE(DATE CC("no-cache=\"x\"") "Y: 1\r\n", 0, "X: 2\r\n", CC("no-cache=\"x\"") "Y: 1\r\n" NEW_DATE);
}

Test(freshen, a_304s_cookie_is_stored_where_the_first_was)
{
        UPDATE(DATE, STORED_COOKIE_STRIPPED, COOKIE, NEW_DATE);
        cr_expect(updated.flags & STORED_COOKIE_STRIPPED);
        UPDATE(DATE, 0, COOKIE, NEW_DATE);
        cr_expect(updated.flags & STORED_COOKIE_STRIPPED);
        UPDATE(DATE CC("public"), 0, COOKIE, CC("public") NEW_DATE COOKIE);
        cr_expect_not(updated.flags & STORED_COOKIE_STRIPPED);
        UPDATE(DATE "Set-Cookie: old\r\nSet-Cookie: older\r\n", 0, COOKIE, NEW_DATE COOKIE);
        UPDATE(DATE "Set-Cookie: old\r\n", 0, "", "Set-Cookie: old\r\n" NEW_DATE);
}

Test(freshen, flags_follow_the_updated_directives)
{
        UPDATE(DATE CC("no-cache"), STORED_NO_CACHE | STORED_AUTHORIZED, CC("max-age=5, must-revalidate, immutable"),
               NEW_DATE CC("max-age=5, must-revalidate, immutable"));
        cr_expect_eq(updated.flags, STORED_MUST_REVALIDATE | STORED_IMMUTABLE | STORED_AUTHORIZED);
        UPDATE(DATE, 0, CC("private"), NEW_DATE CC("private"));
        cr_expect_eq(updated.flags, STORED_NO_CACHE);
        UPDATE(DATE, 0, CC("no-store, must-understand"), NEW_DATE CC("no-store, must-understand"));
        cr_expect_eq(updated.flags, 0);
}

Test(freshen, more_fields_than_fit_a_head_update_nothing)
{
        static char many[FIELDS_MAX * 8 + 1];
        for (unsigned i = 0; i < FIELDS_MAX; i++)
                sprintf(many + i * 8, "X%03u: \r\n", i);
        cr_expect_not(update(many, 0, SPAN("HTTP/1.1 304 N\r\nY: 1\r\n" END)));
        many[(FIELDS_MAX - 2) * 8] = '\0';
        cr_expect(update(many, 0, SPAN("HTTP/1.1 304 N\r\nY: 1\r\n" END)));
        cr_expect_not(update("X: 1\r", 0, SPAN("HTTP/1.1 304 N\r\n" END)));
        cr_expect_not(update("\r\n", 0, SPAN("HTTP/1.1 304 N\r\n" END)));
        cr_expect_not(update("X: 1", 0, SPAN("HTTP/1.1 304 N\r\n" END)));
        cr_expect(update("", 0, SPAN("HTTP/1.1 304 N\r\n" END)));
}

Test(freshen, the_reply_to_a_head_freshens_what_it_agrees_with)
{
        struct message m;
        struct stored old = {
                .status = 200, .etag = SPAN("\"a\""), .last_modified = DATED - 3600, .response_time = DATED};
        static const struct {
                struct span head;
                bool agrees;
        } replies[] = {
                {SPAN(OK TAG OLD_DATE "Content-Length: 5\r\n" END), true},
                {SPAN(OK END), true},
                {SPAN(OK TAG END), true},
                {SPAN(OK "ETag: \"b\"\r\n" END), false},
                {SPAN(OK "ETag: W/\"a\"\r\n" END), false},
                {SPAN(OK TAG "ETag: \"b\"\r\n" END), false},
                {SPAN(OK TAG "Last-Modified: x\r\n" END), false},
                {SPAN(OK TAG DATE "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n" END), false},
                {SPAN(OK TAG "Content-Length: 6\r\n" END), false},
        };
        for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
                cr_assert_eq(parse_response(&m, replies[i].head, METHOD_HEAD).kind, FAULT_NONE);
                cr_expect_eq(storing_head_agrees(&old, 5, &m), replies[i].agrees, "%zu", i);
        }
        old.status = 404;
        cr_assert_eq(parse_response(&m, SPAN(OK END), METHOD_HEAD).kind, FAULT_NONE);
        cr_expect_not(storing_head_agrees(&old, 5, &m), "it was not there, and now it is");
        cr_assert(update(DATE TAG CC("max-age=9"), 0, SPAN(OK NEW_DATE TAG CC("max-age=90") END)));
        cr_expect_eq(updated.lifetime, 90);
}

Test(freshen, the_client_gets_what_is_not_for_all)
{
        struct message m, asked;
        struct stored new;
        char bytes[1024];
        struct out o = {.at = bytes, .cap = sizeof bytes};
        struct stored old = {
                .status = 200, .last_modified = -1, .etag = SPAN("\"a\""), .fields = SPAN("ETag: \"a\"\r\n")};

        cr_assert_eq(parse_request(&asked, SPAN(GET END)).kind, FAULT_NONE);
        cr_assert_eq(parse_response(&m,
                                    SPAN("HTTP/1.1 304 N\r\nETag: \"a\"\r\nSet-Cookie: s=1\r\nX: 1\r\n"
                                         "Cache-Control: private=\"x\"\r\nConnection: y\r\nY: 1\r\n" END),
                                    METHOD_GET)
                             .kind,
                     FAULT_NONE);
        cr_assert(storing_freshen(&o, &old, &m, &asked, 1, 2, FOR_CLIENT, &new));
        cr_expect(memmem(new.fields.at, new.fields.len, "Set-Cookie: s=1\r\n", 17));
        cr_expect(memmem(new.fields.at, new.fields.len, "X: 1\r\n", 6));
        cr_expect_null(memmem(new.fields.at, new.fields.len, "Y: 1\r\n", 6));
        o.len = 0;
        cr_assert(storing_freshen(&o, &old, &m, &asked, 1, 2, FOR_STORE, &new));
        cr_expect_null(memmem(new.fields.at, new.fields.len, "Set-Cookie", 10));
        cr_expect_null(memmem(new.fields.at, new.fields.len, "X: 1\r\n", 6));
}

static bool may_update(struct span head, struct span reply)
{
        struct message asked, response;

        cr_assert_eq(parse_request(&asked, head).kind, FAULT_NONE);
        cr_assert_eq(parse_response(&response, reply, METHOD_GET).kind, FAULT_NONE);
        return storing_may_update(&asked, &response);
}

#define NEWS(fields) SPAN("HTTP/1.1 304 N\r\n" fields END)

Test(freshen, what_is_one_clients_own_updates_nothing)
{
        cr_expect(may_update(SPAN(GET END), NEWS("Cache-Control: max-age=9\r\n")));
        cr_expect_not(may_update(SPAN(GET END), NEWS("Cache-Control: private\r\n")));
        cr_expect_not(may_update(SPAN(GET END), NEWS("Cache-Control: no-store\r\n")));
        cr_expect_not(may_update(SPAN(GET "Cache-Control: no-store\r\n" END), NEWS("")));
        cr_expect_not(may_update(SPAN(GET "Authorization: Basic eDp5\r\n" END), NEWS("")));
        cr_expect(may_update(SPAN(GET "Authorization: Basic eDp5\r\n" END), NEWS("Cache-Control: public\r\n")));
}

static bool withdraws(struct span reply)
{
        struct message response;

        cr_assert_eq(parse_response(&response, reply, METHOD_GET).kind, FAULT_NONE);
        return storing_withdraws(&response);
}

Test(freshen, what_is_not_for_all_any_more)
{
        cr_expect(withdraws(NEWS("Cache-Control: private\r\n")));
        cr_expect(withdraws(NEWS("Cache-Control: no-store, max-age=9\r\n")));
        cr_expect_not(withdraws(NEWS("Cache-Control: no-store, must-understand\r\n")));
        cr_expect_not(withdraws(NEWS("Cache-Control: private=\"x\"\r\n")));
        cr_expect_not(withdraws(NEWS("Cache-Control: no-cache\r\n")));
        cr_expect_not(withdraws(NEWS("")));
}
