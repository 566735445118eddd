/* Every key of the configuration: its default, its range, and where its value goes. */
#ifndef PROXY_CONFIG_KEYS_H
#define PROXY_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "proxy/config.h"
#include "proxy/config_tree.h"

/* A configuration, and what there is besides while it is read and as long as it lives. */
struct config_owned {
        struct config config;        /* first: what is handed out */
        int via;                     /* index into the words of origin.via */
        struct config_block *blocks; /* all that the configuration points to */
};

enum config_type {
        CONFIG_BOOL,  /* bool */
        CONFIG_U16,   /* uint16_t */
        CONFIG_U32,   /* unsigned */
        CONFIG_SIZE,  /* uint64_t */
        CONFIG_MS,    /* unsigned, milliseconds */
        CONFIG_WORD,  /* int: which of the words */
        CONFIG_FLAG,  /* bool: false for the first word, true for the second */
        CONFIG_TEXT,  /* const char * */
        CONFIG_TEXTS, /* const char *const *, and a size_t for their count */
        CONFIG_U16S   /* const uint16_t *, and a size_t */
};

struct config_key {
        struct config_key_name name;
        const char *otherwise; /* the default as it would stand in the file; NULL: an empty list */
        enum config_type type;
        size_t at, count_at; /* offsets in struct config_owned, of a store's keys in struct config_store */
        uint64_t min, max;
        const char *(*check)(const char *text); /* of texts; NULL or what is wrong */
        const char *const *words;
};

enum { CONFIG_KEYS = 38 };
extern const struct config_key config_keys[CONFIG_KEYS];

#endif
