/* Reading anew, and changing over while no proxy runs. */
#include "proxy/reload.h"

#include <stdio.h>
#include <string.h>

#include "proxy/folders.h"
#include "proxy/log.h"
#include "proxy/privilege.h"
#include "proxy/warden.h"

/* ---- what takes a restart ------------------------------------------------------------------------------------------
 */

const char *reload_obstacle(const struct config *now, const struct config *next)
{
        if (strcmp(now->user, next->user) != 0)
                return "user";
        if (now->manual != next->manual)
                return "intercept.manual";
        if (now->setup.self_test != next->setup.self_test) /* its namespace is made at the start */
                return "intercept.self_test";
        if (strcmp(now->setup.state, next->setup.state) != 0) /* what is to be given back is remembered there */
                return "the folder of admin.control";
        if (!privilege_covers(now, next))
                return "a port below 1024, or an interface, where there was none";
        return NULL;
}

/* ---- changing over -------------------------------------------------------------------------------------------------
 */

/* Here, for once the gate is shut it is too late to find that out. */
static bool rules_good(const struct config *next)
{
        struct setup_text why = {NULL, 0, 0};
        int error = next->manual ? 0 : setup_try(&next->setup, &why);

        if (error)
                log_say(LOG_ERR, "the rules cannot be made: %s", why.at ? why.at : strerror(-error));
        setup_text_free(&why);
        return !error;
}

bool reload_begin(struct warden *w)
{
        struct config *next = config_read(w->path, stderr);
        const char *obstacle = next ? reload_obstacle(w->config, next) : NULL;
        bool good = next && !obstacle && rules_good(next) && folders_there(next);

        if (obstacle)
                log_say(LOG_ERR, "a change of %s takes a restart", obstacle);
        if (!good) {
                log_say(LOG_ERR, "%s is not taken over: all stays as it is", w->path);
                config_free(&next);
                return false;
        }
        config_free(&w->next);
        w->next = next;
        return true;
}

void reload_finish(struct warden *w)
{
        struct config *old = w->config;

        if (!w->config->manual && upkeep_change(&w->upkeep, &w->next->setup) != 0) {
                config_free(&w->next);
                return;
        }
        w->config = w->next;
        w->next = NULL;
        if (w->gate)
                gate_take_options(w->gate, &w->config->setup);
        config_free(&old);
        memset(w->missing, 0, sizeof w->missing);
        resolvers_read(&w->resolvers, w->config, RESOLVERS_PATH);
        log_open(w->config->log.level);
        log_say(LOG_NOTICE, "%s is in force", w->path);
}
