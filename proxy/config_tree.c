/* Syntax, by libconfuse. Every key is a list of values of our own type, so that neither a wrong type nor a bad value
 * ends the reading: each value is kept as text with its line.
 *
 * libconfuse stops at the first key that it does not know. So the text is read again with that key declared, a
 * stranger, until no new one turns up; whether a stranger is a key or a section is found by trying. Its callbacks take
 * no argument of ours: an error is left in the section where it arose, in the place of a comment, and found there
 * afterwards. */
#include "proxy/config_tree.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { STRANGERS_MAX = 100, ROOM = 64 + STRANGERS_MAX };

struct stranger {
        char *section, *key;
        enum { KEY, SECTION, TITLED } kind;
};

struct reading {
        const struct config_key_name *keys;
        size_t key_count;
        struct stranger strangers[STRANGERS_MAX];
        size_t stranger_count;
        bool ends;         /* the text is read with its end marked */
        bool titles_twice; /* two stores of one name were reported; the second replaces the first */
};

enum { SECTIONS = 7 };
/* libconfuse takes the end of the file for the end of every section. A key that is known outside of sections alone, and
 * stands there behind the text, is a stranger in one that was not closed. */
#define END_KEY "end-of-the-file"

static const char *const sections[SECTIONS] = {"intercept", "origin", "cache", "dns", "datagram", "admin", "log"};

/* What may stand in a section; the end of the array is marked by zeros. */
struct options {
        cfg_opt_t at[ROOM];
        size_t count;
};

/* ---- what libconfuse calls -----------------------------------------------------------------------------------------
 */

static int keep_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
        size_t len = strlen(text);
        struct config_value *v = malloc(sizeof *v + len + 1);

        (void)opt;
        if (!v)
                return -1;
        v->line = (unsigned)cfg->line;
        memcpy(v->text, text, len + 1);
        *(void **)result = v;
        return 0;
}

/* What stands in a section that is unknown itself is not reported one by one. */
static void keep_error(cfg_t *cfg, const char *format, va_list arguments)
{
        if (cfg->opts[0].name == NULL)
                cfg->flags |= CFGF_IGNORE_UNKNOWN;
        else if (!cfg->comment && vasprintf(&cfg->comment, format, arguments) < 0)
                cfg->comment = NULL;
}

/* ---- declaring -----------------------------------------------------------------------------------------------------
 */

static void declare_key(struct options *o, const char *name)
{
        if (o->count < ROOM - 1)
                o->at[o->count++] = (cfg_opt_t)CFG_PTR_LIST_CB(name, NULL, CFGF_NODEFAULT, keep_value, free);
}

static void declare_section(struct options *o, const char *name, struct options *members, cfg_flag_t flags)
{
        if (o->count < ROOM - 1)
                o->at[o->count++] = (cfg_opt_t)CFG_SEC(name, members->at, flags);
}

static void declare_members(const struct reading *r, const char *section, struct options *o, struct options *nothing)
{
        for (size_t i = 0; i < r->key_count; i++)
                if (strcmp(r->keys[i].section, section) == 0)
                        declare_key(o, r->keys[i].key);
        for (size_t i = 0; i < r->stranger_count; i++) {
                const struct stranger *s = &r->strangers[i];

                if (strcmp(s->section, section) != 0)
                        continue;
                if (s->kind == KEY)
                        declare_key(o, s->key);
                else
                        declare_section(o, s->key, nothing, s->kind == TITLED ? CFGF_MULTI | CFGF_TITLE : CFGF_MULTI);
        }
}

/* A tree that is to be filled; libconfuse copies the declarations. */
static cfg_t *declare(const struct reading *r)
{
        enum { FILE_ITSELF = SECTIONS, STORE, NOTHING, ALL };
        struct options *o = calloc(ALL, sizeof *o);
        cfg_flag_t store_flags = CFGF_MULTI | CFGF_TITLE | (r->titles_twice ? 0 : CFGF_NO_TITLE_DUPES);
        cfg_t *cfg = NULL;

        if (!o)
                return NULL;
        declare_members(r, "", &o[FILE_ITSELF], &o[NOTHING]);
        if (r->ends)
                declare_key(&o[FILE_ITSELF], END_KEY);
        declare_members(r, "store", &o[STORE], &o[NOTHING]);
        for (size_t i = 0; i < SECTIONS; i++) {
                declare_members(r, sections[i], &o[i], &o[NOTHING]);
                if (strcmp(sections[i], "cache") == 0)
                        declare_section(&o[i], "store", &o[STORE], store_flags);
                declare_section(&o[FILE_ITSELF], sections[i], &o[i], CFGF_NONE);
        }
        cfg = cfg_init(o[FILE_ITSELF].at, CFGF_NONE);
        if (cfg)
                cfg_set_error_function(cfg, keep_error);
        free(o);
        return cfg;
}

/* ---- reading, until nothing new turns up ---------------------------------------------------------------------------
 */

/* The section in which reading stopped. */
static cfg_t *find_error(cfg_t *cfg)
{
        if (cfg->comment)
                return cfg;
        for (cfg_opt_t *o = cfg->opts; o->name; o++)
                for (unsigned i = 0; o->type == CFGT_SEC && i < o->nvalues; i++) {
                        cfg_t *found = find_error(o->values[i]->section);

                        if (found)
                                return found;
                }
        return NULL;
}

/* The name in an error of the form "WORDS 'NAME'", allocated; NULL if the error is another one. */
static char *name_in(const char *error, const char *words)
{
        size_t len = strlen(words);
        const char *end = strrchr(error, '\'');

        if (strncmp(error, words, len) != 0 || error[len] != '\'' || end <= error + len)
                return NULL;
        return strndup(error + len + 1, (size_t)(end - error - len - 1));
}

