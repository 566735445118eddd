/* From the tree to the structure: defaults and values go the same way through the table of keys, each checked by its
 * type; then what only several keys together can get wrong. Everything that the structure points to lies in blocks
 * behind it. */
#include "proxy/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proxy/config_errors.h"
#include "proxy/config_keys.h"
#include "proxy/config_value.h"

enum { FILE_MAX = 1 << 20 };

struct config_block {
        struct config_block *next;
        _Alignas(16) char bytes[];
};

/* What is read at the moment. */
struct reader {
        struct config_owned *config;
        struct config_errors *errors;
        const struct config_key *key;
        unsigned line;
        char *base;    /* what the key's offsets count from */
        bool complete; /* false: the text broke off, perhaps in the middle of an assignment */
};

static void *keep(struct reader *r, size_t size)
{
        struct config_block *b = calloc(1, sizeof *b + size);

        if (!b) {
                config_error(r->errors, 0, "out of memory");
                return NULL;
        }
        b->next = r->config->blocks;
        r->config->blocks = b;
        return b->bytes;
}

static const char *keep_text(struct reader *r, const char *text)
{
        size_t size = strlen(text) + 1;
        char *copy = keep(r, size);

        return copy ? memcpy(copy, text, size) : NULL;
}

static bool wrong(struct reader *r, const char *error, const char *text)
{
        const struct config_key_name *n = &r->key->name;

        if (error)
                config_error(r->errors, r->line, "%s%s%s: %s: \"%s\"", n->section, *n->section ? "." : "", n->key,
                             error, text);
        return error != NULL;
}

/* ---- one value, by its type ----------------------------------------------------------------------------------------
 */

/* Any of the types that are numbers, in its range. */
static bool number(struct reader *r, const char *text, const char *(*parse)(const char *, uint64_t *), uint64_t *out)
{
        const struct config_key *k = r->key;
        char range[96];

        if (wrong(r, parse(text, out), text))
                return false;
        if (*out >= k->min && *out <= k->max)
                return true;
        if (k->type == CONFIG_SIZE)
                snprintf(range, sizeof range, "must be at least %luM and at most %luT", k->min >> 20, k->max >> 40);
        else if (k->type == CONFIG_MS)
                snprintf(range, sizeof range, "must be from %lu ms to %lu s", k->min, k->max / 1000);
        else
                snprintf(range, sizeof range, "must be from %lu to %lu", k->min, k->max);
        return !wrong(r, range, text);
}

static bool word(struct reader *r, const char *text, int *out)
{
        char all[160] = "must be one of";
        size_t len = strlen(all);

        for (*out = 0; r->key->words[*out]; ++*out) {
                if (strcmp(text, r->key->words[*out]) == 0)
                        return true;
                if (len < sizeof all)
                        len += (size_t)snprintf(all + len, sizeof all - len, " %s", r->key->words[*out]);
        }
        return !wrong(r, all, text);
}

static void set_number(struct reader *r, const char *text, void *to)
{
        uint64_t n;
        const char *(*parse)(const char *, uint64_t *) = r->key->type == CONFIG_SIZE ? value_size
                                                         : r->key->type == CONFIG_MS ? value_duration
                                                                                     : value_number;

        if (!number(r, text, parse, &n))
                return;
        if (r->key->type == CONFIG_SIZE)
                *(uint64_t *)to = n;
        else if (r->key->type == CONFIG_U16 || r->key->type == CONFIG_U16S)
                *(uint16_t *)to = (uint16_t)n;
        else
                *(unsigned *)to = (unsigned)n;
}

static void set_word(struct reader *r, const char *text, void *to)
{
        int n;

        if (!word(r, text, &n))
                return;
        if (r->key->type == CONFIG_FLAG)
                *(bool *)to = n != 0;
        else
                *(int *)to = n;
}

static void set_bool(struct reader *r, const char *text, void *to)
{
        wrong(r, value_bool(text, to), text);
}

static void set_text(struct reader *r, const char *text, void *to)
{
        if (!wrong(r, r->key->check(text), text))
                *(const char **)to = keep_text(r, text);
}

