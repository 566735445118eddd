#include "proxy/doctor_page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy/admin_listen.h"
#include "proxy/www.h"

static void examine_files(void (*tell)(void *context, const struct finding *), void *context)
{
        const char *folder;
        struct www *w = www_read_anywhere(&folder);
        char what[512];

        if (!w) {
                snprintf(what, sizeof what, "the page's files are not in %s (%s)", folder, strerror(errno));
                tell(context, &(struct finding){DOCTOR_WARNING, what, "the page is empty: only its numbers are served",
                                                "install Limpid again, with its target www"});
        }
        www_free(&w);
}

static void examine_address(const char *listen, bool running, void (*tell)(void *context, const struct finding *),
                            void *context)
{
        int error = admin_listen_try(listen);
        bool taken = error == EADDRINUSE;
        char what[512];

        if (running && !error) {
                snprintf(what, sizeof what, "limpid run does not serve the page at %s", listen);
                tell(context, &(struct finding){DOCTOR_WARNING, what, "it could not when it began; its log says why",
                                                "mend that, and start it again"});
        }
        if (running || !error)
                return;
        snprintf(what, sizeof what, "nothing can listen at %s (%s)", listen, strerror(error));
        tell(context, &(struct finding){DOCTOR_WARNING, what, "limpid run goes on without the page and the metrics",
                                        taken ? "end what listens there (ss -ltnp), or set another admin.listen"
                                              : "set admin.listen to an address and a port of this machine"});
}

void doctor_page(const struct config *config, bool running, void (*tell)(void *context, const struct finding *),
                 void *context)
{
        if (!config->admin.listen[0])
                return;
        examine_files(tell, context);
        examine_address(config->admin.listen, running, tell, context);
}