static const char *section_name(const cfg_t *cfg)
{
        return strcmp(cfg->name, "root") == 0 ? "" : cfg->name;
}

static bool add_stranger(struct reading *r, const cfg_t *cfg, struct config_errors *errors)
{
        char *key = name_in(cfg->comment, "no such option ");
        char *section = strdup(section_name(cfg));

        if (!key || !section || r->stranger_count == STRANGERS_MAX) {
                free(key);
                free(section);
                return false;
        }
        config_error(errors, (unsigned)cfg->line, "unknown: %s%s%s", section, *section ? "." : "", key);
        r->strangers[r->stranger_count++] = (struct stranger){section, key, KEY};
        return true;
}

/* The latest stranger is no key, or has a title: what is said of it tells. */
static bool correct_stranger(struct reading *r, const char *error)
{
        static const char *const complaints[] = {
                [KEY] = "missing equal sign after option ", [SECTION] = "missing opening brace for section "};
        struct stranger *s = r->stranger_count ? &r->strangers[r->stranger_count - 1] : NULL;
        char *name = s && s->kind != TITLED ? name_in(error, complaints[s->kind]) : NULL;
        bool same = name && strcmp(name, s->key) == 0;

        free(name);
        if (same)
                s->kind++;
        return same;
}

static bool allow_titles_twice(struct reading *r, const cfg_t *cfg, struct config_errors *errors)
{
        char *title = name_in(cfg->comment, "found duplicate title ");

        if (title) {
                config_error(errors, (unsigned)cfg->line, "two stores are called \"%s\"", title);
                r->titles_twice = true;
        }
        free(title);
        return title != NULL;
}

/* True if it is worth to read again: the error is on record, or understood. */
static bool learn(struct reading *r, const cfg_t *at, struct config_errors *errors)
{
        return add_stranger(r, at, errors) || correct_stranger(r, at->comment) || allow_titles_twice(r, at, errors);
}

/* What a section has that was never closed is all there, but what came after it may be missing. */
static bool is_closed(struct reading *r, const char *text, struct config_errors *errors)
{
        cfg_t *cfg;
        const cfg_t *at = NULL;
        char *marked = NULL;

        r->ends = true;
        cfg = declare(r);
        if (cfg && asprintf(&marked, "%s\n" END_KEY " = 1\n", text) >= 0 && cfg_parse_buf(cfg, marked) != CFG_SUCCESS)
                at = find_error(cfg);
        if (at)
                config_error(errors, (unsigned)at->line - 1, "section '%s' is not closed: a } is missing", at->name);
        free(marked);
        if (cfg)
                cfg_free(cfg);
        return !at;
}

static cfg_t *read_all(struct reading *r, const char *text, struct config_errors *errors, bool *complete)
{
        for (;;) {
                cfg_t *cfg = declare(r);
                const cfg_t *at;

                if (!cfg)
                        return NULL;
                *complete = cfg_parse_buf(cfg, text) == CFG_SUCCESS;
                if (*complete)
                        return cfg;
                at = find_error(cfg);
                if (!at) {
                        config_error(errors, 0, "cannot be read");
                        return cfg;
                }
                if (!learn(r, at, errors)) {
                        config_error(errors, (unsigned)at->line, "%s", at->comment);
                        return cfg;
                }
                cfg_free(cfg);
        }
}

struct config_tree *config_tree_read(const char *text, const struct config_key_name *keys, size_t count,
                                     struct config_errors *errors, bool *complete)
{
        struct reading *r = calloc(1, sizeof *r);
        cfg_t *cfg = NULL;

        *complete = false;
        if (!r)
                return NULL;
        r->keys = keys;
        r->key_count = count;
        cfg = read_all(r, text, errors, complete);
        *complete = *complete && is_closed(r, text, errors);
        for (size_t i = 0; i < r->stranger_count; i++) {
                free(r->strangers[i].section);
                free(r->strangers[i].key);
        }
        free(r);
        return (struct config_tree *)cfg;
}

void config_tree_free(struct config_tree **t)
{
        if (*t)
                cfg_free((cfg_t *)*t);
        *t = NULL;
}

/* ---- looking -------------------------------------------------------------------------------------------------------
 */

static const cfg_opt_t *option(const cfg_t *cfg, const char *name)
{
        const cfg_opt_t *o = cfg->opts;

        while (o->name && strcmp(o->name, name) != 0)
                o++;
        return o->name ? o : NULL;
}

static const cfg_opt_t *section_option(const struct config_tree *t, const char *name)
{
        const cfg_t *root = (const cfg_t *)t;

        if (strcmp(name, "store") == 0)
                root = option(root, "cache")->values[0]->section;
        return option(root, name);
}

size_t config_section_count(const struct config_tree *t, const char *name)
{
        return *name ? section_option(t, name)->nvalues : 1;
}

const struct config_section *config_section(const struct config_tree *t, const char *name, size_t index)
{
        if (!*name)
                return (const struct config_section *)t;
        return (const struct config_section *)section_option(t, name)->values[index]->section;
}

unsigned config_section_line(const struct config_section *s)
{
        return (unsigned)((const cfg_t *)s)->line;
}

const char *config_section_title(const struct config_section *s)
{
        const char *title = ((const cfg_t *)s)->title;

        return title ? title : "";
}

bool config_assigned(const struct config_section *s, const char *key)
{
        return option((const cfg_t *)s, key)->flags & CFGF_MODIFIED;
}

size_t config_value_count(const struct config_section *s, const char *key)
{
        return option((const cfg_t *)s, key)->nvalues;
}

const struct config_value *config_value(const struct config_section *s, const char *key, size_t index)
{
        return option((const cfg_t *)s, key)->values[index]->ptr;
}
