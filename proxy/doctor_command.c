/* `limpid doctor`: what is wrong with this machine, each with its reason and its cure. The kernel's side is examined in
 * setup/doctor.c; here, what the program itself needs. */
#include <limits.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "proxy/command.h"
#include "proxy/config.h"
#include "proxy/control_ask.h"
#include "proxy/doctor_live.h"
#include "proxy/doctor_page.h"
#include "proxy/doctor_reach.h"
#include "proxy/privilege.h"
#include "proxy/resolvers.h"
#include "setup/doctor.h"

enum { FILES_LEAST = 4096, DAY = 86400 };

#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42
#endif

/* ---- what is said --------------------------------------------------------------------------------------------------
 */

static void say(void *context, const struct finding *f)
{
        enum doctor_severity *worst = context;

        printf("%s: %s: %s. Mend: %s\n", f->severity == DOCTOR_BROKEN ? "BROKEN" : "warning", f->what, f->why, f->mend);
        if (f->severity > *worst)
                *worst = f->severity;
}

static void say_of_store(enum doctor_severity *worst, enum doctor_severity severity, const struct config_store *store,
                         const char *fault, const char *why, const char *mend)
{
        char what[512];

        snprintf(what, sizeof what, "store \"%s\" (%s) %s", store->name, store->path, fault);
        say(worst, &(struct finding){severity, what, why, mend});
}

/* ---- findings ------------------------------------------------------------------------------------------------------
 */

static bool is_far(const struct statfs *f)
{
        static const unsigned long far[] = {NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                            CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC, CODA_SUPER_MAGIC, V9FS_MAGIC};

        for (size_t i = 0; i < sizeof far / sizeof far[0]; i++)
                if ((unsigned long)f->f_type == far[i])
                        return true;
        return false;
}

/* What the store's file already has on the disk is not needed again. */
static uint64_t still_needed(const struct config_store *store)
{
        char path[4096];
        struct stat s;
        uint64_t has = 0;

        snprintf(path, sizeof path, "%s/data.mdb", store->path);
        if (stat(path, &s) == 0)
                has = (uint64_t)s.st_blocks * 512;
        return store->size > has ? store->size - has : 0;
}

/* As the proxy would find it: by its user, with all that the folders above say. */
static bool may_use(const struct config *config, const char *path, int mode)
{
        pid_t child = fork();
        const char *why;
        int status;

        if (child == 0)
                _exit(privilege_prober(config, &why) == 0 && access(path, mode) == 0 ? 0 : 1);
        return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void examine_owners(const struct config *config, const struct config_store *store, enum doctor_severity *worst)
{
        char file[PATH_MAX], mend[PATH_MAX + 128];

        snprintf(file, sizeof file, "%s/data.mdb", store->path);
        if (may_use(config, store->path, R_OK | W_OK | X_OK) &&
            (access(file, F_OK) != 0 || may_use(config, file, R_OK | W_OK)))
                return;
        snprintf(mend, sizeof mend, "chown -R %s: %s (the folders above must let that user through), and start again",
                 config->user[0] ? config->user : "root", store->path);
        say_of_store(worst, DOCTOR_BROKEN, store, "is not for the proxy's user to read and write",
                     "limpid run goes on without it, and nothing is stored in it", mend);
}

static void examine_store(const struct config *config, const struct config_store *store, enum doctor_severity *worst)
{
        struct statfs f;

        if (statfs(store->path, &f) != 0) {
                say_of_store(worst, DOCTOR_WARNING, store, "is not there", "nothing is stored in it until it is",
                             "limpid run makes it");
                return;
        }
        examine_owners(config, store, worst);
        if (is_far(&f))
                say_of_store(worst, DOCTOR_BROKEN, store, "lies on a network file system",
                             "a memory map of it is neither safe nor fast", "set cache.store.path to a local disk");
        if ((uint64_t)f.f_bavail * (uint64_t)f.f_bsize < still_needed(store))
                say_of_store(worst, DOCTOR_WARNING, store, "will not have room to grow to its size",
                             "when the disk is full nothing more is stored", "make room, or lower cache.store.size");
}

/* A log that is there is written to; one that is not is made in its folder. */
static void examine_log(const struct config *config, enum doctor_severity *worst)
{
        char folder[PATH_MAX], what[PATH_MAX + 64];
        char *end;

        snprintf(folder, sizeof folder, "%s", config->log.access);
        end = strrchr(folder, '/');
        if (!end || may_use(config, config->log.access, W_OK))
                return;
        *end = 0;
        if (access(folder, F_OK) != 0 || /* limpid run makes it */
            (access(config->log.access, F_OK) != 0 && may_use(config, folder[0] ? folder : "/", W_OK | X_OK)))
                return;
        snprintf(what, sizeof what, "the access log (%s) is not for the proxy's user to write", config->log.access);
        say(worst, &(struct finding){DOCTOR_WARNING, what, "no access is logged",
                                     "chown the file and its folder to that user (the folders above must let it "
                                     "through), and start again"});
}

/* Without its user limpid run does not begin, and what belongs to whom cannot be told. */
static bool examine_user(const struct config *config, enum doctor_severity *worst)
{
        char what[128], mend[256];

        if (!config->user[0] || getpwnam(config->user))
                return true;
        snprintf(what, sizeof what, "there is no user \"%s\"", config->user);
        snprintf(mend, sizeof mend, "useradd --system --no-create-home --shell /usr/sbin/nologin %s", config->user);
        say(worst, &(struct finding){DOCTOR_BROKEN, what, "the proxy would run as that user: limpid run does not begin",
                                     mend});
        return false;
}

static void examine_limits(enum doctor_severity *worst)
{
        struct rlimit files;

        if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < FILES_LEAST)
                say(worst, &(struct finding){DOCTOR_WARNING, "few files may be open (ulimit -Hn)",
                                             "each intercepted connection takes two; beyond the limit they go direct",
                                             "LimitNOFILE=1048576 in the unit, or ulimit -n 65536 before limpid run"});
}

