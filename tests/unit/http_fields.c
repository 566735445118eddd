#include "http/fields.h"
#include <criterion/criterion.h>

/* A message of the lines given, each without its CRLF; they must stay put. */
static struct message message_of(const char *text)
{
        struct message m = {.head = text, .head_len = (uint16_t)strlen(text)};
        for (const char *at = text; *at;) {
                size_t len = strcspn(at, "\r"), name = strcspn(at, ":");
                struct span value = span_trim((struct span){at + name + 1, len - name - 1});
                struct field f = {.line = (uint16_t)(at - text), .line_len = (uint16_t)len};
                f.name_len = (uint16_t)name;
                f.value = (uint16_t)(value.at - text);
                f.value_len = (uint16_t)value.len;
                f.id = field_identify((struct span){at, name});
                m.present |= 1ULL << f.id;
                m.fields[m.field_count++] = f;
                at += len + 2;
        }
        return m;
}

static const struct {
        const char *name;
        enum field_id id;
} identities[] = {
        {"Accept", FIELD_ACCEPT},
        {"ACCEPT-ENCODING", FIELD_ACCEPT_ENCODING},
        {"accept-language", FIELD_ACCEPT_LANGUAGE},
        {"Accept-Ranges", FIELD_ACCEPT_RANGES},
        {"Age", FIELD_AGE},
        {"Authorization", FIELD_AUTHORIZATION},
        {"Cache-Control", FIELD_CACHE_CONTROL},
        {"Cache-Status", FIELD_CACHE_STATUS},
        {"Connection", FIELD_CONNECTION},
        {"Content-Encoding", FIELD_CONTENT_ENCODING},
        {"Content-Length", FIELD_CONTENT_LENGTH},
        {"Content-Location", FIELD_CONTENT_LOCATION},
        {"Content-Range", FIELD_CONTENT_RANGE},
        {"Content-Type", FIELD_CONTENT_TYPE},
        {"Cookie", FIELD_COOKIE},
        {"Date", FIELD_DATE},
        {"ETag", FIELD_ETAG},
        {"Expect", FIELD_EXPECT},
        {"Expires", FIELD_EXPIRES},
        {"Forwarded", FIELD_FORWARDED},
        {"hOST", FIELD_HOST},
        {"If-Match", FIELD_IF_MATCH},
        {"If-Modified-Since", FIELD_IF_MODIFIED_SINCE},
        {"If-None-Match", FIELD_IF_NONE_MATCH},
        {"If-Range", FIELD_IF_RANGE},
        {"If-Unmodified-Since", FIELD_IF_UNMODIFIED_SINCE},
        {"Keep-Alive", FIELD_KEEP_ALIVE},
        {"Last-Modified", FIELD_LAST_MODIFIED},
        {"Location", FIELD_LOCATION},
        {"Max-Forwards", FIELD_MAX_FORWARDS},
        {"Pragma", FIELD_PRAGMA},
        {"Proxy-Authenticate", FIELD_PROXY_AUTHENTICATE},
        {"Proxy-Authentication-Info", FIELD_PROXY_AUTHENTICATION_INFO},
        {"Proxy-Authorization", FIELD_PROXY_AUTHORIZATION},
        {"Proxy-Connection", FIELD_PROXY_CONNECTION},
        {"Range", FIELD_RANGE},
        {"Referer", FIELD_REFERER},
        {"Set-Cookie", FIELD_SET_COOKIE},
        {"TE", FIELD_TE},
        {"Trailer", FIELD_TRAILER},
        {"Transfer-Encoding", FIELD_TRANSFER_ENCODING},
        {"Upgrade", FIELD_UPGRADE},
        {"User-Agent", FIELD_USER_AGENT},
        {"Vary", FIELD_VARY},
        {"Via", FIELD_VIA},
        {"WWW-Authenticate", FIELD_WWW_AUTHENTICATE},
        {"X-Forwarded-For", FIELD_X_FORWARDED},
        {"X-Forwarded", FIELD_X_FORWARDED},
        {"X_Forwarded_Host", FIELD_X_FORWARDED},
        {"X-Host", FIELD_X_FORWARDED},
        {"X-Original-Host", FIELD_X_FORWARDED},
        {"X_Original_URL", FIELD_X_FORWARDED},
        {"X-HTTP-Host-Override", FIELD_X_FORWARDED},
        {"X-HTTP-Method", FIELD_X_FORWARDED},
        {"X-Method-Override", FIELD_X_FORWARDED},
        {"X-Scheme", FIELD_X_FORWARDED},
        {"X-URL-Scheme", FIELD_X_FORWARDED},
        {"x-forwarded-a-name-longer-than-all-the-others", FIELD_X_FORWARDED},
        {"X-HTTP-Method-Override", FIELD_X_HTTP_METHOD_OVERRIDE},
        {"X-Original-URL", FIELD_X_ORIGINAL_URL},
        {"X-Rewrite-URL", FIELD_X_REWRITE_URL},
};

Test(fields, each_known_name_has_its_id_in_any_case)
{
        uint64_t seen = 1;
        for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
                struct span name = {identities[i].name, strlen(identities[i].name)};
                cr_assert_eq(field_identify(name), identities[i].id, "%s", identities[i].name);
                seen |= 1ULL << identities[i].id;
        }
        cr_assert_eq(seen, (1ULL << FIELD_IDS) - 1, "every id is reached");
}