/* How each type is set, and the size of an element where it is a list. */
static const struct {
        void (*set)(struct reader *, const char *text, void *to);
        size_t element;
} types[] = {
        [CONFIG_BOOL] = {set_bool, 0},
        [CONFIG_U16] = {set_number, 0},
        [CONFIG_U32] = {set_number, 0},
        [CONFIG_SIZE] = {set_number, 0},
        [CONFIG_MS] = {set_number, 0},
        [CONFIG_WORD] = {set_word, 0},
        [CONFIG_FLAG] = {set_word, 0},
        [CONFIG_TEXT] = {set_text, 0},
        [CONFIG_TEXTS] = {set_text, sizeof(const char *)},
        [CONFIG_U16S] = {set_number, sizeof(uint16_t)},
};

/* ---- keys and sections ---------------------------------------------------------------------------------------------
 */

static void set_list(struct reader *r, const struct config_section *s, size_t count)
{
        size_t element = types[r->key->type].element;
        char *list = keep(r, (count + 1) * element);

        if (!list)
                return;
        for (size_t i = 0; i < count; i++) {
                const struct config_value *v = config_value(s, r->key->name.key, i);

                r->line = v->line;
                types[r->key->type].set(r, v->text, list + i * element);
        }
        *(const void **)(void *)(r->base + r->key->at) = list;
        *(size_t *)(void *)(r->base + r->key->count_at) = count;
}

static void set_default_list(struct reader *r)
{
        char *list = keep(r, types[r->key->type].element);

        if (!list)
                return;
        if (r->key->otherwise)
                types[r->key->type].set(r, r->key->otherwise, list);
        *(const void **)(void *)(r->base + r->key->at) = list;
        *(size_t *)(void *)(r->base + r->key->count_at) = r->key->otherwise ? 1 : 0;
}

static void set_key(struct reader *r, const struct config_section *s)
{
        const struct config_key *k = r->key;
        size_t count = config_value_count(s, k->name.key);
        bool assigned = config_assigned(s, k->name.key);
        const struct config_value *v = count ? config_value(s, k->name.key, count - 1) : NULL;

        r->line = v ? v->line : config_section_line(s);
        if (types[k->type].element && assigned)
                set_list(r, s, count);
        else if (types[k->type].element)
                set_default_list(r);
        else if (!assigned || (count == 0 && !r->complete))
                types[k->type].set(r, k->otherwise, r->base + k->at);
        else if (count != 1)
                wrong(r, "must be a single value", "{…}");
        else
                types[k->type].set(r, v->text, r->base + k->at);
}

static void set_section(struct reader *r, const struct config_section *s, const char *name)
{
        for (size_t i = 0; i < CONFIG_KEYS; i++) {
                r->key = &config_keys[i];
                if (strcmp(r->key->name.section, name) == 0)
                        set_key(r, s);
        }
}

static void set_stores(struct reader *r, const struct config_tree *t)
{
        struct config *c = &r->config->config;
        size_t count = config_section_count(t, "store");

        c->stores = keep(r, (count + 1) * sizeof *c->stores);
        if (!c->stores)
                return;
        for (c->store_count = 0; c->store_count < count; c->store_count++) {
                const struct config_section *s = config_section(t, "store", c->store_count);

                r->base = (char *)&c->stores[c->store_count];
                set_section(r, s, "store");
                c->stores[c->store_count].name = keep_text(r, config_section_title(s));
        }
}

static void set_all(struct reader *r, const struct config_tree *t)
{
        const char *last = "store";

        for (size_t i = 0; i < CONFIG_KEYS; i++) {
                const char *name = config_keys[i].name.section;

                r->base = (char *)r->config;
                if (strcmp(name, last) != 0 && strcmp(name, "store") != 0)
                        set_section(r, config_section(t, name, 0), name);
                last = name;
        }
        set_stores(r, t);
}

/* ---- what several keys say together --------------------------------------------------------------------------------
 */

static void check_interception(const struct config *c, const struct config_section *s, struct config_errors *errors)
{
        unsigned line = config_section_line(s);

        if (c->setup.interface_count == 0 && !c->manual)
                config_error(errors, line,
                             "intercept.interfaces is empty: name the clients' interfaces (or set manual)");
        if (c->setup.port_count == 0)
                config_error(errors, line, "intercept.ports is empty: there is nothing to intercept");
        if (c->setup.table >= 253 && c->setup.table <= 255) /* default, main, local: ip-route(8) */
                config_error(errors, line, "intercept.table must be one of our own, not %u, which is the system's",
                             c->setup.table);
        if (c->setup.prove_ipv6 && c->setup.fail_closed)
                config_error(errors, line,
                             "intercept.prove_ipv6 lets first connections go direct: not with fail = \"closed\"");
}

