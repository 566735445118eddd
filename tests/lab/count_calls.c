/* Counts what a program allocates and locks: preloaded into it (ld.so(8)), it counts the calls of each kind in a file
 * that LAB_COUNTS names, where a test reads them while the program runs. One page, mapped before the program gives up
 * its rights, shared by all of its processes and threads. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALLOCATIONS, LOCKS, KINDS, PAGE = 4096 };

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static _Atomic uint64_t nobody_reads[KINDS], *counts = nobody_reads;

static void count(int kind)
{
        atomic_fetch_add_explicit(&counts[kind], 1, memory_order_relaxed);
}

__attribute__((constructor)) static void begin(void)
{
        const char *name = getenv("LAB_COUNTS");
        int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
        void *page = fd >= 0 ? mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

        if (page != MAP_FAILED)
                counts = page;
        if (fd >= 0)
                close(fd);
}

void *malloc(size_t size)
{
        count(ALLOCATIONS);
        return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
        count(ALLOCATIONS);
        return __libc_calloc(n, size);
}

void *realloc(void *at, size_t size)
{
        count(ALLOCATIONS);
        return __libc_realloc(at, size);
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
        static int (*_Atomic real)(pthread_mutex_t *);
        int (*lock)(pthread_mutex_t *) = atomic_load(&real);

        if (!lock) {
                lock = (int (*)(pthread_mutex_t *))(uintptr_t)dlsym(RTLD_NEXT, "pthread_mutex_lock");
                atomic_store(&real, lock);
        }
        count(LOCKS);
        return lock(m);
}
