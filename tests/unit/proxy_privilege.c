/* What is left after privileges are given away, and what the walls let through. Each test is a process of its own, so
 * that it can lose what it will never get back. Without root there is nothing to lose. */
#include "proxy/privilege.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/confine.h"

static char top[] = "/tmp/limpid-privilege-XXXXXX";
static char store_path[64], log_path[64], control_path[64], elsewhere[64];
static struct config_store store;
static const uint16_t ports[] = {80};
static struct config config;
static const char *why;

/* The test cannot tidy up when it has lost its powers: another process does, once the test's end of a pipe is closed.
 */
static void tidy_up_afterwards(void)
{
        int fds[2];
        char c;

        cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
        if (fork() != 0) {
                close(fds[0]);
                return;
        }
        close(fds[1]);
        while (read(fds[0], &c, 1) < 0)
                ;
        execl("/bin/rm", "rm", "-rf", top, NULL);
        _exit(1);
}

static void set_up(void)
{
        if (geteuid() != 0)
                cr_skip_test("not root");
        cr_assert_not_null(mkdtemp(top));
        tidy_up_afterwards();
        snprintf(store_path, sizeof store_path, "%s/store", top);
        snprintf(log_path, sizeof log_path, "%s/log/access.log", top);
        snprintf(control_path, sizeof control_path, "%s/run/control", top);
        snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", top);
        store = (struct config_store){"main", store_path, 16 << 20};
        config = (struct config){.stores = &store, .store_count = 1, .user = "nobody"};
        config.setup.listen_port = 3129;
        config.setup.ports = ports;
        config.setup.port_count = 1;
        config.log.access = log_path;
        config.admin.control = control_path;
        config.admin.password_file = "";
}

TestSuite(privilege, .init = set_up);

static uint64_t held(cap_flag_t kind)
{
        cap_t caps = cap_get_proc();
        uint64_t bits = 0;

        for (cap_value_t v = 0; v < cap_max_bits(); v++) {
                cap_flag_value_t set;

                if (cap_get_flag(caps, v, kind, &set) == 0 && set == CAP_SET)
                        bits |= 1ULL << v;
        }
        cap_free(caps);
        return bits;
}

static uint64_t bounds(void)
{
        uint64_t bits = 0;

        for (cap_value_t v = 0; v < cap_max_bits(); v++)
                bits |= (uint64_t)(cap_get_bound(v) == CAP_SET) << v;
        return bits;
}

#define BIT(capability) (1ULL << (capability))

Test(privilege, the_warden_keeps_six)
{
        cr_assert_eq(privilege_warden(&config, &why), 0, "%s", why);
        cr_expect_eq(held(CAP_EFFECTIVE), BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) | BIT(CAP_SETUID) | BIT(CAP_SETGID) |
                                                  BIT(CAP_SETPCAP) | BIT(CAP_KILL));
        cr_expect_eq(held(CAP_PERMITTED), held(CAP_EFFECTIVE));
        cr_expect_eq(held(CAP_INHERITABLE), 0);
}

Test(privilege, a_warden_that_changes_nothing_and_nobody_keeps_less)
{
        config.manual = true;
        config.user = "";
        cr_assert_eq(privilege_warden(&config, &why), 0, "%s", why);
        cr_expect_eq(held(CAP_EFFECTIVE), BIT(CAP_NET_RAW) | BIT(CAP_SETPCAP));
}

Test(privilege, the_proxy_is_somebody_else_with_one_capability)
{
        const struct passwd *nobody = getpwnam("nobody");
        struct rlimit core;
        uid_t uid;

        cr_assert_not_null(nobody);
        uid = nobody->pw_uid;
        cr_assert_eq(privilege_warden(&config, &why), 0, "%s", why);
        cr_assert_eq(privilege_proxy(&config, &why), 0, "%s", why);
        cr_expect_eq(getuid(), uid);
        cr_expect_eq(geteuid(), uid);
        cr_expect_eq(getgroups(0, NULL), 0);
        cr_expect_eq(held(CAP_EFFECTIVE), BIT(CAP_NET_RAW));
        cr_expect_eq(held(CAP_PERMITTED), BIT(CAP_NET_RAW));
        cr_expect_eq(bounds(), BIT(CAP_NET_RAW));
        cr_expect_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
        cr_assert_eq(getrlimit(RLIMIT_CORE, &core), 0);
        cr_expect_eq(core.rlim_max, 0);
        cr_expect_eq(setuid(0), -1);
}

