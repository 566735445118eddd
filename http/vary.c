/* Selecting fields: which they are, and one number for what a request says in them (RFC 9111 §4.1).
 *
 * For each name the number covers whether the field is there, and the elements of its lines as one list. Fields with
 * weights (RFC 9110 §12.4.2) are covered as a set: elements in lower case, sorted, each with its weight in thousandths.
 */
#include "http/vary.h"

#include "http/digest.h"
#include "http/fields.h"
#include "http/octet.h"
#include "http/weight.h"

enum { WEIGHTED_MAX = 48 };

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static int compare_fold(struct span a, struct span b)
{
        size_t shorter = a.len < b.len ? a.len : b.len;
        int order = shorter ? strncasecmp(a.at, b.at, shorter) : 0;
        return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Puts `name` at its place among the sorted ones. False if there is none left. */
static bool insert_name(struct span *names, size_t *count, struct span name)
{
        size_t place = *count;
        while (place > 0 && compare_fold(names[place - 1], name) > 0)
                place--;
        if (place > 0 && span_equal_fold(names[place - 1], name))
                return true;
        if (*count == VARY_NAMES_MAX)
                return false;
        memmove(names + place + 1, names + place, (*count - place) * sizeof *names);
        names[place] = name;
        ++*count;
        return true;
}

static void out_lower(struct out *o, struct span s)
{
        size_t at = o->len;
        out_span(o, s);
        for (; at < o->len; at++)
                o->at[at] = lower(o->at[at]);
}

bool vary_names(struct out *o, const struct message *response)
{
        struct span names[VARY_NAMES_MAX], name;
        size_t count = 0;
        struct elements e = {.field = NULL};
        while (elements_next(response, FIELD_VARY, &e, &name))
                if (span_equal(name, SPAN("*")) || !span_is_token(name) || !insert_name(names, &count, name))
                        return false;
        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        out_text(o, ",");
                out_lower(o, names[i]);
        }
        return !o->overflow;
}

/* ---- elements with weights ------------------------------------------------------------------------------------- */

static int compare_weighted(const struct weighted *a, const struct weighted *b)
{
        int order = compare_fold(a->name, b->name);
        return order ? order : (a->weight > b->weight) - (a->weight < b->weight);
}

static void digest_weighted(struct digest *d, const struct weighted *w)
{
        bool as_it_is = w->weight > WEIGHT_ONE;
        for (size_t i = 0; i < w->name.len; i++)
                digest_byte(d, (unsigned char)(as_it_is ? w->name.at[i] : lower(w->name.at[i])));
        digest_byte(d, ';');
        digest_byte(d, (unsigned char)(w->weight >> 8));
        digest_byte(d, (unsigned char)w->weight);
}

/* Elements with weights in no order. False, and nothing covered, if there are too many to sort. */
static bool digest_set(struct digest *d, const struct message *request, enum field_id id)
{
        struct weighted all[WEIGHTED_MAX];
        size_t count = 0;
        struct elements e = {.field = NULL};
        for (struct span element; elements_next(request, id, &e, &element); count++) {
                if (count == WEIGHTED_MAX)
                        return false;
                struct weighted w = weighted_read(element);
                size_t place = count;
                for (; place > 0 && compare_weighted(&all[place - 1], &w) > 0; place--)
                        all[place] = all[place - 1];
                all[place] = w;
        }
        for (size_t i = 0; i < count; i++)
                digest_weighted(d, &all[i]);
        return true;
}

/* ---- the hash -------------------------------------------------------------------------------------------------- */

/* All elements of the lines of this name, in their order. */
static void digest_list(struct digest *d, const struct message *request, struct span name, const struct field *f)
{
        for (; f; f = field_next_named(request, name, f)) {
                struct span rest = field_value(request, f), element;
                while (list_next(&rest, &element)) {
                        digest_span(d, element);
                        digest_byte(d, ',');
                }
        }
}

static const struct field *first_of(const struct message *request, struct span name, enum field_id id)
{
        if (id == FIELD_OTHER || id == FIELD_X_FORWARDED) /* ids that several names share */
                return field_next_named(request, name, NULL);
        return field_next(request, id, NULL);
}

/* Values hold neither zeros nor ones, so that what is covered for one name cannot run into the next. */
static void digest_field(struct digest *d, const struct message *request, struct span name)
{
        enum field_id id = field_identify(name);
        const struct field *f = first_of(request, name, id);
        digest_byte(d, f ? 1 : 0);
        if (f == NULL)
                return;
        bool weighs = id == FIELD_ACCEPT_ENCODING || id == FIELD_ACCEPT_LANGUAGE;
        if (!weighs || !digest_set(d, request, id))
                digest_list(d, request, name, f);
        digest_byte(d, 0);
}

uint64_t vary_hash(struct span names, const struct message *request)
{
        struct digest d;
        struct span name;
        digest_begin(&d, 0x4c696d7069642076, 0x617269616e742031);
        while (list_next(&names, &name))
                digest_field(&d, request, name);
        return digest_end(&d);
}