/* Only TPROXY leaves the listener's port free for one that replies can be sent from. */
static void check_datagrams(const struct config *c, const struct config_tree *t, struct config_errors *errors)
{
        if (c->setup.form == SETUP_TPROXY)
                return;
        if (c->dns.relay)
                config_error(errors, config_section_line(config_section(t, "dns", 0)),
                             "dns.relay takes intercept.form = \"tproxy\"");
        if (c->datagram_port_count)
                config_error(errors, config_section_line(config_section(t, "datagram", 0)),
                             "datagram.ports takes intercept.form = \"tproxy\"");
}

static void check_stores(const struct config *c, const struct config_tree *t, struct config_errors *errors)
{
        for (size_t i = 0; i < c->store_count; i++)
                for (size_t k = 0; k < i; k++)
                        if (c->stores[i].path && c->stores[k].path && strcmp(c->stores[i].path, c->stores[k].path) == 0)
                                config_error(errors, config_section_line(config_section(t, "store", i)),
                                             "stores \"%s\" and \"%s\" have the same path", c->stores[k].name,
                                             c->stores[i].name);
}

/* The old sysctls are remembered next to the control socket: on a file system that a restart empties. */
static const char *state_path(struct reader *r)
{
        const char *control = r->config->config.admin.control;
        size_t folder = control ? (size_t)(strrchr(control, '/') - control) : 0;
        char *path = keep(r, folder + sizeof "/setup.state");

        if (!path || !control)
                return NULL;
        memcpy(path, control, folder);
        memcpy(path + folder, "/setup.state", sizeof "/setup.state");
        return path;
}

static void finish(struct reader *r)
{
        struct config *c = &r->config->config;

        c->origin.via_response = r->config->via <= 1;
        c->origin.via_request = r->config->via == 1;
        c->setup.state = state_path(r);
        c->setup.udp_ports = c->datagram_ports;
        c->setup.udp_port_count = c->datagram_port_count;
        c->setup.dns = c->dns.relay;
}

/* ---- the file ------------------------------------------------------------------------------------------------------
 */

/* The whole file, ended by a zero; NULL: *errors says why. */
static char *read_file(const char *path, struct config_errors *errors)
{
        FILE *f = fopen(path, "re");
        char *text = malloc(FILE_MAX + 1);
        size_t len = 0;

        if (f && text) {
                errno = 0;
                len = fread(text, 1, FILE_MAX + 1, f);
        }
        if (!f || !text || ferror(f))
                config_error(errors, 0, "%s", strerror(errno));
        else if (len > FILE_MAX || memchr(text, 0, len))
                config_error(errors, 0, "is no configuration: too large, or not text");
        else
                text[len] = 0;
        if (f)
                fclose(f);
        if (errors->count) {
                free(text);
                return NULL;
        }
        return text;
}

static void read_text(struct config_owned *config, const char *text, struct config_errors *errors)
{
        struct reader r = {.config = config, .errors = errors};
        struct config_key_name names[CONFIG_KEYS];
        struct config_tree *t = NULL;

        for (size_t i = 0; i < CONFIG_KEYS; i++)
                names[i] = config_keys[i].name;
        t = config_tree_read(text, names, CONFIG_KEYS, errors, &r.complete);
        if (!t) {
                config_error(errors, 0, "out of memory");
                return;
        }
        set_all(&r, t);
        if (r.complete) {
                check_interception(&config->config, config_section(t, "intercept", 0), errors);
                check_datagrams(&config->config, t, errors);
                check_stores(&config->config, t, errors);
        }
        finish(&r);
        config_tree_free(&t);
}

struct config *config_read(const char *path, FILE *out)
{
        struct config_owned *owned = calloc(1, sizeof *owned);
        struct config_errors errors = {NULL, 0};
        struct config *c = owned ? &owned->config : NULL;
        char *text = read_file(path, &errors);

        if (owned && text)
                read_text(owned, text, &errors);
        free(text);
        if (errors.count)
                config_free(&c);
        config_errors_write(&errors, path, out);
        return c;
}

void config_free(struct config **c)
{
        struct config_owned *owned = (struct config_owned *)(void *)*c;

        while (owned && owned->blocks) {
                struct config_block *b = owned->blocks;

                owned->blocks = b->next;
                free(b);
        }
        free(owned);
        *c = NULL;
}
