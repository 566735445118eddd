/* http/reference.c: references resolve as RFC 3986 §5.4 has it, and lead to no other origin. */
#include <criterion/criterion.h>

#include "http/reference.h"

static const struct authority base = {{"a", 1}, 80};

static void leads(const char *reference, const char *expected)
{
        char text[256];
        struct out o = {.at = text, .cap = sizeof text - 1};
        bool same = reference_resolve(&o, &base, SPAN("/b/c/d;p?q"), (struct span){reference, strlen(reference)});

        text[o.len] = 0;
        cr_expect_eq(same, expected != NULL, "%s", reference);
        if (same && expected)
                cr_expect_str_eq(text, expected, "%s", reference);
}

/* RFC 3986 §5.4.1 */
Test(reference, normal_examples)
{
        leads("g", "/b/c/g");
        leads("./g", "/b/c/g");
        leads("g/", "/b/c/g/");
        leads("/g", "/g");
        leads("?y", "/b/c/d;p?y");
        leads("g?y", "/b/c/g?y");
        leads("#s", "/b/c/d;p?q");
        leads("g#s", "/b/c/g");
        leads("g?y#s", "/b/c/g?y");
        leads(";x", "/b/c/;x");
        leads("", "/b/c/d;p?q");
        leads(".", "/b/c/");
        leads("./", "/b/c/");
        leads("..", "/b/");
        leads("../", "/b/");
        leads("../g", "/b/g");
        leads("../..", "/");
        leads("../../", "/");
        leads("../../g", "/g");
}

/* §5.4.2 */
Test(reference, abnormal_examples)
{
        leads("../../../g", "/g");
        leads("../../../../g", "/g");
        leads("/./g", "/g");
        leads("/../g", "/g");
        leads("g.", "/b/c/g.");
        leads("..g", "/b/c/..g");
        leads("./../g", "/b/g");
        leads("./g/.", "/b/c/g/");
        leads("g/./h", "/b/c/g/h");
        leads("g/../h", "/b/c/h");
        leads("g;x=1/../y", "/b/c/y");
        leads("g?y/../x", "/b/c/g?y/../x");
}

Test(reference, the_same_origin_in_full)
{
        leads("http://a/x", "/x");
        leads("HTTP://A:80/x?y#z", "/x?y");
        leads("http://a", "/");
        leads("http://a?y", "/?y");
        leads("//a/x", "/x");
        leads("//a", "/");
}

Test(reference, another_origin_is_refused)
{
        leads("http://b/x", NULL);
        leads("http://a:8080/x", NULL);
        leads("https://a/x", NULL);
        leads("//b/x", NULL);
        leads("http://u@a/x", NULL);
        leads("http:///x", NULL);
        leads("http://a b/x", NULL);
        leads("/a b", NULL);
        leads("/a\x01", NULL);
}

Test(reference, what_does_not_fit_is_refused)
{
        char text[4];
        struct out o = {.at = text, .cap = sizeof text};

        cr_assert_not(reference_resolve(&o, &base, SPAN("/"), SPAN("/12345")));
        cr_assert_not(reference_resolve(&o, &base, SPAN("/"), SPAN("12345")));
}
