/* The traces of the table: see trace.h. */
#ifndef RATIO_TRACES_H
#define RATIO_TRACES_H

#include "tests/bench/ratio/trace.h"

struct trace_case {
        struct trace_spec spec;
        unsigned store_mib;
};

extern const struct trace_case traces[];
extern const size_t traces_count;

#endif