Test(fields, unknown_names_are_other)
{
        static const char *const others[] = {"",
                                             "X",
                                             "Hosts",
                                             "Hos",
                                             "X-Forwarded-",
                                             "X-Forwarde",
                                             "Datf",
                                             "Cache-Controm",
                                             "a-name-that-is-longer-than-all-known-names",
                                             "keep\ralive",
                                             "\xc8ost"};
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
                cr_assert_eq(field_identify((struct span){others[i], strlen(others[i])}), FIELD_OTHER, "%s", others[i]);
}

Test(fields, next_walks_the_fields_of_one_id_in_order)
{
        struct message m = message_of("Via: a\r\nHost: h\r\nvia: b\r\n");
        const struct field *f = field_next(&m, FIELD_VIA, NULL);
        cr_assert(span_equal(field_value(&m, f), SPAN("a")));
        f = field_next(&m, FIELD_VIA, f);
        cr_assert(span_equal(field_value(&m, f), SPAN("b")));
        cr_assert_null(field_next(&m, FIELD_VIA, f));
        cr_assert_null(field_next(&m, FIELD_AGE, NULL));
}

Test(fields, next_named_finds_names_that_no_rule_knows)
{
        struct message m = message_of("X-One: 1\r\nHost: h\r\nx-one: 2\r\n");
        const struct field *f = field_next_named(&m, SPAN("X-ONE"), NULL);
        cr_assert_eq(f, &m.fields[0]);
        cr_assert_eq(field_next_named(&m, SPAN("X-ONE"), f), &m.fields[2]);
        cr_assert_null(field_next_named(&m, SPAN("X-ONE"), &m.fields[2]));
}

Test(fields, only_tells_none_from_one_from_several)
{
        struct message m = message_of("Via: a\r\nHost: h\r\nVia: b\r\n");
        struct span value = {NULL, 0};
        cr_assert_eq(field_only(&m, FIELD_AGE, &value), 0);
        cr_assert_eq(field_only(&m, FIELD_HOST, &value), 1);
        cr_assert(span_equal(value, SPAN("h")));
        cr_assert_eq(field_only(&m, FIELD_VIA, &value), 2);
        cr_assert(span_equal(value, SPAN("a")));
}

Test(fields, lists_are_split_at_commas_outside_quotes)
{
        struct span rest = SPAN(" a ,,\t\"b,c\\\",d\" ; x , , e,"), element;
        cr_assert(list_next(&rest, &element) && span_equal(element, SPAN("a")));
        cr_assert(list_next(&rest, &element) && span_equal(element, SPAN("\"b,c\\\",d\" ; x")));
        cr_assert(list_next(&rest, &element) && span_equal(element, SPAN("e")));
        cr_assert(!list_next(&rest, &element));
        cr_assert(!list_next(&rest, &element));
}

Test(fields, an_open_quote_reaches_to_the_end_of_the_list)
{
        struct span rest = SPAN("a, \"b, c\\"), element;
        cr_assert(list_next(&rest, &element) && span_equal(element, SPAN("a")));
        cr_assert(list_next(&rest, &element) && span_equal(element, SPAN("\"b, c\\")));
        cr_assert(!list_next(&rest, &element));
}

Test(fields, elements_run_through_all_fields_of_an_id)
{
        struct message m = message_of("Vary: a, b\r\nHost: h\r\nVary:\r\nVary: c\r\n");
        struct elements e = {.field = NULL};
        struct span element;
        for (const char *c = "abc"; *c; c++)
                cr_assert(elements_next(&m, FIELD_VARY, &e, &element) && element.len == 1 && *element.at == *c);
        cr_assert(!elements_next(&m, FIELD_VARY, &e, &element));
}

Test(fields, lists_compares_whole_elements_without_case)
{
        struct message m = message_of("Connection: keep-alive, UPGRADE\r\n");
        cr_assert(field_lists(&m, FIELD_CONNECTION, SPAN("upgrade")));
        cr_assert(!field_lists(&m, FIELD_CONNECTION, SPAN("keep")));
}

Test(fields, decimal_takes_digits_alone_and_saturates)
{
        cr_assert_eq(span_decimal(SPAN("0")), 0);
        cr_assert_eq(span_decimal(SPAN("007")), 7);
        cr_assert_eq(span_decimal(SPAN("9223372036854775806")), INT64_MAX - 1);
        cr_assert_eq(span_decimal(SPAN("9223372036854775807")), INT64_MAX);
        cr_assert_eq(span_decimal(SPAN("9223372036854775808")), INT64_MAX);
        cr_assert_eq(span_decimal(SPAN("99999999999999999999999999")), INT64_MAX);
        static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "0x1", "1.0", "1,1"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_assert_eq(span_decimal((struct span){bad[i], strlen(bad[i])}), -1, "%s", bad[i]);
}

Test(fields, trim_and_token)
{
        cr_assert(span_equal(span_trim(SPAN(" \t a b\t ")), SPAN("a b")));
        cr_assert_eq(span_trim(SPAN(" \t ")).len, 0);
        cr_assert_eq(span_trim(SPAN("\v")).len, 1);
        cr_assert(span_is_token(SPAN("a-b.c~")));
        cr_assert(!span_is_token(SPAN("")));
        cr_assert(!span_is_token(SPAN("a b")));
}