Test(privilege, low_ports_take_one_more)
{
        config.setup.form = SETUP_MARK;
        cr_assert_eq(privilege_warden(&config, &why), 0, "%s", why);
        cr_assert_eq(privilege_proxy(&config, &why), 0, "%s", why);
        cr_expect_eq(held(CAP_EFFECTIVE), BIT(CAP_NET_RAW) | BIT(CAP_NET_BIND_SERVICE));
}

Test(privilege, replies_from_a_low_port_take_it_too)
{
        static const uint16_t high[] = {1812}, low[] = {1812, 123};

        config.datagram_ports = high;
        config.datagram_port_count = 1;
        cr_expect_null(privilege_missing(&config));
        config.datagram_ports = low;
        config.datagram_port_count = 2;
        cr_assert_eq(privilege_proxy(&config, &why), 0, "%s", why);
        cr_expect_eq(held(CAP_EFFECTIVE), BIT(CAP_NET_RAW) | BIT(CAP_NET_BIND_SERVICE));
}

Test(privilege, no_user_means_root_without_its_powers)
{
        config.user = "";
        config.dns.relay = true;
        cr_assert_eq(privilege_proxy(&config, &why), 0, "%s", why);
        cr_expect_eq(getuid(), 0);
        cr_expect_eq(held(CAP_EFFECTIVE), BIT(CAP_NET_RAW) | BIT(CAP_NET_BIND_SERVICE));
}

Test(privilege, a_user_who_does_not_exist)
{
        config.user = "nobody-of-that-name";
        cr_expect_not_null(strstr(privilege_missing(&config), "does not exist"));
        cr_expect_eq(privilege_proxy(&config, &why), ENOENT);
        cr_expect_str_eq(why, "the configured user cannot be found");
}

Test(privilege, what_is_missing_is_named)
{
        cr_expect_null(privilege_missing(&config));
        cr_assert_eq(privilege_proxy(&config, &why), 0);
        cr_expect_not_null(strstr(privilege_missing(&config), "NET_ADMIN"));
        config.manual = true;
        cr_expect_not_null(strstr(privilege_missing(&config), "SETUID"));
}

Test(privilege, what_is_not_there_cannot_be_kept)
{
        cr_assert_eq(privilege_proxy(&config, &why), 0);
        cr_expect_eq(privilege_warden(&config, &why), EPERM);
        cr_expect_str_eq(why, "capabilities cannot be given away");
}

/* ---- walls ---------------------------------------------------------------------------------------------------------
 */

static void make_folders(void)
{
        char path[80];

        snprintf(path, sizeof path, "%s/log", top);
        cr_assert_eq(mkdir(path, 0755), 0);
        snprintf(path, sizeof path, "%s/run", top);
        cr_assert_eq(mkdir(path, 0755), 0);
        cr_assert_eq(mkdir(store_path, 0755), 0);
        cr_assert_eq(mkdir(elsewhere, 0755), 0);
}

static int make_file(const char *folder)
{
        char path[128];
        int fd;

        snprintf(path, sizeof path, "%s/file", folder);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0)
                return errno;
        close(fd);
        return unlink(path) == 0 ? 0 : errno;
}

static int open_to_read(const char *path)
{
        int fd = open(path, O_RDONLY);

        if (fd < 0)
                return errno;
        close(fd);
        return 0;
}

/* As root, so that nothing but Landlock can be what refuses. */
Test(privilege, files_out_of_reach)
{
        char folder[80];

        make_folders();
        config.user = "";
        cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        cr_assert_eq(confine_files(&config, &why), 0, "%s", why);
        if (why)
                cr_skip_test("no Landlock here");
        cr_expect_eq(make_file(store_path), 0);
        snprintf(folder, sizeof folder, "%s/log", top);
        cr_expect_eq(make_file(folder), 0);
        snprintf(folder, sizeof folder, "%s/run", top);
        cr_expect_eq(make_file(folder), 0);
        cr_expect_eq(make_file(elsewhere), EACCES);
        cr_expect_eq(open_to_read("/etc/resolv.conf"), 0);
        cr_expect_eq(open_to_read("/proc/self/status"), 0);
        cr_expect_eq(open_to_read("/etc/shadow"), EACCES);
        cr_expect_eq(open_to_read("/etc/passwd"), EACCES);
        cr_expect_eq(access("/bin/true", F_OK), 0);
}

