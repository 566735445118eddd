/* seccomp: the calls by which a taken-over proxy would leave its place fail with EPERM. A list of what is denied, not
 * of what is allowed: libraries change their calls from one version to the next, and a cache that dies of an update is
 * worse than one with a call too many. What matters is short: running programs, other processes, namespaces and mounts,
 * the kernel's insides, and sockets of any kind but TCP, UDP and UNIX. */
#include "proxy/confine.h"

#include <errno.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "proxy/sanitizer.h"

static const int denied[] = {
        /* programs and other processes */
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(kcmp),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(process_madvise),
        /* namespaces, mounts, other ways to files */
        SCMP_SYS(unshare),
        SCMP_SYS(setns),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(move_mount),
        SCMP_SYS(open_tree),
        SCMP_SYS(fsopen),
        SCMP_SYS(fsconfig),
        SCMP_SYS(fsmount),
        SCMP_SYS(fspick),
        SCMP_SYS(mount_setattr),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(name_to_handle_at),
        SCMP_SYS(quotactl),
        SCMP_SYS(fanotify_init),
        SCMP_SYS(mknod),
        SCMP_SYS(mknodat),
        /* the machine */
        SCMP_SYS(reboot),
        SCMP_SYS(swapon),
        SCMP_SYS(swapoff),
        SCMP_SYS(acct),
        SCMP_SYS(sethostname),
        SCMP_SYS(setdomainname),
        SCMP_SYS(settimeofday),
        SCMP_SYS(clock_settime),
        SCMP_SYS(clock_adjtime),
        SCMP_SYS(adjtimex),
        SCMP_SYS(iopl),
        SCMP_SYS(ioperm),
        SCMP_SYS(syslog),
        SCMP_SYS(vhangup),
        /* the kernel's insides */
        SCMP_SYS(bpf),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(kexec_load),
        SCMP_SYS(kexec_file_load),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(delete_module),
        SCMP_SYS(add_key),
        SCMP_SYS(request_key),
        SCMP_SYS(keyctl),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(io_uring_enter),
        SCMP_SYS(io_uring_register),
        SCMP_SYS(modify_ldt),
        SCMP_SYS(personality),
        SCMP_SYS(lookup_dcookie),
        SCMP_SYS(nfsservctl),
        SCMP_SYS(migrate_pages),
        SCMP_SYS(move_pages),
};

static int deny(scmp_filter_ctx f, int call)
{
        int error = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), call, 0);

        return error == -EDOM ? 0 : error; /* this architecture has no such call */
}

static int deny_all(scmp_filter_ctx f)
{
        int error = SANITIZER ? 0 : deny(f, SCMP_SYS(ptrace));

        for (size_t i = 0; i < sizeof denied / sizeof denied[0] && !error; i++)
                error = deny(f, denied[i]);
        return error;
}

/* What is typed into a terminal that is the warden's too would be root's words (ioctl_tty(2)). The kernel looks at 32
 * bits of the request. */
static int deny_typing(scmp_filter_ctx f)
{
        const scmp_datum_t requests[] = {TIOCSTI, TIOCLINUX};
        int error = 0;

        for (size_t i = 0; i < sizeof requests / sizeof requests[0] && !error; i++)
                error = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                         SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
        return error;
}

/* Families: those of TCP, UDP and UNIX alone; types: neither raw nor packet, whatever flags come with them; no other
 * protocol of theirs. */
static int deny_sockets(scmp_filter_ctx f)
{
        const scmp_datum_t type_mask = 0xf;
        const scmp_datum_t types[] = {SOCK_RAW, SOCK_RDM, SOCK_DCCP, SOCK_PACKET}, inet[] = {AF_INET, AF_INET6};
        int error =
                seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_INET6));

        for (scmp_datum_t family = 0; family < AF_INET6 && !error; family++)
                if (family != AF_UNIX && family != AF_INET)
                        error = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                                 SCMP_A0(SCMP_CMP_EQ, family));
        for (size_t i = 0; i < sizeof types / sizeof types[0] && !error; i++)
                error = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                         SCMP_A1(SCMP_CMP_MASKED_EQ, type_mask, types[i]));
        if (!error) /* SCTP, MPTCP, … whose modules nobody else may need */
                error = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                         SCMP_A2(SCMP_CMP_GT, IPPROTO_UDP));
        for (size_t i = 0; i < sizeof inet / sizeof inet[0] && !error; i++)
                error = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, inet[i]),
                                         SCMP_A1(SCMP_CMP_MASKED_EQ, type_mask, SOCK_SEQPACKET));
        return error;
}

/* A thread may be started, a namespace not. The flags of clone3 lie in memory, where a filter cannot look: ENOSYS sends
 * libraries back to clone. */
static int deny_namespaces(scmp_filter_ctx f)
{
        const scmp_datum_t flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
                                      CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
        int error = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

        for (size_t i = 0; i < sizeof flags / sizeof flags[0] && !error; i++)
                error = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                         SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
        return error;
}

int confine_calls(const char **why)
{
        scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
        int error;

        *why = "the proxy's system calls cannot be limited (seccomp)";
        if (!f)
                return ENOMEM;
        error = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
        if (!error)
                error = deny_all(f);
        if (!error)
                error = deny_sockets(f);
        if (!error)
                error = deny_namespaces(f);
        if (!error)
                error = deny_typing(f);
        if (!error)
                error = seccomp_load(f);
        seccomp_release(f);
        if (!error)
                *why = NULL;
        return -error;
}
