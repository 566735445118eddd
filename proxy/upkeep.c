/* Looks at the set-up when told to, but not all the time: a program that undoes what is put back, each time it is, must
 * not keep both busy. */
#include "proxy/upkeep.h"

#include <stdio.h>
#include <string.h>

#include "proxy/log.h"

enum {
        LOOK_MS = 5000,   /* without a word from the kernel */
        SETTLE_MS = 50,   /* after one: more of the same may follow */
        APART_MS = 500,   /* between two looks, all being well */
        STUCK_MS = 2000,  /* and when it is not */
        REPEAT_MS = 60000 /* until the same is said again */
};

/* Several lines as one. */
static const char *line_of(struct setup_text *t)
{
        while (t->len && t->at[t->len - 1] == '\n')
                t->at[--t->len] = 0;
        for (size_t i = 0; i < t->len; i++)
                if (t->at[i] == '\n')
                        t->at[i] = ';';
        return t->len ? t->at : "the reason is not known";
}

int upkeep_apply(const struct setup_options *o)
{
        struct setup_text why = {NULL, 0, 0};
        int error = setup_up(o, &why);

        if (error)
                log_say(LOG_ERR, "the set-up cannot be applied: %s", line_of(&why));
        setup_text_free(&why);
        return error;
}

int upkeep_end(const struct setup_options *o)
{
        struct setup_text why = {NULL, 0, 0};
        int error = setup_down(o, &why);

        if (error)
                log_say(LOG_ERR, "the set-up cannot be taken down: %s", line_of(&why));
        setup_text_free(&why);
        return error;
}

static void remember(struct upkeep *u)
{
        setup_text_free(&u->applied);
        if (setup_listing(&u->applied) != 0)
                setup_text_free(&u->applied);
}

void upkeep_open(struct upkeep *u, const struct setup_options *o)
{
        int error;

        *u = (struct upkeep){.options = o};
        remember(u);
        error = -setup_watch_open(&u->watch, o);
        if (error)
                log_errno(LOG_WARNING, error, "changes of the set-up are noticed late");
}

void upkeep_close(struct upkeep *u)
{
        setup_watch_free(&u->watch);
        setup_text_free(&u->applied);
}

int upkeep_change(struct upkeep *u, const struct setup_options *to)
{
        const struct setup_options *from = u->options;
        struct setup_text why = {NULL, 0, 0};
        int error = setup_change(from, to, &why);

        if (error)
                log_say(LOG_ERR, "the changed set-up cannot be applied, and the old one stays: %s", line_of(&why));
        setup_text_free(&why);
        upkeep_close(u);
        upkeep_open(u, error ? from : to);
        return error;
}

nfds_t upkeep_fds(const struct upkeep *u, struct pollfd fds[SETUP_WATCH_FDS])
{
        int numbers[SETUP_WATCH_FDS];

        if (!u->watch)
                return 0;
        setup_watch_fds(u->watch, numbers);
        for (int i = 0; i < SETUP_WATCH_FDS; i++)
                fds[i] = (struct pollfd){numbers[i], POLLIN, 0};
        return SETUP_WATCH_FDS;
}

/* Where something could not be put back, the word may well be of our own trying. */
void upkeep_heard(struct upkeep *u, int64_t now)
{
        int64_t at = u->last + (u->found ? STUCK_MS : APART_MS);

        if (at < now + SETTLE_MS)
                at = now + SETTLE_MS;
        if (!setup_watch_read(u->watch))
                return;
        u->told = true;
        if (at < u->due)
                u->due = at;
}

static void say(struct upkeep *u, const char *line, int64_t now)
{
        if (strcmp(u->said, line) == 0 && now - u->said_at < REPEAT_MS)
                return;
        log_say(LOG_WARNING, "the set-up is not as it was, it %s", line);
        snprintf(u->said, sizeof u->said, "%s", line);
        u->said_at = now;
}

static void put_back(struct upkeep *u, struct setup_text *differences, int64_t now)
{
        struct setup_text why = {NULL, 0, 0};
        char line[UPKEEP_SAID];

        if (setup_up(u->options, &why) == 0) {
                snprintf(line, sizeof line, "is put back%s: %s", u->told ? "" : " (found without the kernel's word)",
                         line_of(differences));
                remember(u);
        } else {
                snprintf(line, sizeof line, "cannot be put back: %s", line_of(&why));
        }
        say(u, line, now);
        setup_text_free(&why);
}

/* < 0, or whether there are differences, which are in *differences then. */
static int look(const struct upkeep *u, struct setup_text *differences)
{
        int found = setup_check(u->options, u->applied.at ? &u->applied : NULL, differences);

        if (found < 0 && found != u->found)
                log_errno(LOG_WARNING, -found, "the set-up cannot be checked");
        return found;
}

bool upkeep_tend(struct upkeep *u, int64_t now)
{
        struct setup_text differences = {NULL, 0, 0}, left = {NULL, 0, 0};
        bool differs;

        if (now < u->due)
                return false;
        u->last = now;
        u->due = now + LOOK_MS;
        u->found = look(u, &differences);
        differs = u->found > 0;
        if (differs) {
                put_back(u, &differences, now);
                u->found = look(u, &left);
        }
        setup_text_free(&differences);
        setup_text_free(&left);
        u->told = false;
        return differs;
}