/* A clock from before this program was installed is wrong, and with it every age. */
static void examine_clock(enum doctor_severity *worst)
{
        struct stat s;

        if (stat("/proc/self/exe", &s) == 0 && time(NULL) < s.st_mtime - DAY)
                say(worst,
                    &(struct finding){DOCTOR_BROKEN, "the clock is behind the date of this program",
                                      "what is stored would count as fresh for too long", "timedatectl set-ntp true"});
}

static void examine_resolvers(const struct config *config, enum doctor_severity *worst)
{
        struct resolvers r = {.count = 0};

        resolvers_read(&r, config, RESOLVERS_PATH);
        if (!r.count)
                say(worst, &(struct finding){DOCTOR_WARNING, "there is no resolver",
                                             "the addresses of a host share nothing that is stored",
                                             "name one in " RESOLVERS_PATH " or in dns.trusted_resolvers"});
}

/* ---- the command ---------------------------------------------------------------------------------------------------
 */

static uint64_t counted(const json_t *counters, const char *name)
{
        json_int_t n = json_integer_value(json_object_get(counters, name));

        return n > 0 ? (uint64_t)n : 0;
}

/* Whether it runs, whether its gate is open, and what has become of its connections. */
static void ask_running(const struct config *config, struct doctor_case *about)
{
        char why[ASK_WHY];
        struct ask *connection = config->admin.control[0] ? ask_open(config->admin.control, why) : NULL;
        json_t *request = json_pack("{s:s}", "command", "stats");
        json_t *reply = connection && request ? ask(connection, request, why) : NULL;
        const json_t *summary = json_object_get(reply, "summary"), *counters = json_object_get(summary, "counters");
        const char *gate = json_string_value(json_object_get(summary, "gate"));

        about->running = reply != NULL;
        about->open = gate && strcmp(gate, "open") == 0;
        about->connects = counted(counters, "upstream_connects");
        about->failures = counted(counters, "upstream_failures");
        json_decref(reply);
        json_decref(request);
        ask_close(&connection);
}

static enum doctor_severity examine(const struct config *config)
{
        enum doctor_severity worst = 0;
        struct machine machine;
        struct doctor_case c = {.options = &config->setup,
                                .machine = &machine,
                                .manual = config->manual,
                                .spoofs = config->origin.spoof_client};

        ask_running(config, &c);
        machine_read(&machine, &config->setup);
        doctor_examine(&c, say, &worst);
        machine_free(&machine);
        if (examine_user(config, &worst)) {
                for (size_t i = 0; i < config->store_count; i++)
                        examine_store(config, &config->stores[i], &worst);
                examine_log(config, &worst);
        }
        doctor_page(config, c.running, say, &worst);
        examine_limits(&worst);
        examine_clock(&worst);
        examine_resolvers(config, &worst);
        if (c.running && c.spoofs && !config->manual && !doctor_unanswered(&c))
                doctor_reach(config, say, &worst);
        if (c.running && !config->manual) /* else it is not for us to know by which link clients come */
                doctor_live(config, say, &worst);
        return worst;
}

int command_doctor(int argc, char **argv)
{
        const char *path = command_config(argc, argv);
        struct config *config;
        int status;

        if (!path) {
                command_misused("doctor [-c FILE]");
                return EX_USAGE; /* 2 is a finding */
        }
        config = config_read(path, stderr);
        if (!config)
                return DOCTOR_BROKEN;
        status = command_lacks_root(config) ? EX_NOPERM : (int)examine(config);
        if (status == 0)
                printf("nothing is wrong\n");
        config_free(&config);
        return fflush(stdout) == 0 ? status : DOCTOR_BROKEN;
}
