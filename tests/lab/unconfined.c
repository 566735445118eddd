/* Lets the proxy start under valgrind, which stands between it and the kernel and knows no seccomp(2): preloaded into
 * the program (ld.so(8)), it says that the filter of system calls was loaded. The program itself never goes on
 * unconfined. */
#include <seccomp.h>

/* Asks the kernel whether it has what is set. */
int seccomp_attr_set(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value)
{
        (void)ctx;
        (void)attr;
        (void)value;
        return 0;
}

int seccomp_load(const scmp_filter_ctx ctx)
{
        (void)ctx;
        return 0;
}