Test(privilege, a_store_that_is_not_there_is_no_error)
{
        config.user = "";
        cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        cr_expect_eq(confine_files(&config, &why), 0, "%s", why);
}

static void *nothing(void *unused)
{
        return unused;
}

static void expect_protocol(int family, int type, int protocol, int error)
{
        int fd;

        errno = 0;
        fd = socket(family, type, protocol);
        cr_expect_eq(errno, error, "family %d type %d protocol %d: %s", family, type, protocol, strerror(errno));
        if (fd >= 0)
                close(fd);
}

static void expect_socket(int family, int type, int error)
{
        expect_protocol(family, type, 0, error);
}

Test(privilege, calls_that_are_refused)
{
        char word[] = "true", *const words[] = {word, NULL};
        pthread_t thread;

        cr_assert_eq(confine_calls(&why), 0, "%s", why);
        cr_expect_null(why);
        cr_expect_eq(execv("/bin/true", words), -1);
        cr_expect_eq(errno, EPERM);
        cr_expect_eq(unshare(CLONE_NEWUSER), -1);
        cr_expect_eq(errno, EPERM);
        cr_expect_eq(syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, NULL, NULL, NULL, 0), -1);
        cr_expect_eq(errno, EPERM);
        cr_expect_eq(syscall(SYS_bpf, 0, NULL, 0), -1);
        cr_expect_eq(errno, EPERM);
        cr_expect_eq(chroot("/"), -1);
        cr_expect_eq(errno, EPERM);
        cr_expect_eq(pthread_create(&thread, NULL, nothing, NULL), 0, "threads are not");
        pthread_join(thread, NULL);
}

Test(privilege, sockets_that_are_refused)
{
        cr_assert_eq(confine_calls(&why), 0, "%s", why);
        expect_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        expect_socket(AF_INET6, SOCK_DGRAM, 0);
        expect_socket(AF_UNIX, SOCK_SEQPACKET, 0);
        expect_socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, EPERM);
        expect_socket(AF_INET6, SOCK_RAW, EPERM);
        expect_socket(AF_PACKET, SOCK_DGRAM, EAFNOSUPPORT);
        expect_socket(AF_NETLINK, SOCK_DGRAM, EAFNOSUPPORT);
        expect_socket(AF_AX25, SOCK_DGRAM, EAFNOSUPPORT);
        expect_socket(AF_INET, SOCK_SEQPACKET, EPERM);
        expect_protocol(AF_INET, SOCK_STREAM, IPPROTO_TCP, 0);
        expect_protocol(AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 0);
        expect_protocol(AF_INET, SOCK_STREAM, IPPROTO_SCTP, EPERM);
        expect_protocol(AF_INET6, SOCK_STREAM, 262 /* MPTCP */, EPERM);
}

/* Nothing is typed into a terminal, and all else is asked of it. */
Test(privilege, typing_is_refused)
{
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), count;
        char byte = 'x';

        cr_assert_eq(confine_calls(&why), 0, "%s", why);
        cr_expect_eq(ioctl(fd, TIOCSTI, &byte), -1);
        cr_expect_eq(errno, EPERM);
        cr_expect_eq(syscall(SYS_ioctl, fd, TIOCLINUX | 1UL << 32, &byte), -1);
        cr_expect_eq(errno, EPERM);
        cr_expect_eq(ioctl(fd, FIONREAD, &count), -1);
        cr_expect_eq(errno, ENOTTY);
        close(fd);
}

/* As the proxy does it: first the one, then the other. */
Test(privilege, all_of_it_together)
{
        make_folders();
        cr_assert_eq(chown(store_path, getpwnam("nobody")->pw_uid, 0), 0);
        cr_assert_eq(chmod(top, 0755), 0);
        cr_assert_eq(privilege_warden(&config, &why), 0, "%s", why);
        cr_assert_eq(privilege_proxy(&config, &why), 0, "%s", why);
        cr_assert_eq(privilege_confine(&config, &why), 0, "%s", why);
        cr_expect_eq(make_file(store_path), 0);
        cr_expect_eq(make_file("/tmp"), EACCES);
        expect_socket(AF_PACKET, SOCK_RAW, EPERM);
}
