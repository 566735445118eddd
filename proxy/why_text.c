/* An answer of why.h, for people: the URL, what the request would meet, and one block for each stored response. */
#include "proxy/why_text.h"

#include <string.h>

#include "proxy/stats_text.h"

static const char *text(const json_t *object, const char *name)
{
        const char *value = json_string_value(json_object_get(object, name));

        return value ? value : "";
}

static json_int_t number(const json_t *object, const char *name)
{
        return json_integer_value(json_object_get(object, name));
}

static void print(FILE *out, const char *s)
{
        for (; *s; s++)
                fputc((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s, out);
}

static void line(FILE *out, const char *label, const char *value)
{
        if (!*value)
                return;
        fprintf(out, "  %-11s ", label);
        print(out, value);
        fputc('\n', out);
}

/* "detail (RFC 9111 §4.2)", or that it is a rule of our own, behind what comes of it. */
static void verdict_line(FILE *out, const char *what, const json_t *verdict)
{
        const char *detail = text(verdict, "detail"), *rfc = text(verdict, "rfc");

        fprintf(out, "  %-11s %s", "verdict", what);
        if (*detail) {
                fputs(": ", out);
                print(out, detail);
        }
        fputs(" (", out);
        print(out, *rfc ? rfc : "a rule of Limpid's");
        fputs(")\n", out);
}

static const char *explain(const char *use)
{
        static const char *const table[][2] = {
                {"reused", "answers as it is, fresh"},
                {"stale", "answers though it is stale"},
                {"validated-behind", "answers though it is stale, and is validated behind that"},
                {"validated", "would be validated with the origin first"},
                {"incomplete", "would be fetched: what is stored is a part that cannot be completed"},
                {"refused", "would have to be validated, and the request forbids it: 504"},
                {"not-selected", "this request selects another variant"},
                {"replaced", "not used"},
                {"damaged", "not used"},
        };

        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
                if (strcmp(table[i][0], use) == 0)
                        return table[i][1];
        return use;
}

static void body_line(FILE *out, const json_t *stored)
{
        char bytes[SIZE_TEXT], length[SIZE_TEXT];

        fprintf(out, "  %-11s %s", "body", stats_size(length, (double)number(stored, "length")));
        if (json_is_true(json_object_get(stored, "sparse")))
                fprintf(out, ", of which %s are stored", stats_size(bytes, (double)number(stored, "bytes")));
        fputc('\n', out);
}

static void freshness_line(FILE *out, const json_t *stored)
{
        json_int_t left = number(stored, "left");

        fprintf(out, "  %-11s ", "freshness");
        if (left > 0)
                fprintf(out, "fresh for %" JSON_INTEGER_FORMAT " s more", left);
        else
                fprintf(out, "stale for %" JSON_INTEGER_FORMAT " s", -left);
        fprintf(out, ": age %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " s%s\n", number(stored, "age"),
                number(stored, "lifetime"),
                json_is_true(json_object_get(stored, "heuristic")) ? ", by heuristics" : "");
}

static void flags_line(FILE *out, const json_t *flags)
{
        if (!json_array_size(flags))
                return;
        fprintf(out, "  %-11s ", "flags");
        for (size_t i = 0; i < json_array_size(flags); i++)
                fprintf(out, "%s%s", i ? ", " : "", json_string_value(json_array_get(flags, i)));
        fputc('\n', out);
}

static void stored_block(FILE *out, const json_t *stored)
{
        const json_t *verdict = json_object_get(stored, "verdict");
        const char *address = text(stored, "address");

        fputs(*address ? "\nstored for clients that go to " : "\nstored for all clients", out);
        print(out, address);
        if (*address)
                fputs(" (not bound to the host)", out);
        fputc('\n', out);
        if (json_object_get(stored, "status")) {
                fprintf(out, "  %-11s %" JSON_INTEGER_FORMAT " ", "status", number(stored, "status"));
                print(out, text(stored, "reason"));
                fputc('\n', out);
                body_line(out, stored);
                freshness_line(out, stored);
        }
        line(out, "says", text(stored, "cache_control"));
        line(out, "ETag", text(stored, "etag"));
        line(out, "modified", text(stored, "last_modified"));
        line(out, "varies by", text(stored, "vary"));
        flags_line(out, json_object_get(stored, "flags"));
        verdict_line(out, explain(text(verdict, "use")), verdict);
}

void why_text(FILE *out, const json_t *why)
{
        const json_t *list = json_object_get(why, "stored"), *request = json_object_get(why, "request");

        print(out, text(why, "url"));
        fputc('\n', out);
        if (!json_is_true(json_object_get(request, "looked_up")))
                verdict_line(out, "such a request passes, nothing is looked up or stored", request);
        if (!json_array_size(list))
                fputs("\nNothing is stored under this URL: such a request goes to the origin (RFC 9111 §4).\n"
                      "The detail of Cache-Status, and of a log in json, says why a reply was not stored.\n",
                      out);
        for (size_t i = 0; i < json_array_size(list); i++)
                stored_block(out, json_array_get(list, i));
        if (json_is_true(json_object_get(why, "more")))
                fputs("\nThere is more under this URL.\n", out);
}
